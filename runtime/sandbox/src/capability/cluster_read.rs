//! `cluster-read`: objects of named kinds, out of a cache that others keep.
//!
//! What is declared is checked here; whether the pattern's account may read it is checked by whoever has the cluster. Selection and
//! projection happen before anything crosses into the guest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A kind that a hook may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// Such as `Secret`.
    pub kind: String,
}

impl Readable {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The capability does not name it, or the pattern's account may not read it.
    #[error("access denied: {0}")]
    AccessDenied(String),
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The request is malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// The objects are more than a call may take.
    #[error("{0}")]
    TooLarge(String),
    /// They are not known at the moment.
    #[error("{0}")]
    Unavailable(String),
}

/// An answer that comes later; it ends when it is dropped.
pub type Reading<T> = Pin<Box<dyn Future<Output = Result<T, ReadError>> + Send>>;

/// Who knows the cluster's objects, for one pattern and one resource. Nothing is asked that the capability does not name.
pub trait ClusterRead: Send + Sync {
    /// One object as JSON, with these dotted paths alone if there are any. Without a namespace it is in the resource's.
    fn get(&self, kind: &Readable, namespace: Option<String>, name: String, fields: Vec<String>) -> Reading<Vec<u8>>;

    /// The objects that have all of these labels, by name.
    fn list(
        &self,
        kind: &Readable,
        namespace: Option<String>,
        labels: Vec<(String, String)>,
        fields: Vec<String>,
    ) -> Reading<Vec<Vec<u8>>>;
}

impl fmt::Debug for dyn ClusterRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterRead")
    }
}

/// What is declared of a kind.
pub(crate) fn declared<'a>(readable: &'a [Readable], group: &str, kind: &str) -> Result<&'a Readable, ReadError> {
    let named = |readable: &&Readable| readable.group() == group && readable.kind == kind;
    let dot = if group.is_empty() { "" } else { "." };
    readable.iter().find(named).ok_or_else(|| ReadError::AccessDenied(format!("{kind}{dot}{group} is not declared")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_declared_is_denied() {
        let readable =
            |api_version: &str, kind: &str| Readable { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let all = [readable("v1", "Secret"), readable("apps/v1", "Deployment")];
        assert_eq!(declared(&all, "", "Secret"), Ok(&all[0]));
        assert_eq!(declared(&all, "apps", "Deployment"), Ok(&all[1]));
        for (group, kind) in [("", "ConfigMap"), ("example.com", "Secret"), ("", "Deployment"), ("apps", "deployment")]
        {
            assert!(matches!(declared(&all, group, kind), Err(ReadError::AccessDenied(_))), "{kind}");
        }
    }
}
