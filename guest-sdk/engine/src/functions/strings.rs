//! `contains`, `startsWith`, `endsWith`, `matches`.

use orkestra_program::function::Function;
use regex_lite::{Regex, RegexBuilder};

use super::Called;
use crate::cost;
use crate::eval::Machine;
use crate::value::Value;

/// Patterns that were compiled in this call. A pattern is nearly always a constant inside a loop.
#[derive(Default)]
pub(crate) struct Patterns<'a> {
    compiled: Vec<(&'a str, Option<Regex>)>,
}

/// Patterns that are kept; later ones replace the last.
const KEPT: usize = 16;
/// Largest compiled pattern, in bytes: repetitions of repetitions grow quickly.
const MAX_COMPILED: usize = 1 << 18;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let [Value::String(text), Value::String(part)] = *arguments else { return Ok(None) };
    let answer = match function {
        Function::Contains => {
            m.meter.spend(cost::traversal(text.len()).saturating_mul(cost::traversal(part.len())))?;
            text.contains(part)
        }
        Function::StartsWith => {
            m.spend_traversal(part.len())?;
            text.starts_with(part)
        }
        Function::EndsWith => {
            m.spend_traversal(part.len())?;
            text.ends_with(part)
        }
        Function::Matches => {
            m.meter.spend(cost::matching(text.len(), part.len()))?;
            match m.patterns.get(part) {
                Some(pattern) => pattern.is_match(text),
                None => return m.error("the pattern is not a regular expression that is understood, or is too large"),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Value::Bool(answer)))
}

impl<'a> Patterns<'a> {
    fn get(&mut self, pattern: &'a str) -> Option<&Regex> {
        let known = self.compiled.iter().position(|(text, _)| *text == pattern);
        let at = known.unwrap_or_else(|| {
            let compiled = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build().ok();
            if self.compiled.len() == KEPT {
                self.compiled.pop();
            }
            self.compiled.push((pattern, compiled));
            self.compiled.len() - 1
        });
        self.compiled.get(at)?.1.as_ref()
    }
}
