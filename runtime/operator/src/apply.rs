//! One child made so: nothing where it is so already, else one server-side apply.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::api::{APPLY, Answer, Api, Call, read_as};
use crate::cache::Store;
use crate::conflict::{Contested, judge, managed_entries};
use crate::desired::{Desired, with_hash};
use crate::error::{ApiError, Error};
use crate::identity::Identity;
use crate::instance::ChildPolicy;
use crate::json::digest64;
use crate::limit::RateLimit;
use crate::managed_fields::{Path, covers, paths, remove};
use crate::names;
use crate::object::Object;

/// How often a child is looked at anew when it changes between a look and a write.
const ATTEMPTS: usize = 4;

/// What is remembered of a child between reconciles. All of it can be lost: then at most one more request is sent.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Digests of the paths that we owned after our last apply.
    owned: Box<[u32]>,
    /// Fields that are left to others.
    withheld: Option<Withheld>,
    /// The hash and the digest of our fields where the API server keeps less than was applied.
    accepted: Option<(String, u64)>,
}

#[derive(Debug)]
struct Withheld {
    paths: Vec<Path>,
    contested: Vec<Contested>,
    /// What the others held then. While it is the same, asking again is of no use.
    others: u64,
}

/// What became of a child.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) object: Arc<Object>,
    pub(crate) wrote: bool,
    /// Fields that were taken back from whoever edited them.
    pub(crate) drift: Vec<Contested>,
    /// Fields that are left to others.
    pub(crate) conflicts: Vec<Contested>,
}

/// Applies the children of one primary.
pub(crate) struct Applier<'a> {
    pub(crate) api: &'a Api,
    pub(crate) limit: &'a RateLimit,
    pub(crate) identity: &'a Identity,
    pub(crate) manager: &'a str,
    /// UID of the primary.
    pub(crate) owner: &'a str,
}

enum Sent {
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
            if !live.controlled_by(self.owner) {
                return Err(already_exists(desired, &live));
            }
            if live.deleting {
                return Err(Error::Terminating { kind: desired.kind.clone(), name: desired.key.name.to_string() });
            }
            if desired.policy == ChildPolicy::Create {
                return Ok(Applied { object: live, wrote: false, drift: Vec::new(), conflicts: Vec::new() });
            }
            if let Some(applied) = self.update(store, desired, &live, memory).await? {
                return Ok(applied);
            }
        }
        Err(ApiError::Unreachable {
            what: format!("applying {} {}", desired.kind, desired.key),
            message: "it changes faster than it can be applied".to_owned(),
        }
        .into())
    }

    /// The object as it is now, and the bytes that say who owns its fields.
    async fn look(&self, store: &Store, desired: &Desired) -> Result<Option<(Arc<Object>, Vec<u8>)>, Error> {
        let path = store.resource.object(&desired.key.namespace, &desired.key.name);
        let Some(answer) = self.api.get_optional(self.identity, &path).await? else { return Ok(None) };
        let object = parse(&answer.body, desired)?;
        let object = if object.managed { store.learn(object) } else { Arc::new(object) };
        Ok(Some((object, answer.body)))
    }

    /// The first apply of a name that a live read found free. None: it was not free any more.
    async fn create(&self, store: &Store, desired: &Desired, memory: &mut Memory) -> Result<Option<Applied>, Error> {
        *memory = Memory::default();
        let (body, hash) = with_hash(&desired.body);
        let answer = match self.send(store, desired, &body, "").await? {
            Sent::Answer(answer) => answer,
            Sent::Contested(_) | Sent::Stale => return Ok(None),
        };
        let object = parse(&answer.body, desired)?;
        // 200 says that it was there already. Alone with us in it, it is an earlier request of ours that came late.
        if answer.code == 200 && (object.others != 0 || !object.controlled_by(self.owner)) {
            self.take_back(store, desired, &object).await?;
            return Err(already_exists(desired, &object));
        }
        Ok(Some(self.wrote(store, object, &body, hash, memory, Vec::new())))
    }

    /// Gives up all fields that we own in an object that turned out to be somebody else's.
    async fn take_back(&self, store: &Store, desired: &Desired, object: &Object) -> Result<(), Error> {
        let mut body = json!({
            "apiVersion": desired.api_version, "kind": desired.kind,
            "metadata": {"name": &*desired.key.name, "uid": &*object.uid},
        });
        if !desired.key.namespace.is_empty() {
            body["metadata"]["namespace"] = (&*desired.key.namespace).into();
        }
        self.send(store, desired, &body, "").await.map(|_| ())
    }

    /// None: the object is not what `live` says any more.
    async fn update(
        &self,
        store: &Store,
        desired: &Desired,
        live: &Arc<Object>,
        memory: &mut Memory,
    ) -> Result<Option<Applied>, Error> {
        memory.withheld.take_if(|withheld| withheld.others != live.others);
        let reduced = memory.reduced(&desired.body);
        let (mut body, hash) = with_hash(&reduced);
        if self.settled(live, &body, &hash, memory) {
            memory.remember_owned(live, self.manager, &desired.api_version);
            let conflicts = memory.contested();
            return Ok(Some(Applied { object: live.clone(), wrote: false, drift: Vec::new(), conflicts }));
        }
        body["metadata"]["uid"] = (&*live.uid).into();
        match self.send(store, desired, &body, "").await? {
            Sent::Answer(answer) => {
                let object = parse(&answer.body, desired)?;
                Ok(Some(self.wrote(store, object, &body, hash, memory, Vec::new())))
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
        if !live.controlled_by(self.owner) {
            return Err(already_exists(desired, &live));
        }
        let managed = managed_entries(&bytes).map_err(|error| ApiError::Unreadable {
            what: format!("GET {} {}", desired.kind, desired.key),
            message: error.to_string(),
        })?;
        // The annotation is nobody else's; and where it is the hash of what was refused, that is what we owned.
        let (_, hash) = with_hash(refused);
        let annotation = format!(".metadata.annotations.{}", names::APPLIED);
        let as_applied = live.applied.as_deref() == Some(&*hash);
        let owned_before = |field: &str| as_applied || field == annotation || memory.owns(field);
        let verdict = judge(fields, &managed, self.manager, owned_before);

        // Without a path a field cannot be left out, and force would take it.
        let cannot_leave_out = verdict.withhold.len() < verdict.theirs.len();
        let mut withheld =
            memory.withheld.take().unwrap_or(Withheld { paths: Vec::new(), contested: Vec::new(), others: 0 });
        withheld.paths.extend(verdict.withhold);
        withheld.contested.extend(verdict.theirs.iter().cloned());
        withheld.others = live.others;
        if !withheld.contested.is_empty() {
            memory.withheld = Some(withheld);
        }
        let reduced = memory.reduced(&desired.body);
        if cannot_leave_out || (verdict.drift.is_empty() && reduced == *refused) {
            // Nothing can be left out that would help: the object stays as it is, and the status says whose it is.
            let conflicts = memory.contested();
            return Ok(Some(Applied { object: live, wrote: false, drift: Vec::new(), conflicts }));
        }
        let (mut body, hash) = with_hash(&reduced);
        if self.settled(&live, &body, &hash, memory) {
            let conflicts = memory.contested();
            return Ok(Some(Applied { object: live, wrote: false, drift: Vec::new(), conflicts }));
        }
        body["metadata"]["uid"] = (&*live.uid).into();
        let mut query = "";
        if !verdict.drift.is_empty() {
            // Force takes every field of the body, so it is tied to the state that was judged.
            body["metadata"]["resourceVersion"] = (&*live.resource_version).into();
            query = "&force=true";
        }
        match self.send(store, desired, &body, query).await? {
            Sent::Answer(answer) => {
                let object = parse(&answer.body, desired)?;
                Ok(Some(self.wrote(store, object, &body, hash, memory, verdict.drift)))
            }
            Sent::Stale | Sent::Contested(_) => Ok(None),
        }
    }

    fn settled(&self, live: &Object, body: &Value, hash: &str, memory: &Memory) -> bool {
        if live.applied.as_deref() != Some(hash) {
            return false;
        }
        let api_version = body["apiVersion"].as_str().unwrap_or_default();
        let Some(entry) = live.applied_fields(self.manager, api_version) else { return false };
        covers(&entry.tree(), body)
            || memory
                .accepted
                .as_ref()
                .is_some_and(|(accepted, fields)| accepted == hash && *fields == digest_of(entry))
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
        memory.accepted = None;
        if let Some(entry) = object.applied_fields(self.manager, api_version)
            && !covers(&entry.tree(), body)
        {
            memory.accepted = Some((hash, digest_of(entry)));
        }
        memory.owned = Box::default();
        memory.remember_owned(&object, self.manager, api_version);
        if let Some(withheld) = &mut memory.withheld {
            withheld.others = object.others;
        }
        let object = store.learn(object);
        Applied { object, wrote: true, drift, conflicts: memory.contested() }
    }

    /// Sends an apply. `query` is added to the path's.
    async fn send(&self, store: &Store, desired: &Desired, body: &Value, query: &str) -> Result<Sent, Error> {
        let object = store.resource.object(&desired.key.namespace, &desired.key.name);
        let manager = self.manager.replace(':', "%3A");
        let path = format!("{object}?fieldManager={manager}{query}");
        let call = |path| Call {
            identity: self.identity,
            method: Method::PATCH,
            path,
            content_type: APPLY,
            body: body.to_string().into_bytes(),
        };
        self.limit.acquire().await;
        let error = match self.api.call(call(&path)).await {
            Ok(answer) => return Ok(Sent::Answer(answer)),
            Err(error) => error,
        };
        let ApiError::Refused { refusal, .. } = &error else { return Err(error.into()) };
        let contested = refusal.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
        let contested: Vec<String> = contested.map(|cause| cause.field.clone()).collect();
        match refusal.code {
            409 if !contested.is_empty() => Ok(Sent::Contested(contested)),
            409 => Ok(Sent::Stale),
            422 if body.pointer("/metadata/uid").is_some() && self.valid_by_itself(store, desired).await => {
                Err(Error::ImmutableField {
                    kind: desired.kind.clone(),
                    name: desired.key.name.to_string(),
                    fields: refusal.causes.iter().map(|cause| cause.field.clone()).collect(),
                    message: refusal.message.clone(),
                })
            }
            _ => Err(error.into()),
        }
    }

    /// Whether the API server would take the object under a name that is free: then it is the change that it refuses.
    async fn valid_by_itself(&self, store: &Store, desired: &Desired) -> bool {
        let mut body = desired.body.clone();
        let stem: String = desired.key.name.chars().take(40).collect();
        let name = format!("{}-{:08x}", stem.trim_end_matches(['.', '-']), digest64(self.owner.as_bytes()) as u32);
        body["metadata"]["name"] = name.clone().into();
        let object = store.resource.object(&desired.key.namespace, &name);
        let path = format!("{object}?fieldManager={}&dryRun=All", self.manager.replace(':', "%3A"));
        let call = Call {
            identity: self.identity,
            method: Method::PATCH,
            path: &path,
            content_type: APPLY,
            body: body.to_string().into_bytes(),
        };
        self.api.call(call).await.is_ok()
    }
}

impl Memory {
    fn owns(&self, field: &str) -> bool {
        self.owned.binary_search(&field_digest(field)).is_ok()
    }

    fn remember_owned(&mut self, object: &Object, manager: &str, api_version: &str) {
        if !self.owned.is_empty() {
            return;
        }
        if let Some(entry) = object.applied_fields(manager, api_version) {
            let mut owned: Vec<u32> = paths(&entry.tree()).iter().map(|path| field_digest(&path.to_string())).collect();
            owned.sort_unstable();
            self.owned = owned.into();
        }
    }

    fn reduced(&self, body: &Value) -> Value {
        let mut reduced = body.clone();
        for path in self.withheld.iter().flat_map(|withheld| &withheld.paths) {
            remove(&mut reduced, &path.0);
        }
        reduced
    }

    fn contested(&self) -> Vec<Contested> {
        self.withheld.as_ref().map(|withheld| withheld.contested.clone()).unwrap_or_default()
    }
}

fn field_digest(field: &str) -> u32 {
    let digest = digest64(field.as_bytes());
    (digest ^ (digest >> 32)) as u32
}

fn digest_of(entry: &crate::managed_fields::Entry) -> u64 {
    digest64(entry.fields.as_deref().map_or("", serde_json::value::RawValue::get).as_bytes())
}

fn parse(bytes: &[u8], desired: &Desired) -> Result<Object, ApiError> {
    // Read first as JSON in general, so that an answer of a proxy is told as what it is.
    let what = || format!("answer about {} {}", desired.kind, desired.key);
    let _: serde::de::IgnoredAny = read_as(bytes, what)?;
    Object::parse(bytes, &desired.api_version, &desired.kind)
        .map_err(|error| ApiError::Unreadable { what: what(), message: error.to_string() })
}

fn already_exists(desired: &Desired, object: &Object) -> Error {
    let owner = match &object.owner {
        Some(owner) => format!("its controller is {} {:?}", owner.kind, owner.name),
        None => "it has no controller".to_owned(),
    };
    Error::AlreadyExists { kind: desired.kind.clone(), name: desired.key.name.to_string(), owner }
}
