//! Stored resources are rewritten in the storage version: by the API server itself, and in pages, also when that is interrupted.

use std::process::{Child, Command, Stdio};

use orkestra_tests::{
    CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Cluster, Kind, LONG, Namespace, eventually, ork, program, with_namespace,
};
use serde_json::{Value, json};

/// A kind of its own for each test, with two versions of one schema: the API server converts by changing the version alone.
struct Thing {
    ns: Namespace,
    plural: String,
    kind: Kind,
}

impl Thing {
    async fn new(ns: &Namespace, kind: Kind) -> Self {
        let plural = format!("{}s", kind.kind.to_lowercase());
        let this = Self { ns: ns.clone(), plural, kind };
        this.define("v1");
        this
    }

    fn definition(&self) -> String {
        format!("{}.storage.orkestra.io", self.plural)
    }

    /// Objects are stored in this version from now on.
    fn define(&self, storage: &str) {
        let version = |name: &str| {
            json!({"name": name, "served": true, "storage": name == storage, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "text": {"type": "string"}}}}}}})
        };
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": self.definition()},
            "spec": {"group": "storage.orkestra.io", "scope": "Namespaced", "names": {"kind": self.kind.kind, "plural": self.plural},
                "versions": [version("v1"), version("v2")]},
        });
        kubectl(
            self.ns.cluster(),
            &["apply", "--server-side", "--force-conflicts", "-f", "-"],
            &definition.to_string(),
        );
        let crd = format!("crd/{}", self.definition());
        kubectl(self.ns.cluster(), &["wait", "--for=condition=Established", &crd, "--timeout=30s"], "");
    }

    async fn fill(&self, count: usize) {
        let objects: String = (0..count)
            .map(|number| format!("---\napiVersion: storage.orkestra.io/v1\nkind: {}\nmetadata: {{name: t{number:05}}}\nspec: {{text: x}}\n", self.kind.kind))
            .collect();
        self.ns.apply(&objects).await;
    }

    async fn crd(&self) -> Value {
        self.ns.get(CUSTOM_RESOURCE_DEFINITION, &self.definition()).await
    }

    async fn stored(&self) -> Value {
        self.crd().await["status"]["storedVersions"].clone()
    }

    /// Each object's resource version, which tells of a write.
    async fn written(&self) -> Vec<String> {
        let all = self.ns.list(self.kind, "").await;
        all.iter().map(|object| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn arguments<'a>(&'a self, own: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["storage", "migrate", "--yes", "--system-namespace", own, "--format", "json"];
        all.extend(more);
        all.push(self.kind.kind);
        all
    }

    /// Runs to its end and gives what it says of the one definition.
    fn migrate(&self, more: &[&str]) -> Value {
        let own = self.ns.own();
        let output = ork(self.ns.cluster(), &self.arguments(&own, more));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed: Value = serde_json::from_slice(&output.stdout).expect("ork prints JSON");
        printed["migrated"][0].clone()
    }

    fn start(&self, more: &[&str]) -> Child {
        let own = self.ns.own();
        let mut command = Command::new(program("ork"));
        command.args(self.arguments(&own, more)).env("KUBECONFIG", self.ns.cluster().plane().kubeconfig());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ork starts")
    }
}

fn kubectl(cluster: &Cluster, arguments: &[&str], input: &str) -> String {
    cluster.plane().kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_api_server_is_asked_and_believed_when_the_definition_confirms() {
    with_namespace("storage-server", async |ns| {
        let thing = Thing::new(&ns, Kind::new("storage.orkestra.io/v1", "Alpha")).await;
        thing.fill(20).await;
        thing.define("v2");
        assert_eq!(thing.stored().await, json!(["v1", "v2"]));
        let before = thing.written().await;
        let said = thing.migrate(&[]);
        assert_eq!(
            (&said["how"], &said["storageVersion"], &said["dropped"]),
            (&json!("server"), &json!("v2"), &json!(["v1"]))
        );
        assert_eq!(thing.stored().await, json!(["v2"]));
        let after = thing.written().await;
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
        // It is so already, and nothing is asked for again.
        let said = thing.migrate(&[]);
        assert_eq!(said["how"], "already");
        assert_eq!(thing.written().await, after);
        // The old version can be dropped now.
        kubectl(
            ns.cluster(),
            &[
                "patch",
                "crd",
                &thing.definition(),
                "--type=json",
                "-p",
                r#"[{"op": "remove", "path": "/spec/versions/0"}]"#,
            ],
            "",
        );
        // A second migration of a definition is one of its own: the stored versions alone are not believed.
        let thing = Thing { kind: Kind::new("storage.orkestra.io/v2", "Alpha"), ..thing };
        thing.define("v1");
        assert_eq!(thing.stored().await, json!(["v2", "v1"]));
        let said = thing.migrate(&[]);
        assert_eq!((&said["how"], &said["dropped"]), (&json!("server"), &json!(["v2"])));
        assert_eq!(thing.stored().await, json!(["v1"]));
    });
}

#[test]
fn in_pages_a_killed_run_goes_on_and_stored_versions_are_trimmed_at_the_end_only() {
    // `make soak` asks for more.
    let soak = std::env::var("ORK_SOAK_OBJECTS").ok().map(|count| count.parse().expect("ORK_SOAK_OBJECTS is a number"));
    let (count, kills, rate) = soak.map_or((500, 1, "60"), |count: usize| (count, 5, "400"));
    with_namespace("storage-paged", async |ns| {
        let thing = Thing::new(&ns, Kind::new("storage.orkestra.io/v1", "Beta")).await;
        thing.fill(count).await;
        thing.define("v2");
        let mark = ns.cluster().audit().mark().await;
        let own = ns.other(&ns.own());
        for kill in 1..=kills {
            let mut running = thing.start(&["--paged", "--rate", rate]);
            eventually("some pages are done", LONG, async || {
                let map = own.find(CONFIG_MAP, "orkestra-migrations").await;
                let text = map.as_ref().and_then(|map| map["data"][thing.definition()].as_str());
                let done = text.and_then(|text| serde_json::from_str::<Value>(text).ok()?["objects"].as_u64());
                let enough = done.is_some_and(|done| done >= (count * kill / (kills + 1)) as u64);
                if enough { Ok(()) } else { Err(format!("{map:?}")) }
            })
            .await;
            running.kill().expect("ork runs");
            running.wait().expect("ork is our child");
            assert_eq!(thing.stored().await, json!(["v1", "v2"]), "not before the end");
        }

        let said = thing.migrate(&["--paged", "--rate", "0"]);
        assert_eq!(
            (&said["how"], &said["objects"], &said["dropped"]),
            (&json!("paged"), &json!(count), &json!(["v1"]))
        );
        assert_eq!(thing.stored().await, json!(["v2"]));
        let requests = ns.cluster().audit().requests_since(mark).await;
        let patches: Vec<_> =
            requests.iter().filter(|request| request.verb == "patch" && request.resource == thing.plural).collect();
        let mut names: Vec<_> = patches.iter().filter_map(|request| request.name.clone()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "each was rewritten");
        // What a killed run had begun beyond its last page is done twice, and no more than that.
        assert!(patches.len() < count + kills * 200, "{} patches", patches.len());

        let before = thing.written().await;
        assert_eq!(before.len(), count, "none is lost");
        assert_eq!(thing.migrate(&["--paged"])["how"], "already");
        assert_eq!(thing.written().await, before);
    });
}

#[test]
fn an_object_that_the_definition_no_longer_allows_is_named_and_nothing_is_dropped() {
    with_namespace("storage-refused", async |ns| {
        let thing = Thing::new(&ns, Kind::new("storage.orkestra.io/v1", "Gamma")).await;
        thing.fill(3).await;
        let rule = json!([
            {"op": "replace", "path": "/spec/versions/0/storage", "value": false},
            {"op": "replace", "path": "/spec/versions/1/storage", "value": true},
            // A rule over the whole object holds also for what does not change.
            {"op": "add", "path": "/spec/versions/1/schema/openAPIV3Schema/x-kubernetes-validations",
                "value": [{"rule": "self.metadata.name != 't00001'", "message": "not this one"}]},
            {"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations",
                "value": [{"rule": "self.metadata.name != 't00001'", "message": "not this one"}]},
        ]);
        kubectl(ns.cluster(), &["patch", "crd", &thing.definition(), "--type=json", "-p", &rule.to_string()], "");
        let own = ns.own();
        let output = eventually("the rule holds", LONG, async || {
            let output = ork(ns.cluster(), &thing.arguments(&own, &["--paged"]));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.code() == Some(1) && said.contains("ObjectsRefused") { Ok(said) } else { Err(said) }
        })
        .await;
        assert!(output.contains("t00001") && output.contains("not this one"), "{output}");
        assert_eq!(thing.stored().await, json!(["v1", "v2"]));
        ns.delete(thing.kind, "t00001").await;
        ns.wait_until_gone(thing.kind, "t00001").await;
        assert_eq!(thing.migrate(&["--paged"])["dropped"], json!(["v1"]));
    });
}
