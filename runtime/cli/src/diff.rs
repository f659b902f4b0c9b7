//! Two values, line by line as YAML.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::error::Error;
use crate::output::{escape, role};
use crate::yaml;

/// Lines around a change that are shown as they are.
const CONTEXT: usize = 3;

/// `-` before lines that were expected, `+` before those that were found. Keys are sorted on both sides, because their order
/// says nothing.
pub(crate) fn lines(expected: Option<&Value>, found: Option<&Value>) -> Result<String, Error> {
    let text = |value: Option<&Value>| value.map_or(Ok(String::new()), |value| yaml::text(&sorted(value)));
    let (expected, found) = (text(expected)?, text(found)?);
    let diff = TextDiff::from_lines(&expected, &found);
    let mut shown = String::new();
    for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            let _ = writeln!(shown, "{s}  …{s:#}", s = role::FAINT);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value();
            let line = escape(line.strip_suffix('\n').unwrap_or(line));
            let _ = match change.tag() {
                ChangeTag::Equal => writeln!(shown, "  {line}"),
                ChangeTag::Delete => writeln!(shown, "{s}- {line}{s:#}", s = role::ERROR),
                ChangeTag::Insert => writeln!(shown, "{s}+ {line}{s:#}", s = role::DONE),
            };
        }
    }
    Ok(shown)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_marked() {
        let shown = lines(Some(&json!({"b": 1, "a": 1})), Some(&json!({"a": 1, "b": 2}))).unwrap();
        let plain = anstream::adapter::strip_str(&shown).to_string();
        assert_eq!(plain, "  a: 1\n- b: 1\n+ b: 2\n");
        assert_eq!(lines(None, None).unwrap(), "");
    }
}
