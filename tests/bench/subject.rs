//! One custom resource of 5 KB, and what becomes of it: as a program and by hand.

use orkestra_program::model::{
    Child, Entry, Expr, Hole, Located, Policy, Program, Root, Select, StatusField, Target, Template,
};
use orkestra_sandbox::Plan;
use serde::Deserialize;
use serde_json::{Value, json};

/// A custom resource as the API server sends it, managed fields and all.
pub(crate) fn primary() -> Vec<u8> {
    let owned: serde_json::Map<String, Value> =
        (0..105).map(|n| (format!("f:setting-{n:02}"), json!({"f:value": {}, ".": {}}))).collect();
    let env: Vec<Value> =
        (0..20).map(|n| json!({"name": format!("VARIABLE_{n:02}"), "value": format!("value-{n}")})).collect();
    let primary = json!({
        "apiVersion": "example.org/v1",
        "kind": "Web",
        "metadata": {
            "name": "shop",
            "namespace": "default",
            "uid": "7d1c3c1e-6a1f-4f8e-9d0e-0a4f5f8f3b52",
            "resourceVersion": "123456",
            "generation": 3,
            "creationTimestamp": "2025-01-01T00:00:00Z",
            "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": owned}}],
        },
        "spec": {"image": "registry.example.org/shop:1.2.3", "replicas": 3, "port": 8080, "tier": "gold", "env": env, "motto": "open all day"},
    });
    serde_json::to_vec(&primary).unwrap()
}

fn located(expr: Expr) -> Located {
    Located { at: "katalog.yaml:1:1".to_owned(), expr }
}

fn of(root: Root, field: &str) -> Expr {
    Expr::Select { operand: Box::new(Expr::Root(root)), field: field.to_owned(), mode: Select::Strict }
}

fn hole(expr: Expr) -> Template {
    Template::Hole(Hole { value: located(expr), target: Target::Any, absent: false })
}

fn spec(field: &str) -> Template {
    hole(of(Root::Spec, field))
}

fn name() -> Template {
    hole(of(Root::Metadata, "name"))
}

fn raw(value: &Value) -> Template {
    Template::Raw(value.to_string())
}

fn object<const N: usize>(members: [(&str, Template); N]) -> Template {
    Template::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn child(id: &str, manifest: Template) -> Child {
    Child::new(id, Policy::Apply, manifest)
}

/// Three children and one status field. `note` makes it a program of its own.
pub(crate) fn program(note: &str) -> Program {
    let labels = || object([("app", name()), ("tier", spec("tier"))]);
    let metadata = || object([("name", name()), ("labels", labels())]);
    let container = object([
        ("name", raw(&json!("web"))),
        ("image", spec("image")),
        ("env", spec("env")),
        ("ports", Template::List(vec![object([("containerPort", spec("port"))])])),
    ]);
    let deployment = object([
        ("apiVersion", raw(&json!("apps/v1"))),
        ("kind", raw(&json!("Deployment"))),
        ("metadata", metadata()),
        (
            "spec",
            object([
                ("replicas", spec("replicas")),
                ("selector", object([("matchLabels", labels())])),
                (
                    "template",
                    object([
                        ("metadata", object([("labels", labels())])),
                        ("spec", object([("containers", Template::List(vec![container]))])),
                    ]),
                ),
            ]),
        ),
    ]);
    let service = object([
        ("apiVersion", raw(&json!("v1"))),
        ("kind", raw(&json!("Service"))),
        ("metadata", metadata()),
        (
            "spec",
            object([
                ("selector", labels()),
                ("ports", Template::List(vec![object([("port", raw(&json!(80))), ("targetPort", spec("port"))])])),
            ]),
        ),
    ]);
    let text = Expr::Concat(vec![of(Root::Metadata, "name"), Expr::String(": ".to_owned()), of(Root::Spec, "motto")]);
    let config = object([
        ("apiVersion", raw(&json!("v1"))),
        ("kind", raw(&json!("ConfigMap"))),
        ("metadata", metadata()),
        ("data", object([("motto", hole(text)), ("note", raw(&json!(note)))])),
    ]);
    let children = vec![child("deployment", deployment), child("service", service), child("config", config)];
    let status = StatusField {
        path: vec!["image".to_owned()],
        requires: vec![],
        reads: vec![],
        when: None,
        value: spec("image"),
    };
    let entry = Entry { name: "web".to_owned(), children, status: vec![status], ..Entry::default() };
    Program { entries: vec![entry], evaluations: vec![] }
}

#[derive(Deserialize)]
struct Web<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    name: &'a str,
}

#[derive(Deserialize)]
struct Spec<'a> {
    image: &'a str,
    replicas: i32,
    port: i32,
    tier: &'a str,
    motto: &'a str,
    env: Vec<EnvVar<'a>>,
}

#[derive(Deserialize, serde::Serialize)]
struct EnvVar<'a> {
    name: &'a str,
    value: &'a str,
}

/// What a person would write: typed in, `json!` out, one text for each child and the status.
pub(crate) fn by_hand(primary: &[u8]) -> [Vec<u8>; 4] {
    let Web { metadata: Metadata { name }, spec } = serde_json::from_slice(primary).unwrap();
    let labels = json!({"app": name, "tier": spec.tier});
    let metadata = json!({"name": name, "labels": labels});
    [
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": spec.replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{
                        "name": "web",
                        "image": spec.image,
                        "env": spec.env,
                        "ports": [{"containerPort": spec.port}],
                    }]},
                },
            },
        }),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": spec.port}]},
        }),
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"motto": format!("{name}: {}", spec.motto), "note": ""},
        }),
        json!({"image": spec.image}),
    ]
    .map(|value| serde_json::to_vec(&value).unwrap())
}

/// Both do the same work, or comparing them means nothing.
pub(crate) fn expect_equal(plan: &Plan, primary: &[u8]) {
    let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
    let mut planned: Vec<Value> = plan.children.iter().map(|c| parse(c.object.as_ref().unwrap())).collect();
    planned.push(parse(&plan.status));
    let by_hand: Vec<Value> = by_hand(primary).iter().map(|text| parse(text)).collect();
    assert_eq!(planned, by_hand);
}
