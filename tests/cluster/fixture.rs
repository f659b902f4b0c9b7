//! The pattern `web`, compiled and loaded as a user's would be, and the runtime that runs it in one namespace.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use orkestra_operator::{
    Api, ChildPolicy, DeclaredChild, DeclaredRead, Entry, Handle, Identity, Instance, Options, Runtime,
};
use orkestra_pattern::{Source, model};
use orkestra_sandbox::{Limits, Pattern, Sandbox, Settings};
use orkestra_tests::{Kind, Namespace, cluster, with_namespace};
use serde_json::{Value, json};

pub(crate) const WEB: Kind = Kind::new("tests.orkestra.io/v1", "Web");
pub(crate) const SERVICE_ACCOUNT: Kind = Kind::new("v1", "ServiceAccount");
pub(crate) const CRD: &str = include_str!("crd.yaml");
pub(crate) const KATALOG: &str = include_str!("web.yaml");

/// Long enough that no test sees one: what comes back, comes back by a watch.
pub(crate) const NO_RESYNC: Duration = Duration::from_secs(24 * 3600);

/// Runs a test in a namespace of its own, beside others.
pub(crate) fn together(name: &str, test: impl AsyncFnOnce(Namespace)) {
    with_definition(name, test);
}

/// Runs a test in a namespace of its own, while no other of its program runs.
pub(crate) fn alone(name: &str, test: impl AsyncFnOnce(Namespace)) {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed before says so itself.
    let _guard = ALONE.lock();
    with_definition(name, test);
}

fn with_definition(name: &str, test: impl AsyncFnOnce(Namespace)) {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let plane = cluster().plane();
        let run = |arguments: &[&str], input| plane.kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"));
        run(&["apply", "--server-side", "-f", "-"], CRD);
        run(&["wait", "--for=condition=Established", "crd/webs.tests.orkestra.io", "--timeout=30s"], "");
    });
    with_namespace(name, test);
}

/// Checks, compiles and loads a Katalog.
fn load(katalog: &str, crd: &str) -> (model::Pattern, Pattern) {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let source = Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes());
    let (pattern, diagnostics) = orkestra_pattern::check(&source);
    let pattern = pattern.unwrap_or_else(|| panic!("the Katalog does not pass its check: {diagnostics:?}"));
    let compiled = orkestra_compile::compile(&pattern).expect("a checked pattern compiles");
    let sandbox = SANDBOX.get_or_init(|| Sandbox::new(&Settings::default()).expect("a sandbox"));
    let loaded = sandbox.load(&compiled.component, &[], Limits::default()).expect("a compiled pattern loads");
    (pattern, loaded)
}

/// The instance `web` of a Katalog.
pub(crate) fn instance(katalog: &str, resync: Duration) -> Instance {
    instance_of(katalog, CRD, resync)
}

/// The same with another definition.
pub(crate) fn instance_of(katalog: &str, crd: &str, resync: Duration) -> Instance {
    let (pattern, loaded) = load(katalog, crd);
    let entries = pattern.entries.iter().map(|entry| Entry {
        name: entry.name.clone(),
        api: Api {
            group: entry.api.group.clone(),
            version: entry.api.version.clone(),
            kind: entry.api.kind.clone(),
            plural: entry.api.plural.clone(),
            namespaced: entry.api.namespaced,
        },
        workers: entry.workers,
        resync,
        children: entry.children.iter().map(declared).collect(),
        reads: entry.reads.iter().map(declared_read).collect(),
    });
    let defaults = pattern.inputs.iter().filter_map(|input| Some((input.name.clone(), input.default.clone()?)));
    Instance {
        name: "web".to_owned(),
        entries: entries.collect(),
        crds: pattern.crds.clone(),
        pattern: Arc::new(loaded),
        inputs: Value::Object(defaults.collect()).to_string().into_bytes(),
        identity: Identity::Process,
    }
}

fn declared_read(read: &model::Read) -> DeclaredRead {
    let model::Read { id, api_version, kind, which: _, optional } = read.clone();
    DeclaredRead { id, api_version, kind, optional }
}

fn declared(child: &model::Child) -> DeclaredChild {
    DeclaredChild {
        id: child.id.clone(),
        api_version: child.api_version.clone(),
        kind: child.kind.clone(),
        policy: match child.policy {
            model::Policy::Create => ChildPolicy::Create,
            model::Policy::Apply => ChildPolicy::Apply,
            model::Policy::Delete => ChildPolicy::Delete,
        },
        requires: child.requires.clone(),
        keyed: child.for_each.is_some(),
        once: child.once,
        retain: child.retain,
        adopt: child.adopt,
        recreate: child.recreate,
    }
}

/// The runtime under test, in the process of the test.
pub(crate) struct Running {
    runtime: Runtime,
    handle: Handle,
}

impl Running {
    /// Starts the pattern `web` for one namespace and waits until it is at work.
    pub(crate) async fn start(ns: &Namespace, resync: Duration) -> Self {
        Self::start_with(ns, instance(KATALOG, resync), options(ns)).await
    }

    pub(crate) async fn start_with(ns: &Namespace, instance: Instance, options: Options) -> Self {
        let client = kube::Client::try_from(ns.cluster().config().await).expect("a client");
        let runtime = Runtime::start(client, options, vec![instance]).await;
        let runtime = runtime.unwrap_or_else(|error| panic!("the runtime does not start: {error}"));
        let handle = runtime.handle();
        orkestra_tests::eventually("the runtime is ready", orkestra_tests::SHORTLY, async || {
            if handle.is_ready() { Ok(()) } else { Err(handle.metrics()) }
        })
        .await;
        Self { runtime, handle }
    }

    /// Reconciles so far, good and bad.
    pub(crate) fn reconciles(&self) -> u64 {
        sum(&self.handle.metrics(), "controller_runtime_reconcile_total{")
    }

    /// Problems so far with this reason.
    pub(crate) fn problems(&self, reason: &str) -> u64 {
        let metrics = self.handle.metrics();
        let with_reason: String = metrics
            .lines()
            .filter(|line| line.contains(&format!("reason=\"{reason}\"")))
            .map(|l| format!("{l}\n"))
            .collect();
        sum(&with_reason, "orkestra_reconcile_problems_total{")
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(crate) async fn stop(self) {
        assert!(self.runtime.stop().await, "the runtime did not stop in time");
    }
}

fn sum(metrics: &str, name: &str) -> u64 {
    let values = metrics
        .lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}

/// Everything of the runtime's own lies in the test's namespace.
pub(crate) fn options(ns: &Namespace) -> Options {
    Options {
        namespace: ns.name().to_owned(),
        own_namespace: ns.name().to_owned(),
        install_crds: false,
        ..Options::default()
    }
}

/// Creates a Web and waits until it is ready.
pub(crate) async fn ready_web(ns: &Namespace, name: &str, spec: Value) -> Value {
    ns.create(WEB, json!({"metadata": {"name": name}, "spec": spec})).await;
    ns.wait_for_condition(WEB, name, "Ready", "True").await
}
