//! Each kind against each way to change it by hand: editors are put back by one write, and what another applier or a
//! scaler holds is theirs.

use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, DEPLOYMENT, Kind, Namespace, SECRET, SERVICE, STATEFUL_SET};
use serde_json::{Value, json};

use crate::fixture::{NO_RESYNC, Running, WEB, instance, message_of, options, ready_web, together};
use crate::repair::repaired;

const MATRIX: &str = include_str!("matrix.yaml");
const QUIET: Duration = Duration::from_millis(400);

/// A kind, its object, a field that the pattern sets, and another value for it.
struct Row {
    kind: Kind,
    name: &'static str,
    /// As a JSON pointer, and as the API server writes the path.
    pointer: &'static str,
    field: &'static str,
    other: Value,
}

fn rows() -> Vec<Row> {
    let image = "/spec/template/spec/containers/0/image";
    let field = |name: &str| match name {
        "a-app" => ".spec.template.spec.containers[name=\"app\"].image",
        _ => ".spec.template.spec.containers[name=\"db\"].image",
    };
    let workload =
        |kind, name| Row { kind, name, pointer: image, field: field(name), other: json!("example.org/other:2") };
    vec![
        workload(DEPLOYMENT, "a-app"),
        workload(STATEFUL_SET, "a-db"),
        Row {
            kind: SERVICE,
            name: "a-svc",
            pointer: "/spec/sessionAffinity",
            field: ".spec.sessionAffinity",
            other: json!("ClientIP"),
        },
        Row { kind: CONFIG_MAP, name: "a-config", pointer: "/data/text", field: ".data.text", other: json!("edited") },
        Row { kind: SECRET, name: "a-secret", pointer: "/data/text", field: ".data.text", other: json!("ZWRpdGVk") },
    ]
}

async fn kubectl(ns: &Namespace, arguments: &[&str], input: &str) -> String {
    let mut all: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    all.extend(["-n".to_owned(), ns.name().to_owned()]);
    let (plane, input) = (ns.cluster().plane(), input.to_owned());
    let run = move || plane.kubectl(&all.iter().map(String::as_str).collect::<Vec<_>>(), &input);
    tokio::task::spawn_blocking(run).await.expect("kubectl was run").unwrap_or_else(|error| panic!("{error}"))
}

fn with(object: &Value, pointer: &str, value: &Value) -> Value {
    let mut changed = object.clone();
    *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} in {object}")) = value.clone();
    changed
}

#[test]
fn editors_are_put_back_by_one_write_and_appliers_are_left_alone() {
    together("matrix", async |ns| {
        let running = Running::start_with(&ns, instance(MATRIX, NO_RESYNC), options(&ns)).await;
        ready_web(&ns, "a", json!({"replicas": 1})).await;
        for Row { kind, name, pointer, field, other } in rows() {
            let plural = kind.kind.to_lowercase();
            let wanted = ns.get(kind, name).await.pointer(pointer).cloned();
            let back = |object: &Value| object.pointer(pointer) == wanted.as_ref();

            // `kubectl edit` sends the object as the editor left it.
            let edit = async || {
                let edited = with(&ns.get(kind, name).await, pointer, &other);
                kubectl(&ns, &["replace", "--field-manager=kubectl-edit", "-f", "-"], &edited.to_string()).await;
            };
            repaired(&ns, kind, name, &format!("{plural}: edit"), edit, back).await;

            let patch = async || {
                let patch = json!([{"op": "replace", "path": pointer, "value": other}]).to_string();
                kubectl(&ns, &["patch", &plural, name, "--type=json", "-p", &patch], "").await;
            };
            repaired(&ns, kind, name, &format!("{plural}: patch"), patch, back).await;

            let mark = ns.settled(QUIET).await;
            let whole = ns.get(kind, name).await;
            let mut theirs = json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}});
            match pointer.strip_prefix("/spec/template") {
                // A list of containers is a map by name.
                Some(_) => {
                    let container = &whole["spec"]["template"]["spec"]["containers"][0]["name"];
                    theirs["spec"]["template"]["spec"]["containers"] = json!([{"name": container, "image": other}]);
                }
                None => {
                    let steps: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
                    theirs[steps[0]][steps[1]] = other.clone();
                }
            }
            let arguments = ["apply", "--server-side", "--field-manager=gitops", "--force-conflicts", "-f", "-"];
            kubectl(&ns, &arguments, &theirs.to_string()).await;
            let told = format!("{}: {field} is held by \"gitops\"", name.trim_start_matches("a-"));
            let says = |web: &Value| message_of(web, "Conflicted").replace("\\\"", "\"").contains(&told);
            ns.wait_until(WEB, "a", &told, says).await;
            ns.settled(QUIET).await;
            assert_eq!(ns.get(kind, name).await.pointer(pointer), Some(&other), "{plural}: theirs stays");
            let writes = ns.writes_since(mark).await;
            let taken = writes.iter().filter(|write| {
                write.name.as_deref() == Some(name)
                    && write.code < 300
                    && write.user != "system:kube-controller-manager"
            });
            let ours = taken.filter(|write| write.impersonated.is_some()).count();
            // What is left to them is left out of what we apply, once.
            assert!(ours <= 1, "{plural}: {writes:#?}");
        }
        running.stop().await;
    });
}

#[test]
fn replicas_are_the_scalers_as_long_as_it_holds_them() {
    together("matrix-scale", async |ns| {
        let running = Running::start_with(&ns, instance(MATRIX, NO_RESYNC), options(&ns)).await;
        ready_web(&ns, "a", json!({"replicas": 1})).await;
        for (kind, name) in [(DEPLOYMENT, "a-app"), (STATEFUL_SET, "a-db")] {
            let target = format!("{}/{name}", kind.kind.to_lowercase());
            for replicas in [2, 3] {
                kubectl(&ns, &["scale", &target, &format!("--replicas={replicas}")], "").await;
                let says = |web: &Value| {
                    message_of(web, "Conflicted")
                        .contains(&format!("{}: .spec.replicas", if name == "a-app" { "app" } else { "db" }))
                };
                ns.wait_until(WEB, "a", &format!("{target}: the scaler is told"), says).await;
                ns.settled(QUIET).await;
                assert_eq!(ns.get(kind, name).await["spec"]["replicas"], replicas);
            }
            // Everything else of the object is still ours.
            let image = "/spec/template/spec/containers/0/image";
            let wanted = ns.get(kind, name).await.pointer(image).cloned();
            let edit = async || {
                let patch = json!([{"op": "replace", "path": image, "value": "example.org/other:3"}]).to_string();
                kubectl(&ns, &["patch", &target, "--type=json", "-p", &patch], "").await;
            };
            repaired(&ns, kind, name, &format!("{target}: edited while scaled"), edit, |object| {
                object.pointer(image) == wanted.as_ref()
            })
            .await;
            assert_eq!(ns.get(kind, name).await["spec"]["replicas"], 3);
        }
        running.stop().await;
    });
}
