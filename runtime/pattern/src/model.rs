//! The checked pattern: every name resolved, every expression typed, every short form a whole manifest.
//! This is what the compiler lowers, and what the operator's configuration is taken from.

mod api;
mod reads;

use std::sync::Arc;
use std::time::Duration;

use crate::capability::Capability;
use crate::cel::{Checked, Source};
use crate::schema::Schema;
use crate::source::Span;

pub use api::Api;
pub(crate) use api::api_version;
pub use reads::{Elsewhere, Operator, Read, Requirement, Selector, Which};

/// A whole pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// `metadata.name`: a DNS label.
    pub name: String,
    /// `metadata.version`: the pattern's, not the application's.
    pub version: semver::Version,
    /// What its author says of it.
    pub about: About,
    /// What a Komposer may set.
    pub inputs: Vec<Input>,
    /// What its hooks ask for, sorted by word.
    pub capabilities: Vec<Capability>,
    /// The CRDs of `crd.yaml`, as JSON, in the file's order.
    pub crds: Vec<serde_json::Value>,
    /// Those of `foreign.yaml`: of kinds of others, for their types alone.
    pub foreign: Vec<serde_json::Value>,
    /// `spec.crds`, in the Katalog's order.
    pub entries: Vec<Entry>,
}

/// The part of `metadata` that is for people and catalogues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// `description`: one line.
    pub description: Option<String>,
    /// `license`: an SPDX expression, as written.
    pub license: Option<String>,
    /// `keywords`, in the author's order.
    pub keywords: Vec<String>,
}

/// One item of `spec.inputs`.
#[derive(Debug, Clone)]
pub struct Input {
    /// The name in `inputs.<name>`.
    pub name: String,
    /// JSON Schema of its value.
    pub schema: serde_json::Value,
    /// Its value where the Komposer gives none; none: the Komposer must give one.
    pub default: Option<serde_json::Value>,
}

/// One item of `spec.crds`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The primary's kind.
    pub api: Api,
    /// The kind is not the pattern's own: its objects are decorated, and nothing of them is written but a finalizer.
    pub foreign: bool,
    /// Which objects of the kind are reconciled; none: all. There is one where the kind is not the pattern's own.
    pub selector: Option<Selector<String>>,
    /// Its objects as expressions see them: with `metadata`, and with what mutations give.
    pub schema: Arc<Schema>,
    /// Concurrent reconciles.
    pub workers: u16,
    /// Time between full reconciles of an object.
    pub resync: Duration,
    /// How it runs beside that.
    pub running: Running,
    /// The points at which code beside the Katalog is called; none: there are none.
    pub hook: Option<Hook>,
    /// In an order in which each reads only earlier ones.
    pub vars: Vec<Var>,
    /// `reads`: existing objects that are not ours.
    pub reads: Vec<Read>,
    /// In the order in which they are applied: each reads only earlier ones.
    pub children: Vec<Child>,
    /// Sorted by path.
    pub status: Vec<StatusField>,
    /// `status.conditions`: those beside the host's own, each type once.
    pub conditions: Vec<Condition>,
    /// The versions that objects are converted between, the storage version first; none where nothing is converted.
    pub versions: Vec<Version>,
    /// The ways from each other version to the storage version, and back.
    pub conversions: Vec<Conversion>,
    /// The resource's own values that decide over rights, sorted by path and place.
    pub flows: Vec<Flow>,
    /// `mutation`: values that a resource is given, sorted by path. None is a prefix of another.
    pub mutations: Vec<Mutation>,
    /// `validation`: what must be true of a resource.
    pub rules: Vec<Rule>,
    /// `requeue`: when a resource is looked at again.
    pub requeues: Vec<Requeue>,
}

/// How an entry runs, whatever it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// Entries that it begins after, and what each has to be.
    pub depends_on: Vec<(String, Awaits)>,
    /// Namespaces in which nothing is done; `*` stands for any letters.
    pub restricted_namespaces: Vec<String>,
    /// When it is not healthy.
    pub queue: Queue,
}

/// What an entry has to be before another one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// Its watches have read their first lists.
    Started,
    /// It has worked through what there is, and [`Queue`] does not say otherwise.
    Healthy,
}

/// When an entry is not healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// How many objects may wait; 0: any number.
    pub max_depth: u16,
    /// How many reconciles may fail one after another.
    pub failure_threshold: u16,
}

impl Default for Queue {
    fn default() -> Self {
        Self { max_depth: 0, failure_threshold: 5 }
    }
}

/// One of `mutation`. Its value uses the resource as it was sent and `inputs`, and no field that a mutation gives.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// By which a Komposer overrides it.
    pub name: Option<String>,
    /// The keys from the resource's root.
    pub path: Vec<String>,
    /// It takes the place of a value that is there.
    pub overrides: bool,
    /// The place of its field: `katalog.yaml:12:8`.
    pub at: String,
    /// The value.
    pub value: Node,
}

/// One of `validation`. It uses neither children nor reads nor what a hook gives.
#[derive(Debug, Clone)]
pub struct Rule {
    /// By which a Komposer overrides it.
    pub name: Option<String>,
    /// The field that it is about, as a path from the resource's root; empty: none in particular.
    pub field: String,
    /// What breaks it is refused; otherwise it is warned of.
    pub deny: bool,
    /// A boolean.
    pub holds: Checked,
    /// What is said where it does not hold.
    pub message: Text,
}

/// One of `requeue`.
#[derive(Debug, Clone)]
pub struct Requeue {
    /// Ids of the children that it reads, sorted.
    pub requires: Vec<String>,
    /// Ids of the reads that it uses and that are not optional, sorted.
    pub reads: Vec<String>,
    /// A boolean.
    pub when: Checked,
    /// How long after the reconcile.
    pub after: Duration,
}

/// The points at which a hook is called, at least one.
#[derive(Debug, Clone, Default)]
pub struct Hook {
    /// What it gives before templates are rendered; empty: it is not called there.
    pub values: Vec<HookValue>,
    /// What it may make of the children afterwards.
    pub after_render: Option<AfterRender>,
    /// It looks for what is wrong with a resource.
    pub validate: bool,
    /// It has work to do before a resource goes.
    pub finalize: bool,
    /// It changes converted objects.
    pub convert: bool,
}

/// What a hook may make of the children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterRender {
    /// Ids of the children that it is shown, and that it may change or leave out.
    pub children: Vec<String>,
    /// Those that it may add.
    pub produces: Vec<Produced>,
}

/// A child that has no template. It is applied after all others, corrected and pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// Unique among all children of the entry.
    pub id: String,
    /// The place of its declaration: `katalog.yaml:12:8`.
    pub at: String,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// There may be any number of them, each with a key.
    pub many: bool,
}

/// A value that a hook gives.
#[derive(Debug, Clone)]
pub struct HookValue {
    /// The name in `hook.<name>`.
    pub name: String,
    /// What it must be.
    pub schema: Arc<Schema>,
}

impl Hook {
    /// The keys of its points below `hooks`.
    pub fn points(&self) -> Vec<&'static str> {
        let points = [
            ("beforeRender", !self.values.is_empty()),
            ("afterRender", self.after_render.is_some()),
            ("validate", self.validate),
            ("finalize", self.finalize),
            ("convert", self.convert),
        ];
        points.into_iter().filter_map(|(point, called)| called.then_some(point)).collect()
    }

    /// The children that it may add.
    pub fn produces(&self) -> &[Produced] {
        self.after_render.as_ref().map_or(&[], |after| &after.produces)
    }

    /// What is wrong with what a hook gave: one object, a value of its schema for each name, and nothing else.
    ///
    /// # Errors
    /// The first thing that is wrong, with its path and without its value, which may be a secret.
    pub fn check(&self, given: &serde_json::Value) -> Result<(), String> {
        let object = given.as_object().ok_or("it is no object")?;
        if let Some(other) = object.keys().find(|key| self.values.iter().all(|value| value.name != **key)) {
            return Err(format!("`{other}` is not declared"));
        }
        for HookValue { name, schema } in &self.values {
            let value = object.get(name).ok_or_else(|| format!("`{name}` is absent"))?;
            if let Some(path) = crate::proof::invalid(schema, value) {
                let path = [std::slice::from_ref(name), path.as_slice()].concat();
                return Err(format!("`{}` is not of its schema", path.join(".")));
            }
        }
        Ok(())
    }
}

/// A sensitive flow: a value of the resource, which a tenant writes, reaches a field that decides what somebody may do; or
/// a child or read lies outside of the resource's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Where the value lies: `spec.serviceAccount`; `reads.<id>` where it is not the resource's but an object's beside it;
    /// `elsewhere.<id>` of a child or read outside of the resource's namespace.
    pub path: String,
    /// The value is a tenant's; otherwise it is about where the pattern itself reaches.
    pub tenant: bool,
    /// The child or read that it reaches, by its id.
    pub into: String,
    /// The field there: `spec.template.spec.serviceAccountName`.
    pub field: String,
    /// What the field decides, in words: `whose rights its pods have`.
    pub decides: &'static str,
    /// The place of the field's value: `katalog.yaml:12:8`.
    pub at: String,
    /// The same.
    pub span: Span,
}

impl Entry {
    /// Each id of a child with its API version and kind: those with templates, in their order, and then those that hooks add.
    pub fn child_kinds(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let written = self.children.iter().map(|child| (&*child.id, &*child.api_version, &*child.kind));
        let produced = self.hook.iter().flat_map(Hook::produces);
        written.chain(produced.map(|child| (&*child.id, &*child.api_version, &*child.kind)))
    }
}

impl Flow {
    /// The word that allows it: `flow:spec.serviceAccount`. It is for the path, wherever the value goes.
    pub fn grant(&self) -> String {
        format!("flow:{}", self.path)
    }
}

/// A version of the primary's kind.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its name: `v1`.
    pub name: String,
    /// What a conversion sees of its objects: all but `apiVersion` and `kind`; of `metadata` labels and annotations alone.
    pub schema: Arc<Schema>,
}

/// The way from one version to another.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// The source's version.
    pub from: String,
    /// The target's version.
    pub to: String,
    /// The place of its path: `katalog.yaml:12:8`; of the path in the other direction where it is derived from that.
    pub at: String,
    /// The same.
    pub span: Span,
    /// It is the inverse of the path in the other direction.
    pub derived: bool,
    /// Fields of the source whose loss is intended.
    pub lossy: Vec<Vec<String>>,
    /// What it does, as an author would write it; for `spec` one line.
    pub rules: Vec<String>,
    /// How the target is made.
    pub object: Made,
}

/// How a value of a conversion's target is made. Paths begin where the source is: at the object, or at the item or value at hand.
#[derive(Debug, Clone)]
pub enum Made {
    /// The source's value, as it is.
    Copy(Vec<String>),
    /// An object.
    Object(MadeObject),
    /// A list, each item made from one of the source's.
    Each(Vec<String>, Box<Made>),
    /// A value that is computed.
    Given(Given),
}

/// An object of a conversion's target.
#[derive(Debug, Clone)]
pub struct MadeObject {
    /// The source's object that it stands for.
    pub from: Option<Vec<String>>,
    /// Something of that goes elsewhere: when it leaves it empty, it is left out.
    pub taken: bool,
    /// Its fields.
    pub members: Vec<(String, Made)>,
    /// Other members of the source's object.
    pub rest: Option<MadeRest>,
}

/// What becomes of members of the source's object that have no field of their own.
#[derive(Debug, Clone)]
pub struct MadeRest {
    /// Keys that are left out.
    pub except: Vec<String>,
    /// How a value is made; none: as it is.
    pub value: Option<Box<Made>>,
}

/// A computed value of a conversion's target.
#[derive(Debug, Clone)]
pub struct Given {
    /// What it reads.
    pub sources: Vec<Source>,
    /// A fragment must have all of it, not just some.
    pub whole: bool,
    /// What its place may hold.
    pub schema: Arc<Schema>,
    /// The value stands at an item of `each`, so that `item` is there.
    pub item: bool,
    /// How it is computed.
    pub value: Computed,
}

/// How a value is computed.
#[derive(Debug, Clone)]
pub enum Computed {
    /// As the author wrote it.
    Node(Node),
    /// A list of the one value.
    Wrap(Source),
    /// A list's first item.
    Unwrap(Source),
    /// Another value for each of some, and any other as it is, if it may stay.
    Table {
        /// The value.
        from: Source,
        /// Pairs of values.
        values: Vec<(serde_json::Value, serde_json::Value)>,
        /// A value that is not in the table stays.
        others: bool,
    },
    /// A part of a string.
    Part {
        /// The string.
        from: Source,
        /// What stands between the parts.
        by: String,
        /// Which part, from 0.
        number: usize,
        /// How many there are; the last one has the rest.
        of: usize,
    },
    /// Strings, numbers and booleans with a text between.
    Join {
        /// The values.
        from: Vec<Source>,
        /// The text.
        by: String,
    },
}

/// One of `vars`.
#[derive(Debug, Clone)]
pub struct Var {
    /// The name in `vars.<name>`.
    pub name: String,
    /// Its value.
    pub value: Text,
}

/// One template of a child, its short form rewritten.
#[derive(Debug, Clone)]
pub struct Child {
    /// Unique in the entry.
    pub id: String,
    /// The place of its template: `katalog.yaml:12:8`.
    pub at: String,
    /// The part of the Katalog that it stands in.
    pub policy: Policy,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// Ids of the children that it reads, sorted.
    pub requires: Vec<String>,
    /// Ids of the reads that it uses and that are not optional, sorted.
    pub reads: Vec<String>,
    /// `forEach`: one child for each element.
    pub for_each: Option<ForEach>,
    /// `when`, a boolean.
    pub when: Option<Checked>,
    /// `readyWhen`, a boolean over `self`.
    pub ready_when: Option<Checked>,
    /// `once`: a data key that the observed Secret has keeps its value; only the others are generated.
    pub once: bool,
    /// `deletionPolicy: retain`: no owner reference, never deleted by the runtime.
    pub retain: bool,
    /// `adopt`: an object of this name without a controller becomes ours.
    pub adopt: bool,
    /// `recreate`: a change of an immutable field deletes it and creates it again.
    pub recreate: bool,
    /// Of a namespaced primary: it may lie in another namespace, or in none.
    pub elsewhere: Option<Elsewhere>,
    /// `rotateAfter`: how long a value of `once` lives.
    pub rotate_after: Option<Duration>,
    /// `tls`: the certificate that the runtime puts into it.
    pub tls: Option<Tls>,
    /// The whole manifest, with `apiVersion`, `kind`, `metadata.name` and, for a namespaced kind, `metadata.namespace`.
    pub manifest: Node,
}

/// `tls`: a certificate that the runtime makes, and makes anew.
#[derive(Debug, Clone)]
pub struct Tls {
    /// None: the first of `dns_names`.
    pub common_name: Option<Text>,
    /// The names of a server.
    pub dns_names: Vec<Text>,
    /// How long it lives.
    pub valid_for: Duration,
}

/// `forEach`. In `when`, `readyWhen` and the manifest, `item` and [`ForEach::name`] are the element, `key` is its key.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// A list or a map; the elements of a map are its values.
    pub range: Checked,
    /// `as`, if it is given.
    pub name: Option<String>,
    /// The key of an element of a list, over `item`, a scalar. None: an element is a scalar and its own key, or the
    /// range is a map.
    pub key: Option<Checked>,
}

/// When a child is made, and what is done with one that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// `onCreate`: created when absent, never corrected.
    Create,
    /// `onReconcile`: drift is corrected, pruned when no longer rendered.
    Apply,
    /// `onDelete`: created when the primary is being deleted, and waited for.
    Delete,
}

/// One of `status.fields`.
#[derive(Debug, Clone)]
pub struct StatusField {
    /// The keys below `.status`.
    pub path: Vec<String>,
    /// Ids of the children that it reads, sorted.
    pub requires: Vec<String>,
    /// Ids of the reads that it uses and that are not optional, sorted.
    pub reads: Vec<String>,
    /// A boolean; false: it is left out.
    pub when: Option<Checked>,
    /// Its value.
    pub value: Node,
}

/// One of `status.conditions`.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Its type, in CamelCase.
    pub kind: String,
    /// Ids of the children that it reads, sorted.
    pub requires: Vec<String>,
    /// Ids of the reads that it uses and that are not optional, sorted.
    pub reads: Vec<String>,
    /// A boolean: its status is `True`, or `False`.
    pub when: Checked,
    /// One word in CamelCase; none: the type, with `Not` before it where the status is `False`.
    pub reason: Option<Text>,
    /// For people; may be empty.
    pub message: Text,
}

/// A YAML value in which strings may hold expressions.
#[derive(Debug, Clone)]
pub enum Node {
    /// A value without expressions.
    Plain(serde_json::Value),
    /// A string with at least one expression, and the type that its place asks for.
    Hole(Text, Target),
    /// In the source's order.
    Map(Vec<(String, Node)>),
    /// In the source's order.
    List(Vec<Node>),
}

/// The type that a hole's place asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Unknown, or structured: the expression's own type stays.
    Any,
    /// A scalar's text.
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

/// A string of the source that holds expressions.
#[derive(Debug, Clone)]
pub struct Text {
    /// The place of the string: `katalog.yaml:12:8`.
    pub at: String,
    /// Its parts; one that is a lone expression keeps that expression's type.
    pub parts: Vec<Part>,
}

/// A part of a string.
#[derive(Debug, Clone)]
pub enum Part {
    /// As written.
    Literal(String),
    /// `{{ expression }}`
    Expression(Box<Checked>),
}
