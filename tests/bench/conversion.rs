//! Conversion beside a webhook written in Go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use orkestra_pattern::Source;
use orkestra_sandbox::{Limits, Sandbox, Settings};
use serde_json::{Value, json};

const KATALOG: &str = "apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: things, version: 1.0.0}
spec:
  crds:
    thing:
      apiTypes: {group: example.com, version: v2, kind: Thing, plural: things}
      operatorBox: {}
      conversion:
        storageVersion: v2
        paths:
          - from: v1
            to: v2
            rules:
              - {rename: {from: spec.replicas, to: spec.instances}}
              - {move: {from: spec.storageSize, to: spec.storage.size}}
              - {move: {from: spec.storageClass, to: spec.storage.class}}
              - {move: {from: spec.cpu, to: spec.resources.cpu}}
              - {move: {from: spec.memory, to: spec.resources.memory}}
";

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
    - name: v2
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
              properties:
                instances: {type: integer}
                storage: {type: object, properties: {size: {type: string}, class: {type: string}}}
                resources: {type: object, properties: {cpu: {type: string}, memory: {type: string}}}
                items: &items {type: array, items: {type: object, properties: {name: {type: string}, value: {type: string}}}}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
    - name: v1
      served: true
      storage: false
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              properties:
                replicas: {type: integer}
                storageSize: {type: string}
                storageClass: {type: string}
                cpu: {type: string}
                memory: {type: string}
                items: *items
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

fn object(version: &str, bytes: usize) -> Value {
    let items: Vec<Value> =
        (0..bytes / 60).map(|n| json!({"name": format!("item-{n:04}"), "value": "some text of this item"})).collect();
    let mut object = json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing",
        "metadata": {"name": "x", "namespace": "default", "uid": "u", "labels": {"a": "b"}},
        "spec": {"items": items}, "status": {"observedGeneration": 1}});
    let spec = object["spec"].as_object_mut().unwrap();
    if version == "v1" {
        spec.extend(
            json!({"replicas": 3, "storageSize": "1Gi", "storageClass": "fast", "cpu": "1", "memory": "1Gi"})
                .as_object()
                .unwrap()
                .clone(),
        );
    } else {
        spec.extend(json!({"instances": 3, "storage": {"size": "1Gi", "class": "fast"}, "resources": {"cpu": "1", "memory": "1Gi"}}).as_object().unwrap().clone());
    }
    object
}

fn main() {
    let source = Source::new().with("katalog.yaml", KATALOG.as_bytes()).with("crd.yaml", CRD.as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    let pattern = pattern.unwrap_or_else(|| panic!("{problems:#?}"));
    let compiled = orkestra_compile::compile(&pattern).unwrap();
    let sandbox = Sandbox::new(&Settings::default()).expect("a sandbox");
    let loaded = sandbox.load(&compiled.component, &[], Limits::default()).expect("the pattern");
    let native = orkestra_engine::Engine::load(&compiled.program);
    for (from, to) in [("v1", "v2"), ("v2", "v1")] {
        for size in [600, 2_000, 10_000] {
            let bytes = object(from, size).to_string().into_bytes();
            let time = |call: &dyn Fn()| {
                let mut samples: Vec<_> = (0..200)
                    .map(|_| {
                        let start = Instant::now();
                        (0..10).for_each(|_| call());
                        start.elapsed() / 10
                    })
                    .collect();
                samples.sort_unstable();
                samples[100].as_secs_f64() * 1e6
            };
            let sandboxed = time(&|| drop(black_box(loaded.convert("thing", to, &[&bytes]).unwrap())));
            let native = time(&|| drop(black_box(native.convert("thing", to, &bytes, u64::MAX).unwrap())));
            let parse = time(&|| drop(black_box(serde_json::from_slice::<Value>(&bytes).unwrap())));
            println!(
                "{from} to {to}, {} bytes: sandbox {sandboxed:.1} µs, native {native:.1} µs, serde_json::Value parse {parse:.1} µs",
                bytes.len()
            );
        }
    }
}
