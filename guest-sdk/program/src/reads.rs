//! Objects of others: their records, written and read as far as their heads.

use alloc::vec::Vec;

use crate::bytes::{Code, put_number};
use crate::encode::Encoder;
use crate::error::ReadError;
use crate::model::{Operator, Read, Requirement, Selector, Which};
use crate::reader::{Program, optional_block};
use crate::records::Blocks;

/// Objects of others.
#[derive(Debug, Clone, Copy)]
pub struct ReadCode<'p> {
    /// Unique among the entry's reads.
    pub id: &'p str,
    /// Which objects.
    pub which: WhichCode<'p>,
    /// A [`Program::located`] record: their namespace.
    pub namespace: Option<Code<'p>>,
}

/// Which objects a read means.
#[derive(Debug, Clone, Copy)]
pub enum WhichCode<'p> {
    /// A [`Program::located`] record: the name.
    Name(Code<'p>),
    /// Of [`Program::label`] records, and of [`Program::requirement`] records.
    Selected(Blocks<'p>, Blocks<'p>),
}

/// A condition on one label.
#[derive(Debug, Clone, Copy)]
pub struct RequirementCode<'p> {
    /// The label.
    pub key: &'p str,
    /// What must be true of it.
    pub operator: Operator,
    /// Of [`Program::located`] records: the values.
    pub values: Blocks<'p>,
}

impl<'p> Program<'p> {
    /// A read's record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn read_record(&self, mut code: Code<'p>) -> Result<ReadCode<'p>, ReadError> {
        let (id, namespace) = (self.string(&mut code)?, optional_block(&mut code)?);
        let which = match code.byte()? {
            0 => WhichCode::Name(code),
            1 => {
                let which = WhichCode::Selected(Blocks::read(&mut code)?, Blocks::read(&mut code)?);
                code.finish()?;
                which
            }
            _ => return Err(ReadError::Number),
        };
        Ok(ReadCode { id, which, namespace })
    }

    /// A label's record: its key, and a [`Program::located`] record.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn label(&self, mut code: Code<'p>) -> Result<(&'p str, Code<'p>), ReadError> {
        Ok((self.string(&mut code)?, code))
    }

    /// The record of a condition on a label.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn requirement(&self, mut code: Code<'p>) -> Result<RequirementCode<'p>, ReadError> {
        let key = self.string(&mut code)?;
        let operator = match code.byte()? {
            0 => Operator::In,
            1 => Operator::NotIn,
            2 => Operator::Exists,
            3 => Operator::DoesNotExist,
            _ => return Err(ReadError::Number),
        };
        let values = Blocks::read(&mut code)?;
        code.finish()?;
        Ok(RequirementCode { key, operator, values })
    }
}

impl Encoder {
    pub(crate) fn read(&mut self, out: &mut Vec<u8>, read: &Read) {
        let Read { id, which, namespace } = read;
        self.put_string(out, id);
        self.optional_located(out, namespace.as_ref());
        match which {
            Which::Name(name) => {
                out.push(0);
                self.located(out, name);
            }
            Which::Selected(Selector { labels, requirements }) => {
                out.push(1);
                put_number(out, labels.len() as u64);
                for (key, value) in labels {
                    self.block(out, |this, out| {
                        this.put_string(out, key);
                        this.located(out, value);
                    });
                }
                put_number(out, requirements.len() as u64);
                for requirement in requirements {
                    self.block(out, |this, out| this.requirement(out, requirement));
                }
            }
        }
    }

    fn requirement(&mut self, out: &mut Vec<u8>, requirement: &Requirement) {
        let Requirement { key, operator, values } = requirement;
        self.put_string(out, key);
        out.push(match operator {
            Operator::In => 0,
            Operator::NotIn => 1,
            Operator::Exists => 2,
            Operator::DoesNotExist => 3,
        });
        put_number(out, values.len() as u64);
        for value in values {
            self.block(out, |this, out| this.located(out, value));
        }
    }
}
