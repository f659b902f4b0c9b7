//! What the primary's status shows: records, written and read as far as their heads.

use alloc::vec::Vec;

use crate::bytes::{Code, put_number};
use crate::encode::{Encoder, put_numbers};
use crate::error::ReadError;
use crate::model::{Condition, StatusField};
use crate::reader::{Program, optional_block};
use crate::records::Numbers;

/// A field below `.status`.
#[derive(Debug, Clone, Copy)]
pub struct StatusCode<'p> {
    path_len: usize,
    path: Code<'p>,
    /// Child numbers.
    pub requires: Numbers<'p>,
    /// Read numbers.
    pub reads: Numbers<'p>,
    /// A [`Program::located`] record.
    pub when: Option<Code<'p>>,
    /// A [`Program::template`].
    pub value: Code<'p>,
}

/// A condition beside the host's own.
#[derive(Debug, Clone, Copy)]
pub struct ConditionCode<'p> {
    /// Its type.
    pub kind: &'p str,
    /// Child numbers.
    pub requires: Numbers<'p>,
    /// Read numbers.
    pub reads: Numbers<'p>,
    /// A [`Program::located`] boolean.
    pub when: Code<'p>,
    /// A [`Program::located`] text.
    pub reason: Option<Code<'p>>,
    /// A [`Program::located`] text.
    pub message: Code<'p>,
}

impl<'p> Program<'p> {
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
        let requires = Numbers::read(&mut code)?;
        let reads = Numbers::read(&mut code)?;
        Ok(StatusCode { path_len, path, requires, reads, when: optional_block(&mut code)?, value: code })
    }

    /// The keys of a status field's path.
    pub fn path(&self, status: &StatusCode<'p>) -> impl Iterator<Item = Result<&'p str, ReadError>> + use<'p> {
        let program = *self;
        let mut code = status.path;
        (0..status.path_len).map(move |_| program.string(&mut code))
    }

    /// A condition's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn condition(&self, mut code: Code<'p>) -> Result<ConditionCode<'p>, ReadError> {
        let kind = self.string(&mut code)?;
        let (requires, reads) = (Numbers::read(&mut code)?, Numbers::read(&mut code)?);
        let (when, reason) = (code.block()?, optional_block(&mut code)?);
        Ok(ConditionCode { kind, requires, reads, when, reason, message: code })
    }
}

impl Encoder {
    pub(crate) fn status(&mut self, out: &mut Vec<u8>, field: &StatusField) {
        let StatusField { path, requires, reads, when, value } = field;
        put_number(out, path.len() as u64);
        for key in path {
            self.put_string(out, key);
        }
        put_numbers(out, requires);
        put_numbers(out, reads);
        self.optional_located(out, when.as_ref());
        self.template(out, value);
    }

    pub(crate) fn condition(&mut self, out: &mut Vec<u8>, condition: &Condition) {
        let Condition { kind, requires, reads, when, reason, message } = condition;
        self.put_string(out, kind);
        put_numbers(out, requires);
        put_numbers(out, reads);
        self.block(out, |this, out| this.located(out, when));
        self.optional_located(out, reason.as_ref());
        self.located(out, message);
    }
}
