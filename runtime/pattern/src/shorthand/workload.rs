//! What the workloads share: pods of one container whose fields are hoisted to the child.

use super::siblings::{is_keyed, labels, own_labels};
use super::tree::Tree;
use super::{Context, Fields, Target, rollout};
use crate::ast::Form;
use crate::ast::tables::children as tables;
use crate::codes::keys;
use crate::kinds;
use crate::schema::{Schema, Shape};
use crate::source::Span;
use crate::yaml::{Node, Text, Value};

/// The keys of `probes`, and the container's fields that they are.
const PROBES: [(&str, &str); 3] =
    [("startup", "startupProbe"), ("readiness", "readinessProbe"), ("liveness", "livenessProbe")];

/// Where a kind keeps its pods' metadata and spec.
fn pods(form: Form) -> (&'static [&'static str], &'static [&'static str]) {
    match form {
        Form::Pod => (&["metadata"], &["spec"]),
        Form::CronJob => (
            &["spec", "jobTemplate", "spec", "template", "metadata"],
            &["spec", "jobTemplate", "spec", "template", "spec"],
        ),
        _ => (&["spec", "template", "metadata"], &["spec", "template", "spec"]),
    }
}

/// Fields of the pod and its container, and then all others as fields of the kind's own spec.
pub(super) fn expand(target: &mut Target, context: &Context, mounts: Vec<Node>) {
    let (form, span) = (target.template.form, target.template.span);
    let (metadata, pod) = pods(form);
    let labels = match form {
        Form::Pod => own_labels(span),
        _ => labels(span, context.id, is_keyed(target.template)),
    };
    if replaces_pods(form) {
        target.put(&["spec", "selector", "matchLabels"], span, labels.clone());
    }
    target.put(&[metadata, &["labels"]].concat(), span, labels);
    for key in tables::POD.iter().map(|row| row.key) {
        if let Some((place, node)) = target.taken(key) {
            target.put(&[pod, &[key]].concat(), place, node.clone());
        }
    }
    match target.template.item.get("containers").map(|node| node.span) {
        Some(whole) => said_twice(target, whole, &mounts),
        None => {
            let container = container(target, context.id, mounts);
            target.put(&[pod, &["containers"]].concat(), span, Node::list(span, vec![container]));
        }
    }
    if replaces_pods(form) {
        rollout::expand(target, context, metadata);
    }
    target.pass_on();
    // Kubernetes' own default, `Always`, is one that it refuses for jobs.
    let restart = match form {
        Form::Job => "Never",
        Form::CronJob => "OnFailure",
        _ => return,
    };
    let path = [pod, &["restartPolicy"]].concat();
    if !target.tree.has(&path) {
        target.put(&path, span, Node::string(span, restart));
    }
}

/// Whether a change of the template replaces the pods.
fn replaces_pods(form: Form) -> bool {
    matches!(form, Form::Deployment | Form::StatefulSet | Form::DaemonSet)
}

/// The hoisted fields of the container.
fn container_keys() -> impl Iterator<Item = &'static str> {
    tables::CONTAINER.iter().chain(&tables::CONTAINER_OWN).map(|row| row.key)
}

/// Hoisted fields of a container beside containers that are written whole.
fn said_twice(target: &mut Target, whole: Span, mounts: &[Node]) {
    for key in container_keys() {
        if let Some((place, _)) = target.taken(key) {
            let problem = keys::twice(place, &format!("the container's `{key}`"), whole);
            target.problems.push(problem.hint("with `containers`, write it inside the container"));
        }
    }
    for mount in mounts {
        let problem = keys::twice(mount.span, "where the volume is mounted", whole);
        target.problems.push(problem.hint("with `containers`, write `volumeMounts` inside the container"));
    }
}

fn container(target: &mut Target, id: &str, mounts: Vec<Node>) -> Node {
    let span = target.template.span;
    let mut container = Tree::new(span);
    container.put(&["name"], span, Node::string(span, container_name(id)), target.problems);
    match (target.taken("image"), target.taken("tag")) {
        (Some((key, image)), None) => container.put(&["image"], key, image.clone(), target.problems),
        (Some((key, image)), Some((_, tag))) => {
            let image = tagged(target, image, tag);
            container.put(&["image"], key, image, target.problems);
        }
        (None, _) => target.problems.push(keys::missing(span, "image", "a workload without `containers`")),
    }
    match (target.taken("port"), target.taken("protocol")) {
        (Some((key, port)), protocol) => {
            let mut one = Tree::new(port.span);
            one.put(&["containerPort"], key, port.clone(), target.problems);
            let (place, protocol) = match protocol {
                Some((key, node)) => (key, node.clone()),
                None => (key, Node::string(key, "TCP")),
            };
            one.put(&["protocol"], place, protocol, target.problems);
            container.put(&["ports"], key, Node::list(port.span, vec![one.finish()]), target.problems);
        }
        (None, Some((key, _))) => target.problems.push(keys::missing(key, "port", "a workload with `protocol`")),
        (None, None) => {}
    }
    let mut mounts = Some(mounts);
    for key in tables::CONTAINER.iter().map(|row| row.key) {
        let Some((place, node)) = target.taken(key) else { continue };
        let mut node = node.clone();
        if key == "volumeMounts"
            && let Value::List(items) = &mut node.value
        {
            items.extend(mounts.take().unwrap_or_default());
        }
        container.put(&[key], place, node, target.problems);
    }
    if let Some(mounts) = mounts
        && !mounts.is_empty()
        && target.fields.take("volumeMounts").is_none()
    {
        container.put(&["volumeMounts"], span, Node::list(span, mounts), target.problems);
    }
    if let Some(node) = target.fields.take("probes")
        && let Some(probes) = Fields::open(node, &tables::PROBES, target.problems)
    {
        for (key, field) in PROBES {
            if let Some((place, node)) = super::taken(&probes, key) {
                container.put(&[field], place, node.clone(), target.problems);
            }
        }
        probes.finish(target.problems);
    }
    container.finish()
}

/// `image:tag`, of which each half keeps its place.
fn tagged(target: &mut Target, image: &Node, tag: &Node) -> Node {
    if matches!(tag.value, Value::Number(_)) && tag.as_written().is_none() {
        let problem = keys::wrong_kind(tag.span, "`tag`", "a string", &tag.describe());
        target.problems.push(problem.hint("quote it: a number does not keep how it is written"));
    }
    let text = |node: &Node| match &node.value {
        Value::String(text) => Some(text.clone()),
        // `tag: 14` is what people write.
        Value::Number(_) => node.as_written().map(Text::from),
        _ => None,
    };
    match (text(image), text(tag)) {
        (Some(left), Some(right)) => {
            let whole = Text::concat([left, Text::from(":"), right]);
            Node { span: image.span.to(tag.span), value: Value::String(whole) }
        }
        // A number that was refused above; the text alone brings no second problem.
        (Some(_), None) if matches!(tag.value, Value::Number(_)) => image.clone(),
        // Not a string: the schema's check says so, at its place.
        (Some(_), None) => tag.clone(),
        _ => image.clone(),
    }
}

/// The id as a DNS label: `webServer` is `web-server`.
fn container_name(id: &str) -> String {
    let mut name = String::new();
    for letter in id.chars() {
        match letter {
            '_' => name.push('-'),
            upper if upper.is_ascii_uppercase() => {
                if !name.ends_with('-') {
                    name.push('-');
                }
                name.push(upper.to_ascii_lowercase());
            }
            other => name.push(other),
        }
    }
    name.truncate(63);
    name.trim_matches('-').to_owned()
}

/// Where a key belongs that a workload does not take, or why it takes none.
pub(super) fn misplaced(form: Form, key: &str) -> Option<String> {
    match key {
        "selector" if replaces_pods(form) => {
            return Some("the selector is generated; write a whole manifest under `resources` for another one".into());
        }
        "selector" | "manualSelector" if form == Form::Job => {
            return Some("Kubernetes generates a Job's selector".into());
        }
        "rolloutOn" => return Some("only Deployments, StatefulSets and DaemonSets replace their pods".into()),
        _ => {}
    }
    let own = form.kind().and_then(|(api_version, kind)| kinds::lookup(api_version, kind));
    if own.is_some_and(|kind| names(&kind.schema, &["spec"], key)) {
        return None;
    }
    let pod = kinds::lookup("v1", "Pod")?.schema;
    if form != Form::Pod && names(&pod, &["spec"], key) {
        let (_, path) = pods(form);
        let open: String = path.iter().skip(1).map(|name| format!("{name}: {{")).collect();
        let close = "}".repeat(path.len().saturating_sub(1));
        return Some(format!("it is a field of the pod: write `{open}{key}: …{close}`"));
    }
    in_container(key)
}

/// Where a field of the container belongs that is not hoisted.
fn in_container(key: &str) -> Option<String> {
    if let Some((probe, _)) = PROBES.iter().find(|(_, field)| *field == key) {
        return Some(format!("write `probes: {{{probe}: …}}`"));
    }
    let pod = kinds::lookup("v1", "Pod")?.schema;
    let containers = pod.field("spec")?.schema.field("containers")?.schema.items()?;
    let own = container_keys().any(|name| name == key);
    (!own && names(containers, &[], key))
        .then(|| "it is a field of the container: write the container whole, under `containers`".to_owned())
}

/// Whether the schema at a path names a field.
fn names(schema: &Schema, path: &[&str], key: &str) -> bool {
    let place = path.iter().try_fold(schema, |schema, name| Some(schema.field(name)?.schema.as_ref()));
    matches!(place.map(|schema| &schema.shape), Some(Shape::Object(object)) if object.fields.contains_key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_named_as_the_child() {
        assert_eq!(container_name("db"), "db");
        assert_eq!(container_name("webServer_2"), "web-server-2");
        assert_eq!(container_name("a_"), "a");
        assert_eq!(container_name(&"a".repeat(80)).len(), 63);
    }

    #[test]
    fn a_misplaced_field_is_told_where_it_belongs() {
        let hint = |form, key| misplaced(form, key).unwrap_or_default();
        assert!(hint(Form::Deployment, "hostNetwork").ends_with("`template: {spec: {hostNetwork: …}}`"));
        assert!(hint(Form::CronJob, "restartPolicy").contains("`jobTemplate: {spec: {template: {spec: {restart"));
        assert!(hint(Form::DaemonSet, "lifecycle").contains("`containers`"));
        assert!(hint(Form::Pod, "livenessProbe").contains("`probes: {liveness: …}`"));
        assert_eq!(misplaced(Form::Job, "backoffLimit"), None);
        assert_eq!(misplaced(Form::Pod, "hostNetwork"), None);
        assert_eq!(misplaced(Form::Deployment, "replica"), None);
    }
}
