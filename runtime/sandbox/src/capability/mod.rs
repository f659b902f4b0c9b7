//! What a hook may be granted: one module for each capability, and the table of the imports that each of them stands for.
//!
//! A hook can do what it imports, and it is linked with what it is granted: an import that no grant covers is refused before there is an
//! instance, and there is nothing behind it either.

pub(crate) mod clocks;
pub(crate) mod cluster_read;
pub(crate) mod http;
pub(crate) mod log;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

pub use cluster_read::{ClusterRead, ReadError, Readable, Reading};
pub use http::{HttpRule, Network, Resolve, Resolving, SystemResolver};

/// A capability by its name in `capabilities` and `grants`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// `cluster-read`: objects of named kinds.
    ClusterRead,
    /// `http`: requests to named hosts.
    Http,
    /// `clocks`: the time, in steps of a millisecond.
    Clocks,
    /// `random`: random bytes.
    Random,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ClusterRead, Self::Http, Self::Clocks, Self::Random];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClusterRead => "cluster-read",
            Self::Http => "http",
            Self::Clocks => "clocks",
            Self::Random => "random",
        }
    }

    /// The interfaces that it stands for, without their versions.
    fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::ClusterRead => &["orkestra:host/cluster-read"],
            Self::Http => {
                &["wasi:http/types", "wasi:http/outgoing-handler", "wasi:io/error", "wasi:io/poll", "wasi:io/streams"]
            }
            Self::Clocks => &["wasi:clocks/wall-clock", "wasi:clocks/monotonic-clock", "wasi:io/poll"],
            Self::Random => &["wasi:random/random", "wasi:random/insecure", "wasi:random/insecure-seed"],
        }
    }

    /// The capabilities of which each alone covers an import such as `wasi:io/poll@0.2.6`; none: nothing does.
    pub fn covering(import: &str) -> Vec<Self> {
        let interface = import.split('@').next().unwrap_or(import);
        Self::ALL.into_iter().filter(|capability| capability.interfaces().contains(&interface)).collect()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What every hook may import.
pub(crate) const ALWAYS: [&str; 1] = ["orkestra:host/log"];

/// What one hook is granted. By default nothing but the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// Kinds that it may read; empty: the capability is not granted.
    pub cluster_read: Vec<Readable>,
    /// Hosts that it may ask; empty: the capability is not granted.
    pub http: Vec<HttpRule>,
    /// The time.
    pub clocks: bool,
    /// Random bytes.
    pub random: bool,
}

impl Granted {
    /// Whether a capability is among what is granted.
    pub fn has(&self, capability: Capability) -> bool {
        match capability {
            Capability::ClusterRead => !self.cluster_read.is_empty(),
            Capability::Http => !self.http.is_empty(),
            Capability::Clocks => self.clocks,
            Capability::Random => self.random,
        }
    }
}

/// How many host calls a call of a hook may still make. A clone counts with it.
#[derive(Debug, Clone)]
pub(crate) struct HostCalls(Arc<AtomicU32>);

impl HostCalls {
    pub(crate) fn new(limit: u32) -> Self {
        Self(Arc::new(AtomicU32::new(limit)))
    }

    /// Takes one; false: there is none left.
    pub(crate) fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_covered_by_its_interface_whatever_its_version() {
        assert_eq!(Capability::covering("wasi:http/outgoing-handler@0.2.6"), [Capability::Http]);
        assert_eq!(Capability::covering("wasi:io/poll@0.2.0"), [Capability::Http, Capability::Clocks]);
        assert_eq!(Capability::covering("wasi:random/insecure-seed@0.2.3"), [Capability::Random]);
        for never in ["wasi:filesystem/types@0.2.0", "wasi:sockets/tcp@0.2.0", "wasi:cli/environment@0.2.0", "env"] {
            assert_eq!(Capability::covering(never), [], "{never}");
        }
    }
}
