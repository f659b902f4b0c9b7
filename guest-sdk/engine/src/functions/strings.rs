//! `contains`, `startsWith`, `endsWith`, and what takes regular expressions: `matches`, `find`, `findAll`.

use bumpalo::collections::Vec as BumpVec;
use orkestra_program::function::Function;
use regex_lite::{Regex, RegexBuilder};

use super::Called;
use crate::cost;
use crate::eval::Machine;
use crate::fault::{Fault, Res};
use crate::value::{List, Value};

/// Patterns that were compiled in this call. A pattern is nearly always a constant inside a loop.
#[derive(Default)]
pub(crate) struct Patterns<'a> {
    compiled: Vec<(&'a str, Option<Regex>)>,
}

/// Patterns that are kept; later ones replace the last.
const KEPT: usize = 16;
/// Largest compiled pattern, in bytes: repetitions of repetitions grow quickly.
const MAX_COMPILED: usize = 1 << 18;
const NOT_UNDERSTOOD: &str = "the pattern is not a regular expression that is understood, or is too large";

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let (text, part) = match *arguments {
        [Value::String(text), Value::String(part)] => (text, part),
        [Value::String(text), Value::String(part), Value::Int(limit)] if function == Function::FindAll => {
            return find_all(m, text, part, usize::try_from(limit).unwrap_or(usize::MAX)).map(Some);
        }
        _ => return Ok(None),
    };
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
            pattern(m, part)?.is_match(text)
        }
        Function::Find => {
            m.meter.spend(cost::matching(text.len(), part.len()))?;
            let found = pattern(m, part)?.find(text);
            return Ok(Some(Value::String(found.map_or("", |found| found.as_str()))));
        }
        Function::FindAll => return find_all(m, text, part, usize::MAX).map(Some),
        _ => return Ok(None),
    };
    Ok(Some(Value::Bool(answer)))
}

/// So many matches at most, none of which overlaps another one.
///
/// Looking for the next match may go to the end of the text each time, so each costs what that takes.
fn find_all<'a>(m: &mut Machine<'a>, text: &'a str, part: &'a str, limit: usize) -> Res<'a, Value<'a>> {
    m.meter.spend(cost::matching(text.len(), part.len()))?;
    let mut all = BumpVec::new_in(m.arena);
    let Some(pattern) = m.patterns.get(part) else { return m.error(NOT_UNDERSTOOD) };
    for found in pattern.find_iter(text).take(limit) {
        m.meter.spend(1 + cost::traversal(text.len() - found.end()))?;
        all.push(Value::String(found.as_str()));
    }
    Ok(Value::List(List::Built(all.into_bump_slice())))
}

fn pattern<'m, 'a>(m: &'m mut Machine<'a>, text: &'a str) -> Res<'a, &'m Regex> {
    let arena = m.arena;
    m.patterns.get(text).ok_or_else(|| Fault::expression(arena, NOT_UNDERSTOOD))
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
