//! The manifest of a pattern, read strictly: what it does not have to say, it may not say.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::Digest;
use crate::config::{CONFIG_MEDIA_TYPE, MAX_CONFIG};
use crate::json::{self, JsonError};
use crate::registry::{Descriptor, Fetched, MAX_MANIFEST};
use crate::role::{MAX_TOTAL, Role};

/// The media type of every manifest that is written here.
pub const MANIFEST_MEDIA_TYPE: &str = oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;

/// What makes a manifest a pattern's.
pub const ARTIFACT_TYPE: &str = "application/vnd.orkestra.pattern.v1";

/// The annotation that names a layer's file.
pub const TITLE: &str = "org.opencontainers.image.title";

/// A pattern's manifest. Its config and layers are not to be had before it is verified: see [`crate::Verified`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternManifest {
    digest: Digest,
    annotations: BTreeMap<String, String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: BTreeMap<Role, Descriptor>,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is an index, or something else that was never a pattern.
    #[error("it is a `{}`, expected a manifest (`{MANIFEST_MEDIA_TYPE}`)", .said.escape_debug())]
    NotAManifest {
        /// Its media type.
        said: String,
    },
    /// It is no manifest that we read.
    #[error("the manifest does not hold: {error}")]
    Malformed {
        /// What is wrong with it.
        error: JsonError,
    },
    /// It is another kind of artifact.
    #[error("it is an artifact of type `{}`, expected a pattern (`{ARTIFACT_TYPE}`)", .said.escape_debug())]
    NotAPattern {
        /// Its artifact type, empty where it has none.
        said: String,
    },
    /// Its config is another document.
    #[error("its config is a `{}`, expected `{CONFIG_MEDIA_TYPE}`", .said.escape_debug())]
    ForeignConfig {
        /// The config's media type.
        said: String,
    },
    /// A layer has a media type that no role has; compressed ones too.
    #[error("layer {index} is a `{}`, which no file of a pattern is", .said.escape_debug())]
    UnknownLayer {
        /// Which, from 0.
        index: usize,
        /// Its media type.
        said: String,
    },
    /// Two layers have one role.
    #[error("there are two layers for {role}")]
    DoubledLayer {
        /// Which.
        role: Role,
    },
    /// A file is missing that every pattern has.
    #[error("there is no layer for {role}, which every pattern has")]
    MissingLayer {
        /// Which.
        role: Role,
    },
    /// A layer has another file name than its role.
    #[error("the layer for {role} has the file name `{}`", .said.escape_debug())]
    ForeignTitle {
        /// Which.
        role: Role,
        /// Its title, empty where it has none.
        said: String,
    },
    /// Content would be loaded from anywhere.
    #[error("{what} names places to load it from (`urls`), which is never followed")]
    HasUrls {
        /// Which descriptor.
        what: String,
    },
    /// Content is given twice, in the manifest and beside it.
    #[error("{what} has its content in the manifest (`data`), which is not read")]
    HasInlineData {
        /// Which descriptor.
        what: String,
    },
    /// A layer is larger than files of its role may be, or empty.
    #[error("{what} has {size} bytes, expected 1 to {limit}")]
    SizeOutOfBounds {
        /// Which.
        what: String,
        /// In bytes.
        size: u64,
        /// In bytes.
        limit: u64,
    },
    /// All layers together are too large.
    #[error("all layers together have {size} bytes, more than {MAX_TOTAL}")]
    TotalTooLarge {
        /// In bytes.
        size: u64,
    },
}

impl ManifestError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAManifest { .. } => "NotAManifest",
            Self::Malformed { error: JsonError::DuplicateKey { .. } } => "ManifestDuplicateKey",
            Self::Malformed { error: JsonError::TooDeep } => "ManifestTooDeep",
            Self::Malformed { .. } => "ManifestMalformed",
            Self::NotAPattern { .. } => "NotAPattern",
            Self::ForeignConfig { .. } => "ForeignConfig",
            Self::UnknownLayer { .. } => "UnknownLayer",
            Self::DoubledLayer { .. } => "DoubledLayer",
            Self::MissingLayer { .. } => "MissingLayer",
            Self::ForeignTitle { .. } => "ForeignTitle",
            Self::HasUrls { .. } => "HasUrls",
            Self::HasInlineData { .. } => "HasInlineData",
            Self::SizeOutOfBounds { .. } => "SizeOutOfBounds",
            Self::TotalTooLarge { .. } => "TotalTooLarge",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    schema_version: u8,
    // The two that were looked at first: see `Kind`.
    #[serde(default, rename = "mediaType")]
    _media_type: IgnoredAny,
    #[serde(default, rename = "artifactType")]
    _artifact_type: IgnoredAny,
    config: WrittenDescriptor,
    layers: Vec<WrittenDescriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenDescriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    urls: Option<Box<RawValue>>,
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

impl WrittenDescriptor {
    fn checked(self, what: impl Fn() -> String, limit: u64) -> Result<Descriptor, ManifestError> {
        if self.urls.is_some() {
            return Err(ManifestError::HasUrls { what: what() });
        }
        if self.data.is_some() {
            return Err(ManifestError::HasInlineData { what: what() });
        }
        if self.size == 0 || self.size > limit {
            return Err(ManifestError::SizeOutOfBounds { what: what(), size: self.size, limit });
        }
        let Self { media_type, digest, size, annotations, .. } = self;
        Ok(Descriptor { media_type, digest, size, artifact_type: None, annotations })
    }
}

impl PatternManifest {
    /// Reads what a registry gave for a pattern.
    ///
    /// # Errors
    /// All of [`ManifestError`].
    pub fn read(fetched: &Fetched) -> Result<Self, ManifestError> {
        let foreign = |said: &str| ManifestError::NotAManifest { said: said.to_owned() };
        if fetched.media_type != MANIFEST_MEDIA_TYPE {
            return Err(foreign(&fetched.media_type));
        }
        if fetched.bytes.len() as u64 > MAX_MANIFEST {
            let (what, size) = ("the manifest".to_owned(), fetched.bytes.len() as u64);
            return Err(ManifestError::SizeOutOfBounds { what, size, limit: MAX_MANIFEST });
        }
        let kind: Kind = json::read(&fetched.bytes).map_err(|error| ManifestError::Malformed { error })?;
        if let Some(said) = kind.media_type.filter(|said| said != MANIFEST_MEDIA_TYPE) {
            return Err(foreign(&said));
        }
        if kind.artifact_type != ARTIFACT_TYPE {
            return Err(ManifestError::NotAPattern { said: kind.artifact_type });
        }
        let written: Written = json::read(&fetched.bytes).map_err(|error| ManifestError::Malformed { error })?;
        Self::checked(fetched.digest, written)
    }

    fn checked(digest: Digest, written: Written) -> Result<Self, ManifestError> {
        let Written { schema_version, _media_type: _, _artifact_type: _, config, layers: written, annotations } =
            written;
        if schema_version != 2 {
            let said = format!("schemaVersion is {schema_version}, expected 2");
            return Err(ManifestError::Malformed { error: JsonError::NotAsExpected { said } });
        }
        if config.media_type != CONFIG_MEDIA_TYPE {
            return Err(ManifestError::ForeignConfig { said: config.media_type });
        }
        let config = config.checked(|| "the config".to_owned(), MAX_CONFIG)?;
        let mut layers = BTreeMap::new();
        for (index, layer) in written.into_iter().enumerate() {
            let Some(role) = Role::of_media_type(&layer.media_type) else {
                return Err(ManifestError::UnknownLayer { index, said: layer.media_type });
            };
            let layer = layer.checked(|| format!("the layer for {role}"), role.limit())?;
            let title = layer.annotations.get(TITLE).map(String::as_str).unwrap_or_default();
            if title != role.title() {
                return Err(ManifestError::ForeignTitle { role, said: title.to_owned() });
            }
            if layers.insert(role, layer).is_some() {
                return Err(ManifestError::DoubledLayer { role });
            }
        }
        if let Some(role) = Role::ALL.into_iter().find(|role| role.is_required() && !layers.contains_key(role)) {
            return Err(ManifestError::MissingLayer { role });
        }
        let size = layers.values().map(|layer| layer.size).sum();
        if size > MAX_TOTAL {
            return Err(ManifestError::TotalTooLarge { size });
        }
        Ok(Self { digest, annotations, config, layers })
    }

    /// The manifest's own digest: what a lock names and a signature covers.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What the manifest says to registries' catalogues. Foreign text.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}

/// The two fields that are looked at first, so that other kinds of artifact are told apart from malformed patterns.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pack::tests::package;

    fn read(manifest: &Value) -> Result<PatternManifest, ManifestError> {
        raw(serde_json::to_vec(manifest).unwrap())
    }

    fn raw(bytes: Vec<u8>) -> Result<PatternManifest, ManifestError> {
        let (media_type, digest) = (MANIFEST_MEDIA_TYPE.to_owned(), Digest::of(&bytes));
        PatternManifest::read(&Fetched { media_type, digest, bytes: bytes.into() })
    }

    fn good() -> Value {
        serde_json::from_slice(&package().manifest).unwrap()
    }

    #[test]
    fn what_is_packed_is_read() {
        let package = package();
        let read = read(&good()).unwrap();
        assert_eq!(read.layers.len(), package.blobs.len() - 1);
        assert_eq!(read.config.digest, package.blobs[0].0.digest);
    }

    #[test]
    fn each_thing_that_is_wrong_has_its_own_reason() {
        type Break = fn(&mut Value);
        let breaks: [(&str, Break); 16] = [
            ("NotAManifest", |m| m["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json")),
            ("NotAPattern", |m| m["artifactType"] = json!("application/vnd.cncf.helm.config.v1+json")),
            ("NotAPattern", |m| drop(m.as_object_mut().unwrap().remove("artifactType"))),
            ("ManifestMalformed", |m| m["schemaVersion"] = json!(1)),
            ("ManifestMalformed", |m| m["subject"] = json!({})),
            ("ManifestMalformed", |m| m["layers"][0]["digest"] = json!("sha512:00")),
            ("ManifestMalformed", |m| m["layers"][0]["size"] = json!(-1)),
            ("ForeignConfig", |m| m["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json")),
            ("UnknownLayer", |m| m["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip")),
            ("DoubledLayer", |m| m["layers"][1] = m["layers"][0].clone()),
            ("MissingLayer", |m| drop(m["layers"].as_array_mut().unwrap().remove(0))),
            ("ForeignTitle", |m| m["layers"][0]["annotations"][TITLE] = json!("../katalog.yaml")),
            ("HasUrls", |m| m["layers"][0]["urls"] = json!(["https://elsewhere.example"])),
            ("HasInlineData", |m| m["config"]["data"] = json!("e30=")),
            ("SizeOutOfBounds", |m| m["layers"][0]["size"] = json!(Role::Katalog.limit() + 1)),
            ("SizeOutOfBounds", |m| m["layers"][0]["size"] = json!(0)),
        ];
        for (reason, broken) in breaks {
            let mut manifest = good();
            broken(&mut manifest);
            assert_eq!(read(&manifest).unwrap_err().reason(), reason);
        }
    }

    #[test]
    fn layers_that_fit_alone_may_not_fit_together() {
        let mut manifest = good();
        for layer in manifest["layers"].as_array_mut().unwrap() {
            layer["size"] = json!(Role::of_media_type(layer["mediaType"].as_str().unwrap()).unwrap().limit());
        }
        assert_eq!(read(&manifest).unwrap_err().reason(), "TotalTooLarge");
    }

    #[test]
    fn keys_are_not_doubled_and_nesting_is_bounded() {
        let text = serde_json::to_string(&good()).unwrap();
        let doubled = text.replacen('{', "{\"schemaVersion\":2,", 1);
        assert_eq!(raw(doubled.into()).unwrap_err().reason(), "ManifestDuplicateKey");
        let deep = text.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
        assert_eq!(raw(deep.into()).unwrap_err().reason(), "ManifestTooDeep");
    }
}
