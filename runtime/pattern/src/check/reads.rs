//! `reads`: existing objects that are not ours.

use super::entry::Context;
use super::flows::TracedRead;
use super::kind::{self, Kind};
use super::manifest::{is_own_namespace, own_namespace};
use super::strings::{Expressions, Found, Reads, Use};
use super::vars::Var;
use crate::ast;
use crate::cel::{Count, Objects, Place, Scope};
use crate::codes::{keys, manifests, reads as codes};
use crate::diagnostic::Diagnostics;
use crate::model::{Elsewhere, Part, Read, Requirement, Selector, Text, Which};
use crate::yaml::{Node, Value};

/// What the expressions of an entry may refer to, for finding what they need.
pub(super) struct References<'a> {
    pub(super) vars: &'a [Var],
    pub(super) reads: &'a [Read],
}

impl References<'_> {
    /// What expressions refer to, by themselves or through variables.
    pub(super) fn all(&self, reads: &Reads) -> Reads {
        let mut all = reads.clone();
        for var in self.vars.iter().filter(|var| reads.vars.contains(&var.model.name)) {
            all.extend(var.reads.clone());
        }
        all
    }

    /// The children, sorted.
    pub(super) fn children(&self, reads: &Reads) -> Vec<String> {
        self.all(reads).children.into_iter().collect()
    }

    /// The reads that must be there, sorted.
    pub(super) fn reads(&self, reads: &Reads) -> Vec<String> {
        let optional = |id: &String| self.reads.iter().any(|read| read.id == *id && read.optional);
        self.all(reads).reads.into_iter().filter(|id| !optional(id)).collect()
    }
}

/// Finds the kinds of the reads and declares them in the scope.
pub(super) fn declare(
    reads: &[ast::Read],
    context: &Context,
    scope: &mut Scope,
    problems: &mut Diagnostics,
) -> Vec<Option<Kind>> {
    let mut kinds = Vec::new();
    for read in reads {
        let known = kind::find(&read.api_version, &read.kind, context, problems);
        let count = match (&read.which, read.optional) {
            (ast::Which::Selected(_), _) => Count::List,
            (ast::Which::Name(_), true) => Count::Optional,
            (ast::Which::Name(_), false) => Count::One,
        };
        let objects = match &known {
            Some(kind) => kind.objects(count),
            None => Objects { schema: None, namespaced: true, secret: false, count },
        };
        scope.add_read(&read.id.value, objects);
        match (&known, &read.namespace) {
            (Some(kind), None) if kind.namespaced && own_namespace(context.api).is_none() => {
                let what =
                    format!("this read needs a `namespace`: {} lives in one, and the primary does not", kind.kind);
                problems.push(codes::namespace(read.kind.span, &what, "add `namespace`"));
            }
            (Some(kind), Some(namespace)) if !kind.namespaced => {
                let what = format!("{} is cluster-scoped and has no namespace", kind.kind);
                problems.push(codes::namespace(namespace.span, &what, "remove `namespace`"));
            }
            _ => {}
        }
        kinds.push(known);
    }
    kinds
}

/// Checks names and labels, which are evaluated before anything is observed.
pub(super) fn check(
    reads: &[ast::Read],
    kinds: Vec<Option<Kind>>,
    vars: &[Var],
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> (Vec<Read>, Vec<TracedRead>) {
    let references = References { vars, reads: &[] };
    let (mut found, mut traced) = (Vec::new(), Vec::new());
    for (read, kind) in reads.iter().zip(kinds) {
        let mut expressions = Expressions::new(scope, context.source);
        let which = match &read.which {
            ast::Which::Name(node) => {
                if node.text() == Some("") {
                    problems.push(manifests::nothing(node.span, "name"));
                }
                text(node, &mut expressions, problems).map(Which::Name)
            }
            ast::Which::Selected(selector) => self::selector(selector, &mut expressions, problems).map(Which::Selected),
        };
        let mut place = Expressions::new(scope, context.source);
        let namespaced = context.api.namespaced;
        let is_own = |node: &Node| is_own_namespace(node, context.api);
        let written = read.namespace.as_ref().filter(|node| !is_own(node)).map(|node| node.span);
        // Where the primary is its own namespace, the host has to be told of it.
        let told = own_namespace(context.api).filter(|_| !namespaced && written.is_none());
        let told = told.map(|own| Node::string(read.kind.span, format!("{{{{ {own} }}}}")));
        let namespace = read.namespace.as_ref().filter(|node| !is_own(node)).or(told.as_ref());
        let namespace = namespace.map(|node| text(node, &mut place, problems));
        expressions.uses.extend(place.uses);
        for Use { span, reads } in &expressions.uses {
            let all = references.all(reads);
            let child = all.children.first().map(|id| format!("`children.{id}`"));
            let read = all.reads.first().map(|id| format!("`reads.{id}`"));
            if let Some(what) = child.or(read) {
                problems.push(codes::late(*span, &what));
            }
        }
        let (Some(which), Some(kind)) = (which, kind) else { continue };
        // One that was reported still makes the read one of another namespace.
        let namespace = match namespace {
            None => None,
            Some(None) => continue,
            Some(Some(text)) => Some(text).filter(|_| kind.namespaced),
        };
        let origins = place.origins;
        let place = match &read.which {
            ast::Which::Name(node) => node.span,
            ast::Which::Selected(selector) => selector.span,
        };
        let mut one = TracedRead::new(&read.id.value, &kind, &which, expressions.origins, place);
        one.place = written.filter(|_| kind.namespaced).map(|span| (span, origins));
        one.elsewhere = namespaced;
        traced.push(one);
        found.push(Read {
            id: read.id.value.clone(),
            api_version: kind.api_version,
            kind: kind.kind,
            which,
            optional: read.optional,
            elsewhere: written.filter(|_| namespaced).and(namespace.as_ref()).map(|text| match text.parts.as_slice() {
                [Part::Literal(name)] => Elsewhere::Namespaces(vec![name.clone()]),
                _ => Elsewhere::Anywhere,
            }),
            namespace,
        });
    }
    (found, traced)
}

/// Checks the values of labels.
fn selector(selector: &ast::Selector, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Selector> {
    let labels = selector.labels.iter();
    // All of them are looked at before one that is wrong stops it.
    let labels: Vec<_> =
        labels.map(|(key, node)| Some((key.text.clone(), text(node, expressions, problems)?))).collect();
    let requirements: Vec<_> = selector
        .requirements
        .iter()
        .map(|requirement| {
            let values: Vec<_> = requirement.values.iter().map(|node| text(node, expressions, problems)).collect();
            Some(Requirement {
                key: requirement.key.value.clone(),
                operator: requirement.operator,
                values: values.into_iter().collect::<Option<_>>()?,
            })
        })
        .collect();
    Some(Selector {
        labels: labels.into_iter().collect::<Option<_>>()?,
        requirements: requirements.into_iter().collect::<Option<_>>()?,
    })
}

pub(super) fn text(node: &Node, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Text> {
    let Value::String(written) = &node.value else {
        problems.push(keys::wrong_kind(node.span, "the value", "a string", &node.describe()));
        return None;
    };
    match expressions.string(node, Place::Name, problems) {
        Found::Plain => {
            let at = expressions.source.at(node.span);
            Some(Text { at, parts: vec![Part::Literal(written.text.clone())] })
        }
        Found::Lone(text) | Found::Mixed(text) => Some(text),
        Found::Broken => None,
    }
}
