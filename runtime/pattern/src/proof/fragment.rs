//! Fragments: what one manager set of an object.

use serde_json::{Map, Value, json};

/// A fragment of an object; some have one field alone, and some have next to nothing.
pub(super) fn of(object: &Value, rng: &mut fastrand::Rng, number: usize) -> Value {
    let mut fragment = object.clone();
    if let Some(root) = fragment.as_object_mut() {
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("uid");
            if rng.bool() {
                metadata.shift_remove("name");
            }
        }
        let keep = if number.is_multiple_of(3) { 1 } else { 2 };
        let keys: Vec<String> =
            root.keys().filter(|key| !["apiVersion", "kind", "metadata"].contains(&key.as_str())).cloned().collect();
        for key in keys {
            if rng.u8(0..4) == 0 {
                root.shift_remove(&key);
            } else if let Some(value) = root.get_mut(&key) {
                thin(value, rng, keep);
            }
        }
        // The API server sends this one, too.
        if number.is_multiple_of(7) && root.contains_key("status") {
            root.insert("status".to_owned(), Value::Null);
        }
        if number.is_multiple_of(50) {
            root.retain(|key, _| ["apiVersion", "kind"].contains(&key.as_str()));
            root.insert("metadata".to_owned(), json!({}));
        }
    }
    fragment
}

/// Whether an object is a fragment.
pub(super) fn is(object: &Value) -> bool {
    object.pointer("/metadata/uid").is_none()
}

/// Takes fields out of objects; lists of a fragment are whole.
fn thin(value: &mut Value, rng: &mut fastrand::Rng, keep: u8) {
    let Value::Object(members) = value else { return };
    let old = std::mem::take(members);
    let mut kept = Map::new();
    for (key, mut value) in old {
        if rng.u8(0..4) < keep {
            thin(&mut value, rng, keep);
            kept.insert(key, value);
        }
    }
    *members = kept;
}
