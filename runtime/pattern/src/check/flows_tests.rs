//! One hostile template for each field that decides over rights, and its harmless twin.

use crate::check;
use crate::model::Flow;
use crate::source::Source;

const CRD: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  scope: SCOPE
  names: {kind: Shop, plural: shops}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [text, flag, number, texts, any, open, whole, items, labels, resources]
              properties:
                text: {type: string}
                flag: {type: boolean}
                number: {type: integer}
                texts: {type: array, maxItems: 9, items: {type: string, maxLength: 63}}
                any: {type: object, x-kubernetes-preserve-unknown-fields: true}
                open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}
                whole: {type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: object, properties: {a: {type: string}}}}}
                labels: {type: object, maxProperties: 9, additionalProperties: {type: string, maxLength: 63}}
                items: {type: array, maxItems: 9, items: {type: object, required: [name, account], properties: {name: {type: string, maxLength: 63}, account: {type: string, maxLength: 63}}}}
                resources: {type: object, properties: {limits: {type: object, additionalProperties: {type: string}}}}
            status:
              type: object
              properties:
                observedGeneration: {type: integer}
                conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

fn flows_in(scope: &str, operator_box: &str) -> Vec<Flow> {
    let head = "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {name: shop, version: 1.0.0}\nspec:\n  crds:\n    shop:\n      operatorBox:\n";
    let body: String = operator_box.lines().map(|line| format!("        {line}\n")).collect();
    let crd = CRD.replace("SCOPE", scope);
    let source =
        Source::new().with("katalog.yaml", format!("{head}{body}").as_bytes()).with("crd.yaml", crd.as_bytes());
    let (pattern, problems) = check(&source);
    let shown = crate::diagnostic::render_all(&problems, &source, Default::default());
    let pattern = pattern.unwrap_or_else(|| panic!("{operator_box}\n{shown}"));
    assert_eq!(problems.warnings(), 0, "{shown}");
    let flows = pattern.entries[0].flows.clone();
    assert_eq!(problems.notes(), flows.len(), "{shown}");
    flows
}

/// Paths and the fields that they reach.
fn flows(operator_box: &str) -> Vec<(String, String)> {
    flows_in("Namespaced", operator_box).into_iter().map(|flow| (flow.path, flow.field)).collect()
}

/// A manifest of a kind with some more lines.
fn child(api_version: &str, kind: &str, more: &str) -> String {
    format!(
        "onReconcile:\n  resources:\n    - id: it\n      manifest: {{apiVersion: {api_version}, kind: {kind}, metadata: {{name: a}}, {more}}}\n"
    )
}

/// The same with a value in the place of `$`.
fn pod(spec: &str) -> String {
    child("v1", "Pod", &format!("spec: {{containers: [{{name: c, image: i}}], {spec}}}"))
}

fn container(more: &str) -> String {
    child("v1", "Pod", &format!("spec: {{containers: [{{name: c, image: i, {more}}}]}}"))
}

#[test]
fn every_field_of_rights_is_found_and_its_twin_is_not() {
    let text = ("\"{{ spec.text }}\"", "spec.text", "fixed");
    let on = ("\"{{ spec.flag }}\"", "spec.flag", "true");
    let number = ("\"{{ spec.number }}\"", "spec.number", "7");
    let role = |more: &str| child("rbac.authorization.k8s.io/v1", "Role", more);
    let binding = |more: &str| child("rbac.authorization.k8s.io/v1", "RoleBinding", more);
    let cases = [
        (pod("serviceAccountName: $"), text, "spec.serviceAccountName"),
        (pod("serviceAccount: $"), text, "spec.serviceAccount"),
        (pod("automountServiceAccountToken: $"), on, "spec.automountServiceAccountToken"),
        (
            pod("volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: p, audience: $}}]}}]"),
            text,
            "spec.volumes.projected.sources.serviceAccountToken.audience",
        ),
        (pod("volumes: [{name: v, secret: {secretName: $}}]"), text, "spec.volumes.secret.secretName"),
        (
            pod("volumes: [{name: v, projected: {sources: [{secret: {name: $}}]}}]"),
            text,
            "spec.volumes.projected.sources.secret.name",
        ),
        (pod("volumes: [{name: v, hostPath: {path: $}}]"), text, "spec.volumes.hostPath.path"),
        (pod("volumes: [{name: v, csi: {driver: $}}]"), text, "spec.volumes.csi.driver"),
        (pod("volumes: [{name: v, nfs: {server: $, path: /}}]"), text, "spec.volumes.nfs.server"),
        (pod("imagePullSecrets: [{name: $}]"), text, "spec.imagePullSecrets.name"),
        (pod("hostNetwork: $"), on, "spec.hostNetwork"),
        (pod("hostPID: $"), on, "spec.hostPID"),
        (pod("hostIPC: $"), on, "spec.hostIPC"),
        (pod("hostUsers: $"), on, "spec.hostUsers"),
        (pod("runtimeClassName: $"), text, "spec.runtimeClassName"),
        (pod("securityContext: {runAsUser: $}"), number, "spec.securityContext.runAsUser"),
        (container("securityContext: {privileged: $}"), on, "spec.containers.securityContext.privileged"),
        (
            container("securityContext: {allowPrivilegeEscalation: $}"),
            on,
            "spec.containers.securityContext.allowPrivilegeEscalation",
        ),
        (
            container("securityContext: {capabilities: {add: [$]}}"),
            text,
            "spec.containers.securityContext.capabilities.add",
        ),
        (container("ports: [{containerPort: 80, hostPort: $}]"), number, "spec.containers.ports.hostPort"),
        (role("rules: [{apiGroups: [\"\"], resources: [$], verbs: [get]}]"), text, "rules.resources"),
        (role("rules: [{apiGroups: [\"\"], resources: [pods], verbs: [$]}]"), text, "rules.verbs"),
        (binding("roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: $}"), text, "roleRef.name"),
        (
            binding(
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}, subjects: [{kind: ServiceAccount, name: $}]",
            ),
            text,
            "subjects.name",
        ),
        (child("v1", "Service", "spec: {externalIPs: [$]}"), text, "spec.externalIPs"),
        (child("example.org/v1", "Job", "spec: {pod: {serviceAccountName: $}}"), text, "spec.pod.serviceAccountName"),
        (child("example.org/v1", "Job", "spec: {target: {namespace: $}}"), text, "spec.target.namespace"),
    ];
    for (template, (hostile, path, harmless), field) in cases {
        assert_eq!(flows(&template.replace('$', hostile)), [(path.to_owned(), field.to_owned())], "{template}");
        assert_eq!(flows(&template.replace('$', harmless)), Vec::new(), "{template}");
    }
}

#[test]
fn a_value_chooses_the_secret_of_an_environment_variable() {
    for place in ["env: [{name: E, valueFrom: {secretKeyRef: {name: $, key: k}}}]", "envFrom: [{secretRef: {name: $}}]"]
    {
        assert_eq!(flows(&container(place).replace('$', "\"{{ spec.text }}\"")), Vec::new());
    }
}

#[test]
fn kinds_have_fields_of_their_own() {
    let metadata = |api: &str, kind: &str, metadata: &str, more: &str| {
        format!(
            "onReconcile:\n  resources:\n    - id: it\n      manifest: {{apiVersion: {api}, kind: {kind}, metadata: {{name: a, {metadata}}}{more}}}\n"
        )
    };
    let secret = metadata("v1", "Secret", "annotations: {kubernetes.io/service-account.name: \"{{ spec.text }}\"}", "");
    assert_eq!(flows(&secret).len(), 1);
    let secret = metadata("v1", "Secret", "annotations: {example.com/a: \"{{ spec.text }}\"}", "");
    assert_eq!(flows(&secret), Vec::new());
    let account = metadata("v1", "ServiceAccount", "annotations: {example.com/role: \"{{ spec.text }}\"}", "");
    assert_eq!(flows(&account).len(), 1);
    let account = metadata("v1", "ServiceAccount", "labels: {example.com/role: \"{{ spec.text }}\"}", "");
    assert_eq!(flows(&account), Vec::new());
    let in_cluster = |text: &str| flows_in("Cluster", text).len();
    let labels = |labels: &str| metadata("v1", "Namespace", &format!("labels: {labels}"), "");
    assert_eq!(in_cluster(&labels("{pod-security.kubernetes.io/enforce: \"{{ spec.text }}\"}")), 1);
    assert_eq!(in_cluster(&labels("\"{{ spec.labels }}\"")), 1);
    assert_eq!(in_cluster(&labels("{team: \"{{ spec.text }}\"}")), 0);
    let role = |labels: &str| {
        metadata("rbac.authorization.k8s.io/v1", "ClusterRole", &format!("labels: {labels}"), ", rules: []")
    };
    assert_eq!(in_cluster(&role("\"{{ spec.labels }}\"")), 1);
    assert_eq!(in_cluster(&role("{rbac.authorization.k8s.io/aggregate-to-admin: 'true'}")), 0);
    let config = metadata("v1", "ConfigMap", "namespace: \"{{ spec.text }}\"", "");
    assert_eq!(in_cluster(&config), 1);
    assert_eq!(in_cluster(&metadata("v1", "ConfigMap", "namespace: \"{{ metadata.uid }}\"", "")), 0);
    let data = metadata("v1", "ConfigMap", "labels: {a: b}", ", data: {serviceAccountName: \"{{ spec.text }}\"}");
    assert_eq!(flows(&data), Vec::new());
}

#[test]
fn a_whole_value_is_looked_into() {
    let anything = |place: &str| flows(&pod(place)).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(anything("volumes: \"{{ [spec.any] }}\""), ["spec.any"]);
    assert_eq!(anything("volumes: \"{{ [{'name': 'v', 'secret': {'secretName': spec.text}}] }}\""), ["spec.text"]);
    // None of these can hold a field of rights, by the schema of the place or of the value.
    assert_eq!(anything("nodeSelector: \"{{ spec.labels }}\""), [""; 0]);
    assert_eq!(flows(&container("resources: \"{{ spec.resources }}\"")), Vec::new());
    assert_eq!(flows(&container("args: \"{{ spec.texts }}\"")), Vec::new());
    // Of a kind that nothing is known of, a whole value may be anything.
    assert_eq!(flows(&child("example.org/v1", "Job", "spec: \"{{ spec.any }}\"")).len(), 1);
    assert_eq!(flows(&child("example.org/v1", "Job", "spec: {size: \"{{ spec.number }}\"}")), Vec::new());
    assert_eq!(flows(&child("example.org/v1", "Job", "spec: \"{{ spec.resources }}\"")), Vec::new());
}

#[test]
fn a_value_is_followed_through_variables_elements_children_and_reads() {
    let account = |value: &str| format!("          serviceAccountName: \"{{{{ {value} }}}}\"\n");
    let deployment = |before: &str, each: &str, value: &str| {
        let each = if each.is_empty() { String::new() } else { format!("      {each}\n") };
        let found = flows(&format!(
            "{before}onReconcile:\n  configMaps:\n    - id: settings\n      data: {{plain: fixed, chosen: \"{{{{ spec.text }}}}\"}}\n  \
             serviceAccounts:\n    - {{id: own, name: \"{{{{ spec.text }}}}\"}}\n    - {{id: taken, name: \"{{{{ metadata.name }}}}\", adopt: true}}\n  \
             deployments:\n    - id: web\n      image: i\n{each}      template:\n        spec:\n{}",
            account(value)
        ));
        found.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(deployment("vars: {a: \"{{ spec.text }}\", b: \"x-{{ vars.a }}\"}\n", "", "vars.b"), ["spec.text"]);
    let each = "name: \"{{ item.name }}\"\n      forEach: {field: spec.items, as: one, key: name}";
    assert_eq!(deployment("", each, "one.account"), ["spec.items.account"]);
    assert_eq!(deployment("", each, "'a'"), [""; 0]);
    assert_eq!(deployment("", "", "default(children.settings.data.chosen, '')"), ["spec.text"]);
    assert_eq!(deployment("", "", "default(children.settings.data.plain, '')"), [""; 0]);
    // What the pattern made itself is nobody's choice, but for what it takes over.
    assert_eq!(deployment("", "", "children.own.metadata.name"), [""; 0]);
    assert_eq!(deployment("", "", "children.taken.metadata.name"), ["metadata.name"]);
    let read = "reads:\n  - {id: plan, apiVersion: v1, kind: ConfigMap, name: \"{{ spec.text }}\"}\n";
    assert_eq!(deployment(read, "", "default(reads.plan.data.account, '')"), ["reads.plan", "spec.text"]);
    assert_eq!(deployment("", "", "metadata.namespace"), [""; 0]);
    assert_eq!(deployment("", "", "spec.flag ? 'admin' : 'viewer'"), ["spec.flag"]);
}

#[test]
fn which_secret_is_read_is_a_right() {
    let read = |kind: &str, name: &str| {
        flows(&format!("reads:\n  - {{id: it, apiVersion: v1, kind: {kind}, name: {name}}}\n"))
    };
    assert_eq!(read("Secret", "\"{{ spec.text }}\""), [("spec.text".to_owned(), "name".to_owned())]);
    assert_eq!(read("Secret", "fixed"), Vec::new());
    assert_eq!(read("ConfigMap", "\"{{ spec.text }}\""), Vec::new());
    let copy = "onReconcile:\n  secrets:\n    - {id: copy, fromSecret: \"{{ spec.text }}\"}\n";
    assert_eq!(flows(copy).len(), 1);
}

#[test]
fn a_flow_has_one_grant_however_often_it_goes() {
    let found = flows_in("Namespaced", &pod("hostNetwork: \"{{ spec.flag }}\", hostPID: \"{{ spec.flag }}\""));
    let grants: Vec<_> = found.iter().map(Flow::grant).collect();
    assert_eq!(grants, ["flow:spec.flag", "flow:spec.flag"]);
    assert!(found[0].at.starts_with("katalog.yaml:") && found[0].decides.contains("node"), "{found:?}");
}

#[test]
fn an_object_whose_schema_names_some_of_its_fields_may_have_any_other() {
    let into = |value: &str| flows(&child("example.org/v1", "Widget", &format!("spec: {{x: \"{{{{ {value} }}}}\"}}")));
    assert_eq!(
        into("spec.any"),
        into("spec.open").into_iter().map(|(_, field)| ("spec.any".to_owned(), field)).collect::<Vec<_>>()
    );
    assert_eq!(into("spec.open").len(), 1);
    assert_eq!(into("spec.whole.spec"), Vec::new());
    // The metadata of an object has fields of any content.
    assert_eq!((into("spec.whole").len(), into("metadata").len()), (1, 1));
}
