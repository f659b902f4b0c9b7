//! Defaults, as the API server fills them in when a client writes an object.

use serde_json::Value;

use crate::schema::{Rest, Schema, Shape};

/// Fills in the defaults of fields whose parent is there.
pub(super) fn defaults(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Object(object), Value::Object(members)) => {
            for (name, field) in &object.fields {
                if let Some(default) = &field.schema.default
                    && members.get(name).is_none_or(|value| value.is_null() && !field.schema.nullable)
                {
                    members.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in members {
                match (object.fields.get(name), &object.rest) {
                    (Some(field), _) => defaults(&field.schema, value),
                    (None, Rest::Each(schema)) => defaults(schema, value),
                    (None, _) => {}
                }
            }
        }
        (Shape::List(list), Value::Array(items)) => items.iter_mut().for_each(|item| defaults(&list.items, item)),
        _ => {}
    }
}
