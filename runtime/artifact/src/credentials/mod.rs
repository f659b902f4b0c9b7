//! Credentials for registries: given for a prefix, or from a docker configuration with its helper programs. No secret is ever shown.

mod file;
mod helper;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

pub use file::{KeptIn, login, logout};
pub use helper::Helpers;

use crate::error::Error;

/// Docker Hub's key in configurations, which is older than its host.
const DOCKER: &str = "docker.io";
const DOCKER_KEY: &str = "https://index.docker.io/v1/";
/// The largest configuration, in bytes.
pub(crate) const MAX_DOCKER_CONFIG: u64 = 1 << 20;

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is sent to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, to the registry or to what gives tokens for it.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token for getting tokens.
    Identity {
        /// The token.
        token: Secret,
    },
    /// A token as the registry wants it.
    Bearer {
        /// The token.
        token: Secret,
    },
}

/// Why credentials could not be had or kept. No secret is in any of them.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The docker configuration cannot be read.
    #[error("{}: {error}", .path.display())]
    BadConfig {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: crate::json::JsonError,
    },
    /// What is kept for a registry is no name and password.
    #[error(
        "what the docker configuration keeps for {host} is no name and password: log in anew with `ork login {host}`"
    )]
    BadEntry {
        /// Which registry.
        host: String,
    },
    /// A helper's name is none.
    #[error("`{}` cannot name a credential helper: lower-case letters, digits, `.`, `_`, `-`", .said.escape_debug())]
    BadHelperName {
        /// The name.
        said: String,
    },
    /// A helper could not be run, or failed.
    #[error("the credential helper `{helper}` failed for {host}: {problem}")]
    HelperFailed {
        /// Which program.
        helper: String,
        /// Which registry.
        host: String,
        /// What happened.
        problem: String,
    },
    /// There is nothing to log out from.
    #[error("there are no credentials for {host}")]
    NotLoggedIn {
        /// Which registry.
        host: String,
    },
}

impl CredentialsError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::BadConfig { .. } => "BadDockerConfig",
            Self::BadEntry { .. } => "BadCredentials",
            Self::BadHelperName { .. } => "BadHelperName",
            Self::HelperFailed { .. } => "HelperFailed",
            Self::NotLoggedIn { .. } => "NotLoggedIn",
        }
    }
}

/// All credentials that there are. Those that are given come before those of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    given: Vec<(String, Credential)>,
    docker: DockerConfig,
    helpers: Helpers,
}

/// The part of a docker configuration that is about credentials.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DockerConfig {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerConfig")
            .field("registries", &self.auths.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Credentials {
    /// Reads the text of a docker `config.json`; `path` is for messages.
    ///
    /// # Errors
    /// [`CredentialsError::BadConfig`] and [`Error::TooLarge`].
    pub fn from_docker_config(text: &[u8], path: PathBuf) -> Result<Self, Error> {
        Ok(Self { docker: DockerConfig::read(text, path)?, ..Self::default() })
    }

    /// Gives credentials for a prefix of `registry/path`, at a boundary of segments. The longest that fits is taken.
    #[must_use]
    pub fn with(mut self, prefix: impl Into<String>, credential: Credential) -> Self {
        self.given.push((prefix.into(), credential));
        self
    }

    /// Says where the configuration's helper programs are.
    #[must_use]
    pub fn with_helpers(mut self, helpers: Helpers) -> Self {
        self.helpers = helpers;
        self
    }

    /// The credentials for a repository.
    ///
    /// # Errors
    /// All of [`CredentialsError`].
    pub async fn lookup(&self, host: &str, path: &str) -> Result<Option<Credential>, Error> {
        let name = format!("{host}/{path}");
        let fits = |prefix: &str| {
            let rest = name.strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let given = self.given.iter().filter(|(prefix, _)| fits(prefix)).max_by_key(|(prefix, _)| prefix.len());
        if let Some((_, credential)) = given {
            return Ok(Some(credential.clone()));
        }
        if let Some(helper) = self.docker.helper(host)
            && let Some(credential) = helper::get(&self.helpers, helper, host, &key(host)).await?
        {
            return Ok(Some(credential));
        }
        self.docker.kept(host)
    }
}

impl DockerConfig {
    pub(crate) fn read(text: &[u8], path: PathBuf) -> Result<Self, Error> {
        if text.len() as u64 > MAX_DOCKER_CONFIG {
            return Err(Error::TooLarge { what: path.display().to_string(), limit: MAX_DOCKER_CONFIG });
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        crate::json::read(text).map_err(|error| CredentialsError::BadConfig { path, error }.into())
    }

    /// The helper program for a registry: its own, or the one for all.
    pub(crate) fn helper(&self, host: &str) -> Option<&str> {
        self.cred_helpers
            .get(host)
            .or_else(|| self.cred_helpers.get(&key(host)))
            .or(self.creds_store.as_ref())
            .map(String::as_str)
    }

    fn kept(&self, host: &str) -> Result<Option<Credential>, Error> {
        let spellings = [
            key(host),
            host.to_owned(),
            format!("https://{host}"),
            format!("https://{host}/"),
            format!("https://{host}/v1/"),
        ];
        let Some(kept) = spellings.iter().find_map(|spelling| self.auths.get(spelling)) else { return Ok(None) };
        let wrong = || CredentialsError::BadEntry { host: host.to_owned() };
        if !kept.registrytoken.is_empty() {
            return Ok(Some(Credential::Bearer { token: Secret::new(&kept.registrytoken) }));
        }
        if !kept.identitytoken.is_empty() {
            return Ok(Some(Credential::Identity { token: Secret::new(&kept.identitytoken) }));
        }
        if !kept.auth.is_empty() {
            let text = STANDARD.decode(kept.auth.trim()).map_err(|_| wrong())?;
            let text = String::from_utf8(text).map_err(|_| wrong())?;
            let (username, password) = text.split_once(':').ok_or_else(wrong)?;
            let password = Secret::new(password.trim_end_matches('\0'));
            return Ok(Some(Credential::Basic { username: username.to_owned(), password }));
        }
        if kept.username.is_empty() {
            // An empty entry says that a helper has the credentials.
            return Ok(None);
        }
        let (username, password) = (kept.username.clone(), Secret::new(&kept.password));
        Ok(Some(Credential::Basic { username, password }))
    }
}

/// A registry's key in configurations and helpers.
pub(crate) fn key(host: &str) -> String {
    if host == DOCKER { DOCKER_KEY.to_owned() } else { host.to_owned() }
}

#[cfg(test)]
mod tests;
