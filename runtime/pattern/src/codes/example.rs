//! The pattern that the examples of the codes edit.

use crate::source::Source;

/// `katalog.yaml`
pub const KATALOG: &str = r#"apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata:
  name: shop
  version: 1.0.0
spec:
  inputs:
    - {name: registry, schema: {type: string}, default: docker.io}
  crds:
    shop:
      apiTypes: {group: example.com, version: v1, kind: Shop, plural: shops}
      workers: 2
      resync: 10m
      operatorBox:
        vars:
          image: "{{ inputs.registry }}/shop:{{ spec.version }}"
        onReconcile:
          deployments:
            - id: web
              image: "{{ vars.image }}"
              replicas: "{{ spec.replicas }}"
              port: 8080
          services:
            - id: svc
              port: 80
        status:
          fields:
            - {path: endpoint, value: "{{ children.svc.metadata.name }}:80"}
"#;

/// `crd.yaml`
pub const CRD: &str = r#"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  scope: Namespaced
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
              required: [version]
              properties:
                version: {type: string}
                replicas: {type: integer, default: 1, minimum: 0, maximum: 9}
                note: {type: string}
                users: {type: array, default: [], maxItems: 50, items: {type: object, required: [name], properties: {name: {type: string, maxLength: 63}}}}
                hosts: {type: array, default: [], items: {type: string}}
            status:
              type: object
              properties:
                endpoint: {type: string}
                observedGeneration: {type: integer, format: int64}
                conditions:
                  type: array
                  items: {type: object, x-kubernetes-preserve-unknown-fields: true}
"#;

/// `cr.yaml`
pub const CR: &str = r#"apiVersion: example.com/v1
kind: Shop
metadata: {name: corner}
spec:
  version: "3.1"
  replicas: 2
"#;

/// The example's files, perhaps with one edit: of which file, what stands there, what is written for it.
pub fn source(edit: Option<(&str, &str, &str)>) -> Source {
    let mut source = Source::new();
    for (name, text) in [("katalog.yaml", KATALOG), ("crd.yaml", CRD), ("cr.yaml", CR)] {
        match edit {
            Some((file, find, put)) if file == name => source.add(name, text.replacen(find, put, 1).as_bytes()),
            _ => source.add(name, text.as_bytes()),
        };
    }
    source
}
