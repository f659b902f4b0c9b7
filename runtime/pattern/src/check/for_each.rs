//! `forEach`: what is gone through, and what its elements are known by.

use super::conditions::{Field, Rewritten};
use super::strings::{Expressions, Found, Sink, lone};
use crate::ast::Template;
use crate::cel::ast::Type;
use crate::cel::{Checked, Origins, Place, Scope, Secrecy};
use crate::codes::{keys, options, secrets};
use crate::diagnostic::Diagnostics;
use crate::model::ForEach;
use crate::source::Source;
use crate::yaml::{Node, Value};

/// What became of a template's `forEach`.
pub(super) struct Checks<'a> {
    /// The scope of the child's conditions and manifest.
    pub(super) scope: Scope,
    pub(super) model: Option<ForEach>,
    /// The expressions outside of that scope.
    pub(super) expressions: Expressions<'a>,
}

/// Checks `forEach` and brings the element into scope.
pub(super) fn check<'a>(
    template: &Template,
    scope: &'a Scope,
    source: &'a Source,
    problems: &mut Diagnostics,
) -> Checks<'a> {
    let mut expressions = Expressions::new(scope, source);
    let Some(written) = &template.for_each else {
        // One that was refused still brings its names, so that their uses bring no further problems.
        let inner = match template.is_keyed() {
            true => scope.with_element(&Type::Dyn, Secrecy::Open, &Origins::new(), None),
            false => scope.clone(),
        };
        return Checks { scope: inner, model: None, expressions };
    };
    expressions.sink = Sink::Carried;
    let range = range(&written.field, &mut expressions, problems);
    expressions.sink = Sink::Shown;
    let name = written.name.as_ref().map(|name| name.value.clone());
    let (ty, secrecy) = range.as_ref().map_or((Type::Dyn, Secrecy::Open), |range| {
        let ty = match &range.ty {
            Type::List(item) => Type::clone(item),
            Type::Map(_, value) => Type::clone(value),
            _ => Type::Dyn,
        };
        let secrecy = match range.secrecy {
            Secrecy::Open => Secrecy::Open,
            Secrecy::Objects => Secrecy::Object,
            _ => Secrecy::Secret,
        };
        (ty, secrecy)
    });
    let origins = range.as_ref().map(|range| range.origins.clone()).unwrap_or_default();
    let mut inner = scope.with_element(&ty, secrecy, &origins, name.as_deref());
    if let Some(range) = &range {
        let key = written.key.as_ref().and_then(Node::text).map(|path| path.strip_prefix('.').unwrap_or(path));
        inner.measure_element(&range.cost.extent, name.as_deref(), key);
    }
    let Some(range) = range else { return Checks { scope: inner, model: None, expressions } };
    if !matches!(range.secrecy, Secrecy::Open | Secrecy::Objects | Secrecy::Data) {
        problems.push(secrets::shown(written.field.span, range.source.trim(), false));
    }
    let key = match (&written.key, &range.ty) {
        (Some(node), Type::Map(..)) => {
            let hint = "remove `key`: the elements of a map are known by their keys";
            problems.push(options::key(node.span, "a map has keys already", hint));
            None
        }
        (Some(node), _) => key(node, &inner, &mut expressions, problems),
        (None, Type::List(item)) if !scalar(item) => {
            let message = format!("the elements are no scalars ({})", crate::cel::describe(item));
            problems.push(options::key(written.span, &message, "add `key` with a field that no two of them share"));
            None
        }
        (None, _) => None,
    };
    Checks { scope: inner, model: Some(ForEach { range, name, key }), expressions }
}

fn scalar(ty: &Type) -> bool {
    matches!(ty, Type::String | Type::Int | Type::UInt | Type::Bool | Type::Dyn)
}

fn range(node: &Node, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Checked> {
    let at = expressions.source.at(node.span);
    expressions.scope.read(node.span);
    match &node.value {
        Value::String(text) if text.has_expressions() => match expressions.string(node, Place::Range, problems) {
            Found::Lone(text) => lone(text),
            Found::Broken => None,
            Found::Plain | Found::Mixed(_) => {
                let expected = "a path, or one expression \"{{ … }}\"";
                problems.push(keys::wrong_kind(node.span, "`field`", expected, &node.describe()));
                None
            }
        },
        _ => {
            let field = Field::parse(node, expressions.scope, problems)?;
            let mut text = Rewritten::new(node.span);
            field.push(&mut text);
            let mut found = Diagnostics::default();
            let checked = expressions.text(&text.text, &at, Place::Range, |range| text.span(range), &mut found);
            for problem in &found {
                let mut problem = problem.clone();
                if problem.code == &crate::codes::expressions::MAY_BE_ABSENT {
                    problem.hints = vec![format!("write \"{{{{ {} | default [] }}}}\"", text.text)];
                }
                problems.push(problem);
            }
            checked
        }
    }
}

/// The field of an element that it is known by.
fn key(node: &Node, scope: &Scope, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Checked> {
    let Value::String(written) = &node.value else { return None };
    let start = usize::from(written.text.starts_with('.'));
    let path = &written.text[start..];
    let name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !path.split('.').all(name) {
        let expected = "the path of a field of an element, such as `name`";
        problems.push(keys::wrong_kind(node.span, "`key`", expected, &node.describe()));
        return None;
    }
    let text = format!("item.{path}");
    let at = expressions.source.at(node.span);
    let before = "item.".len();
    let span = |range: std::ops::Range<usize>| {
        let within = |offset: usize| offset.saturating_sub(before) + start;
        written.span(node.span, within(range.start)..within(range.end))
    };
    let mut inner = Expressions::new(scope, expressions.source);
    inner.text(&text, &at, Place::Key, span, problems)
}
