//! Entries of kinds that the pattern does not define: they decorate, and leave all else of the object to whoever defines it.

use super::crd::Crd;
use crate::ast;
use crate::codes::foreign as codes;
use crate::diagnostic::Diagnostics;
use crate::model::{self, Entry};
use crate::source::Span;

/// Reports what an entry says of objects that are another's.
pub(super) fn check(entry: &ast::Entry, api: &model::Api, problems: &mut Diagnostics) {
    if api.group.is_empty() && api.kind == "Secret" {
        problems.push(codes::secret(entry.name.span));
    }
    if entry.selector.is_none() {
        problems.push(codes::selector(entry.name.span, &api.kind));
    }
    let status = entry.status.first().map(|field| field.path.span);
    let status = status.or_else(|| entry.conditions.first().map(|condition| condition.kind.span));
    let hook = entry.hook.as_ref();
    let parts: [(&str, Option<Span>, &str); 6] = [
        ("the status", status, "remove it; a child can hold what is to be told, such as a ConfigMap"),
        (
            "validation",
            entry.rules.first().map(|rule| rule.rule.span),
            "remove it, and say with `when` in which cases a child is made",
        ),
        (
            "mutation",
            entry.mutations.first().map(|mutation| mutation.field.span),
            "remove it, and compute the value with `vars`",
        ),
        ("conversion", entry.conversion.as_ref().map(|conversion| conversion.span), "remove it"),
        ("`hooks.validate`", hook.and_then(|hook| hook.validate), "remove it"),
        ("`hooks.convert`", hook.and_then(|hook| hook.convert), "remove it"),
    ];
    for (what, span, mend) in parts {
        problems.extend_one(span.map(|span| codes::not_ours(span, what, &api.kind, mend)));
    }
}

/// Reports definitions of others that are of no use, or that there are two of.
pub(super) fn definitions(crds: &[Crd], entries: &[Entry], problems: &mut Diagnostics) {
    for (index, crd) in crds.iter().enumerate() {
        let same = |other: &&Crd| other.group == crd.group && other.kind == crd.kind;
        if let Some(first) = crds.get(..index).and_then(|before| before.iter().find(same)) {
            problems.push(codes::twice(crd.span, &crd.kind, first.span));
        } else if crd.foreign && !entries.iter().any(|entry| uses(entry, crd)) {
            problems.push(codes::unused(crd.span, &crd.kind));
        }
    }
}

/// Whether an entry is of the kind, or has children or reads of it.
fn uses(entry: &Entry, crd: &Crd) -> bool {
    let is = |api_version: &str, kind: &str| {
        kind == crd.kind && api_version.split_once('/').is_some_and(|(group, _)| group == crd.group)
    };
    entry.api.group == crd.group && entry.api.kind == crd.kind
        || entry.child_kinds().any(|(_, api_version, kind)| is(api_version, kind))
        || entry.reads.iter().any(|read| is(&read.api_version, &read.kind))
}

#[cfg(test)]
mod tests {
    use crate::codes::example;
    use crate::source::Source;

    const KATALOG: &str = r#"apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: quota, version: 1.0.0}
spec:
  crds:
    namespace:
      apiTypes: {group: "", version: v1, kind: Namespace, plural: namespaces}
      selector: {matchLabels: {team: shop}}
      operatorBox:
        onReconcile:
          resources:
            - id: quota
              manifest:
                apiVersion: v1
                kind: ResourceQuota
                metadata: {name: team, namespace: "{{ metadata.name }}"}
                spec: {hard: {pods: "10"}}
"#;

    const GATEWAY: &str = r#"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gateways.gateway.networking.k8s.io
  annotations: {api-approved.kubernetes.io: "yes"}
  creationTimestamp: null
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: {kind: Gateway, plural: gateways, categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {className: {type: string, maxLength: 63}}}}}}
status: {acceptedNames: {kind: "", plural: ""}, conditions: null, storedVersions: null}
"#;

    /// The codes of what is wrong with these files; empty: nothing, and the first entry is of others.
    fn codes(katalog: &str, files: &[(&str, &str)]) -> Vec<&'static str> {
        let mut source = Source::new().with("katalog.yaml", katalog.as_bytes());
        for (name, text) in files {
            source.add(*name, text.as_bytes());
        }
        let (pattern, problems) = crate::check(&source);
        if let Some(pattern) = pattern {
            assert!(pattern.entries[0].foreign && pattern.crds.is_empty());
        }
        problems.iter().map(|problem| problem.code.id).collect()
    }

    #[test]
    fn a_kind_of_kubernetes_is_decorated_without_a_crd() {
        assert_eq!(codes(KATALOG, &[]), [] as [&str; 0]);
        let mistyped = KATALOG.replace("metadata.name }}", "metadata.nam }}");
        assert_eq!(codes(&mistyped, &[]).len(), 1);
        assert_eq!(codes(&KATALOG.replace("kind: Namespace", "kind: Namespaze"), &[]), ["K0603"]);
        assert_eq!(codes(&KATALOG.replace("plural: namespaces", "plural: namespace"), &[]), ["K0603"]);
    }

    #[test]
    fn what_is_anothers_is_refused() {
        assert_eq!(codes(&KATALOG.replace("      selector: {matchLabels: {team: shop}}\n", ""), &[]), ["K1901"]);
        let secret = KATALOG.replace("Namespace, plural: namespaces", "Secret, plural: secrets");
        assert!(codes(&secret, &[]).contains(&"K1904"));
        for part in [
            "status: {fields: [{path: phase, value: x}]}",
            "status: {conditions: [{type: Fine, when: \"{{ true }}\"}]}",
            "validation: [{rule: \"{{ true }}\", message: m}]",
            "mutation: [{field: spec.finalizers, default: []}]",
        ] {
            let katalog = KATALOG.replace("        onReconcile:\n", &format!("        {part}\n        onReconcile:\n"));
            assert!(codes(&katalog, &[]).contains(&"K1902"), "{part}: {:?}", codes(&katalog, &[]));
        }
        let converts = KATALOG.replace("      operatorBox:\n", "      conversion: {paths: []}\n      operatorBox:\n");
        assert!(codes(&converts, &[]).contains(&"K1902"), "{:?}", codes(&converts, &[]));
    }

    #[test]
    fn a_kind_of_others_has_its_types_from_their_crd() {
        let gateways = KATALOG
            .replace(
                "group: \"\", version: v1, kind: Namespace, plural: namespaces",
                "group: gateway.networking.k8s.io, version: v1, kind: Gateway, plural: gateways",
            )
            .replace(
                "namespace: \"{{ metadata.name }}\"",
                "labels: {class: \"{{ spec.className | default \\\"none\\\" }}\"}",
            );
        assert_eq!(codes(&gateways, &[("foreign.yaml", GATEWAY)]), [] as [&str; 0]);
        assert_eq!(
            codes(&gateways.replace("spec.className", "spec.clasName"), &[("foreign.yaml", GATEWAY)]),
            ["K0403"]
        );
        // Without it nothing is known of the kind.
        assert_eq!(codes(&gateways, &[]), ["K0003"]);
        assert_eq!(codes(KATALOG, &[("foreign.yaml", GATEWAY)]), ["K1905"]);
        let own = example::CRD;
        let both = Source::new()
            .with("katalog.yaml", example::KATALOG.as_bytes())
            .with("crd.yaml", own.as_bytes())
            .with("foreign.yaml", own.as_bytes());
        assert!(crate::check(&both).1.iter().any(|problem| problem.code.id == "K1906"));
    }
}
