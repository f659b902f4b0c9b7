//! The primaries in parts, of each of which one process writes: which part an object is of, and who may write for it.
//!
//! The part follows from the UID alone, which never changes: parts do not overlap, leave nothing out, and nothing moves from one to
//! another in the middle of a reconcile.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::api::Api;
use crate::standing::{Role, Standing};

/// One part of the primaries.
pub(crate) struct Shard {
    /// Its writes ask the standing.
    pub(crate) api: Api,
    /// Whether this process holds the part.
    pub(crate) standing: Arc<Standing>,
}

/// All parts, by number.
pub(crate) struct Shards(Vec<Shard>);

impl Shards {
    /// All primaries in one part, which is held by whoever leads. `api` asks already who does.
    pub(crate) fn whole(api: Api, standing: Arc<Standing>) -> Self {
        Self(vec![Shard { api, standing }])
    }

    /// So many parts, none of which is held yet.
    pub(crate) fn split(api: &Api, count: u16) -> Self {
        let shard = |_| {
            let standing = Arc::new(Standing::follower());
            Shard { api: api.clone().led_by(standing.clone()), standing }
        };
        Self((0..count.max(1)).map(shard).collect())
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Shard] {
        &self.0
    }

    /// The one of this number. There is one of each number below the count.
    pub(crate) fn at(&self, number: usize) -> &Shard {
        &self.0[number % self.0.len()]
    }

    /// The one of the primary with this UID.
    pub(crate) fn of(&self, uid: &str) -> &Shard {
        self.at(number(uid, self.count()))
    }

    /// The numbers of those that this process holds and works on.
    pub(crate) fn held(&self) -> Vec<usize> {
        let held = |shard: &Shard| shard.standing.role() == Role::Leading && shard.standing.may_write();
        (0..self.count()).filter(|number| held(self.at(*number))).collect()
    }
}

/// The part of the primary with this UID: the first eight bytes of the UID's SHA-256, as a number with the highest byte first, modulo
/// the count. All processes of all versions must say the same.
pub(crate) fn number(uid: &str, count: usize) -> usize {
    let digest = Sha256::digest(uid.as_bytes());
    let first = digest.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    usize::try_from(first % (count.max(1) as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    #[test]
    fn the_part_of_a_uid_is_the_same_for_ever() {
        // The SHA-256 of "abc" begins with ba7816bf8f01cfea.
        let first = 0xba78_16bf_8f01_cfea_u64;
        for count in [1, 2, 3, 7, 64] {
            assert_eq!(number("abc", count) as u64, first % count as u64);
        }
    }

    #[test]
    fn parts_are_of_about_the_same_size() {
        let mut sizes = [0_usize; 4];
        for index in 0..4000 {
            sizes[number(&format!("00000000-0000-4000-8000-{index:012}"), 4)] += 1;
        }
        assert!(sizes.iter().all(|size| (800..1200).contains(size)), "{sizes:?}");
    }

    #[tokio::test]
    async fn a_write_for_an_object_asks_the_part_that_it_is_of() {
        let server = Scripted::new([(200, serde_json::json!({}))]);
        let shards = Shards::split(&server.api(), 2);
        let uids = ["a", "b", "c", "d", "e", "f"];
        let uid_of = |part| *uids.iter().find(|uid| number(uid, 2) == part).unwrap();
        shards.at(1).standing.elected(std::time::Duration::MAX);
        let write = async |part| {
            let (identity, method) = (&crate::identity::Identity::Process, http::Method::DELETE);
            let call = crate::api::Call { identity, method, path: "/api/v1/x", content_type: "", body: Vec::new() };
            shards.of(uid_of(part)).api.call(call).await
        };
        assert_eq!(write(0).await.unwrap_err().reason(), "NotLeading");
        assert_eq!(write(1).await.unwrap().code, 200);
        // It is held, and not yet worked on.
        assert!(shards.held().is_empty());
        shards.at(1).standing.prepared(1);
        assert_eq!(shards.held(), [1]);
        assert_eq!(server.asked().len(), 1);
    }
}
