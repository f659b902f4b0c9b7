//! The other implementation, as fast as its interface lets it be: programs are compiled once, and the object's JSON becomes its
//! own values in one pass that copies no text.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel_interpreter::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel_interpreter::common::value::Val;
use cel_interpreter::objects::{Key, Value};
use cel_interpreter::{Context, Env, Program, extensions};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Value as Json, json};

pub(crate) struct Oracle(Arc<Env>);

impl Oracle {
    pub(crate) fn new() -> Oracle {
        let mut env = Env::stdlib().with_optional_support(true);
        for extension in [extensions::strings, extensions::math, extensions::encoders] {
            env.add_extension(extension).unwrap();
        }
        Oracle(Arc::new(env))
    }

    pub(crate) fn compile(&self, source: &str) -> Program {
        self.0.compile(source).unwrap_or_else(|error| panic!("{source}: {error}"))
    }

    /// The object's members as variables.
    pub(crate) fn context<'v>(&self, object: &'v [u8]) -> Context<'v, 'v> {
        let Members(members) = serde_json::from_slice(object).unwrap();
        let mut context = Context::with_env(self.0.clone());
        for (name, Boxed(value)) in members {
            context.add_variable_as_val(name, value);
        }
        context
    }
}

struct Members<'v>(HashMap<&'v str, Boxed<'v>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashMap::deserialize(deserializer).map(Members)
    }
}

struct Boxed<'v>(Box<dyn Val + 'v>);

impl<'de> Deserialize<'de> for Boxed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Boxed)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Box<dyn Val + 'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("an integer of more than 64 bits"))?;
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Boxed(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Box::new(CelList::from(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map = HashMap::new();
        while let Some((key, Boxed(value))) = members.next_entry::<&'de str, Boxed<'de>>()? {
            map.insert(CelMapKey::from(key), value);
        }
        Ok(Box::new(CelMap::from(map)))
    }
}

/// A value as a status would have it.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(text) => json!(text.as_str()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let entry = |(key, value): (&Key, &Value)| match key {
                Key::String(key) => (key.to_string(), json(value)),
                other => panic!("{other:?} is no key of JSON"),
            };
            Json::Object(entries.map.iter().map(entry).collect())
        }
        Value::Timestamp(time) => json!(time.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        other => panic!("{other:?} has no JSON here"),
    }
}
