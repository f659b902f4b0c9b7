//! `push`: a package goes to a repository of its name, under a tag that never changes.

use semver::Version;

use crate::config::ConfigError;
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::MANIFEST_MEDIA_TYPE;
use crate::pack::Package;
use crate::progress::Progress;
use crate::reference::{ManifestRef, Repository};
use crate::registry::Registry;
use crate::versions::{self, VersionError};

/// How to push.
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// The tag as the user wrote it; the version's own where none is.
    pub tag: Option<String>,
    /// Replaces what is there under the tag.
    pub force: bool,
    /// Moves `v14` and `v14.2` as well, forward only.
    pub float: bool,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The tag.
    pub tag: String,
    /// The manifest.
    pub digest: Digest,
    /// What stood under the tag before and was replaced.
    pub replaced: Option<Digest>,
    /// The floating tags that were moved.
    pub moved: Vec<String>,
    /// The floating tags that stayed, because they are further already, with the version that they are at.
    pub stayed: Vec<(String, Version)>,
}

/// Pushes blobs, then the manifest, then what floats. Pushing the same again changes nothing.
///
/// # Errors
/// [`ConfigError::NameMismatch`] where the repository has another name; [`VersionError::TagIsNotVersion`];
/// [`VersionError::TagExists`] without `force`; and those of the registry.
pub async fn push(
    registry: &impl Registry,
    repository: &Repository,
    package: &Package,
    options: &PushOptions,
    progress: &impl Progress,
) -> Result<Pushed, Error> {
    let (config, digest) = (&package.config, package.digest);
    if config.name != repository.name() {
        let (said, expected) = (config.name.clone(), repository.name().to_owned());
        return Err(ConfigError::NameMismatch { said, expected }.into());
    }
    let tag = versions::push_tag(&config.version, options.tag.as_deref())?;
    let replaced = standing(registry, repository, &tag).await?.filter(|standing| *standing != digest);
    if replaced.is_some() && !options.force {
        return Err(VersionError::TagExists { repository: repository.to_string(), tag }.into());
    }
    for (blob, bytes) in &package.blobs {
        progress.begin(blob.label(), &blob.digest, blob.size);
        registry.write_blob(repository, blob, bytes.clone()).await?;
        progress.end(&blob.digest);
    }
    let write = async |tag: &str| {
        let tag = ManifestRef::Tag(tag.to_owned());
        registry.write_manifest(repository, &tag, MANIFEST_MEDIA_TYPE, package.manifest.clone()).await
    };
    write(&tag).await?;
    let mut pushed = Pushed { tag, digest, replaced, moved: Vec::new(), stayed: Vec::new() };
    if options.float {
        let tags = registry.tags(repository).await?;
        for floating in versions::floating_tags(&config.version) {
            let current = floats_at(registry, repository, &floating, &tags).await?;
            match current {
                Some(current) if !versions::moves(Some(&current), &config.version) && current != config.version => {
                    pushed.stayed.push((floating, current));
                }
                _ => {
                    write(&floating).await?;
                    pushed.moved.push(floating);
                }
            }
        }
    }
    Ok(pushed)
}

/// What a tag points at now.
async fn standing(registry: &impl Registry, repository: &Repository, tag: &str) -> Result<Option<Digest>, Error> {
    match registry.manifest(repository, &ManifestRef::Tag(tag.to_owned())).await {
        Ok(fetched) => Ok(Some(fetched.digest)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The version that a floating tag is at: the one whose manifest it has, by the manifest's own annotation.
async fn floats_at(
    registry: &impl Registry,
    repository: &Repository,
    floating: &str,
    tags: &[String],
) -> Result<Option<Version>, Error> {
    if !tags.iter().any(|tag| tag == floating) {
        return Ok(None);
    }
    let fetched = match registry.manifest(repository, &ManifestRef::Tag(floating.to_owned())).await {
        Ok(fetched) => fetched,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let manifest = crate::oci::Envelope::read(&fetched.bytes, || format!("{repository}:{floating}"))?;
    Ok(manifest.annotations.get("org.opencontainers.image.version").and_then(|version| version.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reference;
    use crate::config::tests::postgres;
    use crate::layout::Directory;
    use crate::listing::Listing;
    use crate::pack::pack;
    use crate::pack::tests::{contents, package};
    use crate::progress::Silent;
    use crate::pull::{Pulled, pull};
    use crate::trust::Asked;
    use crate::verified::Verified;

    fn version(version: &str) -> Package {
        let mut config = postgres();
        config.version = version.parse().unwrap();
        pack(config, &contents(), &Listing::default()).unwrap()
    }

    #[tokio::test]
    async fn what_is_pushed_is_found_and_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Directory::create(dir.path()).unwrap();
        let repository: Repository = "r.example/dbs/postgres".parse().unwrap();
        push(&registry, &repository, &package(), &PushOptions::default(), &Silent).await.unwrap();
        let asked: Reference = "r.example/dbs/postgres:14.2.0".parse().unwrap();
        let Pulled { reference: found, manifest, .. } = pull(&registry, &asked).await.unwrap();
        assert_eq!((found.tag.as_deref(), found.digest), (Some("v14.2.0"), Some(package().digest)));
        let verified = Verified::unverified(manifest);
        assert!(!verified.verification().is_verified());
        let unpacked = verified.unpack(&registry, &found, &Silent).await.unwrap();
        assert_eq!(unpacked.contents, contents());
        assert_eq!(unpacked.config, package().config);

        let other: Reference = "r.example/dbs/mysql:v14.2.0".parse().unwrap();
        assert_eq!(verified.config(&registry, Asked::of(&other)).await.unwrap_err().reason(), "NameMismatch");
        let other: Reference = "r.example/dbs/postgres:v15".parse().unwrap();
        assert_eq!(verified.config(&registry, Asked::of(&other)).await.unwrap_err().reason(), "VersionMismatch");
    }

    #[tokio::test]
    async fn a_version_stays_and_what_floats_goes_forward() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Directory::create(dir.path()).unwrap();
        let repository: Repository = "r.example/postgres".parse().unwrap();
        let go = async |package: &Package, force| {
            let options = PushOptions { tag: None, force, float: true };
            push(&registry, &repository, package, &options, &Silent).await
        };
        let first = go(&version("14.2.0"), false).await.unwrap();
        assert_eq!(first.moved, ["v14", "v14.2"]);
        assert_eq!(go(&version("14.2.0"), false).await.unwrap().replaced, None);
        let older = go(&version("14.1.9"), false).await.unwrap();
        assert_eq!(older.moved, ["v14.1"]);
        assert_eq!(older.stayed, [("v14".to_owned(), "14.2.0".parse().unwrap())]);
        assert!(go(&version("14.3.0-rc.1"), false).await.unwrap().moved.is_empty());

        let other = package();
        assert_eq!(go(&other, false).await.unwrap_err().reason(), "TagExists");
        assert_eq!(go(&other, true).await.unwrap().replaced, Some(first.digest));
        let elsewhere: Repository = "r.example/mysql".parse().unwrap();
        let pushed = push(&registry, &elsewhere, &other, &PushOptions::default(), &Silent).await;
        assert_eq!(pushed.unwrap_err().reason(), "NameMismatch");
    }
}
