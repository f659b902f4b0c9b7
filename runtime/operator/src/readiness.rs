//! Whether a child is ready, by the rules of kstatus for its kind. Pure: an object in, a verdict out.

use serde_json::Value;

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It is as it should be.
    Ready,
    /// Its controller is at work; the text says what is waited for.
    Progressing(String),
    /// Its controller has given up, or a person must help.
    Failed(String),
}

use Readiness::{Failed, Progressing, Ready};

/// Judges an object, whole as the API server sent it.
pub fn readiness(object: &Value) -> Readiness {
    let at = |pointer: &str| object.pointer(pointer);
    if at("/metadata/deletionTimestamp").is_some() {
        return Progressing("it is being deleted".to_owned());
    }
    let generation = at("/metadata/generation").and_then(Value::as_i64);
    let observed = at("/status/observedGeneration").and_then(Value::as_i64);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        return Progressing("its controller has not seen the last change".to_owned());
    }
    if let Some(condition) = condition(object, "Stalled").filter(|c| c.is("True")) {
        return Failed(condition.message());
    }
    if let Some(condition) = condition(object, "Reconciling").filter(|c| c.is("True")) {
        return Progressing(condition.message());
    }
    let group =
        at("/apiVersion").and_then(Value::as_str).and_then(|v| v.split_once('/')).map_or("", |(group, _)| group);
    match (group, at("/kind").and_then(Value::as_str).unwrap_or_default()) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") => replica_set(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("policy", "PodDisruptionBudget") => disruption_budget(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => by_condition(object),
    }
}

/// Judges an object that is there to come to an end: a Job or a Pod. Other kinds have none, and are judged as ever.
pub(crate) fn completion(object: &Value) -> Readiness {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let ended = match (text("/apiVersion"), text("/kind")) {
        ("batch/v1", "Job") => condition(object, "Complete").is_some_and(|condition| condition.is("True")),
        ("v1", "Pod") => text("/status/phase") == "Succeeded",
        _ => return readiness(object),
    };
    match readiness(object) {
        Ready if !ended => Progressing("it has not come to its end yet".to_owned()),
        other => other,
    }
}

/// Judges a child: its pattern's own answer to `readyWhen` goes before the rules for its kind.
pub(crate) fn of_child(answer: Option<bool>, object: &Value) -> Readiness {
    match answer {
        Some(true) => Ready,
        Some(false) => Progressing("its readyWhen does not hold yet".to_owned()),
        None => readiness(object),
    }
}

struct Condition<'a>(&'a Value);

impl Condition<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is(&self, status: &str) -> bool {
        self.text("status") == status
    }

    fn message(&self) -> String {
        let (reason, message) = (self.text("reason"), self.text("message"));
        match (reason.is_empty(), message.is_empty()) {
            (_, true) => reason.to_owned(),
            (true, false) => message.to_owned(),
            (false, false) => format!("{reason}: {message}"),
        }
    }
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<Condition<'a>> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(name)).map(Condition)
}

/// A count in the object; the API leaves zeros out.
fn count(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn wanted_replicas(object: &Value) -> i64 {
    object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
}

fn seen(object: &Value) -> bool {
    object.pointer("/status/observedGeneration").is_some()
}

const UNSEEN: &str = "its controller has not seen it yet";

/// The first of the counts that is not reached.
fn counts(checks: &[(i64, i64, &str)]) -> Readiness {
    match checks.iter().find(|(have, want, _)| have < want) {
        Some((have, want, what)) => Progressing(format!("{have} of {want} {what}")),
        None => Ready,
    }
}

fn deployment(object: &Value) -> Readiness {
    if let Some(condition) = condition(object, "Progressing")
        && condition.text("reason") == "ProgressDeadlineExceeded"
    {
        return Failed(condition.message());
    }
    if !seen(object) {
        return Progressing(UNSEEN.to_owned());
    }
    let want = wanted_replicas(object);
    let (all, updated) = (count(object, "/status/replicas"), count(object, "/status/updatedReplicas"));
    if all > updated && updated >= want {
        return Progressing(format!("{} old replicas are to end", all - updated));
    }
    counts(&[
        (updated, want, "replicas updated"),
        (count(object, "/status/availableReplicas"), want, "replicas available"),
        (count(object, "/status/readyReplicas"), want, "replicas ready"),
    ])
}

fn stateful_set(object: &Value) -> Readiness {
    if !seen(object) {
        return Progressing(UNSEEN.to_owned());
    }
    let want = wanted_replicas(object);
    let ready = counts(&[
        (count(object, "/status/replicas"), want, "replicas created"),
        (count(object, "/status/readyReplicas"), want, "replicas ready"),
    ]);
    if ready != Ready || object.pointer("/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete") {
        return ready;
    }
    if count(object, "/status/replicas") > want {
        return Progressing(format!("{} replicas are to end", count(object, "/status/replicas") - want));
    }
    let partition = count(object, "/spec/updateStrategy/rollingUpdate/partition");
    let (current, update) = (object.pointer("/status/currentRevision"), object.pointer("/status/updateRevision"));
    if partition > 0 {
        return counts(&[(count(object, "/status/updatedReplicas"), want - partition, "replicas updated")]);
    }
    if current != update {
        return counts(&[(count(object, "/status/updatedReplicas"), want, "replicas updated")]);
    }
    Ready
}

fn daemon_set(object: &Value) -> Readiness {
    if !seen(object) {
        return Progressing(UNSEEN.to_owned());
    }
    let want = count(object, "/status/desiredNumberScheduled");
    counts(&[
        (count(object, "/status/currentNumberScheduled"), want, "nodes scheduled"),
        (count(object, "/status/updatedNumberScheduled"), want, "pods updated"),
        (count(object, "/status/numberAvailable"), want, "pods available"),
        (count(object, "/status/numberReady"), want, "pods ready"),
    ])
}

fn replica_set(object: &Value) -> Readiness {
    if !seen(object) {
        return Progressing(UNSEEN.to_owned());
    }
    if let Some(condition) = condition(object, "ReplicaFailure").filter(|c| c.is("True")) {
        return Progressing(condition.message());
    }
    let want = wanted_replicas(object);
    counts(&[
        (count(object, "/status/availableReplicas"), want, "replicas available"),
        (count(object, "/status/readyReplicas"), want, "replicas ready"),
    ])
}

fn job(object: &Value) -> Readiness {
    if let Some(condition) = condition(object, "Failed").filter(|c| c.is("True")) {
        return Failed(condition.message());
    }
    // A job that runs is as it should be; who waits for its end says so with `readyWhen`.
    match object.pointer("/status/startTime") {
        Some(_) => Ready,
        None => Progressing("it has not started".to_owned()),
    }
}

fn pod(object: &Value) -> Readiness {
    match object.pointer("/status/phase").and_then(Value::as_str) {
        Some("Succeeded") => Ready,
        Some("Failed") => Failed("the pod failed".to_owned()),
        Some("Running") => match condition(object, "Ready") {
            Some(condition) if condition.is("True") => Ready,
            _ if crash_loops(object) => Failed("a container crashes again and again".to_owned()),
            _ => Progressing("it runs and is not ready yet".to_owned()),
        },
        Some("Pending") => match condition(object, "PodScheduled").filter(|c| c.is("False")) {
            Some(condition) => Progressing(condition.message()),
            None => Progressing("it is pending".to_owned()),
        },
        _ => Progressing("its phase is not known".to_owned()),
    }
}

fn crash_loops(pod: &Value) -> bool {
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let waits =
        |status: &Value| status.pointer("/state/waiting/reason").and_then(Value::as_str) == Some("CrashLoopBackOff");
    statuses.is_some_and(|statuses| statuses.iter().any(waits))
}

fn claim(object: &Value) -> Readiness {
    match object.pointer("/status/phase").and_then(Value::as_str) {
        Some("Bound") => Ready,
        _ => Progressing("the claim is not bound".to_owned()),
    }
}

fn service(object: &Value) -> Readiness {
    let balancer = object.pointer("/spec/type").and_then(Value::as_str) == Some("LoadBalancer");
    let address = object.pointer("/spec/clusterIP").and_then(Value::as_str).unwrap_or_default();
    match balancer && address.is_empty() {
        true => Progressing("it has no address yet".to_owned()),
        false => Ready,
    }
}

fn disruption_budget(object: &Value) -> Readiness {
    if seen(object) { Ready } else { Progressing(UNSEEN.to_owned()) }
}

fn definition(object: &Value) -> Readiness {
    if let Some(condition) = condition(object, "NamesAccepted").filter(|c| c.is("False")) {
        return Failed(condition.message());
    }
    match condition(object, "Established") {
        Some(condition) if condition.is("True") => Ready,
        _ => Progressing("it is not established".to_owned()),
    }
}

/// Where no rule is known, a `Ready` condition decides if there is one.
fn by_condition(object: &Value) -> Readiness {
    match condition(object, "Ready") {
        Some(condition) if !condition.is("True") => Progressing(condition.message()),
        _ => Ready,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An object of the kind, at generation 1 and seen by its controller.
    fn object(api_version: &str, kind: &str, spec: Value, status: Value) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"generation": 1}, "spec": spec, "status": status});
        if matches!(api_version, "apps/v1" | "policy/v1") {
            object["status"]["observedGeneration"] = 1.into();
        }
        object
    }

    fn state(object: &Value) -> &'static str {
        match readiness(object) {
            Ready => "ready",
            Progressing(_) => "progressing",
            Failed(_) => "failed",
        }
    }

    #[test]
    fn each_kind_by_its_own_rule() {
        let conditions = |kind: &str, status: &str, reason: &str| json!({"conditions": [{"type": kind, "status": status, "reason": reason}]});
        let full = json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2});
        let half = json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1, "readyReplicas": 1});
        let old = json!({"replicas": 3, "updatedReplicas": 2, "availableReplicas": 3, "readyReplicas": 3});
        let nodes = |ready: i64| json!({"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": ready, "numberReady": ready});
        let two = json!({"replicas": 2});
        for (api_version, kind, spec, status, expected) in [
            ("apps/v1", "Deployment", two.clone(), full.clone(), "ready"),
            ("apps/v1", "Deployment", two.clone(), half.clone(), "progressing"),
            ("apps/v1", "Deployment", two.clone(), old, "progressing"),
            ("apps/v1", "Deployment", json!({"replicas": 0}), json!({}), "ready"),
            ("apps/v1", "Deployment", json!({}), json!({}), "progressing"),
            (
                "apps/v1",
                "Deployment",
                two.clone(),
                conditions("Progressing", "False", "ProgressDeadlineExceeded"),
                "failed",
            ),
            ("apps/v1", "StatefulSet", two.clone(), full.clone(), "ready"),
            ("apps/v1", "StatefulSet", two.clone(), half.clone(), "progressing"),
            (
                "apps/v1",
                "StatefulSet",
                two.clone(),
                json!({"replicas": 2, "readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}),
                "progressing",
            ),
            ("apps/v1", "DaemonSet", json!({}), nodes(2), "ready"),
            ("apps/v1", "DaemonSet", json!({}), nodes(1), "progressing"),
            ("apps/v1", "ReplicaSet", two.clone(), full, "ready"),
            ("apps/v1", "ReplicaSet", two, half, "progressing"),
            ("batch/v1", "Job", json!({}), json!({"startTime": "x"}), "ready"),
            ("batch/v1", "Job", json!({}), json!({}), "progressing"),
            ("batch/v1", "Job", json!({}), conditions("Failed", "True", "BackoffLimitExceeded"), "failed"),
            (
                "v1",
                "Pod",
                json!({}),
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
                "ready",
            ),
            ("v1", "Pod", json!({}), json!({"phase": "Running"}), "progressing"),
            (
                "v1",
                "Pod",
                json!({}),
                json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
                "failed",
            ),
            ("v1", "Pod", json!({}), json!({"phase": "Succeeded"}), "ready"),
            ("v1", "Pod", json!({}), json!({"phase": "Failed"}), "failed"),
            ("v1", "PersistentVolumeClaim", json!({}), json!({"phase": "Bound"}), "ready"),
            ("v1", "PersistentVolumeClaim", json!({}), json!({"phase": "Pending"}), "progressing"),
            ("v1", "Service", json!({"type": "ClusterIP"}), json!({}), "ready"),
            ("v1", "Service", json!({"type": "LoadBalancer"}), json!({}), "progressing"),
            ("policy/v1", "PodDisruptionBudget", json!({}), json!({}), "ready"),
            ("v1", "ConfigMap", json!({}), json!({}), "ready"),
            ("example.com/v1", "Thing", json!({}), conditions("Ready", "False", "Working"), "progressing"),
            ("example.com/v1", "Thing", json!({}), conditions("Ready", "True", "Ok"), "ready"),
            ("example.com/v1", "Thing", json!({}), conditions("Stalled", "True", "Broken"), "failed"),
            ("example.com/v1", "Deployment", json!({}), json!({}), "ready"),
        ] {
            let object = object(api_version, kind, spec, status);
            assert_eq!(state(&object), expected, "{object}");
        }
    }

    #[test]
    fn an_unseen_change_and_a_deletion_are_progress() {
        let mut behind = object("example.com/v1", "Thing", json!({}), json!({"observedGeneration": 1}));
        behind["metadata"]["generation"] = 2.into();
        assert_eq!(state(&behind), "progressing");
        let mut leaving = object("v1", "ConfigMap", json!({}), json!({}));
        leaving["metadata"]["deletionTimestamp"] = "x".into();
        assert_eq!(state(&leaving), "progressing");
    }

    #[test]
    fn the_text_says_what_is_waited_for() {
        let half = object("apps/v1", "StatefulSet", json!({"replicas": 3}), json!({"replicas": 3, "readyReplicas": 1}));
        assert_eq!(readiness(&half), Progressing("1 of 3 replicas ready".to_owned()));
    }
}
