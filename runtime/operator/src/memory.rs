//! What is remembered of a child between reconciles. All of it can be lost: then at most one more request is sent.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::conflict::{Contested, Verdict};
use crate::json::digest64;
use crate::managed_fields::{Entry, Path, paths, remove};
use crate::object::Object;

/// The memory of one child.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Digests of the paths that we owned after our last apply.
    owned: Box<[u32]>,
    /// Fields that are left to others.
    withheld: Option<Withheld>,
    /// The hash and the digest of our fields where the API server keeps less than was applied.
    accepted: Option<(String, u64)>,
    /// Fields for which the object was deleted; it is to be created again.
    pub(crate) recreating: Vec<String>,
    /// UID of an object of somebody else's that still has fields of ours.
    pub(crate) intruded: Option<Box<str>>,
}

#[derive(Debug)]
struct Withheld {
    paths: Vec<Path>,
    contested: Vec<Contested>,
    /// What the others held then. While it is the same, asking again is of no use.
    others: u64,
}

impl Memory {
    /// Forgets an object that is gone, but for why it is.
    pub(crate) fn begin_anew(&mut self) {
        let recreating = std::mem::take(&mut self.recreating);
        *self = Self { recreating, ..Self::default() };
    }

    /// Whether we owned a field after our last apply.
    pub(crate) fn owns(&self, field: &str) -> bool {
        self.owned.binary_search(&field_digest(field)).is_ok()
    }

    pub(crate) fn remember_owned(&mut self, object: &Object, manager: &str, api_version: &str) {
        if !self.owned.is_empty() {
            return;
        }
        if let Some(entry) = object.applied_fields(manager, api_version) {
            let mut owned: Vec<u32> = paths(&entry.tree()).iter().map(|path| field_digest(&path.to_string())).collect();
            owned.sort_unstable();
            self.owned = owned.into();
        }
    }

    /// Takes in the object as our write left it. `kept` says whether all that was sent is ours now.
    pub(crate) fn remember_write(
        &mut self,
        object: &Object,
        manager: &str,
        api_version: &str,
        hash: String,
        kept: bool,
    ) {
        let entry = object.applied_fields(manager, api_version).filter(|_| !kept);
        self.accepted = entry.map(|entry| (hash, digest_of(entry)));
        self.owned = Box::default();
        self.remember_owned(object, manager, api_version);
        if let Some(withheld) = &mut self.withheld {
            withheld.others = object.others;
        }
    }

    /// Whether the API server kept no more than `entry` when the object with this hash was applied.
    pub(crate) fn accepts(&self, hash: &str, entry: &Entry) -> bool {
        self.accepted.as_ref().is_some_and(|(accepted, fields)| accepted == hash && *fields == digest_of(entry))
    }

    /// Asks again for what was left to others, where what they hold has changed.
    pub(crate) fn reconsider(&mut self, live: &Object) {
        self.withheld.take_if(|withheld| withheld.others != live.others);
    }

    /// Leaves to others what a verdict says is theirs.
    pub(crate) fn withhold(&mut self, verdict: &mut Verdict, live: &Object) {
        let mut withheld =
            self.withheld.take().unwrap_or(Withheld { paths: Vec::new(), contested: Vec::new(), others: 0 });
        withheld.paths.append(&mut verdict.withhold);
        withheld.contested.append(&mut verdict.theirs);
        withheld.others = live.others;
        if !withheld.contested.is_empty() {
            self.withheld = Some(withheld);
        }
    }

    /// `body` without what is left to others.
    pub(crate) fn reduced(&self, body: &Value) -> Value {
        let mut reduced = body.clone();
        for path in self.withheld.iter().flat_map(|withheld| &withheld.paths) {
            remove(&mut reduced, &path.0);
        }
        reduced
    }

    /// What is left to others.
    pub(crate) fn contested(&self) -> Vec<Contested> {
        self.withheld.as_ref().map(|withheld| withheld.contested.clone()).unwrap_or_default()
    }
}

fn field_digest(field: &str) -> u32 {
    let digest = digest64(field.as_bytes());
    (digest ^ (digest >> 32)) as u32
}

fn digest_of(entry: &Entry) -> u64 {
    digest64(entry.fields.as_deref().map_or("", RawValue::get).as_bytes())
}
