//! The names that the expressions of one entry may use.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel_core::CelType;

use super::Checked;
use super::registry::Registry;
use crate::kinds;
use crate::schema::{Field, Object, Rest, Schema, Shape};

/// The variables of one entry with their types. Cloning is cheap; clones share the types of objects.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(super) registry: Arc<Registry>,
    object: Arc<Schema>,
    inputs: BTreeMap<String, (CelType, bool)>,
    vars: BTreeMap<String, (CelType, bool)>,
    children: BTreeMap<String, (CelType, bool)>,
}

impl Scope {
    /// The scope of a primary whose version has this `openAPIV3Schema`.
    pub fn new(primary: &Schema, namespaced: bool) -> Scope {
        Scope {
            registry: Arc::default(),
            object: Arc::new(whole_object(primary, namespaced)),
            inputs: BTreeMap::new(),
            vars: BTreeMap::new(),
            children: BTreeMap::new(),
        }
    }

    /// Declares `inputs.<name>`. An input always has a value: its default or the Komposer's.
    pub fn add_input(&mut self, name: &str, schema: &Arc<Schema>) {
        let ty = self.registry.type_of(&format!("inputs.{name}"), schema);
        self.inputs.insert(name.to_owned(), (ty, schema.may_be_null() && schema.nullable));
    }

    /// Declares `vars.<name>` whose value is one expression.
    pub fn add_var(&mut self, name: &str, value: &Checked) {
        self.vars.insert(name.to_owned(), (value.ty.clone(), value.path));
    }

    /// Declares `vars.<name>` whose value is a longer string.
    pub fn add_text_var(&mut self, name: &str) {
        self.vars.insert(name.to_owned(), (CelType::String, false));
    }

    /// Declares `vars.<name>` whose expression is wrong, so that its uses bring no further problems.
    pub fn add_unknown_var(&mut self, name: &str) {
        self.vars.insert(name.to_owned(), (CelType::Dyn, false));
    }

    /// Declares `children.<id>`; none: the schema of its kind is not known.
    pub fn add_child(&mut self, id: &str, schema: Option<&Schema>, namespaced: bool) {
        let open =
            Schema { shape: Shape::Object(Object { rest: Rest::Anything, ..Object::default() }), ..Schema::default() };
        let schema = Arc::new(whole_object(schema.unwrap_or(&open), namespaced));
        let ty = self.registry.type_of(&format!("children.{id}"), &schema);
        self.children.insert(id.to_owned(), (ty, false));
    }

    /// The names of `inputs`.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(String::as_str)
    }

    /// The roots that an expression may begin with, and their types.
    pub(super) fn roots(&self) -> Vec<(&'static str, CelType)> {
        let object = self.registry.type_of("object", &self.object);
        let mut roots = vec![
            ("object", object),
            ("inputs", self.registry.names("inputs", self.inputs.clone())),
            ("vars", self.registry.names("vars", self.vars.clone())),
            ("children", self.registry.names("children", self.children.clone())),
        ];
        for name in ["metadata", "spec", "status"] {
            if let Some(field) = self.registry.field("object", name) {
                roots.push((name, field.ty));
            }
        }
        roots
    }

    /// Whether a root may be absent itself.
    pub(super) fn root_may_be_absent(&self, name: &str) -> bool {
        matches!(name, "metadata" | "spec" | "status")
            && self.registry.field("object", name).is_some_and(|field| field.may_be_absent)
    }
}

/// A kind's schema with what holds for every object: it has a version, a kind, and metadata with at least a name.
fn whole_object(schema: &Schema, namespaced: bool) -> Schema {
    let mut whole = schema.clone();
    let Shape::Object(object) = &mut whole.shape else { return whole };
    let text = Arc::new(Schema { shape: Shape::String(crate::schema::Format::Text), ..Schema::default() });
    for name in ["apiVersion", "kind"] {
        object.fields.insert(name.to_owned(), Field { schema: text.clone(), required: true });
    }
    let mut metadata = Schema::clone(&kinds::object_meta());
    if let Shape::Object(fields) = &mut metadata.shape {
        let always: &[&str] = if namespaced { &["name", "namespace", "uid"] } else { &["name", "uid"] };
        for name in always {
            if let Some(field) = fields.fields.get_mut(*name) {
                field.required = true;
            }
        }
    }
    object.fields.insert("metadata".to_owned(), Field { schema: Arc::new(metadata), required: true });
    // Before the first reconcile there is no status, whatever the schema says of one that is there.
    if let Some(status) = object.fields.get_mut("status") {
        status.required = status.schema.default.is_some();
    }
    whole
}
