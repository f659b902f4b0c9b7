//! What `deployments` and `statefulSets` share: pods of one container whose fields are hoisted to the child.

use super::tree::Tree;
use super::{Context, Fields, Template, pass_on, selector, taken};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::{Node, Text, Value};

/// Where the pod's spec lies.
const POD: [&str; 3] = ["spec", "template", "spec"];

/// Fields of the container that keep their names.
const CONTAINER: [&str; 7] = ["command", "args", "env", "envFrom", "resources", "volumeMounts", "securityContext"];

/// Fields of the container that the form has words of its own for.
const CONTAINER_OWN: [&str; 5] = ["image", "tag", "port", "protocol", "probes"];

/// Fields of the pod that keep their names.
const PODS_OWN: [&str; 6] =
    ["imagePullSecrets", "serviceAccountName", "volumes", "nodeSelector", "containers", "initContainers"];

/// Fields of the pod and its container, and then all others as fields of the kind's own spec.
pub(super) fn expand(
    tree: &mut Tree,
    fields: &Fields,
    template: &Template,
    context: &Context,
    mounts: Vec<Node>,
    problems: &mut Diagnostics,
) {
    let span = template.span;
    tree.put(&["spec", "selector", "matchLabels"], span, selector(span, context.id), problems);
    tree.put(&["spec", "template", "metadata", "labels"], span, selector(span, context.id), problems);
    for key in PODS_OWN {
        if let Some((place, node)) = taken(fields, key) {
            tree.put(&[&POD[..], &[key]].concat(), place, node.clone(), problems);
        }
    }
    let whole = template.item.get("containers").map(|node| node.span);
    match whole {
        Some(whole) => {
            for key in CONTAINER.into_iter().chain(CONTAINER_OWN) {
                if let Some((place, _)) = taken(fields, key) {
                    let problem = keys::twice(place, &format!("the container's `{key}`"), whole);
                    problems.push(problem.hint("with `containers`, write it inside the container"));
                }
            }
            for mount in mounts {
                let problem = keys::twice(mount.span, "where the volume is mounted", whole);
                problems.push(problem.hint("with `containers`, write `volumeMounts` inside the container"));
            }
        }
        None => {
            let container = container(fields, span, context.id, mounts, problems);
            tree.put(&[&POD[..], &["containers"]].concat(), span, Node::list(span, vec![container]), problems);
        }
    }
    let refused = [("selector", "the selector is generated; write a whole manifest under `resources` for another one")];
    pass_on(tree, fields, template, &["spec"], &refused, problems);
}

fn container(fields: &Fields, span: Span, id: &str, mounts: Vec<Node>, problems: &mut Diagnostics) -> Node {
    let mut container = Tree::new(span);
    container.put(&["name"], span, Node::string(span, container_name(id)), problems);
    let image = taken(fields, "image");
    let tag = taken(fields, "tag");
    match (image, tag) {
        (Some((key, image)), None) => container.put(&["image"], key, image.clone(), problems),
        (Some((key, image)), Some((_, tag))) => container.put(&["image"], key, tagged(image, tag, problems), problems),
        (None, _) => problems.push(keys::missing(span, "image", "a workload without `containers`")),
    }
    let protocol = taken(fields, "protocol");
    match (taken(fields, "port"), protocol) {
        (Some((key, port)), protocol) => {
            let mut one = Tree::new(port.span);
            one.put(&["containerPort"], key, port.clone(), problems);
            let (place, protocol) = match protocol {
                Some((key, node)) => (key, node.clone()),
                None => (key, Node::string(key, "TCP")),
            };
            one.put(&["protocol"], place, protocol, problems);
            container.put(&["ports"], key, Node::list(port.span, vec![one.finish()]), problems);
        }
        (None, Some((key, _))) => problems.push(keys::missing(key, "port", "a workload with `protocol`")),
        (None, None) => {}
    }
    let mut mounts = Some(mounts);
    for key in CONTAINER {
        let Some((place, node)) = taken(fields, key) else { continue };
        let mut node = node.clone();
        if key == "volumeMounts"
            && let Value::List(items) = &mut node.value
        {
            items.extend(mounts.take().unwrap_or_default());
        }
        container.put(&[key], place, node, problems);
    }
    if let Some(mounts) = mounts
        && !mounts.is_empty()
        && fields.take("volumeMounts").is_none()
    {
        container.put(&["volumeMounts"], span, Node::list(span, mounts), problems);
    }
    if let Some(node) = fields.take("probes")
        && let Some(probes) = Fields::open(node, "`probes`", problems)
    {
        for (key, field) in
            [("startup", "startupProbe"), ("readiness", "readinessProbe"), ("liveness", "livenessProbe")]
        {
            if let Some((place, node)) = taken(&probes, key) {
                container.put(&[field], place, node.clone(), problems);
            }
        }
        probes.finish(problems);
    }
    container.finish()
}

/// `image:tag`, of which each half keeps its place.
fn tagged(image: &Node, tag: &Node, problems: &mut Diagnostics) -> Node {
    if matches!(tag.value, Value::Number(_)) && tag.as_written().is_none() {
        let problem = keys::wrong_kind(tag.span, "`tag`", "a string", &tag.describe());
        problems.push(problem.hint("quote it: a number does not keep how it is written"));
    }
    let text = |node: &Node| match &node.value {
        Value::String(text) => Some(text.clone()),
        // `tag: 14` is what people write.
        Value::Number(_) => node.as_written().map(Text::from),
        _ => None,
    };
    match (text(image), text(tag)) {
        (Some(left), Some(right)) => {
            Node { span: image.span.to(tag.span), value: Value::String(left.join(":", &right)) }
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

#[cfg(test)]
mod tests {
    use super::container_name;

    #[test]
    fn containers_are_named_as_the_child() {
        assert_eq!(container_name("db"), "db");
        assert_eq!(container_name("webServer_2"), "web-server-2");
        assert_eq!(container_name("a_"), "a");
        assert_eq!(container_name(&"a".repeat(80)).len(), 63);
    }
}
