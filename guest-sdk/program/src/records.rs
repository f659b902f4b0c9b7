//! What readers give: records and nodes, each read as far as its head.

use crate::bytes::Code;
use crate::error::ReadError;
use crate::function::Function;
use crate::layout::{self, FIELDS};
use crate::model::{LoopKind, Policy, Root, Select, Target};
#[cfg(doc)]
use crate::reader::Program;

/// The records of one entry.
#[derive(Debug, Clone, Copy)]
pub struct EntryCode<'p> {
    /// Its name.
    pub name: &'p str,
    /// Of [`Program::located`] records.
    pub vars: Blocks<'p>,
    /// Of [`Program::read_record`] records.
    pub reads: Blocks<'p>,
    /// Of [`Program::child`] records.
    pub children: Blocks<'p>,
    /// Of [`Program::status`] records.
    pub status: Blocks<'p>,
    /// Of [`Program::condition`] records.
    pub conditions: Blocks<'p>,
    /// Of [`Program::version`] records.
    pub versions: Blocks<'p>,
    /// Of [`Program::conversion`] records.
    pub conversions: Blocks<'p>,
    /// Of [`Program::mutation`] records.
    pub mutations: Blocks<'p>,
    /// Of [`Program::rule`] records.
    pub rules: Blocks<'p>,
    /// Of [`Program::requeue`] records.
    pub requeues: Blocks<'p>,
}

/// Keys, one after another: a path, or a set.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'p> {
    left: usize,
    code: Code<'p>,
}

impl<'p> Keys<'p> {
    /// How many are left.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn read(code: &mut Code<'p>) -> Result<Keys<'p>, ReadError> {
        let left = code.count()?;
        let keys = Keys { left, code: *code };
        for _ in 0..left {
            code.number()?;
        }
        Ok(keys)
    }

    /// The next one's reference.
    pub(crate) fn next_code(&mut self) -> Option<&mut Code<'p>> {
        self.left = self.left.checked_sub(1)?;
        Some(&mut self.code)
    }
}

/// A version of the primary's kind.
#[derive(Debug, Clone, Copy)]
pub struct VersionCode<'p> {
    /// Its name.
    pub name: &'p str,
    /// A [`Program::schema`].
    pub schema: Code<'p>,
}

/// How objects of one version become those of another.
#[derive(Debug, Clone, Copy)]
pub struct ConversionCode<'p> {
    /// The source's version.
    pub from: u16,
    /// The target's.
    pub to: u16,
    /// How many paths may get lost: so many [`Program::next_keys`].
    pub lossy: (usize, Code<'p>),
    /// A [`Program::made`].
    pub object: Code<'p>,
}

/// The head of a schema.
#[derive(Debug, Clone, Copy)]
pub struct SchemaNode<'p> {
    /// `null` is a value of it.
    pub nullable: bool,
    /// All else.
    pub shape: ShapeNode<'p>,
}

/// The type of a value.
#[derive(Debug, Clone, Copy)]
pub enum ShapeNode<'p> {
    /// Anything.
    Any,
    /// An object.
    Object(ObjectCode<'p>),
    /// The keys of its items, and the items' schema.
    List(Keys<'p>, Code<'p>),
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

/// The fields of an object's schema, sorted by name.
#[derive(Debug, Clone, Copy)]
pub struct ObjectCode<'p> {
    pub(crate) count: usize,
    /// What other fields may be; none: there may be none.
    pub others: Option<Code<'p>>,
    /// Where groups of fields begin, but for the first.
    pub(crate) groups: &'p [[u8; 4]],
    /// So many times a name and a block, which is a schema.
    pub(crate) fields: Code<'p>,
}

impl<'p> ObjectCode<'p> {
    pub(crate) fn read(code: &mut Code<'p>) -> Result<Self, ReadError> {
        let count = code.count()?;
        let others = if code.flag()? { Some(code.block()?) } else { None };
        let bytes = code.take(count.saturating_sub(1) / FIELDS * 4)?;
        let (groups, _) = bytes.as_chunks();
        Ok(Self { count, others, groups, fields: Code(core::mem::take(&mut code.0)) })
    }

    /// The fields from the first one of a group on.
    pub(crate) fn group(&self, number: usize) -> Result<Code<'p>, ReadError> {
        let Some(number) = number.checked_sub(1) else { return Ok(self.fields) };
        let start = self.groups.get(number).ok_or(ReadError::Truncated)?;
        let fields = self.fields.0.get(u32::from_le_bytes(*start) as usize..).ok_or(ReadError::Truncated)?;
        Ok(Code(fields))
    }
}

/// An object of a conversion's target. So many times a [`Program::string`] and a [`Program::made`] follow.
#[derive(Debug, Clone, Copy)]
pub struct MadeObjectCode<'p> {
    /// The source's object.
    pub from: Option<Keys<'p>>,
    /// Something of it goes elsewhere.
    pub taken: bool,
    /// What becomes of its other members.
    pub rest: Option<OthersCode<'p>>,
    /// How many members follow.
    pub members: usize,
}

/// Members that are copied without being named.
#[derive(Debug, Clone, Copy)]
pub struct OthersCode<'p> {
    /// Keys that are not.
    pub except: Keys<'p>,
    /// A [`Program::made`] of each value.
    pub value: Option<Code<'p>>,
}

/// A computed value of a conversion.
#[derive(Debug, Clone, Copy)]
pub struct GivenCode<'p> {
    /// A fragment must have all sources.
    pub whole: bool,
    /// So many [`Program::next_source`].
    pub sources: (usize, Code<'p>),
    /// A [`Program::schema`].
    pub schema: Option<Code<'p>>,
    /// A [`Program::template`].
    pub value: Code<'p>,
}

/// A known number of blocks.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<'p> {
    left: usize,
    code: Code<'p>,
}

impl<'p> Blocks<'p> {
    /// How many are left.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn read(code: &mut Code<'p>) -> Result<Blocks<'p>, ReadError> {
        let left = code.count()?;
        if left > layout::MAX_ITEMS {
            return Err(ReadError::TooManyItems);
        }
        let blocks = Blocks { left, code: *code };
        for _ in 0..left {
            code.block()?;
        }
        Ok(blocks)
    }
}

impl<'p> Iterator for Blocks<'p> {
    type Item = Code<'p>;

    fn next(&mut self) -> Option<Code<'p>> {
        self.left = self.left.checked_sub(1)?;
        // The blocks' lengths were checked when the entry was read.
        self.code.block().ok()
    }
}

/// The template of a child.
#[derive(Debug, Clone, Copy)]
pub struct ChildCode<'p> {
    /// Unique in the entry.
    pub id: &'p str,
    /// What the host does when it differs.
    pub policy: Policy,
    /// Child numbers.
    pub requires: Numbers<'p>,
    /// Read numbers.
    pub reads: Numbers<'p>,
    /// One child for each element.
    pub for_each: Option<ForEachCode<'p>>,
    /// A [`Program::located`] record.
    pub when: Option<Code<'p>>,
    /// A [`Program::located`] record.
    pub ready_when: Option<Code<'p>>,
    /// A [`Program::template`].
    pub manifest: Code<'p>,
}

/// One child for each element.
#[derive(Debug, Clone, Copy)]
pub struct ForEachCode<'p> {
    /// A [`Program::located`] record.
    pub range: Code<'p>,
    /// A [`Program::located`] record.
    pub key: Option<Code<'p>>,
}

/// Numbers of children, or of reads, that something uses.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'p> {
    left: usize,
    code: Code<'p>,
}

impl<'p> Numbers<'p> {
    pub(crate) fn read(code: &mut Code<'p>) -> Result<Numbers<'p>, ReadError> {
        let left = code.count()?;
        let numbers = Numbers { left, code: *code };
        for _ in 0..left {
            code.short()?;
        }
        Ok(numbers)
    }
}

impl Iterator for Numbers<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        self.left = self.left.checked_sub(1)?;
        self.code.short().ok()
    }
}

/// A single expression.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationCode<'p> {
    /// What the caller asks for it by.
    pub name: &'p str,
    pub(crate) bindings: usize,
    pub(crate) names: Code<'p>,
    /// A [`Program::located`] record.
    pub value: Code<'p>,
}

/// An expression and its place.
#[derive(Debug, Clone, Copy)]
pub struct LocatedCode<'p> {
    /// The place that a failure names.
    pub at: &'p str,
    /// One expression, perhaps followed by something else.
    pub expr: Code<'p>,
}

/// A computed value in a template. The expression follows.
#[derive(Debug, Clone, Copy)]
pub struct HoleCode<'p> {
    /// The place that a failure names.
    pub at: &'p str,
    /// The type that the place asks for.
    pub target: Target,
    /// The value may be absent.
    pub absent: bool,
}

/// The head of a template.
#[derive(Debug, Clone, Copy)]
pub enum TemplateNode<'p> {
    /// JSON text.
    Raw(&'p str),
    /// An expression follows.
    Hole(HoleCode<'p>),
    /// So many times a [`Program::string`] and a template follow.
    Object(usize),
    /// So many templates follow.
    List(usize),
    /// A key below `data`, and the template of what it is made of.
    Once(&'p str, Code<'p>),
}

/// The head of a value that a conversion makes.
#[derive(Debug, Clone, Copy)]
pub enum MadeNode<'p> {
    /// The source's value at a path.
    Copy(Keys<'p>),
    /// An object.
    Object(MadeObjectCode<'p>),
    /// A list of the source, and a [`Program::made`] of each item.
    Each(Keys<'p>, Code<'p>),
    /// A computed value.
    Given(GivenCode<'p>),
}

/// The head of an expression. Operands that are not part of it follow in the code.
#[derive(Debug, Clone, Copy)]
pub enum Node<'p> {
    /// A constant.
    Null,
    /// A constant.
    Bool(bool),
    /// A constant.
    Int(i64),
    /// A constant.
    Uint(u64),
    /// A constant.
    Double(f64),
    /// A constant.
    String(&'p str),
    /// A constant.
    Bytes(&'p [u8]),
    /// A type's name.
    Type(&'p str),
    /// Nanoseconds, little-endian. A reference, because nodes lie on the stack of every level of an evaluation.
    Duration(&'p [u8; 16]),
    /// Nanoseconds since the Unix epoch, likewise.
    Timestamp(&'p [u8; 16]),
    /// A variable of the request.
    Root(Root),
    /// A named value.
    Var(u16),
    /// An observed child.
    Child(u16),
    /// What a read gave.
    Read(u16),
    /// A binding.
    Binding(u16),
    /// A local.
    Local(u16),
    /// The slot and its first value; the body follows.
    Bind(u16, Code<'p>),
    /// The operand follows.
    Select(Select, &'p str),
    /// Operand and index follow; `true`: `[?…]`.
    Index(bool),
    /// So many times a flag (optional) and an expression follow.
    List(usize),
    /// So many times a flag (optional), a key and a value follow.
    Map(usize),
    /// Two operands.
    And(Code<'p>, Code<'p>),
    /// Two operands.
    Or(Code<'p>, Code<'p>),
    /// Condition and branches.
    Cond(Code<'p>, Code<'p>, Code<'p>),
    /// So many arguments follow.
    Call(Function, usize),
    /// A function that may do without its second argument.
    LazyCall(Function, Code<'p>, Code<'p>),
    /// To be read with [`Program::macro_loop`].
    Loop(Code<'p>),
    /// To be read with [`Program::fold`].
    Fold(Code<'p>),
    /// Value and fallback.
    Default(Code<'p>, Code<'p>),
    /// So many parts follow.
    Concat(usize),
}

/// A macro over a list or map.
#[derive(Debug, Clone, Copy)]
pub struct LoopCode<'p> {
    /// Which macro.
    pub kind: LoopKind,
    /// The first variable.
    pub slot: u16,
    /// The second variable.
    pub slot2: Option<u16>,
    /// What it runs over.
    pub range: Code<'p>,
    /// Which elements count.
    pub predicate: Option<Code<'p>>,
    /// What each gives.
    pub result: Option<Code<'p>>,
}

/// A general comprehension.
#[derive(Debug, Clone, Copy)]
pub struct FoldCode<'p> {
    /// The first variable.
    pub slot: u16,
    /// The second variable.
    pub slot2: Option<u16>,
    /// The accumulator.
    pub accumulator: u16,
    /// What it runs over.
    pub range: Code<'p>,
    /// The accumulator's first value.
    pub init: Code<'p>,
    /// Whether to go on.
    pub condition: Code<'p>,
    /// The accumulator's next value.
    pub step: Code<'p>,
    /// The result.
    pub result: Code<'p>,
}
