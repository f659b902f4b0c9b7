//! The newest errors of one entry, for whoever looks at a running runtime.

use std::collections::VecDeque;
use std::sync::Mutex;

use jiff::Timestamp;

use crate::about::Text;
use crate::lock;
use crate::object::ObjectKey;

/// How many are kept. All are in the log.
const KEPT: usize = 5;

/// Something that went wrong with one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The last time.
    pub(crate) time: Timestamp,
    /// How often since it was first kept.
    pub(crate) count: u64,
    pub(crate) key: ObjectKey,
    /// One PascalCase word.
    pub(crate) reason: String,
    pub(crate) message: Text,
}

/// The newest errors, newest first. What happens again to the same resource for the same reason takes one place.
#[derive(Default)]
pub(crate) struct Recent(Mutex<VecDeque<Trouble>>);

impl Recent {
    pub(crate) fn keep(&self, key: &ObjectKey, reason: &str, message: &str) {
        let mut kept = lock::lock(&self.0);
        let known = kept.iter().position(|known| known.key == *key && known.reason == reason);
        let before = known.and_then(|at| kept.remove(at)).map_or(0, |known| known.count);
        kept.push_front(Trouble {
            time: Timestamp::now(),
            count: before.saturating_add(1),
            key: key.clone(),
            reason: reason.to_owned(),
            message: message.into(),
        });
        kept.truncate(KEPT);
    }

    pub(crate) fn all(&self) -> Vec<Trouble> {
        lock::lock(&self.0).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_few_are_kept_and_what_repeats_takes_one_place() {
        let recent = Recent::default();
        for number in 0..100 {
            recent.keep(&ObjectKey::new("n", &format!("a-{number}")), "Forbidden", "no");
            recent.keep(&ObjectKey::new("n", "b"), "CallFailed", &format!("no {number}"));
        }
        let all = recent.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!((&*all[0].key.name, all[0].count, all[0].message.as_str()), ("b", 100, "no 99"));
        assert_eq!((&*all[1].key.name, all[1].count), ("a-99", 1));
    }
}
