//! From a pattern's files to one artifact, the same on any machine.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use crate::Digest;
use crate::config::{CONFIG_MEDIA_TYPE, Config, ConfigError};
use crate::error::Error;
use crate::json::JsonError;
use crate::listing::Listing;
use crate::manifest::{ARTIFACT_TYPE, MANIFEST_MEDIA_TYPE, ManifestError, TITLE};
use crate::registry::Descriptor;
use crate::role::{MAX_TOTAL, Role};

/// A pattern's files by role.
pub type Contents = BTreeMap<Role, Bytes>;

/// An artifact that is ready to be pushed.
#[derive(Debug, Clone)]
pub struct Package {
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// The manifest's digest.
    pub digest: Digest,
    /// The config with all layers named.
    pub config: Config,
    /// The config and the layers, in the order of the manifest.
    pub blobs: Vec<(Descriptor, Bytes)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u8,
    media_type: &'a str,
    artifact_type: &'a str,
    config: &'a Descriptor,
    layers: Vec<&'a Descriptor>,
    annotations: BTreeMap<&'a str, String>,
}

/// Makes the artifact. `config.layers` is filled in from `contents`.
///
/// # Errors
/// [`ManifestError::MissingLayer`], [`ManifestError::SizeOutOfBounds`] and [`ManifestError::TotalTooLarge`] for files that are
/// missing, empty or too large; [`ConfigError::CrdMismatch`], [`ConfigError::BadName`] and [`ConfigError::TooLarge`].
pub fn pack(mut config: Config, contents: &Contents, listing: &Listing) -> Result<Package, Error> {
    if let Some(role) = Role::ALL.into_iter().find(|role| role.is_required() && !contents.contains_key(role)) {
        return Err(ManifestError::MissingLayer { role }.into());
    }
    if contents.contains_key(&Role::Crd) == config.crds.is_empty() {
        return Err(ConfigError::CrdMismatch.into());
    }
    for (role, bytes) in contents {
        let (size, limit) = (bytes.len() as u64, role.limit());
        if size == 0 || size > limit {
            return Err(ManifestError::SizeOutOfBounds { what: role.to_string(), size, limit }.into());
        }
    }
    let size = contents.values().map(|bytes| bytes.len() as u64).sum();
    if size > MAX_TOTAL {
        return Err(ManifestError::TotalTooLarge { size }.into());
    }
    let layers: Vec<_> = contents.iter().map(|(role, bytes)| (describe(*role, bytes), bytes.clone())).collect();
    config.layers = contents.keys().copied().zip(layers.iter().map(|(layer, _)| layer.digest)).collect();
    let document = config.write()?;
    let described = Descriptor {
        media_type: CONFIG_MEDIA_TYPE.to_owned(),
        digest: Digest::of(&document),
        size: document.len() as u64,
        artifact_type: None,
        annotations: BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&Written {
        schema_version: 2,
        media_type: MANIFEST_MEDIA_TYPE,
        artifact_type: ARTIFACT_TYPE,
        config: &described,
        layers: layers.iter().map(|(layer, _)| layer).collect(),
        annotations: annotations(&config, listing),
    })
    .map_err(|error| ManifestError::Malformed { error: JsonError::NotAsExpected { said: error.to_string() } })?;
    let digest = Digest::of(&manifest);
    let blobs = std::iter::once((described, document)).chain(layers).collect();
    Ok(Package { manifest: manifest.into(), digest, config, blobs })
}

fn describe(role: Role, bytes: &Bytes) -> Descriptor {
    Descriptor {
        media_type: role.media_type().to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        artifact_type: None,
        annotations: [(TITLE.to_owned(), role.title().to_owned())].into(),
    }
}

/// What follows from the config, and what the author gives beside it. A clock would give another digest each time, so there is none.
fn annotations<'a>(config: &Config, listing: &'a Listing) -> BTreeMap<&'a str, String> {
    let mut annotations = BTreeMap::new();
    let mut set = |key, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            annotations.insert(key, value);
        }
    };
    let keywords = config.keywords.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let prerelease = (!config.version.pre.is_empty()).then(|| "true".to_owned());
    set(TITLE, Some(config.name.clone()));
    set("org.opencontainers.image.version", Some(config.version.to_string()));
    set("org.opencontainers.image.description", Some(config.description.clone()));
    set("org.opencontainers.image.licenses", config.license.clone());
    set("io.artifacthub.package.license", config.license.clone());
    set("io.artifacthub.package.keywords", Some(keywords));
    set("io.artifacthub.package.prerelease", prerelease);
    for (key, value) in listing.annotations() {
        set(key, Some(value.to_owned()));
    }
    annotations
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::tests::postgres;

    /// Contents for every role but that of others' kinds, which came later: without it an artifact is as it ever was.
    pub(crate) fn contents() -> Contents {
        let roles = Role::ALL.into_iter().filter(|role| *role != Role::Foreign);
        roles.map(|role| (role, Bytes::from(format!("the {role} of postgres\n")))).collect()
    }

    /// A package of every role.
    pub(crate) fn package() -> Package {
        let mut listing = Listing::default();
        for (key, value) in [
            ("org.opencontainers.image.source", "https://git.example/postgres"),
            ("io.artifacthub.package.readme-url", "https://git.example/postgres/README.md"),
            ("io.artifacthub.package.maintainers", r#"[{"name":"Ada","email":"ada@example"}]"#),
        ] {
            listing.set(key, value).unwrap();
        }
        pack(postgres(), &contents(), &listing).unwrap()
    }

    #[test]
    fn the_same_contents_have_the_same_digest_on_any_machine() {
        assert_eq!(
            package().digest.to_string(),
            "sha256:07c03e9f562d21fa90dc0db4f40e2275e5a87abd68bc8e685b3be14b3e10b834"
        );
        let text = String::from_utf8(package().manifest.to_vec()).unwrap();
        assert!(text.contains(r#""io.artifacthub.package.keywords":"database,sql""#), "{text}");
        assert!(!text.contains("created"), "{text}");
    }

    #[test]
    fn a_version_before_its_release_says_so() {
        let manifest = |version: &str| {
            let config = Config { version: version.parse().unwrap(), ..postgres() };
            String::from_utf8(pack(config, &contents(), &Listing::default()).unwrap().manifest.to_vec()).unwrap()
        };
        assert!(manifest("15.0.0-rc.1").contains(r#""io.artifacthub.package.prerelease":"true""#));
        assert!(!manifest("15.0.0").contains("prerelease"));
    }

    #[test]
    fn files_must_be_there_and_fit() {
        let reason = |change: fn(&mut Config, &mut Contents)| {
            let (mut config, mut contents) = (postgres(), contents());
            change(&mut config, &mut contents);
            pack(config, &contents, &Listing::default()).map(|_| ()).map_err(|error| error.reason())
        };
        assert_eq!(reason(|_, _| ()), Ok(()));
        assert_eq!(reason(|_, contents| drop(contents.remove(&Role::Hooks))), Ok(()));
        assert_eq!(reason(|_, contents| drop(contents.remove(&Role::Readme))), Err("MissingLayer"));
        assert_eq!(reason(|_, contents| drop(contents.remove(&Role::Crd))), Err("CrdMismatch"));
        assert_eq!(reason(|config, _| config.crds.clear()), Err("CrdMismatch"));
        assert_eq!(reason(|_, contents| drop(contents.insert(Role::Cr, Bytes::new()))), Err("SizeOutOfBounds"));
        assert_eq!(
            reason(|_, files| drop(files.insert(Role::Cr, vec![0; (1 << 20) + 1].into()))),
            Err("SizeOutOfBounds")
        );
        assert_eq!(reason(|config, _| config.name = "Post/gres".into()), Err("BadName"));
    }
}
