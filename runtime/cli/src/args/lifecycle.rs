//! What can be typed to change what a cluster holds of patterns: storage versions, upgrades, the end.

use clap::{Args as Group, Subcommand};

use super::{Cluster, TextOrJson};

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
