//! The lock of a Komposer: which bytes its imports meant when it was written. Users commit it, and a runtime that is told to holds
//! to it.

use std::fmt;

use orkestra_artifact::{Digest, Repository};
use semver::Version;
use serde_json::{Map, Value, json};

use crate::{Import, Komposer, Located};

/// A document `kind: KomposerLock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The Komposer's name.
    pub name: String,
    /// [`Komposer::digest`] of what it was made for.
    pub komposer: Digest,
    /// The release of `ork` that made it, as `0.1.0`.
    pub ork: String,
    /// By name.
    pub instances: Vec<Locked>,
}

/// What one instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// [`crate::Instance::name`].
    pub name: String,
    /// What was asked for: a reference and perhaps a range behind it, or a path.
    pub asked: String,
    /// The pattern's own version.
    pub version: Version,
    /// The component as the pattern's author built it, or as a directory gives it.
    pub component: Digest,
    /// The engine's import that the component names.
    pub engine: String,
    /// None for a directory.
    pub artifact: Option<Artifact>,
}

/// What one instance of a registry's pattern is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The instance's name is bound to it: another repository under this name is refused.
    pub repository: Repository,
    /// The tag that was found.
    pub tag: Option<String>,
    /// The manifest.
    pub manifest: Digest,
    /// Whether the component was compiled again from the pattern's files, and came out the same.
    pub rebuilt: bool,
    /// Whose signatures were asked for and found.
    pub signers: Vec<String>,
    /// The component that runs where that is another one: overrides change it, or another release of `ork` built the author's.
    pub composed: Option<Digest>,
}

/// Why a lock does not fit its Komposer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// It is of another one.
    OtherKomposer {
        /// In the lock.
        locked: String,
        /// The Komposer's.
        found: String,
    },
    /// The Komposer says something else than when it was locked.
    Changed,
    /// An instance that the lock does not have.
    Missing {
        /// Its name.
        name: String,
    },
    /// An instance that nothing imports any more.
    Unused {
        /// Its name.
        name: String,
    },
    /// An instance that is asked for in other words.
    AskedOtherwise {
        /// Its name.
        name: String,
        /// In the lock.
        locked: String,
        /// In the Komposer.
        found: String,
    },
    /// What runs is not what was locked: a directory has changed, or another release of `ork` compiles it otherwise.
    OtherComponent {
        /// Its name.
        name: String,
        /// In the lock.
        locked: Digest,
        /// What comes out now.
        found: Digest,
    },
}

impl Stale {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OtherKomposer { .. } => "OtherKomposer",
            Self::Changed => "KomposerChanged",
            Self::Missing { .. } => "NotLocked",
            Self::Unused { .. } => "NoLongerImported",
            Self::AskedOtherwise { .. } => "AskedOtherwise",
            Self::OtherComponent { .. } => "ComponentMismatch",
        }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKomposer { locked, found } => {
                write!(f, "the lock is of the Komposer `{locked}`, and this one is `{found}`")
            }
            Self::Changed => f.write_str("the Komposer has changed since it was locked"),
            Self::Missing { name } => write!(f, "`{name}` is not in the lock"),
            Self::Unused { name } => write!(f, "`{name}` is in the lock, and nothing imports it"),
            Self::AskedOtherwise { name, locked, found } => {
                write!(f, "`{name}` was locked for {locked}, and the Komposer asks for {found}")
            }
            Self::OtherComponent { name, locked, found } => {
                write!(f, "`{name}` is locked with the component {locked}, and its files give {found}")
            }
        }
    }
}

/// Another repository under a name whose rights belong to what was there before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is locked for {locked}, and the Komposer now imports {found} under that name, with its account and what it owns"
)]
pub struct IdentityReused {
    /// The instance.
    pub name: String,
    /// In the lock.
    pub locked: Repository,
    /// In the Komposer.
    pub found: Repository,
}

impl IdentityReused {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        "IdentityReused"
    }
}

/// What an import asks for, as a lock writes it.
pub fn asked(import: &Import) -> String {
    match &import.located {
        Located::File { path } => path.clone(),
        Located::Registry { reference, version, .. } => match version {
            Some(range) => format!("{reference} {range}"),
            None => reference.to_string(),
        },
    }
}

/// The name of an import's instance, where that can be told before its pattern is there: a pattern has the name of its repository.
pub fn name_of(import: &Import) -> Option<&str> {
    match (&import.name, &import.located) {
        (Some(name), _) => Some(&name.value),
        (None, Located::Registry { reference, .. }) => Some(reference.repository.name()),
        (None, Located::File { .. }) => None,
    }
}

impl Lock {
    /// What is locked under a name.
    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.instances.iter().find(|locked| locked.name == name)
    }

    /// What is locked for an import, if that still asks for the same.
    pub fn fitting(&self, import: &Import) -> Option<&Locked> {
        let asked = asked(import);
        self.instances
            .iter()
            .find(|locked| locked.asked == asked && name_of(import).is_none_or(|name| locked.name == name))
    }

    /// Every way in which it does not fit `komposer`, as far as that can be told without its patterns; none: it fits.
    pub fn stale(&self, komposer: &Komposer) -> Vec<Stale> {
        if self.name != komposer.name {
            return vec![Stale::OtherKomposer { locked: self.name.clone(), found: komposer.name.clone() }];
        }
        let mut found = Vec::new();
        for import in &komposer.imports {
            let name = name_of(import).map(str::to_owned);
            match (self.fitting(import), name.as_deref().and_then(|name| self.get(name))) {
                (Some(_), _) => {}
                (None, Some(locked)) => found.push(Stale::AskedOtherwise {
                    name: locked.name.clone(),
                    locked: locked.asked.clone(),
                    found: asked(import),
                }),
                (None, None) => found.push(Stale::Missing { name: name.unwrap_or_else(|| asked(import)) }),
            }
        }
        for locked in &self.instances {
            let wanted = komposer.imports.iter().any(|import| {
                self.fitting(import).is_some_and(|fitting| fitting.name == locked.name)
                    || name_of(import) == Some(&locked.name)
            });
            if !wanted {
                found.push(Stale::Unused { name: locked.name.clone() });
            }
        }
        if found.is_empty() && self.komposer != komposer.digest() {
            found.push(Stale::Changed);
        }
        found
    }

    /// Whether the names of `komposer` still belong to the repositories that they were locked for.
    ///
    /// # Errors
    /// The first name that does not.
    pub fn check_identities(&self, komposer: &Komposer) -> Result<(), IdentityReused> {
        for import in &komposer.imports {
            let Located::Registry { reference, .. } = &import.located else { continue };
            let Some(name) = name_of(import) else { continue };
            if let Some(locked) = self.get(name).and_then(|locked| Some(&locked.artifact.as_ref()?.repository))
                && *locked != reference.repository
            {
                return Err(IdentityReused {
                    name: name.to_owned(),
                    locked: locked.clone(),
                    found: reference.repository.clone(),
                });
            }
        }
        Ok(())
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        json!({
            "apiVersion": "orkestra.orkspace.io/v1",
            "kind": "KomposerLock",
            "metadata": {"name": self.name},
            "spec": {
                "komposer": self.komposer,
                "ork": self.ork,
                "instances": self.instances.iter().map(Locked::to_json).collect::<Vec<_>>(),
            },
        })
    }
}

impl Locked {
    /// The component that runs.
    pub fn runs(&self) -> Digest {
        self.artifact.as_ref().and_then(|artifact| artifact.composed).unwrap_or(self.component)
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
        put("name", json!(self.name));
        match &self.artifact {
            Some(artifact) => {
                put("ref", json!(self.asked));
                put("repository", json!(artifact.repository.to_string()));
                if let Some(tag) = &artifact.tag {
                    put("tag", json!(tag));
                }
            }
            None => put("path", json!(self.asked)),
        }
        put("version", json!(self.version.to_string()));
        if let Some(artifact) = &self.artifact {
            put("manifest", json!(artifact.manifest));
        }
        put("component", json!(self.component));
        put("engine", json!(self.engine));
        if let Some(artifact) = &self.artifact {
            put("rebuilt", json!(artifact.rebuilt));
            if !artifact.signers.is_empty() {
                put("signers", json!(artifact.signers));
            }
            if let Some(composed) = &artifact.composed {
                put("composed", json!(composed));
            }
        }
        Value::Object(object)
    }
}
