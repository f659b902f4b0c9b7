//! What can be typed to move patterns between directories, registries and image layouts.

use std::path::PathBuf;

use clap::Args as Group;
use orkestra_artifact::{Listing, Reference, Repository};

use super::TextOrJson;
use crate::place::Place;

/// The way to registries.
#[derive(Debug, Group)]
#[command(next_help_heading = "Registry")]
pub(crate) struct Transport {
    /// Trust the certificate authorities in this PEM file as well. May be given several times
    #[arg(long = "ca-file", value_name = "FILE")]
    pub(crate) ca_files: Vec<PathBuf>,
    /// Speak HTTP without TLS. A registry on this machine needs no such permission
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Reach what is named PREFIX… at REPLACEMENT…, a mirror, for reading and writing. Names stay. May be given several times
    #[arg(long = "mirror", value_name = "PREFIX=REPLACEMENT", value_parser = mirror)]
    pub(crate) mirrors: Vec<(String, String)>,
    /// Log in at this host as well, if a registry sends there for a token. May be given several times
    #[arg(long = "realm", value_name = "HOST")]
    pub(crate) realms: Vec<String>,
}

/// Store a pattern in a registry
///
/// Checks, tests and compiles it, and stores its files and the component as one OCI artifact under the tag `v<version>`, which
/// is not changed afterwards. The same directory gives the same digest on any machine. Credentials are those of
/// `docker login`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork push ghcr.io/example/patterns/postgres patterns/postgres/v14
  ork push --float ghcr.io/example/patterns/postgres .       moves v14 and v14.2, too
  ork push oci:layout patterns/postgres/v14                  into an image layout, without a registry")]
pub(crate) struct Push {
    /// A repository whose last part is the pattern's name, perhaps with its version as tag; or oci:DIR
    #[arg(value_name = "REF|oci:DIR")]
    pub(crate) target: Place,
    /// The pattern directory
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Replace another artifact that has the tag, and say which
    #[arg(long)]
    pub(crate) force: bool,
    /// Move the tags of the major and minor version as well, forward only
    #[arg(long)]
    pub(crate) float: bool,
    /// Say something to catalogues: an annotation of Artifact Hub's or of the OCI image specification. May be given several
    /// times
    #[arg(long = "annotate", value_name = "KEY=VALUE", value_parser = annotation)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Do not run the pattern's cases; the artifact says so
    #[arg(long)]
    pub(crate) no_test: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Fetch a pattern into a directory
///
/// Every byte is verified against its digest. Who made the artifact is not: the directory is as trustworthy as the registry,
/// unless the reference has a digest that you trust.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork pull ghcr.io/example/patterns/postgres:v14             into ./postgres
  ork pull ghcr.io/example/patterns/postgres@sha256:… -o pg
  ork pull oci-archive:postgres.tar")]
pub(crate) struct Pull {
    /// A reference with a tag or digest; or oci:DIR, oci-archive:FILE
    #[arg(value_name = "REF|oci:DIR|oci-archive:FILE")]
    pub(crate) source: Place,
    /// Where to write; it must not exist, or be empty [default: the pattern's name]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Keep the password for a registry
///
/// Asks the registry whether it takes name and password, and keeps them where `docker login` does: with the credential helper of
/// Docker's configuration, or in that file itself. A token is as good as a password.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork login ghcr.io                                          asks for both
  ork login ghcr.io -u ada --password-stdin < token.txt")]
pub(crate) struct Login {
    /// Its host, perhaps with a port
    #[arg(value_name = "REGISTRY", value_parser = orkestra_artifact::reference::registry)]
    pub(crate) registry: String,
    /// The name [default: asked for on a terminal]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Read the password from stdin [default: asked for on a terminal]
    #[arg(long)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Forget the password for a registry
#[derive(Debug, Group)]
pub(crate) struct Logout {
    /// Its host, perhaps with a port
    #[arg(value_name = "REGISTRY", value_parser = orkestra_artifact::reference::registry)]
    pub(crate) registry: String,
}

/// List the tags of a repository
#[derive(Debug, Group)]
pub(crate) struct Tags {
    /// The repository
    #[arg(value_name = "REPO")]
    pub(crate) repository: Repository,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Copy an artifact, with its signatures, between registries and image layouts
///
/// The way to a cluster without a network: into a directory or tar here, out of it there. Digests stay what they are.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork copy ghcr.io/example/patterns/postgres:v14 oci-archive:postgres.tar
  ork copy oci-archive:postgres.tar registry.corp/patterns/postgres
  ork copy oci:layout oci-archive:postgres.tar")]
pub(crate) struct Copy {
    /// A reference with a tag or digest; or oci:DIR, oci-archive:FILE
    #[arg(value_name = "SRC")]
    pub(crate) source: Place,
    /// A repository, perhaps with a tag; or oci:DIR, oci-archive:FILE
    #[arg(value_name = "DST")]
    pub(crate) target: Place,
    /// Leave out signatures and whatever else refers to it
    #[arg(long)]
    pub(crate) no_referrers: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Sign an artifact with a private key
///
/// The signature is stored beside the artifact, in the form of `cosign sign`: `cosign verify --key` and `ork verify` accept it.
/// The password of the key is in the variable COSIGN_PASSWORD.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork generate key                                           cosign.key and cosign.pub
  ork sign ghcr.io/example/patterns/postgres:v14 --key cosign.key")]
pub(crate) struct Sign {
    /// A reference with a tag or digest
    #[arg(value_name = "REF")]
    pub(crate) reference: Reference,
    /// The private key, as `ork generate key` and `cosign generate-key-pair` write it
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Verify who signed an artifact, and that its component is its YAML
///
/// Exit status 1 unless one of the keys made a signature of exactly this artifact. Nothing but the manifest and the signatures
/// is read before that. With --rebuild its katalog.yaml is compiled again, in a confined child, and the component must be the
/// same to the byte.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork verify ghcr.io/example/patterns/postgres:v14 --key cosign.pub --rebuild
  ork verify oci-archive:postgres.tar --key cosign.pub       before it is let in
  ork verify ghcr.io/example/patterns/postgres:v14 --rebuild whoever signed it: is it its YAML?")]
pub(crate) struct Verify {
    /// A reference with a tag or digest; or oci:DIR, oci-archive:FILE
    #[arg(value_name = "REF|oci:DIR|oci-archive:FILE")]
    pub(crate) source: Place,
    /// A public key that is trusted. May be given several times
    #[arg(long = "key", value_name = "FILE", required_unless_present = "rebuild")]
    pub(crate) keys: Vec<PathBuf>,
    /// Compile its YAML again, and compare the component
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Make a key pair for signing
///
/// The private key is encrypted with the password in the variable COSIGN_PASSWORD. Existing files are not replaced.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  COSIGN_PASSWORD=… ork generate key                         cosign.key and cosign.pub
  COSIGN_PASSWORD=… ork generate key --output release        release.key and release.pub")]
pub(crate) struct Key {
    /// The files' path without its ending
    #[arg(short, long, value_name = "PATH", default_value = "cosign")]
    pub(crate) output: PathBuf,
}

fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a key and a value are expected, as in KEY=VALUE")?;
    // Both are looked at here, so that nothing is built first.
    Listing::default().set(key, value).map_err(|error| error.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}

fn mirror(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((prefix, replacement)) if !prefix.is_empty() && !replacement.is_empty() => {
            Ok((prefix.to_owned(), replacement.to_owned()))
        }
        _ => Err("two prefixes are expected, as in ghcr.io/example=registry.corp/mirror".to_owned()),
    }
}
