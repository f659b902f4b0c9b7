//! The way to a cluster, as kubectl finds it.

use std::path::PathBuf;

use orkestra_operator::{self as operator, Cluster};

use crate::args::{self, Access};
use crate::error::Error;
use crate::output::{Output, escape, role};

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

/// A cluster elsewhere may be somebody's production: it is named, and a person says yes to `what` (`Run there`).
pub(crate) fn confirm(cluster: &Cluster, args: &args::Cluster, what: &str, output: &Output) -> Result<(), Error> {
    let Some(context) = &cluster.context else { return Ok(()) };
    if cluster.local || args.yes {
        return Ok(());
    }
    if !output.interactive() {
        return Err(Error::NotConfirmed { context: context.clone(), server: cluster.server.clone() });
    }
    output.ask(format_args!(
        "Context {b}{}{b:#} is not on this machine ({}). {what}? [y/N] ",
        escape(context),
        escape(&cluster.server),
        b = role::NAME,
    ));
    if said_yes()? { Ok(()) } else { Err(Error::Declined { context: context.clone() }) }
}

/// Asks before something that cannot be taken back; who cannot be asked must have said `--yes`.
pub(crate) fn agreed(question: &str, yes: bool, output: &Output) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !output.interactive() {
        return Err(Error::Unusable {
            problem: "nobody can be asked whether this is meant".to_owned(),
            hint: Some("look at what is said above, and say --yes".to_owned()),
        });
    }
    output.ask(format_args!("{question}? [y/N] "));
    if said_yes()? {
        Ok(())
    } else {
        Err(Error::Unusable { problem: "stopped: nothing was changed".to_owned(), hint: None })
    }
}

fn said_yes() -> Result<bool, Error> {
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|source| Error::Machine { what: "to read the answer", source })?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Threads for requests to a cluster.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { what: "to start threads", source })
}
