//! Where artifacts come from: registries with a cache in front of them, or a layout that was vendored.

use orkestra_artifact::credentials::{Credential, Secret};
use orkestra_artifact::layout::Directory;
use orkestra_artifact::{Cache, Cached, HttpRegistry};
use orkestra_komposer::{Auth, Komposer, Located};

use super::Opened;
use crate::args::Sources;
use crate::error::Error;
use crate::{cache, transport};

/// Where artifacts come from.
#[derive(Debug)]
pub(crate) enum Store {
    /// As a rule.
    Cached(Box<Cached<HttpRegistry>>),
    /// Where there is no place for a cache.
    Remote(Box<HttpRegistry>),
    /// `--artifacts`: nothing is asked for over a network.
    Vendored(Directory),
}

impl Store {
    pub(crate) fn open(args: &Sources, opened: &Opened) -> Result<Self, Error> {
        if let Some(path) = &args.artifacts {
            return Ok(Self::Vendored(Directory::open(path)?));
        }
        let mirrors = opened.policy().map(|policy| policy.mirrors.as_slice()).unwrap_or_default();
        let mirrors = mirrors.iter().map(|mirror| (mirror.prefix.clone(), mirror.mirror.clone())).collect();
        let given = credentials(&opened.komposer)?.into_iter();
        let credentials = given.fold(transport::credentials()?, |all, (prefix, one)| all.with(prefix, one));
        let client = transport::client_with(&args.transport, credentials, mirrors)?;
        Ok(match cache::directory(args.cache.as_deref()) {
            Some(directory) => Self::Cached(Box::new(Cached::new(client, Cache::open(&directory.join("artifacts"))?))),
            None => Self::Remote(Box::new(client)),
        })
    }
}

/// The credentials that a Komposer names, each for its import's repository alone.
fn credentials(komposer: &Komposer) -> Result<Vec<(String, Credential)>, Error> {
    let mut found = Vec::new();
    for import in &komposer.imports {
        let Located::Registry { reference, auth: Some(auth), .. } = &import.located else { continue };
        let credential = match auth {
            Auth::Basic { username, password } => {
                Credential::Basic { username: variable(username)?, password: Secret::new(variable(password)?) }
            }
            Auth::Bearer { token } => Credential::Bearer { token: Secret::new(variable(token)?) },
        };
        found.push((reference.repository.to_string(), credential));
    }
    Ok(found)
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| Error::Unusable {
        problem: format!("the Komposer takes a registry's credentials from the variable `{name}`, which is not set"),
        hint: Some("set it, or remove `auth` to use what `ork login` keeps".to_owned()),
    })
}
