//! What writes would do that are only tried out: each as a change of one object, field by field.

use std::sync::Mutex;

use serde_json::Value;

use crate::lock;
use crate::names;

/// The longest text of a value that is shown, in characters.
const LONGEST_VALUE: usize = 200;

/// What was taken down since it was last asked for.
#[derive(Default)]
pub(crate) struct Rehearsal {
    changes: Mutex<Vec<(String, Change)>>,
}

/// What a write would do to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What becomes of the object.
    pub action: Action,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// In CamelCase.
    pub kind: String,
    /// Empty for an object outside of namespaces.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The fields that change, of an object that stays.
    pub fields: Vec<Field>,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Create,
    /// Some of its fields change.
    Update,
    /// It goes.
    Delete,
}

impl Action {
    /// `create`, `update` or `delete`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One field that changes. The values are JSON, cut where they are long; those of Secrets are not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `.spec.replicas`
    pub path: String,
    /// None: it was not there.
    pub before: Option<String>,
    /// None: it goes.
    pub after: Option<String>,
}

impl Rehearsal {
    /// Takes down a write to `path`, from the object before it and the answer.
    pub(crate) fn note(&self, path: &str, before: Option<&[u8]>, after: Option<&[u8]>) {
        let read = |bytes: Option<&[u8]>| bytes.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        let (before, after) = (read(before), read(after));
        if let Some(change) = change(before.as_ref(), after.as_ref()) {
            self.put(path.to_owned(), change);
        }
    }

    /// Takes down that an object is made again after its deletion, which cannot be tried out: it is still there.
    pub(crate) fn note_anew(&self, path: &str, body: &Value) {
        let mut body = body.clone();
        body["metadata"]["uid"] = "".into();
        if let Some(change) = change(None, Some(&body)) {
            self.put(format!("{path} anew"), change);
        }
    }

    fn put(&self, path: String, change: Change) {
        let mut changes = lock::lock(&self.changes);
        // The last try of a write is the one that counts.
        changes.retain(|(known, other)| *known != path || other.name != change.name);
        changes.push((path, change));
    }

    /// All changes since the last call, in the order in which they would be made.
    pub(crate) fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *lock::lock(&self.changes)).into_iter().map(|(_, change)| change).collect()
    }
}

/// None: nothing would change, or the answer is about no object, as that to a review of rights.
fn change(before: Option<&Value>, after: Option<&Value>) -> Option<Change> {
    let action = match (before, after) {
        (None, Some(_)) => Action::Create,
        (Some(_), Some(_)) => Action::Update,
        (Some(_), None) => Action::Delete,
        (None, None) => return None,
    };
    let object = after.or(before)?;
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    object.pointer("/metadata/uid")?;
    let mut fields = Vec::new();
    if let (Some(before), Some(after)) = (before, after) {
        let secret = text("/kind") == "Secret";
        compare(Some(before), Some(after), &mut Vec::new(), secret, &mut fields);
        if fields.is_empty() {
            return None;
        }
    }
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    Some(Change {
        action,
        api_version,
        kind,
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        fields,
    })
}

fn compare(
    before: Option<&Value>,
    after: Option<&Value>,
    path: &mut Vec<String>,
    secret: bool,
    fields: &mut Vec<Field>,
) {
    if before == after || is_bookkeeping(path) {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            for key in new.keys().chain(gone) {
                path.push(step(key));
                compare(old.get(key), new.get(key), path, secret, fields);
                path.pop();
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                path.push(format!("[{index}]"));
                compare(old.get(index), new.get(index), path, secret, fields);
                path.pop();
            }
        }
        _ => {
            // All of a Secret: tools write copies of its data into annotations.
            let shown = |value: &Value| if secret { "(hidden)".to_owned() } else { cut(&value.to_string()) };
            fields.push(Field { path: path.concat(), before: before.map(shown), after: after.map(shown) });
        }
    }
}

/// Whether a field is written down by the API server or by us whatever a change is about.
fn is_bookkeeping(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        [".metadata", field] => matches!(field, ".managedFields" | ".resourceVersion" | ".generation"),
        [".metadata", ".annotations", key] => key == step(names::APPLIED),
        [".status", ".conditions", _, field] => field == ".lastTransitionTime",
        _ => false,
    }
}

fn step(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!(".{key}") } else { format!("[{key:?}]") }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "c", "namespace": "n", "uid": "u"}, "data": data})
    }

    fn noted(before: Option<Value>, after: Option<Value>) -> Vec<Change> {
        let rehearsal = Rehearsal::default();
        let bytes = |value: Option<Value>| value.map(|value| value.to_string().into_bytes());
        rehearsal.note("/p", bytes(before).as_deref(), bytes(after).as_deref());
        rehearsal.take()
    }

    #[test]
    fn a_change_names_its_fields_and_leaves_out_bookkeeping() {
        let mut before = object("ConfigMap", json!({"a": "1", "gone.key": "x", "same": "s"}));
        before["metadata"]["resourceVersion"] = "5".into();
        let mut after = object("ConfigMap", json!({"a": "2", "same": "s", "new": [1]}));
        after["metadata"]["resourceVersion"] = "6".into();
        after["metadata"]["annotations"] = json!({names::APPLIED: "hash"});
        let found = noted(Some(before), Some(after)).remove(0);
        assert_eq!((found.action, &*found.name, &*found.namespace), (Action::Update, "c", "n"));
        let fields: Vec<_> = found.fields.iter().map(|f| (&*f.path, f.before.as_deref(), f.after.as_deref())).collect();
        // The annotations were not there at all, so they are shown as they come.
        assert_eq!(
            fields[1..],
            [
                (".data.a", Some("\"1\""), Some("\"2\"")),
                (".data.new", None, Some("[1]")),
                (".data[\"gone.key\"]", Some("\"x\""), None),
            ]
        );
    }

    #[test]
    fn what_is_made_and_what_goes_are_told_apart_and_nothing_is_nothing() {
        let some = || Some(object("ConfigMap", json!({})));
        assert_eq!(noted(None, some())[0].action, Action::Create);
        assert_eq!(noted(some(), None)[0].action, Action::Delete);
        assert_eq!(noted(some(), some()), []);
        assert_eq!(noted(None, Some(json!({"kind": "SubjectAccessReview", "metadata": {}}))), []);
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let secret = |value: &str| Some(object("Secret", json!({"password": value})));
        let found = noted(secret("b2xk"), secret("bmV3"));
        assert_eq!(
            found[0].fields,
            [Field {
                path: ".data.password".to_owned(),
                before: Some("(hidden)".to_owned()),
                after: Some("(hidden)".to_owned()),
            }]
        );
        assert!(!format!("{found:?}").contains("bmV3"));
    }

    #[test]
    fn only_the_last_try_of_a_write_counts() {
        let rehearsal = Rehearsal::default();
        for value in ["1", "2"] {
            let after = object("ConfigMap", json!({"a": value})).to_string();
            rehearsal.note("/p", None, Some(after.as_bytes()));
        }
        assert_eq!(rehearsal.take().len(), 1);
        assert_eq!(rehearsal.take().len(), 0);
    }
}
