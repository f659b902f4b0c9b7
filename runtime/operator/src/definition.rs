//! CustomResourceDefinitions of the patterns: installed, waited for, and never changed against what is stored.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Map, Value, json};

use crate::api::{APPLY, Answer, Api, Call, read_as};
use crate::definition_change::breaking;
use crate::desired::with_hash;
use crate::error::{ApiError, StartError};
use crate::identity::Identity;
use crate::instance::{self, Entry};
use crate::komposer;
use crate::names;
use crate::webhook::{Pointer, withdraw, without_others};

/// How long a definition may take until it is established.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);
/// How often a definition is looked at anew that comes or goes between a look and a write.
const ATTEMPTS: usize = 4;
/// Groups that belong to Kubernetes itself.
const RESERVED_GROUPS: [&str; 2] = ["k8s.io", "kubernetes.io"];

const COLLECTION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// What is applied for a pattern's definition: group, names, scope and versions, and no more.
///
/// # Errors
///
/// `InvalidInstance` for a definition that asks for more, or in a group of Kubernetes' own.
pub(crate) fn prepare(instance: &str, given: &Value) -> Result<(String, Value), StartError> {
    let invalid = |message: String| StartError::Invalid { instance: instance.to_owned(), message };
    let text = |pointer: &str| {
        let found = given.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| {
            invalid(format!("crd.yaml: {} is missing", pointer.trim_start_matches('/').replace('/', ".")))
        })
    };
    let (group, plural) = (text("/spec/group")?, text("/spec/names/plural")?);
    let reserved = |suffix: &&str| group == *suffix || group.ends_with(&format!(".{suffix}"));
    if let Some(suffix) = RESERVED_GROUPS.iter().find(|suffix| reserved(suffix)) {
        return Err(invalid(format!("crd.yaml: group {group:?} is below {suffix:?}, which belongs to Kubernetes")));
    }
    if group == komposer::GROUP {
        return Err(invalid(format!("crd.yaml: group {group:?} is that of Komposers")));
    }
    if given.pointer("/spec/conversion/strategy").and_then(Value::as_str).is_some_and(|strategy| strategy != "None") {
        return Err(invalid("crd.yaml: spec.conversion is written by the runtime; leave it out".to_owned()));
    }
    let mut spec = Map::new();
    for name in ["group", "names", "scope", "versions"] {
        if let Some(value) = given.pointer(&format!("/spec/{name}")) {
            spec.insert(name.to_owned(), value.clone());
        }
    }
    let name = format!("{plural}.{group}");
    let body = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "labels": {names::MANAGED_BY: names::MANAGED_BY_VALUE, names::PATTERN: instance}},
        "spec": spec,
    });
    Ok((name, body))
}

/// Makes a definition so and waits until it is established. Writes nothing where it is so already, nor to a definition that is not
/// ours.
///
/// `pointer`: what it says of the webhook, where its versions are converted. A definition points at the webhook before it has a
/// second version, so that the API server never takes an object of one version for one of another.
pub(crate) async fn install(
    api: &Api,
    instance: &str,
    given: &Value,
    pointer: Option<&Pointer>,
) -> Result<(), StartError> {
    let (name, body) = prepare(instance, given)?;
    let path = format!("{COLLECTION}/{name}");
    let (mut sent, hash) = with_hash(&body);
    for _ in 0..ATTEMPTS {
        let Some(answer) = api.get_optional(&Identity::Process, &path).await? else {
            let first = match pointer {
                Some(_) => with_hash(&without_others(&body)).0,
                None => sent.clone(),
            };
            match create(api, &path, &first).await? {
                true => {
                    tracing::info!(crd = %name, instance, "definition created");
                    if pointer.is_none() {
                        return wait_established(api, &name).await;
                    }
                    continue;
                }
                // Somebody else was faster: whose it is now is looked at anew.
                false => continue,
            }
        };
        let live: Value = read_as(&answer.body, || format!("GET {path}"))?;
        ours(&live, &name, instance)?;
        let annotations = live.pointer("/metadata/annotations");
        let applied = annotations.and_then(|annotations| annotations.get(names::APPLIED)).and_then(Value::as_str);
        if let Some(pointer) = pointer
            && pointer.put(api, &live, &path).await?
        {
            tracing::info!(crd = %name, instance, "points at the webhook");
        }
        if applied == Some(&hash) && same_versions(&live, &body) {
            return settled(api, &name, &live, pointer).await;
        }
        let changes = breaking(&live, &body);
        if !changes.is_empty() {
            return Err(StartError::BreakingChange { name, changes });
        }
        sent["metadata"]["uid"] = live.pointer("/metadata/uid").cloned().unwrap_or(Value::Null);
        // The label says that the definition is ours, so a hand edit of it is drift.
        apply(api, &format!("{path}?fieldManager={}&force=true", names::RUNTIME_MANAGER), &sent).await?;
        tracing::info!(crd = %name, instance, "definition applied");
        return settled(api, &name, &live, pointer).await;
    }
    let (what, message) =
        (format!("installing {name:?}"), "it comes and goes faster than it can be looked at".to_owned());
    Err(ApiError::Unreachable { what, message }.into())
}

/// What is left to do when a definition has its versions.
async fn settled(api: &Api, name: &str, live: &Value, pointer: Option<&Pointer>) -> Result<(), StartError> {
    if pointer.is_none() {
        withdraw(api, live, &format!("{COLLECTION}/{name}")).await?;
    }
    wait_established(api, name).await
}

/// Fails for a definition that another instance or anybody else brought.
fn ours(live: &Value, name: &str, instance: &str) -> Result<(), StartError> {
    let labels = live.pointer("/metadata/labels");
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).and_then(Value::as_str);
    let not_ours = |owner: String| Err(StartError::CrdNotOurs { name: name.to_owned(), owner });
    match (label(names::MANAGED_BY), label(names::PATTERN)) {
        (Some(names::MANAGED_BY_VALUE), Some(other)) if other != instance => {
            not_ours(format!("it belongs to instance {other:?}"))
        }
        (Some(names::MANAGED_BY_VALUE), _) => Ok(()),
        (Some(by), _) => not_ours(format!("managed by {by:?}")),
        (None, _) => not_ours("no label says whose it is".to_owned()),
    }
}

/// Makes a definition where a look has found none. False: there is one now, and it is as it was.
async fn create(api: &Api, path: &str, body: &Value) -> Result<bool, StartError> {
    // Without force: what stands in a definition that was made since the look is not taken over.
    let path = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
    let answer = match apply(api, &path, body).await {
        Err(error) if error.code() == Some(409) => return Ok(false),
        answer => answer?,
    };
    // 200 says that it was there. Alone with us in it, it is an earlier request of ours that came late.
    let live: Value = read_as(&answer.body, || format!("PATCH {path}"))?;
    if answer.code != 200 || !shared(&live) {
        return Ok(true);
    }
    let mut nothing =
        json!({"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"name": body["metadata"]["name"]}});
    nothing["metadata"]["uid"] = live.pointer("/metadata/uid").cloned().unwrap_or(Value::Null);
    apply(api, &path, &nothing).await?;
    Ok(false)
}

/// Whether anybody but us wrote to a definition. The API server alone writes its status.
fn shared(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry.get("manager").and_then(Value::as_str) != Some(names::RUNTIME_MANAGER)
            && entry.get("subresource").and_then(Value::as_str) != Some("status")
    })
}

async fn apply(api: &Api, path: &str, body: &Value) -> Result<Answer, ApiError> {
    let body = body.to_string().into_bytes();
    api.call(Call { identity: &Identity::Process, method: Method::PATCH, path, content_type: APPLY, body }).await
}

/// The schema of `.status` in the live definition of an entry's kind; none where there is no such definition, or where nothing is
/// written into the status because the kind is another's.
pub(crate) async fn status_schema(api: &Api, entry: &Entry) -> Result<Option<Value>, StartError> {
    if entry.foreign {
        return Ok(None);
    }
    let instance::Api { group, plural, version, .. } = &entry.api;
    let path = format!("{COLLECTION}/{plural}.{group}");
    let Some(answer) = api.get_optional(&Identity::Process, &path).await? else { return Ok(None) };
    let live: Value = read_as(&answer.body, || format!("GET {path}"))?;
    let versions = live.pointer("/spec/versions").and_then(Value::as_array);
    let found =
        versions.and_then(|versions| versions.iter().find(|item| item.get("name") == Some(&version.as_str().into())));
    let Some(schema) = found.and_then(|version| version.pointer("/schema/openAPIV3Schema")) else { return Ok(None) };
    let keeps_all = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    let status = schema.pointer("/properties/status").cloned();
    // No status in the schema: it can hold nothing.
    Ok(status.or_else(|| (!keeps_all).then(|| json!({"type": "object"}))))
}

/// Whether the live definition has the schemas that we want: the hash alone would not see a hand edit.
fn same_versions(live: &Value, wanted: &Value) -> bool {
    fn contains(live: &Value, wanted: &Value) -> bool {
        match (live, wanted) {
            (Value::Object(live), Value::Object(wanted)) => {
                wanted.iter().all(|(name, wanted)| live.get(name).is_some_and(|live| contains(live, wanted)))
            }
            (Value::Array(live), Value::Array(wanted)) => {
                live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| contains(live, wanted))
            }
            _ => crate::status::same(live, wanted),
        }
    }
    let versions = |definition: &Value| definition.pointer("/spec/versions").cloned().unwrap_or(Value::Null);
    contains(&versions(live), &versions(wanted))
}

async fn wait_established(api: &Api, name: &str) -> Result<(), StartError> {
    if api.rehearsal().is_some() {
        return Ok(());
    }
    let path = format!("{COLLECTION}/{name}");
    let start = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        let answer = api.get(&Identity::Process, &path).await?;
        let live: Value = read_as(&answer.body, || format!("GET {path}"))?;
        let conditions = live.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        let of = |kind: &str| conditions.iter().find(|condition| condition.get("type") == Some(&kind.into()));
        let status = |kind: &str| of(kind).and_then(|condition| condition.get("status")).and_then(Value::as_str);
        if status("Established") == Some("True") {
            return Ok(());
        }
        let refused = status("NamesAccepted") == Some("False");
        if refused || start.elapsed() > ESTABLISHED_WITHIN {
            let kind = if refused { "NamesAccepted" } else { "Established" };
            let message = of(kind).and_then(|condition| condition.get("message")).and_then(Value::as_str);
            let message = message.unwrap_or("it has no conditions yet").to_owned();
            return Err(StartError::NotEstablished { name: name.to_owned(), message });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Value {
        json!({"metadata": {"name": "x", "annotations": {"a": "b"}, "labels": {"c": "d"}},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "webs", "kind": "Web"},
                "versions": [], "preserveUnknownFields": true, "conversion": {"strategy": "None"}},
            "status": {}})
    }

    #[test]
    fn a_definition_gives_group_names_scope_and_versions_only() {
        let (name, body) = prepare("shop", &given()).unwrap();
        assert_eq!(name, "webs.example.com");
        assert_eq!(
            body,
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "webs.example.com", "labels": {"app.kubernetes.io/managed-by": "orkestra",
                    "orkestra.orkspace.io/pattern": "shop"}},
                "spec": {"group": "example.com", "names": {"plural": "webs", "kind": "Web"}, "scope": "Namespaced", "versions": []}})
        );
    }

    #[test]
    fn groups_of_kubernetes_and_webhooks_are_refused() {
        for group in ["k8s.io", "apps.k8s.io", "x.kubernetes.io"] {
            let mut definition = given();
            definition["spec"]["group"] = group.into();
            assert_eq!(prepare("shop", &definition).unwrap_err().reason(), "InvalidInstance", "{group}");
        }
        let mut definition = given();
        definition["spec"]["group"] = "notk8s.io".into();
        assert!(prepare("shop", &definition).is_ok());
        definition["spec"]["conversion"] = json!({"strategy": "Webhook"});
        assert!(prepare("shop", &definition).is_err());
    }

    /// A definition of the API server, with who wrote to it.
    fn live(labels: Value, managers: &[&str]) -> Value {
        let mut fields: Vec<_> = managers.iter().map(|manager| json!({"manager": manager})).collect();
        fields.push(json!({"manager": "kube-apiserver", "subresource": "status"}));
        json!({"metadata": {"uid": "u", "labels": labels, "managedFields": fields},
            "spec": {"versions": []}, "status": {"conditions": [{"type": "Established", "status": "True"}]}})
    }

    async fn install_with(answers: Vec<(u16, Value)>) -> (Result<(), StartError>, Vec<(String, Value)>) {
        let server = crate::scripted::Scripted::new(answers);
        let result = install(&server.api(), "shop", &given(), None).await;
        (result, server.asked())
    }

    #[tokio::test]
    async fn a_definition_that_somebody_else_makes_at_the_same_moment_is_theirs() {
        let ours = || json!({"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/pattern": "shop"});
        let (none, theirs) = ((404, json!({})), || (200, live(json!({}), &["kubectl"])));
        // Other values than theirs are a conflict, as nothing is forced.
        let (result, asked) = install_with(vec![none.clone(), (409, json!({})), theirs()]).await;
        assert_eq!(result.unwrap_err().reason(), "CrdNotOurs");
        assert!(asked.iter().all(|(line, _)| !line.contains("force")), "{asked:?}");
        // The same values are shared with them, and are given back.
        let shared = (200, live(ours(), &["kubectl", names::RUNTIME_MANAGER]));
        let (result, asked) = install_with(vec![none.clone(), shared, theirs(), theirs()]).await;
        assert_eq!(result.unwrap_err().reason(), "CrdNotOurs");
        let given_back = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "webs.example.com", "uid": "u"}});
        assert_eq!(asked[2].1, given_back);
        // Made by us, now or by a request that came late.
        for code in [200, 201] {
            let made = live(ours(), &[names::RUNTIME_MANAGER]);
            let (result, _) = install_with(vec![none.clone(), (code, made.clone()), (200, made)]).await;
            assert!(result.is_ok(), "{result:?}");
        }
    }

    #[tokio::test]
    async fn a_definition_that_is_not_ours_is_only_read() {
        for labels in [
            json!({}),
            json!({"app.kubernetes.io/managed-by": "Helm"}),
            json!({"app.kubernetes.io/managed-by": "orkestra", "orkestra.orkspace.io/pattern": "another"}),
        ] {
            let (result, asked) = install_with(vec![(200, live(labels, &["helm"]))]).await;
            assert_eq!(result.unwrap_err().reason(), "CrdNotOurs");
            assert_eq!(asked.len(), 1, "{asked:?}");
        }
    }

    #[test]
    fn a_hand_edit_of_a_schema_is_seen_and_defaults_are_not_edits() {
        let wanted = json!({"spec": {"versions": [{"name": "v1", "schema": {"a": 1}}]}});
        let defaulted = json!({"spec": {"versions": [{"name": "v1", "deprecated": false, "schema": {"a": 1}}]}});
        let edited = json!({"spec": {"versions": [{"name": "v1", "schema": {"a": 2}}]}});
        assert!(same_versions(&defaulted, &wanted));
        assert!(!same_versions(&edited, &wanted));
    }
}
