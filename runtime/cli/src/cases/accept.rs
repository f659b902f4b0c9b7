//! Writing what came out into the file that expected something else.

use serde_json::{Map, Value};

use super::{Case, expect};
use crate::error::Error;
use crate::yaml;

/// The text of a file in which these cases expect what came of them. Everything outside of the expectations stays as it is.
pub(crate) fn accept(text: &str, outcomes: &[(&Case, &Map<String, Value>)]) -> Result<String, Error> {
    let mut text = text.to_owned();
    let mut outcomes = outcomes.to_vec();
    // From the end, so that the places before keep their offsets.
    outcomes.sort_by_key(|(case, _)| std::cmp::Reverse(case.place.start));
    for (case, found) in outcomes {
        let expectation = expectation(case, found);
        let is_new = case.place.start == case.place.end;
        let Some(indent) = case.place.indent else {
            let so_far = text.get(..case.place.start).unwrap_or_default();
            let before = if is_new && !so_far.trim_end().ends_with(',') { ", " } else { "" };
            text.replace_range(case.place.start..case.place.end, &format!("{before}expect: {expectation}"));
            continue;
        };
        let written = yaml::text(&expectation)?;
        let indent = " ".repeat(indent + 2);
        let block: String = written
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("\n{indent}{line}") })
            .collect();
        let before = if is_new { "\n" } else { "" };
        text.replace_range(case.place.start..case.place.end, &format!("{before}expect:{block}"));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The parts that the case expects already, with the values that were found; all of them where it expects none of them.
fn expectation(case: &Case, found: &Map<String, Value>) -> Value {
    let mut parts = Map::new();
    if case.expect.subset {
        parts.insert("match".to_owned(), "subset".into());
    }
    for (part, value) in found {
        match case.expect.parts.get(part) {
            Some(expected) if case.expect.subset => {
                parts.insert(part.clone(), restricted(part, value, expected));
            }
            Some(_) => drop(parts.insert(part.clone(), value.clone())),
            None => {}
        }
    }
    if !found.keys().any(|part| parts.contains_key(part)) {
        parts.extend(found.clone());
    }
    Value::Object(parts)
}

/// Only what the expectation asked for, item by item.
fn restricted(part: &str, found: &Value, expected: &Value) -> Value {
    let name = match part {
        "children" => "id",
        "conditions" => "type",
        _ => return expect::only(found, expected),
    };
    let (Value::Array(found), Value::Array(expected)) = (found, expected) else { return found.clone() };
    let items = found.iter().filter_map(|found| {
        let same =
            |expected: &&Value| expected[name] == found[name] && (name != "id" || expected["key"] == found["key"]);
        expected.iter().find(same).map(|expected| expect::only(found, expected))
    });
    // What must not be there and is not stays said.
    let absent = expected.iter().filter(|expected| expected["absent"] == true);
    let absent = absent.filter(|absent| !found.iter().any(|found| found[name] == absent[name]));
    items.chain(absent.cloned()).collect()
}
