//! What one call of a hook may use.

use std::time::Duration;

/// What each call of a hook may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookLimits {
    /// Bytes of all memories and tables together.
    pub memory: usize,
    /// Units of fuel: about one for each instruction. This limit decides; the deadline is the backstop, and ends what waits.
    pub fuel: u64,
    /// Wall time, host calls included.
    pub deadline: Duration,
    /// Bytes that cross between guest and host in one call of a function, and bytes of an HTTP answer.
    pub output: usize,
    /// Log lines, reads of the cluster and HTTP requests.
    pub host_calls: u32,
    /// Calls at the same time.
    pub concurrency: usize,
}

impl Default for HookLimits {
    fn default() -> Self {
        HookLimits {
            memory: 256 << 20,
            fuel: 2_000_000_000,
            deadline: Duration::from_secs(5),
            output: 4 << 20,
            host_calls: 100,
            concurrency: 4,
        }
    }
}
