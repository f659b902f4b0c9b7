//! The queues of one entry, one for each part of its primaries: what nobody here may work on waits, and keeps nothing else waiting.

use std::collections::HashSet;

use crate::object::ObjectKey;
use crate::queue::Queue;
use crate::shards::number;

/// One queue a part, by its number.
pub(crate) struct Queues(Vec<Queue>);

impl Queues {
    /// For so many parts.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count.max(1)).map(|_| Queue::default()).collect())
    }

    /// Asks for a reconcile of the primary with this UID.
    pub(crate) fn add(&self, uid: &str, key: &ObjectKey) {
        self.of(number(uid, self.0.len())).add(key);
    }

    /// The queue of a part.
    pub(crate) fn of(&self, part: usize) -> &Queue {
        &self.0[part % self.0.len()]
    }

    /// Ends every take.
    pub(crate) fn close(&self) {
        self.0.iter().for_each(Queue::close);
    }

    /// Keys that wait now, of the given parts; of a process alone with the work there is one part.
    pub(crate) fn depth(&self, held: &[usize]) -> usize {
        match self.0.as_slice() {
            [only] => only.depth(),
            _ => held.iter().map(|part| self.of(*part).depth()).sum(),
        }
    }

    /// Keys whose last reconcile failed, of the given parts.
    pub(crate) fn failing(&self, held: &[usize]) -> HashSet<ObjectKey> {
        match self.0.as_slice() {
            [only] => only.failing(),
            _ => held.iter().flat_map(|part| self.of(*part).failing()).collect(),
        }
    }

    /// Keys that were ever put in line.
    pub(crate) fn adds(&self) -> u64 {
        self.0.iter().map(Queue::adds).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_in_the_queue_of_its_part_and_others_do_not_count() {
        let queues = Queues::new(3);
        for uid in ["a", "b", "c", "d", "e", "f", "g"] {
            queues.add(uid, &ObjectKey::new("n", uid));
            assert!(queues.of(number(uid, 3)).depth() > 0);
        }
        assert_eq!(queues.adds(), 7);
        assert_eq!(queues.depth(&[]), 0);
        assert_eq!(queues.depth(&[0, 1, 2]), 7);
        assert_eq!(queues.depth(&[1]), queues.of(1).depth());
        let alone = Queues::new(1);
        alone.add("a", &ObjectKey::new("n", "a"));
        assert_eq!(alone.depth(&[]), 1);
    }
}
