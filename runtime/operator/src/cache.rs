//! What the watches have seen. One store per kind and selector for the whole process, shared by all patterns.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::api::Api;
use crate::discovery::Resource;
use crate::identity::Identity;
use crate::label_index::LabelIndex;
use crate::lock;
use crate::names;
use crate::object::{Object, ObjectKey};
use crate::watch::Watch;

/// Which objects of a kind are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Selector {
    /// All of them: primaries.
    All,
    /// Those that carry the runtime's label: children.
    Children,
}

impl Selector {
    pub(crate) fn label_selector(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Children => Some(names::CHILD_SELECTOR),
        }
    }
}

/// A change that a watch has told of.
pub(crate) struct Change {
    pub(crate) before: Option<Arc<Object>>,
    pub(crate) after: Option<Arc<Object>>,
}

/// Says whether whoever listens is still there.
type Listener = Arc<dyn Fn(&Change) -> bool + Send + Sync>;

/// How far the first list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    NotYet,
    /// The runtime has no right to it. It is tried again all the same.
    Refused,
    Whole,
}

/// The objects of one kind and selector.
pub(crate) struct Store {
    pub(crate) resource: Arc<Resource>,
    objects: RwLock<Objects>,
    listeners: RwLock<Vec<Listener>>,
    listed: watch::Sender<Listed>,
    /// Why the first list could not be read when that was tried last; empty where nothing is known to be wrong.
    problem: Mutex<String>,
    /// The kind was served once and is not now.
    unserved: AtomicBool,
}

#[derive(Default)]
struct Objects {
    by_key: HashMap<ObjectKey, Arc<Object>>,
    by_owner: HashMap<Box<str>, Vec<ObjectKey>>,
    /// From the first question by labels on: most stores are never asked.
    by_label: Option<LabelIndex>,
    /// The version up to which the watch has told everything.
    reached: u128,
}

impl Objects {
    fn insert(&mut self, object: Arc<Object>) -> Option<Arc<Object>> {
        let before = self.by_key.insert(object.key.clone(), object.clone());
        if let Some(index) = &mut self.by_label {
            before.iter().for_each(|before| index.remove(before));
            index.add(&object);
        }
        if let Some(before) = &before
            && owner_of(before) != owner_of(&object)
        {
            self.unlink(before);
        }
        if let Some(owner) = owner_of(&object) {
            let keys = self.by_owner.entry(owner.into()).or_default();
            if !keys.contains(&object.key) {
                keys.push(object.key.clone());
            }
        }
        before
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<Arc<Object>> {
        let before = self.by_key.remove(key)?;
        self.by_label.iter_mut().for_each(|index| index.remove(&before));
        self.unlink(&before);
        Some(before)
    }

    fn unlink(&mut self, object: &Object) {
        let Some(owner) = owner_of(object) else { return };
        if let Some(keys) = self.by_owner.get_mut(owner) {
            keys.retain(|key| *key != object.key);
            if keys.is_empty() {
                self.by_owner.remove(owner);
            }
        }
    }
}

/// UID of the primary that an object is found by: its controller, or, where it has none, the one that our label names.
fn owner_of(object: &Object) -> Option<&str> {
    let labelled = || object.owner_uid.as_deref().filter(|_| object.managed);
    object.owner.as_ref().map(|owner| &*owner.uid).or_else(labelled)
}

impl Store {
    pub(crate) fn new(resource: Arc<Resource>) -> Self {
        Self {
            resource,
            objects: RwLock::default(),
            listeners: RwLock::default(),
            listed: watch::Sender::new(Listed::NotYet),
            problem: Mutex::default(),
            unserved: AtomicBool::new(false),
        }
    }

    /// One object, as somebody may see it.
    ///
    /// The process sees everything. The rights of an account are asked of the API server before its pattern is given
    /// anything, where accounts are in use; this is the place that all reads go through.
    pub(crate) fn get(&self, _identity: &Identity, key: &ObjectKey) -> Option<Arc<Object>> {
        lock::read(&self.objects).by_key.get(key).cloned()
    }

    /// The objects that `owner` controls, and those that nobody controls and whose label names it. In another namespace than
    /// the owner's a label has to name that, too; what says without it that it is the owner's is somebody else's, because
    /// labels and references are written by who writes the object.
    pub(crate) fn children_of(&self, _identity: &Identity, owner: &Object) -> Vec<Arc<Object>> {
        let objects = lock::read(&self.objects);
        let keys = objects.by_owner.get(&owner.uid).map(Vec::as_slice).unwrap_or_default();
        let near = |object: &Arc<Object>| {
            owner.key.namespace.is_empty()
                || object.key.namespace == owner.key.namespace
                || object.is_elsewhere_of(owner)
        };
        keys.iter().filter_map(|key| objects.by_key.get(key).cloned()).filter(near).collect()
    }

    /// The objects of one namespace, or (empty) of those that live outside of namespaces, that have all of these labels.
    pub(crate) fn with_labels(
        &self,
        _identity: &Identity,
        namespace: &str,
        labels: &[(String, String)],
    ) -> Vec<Arc<Object>> {
        let near = |object: &&Arc<Object>| *object.key.namespace == *namespace;
        if labels.is_empty() {
            return lock::read(&self.objects).by_key.values().filter(near).cloned().collect();
        }
        if lock::read(&self.objects).by_label.is_none() {
            let mut objects = lock::write(&self.objects);
            let index = LabelIndex::of(objects.by_key.values().map(Arc::as_ref));
            objects.by_label = Some(index);
        }
        let objects = lock::read(&self.objects);
        let keys = objects.by_label.as_ref().and_then(|index| index.fewest(labels)).into_iter().flatten();
        let has = |object: &&Arc<Object>| labels.iter().all(|(key, value)| object.labels().get(key) == Some(value));
        keys.filter_map(|key| objects.by_key.get(key)).filter(near).filter(has).cloned().collect()
    }

    /// All objects, for who counts them.
    pub(crate) fn all(&self) -> Vec<Arc<Object>> {
        lock::read(&self.objects).by_key.values().cloned().collect()
    }

    /// The names of all objects, or of those of one namespace where it is not empty.
    pub(crate) fn keys(&self, namespace: &str) -> Vec<ObjectKey> {
        let objects = lock::read(&self.objects);
        objects.by_key.keys().filter(|key| namespace.is_empty() || *key.namespace == *namespace).cloned().collect()
    }

    /// Whether an object with this UID is held. Looks at all of them.
    pub(crate) fn holds(&self, uid: &str) -> bool {
        lock::read(&self.objects).by_key.values().any(|object| *object.uid == *uid)
    }

    /// How many objects are held.
    pub(crate) fn len(&self) -> usize {
        lock::read(&self.objects).by_key.len()
    }

    /// Calls `listener` for every change from now on, and at least once for every object that is there, until it says `false`.
    pub(crate) fn subscribe(&self, listener: impl Fn(&Change) -> bool + Send + Sync + 'static) {
        let listener: Listener = Arc::new(listener);
        // It listens before it is shown what is there: what comes in between is told twice rather than never.
        lock::write(&self.listeners).push(listener.clone());
        let there: Vec<_> = lock::read(&self.objects).by_key.values().cloned().collect();
        for object in there {
            listener(&Change { before: None, after: Some(object) });
        }
    }

    /// Takes in the answer to a request of our own. Nobody is told, because who sent the request goes on with the
    /// answer; the watch's event for the same state is then no change.
    pub(crate) fn learn(&self, object: Object) -> Arc<Object> {
        let object = Arc::new(object);
        let mut objects = lock::write(&self.objects);
        match objects.by_key.get(&object.key) {
            Some(held) if !object.not_older_than(held) => held.clone(),
            // The watch has told of its end already: an answer that comes later must not bring it back.
            None if object.resource_version.parse::<u128>().is_ok_and(|version| version <= objects.reached) => object,
            _ => {
                objects.insert(object.clone());
                object
            }
        }
    }

    /// Takes in what a watch tells of an object that exists.
    pub(crate) fn observe(&self, object: Object) {
        let object = Arc::new(object);
        let before = {
            let mut objects = lock::write(&self.objects);
            if let Some(held) = objects.by_key.get(&object.key)
                && held.uid == object.uid
                && (held.resource_version == object.resource_version || !object.not_older_than(held))
            {
                return;
            }
            objects.insert(object.clone())
        };
        self.tell(&Change { before, after: Some(object) });
    }

    /// Takes in that an object is gone (or no longer selected), as of `last`.
    pub(crate) fn forget(&self, last: &Object) {
        let before = {
            let mut objects = lock::write(&self.objects);
            match objects.by_key.get(&last.key) {
                Some(held) if last.not_older_than(held) => objects.remove(&last.key),
                _ => None,
            }
        };
        if before.is_some() {
            self.tell(&Change { before, after: None });
        }
    }

    /// Forgets what a whole list does not hold, except for what is newer than the list.
    pub(crate) fn retain(&self, seen: &HashSet<ObjectKey>, list_version: &str) {
        let list_version = list_version.parse::<u128>().unwrap_or(u128::MAX);
        let gone: Vec<_> = {
            let mut objects = lock::write(&self.objects);
            let gone: Vec<ObjectKey> = objects
                .by_key
                .values()
                .filter(|object| !seen.contains(&object.key))
                .filter(|object| object.resource_version.parse::<u128>().is_ok_and(|version| version <= list_version))
                .map(|object| object.key.clone())
                .collect();
            gone.iter().filter_map(|key| objects.remove(key)).collect()
        };
        for before in gone {
            self.tell(&Change { before: Some(before), after: None });
        }
    }

    /// Says why the objects cannot be read at the moment.
    pub(crate) fn set_problem(&self, problem: String) {
        *lock::lock(&self.problem) = problem;
    }

    /// Says whether the API server serves the kind, as far as the watch knows.
    pub(crate) fn set_served(&self, served: bool) {
        self.unserved.store(!served, Ordering::Relaxed);
    }

    /// What keeps the store from following the cluster, in words; none where it does, or is only about to go on.
    pub(crate) fn waits_for(&self) -> Option<String> {
        if self.unserved.load(Ordering::Relaxed) {
            return Some(format!("the API server no longer serves {}", self.resource.collection("")));
        }
        if self.is_synced() {
            return None;
        }
        let list = format!("the first list of {}", self.resource.collection(""));
        match &**lock::lock(&self.problem) {
            "" => Some(list),
            problem => Some(format!("{list}: {problem}")),
        }
    }

    /// Says that the watch is about to tell what came to be at `version`, and has told all that was before. Said first,
    /// so that nothing is learned between a deletion and this.
    pub(crate) fn reached(&self, version: &str) {
        let Ok(version) = version.parse::<u128>() else { return };
        let mut objects = lock::write(&self.objects);
        objects.reached = objects.reached.max(version);
    }

    /// Says that the first whole list has been taken in.
    pub(crate) fn set_synced(&self) {
        self.listed.send_replace(Listed::Whole);
    }

    /// Says that the runtime may not read the list.
    pub(crate) fn set_refused(&self) {
        self.listed.send_if_modified(|listed| {
            let news = *listed == Listed::NotYet;
            *listed = if news { Listed::Refused } else { *listed };
            news
        });
    }

    /// Waits for the first list, or the answer that the runtime may not read it. Says which.
    pub(crate) async fn wait_listed(&self) -> bool {
        let _ = self.listed.subscribe().wait_for(|listed| *listed != Listed::NotYet).await;
        self.is_synced()
    }

    /// Whether the runtime was never allowed to read the list.
    pub(crate) fn is_refused(&self) -> bool {
        *self.listed.borrow() == Listed::Refused
    }

    /// Waits for [`Store::set_synced`].
    pub(crate) async fn wait_synced(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.listed.subscribe().wait_for(|listed| *listed == Listed::Whole).await;
    }

    /// Whether the first whole list has been taken in.
    pub(crate) fn is_synced(&self) -> bool {
        *self.listed.borrow() == Listed::Whole
    }

    fn tell(&self, change: &Change) {
        // Called without the lock, because a listener may change the store or add a listener.
        let listeners = lock::read(&self.listeners).clone();
        let gone: Vec<&Listener> = listeners.iter().filter(|listener| !listener(change)).collect();
        if !gone.is_empty() {
            lock::write(&self.listeners).retain(|known| !gone.iter().any(|gone| Arc::ptr_eq(known, gone)));
        }
    }
}

/// A store, and the watch that fills it.
type Filled = (Arc<Store>, AbortHandle);

/// All stores, each with the watch that fills it.
pub(crate) struct Cache {
    api: Api,
    namespace: String,
    stores: Mutex<HashMap<(Resource, Selector), Filled>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Cache {
    /// A cache that watches `namespace`, or everything where that is empty.
    pub(crate) fn new(api: Api, namespace: String) -> Self {
        Self { api, namespace, stores: Mutex::default(), tasks: Mutex::default() }
    }

    /// The store of a kind. The first call starts its watch, which ends with the cache.
    pub(crate) fn store(&self, resource: &Arc<Resource>, selector: Selector) -> Arc<Store> {
        let mut stores = lock::lock(&self.stores);
        let (store, _) = stores.entry((Resource::clone(resource), selector)).or_insert_with(|| {
            let store = Arc::new(Store::new(resource.clone()));
            let watch = Watch::new(self.api.clone(), store.clone(), &self.namespace, selector);
            let task = lock::lock(&self.tasks).spawn(watch.run());
            (store, task)
        });
        store.clone()
    }

    /// The store of all objects of a kind, if they are watched.
    pub(crate) fn whole(&self, group: &str, kind: &str) -> Option<Arc<Store>> {
        let stores = lock::lock(&self.stores);
        let whole = stores.iter().find(|((resource, selector), _)| {
            *selector == Selector::All && resource.group == group && resource.kind == kind
        });
        whole.map(|(_, (store, _))| store.clone())
    }

    /// Ends all watches. What is held stays readable.
    pub(crate) fn stop(&self) {
        lock::lock(&self.tasks).abort_all();
    }

    /// Every store that there is.
    pub(crate) fn stores(&self) -> Vec<Arc<Store>> {
        lock::lock(&self.stores).values().map(|(store, _)| store.clone()).collect()
    }

    /// Ends the watches of kinds that nobody uses any more, and lets go of what they held.
    pub(crate) fn retain(&self, used: impl Fn(&Resource) -> bool) {
        lock::lock(&self.stores).retain(|(resource, _), (_, watch)| {
            let used = used(resource);
            if !used {
                watch.abort();
            }
            used
        });
        // Their tasks are taken out, so that they do not add up.
        let mut tasks = lock::lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use serde_json::json;

    use super::*;

    fn object(name: &str, version: u64, owner: &str) -> Object {
        let text = json!({"metadata": {"name": name, "namespace": "n", "uid": format!("u-{name}"),
            "resourceVersion": version.to_string(),
            "ownerReferences": [{"kind": "Web", "name": "w", "uid": owner, "controller": true}]}});
        Object::parse(text.to_string().as_bytes(), "v1", "ConfigMap").unwrap()
    }

    fn store() -> (Store, Arc<AtomicUsize>) {
        let store = Store::new(Arc::new(Resource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            plural: "configmaps".to_owned(),
            namespaced: true,
            has_status: false,
        }));
        let told = Arc::new(AtomicUsize::new(0));
        let counter = told.clone();
        store.subscribe(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            true
        });
        (store, told)
    }

    #[test]
    fn who_is_gone_is_told_no_more() {
        let (store, told) = store();
        let (there, counter) = (Arc::new(()), told.clone());
        let weak = Arc::downgrade(&there);
        store.subscribe(move |_| {
            counter.fetch_add(10, Ordering::Relaxed);
            weak.upgrade().is_some()
        });
        store.observe(object("a", 1, "p"));
        drop(there);
        store.observe(object("b", 2, "p"));
        store.observe(object("c", 3, "p"));
        // Once more, to find out that it is gone.
        assert_eq!(told.load(Ordering::Relaxed), 3 + 20);
    }

    #[test]
    fn the_echo_of_an_own_write_is_no_change() {
        let (store, told) = store();
        store.learn(object("a", 5, "p"));
        store.observe(object("a", 5, "p"));
        store.observe(object("a", 4, "p"));
        assert_eq!(told.load(Ordering::Relaxed), 0);
        store.observe(object("a", 6, "p"));
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_appears_while_a_listener_is_shown_what_is_there_is_told_as_well() {
        let (store, _) = store();
        store.observe(object("a", 1, "p"));
        let store = Arc::new(store);
        let told = Arc::new(Mutex::new(Vec::new()));
        let (names, same) = (told.clone(), store.clone());
        store.subscribe(move |change| {
            let object = change.after.as_ref().unwrap();
            names.lock().unwrap().push(object.key.name.to_string());
            if &*object.key.name == "a" {
                same.observe(self::object("b", 2, "p"));
            }
            true
        });
        assert_eq!(*told.lock().unwrap(), ["a", "b"]);
    }

    #[test]
    fn an_older_answer_does_not_overwrite_a_newer_event() {
        let (store, _) = store();
        store.observe(object("a", 9, "p"));
        assert_eq!(&*store.learn(object("a", 8, "p")).resource_version, "9");
    }

    #[test]
    fn an_answer_that_comes_after_the_deletion_does_not_bring_the_object_back() {
        let (store, _) = store();
        let there = |store: &Store| store.get(&Identity::Process, &ObjectKey::new("n", "a")).is_some();
        store.observe(object("a", 5, "p"));
        store.reached("9");
        store.forget(&object("a", 9, "p"));
        store.learn(object("a", 7, "p"));
        assert!(!there(&store));
        // Made again since: the watch will get there.
        store.learn(object("a", 12, "p"));
        assert!(there(&store));
    }

    fn owner(uid: &str, namespace: &str) -> Object {
        let text = json!({"metadata": {"name": "w", "namespace": namespace, "uid": uid}});
        Object::parse(text.to_string().as_bytes(), "g/v1", "Web").unwrap()
    }

    #[test]
    fn objects_are_found_by_owner_and_follow_its_change() {
        let (store, _) = store();
        let found = |uid: &str| store.children_of(&Identity::Process, &owner(uid, "n")).len();
        store.observe(object("a", 1, "p"));
        store.observe(object("b", 2, "p"));
        assert_eq!(found("p"), 2);
        store.observe(object("a", 3, "q"));
        assert_eq!(found("p"), 1);
        store.forget(&object("a", 4, "q"));
        assert_eq!(found("q"), 0);
    }

    #[test]
    fn an_object_in_another_namespace_is_no_child_whatever_it_says() {
        let (store, _) = store();
        store.observe(object("a", 1, "p"));
        for (namespace, found) in [("n", 1), ("m", 0), ("", 1)] {
            assert_eq!(store.children_of(&Identity::Process, &owner("p", namespace)).len(), found, "{namespace:?}");
        }
    }

    #[test]
    fn a_whole_list_removes_what_it_lacks_but_not_what_is_newer() {
        let (store, told) = store();
        store.observe(object("old", 1, "p"));
        store.learn(object("new", 20, "p"));
        store.observe(object("kept", 2, "p"));
        store.retain(&HashSet::from([ObjectKey::new("n", "kept")]), "10");
        let names =
            ["old", "new", "kept"].map(|name| store.get(&Identity::Process, &ObjectKey::new("n", name)).is_some());
        assert_eq!(names, [false, true, true]);
        assert_eq!(told.load(Ordering::Relaxed), 3);
    }
}
