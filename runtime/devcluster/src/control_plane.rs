//! Starting, watching and stopping a control plane.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::credentials::{Credentials, User};
use crate::kubectl::Kubectl;
use crate::parts::{self, Ports};
use crate::process::{Process, Watcher, random_hex};
use crate::{Binaries, Error, Options, find_or_build};

/// Ports are taken from below those that the kernel gives to outgoing connections, so that none of them gets one of ours
/// between the look and the use, nor while the API server is being restarted.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// How long the API server may take. It takes two seconds on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// One process of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers of the built-in kinds, and garbage collection.
    ControllerManager,
    /// What binds pods to the node.
    Scheduler,
    /// The simulated kubelet.
    Kubelet,
}

impl Part {
    /// Every part, in the order of their start.
    pub const ALL: [Self; 5] = [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Kubelet];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "simulated kubelet (kwok)",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Kubelet => "kwok",
            other => other.name(),
        }
    }
}

/// A running control plane. It stops when this value is dropped, and also when the process ends in any other way.
#[derive(Debug)]
pub struct ControlPlane {
    running: Mutex<Running>,
    data: PathBuf,
    kubeconfig: PathBuf,
    server: String,
    token: String,
    kubectl: Kubectl,
}

/// What changes while a control plane runs.
#[derive(Debug)]
struct Running {
    watcher: Watcher,
    processes: Vec<Process>,
}

impl ControlPlane {
    /// Finds or builds the programs and starts them: etcd, API server, controllers, scheduler and simulated kubelet, with one
    /// node that is ready and a default storage class whose claims are bound.
    ///
    /// Takes about four seconds where the programs are built, and blocks. `report` gets lines for a person.
    ///
    /// # Errors
    ///
    /// What [`find_or_build`] says; [`Error::PartEnded`] with the end of its log for a part that does not stay;
    /// [`Error::NotReady`] for one that never answers. Nothing keeps running then, and the data is removed.
    pub fn start(options: &Options, report: &dyn Fn(&str)) -> Result<Self, Error> {
        let binaries = find_or_build(options, report)?;
        let data = make_data_directory(&options.temporary)?;
        let copy = options.kubeconfig.as_deref().map(absolute).transpose()?;
        let remove = [(!options.keep_data).then_some(data.as_path()), copy.as_deref()];
        let watcher = Watcher::start(remove.into_iter().flatten())?;
        let running = Mutex::new(Running { watcher, processes: Vec::new() });
        let ports = free_ports()?;
        let credentials = Credentials::make(&data)?;
        let server = ports.server();

        let write = |name: &str, text: &str| {
            let path = data.join(name);
            std::fs::write(&path, text).map_err(Error::file("write", &path)).map(|()| path)
        };
        let kubeconfig = write("kubeconfig", &credentials.kubeconfig(User::Admin, &server)?)?;
        std::fs::set_permissions(&kubeconfig, Permissions::from_mode(0o600))
            .map_err(Error::file("protect", &kubeconfig))?;
        if let Some(copy) = &copy {
            std::fs::copy(&kubeconfig, copy).map_err(Error::file("write", copy))?;
        }
        let kubectl = Kubectl {
            program: binaries.program("kubectl"),
            kubeconfig: kubeconfig.clone(),
            cache: data.join("kubectl-cache"),
        };
        let plane = Self {
            running,
            kubeconfig,
            server,
            token: credentials.token(User::Admin).to_owned(),
            kubectl,
            data: data.clone(),
        };

        let policy = write("audit-policy.yaml", include_str!("../assets/audit-policy.yaml"))?;
        plane.launch(&binaries, Part::Etcd, parts::etcd(&data, &ports, &credentials))?;
        let arguments = parts::api_server(&ports, &credentials, &policy, &plane.audit_log());
        plane.launch(&binaries, Part::ApiServer, arguments)?;
        plane.wait_until_ready()?;

        let kubeconfig_of =
            |user: User, name: &str| credentials.kubeconfig(user, &plane.server).and_then(|text| write(name, &text));
        let controllers = kubeconfig_of(User::ControllerManager, "controller-manager.kubeconfig")?;
        let scheduler = kubeconfig_of(User::Scheduler, "scheduler.kubeconfig")?;
        let kubelet = kubeconfig_of(User::Kubelet, "kubelet.kubeconfig")?;
        let stages = write("stages.yaml", include_str!("../assets/stages.yaml"))?;
        plane.launch(&binaries, Part::ControllerManager, parts::controller_manager(&controllers, &credentials))?;
        plane.launch(&binaries, Part::Scheduler, parts::scheduler(&scheduler))?;
        plane.kubectl(&["create", "-f", "-"], include_str!("../assets/objects.yaml"))?;
        plane.launch(&binaries, Part::Kubelet, parts::kubelet(&kubelet, &stages))?;
        plane.wait_for_node()?;
        Ok(plane)
    }

    fn launch(&self, binaries: &Binaries, part: Part, arguments: Vec<std::ffi::OsString>) -> Result<(), Error> {
        let log = self.data.join(format!("{}.log", part.program()));
        let mut running = self.lock();
        let Running { watcher, processes } = &mut *running;
        processes.push(Process::start(part.name(), binaries.program(part.program()), arguments, log, watcher)?);
        Ok(())
    }

    /// The kubeconfig of a cluster administrator. It is removed with the data; it holds no path, so a copy works as well.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The bearer token of a cluster administrator.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.token
    }

    /// The directory with data and logs.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The API server's audit log: one JSON object a line for each answered request (watches excepted) that did not come
    /// from the control plane itself, at level `Metadata`.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.data.join("audit.log")
    }

    /// The process id of a part.
    #[must_use]
    pub fn pid(&self, part: Part) -> u32 {
        self.with(part, |process, _| process.pid())
    }

    /// Stops a part's execution (SIGSTOP): its connections stay open, and nothing is answered.
    ///
    /// # Errors
    ///
    /// [`Error::Signal`] if the process is gone.
    pub fn pause(&self, part: Part) -> Result<(), Error> {
        self.with(part, |process, _| process.signal(Signal::STOP))
    }

    /// Lets a paused part go on.
    ///
    /// # Errors
    ///
    /// [`Error::Signal`] if the process is gone.
    pub fn resume(&self, part: Part) -> Result<(), Error> {
        self.with(part, |process, _| process.signal(Signal::CONT))
    }

    /// Kills a part. [`Self::start_again`] brings it back.
    ///
    /// # Errors
    ///
    /// [`Error::Signal`] if that is not possible.
    pub fn kill(&self, part: Part) -> Result<(), Error> {
        self.with(part, Process::kill)
    }

    /// Starts a killed part with the same addresses and data, and waits until the API server answers.
    ///
    /// # Errors
    ///
    /// [`Error::NotStarted`], [`Error::PartEnded`], [`Error::NotReady`].
    pub fn start_again(&self, part: Part) -> Result<(), Error> {
        self.with(part, Process::start_again)?;
        self.wait_until_ready()
    }

    /// Runs kubectl as the administrator, with `input` on its standard input. What it prints is returned.
    ///
    /// # Errors
    ///
    /// [`Error::Kubectl`] with what it printed to standard error.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        self.kubectl.run(arguments, input)
    }

    /// Whether every part still runs.
    ///
    /// # Errors
    ///
    /// [`Error::PartEnded`] for the first that does not.
    pub fn check(&self) -> Result<(), Error> {
        self.lock().processes.iter_mut().try_for_each(Process::check)
    }

    /// Stops everything and removes the data, as dropping does.
    pub fn stop(self) {
        drop(self);
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // A panic in between leaves nothing that the next one could not use.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parts are held in the order of their start, which is [`Part::ALL`]'s.
    fn with<T>(&self, part: Part, act: impl FnOnce(&mut Process, &mut Watcher) -> T) -> T {
        let mut running = self.lock();
        let Running { watcher, processes } = &mut *running;
        act(&mut processes[part as usize], watcher)
    }

    fn wait_until_ready(&self) -> Result<(), Error> {
        self.wait("the API server", || self.kubectl(&["get", "--raw=/readyz"], "").map(|_| true))
    }

    fn wait_for_node(&self) -> Result<(), Error> {
        let path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}{.items[*].spec.taints}";
        self.wait("the node of the simulated kubelet", || {
            self.kubectl(&["get", "nodes", "-o", path], "").map(|answer| answer == "True")
        })
    }

    fn wait(&self, what: &'static str, ready: impl Fn() -> Result<bool, Error>) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            self.check()?;
            let last = match ready() {
                Ok(true) => return Ok(()),
                Ok(false) => "not yet".to_owned(),
                Err(error) => error.to_string(),
            };
            if begin.elapsed() > START_LIMIT {
                return Err(Error::NotReady { what, seconds: START_LIMIT.as_secs(), last });
            }
            std::thread::sleep(ASK_EVERY);
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.watcher.stop(&mut running.processes);
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::file("find", path))
}

/// A directory that only this user can read: it holds keys.
fn make_data_directory(temporary: &Path) -> Result<PathBuf, Error> {
    let path = temporary.join(format!("orkestra-devcluster-{}", random_hex()?));
    std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(Error::file("create", &path))?;
    path.canonicalize().map_err(Error::file("open", &path))
}

/// Ports that nobody listens on. They are tried from a random place on, so that several control planes that start at once do
/// not meet.
fn free_ports() -> Result<Ports, Error> {
    let random = u32::from_str_radix(&random_hex()?[..7], 16).unwrap_or_default();
    let span = PORTS.end - PORTS.start;
    let first = u16::try_from(random % u32::from(span)).unwrap_or_default();
    let mut listeners =
        (0..span).filter_map(|step| TcpListener::bind(("127.0.0.1", PORTS.start + (first + step) % span)).ok());
    // All three are held until the last is found, so that they differ.
    let mut held = Vec::new();
    let mut next = || -> Result<u16, Error> {
        let none = Error::NoPort { from: PORTS.start, to: PORTS.end };
        let Some(listener) = listeners.next() else { return Err(none) };
        let Ok(address) = listener.local_addr() else { return Err(none) };
        held.push(listener);
        Ok(address.port())
    };
    Ok(Ports { etcd: next()?, etcd_peer: next()?, api_server: next()? })
}
