//! `login` and `logout`: the docker configuration is changed in place, and what else is in it stays.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{CredentialsError, DockerConfig, Helpers, MAX_DOCKER_CONFIG, Secret, helper, key};
use crate::error::Error;
use crate::files;

/// Where credentials are kept after a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptIn {
    /// With this helper program.
    Helper(String),
    /// In the file, where everybody who can read it can read them.
    File,
}

/// Keeps a name and password for a registry in a docker `config.json`, or with the helper that it names. Both are as they were
/// given: whether the registry takes them is the caller's to try first.
///
/// # Errors
/// [`CredentialsError::BadConfig`], [`CredentialsError::HelperFailed`] and [`Error::File`].
pub async fn login(
    path: &Path,
    helpers: &Helpers,
    host: &str,
    username: &str,
    password: &Secret,
) -> Result<KeptIn, Error> {
    let path = &real(path);
    let (mut document, config) = read(path)?;
    let key = key(host);
    let helper = config.helper(host).map(str::to_owned);
    let entry = match &helper {
        Some(helper) => {
            helper::store(helpers, helper, host, &key, username, password).await?;
            json!({})
        }
        None => json!({ "auth": STANDARD.encode(format!("{username}:{}", password.reveal())) }),
    };
    match document.entry("auths").or_insert_with(|| json!({})) {
        Value::Object(auths) => drop(auths.insert(key, entry)),
        _ => return Err(malformed(path)),
    }
    write(path, &document)?;
    Ok(helper.map_or(KeptIn::File, KeptIn::Helper))
}

/// Forgets a registry.
///
/// # Errors
/// [`CredentialsError::NotLoggedIn`], and those of [`login`].
pub async fn logout(path: &Path, helpers: &Helpers, host: &str) -> Result<(), Error> {
    let path = &real(path);
    let (mut document, config) = read(path)?;
    let key = key(host);
    let removed =
        document.get_mut("auths").and_then(Value::as_object_mut).and_then(|auths| auths.remove(&key)).is_some();
    if !removed {
        return Err(CredentialsError::NotLoggedIn { host: host.to_owned() }.into());
    }
    if let Some(helper) = config.helper(host) {
        helper::erase(helpers, helper, host, &key).await?;
    }
    write(path, &document)
}

/// People keep their configurations elsewhere and link to them: what is linked to is changed, not the link.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn read(path: &Path) -> Result<(Map<String, Value>, DockerConfig), Error> {
    let text = files::read(path, MAX_DOCKER_CONFIG)?.unwrap_or_default();
    let config = DockerConfig::read(&text, path.to_owned())?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok((Map::new(), config));
    }
    let document =
        crate::json::read(&text).map_err(|error| CredentialsError::BadConfig { path: path.to_owned(), error })?;
    Ok((document, config))
}

fn write(path: &Path, document: &Map<String, Value>) -> Result<(), Error> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        files::make_directory(directory)?;
    }
    let text = serde_json::to_string_pretty(document).map_err(|_| malformed(path))?;
    files::write(path, text.as_bytes(), 0o600)
}

fn malformed(path: &Path) -> Error {
    let said = "`auths` is no map".to_owned();
    let error = crate::json::JsonError::NotAsExpected { said };
    CredentialsError::BadConfig { path: path.to_owned(), error }.into()
}
