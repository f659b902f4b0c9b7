//! One child made so: nothing where it is so already, else one server-side apply.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{Answer, Api, read_as};
use crate::cache::Store;
use crate::claim::{Claim, Claimant};
use crate::conflict::{Contested, judge, managed_entries};
use crate::desired::{Desired, with_hash};
use crate::error::{ApiError, Error};
use crate::identity::Identity;
use crate::instance::ChildPolicy;
use crate::limit::RateLimit;
use crate::managed_fields::covers;
use crate::memory::Memory;
use crate::names;
use crate::object::Object;
use crate::prune::{self, Propagation};
use crate::secret::has_all_keys;
use crate::trace::Writes;

/// How often a child is looked at anew when it changes between a look and a write.
const ATTEMPTS: usize = 4;

/// What became of a child.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) object: Arc<Object>,
    pub(crate) wrote: bool,
    /// It was not there before.
    pub(crate) created: bool,
    /// It was nobody's before.
    pub(crate) adopted: bool,
    /// The immutable fields for which it was deleted and created again.
    pub(crate) recreated: Vec<String>,
    /// Fields that were taken back from whoever edited them.
    pub(crate) drift: Vec<Contested>,
    /// Fields that are left to others.
    pub(crate) conflicts: Vec<Contested>,
}

impl Applied {
    /// An object that nothing was written to.
    pub(crate) fn as_it_is(object: Arc<Object>, conflicts: Vec<Contested>) -> Self {
        let (recreated, drift) = (Vec::new(), Vec::new());
        Self { object, wrote: false, created: false, adopted: false, recreated, drift, conflicts }
    }
}

/// Applies the children of one primary.
pub(crate) struct Applier<'a> {
    pub(crate) api: &'a Api,
    pub(crate) limit: &'a RateLimit,
    pub(crate) identity: &'a Identity,
    pub(crate) claimant: Claimant<'a>,
    pub(crate) writes: Writes,
}

/// An object that exists, and by what right it is written to.
#[derive(Clone, Copy)]
pub(crate) struct Claimed<'a> {
    live: &'a Arc<Object>,
    claim: Claim,
}

/// The answer to an apply.
pub(crate) enum Sent {
    /// It was taken.
    Answer(Answer),
    /// Fields that others hold.
    Contested(Vec<String>),
    /// The object is not the one that was looked at any more.
    Stale,
}

impl Applier<'_> {
    /// Makes `desired` so.
    pub(crate) async fn apply(&self, store: &Store, desired: &Desired, memory: &mut Memory) -> Result<Applied, Error> {
        let mut held = store.get(self.identity, &desired.key);
        for _ in 0..ATTEMPTS {
            // The cache shows only what carries our label: what it lacks may be there all the same.
            let live = match held.take() {
                Some(object) => Some(object),
                None => self.look(store, desired).await?.map(|(object, _)| object),
            };
            let Some(live) = live else {
                match self.create(store, desired, memory).await? {
                    Some(applied) => return Ok(applied),
                    None => continue,
                }
            };
            if memory.intruded.as_ref() == Some(&live.uid) {
                self.take_back(store, desired, &live, memory).await?;
                continue;
            }
            let claim = self.claimant.claim(desired, &live)?;
            if live.deleting {
                return Err(Error::Terminating { kind: desired.kind.clone(), name: desired.key.name.to_string() });
            }
            let claimed = Claimed { live: &live, claim };
            if !is_corrected(desired, claimed) {
                match self.mark(store, desired, &live).await? {
                    Some(applied) => return Ok(applied),
                    None => continue,
                }
            }
            match self.update(store, desired, claimed, memory).await {
                Ok(Some(applied)) => return Ok(applied),
                Ok(None) => {}
                Err(Error::ImmutableField { fields, .. }) if desired.recreate => {
                    let propagation = Propagation::Background;
                    prune::delete(self.api, self.limit, self.identity, store, &live, propagation).await?;
                    if let Some(rehearsal) = self.api.rehearsal() {
                        let path = store.resource.object(&desired.key.namespace, &desired.key.name);
                        rehearsal.note_anew(&path, &desired.body);
                        return Ok(Applied::as_it_is(live, memory.contested()));
                    }
                    memory.recreating = fields;
                }
                Err(error) => return Err(error),
            }
        }
        Err(ApiError::Unreachable {
            what: format!("applying {} {}", desired.kind, desired.key),
            message: "it changes faster than it can be applied".to_owned(),
        }
        .into())
    }

    /// The object as it is now, and the bytes that say who owns its fields. Of a Secret that is not the primary's and
    /// cannot become its own, only the metadata is asked for.
    pub(crate) async fn look(&self, store: &Store, desired: &Desired) -> Result<Option<(Arc<Object>, Vec<u8>)>, Error> {
        let path = store.resource.object(&desired.key.namespace, &desired.key.name);
        if desired.is_secret() {
            let Some(answer) = self.api.get_metadata(self.identity, &path).await? else { return Ok(None) };
            let object = parse(&answer.body, desired)?;
            if self.claimant.claim(desired, &object).is_err() {
                return Ok(Some((Arc::new(object), answer.body)));
            }
        }
        let Some(answer) = self.api.get_optional(self.identity, &path).await? else { return Ok(None) };
        let object = parse(&answer.body, desired)?;
        let object = if object.managed { store.learn(object) } else { Arc::new(object) };
        Ok(Some((object, answer.body)))
    }

    /// The first apply of a name that a live read found free. None: it was not free any more.
    async fn create(&self, store: &Store, desired: &Desired, memory: &mut Memory) -> Result<Option<Applied>, Error> {
        memory.begin_anew();
        let mut body = desired.body.clone();
        desired.generated.complete(&mut body, None, Timestamp::now())?;
        let (body, hash) = with_hash(&body);
        if desired.is_secret() {
            // Somebody else's Secret must not even for a moment be one that carries our labels: then it would be read.
            let Some(object) = self.create_secret(store, desired, &body).await? else { return Ok(None) };
            let applied = self.wrote(store, object, &body, hash, memory, Vec::new());
            return Ok(Some(Applied { created: true, ..applied }));
        }
        let answer = match self.send(store, desired, &body, "").await? {
            Sent::Answer(answer) => answer,
            Sent::Contested(_) | Sent::Stale => return Ok(None),
        };
        let object = parse(&answer.body, desired)?;
        // 200 says that it was there already. Alone with us in it, it is an earlier request of ours that came late.
        let ours = object.belongs_to(self.claimant.owner, self.claimant.manager);
        if answer.code == 200 && (object.others != 0 || !ours) {
            self.take_back(store, desired, &object, memory).await?;
            // It may be one to adopt, which is not for here to say.
            return Ok(None);
        }
        let applied = self.wrote(store, object, &body, hash, memory, Vec::new());
        Ok(Some(Applied { created: true, ..applied }))
    }

    /// Gives up all fields that we own in an object that turned out to be somebody else's. Where that fails it is tried
    /// again before anything else is done about the object.
    async fn take_back(
        &self,
        store: &Store,
        desired: &Desired,
        object: &Object,
        memory: &mut Memory,
    ) -> Result<(), Error> {
        memory.intruded = Some(object.uid.clone());
        let mut body = json!({
            "apiVersion": desired.api_version, "kind": desired.kind,
            "metadata": {"name": &*desired.key.name, "uid": &*object.uid},
        });
        if !desired.key.namespace.is_empty() {
            body["metadata"]["namespace"] = (&*desired.key.namespace).into();
        }
        self.send(store, desired, &body, "").await?;
        memory.intruded = None;
        Ok(())
    }

    /// Leaves an object that is only ever made as it is, but for the marks by which it is found and by which it goes or
    /// stays when its owner does: what the pattern says of that holds for what exists, too. None: it has changed.
    async fn mark(&self, store: &Store, desired: &Desired, live: &Arc<Object>) -> Result<Option<Applied>, Error> {
        let Some(mut body) = marks(desired, live, self.claimant.owner) else {
            return Ok(Some(Applied::as_it_is(live.clone(), Vec::new())));
        };
        bind(&mut body, live, true);
        let Some(object) = self.patch(store, desired, &body).await? else { return Ok(None) };
        Ok(Some(Applied { wrote: true, ..Applied::as_it_is(store.learn(object), Vec::new()) }))
    }

    /// None: the object is not what `claimed` says any more.
    async fn update(
        &self,
        store: &Store,
        desired: &Desired,
        claimed: Claimed<'_>,
        memory: &mut Memory,
    ) -> Result<Option<Applied>, Error> {
        let live = claimed.live;
        if desired.is_secret() && self.was_interrupted(live) {
            if let Some((_, bytes)) = self.look(store, desired).await? {
                self.own_as_applied(store, desired, &bytes).await?;
            }
            return Ok(None);
        }
        memory.reconsider(live);
        let reduced = memory.reduced(&wanted_of(desired, live)?);
        let (mut body, hash) = with_hash(&reduced);
        if self.settled(live, &body, &hash, memory) {
            memory.remember_owned(live, self.claimant.manager.name, &desired.api_version);
            return Ok(Some(Applied::as_it_is(live.clone(), memory.contested())));
        }
        bind(&mut body, live, desired.generated.binds());
        match self.send(store, desired, &body, "").await? {
            Sent::Answer(answer) => {
                let object = parse(&answer.body, desired)?;
                let applied = self.wrote(store, object, &body, hash, memory, Vec::new());
                Ok(Some(Applied { adopted: claimed.claim == Claim::Adopted, ..applied }))
            }
            Sent::Stale => Ok(None),
            Sent::Contested(fields) => self.resolve(store, desired, &reduced, &fields, memory).await,
        }
    }

    /// Applies again, without the fields that are others' and with force where fields of ours were edited.
    async fn resolve(
        &self,
        store: &Store,
        desired: &Desired,
        refused: &Value,
        fields: &[String],
        memory: &mut Memory,
    ) -> Result<Option<Applied>, Error> {
        let Some((live, bytes)) = self.look(store, desired).await? else { return Ok(None) };
        let adopted = self.claimant.claim(desired, &live)? == Claim::Adopted;
        let managed = managed_entries(&bytes).map_err(|error| ApiError::Unreadable {
            what: format!("GET {} {}", desired.kind, desired.key),
            message: error.to_string(),
        })?;
        // The annotation is nobody else's; and where it is the hash of what was refused, that is what we owned. What is
        // adopted is taken as if we had always owned it.
        let (_, hash) = with_hash(refused);
        let annotation = format!(".metadata.annotations.{}", names::APPLIED);
        let as_applied = adopted || live.applied.as_deref() == Some(&*hash);
        let owned_before = |field: &str| as_applied || field == annotation || memory.owns(field);
        let mut verdict = judge(fields, &managed, self.claimant.manager.name, owned_before);

        // Without a path a field cannot be left out, and force would take it.
        let cannot_leave_out = verdict.withhold.len() < verdict.theirs.len();
        memory.withhold(&mut verdict, &live);
        let reduced = memory.reduced(&wanted_of(desired, &live)?);
        if cannot_leave_out || (verdict.drift.is_empty() && reduced == *refused) {
            // Nothing can be left out that would help: the object stays as it is, and the status says whose it is.
            return Ok(Some(Applied::as_it_is(live, memory.contested())));
        }
        let (mut body, hash) = with_hash(&reduced);
        if self.settled(&live, &body, &hash, memory) {
            return Ok(Some(Applied::as_it_is(live, memory.contested())));
        }
        let force = !verdict.drift.is_empty();
        // Force takes every field of the body, so it is tied to the state that was judged.
        bind(&mut body, &live, desired.generated.binds() || force);
        match self.send(store, desired, &body, if force { "&force=true" } else { "" }).await? {
            Sent::Answer(answer) => {
                let object = parse(&answer.body, desired)?;
                let drift = if adopted { Vec::new() } else { verdict.drift };
                let applied = self.wrote(store, object, &body, hash, memory, drift);
                Ok(Some(Applied { adopted, ..applied }))
            }
            Sent::Stale | Sent::Contested(_) => Ok(None),
        }
    }

    fn settled(&self, live: &Object, body: &Value, hash: &str, memory: &Memory) -> bool {
        if live.applied.as_deref() != Some(hash) {
            return false;
        }
        let api_version = body["apiVersion"].as_str().unwrap_or_default();
        let Some(entry) = live.applied_fields(self.claimant.manager.name, api_version) else { return false };
        covers(&entry.tree(), body) || memory.accepts(hash, entry)
    }

    fn wrote(
        &self,
        store: &Store,
        object: Object,
        body: &Value,
        hash: String,
        memory: &mut Memory,
        drift: Vec<Contested>,
    ) -> Applied {
        let api_version = body["apiVersion"].as_str().unwrap_or_default();
        let entry = object.applied_fields(self.claimant.manager.name, api_version);
        let kept = entry.is_none_or(|entry| covers(&entry.tree(), body));
        memory.remember_write(&object, self.claimant.manager.name, api_version, hash, kept);
        let recreated = std::mem::take(&mut memory.recreating);
        let object = store.learn(object);
        let (created, adopted) = (false, false);
        Applied { object, wrote: true, created, adopted, recreated, drift, conflicts: memory.contested() }
    }
}

/// Whether an object that exists is written to.
fn is_corrected(desired: &Desired, claimed: Claimed<'_>) -> bool {
    match desired.policy {
        ChildPolicy::Apply => true,
        ChildPolicy::Create | ChildPolicy::Delete => {
            let lacks_a_key = desired.generated.once && !has_all_keys(&desired.body, &claimed.live.tree());
            lacks_a_key || desired.generated.is_due(claimed.live, Timestamp::now()) || claimed.claim == Claim::Adopted
        }
    }
}

/// The change that gives `live` the marks that `desired` has; none where it has them.
fn marks(desired: &Desired, live: &Object, owner: &str) -> Option<Value> {
    let (mut metadata, tree) = (json!({}), live.tree());
    let marks = [
        ("labels", names::MANAGED_BY),
        ("labels", names::OWNER_UID),
        ("labels", names::ID),
        ("labels", names::OWNER_NAMESPACE),
        ("annotations", names::KEY),
    ];
    for (place, name) in marks {
        let of = |object: &Value| object["metadata"][place].get(name).cloned();
        if let Some(wanted) = of(&desired.body).filter(|wanted| Some(wanted) != of(&tree).as_ref()) {
            metadata[place][name] = wanted;
        }
    }
    // What lies elsewhere goes or stays by a label, which therefore goes, too.
    let retained = |object: &Value| object["metadata"]["labels"].get(names::RETAINED).cloned();
    if retained(&desired.body) != retained(&tree) {
        metadata["labels"][names::RETAINED] = retained(&desired.body).unwrap_or_default();
    }
    let ours = desired.body.pointer("/metadata/ownerReferences").and_then(Value::as_array).and_then(|all| all.first());
    if live.controlled_by(owner) != ours.is_some() {
        let all = tree.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default();
        let others = all.into_iter().filter(|reference| reference["uid"] != owner);
        metadata["ownerReferences"] = others.chain(ours.cloned()).collect();
    }
    let changes = metadata.as_object().is_some_and(|metadata| !metadata.is_empty());
    changes.then(|| json!({"metadata": metadata}))
}

/// What is applied to `live`: values that were generated stay as they are there.
fn wanted_of(desired: &Desired, live: &Object) -> Result<Value, Error> {
    let mut body = desired.body.clone();
    desired.generated.complete(&mut body, Some(live), Timestamp::now())?;
    Ok(body)
}

/// Ties an apply to the object that was looked at, and to its state where `exactly`.
fn bind(body: &mut Value, live: &Object, exactly: bool) {
    body["metadata"]["uid"] = (&*live.uid).into();
    if exactly {
        body["metadata"]["resourceVersion"] = (&*live.resource_version).into();
    }
}

/// Reads an answer about a child.
pub(crate) fn parse(bytes: &[u8], desired: &Desired) -> Result<Object, ApiError> {
    // Read first as JSON in general, so that an answer of a proxy is told as what it is.
    let what = || format!("answer about {} {}", desired.kind, desired.key);
    let _: serde::de::IgnoredAny = read_as(bytes, what)?;
    Object::parse(bytes, &desired.api_version, &desired.kind)
        .map_err(|error| ApiError::Unreadable { what: what(), message: error.to_string() })
}
