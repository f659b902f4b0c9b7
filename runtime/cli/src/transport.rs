//! The client of registries, from what was typed and from what the user's Docker configuration says, and TLS to all others.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orkestra_artifact::credentials::{Credentials, Helpers};
use orkestra_artifact::http::{HttpOptions, HttpRegistry, PlainHttp};
use rustls::{ClientConfig, RootCertStore};

use crate::args::Transport;
use crate::error::Error;
use crate::pattern_dir::read_up_to;

/// The most bytes of a file with certificates or of Docker's configuration.
const MAX_FILE: usize = 4 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn client(args: &Transport) -> Result<HttpRegistry, Error> {
    client_with(args, credentials()?, Vec::new())
}

/// A client with these credentials and no others, and with mirrors after those that were typed.
pub(crate) fn client_with(
    args: &Transport,
    credentials: Credentials,
    mirrors: Vec<(String, String)>,
) -> Result<HttpRegistry, Error> {
    let ca_pems = args.ca_files.iter().map(|path| read_up_to(path, MAX_FILE)).collect::<Result<_, _>>()?;
    Ok(HttpRegistry::new(HttpOptions {
        plain_http: match (args.plain_http, args.ca_files.is_empty()) {
            (true, _) => PlainHttp::Everywhere,
            (false, true) => PlainHttp::Loopback,
            // Who names an authority means TLS, on this machine too.
            (false, false) => PlainHttp::Nowhere,
        },
        ca_pems,
        credentials,
        realms: args.realms.clone(),
        mirrors: args.mirrors.iter().cloned().chain(mirrors).collect(),
        user_agent: concat!("ork/", env!("CARGO_PKG_VERSION")).to_owned(),
        first_pause: FIRST_PAUSE,
    })?)
}

/// `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
pub(crate) fn docker_config() -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = var("DOCKER_CONFIG").or_else(|| Some(var("HOME")?.join(".docker")));
    directory.map(|directory| directory.join("config.json"))
}

/// Those of `docker login`, and the helper programs on the path.
pub(crate) fn credentials() -> Result<Credentials, Error> {
    let Some(path) = docker_config() else { return Ok(Credentials::default()) };
    match read_up_to(&path, MAX_FILE) {
        Ok(text) => Ok(Credentials::from_docker_config(&text, path)?.with_helpers(Helpers::default())),
        Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(Credentials::default()),
        Err(error) => Err(error),
    }
}

/// TLS to servers that the system's authorities know.
pub(crate) fn tls() -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    // Single certificates of the system may be of a kind that is no longer taken; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let failed = |error| Error::Machine { what: "to set up TLS", source: std::io::Error::other(error) };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Runs one command's requests to their end.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|source| Error::Machine { what: "to start threads", source })?.block_on(work)
}
