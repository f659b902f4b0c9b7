//! The one control plane of a test program.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::{Client, Config};
use orkestra_devcluster::{ControlPlane, Options};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::{Audit, Kind};

/// A running control plane, a client for its administrator, and the runtime that the client lives on.
pub struct Cluster {
    plane: ControlPlane,
    client: Client,
    runtime: Runtime,
    resources: Mutex<HashMap<Kind, (ApiResource, Scope)>>,
}

/// The control plane that all tests of this program share, started by whoever asks first.
///
/// It is never stopped by the program itself: it stops with it.
#[must_use]
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

impl Cluster {
    fn start() -> Self {
        let plane = match ControlPlane::start(&options(), &report) {
            Ok(plane) => plane,
            Err(error) => panic!("no control plane: {error}"),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let client = runtime.block_on(connect(&plane));
        Self { plane, client, runtime, resources: Mutex::default() }
    }

    /// The control plane, for tests that stop parts of it. Such a test must not run beside others.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// A client for the administrator, whose user agent is `orkestra-tests`.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client configuration for the administrator, for what is under test.
    pub async fn config(&self) -> Config {
        config(&self.plane).await
    }

    /// The runtime that tests run on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The requests that the API server answered.
    pub fn audit(&self) -> Audit {
        Audit::new(self.plane.audit_log(), self.client())
    }

    /// The resource of a kind, by the API server's own discovery.
    pub(crate) async fn resource(&self, kind: Kind) -> Result<(ApiResource, Scope), kube::Error> {
        let mut resources = self.resources.lock().await;
        if let Some(known) = resources.get(&kind) {
            return Ok(known.clone());
        }
        let (group, version) = kind.api_version.split_once('/').unwrap_or(("", kind.api_version));
        let wanted = kube::core::GroupVersionKind::gvk(group, version, kind.kind);
        let (resource, capabilities) = pinned_kind(&self.client, &wanted).await?;
        resources.insert(kind, (resource.clone(), capabilities.scope.clone()));
        Ok((resource, capabilities.scope))
    }
}

/// Where programs and data lie, as the `devcluster` program has it.
///
/// Panics where there is no home directory.
#[must_use]
pub fn options() -> Options {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .expect("XDG_CACHE_HOME or HOME is set");
    let mut options = Options::new(cache, std::env::temp_dir());
    options.assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    options
}

async fn config(plane: &ControlPlane) -> Config {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).expect("the kubeconfig is readable");
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("the kubeconfig is complete")
}

async fn connect(plane: &ControlPlane) -> Client {
    let mut config = config(plane).await;
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static("orkestra-tests")));
    Client::try_from(config).expect("a client")
}

#[allow(
    clippy::print_stderr,
    reason = "a first run builds programs for ten minutes, which nobody should take for a hang"
)]
fn report(line: &str) {
    // Not by `eprintln!`: the test harness keeps that back until a test fails.
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "devcluster: {line}");
}
