//! What can be typed to get files for a cluster.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};

/// Write what is needed before patterns are signed or run
#[derive(Debug, Group)]
#[command(arg_required_else_help = true)]
pub(crate) struct Generate {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    Bundle(Box<Bundle>),
    /// The definitions by which a cluster stores Komposers and their locks, for `ork run --komposer`
    Definitions,
    Rbac(Box<Rbac>),
    Policies(Box<Policies>),
    Key(super::Key),
}

/// All that a cluster needs to run a Komposer, as files for GitOps
///
/// The namespace with its Pod Security, accounts and rights with their reasons, as `ork generate rbac` has them; the Komposer, its
/// lock, the policy and the files that they name in a ConfigMap; and the runtime: Deployment, Service, budget and network policy. What
/// is locked runs and nothing else, so the lock has to fit. The same files give the same bundle.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork generate bundle -f komposer.yaml --image ghcr.io/orkestra-sh/ork@sha256:… -o rendered
  ork generate bundle -f komposer.yaml | kubectl apply --server-side -f -")]
pub(crate) struct Bundle {
    /// The Komposer, with its lock beside it
    #[arg(short, long, value_name = "FILE", default_value = "komposer.yaml")]
    pub(crate) file: PathBuf,
    /// The image of ork, best by its digest [default: that of the chart, by its tag]
    #[arg(long, value_name = "REF")]
    pub(crate) image: Option<String>,
    /// The namespace of the runtime and of all accounts
    #[arg(long, value_name = "NAME", default_value = "orkestra-system")]
    pub(crate) system_namespace: String,
    /// Patterns work in this namespace only [default: in all]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Processes. All serve conversions; without --shards one leads and writes [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) replicas: Option<u16>,
    /// Let the processes share the work in so many parts, 2 to 64 [default: one leads and does all of it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=64))]
    pub(crate) shards: Option<u16>,
    /// Have the patterns' definitions in the bundle, too. The runtime then installs none, and needs no right to
    #[arg(long)]
    pub(crate) crds: bool,
    /// Have the Komposer and its lock as objects of the cluster, which the runtime follows and reports in, with their definitions. A
    /// change of what runs is then a change of these two objects, and of rights where more are needed
    #[arg(long)]
    pub(crate) resource: bool,
    /// Write files into this directory, numbered in the order in which they are applied [default: one stream on stdout]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: super::Sources,
}

/// Accounts and rights: one account for the runtime and one for each pattern, with as little as they can work with
///
/// Derived from the patterns' templates, each rule with its reasons. The runtime acts as the account `orkestra`, a pattern as
/// `orkestra-PATTERN`; all of them are in a namespace of their own, in which nothing else may run. A kind that a newer
/// version of a pattern no longer makes is still deleted by it: keep its rule until that is done.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork generate rbac patterns/postgres/v14 | kubectl apply -f -
  ork generate rbac -f komposer.yaml --namespace team-a --namespace team-b
  ork generate rbac --format text .                   for reading: who may do what, and why")]
pub(crate) struct Rbac {
    /// Pattern directories
    #[arg(value_name = "DIR", default_value = ".", conflicts_with = "file")]
    pub(crate) dirs: Vec<PathBuf>,
    /// A Komposer that names the patterns
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Patterns work in this namespace only. May be given several times [default: in all]
    #[arg(short, long = "namespace", value_name = "NAME")]
    pub(crate) namespaces: Vec<String>,
    /// The namespace of the runtime and of all accounts
    #[arg(long, value_name = "NAME", default_value = "orkestra-system")]
    pub(crate) system_namespace: String,
    /// For `ork run --shards`, of whatever number: the runtime holds a Lease for each part of the resources
    #[arg(long)]
    pub(crate) shards: bool,
    /// For `ork run --komposer`: the Komposer is an object of the cluster, and its status is written
    #[arg(long, requires = "file")]
    pub(crate) resource: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(crate) format: RbacFormat,
    #[command(flatten)]
    pub(crate) sources: super::Sources,
}

/// Rules of patterns as ValidatingAdmissionPolicy, which API servers keep by themselves
///
/// Each rule of `validation` that API servers have words for, with its binding: what breaks it is refused, or warned of, whether or not
/// the runtime is there. A rule that cannot be said so is named with the reason, and is left to the webhook. Inputs are the
/// Komposer's, or the defaults; when they change, make the policies anew.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork generate policies patterns/postgres/v14 | kubectl apply --server-side -f -
  ork generate policies -f komposer.yaml > policies.yaml")]
pub(crate) struct Policies {
    /// Pattern directories
    #[arg(value_name = "DIR", default_value = ".", conflicts_with = "file")]
    pub(crate) dirs: Vec<PathBuf>,
    /// A Komposer that names the patterns
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Patterns work in this namespace only. May be given several times [default: in all]
    #[arg(short, long = "namespace", value_name = "NAME")]
    pub(crate) namespaces: Vec<String>,
    /// The namespace of the runtime, in which no rule is kept
    #[arg(long, value_name = "NAME", default_value = "orkestra-system")]
    pub(crate) system_namespace: String,
    #[command(flatten)]
    pub(crate) sources: super::Sources,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RbacFormat {
    Yaml,
    Json,
    Text,
}
