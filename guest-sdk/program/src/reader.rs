//! Bytes → nodes, one at a time and in place.

use core::cmp::Ordering;

use crate::bytes::Code;
use crate::error::ReadError;
use crate::function::Function;
use crate::layout::{self, DIRECTORY_RECORD, HEADER, MAGIC, SECTIONS, VERSION, tag};
use crate::model::{LoopKind, Policy, Root, Select, Target};
use crate::records::{
    Blocks, ChildCode, ConversionCode, EntryCode, EvaluationCode, FoldCode, ForEachCode, GivenCode, HoleCode, Keys,
    LocatedCode, LoopCode, MadeNode, MadeObjectCode, Node, Numbers, ObjectCode, OthersCode, SchemaNode, ShapeNode,
    TemplateNode, VersionCode,
};

/// A program's bytes, split into sections. Copying it copies references.
#[derive(Debug, Clone, Copy)]
pub struct Program<'p> {
    index: &'p [u8],
    pool: &'p [u8],
    entries: &'p [u8],
    evaluations: &'p [u8],
    code: &'p [u8],
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
        let reads = Blocks::read(&mut code)?;
        let children = Blocks::read(&mut code)?;
        let status = Blocks::read(&mut code)?;
        let conditions = Blocks::read(&mut code)?;
        let versions = Blocks::read(&mut code)?;
        let conversions = Blocks::read(&mut code)?;
        let mutations = Blocks::read(&mut code)?;
        let rules = Blocks::read(&mut code)?;
        let requeues = Blocks::read(&mut code)?;
        code.finish()?;
        Ok(Some(EntryCode {
            name,
            vars,
            reads,
            children,
            status,
            conditions,
            versions,
            conversions,
            mutations,
            rules,
            requeues,
        }))
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
            2 => Policy::Delete,
            _ => return Err(ReadError::Number),
        };
        let requires = Numbers::read(&mut code)?;
        let reads = Numbers::read(&mut code)?;
        let for_each = if code.flag()? {
            Some(ForEachCode { range: code.block()?, key: optional_block(&mut code)? })
        } else {
            None
        };
        let when = optional_block(&mut code)?;
        let ready_when = optional_block(&mut code)?;
        Ok(ChildCode { id, policy, requires, reads, for_each, when, ready_when, manifest: code })
    }

    /// The next key of a path or set; none past the last.
    ///
    /// # Errors
    /// If it leads nowhere.
    #[inline]
    pub fn next_key(&self, keys: &mut Keys<'p>) -> Result<Option<&'p str>, ReadError> {
        keys.next_code().map(|code| self.string(code)).transpose()
    }

    /// The next path of a list of paths.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn next_keys(&self, code: &mut Code<'p>) -> Result<Keys<'p>, ReadError> {
        Keys::read(code)
    }

    /// The next source of [`GivenCode`]: whether it begins at the item, and its path.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn next_source(&self, code: &mut Code<'p>) -> Result<(bool, Keys<'p>), ReadError> {
        Ok((code.flag()?, Keys::read(code)?))
    }

    /// A version's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn version(&self, mut code: Code<'p>) -> Result<VersionCode<'p>, ReadError> {
        Ok(VersionCode { name: self.string(&mut code)?, schema: code })
    }

    /// A conversion's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn conversion(&self, mut code: Code<'p>) -> Result<ConversionCode<'p>, ReadError> {
        let (from, to) = (code.short()?, code.short()?);
        let count = code.count()?;
        let lossy = (count, code);
        for _ in 0..count {
            Keys::read(&mut code)?;
        }
        Ok(ConversionCode { from, to, lossy, object: code })
    }

    /// The head of a schema. `code` is all of it.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn schema(&self, mut code: Code<'p>) -> Result<SchemaNode<'p>, ReadError> {
        let first = code.byte()?;
        let shape = match first >> 1 {
            tag::S_ANY => ShapeNode::Any,
            tag::S_OBJECT => ShapeNode::Object(ObjectCode::read(&mut code)?),
            tag::S_LIST => {
                let keys = Keys::read(&mut code)?;
                let items = code.block()?;
                code.finish()?;
                ShapeNode::List(keys, items)
            }
            tag::S_STRING => ShapeNode::String,
            tag::S_INT => ShapeNode::Int,
            tag::S_NUMBER => ShapeNode::Number,
            tag::S_BOOL => ShapeNode::Bool,
            tag::S_INT_OR_STRING => ShapeNode::IntOrString,
            tag => return Err(ReadError::UnknownNode { tag }),
        };
        Ok(SchemaNode { nullable: first & 1 == 1, shape })
    }

    /// The schema of an object's field, if it has one of its own.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn field(&self, object: &ObjectCode<'p>, name: &str) -> Result<Option<Code<'p>>, ReadError> {
        // The last group that begins with the name, or with one before it.
        let (mut first, mut end) = (0, object.groups.len() + 1);
        while end - first > 1 {
            let middle = first.midpoint(end);
            let mut group = object.group(middle)?;
            if self.string(&mut group)? <= name { first = middle } else { end = middle }
        }
        let mut code = object.group(first)?;
        for _ in 0..layout::FIELDS {
            if code.is_empty() {
                break;
            }
            let (found, schema) = (self.string(&mut code)?, code.block()?);
            match found.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(Some(schema)),
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// The fields of an object that have schemas of their own, by name.
    ///
    /// # Errors
    /// If they are not in order, or malformed.
    pub fn fields(
        &self,
        object: &ObjectCode<'p>,
    ) -> Result<impl Iterator<Item = Result<(&'p str, Code<'p>), ReadError>>, ReadError> {
        if object.count == 0 {
            object.fields.finish()?;
        }
        let (program, object) = (*self, *object);
        let (mut code, mut before) = (object.fields, None);
        // Each group begins where its place says.
        let mut fields = 0..object.count;
        let next = move || -> Option<Result<(&'p str, Code<'p>), ReadError>> {
            let at = fields.next()?;
            let mut field = || {
                if at % layout::FIELDS == 0 && object.group(at / layout::FIELDS)?.0.len() != code.0.len() {
                    return Err(ReadError::Truncated);
                }
                let (name, schema) = (program.string(&mut code)?, code.block()?);
                if before.replace(name).is_some_and(|before| before >= name) {
                    return Err(ReadError::FieldOrder);
                }
                if at + 1 == object.count {
                    code.finish()?;
                }
                Ok((name, schema))
            };
            Some(field())
        };
        Ok(core::iter::from_fn(next))
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
            tag::T_ONCE => TemplateNode::Once(self.string(code)?, code.block()?),
            tag => return Err(ReadError::UnknownNode { tag }),
        })
    }

    /// The head of a value that a conversion makes.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn made(&self, code: &mut Code<'p>) -> Result<MadeNode<'p>, ReadError> {
        Ok(match code.byte()? {
            tag::M_COPY => MadeNode::Copy(Keys::read(code)?),
            tag::M_OBJECT => MadeNode::Object(made_object(code)?),
            tag::M_EACH => MadeNode::Each(Keys::read(code)?, code.block()?),
            tag::M_GIVEN => MadeNode::Given(given(code)?),
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
                7 => Root::This,
                _ => return Err(ReadError::Number),
            }),
            tag::VAR => Node::Var(code.short()?),
            tag::CHILD => Node::Child(code.short()?),
            tag::READ => Node::Read(code.short()?),
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
        let predicate = optional_block(&mut code)?;
        let result = optional_block(&mut code)?;
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

fn made_object<'p>(code: &mut Code<'p>) -> Result<MadeObjectCode<'p>, ReadError> {
    let flags = code.byte()?;
    if flags > 3 {
        return Err(ReadError::Number);
    }
    let from = Some(Keys::read(code)?).filter(|_| flags & 1 == 1);
    let rest = match code.byte()? {
        0 => None,
        1 => Some(OthersCode { except: Keys::read(code)?, value: None }),
        2 => Some(OthersCode { except: Keys::read(code)?, value: Some(code.block()?) }),
        _ => return Err(ReadError::Number),
    };
    Ok(MadeObjectCode { from, taken: flags & 2 == 2, rest, members: code.count()? })
}

fn given<'p>(code: &mut Code<'p>) -> Result<GivenCode<'p>, ReadError> {
    let whole = code.flag()?;
    let count = code.count()?;
    let sources = (count, *code);
    for _ in 0..count {
        code.flag()?;
        Keys::read(code)?;
    }
    Ok(GivenCode { whole, sources, schema: optional_block(code)?, value: code.block()? })
}

pub(crate) fn optional_block<'p>(code: &mut Code<'p>) -> Result<Option<Code<'p>>, ReadError> {
    if code.flag()? { code.block().map(Some) } else { Ok(None) }
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
