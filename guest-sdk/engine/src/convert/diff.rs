//! What a way back does not bring back, as entries that say where, what it would be, and what it was.

use bumpalo::Bump;
use orkestra_program::Code;

use crate::cost;
use crate::eval::Machine;
use crate::fault::Res;
use crate::json::{MAX_DEPTH, write_string, write_value};
use crate::value::{Key, Map, Value};

use super::ANNOTATION;
use super::fits::{field, items};
use super::same::{identical, same};

/// A step of an entry's path.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    /// The item of a list that has the values of these keys.
    Item(&'a [(&'a str, Value<'a>)]),
}

/// The entries for what `base`, which the way back made, lacks of `source`, or has beside it. JSON texts with a comma between.
pub(super) fn lost<'a>(
    m: &mut Machine<'a>,
    schema: Code<'a>,
    lossy: &[Vec<&'a str>],
    base: Value<'a>,
    source: Value<'a>,
) -> Res<'a, Vec<u8>> {
    let mut walk = Walk { lossy, path: Vec::new(), out: Vec::new() };
    let (Value::Map(base), Value::Map(source)) = (base, source) else { return Ok(walk.out) };
    for key in keys(m.arena, source, base)? {
        let (before, now) = (base.get(m.arena, Key::Text(key))?, source.get(m.arena, Key::Text(key))?);
        match key {
            "apiVersion" | "kind" => {}
            "metadata" => walk.metadata(m, schema, before, now)?,
            _ => walk.member(m, schema, key, before, now)?,
        }
    }
    Ok(walk.out)
}

/// The keys of two objects, those of the first first.
fn keys<'a>(arena: &'a Bump, first: Map<'a>, second: Map<'a>) -> Res<'a, Vec<&'a str>> {
    let mut all = Vec::new();
    for (object, other) in [(first, None), (second, Some(first))] {
        let mut at = 0;
        while let Some((key, _)) = object.entry(arena, at)? {
            at += 1;
            let Value::String(key) = key else { continue };
            let known = match other {
                Some(other) => other.get(arena, Key::Text(key))?.is_some(),
                None => false,
            };
            if !known {
                all.push(key);
            }
        }
    }
    Ok(all)
}

struct Walk<'w, 'a> {
    lossy: &'w [Vec<&'a str>],
    path: Vec<Step<'a>>,
    out: Vec<u8>,
}

impl<'a> Walk<'_, 'a> {
    /// Labels and annotations; the rest of `metadata` is not the pattern's to change, and our own annotation is no data.
    fn metadata(
        &mut self,
        m: &mut Machine<'a>,
        schema: Code<'a>,
        base: Option<Value<'a>>,
        source: Option<Value<'a>>,
    ) -> Res<'a, ()> {
        let Some(schema) = field(m, schema, "metadata")? else { return Ok(()) };
        self.path.push(Step::Key("metadata"));
        let get = |of: Option<Value<'a>>, key: &'static str| match of {
            Some(Value::Map(object)) => object.get(m.arena, Key::Text(key)),
            _ => Ok(None),
        };
        let labels = (get(base, "labels")?, get(source, "labels")?);
        let mut annotations = (get(base, "annotations")?, get(source, "annotations")?);
        // One that holds nothing but ours is none.
        if let Some(Value::Map(object)) = annotations.1
            && object.get(m.arena, Key::Text(ANNOTATION))?.is_some()
            && object.len(m.arena)? == 1
        {
            annotations.1 = None;
        }
        self.member(m, schema, "labels", labels.0, labels.1)?;
        self.member(m, schema, "annotations", annotations.0, annotations.1)?;
        self.path.pop();
        Ok(())
    }

    fn member(
        &mut self,
        m: &mut Machine<'a>,
        schema: Code<'a>,
        key: &'a str,
        base: Option<Value<'a>>,
        source: Option<Value<'a>>,
    ) -> Res<'a, ()> {
        let below = field(m, schema, key)?;
        self.path.push(Step::Key(key));
        self.value(m, below, base, source)?;
        self.path.pop();
        Ok(())
    }

    fn value(
        &mut self,
        m: &mut Machine<'a>,
        schema: Option<Code<'a>>,
        base: Option<Value<'a>>,
        source: Option<Value<'a>>,
    ) -> Res<'a, ()> {
        m.meter.spend(1)?;
        // What the schema does not have, the API server prunes.
        let Some(schema) = schema else { return Ok(()) };
        if self.is_lossy() || self.path.len() > MAX_DEPTH as usize {
            return Ok(());
        }
        match (base, source) {
            (Some(a), Some(b)) if identical(a, b) => Ok(()),
            (Some(Value::Map(base)), Some(Value::Map(source))) => {
                let inside_annotations = matches!(self.path.as_slice(), [_, Step::Key("annotations")])
                    && matches!(self.path.first(), Some(Step::Key("metadata")));
                for key in keys(m.arena, source, base)? {
                    if inside_annotations && key == ANNOTATION {
                        continue;
                    }
                    let (before, now) = (base.get(m.arena, Key::Text(key))?, source.get(m.arena, Key::Text(key))?);
                    self.member(m, schema, key, before, now)?;
                }
                Ok(())
            }
            (Some(Value::List(before)), Some(Value::List(now))) => {
                let (before, now) = (before.items(m.arena)?, now.items(m.arena)?);
                if before.len() != now.len() {
                    return self.entry(m, base, source);
                }
                let Some((keys, schema)) = items(m, schema)? else { return self.entry(m, base, source) };
                if !keys.is_empty() && aligned(m, &keys, before, now)? {
                    return self.keyed(m, schema, &keys, before, now);
                }
                self.items(m, schema, before, now, (base, source))
            }
            _ if same(m, base, source)? => Ok(()),
            _ => self.entry(m, base, source),
        }
    }

    fn is_lossy(&self) -> bool {
        let keys = || self.path.iter().filter_map(|step| if let Step::Key(key) = step { Some(*key) } else { None });
        self.lossy.iter().any(|path| keys().eq(path.iter().copied()))
    }

    /// Items that are told apart by their keys, in the same order.
    fn keyed(
        &mut self,
        m: &mut Machine<'a>,
        schema: Code<'a>,
        keys: &[&'a str],
        base: &'a [Value<'a>],
        source: &'a [Value<'a>],
    ) -> Res<'a, ()> {
        for (before, now) in base.iter().zip(source) {
            let mut step = bumpalo::collections::Vec::new_in(m.arena);
            for key in keys {
                if let Value::Map(item) = now
                    && let Some(value) = item.get(m.arena, Key::Text(key))?
                {
                    step.push((*key, value));
                }
            }
            self.path.push(Step::Item(step.into_bump_slice()));
            self.value(m, Some(schema), Some(*before), Some(*now))?;
            self.path.pop();
        }
        Ok(())
    }

    /// Items that nothing tells apart but what they are: each that differs is kept whole, with what it would be.
    fn items(
        &mut self,
        m: &mut Machine<'a>,
        schema: Code<'a>,
        base: &'a [Value<'a>],
        source: &'a [Value<'a>],
        whole: (Option<Value<'a>>, Option<Value<'a>>),
    ) -> Res<'a, ()> {
        let mut differ = Vec::new();
        for (before, now) in base.iter().zip(source) {
            // Whether anything is lost of the item, and not on purpose, says the walk itself.
            let length = self.out.len();
            self.value(m, Some(schema), Some(*before), Some(*now))?;
            if self.out.len() > length {
                self.out.truncate(length);
                differ.push((*before, *now));
            }
        }
        if differ.is_empty() {
            return Ok(());
        }
        // What would look like one that differs stands in line with it, so that each finds its own.
        let alike = differ;
        let mut differ = Vec::new();
        for (before, now) in base.iter().zip(source) {
            for (other, _) in &alike {
                if same(m, Some(*before), Some(*other))? {
                    differ.push((*before, *now));
                    break;
                }
            }
        }
        if differ.iter().any(|(_, now)| !matches!(now, Value::Map(_))) {
            return self.entry(m, whole.0, whole.1);
        }
        self.head(m)?;
        self.out.extend_from_slice(b",\"items\":[");
        for (number, (before, now)) in differ.into_iter().enumerate() {
            self.out.extend_from_slice(if number > 0 { b",{\"was\":" } else { b"{\"was\":" });
            self.put(m, before)?;
            self.out.extend_from_slice(b",\"is\":");
            self.put(m, now)?;
            self.out.push(b'}');
        }
        self.out.extend_from_slice(b"]}");
        Ok(())
    }

    /// One value, with what it would be.
    fn entry(&mut self, m: &mut Machine<'a>, base: Option<Value<'a>>, source: Option<Value<'a>>) -> Res<'a, ()> {
        self.head(m)?;
        for (name, value) in [(",\"was\":", base), (",\"is\":", source)] {
            if let Some(value) = value {
                self.out.extend_from_slice(name.as_bytes());
                self.put(m, value)?;
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn head(&mut self, m: &mut Machine<'a>) -> Res<'a, ()> {
        self.out.extend_from_slice(if self.out.is_empty() { b"{\"at\":[" } else { b",{\"at\":[" });
        for (number, step) in self.path.iter().enumerate() {
            if number > 0 {
                self.out.push(b',');
            }
            match step {
                Step::Key(key) => write_string(&mut self.out, key),
                Step::Item(keys) => {
                    self.out.push(b'{');
                    for (number, (key, value)) in keys.iter().enumerate() {
                        if number > 0 {
                            self.out.push(b',');
                        }
                        write_string(&mut self.out, key);
                        self.out.push(b':');
                        write_value(m.arena, &mut self.out, *value)?;
                    }
                    self.out.push(b'}');
                }
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn put(&mut self, m: &mut Machine<'a>, value: Value<'a>) -> Res<'a, ()> {
        let start = self.out.len();
        write_value(m.arena, &mut self.out, value)?;
        m.meter.spend(cost::traversal(self.out.len() - start))
    }
}

/// Whether items have the same keys in the same order.
fn aligned<'a>(m: &mut Machine<'a>, keys: &[&'a str], base: &[Value<'a>], source: &[Value<'a>]) -> Res<'a, bool> {
    for (before, now) in base.iter().zip(source) {
        let (Value::Map(before), Value::Map(now)) = (before, now) else { return Ok(false) };
        for key in keys {
            let (before, now) = (before.get(m.arena, Key::Text(key))?, now.get(m.arena, Key::Text(key))?);
            if !same(m, before, now)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
