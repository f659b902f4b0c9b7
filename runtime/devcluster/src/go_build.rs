//! Building the programs from the Go modules that this crate carries.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::binaries::is_executable;
use crate::process::random_hex;
use crate::{Error, versions};

/// A Go module that this crate carries: most have no content but the programs they require.
pub(crate) struct GoModule {
    pub(crate) go_mod: &'static str,
    go_sum: &'static str,
    /// `main.go`, or nothing.
    main: &'static str,
}

/// Programs that are kept in one directory.
pub(crate) struct GoPrograms {
    /// What the reports call them.
    pub(crate) title: &'static str,
    /// What a build costs, for the person who waits.
    pub(crate) cost: &'static str,
    /// What the linker sets in them, beside leaving out symbols.
    set: fn() -> String,
    /// Names, modules and packages, in the order in which they are built.
    pub(crate) packages: &'static [(&'static str, &'static GoModule, &'static str)],
}

impl GoPrograms {
    /// The programs that `directory` does not hold as executable files.
    pub(crate) fn missing_from(&self, directory: &Path) -> Vec<&'static str> {
        let names = self.packages.iter().map(|(name, ..)| *name);
        names.filter(|name| !is_executable(&directory.join(name))).collect()
    }
}

/// etcd and Kubernetes. Carried in the program, so that an installed one can build too.
pub(crate) const CONTROL_PLANE_MODULE: GoModule = GoModule {
    go_mod: include_str!("../control-plane/go.mod"),
    go_sum: include_str!("../control-plane/go.sum"),
    main: "",
};

/// kwok, whose dependencies are older ones.
pub(crate) const KWOK_MODULE: GoModule =
    GoModule { go_mod: include_str!("../kwok/go.mod"), go_sum: include_str!("../kwok/go.sum"), main: "" };

/// The programs of a control plane.
pub(crate) const CONTROL_PLANE: GoPrograms = GoPrograms {
    title: "the control plane",
    cost: "on two cores all six take about ten minutes and 4 GB of Go's build cache",
    set: kubernetes_version,
    packages: &[
        ("etcd", &CONTROL_PLANE_MODULE, "go.etcd.io/etcd/server/v3"),
        ("kube-apiserver", &CONTROL_PLANE_MODULE, "k8s.io/kubernetes/cmd/kube-apiserver"),
        ("kube-controller-manager", &CONTROL_PLANE_MODULE, "k8s.io/kubernetes/cmd/kube-controller-manager"),
        ("kube-scheduler", &CONTROL_PLANE_MODULE, "k8s.io/kubernetes/cmd/kube-scheduler"),
        ("kubectl", &CONTROL_PLANE_MODULE, "k8s.io/kubernetes/cmd/kubectl"),
        ("kwok", &KWOK_MODULE, "sigs.k8s.io/kwok/cmd/kwok"),
    ],
};

/// A plain registry, and two clients.
const CLIENTS_MODULE: GoModule = GoModule {
    go_mod: include_str!("../registries/programs/go.mod"),
    go_sum: include_str!("../registries/programs/go.sum"),
    main: "",
};

/// cosign, whose graph is far larger.
const COSIGN_MODULE: GoModule = GoModule {
    go_mod: include_str!("../registries/cosign/go.mod"),
    go_sum: include_str!("../registries/cosign/go.sum"),
    main: "",
};

/// Our registry with the referrers API.
const REFERRERS_MODULE: GoModule = GoModule {
    go_mod: include_str!("../registries/referrers/go.mod"),
    go_sum: include_str!("../registries/referrers/go.sum"),
    main: include_str!("../registries/referrers/main.go"),
};

/// Registries and the clients that artifacts are exchanged with. cosign is last: it takes longest.
pub(crate) const REGISTRIES: GoPrograms = GoPrograms {
    title: "the registries",
    cost: "on two cores all five take some minutes, most of them for cosign",
    set: String::new,
    packages: &[
        ("referrers-registry", &REFERRERS_MODULE, "."),
        ("registry", &CLIENTS_MODULE, "github.com/distribution/distribution/v3/cmd/registry"),
        ("crane", &CLIENTS_MODULE, "github.com/google/go-containerregistry/cmd/crane"),
        ("oras", &CLIENTS_MODULE, "oras.land/oras/cmd/oras"),
        ("cosign", &COSIGN_MODULE, "github.com/sigstore/cosign/v3/cmd/cosign"),
    ],
};

/// Helm, which renders the chart.
pub(crate) const HELM_MODULE: GoModule = GoModule {
    go_mod: include_str!("../deployment/helm/go.mod"),
    go_sum: include_str!("../deployment/helm/go.sum"),
    main: "",
};

/// promtool, whose graph has the clients of every cloud that Prometheus finds targets in.
pub(crate) const PROMTOOL_MODULE: GoModule = GoModule {
    go_mod: include_str!("../deployment/promtool/go.mod"),
    go_sum: include_str!("../deployment/promtool/go.sum"),
    main: "",
};

/// What reads the files of a deployment.
pub(crate) const DEPLOYMENT: GoPrograms = GoPrograms {
    title: "the readers of a deployment",
    cost: "on two cores both take about ten minutes, most of them for promtool",
    set: String::new,
    packages: &[
        ("helm", &HELM_MODULE, "helm.sh/helm/v4/cmd/helm"),
        ("promtool", &PROMTOOL_MODULE, "github.com/prometheus/prometheus/cmd/promtool"),
    ],
};

/// Without this the API server says it is v0.0.0-master, which clients that read the version refuse.
fn kubernetes_version() -> String {
    let (major, minor) = versions::kubernetes_major_minor();
    let version = "k8s.io/component-base/version.git";
    format!(" -X {version}Version={} -X {version}Major={major} -X {version}Minor={minor}", versions::KUBERNETES)
}

/// How often a build says how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(15);

/// How many lines of a failed build are shown.
const TAIL: usize = 20;

/// Builds the programs that `target` lacks. Several processes may do this at once: one builds, the others wait for it.
pub(crate) fn build_into(programs: &GoPrograms, target: &Path, report: &dyn Fn(&str)) -> Result<(), Error> {
    std::fs::create_dir_all(target).map_err(Error::file("create", target))?;
    let lock_path = beside(target, "lock");
    let lock = File::create(&lock_path).map_err(Error::file("create", &lock_path))?;
    if lock.try_lock().is_err() {
        report(&format!("another process is building {}: waiting for it", programs.title));
        lock.lock().map_err(Error::file("lock", &lock_path))?;
    }
    let missing = programs.missing_from(target);
    if missing.is_empty() {
        return Ok(());
    }
    let go = Command::new("go").arg("version").stdin(Stdio::null()).output();
    let go = go.map_err(|source| Error::GoMissing { missing: missing.clone(), source })?;
    report(&format!(
        "building {} for {} with {}",
        missing.join(", "),
        programs.title,
        String::from_utf8_lossy(&go.stdout).trim().trim_start_matches("go version ")
    ));
    report(&format!("this is needed once; {}", programs.cost));

    let work = beside(target, &format!("building-{}", random_hex()?));
    std::fs::create_dir(&work).map_err(Error::file("create", &work))?;
    let built = missing.iter().try_for_each(|program| build_one(programs, program, target, &work, report));
    // What is left of the work directory is of no use to anybody, and its removal is no reason to fail.
    let _ = std::fs::remove_dir_all(&work);
    built?;
    report(&format!("the programs of {} are in {}", programs.title, target.display()));
    Ok(())
}

/// A path in the same directory, so that a rename between the two is one step. (`with_extension` would cut the version.)
fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// Builds one program and moves it to its place in one step, so that no other process sees half of it.
fn build_one(
    programs: &GoPrograms,
    program: &str,
    target: &Path,
    work: &Path,
    report: &dyn Fn(&str),
) -> Result<(), Error> {
    let Some((_, module, package)) = programs.packages.iter().find(|(name, ..)| *name == program) else {
        return Ok(());
    };
    for (name, text) in [("go.mod", module.go_mod), ("go.sum", module.go_sum), ("main.go", module.main)] {
        let path = work.join(name);
        // An empty main.go would be no Go file at all.
        if name == "main.go" && text.is_empty() {
            continue;
        }
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    let output = work.join(program);
    let flags = format!("-s -w{}", (programs.set)());
    let mut go = Command::new("go");
    go.current_dir(work).env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOWORK", "off");
    go.args(["build", "-v", "-trimpath", "-mod=readonly", "-ldflags", &flags, "-o"]).arg(&output).arg(package);
    run(&mut go, program, report)?;
    let place = target.join(program);
    std::fs::rename(&output, &place).map_err(Error::file("write", &place))
}

/// Runs the Go tool, which names every package it downloads or compiles on a line of its own.
fn run(go: &mut Command, program: &str, report: &dyn Fn(&str)) -> Result<(), Error> {
    let not_started = |source| Error::NotStarted { program: "go".into(), source };
    let begin = Instant::now();
    report(&format!("{program}: building"));
    let mut child =
        go.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(not_started)?;
    let mut tail = std::collections::VecDeque::new();
    let (mut lines, mut said) = (0, begin);
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            lines += 1;
            if said.elapsed() >= REPORT_EVERY {
                said = Instant::now();
                report(&format!("{program}: {lines} packages after {} s, now {line}", begin.elapsed().as_secs()));
            }
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(line);
        }
    }
    let status = child.wait().map_err(not_started)?;
    if status.success() {
        report(&format!("{program}: built in {} s", begin.elapsed().as_secs()));
        return Ok(());
    }
    Err(Error::BuildFailed { command: format!("go build {program}"), status, tail: Vec::from(tail).join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_package_that_its_module_names_as_a_tool() {
        for program in crate::binaries::PROGRAMS {
            let (_, module, package) = CONTROL_PLANE.packages.iter().find(|(name, ..)| *name == program).unwrap();
            let named = module.go_mod.lines().any(|line| line.trim().trim_start_matches("tool ") == *package);
            assert!(named, "{package} is not a tool of its go.mod");
        }
    }
}
