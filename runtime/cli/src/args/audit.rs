//! What can be typed to audit patterns.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::Sources;

/// Say what patterns can do, what allows it, and who says so
///
/// Compiles each pattern and derives from that what it imports, what it asks for and whether that is granted, its limits, the
/// rights that it needs and why. What was not derived is `claimed`. With --policy it is a gate: exit status 1 where the policy is
/// violated.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork audit -f komposer.yaml                       everything that runs
  ork audit ./guestbook --grant flow:spec.account
  ork audit -f komposer.yaml --policy policy.yaml --format sarif > ork.sarif")]
pub(crate) struct Audit {
    /// Pattern directories, or artifacts: references with a tag or digest, oci:DIR, oci-archive:FILE
    #[arg(value_name = "DIR|REF|oci:DIR|oci-archive:FILE", default_value = ".", conflicts_with = "file")]
    pub(crate) what: Vec<String>,
    /// A Komposer, with its lock beside it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// As if this were granted. In a Komposer it is `grants` of the import. May be given several times
    #[arg(long = "grant", value_name = "CAPABILITY", conflicts_with = "file")]
    pub(crate) grants: Vec<String>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: AuditFormat,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// For people
    Table,
    /// Everything
    Json,
    /// The findings, for scanners: SARIF 2.1.0
    Sarif,
}
