//! What an expression can refer to outside of itself.

use orkestra_program::model::Root;
use orkestra_program::{Code, EvaluationCode, ReadError};

use super::Machine;
use crate::elements::Element;
use crate::fault::{Fault, Res};
use crate::json::Document;
use crate::observed::{Given, Seen};
use crate::time::Timestamp;
use crate::typed;
use crate::value::Value;

/// Where names lead.
pub(crate) enum Env<'a> {
    /// In a template.
    Entry(EntryEnv<'a>),
    /// In a single expression.
    Bindings(Bindings<'a>),
}

/// The request of a reconcile, and the entry's variables.
pub(crate) struct EntryEnv<'a> {
    pub(crate) primary: Document<'a>,
    pub(crate) inputs: Document<'a>,
    pub(crate) hooks: Document<'a>,
    /// Unix time in milliseconds.
    pub(crate) now: i64,
    /// 32 bytes that nobody else knows.
    pub(crate) entropy: &'a [u8],
    /// By child number.
    pub(crate) children: Vec<Seen<'a>>,
    /// By read number.
    pub(crate) reads: Vec<Given<'a>>,
    pub(crate) vars: Vec<Var<'a>>,
}

/// The child that is being planned.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The template's id.
    pub(crate) id: &'a str,
    /// The element, under `forEach`.
    pub(crate) element: Option<Element<'a>>,
    /// The child as observed.
    pub(crate) observed: Option<&'a Document<'a>>,
    /// What it was made of once is made anew.
    pub(crate) renew: bool,
}

/// A variable of the entry.
pub(crate) enum Var<'a> {
    Unknown(Code<'a>),
    /// It is being computed: a reference to it from there has no end.
    Busy,
    Known(Res<'a, Value<'a>>),
}

/// The bindings of a single expression.
pub(crate) struct Bindings<'a> {
    pub(crate) evaluation: EvaluationCode<'a>,
    pub(crate) document: Document<'a>,
    /// By number, once read.
    pub(crate) values: Vec<Option<Value<'a>>>,
}

impl<'a> Machine<'a> {
    fn entry(&mut self) -> Res<'a, &mut EntryEnv<'a>> {
        match &mut self.env {
            Env::Entry(entry) => Ok(entry),
            Env::Bindings(_) => Err(Fault::program(self.arena, ReadError::Reference)),
        }
    }

    pub(super) fn root(&mut self, root: Root) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        let arena = self.arena;
        let entry = self.entry()?;
        let part = match root {
            Root::Object => return entry.primary.root(arena),
            Root::Inputs => return entry.inputs.root(arena),
            Root::Hooks => return entry.hooks.root(arena),
            Root::Now => {
                let now = Timestamp::from_millis(entry.now).map(Value::Timestamp);
                return now.ok_or_else(|| Fault::input(arena, &["now is not between the years 1 and 9999"]));
            }
            Root::This => return self.this(),
            Root::Metadata => "metadata",
            Root::Spec => "spec",
            Root::Status => "status",
        };
        let Value::Map(object) = entry.primary.root(arena)? else {
            return Err(Fault::input(arena, &["primary is not a JSON object"]));
        };
        // What a primary does not have yet has no fields: `has(status.phase)` is false, not an error.
        Ok(match object.get(arena, crate::value::Key::Text(part))? {
            None | Some(Value::Null) => Value::EMPTY_MAP,
            Some(value) => value,
        })
    }

    fn this(&self) -> Res<'a, Value<'a>> {
        match self.subject.and_then(|subject| subject.observed) {
            Some(document) => document.root(self.arena),
            None => Err(self.malformed(ReadError::Reference)),
        }
    }

    pub(super) fn var(&mut self, number: u16) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        let at = usize::from(number);
        let entry = self.entry()?;
        let code = match entry.vars.get_mut(at) {
            Some(Var::Known(value)) => return *value,
            Some(var @ Var::Unknown(_)) => match core::mem::replace(var, Var::Busy) {
                Var::Unknown(code) => code,
                _ => return Err(self.malformed(ReadError::Reference)),
            },
            _ => return Err(self.malformed(ReadError::Reference)),
        };
        // A variable is the same for all children.
        let subject = self.subject.take();
        let value = self.located(code);
        self.subject = subject;
        if let Some(var) = self.entry()?.vars.get_mut(at) {
            *var = Var::Known(value);
        }
        value
    }

    pub(super) fn child(&mut self, number: u16) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        let arena = self.arena;
        match self.entry()?.children.get_mut(usize::from(number)) {
            Some(seen) => seen.value(arena),
            None => Err(self.malformed(ReadError::Reference)),
        }
    }

    pub(super) fn read(&mut self, number: u16) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        let arena = self.arena;
        match self.entry()?.reads.get_mut(usize::from(number)) {
            Some(given) => given.value(arena),
            None => Err(self.malformed(ReadError::Reference)),
        }
    }

    pub(super) fn binding(&mut self, number: u16) -> Res<'a, Value<'a>> {
        self.meter.spend(1)?;
        let (arena, program) = (self.arena, self.program);
        let Env::Bindings(bindings) = &mut self.env else { return Err(self.malformed(ReadError::Reference)) };
        let at = usize::from(number);
        if let Some(Some(value)) = bindings.values.get(at) {
            return Ok(*value);
        }
        let name = match program.binding(&bindings.evaluation, at) {
            Ok(Some(name)) => name,
            Ok(None) => return Err(Fault::program(arena, ReadError::Reference)),
            Err(error) => return Err(Fault::program(arena, error)),
        };
        let Value::Map(all) = bindings.document.root(arena)? else {
            return Err(Fault::input(arena, &["bindings is not a JSON object"]));
        };
        let Some(typed) = all.get(arena, crate::value::Key::Text(name))? else {
            return Err(Fault::composed(arena, &["no value for `", name, "`"]));
        };
        let value = typed::read(arena, typed)?;
        if bindings.values.len() <= at {
            bindings.values.resize(at + 1, None);
        }
        if let Some(place) = bindings.values.get_mut(at) {
            *place = Some(value);
        }
        Ok(value)
    }
}
