//! The pattern `web`, compiled and loaded as a user's would be, and the runtime that runs it in one namespace.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use orkestra_operator::{
    Api, ChildPolicy, DeclaredChild, DeclaredRead, Entry, Handle, Identity, Instance, Options, Runtime,
};
use orkestra_pattern::{Source, model};
use orkestra_sandbox::{Limits, Pattern, Sandbox, Settings};
use orkestra_tests::{Granted, Kind, Namespace, cluster, pattern_directory, with_namespace};
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

/// Applies definitions of a test's own, and waits until the API server serves them; `names` are theirs.
pub(crate) fn define(ns: &Namespace, crds: &str, names: &[String]) {
    let kubectl = |arguments: &[&str], input: &str| {
        ns.cluster().plane().kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"));
    };
    kubectl(&["apply", "--server-side", "-f", "-"], crds);
    for name in names {
        kubectl(&["wait", "--for=condition=Established", &format!("crd/{name}"), "--timeout=30s"], "");
    }
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

/// An instance, and the files that its rights are derived from.
pub(crate) struct Composed {
    instance: Instance,
    directory: PathBuf,
}

impl Deref for Composed {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl DerefMut for Composed {
    fn deref_mut(&mut self) -> &mut Instance {
        &mut self.instance
    }
}

/// A client with the rights of a runtime of these instances, and the instances, each acting as its own account.
pub(crate) async fn grant(ns: &Namespace, composed: Vec<Composed>) -> (kube::Client, Vec<Instance>) {
    let directories: Vec<_> = composed.iter().map(|composed| composed.directory.as_path()).collect();
    act_as(ns, &Granted::give(ns, &directories).await, composed).await
}

/// The same for instances that work in all namespaces.
pub(crate) async fn grant_everywhere(ns: &Namespace, composed: Vec<Composed>) -> (kube::Client, Vec<Instance>) {
    let directories: Vec<_> = composed.iter().map(|composed| composed.directory.as_path()).collect();
    act_as(ns, &Granted::give_everywhere(ns, &directories).await, composed).await
}

async fn act_as(ns: &Namespace, granted: &Granted, composed: Vec<Composed>) -> (kube::Client, Vec<Instance>) {
    let instances = composed.into_iter().map(|mut composed| {
        composed.identity =
            Identity::ServiceAccount { namespace: ns.own(), name: format!("orkestra-{}", composed.name) };
        composed.instance
    });
    (granted.client().await, instances.collect())
}

/// The instance `web` of a Katalog.
pub(crate) fn instance(katalog: &str, resync: Duration) -> Composed {
    instance_of(katalog, CRD, resync)
}

/// The same with another definition.
pub(crate) fn instance_of(katalog: &str, crd: &str, resync: Duration) -> Composed {
    let (pattern, loaded) = load(katalog, crd);
    let entries = pattern.entries.iter().map(|entry| Entry {
        hook: None,
        name: entry.name.clone(),
        api: Api {
            group: entry.api.group.clone(),
            version: entry.api.version.clone(),
            kind: entry.api.kind.clone(),
            plural: entry.api.plural.clone(),
            namespaced: entry.api.namespaced,
        },
        foreign: entry.foreign,
        selector: None,
        workers: entry.workers,
        resync,
        running: orkestra_operator::Running::default(),
        children: entry.children.iter().map(declared).collect(),
        reads: entry.reads.iter().map(declared_read).collect(),
    });
    let defaults = pattern.inputs.iter().filter_map(|input| Some((input.name.clone(), input.default.clone()?)));
    let instance = Instance {
        hook: None,
        name: "web".to_owned(),
        entries: entries.collect(),
        crds: pattern.crds.clone(),
        converts: Vec::new(),
        admits: Vec::new(),
        pattern: Arc::new(loaded),
        inputs: Value::Object(defaults.collect()).to_string().into_bytes(),
        // Put in its place where the account is made.
        identity: Identity::Process,
        about: Default::default(),
    };
    Composed { instance, directory: pattern_directory(cluster(), katalog, crd) }
}

fn declared_read(read: &model::Read) -> DeclaredRead {
    let model::Read { id, api_version, kind, which: _, optional, namespace: _, elsewhere } = read.clone();
    DeclaredRead { id, api_version, kind, optional, elsewhere: elsewhere.is_some() }
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
        elsewhere: child.elsewhere.is_some(),
        rotate_after: child.rotate_after,
        certified_for: child.tls.as_ref().map(|tls| tls.valid_for),
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

    pub(crate) async fn start_with(ns: &Namespace, instance: Composed, options: Options) -> Self {
        Self::start_all(ns, vec![instance], options).await
    }

    /// Several instances in one runtime, which has the rights for them and no others.
    pub(crate) async fn start_all(ns: &Namespace, instances: Vec<Composed>, options: Options) -> Self {
        let (client, instances) = grant(ns, instances).await;
        Self::start_granted(client, instances, options).await
    }

    /// With a client and accounts that have their rights already.
    pub(crate) async fn start_granted(client: kube::Client, instances: Vec<Instance>, options: Options) -> Self {
        let runtime = Runtime::start(client, options, instances).await;
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

/// One namespace is watched. The runtime's own objects lie in another one, which no pattern touches.
pub(crate) fn options(ns: &Namespace) -> Options {
    Options { namespace: ns.name().to_owned(), own_namespace: ns.own(), install_crds: false, ..Options::default() }
}

/// Creates a Web and waits until it is ready.
pub(crate) async fn ready_web(ns: &Namespace, name: &str, spec: Value) -> Value {
    ns.create(WEB, json!({"metadata": {"name": name}, "spec": spec})).await;
    ns.wait_for_condition(WEB, name, "Ready", "True").await
}

/// The same, and the definitions are installed.
pub(crate) fn installing(ns: &Namespace) -> Options {
    Options { install_crds: true, ..options(ns) }
}

/// Reason and message of a condition.
pub(crate) fn message_of(object: &Value, condition: &str) -> String {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|each| each["type"] == condition);
    found.map(|found| format!("{} {}", found["reason"], found["message"])).unwrap_or_default()
}
