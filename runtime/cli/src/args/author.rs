//! What can be typed while a pattern is written.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use clap_complete::Shell;

use super::TextOrJson;

/// Start a new pattern
///
/// Writes a small pattern that is complete: it checks, renders, passes its tests and runs as it is. Nothing that is there is
/// overwritten.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork init guestbook                                 a directory guestbook for the kind Guestbook
  ork init db --kind Database --group db.acme.io     with names of your own
  ork init                                           in this directory, named as it is
  ork init guestbook --hook rust                     with a hook, code that gives values for templates")]
pub(crate) struct Init {
    /// Where to write; made where it is missing
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The pattern's name [default: the directory's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// With a hook in this language
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) hook: Option<HookLanguage>,
    /// The directory of the crate orkestra-hook [default: the published one of this version]
    #[arg(long, value_name = "DIR", requires = "hook")]
    pub(crate) sdk: Option<PathBuf>,
    /// The API group of its resource [default: NAME.example.com]
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// The kind of its resource [default: the name in CamelCase]
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
}

/// What a hook is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookLanguage {
    /// With the crate orkestra-hook
    Rust,
}

/// Make a pattern of a published Katalog
///
/// Writes crd.yaml, katalog.yaml, komposer.yaml, cr.yaml and README.md. Older spellings become today's; comments and layout stay.
/// Without a CRD one is inferred from what the Katalog's expressions use: it says so, and `ork check` warns until it was looked
/// over. Nothing that is there is overwritten.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork import katalog.yaml                            a directory named as the Katalog is
  ork import katalog.yaml -o db --crd crd.yaml       with the CRD that it was written for")]
pub(crate) struct Import {
    /// The Katalog
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where to write; made where it is missing [default: the Katalog's name]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// The CRDs of its kinds [default: inferred]
    #[arg(long, value_name = "FILE")]
    pub(crate) crd: Option<PathBuf>,
}

/// What an entry is evaluated over.
#[derive(Debug, Clone, Default, Group)]
#[command(next_help_heading = "What it is evaluated over")]
pub(crate) struct Over {
    /// The custom resource [default: DIR/cr.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) cr: Option<PathBuf>,
    /// Observed children: YAML or JSON, one object, several documents or a List. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) children: Vec<PathBuf>,
    /// Objects of others that the pattern's `reads` may find, in the same forms. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) reads: Vec<PathBuf>,
    /// What the hook gives: one object in YAML or JSON, a key for each value
    #[arg(long, value_name = "FILE")]
    pub(crate) hook: Option<PathBuf>,
    /// An input of the pattern; the value is YAML. May be given several times
    #[arg(long = "input", visible_alias = "inputs", value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
    /// Which entry, where the pattern has several [default: the one of the resource's kind]
    #[arg(long, value_name = "NAME")]
    pub(crate) entry: Option<String>,
    /// The time that `now` is, such as 2026-01-31T12:00:00Z [default: the clock's]
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
}

/// Show the value of an expression
///
/// The expression is checked against the pattern's schemas, compiled, and evaluated by the real engine in the real sandbox.
/// Printed are its value, its type in CEL and what it cost. Without an expression each line of the input is one.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork eval '1 + 2'                                   no pattern is needed
  ork eval 'spec.replicas * 2' --dir patterns/postgres/v14
  ork eval 'children.svc.spec.clusterIP' --dir . --children seen.yaml
  ork eval --dir .                                   one expression a line, until the input ends
  echo 'spec.image' | ork eval - --dir . --format json")]
pub(crate) struct Eval {
    /// The expression, without braces; `-` reads one a line
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: Option<String>,
    /// The pattern whose names the expression may use [default: this directory, where it holds one]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) over: Over,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
}

/// Convert custom resources to another version of their kind
///
/// The pattern's conversion runs in the sandbox, as it does for the API server, which fills in the defaults of the version that a
/// resource is written in before. What the other version cannot hold is in the annotation
/// `orkestra.orkspace.io/conversion-data` of the result, and comes back from there.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork convert --to v1 cr.yaml                        by the pattern in this directory
  ork convert --to v1 old.yaml --dir patterns/postgres/v15
  kubectl get postgreses -o yaml | ork convert --to v2 - --dir patterns/postgres/v15")]
pub(crate) struct Convert {
    /// Custom resources: YAML or JSON, one, several documents or a List; `-` reads the input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The version that they become
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: String,
    /// The pattern directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(crate) format: super::YamlOrJson,
}

/// Run the tests of a pattern
///
/// Each document of tests/*.yaml is a case: a resource, what is observed, and the children, status, conditions or failure that
/// are expected. The component runs in the sandbox, and the conditions are the runtime's own; no cluster is needed.
///
/// A case has `name`, and may have `entry`, `cr` (an object, or a file of the pattern; cr.yaml if it is left out), `inputs`,
/// `children` and `reads` (lists of objects), `hook` (what it gives), `now` (2000-01-01T00:00:00Z if it is left out) and `deleting: true`. `expect` has
/// any of `children`, `status`, `conditions` and `failure`, compared whole, or with `match: subset` only as far as they go. A
/// child is `{id, object}`, with `key` under `forEach`; or `{id, pending: true}`, or `{id, absent: true}`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork test                             the pattern in this directory
  ork test patterns/*/*                many at once
  ork test --filter replicas           only cases whose name holds the word
  ork test --coverage --min 80         what no case reaches, and a failure below four fifths
  ork test --accept                    write what came out into the cases: look at the difference before you commit it")]
pub(crate) struct Test {
    /// Pattern directories
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Only cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Write what came out as what is expected
    #[arg(long)]
    pub(crate) accept: bool,
    /// Tell which templates the cases render, whether each `when` is true and false in some, and what no case reaches
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Fail where the cases reach less of templates and outcomes than this, 0 to 100
    #[arg(long, value_name = "PERCENT", requires = "coverage", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) min: Option<u8>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
}

/// Explain what a pattern will do, and why
///
/// Shows children and reads with the order in which they are applied and deleted, why each is there, which rights the pattern
/// needs and what for, and what a call costs. Of a Komposer it shows every effective value and where it is written: the pattern's
/// file, or the Komposer's override.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork explain patterns/postgres/v14
  ork explain -f komposer.yaml --only postgres.workers
  ork explain . db                                   one child
  ork explain . --format mermaid                     a graph for a Markdown page
  ork explain . --format svg > pattern.svg           a picture of it")]
pub(crate) struct Explain {
    /// The pattern directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Only this child or read
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// A Komposer, for the values of its entries and whence they come
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["dir", "id"])]
    pub(crate) file: Option<PathBuf>,
    /// Only the value at this path and what is below it, as in postgres.operatorBox
    #[arg(long, value_name = "PATH", requires = "file")]
    pub(crate) only: Option<String>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ExplainFormat,
    #[command(flatten)]
    pub(crate) sources: super::Sources,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    Text,
    Json,
    /// A flowchart that GitHub and others draw
    Mermaid,
    /// A picture of the same, for any page
    Svg,
}

/// Develop a pattern against a control plane of its own
///
/// Starts a throw-away Kubernetes control plane on loopback, applies cr.yaml, runs the pattern, and shows what becomes of it.
/// Every save is checked and takes the place of what runs; one with mistakes shows them, and the last good one goes on. Pods run
/// under a simulated kubelet: they become ready, and no container starts.
///
/// The pattern acts with the rights of an administrator here: see `ork explain` for those that it needs.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork dev guestbook
  ork dev . --kubeconfig dev.kubeconfig              in another terminal: kubectl --kubeconfig dev.kubeconfig get all

The first start builds the control plane where its programs are not found; that takes minutes.")]
pub(crate) struct Dev {
    /// The pattern directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The custom resources to apply; applied again when it changes [default: DIR/cr.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) cr: Option<PathBuf>,
    /// Write the administrator's kubeconfig here too; removed at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// Print completions for a shell
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork completions bash > ~/.local/share/bash-completion/completions/ork
  ork completions zsh > ~/.zfunc/_ork
  ork completions fish > ~/.config/fish/completions/ork.fish")]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}
