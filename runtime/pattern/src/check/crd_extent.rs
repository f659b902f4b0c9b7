//! What a CRD may say: group, names, scope and versions. All else is the runtime's or the API server's.

use crate::codes::crd as codes;
use crate::diagnostic::Diagnostics;
use crate::infer::INFERRED;
use crate::kinds;
use crate::rights;
use crate::yaml::{Key, Node, Value};

/// Reports what a CRD says beyond its part.
pub(super) fn check(crd: &Node, problems: &mut Diagnostics) {
    for (key, value) in given(crd.get("metadata")) {
        if key.text == "annotations" && is_inferred(value) {
            problems.push(codes::inferred(key.span));
        } else if key.text != "name" && value.value != Value::Null {
            problems.push(codes::metadata(key.span, &key.text));
        }
    }
    for (key, value) in given(Some(crd)) {
        if key.text == "status" && value.value != Value::Null {
            problems.push(codes::status(key.span));
        }
    }
    let Some(spec) = crd.get("spec") else { return };
    for (key, value) in given(Some(spec)) {
        match key.text.as_str() {
            "conversion" => conversion(key, value, problems),
            "group" => group(value, problems),
            "names" => names(value, problems),
            "preserveUnknownFields" if value.value == Value::Bool(true) => problems.push(codes::unpruned(key.span)),
            _ => {}
        }
    }
}

/// Whether annotations say that the CRD was inferred, and nothing else.
fn is_inferred(annotations: &Node) -> bool {
    matches!(given(Some(annotations)), [(key, value)] if key.text == INFERRED && value.text() == Some("true"))
}

/// A CRD as it is installed: that it was inferred is its author's matter.
pub(super) fn installed(crd: &Node) -> serde_json::Value {
    let mut json = crd.to_json();
    if crd.get("metadata").and_then(|metadata| metadata.get("annotations")).is_some_and(is_inferred)
        && let Some(metadata) = json.get_mut("metadata").and_then(serde_json::Value::as_object_mut)
    {
        metadata.remove("annotations");
    }
    json
}

/// The members of a map that is there; that it is no map was said by the check against the schema.
fn given(node: Option<&Node>) -> &[(Key, Node)] {
    node.and_then(Node::members).unwrap_or_default()
}

fn conversion(key: &Key, value: &Node, problems: &mut Diagnostics) {
    let strategy = value.get("strategy");
    if value.value == Value::Null || strategy.and_then(Node::text) == Some("None") && value.get("webhook").is_none() {
        return;
    }
    problems.push(codes::conversion(key.span, strategy.map_or("no strategy".to_owned(), Node::describe)));
}

/// Kubernetes has the groups below its two domains, and those without any domain. Komposers have one of their own.
fn group(value: &Node, problems: &mut Diagnostics) {
    let Some(group) = value.text() else { return };
    let below = |domain: &str| group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if below("k8s.io") || below("kubernetes.io") || !group.contains('.') {
        problems.push(codes::group(value.span, group, "Kubernetes"));
    }
    if group == rights::KOMPOSERS {
        problems.push(codes::group(value.span, group, "Komposers and their locks"));
    }
}

fn names(value: &Node, problems: &mut Diagnostics) {
    let items = |key: &str| value.get(key).and_then(Node::items).unwrap_or_default();
    for item in items("shortNames") {
        let Some(name) = item.text() else { continue };
        if let Some(owner) = kinds::named(name) {
            problems.push(codes::short_name(item.span, name, &owner));
        }
    }
    for item in items("categories").iter().filter(|item| item.text() == Some("all")) {
        problems.push(codes::category(item.span));
    }
}

#[cfg(test)]
mod tests {
    use crate::codes::example;

    /// The codes of a CRD with one edit.
    fn codes(find: &str, put: &str) -> Vec<&'static str> {
        assert!(example::CRD.contains(find), "{find}");
        let source = example::source(Some(("crd.yaml", find, put)));
        let (_, problems) = crate::check(&source);
        // A CRD of another name or group is no longer the one that the Katalog means, which is not the point here.
        let ids = problems.iter().map(|problem| problem.code.id);
        ids.filter(|id| !matches!(*id, "K0601" | "K0603" | "K0706" | "K0701")).collect()
    }

    #[test]
    fn a_crd_says_group_names_scope_and_versions() {
        let (spec, metadata, names) = (
            "spec:\n  group: example.com\n",
            "metadata: {name: shops.example.com}",
            "names: {kind: Shop, plural: shops}",
        );
        let within = |more: &str| format!("spec:\n  {more}\n  group: example.com\n");
        let beside = |more: &str| format!("metadata: {{name: shops.example.com, {more}}}");
        let named = |more: &str| format!("names: {{kind: Shop, plural: shops, {more}}}");
        for (find, refused, code, accepted) in [
            (spec, within("conversion: {strategy: Webhook}"), "K0609", within("conversion: {strategy: None}")),
            (
                spec,
                within("conversion: {strategy: None, webhook: {conversionReviewVersions: [v1]}}"),
                "K0609",
                spec.to_owned(),
            ),
            (metadata, beside("annotations: {a.example/b: c}"), "K0610", metadata.to_owned()),
            (metadata, beside("labels: {a: b}"), "K0610", metadata.to_owned()),
            (metadata, beside("finalizers: [a.example/b]"), "K0610", metadata.to_owned()),
            (spec, format!("status: {{storedVersions: [v1]}}\n{spec}"), "K0611", spec.to_owned()),
            (spec, within("preserveUnknownFields: true"), "K0615", within("preserveUnknownFields: false")),
            (names, named("shortNames: [sp, svc]"), "K0613", named("shortNames: [sp, pg]")),
            (names, named("shortNames: [secret]"), "K0613", named("shortNames: [secretshop]")),
            (names, named("categories: [all]"), "K0614", named("categories: [shops, everything]")),
        ] {
            assert_eq!(codes(find, &refused), [code], "{refused}");
            assert_eq!(codes(find, &accepted), [""; 0], "{accepted}");
        }
    }

    #[test]
    fn groups_of_kubernetes_and_of_komposers_are_nobody_elses() {
        for group in [
            "k8s.io",
            "policies.k8s.io",
            "kubernetes.io",
            "a.b.kubernetes.io",
            "apps",
            "extensions",
            "orkestra.orkspace.io",
        ] {
            assert_eq!(codes("group: example.com", &format!("group: {group}")), ["K0612"], "{group}");
        }
        for group in ["notk8s.io", "k8s.io.example.com", "mykubernetes.io"] {
            assert_eq!(codes("group: example.com", &format!("group: {group}")), [""; 0], "{group}");
        }
    }
}
