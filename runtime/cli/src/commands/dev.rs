//! `ork dev`: a control plane of its own, the pattern running in it, and a reload at every save.

mod screen;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orkestra_devcluster::{ControlPlane, Options as PlaneOptions};
use orkestra_operator::{self as operator, Access, Cluster, Handle, Identity, Options, Runtime};
use orkestra_sandbox::Sandbox;

use super::run::{asked, stop_signal};
use crate::args::Dev;
use crate::error::Error;
use crate::output::{Output, escape, role};
use crate::pattern_dir::{MAX_FILE, PatternDir, read_whole, shown};
use crate::saves::{Saves, TICK};
use crate::{cache, composition, hooks, instances, log, over, sandbox};

use screen::{Log, Screen};
use view::{Line, Told, piece};

pub(crate) fn run(args: &Dev, output: &Output) -> Result<(), Error> {
    // What is wrong from the start is told before minutes are spent on a control plane.
    let pattern = PatternDir::read(&args.dir)?.checked(output)?;
    let title = format!("{} {}", pattern.name, pattern.version);
    // Where the machine has no name servers a pattern with such a hook does not load, and says so.
    let sandbox = sandbox::start_with(None, hooks::network().ok(), output)?;
    let instances = load(&args.dir, &sandbox, output)?;
    let plane = ControlPlane::start(&plane_options(args)?, &|line| output.note(line)).map_err(control_plane)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { what: "to start threads", source })?;
    let session = Session {
        dir: args.dir.clone(),
        cr: args.cr.clone().unwrap_or_else(|| args.dir.join("cr.yaml")),
        kubeconfig: args.kubeconfig.clone().unwrap_or_else(|| plane.kubeconfig().to_owned()),
        title,
        plane: Arc::new(plane),
        sandbox,
        output: output.clone(),
    };
    runtime.block_on(session.work(instances))
}

fn plane_options(args: &Dev) -> Result<PlaneOptions, Error> {
    let cache = cache::user_directory().ok_or_else(|| Error::Unusable {
        problem: "there is no place to keep the control plane's programs".to_owned(),
        hint: Some("set HOME or XDG_CACHE_HOME".to_owned()),
    })?;
    let mut options = PlaneOptions::new(cache, std::env::temp_dir());
    options.assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    options.kubeconfig.clone_from(&args.kubeconfig);
    Ok(options)
}

fn control_plane(error: orkestra_devcluster::Error) -> Error {
    Error::ControlPlane(error.into())
}

/// The pattern, ready to run, with the rights of this process.
fn load(dir: &Path, sandbox: &Sandbox, output: &Output) -> Result<Vec<operator::Instance>, Error> {
    let composed = composition::of_dirs(&[dir.to_owned()], output)?;
    composed
        .iter()
        .map(|instance| {
            let loaded = instances::load(&instance.pattern, sandbox)?;
            Ok(instances::describe(instance, loaded, hooks::load(instance, sandbox)?, Identity::Process))
        })
        .collect()
}

/// One run of `ork dev`.
struct Session {
    dir: PathBuf,
    cr: PathBuf,
    kubeconfig: PathBuf,
    title: String,
    plane: Arc<ControlPlane>,
    sandbox: Sandbox,
    output: Output,
}

/// What is told above the objects.
struct News {
    good: bool,
    text: String,
}

impl Session {
    async fn work(self, instances: Vec<operator::Instance>) -> Result<(), Error> {
        let stop = stop_signal()?;
        let screen = Screen::new();
        let lines = Log::default();
        if screen.is_some() {
            log::keep(&lines)?;
        } else {
            log::start(&self.output, None, true, None)?;
        }
        let access = Access::Files(vec![self.plane.kubeconfig().to_owned()]);
        let cluster = operator::connect(access, None).await.map_err(|error| Error::Cluster(error.into()))?;
        let started = tokio::select! {
            started = start(&cluster, instances.clone()) => started?,
            () = asked(stop.clone()) => return Ok(()),
        };
        self.output.done(
            "Running",
            format_args!("{b}{}{b:#} at {}", escape(&self.title), self.plane.server(), b = role::NAME),
        );
        self.output.note(format_args!("  kubectl --kubeconfig {} get all", shown(&self.kubeconfig)));
        self.output.note(format_args!(
            "  {s}a simulated kubelet: pods become ready, no container starts. Ctrl-C stops everything{s:#}",
            s = role::FAINT
        ));
        let mut show = Show { screen, told: Told::default(), log: lines, output: self.output.clone() };
        let mut running = Running { runtime: Some(started), instances };
        let first = match self.apply().await {
            Ok(()) => News { good: true, text: "running; every save is taken over".to_owned() },
            Err(news) => news,
        };
        show.news(first);
        let mut files = Saves::new(&self.dir, [&*self.cr]);
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = asked(stop.clone()) => break,
            }
            self.plane.check().map_err(control_plane)?;
            let saved = files.saved();
            if !saved.is_empty() {
                let news = self.reload(&cluster, &mut running, &saved).await?;
                show.news(news);
            }
            if let Some(handle) = running.handle() {
                show.objects(&handle)?;
            }
        }
        self.output.note("stopping");
        let Some(runtime) = running.runtime else { return Ok(()) };
        if runtime.stop().await { Ok(()) } else { Err(Error::NotInTime) }
    }

    /// Takes over what was saved. What is wrong with it is news, and what ran goes on.
    async fn reload(&self, cluster: &Cluster, running: &mut Running, saved: &[PathBuf]) -> Result<News, Error> {
        let names: Vec<String> = saved.iter().map(|path| shown(path)).collect();
        let names = names.join(", ");
        if saved.iter().any(|path| *path != self.cr) {
            let files = match PatternDir::read(&self.dir) {
                Ok(files) => files,
                Err(error) => return Ok(News { good: false, text: error.to_string() }),
            };
            let (pattern, mut problems) = orkestra_pattern::check(&files.source);
            if pattern.is_none() {
                problems.sort();
                return Ok(News { good: false, text: files.render(&problems, false) });
            }
            let loaded = tokio::task::block_in_place(|| load(&self.dir, &self.sandbox, &self.output));
            let instances = match loaded {
                Ok(instances) => instances,
                Err(error) => return Ok(News { good: false, text: chain(&error) }),
            };
            if let Err(error) = running.replace(cluster, instances).await? {
                return Ok(News { good: false, text: format!("{names}: not taken over: {}", chain(&error)) });
            }
        }
        Ok(match self.apply().await {
            Ok(()) => News { good: true, text: format!("{names}: taken over") },
            Err(news) => news,
        })
    }

    /// Applies the custom resources, as a user would.
    async fn apply(&self) -> Result<(), News> {
        let bad = |text: String| News { good: false, text };
        let bytes = read_whole(&self.cr, MAX_FILE).map_err(|error| bad(chain(&error)))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let plane = self.plane.clone();
        let arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager=ork-dev", "-f", "-"];
        let applied = tokio::task::spawn_blocking(move || plane.kubectl(&arguments, &text)).await;
        match applied {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(orkestra_devcluster::Error::Kubectl { stderr, .. })) => {
                Err(bad(format!("{} is refused: {stderr}", shown(&self.cr))))
            }
            Ok(Err(error)) => Err(bad(error.to_string())),
            Err(error) => Err(bad(error.to_string())),
        }
    }
}

async fn start(cluster: &Cluster, instances: Vec<operator::Instance>) -> Result<Runtime, Error> {
    let started = Runtime::start(cluster.client.clone(), Options::default(), instances).await;
    started.map_err(|error| Error::Runtime(error.into()))
}

/// What runs, and what it was started with.
struct Running {
    runtime: Option<Runtime>,
    instances: Vec<operator::Instance>,
}

impl Running {
    fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(Runtime::handle)
    }

    /// Runs other instances in the place of these. If they do not start, these are started again and the reason is given.
    async fn replace(
        &mut self,
        cluster: &Cluster,
        instances: Vec<operator::Instance>,
    ) -> Result<Result<(), Error>, Error> {
        if let Some(runtime) = self.runtime.take() {
            // What does not end in time is dropped with the runtime.
            runtime.stop().await;
        }
        match start(cluster, instances.clone()).await {
            Ok(runtime) => {
                (self.runtime, self.instances) = (Some(runtime), instances);
                Ok(Ok(()))
            }
            Err(error) => {
                self.runtime = Some(start(cluster, self.instances.clone()).await?);
                Ok(Err(error))
            }
        }
    }
}

/// Where news and objects are shown.
struct Show {
    screen: Option<Screen>,
    told: Told,
    log: Log,
    output: Output,
}

impl Show {
    fn news(&mut self, news: News) {
        let News { good, text } = news;
        match (&mut self.screen, good) {
            (Some(screen), _) => screen.news(good, &text),
            (None, true) => self.output.note(escape(&text)),
            (None, false) => self.output.message(escape(&text)),
        }
    }

    fn objects(&mut self, handle: &Handle) -> Result<(), Error> {
        let seen = handle.seen();
        let Some(screen) = &mut self.screen else {
            return self
                .told
                .changes(&seen, handle.is_ready())
                .iter()
                .try_for_each(|line| self.output.data(&format!("{line}\n")));
        };
        let mut lines: Vec<Line> = vec![Vec::new()];
        lines.extend(view::table(&seen, over::clock() / 1000));
        lines.extend(handle.waits_for().iter().map(|line| vec![piece(role::FAINT, line)]));
        lines.push(Vec::new());
        lines.extend(self.log.lines().iter().map(|line| vec![piece(role::FAINT, line)]));
        screen.draw(lines, &self.output)
    }
}

/// An error with what caused it, on one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
