//! From a running runtime to the document that tells of it: from caches and counters alone, without a request.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::document::{Document, Entry, Health, Pattern, Process, Reconciles, Resources, State, Trouble};
use crate::about::{Broken, Digests, Text};
use crate::cache::Store;
use crate::controller::EntryState;
use crate::events::timestamp;
use crate::identity::Identity;
use crate::instance::{Api, Entry as Declared, Instance};
use crate::lock;
use crate::object::{Object, ObjectKey, Progress};
use crate::run::Handle;

/// The document as of now.
pub(crate) fn gather(handle: &Handle) -> Document {
    let mut patterns = Vec::new();
    let stores = handle.stores();
    let (shards, shards_held) = handle.shards();
    let all = handle.fleet.entries();
    for instance in handle.fleet.instances() {
        let entries: Vec<_> = all.iter().filter(|entry| entry.instance.name == instance.name).collect();
        patterns.push(pattern(&instance, &entries, &stores, handle));
    }
    patterns.extend(lock::read(&handle.broken).iter().map(broken));
    Document {
        api_version: Document::API_VERSION,
        kind: Document::KIND,
        time: timestamp(jiff::Timestamp::now()),
        runtime: Process {
            version: env!("CARGO_PKG_VERSION"),
            leads: handle.is_leader(),
            shards,
            shards_held,
            leader: handle.leader().map(Text::from),
            ready: handle.is_ready(),
            waits_for: handle.waits_for().into_iter().map(Text::from).collect(),
        },
        patterns,
    }
}

fn pattern(instance: &Instance, states: &[&Arc<EntryState>], stores: &[Arc<Store>], handle: &Handle) -> Pattern {
    let about = &instance.about;
    let entries: Vec<Entry> = states.iter().map(|state| entry(state, handle)).collect();
    Pattern {
        name: instance.name.as_str().into(),
        version: Some(about.version.clone()),
        from: Some(about.from.clone()),
        digests: about.digests.clone(),
        account: match &instance.identity {
            Identity::Process => None,
            Identity::ServiceAccount { namespace, name } => Some(format!("{namespace}/{name}").into()),
        },
        health: health(states, stores, &entries, &handle.shards().1),
        entries,
        capabilities: about.capabilities.clone(),
        rights: about.rights.clone(),
        not_given: about.not_given.clone(),
    }
}

fn broken(broken: &Broken) -> Pattern {
    Pattern {
        name: broken.name.as_str().into(),
        version: None,
        from: None,
        digests: Digests::default(),
        account: None,
        health: Health {
            state: State::Broken,
            reason: broken.reason.into(),
            message: broken.message.clone(),
            mend: broken.mend.clone(),
        },
        entries: Vec::new(),
        capabilities: broken.denied.clone(),
        rights: Vec::new(),
        not_given: Vec::new(),
    }
}

/// The worst of what can be said.
fn health(states: &[&Arc<EntryState>], stores: &[Arc<Store>], entries: &[Entry], held: &[usize]) -> Health {
    let say = |state, reason: &str, message: String| Health {
        state,
        reason: reason.into(),
        message: message.into(),
        mend: None,
    };
    if let Some(refused) = states.iter().find_map(|state| lock::lock(&state.refused).clone()) {
        return say(State::Broken, refused.reason, refused.message);
    }
    if let Some(state) = states.iter().find(|state| !state.up.load(Ordering::Relaxed)) {
        let message = format!("{}: {}", state.entry.name, lock::lock(&state.waits_for));
        return say(State::Waiting, "NotStarted", message);
    }
    if let Some((state, waits)) =
        states.iter().find_map(|state| Some((state, lock::lock(&state.waits_for_entry).clone()?)))
    {
        return say(State::Waiting, "WaitingForEntry", format!("{}: {waits}", state.entry.name));
    }
    let its = |store: &&Arc<Store>| states.iter().any(|state| state.has(&store.resource.group_kind()));
    if let Some(waits) = stores.iter().filter(its).find_map(|store| store.waits_for()) {
        return say(State::Waiting, "NotWatched", waits);
    }
    let (failed, total) = entries
        .iter()
        .fold((0, 0), |(failed, total), entry| (failed + entry.resources.failed, total + entry.resources.total));
    let unhealthy = states.iter().find_map(|state| Some((state, state.unhealthy(held)?)));
    if let Some((state, unhealthy)) = unhealthy.filter(|_| failed == 0) {
        return say(State::Degraded, unhealthy.reason(), format!("{}: {unhealthy}", state.entry.name));
    }
    match failed {
        0 => say(State::Ready, "Ready", String::new()),
        1 => say(State::Degraded, "ResourcesFail", format!("1 of {total} needs help")),
        _ => say(State::Degraded, "ResourcesFail", format!("{failed} of {total} need help")),
    }
}

fn entry(state: &Arc<EntryState>, handle: &Handle) -> Entry {
    let Api { group, version, kind, .. } = &state.entry.api;
    let [success, requeue_after, error] = state.metrics.outcomes();
    let primaries = handle.fleet.shared.cache.whole(group, kind);
    let (_, held) = handle.shards();
    let points = state.instance.about.hook_points.get(&state.entry.name);
    Entry {
        name: state.entry.name.as_str().into(),
        group: group.as_str().into(),
        kind: kind.as_str().into(),
        version: version.as_str().into(),
        versions: versions(&state.instance.crds, &state.entry.api),
        workers: state.workers,
        active: state.metrics.active.load(Ordering::Relaxed),
        queue: state.queue.depth(&held),
        reconciles: Reconciles { success, requeue_after, error },
        resources: primaries
            .map(|primaries| {
                count(&state.entry, |object| state.selects(object), &primaries, &state.queue.failing(&held))
            })
            .unwrap_or_default(),
        errors: state.recent.all().into_iter().map(trouble).collect(),
        hook_points: points.cloned().unwrap_or_default(),
    }
}

fn trouble(trouble: crate::recent::Trouble) -> Trouble {
    Trouble {
        time: timestamp(trouble.time),
        count: trouble.count,
        resource: trouble.key.to_string().into(),
        reason: trouble.reason.into(),
        message: trouble.message,
    }
}

/// Counts resources. `failing` are those whose last reconcile failed, whatever they say of themselves. What others' objects say
/// of themselves is not about the pattern.
fn count(
    entry: &Declared,
    selects: impl Fn(&Object) -> bool,
    primaries: &Store,
    failing: &HashSet<ObjectKey>,
) -> Resources {
    let mut counted = Resources::default();
    for object in primaries.all().iter().filter(|object| selects(object)) {
        let progress = match failing.contains(&object.key) {
            true => Progress::Failed,
            false if entry.foreign => Progress::Ready,
            false => object.progress(),
        };
        counted.total += 1;
        match progress {
            Progress::Ready => counted.ready += 1,
            Progress::Progressing => counted.not_ready += 1,
            Progress::Failed => {
                counted.not_ready += 1;
                counted.failed += 1;
            }
        }
    }
    counted
}

/// The served versions of a kind; the one that is used, where no definition is at hand.
fn versions(crds: &[Value], api: &Api) -> Vec<Text> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let defines = |crd: &&Value| {
        text(crd, "/spec/group").as_deref() == Some(&api.group)
            && text(crd, "/spec/names/kind").as_deref() == Some(&api.kind)
    };
    let all = crds.iter().find(defines).and_then(|crd| crd.pointer("/spec/versions")).and_then(Value::as_array);
    let served = all.into_iter().flatten().filter(|version| version.pointer("/served") == Some(&Value::Bool(true)));
    let mut names: BTreeSet<String> = served.filter_map(|version| text(version, "/name")).collect();
    if names.is_empty() {
        names.insert(api.version.clone());
    }
    names.into_iter().map(Text::from).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::about::Capability;
    use crate::reconcile_tests::{object, store};

    #[test]
    fn resources_are_counted_by_what_they_say_and_by_what_became_of_them() {
        let store = store("g", "Web", "webs");
        let web = |name: &str, conditions: Value| {
            let value = json!({"metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": "1"},
                "status": {"conditions": conditions}});
            store.observe(object(&value, "g/v1", "Web"));
        };
        web("ready", json!([{"type": "Ready", "status": "True"}]));
        web("on-its-way", json!([{"type": "Ready", "status": "False"}, {"type": "Reconciling", "status": "True"}]));
        web("stalled", json!([{"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True"}]));
        web("other", json!([{"type": "Ready", "status": "True"}]));
        // What it says of itself is of the time before its reconcile failed.
        web("failing", json!([{"type": "Ready", "status": "True"}]));
        let failing = HashSet::from([ObjectKey::new("n", "failing")]);
        let entry = Declared::of_webs(Vec::new());
        let counted = count(&entry, |object| *object.key.name != *"other", &store, &failing);
        assert_eq!(counted, Resources { total: 4, ready: 1, not_ready: 3, failed: 2 });
        // What others say of their objects is not about what is made for them.
        let decorated = count(&Declared { foreign: true, ..entry }, |_| true, &store, &failing);
        assert_eq!(decorated, Resources { total: 5, ready: 4, not_ready: 1, failed: 1 });
    }

    #[test]
    fn versions_are_those_that_are_served() {
        let api = Api {
            group: "g".to_owned(),
            version: "v2".to_owned(),
            kind: "Web".to_owned(),
            plural: "webs".to_owned(),
            namespaced: true,
        };
        let crd = json!({"spec": {"group": "g", "names": {"kind": "Web"}, "versions": [
            {"name": "v1", "served": true}, {"name": "v2", "served": true}, {"name": "v0", "served": false}]}});
        assert_eq!(versions(&[crd], &api), ["v1".into(), "v2".into()]);
        assert_eq!(versions(&[], &api), ["v2".into()]);
    }

    #[test]
    fn what_does_not_run_says_why_and_how_to_mend_it() {
        let told = broken(&Broken {
            name: "shop\u{202e}".to_owned(),
            reason: "CapabilityDenied",
            message: "no".into(),
            mend: Some("grant it".into()),
            denied: vec![Capability { name: "code".into(), granted: false, reasons: Vec::new() }],
        });
        assert_eq!(told.capabilities.len(), 1);
        assert_eq!((told.name.as_str(), told.health.state), ("shop\\u{202e}", State::Broken));
        assert_eq!(told.health.mend.map(|mend| mend.as_str().to_owned()).as_deref(), Some("grant it"));
    }
}
