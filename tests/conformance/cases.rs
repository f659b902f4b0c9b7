//! The cases: what they say, what their expressions become, and whether a result is the expected one.

use std::collections::BTreeMap;
use std::path::Path;

use orkestra_pattern::cel::ast::Type;
use orkestra_pattern::cel::{self, Checked, Declarations, Problem, ProblemKind};
use orkestra_program::model::{Evaluation, Located};
use serde::Deserialize;
use serde_json::Value;

/// One case of a file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) section: String,
    pub(crate) name: String,
    pub(crate) expr: String,
    #[serde(default)]
    pub(crate) bindings: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) declarations: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) container: String,
    #[serde(default)]
    pub(crate) disable_check: bool,
    #[serde(default)]
    pub(crate) check_only: bool,
    pub(crate) value: Option<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) deduced_type: Option<Value>,
}

/// What came of an expression.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its value as typed JSON.
    Value(Value),
    /// The evaluation failed, as an expression may.
    Failed(String),
    /// Something else failed.
    Broken(String),
}

/// Reads the cases of a file.
pub(crate) fn read(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Case {
    /// Section and name, which together are unique in a file.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.section, self.name)
    }

    /// Checks the expression, unless the case asks not to.
    pub(crate) fn check(&self) -> Result<Checked, Vec<Problem>> {
        if self.disable_check {
            cel::parse_free(&self.expr, &self.name)
        } else {
            let variables = self.declarations.iter().map(|(name, ty)| (name.clone(), declared(ty))).collect();
            let declarations = Declarations { variables, container: self.container.clone() };
            cel::check_free(&self.expr, &self.name, &declarations)
        }
    }

    /// What it means that the check refuses the expression: a miss, unless that is the failure which the case is about.
    pub(crate) fn judge_refusal(&self, problems: &[Problem]) -> Result<(), String> {
        let messages = || problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ");
        let expected = self.error.iter().flat_map(Value::as_array).flatten().filter_map(Value::as_str);
        // The cases have no other mark of a failure that comes before the evaluation.
        let mut of_overloads = expected.filter(|message| message.starts_with("found no matching overload"));
        if of_overloads.next().is_some() && problems.iter().all(|problem| problem.kind == ProblemKind::NoOverload) {
            return Ok(());
        }
        Err(format!("does not compile: {}", messages()))
    }

    /// The program's part for this case.
    pub(crate) fn evaluation(&self, name: String, checked: &Checked) -> Evaluation {
        // Bindings may have names that are not declared, and the other way round.
        let bindings: Vec<String> = self.bindings.keys().cloned().collect();
        let expr = orkestra_compile::lower::free(checked, &bindings, &self.container);
        Evaluation { name, bindings, value: Located { at: self.name.clone(), expr } }
    }

    /// The bindings as the evaluator takes them.
    pub(crate) fn bindings_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.bindings).unwrap_or_default()
    }

    /// Whether the type is the expected one, where the case names one.
    pub(crate) fn type_fits(&self, checked: &Checked) -> Result<(), String> {
        match &self.deduced_type {
            Some(expected) if declared(expected) != checked.ty => {
                Err(format!("the type is {}, expected {expected}", checked.ty.display_name()))
            }
            _ => Ok(()),
        }
    }

    /// Whether the outcome is the expected one.
    pub(crate) fn judge(&self, outcome: &Outcome) -> Result<(), String> {
        match (outcome, &self.value, &self.error) {
            (Outcome::Broken(why), ..) => Err(format!("broken: {why}")),
            (Outcome::Value(found), Some(expected), _) if same(found, expected) => Ok(()),
            (Outcome::Value(found), Some(expected), _) => Err(format!("is {found}, expected {expected}")),
            (Outcome::Value(found), None, Some(_)) => Err(format!("is {found}, expected a failure")),
            (Outcome::Failed(_), None, Some(_)) => Ok(()),
            (Outcome::Failed(why), ..) => Err(format!("fails: {why}")),
            (Outcome::Value(_), None, None) => Err("the case expects nothing".to_owned()),
        }
    }
}

/// A type as the cases write it.
fn declared(ty: &Value) -> Type {
    match ty {
        Value::String(name) => match name.as_str() {
            "int64" => Type::Int,
            "uint64" => Type::UInt,
            "double" => Type::Double,
            "bool" => Type::Bool,
            "string" => Type::String,
            "bytes" => Type::Bytes,
            "null" => Type::Null,
            "dyn" => Type::Dyn,
            other => Type::message(other),
        },
        Value::Object(parts) => {
            let part = |key: &str, index: usize| parts[key].get(index).map_or(Type::Dyn, declared);
            match parts.keys().next().map(String::as_str) {
                Some("list") => Type::list(declared(&parts["list"])),
                Some("map") => Type::map(part("map", 0), part("map", 1)),
                Some("abstract") => Type::optional(part("params", 0)),
                _ => Type::Dyn,
            }
        }
        _ => Type::Dyn,
    }
}

/// Whether two typed values are the same: numbers by value, maps in any order.
fn same(a: &Value, b: &Value) -> bool {
    if a["type"] != b["type"] {
        return false;
    }
    let (kind, a, b) = (a["type"].as_str().unwrap_or_default(), &a["value"], &b["value"]);
    match (kind, a, b) {
        ("double", a, b) => match (double(a), double(b)) {
            (Some(a), Some(b)) => {
                (a.is_nan() && b.is_nan()) || (a == b && a.is_sign_negative() == b.is_sign_negative())
            }
            _ => false,
        },
        ("list", Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        ("map", Value::Array(a), Value::Array(b)) => {
            let found = |pair: &Value| a.iter().any(|other| same(&other[0], &pair[0]) && same(&other[1], &pair[1]));
            a.len() == b.len() && b.iter().all(found)
        }
        _ => a == b,
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match text.as_str() {
            "Infinity" | "+Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        other => other.as_f64(),
    }
}
