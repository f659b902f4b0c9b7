//! Credential helpers: programs `docker-credential-<name>` that are given a registry on their input and answer on their output.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{Credential, CredentialsError, Secret};
use crate::error::Error;

/// How long a helper may take: some ask a person.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much it may answer, in bytes.
const MAX_OUTPUT: u64 = 64 << 10;
/// The name under which helpers keep tokens for getting tokens.
const IDENTITY: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Where helper programs are.
#[derive(Debug, Clone, Default)]
pub struct Helpers {
    directory: Option<PathBuf>,
}

impl Helpers {
    /// In one directory, instead of where the system looks for programs.
    pub fn within(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()) }
    }

    fn program(&self, name: &str) -> PathBuf {
        let program = format!("docker-credential-{name}");
        self.directory.as_ref().map_or_else(|| program.clone().into(), |directory| directory.join(&program))
    }
}

/// What a helper keeps for a registry; none where it keeps nothing.
pub(super) async fn get(helpers: &Helpers, name: &str, host: &str, key: &str) -> Result<Option<Credential>, Error> {
    let (succeeded, output) = run(helpers, name, "get", host, key.as_bytes()).await?;
    if !succeeded {
        // There is no other sign for "nothing kept" than a failure with a text, and a registry without credentials is no error: the
        // registry says so itself when it wants some.
        tracing::debug!(helper = name, host, "the credential helper has nothing");
        return Ok(None);
    }
    let unreadable = || CredentialsError::HelperFailed {
        helper: name.to_owned(),
        host: host.to_owned(),
        problem: "its answer cannot be read".to_owned(),
    };
    let kept: Kept = crate::json::read(&output).map_err(|_| unreadable())?;
    match kept.username.as_str() {
        _ if kept.secret.is_empty() => Ok(None),
        IDENTITY => Ok(Some(Credential::Identity { token: Secret::new(kept.secret) })),
        _ => Ok(Some(Credential::Basic { username: kept.username, password: Secret::new(kept.secret) })),
    }
}

/// Gives a helper credentials to keep.
pub(super) async fn store(
    helpers: &Helpers,
    name: &str,
    host: &str,
    key: &str,
    username: &str,
    secret: &Secret,
) -> Result<(), Error> {
    let input = serde_json::json!({ "ServerURL": key, "Username": username, "Secret": secret.reveal() }).to_string();
    let (succeeded, _) = run(helpers, name, "store", host, input.as_bytes()).await?;
    done(succeeded, name, host, "it did not keep the credentials")
}

/// Has a helper forget a registry.
pub(super) async fn erase(helpers: &Helpers, name: &str, host: &str, key: &str) -> Result<(), Error> {
    let (succeeded, _) = run(helpers, name, "erase", host, key.as_bytes()).await?;
    done(succeeded, name, host, "it did not forget the credentials")
}

fn done(succeeded: bool, name: &str, host: &str, problem: &str) -> Result<(), Error> {
    match succeeded {
        true => Ok(()),
        false => Err(failed(name, host, problem.to_owned())),
    }
}

fn failed(name: &str, host: &str, problem: String) -> Error {
    CredentialsError::HelperFailed { helper: format!("docker-credential-{name}"), host: host.to_owned(), problem }
        .into()
}

async fn run(helpers: &Helpers, name: &str, action: &str, host: &str, input: &[u8]) -> Result<(bool, Vec<u8>), Error> {
    // The name becomes a program's: nothing that a path is made of.
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(CredentialsError::BadHelperName { said: name.to_owned() }.into());
    }
    let talk = async {
        let mut child = Command::new(helpers.program(name))
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read what it is given says so by how it ends.
            let _ = stdin.write_all(input).await;
        }
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output).await?;
        }
        if output.len() as u64 > MAX_OUTPUT {
            return Err(std::io::Error::other(format!("its answer has more than {MAX_OUTPUT} bytes")));
        }
        Ok((child.wait().await?.success(), output))
    };
    match tokio::time::timeout(PATIENCE, talk).await {
        Ok(talked) => talked.map_err(|error| failed(name, host, error.to_string())),
        Err(_) => Err(failed(name, host, format!("it did not end within {} s", PATIENCE.as_secs()))),
    }
}
