//! The config document: enough of a pattern for a person or a policy to decide without a layer being pulled.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::json::{self, JsonError};
use crate::role::Role;

/// The config's media type.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.orkestra.pattern.config.v1+json";

/// The largest config document, in bytes.
pub const MAX_CONFIG: u64 = 256 << 10;

/// What a pattern says of itself. Its fields are written in this order, and maps by key: equal configs have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// Equal to the last segment of its repository.
    pub name: String,
    /// The pattern's own version.
    pub version: Version,
    /// One sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// As an SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// For searching.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keywords: BTreeSet<String>,
    /// The kinds of `crd.yaml`; none where the pattern only decorates others'.
    #[serde(default)]
    pub crds: Vec<ServedKind>,
    /// What the component imports, as WIT names.
    pub imports: BTreeSet<String>,
    /// What the component exports, as WIT names.
    pub exports: BTreeSet<String>,
    /// What has to be granted to it.
    #[serde(default)]
    pub capabilities: BTreeSet<String>,
    /// What the component runs on.
    pub engine: Engine,
    /// The worst-case cost per entry; none for an entry whose cost is not bounded by the checker.
    #[serde(default)]
    pub cost: BTreeMap<String, Option<u64>>,
    /// What was tested before the push.
    pub tests: Tests,
    /// The `ork` that made it, as `ork 0.1.0`.
    pub builder: String,
    /// The content of each layer.
    pub layers: BTreeMap<Role, Digest>,
}

/// A kind that the pattern's CRDs serve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServedKind {
    /// As `orkestra.orkspace.io`.
    pub group: String,
    /// As `Postgres`.
    pub kind: String,
    /// The served ones, as in the CRD.
    pub versions: Vec<String>,
    /// The one that is stored.
    pub storage: String,
}

/// The engine that a component was built for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Engine {
    /// The name of the import, which carries its interface's version.
    pub import: String,
    /// The content of the engine module that it was tested with, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What was tested before the push.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tests {
    /// How many cases passed.
    pub passed: u32,
    /// The option that kept them from being run, `--no-test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// Why a config document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no config document.
    #[error("the config document does not hold: {error}")]
    Malformed {
        /// What is wrong with it.
        error: JsonError,
    },
    /// It is too large to be packed.
    #[error("the config document would have {size} bytes, more than the {MAX_CONFIG} of the largest")]
    TooLarge {
        /// In bytes.
        size: u64,
    },
    /// Its name cannot be a repository's.
    #[error("`{}` cannot name a pattern: lower-case letters, digits, and `.`, `_`, `-` between them", .said.escape_debug())]
    BadName {
        /// The name.
        said: String,
    },
    /// It names other layers than the manifest does.
    #[error("the config document and the manifest do not agree about {role}")]
    LayerMismatch {
        /// Which.
        role: Role,
    },
    /// It has kinds and no `crd.yaml`, or the other way round.
    #[error("the config document and the layers do not agree on whether there are CRDs")]
    CrdMismatch,
    /// It is another pattern than its repository says.
    #[error("the pattern calls itself `{}`, its repository `{expected}`: push it to a repository of its name", .said.escape_debug())]
    NameMismatch {
        /// The config's name.
        said: String,
        /// The last segment of the repository.
        expected: String,
    },
}

impl ConfigError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "ConfigMalformed",
            Self::TooLarge { .. } => "ConfigTooLarge",
            Self::BadName { .. } => "BadName",
            Self::LayerMismatch { .. } => "LayerMismatch",
            Self::CrdMismatch => "CrdMismatch",
            Self::NameMismatch { .. } => "NameMismatch",
        }
    }
}

impl Config {
    /// Reads a document of at most [`MAX_CONFIG`] bytes.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`], [`ConfigError::TooLarge`] and [`ConfigError::BadName`].
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() as u64 > MAX_CONFIG {
            return Err(ConfigError::TooLarge { size: bytes.len() as u64 });
        }
        let config: Self = json::read(bytes).map_err(|error| ConfigError::Malformed { error })?;
        config.check_name()?;
        Ok(config)
    }

    /// The document's bytes, the same for the same config on any machine.
    ///
    /// # Errors
    /// [`ConfigError::TooLarge`] and [`ConfigError::BadName`].
    pub fn write(&self) -> Result<Bytes, ConfigError> {
        self.check_name()?;
        let bytes = serde_json::to_vec(self)
            .map_err(|error| ConfigError::Malformed { error: JsonError::NotAsExpected { said: error.to_string() } })?;
        if bytes.len() as u64 > MAX_CONFIG {
            return Err(ConfigError::TooLarge { size: bytes.len() as u64 });
        }
        Ok(bytes.into())
    }

    fn check_name(&self) -> Result<(), ConfigError> {
        match crate::reference::is_segment(&self.name) {
            true => Ok(()),
            false => Err(ConfigError::BadName { said: self.name.clone() }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A config as `ork push` makes them, without layers.
    pub(crate) fn postgres() -> Config {
        Config {
            name: "postgres".into(),
            version: "14.2.0".parse().unwrap(),
            description: "PostgreSQL, one primary and replicas".into(),
            license: Some("Apache-2.0".into()),
            keywords: ["database", "sql"].map(String::from).into(),
            crds: vec![ServedKind {
                group: "databases.example".into(),
                kind: "Postgres".into(),
                versions: vec!["v1".into(), "v1beta1".into()],
                storage: "v1".into(),
            }],
            imports: ["orkestra:engine/eval@1.0.0".to_owned()].into(),
            exports: ["orkestra:pattern/reconcile@1.0.0".to_owned()].into(),
            capabilities: BTreeSet::new(),
            engine: Engine { import: "orkestra:engine/eval@1.0.0".into(), digest: Some(Digest::of(b"engine")) },
            cost: [("postgres".to_owned(), Some(120_000)), ("backup".to_owned(), None)].into(),
            tests: Tests { passed: 7, skipped: None },
            builder: "ork 0.1.0".into(),
            layers: BTreeMap::new(),
        }
    }

    #[test]
    fn it_is_read_as_it_is_written_in_a_fixed_order() {
        let mut config = postgres();
        config.layers = [(Role::Hooks, Digest::of(b"h")), (Role::Katalog, Digest::of(b"k"))].into();
        let bytes = config.write().unwrap();
        assert_eq!(Config::read(&bytes).unwrap(), config);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.starts_with(r#"{"name":"postgres","version":"14.2.0","description":"#), "{text}");
        assert!(text.find("\"katalog\"").unwrap() < text.find("\"hooks\"").unwrap(), "{text}");
    }

    #[test]
    fn what_is_no_config_is_refused() {
        let good = String::from_utf8(postgres().write().unwrap().to_vec()).unwrap();
        for (bad, reason) in [
            (good.replacen("\"name\"", "\"nome\"", 1), "ConfigMalformed"),
            (good.replacen('{', "{\"more\":1,", 1), "ConfigMalformed"),
            (good.replacen('{', "{\"name\":\"postgres\",", 1), "ConfigMalformed"),
            (good.replacen("14.2.0", "v14", 1), "ConfigMalformed"),
            (good.replacen("\"layers\":{", "\"layers\":{\"secrets\":\"x\"", 1), "ConfigMalformed"),
            (good.replacen("\"postgres\"", "\"../postgres\"", 1), "BadName"),
            (good.replacen("one primary", &"x".repeat(MAX_CONFIG as usize), 1), "ConfigTooLarge"),
        ] {
            assert_ne!(bad, good);
            assert_eq!(Config::read(bad.as_bytes()).unwrap_err().reason(), reason, "{:.200}", bad);
        }
    }
}
