//! Templates → JSON text: static parts are copied, holes are filled.

use orkestra_program::layout::MAX_TEMPLATE_DEPTH;
use orkestra_program::model::Target;
use orkestra_program::{Code, HoleCode, ReadError, TemplateNode};

use crate::cost;
use crate::eval::Machine;
use crate::fault::{Fault, Res};
use crate::functions::scalar_text;
use crate::json::{write_string, write_value};
use crate::number;
use crate::value::{Key, Map, Value};

impl<'a> Machine<'a> {
    /// Writes a template's value. False: it is absent, and nothing was written.
    pub(crate) fn render(&mut self, code: &mut Code<'a>, out: &mut Vec<u8>) -> Res<'a, bool> {
        self.render_nested(code, out, MAX_TEMPLATE_DEPTH)
    }

    fn render_nested(&mut self, code: &mut Code<'a>, out: &mut Vec<u8>, depth: u32) -> Res<'a, bool> {
        let Some(below) = depth.checked_sub(1) else { return Err(self.malformed(ReadError::TemplateDepth)) };
        match self.program.template(code).map_err(|error| self.malformed(error))? {
            TemplateNode::Raw(json) => {
                out.extend_from_slice(json.as_bytes());
                Ok(true)
            }
            TemplateNode::Hole(hole) => {
                let value = self.expression(hole.at, code)?;
                let start = out.len();
                let present = fill(self, &hole, value, out).map_err(|fault| fault.located(self.arena, hole.at))?;
                let written = cost::traversal(out.len() - start);
                self.meter.spend(written).map_err(|fault| fault.located(self.arena, hole.at))?;
                Ok(present)
            }
            TemplateNode::Object(count) => self.render_object(count, code, out, below),
            TemplateNode::List(count) => {
                out.push(b'[');
                let first = out.len();
                for _ in 0..count {
                    let before = out.len();
                    if before > first {
                        out.push(b',');
                    }
                    if !self.render_nested(code, out, below)? {
                        out.truncate(before);
                    }
                }
                out.push(b']');
                Ok(true)
            }
            TemplateNode::Once(key, mut value) => match self.made_before(key)? {
                None => self.render_nested(&mut value, out, below),
                Some(value) => {
                    let start = out.len();
                    write_value(self.arena, out, value)?;
                    self.meter.spend(cost::traversal(out.len() - start))?;
                    Ok(true)
                }
            },
        }
    }

    /// What the observed child has for a key of `data`.
    fn made_before(&mut self, key: &str) -> Res<'a, Option<Value<'a>>> {
        self.meter.spend(1)?;
        let kept = self.subject.filter(|subject| !subject.renew).and_then(|subject| subject.observed);
        let Some(observed) = kept else { return Ok(None) };
        let Value::Map(object) = observed.root(self.arena)? else { return Ok(None) };
        let Some(Value::Map(data)) = object.get(self.arena, Key::Text("data"))? else { return Ok(None) };
        Ok(data.get(self.arena, Key::Text(key))?.filter(|value| !matches!(value, Value::Null)))
    }

    fn render_object(&mut self, count: usize, code: &mut Code<'a>, out: &mut Vec<u8>, below: u32) -> Res<'a, bool> {
        let start = out.len();
        out.push(b'{');
        let first = out.len();
        for _ in 0..count {
            let before = out.len();
            if before > first {
                out.push(b',');
            }
            let key = self.program.string(code).map_err(|error| self.malformed(error))?;
            write_string(out, key);
            out.push(b':');
            if !self.render_nested(code, out, below)? {
                out.truncate(before);
            }
        }
        // All members are absent: so is the object, unless it is empty by intention.
        if count > 0 && out.len() == first {
            out.truncate(start);
            return Ok(false);
        }
        out.push(b'}');
        Ok(true)
    }
}

/// Writes a hole's value as the type that its place asks for.
fn fill<'a>(m: &mut Machine<'a>, hole: &HoleCode<'a>, value: Value<'a>, out: &mut Vec<u8>) -> Res<'a, bool> {
    let value = match value {
        Value::Optional(Some(inner)) => *inner,
        Value::Optional(None) if !hole.absent => {
            return m.error("the value is absent, but only a path alone may be: give it a default");
        }
        value => value,
    };
    if hole.absent && is_absent(m, value)? {
        return Ok(false);
    }
    match hole.target {
        Target::Any => write_value(m.arena, out, value)?,
        Target::String => write_string(out, scalar_text(m, value)?),
        Target::Int => match integer(value) {
            Some(integer) => write_value(m.arena, out, integer)?,
            None => return Err(unfit(m, "an integer", value)),
        },
        Target::Number => match value {
            Value::Double(_) | Value::Int(_) | Value::Uint(_) => write_value(m.arena, out, value)?,
            Value::String(text) => match integer(value).or_else(|| finite(text)) {
                Some(number) => write_value(m.arena, out, number)?,
                None => return Err(unfit(m, "a number", value)),
            },
            _ => return Err(unfit(m, "a number", value)),
        },
        Target::Bool => match value {
            Value::Bool(_) => write_value(m.arena, out, value)?,
            Value::String(text) => match number::parse_bool(text) {
                Some(value) => write_value(m.arena, out, Value::Bool(value))?,
                None => return Err(unfit(m, "a boolean", value)),
            },
            _ => return Err(unfit(m, "a boolean", value)),
        },
        Target::IntOrString => match value {
            Value::String(text) if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                write_string(out, text);
            }
            value => match integer(value) {
                Some(integer) => write_value(m.arena, out, integer)?,
                None => return Err(unfit(m, "an integer or a string", value)),
            },
        },
    }
    Ok(true)
}

fn is_absent<'a>(m: &Machine<'a>, value: Value<'a>) -> Res<'a, bool> {
    Ok(match value {
        Value::Null | Value::Optional(None) => true,
        // An object of the request is looked at only so far as to see whether it is empty.
        Value::Map(Map::Json(object)) => object.is_empty(),
        Value::Map(map) => map.len(m.arena)? == 0,
        _ => false,
    })
}

/// The integer that a number or a text stands for.
fn integer<'a>(value: Value<'a>) -> Option<Value<'a>> {
    match value {
        Value::Int(_) | Value::Uint(_) => Some(value),
        Value::Double(value) if value % 1.0 == 0.0 => number::double_to_int(value).map(Value::Int),
        Value::String(text) => {
            number::parse_int(text).map(Value::Int).or_else(|| number::parse_uint(text).map(Value::Uint))
        }
        _ => None,
    }
}

fn finite<'a>(text: &str) -> Option<Value<'a>> {
    number::parse_double(text).filter(|value| value.is_finite()).map(Value::Double)
}

fn unfit<'a>(m: &Machine<'a>, expected: &str, found: Value<'a>) -> Fault<'a> {
    let text = if matches!(found, Value::String(_)) { " that is not the text of one" } else { "" };
    Fault::composed(m.arena, &["expected ", expected, ", found a value of type ", found.type_name(), text])
}
