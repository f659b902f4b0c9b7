//! The way to a cluster, as kubectl finds it.

use std::path::PathBuf;

use orkestra_operator::{self as operator, Cluster};

use crate::args::Access;
use crate::error::Error;

/// A client of the cluster that was typed, or that the environment names.
pub(crate) async fn connect(args: &Access) -> Result<Cluster, Error> {
    operator::connect(access(args), args.context.as_deref()).await.map_err(|error| Error::Cluster(error.into()))
}

/// Where kubectl would look.
fn access(args: &Access) -> operator::Access {
    if let Some(path) = &args.kubeconfig {
        return operator::Access::Files(vec![path.clone()]);
    }
    if let Some(list) = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        return operator::Access::Files(std::env::split_paths(&list).collect());
    }
    let usual = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    match usual {
        Some(path) if path.exists() || !in_pod => operator::Access::Files(vec![path]),
        None if !in_pod => operator::Access::Files(Vec::new()),
        _ => operator::Access::Pod,
    }
}
