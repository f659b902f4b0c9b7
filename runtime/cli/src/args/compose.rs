//! What can be typed to compose patterns: to lock what a Komposer imports, and to look at what it makes of it.

use std::path::PathBuf;

use clap::Args as Group;

use super::{TextOrJson, Transport};

/// Where what a Komposer imports comes from.
#[derive(Debug, Group)]
#[command(next_help_heading = "Registry")]
pub(crate) struct Sources {
    #[command(flatten)]
    pub(crate) transport: Transport,
    /// Take artifacts from this image layout, as `ork vendor` writes it, and ask no registry
    #[arg(long, value_name = "DIR", conflicts_with_all = ["mirrors", "realms", "ca_files", "plain_http"])]
    pub(crate) artifacts: Option<PathBuf>,
    /// The runtime's policy, which a Komposer can narrow and never widen
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Where fetched artifacts and compiled components are kept [default: orkestra in the user's cache directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}

/// Write down exactly what a Komposer imports
///
/// Resolves tags and ranges, verifies signatures as `imports.trust` says, compiles each pattern again to see that its component is
/// its YAML, and writes komposer.lock beside the Komposer: commit it. What is locked and still asked for in the same words stays.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork lock                             komposer.lock for komposer.yaml
  ork lock --check                     in CI: status 1 where the lock does not fit
  ork run --locked -f komposer.yaml    runs what the lock names, and nothing else")]
pub(crate) struct Lock {
    #[command(flatten)]
    pub(crate) file: KomposerFile,
    /// Write nothing; end with status 1 where the lock would change
    #[arg(long)]
    pub(crate) check: bool,
    /// Let this instance be of another repository than before, with the same account. May be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) rebind: Vec<String>,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Move the lock to the newest that the Komposer asks for
///
/// Tags and ranges are resolved anew; what is pinned by digest stays. A version below the locked one is refused.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork update                           everything
  ork update pg                        one instance")]
pub(crate) struct Update {
    /// Instances [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) file: KomposerFile,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// How the lock may change.
#[derive(Debug, Group)]
pub(crate) struct Change {
    /// Accept a version below the locked one
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Say which imports have newer versions than the lock
///
/// Exit status 1 where one has.
#[derive(Debug, Group)]
pub(crate) struct Outdated {
    #[command(flatten)]
    pub(crate) file: KomposerFile,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Collect everything that a locked Komposer needs, for a cluster without a network
///
/// Writes the Komposer, its lock, the keys and directories that it names, and an image layout with every artifact and its
/// signatures into one directory.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork vendor -o carried                and on the other side:
  ork run --locked -f carried/komposer.yaml --artifacts carried/artifacts")]
pub(crate) struct Vendor {
    #[command(flatten)]
    pub(crate) file: KomposerFile,
    /// Where to write; it must not exist, or be empty
    #[arg(short, long, value_name = "DIR", default_value = "vendor")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Say what a change of a Komposer does, before it is applied
///
/// Compares with the lock, or with another Komposer: patterns and digests, settings and inputs, children, rights. Exit status 1
/// where something changes.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork plan                             against komposer.lock
  git show HEAD:komposer.yaml > before.yaml && ork plan --from before.yaml")]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) file: KomposerFile,
    /// The Komposer that runs now [default: nothing but the versions and digests of the lock]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Which Komposer.
#[derive(Debug, Group)]
pub(crate) struct KomposerFile {
    /// The Komposer; its lock lies beside it
    #[arg(short, long, value_name = "FILE", default_value = "komposer.yaml")]
    pub(crate) file: PathBuf,
}
