//! A program as the compiler builds it: plain owned data, resolved and typed, with no names left to look up but field names.

mod reads;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::function::Function;

pub use reads::{Operator, Read, Requirement, Selector, Which};

/// Everything that one component can do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Program {
    /// The pattern's entries, in the Katalog's order.
    pub entries: Vec<Entry>,
    /// Single expressions for the `evaluator` interface; empty in a shipped pattern.
    pub evaluations: Vec<Evaluation>,
}

/// How one kind of custom resource is reconciled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// The entry's name in `spec.crds`.
    pub name: String,
    /// Values of `vars`, each computed at most once a call, at its first use. A variable reads only lower indexes.
    pub vars: Vec<Located>,
    /// Objects of others that the entry sees. The kinds are the host's to know.
    pub reads: Vec<Read>,
    /// Templates of children, in the order in which they are applied.
    pub children: Vec<Child>,
    /// Fields below `.status`, sorted by path. No path is a prefix of another.
    pub status: Vec<StatusField>,
    /// Conditions beside the host's own, each type once.
    pub conditions: Vec<Condition>,
    /// The versions between which objects are converted, the storage version first; none where nothing is converted.
    pub versions: Vec<Version>,
    /// For each other version the ways to the storage version and back.
    pub conversions: Vec<Conversion>,
    /// Values that the primary is given before anything else is looked at, sorted by path. No path is a prefix of another.
    pub mutations: Vec<Mutation>,
    /// What must be true of the primary.
    pub rules: Vec<Rule>,
    /// When the primary is looked at again, though nothing has changed.
    pub requeues: Vec<Requeue>,
}

/// A value that the primary is given. Its expressions use neither children nor reads, and no value that any mutation gives: so
/// all of them together give the same when they are done twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// The keys from the object's root; at least one.
    pub path: Vec<String>,
    /// It takes the place of a value that is there.
    pub overrides: bool,
    /// The value.
    pub value: Template,
}

/// Something that must be true of the primary. It uses neither children nor reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The field that it is about, as a path from the object's root; empty: none in particular.
    pub field: String,
    /// What breaks it is refused; otherwise it is warned of.
    pub deny: bool,
    /// A boolean.
    pub holds: Located,
    /// What is said where it does not hold.
    pub message: Located,
}

/// When the primary is looked at again.
#[derive(Debug, Clone, PartialEq)]
pub struct Requeue {
    /// As for a child: until each is observed it does not count.
    pub requires: Vec<u16>,
    /// Likewise of reads.
    pub reads: Vec<u16>,
    /// A boolean.
    pub when: Located,
    /// Milliseconds.
    pub after: u64,
}

/// A version of the primary's kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its name: `v1`.
    pub name: String,
    /// What its objects look like, without `apiVersion` and `kind`; of `metadata` labels and annotations alone.
    pub schema: Schema,
}

/// How objects of one version become those of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// The source's version, by index.
    pub from: u16,
    /// The target's version, by index.
    pub to: u16,
    /// Paths of the source whose values may get lost; the items of a list have no step of their own.
    pub lossy: Vec<Vec<String>>,
    /// The target without `apiVersion` and `kind`; of `metadata` labels and annotations alone.
    pub object: Made,
}

/// What a JSON value looks like, as far as conversions ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// `null` is a value of it.
    pub nullable: bool,
    /// All else.
    pub shape: Shape,
}

/// The type of a value, and those of its parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Anything.
    Any,
    /// An object: its fields by name, sorted, and what other fields it may have; none: no others.
    Object(BTreeMap<String, Schema>, Option<Box<Schema>>),
    /// A list. Where there are keys, items with equal values of them are the same item.
    List(Box<Schema>, Vec<String>),
    /// A string.
    String,
    /// An integer.
    Int,
    /// A number.
    Number,
    /// A boolean.
    Bool,
    /// An integer or a string.
    IntOrString,
}

/// One template of a child, or of a child for each element.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Unique in the entry.
    pub id: String,
    /// When it is made, and what the host does when it differs.
    pub policy: Policy,
    /// Indexes of children that this template reads. Until each is observed, this child is pending.
    pub requires: Vec<u16>,
    /// Indexes of reads that this template uses and cannot do without. Until the request has each, this child is pending.
    pub reads: Vec<u16>,
    /// One child for each element. In the child's other expressions the element is the local of slot 0 and its key, a
    /// string, that of slot 1; slots of macros and of `cel.bind` come after them.
    pub for_each: Option<ForEach>,
    /// False: this child is not listed in the plan, and so pruned or left alone.
    pub when: Option<Located>,
    /// Whether the child as observed ([`Root::This`]) is ready. Evaluated only where it is observed.
    pub ready_when: Option<Located>,
    /// The object.
    pub manifest: Template,
}

impl Child {
    /// A child that is always wanted and reads nothing but the primary.
    pub fn new(id: &str, policy: Policy, manifest: Template) -> Child {
        let id = id.into();
        Child {
            id,
            policy,
            requires: Vec::new(),
            reads: Vec::new(),
            for_each: None,
            when: None,
            ready_when: None,
            manifest,
        }
    }
}

/// One child for each element of a list or map.
#[derive(Debug, Clone, PartialEq)]
pub struct ForEach {
    /// The list, or the map, whose elements are its values. It has no element itself.
    pub range: Located,
    /// The key of an element of a list, over slot 0. None: a map's key, or the text of a scalar.
    pub key: Option<Located>,
}

/// What the host does with a child that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Created when absent, never corrected.
    Create,
    /// Drift is corrected; pruned when no longer listed.
    Apply,
    /// Created when the primary is being deleted, and waited for.
    Delete,
}

/// One field below `.status`.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusField {
    /// The keys from `.status` down; at least one.
    pub path: Vec<String>,
    /// As for a child: until each is observed the field is pending.
    pub requires: Vec<u16>,
    /// Likewise of reads.
    pub reads: Vec<u16>,
    /// False: it is left out.
    pub when: Option<Located>,
    /// Its value.
    pub value: Template,
}

/// One condition beside the host's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Its type.
    pub kind: String,
    /// As for a child: until each is observed the condition is not listed.
    pub requires: Vec<u16>,
    /// Likewise of reads.
    pub reads: Vec<u16>,
    /// Whether its status is `True` or `False`.
    pub when: Located,
    /// A text; none: the type, with `Not` before it where the status is `False`.
    pub reason: Option<Located>,
    /// A text.
    pub message: Located,
}

/// A JSON value with holes.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// A static value: compact JSON text.
    Raw(String),
    /// A computed value.
    Hole(Hole),
    /// An object whose keys are static. One that loses all its members to absence is left out itself.
    Object(Vec<(String, Template)>),
    /// A list. An item that is absent is left out.
    List(Vec<Template>),
    /// A value below `data` of a `once` Secret.
    Once(Once),
}

/// A value of a conversion's target.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// The source's value at a path, as it is, null and empty ones included.
    Copy(Vec<String>),
    /// An object.
    Object(MadeObject),
    /// A list whose items are made from those of the source's list.
    Each(Each),
    /// A value that is computed.
    Given(Given),
}

/// An object of a conversion's target. Paths begin where the source is: at the object's root, or at an item of [`Each`].
#[derive(Debug, Clone, PartialEq)]
pub struct MadeObject {
    /// The source's object that it stands for. It is there where that one is, or where one of its members is.
    pub from: Option<Vec<String>>,
    /// Something of the source's object goes elsewhere: when that leaves it empty, it is left out.
    pub taken: bool,
    /// Members that are made.
    pub members: Vec<(String, Made)>,
    /// What becomes of the other members of the source's object; none: they are left out.
    pub rest: Option<Others>,
}

/// Members of a source's object that are copied without being named.
#[derive(Debug, Clone, PartialEq)]
pub struct Others {
    /// Keys that are not.
    pub except: Vec<String>,
    /// How each value is made, with the source at the value; none: as it is.
    pub value: Option<Box<Made>>,
}

/// The items of a list, each made from an item of the source. In expressions the item is the local of slot 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Each {
    /// The source's list.
    pub from: Vec<String>,
    /// An item, with the source at the item.
    pub item: Box<Made>,
}

/// A computed value. In a fragment it is there only where one of its sources is, and where it fails for the absence of
/// another one it is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Paths that it reads.
    pub sources: Vec<Source>,
    /// A fragment must have all of them.
    pub whole: bool,
    /// The value's type, where the expression alone does not say it.
    pub schema: Option<Schema>,
    /// The value.
    pub value: Box<Template>,
}

/// A path that a computed value reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// It begins at the item of [`Each`], not at the object's root.
    pub item: bool,
    /// The keys.
    pub path: Vec<String>,
}

/// A value that is made once: where the observed child has this key below `data`, it stays as it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Once {
    /// The key.
    pub key: String,
    /// What it is made of where the observed child does not have it.
    pub value: Box<Template>,
}

/// A computed value in a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Hole {
    /// The expression. Where [`Hole::absent`] is set it is an optional: none and null leave the key or item out.
    pub value: Located,
    /// The type that the place asks for.
    pub target: Target,
    /// The expression is a lone path, which may be absent; an empty map counts as absent too.
    pub absent: bool,
}

/// The type that the place of a hole asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Whatever the expression gives.
    Any,
    /// A scalar's text.
    String,
    /// An integer, or a string that parses as one.
    Int,
    /// A number, or a string that parses as one.
    Number,
    /// A boolean, or a string that parses as one.
    Bool,
    /// An integer or a string, as it is (Kubernetes' `IntOrString`): text that is all digits becomes an integer.
    IntOrString,
}

/// A single expression for the `evaluator` interface.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// What the caller asks for it by.
    pub name: String,
    /// Names of the bindings that [`Expr::Binding`] counts.
    pub bindings: Vec<String>,
    /// The expression.
    pub value: Located,
}

/// An expression and the place that a failure names.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// `katalog.yaml:12:8`, or a name given by the caller.
    pub at: String,
    /// The expression.
    pub expr: Expr,
}

/// A CEL expression, resolved: identifiers are slots, macros are loops, overloads are left to the values' own types.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `null`
    Null,
    /// `true`
    Bool(bool),
    /// `1`
    Int(i64),
    /// `1u`
    Uint(u64),
    /// `1.0`
    Double(f64),
    /// `'a'`
    String(String),
    /// `b'a'`
    Bytes(Vec<u8>),
    /// A type's name as a value: `int`, `google.protobuf.Timestamp`.
    Type(String),
    /// A duration in nanoseconds.
    Duration(i128),
    /// A timestamp: nanoseconds since the Unix epoch.
    Timestamp(i128),
    /// A variable of the request.
    Root(Root),
    /// A named value of the entry, by index.
    Var(u16),
    /// The observed child of a template, by index: an object, or an optional none where the template is not observed.
    /// Of a template under [`ForEach`]: a map from key to object, of the wanted elements that are observed.
    Child(u16),
    /// What a read gave, by index: by name an object, or an optional none where there is none; by labels a list.
    Read(u16),
    /// A binding of an [`Evaluation`], by index.
    Binding(u16),
    /// A local of a macro or of `cel.bind`, by slot. Slots are numbered from the outside in.
    Local(u16),
    /// `cel.bind`
    Bind {
        /// The slot that `init` fills.
        slot: u16,
        /// The value, computed at its first use at the latest.
        init: Box<Expr>,
        /// Where it is visible.
        body: Box<Expr>,
    },
    /// `operand.field`, `operand.?field`, `has(operand.field)`
    Select {
        /// The object or map.
        operand: Box<Expr>,
        /// The key.
        field: String,
        /// Which of the three.
        mode: Select,
    },
    /// `operand[index]`, `operand[?index]`
    Index {
        /// The list or map.
        operand: Box<Expr>,
        /// The position or key.
        index: Box<Expr>,
        /// The second form.
        optional: bool,
    },
    /// `[a, ?b]`
    List(Vec<Item>),
    /// `{a: b, ?c: d}`
    Map(Vec<Pair>),
    /// `a && b`, in any order of evaluation that CEL allows.
    And(Box<Expr>, Box<Expr>),
    /// `a || b`
    Or(Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`
    Cond(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A function or operator.
    Call(Function, Vec<Expr>),
    /// A macro over a list or map.
    Loop(Box<Loop>),
    /// A comprehension that is none of the known macros.
    Fold(Box<Fold>),
    /// `value | default fallback`: the value unless it is none or null. The value of a path is compiled with optional selects.
    Default(Box<Expr>, Box<Expr>),
    /// The texts of scalars, one after another: `"{{ a }}-{{ b }}"`.
    Concat(Vec<Expr>),
}

/// How a field is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// An absent field is an error. On an optional operand the result is an optional.
    Strict,
    /// An absent field is none; a present one is wrapped.
    Optional,
    /// Whether it is there.
    Test,
}

/// A list's item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its value.
    pub value: Expr,
    /// `?value`: an optional, left out when it is none.
    pub optional: bool,
}

/// A map's entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its key.
    pub key: Expr,
    /// Its value.
    pub value: Expr,
    /// `?key: value`
    pub optional: bool,
}

/// A variable of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// All of the primary.
    Object,
    /// Its `metadata`.
    Metadata,
    /// Its `spec`.
    Spec,
    /// Its `status`.
    Status,
    /// The inputs.
    Inputs,
    /// The hooks' results.
    Hooks,
    /// The request's time, a timestamp.
    Now,
    /// The child that is being planned, as observed.
    This,
}

/// A macro over a list (one variable: the item; two: index and item) or a map (one: the key; two: key and value).
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// Which macro.
    pub kind: LoopKind,
    /// What it runs over.
    pub range: Expr,
    /// The slot of the first variable.
    pub slot: u16,
    /// The slot of the second, in the two-variable forms.
    pub slot2: Option<u16>,
    /// The predicate of `all exists existsOne filter`, and of the three-argument `map` and `transform…`.
    pub predicate: Option<Expr>,
    /// The result of `map transformList transformMap transformMapEntry`.
    pub result: Option<Expr>,
}

/// The macros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopKind {
    /// `all`
    All,
    /// `exists`
    Exists,
    /// `exists_one`, `existsOne`
    ExistsOne,
    /// `filter`
    Filter,
    /// `map`, `transformList`
    Map,
    /// `transformMap`
    TransformMap,
    /// `transformMapEntry`
    TransformMapEntry,
}

/// CEL's general comprehension.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold {
    /// What it runs over.
    pub range: Expr,
    /// The slot of the first variable.
    pub slot: u16,
    /// The slot of the second variable.
    pub slot2: Option<u16>,
    /// The slot of the accumulator.
    pub accumulator: u16,
    /// Its first value.
    pub init: Expr,
    /// The loop ends where this is false.
    pub condition: Expr,
    /// The accumulator's next value.
    pub step: Expr,
    /// The result, over the accumulator.
    pub result: Expr,
}
