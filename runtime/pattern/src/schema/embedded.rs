//! Whole Kubernetes objects as values of fields (`x-kubernetes-embedded-resource`).
//!
//! The API server knows `apiVersion`, `kind` and `metadata` of such an object whatever its schema says of them: it keeps them,
//! refuses an object that lacks one of the first two, and reads the last as the metadata of any object.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Field, Format, Schema, Shape};
use crate::kinds;

/// Adds what every object has to the fields that a schema names. What it says of one of them stays.
pub(super) fn complete(fields: &mut BTreeMap<String, Field>) {
    for key in ["apiVersion", "kind"] {
        let text = || Schema { shape: Shape::String(Format::Text), ..Schema::default() };
        let field = fields.entry(key.to_owned()).or_insert_with(|| Field { schema: Arc::new(text()), required: true });
        field.required = true;
    }
    let named = fields.remove("metadata");
    let required = named.as_ref().is_some_and(|field| field.required);
    let mut metadata = Schema::clone(&kinds::object_meta());
    let named = named.and_then(|field| match &field.schema.shape {
        Shape::Object(object) => Some(object.fields.clone()),
        _ => None,
    });
    if let (Shape::Object(object), Some(named)) = (&mut metadata.shape, named) {
        object.fields.extend(named);
    }
    fields.insert("metadata".to_owned(), Field { schema: Arc::new(metadata), required });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::schema::Rest;

    fn embedded(more: Value) -> Schema {
        let mut json = json!({"type": "object", "x-kubernetes-embedded-resource": true});
        let keywords = json.as_object_mut().unwrap();
        keywords.extend(more.as_object().unwrap().clone());
        Schema::parse(&json).unwrap()
    }

    #[test]
    fn what_every_object_has_is_there_without_being_named() {
        let schema = embedded(json!({"properties": {"spec": {"type": "object"}}}));
        assert!(schema.field("apiVersion").unwrap().required && schema.field("kind").unwrap().required);
        let metadata = schema.field("metadata").unwrap();
        assert!(!metadata.required);
        for name in ["name", "generateName", "labels", "annotations", "namespace"] {
            assert!(metadata.schema.field(name).is_some_and(|field| !field.required), "{name}");
        }
        // What is not named is dropped by the API server here, and kept there.
        assert!(schema.field("data").is_none());
        let open = embedded(json!({"x-kubernetes-preserve-unknown-fields": true}));
        assert!(matches!(open.field("data").unwrap().schema.shape, Shape::Any));
        assert!(matches!(&open.shape, Shape::Object(object) if object.embedded && object.rest == Rest::Anything));
        assert!(matches!(open.field("kind").unwrap().schema.shape, Shape::String(_)));
    }

    #[test]
    fn what_a_schema_says_of_names_holds() {
        let name = json!({"type": "string", "maxLength": 9});
        let schema = embedded(json!({
            "required": ["metadata"],
            "properties": {
                "kind": {"type": "string", "enum": ["Pod"]},
                "metadata": {"type": "object", "required": ["name"], "properties": {"name": name}},
            },
        }));
        let kind = schema.field("kind").unwrap();
        assert_eq!((kind.required, kind.schema.allowed.as_slice()), (true, [json!("Pod")].as_slice()));
        let metadata = schema.field("metadata").unwrap();
        let name = metadata.schema.field("name").unwrap();
        assert_eq!((metadata.required, name.required, name.schema.bounds.max_length), (true, true, Some(9)));
        assert!(metadata.schema.field("labels").is_some());
    }
}
