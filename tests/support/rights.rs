//! The runtime under test has the rights that `ork generate rbac` prints, and no others.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::{Cluster, Namespace, SHORTLY, eventually, ork};

/// A service account with the rights of the runtime, for some patterns in one namespace.
pub struct Granted {
    kubeconfig: PathBuf,
}

impl Granted {
    /// Applies what `ork generate rbac` prints for these pattern directories, limited to the namespace, and waits until the
    /// API server goes by it. The accounts are in [`Namespace::own`].
    pub async fn give(ns: &Namespace, patterns: &[&Path]) -> Self {
        Self::give_in(ns, patterns, &["-n", ns.name()]).await
    }

    /// The same for a runtime whose processes share the work.
    pub async fn give_sharded(ns: &Namespace, patterns: &[&Path]) -> Self {
        Self::give_in(ns, patterns, &["-n", ns.name(), "--shards"]).await
    }

    /// The same for patterns that work in all namespaces.
    pub async fn give_everywhere(ns: &Namespace, patterns: &[&Path]) -> Self {
        Self::give_in(ns, patterns, &[]).await
    }

    /// The account, whose rights somebody else has given already.
    pub async fn given(ns: &Namespace) -> Self {
        Self { kubeconfig: kubeconfig(ns.cluster(), &ns.own()).await }
    }

    async fn give_in(ns: &Namespace, patterns: &[&Path], place: &[&str]) -> Self {
        let cluster = ns.cluster();
        let own = ns.own();
        let mut arguments = vec!["generate", "rbac", "--quiet", "--format", "json", "--system-namespace", &own];
        arguments.extend(place);
        arguments.extend(patterns.iter().map(|path| path.to_str().expect("a path in UTF-8")));
        let printed = ork(cluster, &arguments);
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let list: Value = serde_json::from_slice(&printed.stdout).expect("ork prints JSON");
        let items = list["items"].as_array().expect("a list");
        for item in items {
            apply(&cluster.client(), item.clone()).await;
        }
        for pair in items.windows(2) {
            let [role, binding] = pair else { continue };
            for rule in role["rules"].as_array().into_iter().flatten() {
                wait_for(&cluster.client(), role, rule, binding).await;
            }
        }
        Self { kubeconfig: kubeconfig(cluster, &own).await }
    }

    /// A kubeconfig that logs in as the account.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A further kubeconfig that logs in as the account with a token of its own, by which the audit log tells processes apart
    /// ([`Request::credential`](crate::Request)), and what it calls that token.
    pub async fn another(&self, ns: &Namespace, name: &str) -> (PathBuf, String) {
        let own = ns.own();
        let token = token(ns.cluster(), &own).await;
        let payload = token.split('.').nth(1).expect("a token has a payload");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("a payload is in Base64");
        let payload: Value = serde_json::from_slice(&payload).expect("a payload is JSON");
        let credential = format!("JTI={}", payload["jti"].as_str().expect("a token has an id"));
        (write(ns.cluster(), &format!("{own}-{name}"), &token), credential)
    }

    /// A client that logs in as the account.
    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("the kubeconfig is readable");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("the kubeconfig is complete")).expect("a client")
    }
}

/// A directory with the files of a pattern, for as long as the control plane lives.
#[must_use]
pub fn pattern_directory(cluster: &Cluster, katalog: &str, crd: &str) -> PathBuf {
    pattern_files(cluster, &[("katalog.yaml", katalog), ("crd.yaml", crd)])
}

/// A pattern directory of these files.
pub fn pattern_files(cluster: &Cluster, files: &[(&str, &str)]) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let directory = cluster.plane().data().join(format!("pattern-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir(&directory).expect("a directory");
    for (name, text) in files {
        std::fs::write(directory.join(name), text).expect("a file");
    }
    directory
}

/// Rules that a role has already stay in it: what an older version of a pattern made must still be found and deleted.
async fn apply(client: &Client, mut object: Value) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let root = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
    let namespace = match text("/metadata/namespace") {
        namespace if namespace.is_empty() => String::new(),
        namespace => format!("/namespaces/{namespace}"),
    };
    let path = format!("{root}{namespace}/{}s/{name}", kind.to_lowercase());
    if let Some(rules) = object.get_mut("rules").and_then(Value::as_array_mut) {
        let request = Request::get(&path).body(Vec::new()).expect("a request");
        // None is there: the usual case.
        let before: Value = client.request(request).await.unwrap_or_default();
        for rule in before["rules"].as_array().into_iter().flatten() {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    let path = format!("{path}?fieldManager=orkestra-tests&force=true");
    send(client, Method::PATCH, &path, "application/apply-patch+yaml", &object).await;
}

async fn send(client: &Client, method: Method, path: &str, content_type: &str, body: &Value) -> Value {
    let request = Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, content_type);
    let request = request.body(body.to_string().into_bytes()).expect("a request");
    client.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Waits until the API server knows a rule: its authorizer hears of roles by a watch.
async fn wait_for(client: &Client, role: &Value, rule: &Value, binding: &Value) {
    let texts = |name: &str| -> Vec<String> {
        let items = rule[name].as_array().into_iter().flatten();
        items.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let subject = &binding["subjects"][0];
    let part = |name: &str| subject[name].as_str().expect("a subject has a name and a namespace");
    let user = format!("system:serviceaccount:{}:{}", part("namespace"), part("name"));
    for resource in texts("resources") {
        let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
        for verb in texts("verbs") {
            let attributes = json!({
                "verb": verb, "group": rule["apiGroups"][0], "resource": resource, "subresource": subresource,
                "namespace": role["metadata"]["namespace"], "name": rule["resourceNames"][0],
            });
            until_may(client, &user, &attributes, true).await;
        }
    }
}

async fn until_may(client: &Client, user: &str, attributes: &Value, allowed: bool) {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    });
    eventually("the API server goes by a role", SHORTLY, async || {
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = send(client, Method::POST, path, "application/json", &review).await;
        if answer["status"]["allowed"] == allowed { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
}

impl Namespace {
    /// Waits until the API server lets the account of an instance do something in this namespace, or no longer does.
    pub async fn until_may(&self, instance: &str, verb: &str, resource: &str, allowed: bool) {
        let user = format!("system:serviceaccount:{}:orkestra-{instance}", self.own());
        let attributes = json!({"verb": verb, "resource": resource, "namespace": self.name()});
        until_may(&self.cluster().client(), &user, &attributes, allowed).await;
    }
}

async fn kubeconfig(cluster: &Cluster, own: &str) -> PathBuf {
    write(cluster, own, &token(cluster, own).await)
}

/// A new token of the account.
async fn token(cluster: &Cluster, own: &str) -> String {
    let path = format!("/api/v1/namespaces/{own}/serviceaccounts/orkestra/token");
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let answer = send(&cluster.client(), Method::POST, &path, "application/json", &request).await;
    answer["status"]["token"].as_str().expect("a token").to_owned()
}

/// A kubeconfig of this name that shows a token.
fn write(cluster: &Cluster, name: &str, token: &str) -> PathBuf {
    let admin = std::fs::read_to_string(cluster.plane().kubeconfig()).expect("the kubeconfig is readable");
    let path = cluster.plane().data().join(format!("{name}.kubeconfig"));
    std::fs::write(&path, admin.replace(cluster.plane().admin_token(), token)).expect("a file");
    path
}
