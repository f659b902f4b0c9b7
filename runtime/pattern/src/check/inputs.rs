//! `spec.inputs`: schemas and defaults.

use std::sync::Arc;

use super::value::Values;
use crate::ast;
use crate::codes::crd as codes;
use crate::diagnostic::Diagnostics;
use crate::model;
use crate::schema::Schema;
use crate::source::Source;

/// An input and its schema.
pub(super) struct Input {
    pub(super) model: model::Input,
    pub(super) schema: Arc<Schema>,
}

pub(super) fn check(inputs: &[ast::Input], _source: &Source, problems: &mut Diagnostics) -> Vec<Input> {
    let mut found = Vec::new();
    for input in inputs {
        let name = &input.name.value;
        let json = input.schema.to_json();
        super::crd::keywords(&input.schema, problems);
        let schema = match Schema::parse(&json) {
            Ok(schema) => Arc::new(schema),
            Err(error) => {
                problems.push(codes::schema(input.schema.span, format!("the input `{name}`: {error}")));
                // Unknown, so that expressions which use it bring no further problems.
                Arc::new(Schema::default())
            }
        };
        if let Some(default) = &input.default {
            let mut inside = Diagnostics::default();
            Values::plain("the default", &mut inside).value(default, &schema);
            for problem in &inside {
                let why = if problem.label().is_empty() { problem.message.clone() } else { problem.label() };
                let span = problem.span.unwrap_or(default.span);
                let mut problem = problem.clone();
                problem.code = &codes::DEFAULT;
                problem.message = codes::default(span, name, &why).message;
                problem.found = None;
                problem.expected = None;
                problems.push(problem);
            }
        }
        let default = input.default.as_ref().map(crate::yaml::Node::to_json);
        found.push(Input { model: model::Input { name: name.clone(), schema: json, default }, schema });
    }
    found
}
