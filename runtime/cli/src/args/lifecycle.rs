//! What can be typed to change what a cluster holds of patterns: storage versions, upgrades, the end.

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
