//! Points at which a test ends the process by what `kill -9` sends: no destructor runs, nothing is flushed, no answer is
//! waited for. Builds without debug assertions have none of it.

/// A moment between two requests after which nothing must be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A child is about to be applied.
    BeforeApply,
    /// A child was applied, and nobody knows yet.
    AfterApply,
    /// A child is about to be deleted.
    BeforePrune,
    /// A child was deleted.
    AfterPrune,
    /// A status is about to be written.
    BeforeStatus,
    /// A status was written.
    AfterStatus,
    /// A finalizer is about to be added or taken off.
    BeforeFinalizer,
    /// A finalizer was added or taken off.
    AfterFinalizer,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::BeforeApply,
        Self::AfterApply,
        Self::BeforePrune,
        Self::AfterPrune,
        Self::BeforeStatus,
        Self::AfterStatus,
        Self::BeforeFinalizer,
        Self::AfterFinalizer,
    ];

    /// The name by which it is armed.
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeApply => "before-apply",
            Self::AfterApply => "after-apply",
            Self::BeforePrune => "before-prune",
            Self::AfterPrune => "after-prune",
            Self::BeforeStatus => "before-status",
            Self::AfterStatus => "after-status",
            Self::BeforeFinalizer => "before-finalizer",
            Self::AfterFinalizer => "after-finalizer",
        }
    }
}

#[cfg(debug_assertions)]
static ARMED: std::sync::OnceLock<(Point, std::sync::atomic::AtomicU32)> = std::sync::OnceLock::new();

/// Arms one point for the rest of the process, given as `NAME` or `NAME=N` for the N-th time that it is passed. Says
/// whether the text could be read and nothing was armed before.
#[cfg(debug_assertions)]
#[must_use]
pub fn arm(text: &str) -> bool {
    let (name, passes) = text.split_once('=').unwrap_or((text, "1"));
    let point = Point::ALL.into_iter().find(|point| point.name() == name);
    match (point, passes.parse::<u32>()) {
        (Some(point), Ok(passes)) if passes > 0 => ARMED.set((point, passes.into())).is_ok(),
        _ => false,
    }
}

/// Passes a point: the process may end here.
#[cfg(debug_assertions)]
pub(crate) fn pass(point: Point) {
    use std::sync::atomic::Ordering;
    let Some((armed, left)) = ARMED.get() else { return };
    if *armed == point && left.fetch_sub(1, Ordering::SeqCst) == 1 {
        tracing::error!(point = point.name(), "failpoint");
        let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // Not reached. Whoever waits for the signal sees another one.
        tracing::error!(?killed, "the signal did not end the process");
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn pass(_point: Point) {}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_point_is_not_armed() {
        for text in ["", "before-lunch", "before-apply=", "before-apply=0", "before-apply=-1", "before-apply=x"] {
            assert!(!arm(text), "{text}");
        }
    }
}
