//! Whether what came out is what was expected.

use serde_json::{Map, Value};

use super::{Expect, run};

/// One thing that is not as expected.
#[derive(Debug)]
pub(crate) struct Difference {
    /// `child app`, `status`, `condition Ready`.
    pub(crate) what: String,
    /// None: it should not be there.
    pub(crate) expected: Option<Value>,
    /// None: it is not there. As far as it was asked for.
    pub(crate) found: Option<Value>,
}

/// Everything that is not as expected.
pub(crate) fn differences(expect: &Expect, found: &Map<String, Value>) -> Vec<Difference> {
    let mut differences = Vec::new();
    if let Some(failure) = found.get("failure").filter(|_| !expect.parts.contains_key("failure")) {
        let what = "failure".to_owned();
        return vec![Difference { what, expected: None, found: Some(failure.clone()) }];
    }
    for (part, expected) in &expect.parts {
        let found = found.get(part);
        match (part.as_str(), expected, found) {
            ("children", Value::Array(expected), Some(Value::Array(found))) => {
                let (absent, expected): (Vec<_>, Vec<_>) =
                    expected.iter().cloned().map(normal).partition(|child| child["absent"] == true);
                for absent in &absent {
                    let there = found.iter().find(|found| is_child(absent, found));
                    let what = child_name(absent);
                    differences.extend(there.map(|found| Difference {
                        what,
                        expected: None,
                        found: Some(found.clone()),
                    }));
                }
                pairs(&expected, found, is_child, child_name, expect.subset, expect.subset, &mut differences);
            }
            // Of a condition, only what is written is compared: a message is for people.
            ("conditions", Value::Array(expected), Some(Value::Array(found))) => {
                let same_type = |expected: &Value, found: &Value| expected["type"] == found["type"];
                let name = |condition: &Value| format!("condition {}", condition["type"].as_str().unwrap_or("?"));
                pairs(expected, found, same_type, name, true, expect.subset, &mut differences);
            }
            (_, expected, found) => {
                let subset = expect.subset || part == "failure";
                compare(part.clone(), expected, found, subset, &mut differences);
            }
        }
    }
    differences
}

/// Compares lists whose items have names; their order says nothing.
fn pairs(
    expected: &[Value],
    found: &[Value],
    is: impl Fn(&Value, &Value) -> bool,
    name: impl Fn(&Value) -> String,
    subset_of_item: bool,
    subset_of_list: bool,
    differences: &mut Vec<Difference>,
) {
    let mut left: Vec<&Value> = found.iter().collect();
    for expected in expected {
        match left.iter().position(|found| is(expected, found)) {
            Some(at) => compare(name(expected), expected, Some(left.remove(at)), subset_of_item, differences),
            None => compare(name(expected), expected, None, subset_of_item, differences),
        }
    }
    if !subset_of_list {
        let unexpected =
            left.into_iter().map(|found| Difference { what: name(found), expected: None, found: Some(found.clone()) });
        differences.extend(unexpected);
    }
}

fn compare(what: String, expected: &Value, found: Option<&Value>, subset: bool, differences: &mut Vec<Difference>) {
    let found = found.map(|found| if subset { only(found, expected) } else { found.clone() });
    if found.as_ref().is_none_or(|found| !same(expected, found)) {
        differences.push(Difference { what, expected: Some(expected.clone()), found });
    }
}

/// Whether an expectation means this child: what it says of id, key, kind and name must fit. The id may be left out.
fn is_child(expected: &Value, found: &Value) -> bool {
    let fits = |pointer: &str| match (expected.pointer(pointer), found.pointer(pointer)) {
        (Some(expected), Some(found)) => expected == found,
        // What is pending has no object to compare with.
        (Some(_), None) => pointer.starts_with("/object"),
        (None, _) => true,
    };
    let named = expected.get("id").is_some() || expected.get("object").is_some();
    // With an id, kind and name are compared with the rest, so that a wrong name is a difference and not a lost child.
    let object = expected.get("id").is_some() || (fits("/object/kind") && fits("/object/metadata/name"));
    named && fits("/id") && fits("/key") && object
}

fn child_name(child: &Value) -> String {
    let text = |pointer: &str| child.pointer(pointer).and_then(Value::as_str);
    match (text("/id"), text("/key")) {
        (Some(id), Some(key)) => format!("child {id}[{key}]"),
        (Some(id), None) => format!("child {id}"),
        (None, _) => {
            let (kind, name) = (text("/object/kind"), text("/object/metadata/name"));
            format!("child {} {}", kind.unwrap_or("?"), name.unwrap_or("?"))
        }
    }
}

fn normal(mut child: Value) -> Value {
    if let Some(object) = child.get_mut("object") {
        run::normal(object);
    }
    child
}

/// What of `value` stands in `shape`: keys that it does not have are left out. Lists keep their length.
pub(super) fn only(value: &Value, shape: &Value) -> Value {
    match (value, shape) {
        (Value::Object(members), Value::Object(shape)) => {
            let kept = shape.iter().filter_map(|(key, shape)| Some((key.clone(), only(members.get(key)?, shape))));
            Value::Object(kept.collect())
        }
        (Value::Array(items), Value::Array(shapes)) => {
            let part =
                |(at, item): (usize, &Value)| shapes.get(at).map_or_else(|| item.clone(), |shape| only(item, shape));
            items.iter().enumerate().map(part).collect()
        }
        _ => value.clone(),
    }
}

/// Equality as JSON has it: in maps of any order, and `1` and `1.0` are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found() -> Map<String, Value> {
        let found = json!({
            "children": [
                {"id": "app", "object": {"kind": "Deployment", "metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"replicas": 2}}},
                {"id": "svc", "pending": true},
            ],
            "status": {"url": "u", "n": 1},
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "R", "message": "m"},
                {"type": "Stalled", "status": "False", "reason": "S", "message": ""},
            ],
        });
        found.as_object().cloned().unwrap_or_default()
    }

    /// What differs when this is expected.
    fn differ(subset: bool, parts: Value) -> Vec<String> {
        let expect = Expect { subset, parts: parts.as_object().cloned().unwrap_or_default() };
        differences(&expect, &found()).into_iter().map(|difference| difference.what).collect()
    }

    #[test]
    fn an_exact_expectation_misses_and_adds_nothing() {
        let whole = Value::Object(found());
        assert_eq!(differ(false, whole.clone()), [""; 0]);
        assert_eq!(differ(false, json!({"children": [whole["children"][0]]})), ["child svc"]);
        assert_eq!(differ(false, json!({"children": [{"id": "app"}, {"id": "svc", "pending": true}]})), ["child app"]);
        assert_eq!(differ(false, json!({"status": {"url": "u"}})), ["status"]);
        assert_eq!(differ(false, json!({"conditions": [{"type": "Ready", "status": "False"}]})), ["condition Stalled"]);
        assert_eq!(differ(false, json!({"failure": {"reason": "Expression"}})), ["failure"]);
    }

    #[test]
    fn a_subset_is_compared_as_far_as_it_goes() {
        assert_eq!(differ(true, json!({"children": [{"id": "app", "object": {"spec": {"replicas": 2}}}]})), [""; 0]);
        assert_eq!(
            differ(true, json!({"children": [{"id": "app", "object": {"spec": {"replicas": 3}}}]})),
            ["child app"]
        );
        assert_eq!(differ(true, json!({"children": [{"id": "other"}]})), ["child other"]);
        assert_eq!(differ(true, json!({"children": [{"id": "other", "absent": true}]})), [""; 0]);
        assert_eq!(differ(true, json!({"children": [{"id": "app", "absent": true}]})), ["child app"]);
        assert_eq!(differ(true, json!({"status": {"n": 1.0}})), [""; 0]);
        assert_eq!(differ(true, json!({"conditions": [{"type": "Ready", "status": "True"}]})), ["condition Ready"]);
    }

    #[test]
    fn a_child_is_found_by_kind_and_name_without_an_id() {
        let object = |name: &str| json!({"children": [{"object": {"kind": "Deployment", "metadata": {"name": name}}}]});
        assert_eq!(differ(true, object("a")), [""; 0]);
        assert_eq!(differ(true, object("b")), ["child Deployment b"]);
    }

    #[test]
    fn a_failure_that_nobody_expects_is_the_only_difference() {
        let found = json!({"failure": {"reason": "Expression", "at": "katalog.yaml:3:4", "message": "m"}});
        let found = found.as_object().cloned().unwrap_or_default();
        let of = |parts: Value| {
            let expect = Expect { subset: false, parts: parts.as_object().cloned().unwrap_or_default() };
            differences(&expect, &found).len()
        };
        assert_eq!(of(json!({"status": {}, "children": []})), 1);
        assert_eq!(of(json!({"failure": {"reason": "Expression", "at": "katalog.yaml:3:4"}})), 0);
        assert_eq!(of(json!({"failure": {"reason": "CostExceeded"}})), 1);
    }
}
