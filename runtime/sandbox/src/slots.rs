//! How many calls run at the same time, and whose.

use std::sync::{Arc, Mutex, PoisonError};

/// All slots of a sandbox. Every loaded pattern has one of its own, so that no pattern can keep another from running; the
/// rest goes to whoever comes first.
pub(crate) struct Slots {
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Slots that belong to one loaded pattern each.
    own: usize,
    /// Slots in use beyond the own ones.
    shared: usize,
}

impl Slots {
    pub(crate) fn new(total: usize) -> Arc<Self> {
        Arc::new(Slots { total, state: Mutex::new(State::default()) })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        // The state is two counters, changed together: it is right even after a panic elsewhere.
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The slots of one more pattern, at most `concurrency` at a time; none if every slot already belongs to a pattern.
    pub(crate) fn reserve(self: &Arc<Self>, concurrency: usize) -> Option<Reservation> {
        self.with(|state| {
            (state.own + state.shared < self.total).then(|| {
                state.own += 1;
                Reservation { slots: Arc::clone(self), concurrency: concurrency.max(1), used: Mutex::new(0) }
            })
        })
    }
}

/// The slots of one pattern.
pub(crate) struct Reservation {
    slots: Arc<Slots>,
    concurrency: usize,
    used: Mutex<usize>,
}

impl Reservation {
    /// A slot for one call; none if the pattern has all it may have, or all are in use.
    pub(crate) fn acquire(&self) -> Result<Slot<'_>, &'static str> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used >= self.concurrency {
            return Err("the pattern has as many calls running as it may have");
        }
        let granted = *used == 0
            || self.slots.with(|state| {
                let free = state.own + state.shared < self.slots.total;
                state.shared += usize::from(free);
                free
            });
        if !granted {
            return Err("all slots are in use");
        }
        *used += 1;
        Ok(Slot(self))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.slots.with(|state| state.own -= 1);
    }
}

/// The right to run one call; given back when dropped.
pub(crate) struct Slot<'a>(&'a Reservation);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used -= 1;
        if *used > 0 {
            self.0.slots.with(|state| state.shared -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_pattern_leaves_the_other_its_own_slot() {
        let slots = Slots::new(3);
        let (a, b) = (slots.reserve(10).unwrap(), slots.reserve(10).unwrap());
        let first = a.acquire().unwrap();
        let second = a.acquire().unwrap();
        assert_eq!(a.acquire().err(), Some("all slots are in use"));
        let other = b.acquire().unwrap();
        assert_eq!(b.acquire().err(), Some("all slots are in use"));
        drop(first);
        let again = b.acquire().unwrap();
        drop((second, other, again));
        assert_eq!(slots.with(|state| (state.own, state.shared)), (2, 0));
    }

    #[test]
    fn a_pattern_has_no_more_than_it_may_have() {
        let slots = Slots::new(10);
        let pattern = slots.reserve(2).unwrap();
        let held = (pattern.acquire().unwrap(), pattern.acquire().unwrap());
        assert_eq!(pattern.acquire().err(), Some("the pattern has as many calls running as it may have"));
        drop(held);
        assert!(pattern.acquire().is_ok());
    }

    #[test]
    fn there_are_no_more_patterns_than_slots() {
        let slots = Slots::new(1);
        let only = slots.reserve(1).unwrap();
        assert!(slots.reserve(1).is_none());
        drop(only);
        assert!(slots.reserve(1).is_some());
    }
}
