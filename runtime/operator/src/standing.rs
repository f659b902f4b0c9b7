//! Whether this process may write, and until when. Every write asks here, at the one place that all of them pass.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use crate::lock;

/// What this process is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Another one leads, or nobody yet: caches are kept warm, and nothing is written.
    Following,
    /// It leads, and what comes before the first reconcile is being written.
    Elected,
    /// It leads and reconciles.
    Leading,
}

#[derive(Debug, Clone)]
struct State {
    role: Role,
    /// Counts the elections, so that who looks away for one is told of the next.
    term: u64,
    stopping: bool,
    /// Who leads, where that is another one.
    leader: Option<String>,
    /// What stands in the way of leading, in words.
    problem: Option<String>,
}

/// The one answer of a process to whether it leads.
pub(crate) struct Standing {
    state: watch::Sender<State>,
    /// By [`clock`]. The lease alone says so, not what the state has been told of.
    until: Mutex<Duration>,
}

/// Time since the machine started, the time that it slept included: a lease runs out meanwhile, and what a process may do is
/// not measured by a clock that stood still.
pub(crate) fn clock() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

impl Standing {
    /// Of a process that no other one competes with.
    pub(crate) fn alone() -> Self {
        Self::new(Role::Leading, Duration::MAX)
    }

    /// Of a process that has still to be elected.
    pub(crate) fn follower() -> Self {
        Self::new(Role::Following, Duration::ZERO)
    }

    fn new(role: Role, until: Duration) -> Self {
        let state = State { role, term: 0, stopping: false, leader: None, problem: None };
        Self { state: watch::Sender::new(state), until: Mutex::new(until) }
    }

    /// A new term begins, in which may be written until then.
    pub(crate) fn elected(&self, until: Duration) {
        *lock::lock(&self.until) = until;
        self.state.send_modify(|state| {
            state.term += 1;
            (state.role, state.leader, state.problem) = (Role::Elected, None, None);
        });
    }

    /// The term goes on.
    pub(crate) fn renewed(&self, until: Duration) {
        *lock::lock(&self.until) = until;
    }

    /// What comes before the first reconcile of a term is written.
    pub(crate) fn prepared(&self, term: u64) {
        self.state.send_if_modified(|state| {
            let now = state.term == term && state.role == Role::Elected;
            if now {
                (state.role, state.problem) = (Role::Leading, None);
            }
            now
        });
    }

    /// The term is over.
    pub(crate) fn lost(&self) {
        *lock::lock(&self.until) = Duration::ZERO;
        self.state.send_modify(|state| state.role = Role::Following);
    }

    /// What a process sees that does not lead.
    pub(crate) fn sees(&self, leader: Option<String>) {
        self.state.send_modify(|state| (state.leader, state.problem) = (leader, None));
    }

    /// Says what stands in the way.
    pub(crate) fn hindered(&self, problem: String) {
        self.state.send_modify(|state| state.problem = Some(problem));
    }

    /// Takes no new work.
    pub(crate) fn stop(&self) {
        self.state.send_modify(|state| state.stopping = true);
    }

    /// Which election it was that was won last.
    pub(crate) fn term(&self) -> u64 {
        self.state.borrow().term
    }

    pub(crate) fn role(&self) -> Role {
        self.state.borrow().role
    }

    pub(crate) fn leader(&self) -> Option<String> {
        self.state.borrow().leader.clone()
    }

    pub(crate) fn problem(&self) -> Option<String> {
        self.state.borrow().problem.clone()
    }

    /// Whether a write may be sent now.
    pub(crate) fn may_write(&self) -> bool {
        self.left(clock()).is_some()
    }

    fn left(&self, now: Duration) -> Option<Duration> {
        lock::lock(&self.until).checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Ends as soon as what may be written now may no longer be.
    pub(crate) async fn over(&self) {
        let mut state = self.state.subscribe();
        let term = state.borrow().term;
        while let Some(left) = self.left(clock()) {
            // Without end there is none to wait for; the clock of the timers does not reach as far.
            let left = left.min(Duration::from_secs(3600));
            let other = state.wait_for(|state| state.term != term || state.role == Role::Following);
            if tokio::time::timeout(left, other).await.is_ok() {
                return;
            }
        }
    }

    /// Waits for an election to win, and gives the term.
    pub(crate) async fn to_be_elected(&self) -> u64 {
        self.wait(|state| state.role == Role::Elected).await
    }

    /// Waits until this process leads, and gives the term.
    pub(crate) async fn to_lead(&self) -> u64 {
        self.wait(|state| state.role == Role::Leading).await
    }

    /// Waits for the end of a term.
    pub(crate) async fn to_follow(&self, term: u64) {
        self.wait(|state| state.term != term || state.role == Role::Following).await;
    }

    /// Waits until no new work is taken.
    pub(crate) async fn to_stop(&self) {
        self.wait(|state| state.stopping).await;
    }

    async fn wait(&self, what: impl FnMut(&State) -> bool) -> u64 {
        // The sender is ours, so the wait does not fail.
        self.state.subscribe().wait_for(what).await.map(|state| state.term).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_elected_may_write_until_the_lease_says_otherwise() {
        let standing = Standing::follower();
        assert!(!standing.may_write());
        let now = clock();
        standing.elected(now + Duration::from_secs(10));
        assert!(standing.may_write());
        assert_eq!(standing.left(now + Duration::from_secs(9)), Some(Duration::from_secs(1)));
        // Nobody has said that the term is over; the time alone has.
        assert_eq!(standing.left(now + Duration::from_secs(10)), None);
        assert_eq!(standing.role(), Role::Elected);
        standing.renewed(now + Duration::from_secs(20));
        assert_eq!(standing.left(now + Duration::from_secs(10)), Some(Duration::from_secs(10)));
        standing.lost();
        assert!(!standing.may_write());
    }

    #[test]
    fn a_process_without_others_may_always_write() {
        assert!(Standing::alone().may_write());
        assert_eq!(Standing::alone().role(), Role::Leading);
    }

    #[test]
    fn what_was_written_for_an_earlier_term_prepares_no_later_one() {
        let standing = Standing::follower();
        standing.elected(Duration::MAX);
        standing.lost();
        standing.elected(Duration::MAX);
        standing.prepared(1);
        assert_eq!(standing.role(), Role::Elected);
        standing.prepared(2);
        assert_eq!(standing.role(), Role::Leading);
    }

    #[tokio::test]
    async fn a_write_is_cut_when_the_term_ends_and_when_another_has_begun_meanwhile() {
        let standing = Standing::follower();
        standing.elected(clock() + Duration::from_millis(30));
        standing.over().await;
        assert!(!standing.may_write());
        standing.elected(Duration::MAX);
        let cut = standing.over();
        let lost = async {
            standing.lost();
            standing.elected(Duration::MAX);
        };
        tokio::join!(cut, lost);
        assert!(standing.may_write());
    }

    #[tokio::test]
    async fn a_renewal_is_seen_by_who_waits_for_the_end() {
        let standing = Standing::follower();
        standing.elected(clock() + Duration::from_millis(20));
        standing.renewed(clock() + Duration::from_secs(60));
        assert!(tokio::time::timeout(Duration::from_millis(60), standing.over()).await.is_err());
    }
}
