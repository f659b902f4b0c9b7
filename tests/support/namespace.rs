//! A namespace for one test, and what a person would do in it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::discovery::Scope;
use serde_json::{Value, json};

use crate::cluster::{Cluster, cluster};
use crate::{Kind, LONG, Mark, Request, SHORTLY, eventually};

/// A namespace that nothing else uses.
#[derive(Clone)]
pub struct Namespace {
    name: String,
    cluster: &'static Cluster,
}

/// Makes a namespace whose name begins with `name`, runs `test` in it and removes it.
///
/// If the test panics, the objects and events of the namespace are printed before the panic goes on.
pub fn with_namespace(name: &str, test: impl AsyncFnOnce(Namespace)) {
    let cluster = cluster();
    let namespace = cluster.runtime().block_on(Namespace::make(cluster, name));
    let outcome = catch_unwind(AssertUnwindSafe(|| cluster.runtime().block_on(test(namespace.clone()))));
    if outcome.is_err() {
        namespace.print();
    }
    cluster.runtime().block_on(namespace.remove());
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

impl Namespace {
    async fn make(cluster: &'static Cluster, name: &str) -> Self {
        let api = Api::<k8s_openapi::api::core::v1::Namespace>::all(cluster.client());
        let object = json!({"metadata": {"generateName": format!("{name}-")}});
        let object = serde_json::from_value(object).expect("a namespace");
        let made = api.create(&PostParams::default(), &object).await.expect("a namespace is created");
        Self { name: made.metadata.name.expect("an object has a name"), cluster }
    }

    async fn remove(&self) {
        let api = Api::<k8s_openapi::api::core::v1::Namespace>::all(self.cluster.client());
        // The control plane goes away soon. That a namespace lingers is not what any test is about.
        let _ = api.delete(&self.name, &DeleteParams::default()).await;
        let _ = api.delete(&self.own(), &DeleteParams::default()).await;
    }

    /// The name of a second namespace, for a runtime's own objects and the accounts of its patterns. It is removed with
    /// this one, and its writes are counted with this one's.
    #[must_use]
    pub fn own(&self) -> String {
        format!("{}-own", self.name)
    }

    /// A namespace that is there already.
    #[must_use]
    pub fn other(&self, name: &str) -> Self {
        Self { name: name.to_owned(), cluster: self.cluster }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    #[must_use]
    pub fn cluster(&self) -> &'static Cluster {
        self.cluster
    }

    async fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let known = self.cluster.resource(kind).await;
        let (resource, scope) =
            known.unwrap_or_else(|error| panic!("{} {} is not served: {error}", kind.api_version, kind.kind));
        match scope {
            Scope::Namespaced => Api::namespaced_with(self.cluster.client(), &self.name, &resource),
            Scope::Cluster => Api::all_with(self.cluster.client(), &resource),
        }
    }

    /// Applies the objects of a YAML stream with kubectl, as a user does.
    pub async fn apply(&self, yaml: &str) {
        let (yaml, name) = (yaml.to_owned(), self.name.clone());
        let plane = self.cluster.plane();
        let arguments =
            move || plane.kubectl(&["apply", "--server-side", "--force-conflicts", "-n", &name, "-f", "-"], &yaml);
        let result = tokio::task::spawn_blocking(arguments).await.expect("kubectl was run");
        result.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Creates one object.
    pub async fn create(&self, kind: Kind, mut object: Value) -> Value {
        object["apiVersion"] = json!(kind.api_version);
        object["kind"] = json!(kind.kind);
        let wanted: DynamicObject = serde_json::from_value(object).expect("an object has metadata");
        let parameters = PostParams { field_manager: Some("kubectl-create".to_owned()), ..PostParams::default() };
        let made = self.api(kind).await.create(&parameters, &wanted).await;
        to_json(made.unwrap_or_else(|error| panic!("{} is not created: {error}", kind.kind)))
    }

    /// The object, if there is one.
    pub async fn find(&self, kind: Kind, name: &str) -> Option<Value> {
        let found = self.api(kind).await.get_opt(name).await;
        found.unwrap_or_else(|error| panic!("{} {name} cannot be read: {error}", kind.kind)).map(to_json)
    }

    /// The object, which must be there.
    pub async fn get(&self, kind: Kind, name: &str) -> Value {
        let found = self.find(kind, name).await;
        found.unwrap_or_else(|| panic!("there is no {} {name} in {}", kind.kind, self.name))
    }

    /// All objects of a kind, by a label selector that may be empty.
    pub async fn list(&self, kind: Kind, selector: &str) -> Vec<Value> {
        let parameters = ListParams { label_selector: Some(selector.to_owned()), ..ListParams::default() };
        let found = self.api(kind).await.list(&parameters).await;
        found
            .unwrap_or_else(|error| panic!("{} cannot be listed: {error}", kind.kind))
            .items
            .into_iter()
            .map(to_json)
            .collect()
    }

    /// Changes an object by hand: a merge patch, as field manager `kubectl-edit` with an Update.
    pub async fn edit(&self, kind: Kind, name: &str, change: Value) -> Value {
        let parameters = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        let changed = self.api(kind).await.patch(name, &parameters, &Patch::Merge(change)).await;
        to_json(changed.unwrap_or_else(|error| panic!("{} {name} is not changed: {error}", kind.kind)))
    }

    /// Changes an object by hand with a JSON patch: the way to remove one item of a list.
    pub async fn edit_json(&self, kind: Kind, name: &str, operations: Value) -> Value {
        let parameters = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        let body = Patch::Json::<()>(serde_json::from_value(operations).expect("a JSON patch"));
        let changed = self.api(kind).await.patch(name, &parameters, &body).await;
        to_json(changed.unwrap_or_else(|error| panic!("{} {name} is not changed: {error}", kind.kind)))
    }

    /// Applies an object by server-side apply, as another field manager than ours, by force.
    pub async fn apply_as(&self, manager: &str, kind: Kind, name: &str, mut object: Value) -> Value {
        object["apiVersion"] = json!(kind.api_version);
        object["kind"] = json!(kind.kind);
        let parameters = PatchParams::apply(manager).force();
        let changed = self.api(kind).await.patch(name, &parameters, &Patch::Apply(object)).await;
        to_json(changed.unwrap_or_else(|error| panic!("{} {name} is not applied: {error}", kind.kind)))
    }

    /// Deletes an object, which must be there, and does not wait until it is gone.
    pub async fn delete(&self, kind: Kind, name: &str) {
        let deleted = self.api(kind).await.delete(name, &DeleteParams::default()).await;
        deleted.unwrap_or_else(|error| panic!("{} {name} is not deleted: {error}", kind.kind));
    }

    /// Waits until the object is there.
    pub async fn wait_for(&self, kind: Kind, name: &str) -> Value {
        let what = format!("{} {name} is there", kind.kind);
        eventually(&what, SHORTLY, async || self.find(kind, name).await.ok_or("it is not")).await
    }

    /// Waits until the object is gone.
    pub async fn wait_until_gone(&self, kind: Kind, name: &str) {
        let what = format!("{} {name} is gone", kind.kind);
        eventually(&what, LONG, async || self.find(kind, name).await.map_or(Ok(()), |object| Err(pretty(&object))))
            .await;
    }

    /// Waits until `holds` is true of the object and gives it.
    pub async fn wait_until(&self, kind: Kind, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{} {name}: {what}", kind.kind), SHORTLY, async || match self.find(kind, name).await {
            Some(object) if holds(&object) => Ok(object),
            Some(object) => Err(pretty(&object)),
            None => Err("it is not there".to_owned()),
        })
        .await
    }

    /// Waits until a condition of the object's status has this status.
    pub async fn wait_for_condition(&self, kind: Kind, name: &str, condition: &str, status: &str) -> Value {
        let what = format!("condition {condition} is {status}");
        self.wait_until(kind, name, &what, |object| condition_of(object, condition) == Some(status)).await
    }

    /// The writes to this namespace since `mark`, without those of tests.
    pub async fn writes_since(&self, mark: Mark) -> Vec<Request> {
        self.cluster.audit().writes_since(mark, &self.name).await
    }

    /// Waits until nothing has been written for `time`, and gives a mark for then.
    pub async fn settled(&self, time: Duration) -> Mark {
        let audit = self.cluster.audit();
        for _ in 0..100 {
            let mark = audit.mark().await;
            tokio::time::sleep(time).await;
            if audit.writes_since(mark, &self.name).await.is_empty() {
                return audit.mark().await;
            }
        }
        panic!("{} is still written to after a hundred times {} ms", self.name, time.as_millis());
    }

    #[allow(clippy::print_stderr, reason = "kept back by the test harness unless the test fails")]
    fn print(&self) {
        let resources = "all,configmaps,persistentvolumeclaims,poddisruptionbudgets,events";
        match self.cluster.plane().kubectl(&["get", resources, "-o", "wide", "-n", &self.name], "") {
            Ok(text) => eprintln!("in namespace {} there were:\n{text}", self.name),
            Err(error) => eprintln!("what was in namespace {} cannot be shown: {error}", self.name),
        }
    }
}

/// The status of a condition in an object's status.
#[must_use]
pub fn condition_of<'a>(object: &'a Value, condition: &str) -> Option<&'a str> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|each| each["type"] == condition)?["status"].as_str()
}

fn to_json(object: DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object is JSON")
}

fn pretty(object: &Value) -> String {
    serde_json::to_string_pretty(object).expect("an object is JSON")
}
