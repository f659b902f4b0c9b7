//! Each rule of the merge with its twin, and where values come from.

use orkestra_pattern::codes::example;
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::source::{FileId, Source};
use orkestra_pattern::yaml::{self, Node, Value};
use serde_json::{Value as Json, json};

use super::*;

fn tree(source: &Source, file: FileId) -> Node {
    let (documents, problems) = yaml::parse(source, file, yaml::Bounds::default());
    assert!(problems.is_empty(), "{}", render_all(&problems, source, Style::Plain));
    documents.into_iter().next().unwrap()
}

/// A file of overrides by entry, as a layer.
fn layer(source: &Source, file: FileId) -> Layer {
    let root = tree(source, file);
    let item = |(key, node): &(yaml::Key, Node)| Override {
        entry: key.text.clone(),
        span: key.span,
        enabled: None,
        node: node.clone(),
    };
    Layer { overrides: root.members().unwrap().iter().map(item).collect() }
}

const BASE: &str = "spec:
  crds:
    shop:
      workers: 2
      resync: 10m
      restrictedNamespaces: [a]
      operatorBox:
        vars: {x: '1', y: '2'}
        reads: [{id: ca, name: one}]
        requeue: [{name: soon, after: 5s}]
        onReconcile:
          deployments:
            - {image: one, args: [a, b], replicas: 1}
            - id: db
              image: two
          resources:
            - id: raw
              manifest:
                kind: Pod
                spec:
                  containers:
                    - name: main
                      image: one
                      env: [{name: A, value: '1'}]
                      ports: [{containerPort: 80, name: http}]
        status: {fields: [{path: url, value: x}]}
";

/// The entry `shop` with overrides, and the problems as text.
fn merged(layers: &[&str]) -> (Json, String) {
    let mut source = Source::new();
    let base = source.add("katalog.yaml", BASE.as_bytes());
    let texts = layers.iter().enumerate().map(|(at, text)| source.add(format!("l{at}.yaml"), text.as_bytes()));
    let files: Vec<_> = texts.collect();
    let layers: Vec<_> = files.iter().map(|file| layer(&source, *file)).collect();
    let (root, problems) = merge(&tree(&source, base), &layers);
    (root.to_json()["spec"]["crds"]["shop"].clone(), render_all(&problems, &source, Style::Plain))
}

#[test]
fn each_rule_takes_what_fits_it() {
    let main = "/operatorBox/onReconcile/resources/0/manifest/spec/containers/0";
    for (text, pointer, expected) in [
        ("shop: {workers: 4}", "/workers".to_owned(), json!(4)),
        ("shop: {workers: null}", "/workers".to_owned(), Json::Null),
        ("shop: {restrictedNamespaces: [b, a]}", "/restrictedNamespaces".to_owned(), json!(["a", "b"])),
        ("shop: {operatorBox: {vars: {x: null, z: '3'}}}", "/operatorBox/vars".to_owned(), json!({"y": "2", "z": "3"})),
        (
            "shop: {operatorBox: {reads: [{id: ca, name: two}]}}",
            "/operatorBox/reads".to_owned(),
            json!([{"id": "ca", "name": "two"}]),
        ),
        ("shop: {operatorBox: {reads: [{id: ca, $patch: delete}]}}", "/operatorBox/reads".to_owned(), json!([])),
        (
            "shop: {operatorBox: {requeue: [{name: soon, after: 9s}]}}",
            "/operatorBox/requeue".to_owned(),
            json!([{"name": "soon", "after": "9s"}]),
        ),
        (
            "shop: {operatorBox: {status: {fields: [{path: url, value: y}]}}}",
            "/operatorBox/status/fields".to_owned(),
            json!([{"path": "url", "value": "y"}]),
        ),
        (
            "shop: {operatorBox: {onReconcile: {deployments: [{args: [c]}]}}}",
            "/operatorBox/onReconcile/deployments/0".to_owned(),
            json!({"image": "one", "args": ["c"], "replicas": 1}),
        ),
        (
            "shop: {operatorBox: {onReconcile: {deployments: [{id: db, image: x}]}}}",
            "/operatorBox/onReconcile/deployments/1/image".to_owned(),
            json!("x"),
        ),
        (
            "shop: {operatorBox: {onReconcile: {deployments: [{id: more, image: x}]}}}",
            "/operatorBox/onReconcile/deployments/2/id".to_owned(),
            json!("more"),
        ),
        (
            "shop: {operatorBox: {onReconcile: {resources: [{id: raw, manifest: {spec: {containers: [{name: main, env: [{name: B, value: '2'}]}]}}}]}}}",
            format!("{main}/env"),
            json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
        ),
        (
            "shop: {operatorBox: {onReconcile: {resources: [{id: raw, manifest: {spec: {containers: [{name: main, ports: [{containerPort: 80, protocol: TCP, name: web}]}]}}}]}}}",
            format!("{main}/ports"),
            json!([{"containerPort": 80, "name": "web", "protocol": "TCP"}]),
        ),
    ] {
        let (entry, problems) = merged(&[text]);
        assert_eq!((entry.pointer(&pointer).cloned().unwrap_or_default(), problems.as_str()), (expected, ""), "{text}");
    }
}

#[test]
fn what_fits_no_rule_is_refused_at_its_place() {
    for (text, parts) in [
        ("shopp: {workers: 4}", ["K1102", "l0.yaml:1:1", "did you mean `shop`?"]),
        ("shop: {workers: [4]}", ["K1105", "l0.yaml:1:17", "katalog.yaml:4:16"]),
        ("shop: {operatorBox: [a]}", ["K1105", "l0.yaml:1:21", "expected a map"]),
        ("shop: {restrictedNamespaces: null}", ["K1105", "l0.yaml:1:8", "only grows"]),
        ("shop: {operatorBox: {reads: [{id: cb, $patch: delete}]}}", ["K1106", "l0.yaml:1:30", "did you mean `ca`?"]),
        (
            "shop: {operatorBox: {reads: [{id: ca, $patch: replace}]}}",
            ["K1105", "l0.yaml:1:30", "can only be `delete`"],
        ),
        (
            "shop: {operatorBox: {onReconcile: {services: null, resources: [{manifest: {kind: X}}]}}}",
            ["K1106", "l0.yaml:1:", "there is no item `x`"],
        ),
    ] {
        let (_, problems) = merged(&[text]);
        for part in parts {
            assert!(problems.contains(part), "{text}: {part:?} is not in\n{problems}");
        }
    }
}

#[test]
fn each_value_of_three_layers_says_where_it_was_written() {
    let mut source = Source::new();
    let base = source.add("pg/katalog.yaml", example::KATALOG.as_bytes());
    source.add("pg/crd.yaml", example::CRD.as_bytes());
    let lower = source.add(
        "team.yaml",
        b"shop:\n  workers: 3\n  resync: 1m\n  operatorBox:\n    vars:\n      image: team\n    onReconcile:\n      deployments:\n        - id: web\n          replicas: 2\n          port: 81\n          labels: {team: a}\n          annotations: {from: team}\n",
    );
    let upper = source.add(
        "komposer.yaml",
        b"shop:\n  workers: 4\n  operatorBox:\n    onReconcile:\n      deployments:\n        - id: web\n          replicas: 3\n      services:\n        - id: svc\n          port: 90\n    status:\n      fields:\n        - path: endpoint\n          value: here\n    vars:\n      more: b\n",
    );
    let layers = [layer(&source, lower), layer(&source, upper)];
    let (root, problems) = merge(&tree(&source, base), &layers);
    assert!(problems.is_empty(), "{}", render_all(&problems, &source, Style::Plain));
    let (pattern, problems) = orkestra_pattern::check_merged(&source, "pg/", &root);
    let pattern = pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)));
    let digest = Digest::of(b"the artifact");
    let owners = [Owner { file: base, layer: "postgres".into(), digest: Some(digest) }];
    let found = provenance(&source, &root, &pattern, &owners);
    let at = |path: &str| {
        let origin = found.iter().find(|found| found.path == path).unwrap().origin.clone().unwrap();
        (origin.file, origin.line)
    };
    for (path, file, line) in [
        ("shop.workers", "komposer.yaml", 2),
        ("shop.resync", "team.yaml", 3),
        ("shop.operatorBox.vars.image", "team.yaml", 6),
        ("shop.operatorBox.onReconcile.deployments[web].id", "pg/katalog.yaml", 19),
        ("shop.operatorBox.onReconcile.deployments[web].image", "pg/katalog.yaml", 20),
        ("shop.operatorBox.onReconcile.deployments[web].replicas", "komposer.yaml", 7),
        ("shop.operatorBox.onReconcile.deployments[web].port", "team.yaml", 11),
        ("shop.operatorBox.onReconcile.deployments[web].labels.team", "team.yaml", 12),
        ("shop.operatorBox.onReconcile.deployments[web].annotations.from", "team.yaml", 13),
        ("shop.operatorBox.vars.more", "komposer.yaml", 16),
        ("shop.operatorBox.onReconcile.services[svc].port", "komposer.yaml", 10),
        ("shop.operatorBox.status.fields[endpoint].value", "komposer.yaml", 14),
        ("shop.apiTypes.kind", "pg/katalog.yaml", 11),
    ] {
        assert_eq!(at(path), (file.to_owned(), line), "{path}");
    }
    let kind = found.iter().find(|found| found.path == "shop.apiTypes.kind").unwrap().origin.clone().unwrap();
    assert_eq!((kind.layer.as_str(), kind.digest), ("postgres", digest));
}

#[test]
fn a_default_is_said_to_be_one() {
    let mut source = Source::new();
    let text = example::KATALOG.replace("      workers: 2\n", "");
    let base = source.add("katalog.yaml", text.as_bytes());
    source.add("crd.yaml", example::CRD.as_bytes());
    let root = tree(&source, base);
    let pattern = orkestra_pattern::check_merged(&source, "", &root).0.unwrap();
    let found = provenance(&source, &root, &pattern, &[]);
    let workers = found.iter().find(|found| found.path == "shop.workers").unwrap();
    assert_eq!((workers.value.clone(), workers.origin.clone()), (json!(2), None));
    assert!(matches!(root.value, Value::Map(_)));
}
