//! The scenarios of Kubernetes' own integration test of conversion webhooks (`apiextensions-apiserver`,
//! `test/integration/conversion`), with a real API server and our webhook: what a converter may do, what it may not, and what a
//! client is told. Where the converter has to misbehave, a fake stands in for the pattern, because no pattern can.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use orkestra_tests::{CUSTOM_RESOURCE_DEFINITION, Kind, Namespace, SHORTLY, eventually, with_namespace};
use orkestra_webhook::certificates::{Kept, Serving, Terms};
use orkestra_webhook::{Convert, Options, Refused, Routes, Server};
use serde_json::{Value, json};

use crate::live::{Live, live};

type Results = Result<Vec<Result<Vec<u8>, Refused>>, Refused>;

/// A converter that does what a test wants of it.
struct Fake(fn(&str, &[&[u8]]) -> Results);

impl Convert for Fake {
    fn convert(&self, version: &str, objects: &[&[u8]]) -> Results {
        (self.0)(version, objects)
    }
}

/// Each object as `change` leaves it, with what a result may have and nothing else.
fn each(objects: &[&[u8]], change: impl Fn(&mut Value)) -> Results {
    let one = |object: &&[u8]| {
        let mut object: Value = serde_json::from_slice(object).expect("the API server sends JSON");
        let members = object.as_object_mut().expect("an object");
        members.retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
        if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| ["labels", "annotations"].contains(&key.as_str()));
        }
        change(&mut object);
        Ok(object.to_string().into_bytes())
    };
    Ok(objects.iter().map(one).collect())
}

/// A kind whose two versions are converted by a fake.
struct Scenario {
    ns: Namespace,
    group: String,
    old: Kind,
    new: Kind,
    routes: Arc<Routes>,
    _server: Server,
}

fn scenario(name: &'static str, convert: Fake, test: impl AsyncFnOnce(Scenario)) {
    with_namespace(name, async |ns| {
        let group = format!("{name}.example.com");
        let kept = Kept::new(&["127.0.0.1".to_owned()], SystemTime::now(), &Terms::default()).expect("certificates");
        let (routes, serving) = (Arc::new(Routes::default()), Arc::new(Serving::default()));
        serving.put(kept.certified().expect("a key"));
        routes.convert.set(&group, "Thing", Some(Arc::new(convert)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Server::start(listener, Options::default(), routes.clone(), serving).expect("a server");
        let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}});
        let version =
            |name: &str, storage: bool| json!({"name": name, "served": true, "storage": storage, "schema": schema});
        let config = json!({"url": format!("https://{}/convert", server.address()), "caBundle": BASE64_STANDARD.encode(kept.bundle())});
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("things.{group}")},
            "spec": {"group": group, "scope": "Namespaced",
                "names": {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
                "versions": [version("v2", true), version("v1", false)],
                "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": config}}}});
        ns.apply(&definition.to_string()).await;
        let served =
            |definition: &Value| definition["status"]["conditions"].to_string().contains("\"InitialNamesAccepted\"");
        ns.wait_until(CUSTOM_RESOURCE_DEFINITION, &format!("things.{group}"), "it is served", served).await;
        let kind = |version: &str| Kind::new(format!("{group}/{version}").leak(), "Thing");
        test(Scenario { old: kind("v1"), new: kind("v2"), group, ns, routes, _server: server }).await;
    });
}

impl Scenario {
    fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let all = [&["-n", self.ns.name()], arguments].concat();
        self.ns.cluster().plane().kubectl(&all, input).map_err(|error| error.to_string())
    }

    /// Creates a resource in the version that is not stored; what the API server says.
    fn create_old(&self, name: &str) -> Result<String, String> {
        let object = json!({"apiVersion": self.old.api_version, "kind": "Thing", "metadata": {"name": name}, "spec": {"size": 1}});
        self.kubectl(&["create", "-f", "-"], &object.to_string())
    }

    /// The message of a conversion that fails, once the API server serves the kind.
    async fn refused(&self, said: &str) {
        eventually("the conversion fails as it should", SHORTLY, async || match self.create_old("a") {
            Ok(output) => panic!("it was created: {output}"),
            Err(message) if message.contains(said) => Ok(()),
            Err(message) => Err(message),
        })
        .await;
        // What needs no conversion is not harmed.
        self.ns.create(self.new, json!({"metadata": {"name": "b"}, "spec": {"size": 2}})).await;
        assert_eq!(self.ns.get(self.new, "b").await["spec"]["size"], 2);
    }
}

#[test]
fn noop_converter() {
    scenario("scene-noop", Fake(|_, objects| each(objects, |_| {})), async |scene| {
        let made = eventually("a resource is created", SHORTLY, async || scene.create_old("a")).await;
        assert!(made.contains("created"), "{made}");
        let (old, new) = (scene.ns.get(scene.old, "a").await, scene.ns.get(scene.new, "a").await);
        assert_eq!(
            (&old["apiVersion"], &new["apiVersion"]),
            (&json!(scene.old.api_version), &json!(scene.new.api_version))
        );
        assert_eq!(old["spec"], new["spec"]);
        for field in ["uid", "resourceVersion", "generation", "creationTimestamp", "name", "namespace"] {
            assert_eq!(old["metadata"][field], new["metadata"][field], "{field}");
        }
        scene.ns.edit(scene.old, "a", json!({"spec": {"size": 5}})).await;
        assert_eq!(scene.ns.list(scene.new, "").await[0]["spec"]["size"], 5);
    });
}

#[test]
fn nontrivial_converter_with_objects_stored_in_both_versions() {
    live("scene-mixed", async |live: Live| {
        let (v1, v2) = (live.v1, live.v2);
        live.ns.create(v2, json!({"metadata": {"name": "stored-in-v2"}, "spec": {"instances": 2}})).await;
        // Somebody makes the other version the stored one: objects of both lie in etcd now.
        let definition = format!("things.{}", live.group);
        let storage = json!([
            {"op": "test", "path": "/spec/versions/0/name", "value": "v2"},
            {"op": "replace", "path": "/spec/versions/0/storage", "value": false},
            {"op": "replace", "path": "/spec/versions/1/storage", "value": true},
        ]);
        live.ns.edit_json(CUSTOM_RESOURCE_DEFINITION, &definition, storage).await;
        let both = |definition: &Value| definition["status"]["storedVersions"] == json!(["v2", "v1"]);
        live.ns.wait_until(CUSTOM_RESOURCE_DEFINITION, &definition, "both versions are stored", both).await;
        live.ns
            .create(v1, json!({"metadata": {"name": "stored-in-v1"}, "spec": {"replicas": 1, "unknown": true}}))
            .await;
        let spec = async |kind: Kind, name: &str| live.ns.get(kind, name).await["spec"].clone();
        for (name, count) in [("stored-in-v2", 2), ("stored-in-v1", 1)] {
            assert_eq!(spec(v2, name).await, json!({"instances": count}), "unknown fields are pruned");
            assert_eq!(spec(v1, name).await, json!({"replicas": count}));
        }
        for (kind, field) in [(v1, "replicas"), (v2, "instances")] {
            let mut counts: Vec<_> =
                live.ns.list(kind, "").await.iter().map(|thing| thing["spec"][field].clone()).collect();
            counts.sort_by_key(Value::to_string);
            assert_eq!(counts, [json!(1), json!(2)], "{field}");
        }
        drop(live.ork);
    });
}

#[test]
fn labels_and_annotations_may_be_changed_and_are_the_only_metadata() {
    fn marked(version: &str, objects: &[&[u8]]) -> Results {
        let version = version.to_owned();
        each(objects, move |object| {
            object["metadata"]["labels"]["from"] = json!(version);
            object["metadata"]["annotations"]["from"] = json!(version);
        })
    }
    scenario("scene-meta", Fake(marked), async |scene| {
        eventually("a resource is created", SHORTLY, async || scene.create_old("a")).await;
        for kind in [scene.old, scene.new] {
            let metadata = scene.ns.get(kind, "a").await["metadata"].clone();
            let wanted = if kind.api_version == scene.old.api_version { "v1" } else { "v2" };
            assert_eq!(
                (&metadata["labels"]["from"], &metadata["annotations"]["from"]),
                (&json!(wanted), &json!(wanted))
            );
        }
    });
}

#[test]
fn a_changed_uid_is_refused() {
    let tampers = |_: &str, objects: &[&[u8]]| each(objects, |object| object["metadata"]["uid"] = json!("0000"));
    scenario("scene-uid", Fake(tampers), async |scene| {
        scene.refused("ForbiddenMember: Thing.scene-uid.example.com").await;
    });
}

#[test]
fn an_empty_response_is_refused() {
    scenario("scene-empty", Fake(|_, _| Ok(Vec::new())), async |scene| {
        scene.refused("WrongCount").await;
    });
}

#[test]
fn a_failure_is_shown_with_its_message() {
    let fails = |_: &str, objects: &[&[u8]]| -> Results {
        let refused = Refused { reason: "ExpressionFailed", message: "my failure message".to_owned() };
        Ok(objects.iter().map(|_| Err(refused.clone())).collect())
    };
    scenario("scene-fails", Fake(fails), async |scene| {
        scene.refused("my failure message").await;
    });
}

#[test]
fn a_kind_that_nobody_converts_is_named() {
    scenario("scene-unhandled", Fake(|_, objects| each(objects, |_| {})), async |scene| {
        scene.routes.convert.set(&scene.group, "Thing", None);
        scene.refused(&format!("nothing here converts Thing.{}", scene.group)).await;
    });
}
