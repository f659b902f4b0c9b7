//! Objects of others that a pattern looks at. A plan says which it wants; the host finds them in its cache, as far as the
//! pattern's account may see them, and makes the plan again with them. They are never written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use orkestra_sandbox::{Read, WantedRead};

use crate::access::Look;
use crate::cache::{Change, Selector, Store};
use crate::conditions::Problem;
use crate::controller::Controller;
use crate::desired::check_segment;
use crate::error::Error;
use crate::identity::Identity;
use crate::instance::{DeclaredRead, Entry};
use crate::inventory::Kind;
use crate::json::digest64;
use crate::lock;
use crate::object::{Object, ObjectKey};

/// How often a plan is made with the reads that the one before asked for.
pub(crate) const ROUNDS: usize = 3;
/// The most labels of one read.
const MOST_LABELS: usize = 16;
/// The most objects that one read may match.
const MOST_OBJECTS: usize = 500;

/// The reads of one entry: the stores that they come from, and which primary wants which.
#[derive(Default)]
pub(crate) struct Reads {
    stores: Mutex<HashMap<Kind, Arc<Store>>>,
    wants: Arc<Mutex<Wants>>,
}

/// What a plan was made from beside its primary and children, and what it was not shown.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// Changes with every object that it read.
    pub(crate) digest: u64,
    /// What the account may not see.
    pub(crate) hidden: Vec<Error>,
    /// Reads that are not there and are waited for.
    pub(crate) waiting: Vec<Problem>,
}

/// The wants of all primaries, found from what they want.
#[derive(Default)]
struct Wants {
    by_primary: HashMap<ObjectKey, Vec<Want>>,
    by_object: HashMap<ByName, HashSet<ObjectKey>>,
    by_namespace: HashMap<ByLabels, HashSet<ObjectKey>>,
}

/// The object that is wanted by its name.
type ByName = (Kind, ObjectKey);
/// The namespace in which objects are wanted by their labels.
type ByLabels = (Kind, Arc<str>);

/// One want, with what the host adds to it.
#[derive(Debug, Clone)]
struct Want {
    wanted: WantedRead,
    kind: Kind,
    /// Empty for a kind outside of namespaces.
    namespace: Arc<str>,
}

impl Reads {
    /// What the last plan for a primary wanted.
    pub(crate) fn last_wants(&self, primary: &ObjectKey) -> Vec<WantedRead> {
        let wants = lock::lock(&self.wants);
        let wants = wants.by_primary.get(primary).map(Vec::as_slice).unwrap_or_default();
        wants.iter().map(|want| want.wanted.clone()).collect()
    }

    /// Forgets a primary that is gone.
    pub(crate) fn forget(&self, primary: &ObjectKey) {
        lock::lock(&self.wants).set(primary, Vec::new());
    }

    /// Takes objects of a kind from `store`, without a watch.
    #[cfg(test)]
    pub(crate) fn use_store(&self, controller: &Controller, kind: Kind, store: Arc<Store>) {
        self.wake_by(controller, &kind, &store);
        lock::lock(&self.stores).insert(kind, store);
    }

    /// The store of a kind. The first use starts its watch and waits for its first list.
    pub(crate) async fn store(&self, controller: &Controller, kind: &Kind) -> Result<Arc<Store>, Error> {
        let known = lock::lock(&self.stores).get(kind).cloned();
        if let Some(store) = known {
            return Ok(store);
        }
        let store = controller.synced_store(&kind.0, &kind.1, Selector::All).await?;
        let mut stores = lock::lock(&self.stores);
        if let Some(store) = stores.get(kind) {
            return Ok(store.clone());
        }
        stores.insert(kind.clone(), store.clone());
        drop(stores);
        self.wake_by(controller, kind, &store);
        Ok(store)
    }

    /// Reconciles the primaries that want an object when it comes, changes or goes.
    fn wake_by(&self, controller: &Controller, kind: &Kind, store: &Store) {
        let (state, wants, kind) = (Arc::downgrade(&controller.state), self.wants.clone(), kind.clone());
        let primaries = controller.primaries.clone();
        store.subscribe(move |change: &Change| {
            let Some(state) = state.upgrade() else { return false };
            let woken = lock::lock(&wants).of(&kind, change);
            // One that is gone has put itself in line.
            for primary in woken.iter().filter_map(|key| primaries.get(&Identity::Process, key)) {
                state.queue.add(&primary.uid, &primary.key);
            }
            true
        });
    }
}

impl Wants {
    fn set(&mut self, primary: &ObjectKey, wants: Vec<Want>) {
        for want in self.by_primary.remove(primary).unwrap_or_default() {
            let (object, namespace) = want.places();
            remove(&mut self.by_object, object, primary);
            remove(&mut self.by_namespace, namespace, primary);
        }
        for want in &wants {
            let (object, namespace) = want.places();
            if let Some(object) = object {
                self.by_object.entry(object).or_default().insert(primary.clone());
            }
            if let Some(namespace) = namespace {
                self.by_namespace.entry(namespace).or_default().insert(primary.clone());
            }
        }
        if !wants.is_empty() {
            self.by_primary.insert(primary.clone(), wants);
        }
    }

    /// The primaries that a change concerns.
    fn of(&self, kind: &Kind, change: &Change) -> Vec<ObjectKey> {
        let Some(object) = change.after.as_ref().or(change.before.as_ref()) else { return Vec::new() };
        let by_name = self.by_object.get(&(kind.clone(), object.key.clone()));
        let mut woken: HashSet<&ObjectKey> = by_name.into_iter().flatten().collect();
        if let Some(primaries) = self.by_namespace.get(&(kind.clone(), object.key.namespace.clone())) {
            let labels = [&change.before, &change.after].map(|object| object.as_ref().map(|object| object.labels()));
            let labels: Vec<_> = labels.into_iter().flatten().collect();
            for primary in primaries {
                let wants = self.by_primary.get(primary).map(Vec::as_slice).unwrap_or_default();
                let selected = |want: &Want| {
                    want.wanted.name.is_none()
                        && want.kind == *kind
                        && labels.iter().any(|labels| matches(&want.wanted, labels))
                };
                if wants.iter().any(selected) {
                    woken.insert(primary);
                }
            }
        }
        woken.into_iter().cloned().collect()
    }
}

impl Want {
    /// Where a change of what is wanted is looked up: the object, or the namespace of those with labels.
    fn places(&self) -> (Option<ByName>, Option<ByLabels>) {
        match &self.wanted.name {
            Some(name) => (Some((self.kind.clone(), ObjectKey::new(&self.namespace, name))), None),
            None => (None, Some((self.kind.clone(), self.namespace.clone()))),
        }
    }
}

fn remove<K: std::hash::Hash + Eq>(index: &mut HashMap<K, HashSet<ObjectKey>>, key: Option<K>, primary: &ObjectKey) {
    let Some(key) = key else { return };
    if let Some(primaries) = index.get_mut(&key) {
        primaries.remove(primary);
        if primaries.is_empty() {
            index.remove(&key);
        }
    }
}

/// Checks what a plan wants to read, before anything is looked for.
///
/// # Errors
///
/// `UndeclaredRead`, or `InvalidRead` for a name or labels that no object can have.
pub(crate) fn check(entry: &Entry, wanted: &[WantedRead]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for want in wanted {
        declaration(entry, &want.id)?;
        let invalid = |message: String| Error::InvalidRead { id: want.id.clone(), message };
        if !seen.insert(&want.id) {
            return Err(invalid("the plan asks for it twice".to_owned()));
        }
        match &want.name {
            Some(name) => check_segment("name", name).map_err(invalid)?,
            None => check_labels(want).map_err(invalid)?,
        }
        if let Some(namespace) = &want.namespace {
            check_segment("namespace", namespace).map_err(invalid)?;
        }
    }
    Ok(())
}

fn declaration<'a>(entry: &'a Entry, id: &str) -> Result<&'a DeclaredRead, Error> {
    let found = entry.reads.iter().find(|read| read.id == id);
    found.ok_or_else(|| Error::UndeclaredRead { id: id.to_owned() })
}

fn check_labels(want: &WantedRead) -> Result<(), String> {
    let values = want.requirements.iter().map(|requirement| requirement.values.len().max(1)).sum::<usize>();
    let count = want.labels.len() + values;
    if count > MOST_LABELS {
        return Err(format!("{count} labels, at most {MOST_LABELS} can be asked for"));
    }
    let word = |text: &str, most: usize| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        text.len() <= most && text.chars().all(plain) && edge(text.chars().next()) && edge(text.chars().last())
    };
    let labels = want.labels.iter().map(|(key, value)| (key, value.as_str()));
    let required = want.requirements.iter().flat_map(|requirement| {
        let values = requirement.values.iter().map(String::as_str);
        // A key is looked at also where it has no values.
        values.chain([""]).map(|value| (&requirement.key, value))
    });
    for (key, value) in labels.chain(required) {
        let (prefix, name) = key.split_once('/').map_or((None, &**key), |(prefix, name)| (Some(prefix), name));
        if !word(name, 63) || prefix.is_some_and(|prefix| !word(prefix, 253)) {
            return Err(format!("{:?} is no label", start(key)));
        }
        if !value.is_empty() && !word(value, 63) {
            return Err(format!("label {key:?}: {:?} is no label's value", start(value)));
        }
    }
    Ok(())
}

fn start(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Finds what `wanted` asks for, as far as the pattern's account may see it. What is wanted is remembered first, so that
/// no change is lost that comes while it is looked for.
///
/// # Errors
///
/// Wants that are not valid, a kind that is not served, or an API server that does not answer.
pub(crate) async fn supply(
    controller: &Controller,
    primary: &Object,
    wanted: &[WantedRead],
) -> Result<(Vec<Read>, Given), Error> {
    check(&controller.entry, wanted)?;
    let mut found = Vec::new();
    for want in wanted {
        let declared = declaration(&controller.entry, &want.id)?;
        let kind = (declared.api_version.clone(), declared.kind.clone());
        let store = match controller.reads.store(controller, &kind).await {
            Ok(store) => Some(store),
            Err(Error::KindNotServed { .. }) if declared.optional => None,
            Err(error) => return Err(error),
        };
        let namespaced = store.as_ref().is_some_and(|store| store.resource.namespaced);
        let namespace = namespace_of(controller, primary, declared, want, namespaced)?;
        found.push((declared, store, Want { wanted: want.clone(), kind, namespace }));
    }
    let wants = found.iter().map(|(_, _, want)| want.clone()).collect();
    lock::lock(&controller.reads.wants).set(&primary.key, wants);
    let mut reads = Vec::with_capacity(found.len());
    let mut given = Given::default();
    for (declared, store, want) in found {
        let objects = match store {
            None => Vec::new(),
            Some(store) => match look(controller, &store, &want).await {
                Ok(objects) => objects,
                // Whether it is there is not told either.
                Err(error @ Error::Forbidden { .. }) => {
                    given.hidden.push(error);
                    reads.push(Read { id: want.wanted.id, objects: Vec::new() });
                    continue;
                }
                Err(error) => return Err(error),
            },
        };
        if let (Some(name), true, false) = (&want.wanted.name, objects.is_empty(), declared.optional) {
            given.waiting.push(missing(declared, name));
        }
        for object in &objects {
            let state = format!("{}/{}/{}", declared.id, object.uid, object.resource_version);
            given.digest = given.digest.rotate_left(5) ^ digest64(state.as_bytes());
        }
        let objects = objects.iter().map(|object| object.json.as_bytes().to_vec()).collect();
        reads.push(Read { id: want.wanted.id, objects });
    }
    Ok((reads, given))
}

/// The namespace of what is wanted; empty for a kind outside of namespaces.
fn namespace_of(
    controller: &Controller,
    primary: &Object,
    declared: &DeclaredRead,
    want: &WantedRead,
    namespaced: bool,
) -> Result<Arc<str>, Error> {
    let invalid = |message: String| Error::InvalidRead { id: want.id.clone(), message };
    let own = &primary.key.namespace;
    match (namespaced, &want.namespace) {
        (false, _) => Ok(Arc::from("")),
        (true, None) if own.is_empty() => {
            Err(invalid(format!("{} lives in namespaces, and the resource has none to share", declared.kind)))
        }
        (true, None) => Ok(own.clone()),
        (true, Some(given)) if **own == **given => Ok(own.clone()),
        (true, Some(given)) if own.is_empty() || declared.elsewhere => {
            controller.shared.reviews.namespace(given)?;
            controller.entry.running.namespace(given)?;
            Ok(Arc::from(given.as_str()))
        }
        (true, Some(given)) => {
            Err(invalid(format!("namespace {given:?} found; what a resource in {:?} reads lies there", &**own)))
        }
    }
}

/// What a read that is not optional and whose object does not exist means for the primary.
pub(crate) fn missing(declared: &DeclaredRead, name: &str) -> Problem {
    Problem {
        reason: "WaitingForRead".to_owned(),
        message: format!("read {:?}: {} {name:?} does not exist yet", declared.id, declared.kind),
        transient: true,
    }
}

/// The objects of one want, sorted by name.
async fn look(controller: &Controller, store: &Store, want: &Want) -> Result<Vec<Arc<Object>>, Error> {
    let identity = &controller.instance.identity;
    let Want { wanted, kind: _, namespace } = want;
    let reviews = &controller.shared.reviews;
    if let Some(name) = &wanted.name {
        reviews.see(identity, Look::Get, &store.resource, namespace, name).await?;
        return Ok(store.get(identity, &ObjectKey::new(namespace, name)).into_iter().collect());
    }
    reviews.see(identity, Look::List, &store.resource, namespace, "").await?;
    let mut objects = store.with_labels(identity, namespace, &wanted.labels);
    objects.retain(|object| matches(wanted, object.labels()));
    if objects.len() > MOST_OBJECTS {
        let message = format!(
            "{} objects have its labels, at most {MOST_OBJECTS} can be looked at; use more labels",
            objects.len()
        );
        return Err(Error::InvalidRead { id: wanted.id.clone(), message });
    }
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(objects)
}

fn matches(wanted: &WantedRead, labels: &BTreeMap<String, String>) -> bool {
    wanted.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && wanted.requirements.iter().all(|required| required.is_met_by(labels.get(&required.key).map(String::as_str)))
}
