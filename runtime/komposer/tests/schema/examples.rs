//! Documents that are right, which together have a word of everything.

use std::path::{Path, PathBuf};

use orkestra_komposer::{KOMPOSER, LOCK, policy};
use orkestra_pattern::source::Source;
use orkestra_pattern::table::Table;
use orkestra_pattern::{KATALOG, yaml};
use serde_json::Value;

/// A document, and the CRD beside it.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) document: Value,
    pub(crate) crd: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(text: &str) -> Value {
    let source = Source::new().with("document.yaml", text.as_bytes());
    let (documents, problems) = yaml::parse(&source, source.find("document.yaml").unwrap(), yaml::Bounds::default());
    assert!(!problems.has_errors(), "{text}");
    documents[0].to_json()
}

/// Every file of that name below a directory.
fn files(dir: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, name, found);
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
}

/// The Katalogs that are shipped, and those of the language's own tests, which have a word of everything.
fn katalogs() -> Vec<Example> {
    let mut paths = Vec::new();
    files(&root().join("patterns"), "katalog.yaml", &mut paths);
    files(&root().join("tests/language/pass"), "katalog.yaml", &mut paths);
    assert!(paths.len() > 10, "{paths:?}");
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    let common = root().join("tests/language/crd.yaml");
    let mut examples: Vec<Example> = paths
        .iter()
        .map(|path| {
            let own = path.with_file_name("crd.yaml");
            let crd = text(if own.is_file() { &own } else { &common });
            Example { name: path.display().to_string(), document: read(&text(path)), crd }
        })
        .collect();
    for (name, rest) in [("the rest", REST), ("older keys", OLDER)] {
        examples.push(Example { name: name.to_owned(), document: read(rest), crd: text(&common) });
    }
    examples
}

fn documents(texts: &[&str], name: &str) -> Vec<Example> {
    let mut paths = Vec::new();
    files(&root().join("patterns"), name, &mut paths);
    let texts = texts.iter().map(|text| (*text).to_owned());
    let texts = texts.chain(paths.iter().map(|path| std::fs::read_to_string(path).unwrap()));
    let example = |text: String| Example { document: read(&text), name: text, crd: String::new() };
    texts.map(example).collect()
}

const REST: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: shop, version: 1.0.0, description: A shop., license: Apache-2.0, keywords: [shop]}
spec:
  capabilities: []
  crds:
    shop:
      queue: {maxDepth: 100, failureThreshold: 3}
      dependsOn: []
      restrictedNamespaces: [kube-*]
      selector:
        matchLabels: {tier: gold}
        matchExpressions: [{key: stage, operator: NotIn, values: [test]}]
      operatorBox:
        onCreate:
          secrets:
            - {id: made, adopt: true, recreate: false, reconcile: false, once: true, type: Opaque, data: {a: "{{ randomHex(8) }}"}}
        onReconcile:
          services:
            - {id: svc, type: ClusterIP, headless: true, selector: {app: a}, port: 80, targetPort: 8080, protocol: TCP}
          statefulSets:
            - id: db
              image: a
              serviceName: other
              volumeClaimTemplates:
                - {name: data, accessModes: [ReadWriteOnce], storageClass: fast, storageSize: 1Gi, mountPath: /data}
                - apiVersion: v1
                  kind: PersistentVolumeClaim
                  metadata: {name: more}
                  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
          deployments:
            - id: web
              annotations: {a: b}
              imagePullSecrets: [{name: a}]
              serviceAccountName: a
              volumes: [{name: a, emptyDir: {}}]
              nodeSelector: {a: b}
              initContainers: [{name: i, image: i}]
              image: a
              tag: "1"
              port: 80
              protocol: TCP
              probes:
                startup: {httpGet: {port: 80}}
                readiness: {httpGet: {port: 80}}
                liveness: {httpGet: {port: 80}}
              command: [a]
              args: [b]
              env: [{name: A, value: b}]
              envFrom: [{configMapRef: {name: a}}]
              resources: {limits: {memory: 1Gi}}
              volumeMounts: [{name: a, mountPath: /a}]
              securityContext: {runAsNonRoot: true}
"#;

const KOMPOSERS: [&str; 3] = [
    // The design's example.
    r#"
apiVersion: orkestra.orkspace.io/v1
kind: Komposer
metadata: {name: platform, labels: {team: web}, annotations: {note: x}}
imports:
  registry:
    - url: ghcr.io/orkestra-sh/registry/postgres:v14
      oci: true
      digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
      with: {imageRegistry: registry.corp/hub}
      as: pg
      grants: []
      limits: {memory: 16Mi, deadline: 500ms}
    - url: registry.corp/operators/redis
      version: ^7.2
      oci: true
      auth: {type: basic, usernameFromEnv: ORK_REGISTRY_USER, passwordFromEnv: ORK_REGISTRY_PASSWORD}
  files: [./internal-crds.yaml]
  trust:
    - pattern: ghcr.io/orkestra-sh/**
      keys: [./orkestra.pub]
spec:
  crds:
    - name: postgres
      workers: 4
      resync: 30s
"#,
    r#"
apiVersion: orkestra.orkspace.io/v1
kind: Komposer
metadata: {name: platform}
imports:
  oci:
    - {ref: "ghcr.io/a/b:1.0.0", auth: {type: bearer, fromEnv: ORK_REGISTRY_TOKEN}}
  files: [{path: ./here, with: {a: 1}, as: b, grants: [code], groups: [a.example], limits: {memory: 1Gi}}]
  trust: [{pattern: "ghcr.io/**", keys: [a.pub, b.pub], quorum: 2, maxAge: 30d}]
spec:
  crds:
    shop: {enabled: true, workers: null, resync: null, apiTypes: {}, queue: {maxDepth: 9}, dependsOn: [], restrictedNamespaces: [a], selector: {matchLabels: {a: b}}, operatorBox: {vars: {a: "{{ 1 }}"}}}
    pg/shop: {enabled: false}
"#,
    "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\nsources: {files: [./a]}\n",
];

const POLICIES: [&str; 1] = [r#"
apiVersion: orkestra.orkspace.io/v1
kind: Policy
metadata: {name: company, labels: {team: web}, annotations: {note: x}}
spec:
  registries: {allow: ["ghcr.io/a/**"], mirrors: [{prefix: ghcr.io, mirror: registry.corp/hub}]}
  credentials: [{variable: TOKEN, hosts: [ghcr.io, "registry.corp:5000"]}]
  trust: [{pattern: "ghcr.io/a/**", keys: [a.pub, b.pub], quorum: 2, maxAge: 30d}]
  ceilings: {memory: 16Mi, deadline: 500ms, workers: 4}
  groups: [example.org, "*.example.org"]
  grants: [code]
  rules: [{cel: "size(patterns) > 0", message: none}]
  requireRebuild: true
  allowUnlocked: false
"#];

const LOCKS: [&str; 1] = [r#"
apiVersion: orkestra.orkspace.io/v1
kind: KomposerLock
metadata: {name: platform, labels: {team: web}, annotations: {note: x}}
spec:
  komposer: sha256:0000000000000000000000000000000000000000000000000000000000000000
  ork: "0.1.0"
  instances:
    - name: pg
      ref: ghcr.io/a/postgres ^14
      repository: ghcr.io/a/postgres
      tag: v14.2.0
      version: 14.2.0
      manifest: sha256:0000000000000000000000000000000000000000000000000000000000000001
      component: sha256:0000000000000000000000000000000000000000000000000000000000000002
      engine: orkestra
      rebuilt: true
      signers: [a]
      composed: sha256:0000000000000000000000000000000000000000000000000000000000000003
    - name: shop
      path: ./shop
      version: 1.0.0
      component: sha256:0000000000000000000000000000000000000000000000000000000000000004
      engine: orkestra
"#];

/// Keys that have another name now.
const OLDER: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {name: shop, version: 1.0.0}\nspec:\n  crds:\n    shop:\n      reconciler: {vars: {a: b}}\n";

pub(crate) fn corpora() -> [(&'static Table, Vec<Example>); 4] {
    [
        (&KATALOG, katalogs()),
        (&KOMPOSER, documents(&KOMPOSERS, "komposer.yaml")),
        (&LOCK, documents(&LOCKS, "komposer.lock")),
        (&policy::POLICY, documents(&POLICIES, "policy.yaml")),
    ]
}
