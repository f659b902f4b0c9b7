//! What can be typed to change what a cluster holds of patterns: storage versions, upgrades, the end.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

use super::{Access, Cluster, TextOrJson, Transport};

/// Look after stored resources
#[derive(Debug, Group)]
#[command(arg_required_else_help = true)]
pub(crate) struct Storage {
    #[command(subcommand)]
    pub(crate) what: StorageWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageWhat {
    Migrate(Box<Migrate>),
}

/// Rewrite stored resources in their definition's storage version, so that an older version can be dropped
///
/// Asks the API server to do it, where it can (Kubernetes 1.37 does), or patches each resource with nothing, in pages. A version
/// is dropped from `status.storedVersions` only after a whole pass during which the definition did not change. A run that is ended
/// goes on where it was. The conversion webhook must be served meanwhile.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork storage migrate                  all kinds of patterns
  ork storage migrate Postgres         one kind
  ork storage migrate --paged --rate 20 Postgres")]
pub(crate) struct Migrate {
    /// Kinds, plurals or short names, perhaps with their group [default: all kinds whose definitions a pattern brought]
    #[arg(value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    /// Do it in pages, also where the API server would do it
    #[arg(long)]
    pub(crate) paged: bool,
    /// In pages: resources a second; 0 is no limit
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) rate: u32,
    /// Where the runtime keeps its own objects; how far a run in pages has come is kept there
    #[arg(long, value_name = "NAME", default_value = "orkestra-system")]
    pub(crate) system_namespace: String,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

/// Look ahead at another version of a pattern
#[derive(Debug, Group)]
#[command(arg_required_else_help = true)]
pub(crate) struct Upgrade {
    #[command(subcommand)]
    pub(crate) what: UpgradeWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UpgradeWhat {
    Plan(Box<UpgradePlan>),
}

/// Say what another version of a pattern would do to what the present one made
///
/// Compares definitions by the rules of OLM's CRD upgrade safety, and conversions, templates, rights, reads, inputs and
/// capabilities. Each change is safe, needs attention, or is refused: the runtime would not do it. With a cluster, which is only
/// read, it counts what is there: the definition as it is, and the resources that the new schema would refuse or cut. Patterns,
/// formats and CEL rules are not judged on resources. Exit status 1 where anything is refused.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork upgrade plan patterns/postgres/v14 patterns/postgres/v15
  ork upgrade plan ghcr.io/example/postgres:v14 ghcr.io/example/postgres:v15 --live
  ork upgrade plan --format json . ../next | jq '.changes[] | select(.verdict != \"safe\")'")]
pub(crate) struct UpgradePlan {
    /// What runs now: a pattern directory or an artifact
    #[arg(value_name = "OLD")]
    pub(crate) old: String,
    /// What would run: a pattern directory, a reference with a tag or digest, oci:DIR, oci-archive:FILE
    #[arg(value_name = "NEW")]
    pub(crate) new: String,
    /// Look at the cluster of your kubeconfig as well; --context and --kubeconfig say so, too
    #[arg(long)]
    pub(crate) live: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Take what `ork run` brought out of a cluster
///
/// Says first what will be lost, and asks. Resources and the definitions that have some stay, unless --delete-resources says
/// otherwise. No definition is left pointing at a conversion webhook that nobody serves: where that cannot be ended without harm,
/// nothing is done. With the last pattern the runtime's own objects go: inventory, certificates, lease.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork uninstall patterns/postgres/v14                  one pattern; its resources stay
  ork uninstall -f komposer.yaml --delete-resources    with all that it made
  ork uninstall --all --dry-run                        what would go?")]
pub(crate) struct Uninstall {
    /// Pattern directories
    #[arg(value_name = "DIR", required_unless_present_any = ["file", "all"], conflicts_with_all = ["file", "all"])]
    pub(crate) dirs: Vec<PathBuf>,
    /// A Komposer that names the patterns
    #[arg(short, long, value_name = "FILE", conflicts_with = "all")]
    pub(crate) file: Option<PathBuf>,
    /// Every pattern that the runtime of the system namespace has had
    #[arg(long)]
    pub(crate) all: bool,
    /// Delete the resources of these patterns, with everything that was made for them
    #[arg(long)]
    pub(crate) delete_resources: bool,
    /// Keep the definitions, those without resources as well
    #[arg(long)]
    pub(crate) keep_crds: bool,
    /// Take the runtime's finalizer off resources: what it would do at their deletion is never done
    #[arg(long)]
    pub(crate) release_finalizers: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where the runtime keeps its own objects
    #[arg(long, value_name = "NAME", default_value = "orkestra-system")]
    pub(crate) system_namespace: String,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) access: Access,
}
