//! What was counted, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::failure::Failure;

/// Counters of one pattern since it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Instances made, one for each call that had a slot.
    pub instantiations: u64,
    /// Failed calls by reason; every reason is listed.
    pub failures: Vec<(&'static str, u64)>,
    /// The most bytes of memories and tables that one call had.
    pub memory_high_water: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    instantiations: AtomicU64,
    failures: [AtomicU64; Failure::REASONS.len()],
    memory: AtomicU64,
}

impl Counters {
    pub(crate) fn instantiated(&self) {
        self.instantiations.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self, failure: &Failure) {
        self.failures[failure.index()].fetch_add(1, Relaxed);
    }

    pub(crate) fn used(&self, bytes: usize) {
        self.memory.fetch_max(bytes as u64, Relaxed);
    }

    pub(crate) fn read(&self) -> Metrics {
        Metrics {
            instantiations: self.instantiations.load(Relaxed),
            failures: Failure::REASONS.into_iter().zip(self.failures.iter().map(|c| c.load(Relaxed))).collect(),
            memory_high_water: self.memory.load(Relaxed),
        }
    }
}
