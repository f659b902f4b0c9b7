//! `ork run`: patterns against a cluster.

use std::collections::BTreeMap;
use std::future::pending;
use std::num::NonZeroU16;
use std::sync::Arc;

use orkestra_artifact::Digest;
use orkestra_komposer::{Instance, Lock};
use orkestra_operator::{self as operator, Cluster, Election, Identity, Options, Runtime, komposer};
use orkestra_sandbox::{Hook, Pattern, Sandbox};
use orkestra_webhook::Routes;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::Run;
use crate::composition::{Broken, Composed, Documents, grants};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::rbac::{self, Place};
use crate::traces::Traces;
use crate::{about, composition, hooks, instances, kube_access, log, sandbox, webhook};
use follow::Follower;
use origin::Origin;

mod dry_run;
mod follow;
mod origin;

pub(crate) fn run(args: &Run, output: &Output) -> Result<(), Error> {
    let composing = match (&args.file, &args.komposer) {
        (Some(file), _) => {
            Composing::of(composition::to_run(Documents::read(file)?, &args.sources, args.locked, output)?)
        }
        // It lies where there is no connection to yet.
        (None, Some(_)) => Composing::default(),
        (None, None) => Composing::alone(composition::of_dirs(&args.dirs, output)?, &args.grants, output),
    };
    let mut composing = composing.granted(output);
    // Where nothing is left that could run, there is no need to look for a cluster.
    composing.not_all_broken(output)?;
    // What is only tried is no matter of traces.
    let traces = if args.dry_run { None } else { Traces::of_environment(host())? };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { what: "to start threads", source })?;
    let cluster = runtime.block_on(kube_access::connect(&args.cluster.access))?;
    kube_access::confirm(&cluster, &args.cluster, "Run there", output)?;
    log::start(output, args.log_format, !args.dry_run, traces.as_ref())?;
    #[cfg(debug_assertions)]
    arm_failpoint()?;
    if args.no_impersonation {
        tracing::warn!("patterns act with all the rights of this process (--no-impersonation)");
    }
    let routes = Arc::new(Routes::default());
    let loader = Loader::new(args, &composing, runtime.handle(), &routes, output)?;
    let (instances, running) = load_all(&loader, &mut composing);
    composing.not_all_broken(output)?;
    for Broken { name, error } in &composing.broken {
        let (reason, said) = (error.reason(), error.chain());
        tracing::error!(pattern = %escape(name), reason, "does not run: {}", escape(&said));
    }
    if args.dry_run {
        return runtime.block_on(dry_run::run(args, cluster, instances, output));
    }
    let rights = rbac::needed(&composing.instances, &loader.place(), !args.no_impersonation);
    let options = Options { broken: composing.reasons(), rights, ..options(args) };
    let follower = |origin| Follower::new(&loader, output, origin);
    let follower = match (&args.file, &args.komposer) {
        (Some(file), _) => Some(runtime.block_on(follower(Origin::File(file)).begun(running, &composing))),
        (None, Some(name)) => {
            let (stored, task) = komposer::follow(&cluster.client, name);
            runtime.spawn(task);
            Some(follower(Origin::Resource { name, stored, outcome: watch::Sender::default() }))
        }
        (None, None) => None,
    };
    let ended = runtime.block_on(work(args, cluster, instances, options, routes.clone(), follower));
    if let Some(traces) = traces {
        traces.stop();
    }
    ended
}

/// What is to run, and what does not.
#[derive(Default)]
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

    /// Without those of which something is not granted.
    fn granted(mut self, output: &Output) -> Self {
        self.broken.extend(grants::deny(&mut self.instances, output));
        self
    }

    /// What does not run, to be shown and counted.
    fn reasons(&self) -> Vec<operator::Broken> {
        self.broken.iter().map(about::broken).collect()
    }

    /// Ends the command where nothing can run: with the first problem, and the others are printed.
    fn not_all_broken(&mut self, output: &Output) -> Result<(), Error> {
        if !self.instances.is_empty() || self.broken.is_empty() {
            return Ok(());
        }
        Err(Broken::first(std::mem::take(&mut self.broken), output))
    }
}

/// Makes what the runtime is told of what a Komposer says.
struct Loader<'a> {
    args: &'a Run,
    sandbox: Sandbox,
    /// Where hooks run.
    runtime: &'a Handle,
    routes: &'a Routes,
}

/// An instance, loaded.
struct Loaded {
    pattern: Pattern,
    hook: Option<Hook>,
    /// Of its component.
    component: Digest,
    /// Of all that it was made from.
    digest: Digest,
}

impl<'a> Loader<'a> {
    fn new(
        args: &'a Run,
        composing: &Composing,
        runtime: &'a Handle,
        routes: &'a Routes,
        output: &Output,
    ) -> Result<Self, Error> {
        let network = match hooks::asks_hosts(composing.instances.iter().map(|instance| &instance.pattern)) {
            true => Some(hooks::network()?),
            // A Komposer may change, and want one; without the means it does without until then.
            false if args.file.is_some() || args.komposer.is_some() => hooks::network().ok(),
            false => None,
        };
        let sandbox = sandbox::start_with(args.sources.cache.as_deref(), network, output)?;
        Ok(Self { args, sandbox, runtime, routes })
    }

    fn load(&self, instance: &Instance, lock: Option<&Lock>) -> Result<Loaded, Error> {
        let component = composition::build(instance)?;
        if let Some(stale) = lock.and_then(|lock| composition::stale(lock, instance, &component)) {
            return Err(Error::NotLocked { problems: vec![stale] });
        }
        let hook = hooks::load(instance, &self.sandbox)?;
        let limits = instances::limits(instance);
        let pattern = instances::load_component(&instance.name, &component, limits, &self.sandbox)?;
        let digest = instances::digest(instance, &component);
        Ok(Loaded { pattern, hook, component: Digest::of(&component), digest })
    }

    /// Lets the webhook convert by it.
    fn serve(&self, instance: &Instance, loaded: &Loaded) {
        webhook::routes(instance, &loaded.pattern, loaded.hook.as_ref(), self.runtime, self.routes);
    }

    fn describe(&self, instance: &Instance, loaded: Loaded) -> operator::Instance {
        let Loaded { pattern, hook, component, digest: _ } = loaded;
        let mut described = instances::describe(instance, pattern, hook, identity(self.args, &instance.name));
        described.about = about::of(instance, component);
        described
    }

    /// Where accounts are, and where patterns work.
    fn place(&self) -> Place {
        Place {
            system: self.args.system_namespace.clone(),
            namespaces: self.args.namespace.iter().cloned().collect(),
            shards: self.args.shards.is_some(),
            definitions: !self.args.no_crds,
            komposer: self.args.komposer.clone(),
        }
    }
}

/// Compiles and loads every pattern before anything is written to the cluster. One that does not load is broken, and the others run.
fn load_all(loader: &Loader<'_>, composing: &mut Composing) -> (Vec<operator::Instance>, BTreeMap<String, Digest>) {
    let (mut described, mut running) = (Vec::new(), BTreeMap::new());
    for instance in std::mem::take(&mut composing.instances) {
        let loaded = match loader.load(&instance, composing.lock.as_ref()) {
            Ok(loaded) => loaded,
            Err(error) => {
                composing.broken.push(Broken { name: instance.name, error });
                continue;
            }
        };
        let identity = identity(loader.args, &instance.name);
        let (name, version) = (escape(&instance.name), &instance.pattern.version);
        tracing::info!(pattern = %name, %version, path = %escape(&instance.path), identity = %shown(&identity), "loaded");
        loader.serve(&instance, &loaded);
        running.insert(instance.name.clone(), loaded.digest);
        described.push(loader.describe(&instance, loaded));
        composing.instances.push(instance);
    }
    (described, running)
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
    options: Options,
    routes: Arc<Routes>,
    follower: Option<Follower<'_>>,
) -> Result<(), Error> {
    let stop = stop_signal()?;
    let listener =
        TcpListener::bind(args.listen).await.map_err(|source| Error::Listen { address: args.listen, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address: args.listen, source })?;
    // It answers before any definition points at it.
    let (server, webhook) = match routes.is_empty() && args.komposer.is_none() {
        true => (None, None),
        // Patterns with conversions and rules may come later.
        false => Some(webhook::serve(&args.serve, cluster.local, routes)?).unzip(),
    };
    let options = Options { webhook, ..options };
    tracing::info!(server = %cluster.server, context = cluster.context.as_deref().unwrap_or("pod"), "connected");
    // Told to stop while it waits for an API server, it stops.
    let runtime = tokio::select! {
        started = Runtime::start(cluster.client, options, instances) => started.map_err(|error| Error::Runtime(error.into()))?,
        () = asked(stop.clone()) => return Ok(()),
    };
    let serving = tokio::spawn(operator::serve(listener, runtime.handle(), asked(stop.clone())));
    tracing::info!(%address, "serving /, /patterns, /healthz, /readyz and /metrics");
    if let Some(server) = &server {
        tracing::info!(address = %server.address(), "serving /convert, /mutate and /validate");
    }
    let handle = runtime.handle();
    let following = async {
        let Some(follower) = follower else { return pending().await };
        tokio::select! {
            () = asked(stop.clone()) => pending().await,
            () = follower.run(handle) => {}
        }
    };
    let mut in_time = tokio::select! {
        in_time = runtime.run_until(asked(stop.clone())) => in_time,
        () = following => false,
    };
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
        shards: args.shards.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN),
        composed_later: args.komposer.is_some(),
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
