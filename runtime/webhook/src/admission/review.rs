//! What a pattern says of an object, in the words of the API server.

use serde_json::{Value, json};

use crate::review::Shown;
use crate::routes::{Admission, Admit, Refused, Violation};

/// The most violations that one answer tells of.
const MOST: usize = 32;

/// An answer, before it has the form of one.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) allowed: bool,
    pub(super) patch: Vec<Value>,
    pub(super) status: Option<Value>,
    pub(super) warnings: Vec<String>,
    /// One word for a metric.
    pub(super) result: &'static str,
}

impl Told {
    pub(super) fn allowed() -> Self {
        Self { allowed: true, result: "Allowed", ..Self::default() }
    }

    /// The object could not be reviewed, so it is not stored.
    pub(super) fn failed(refused: &Refused) -> Self {
        let message = Shown(&refused.message);
        let status = json!({"status": "Failure", "code": 500, "reason": "InternalError",
            "message": format!("the rules of its pattern could not be applied ({}): {message}", refused.reason)});
        Self { status: Some(status), result: refused.reason, ..Self::default() }
    }
}

/// Gives an object, whose text is `text`, its values, and tells them as operations of a JSON Patch.
pub(super) fn change(admit: &dyn Admit, text: &[u8], object: &mut Value) -> Result<Vec<Value>, Refused> {
    let admission = admit.admit(text)?;
    let mut patch = Vec::new();
    for (path, value) in admission.changes {
        let invalid = |why: &str| {
            let message = format!("the value given to `{}` {why}", path.join("."));
            Refused { reason: "InvalidOutput", message }
        };
        let value: Value = serde_json::from_slice(&value).map_err(|_| invalid("is not JSON"))?;
        if matches!(path.first().map(String::as_str), None | Some("apiVersion" | "kind" | "metadata" | "status")) {
            return Err(invalid("is not its pattern's to give"));
        }
        patch.push(add(object, &path, value).ok_or_else(|| invalid("has no object to be put into"))?);
    }
    Ok(patch)
}

/// Puts a value into an object, and gives the operation that does so: `add` needs its parent, so it is at the highest one that is
/// missing.
fn add(object: &mut Value, path: &[String], value: Value) -> Option<Value> {
    let (mut parent, mut pointer) = (object, String::new());
    for (depth, key) in path.iter().enumerate() {
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        let members = parent.as_object_mut()?;
        let below = path.get(depth + 1..).unwrap_or_default();
        let there = members.get(key).is_some_and(|value| !value.is_null());
        if !there || below.is_empty() {
            let value = below.iter().rev().fold(value, |value, key| json!({ key: value }));
            members.insert(key.clone(), value.clone());
            return Some(json!({"op": "add", "path": pointer, "value": value}));
        }
        parent = members.get_mut(key)?;
    }
    None
}

/// What an object breaks.
pub(super) fn judge(admit: &dyn Admit, object: &[u8]) -> Told {
    let Admission { changes: _, violations } = match admit.admit(object) {
        Ok(admission) => admission,
        Err(refused) => return Told::failed(&refused),
    };
    let (denied, warned): (Vec<_>, Vec<_>) = violations.into_iter().partition(|violation| violation.deny);
    let warnings = warned.iter().take(MOST).map(said).collect();
    if denied.is_empty() {
        return Told { warnings, ..Told::allowed() };
    }
    let causes = denied.iter().take(MOST).map(|Violation { field, message, deny: _ }| {
        json!({"reason": "FieldValueInvalid", "field": Shown(field).to_string(), "message": Shown(message).to_string()})
    });
    let causes: Vec<Value> = causes.collect();
    let mut all: Vec<String> = denied.iter().take(MOST).map(said).collect();
    if denied.len() > MOST {
        all.push(format!("and {} more", denied.len() - MOST));
    }
    let status = json!({"status": "Failure", "code": 422, "reason": "Invalid", "message": all.join("; "),
        "details": {"causes": causes}});
    Told { status: Some(status), warnings, result: "Invalid", ..Told::default() }
}

fn said(violation: &Violation) -> String {
    let Violation { field, message, deny: _ } = violation;
    match field.is_empty() {
        true => Shown(message).to_string(),
        false => format!("{}: {}", Shown(field), Shown(message)),
    }
}
