//! Structural schemas as CEL types. Each object of a schema is a message type, named by the path at which it was first met.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cel_core::{CelType, MessageValue, ProtoRegistry, ProtoTypeResolver, ResolvedProtoType, StructFieldValue, Value};

use crate::schema::{Format, Rest, Schema, Shape, nearest};

/// The message types of one scope.
#[derive(Debug, Default)]
pub(super) struct Registry {
    types: Mutex<HashMap<String, Message>>,
}

#[derive(Debug, Clone)]
enum Message {
    /// An object of a schema.
    Schema(Arc<Schema>),
    /// A set of names, such as `vars`: each with its type and whether it may be absent.
    Names(Names),
}

/// Names, each with its type and whether it may be absent.
pub(super) type Names = Arc<BTreeMap<String, (CelType, bool)>>;

/// A field of a message type.
#[derive(Debug, Clone)]
pub(super) struct FieldInfo {
    pub(super) ty: CelType,
    /// Whether its value may be absent or null although the message is there.
    pub(super) may_be_absent: bool,
    /// Whether its key is always there.
    pub(super) required: bool,
}

impl Registry {
    /// Declares a set of names as a message type.
    pub(super) fn names(&self, name: &str, fields: Names) -> CelType {
        self.lock().insert(name.to_owned(), Message::Names(fields));
        CelType::message(name)
    }

    /// The type of a schema's values; its objects get names that begin with `name`.
    pub(super) fn type_of(&self, name: &str, schema: &Arc<Schema>) -> CelType {
        match &schema.shape {
            Shape::Any | Shape::IntOrString | Shape::Quantity => CelType::Dyn,
            Shape::String(Format::Text) => CelType::String,
            Shape::String(Format::Timestamp) => CelType::Timestamp,
            Shape::String(Format::Duration) => CelType::Duration,
            Shape::String(Format::Bytes) => CelType::Bytes,
            Shape::Int => CelType::Int,
            Shape::Number => CelType::Double,
            Shape::Bool => CelType::Bool,
            Shape::List(list) => CelType::list(self.type_of(&format!("{name}[]"), &list.items)),
            Shape::Object(object) if object.fields.is_empty() => match &object.rest {
                Rest::Each(value) => CelType::map(CelType::String, self.type_of(&format!("{name}{{}}"), value)),
                Rest::Nothing | Rest::Anything => CelType::map(CelType::String, CelType::Dyn),
            },
            Shape::Object(_) => self.message(name, schema),
        }
    }

    fn message(&self, name: &str, schema: &Arc<Schema>) -> CelType {
        let mut types = self.lock();
        let mut name = name.to_owned();
        loop {
            match types.get(&name) {
                None => {
                    types.insert(name.clone(), Message::Schema(schema.clone()));
                    return CelType::message(&name);
                }
                Some(Message::Schema(known)) if Arc::ptr_eq(known, schema) || known == schema => {
                    return CelType::message(&name);
                }
                // A field's name can look like a path; a mark keeps the two apart.
                Some(_) => name.push('\''),
            }
        }
    }

    /// A field of a message type, if it has it.
    pub(super) fn field(&self, message: &str, field: &str) -> Option<FieldInfo> {
        let known = self.lock().get(message)?.clone();
        match known {
            Message::Names(names) => names.get(field).map(|(ty, may_be_absent)| FieldInfo {
                ty: ty.clone(),
                may_be_absent: *may_be_absent,
                required: !may_be_absent,
            }),
            Message::Schema(schema) => {
                let found = schema.field(field)?;
                let may_be_absent = !found.required || found.schema.may_be_null();
                let ty = self.type_of(&format!("{message}.{field}"), found.schema);
                Some(FieldInfo { ty, may_be_absent, required: found.required })
            }
        }
    }

    /// The schema of a message type that has one.
    pub(super) fn schema(&self, message: &str) -> Option<Arc<Schema>> {
        match self.lock().get(message)? {
            Message::Schema(schema) => Some(schema.clone()),
            Message::Names(_) => None,
        }
    }

    /// The field whose name is nearest to a mistyped one.
    pub(super) fn nearest(&self, message: &str, field: &str) -> Option<String> {
        match self.lock().get(message)? {
            Message::Schema(schema) => schema.nearest_field(field).map(str::to_owned),
            Message::Names(names) => nearest(field, names.keys().map(String::as_str)).map(str::to_owned),
        }
    }

    /// All names of a message type's fields.
    pub(super) fn field_names(&self, message: &str) -> Vec<String> {
        match self.lock().get(message) {
            None => Vec::new(),
            Some(Message::Names(names)) => names.keys().cloned().collect(),
            Some(Message::Schema(schema)) => match &schema.shape {
                Shape::Object(object) => object.fields.keys().cloned().collect(),
                _ => Vec::new(),
            },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Message>> {
        // Every change is one insertion, so a panic elsewhere leaves nothing half done.
        self.types.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProtoTypeResolver for Registry {
    fn get_field_type(&self, message: &str, field: &str) -> Option<CelType> {
        self.field(message, field).map(|field| field.ty)
    }

    fn has_message(&self, message: &str) -> bool {
        self.lock().contains_key(message)
    }

    fn is_extension(&self, _message: &str, _ext_name: &str) -> bool {
        false
    }

    fn get_enum_value(&self, _enum_name: &str, _value_name: &str) -> Option<i32> {
        None
    }

    // Our message types have no names that an expression could use.
    fn resolve_qualified(&self, _parts: &[&str], _container: &str) -> Option<ResolvedProtoType> {
        None
    }

    fn resolve_message_name(&self, _name: &str, _container: &str) -> Option<String> {
        None
    }

    fn message_field_names(&self, message: &str) -> Option<Vec<String>> {
        self.has_message(message).then(|| self.field_names(message))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The checker takes its types from a registry that could also evaluate. We never evaluate with it: the engine does.
impl ProtoRegistry for Registry {
    fn construct_message(&self, _type_name: &str, _fields: &[StructFieldValue], _strong_enums: bool) -> Value {
        Value::Null
    }

    fn message_field_access(&self, _: &dyn MessageValue, _: &str, _optional: bool, _strong_enums: bool) -> Value {
        Value::Null
    }

    fn message_has_field(&self, _: &dyn MessageValue, _field: &str) -> Value {
        Value::Null
    }

    fn get_extension_value(
        &self,
        _: &dyn MessageValue,
        _: &str,
        _optional: bool,
        _strong_enums: bool,
    ) -> Option<Value> {
        None
    }

    fn has_extension(&self, _: &dyn MessageValue, _ext_name: &str) -> Option<bool> {
        None
    }
}
