//! One entry of one instance at work: its queue, the stores that it reads, and what it remembers.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use crate::access::Reviews;
use crate::api::Api;
use crate::cache::{Cache, Change, Selector, Store};
use crate::discovery::{Discovery, Resource, api_version, group_kind};
use crate::error::{Error, StartError};
use crate::events::Events;
use crate::instance::{Entry, Instance};
use crate::inventory::Kind;
use crate::limit::RateLimit;
use crate::lock;
use crate::memory::Memory;
use crate::metrics::ControllerMetrics;
use crate::names;
use crate::object::{Manager, Object, ObjectKey, Owner};
use crate::queues::Queues;
use crate::reads::Reads;
use crate::recent::Recent;
use crate::run::Ceilings;
use crate::shards::{Shards, number};
use crate::standing::Standing;
use crate::unsettled::Unrest;
use crate::webhook;

/// How long a reconcile waits for the first list of a kind that it has not read before.
const SYNC_WITHIN: Duration = Duration::from_secs(30);

/// What the whole process shares.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) discovery: Discovery,
    pub(crate) cache: Cache,
    pub(crate) reviews: Reviews,
    pub(crate) events: Events,
    pub(crate) ceilings: Ceilings,
    /// Group and kind of the primaries of all entries that ever ran in this process: those of a pattern that is gone still have
    /// children.
    pub(crate) primaries: RwLock<Vec<(String, String)>>,
    /// Calls into the sandbox at the same time.
    pub(crate) calls: Arc<Semaphore>,
    /// Whether this process leads.
    pub(crate) standing: Arc<Standing>,
    /// The parts of the primaries. Where there is one, the leader holds it.
    pub(crate) shards: Arc<Shards>,
    /// Where the runtime keeps its own objects.
    pub(crate) own_namespace: String,
    /// Whether the patterns' definitions are installed by whoever leads.
    pub(crate) install_crds: bool,
    /// The webhook that converts and admits, where one is served.
    pub(crate) webhook: Option<Arc<webhook::State>>,
}

impl Shared {
    /// The store of a kind, after its first list.
    pub(crate) async fn synced_store(
        &self,
        api_version: &str,
        kind: &str,
        selector: Selector,
    ) -> Result<Arc<Store>, Error> {
        let not_served = || Error::KindNotServed { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let resource = self.discovery.find(api_version, kind).await?.ok_or_else(not_served)?;
        let store = self.cache.store(&resource, selector);
        if tokio::time::timeout(SYNC_WITHIN, store.wait_synced()).await.is_err() {
            return Err(crate::error::ApiError::TimedOut {
                what: store.waits_for().unwrap_or_else(|| format!("listing {}", resource.collection(""))),
                after: SYNC_WITHIN,
            }
            .into());
        }
        Ok(store)
    }
}

/// Why an instance does not run for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// One PascalCase word.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) message: String,
}

impl From<&StartError> for Refused {
    fn from(error: &StartError) -> Self {
        Self { reason: error.reason(), message: error.to_string() }
    }
}

/// One entry of one instance, from the start on.
pub(crate) struct EntryState {
    pub(crate) instance: Arc<Instance>,
    pub(crate) entry: Entry,
    /// `instance/entry`
    pub(crate) name: String,
    pub(crate) manager: String,
    pub(crate) queue: Queues,
    pub(crate) metrics: ControllerMetrics,
    /// What went wrong lately.
    pub(crate) recent: Recent,
    /// Writes of the whole instance.
    pub(crate) limit: Arc<RateLimit>,
    pub(crate) workers: u16,
    /// Reconciles at the same time, in all parts together.
    pub(crate) permits: Semaphore,
    /// Its definitions and kinds are written, by this process or another one, so that its primaries may be worked on.
    pub(crate) recorded: AtomicBool,
    /// All kinds that this entry ever rendered, those that it declares among them. Another process may have added some.
    pub(crate) kinds: Mutex<BTreeSet<Kind>>,
    /// Why the definitions of its instance are refused, where they are.
    pub(crate) refused: Mutex<Option<Refused>>,
    /// Its caches have read their first lists, and nothing keeps it from working while this process leads.
    pub(crate) up: AtomicBool,
    /// What it waits for while that is not so, in words.
    pub(crate) waits_for: Mutex<String>,
    /// The entry that it waits for, in words; none: it waits for none.
    pub(crate) waits_for_entry: Mutex<Option<String>>,
    /// Becomes true when its instance is replaced or taken away.
    pub(crate) dismissed: watch::Sender<bool>,
}

impl EntryState {
    /// Takes no new work.
    pub(crate) fn dismiss(&self) {
        self.dismissed.send_replace(true);
        self.queue.close();
    }

    /// Waits until the entry, or the whole process, takes no new work.
    pub(crate) async fn to_stop(&self, standing: &Standing) {
        let mut dismissed = self.dismissed.subscribe();
        tokio::select! {
            () = standing.to_stop() => {}
            // The sender lives as long as the entry.
            _ = dismissed.wait_for(|dismissed| *dismissed) => {}
        }
    }

    /// Its field manager, as children tell it.
    pub(crate) fn manager(&self) -> Manager<'_> {
        Manager { name: &self.manager, beside_others: self.is_beside_others() }
    }

    /// Whether other instances may have primaries of the same kind: it does not take all of them.
    fn is_beside_others(&self) -> bool {
        self.entry.foreign || self.entry.selector.is_some()
    }

    /// Its finalizer: one of its own where others may have theirs on the same object.
    pub(crate) fn finalizer(&self) -> Cow<'static, str> {
        self.own(names::FINALIZER)
    }

    /// The one that it had before its pattern began or ceased to select.
    pub(crate) fn former_finalizer(&self) -> Option<Cow<'static, str>> {
        match (self.entry.foreign, &self.entry.selector) {
            (true, _) => None,
            (false, Some(_)) => Some(names::FINALIZER.into()),
            (false, None) => Some(names::of_instance(&self.instance.name, names::FINALIZER).into()),
        }
    }

    /// Its annotation on a primary whose `onDelete` work has been done.
    pub(crate) fn on_delete(&self) -> Cow<'static, str> {
        self.own(names::ON_DELETE)
    }

    fn own(&self, name: &'static str) -> Cow<'static, str> {
        match self.is_beside_others() {
            true => names::of_instance(&self.instance.name, name).into(),
            false => name.into(),
        }
    }

    /// Whether a primary carries the finalizer that it has now.
    pub(crate) fn carries(&self, primary: &Object) -> bool {
        let finalizer = self.finalizer();
        primary.finalizers.iter().any(|name| **name == *finalizer)
    }

    /// Whether a primary carries one of its finalizers. One of a time without a selector, on an object that is not selected, may be
    /// another instance's.
    pub(crate) fn holds(&self, primary: &Object) -> bool {
        self.carries(primary) || self.selects(primary) && self.carries_any(primary)
    }

    /// Whether a primary carries a finalizer that is or was its own.
    pub(crate) fn carries_any(&self, primary: &Object) -> bool {
        let former = self.former_finalizer();
        self.carries(primary) || primary.finalizers.iter().any(|name| former.as_deref() == Some(&**name))
    }

    /// Whether the `onDelete` work for a primary has been done.
    pub(crate) fn has_ended(&self, primary: &Object) -> bool {
        let annotation = self.on_delete();
        primary.ended.iter().any(|name| **name == *annotation)
    }

    /// Whether an object of its kind is one of its primaries.
    pub(crate) fn selects(&self, object: &Object) -> bool {
        self.entry.selects(&self.instance.name, object)
    }

    /// Whether it uses a resource, or may still have children of it.
    pub(crate) fn uses(&self, resource: &Resource) -> bool {
        let Entry { api, children, reads, hook, .. } = &self.entry;
        let is = |version: &str, kind: &str| resource.is(version, kind);
        is(&api_version(&api.group, &api.version), &api.kind)
            || children.iter().any(|child| is(&child.api_version, &child.kind))
            || reads.iter().any(|read| is(&read.api_version, &read.kind))
            || hook.iter().flat_map(|hook| &hook.reads).any(|(version, kind)| is(version, kind))
            || lock::lock(&self.kinds).iter().any(|(version, kind)| is(version, kind))
    }

    /// Whether the pattern has a kind as it is now. What it ever rendered is in `kinds`.
    pub(crate) fn has(&self, kind: &str) -> bool {
        let Entry { api, children, reads, .. } = &self.entry;
        let primary = group_kind(&api_version(&api.group, &api.version), &api.kind);
        primary == kind
            || children.iter().any(|child| group_kind(&child.api_version, &child.kind) == kind)
            || reads.iter().any(|read| group_kind(&read.api_version, &read.kind) == kind)
    }
}

/// The same, with its primary's kind at hand.
pub(crate) struct Controller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: Arc<EntryState>,
    /// The primaries.
    pub(crate) primaries: Arc<Store>,
    /// What `.status` of the primary can hold; none: anything.
    pub(crate) status_schema: Option<Value>,
    /// What the pattern reads beside its children.
    pub(crate) reads: Reads,
    children: Mutex<HashMap<Kind, Arc<Store>>>,
    /// Primaries by UID, those with children that have no owner reference: the label of such a child names the UID alone.
    by_uid: Arc<Mutex<HashMap<Box<str>, ObjectKey>>>,
    memories: Mutex<HashMap<ObjectKey, PrimaryMemory>>,
}

impl Deref for Controller {
    type Target = EntryState;

    fn deref(&self) -> &EntryState {
        &self.state
    }
}

/// What is remembered of a primary between reconciles.
#[derive(Default)]
pub(crate) struct PrimaryMemory {
    /// A primary that was deleted and made again under its name is another one.
    pub(crate) uid: Box<str>,
    pub(crate) children: HashMap<(String, ObjectKey), Memory>,
    /// Digest of a status that the API server did not keep as it was sent.
    pub(crate) refused_status: Option<u64>,
    /// Whether it settles.
    pub(crate) unrest: Unrest,
}

impl Controller {
    pub(crate) fn new(
        shared: Arc<Shared>,
        state: Arc<EntryState>,
        primaries: Arc<Store>,
        status_schema: Option<Value>,
    ) -> Self {
        let (reads, children, by_uid, memories) =
            (Reads::default(), Mutex::default(), Arc::default(), Mutex::default());
        Self { shared, state, primaries, status_schema, reads, children, by_uid, memories }
    }

    /// The store of children of a kind. The first use starts its watch and waits for its first list, so that nothing is
    /// taken as absent that was only not read yet.
    pub(crate) async fn child_store(&self, api_version: &str, kind: &str) -> Result<Arc<Store>, Error> {
        let key = (api_version.to_owned(), kind.to_owned());
        let known = lock::lock(&self.children).get(&key).cloned();
        if let Some(store) = known {
            return Ok(store);
        }
        let store = self.synced_store(api_version, kind, Selector::Children).await?;
        let mut children = lock::lock(&self.children);
        if let Some(store) = children.get(&key) {
            return Ok(store.clone());
        }
        children.insert(key, store.clone());
        drop(children);
        self.wake_by_children(&store);
        Ok(store)
    }

    /// See [`Shared::synced_store`].
    pub(crate) async fn synced_store(
        &self,
        api_version: &str,
        kind: &str,
        selector: Selector,
    ) -> Result<Arc<Store>, Error> {
        self.shared.synced_store(api_version, kind, selector).await
    }

    /// Takes children of a kind from `store`, without a watch.
    #[cfg(test)]
    pub(crate) fn use_child_store(&self, api_version: &str, kind: &str, store: Arc<Store>) {
        lock::lock(&self.children).insert((api_version.to_owned(), kind.to_owned()), store);
    }

    /// The stores of all kinds that this entry ever rendered. A kind that is not served has no objects either; and what
    /// the runtime may not look for is left to go with its owner, where the pattern no longer has the kind: rights follow
    /// the pattern as it is.
    pub(crate) async fn child_stores(&self) -> Result<Vec<Arc<Store>>, Error> {
        let kinds = lock::lock(&self.kinds).clone();
        let mut stores: Vec<Arc<Store>> = Vec::with_capacity(kinds.len());
        for (api_version, kind) in &kinds {
            if !self.has(&group_kind(api_version, kind)) && self.is_refused(api_version, kind).await? {
                continue;
            }
            match self.child_store(api_version, kind).await {
                // Two versions of one kind hold the same objects.
                Ok(store) if stores.iter().any(|known| same_kind(known, &store)) => {}
                Ok(store) => stores.push(store),
                Err(Error::KindNotServed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stores)
    }

    /// Whether the runtime may not list the children of a kind.
    pub(crate) async fn is_refused(&self, api_version: &str, kind: &str) -> Result<bool, Error> {
        let Some(resource) = self.shared.discovery.find(api_version, kind).await? else { return Ok(false) };
        let store = self.shared.cache.store(&resource, Selector::Children);
        Ok(tokio::time::timeout(SYNC_WITHIN, store.wait_listed()).await.is_ok_and(|listed| !listed))
    }

    /// Reconciles a primary when it changes.
    pub(crate) fn wake_by_primaries(self: &Arc<Self>) {
        let state = Arc::downgrade(&self.state);
        self.primaries.subscribe(move |change: &Change| {
            let Some(state) = state.upgrade() else { return false };
            // What is not selected has nothing to be done for it, unless it was before. That a child of it is left is told by the child.
            let concerns = |object: &Arc<Object>| state.selects(object) || state.holds(object);
            if ![&change.before, &change.after].into_iter().flatten().any(concerns) {
                return true;
            }
            if let Some(object) = change.after.as_ref().or(change.before.as_ref()) {
                state.queue.add(&object.uid, &object.key);
            }
            // Made anew under its name, it may be of another part.
            if let (Some(before), Some(after)) = (&change.before, &change.after)
                && before.uid != after.uid
            {
                state.queue.add(&before.uid, &before.key);
            }
            true
        });
    }

    /// Reconciles the primaries of a namespace when what the pattern's account may see there has changed.
    pub(crate) fn wake_by_rights(self: &Arc<Self>) {
        let (state, primaries) = (Arc::downgrade(&self.state), self.primaries.clone());
        self.shared.reviews.subscribe(move |identity, namespace| {
            let Some(state) = state.upgrade() else { return false };
            if *identity == state.instance.identity {
                let there = |object: &Arc<Object>| namespace.is_empty() || *object.key.namespace == *namespace;
                for primary in primaries.all().iter().filter(|object| there(object) && state.selects(object)) {
                    state.queue.add(&primary.uid, &primary.key);
                }
            }
            true
        });
    }

    /// Reconciles the owner of a child when the child changes; the former one, too, where a change takes it away.
    fn wake_by_children(&self, store: &Arc<Store>) {
        let (state, by_uid) = (Arc::downgrade(&self.state), self.by_uid.clone());
        store.subscribe(move |change: &Change| {
            let Some(state) = state.upgrade() else { return false };
            let labelled = |object: &Object| {
                let uid = object.owner_uid.as_deref().filter(|_| object.owner.is_none())?;
                lock::lock(&by_uid).get(uid).map(|key| (uid.into(), key.clone()))
            };
            let owner = |object: &Object| owner_key(object, &state.entry.api).or_else(|| labelled(object));
            let owners = [&change.before, &change.after].map(|object| object.as_deref().and_then(owner));
            let [before, after] = owners;
            if let Some((uid, key)) = &before {
                state.queue.add(uid, key);
            }
            if let Some((uid, key)) = after.filter(|after| Some(after) != before.as_ref()) {
                state.queue.add(&uid, &key);
            }
            true
        });
    }

    /// What sends the writes for a primary: it asks whether this process holds the part that the primary is of.
    pub(crate) fn api_for(&self, primary: &Object) -> &Api {
        &self.shared.shards.of(&primary.uid).api
    }

    /// Whether a primary is of this part.
    pub(crate) fn is_of(&self, part: usize, primary: &Object) -> bool {
        number(&primary.uid, self.shared.shards.count()) == part
    }

    /// What is remembered of a primary. It is given back with [`Controller::remember`].
    pub(crate) fn recall(&self, primary: &Object) -> PrimaryMemory {
        let memory = lock::lock(&self.memories).remove(&primary.key).filter(|memory| memory.uid == primary.uid);
        memory.unwrap_or_else(|| PrimaryMemory { uid: primary.uid.clone(), ..PrimaryMemory::default() })
    }

    pub(crate) fn remember(&self, key: &ObjectKey, memory: PrimaryMemory) {
        lock::lock(&self.memories).insert(key.clone(), memory);
    }

    pub(crate) fn forget(&self, key: &ObjectKey) {
        lock::lock(&self.memories).remove(key);
        lock::lock(&self.by_uid).retain(|_, known| known != key);
        self.reads.forget(key);
    }

    /// Lets the changes of children that have no owner reference wake this primary.
    pub(crate) fn find_by_uid(&self, primary: &Object) {
        lock::lock(&self.by_uid).insert(primary.uid.clone(), primary.key.clone());
    }

    /// Whether a primary with this UID may be there: a watch knows it, or one that could has not read its list yet.
    pub(crate) fn primary_lives(&self, uid: &str) -> bool {
        let Shared { cache, primaries, .. } = &*self.shared;
        let unread = |(group, kind): &(String, String)| cache.whole(group, kind).is_none_or(|store| !store.is_synced());
        self.primaries.holds(uid)
            || cache.stores().iter().any(|store| store.holds(uid))
            || lock::read(primaries).iter().any(unread)
    }
}

fn same_kind(a: &Store, b: &Store) -> bool {
    a.resource.group == b.resource.group && a.resource.kind == b.resource.kind
}

/// The primary of this kind that controls `object`, by UID and name. The version does not matter: it is one object in all of them.
fn owner_key(object: &Object, api: &crate::instance::Api) -> Option<(Box<str>, ObjectKey)> {
    let Owner { api_version, kind, name, uid } = object.owner.as_ref()?;
    let (group, _) = crate::discovery::split_api_version(api_version);
    let namespace = if api.namespaced { &*object.key.namespace } else { "" };
    (group == api.group && **kind == *api.kind).then(|| (uid.clone(), ObjectKey::new(namespace, name)))
}
