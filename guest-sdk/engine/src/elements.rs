//! The elements of `forEach` and their keys.

use orkestra_program::{Code, ForEachCode};

use crate::cost;
use crate::eval::{Machine, Subject};
use crate::fault::{Fault, Res};
use crate::functions::scalar_text;
use crate::number;
use crate::value::Value;

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Its key: not empty, and no other element's.
    pub(crate) key: &'a str,
    pub(crate) item: Value<'a>,
}

/// The elements that a template is rendered for, in their order. `machine.subject` is left as the last one of them.
pub(crate) fn elements<'a>(
    machine: &mut Machine<'a>,
    id: &'a str,
    for_each: &ForEachCode<'a>,
) -> Res<'a, Vec<Element<'a>>> {
    let arena = machine.arena;
    let at = machine.place(for_each.range)?;
    let range = machine.located(for_each.range)?;
    let found = collect(machine, id, range, for_each.key).and_then(|elements| {
        unique(machine, &elements)?;
        Ok(elements)
    });
    found.map_err(|fault| fault.located(arena, at))
}

fn collect<'a>(
    machine: &mut Machine<'a>,
    id: &'a str,
    range: Value<'a>,
    key: Option<Code<'a>>,
) -> Res<'a, Vec<Element<'a>>> {
    let arena = machine.arena;
    let range = match range {
        Value::Optional(Some(inner)) => *inner,
        range => range,
    };
    let mut elements = Vec::new();
    match range {
        Value::List(list) => {
            for item in list.items(arena)? {
                machine.meter.spend(cost::ELEMENT)?;
                let key = match key {
                    Some(key) => key_of(machine, id, *item, key)?,
                    None => own_key(machine, *item)?,
                };
                elements.push(Element { key, item: *item });
            }
        }
        Value::Map(map) => {
            for at in 0..map.len(arena)? {
                machine.meter.spend(cost::ELEMENT)?;
                if let Some((key, item)) = map.entry(arena, at)? {
                    elements.push(Element { key: scalar_text(machine, key)?, item });
                }
            }
        }
        other => {
            return Err(Fault::composed(
                arena,
                &["expected a list or a map, found a value of type ", other.type_name()],
            ));
        }
    }
    Ok(elements)
}

fn key_of<'a>(machine: &mut Machine<'a>, id: &'a str, item: Value<'a>, key: Code<'a>) -> Res<'a, &'a str> {
    machine.subject = Some(Subject { id, element: Some(Element { key: "", item }), observed: None, renew: false });
    let value = machine.located(key)?;
    scalar_text(machine, value)
}

/// The key of an element that has no other one.
fn own_key<'a>(machine: &mut Machine<'a>, item: Value<'a>) -> Res<'a, &'a str> {
    if let Value::List(_) | Value::Map(_) = item {
        return Err(Fault::composed(
            machine.arena,
            &["an element of type ", item.type_name(), " needs a `key`: only a scalar is its own"],
        ));
    }
    scalar_text(machine, item)
}

fn unique<'a>(machine: &Machine<'a>, elements: &[Element<'a>]) -> Res<'a, ()> {
    let mut keys: Vec<(&str, usize)> = elements.iter().enumerate().map(|(at, element)| (element.key, at)).collect();
    keys.sort_unstable();
    if let Some(("", at)) = keys.first() {
        return Err(Fault::composed(machine.arena, &["the key of element ", &text(*at), " is empty"]));
    }
    for pair in keys.windows(2) {
        if let [(first, at), (second, other)] = pair
            && first == second
        {
            return Err(Fault::composed(
                machine.arena,
                &["elements ", &text(*at), " and ", &text(*other), " have the same key"],
            ));
        }
    }
    Ok(())
}

fn text(position: usize) -> String {
    let mut digits = Vec::new();
    number::put_uint(&mut digits, position as u64);
    String::from_utf8(digits).unwrap_or_default()
}
