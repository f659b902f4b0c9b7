//! The values of a pattern's inputs: what is given, over the defaults.

use std::fmt;

use orkestra_pattern::model::Pattern;
use orkestra_pattern::schema::{Schema, nearest};
use serde_json::{Map, Value};

use crate::fits::fits;

/// An input that is unknown, lacks a value or has one that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// The pattern.
    pub pattern: String,
    /// The input.
    pub input: String,
    pub(crate) problem: Problem,
}

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    Unknown { nearest: Option<String>, known: Vec<String> },
    Missing { expected: String },
    Invalid { why: String },
}

impl InputError {
    /// How to mend it.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            Problem::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Problem::Unknown { known, .. } if known.is_empty() => Some("the pattern has no inputs".to_owned()),
            Problem::Unknown { known, .. } => Some(format!("its inputs are {}", known.join(", "))),
            Problem::Missing { expected } => Some(format!("give {expected}: it has no default")),
            Problem::Invalid { .. } => None,
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, input, problem } = self;
        match problem {
            Problem::Unknown { .. } => write!(f, "pattern `{pattern}` has no input `{input}`"),
            Problem::Missing { .. } => write!(f, "pattern `{pattern}` needs a value for its input `{input}`"),
            Problem::Invalid { why } => write!(f, "input `{input}` of pattern `{pattern}`: {why}"),
        }
    }
}

impl std::error::Error for InputError {}

/// Lays `given` over the defaults of a pattern's inputs.
pub(crate) fn settle(pattern: &Pattern, mut given: Map<String, Value>) -> (Map<String, Value>, Vec<InputError>) {
    let mut settled = Map::new();
    let mut errors = Vec::new();
    let mut wrong = |input: &str, problem| {
        errors.push(InputError { pattern: pattern.name.clone(), input: input.to_owned(), problem });
    };
    for input in &pattern.inputs {
        // An input whose schema could not be read was refused with the Katalog.
        let schema = Schema::parse(&input.schema).unwrap_or_default();
        match given.remove(&input.name) {
            Some(value) => match fits(&schema, &value) {
                Ok(()) => drop(settled.insert(input.name.clone(), value)),
                Err(why) => wrong(&input.name, Problem::Invalid { why }),
            },
            None => match &input.default {
                Some(value) => drop(settled.insert(input.name.clone(), value.clone())),
                None => wrong(&input.name, Problem::Missing { expected: schema.describe() }),
            },
        }
    }
    for name in given.keys() {
        let known: Vec<_> = pattern.inputs.iter().map(|input| input.name.clone()).collect();
        let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        wrong(name, Problem::Unknown { nearest, known });
    }
    (settled, errors)
}
