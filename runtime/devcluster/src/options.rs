//! What a caller decides.

use std::path::PathBuf;

use crate::versions;

/// Where programs are looked for and where data may lie.
#[derive(Debug, Clone)]
pub struct Options {
    /// A directory that may hold the programs, looked at first (what `KUBEBUILDER_ASSETS` names, as a rule).
    pub assets: Option<PathBuf>,
    /// The user's cache directory (`$XDG_CACHE_HOME`, as a rule). Built programs are kept below it.
    pub cache: PathBuf,
    /// Where the data directory is made (`$TMPDIR`, as a rule).
    pub temporary: PathBuf,
    /// Whether missing programs may be built. A build takes ten minutes and 4 GB on two cores.
    pub build: bool,
    /// Where the kubeconfig is written besides the data directory.
    pub kubeconfig: Option<PathBuf>,
    /// Whether the data directory, with the logs, is left behind when the control plane stops.
    pub keep_data: bool,
}

impl Options {
    /// The usual choices: no assets directory, a build where programs are missing, nothing left behind.
    #[must_use]
    pub fn new(cache: impl Into<PathBuf>, temporary: impl Into<PathBuf>) -> Self {
        Self {
            assets: None,
            cache: cache.into(),
            temporary: temporary.into(),
            build: true,
            kubeconfig: None,
            keep_data: false,
        }
    }

    /// The directory that built programs are kept in, one for each release of Kubernetes.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.cache.join("orkestra").join("control-plane").join(versions::KUBERNETES)
    }
}
