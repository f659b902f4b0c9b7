//! The children of an entry: ids, whole manifests, conditions, order.

use std::collections::{BTreeSet, HashMap};

use super::entry::Context;
use super::flows::Traced;
use super::kind::{self, Kind};
use super::manifest::Complete;
use super::reads::References;
use super::sinks::Of;
use super::strings::{Expressions, Found, Use, lone};
use super::value::Values;
use super::{conditions, for_each, generated, manifest, order};
use crate::ast::{self, Options, Template};
use crate::cel::{self, Checked, Count, Objects, Piece, Place, Scope};
use crate::codes::{keys, options, references as codes};
use crate::diagnostic::Diagnostics;
use crate::model::{Child, Policy};
use crate::shorthand;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// A template whose manifest is whole.
pub(super) struct Prepared<'a> {
    template: &'a Template,
    id: String,
    kind: Kind,
    manifest: Node,
}

/// Gives every template its id and its whole manifest, and declares it in the scope.
pub(super) fn prepare<'a>(
    entry: &'a ast::Entry,
    context: &Context,
    scope: &mut Scope,
    problems: &mut Diagnostics,
) -> Vec<Prepared<'a>> {
    let ids = ids(&entry.templates, problems);
    let templates = entry.templates.iter().zip(&ids);
    let siblings: Vec<shorthand::Sibling> = templates
        .clone()
        .filter_map(|(template, id)| Some(shorthand::Sibling { id: id.as_deref()?, template }))
        .collect();
    let mut prepared = Vec::new();
    for (template, id) in templates {
        let Some(id) = id else { continue };
        let around = shorthand::Context { id, siblings: &siblings, reads: &entry.reads };
        let manifest = shorthand::expand(template, &around, problems);
        let kind = manifest.as_ref().and_then(|manifest| kind::of_manifest(manifest, context, problems));
        let count = if template.is_keyed() { Count::Map } else { Count::One };
        // Declared even if it is broken, so that what refers to it brings no further problems.
        let objects = match &kind {
            Some(kind) => kind.objects(count),
            None => Objects { schema: None, namespaced: true, secret: false, count },
        };
        scope.add_child(id, objects);
        if let Some(manifest) = manifest.as_ref().filter(|_| count == Count::One) {
            scope.add_written(id, always_written(manifest));
        }
        if let (Some(manifest), Some(kind)) = (manifest, kind) {
            prepared.push(Prepared { template, id: id.clone(), kind, manifest });
        }
    }
    prepared
}

/// The keys of a manifest's `data` that are never left out.
fn always_written(manifest: &Node) -> BTreeSet<String> {
    let is_value = |node: &Node| match &node.value {
        Value::String(text) if text.has_expressions() => match cel::split(&text.text).as_deref() {
            Ok([Piece::Expression { source, .. }]) => cel::is_encoding(source),
            Ok(_) => true,
            Err(_) => false,
        },
        value => matches!(value, Value::String(_)),
    };
    let data = manifest.get("data").and_then(Node::members).unwrap_or_default();
    data.iter().filter(|(_, node)| is_value(node)).map(|(key, _)| key.text.clone()).collect()
}

/// The id of each template: as given, or its kind in lower camel case. None where that was reported.
fn ids(templates: &[Template], problems: &mut Diagnostics) -> Vec<Option<String>> {
    let default: Vec<String> = templates.iter().map(|template| lower_camel(&kind_name(template))).collect();
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut ids = Vec::new();
    for (template, name) in templates.iter().zip(&default) {
        let (id, span) = match &template.id {
            Some(id) => (id.value.clone(), id.span),
            None if template.item.get("id").is_some() => {
                ids.push(None);
                continue;
            }
            None => {
                let same = default.iter().filter(|other| *other == name).count();
                if same > 1 {
                    problems.push(codes::id_required(template.span, &kind_name(template), same));
                    ids.push(None);
                    continue;
                }
                (name.clone(), template.span)
            }
        };
        if ast::identifier_problem(&id).is_some() {
            // A manifest without a usable kind; said where the kind is read.
            ids.push((!id.is_empty()).then_some(id));
            continue;
        }
        match seen.get(&id) {
            Some(first) => {
                problems.push(codes::duplicate_id(span, &id, *first));
                ids.push(None);
            }
            None => {
                seen.insert(id.clone(), span);
                ids.push(Some(id));
            }
        }
    }
    ids
}

fn kind_name(template: &Template) -> String {
    match template.form.kind() {
        Some((_, kind)) => kind.to_owned(),
        None => {
            let kind = template.item.get("manifest").and_then(|manifest| manifest.get("kind")?.text());
            kind.unwrap_or("manifest").to_owned()
        }
    }
}

/// `StatefulSet` is `statefulSet`, `CSIDriver` is `csiDriver`.
pub(crate) fn lower_camel(kind: &str) -> String {
    let upper = kind.bytes().take_while(u8::is_ascii_uppercase).count();
    let lowered = if upper > 1 && upper < kind.len() { upper - 1 } else { upper };
    kind[..lowered].to_ascii_lowercase() + &kind[lowered..]
}

/// Checks the manifests and conditions, and puts the children in the order of their references.
pub(super) fn check(
    entry: &ast::Entry,
    prepared: Vec<Prepared>,
    references: &References,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> (Vec<Child>, Vec<Traced>) {
    same_objects(&prepared, context, problems);
    let places: HashMap<String, Span> = prepared
        .iter()
        .map(|child| (child.id.clone(), child.template.id.as_ref().map_or(child.template.span, |id| id.span)))
        .collect();
    let last = on_delete(&prepared);
    let (children, traced): (Vec<Child>, Vec<Traced>) =
        prepared.into_iter().map(|child| one(child, references, &last, scope, context, problems)).unzip();
    let ids: Vec<String> = children.iter().map(|child| child.id.clone()).collect();
    let needed: Vec<BTreeSet<usize>> = children
        .iter()
        .map(|child| child.requires.iter().filter_map(|id| ids.iter().position(|other| other == id)).collect())
        .collect();
    let children = match order::sort(&needed) {
        Ok(order) => {
            let mut slots: Vec<Option<Child>> = children.into_iter().map(Some).collect();
            order.into_iter().filter_map(|index| slots.get_mut(index)?.take()).collect()
        }
        Err(circles) => {
            for circle in circles {
                let names: Vec<String> = circle.iter().filter_map(|index| ids.get(*index).cloned()).collect();
                let at = names.first().and_then(|id| places.get(id)).copied().unwrap_or(entry.name.span);
                let problem = codes::cycle(at, "children", &names);
                problems.push(match names.len() {
                    2 => problem.hint("a child sees itself in `readyWhen` only, as `self`"),
                    _ => problem,
                });
            }
            Vec::new()
        }
    };
    (children, traced)
}

/// The ids of the children that are made when the primary is being deleted.
pub(super) fn on_delete(prepared: &[Prepared]) -> BTreeSet<String> {
    let last = prepared.iter().filter(|child| child.template.policy == Policy::Delete);
    last.map(|child| child.id.clone()).collect()
}

/// Reports expressions that read a child which is only there when the primary is being deleted.
pub(super) fn living(uses: &[Use], references: &References, last: &BTreeSet<String>, problems: &mut Diagnostics) {
    for Use { span, reads } in uses {
        if let Some(id) = references.children(reads).iter().find(|id| last.contains(*id)) {
            problems.push(options::on_delete(*span, id));
        }
    }
}

fn one(
    child: Prepared,
    references: &References,
    last: &BTreeSet<String>,
    scope: &Scope,
    context: &Context,
    problems: &mut Diagnostics,
) -> (Child, Traced) {
    let Prepared { template, id, kind, manifest } = child;
    super::options::check(template, &kind, &manifest, problems);
    let element = for_each::check(template, scope, context.source, problems);
    let (with_now, source) = (element.scope.with_now(), context.source);
    let mut before = Expressions::new(&with_now, source);
    let when = conditions::check(template.when.as_ref(), template.or.as_ref(), &mut before, problems);
    let with_self = with_now.with_self(&id);
    let mut after = Expressions::new(&with_self, source);
    let ready_when = template.ready_when.as_ref().and_then(|node| ready_when(node, &mut after, problems));
    let mut expressions = Expressions::new(&element.scope, source);
    let Complete { manifest, elsewhere } =
        manifest::complete(manifest, &kind, template, context, &mut expressions, problems);
    if element.model.is_some() {
        one_name(&manifest, &element.scope, context, problems);
    }
    let mut values = Values::new(&kind.kind, &mut expressions, problems);
    values.keeps = kind.is_secret().then_some(template.options.once.is_some());
    values.traces = Some(Of { api_version: &kind.api_version, kind: &kind.kind });
    let value = values.value(&manifest, &kind.schema);
    let mut holes = std::mem::take(&mut values.holes);
    if manifest::is_beside(&manifest, context.api) {
        holes.retain(|hole| hole.path != ["metadata", "namespace"]);
    }
    let tls = template.tls.as_ref().and_then(|tls| generated::tls(tls, &mut expressions, problems));
    for other in [element.expressions, before, after] {
        expressions.reads.extend(other.reads);
        expressions.uses.extend(other.uses);
    }
    if template.policy != Policy::Delete {
        living(&expressions.uses, references, last, problems);
    }
    let Options { once, retain, adopt, recreate, raw: _ } = template.options;
    let traced = Traced { id: id.clone(), adopt: adopt.is_some(), many: element.model.is_some(), holes, elsewhere };
    let reach = elsewhere.map(|_| manifest::reach(template, &kind));
    let child = Child {
        id,
        at: context.source.at(template.span),
        policy: template.policy,
        api_version: kind.api_version,
        kind: kind.kind,
        requires: references.children(&expressions.reads),
        reads: references.reads(&expressions.reads),
        for_each: element.model,
        when,
        ready_when,
        once: once.is_some(),
        retain: retain.is_some(),
        adopt: adopt.is_some(),
        recreate: recreate.is_some(),
        elsewhere: reach,
        rotate_after: template.rotate_after.as_ref().map(|after| after.value),
        tls,
        manifest: value,
    };
    (child, traced)
}

fn ready_when(node: &Node, expressions: &mut Expressions, problems: &mut Diagnostics) -> Option<Checked> {
    match expressions.string(node, Place::When, problems) {
        Found::Lone(text) => lone(text),
        Found::Broken => None,
        Found::Plain | Found::Mixed(_) => {
            let expected = "one expression, \"{{ … }}\"";
            problems.push(keys::wrong_kind(node.span, "`readyWhen`", expected, &node.describe()));
            None
        }
    }
}

/// The children of all elements need names of their own.
fn one_name(manifest: &Node, scope: &Scope, context: &Context, problems: &mut Diagnostics) {
    let Some(metadata) = manifest.get("metadata") else { return };
    let mut place = None;
    for key in ["name", "namespace"] {
        let Some(node) = metadata.get(key) else { continue };
        let mut expressions = Expressions::new(scope, context.source);
        // What is wrong with it is reported where it is checked as a value.
        let found = expressions.string(node, Place::Name, &mut Diagnostics::default());
        if expressions.element || matches!(found, Found::Broken) {
            return;
        }
        place = place.or(Some(node.span));
    }
    if let Some(span) = place {
        problems.push(options::one_name(span));
    }
}

/// Two templates of one kind with the same name and namespace.
fn same_objects(prepared: &[Prepared], context: &Context, problems: &mut Diagnostics) {
    let mut seen: HashMap<[String; 4], &Prepared> = HashMap::new();
    for child in prepared {
        let metadata = |key: &str| child.manifest.get("metadata").and_then(|metadata| metadata.get(key));
        let name = metadata("name").map(canonical).unwrap_or_default();
        let namespace = match metadata("namespace") {
            Some(node) => canonical(node),
            None if child.kind.namespaced && context.api.namespaced => "{{ metadata.namespace }}".to_owned(),
            None => String::new(),
        };
        // The group without the version: a kind is the same object in each of its versions.
        let group = child.kind.api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
        match seen.get(&[group.clone(), child.kind.kind.clone(), namespace.clone(), name.clone()]) {
            Some(first) => {
                let ids = (first.id.as_str(), child.id.as_str());
                let problem =
                    codes::same_object(child.template.span, &child.kind.kind, &name, ids, first.template.span);
                problems.push(problem);
            }
            None => {
                seen.insert([group, child.kind.kind.clone(), namespace, name], child);
            }
        }
    }
}

/// A string whose expressions are written the same however the author wrote them.
fn canonical(node: &Node) -> String {
    let Value::String(text) = &node.value else { return String::new() };
    if !text.has_expressions() {
        return text.text.clone();
    }
    let Ok(pieces) = cel::split(&text.text) else { return text.text.clone() };
    let shown = pieces.into_iter().map(|piece| match piece {
        Piece::Literal { text, .. } => text,
        Piece::Expression { source, .. } => {
            format!("{{{{ {} }}}}", cel::canonical(&source).unwrap_or_else(|| source.trim().to_owned()))
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::lower_camel;

    #[test]
    fn kinds_in_lower_camel_case() {
        assert_eq!(lower_camel("StatefulSet"), "statefulSet");
        assert_eq!(lower_camel("CSIDriver"), "csiDriver");
        assert_eq!(lower_camel("DNS"), "dns");
        assert_eq!(lower_camel(""), "");
        assert_eq!(lower_camel("É"), "É");
    }
}
