//! Manifests and indexes of any kind, read only as far as moving and listing them needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Digest;
use crate::error::Error;
use crate::json;
use crate::manifest::MANIFEST_MEDIA_TYPE;
use crate::registry::Descriptor;

/// The media type of an index.
pub const INDEX_MEDIA_TYPE: &str = oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;

/// What any manifest or index may say. Fields that are not here are not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Envelope {
    pub(crate) media_type: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Option<Descriptor>,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(deserialize_with = "readable")]
    pub(crate) manifests: Vec<Descriptor>,
    pub(crate) subject: Option<Descriptor>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// One candidate that cannot be read, such as one with a digest of another algorithm, does not hide the others.
fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Descriptor>, D::Error> {
    let items = Vec::<Value>::deserialize(deserializer)?;
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

impl Envelope {
    pub(crate) fn read(bytes: &[u8], what: impl FnOnce() -> String) -> Result<Self, Error> {
        json::read(bytes).map_err(|error| Error::Json { what: what(), error })
    }

    /// The media type that the document itself says it has; without one, what its fields make it.
    pub(crate) fn own_media_type(&self) -> String {
        let guess = if self.config.is_some() { MANIFEST_MEDIA_TYPE } else { INDEX_MEDIA_TYPE };
        self.media_type.clone().unwrap_or_else(|| guess.to_owned())
    }

    /// As the document is listed among referrers.
    pub(crate) fn describe(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let of_config = || self.config.as_ref().map(|config| config.media_type.clone());
        Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: self.artifact_type.clone().or_else(of_config),
            annotations: self.annotations.clone(),
        }
    }

    /// The blobs that the document names.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }
}

/// The tag under which referrers are listed where a registry lacks the API.
pub(crate) fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// Whether a tag names what is about an artifact and no artifact: the list of its referrers (`sha256-<hex>`), or what older clients
/// put beside it (`sha256-<hex>.sig`).
pub fn is_about_another(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else { return false };
    let (hex, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
    format!("sha256:{hex}").parse::<Digest>().is_ok() && (more.is_empty() || more.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_is_about_another_artifact_is_told_apart() {
        let tag = fallback_tag(&Digest::of(b"x"));
        for about in [tag.clone(), format!("{tag}.sig"), format!("{tag}.att")] {
            assert!(is_about_another(&about), "{about}");
        }
        for own in ["v14.2.0", "latest", "sha256-14", &format!("{tag}-more"), &tag.replace("sha256", "sha512")] {
            assert!(!is_about_another(own), "{own}");
        }
    }
}
