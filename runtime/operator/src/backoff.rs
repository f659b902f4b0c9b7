//! Waiting longer after each failure, with jitter, so that many that failed together do not come back together.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// Delays that double from `first` up to `longest`.
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The next delay.
    pub(crate) fn next(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        delay(self.first, self.longest, self.failures)
    }

    /// Begins again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The delay after the given number of failures: between a half and the whole of the doubled time.
pub(crate) fn delay(first: Duration, longest: Duration, failures: u32) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    spread(doubled.min(longest), 0.5)
}

/// `duration` cut at random by at most the given part of it.
pub(crate) fn spread(duration: Duration, part: f64) -> Duration {
    // The hasher's keys are random; that is all the randomness that jitter needs.
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    let fraction = bits as f64 / (1_u64 << 53) as f64;
    duration.mul_f64(1.0 - part * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(5), Duration::from_secs(300));
        for (failures, whole) in [(1, 5), (2, 10), (5, 80), (17, 300_000), (40, 300_000), (u32::MAX, 300_000)] {
            let delay = delay(first, longest, failures).as_secs_f64();
            let whole = f64::from(whole) / 1000.0;
            assert!(delay <= whole && delay >= whole / 2.0, "{failures}: {delay}");
        }
    }

    #[test]
    fn jitter_differs() {
        let delays: std::collections::HashSet<_> = (0..20).map(|_| spread(Duration::from_secs(1), 0.5)).collect();
        assert!(delays.len() > 10);
    }
}
