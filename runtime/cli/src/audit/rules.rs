//! Rules of the policy over the audit's document.
//!
//! They are the text of whoever operates the runtime, and so are evaluated here and not in the sandbox.

use std::collections::HashMap;

use cel_interpreter::objects::Value;
use cel_interpreter::{Context, Env, extensions};
use orkestra_komposer::policy::Rule as Written;
use serde_json::Value as Json;

use super::{Finding, Rule};

/// The rules that do not hold, or cannot be evaluated. The members of the document are their variables.
pub(crate) fn violations(rules: &[Written], document: &Json) -> Vec<Finding> {
    let mut env = Env::stdlib().with_optional_support(true);
    // A library that is not there is told by the rule that uses it.
    let added = env.add_extension(extensions::strings);
    let env = std::sync::Arc::new(env);
    let mut context = Context::with_env(env.clone());
    for (name, value) in document.as_object().into_iter().flatten() {
        context.add_variable_from_value(name.as_str(), value_of(value));
    }
    let judged = |rule: &Written| -> Option<String> {
        if let Err(error) = &added {
            return Some(format!("{}: not evaluated: {error:?}", rule.message));
        }
        let program = match env.compile(&rule.cel) {
            Ok(program) => program,
            Err(error) => return Some(format!("the rule `{}` cannot be read: {error}", rule.cel)),
        };
        match program.execute(&context) {
            Ok(Value::Bool(true)) => None,
            Ok(Value::Bool(false)) => Some(rule.message.clone()),
            Ok(_) => Some(format!("the rule `{}` is neither true nor false", rule.cel)),
            Err(error) => Some(format!("the rule `{}` cannot be evaluated: {error}", rule.cel)),
        }
    };
    let finding = |rule: &Written| {
        let message = judged(rule)?;
        Some(Finding { rule: Rule::PolicyViolated, message, pattern: None, at: Some(rule.at.clone()) })
    };
    rules.iter().filter_map(finding).collect()
}

/// A value of JSON. Whole numbers are `int`, as everywhere in the language.
fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(value_of).collect::<Vec<_>>()),
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| (key.clone(), value_of(value)));
            Value::from(members.collect::<HashMap<String, Value>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(cel: &str) -> Vec<String> {
        let rule = Written { cel: cel.to_owned(), message: "no".to_owned(), at: "policy.yaml:1:1".to_owned() };
        let document = json!({
            "patterns": [
                {"name": "a", "limits": {"memory": 16_777_216}, "capabilities": [{"name": "flow:spec.a", "granted": true}]},
                {"name": "b", "limits": {"memory": 8_388_608}, "capabilities": []},
            ],
        });
        violations(&[rule], &document).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn rules_hold_or_are_told() {
        assert_eq!(broken("patterns.all(p, p.limits.memory <= 16777216)"), [""; 0]);
        assert_eq!(broken("patterns.all(p, p.limits.memory < 16777216)"), ["no"]);
        assert_eq!(broken("patterns.all(p, p.capabilities.all(c, !c.name.startsWith('flow:')))"), ["no"]);
        assert_eq!(broken("size(patterns) == 2"), [""; 0]);
    }

    #[test]
    fn a_rule_that_says_nothing_is_a_violation() {
        for (rule, part) in [
            ("size(patterns)", "neither true nor false"),
            ("patterns.", "cannot be read"),
            ("nothing > 1", "cannot be evaluated"),
        ] {
            let found = broken(rule);
            assert!(matches!(found.as_slice(), [message] if message.contains(part)), "{rule}: {found:?}");
        }
    }
}
