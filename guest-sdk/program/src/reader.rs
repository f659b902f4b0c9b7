//! Bytes → nodes, one at a time and in place.

use crate::bytes::Code;
use crate::error::ReadError;
use crate::function::Function;
use crate::layout::{self, DIRECTORY_RECORD, HEADER, MAGIC, SECTIONS, VERSION, tag};
use crate::model::{LoopKind, Policy, Root, Select, Target};

/// A program's bytes, split into sections. Copying it copies references.
#[derive(Debug, Clone, Copy)]
pub struct Program<'p> {
    index: &'p [u8],
    pool: &'p [u8],
    entries: &'p [u8],
    evaluations: &'p [u8],
    code: &'p [u8],
}

/// The records of one entry.
#[derive(Debug, Clone, Copy)]
pub struct EntryCode<'p> {
    /// Its name.
    pub name: &'p str,
    /// Of [`Program::located`] records.
    pub vars: Blocks<'p>,
    /// Of [`Program::child`] records.
    pub children: Blocks<'p>,
    /// Of [`Program::status`] records.
    pub status: Blocks<'p>,
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

    fn read(code: &mut Code<'p>) -> Result<Blocks<'p>, ReadError> {
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
    /// Child numbers, to be read with [`Program::requires`].
    pub requires: Requires<'p>,
    /// A [`Program::located`] record.
    pub when: Option<Code<'p>>,
    /// A [`Program::template`].
    pub manifest: Code<'p>,
}

/// A field below `.status`.
#[derive(Debug, Clone, Copy)]
pub struct StatusCode<'p> {
    path_len: usize,
    path: Code<'p>,
    /// Child numbers.
    pub requires: Requires<'p>,
    /// A [`Program::template`].
    pub value: Code<'p>,
}

/// Numbers of children that something reads.
#[derive(Debug, Clone, Copy)]
pub struct Requires<'p> {
    left: usize,
    code: Code<'p>,
}

impl<'p> Requires<'p> {
    fn read(code: &mut Code<'p>) -> Result<Requires<'p>, ReadError> {
        let left = code.count()?;
        let requires = Requires { left, code: *code };
        for _ in 0..left {
            code.short()?;
        }
        Ok(requires)
    }
}

impl Iterator for Requires<'_> {
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
    bindings: usize,
    names: Code<'p>,
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

impl<'p> Program<'p> {
    /// Splits a program into its sections. The work does not grow with the program.
    ///
    /// # Errors
    /// If it is not a program of this version whose sections fill it.
    pub fn read(bytes: &'p [u8]) -> Result<Program<'p>, ReadError> {
        if bytes.len() > layout::MAX_PROGRAM {
            return Err(ReadError::TooLong);
        }
        let mut head = Code(bytes);
        if bytes.len() < HEADER || head.array::<4>()? != MAGIC {
            return Err(ReadError::NotAProgram);
        }
        let found = u16::from_le_bytes(head.array()?);
        if found != VERSION {
            return Err(ReadError::Version { found });
        }
        if head.array::<2>()? != [0, 0] {
            return Err(ReadError::NotAProgram);
        }
        let mut lengths = [0usize; SECTIONS];
        for length in &mut lengths {
            *length = u32::from_le_bytes(head.array()?) as usize;
        }
        let mut sections = [&[] as &[u8]; SECTIONS];
        for (section, length) in sections.iter_mut().zip(lengths) {
            *section = head.take(length).map_err(|_| ReadError::Sections)?;
        }
        head.finish().map_err(|_| ReadError::Sections)?;
        let [index, pool, entries, evaluations, code] = sections;
        let whole =
            index.len() % 4 == 0 && entries.len() % DIRECTORY_RECORD == 0 && evaluations.len() % DIRECTORY_RECORD == 0;
        if !whole {
            return Err(ReadError::Sections);
        }
        if entries.len().max(evaluations.len()) / DIRECTORY_RECORD > layout::MAX_ENTRIES {
            return Err(ReadError::TooManyEntries);
        }
        Ok(Program { index, pool, entries, evaluations, code })
    }

    /// How many strings the pool has.
    pub fn pool_len(&self) -> usize {
        self.index.len() / 4
    }

    /// How many bytes all code has.
    pub fn code_len(&self) -> usize {
        self.code.len()
    }

    fn pooled(&self, number: u64) -> Result<&'p [u8], ReadError> {
        let number = usize::try_from(number).map_err(|_| ReadError::Pool)?;
        let end = self.pool_end(number)?;
        let start = match number.checked_sub(1) {
            None => 0,
            Some(before) => self.pool_end(before)?,
        };
        self.pool.get(start..end).ok_or(ReadError::Pool)
    }

    fn pool_end(&self, number: usize) -> Result<usize, ReadError> {
        let at = number.checked_mul(4).ok_or(ReadError::Pool)?;
        let bytes = self.index.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(ReadError::Pool)?;
        Ok(u32::from_le_bytes(*bytes) as usize)
    }

    fn pooled_text(&self, number: u64) -> Result<&'p str, ReadError> {
        core::str::from_utf8(self.pooled(number)?).map_err(|_| ReadError::NotUtf8)
    }

    /// A reference to a pooled text.
    ///
    /// # Errors
    /// If it leads nowhere or to something else.
    #[inline]
    pub fn string(&self, code: &mut Code<'p>) -> Result<&'p str, ReadError> {
        self.pooled_text(code.number()?)
    }

    fn directory(&self, section: &'p [u8], number: usize) -> Result<Option<(&'p str, Code<'p>)>, ReadError> {
        let Some(record) = number.checked_mul(DIRECTORY_RECORD).and_then(|at| section.get(at..)) else {
            return Ok(None);
        };
        let mut record = Code(record);
        if record.is_empty() {
            return Ok(None);
        }
        let [name, start, len] = [record.array()?, record.array()?, record.array()?].map(u32::from_le_bytes);
        let (start, len) = (start as usize, len as usize);
        let end = start.checked_add(len).ok_or(ReadError::Truncated)?;
        let code = self.code.get(start..end).ok_or(ReadError::Truncated)?;
        Ok(Some((self.pooled_text(u64::from(name))?, Code(code))))
    }

    /// An entry by number; none past the last.
    ///
    /// # Errors
    /// If its record is malformed.
    pub fn entry(&self, number: usize) -> Result<Option<EntryCode<'p>>, ReadError> {
        let Some((name, mut code)) = self.directory(self.entries, number)? else { return Ok(None) };
        let vars = Blocks::read(&mut code)?;
        let children = Blocks::read(&mut code)?;
        let status = Blocks::read(&mut code)?;
        code.finish()?;
        Ok(Some(EntryCode { name, vars, children, status }))
    }

    /// An entry by name.
    ///
    /// # Errors
    /// If a record is malformed.
    pub fn entry_named(&self, name: &str) -> Result<Option<EntryCode<'p>>, ReadError> {
        let mut number = 0;
        while let Some((found, _)) = self.directory(self.entries, number)? {
            if found == name {
                return self.entry(number);
            }
            number += 1;
        }
        Ok(None)
    }

    /// An evaluation by number; none past the last.
    ///
    /// # Errors
    /// If its record is malformed.
    pub fn evaluation(&self, number: usize) -> Result<Option<EvaluationCode<'p>>, ReadError> {
        let Some((name, mut code)) = self.directory(self.evaluations, number)? else { return Ok(None) };
        let bindings = code.count()?;
        let names = code;
        for _ in 0..bindings {
            code.number()?;
        }
        Ok(Some(EvaluationCode { name, bindings, names, value: code }))
    }

    /// An evaluation by name.
    ///
    /// # Errors
    /// If a record is malformed.
    pub fn evaluation_named(&self, name: &str) -> Result<Option<EvaluationCode<'p>>, ReadError> {
        let mut number = 0;
        while let Some((found, _)) = self.directory(self.evaluations, number)? {
            if found == name {
                return self.evaluation(number);
            }
            number += 1;
        }
        Ok(None)
    }

    /// The name of a binding of an evaluation; none past the last.
    ///
    /// # Errors
    /// If its record is malformed.
    pub fn binding(&self, evaluation: &EvaluationCode<'p>, number: usize) -> Result<Option<&'p str>, ReadError> {
        if number >= evaluation.bindings {
            return Ok(None);
        }
        let mut names = evaluation.names;
        for _ in 0..number {
            names.number()?;
        }
        self.string(&mut names).map(Some)
    }

    /// A child's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn child(&self, mut code: Code<'p>) -> Result<ChildCode<'p>, ReadError> {
        let id = self.string(&mut code)?;
        let policy = match code.byte()? {
            0 => Policy::Create,
            1 => Policy::Apply,
            _ => return Err(ReadError::Number),
        };
        let requires = Requires::read(&mut code)?;
        let when = if code.flag()? { Some(code.block()?) } else { None };
        Ok(ChildCode { id, policy, requires, when, manifest: code })
    }

    /// A status field's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn status(&self, mut code: Code<'p>) -> Result<StatusCode<'p>, ReadError> {
        let path_len = code.count()?;
        let path = code;
        for _ in 0..path_len {
            code.number()?;
        }
        let requires = Requires::read(&mut code)?;
        Ok(StatusCode { path_len, path, requires, value: code })
    }

    /// The keys of a status field's path.
    pub fn path(&self, status: &StatusCode<'p>) -> impl Iterator<Item = Result<&'p str, ReadError>> + use<'p> {
        let program = *self;
        let mut code = status.path;
        (0..status.path_len).map(move |_| program.string(&mut code))
    }

    /// A located expression's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn located(&self, mut code: Code<'p>) -> Result<LocatedCode<'p>, ReadError> {
        let at = self.string(&mut code)?;
        Ok(LocatedCode { at, expr: code })
    }

    /// The head of a template.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn template(&self, code: &mut Code<'p>) -> Result<TemplateNode<'p>, ReadError> {
        Ok(match code.byte()? {
            tag::T_RAW => TemplateNode::Raw(self.string(code)?),
            tag::T_HOLE => {
                let flags = code.byte()?;
                let target = match flags >> 1 {
                    0 => Target::Any,
                    1 => Target::String,
                    2 => Target::Int,
                    3 => Target::Number,
                    4 => Target::Bool,
                    5 => Target::IntOrString,
                    _ => return Err(ReadError::Number),
                };
                TemplateNode::Hole(HoleCode { at: self.string(code)?, target, absent: flags & 1 == 1 })
            }
            tag::T_OBJECT => TemplateNode::Object(code.count()?),
            tag::T_LIST => TemplateNode::List(code.count()?),
            tag => return Err(ReadError::UnknownNode { tag }),
        })
    }

    /// The head of an expression.
    ///
    /// # Errors
    /// If it is malformed.
    #[inline]
    pub fn node(&self, code: &mut Code<'p>) -> Result<Node<'p>, ReadError> {
        Ok(match code.byte()? {
            tag::NULL => Node::Null,
            tag::FALSE => Node::Bool(false),
            tag::TRUE => Node::Bool(true),
            tag::INT => Node::Int(code.signed()?),
            tag::UINT => Node::Uint(code.number()?),
            tag::DOUBLE => Node::Double(f64::from_bits(u64::from_le_bytes(code.array()?))),
            tag::STRING => Node::String(self.string(code)?),
            tag::BYTES => Node::Bytes(self.pooled(code.number()?)?),
            tag::TYPE => Node::Type(self.string(code)?),
            tag::DURATION => Node::Duration(code.array_ref()?),
            tag::TIMESTAMP => Node::Timestamp(code.array_ref()?),
            tag::ROOT => Node::Root(match code.byte()? {
                0 => Root::Object,
                1 => Root::Metadata,
                2 => Root::Spec,
                3 => Root::Status,
                4 => Root::Inputs,
                5 => Root::Hooks,
                6 => Root::Now,
                _ => return Err(ReadError::Number),
            }),
            tag::VAR => Node::Var(code.short()?),
            tag::CHILD => Node::Child(code.short()?),
            tag::BINDING => Node::Binding(code.short()?),
            tag::LOCAL => Node::Local(slot(code)?),
            tag::BIND => Node::Bind(slot(code)?, code.block()?),
            tag::SELECT_STRICT => Node::Select(Select::Strict, self.string(code)?),
            tag::SELECT_OPTIONAL => Node::Select(Select::Optional, self.string(code)?),
            tag::SELECT_TEST => Node::Select(Select::Test, self.string(code)?),
            tag::INDEX => Node::Index(false),
            tag::INDEX_OPTIONAL => Node::Index(true),
            tag::LIST => Node::List(code.count()?),
            tag::MAP => Node::Map(code.count()?),
            tag::AND => Node::And(code.block()?, code.block()?),
            tag::OR => Node::Or(code.block()?, code.block()?),
            tag::COND => Node::Cond(code.block()?, code.block()?, code.block()?),
            tag::DEFAULT => Node::Default(code.block()?, code.block()?),
            tag::CALL => Node::Call(function(code)?, code.count()?),
            tag::LAZY_CALL => Node::LazyCall(function(code)?, code.block()?, code.block()?),
            tag::CONCAT => Node::Concat(code.count()?),
            tag::LOOP => Node::Loop(code.block()?),
            tag::FOLD => Node::Fold(code.block()?),
            tag => return Err(ReadError::UnknownNode { tag }),
        })
    }

    /// The parts of [`Node::Loop`].
    ///
    /// # Errors
    /// If it is malformed.
    pub fn macro_loop(&self, mut code: Code<'p>) -> Result<LoopCode<'p>, ReadError> {
        let kind = match code.byte()? {
            0 => LoopKind::All,
            1 => LoopKind::Exists,
            2 => LoopKind::ExistsOne,
            3 => LoopKind::Filter,
            4 => LoopKind::Map,
            5 => LoopKind::TransformMap,
            6 => LoopKind::TransformMapEntry,
            _ => return Err(ReadError::Number),
        };
        let (slot, slot2) = slots(&mut code)?;
        let range = code.block()?;
        let predicate = if code.flag()? { Some(code.block()?) } else { None };
        let result = if code.flag()? { Some(code.block()?) } else { None };
        code.finish()?;
        Ok(LoopCode { kind, slot, slot2, range, predicate, result })
    }

    /// The parts of [`Node::Fold`].
    ///
    /// # Errors
    /// If it is malformed.
    pub fn fold(&self, mut code: Code<'p>) -> Result<FoldCode<'p>, ReadError> {
        let (slot, slot2) = slots(&mut code)?;
        let accumulator = self::slot(&mut code)?;
        let [range, init, condition, step, result] =
            [code.block()?, code.block()?, code.block()?, code.block()?, code.block()?];
        code.finish()?;
        Ok(FoldCode { slot, slot2, accumulator, range, init, condition, step, result })
    }
}

#[inline]
fn function(code: &mut Code<'_>) -> Result<Function, ReadError> {
    let number = code.short()?;
    Function::from_number(number).ok_or(ReadError::UnknownFunction { number })
}

#[inline]
fn slot(code: &mut Code<'_>) -> Result<u16, ReadError> {
    let slot = code.short()?;
    if slot < layout::MAX_SLOTS { Ok(slot) } else { Err(ReadError::Slot) }
}

fn slots(code: &mut Code<'_>) -> Result<(u16, Option<u16>), ReadError> {
    let first = slot(code)?;
    let second = if code.flag()? { Some(slot(code)?) } else { None };
    Ok((first, second))
}
