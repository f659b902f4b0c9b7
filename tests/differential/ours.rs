//! Our side: front end, lowering and engine, without the sandbox.

use std::sync::LazyLock;

use orkestra_compile::lower::{self, Slots};
use orkestra_engine::{Engine, Failure, Request};
use orkestra_pattern::cel::ast::Type;
use orkestra_pattern::cel::{self, Declarations, Place, Problem, Scope};
use orkestra_pattern::schema::Schema;
use orkestra_program::CALL_BUDGET;
use orkestra_program::model::{Entry, Evaluation, Hole, Located, Program, StatusField, Target, Template};
use serde_json::{Value as Json, json};

use crate::operations::Ty;
use crate::outcome::{Outcome, double, list, map};
use crate::variables::{self, VARIABLES};

/// An expression that stands alone.
pub(crate) fn over_variables(source: &str) -> Outcome {
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
        Err(problems) => return refused(&problems),
    };
    let bindings: Vec<String> = VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let value = Located { at: String::new(), expr: lower::free(&checked, &bindings, "") };
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
    match Engine::load(&program).eval("e", &values, CALL_BUDGET) {
        Ok(evaluation) => Outcome::Value(typed_words(&serde_json::from_slice(&evaluation.value).unwrap())),
        Err(failure) => failed(failure),
    }
}

/// An expression of this type that is a field of the status of the object, as a pattern has it.
pub(crate) fn over_object(source: &str, ty: Ty) -> Outcome {
    static SCOPE: LazyLock<Scope> = LazyLock::new(|| Scope::new(&Schema::parse(&variables::schema()).unwrap(), true));
    static OBJECT: LazyLock<Vec<u8>> = LazyLock::new(|| variables::object().to_string().into_bytes());
    let source = ty.as_json(source);
    let checked = match cel::check(&source, "", &SCOPE, Place::Value(None)) {
        Ok(checked) => checked,
        Err(problems) => return refused(&problems),
    };
    let hole = Hole { value: lower::located(&checked, &Slots::default()), target: Target::Any, absent: checked.path };
    let field = StatusField {
        path: vec!["value".to_owned()],
        requires: vec![],
        reads: vec![],
        when: None,
        value: Template::Hole(hole),
    };
    let entry = Entry { name: "e".to_owned(), status: vec![field], ..Entry::default() };
    let program = orkestra_program::encode(&Program { entries: vec![entry], evaluations: vec![] });
    let request = Request {
        primary: &OBJECT,
        children: &[],
        reads: &[],
        inputs: b"{}",
        hooks: b"{}",
        now: 0,
        entropy: &[],
        deleting: false,
        budget: CALL_BUDGET,
    };
    match Engine::load(&program).reconcile("e", &request) {
        Ok(plan) if ty == Ty::Double => {
            // Read as text: the parser of JSON rounds the last digit in its own way.
            let text = std::str::from_utf8(&plan.status).unwrap();
            let number = text.strip_prefix("{\"value\":").and_then(|rest| rest.strip_suffix('}'));
            Outcome::Value(double(number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text}"))))
        }
        Ok(plan) => {
            let status: Json = serde_json::from_slice(&plan.status).unwrap();
            Outcome::Value(json_words(status.get("value"), ty))
        }
        Err(failure) => failed(failure),
    }
}

fn refused(problems: &[Problem]) -> Outcome {
    Outcome::Refused(problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))
}

fn failed(failure: Failure) -> Outcome {
    match failure {
        Failure::Expression { message, .. } => Outcome::Failed(message),
        other => Outcome::Refused(format!("{other:?}")),
    }
}

fn typed_words(typed: &Json) -> String {
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
        "list" => list(value.as_array().into_iter().flatten().map(typed_words)),
        "map" => map(value.as_array().into_iter().flatten().map(|pair| (typed_words(&pair[0]), typed_words(&pair[1])))),
        "optional" => format!("optional {}", list(value.as_array().into_iter().flatten().map(typed_words))),
        "bool" => format!("bool {value}"),
        _ => format!("{kind} {}", text()),
    }
}

/// The words of JSON that stands for a value of a type; none: the field was left out.
fn json_words(value: Option<&Json>, ty: Ty) -> String {
    let Some(value) = value else { return if ty == Ty::Opt { "optional []".to_owned() } else { "absent".to_owned() } };
    let items = |of: Ty| list(value.as_array().into_iter().flatten().map(|item| json_words(Some(item), of)));
    match ty {
        Ty::Bool => format!("bool {value}"),
        Ty::Int => format!("int {value}"),
        Ty::Uint => format!("uint {value}"),
        Ty::Double => panic!("a double is read from the text"),
        // See `Ty::as_json`.
        Ty::Text | Ty::Bytes | Ty::Time | Ty::Span => format!("string {:?}", value.as_str().unwrap_or_default()),
        Ty::Ints => items(Ty::Int),
        Ty::Texts => items(Ty::Text),
        Ty::Map => map(value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (format!("string {key:?}"), json_words(Some(value), Ty::Int)))),
        Ty::Opt => format!("optional [{}]", json_words(Some(value), Ty::Int)),
    }
}
