//! What an old client drops of an object is put back before it is lost.
//!
//! What a version cannot hold lies in an annotation of its objects. A client that reads such an object and writes it back whole
//! keeps the annotation; one that builds the object anew drops it, and with it what only other versions show. So on an update
//! in such a version the annotation is taken over from the object that is there.
//!
//! Nobody owns the annotation: who applies what `kubectl get` printed would, and would then be in conflict with everybody who
//! changes what is kept. So it is taken out of the owners' lists, too.

use serde_json::{Map, Value, json};

/// The annotation that holds what a version cannot.
const ANNOTATION: &str = "orkestra.orkspace.io/conversion-data";

/// The operations that put the annotation back, or disown it, where that is needed.
pub(super) fn patch(new: &Value, old: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    let kept = |object: &Value| object.pointer("/metadata/annotations")?.get(ANNOTATION).cloned();
    if kept(new).is_none()
        && let Some(value) = kept(old)
    {
        operations.push(match new.pointer("/metadata/annotations") {
            Some(Value::Object(_)) => {
                let path = format!("/metadata/annotations/{}", ANNOTATION.replace('~', "~0").replace('/', "~1"));
                json!({"op": "add", "path": path, "value": value})
            }
            _ => json!({"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: value}}),
        });
    }
    let entries = new.pointer("/metadata/managedFields").and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        if let Some(fields) = disowned(&entry["fieldsV1"]) {
            let path = format!("/metadata/managedFields/{index}/fieldsV1");
            operations.push(json!({"op": "replace", "path": path, "value": fields}));
        }
    }
    operations
}

/// The fields that a manager owns, without our annotation; none where it is not among them.
fn disowned(fields: &Value) -> Option<Value> {
    let key = format!("f:{ANNOTATION}");
    fields.pointer("/f:metadata/f:annotations")?.get(&key)?;
    let mut fields = fields.clone();
    let metadata = fields.get_mut("f:metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("f:annotations")?.as_object_mut()?;
    annotations.remove(&key);
    // Who owns nothing in it does not own it either.
    if !owns(annotations) {
        metadata.remove("f:annotations");
    }
    if !owns(metadata) {
        fields.as_object_mut()?.remove("f:metadata");
    }
    Some(fields)
}

fn owns(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|key| key != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_put_back_and_what_is_there_is_left_alone() {
        let with = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        let old = with(json!({ANNOTATION: "kept", "a": "b"}));
        let path = "/metadata/annotations/orkestra.orkspace.io~1conversion-data";
        assert_eq!(patch(&with(json!({"a": "b"})), &old), [json!({"op": "add", "path": path, "value": "kept"})]);
        assert_eq!(
            patch(&json!({"metadata": {}}), &old),
            [json!({"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: "kept"}})]
        );
        assert!(patch(&with(json!({ANNOTATION: "other"})), &old).is_empty());
        assert!(patch(&with(json!({})), &with(json!({"a": "b"}))).is_empty());
        assert!(patch(&with(json!({})), &Value::Null).is_empty());
    }

    #[test]
    fn nobody_owns_the_annotation() {
        let key = format!("f:{ANNOTATION}");
        let object = json!({"metadata": {"managedFields": [
            {"fieldsV1": {"f:spec": {"f:a": {}}}},
            {"fieldsV1": {"f:metadata": {"f:annotations": {".": {}, key.clone(): {}, "f:b": {}}}}},
            {"fieldsV1": {"f:metadata": {"f:annotations": {".": {}, key: {}}}, "f:spec": {}}},
        ]}});
        let patch = patch(&object, &Value::Null);
        assert_eq!(
            patch,
            [
                json!({"op": "replace", "path": "/metadata/managedFields/1/fieldsV1",
                    "value": {"f:metadata": {"f:annotations": {".": {}, "f:b": {}}}}}),
                json!({"op": "replace", "path": "/metadata/managedFields/2/fieldsV1", "value": {"f:spec": {}}}),
            ]
        );
    }
}
