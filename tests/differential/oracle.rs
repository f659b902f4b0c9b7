//! The other side, which is nobody's of ours: from its own parser on.

use std::collections::HashMap;
use std::sync::Arc;

use cel_interpreter::objects::{Key, Value};
use cel_interpreter::{Context, Env, extensions};
use serde_json::Value as Json;

use crate::operations::Ty;
use crate::outcome::{Outcome, double, list, map};
use crate::variables;

pub(crate) struct Oracle(Arc<Env>);

impl Oracle {
    pub(crate) fn new() -> Oracle {
        let mut env = Env::stdlib().with_optional_support(true);
        for extension in [extensions::strings, extensions::math, extensions::encoders] {
            env.add_extension(extension).unwrap();
        }
        Oracle(Arc::new(env))
    }

    /// An expression over the free variables.
    pub(crate) fn over_variables(&self, source: &str) -> Outcome {
        let mut context = Context::with_env(self.0.clone());
        context.add_variable_from_value("i", 7_i64);
        context.add_variable_from_value("d", 2.5);
        context.add_variable_from_value("s", "abcä");
        context.add_variable_from_value("l", vec![4_i64, 0, 7]);
        context.add_variable_from_value("m", HashMap::from([("a", 1_i64), ("z", 26)]));
        self.outcome(source, &context)
    }

    /// An expression of this type over the object, whose values have the types that the schema gives them.
    pub(crate) fn over_object(&self, source: &str, ty: Ty) -> Outcome {
        let mut context = Context::with_env(self.0.clone());
        let (schema, object) = (variables::schema(), variables::object());
        for root in ["metadata", "spec"] {
            context.add_variable_from_value(root, self.typed(&schema["properties"][root], &object[root]));
        }
        match self.outcome(&ty.as_json(source), &context) {
            Outcome::Value(words) if ["double NaN", "double inf", "double -inf"].contains(&words.as_str()) => {
                Outcome::Failed("JSON has no such number".to_owned())
            }
            // Nor does every reader of JSON tell the two zeros apart.
            Outcome::Value(words) if words == "double -0.0" => Outcome::Value("double 0.0".to_owned()),
            other => other,
        }
    }

    fn outcome(&self, source: &str, context: &Context<'_, '_>) -> Outcome {
        let program = match self.0.compile(source) {
            Ok(program) => program,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        match program.execute(context) {
            Ok(value) => Outcome::Value(words(&value)),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    /// The value that JSON stands for where its schema is this one; without a type as JSON has it.
    fn typed(&self, schema: &Json, value: &Json) -> Value {
        let text = || value.as_str().unwrap_or_else(|| panic!("{value} is no string"));
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("integer"), _) => Value::Int(value.as_i64().unwrap()),
            (Some("number"), _) => Value::Float(value.as_f64().unwrap()),
            (Some("boolean"), _) => Value::Bool(value.as_bool().unwrap()),
            (Some("string"), Some("date-time")) => self.constant(&format!("timestamp('{}')", text())),
            (Some("string"), Some("duration")) => self.constant(&format!("duration('{}')", text())),
            (Some("string"), _) => Value::from(text()),
            (Some("array"), _) => {
                let items: Vec<Value> =
                    value.as_array().unwrap().iter().map(|item| self.typed(&schema["items"], item)).collect();
                Value::from(items)
            }
            _ => match value {
                Json::Object(members) => {
                    let member = |(key, value): (&String, &Json)| {
                        let of = schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
                        (key.clone(), self.typed(of, value))
                    };
                    Value::from(members.iter().map(member).collect::<HashMap<String, Value>>())
                }
                Json::String(text) => Value::from(text.as_str()),
                other => panic!("{other} has no schema"),
            },
        }
    }

    fn constant(&self, source: &str) -> Value {
        let program = self.0.compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        program.execute(&Context::with_env(self.0.clone())).unwrap_or_else(|error| panic!("{source}: {error}"))
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "null ".to_owned(),
        Value::Bool(value) => format!("bool {value}"),
        Value::Int(value) => format!("int {value}"),
        Value::UInt(value) => format!("uint {value}"),
        Value::Float(value) => double(*value),
        Value::String(text) => format!("string {text:?}"),
        Value::Bytes(bytes) => format!("bytes {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Value::List(items) => list(items.iter().map(words)),
        Value::Map(entries) => map(entries.map.iter().map(|(key, value)| {
            let key = match key {
                Key::Int(key) => Value::Int(*key),
                Key::Uint(key) => Value::UInt(*key),
                Key::Bool(key) => Value::Bool(*key),
                Key::String(key) => Value::String(key.clone()),
            };
            (words(&key), words(value))
        })),
        Value::Duration(span) => {
            let nanos = i128::from(span.num_seconds()) * 1_000_000_000 + i128::from(span.subsec_nanos());
            format!("duration {nanos}")
        }
        Value::Timestamp(time) => {
            let text = time.to_utc().format("%Y-%m-%dT%H:%M:%S%.9f").to_string();
            format!("timestamp {}Z", text.trim_end_matches('0').trim_end_matches('.'))
        }
        other => match <&cel_interpreter::objects::OptionalValue>::try_from(other) {
            Ok(optional) => format!("optional {}", list(optional.value().into_iter().map(words))),
            Err(_) => format!("{other:?}"),
        },
    }
}
