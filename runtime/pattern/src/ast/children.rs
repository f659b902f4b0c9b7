//! The templates of an entry: `onCreate`, `onReconcile` and `onDelete`, each with lists by kind.

use super::fields::{Fields, list};
use super::scalars::identifier;
use super::tables::children::{ON_CREATE, ON_DELETE, ON_RECONCILE};
use super::{Entry, Form, Template, copies, options, tls};
use crate::codes::options::option;
use crate::codes::{bounds, keys};
use crate::diagnostic::Diagnostics;
use crate::model::Policy;
use crate::yaml::{Node, Value};

/// The most templates of an entry.
const TEMPLATES: usize = 500;

/// Reads the templates of `operatorBox`.
pub(super) fn parse(operator_box: &Fields, entry: &mut Entry, problems: &mut Diagnostics) {
    let boxes = [
        (operator_box.take("onCreate"), &ON_CREATE, Policy::Create),
        (operator_box.take("onReconcile"), &ON_RECONCILE, Policy::Apply),
        (operator_box.take("onDelete"), &ON_DELETE, Policy::Delete),
    ];
    for (node, table, policy) in boxes {
        let Some(node) = node else { continue };
        let Some(fields) = Fields::open(node, table, problems) else { continue };
        for form in Form::ALL {
            let name = form.list();
            let Some(node) = fields.take(name) else { continue };
            let count = entry.templates.len() + node.items().map_or(0, <[Node]>::len);
            if count > TEMPLATES {
                problems.push(bounds::templates(node.span, &entry.name.value, count, TEMPLATES));
                return;
            }
            let Some(items) = list(node, &format!("`{name}`"), problems) else { continue };
            for item in items {
                let Some(template) = template(item, form, policy, problems) else { continue };
                entry.reads.extend(copies::read(&template, problems));
                entry.templates.push(template);
            }
        }
        fields.finish(problems);
    }
}

fn template(item: &Node, form: Form, mut policy: Policy, problems: &mut Diagnostics) -> Option<Template> {
    let fields = Fields::open(item, form.table(), problems)?;
    let span = fields.head();
    let id = fields.take("id").and_then(|node| identifier(node, "the id", problems));
    if let Some(node) = fields.take("reconcile") {
        match (&node.value, policy) {
            (Value::Bool(true), Policy::Delete) => {
                let problem = keys::wrong_kind(node.span, "`reconcile` under `onDelete`", "`false`", "`true`");
                problems.push(problem.hint("a child that exists while the primary lives stands under `onReconcile`"));
            }
            (Value::Bool(true), _) => policy = Policy::Apply,
            (Value::Bool(false), Policy::Create | Policy::Delete) => {}
            (Value::Bool(false), Policy::Apply) => {
                let problem = keys::wrong_kind(node.span, "`reconcile` under `onReconcile`", "`true`", "`false`");
                problems.push(problem.hint("move the child to `onCreate`, where it is created and then left alone"));
            }
            _ => problems.push(keys::wrong_kind(node.span, "`reconcile`", "`true` or `false`", &node.describe())),
        }
    }
    let options = options::parse(&fields, problems);
    let mut for_each = fields.entry("forEach").and_then(|(key, node)| options::for_each(node, key.span, problems));
    let mut namespace = fields.take("namespace").cloned();
    if copies::is_copied(form) {
        if let Some((key, node)) = fields.entry("toNamespaces") {
            let other = fields.entry("namespace").or(fields.entry("forEach")).map(|(other, _)| other.span);
            match other {
                Some(other) => {
                    problems.push(keys::twice(key.span, "where the child lies, or how many there are,", other))
                }
                None => {
                    for_each = copies::to_namespaces(key, node, problems);
                    namespace = Some(Node::string(node.span, "{{ item }}"));
                }
            }
        }
        let source = copies::key(form).and_then(|key| fields.take(key));
        if let (Some((key, _)), None) = (fields.entry("fromNamespace"), source) {
            let message = "`fromNamespace` says where that lies which is copied, and nothing is";
            problems.push(option(key.span, message, "remove it, or say what is copied"));
        }
    }
    let is_secret = form == Form::Secret;
    let tls = fields.entry_if(is_secret, "tls").and_then(|(key, node)| tls::parse(node, key.span, problems));
    let rotate_after = fields.entry_if(is_secret, "rotateAfter");
    let rotate_after = rotate_after.and_then(|(key, node)| tls::rotate_after(node, key.span, problems));
    let template = Template {
        form,
        policy,
        id,
        name: fields.take("name").cloned(),
        namespace,
        labels: fields.take("labels").cloned(),
        annotations: fields.take("annotations").cloned(),
        when: fields.take("when").cloned(),
        or: fields.take("or").cloned(),
        for_each,
        ready_when: fields.take("readyWhen").cloned(),
        rotate_after,
        tls,
        item: if options.raw.is_some() { options::raw(item) } else { item.clone() },
        options,
        span,
    };
    if form == Form::Manifest {
        fields.require("manifest", problems);
        fields.finish(problems);
    }
    Some(template)
}
