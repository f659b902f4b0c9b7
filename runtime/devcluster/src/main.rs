//! `devcluster`: a throw-away control plane for a person or a script.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use orkestra_devcluster::{
    ControlPlane, Error, Options, Part, find_or_build, find_or_build_deployment, find_or_build_registries, versions,
};

const HELP: &str = "\
A throw-away Kubernetes control plane on loopback, with a simulated kubelet: pods become ready, no container runs.

Usage: devcluster up [--kubeconfig FILE] [--keep]
       devcluster build
       devcluster build-registries
       devcluster build-deployment

Commands:
  up      Start it, say how to reach it, and wait. It stops with this process, however that ends
  build   Build the programs that are missing (ten minutes and 4 GB on two cores)
  build-registries
          Build the OCI registries and clients that are missing (some minutes on two cores)
  build-deployment
          Build helm and promtool where they are missing (ten minutes on two cores)

Options:
  --kubeconfig FILE   Write the administrator's kubeconfig to FILE too; removed at the end
  --keep              Leave the data directory, with the logs, behind

Environment:
  KUBEBUILDER_ASSETS  A directory that holds etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl and kwok
  XDG_CACHE_HOME      Built programs are kept below it (default ~/.cache)
  TMPDIR              Data is kept below it (default /tmp)
";

enum Command {
    Up,
    Build,
    BuildRegistries,
    BuildDeployment,
    Help,
}

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)) {
        Ok((Command::Help, _)) => {
            print(HELP);
            ExitCode::SUCCESS
        }
        Ok((command, options)) => match run(&command, &options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&format!("error: {error}"));
                ExitCode::from(1)
            }
        },
        Err(problem) => {
            say(&format!("error: {problem}\n\nhint: `devcluster help`"));
            ExitCode::from(2)
        }
    }
}

fn arguments(given: impl Iterator<Item = String>) -> Result<(Command, Options), String> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let mut options = Options::new(cache, std::env::temp_dir());
    options.assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let mut command = None;
    let mut given = given;
    while let Some(argument) = given.next() {
        match (argument.as_str(), &command) {
            ("help" | "--help" | "-h", _) => return Ok((Command::Help, options)),
            ("up", None) => command = Some(Command::Up),
            ("build", None) => command = Some(Command::Build),
            ("build-registries", None) => command = Some(Command::BuildRegistries),
            ("build-deployment", None) => command = Some(Command::BuildDeployment),
            ("--keep", Some(Command::Up)) => options.keep_data = true,
            ("--kubeconfig", Some(Command::Up)) => {
                let file = given.next().ok_or("--kubeconfig needs a file")?;
                options.kubeconfig = Some(PathBuf::from(file));
            }
            (other, None) => return Err(format!("no such command: {other}")),
            (other, Some(_)) => return Err(format!("unexpected argument: {other}")),
        }
    }
    command.map(|command| (command, options)).ok_or_else(|| "no command given".to_owned())
}

fn run(command: &Command, options: &Options) -> Result<(), Error> {
    if matches!(command, Command::Build) {
        let binaries = find_or_build(options, &say)?;
        say(&format!("ready: {}", binaries.directory().display()));
        return Ok(());
    }
    if matches!(command, Command::BuildRegistries) {
        let directory = find_or_build_registries(&options.cache, &say)?;
        say(&format!("ready: {}", directory.display()));
        return Ok(());
    }
    if matches!(command, Command::BuildDeployment) {
        let directory = find_or_build_deployment(&options.cache, &say)?;
        say(&format!("ready: {}", directory.display()));
        return Ok(());
    }
    let plane = ControlPlane::start(options, &say)?;
    say(&format!(
        "Kubernetes {} (etcd {}, simulated kubelet: kwok {}) at {}",
        versions::KUBERNETES,
        versions::ETCD,
        versions::KWOK,
        plane.server()
    ));
    for part in Part::ALL {
        say(&format!("  {:<26} process {}", part.name(), plane.pid(part)));
    }
    say(&format!("  data and logs in {}{}", plane.data().display(), if options.keep_data { " (kept)" } else { "" }));
    let kubeconfig = options.kubeconfig.as_deref().unwrap_or(plane.kubeconfig());
    print(&format!("export KUBECONFIG={}\n", kubeconfig.display()));
    say("stops with Ctrl-C");
    // The end of this process, by whatever means, is what stops the control plane.
    loop {
        std::thread::sleep(Duration::from_millis(500));
        plane.check()?;
    }
}

#[allow(clippy::print_stdout, reason = "this is the program's own output")]
fn print(text: &str) {
    use std::io::Write;
    // A reader that has gone away is no reason to stop.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}

#[allow(clippy::print_stderr, reason = "this is the program's own output")]
fn say(text: &str) {
    eprintln!("{text}");
}
