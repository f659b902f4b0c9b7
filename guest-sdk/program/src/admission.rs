//! What the primary is given, what must be true of it, and when it is looked at again: records, read as far as their heads.

use crate::bytes::Code;
use crate::error::ReadError;
use crate::reader::Program;
use crate::records::{Keys, Numbers};

/// A value that the primary is given.
#[derive(Debug, Clone, Copy)]
pub struct MutationCode<'p> {
    /// The keys from the object's root.
    pub path: Keys<'p>,
    /// It takes the place of a value that is there.
    pub overrides: bool,
    /// A [`Program::template`].
    pub value: Code<'p>,
}

/// Something that must be true of the primary.
#[derive(Debug, Clone, Copy)]
pub struct RuleCode<'p> {
    /// The field that it is about; empty: none in particular.
    pub field: &'p str,
    /// What breaks it is refused.
    pub deny: bool,
    /// A [`Program::located`] boolean.
    pub holds: Code<'p>,
    /// A [`Program::located`] text.
    pub message: Code<'p>,
}

/// When the primary is looked at again.
#[derive(Debug, Clone, Copy)]
pub struct RequeueCode<'p> {
    /// Children without which it does not count.
    pub requires: Numbers<'p>,
    /// Reads likewise.
    pub reads: Numbers<'p>,
    /// Milliseconds.
    pub after: u64,
    /// A [`Program::located`] boolean.
    pub when: Code<'p>,
}

impl<'p> Program<'p> {
    /// A mutation's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn mutation(&self, mut code: Code<'p>) -> Result<MutationCode<'p>, ReadError> {
        Ok(MutationCode { path: Keys::read(&mut code)?, overrides: code.flag()?, value: code })
    }

    /// A rule's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn rule(&self, mut code: Code<'p>) -> Result<RuleCode<'p>, ReadError> {
        Ok(RuleCode { field: self.string(&mut code)?, deny: code.flag()?, holds: code.block()?, message: code })
    }

    /// A requeue's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn requeue(&self, mut code: Code<'p>) -> Result<RequeueCode<'p>, ReadError> {
        let (requires, reads) = (Numbers::read(&mut code)?, Numbers::read(&mut code)?);
        Ok(RequeueCode { requires, reads, after: code.number()?, when: code })
    }
}
