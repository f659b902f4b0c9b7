//! Why a command ended, printed once.

use std::io;
use std::path::PathBuf;

use orkestra_pattern::diagnostic::{Diagnostics, Severity, place};
use orkestra_pattern::source::Source;

use crate::composition::grants::{Capability, Reason};
use crate::output::count;

/// Why a command ended without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Problems in the author's files, printed already. The first one, with its place, is for those who see no more than one line.
    #[error("{}", problems(*.errors, *.warnings))]
    Problems { errors: usize, warnings: usize, first: Option<String> },
    /// A difference that the command exists to find, printed already.
    #[error("")]
    Silent,
    /// Cases that did not pass, printed already.
    #[error("{failed} of {} did not pass", count(*.all, "case"))]
    Cases { failed: usize, all: usize, differs: bool },
    /// Cases that reach too little of their patterns, told already.
    #[error("the cases reach {percent} % of templates and outcomes of `when`, and should reach {min} %")]
    Uncovered { percent: usize, min: u8 },
    /// Expressions that were answered with a problem, printed already.
    #[error("{} without a value", count(*.failed, "expression"))]
    Expressions { failed: usize },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write to stdout")]
    Stdout(#[source] io::Error),
    #[error("`{}` is not a pattern: it has no katalog.yaml", path.display())]
    NotAPattern { path: PathBuf },
    /// What was typed cannot be done.
    #[error("{problem}")]
    Unusable { problem: String, hint: Option<String> },
    #[error("`{text}` is not a log filter")]
    LogFilter { text: String, source: tracing_subscriber::filter::ParseError },
    /// What the environment says of traces.
    #[error(transparent)]
    Traces(#[from] crate::traces::TracesError),
    #[error("context `{context}` is not on this machine ({server})")]
    NotConfirmed { context: String, server: String },
    #[error("stopped: `{context}` was not confirmed")]
    Declined { context: String },
    #[error("the pattern could not be compiled")]
    Compile(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("`{}` is not a component that ork built", path.display())]
    Component { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the sandbox could not be started")]
    Sandbox(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("pattern `{name}` was refused by the sandbox")]
    Load { name: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("HookMissing: `{name}` calls a hook, and there is no hooks.wasm")]
    HookMissing { name: String },
    #[error("HookNotBuilt: {problem}")]
    HookBuild { problem: String },
    #[error("the pattern did not render: {reason}")]
    Render { reason: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{name} could not be converted to {to}: {reason}")]
    Convert { name: String, to: String, reason: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the cluster cannot be used")]
    Cluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the control plane does not run")]
    ControlPlane(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the webhook cannot be served")]
    Webhook(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the runtime ended")]
    Runtime(#[source] Box<orkestra_operator::StartError>),
    #[error("cannot listen on {address}")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("not everything came to its end in time")]
    NotInTime,
    /// An editor that did not say goodbye.
    #[error(transparent)]
    Editor(#[from] crate::lsp::Ended),
    /// An artifact that could not be had, or was refused.
    #[error("{}", refused(.0))]
    Artifact(orkestra_artifact::Error),
    /// An import of a Komposer.
    #[error("{}: `{name}`: {source}", source.reason())]
    Import { name: String, locked: bool, source: Box<orkestra_komposer::FetchError> },
    /// What is wrong with one import of several.
    #[error("`{name}`: {source}")]
    OfImport { name: String, source: Box<Error> },
    #[error("GroupNotAllowed: the policy `{policy}` does not allow kinds in the group `{group}`")]
    GroupNotAllowed { policy: String, group: String },
    /// A pattern that asks for more than it is granted.
    #[error("{}", not_granted(name, denied))]
    CapabilityDenied { name: String, denied: Vec<Capability> },
    /// A lock that is missing or does not fit: one line for each way in which it does not.
    #[error("{}", stale(problems))]
    NotLocked { problems: Vec<orkestra_komposer::Stale> },
    /// `ork lock --check`.
    #[error("NotLocked: `{}` does not fit", path.display())]
    Outdated { path: PathBuf },
    #[error("IdentityReused: {0}")]
    IdentityReused(orkestra_komposer::IdentityReused),
    #[error("not verified: {reason}")]
    Signature { reason: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{}` is not a key that can be used", path.display())]
    Key { path: PathBuf, source: orkestra_artifact::signature::KeyError },
    /// A pulled pattern that does not build to its component here.
    #[error("{}", not_rebuilt(.0))]
    Rebuild(crate::rebuild::Refused),
    #[error("{}", not_migrated(.0))]
    Migrate(orkestra_operator::migrate::MigrateError),
    #[error("{}", not_removed(.0))]
    Uninstall(orkestra_operator::uninstall::UninstallError),
    #[error("the manifests of this ork have no `{pointer}`")]
    Manifest { pointer: &'static str },
    #[error("the machine refused {what}")]
    Machine { what: &'static str, source: io::Error },
}

impl From<orkestra_artifact::Error> for Error {
    fn from(error: orkestra_artifact::Error) -> Self {
        Self::Artifact(error)
    }
}

impl From<crate::rebuild::Refused> for Error {
    fn from(refused: crate::rebuild::Refused) -> Self {
        Self::Rebuild(refused)
    }
}

impl Error {
    /// Itself, as the fault of one import.
    pub(crate) fn of_import(self, name: &str) -> Self {
        Self::OfImport { name: name.to_owned(), source: Box::new(self) }
    }

    /// Problems in files of a source, which are printed already.
    pub(crate) fn problems(problems: &Diagnostics, source: &Source) -> Self {
        let error = problems.iter().find(|problem| problem.severity == Severity::Error);
        let first = error.map(|problem| {
            let hint = problem.hints.first().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{} {}: {}{hint}", place(problem, source), problem.code.id, problem.message)
        });
        Self::Problems { errors: problems.errors() + problems.omitted(), warnings: problems.warnings(), first }
    }

    /// What an instance asks for and is not granted, where that is why.
    pub(crate) fn denied(&self) -> &[Capability] {
        match self {
            Self::CapabilityDenied { denied, .. } => denied,
            Self::OfImport { source, .. } => source.denied(),
            _ => &[],
        }
    }

    /// Itself and what caused it, in one line.
    pub(crate) fn chain(&self) -> String {
        let (mut text, mut last) = (self.to_string(), self.to_string());
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let next = error.to_string();
            // An error that only wraps another one has said it.
            if !last.ends_with(&next) {
                text.push_str(&format!(": {next}"));
            }
            last = next;
            cause = error.source();
        }
        text
    }

    /// The word for it in logs and metrics, where it keeps an import from running.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Problems { .. } => "InvalidPattern",
            Self::NotAPattern { .. } => "NotAPattern",
            Self::Read { .. } => "FileFailed",
            Self::Artifact(error) => error.reason(),
            Self::Import { source, .. } => source.reason(),
            Self::Rebuild(refused) => refused.reason(),
            Self::OfImport { source, .. } => source.reason(),
            Self::GroupNotAllowed { .. } => "GroupNotAllowed",
            Self::CapabilityDenied { .. } => "CapabilityDenied",
            Self::NotLocked { problems } => problems.first().map_or("NotLocked", orkestra_komposer::Stale::reason),
            Self::Compile(_) => "CompileFailed",
            Self::HookMissing { .. } => "HookMissing",
            Self::HookBuild { .. } => "HookNotBuilt",
            Self::Load { .. } => "Refused",
            Self::Runtime(error) => error.reason(),
            Self::IdentityReused(reused) => reused.reason(),
            _ => "Failed",
        }
    }

    /// Whether it may come right by itself, so that it is worth another try.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Artifact(_) | Self::Import { .. } | Self::Runtime(_) => true,
            Self::OfImport { source, .. } => source.may_pass(),
            _ => false,
        }
    }

    /// The exit status: 1 problems found, 2 not usable as typed, 3 a fault of ork or of the machine.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Stdout(source) if source.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Problems { .. }
            | Self::Silent
            | Self::Cases { .. }
            | Self::Uncovered { .. }
            | Self::Expressions { .. }
            | Self::Component { .. }
            | Self::Load { .. }
            | Self::HookMissing { .. }
            | Self::HookBuild { .. }
            | Self::Render { .. }
            | Self::Convert { .. }
            | Self::Webhook(_)
            | Self::Runtime(_)
            | Self::Artifact(_)
            | Self::Signature { .. }
            | Self::Import { .. }
            | Self::GroupNotAllowed { .. }
            | Self::CapabilityDenied { .. }
            | Self::NotLocked { .. }
            | Self::Outdated { .. }
            | Self::IdentityReused(_)
            | Self::NotInTime
            | Self::Editor(_)
            | Self::Migrate(_)
            | Self::Uninstall(_)
            | Self::Declined { .. } => 1,
            Self::Read { .. }
            | Self::Write { .. }
            | Self::NotAPattern { .. }
            | Self::Unusable { .. }
            | Self::LogFilter { .. }
            | Self::Traces(_)
            | Self::NotConfirmed { .. }
            | Self::Listen { .. }
            | Self::Key { .. }
            | Self::Cluster(_) => 2,
            Self::Rebuild(refused) => refused.exit(),
            Self::OfImport { source, .. } => source.exit(),
            Self::Stdout(_)
            | Self::ControlPlane(_)
            | Self::Compile(_)
            | Self::Sandbox(_)
            | Self::Manifest { .. }
            | Self::Machine { .. } => 3,
        }
    }

    /// What is printed; none where everything was said.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Silent => None,
            // Whoever read our output has gone: `ork inspect | head`.
            Self::Stdout(source) if source.kind() == io::ErrorKind::BrokenPipe => None,
            _ => Some(self.to_string()),
        }
    }

    /// How to mend it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NotAPattern { path } if path.is_file() => {
                Some("name the directory that holds katalog.yaml, not a file".to_owned())
            }
            Self::NotAPattern { .. } => Some("a pattern directory holds katalog.yaml and crd.yaml".to_owned()),
            Self::Unusable { hint, .. } => hint.clone(),
            Self::Traces(error) => error.mend().map(str::to_owned),
            Self::Rebuild(refused) => refused.hint(),
            Self::Cases { differs: true, .. } => {
                Some("if what came out is what you want, `ork test --accept` writes it into the cases".to_owned())
            }
            Self::NotConfirmed { .. } => Some("say --yes if it is the right one, or choose with --context".to_owned()),
            Self::OfImport { source, .. } => source.hint(),
            Self::Import { name, locked, source } => mend(name, *locked, source),
            Self::CapabilityDenied { denied, .. } => Some(grant(denied)),
            Self::NotLocked { .. } | Self::Outdated { .. } => {
                Some("write the lock with `ork lock`, look at what it changes, and commit it".to_owned())
            }
            Self::IdentityReused(reused) => Some(format!(
                "name the import otherwise with `as`; if the same account is meant, `ork lock --rebind {}`",
                reused.name
            )),
            Self::Listen { .. } => Some("choose another with --listen; port 0 is any free one".to_owned()),
            Self::HookMissing { .. } => Some("build it with `ork build --hooks`".to_owned()),
            Self::HookBuild { .. } => {
                Some("`ork build --hooks` compiles the crate in `hooks/` for wasm32-unknown-unknown, a `cdylib` that uses the crate orkestra-hook".to_owned())
            }
            Self::Component { .. } => Some("build it again with `ork build`".to_owned()),
            Self::Cluster(_) => {
                Some("see --kubeconfig and --context, and whether `kubectl version` answers".to_owned())
            }
            Self::Migrate(error) => Some(error.mend().to_owned()),
            Self::Uninstall(error) => Some(error.mend().to_owned()),
            Self::Compile(_) => Some("this is a fault in ork: `ork check` should have found it first".to_owned()),
            _ => None,
        }
    }
}

fn not_granted(name: &str, denied: &[Capability]) -> String {
    let lines = denied.iter().flat_map(|capability| {
        let line = move |reason: &Reason| {
            format!("CapabilityDenied: `{name}` is not granted `{}`: {} ({})", capability.name, reason.text, reason.at)
        };
        capability.reasons.iter().map(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn grant(denied: &[Capability]) -> String {
    let names: Vec<&str> = denied.iter().map(|capability| capability.name.as_str()).collect();
    let flags: Vec<String> = names.iter().map(|name| format!("--grant '{name}'")).collect();
    let list: Vec<String> = names
        .iter()
        .map(|name| if name.contains(['[', ',', '\'']) { format!("\"{name}\"") } else { (*name).to_owned() })
        .collect();
    let flows = names.iter().all(|name| name.starts_with("flow:"));
    let what = if flows { "whoever writes the resource decides this" } else { "nothing is granted by itself" };
    format!(
        "{what}: if that is meant, say {} with `ork run DIR`, or `grants: [{}]` at the import of a Komposer",
        flags.join(" "),
        list.join(", ")
    )
}

fn mend(name: &str, locked: bool, error: &orkestra_komposer::FetchError) -> Option<String> {
    match error {
        orkestra_komposer::FetchError::TagMoved { .. } => Some(format!(
            "find out who replaced it and why; if it is meant, remove `{name}` from the lock and lock it anew"
        )),
        error if error.is_unreachable() && locked => Some(
            "it is locked, and not in the cache of this machine: it has to be fetched once while the registry answers"
                .to_owned(),
        ),
        error if error.is_unreachable() => Some(
            "a tag is never taken from a cache: with a lock (`ork lock`) a run starts from the cache when a registry is down"
                .to_owned(),
        ),
        _ => None,
    }
}

fn stale(problems: &[orkestra_komposer::Stale]) -> String {
    let lines: Vec<_> = problems.iter().map(|problem| format!("{}: {problem}", problem.reason())).collect();
    match lines.as_slice() {
        [] => "NotLocked: there is no lock".to_owned(),
        lines => lines.join("\n"),
    }
}

/// The word that a machine reads, before the words for people. What a registry said is escaped where it is printed.
fn refused(error: &orkestra_artifact::Error) -> String {
    format!("{}: {error}", error.reason())
}

fn not_migrated(error: &orkestra_operator::migrate::MigrateError) -> String {
    format!("{}: {error}", error.reason())
}

fn not_removed(error: &orkestra_operator::uninstall::UninstallError) -> String {
    format!("{}: {error}", error.reason())
}

fn not_rebuilt(refused: &crate::rebuild::Refused) -> String {
    format!("{}: {refused}", refused.reason())
}

fn problems(errors: usize, warnings: usize) -> String {
    match (errors, warnings) {
        (_, 0) => format!("{} found", count(errors, "error")),
        (0, _) => format!("{} found, and --strict counts them", count(warnings, "warning")),
        _ => format!("{} and {} found", count(errors, "error"), count(warnings, "warning")),
    }
}
