//! Credentials for registries.

/// Why credentials could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {}

impl CredentialsError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match *self {}
    }
}
