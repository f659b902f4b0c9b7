//! Rights of patterns that are written out here.

use crate::rights::{Right, Rights, Scope, derive};
use crate::{Source, check};

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: webs.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Web, plural: webs}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
";

/// `children` are lines below `operatorBox`.
fn rights(scope: &str, children: &str) -> Rights {
    let mut katalog = "
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: web, version: 1.0.0}
spec:
  crds:
    web:
      operatorBox:
"
    .to_owned();
    for line in children.lines() {
        katalog.push_str(&format!("        {line}\n"));
    }
    let crd = CRD.replace("Namespaced", scope);
    let source = Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes());
    let (pattern, problems) = check(&source);
    derive(&pattern.unwrap_or_else(|| panic!("{problems:?}\n{katalog}")), |_| true)
}

fn manifest_of(api_version: &str, kind: &str, more: &str) -> String {
    format!(
        "onReconcile:\n  resources:\n    - id: it\n      manifest:\n        apiVersion: {api_version}\n        kind: {kind}\n        metadata: {{name: \"{{{{ metadata.name }}}}\"}}\n{more}"
    )
}

/// `get,create apps/deployments`, with the scope where that is the whole cluster.
fn lines(rights: &Rights) -> Vec<String> {
    let line = |right: &Right| {
        let group = if right.resource.group.is_empty() { "" } else { &format!("{}/", right.resource.group) };
        let names = if right.names.is_empty() { String::new() } else { format!(" {:?}", right.names) };
        let scope = match &right.scope {
            Scope::Namespaces => String::new(),
            Scope::Named(namespace) => format!(" in {namespace}"),
            Scope::Cluster => " in the cluster".to_owned(),
        };
        let guessed = if right.resource.guessed { " guessed" } else { "" };
        format!("{} {group}{}{names}{scope}{guessed}", right.verbs.join(","), right.resource.name)
    };
    rights.rights.iter().map(line).collect()
}

#[test]
fn a_child_is_looked_at_made_kept_and_pruned() {
    let found = rights("Namespaced", "onReconcile:\n  configMaps:\n    - id: config\n      data: {a: b}");
    assert_eq!(lines(&found), ["get,create,patch,delete configmaps", "list example.org/webs"]);
    let reason = &found.rights[0].reasons[0];
    assert_eq!(reason.text, "child `config` of entry `web`: made and kept so, deleted when no longer wanted");
    assert_eq!(reason.at, "katalog.yaml:11:15");
}

#[test]
fn what_lies_elsewhere_is_allowed_there_and_nowhere_else() {
    let copies = "onReconcile:\n  configMaps:\n    - {id: copy, fromConfigMap: source, fromNamespace: platform, toNamespaces: [a, b]}";
    let verbs = "get,create,patch,delete configmaps";
    let expected =
        [format!("{verbs} in a"), format!("{verbs} in b"), "get configmaps [\"source\"] in platform".to_owned()];
    let found = lines(&rights("Namespaced", copies));
    assert_eq!(found[..3], expected, "{found:?}");
    assert_eq!(found.len(), 4);
    // Where it is computed it may be anywhere.
    let computed = copies.replace("[a, b]", "\"{{ [metadata.name] }}\"").replace("platform", "\"{{ metadata.name }}\"");
    let found = lines(&rights("Namespaced", &computed));
    assert_eq!(
        found[..2],
        [format!("{verbs} in the cluster"), "get configmaps [\"source\"] in the cluster".to_owned()]
    );
    let outside = manifest_of("scheduling.k8s.io/v1", "PriorityClass", "        value: 1\n");
    let found = lines(&rights("Namespaced", &outside));
    assert!(found.iter().any(|line| line.ends_with("scheduling.k8s.io/priorityclasses in the cluster")), "{found:?}");
}

#[test]
fn what_is_only_made_is_not_deleted() {
    let found = rights("Namespaced", "onCreate:\n  configMaps:\n    - id: config\n      data: {a: b}");
    assert_eq!(lines(&found), ["get,create,patch configmaps", "list example.org/webs"]);
}

#[test]
fn what_others_read_is_deleted_in_order() {
    let found = rights(
        "Namespaced",
        "onCreate:\n  configMaps:\n    - id: config\n      data: {a: b}\n    - id: other\n      name: other\n      data: {a: \"{{ children.config.metadata.name }}\"}",
    );
    assert_eq!(lines(&found)[0], "get,create,patch,delete configmaps");
    assert_eq!(found.rights[0].reasons.len(), 2);
}

#[test]
fn children_of_a_resource_without_a_namespace_may_be_anywhere() {
    let found = rights(
        "Cluster",
        "onReconcile:\n  resources:\n    - id: it\n      manifest:\n        apiVersion: v1\n        kind: ConfigMap\n        metadata: {name: a, namespace: \"{{ metadata.name }}\"}",
    );
    assert_eq!(
        lines(&found),
        ["get,create,patch,delete configmaps in the cluster", "list example.org/webs in the cluster"]
    );
}

#[test]
fn a_kind_that_nothing_defines_is_guessed() {
    for (kind, plural) in
        [("Policy", "policies"), ("Gateway", "gateways"), ("Ingress", "ingresses"), ("Box", "boxes"), ("Cert", "certs")]
    {
        let found = rights("Namespaced", &manifest_of("example.com/v1", kind, ""));
        assert_eq!(lines(&found)[0], format!("get,create,patch,delete example.com/{plural} guessed"));
    }
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

#[test]
fn a_role_gives_the_account_the_very_rules_that_are_in_it() {
    let rules = "        rules:\n          - {apiGroups: [''], resources: [secrets], resourceNames: [tls], verbs: [watch, get]}\n";
    let found = rights("Namespaced", &manifest_of(RBAC, "Role", rules));
    assert_eq!(
        lines(&found),
        [
            "get,watch secrets [\"tls\"]",
            "list example.org/webs",
            "get,create,patch,delete rbac.authorization.k8s.io/roles",
        ]
    );
    assert!(found.refused.is_empty());
}

#[test]
fn ways_to_every_other_right_are_never_given() {
    for rule in [
        "{apiGroups: ['*'], resources: [secrets], verbs: [get]}",
        "{apiGroups: [''], resources: ['*'], verbs: [get]}",
        "{apiGroups: [''], resources: ['*/exec'], verbs: [create]}",
        "{apiGroups: [''], resources: [secrets], verbs: ['*']}",
        "{apiGroups: [''], resources: [pods/exec], verbs: [create]}",
        "{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}",
        "{apiGroups: [''], resources: [users], verbs: [impersonate]}",
        "{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [bind]}",
        "{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate]}",
        "{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [patch]}",
        "{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}",
        "{apiGroups: [orkestra.orkspace.io], resources: [komposers], verbs: [patch]}",
        "{apiGroups: [''], resources: [secrets], verbs: [unsafe-delete-ignore-read-errors]}",
        "{apiGroups: [''], resources: [secrets], verbs: [\"{{ metadata.name }}\"]}",
    ] {
        let rules = format!("        rules:\n          - {rule}\n");
        let found = rights("Namespaced", &manifest_of(RBAC, "Role", &rules));
        assert_eq!(lines(&found), ["list example.org/webs", "get,create,patch,delete rbac.authorization.k8s.io/roles"]);
        assert_eq!(found.refused.len(), 1, "{rule}");
        assert!(found.refused[0].at.starts_with("katalog.yaml:"), "{:?}", found.refused);
    }
}

#[test]
fn a_child_of_a_kind_that_is_never_given_has_no_rights() {
    let found =
        rights("Cluster", &manifest_of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", ""));
    assert_eq!(lines(&found), ["list example.org/webs in the cluster"]);
    assert_eq!(found.refused.len(), 1);
}

#[test]
fn a_binding_to_a_role_of_somebody_else_is_told() {
    let role = |name: &str| {
        format!(
            "onReconcile:\n  resources:\n    - id: role\n      manifest:\n        apiVersion: {RBAC}\n        kind: Role\n        metadata: {{name: \"{{{{ metadata.name }}}}\"}}\n    - id: binding\n      manifest:\n        apiVersion: {RBAC}\n        kind: RoleBinding\n        metadata: {{name: b}}\n        roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: \"{name}\"}}\n"
        )
    };
    assert_eq!(rights("Namespaced", &role("{{ metadata.name }}")).refused, []);
    let found = rights("Namespaced", &role("admin"));
    assert!(found.refused[0].text.contains("binds Role `admin`"), "{:?}", found.refused);
}
