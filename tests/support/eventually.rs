//! Waiting for what a cluster does in its own time.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// For what takes milliseconds on an idle machine, and now and then many seconds on a busy one.
pub const SHORTLY: Duration = Duration::from_secs(60);

/// For what waits for controllers or their discovery, which may take half a minute.
pub const LONG: Duration = Duration::from_secs(90);

const EVERY: Duration = Duration::from_millis(25);

/// Asks again and again until `probe` gives a value, which is returned.
///
/// Panics after `limit` with `what` was waited for and what `probe` said last. The limit is there to end a broken test: what
/// is measured should be counted or timed by the test itself.
pub async fn eventually<T, E: Display>(what: &str, limit: Duration, probe: impl AsyncFn() -> Result<T, E>) -> T {
    let begin = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(last) if begin.elapsed() >= limit => {
                panic!("not within {} s: {what}\nlast seen: {last}", limit.as_secs())
            }
            Err(_) => sleep(EVERY).await,
        }
    }
}

/// Asks again and again for the whole `time` and panics as soon as `probe` fails.
pub async fn never_within<E: Display>(what: &str, time: Duration, probe: impl AsyncFn() -> Result<(), E>) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        if let Err(seen) = probe().await {
            panic!("after {} ms this was no longer so: {what}\nseen: {seen}", begin.elapsed().as_millis());
        }
        sleep(EVERY).await;
    }
}
