//! Encodes types into a component, and keeps the indexes of the named ones.

use std::collections::HashMap;

use wasm_encoder::{
    ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType, PrimitiveValType, TypeBounds,
};

use crate::interface::{Definition, Function, Named, Type};

/// One component under construction and the types that have a name in it.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) builder: ComponentBuilder,
    pub(crate) names: HashMap<&'static str, u32>,
}

impl Scope {
    /// Gives a name to a type that exists already.
    pub(crate) fn name(&mut self, name: &'static str, index: u32) {
        self.names.insert(name, index);
    }

    /// Defines a type without exporting it.
    pub(crate) fn define(&mut self, (name, definition): &Named) {
        let index = self.definition(definition);
        self.name(name, index);
    }

    /// Defines a type that is an import, so that whoever instantiates the component decides its identity.
    pub(crate) fn import(&mut self, (name, definition): &Named) {
        let index = self.definition(definition);
        let index = self.builder.import(import_name(name).as_str(), ComponentTypeRef::Type(TypeBounds::Eq(index)));
        self.name(name, index);
    }

    /// Exports the type that has this name now; from here on the name means the exported one.
    pub(crate) fn export_again(&mut self, name: &'static str) {
        let Some(&index) = self.names.get(name) else { return };
        let index = self.builder.export(name, ComponentExportKind::Type, index, None);
        self.name(name, index);
    }

    /// Defines a type and exports it.
    pub(crate) fn export(&mut self, named: &Named) {
        self.define(named);
        self.export_again(named.0);
    }

    /// The type of a function over the names as they are now.
    pub(crate) fn function(&mut self, function: &Function) -> u32 {
        let params: Vec<(&str, ComponentValType)> = function.params.iter().map(|(n, t)| (*n, self.value(t))).collect();
        let result = self.value(&function.result);
        let (index, mut encoder) = self.builder.type_function(None);
        encoder.params(params).result(Some(result));
        index
    }

    fn definition(&mut self, definition: &Definition) -> u32 {
        match definition {
            Definition::Alias(t) => self.anonymous(t),
            Definition::Record(fields) => {
                let fields: Vec<(&str, ComponentValType)> = fields.iter().map(|(n, t)| (*n, self.value(t))).collect();
                let (index, encoder) = self.builder.type_defined(None);
                encoder.record(fields);
                index
            }
            Definition::Variant(cases) => {
                let cases: Vec<_> = cases.iter().map(|(n, t)| (*n, Some(self.value(t)))).collect();
                let (index, encoder) = self.builder.type_defined(None);
                encoder.variant(cases);
                index
            }
            Definition::Enum(tags) => {
                let (index, encoder) = self.builder.type_defined(None);
                encoder.enum_type(tags.iter().copied());
                index
            }
        }
    }

    fn value(&mut self, t: &Type) -> ComponentValType {
        match t {
            Type::Bool => PrimitiveValType::Bool.into(),
            Type::S64 => PrimitiveValType::S64.into(),
            Type::U64 => PrimitiveValType::U64.into(),
            Type::U8 => PrimitiveValType::U8.into(),
            Type::String => PrimitiveValType::String.into(),
            Type::Named(_) | Type::List(_) | Type::Option(_) | Type::Tuple(_) | Type::Result(..) => {
                ComponentValType::Type(self.anonymous(t))
            }
        }
    }

    fn anonymous(&mut self, t: &Type) -> u32 {
        match t {
            Type::Named(name) => self.names[name],
            Type::List(item) => {
                let item = self.value(item);
                let (index, encoder) = self.builder.type_defined(None);
                encoder.list(item);
                index
            }
            Type::Option(item) => {
                let item = self.value(item);
                let (index, encoder) = self.builder.type_defined(None);
                encoder.option(item);
                index
            }
            Type::Tuple(items) => {
                let items: Vec<ComponentValType> = items.iter().map(|item| self.value(item)).collect();
                let (index, encoder) = self.builder.type_defined(None);
                encoder.tuple(items);
                index
            }
            Type::Result(ok, error) => {
                let (ok, error) = (self.value(ok), self.value(error));
                let (index, encoder) = self.builder.type_defined(None);
                encoder.result(Some(ok), Some(error));
                index
            }
            Type::Bool | Type::S64 | Type::U64 | Type::U8 | Type::String => {
                let ComponentValType::Primitive(primitive) = self.value(t) else { unreachable!("a primitive type") };
                let (index, encoder) = self.builder.type_defined(None);
                encoder.primitive(primitive);
                index
            }
        }
    }
}

/// What a component that only gives names to types and functions calls its imports.
pub(crate) fn import_name(name: &str) -> String {
    format!("import-type-{name}")
}
