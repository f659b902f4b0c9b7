//! Kinds, as API servers name them.

/// A kind as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Empty for the core group.
    pub group: String,
    /// The served version, which is also the one that expressions are typed against.
    pub version: String,
    /// In CamelCase.
    pub kind: String,
    /// The resource's name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// `v1`, `apps/v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

impl Api {
    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Whether an API version is of its group.
    pub fn is_of(&self, api_version: &str) -> bool {
        api_version.split_once('/').map_or("", |(group, _)| group) == self.group
    }
}
