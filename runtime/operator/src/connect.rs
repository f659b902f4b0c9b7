//! From a kubeconfig to a client.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// Where the way to a cluster is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Kubeconfig files, the first of which wins; those that are not there are passed over, but one must be.
    Files(Vec<PathBuf>),
    /// The service account of the pod that this process runs in.
    Pod,
}

/// A cluster that can be talked to. Nothing has been asked of it yet.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// The context's name; none in a pod.
    pub context: Option<String>,
    /// The context's namespace, `default` where it names none.
    pub namespace: String,
    /// The API server's address.
    pub server: String,
    /// Whether the API server is on this machine.
    pub local: bool,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// None of the files is there.
    #[error("no kubeconfig is there: looked for {}", shown(looked))]
    NoKubeconfig {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// A file that cannot be read.
    #[error("`{}` is not a usable kubeconfig", path.display())]
    Kubeconfig {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// The context, or what it refers to, is not there or not usable.
    #[error("context {context:?} is not usable")]
    Context {
        /// Its name; empty for the current one.
        context: String,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// No service account, although a pod was spoken of.
    #[error("the pod's service account is not usable")]
    Pod(#[source] kube::config::InClusterError),
    /// Certificates or credentials that the client does not take.
    #[error("no client could be made")]
    Client(#[source] Box<kube::Error>),
}

impl ConnectError {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoKubeconfig { .. } => "NoKubeconfig",
            Self::Kubeconfig { .. } => "InvalidKubeconfig",
            Self::Context { .. } => "InvalidContext",
            Self::Pod(_) => "NoServiceAccount",
            Self::Client(_) => "InvalidCredentials",
        }
    }
}

/// Reads the configuration and makes a client of it. The API server is not asked anything, but a kubeconfig may name a
/// program that is run for its credentials.
///
/// # Errors
/// Whatever makes the configuration unusable.
pub async fn connect(access: Access, context: Option<&str>) -> Result<Cluster, ConnectError> {
    let (config, context) = match access {
        Access::Pod => (Config::incluster().map_err(ConnectError::Pod)?, None),
        Access::Files(paths) => {
            let kubeconfig = read(&paths)?;
            let name = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone());
            let options = KubeConfigOptions { context: context.map(str::to_owned), ..Default::default() };
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|source| {
                ConnectError::Context { context: name.clone().unwrap_or_default(), source: Box::new(source) }
            })?;
            (config, name)
        }
    };
    let namespace = config.default_namespace.clone();
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let local = config.cluster_url.host().is_some_and(is_local);
    let client = Client::try_from(config).map_err(|source| ConnectError::Client(Box::new(source)))?;
    Ok(Cluster { client, context, namespace, server, local })
}

fn read(paths: &[PathBuf]) -> Result<Kubeconfig, ConnectError> {
    let unusable = |path: &Path, source| ConnectError::Kubeconfig { path: path.to_owned(), source: Box::new(source) };
    let mut whole: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let next = Kubeconfig::read_from(path).map_err(|source| unusable(path, source))?;
        whole = Some(match whole {
            Some(first) => first.merge(next).map_err(|source| unusable(path, source))?,
            None => next,
        });
    }
    whole.ok_or_else(|| ConnectError::NoKubeconfig { looked: paths.to_vec() })
}

/// Whether a host is this machine: by its name or address alone, nothing is looked up.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for host in ["localhost", "kind.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["10.0.0.1", "example.com", "localhost.example.com", "127.0.0.1.example.com", "[2001:db8::1]"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_names_where_it_was_looked_for() {
        let access = Access::Files(vec!["/nowhere/a".into(), "/nowhere/b".into()]);
        let error = connect(access, None).await.err().unwrap();
        assert_eq!(error.to_string(), "no kubeconfig is there: looked for /nowhere/a, /nowhere/b");
    }
}
