//! What can be typed.

mod artifact;
mod audit;
mod author;
mod compose;
mod editor;
mod generate;
mod lifecycle;
mod schema;

use std::net::SocketAddr;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::builder::Styles;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};

pub(crate) use artifact::{Copy, Key, Login, Logout, Pull, Push, Sign, Tags, Transport, Verify};
pub(crate) use audit::{Audit, AuditFormat};
pub(crate) use author::{Completions, Convert, Dev, Eval, Explain, ExplainFormat, Import, Init, Over, Test};
pub(crate) use compose::{Change, KomposerFile, Lock, Outdated, Plan, Sources, Update, Vendor};
pub(crate) use editor::Lsp;
pub(crate) use generate::{Bundle, Generate, Policies, Rbac, RbacFormat, What as GenerateWhat};
pub(crate) use lifecycle::{Migrate, Storage, StorageWhat, Uninstall, Upgrade, UpgradePlan, UpgradeWhat};
pub(crate) use schema::Schema;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .valid(Style::new().bold())
    .invalid(AnsiColor::Yellow.on_default().bold())
    .error(AnsiColor::Red.on_default().bold());

const TOUR: &str = "\
A first round, with the pattern that comes along:

  ork check patterns/postgres/v14         is it right?
  ork render patterns/postgres/v14        what would it make of its cr.yaml?
  ork build patterns/postgres/v14         pattern.wasm: a few KB that import nothing but the engine
  ork inspect patterns/postgres/v14       what can it do? The component's own word, not its author's
  ork run --no-impersonation patterns/website/v1
                                          against the cluster of your kubeconfig, with your rights

And one of your own:

  ork init guestbook                      a small pattern that is complete
  ork dev guestbook                       an API server on this machine, and a reload at every save

Exit status: 0 fine, 1 problems found, 2 not usable as typed, 3 a fault of ork or of the machine.";

/// Kubernetes operators as data: write one YAML file, run it in a sandbox
#[derive(Debug, Parser)]
#[command(name = "ork", version, styles = STYLES, after_help = TOUR, disable_help_subcommand = true)]
#[command(arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Group)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Colours and progress; `auto` also respects NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    #[arg(hide_default_value = true)]
    pub(crate) color: Color,
    /// Say only what is wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Import(Import),
    Check(Check),
    Build(Build),
    Render(Render),
    Convert(Convert),
    Eval(Eval),
    Test(Test),
    Explain(Explain),
    Schema(Schema),
    Lsp(Lsp),
    Dev(Dev),
    Inspect(Inspect),
    Audit(Audit),
    Run(Box<Run>),
    Status(Status),
    Storage(Storage),
    Upgrade(Upgrade),
    Uninstall(Uninstall),
    Login(Login),
    Logout(Logout),
    Push(Push),
    Pull(Pull),
    Tags(Tags),
    Copy(Copy),
    Sign(Sign),
    Verify(Verify),
    Lock(Lock),
    Outdated(Outdated),
    Update(Update),
    Plan(Plan),
    Vendor(Vendor),
    Generate(Generate),
    Completions(Completions),
    /// Compiles one component to native code, from stdin to stdout. Started by the sandbox alone
    #[command(name = crate::sandbox::COMPILE_CHILD, hide = true)]
    InternalCompile,
    /// Compiles a pulled pattern once more, from stdin to stdout. Started by ork itself alone
    #[command(name = crate::rebuild::CHILD, hide = true)]
    InternalRebuild,
}

/// Find every mistake in a pattern
///
/// Parses and type-checks the Katalog against the CRD's schema and the schemas of the Kubernetes kinds that it renders, and
/// prints all problems at once.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork check                            the pattern in this directory
  ork check patterns/*/*               many at once
  ork check --fix .                    older spellings become today's, in the files
  ork check --strict --format json .   in CI: warnings count, and a machine reads
  ork check --format sarif . > ork.sarif       for a code-scanning service
  ork check --cost .                   which expressions cost most, and why")]
pub(crate) struct Check {
    /// Pattern directories
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dirs: Vec<PathBuf>,
    /// How to print the problems
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: CheckFormat,
    /// Treat warnings as errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Rewrite what can be said otherwise without a change of meaning, as older spellings, and check what is left
    #[arg(long)]
    pub(crate) fix: bool,
    /// Rank the expressions by what they cost at most, and say what makes them dear
    #[arg(long)]
    pub(crate) cost: bool,
}

/// Compile a pattern to a component
///
/// The same directory gives the same bytes, on any machine, with the same release of ork.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork build patterns/postgres/v14                     writes patterns/postgres/v14/pattern.wasm
  ork build -o - . | sha256sum                        writes to stdout
  ork build --emit manifests .                        the short forms, written out
  ork build --emit program .                          what the engine will execute")]
pub(crate) struct Build {
    /// The pattern directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Where to write; `-` is stdout [default: DIR/pattern.wasm, or stdout with --emit manifests|program]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What to write
    #[arg(long, value_name = "WHAT", default_value = "wasm")]
    pub(crate) emit: Emit,
    /// Compile the crate in DIR/hooks with cargo before, and write DIR/hooks.wasm. This runs its build scripts
    #[arg(long)]
    pub(crate) hooks: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// The component
    Wasm,
    /// Every child as a whole manifest, expressions in place
    Manifests,
    /// The lowered program, for reading
    Program,
}

/// Show what a pattern makes of a custom resource
///
/// Runs the real component in the real sandbox, without a cluster, and prints the children as they would be applied and the
/// status as it would be written. A child that reads one that is not there yet is pending: give it with --children.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork render patterns/postgres/v14                            with the pattern's own cr.yaml
  ork render . --cr big.yaml --input imageRegistry=reg.corp   another resource, another input
  kubectl get sts,svc -o yaml > seen.yaml
  ork render . --children seen.yaml                           with what the cluster has by now
  ork render . --deleting                                     what it would do before the resource goes
  ork render . --watch                                        again at every save")]
pub(crate) struct Render {
    /// The pattern directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) over: Over,
    /// As if the resource were being deleted
    #[arg(long)]
    pub(crate) deleting: bool,
    /// Print the values of Secrets, not only their digests
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Render again whenever the pattern or a file that was named here is saved, until stopped
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(crate) format: YamlOrJson,
}

/// Say what a pattern or component is and what it can do
///
/// Of a component it is read from the component's type; a directory is compiled first. Of an artifact it is the config's word,
/// UNVERIFIED unless one of the keys signed it, and no layer is fetched; `ork verify --rebuild` proves it.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork inspect patterns/postgres/v14
  ork inspect pattern.wasm --format json | jq .imports
  ork inspect ghcr.io/example/patterns/postgres:v14 --key cosign.pub
  ork inspect --tree ghcr.io/example/patterns/postgres:v14   layers, signatures, SBOMs, provenance")]
pub(crate) struct Inspect {
    /// A pattern directory, a component, or an artifact: a reference with a tag or digest, oci:DIR, oci-archive:FILE
    #[arg(value_name = "DIR|FILE|REF|oci:DIR|oci-archive:FILE", default_value = ".")]
    pub(crate) what: String,
    /// A public key that is trusted with the artifact. May be given several times
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// Show the artifact's layers and all that refers to it
    #[arg(long)]
    pub(crate) tree: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Run patterns against a cluster
///
/// Installs their CRDs and reconciles until it is told to stop (Ctrl-C or SIGTERM). Several patterns share one process, each in
/// its own sandbox.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork run --no-impersonation patterns/website/v1      on a laptop, with your own rights
  ork run -f komposer.yaml --namespace team-a
  ork run --locked -f komposer.yaml                   what komposer.lock names, and nothing else
  ork run --komposer platform                         what the cluster's Komposer and its lock say
  ork run --context kind-dev --no-crds .
  ork run --dry-run .                                 what would it change? Then it ends

ORK_LOG takes a log filter, such as info,orkestra_operator=debug.")]
pub(crate) struct Run {
    /// Pattern directories
    #[arg(value_name = "DIR", required_unless_present_any = ["file", "komposer"], conflicts_with = "file")]
    pub(crate) dirs: Vec<PathBuf>,
    /// A Komposer that names the patterns, their inputs and overrides. It is followed: patterns come, change and go with it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The Komposer of this name in the cluster, with the KomposerLock of the same name: what is locked runs. It is followed, and its
    /// status says what became of it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["dirs", "file", "grants", "locked", "dry_run"])]
    pub(crate) komposer: Option<String>,
    /// Allow what a pattern asks for beyond computing, such as flow:spec.serviceAccount; `ork check` says what that is. In a
    /// Komposer it is `grants` of the import. May be given several times
    #[arg(long = "grant", value_name = "CAPABILITY", conflicts_with = "file")]
    pub(crate) grants: Vec<String>,
    /// Run exactly what komposer.lock names, and nothing where it does not fit
    #[arg(long, requires = "file")]
    pub(crate) locked: bool,
    /// Act only in this namespace
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Leave the CRDs to somebody else, and wait for them
    #[arg(long)]
    pub(crate) no_crds: bool,
    /// Let patterns act with the rights of this process, not as the service account orkestra-PATTERN of the
    /// system namespace. For a laptop
    #[arg(long)]
    pub(crate) no_impersonation: bool,
    /// Where the runtime keeps its own objects, and where the patterns' service accounts are
    #[arg(long, value_name = "NAME", default_value = "orkestra-system")]
    pub(crate) system_namespace: String,
    /// Write without holding the lease `orkestra-runtime` of the system namespace: for who knows that no other runtime uses
    /// that namespace. Two that write would undo each other's work
    #[arg(long)]
    pub(crate) no_leader_elect: bool,
    /// Share the work among the processes of the system namespace: resources are divided into so many parts, 2 to 64, each of
    /// which one process works on. All must be given the same number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=64), conflicts_with_all = ["no_leader_elect", "dry_run"])]
    pub(crate) shards: Option<u16>,
    /// Where the page, /patterns, /healthz, /readyz and /metrics are served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// How to log [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<TextOrJson>,
    /// Change nothing: look at every resource once, let the API server try out each write, print what would change, and end
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How to print what would change
    #[arg(long, value_name = "FORMAT", default_value = "text", requires = "dry_run")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) serve: Serve,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

/// Where conversions between versions are served, for patterns that have some.
#[derive(Debug, Clone, Group)]
#[command(next_help_heading = "The webhook that converts between versions")]
pub(crate) struct Serve {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443", value_parser = address)]
    pub(crate) webhook_listen: SocketAddr,
    /// Where API servers find it [default: where it listens, if the API server is on this machine]
    #[arg(long, value_name = "URL", value_parser = webhook_url)]
    pub(crate) webhook_url: Option<String>,
    /// The Service through which API servers find it
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]", conflicts_with = "webhook_url", value_parser = webhook_service)]
    pub(crate) webhook_service: Option<(String, String, u16)>,
    /// A directory with tls.crt, tls.key and ca.crt, which somebody else renews [default: certificates of an own CA, kept in a
    /// Secret of the system namespace]
    #[arg(long, value_name = "DIR")]
    pub(crate) webhook_certificates: Option<PathBuf>,
}

fn webhook_url(text: &str) -> Result<String, String> {
    match text.strip_prefix("https://") {
        Some(rest) if !rest.is_empty() && !text.contains(['?', '#', '@', ' ']) => Ok(text.to_owned()),
        _ => Err("expected https://HOST[:PORT]/PATH".to_owned()),
    }
}

fn webhook_service(text: &str) -> Result<(String, String, u16), String> {
    let expected = || "expected NAMESPACE/NAME or NAMESPACE/NAME:PORT".to_owned();
    let (namespace, rest) = text.split_once('/').ok_or_else(expected)?;
    let (name, port) = match rest.split_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| expected())?),
        None => (rest, 443),
    };
    if namespace.is_empty() || name.is_empty() {
        return Err(expected());
    }
    Ok((namespace.to_owned(), name.to_owned(), port))
}

/// Say why a resource is not ready
///
/// Reads the cluster with your rights: conditions, fields that are left to others, what is waited for, and the latest Events.
/// Works whether or not the runtime runs. Exit status 1 where something is not ready.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork status                      all kinds of patterns, in the namespace of your context
  ork status -A                   in all namespaces
  ork status Postgres/shop-db     one resource
  ork status postgreses -n shop --format json")]
pub(crate) struct Status {
    /// A kind, plural or short name, and a name [default: all kinds whose definitions a pattern brought]
    #[arg(value_name = "KIND[/NAME]", value_parser = kind_and_name)]
    pub(crate) what: Option<(String, Option<String>)>,
    /// The namespace [default: that of the context]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// Which cluster.
#[derive(Debug, Group)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Cluster {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Do not ask before acting on a cluster that is not on this machine
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// The way to a cluster.
#[derive(Debug, Group)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Access {
    /// The kubeconfig [default: $KUBECONFIG, ~/.kube/config, or the pod's service account]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Its context [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Text,
    /// Everything
    Json,
    /// The problems, for code-scanning services: SARIF 2.1.0
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YamlOrJson {
    Yaml,
    Json,
}

/// `:8080` is every address, as Go programs have it.
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "an address and a port are expected, as in 127.0.0.1:8080 or :8080".to_owned())
}

/// `Postgres`, or `Postgres/shop-db`.
fn kind_and_name(text: &str) -> Result<(String, Option<String>), String> {
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    if kind.is_empty() || name.is_some_and(|name| name.is_empty() || name.contains('/')) {
        return Err("a kind is expected, or a kind and a name, as in Postgres/shop-db".to_owned());
    }
    Ok((kind.to_owned(), name.map(str::to_owned)))
}
