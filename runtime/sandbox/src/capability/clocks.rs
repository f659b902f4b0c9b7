//! `clocks`: the time in steps of a millisecond, so that a hook cannot measure what others do beside it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// The step of both clocks.
const STEP: Duration = Duration::from_millis(1);

fn coarse(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// The time of day.
pub(crate) struct Wall;

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        STEP
    }

    fn now(&self) -> Duration {
        coarse(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// Time since the call began.
pub(crate) struct Monotonic(pub(crate) Instant);

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        u64::try_from(STEP.as_nanos()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        u64::try_from(coarse(self.0.elapsed()).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_comes_in_whole_milliseconds() {
        assert_eq!(Wall.now().subsec_nanos() % 1_000_000, 0);
        let clock = Monotonic(Instant::now());
        while clock.now() == 0 {}
        assert_eq!(clock.now() % 1_000_000, 0);
        assert_eq!((Wall.resolution(), clock.resolution()), (STEP, 1_000_000));
    }
}
