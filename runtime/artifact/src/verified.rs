//! What stands between a manifest and its contents: nobody reads a config or layer of what was not verified first, except where
//! the caller says so in as many words.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::config::{Config, ConfigError, MAX_CONFIG};
use crate::error::Error;
use crate::manifest::PatternManifest;
use crate::pack::Contents;
use crate::progress::{Progress, Silent};
use crate::reference::{Reference, Repository};
use crate::registry::{Descriptor, Registry};
use crate::role::Role;
use crate::trust::{Asked, check_name};

/// What was found out about who made an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    signers: Vec<String>,
    verified: bool,
}

impl Verification {
    /// The consumer's policy is fulfilled by these signers.
    pub(crate) fn by(signers: Vec<String>) -> Self {
        Self { signers, verified: true }
    }

    /// Nothing was verified: for showing what is there, for what was just packed here, and for consumers without a policy.
    pub fn unverified() -> Self {
        Self { signers: Vec::new(), verified: false }
    }

    /// Whose signatures fulfilled the policy; none where nothing was verified.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// Whether a policy was fulfilled. Where not, everything that is shown of the artifact is marked `UNVERIFIED`.
    pub fn is_verified(&self) -> bool {
        self.verified
    }
}

/// Something that passed the consumer's policy, or was let past it by name.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    inner: T,
    verification: Verification,
}

/// A pattern whose every byte was checked against its manifest.
#[derive(Debug, Clone)]
pub struct Unpacked {
    /// What it says of itself.
    pub config: Config,
    /// Its files.
    pub contents: Contents,
}

impl<T> Verified<T> {
    /// Only the verification of signatures calls this.
    pub(crate) fn by(inner: T, verification: Verification) -> Self {
        Self { inner, verification }
    }

    /// Lets something past without a policy. [`Verification::is_verified`] says so from then on.
    pub fn unverified(inner: T) -> Self {
        Self { inner, verification: Verification::unverified() }
    }

    /// What was found out about who made it.
    pub fn verification(&self) -> &Verification {
        &self.verification
    }
}

impl Verified<PatternManifest> {
    /// The manifest.
    pub fn manifest(&self) -> &PatternManifest {
        &self.inner
    }

    /// The config's descriptor.
    pub fn config_descriptor(&self) -> &Descriptor {
        &self.inner.config
    }

    /// The layers' descriptors.
    pub fn layers(&self) -> &BTreeMap<Role, Descriptor> {
        &self.inner.layers
    }

    /// Fetches the config and holds it against the manifest and against what was asked for: layers, name, and the version where the
    /// tag is one or something is locked.
    ///
    /// # Errors
    /// All of [`ConfigError`] and [`crate::trust::NameError`], and those of fetching.
    pub async fn config(&self, registry: &impl Registry, asked: Asked<'_>) -> Result<Config, Error> {
        let bytes = registry.blob(&asked.reference.repository, &self.inner.config, MAX_CONFIG).await?;
        let config = Config::read(&bytes)?;
        for role in Role::ALL {
            let layer = self.inner.layers.get(&role).map(|layer| layer.digest);
            if config.layers.get(&role).copied() != layer {
                return Err(ConfigError::LayerMismatch { role }.into());
            }
        }
        if config.crds.is_empty() == config.layers.contains_key(&Role::Crd) {
            return Err(ConfigError::CrdMismatch.into());
        }
        check_name(asked, &config.name, &config.version)?;
        Ok(config)
    }

    /// Fetches one layer.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the pattern has no such file, and those of fetching.
    pub async fn layer(&self, registry: &impl Registry, repository: &Repository, role: Role) -> Result<Bytes, Error> {
        self.watched_layer(registry, repository, role, &Silent).await
    }

    async fn watched_layer(
        &self,
        registry: &impl Registry,
        repository: &Repository,
        role: Role,
        progress: &impl Progress,
    ) -> Result<Bytes, Error> {
        let missing = || Error::NotFound { what: format!("{role} of {repository}") };
        let layer = self.inner.layers.get(&role).ok_or_else(missing)?;
        registry.watched_blob(repository, layer, role.limit(), progress).await
    }

    /// Fetches the config and all files.
    ///
    /// # Errors
    /// Those of [`Verified::config`] and [`Verified::layer`].
    pub async fn unpack(
        &self,
        registry: &impl Registry,
        reference: &Reference,
        progress: &impl Progress,
    ) -> Result<Unpacked, Error> {
        let config = self.config(registry, Asked::of(reference)).await?;
        let contents = self.contents(registry, &reference.repository, progress).await?;
        Ok(Unpacked { config, contents })
    }

    /// Fetches all files, for a caller that has looked at the config.
    ///
    /// # Errors
    /// Those of [`Verified::layer`].
    pub async fn contents(
        &self,
        registry: &impl Registry,
        repository: &Repository,
        progress: &impl Progress,
    ) -> Result<Contents, Error> {
        let mut contents = Contents::new();
        for (role, layer) in &self.inner.layers {
            progress.begin(role.title(), &layer.digest, layer.size);
            contents.insert(*role, self.watched_layer(registry, repository, *role, progress).await?);
            progress.end(&layer.digest);
        }
        Ok(contents)
    }
}
