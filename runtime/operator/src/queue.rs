//! Keys that wait for a reconcile: each at most once, never two at once for one key, the failed ones later.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::backoff;
use crate::lock;
use crate::object::ObjectKey;

/// The delay after a first failure.
const FIRST_DELAY: Duration = Duration::from_millis(5);
/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// The queue of one entry.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<ObjectKey>,
    slots: HashMap<ObjectKey, Slot>,
    timers: BinaryHeap<Reverse<(Instant, ObjectKey)>>,
    adds: u64,
    closed: bool,
}

#[derive(Default)]
struct Slot {
    queued: bool,
    running: bool,
    /// It was added while it ran.
    again: bool,
    failures: u32,
    due: Option<Instant>,
}

/// What comes after a reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// All is well; look again after this time.
    After(Duration),
    /// It failed; try again, later after each failure, but not earlier than this.
    Retry {
        /// What the API server asked for, or zero.
        at_least: Duration,
    },
    /// The object is gone.
    Forget,
}

impl Queue {
    /// Asks for a reconcile of `key`.
    pub(crate) fn add(&self, key: &ObjectKey) {
        let mut state = lock::lock(&self.state);
        if state.add(key) {
            self.changed.notify_one();
        }
    }

    /// The next key; none after [`Queue::close`]. Each key that is taken must be given to [`Queue::finish`].
    pub(crate) async fn take(&self) -> Option<ObjectKey> {
        loop {
            let next = {
                let mut state = lock::lock(&self.state);
                if state.closed {
                    // The next taker may have been about to wait when the queue was closed.
                    self.changed.notify_one();
                    return None;
                }
                state.fire(Instant::now());
                if let Some(key) = state.ready.pop_front() {
                    let slot = state.slots.entry(key.clone()).or_default();
                    slot.queued = false;
                    slot.running = true;
                    if !state.ready.is_empty() {
                        self.changed.notify_one();
                    }
                    return Some(key);
                }
                state.timers.peek().map(|Reverse((due, _))| *due)
            };
            match next {
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// Says what comes after the reconcile of `key`.
    pub(crate) fn finish(&self, key: &ObjectKey, next: Next) {
        let mut state = lock::lock(&self.state);
        let Some(slot) = state.slots.get_mut(key) else { return };
        slot.running = false;
        let delay = match next {
            Next::After(delay) => {
                slot.failures = 0;
                Some(delay)
            }
            Next::Retry { at_least } => {
                slot.failures = slot.failures.saturating_add(1);
                Some(backoff::delay(FIRST_DELAY, LONGEST_DELAY, slot.failures).max(at_least))
            }
            Next::Forget => None,
        };
        if std::mem::take(&mut slot.again) {
            state.add(key);
        } else if let Some(delay) = delay {
            let due = Instant::now() + delay;
            slot.due = Some(due);
            state.timers.push(Reverse((due, key.clone())));
            state.drop_replaced_timers();
        } else {
            state.slots.remove(key);
        }
        self.changed.notify_one();
    }

    /// Puts what was taken and is not finished in line again: whoever worked on it was stopped.
    pub(crate) fn abandon(&self) {
        let mut state = lock::lock(&self.state);
        let running = state.slots.iter().filter(|(_, slot)| slot.running).map(|(key, _)| key.clone());
        for key in running.collect::<Vec<_>>() {
            if let Some(slot) = state.slots.get_mut(&key) {
                (slot.running, slot.again) = (false, false);
            }
            state.add(&key);
        }
        self.changed.notify_one();
    }

    /// Ends every [`Queue::take`].
    pub(crate) fn close(&self) {
        lock::lock(&self.state).closed = true;
        self.changed.notify_one();
    }

    /// Keys that wait now.
    pub(crate) fn depth(&self) -> usize {
        lock::lock(&self.state).ready.len()
    }

    /// Keys whose last reconcile failed.
    pub(crate) fn failing(&self) -> HashSet<ObjectKey> {
        let state = lock::lock(&self.state);
        state.slots.iter().filter(|(_, slot)| slot.failures > 0).map(|(key, _)| key.clone()).collect()
    }

    /// Keys that were ever put in line.
    pub(crate) fn adds(&self) -> u64 {
        lock::lock(&self.state).adds
    }
}

impl State {
    /// Says whether the key came into line.
    fn add(&mut self, key: &ObjectKey) -> bool {
        let slot = self.slots.entry(key.clone()).or_default();
        slot.due = None;
        if slot.running {
            slot.again = true;
            return false;
        }
        if slot.queued {
            return false;
        }
        slot.queued = true;
        self.ready.push_back(key.clone());
        self.adds += 1;
        true
    }

    /// A change replaces a timer, which would stay until it is due: with a resync of hours, thousands of them for an
    /// object that changes every second.
    fn drop_replaced_timers(&mut self) {
        if self.timers.len() <= 2 * self.slots.len() + 64 {
            return;
        }
        let Self { timers, slots, .. } = self;
        timers.retain(|Reverse((due, key))| slots.get(key).is_some_and(|slot| slot.due == Some(*due)));
    }

    /// Puts what is due in line. A timer that was replaced since is passed over.
    fn fire(&mut self, now: Instant) {
        while let Some(Reverse((due, _))) = self.timers.peek() {
            if *due > now {
                break;
            }
            let Some(Reverse((due, key))) = self.timers.pop() else { break };
            if self.slots.get(&key).is_some_and(|slot| slot.due == Some(due)) {
                self.add(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("n", name)
    }

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn what_was_abandoned_is_taken_again_and_its_end_counts_no_more() {
        let queue = Queue::default();
        queue.add(&key("a"));
        queue.add(&key("b"));
        let taken = queue.take().await.unwrap();
        assert_eq!(taken, key("a"));
        queue.abandon();
        assert_eq!(queue.depth(), 2);
        assert_eq!(queue.take().await, Some(key("b")));
        assert_eq!(queue.take().await, Some(key("a")));
        // Changed while it was worked on, and abandoned: once is enough.
        queue.add(&key("a"));
        queue.abandon();
        assert_eq!(queue.depth(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_waits_once() {
        let queue = Queue::default();
        queue.add(&key("a"));
        queue.add(&key("a"));
        queue.add(&key("b"));
        assert_eq!((queue.depth(), queue.adds()), (2, 2));
        assert_eq!(queue.take().await, Some(key("a")));
        assert_eq!(queue.take().await, Some(key("b")));
        assert_eq!(queue.depth(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_runs_is_not_handed_out_again_until_it_is_finished() {
        let queue = Queue::default();
        queue.add(&key("a"));
        queue.take().await;
        queue.add(&key("a"));
        assert!(tokio::time::timeout(SOON, queue.take()).await.is_err());
        queue.finish(&key("a"), Next::After(Duration::from_secs(3600)));
        assert_eq!(tokio::time::timeout(SOON, queue.take()).await, Ok(Some(key("a"))));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_each_time_and_success_begins_anew() {
        let queue = Queue::default();
        queue.add(&key("a"));
        let mut waited = Vec::new();
        for _ in 0..6 {
            queue.take().await;
            let start = Instant::now();
            queue.finish(&key("a"), Next::Retry { at_least: Duration::ZERO });
            queue.add(&key("other"));
            queue.take().await;
            queue.finish(&key("other"), Next::Forget);
            let taken = queue.take().await;
            assert_eq!(taken, Some(key("a")));
            waited.push(start.elapsed());
            queue.finish(&key("a"), Next::Retry { at_least: Duration::ZERO });
        }
        assert!(waited.windows(2).all(|pair| pair[1] > pair[0]), "{waited:?}");
        queue.take().await;
        queue.finish(&key("a"), Next::After(Duration::ZERO));
        queue.take().await;
        let start = Instant::now();
        queue.finish(&key("a"), Next::Retry { at_least: Duration::ZERO });
        queue.take().await;
        assert!(start.elapsed() <= FIRST_DELAY + Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_comes_before_the_timer_and_replaces_it() {
        let queue = Queue::default();
        queue.add(&key("a"));
        queue.take().await;
        queue.finish(&key("a"), Next::After(SOON));
        queue.add(&key("a"));
        assert_eq!(queue.take().await, Some(key("a")));
        queue.finish(&key("a"), Next::After(Duration::from_secs(3600)));
        assert!(tokio::time::timeout(Duration::from_secs(60), queue.take()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn timers_that_were_replaced_do_not_pile_up() {
        let queue = Queue::default();
        for _ in 0..10_000 {
            queue.add(&key("a"));
            queue.take().await;
            queue.finish(&key("a"), Next::After(Duration::from_secs(3600)));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let timers = queue.state.lock().unwrap().timers.len();
        assert!(timers < 100, "{timers}");
        assert_eq!(tokio::time::timeout(Duration::from_secs(7200), queue.take()).await, Ok(Some(key("a"))));
    }

    #[tokio::test(start_paused = true)]
    async fn close_ends_waiting_takers() {
        let queue = std::sync::Arc::new(Queue::default());
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.take().await })
            })
            .collect();
        tokio::task::yield_now().await;
        queue.close();
        for taker in takers {
            assert_eq!(taker.await.unwrap(), None);
        }
    }
}
