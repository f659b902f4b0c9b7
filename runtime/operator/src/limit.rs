//! A limit on how often something is done, by letting it wait.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock;

/// So many a second, with some in reserve.
pub(crate) struct RateLimit {
    interval: Duration,
    burst: Duration,
    /// When the next one would be due if none had been saved up.
    next: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// `per_second` in the long run (zero: no limit), `burst` at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Self { interval, burst: interval * burst, next: Mutex::new(None) }
    }

    /// Waits until it is allowed.
    pub(crate) async fn acquire(&self) {
        if self.interval.is_zero() {
            return;
        }
        let now = Instant::now();
        let due = {
            let mut next = lock::lock(&self.next);
            // What was not used is saved up, up to the burst.
            let earliest = now.checked_sub(self.burst).unwrap_or(now);
            let due = next.map_or(earliest, |next| next.max(earliest)) + self.interval;
            *next = Some(due);
            due
        };
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        // The clock must be later than the burst is long.
        tokio::time::advance(Duration::from_secs(100)).await;
        let limit = RateLimit::new(10, 5);
        let start = Instant::now();
        for _ in 0..5 {
            limit.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            limit.acquire().await;
        }
        assert_eq!(start.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_is_no_limit() {
        let limit = RateLimit::new(0, 0);
        let start = Instant::now();
        for _ in 0..1000 {
            limit.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
