use super::*;
use crate::diagnostic;

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {name: a, version: 1.0.0}\nspec:\n  crds:\n    a:\n      apiTypes: {group: example.com, version: v1, kind: A, plural: as}\n      operatorBox:\n";

fn inferred(operator_box: &str) -> Json {
    let source = Source::new().with("katalog.yaml", format!("{HEAD}{operator_box}").as_bytes());
    match crds(&source) {
        Ok(crds) => crds.into_iter().next().unwrap(),
        Err(problems) => panic!("{}", diagnostic::render_all(&problems, &source, Default::default())),
    }
}

fn schema(crd: &Json) -> &Json {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
}

#[test]
fn types_follow_from_uses() {
    let found = inferred(
        r#"        vars:
          title: "{{ spec.title }}!"
        onReconcile:
          deployments:
            - name: "{{ metadata.name }}"
              image: "app:{{ spec.version | default '14' }}"
              replicas: "{{ spec.replicas | default 1 }}"
              port: "{{ spec.port }}"
              labels: {app: "{{ toLower(spec.team) }}"}
              resources: "{{ spec.resources }}"
              when:
                - {field: spec.expose, notEquals: "false"}
                - {field: spec.limit, gt: 3}
          configMaps:
            - id: each
              forEach: {field: spec.users, as: user, key: name}
              name: "{{ metadata.name }}-{{ user.name }}"
              data: {mail: "{{ user.mail | default '' }}", hosts: "{{ spec.hosts.join(',') }}", on: "{{ spec.on ? 'a' : 'b' }}"}
        status:
          fields:
            - {path: endpoint, value: "{{ metadata.name }}:80"}
            - {path: ready, value: "{{ children.deployment.status.readyReplicas | default 0 }}"}
"#,
    );
    let properties = &schema(&found)["spec"]["properties"];
    for (field, expected) in [
        ("title", json!({"type": "string", "maxLength": 1024})),
        ("version", json!({"type": "string", "maxLength": 1024})),
        ("replicas", json!({"type": "integer"})),
        ("port", json!({"type": "integer"})),
        ("team", json!({"type": "string", "maxLength": 1024})),
        ("resources", json!({"x-kubernetes-preserve-unknown-fields": true})),
        ("expose", json!({"type": "string", "maxLength": 1024})),
        ("limit", json!({"type": "integer"})),
        ("hosts", json!({"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 1024}})),
        ("on", json!({"type": "boolean"})),
        (
            "users",
            json!({"type": "array", "maxItems": 100, "items": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "maxLength": 1024}, "mail": {"type": "string", "maxLength": 1024}}}}),
        ),
    ] {
        assert_eq!(properties[field], expected, "{field}");
    }
    let required: Vec<&str> =
        schema(&found)["spec"]["required"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    assert_eq!(required, ["hosts", "on", "port", "team", "title", "users"]);
    assert_eq!(schema(&found)["status"]["properties"]["endpoint"], json!({"type": "string", "maxLength": 1024}));
    assert_eq!(schema(&found)["status"]["properties"]["ready"], json!({"type": "integer"}));
    assert_eq!(found["metadata"]["annotations"][INFERRED], "true");
}

#[test]
fn nothing_is_required_that_may_be_absent() {
    let found = inferred("        onReconcile:\n          configMaps:\n            - data: {a: \"{{ spec.a }}\"}\n");
    let versions = &found["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!((versions.get("required"), versions["properties"]["spec"].get("required")), (None, None));
}

#[test]
fn what_no_definition_mends_is_told() {
    let problems = |text: &str| {
        let source = Source::new().with("katalog.yaml", text.as_bytes());
        let problems = crds(&source).unwrap_err();
        problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>()
    };
    let katalog = |operator_box: &str| format!("{HEAD}{operator_box}");
    assert_eq!(
        problems(
            &HEAD
                .replace("      apiTypes: {group: example.com, version: v1, kind: A, plural: as}\n", "")
                .replace("operatorBox:\n", "operatorBox: {}\n")
        ),
        ["K0604"]
    );
    assert_eq!(problems(&katalog("        vars: {a: \"{{ spec. }}\"}\n")), ["K0401"]);
    assert_eq!(
        problems(&katalog("        onReconcile:\n          configMaps:\n            - data: {a: \"{{ vars.b }}\"}\n")),
        ["K0306"]
    );
}
