//! What one call may use, and the limiter that adds it up.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What each call of one pattern may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all memories and tables together.
    pub memory: usize,
    /// Processor time; counted in ticks of 10 ms.
    pub deadline: Duration,
    /// Bytes of a result, as the host holds it.
    pub output: usize,
    /// Cost units. This limit decides; the deadline is the backstop.
    pub cost: u64,
    /// Calls at the same time. One slot is the pattern's own, the others are shared with all patterns.
    pub concurrency: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 16 << 20,
            deadline: Duration::from_secs(1),
            output: 4 << 20,
            cost: 10_000_000,
            concurrency: 16,
        }
    }
}

impl Limits {
    /// The highest limits that a sandbox gives unless it is told otherwise.
    pub const CEILING: Limits = Limits {
        memory: 256 << 20,
        deadline: Duration::from_secs(30),
        output: 64 << 20,
        cost: 1_000_000_000,
        concurrency: 256,
    };

    /// The first limit that is above `ceiling`: its name, its value and the highest possible one.
    pub(crate) fn above(&self, ceiling: &Limits) -> Option<(&'static str, u64, u64)> {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        [
            ("memory", self.memory as u64, ceiling.memory as u64),
            ("deadline", millis(self.deadline), millis(ceiling.deadline)),
            ("output", self.output as u64, ceiling.output as u64),
            ("cost", self.cost, ceiling.cost),
            ("concurrency", self.concurrency as u64, ceiling.concurrency as u64),
        ]
        .into_iter()
        .find(|(_, asked, highest)| asked > highest)
    }
}

/// Ends a call from inside the host's own callbacks. It travels through wasmtime's error and is found again by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    #[error("memory limit")]
    Memory,
    #[error("deadline")]
    Deadline,
    #[error("descheduled")]
    Busy,
    #[error("host calls")]
    HostCalls,
}

/// Bytes of one table element on the host.
const TABLE_ELEMENT: usize = size_of::<usize>();

/// Adds up all memories and tables of one store. (wasmtime's own `StoreLimits` looks at each alone.)
#[derive(Debug)]
pub(crate) struct Sum {
    limit: usize,
    pub(crate) used: usize,
}

impl Sum {
    pub(crate) fn new(limit: usize) -> Self {
        Sum { limit, used: 0 }
    }

    /// Counts a growth. One that is not `possible`, beyond what the memory or table may ever have is answered with -1, by
    /// WebAssembly's rules; one beyond the limit traps, so that reaching the limit is told from a bug that follows -1.
    fn grow(&mut self, current: usize, desired: usize, possible: bool) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            return Err(Ended::Memory.into());
        }
        if possible {
            self.used = used;
        }
        Ok(possible)
    }
}

impl ResourceLimiter for Sum {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(current, desired, maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        self.grow(current.saturating_mul(TABLE_ELEMENT), desired.saturating_mul(TABLE_ELEMENT), possible)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Ended::Memory.into())
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Ended::Memory.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_one_sum() {
        let mut sum = Sum::new(100);
        assert!(sum.memory_growing(0, 40, None).unwrap());
        assert!(sum.memory_growing(0, 40, None).unwrap());
        assert!(sum.table_growing(0, 2, None).unwrap());
        assert_eq!(sum.used, 96);
        assert!(sum.memory_growing(40, 44, None).unwrap());
        let error = sum.table_growing(2, 3, None).unwrap_err();
        assert_eq!(error.downcast_ref::<Ended>(), Some(&Ended::Memory));
        assert_eq!(sum.used, 100);
    }

    #[test]
    fn a_growth_above_the_own_maximum_is_refused_and_does_not_count() {
        let mut sum = Sum::new(100);
        assert!(!sum.memory_growing(0, 90, Some(50)).unwrap());
        assert_eq!(sum.used, 0);
    }

    #[test]
    fn the_limit_above_the_ceiling_is_named() {
        assert_eq!(Limits::default().above(&Limits::CEILING), None);
        let cost = Limits { cost: 2_000_000_000, ..Limits::default() };
        assert_eq!(cost.above(&Limits::CEILING), Some(("cost", 2_000_000_000, 1_000_000_000)));
    }
}
