//! `ork run`: patterns against a cluster.

use std::sync::Arc;

use orkestra_artifact::Digest;
use orkestra_komposer::{Instance, Lock};
use orkestra_operator::{self as operator, Cluster, Election, Identity, Options, Runtime};
use orkestra_sandbox::{Hook, Pattern, Sandbox};
use orkestra_webhook::Routes;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::Run;
use crate::composition::{Broken, Composed, grants};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::{about, composition, converter, hooks, instances, kube_access, log, sandbox};

mod dry_run;

pub(crate) fn run(args: &Run, output: &Output) -> Result<(), Error> {
    let mut composed = match &args.file {
        Some(file) => Composing::of(composition::to_run(file, &args.sources, args.locked, output)?),
        None => Composing::alone(composition::of_dirs(&args.dirs, output)?, &args.grants, output),
    };
    composed.broken.extend(grants::deny(&mut composed.instances, output));
    // Where nothing is left that could run, there is no need to look for a cluster.
    composed.not_all_broken(output)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { what: "to start threads", source })?;
    let cluster = runtime.block_on(kube_access::connect(&args.cluster.access))?;
    kube_access::confirm(&cluster, &args.cluster, "Run there", output)?;
    log::start(output, args.log_format, !args.dry_run)?;
    #[cfg(debug_assertions)]
    arm_failpoint()?;
    let routes = Arc::new(Routes::default());
    let instances = load(args, &mut composed, runtime.handle(), &routes, output)?;
    composed.not_all_broken(output)?;
    for Broken { name, error } in &composed.broken {
        let (reason, said) = (error.reason(), error.chain());
        tracing::error!(pattern = %escape(name), reason, "does not run: {}", escape(&said));
    }
    let broken = composed.broken.iter().map(about::broken).collect();
    match args.dry_run {
        true => runtime.block_on(dry_run::run(args, cluster, instances, output)),
        false => runtime.block_on(work(args, cluster, instances, broken, routes)),
    }
}

/// What is to run, and what does not.
struct Composing {
    instances: Vec<Instance>,
    broken: Vec<Broken>,
    /// What each has to be, where nothing else runs.
    lock: Option<Lock>,
}

impl Composing {
    fn of((composed, locked): (Composed, bool)) -> Self {
        let lock = composed.opened.lock.filter(|_| locked);
        Self { instances: composed.composition.instances, broken: composed.broken, lock }
    }

    fn alone(mut instances: Vec<Instance>, granted: &[String], output: &Output) -> Self {
        let mut idle: Vec<&String> = granted.iter().collect();
        for instance in &mut instances {
            // Who names the directories grants to what is in them: to each what it asks for.
            let asked: Vec<String> = grants::asked(&instance.pattern).collect();
            idle.retain(|grant| !asked.contains(grant));
            instance.grants = granted.iter().filter(|grant| asked.contains(grant)).cloned().collect();
        }
        for grant in idle {
            output.warning(format_args!("nothing asks for `{}`", escape(grant)));
        }
        Self { instances, broken: Vec::new(), lock: None }
    }

    /// Ends the command where nothing can run: with the first problem, and the others are printed.
    fn not_all_broken(&mut self, output: &Output) -> Result<(), Error> {
        if !self.instances.is_empty() || self.broken.is_empty() {
            return Ok(());
        }
        Err(Broken::first(std::mem::take(&mut self.broken), output))
    }
}

/// Compiles and loads every pattern before anything is written to the cluster. One that does not load is broken, and the others run.
fn load(
    args: &Run,
    composed: &mut Composing,
    runtime: &Handle,
    routes: &Routes,
    output: &Output,
) -> Result<Vec<operator::Instance>, Error> {
    let asks = hooks::asks_hosts(composed.instances.iter().map(|instance| &instance.pattern));
    let network = asks.then(hooks::network).transpose()?;
    let sandbox = sandbox::start_with(args.sources.cache.as_deref(), network, output)?;
    if args.no_impersonation {
        tracing::warn!("patterns act with all the rights of this process (--no-impersonation)");
    }
    let mut loaded = Vec::new();
    for instance in std::mem::take(&mut composed.instances) {
        let lock = composed.lock.as_ref();
        let (pattern, hook, component) = match load_one(&instance, lock, &sandbox) {
            Ok(loaded) => loaded,
            Err(error) => {
                composed.broken.push(Broken { name: instance.name, error });
                continue;
            }
        };
        let identity = identity(args, &instance.name);
        let (name, version) = (escape(&instance.name), &instance.pattern.version);
        tracing::info!(pattern = %name, %version, path = %escape(&instance.path), identity = %shown(&identity), "loaded");
        converter::routes(&instance.pattern, &pattern, hook.as_ref(), runtime, routes);
        let mut described = instances::describe(&instance, pattern, hook, identity);
        described.about = about::of(&instance, component);
        loaded.push(described);
        composed.instances.push(instance);
    }
    Ok(loaded)
}

fn load_one(
    instance: &Instance,
    lock: Option<&Lock>,
    sandbox: &Sandbox,
) -> Result<(Pattern, Option<Hook>, Digest), Error> {
    let component = composition::build(instance)?;
    if let Some(stale) = lock.and_then(|lock| composition::stale(lock, instance, &component)) {
        return Err(Error::NotLocked { problems: vec![stale] });
    }
    let hook = hooks::load(instance, sandbox)?;
    let pattern = instances::load_component(&instance.name, &component, instances::limits(instance), sandbox)?;
    Ok((pattern, hook, Digest::of(&component)))
}

fn identity(args: &Run, instance: &str) -> Identity {
    if args.no_impersonation {
        return Identity::Process;
    }
    Identity::ServiceAccount { namespace: args.system_namespace.clone(), name: format!("orkestra-{instance}") }
}

fn shown(identity: &Identity) -> String {
    match identity {
        Identity::Process => "this process".to_owned(),
        Identity::ServiceAccount { namespace, name } => format!("{namespace}/{name}"),
    }
}

async fn work(
    args: &Run,
    cluster: Cluster,
    instances: Vec<operator::Instance>,
    broken: Vec<operator::Broken>,
    routes: Arc<Routes>,
) -> Result<(), Error> {
    let stop = stop_signal()?;
    let listener =
        TcpListener::bind(args.listen).await.map_err(|source| Error::Listen { address: args.listen, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address: args.listen, source })?;
    // It answers before any definition points at it.
    let (server, webhook) = match routes.is_empty() {
        true => (None, None),
        false => Some(converter::serve(&args.serve, cluster.local, routes)?).unzip(),
    };
    let options = Options { broken, webhook, ..options(args) };
    tracing::info!(server = %cluster.server, context = cluster.context.as_deref().unwrap_or("pod"), "connected");
    // Told to stop while it waits for an API server, it stops.
    let runtime = tokio::select! {
        started = Runtime::start(cluster.client, options, instances) => started.map_err(|error| Error::Runtime(error.into()))?,
        () = asked(stop.clone()) => return Ok(()),
    };
    let serving = tokio::spawn(operator::serve(listener, runtime.handle(), asked(stop.clone())));
    tracing::info!(%address, "serving /, /patterns, /healthz, /readyz and /metrics");
    if let Some(server) = &server {
        tracing::info!(address = %server.address(), "serving /convert");
    }
    let mut in_time = runtime.run_until(asked(stop)).await;
    // Last of all, because what the runtime itself still writes may have to be converted.
    if let Some(server) = server {
        in_time &= server.stop().await;
    }
    // What it said while it was stopped is of no interest any more.
    let _ = serving.await;
    if in_time {
        tracing::info!("stopped");
        return Ok(());
    }
    Err(Error::NotInTime)
}

fn options(args: &Run) -> Options {
    Options {
        namespace: args.namespace.clone().unwrap_or_default(),
        own_namespace: args.system_namespace.clone(),
        install_crds: !args.no_crds,
        election: (!args.no_leader_elect).then(|| Election::of(&host())),
        ..Options::default()
    }
}

/// The name of this machine, which is the pod's in a cluster.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "unknown-host".to_owned(),
        name => name.to_owned(),
    }
}

/// For tests that end the process between two requests: `ORK_FAILPOINT=before-apply=3`.
#[cfg(debug_assertions)]
fn arm_failpoint() -> Result<(), Error> {
    match std::env::var("ORK_FAILPOINT") {
        Ok(text) if !operator::failpoint::arm(&text) => Err(Error::Unusable {
            problem: format!("ORK_FAILPOINT: `{text}` is no failpoint"),
            hint: Some("write POINT or POINT=N".to_owned()),
        }),
        _ => Ok(()),
    }
}

/// Becomes true at the first SIGTERM or Ctrl-C. The second one ends the process at once.
pub(super) fn stop_signal() -> Result<watch::Receiver<bool>, Error> {
    let failed = |source| Error::Machine { what: "to listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (send, receive) = watch::channel(false);
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        // Without a receiver there is nothing left to stop.
        let _ = send.send(true);
        next().await;
        std::process::exit(130);
    });
    Ok(receive)
}

/// Ends when the process is asked to stop.
pub(super) async fn asked(mut stop: watch::Receiver<bool>) {
    // The sender lives as long as the process.
    let _ = stop.wait_for(|asked| *asked).await;
}
