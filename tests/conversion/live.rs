//! `ork run` with a pattern that converts, and what a real API server makes of it.

use orkestra_tests::{
    CUSTOM_RESOURCE_DEFINITION, Kind, Namespace, Ork, SHORTLY, eventually, pattern_directory, with_namespace,
};
use serde_json::{Value, json};

use crate::subject::ANNOTATION;

/// A kind of the group `GROUP`, stored in `v2`: fields are renamed, moved, nested and split, and some are in one version alone.
const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Thing, listKind: ThingList, plural: things, singular: thing}
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
                storage: {type: object, properties: {size: {type: string}}}
                host: {type: string}
                port: {type: integer}
                tier: {type: string}
                pooling: {type: boolean}
                text: {type: string}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                readyInstances: {type: integer}
                conditions: &conditions
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [type]
                  items: {type: object, required: [type], properties: {type: {type: string}, status: {type: string}, reason: {type: string}, message: {type: string}, lastTransitionTime: {type: string}, observedGeneration: {type: integer, format: int64}}}
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
                address: {type: string}
                legacy: {type: string}
                text: {type: string}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                readyReplicas: {type: integer}
                conditions: *conditions
";

const KATALOG: &str = "
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: things, version: 1.0.0}
spec:
  crds:
    thing:
      apiTypes: {group: GROUP, version: v2, kind: Thing, plural: things}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: config, data: {size: \"{{ spec.storage.size | default 'none' }}\"}}
        status:
          fields:
            - {path: readyInstances, value: \"{{ spec.instances | default 0 }}\"}
      conversion:
        storageVersion: v2
        paths:
          - from: v1
            to: v2
            rules:
              - {rename: {from: spec.replicas, to: spec.instances}}
              - {move: {from: spec.storageSize, to: spec.storage.size}}
              - {split: spec.address, by: ':', into: [spec.host, spec.port]}
              - {move: {from: \"metadata.annotations['example.com/tier']\", to: spec.tier}}
              - {rename: {from: status.readyReplicas, to: status.readyInstances}}
";

/// A running pattern.
pub(crate) struct Live {
    pub(crate) ns: Namespace,
    pub(crate) group: String,
    pub(crate) v1: Kind,
    pub(crate) v2: Kind,
    pub(crate) ork: Ork,
}

/// Runs a pattern of its own group in a namespace of its own.
pub(crate) fn live(name: &'static str, test: impl AsyncFnOnce(Live)) {
    with_namespace(name, async |ns| {
        let group = format!("{name}.example.com");
        let kind = |version: &str| Kind::new(format!("{group}/{version}").leak(), "Thing");
        let ork = start(&ns, &group).await;
        test(Live { v1: kind("v1"), v2: kind("v2"), group, ns, ork }).await;
    });
}

/// The pattern's directory; `more` is put behind the rules of its path.
pub(crate) fn pattern(ns: &Namespace, group: &str, more: &str) -> String {
    let katalog = format!("{}{more}", KATALOG.replace("GROUP", group));
    let directory = pattern_directory(ns.cluster(), &katalog, &CRD.replace("GROUP", group));
    directory.to_str().expect("a path in UTF-8").to_owned()
}

async fn start(ns: &Namespace, group: &str) -> Ork {
    let directory = pattern(ns, group, "");
    let own = ns.own();
    let arguments = ["--no-impersonation", "-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0"];
    let mut arguments: Vec<&str> = arguments.to_vec();
    arguments.extend(["--webhook-listen", "127.0.0.1:0", "--yes", &directory]);
    let ork = Ork::run(ns.cluster(), &arguments);
    ork.says("\"reconciling\"").await;
    ork
}

impl Live {
    fn definition(&self) -> String {
        format!("things.{}", self.group)
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut all = vec!["-n", self.ns.name()];
        all.extend(arguments);
        self.ns.cluster().plane().kubectl(&all, input).map_err(|error| error.to_string())
    }

    /// The resource in a version, by kubectl.
    fn read(&self, version: &str, name: &str) -> Value {
        let resource = format!("things.{version}.{}", self.group);
        let text =
            self.kubectl(&["get", &resource, name, "-o", "json", "--show-managed-fields"], "").expect("it can be read");
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    fn thing(&self, version: &str, name: &str, spec: Value) -> Value {
        json!({"apiVersion": format!("{}/{version}", self.group), "kind": "Thing", "metadata": {"name": name}, "spec": spec})
    }
}

#[test]
fn what_is_written_in_one_version_is_read_in_the_other() {
    live("conv-rw", async |live| {
        let old = json!({"replicas": 3, "storageSize": "1Gi", "address": "db:5432", "legacy": "x", "text": "t"});
        let new = json!({"instances": 3, "storage": {"size": "1Gi"}, "host": "db", "port": 5432, "tier": "gold", "text": "t"});
        let object = json!({"metadata": {"name": "a", "labels": {"l": "1"}, "annotations": {"example.com/tier": "gold", "other": "o"}}, "spec": old});
        live.ns.create(live.v1, object).await;
        let read = live.read("v2", "a");
        assert_eq!(read["spec"], new);
        assert_eq!(read["metadata"]["labels"]["l"], "1");
        assert_eq!(read["metadata"]["annotations"]["other"], "o");
        assert_eq!(read["metadata"]["annotations"].get("example.com/tier"), None);
        assert!(read["metadata"]["annotations"][ANNOTATION].is_string(), "what v2 has no place for is kept in it");
        let again = live.read("v1", "a");
        assert_eq!(again["spec"], old);
        assert_eq!(again["metadata"]["annotations"], json!({"example.com/tier": "gold", "other": "o"}));

        // The other way round, with a field that the old version cannot hold.
        let wide = json!({"instances": 1, "pooling": true, "text": "u"});
        live.ns.create(live.v2, json!({"metadata": {"name": "b"}, "spec": wide})).await;
        let mut narrow = live.read("v1", "b");
        assert_eq!(narrow["spec"], json!({"replicas": 1, "text": "u"}));
        // A client of the old version changes what it sees and writes it back whole.
        narrow["spec"]["replicas"] = 2.into();
        narrow["metadata"].as_object_mut().unwrap().remove("managedFields");
        live.kubectl(&["replace", "-f", "-"], &narrow.to_string()).expect("it is replaced");
        assert_eq!(live.read("v2", "b")["spec"], json!({"instances": 2, "pooling": true, "text": "u"}));

        // Patches, lists and watches in the version that is not stored.
        live.ns.edit(live.v1, "b", json!({"spec": {"storageSize": "2Gi"}})).await;
        assert_eq!(live.read("v2", "b")["spec"]["storage"], json!({"size": "2Gi"}));
        let mut sizes: Vec<_> =
            live.ns.list(live.v1, "").await.iter().map(|thing| thing["spec"]["storageSize"].clone()).collect();
        sizes.sort_by_key(Value::to_string);
        assert_eq!(sizes, [json!("1Gi"), json!("2Gi")]);

        // The status is written in v2 and read in both; the runtime reconciles what was written in v1.
        let ready = |field: &'static str, wanted: i64| move |thing: &Value| thing["status"][field] == wanted;
        live.ns.wait_until(live.v2, "b", "v2 shows the status", ready("readyInstances", 2)).await;
        live.ns.wait_until(live.v1, "b", "v1 shows the status", ready("readyReplicas", 2)).await;
        let config = Kind::new("v1", "ConfigMap");
        live.ns.wait_until(config, "b-config", "the size", |object| object["data"]["size"] == "2Gi").await;
        drop(live.ork);
    });
}

/// The fields that a manager owns, as paths.
fn owned(object: &Value, manager: &str) -> Vec<String> {
    fn walk(fields: &Value, at: &str, found: &mut Vec<String>) {
        let Some(members) = fields.as_object() else { return };
        let names: Vec<&String> = members.keys().filter(|key| *key != ".").collect();
        if names.is_empty() {
            found.push(at.to_owned());
        }
        for name in names {
            walk(&members[name], &format!("{at}.{}", name.trim_start_matches("f:")), found);
        }
    }
    let mut found = Vec::new();
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        if entry["manager"] == manager && entry.get("subresource").is_none() {
            walk(&entry["fieldsV1"], "", &mut found);
        }
    }
    found.sort();
    found
}

#[test]
fn server_side_apply_in_two_versions_gives_nobody_a_field_that_he_did_not_set() {
    live("conv-ssa", async |live| {
        let apply = |manager: &str, object: &Value, more: &[&str]| {
            let manager = format!("--field-manager={manager}");
            let mut arguments = vec!["apply", "--server-side", &manager, "-f", "-"];
            arguments.extend(more);
            live.kubectl(&arguments, &object.to_string())
        };
        apply("old", &live.thing("v1", "a", json!({"replicas": 3, "address": "db:5432"})), &[]).expect("v1 is applied");
        apply("new", &live.thing("v2", "a", json!({"storage": {"size": "1Gi"}, "pooling": true})), &[])
            .expect("v2 is applied");
        let read = live.read("v2", "a");
        assert_eq!(
            read["spec"],
            json!({"host": "db", "instances": 3, "pooling": true, "port": 5432, "storage": {"size": "1Gi"}})
        );
        assert_eq!(owned(&read, "new"), [".spec.pooling", ".spec.storage.size"]);
        assert_eq!(owned(&read, "old"), [".spec.address", ".spec.replicas"]);
        // Each goes on in its own version, without a conflict and without taking anything over.
        apply("old", &live.thing("v1", "a", json!({"replicas": 4, "address": "db:5432"})), &[]).expect("v1 again");
        apply("new", &live.thing("v2", "a", json!({"storage": {"size": "2Gi"}, "pooling": false})), &[])
            .expect("v2 again");
        let read = live.read("v1", "a");
        assert_eq!(read["spec"], json!({"address": "db:5432", "replicas": 4, "storageSize": "2Gi"}));
        assert_eq!(owned(&read, "new"), [".spec.pooling", ".spec.storage.size"]);
        assert_eq!(owned(&read, "old"), [".spec.address", ".spec.replicas"]);
        // What is taken out of an applied object goes, also what only the other version has.
        apply("new", &live.thing("v2", "a", json!({"storage": {"size": "2Gi"}})), &[]).expect("v2 without pooling");
        assert_eq!(live.read("v2", "a")["spec"].get("pooling"), None);
        // Two who want another value of one field are in conflict, whatever the versions.
        let said = apply("new", &live.thing("v2", "a", json!({"instances": 9})), &[]).expect_err("a conflict");
        assert!(said.contains("conflict"), "{said}");
        drop(live.ork);
    });
}

#[test]
fn a_definition_that_was_replaced_points_at_the_webhook_again() {
    live("conv-wiped", async |live| {
        live.ns.create(live.v1, json!({"metadata": {"name": "a"}, "spec": {"replicas": 3}})).await;
        let mut definition = live.ns.get(CUSTOM_RESOURCE_DEFINITION, &live.definition()).await;
        assert_eq!(definition["spec"]["conversion"]["strategy"], "Webhook");
        definition["spec"].as_object_mut().unwrap().remove("conversion");
        definition["metadata"]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| ["name", "labels", "annotations"].contains(&key.as_str()));
        live.kubectl(&["replace", "-f", "-"], &definition.to_string()).expect("it is replaced");
        let webhook = |definition: &Value| definition["spec"]["conversion"]["strategy"] == "Webhook";
        live.ns.wait_until(CUSTOM_RESOURCE_DEFINITION, &live.definition(), "it points at the webhook", webhook).await;
        eventually("objects are converted again", SHORTLY, async || {
            let read = live.read("v2", "a");
            if read["spec"] == json!({"instances": 3}) { Ok(()) } else { Err(read["spec"].to_string()) }
        })
        .await;
        // The conversion alone is the webhook's; the rest of the definition is the runtime's.
        let definition = live.ns.get(CUSTOM_RESOURCE_DEFINITION, &live.definition()).await;
        let mut fields = owned(&definition, "orkestra-webhook");
        fields.retain(|path| !path.starts_with(".spec.conversion"));
        assert_eq!(fields, Vec::<String>::new());
        drop(live.ork);
    });
}

#[test]
fn a_conversion_that_fails_says_why_and_harms_nothing_else() {
    live("conv-fails", async |live| {
        let large = live.thing("v2", "large", json!({"pooling": true, "text": "t"}));
        live.kubectl(&["create", "-f", "-"], &large.to_string()).expect("it is created");
        // What v2 cannot hold of v1 is too large for an annotation.
        let said = live.kubectl(
            &["create", "-f", "-"],
            &live.thing("v1", "b", json!({"legacy": "x".repeat(300 << 10)})).to_string(),
        );
        let said = said.expect_err("it is refused");
        assert!(said.contains("PreservedTooLarge") && said.contains("256 KiB"), "{said}");
        // An address whose port is none: found by `ork check`, and said here.
        let said =
            live.kubectl(&["create", "-f", "-"], &live.thing("v1", "c", json!({"address": "db:http"})).to_string());
        let said = said.expect_err("it is refused");
        assert!(said.contains("expected an integer"), "{said}");
        assert_eq!(live.read("v1", "large")["spec"], json!({"text": "t"}));
        drop(live.ork);
    });
}

#[test]
fn an_old_client_that_drops_the_annotation_loses_nothing() {
    live("conv-drop", async |live| {
        live.ns.create(live.v2, json!({"metadata": {"name": "a"}, "spec": {"instances": 1, "pooling": true}})).await;
        let repairs = Kind::new("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration");
        live.ns
            .wait_until(repairs, &format!("orkestra-webhook-{}", live.ns.own()), "it is about this kind", |found| {
                found["webhooks"].to_string().contains(&live.group)
            })
            .await;
        eventually("a replace without the annotation loses nothing", SHORTLY, async || {
            // The API server learns of the configuration a moment later than we do.
            live.ns.edit(live.v2, "a", json!({"spec": {"pooling": true}})).await;
            let mut whole = live.thing("v1", "a", json!({"replicas": 2}));
            whole["metadata"]["resourceVersion"] = live.read("v1", "a")["metadata"]["resourceVersion"].clone();
            live.kubectl(&["replace", "-f", "-"], &whole.to_string())?;
            match live.read("v2", "a")["spec"].clone() {
                spec if spec == json!({"instances": 2, "pooling": true}) => Ok(()),
                spec => Err(spec.to_string()),
            }
        })
        .await;
        drop(live.ork);
    });
}

#[test]
fn who_applies_what_get_printed_neither_brings_an_old_value_back_nor_locks_others_out() {
    live("conv-getapply", async |live| {
        let apply = |manager: &str, object: &Value| {
            let manager = format!("--field-manager={manager}");
            live.kubectl(&["apply", "--server-side", &manager, "-f", "-"], &object.to_string())
        };
        // `kubectl get -o yaml | kubectl apply --server-side`, in the old version. The API server learns of the admission a moment
        // later than we do: until then it is tried with another object.
        let tries = std::sync::atomic::AtomicU32::new(0);
        let (name, mut printed) = eventually("nobody owns what is kept", SHORTLY, async || {
            let name = format!("a{}", tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            apply("first", &live.thing("v2", &name, json!({"instances": 1, "pooling": true})))?;
            let mut printed = live.read("v1", &name);
            printed["metadata"].as_object_mut().unwrap().remove("managedFields");
            assert!(printed["metadata"]["annotations"][ANNOTATION].is_string());
            apply("second", &printed)?;
            let owned = owned(&live.read("v1", &name), "second");
            match owned.iter().any(|path| path.contains(ANNOTATION)) {
                false => Ok((name, printed)),
                true => Err(format!("{owned:?}")),
            }
        })
        .await;
        assert_eq!(live.read("v2", &name)["spec"], json!({"instances": 1, "pooling": true}));
        // The first one changes what the old version cannot hold, and is not in conflict.
        apply("first", &live.thing("v2", &name, json!({"instances": 1, "pooling": false}))).expect("the first goes on");
        assert_eq!(live.read("v2", &name)["spec"], json!({"instances": 1, "pooling": false}));
        // The second applies the same text again: that is a conflict about the field, and the old value does not come back.
        printed["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        printed.as_object_mut().unwrap().remove("status");
        let said = apply("second", &printed).expect_err("it is a conflict");
        assert!(said.contains("conflict with \"first\"") && said.contains(".spec.pooling"), "{said}");
        let read = live.read("v2", &name);
        assert_eq!(read["spec"], json!({"instances": 1, "pooling": false}), "{:#}", read["metadata"]);
        drop(live.ork);
    });
}

#[test]
fn a_watch_shows_changes_in_the_version_that_it_asks_for() {
    live("conv-watch", async |live| {
        let resource = format!("things.v1.{}", live.group);
        live.ns.create(live.v2, json!({"metadata": {"name": "a"}, "spec": {"instances": 1}})).await;
        let watching = std::thread::spawn({
            let (namespace, plane) = (live.ns.name().to_owned(), live.ns.cluster().plane());
            move || {
                let arguments = [
                    "-n",
                    &namespace,
                    "get",
                    &resource,
                    "--watch",
                    "--request-timeout=8s",
                    "-o",
                    "jsonpath={.spec}{\"\\n\"}",
                ];
                // It ends by its time limit.
                match plane.kubectl(&arguments, "") {
                    Ok(text) => text,
                    Err(error) => error.to_string(),
                }
            }
        });
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        live.ns.edit(live.v2, "a", json!({"spec": {"instances": 7, "storage": {"size": "1Gi"}}})).await;
        let text =
            tokio::task::spawn_blocking(move || watching.join().expect("kubectl ran")).await.expect("it was joined");
        assert!(text.contains("{\"replicas\":7,\"storageSize\":\"1Gi\"}"), "{text}");
        drop(live.ork);
    });
}
