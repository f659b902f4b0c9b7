//! Paths: what names stand for, which steps may be absent, and what a value looks like.

use orkestra_pattern::cel::ast::{Expr as Node, SpannedExpr, Type};
use orkestra_pattern::schema::{Rest, Schema, Shape};
use orkestra_program::model::LoopKind;
use serde_json::Value;

use super::Cannot;
use super::say::Say;
use super::write::{self, Said};
use crate::lower::{dotted, is_path, recognise};

/// An expression, and whether it is an optional.
pub(super) struct Step {
    pub(super) said: Said,
    pub(super) optional: bool,
}

impl<'a> Say<'a> {
    /// A path: its value, or an optional where it may be absent.
    pub(super) fn path(&mut self, node: &'a SpannedExpr) -> Result<Said, Cannot> {
        if self.checked.optional.contains(&node.id) {
            return self.optional(node);
        }
        if let Some(value) = self.input(node) {
            return match value {
                Some(value) => write::literal(value).ok_or_else(|| self.form(node)),
                // Something before it keeps it from being evaluated.
                None => Ok(Said::tight("null").untyped()),
            };
        }
        if let Some(name) = self.variable(node) {
            let said = Said::tight(format!("variables.{name}"));
            return Ok(if self.checked.absent_vars.contains(name) { said.method("value", &[]) } else { said });
        }
        if let Some(name) = self.optional_variable(node) {
            return Ok(self.as_optional_variable(name));
        }
        match &node.node {
            Node::Ident(name) | Node::RootIdent(name) => self.root(node, name),
            Node::Member { .. } if dotted(node).is_some_and(|(parts, _)| parts.first() == Some(&"google")) => {
                Ok(Said::tight(self.shown(node)))
            }
            Node::Member { expr, field, optional } => {
                let operand = self.operand(expr)?;
                self.of_optional(node, expr, *optional)?;
                Ok(operand.field(field, *optional))
            }
            Node::Index { expr, index, optional } => {
                let operand = self.operand(expr)?;
                self.of_optional(node, expr, *optional)?;
                let operand = self.indexed(expr, operand);
                let index = self.say(index)?;
                Ok(Said::tight(format!("{}[{}{}]", operand.operand(), if *optional { "?" } else { "" }, index.text)))
            }
            _ => Err(self.form(node)),
        }
    }

    /// What stands before a field or an index.
    pub(super) fn operand(&mut self, node: &'a SpannedExpr) -> Result<Said, Cannot> {
        if is_path(node) { self.path(node) } else { self.say(node) }
    }

    /// What is read as an optional must not be null.
    fn of_optional(&self, node: &SpannedExpr, before: &SpannedExpr, asked: bool) -> Result<(), Cannot> {
        match asked || matches!(self.type_of(before), Some(Type::Optional(_))) {
            true => self.never_null(node, self.schema(node)),
            false => Ok(()),
        }
    }

    /// Objects whose fields a schema names have no index to the API server's check.
    fn indexed(&self, node: &SpannedExpr, said: Said) -> Said {
        match self.type_of(node) {
            Some(Type::List(_) | Type::Map(..) | Type::Dyn) => said,
            _ => said.untyped(),
        }
    }

    fn root(&self, node: &SpannedExpr, name: &str) -> Result<Said, Cannot> {
        let is_local = matches!(node.node, Node::Ident(_)) && self.local(name).is_some();
        Ok(match name {
            _ if is_local => Said::tight(name),
            "object" => Said::tight("object"),
            "metadata" | "spec" | "status" => Said::tight("object").field(name, false),
            "vars" | "inputs" | "children" | "reads" | "hook" | "self" | "item" | "key" | "now" => {
                return Err(self.form(node));
            }
            // The name of a type.
            _ => Said::tight(name),
        })
    }

    /// What an input is, if the node is one or a part of one; none inside: it has no such part.
    pub(super) fn input(&self, node: &SpannedExpr) -> Option<Option<&'a Value>> {
        match &node.node {
            Node::Member { expr, field, .. } => match &expr.node {
                Node::Ident(name) | Node::RootIdent(name) if name == "inputs" && self.local(name).is_none() => {
                    Some(self.inputs.get(field))
                }
                _ => Some(self.input(expr)?.and_then(|value| value.get(field))),
            },
            Node::Index { expr, index, .. } => {
                let value = self.input(expr)?;
                match &index.node {
                    Node::String(key) => Some(value.and_then(|value| value.get(key))),
                    Node::Int(position) => Some(value.and_then(|value| value.get(usize::try_from(*position).ok()?))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `vars.x`
    pub(super) fn variable<'n>(&self, node: &'n SpannedExpr) -> Option<&'n str> {
        let (parts, from_root) = dotted(node)?;
        match parts.as_slice() {
            ["vars", name] if from_root || self.local("vars").is_none() => Some(*name),
            _ => None,
        }
    }

    /// `vars.?x`
    fn optional_variable<'n>(&self, node: &'n SpannedExpr) -> Option<&'n str> {
        let Node::Member { expr, field, optional: true } = &node.node else { return None };
        match &expr.node {
            Node::Ident(name) | Node::RootIdent(name) if name == "vars" && self.local(name).is_none() => Some(field),
            _ => None,
        }
    }

    fn as_optional_variable(&self, name: &str) -> Said {
        let said = Said::tight(format!("variables.{name}"));
        // One that may be absent is an optional already.
        if self.checked.absent_vars.contains(name) { said } else { Said::call("optional.of", &[said]) }
    }

    /// A path as an optional.
    pub(super) fn optional(&mut self, node: &'a SpannedExpr) -> Result<Said, Cannot> {
        let Step { said, optional } = self.chain(node)?;
        Ok(if optional { said } else { Said::call("optional.of", &[said]) })
    }

    /// A path that may be absent, as an optional from the first step on that may be.
    pub(super) fn chain(&mut self, node: &'a SpannedExpr) -> Result<Step, Cannot> {
        if let Some(value) = self.input(node) {
            return match value.filter(|value| !value.is_null()) {
                Some(value) => {
                    let said = write::literal(value).ok_or_else(|| self.form(node))?;
                    Ok(Step { said, optional: false })
                }
                None => Ok(Step { said: Said::call("optional.none", &[]), optional: true }),
            };
        }
        if let Some(name) = self.variable(node).or(self.optional_variable(node)) {
            let optional = self.checked.absent_vars.contains(name);
            return Ok(Step { said: Said::tight(format!("variables.{name}")), optional });
        }
        match &node.node {
            Node::Ident(name) | Node::RootIdent(name) if matches!(&**name, "spec" | "status" | "metadata") => {
                if matches!(node.node, Node::Ident(_)) && self.local(name).is_some() {
                    return Ok(Step { said: self.root(node, name)?, optional: false });
                }
                let object = Step { said: Said::tight("object"), optional: false };
                self.step(node, object, Some(&self.entry.schema), name, false)
            }
            Node::Member { expr, field, optional } => {
                let operand = self.chain(expr)?;
                self.step(node, operand, self.schema(expr), field, *optional)
            }
            Node::Index { expr, index, .. } => {
                let Step { said, .. } = self.chain(expr)?;
                self.never_null(node, self.schema(node))?;
                let operand = self.indexed(expr, said);
                let index = self.say(index)?;
                Ok(Step { said: Said::tight(format!("{}[?{}]", operand.operand(), index.text)), optional: true })
            }
            _ => {
                let optional = matches!(self.type_of(node), Some(Type::Optional(_)));
                Ok(Step { said: self.say(node)?, optional })
            }
        }
    }

    /// The field of what is before it.
    fn step(
        &self,
        node: &SpannedExpr,
        before: Step,
        schema: Option<&Schema>,
        field: &str,
        asked: bool,
    ) -> Result<Step, Cannot> {
        let found = schema.and_then(|schema| schema.field(field));
        let always = found.is_some_and(|found| found.required && !found.schema.may_be_null());
        if !always {
            self.never_null(node, found.map(|found| &**found.schema))?;
        }
        let optional = asked || !always;
        Ok(Step { said: before.said.field(field, optional), optional: before.optional || optional })
    }

    pub(super) fn never_null(&self, node: &SpannedExpr, schema: Option<&Schema>) -> Result<(), Cannot> {
        match schema {
            Some(schema) if !schema.may_be_null() => Ok(()),
            _ => Err(Cannot::MayBeNull { path: self.shown(node) }),
        }
    }

    /// What a path's value looks like.
    pub(super) fn schema(&self, node: &SpannedExpr) -> Option<&'a Schema> {
        match &node.node {
            Node::Ident(name) | Node::RootIdent(name) => {
                if matches!(node.node, Node::Ident(_))
                    && let Some(position) = self.local(name)
                {
                    return self.schemas.get(position).copied().flatten();
                }
                match name.as_str() {
                    "object" => Some(&self.entry.schema),
                    "metadata" | "spec" | "status" => self.entry.schema.field(name).map(|field| &**field.schema),
                    _ => None,
                }
            }
            Node::Member { expr, field, .. } => self.schema(expr)?.field(field).map(|field| &**field.schema),
            Node::Index { expr, index, .. } => {
                let schema = self.schema(expr)?;
                match (&schema.shape, &index.node) {
                    (Shape::List(list), _) => Some(&list.items),
                    (Shape::Object(_), Node::String(key)) => schema.field(key).map(|field| &**field.schema),
                    (Shape::Object(object), _) if object.fields.is_empty() => match &object.rest {
                        Rest::Each(value) => Some(value),
                        Rest::Nothing | Rest::Anything => None,
                    },
                    _ => None,
                }
            }
            Node::Call { expr: callee, .. } => match &callee.node {
                Node::Member { expr, field, .. } if matches!(field.as_str(), "value" | "orValue" | "or") => {
                    self.schema(expr)
                }
                _ => None,
            },
            Node::Comprehension(data) => {
                recognise(data).filter(|shape| shape.kind == LoopKind::Filter)?;
                self.schema(&data.iter_range)
            }
            _ => None,
        }
    }
}
