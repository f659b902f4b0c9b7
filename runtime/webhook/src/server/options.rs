//! What the server grants its clients.

use std::time::Duration;

/// Bounds of the server. Each of them is there because a client may be anybody in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes of one review; a larger one is answered by 413. At most 4 GiB, and at most `in_flight_bytes`.
    pub review_bytes: usize,
    /// Bytes of the objects that are converted by one call.
    pub batch_bytes: usize,
    /// Calls at once for one review whose objects are too many for one call, each on a thread.
    pub batches: usize,
    /// Bytes of the bodies of all connections at once. What is beyond waits in line, unread.
    pub in_flight_bytes: usize,
    /// Conversions that run at once, each on a thread; the others wait in line.
    pub conversions: usize,
    /// How long a review may wait in line before it is answered by 503 with `Retry-After`.
    pub queue_time: Duration,
    /// How long a client may take for its handshake.
    pub handshake_time: Duration,
    /// How long a client may take for a body, and one second more for each 4 MiB of it.
    pub body_time: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub write_time: Duration,
    /// How long a connection may be without a request, be it that nothing comes or half a head. API servers close theirs after
    /// 90 s; this is longer, so that it is they who do it and no request meets a closing connection.
    pub idle_time: Duration,
    /// Connections at once; others wait unaccepted.
    pub connections: usize,
    /// How long connections are accepted still after readiness went: endpoints are told of it later than the process.
    pub linger: Duration,
    /// How long requests that run may take to end when the server is stopped.
    pub stop_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            review_bytes: 128 << 20,
            batch_bytes: 512 << 10,
            batches: cores,
            in_flight_bytes: 256 << 20,
            conversions: (2 * cores).max(4),
            queue_time: Duration::from_secs(5),
            handshake_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            write_time: Duration::from_secs(20),
            idle_time: Duration::from_secs(120),
            connections: 1024,
            linger: Duration::ZERO,
            stop_limit: Duration::from_secs(20),
        }
    }
}

impl Options {
    /// How long a body of `length` bytes may take.
    pub(crate) fn time_for(&self, length: usize) -> Duration {
        self.body_time + Duration::from_secs((length >> 22) as u64)
    }
}
