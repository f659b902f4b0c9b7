//! The two implementations, and one form for what they give.

use std::collections::HashMap;
use std::sync::Arc;

use cel_interpreter::objects::{Key, Value};
use cel_interpreter::{Context, Env, extensions};
use orkestra_engine::{Engine, Failure};
use orkestra_pattern::cel::ast::Type;
use orkestra_pattern::cel::{self, Declarations, Problem};
use orkestra_program::model::{Evaluation, Located, Program};
use serde_json::{Value as Json, json};

use crate::generate::VARIABLES;
use crate::operations::Ty;

/// What came of an expression: its value in words, or a failure as CEL has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value(String),
    Failed(String),
    /// It was refused before it could fail: the two must not differ in what they understand.
    Refused(String),
}

impl Outcome {
    /// Whether both say the same: the words of a failure are everyone's own.
    pub(crate) fn agrees(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Value(a), Outcome::Value(b)) => a == b,
            (Outcome::Failed(_), Outcome::Failed(_)) => true,
            _ => false,
        }
    }
}

/// Front end, lowering and engine, without the sandbox.
pub(crate) fn ours(source: &str) -> Outcome {
    let declared = |ty: Ty| match ty {
        Ty::Double => Type::Double,
        Ty::Text => Type::String,
        Ty::Ints => Type::list(Type::Int),
        Ty::Map => Type::map(Type::String, Type::Int),
        _ => Type::Int,
    };
    let variables = VARIABLES.iter().map(|(name, ty)| ((*name).to_owned(), declared(*ty))).collect();
    let checked = match cel::check_free(source, "", &Declarations { variables, container: String::new() }) {
        Ok(checked) => checked,
        Err(problems) => {
            return Outcome::Refused(problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "));
        }
    };
    let bindings: Vec<String> = VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let value = Located { at: String::new(), expr: orkestra_compile::lower::free(&checked, &bindings, "") };
    let program = Program { entries: vec![], evaluations: vec![Evaluation { name: "e".to_owned(), bindings, value }] };
    let program = orkestra_program::encode(&program);
    let int = |value: i64| json!({"type": "int", "value": value.to_string()});
    let values = json!({
        "i": int(7),
        "d": {"type": "double", "value": "2.5"},
        "s": {"type": "string", "value": "abcä"},
        "l": {"type": "list", "value": [int(4), int(0), int(7)]},
        "m": {"type": "map", "value": [
            [{"type": "string", "value": "a"}, int(1)], [{"type": "string", "value": "z"}, int(26)],
        ]},
    });
    let values = serde_json::to_vec(&values).unwrap();
    match Engine::load(&program).eval("e", &values, orkestra_program::CALL_BUDGET) {
        Ok(evaluation) => Outcome::Value(our_words(&serde_json::from_slice(&evaluation.value).unwrap())),
        Err(Failure::Expression { message, .. }) => Outcome::Failed(message),
        Err(other) => Outcome::Refused(format!("{other:?}")),
    }
}

fn our_words(typed: &Json) -> String {
    let (kind, value) = (typed["type"].as_str().unwrap_or_default(), &typed["value"]);
    let text = || value.as_str().unwrap_or_default();
    match kind {
        "double" => double(match text() {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            other => other.parse().unwrap_or_else(|_| panic!("{typed}")),
        }),
        "string" => format!("string {:?}", text()),
        "duration" => {
            let text = text().trim_end_matches('s');
            let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
            let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
            let nanos: i128 =
                seconds.parse::<i128>().unwrap() * 1_000_000_000 + format!("{fraction:0<9}").parse::<i128>().unwrap();
            format!("duration {}", if negative { -nanos } else { nanos })
        }
        "list" => list(value.as_array().into_iter().flatten().map(our_words)),
        "map" => map(value.as_array().into_iter().flatten().map(|pair| (our_words(&pair[0]), our_words(&pair[1])))),
        "optional" => format!("optional {}", list(value.as_array().into_iter().flatten().map(our_words))),
        "bool" => format!("bool {value}"),
        _ => format!("{kind} {}", text()),
    }
}

fn double(value: f64) -> String {
    // All kinds of NaN are one.
    if value.is_nan() { "double NaN".to_owned() } else { format!("double {value:?}") }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn map(entries: impl Iterator<Item = (String, String)>) -> String {
    let mut entries: Vec<String> = entries.map(|(key, value)| format!("{key}: {value}")).collect();
    entries.sort();
    format!("{{{}}}", entries.join(", "))
}

/// The other implementation, which is nobody's of ours: from its own parser on.
pub(crate) struct Oracle(Arc<Env>);

impl Oracle {
    pub(crate) fn new() -> Oracle {
        let mut env = Env::stdlib().with_optional_support(true);
        for extension in [extensions::strings, extensions::math, extensions::encoders] {
            env.add_extension(extension).unwrap();
        }
        Oracle(Arc::new(env))
    }

    pub(crate) fn outcome(&self, source: &str) -> Outcome {
        let program = match self.0.compile(source) {
            Ok(program) => program,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let mut context = Context::with_env(self.0.clone());
        context.add_variable_from_value("i", 7_i64);
        context.add_variable_from_value("d", 2.5);
        context.add_variable_from_value("s", "abcä");
        context.add_variable_from_value("l", vec![4_i64, 0, 7]);
        context.add_variable_from_value("m", HashMap::from([("a", 1_i64), ("z", 26)]));
        match program.execute(&context) {
            Ok(value) => Outcome::Value(their_words(&value)),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

fn their_words(value: &Value) -> String {
    match value {
        Value::Null => "null ".to_owned(),
        Value::Bool(value) => format!("bool {value}"),
        Value::Int(value) => format!("int {value}"),
        Value::UInt(value) => format!("uint {value}"),
        Value::Float(value) => double(*value),
        Value::String(text) => format!("string {text:?}"),
        Value::Bytes(bytes) => format!("bytes {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Value::List(items) => list(items.iter().map(their_words)),
        Value::Map(entries) => map(entries.map.iter().map(|(key, value)| {
            let key = match key {
                Key::Int(key) => Value::Int(*key),
                Key::Uint(key) => Value::UInt(*key),
                Key::Bool(key) => Value::Bool(*key),
                Key::String(key) => Value::String(key.clone()),
            };
            (their_words(&key), their_words(value))
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
            Ok(optional) => format!("optional {}", list(optional.value().into_iter().map(their_words))),
            Err(_) => format!("{other:?}"),
        },
    }
}
