//! `cluster-read`: objects of named kinds, out of a cache that others keep.
//!
//! What is declared is checked here; whether the pattern's account may read it is checked by whoever has the cluster. Selection and
//! projection happen before anything crosses into the guest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A kind, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The API group; empty for the core group.
    pub group: String,
    /// Such as `Secret`.
    pub kind: String,
    /// The namespace; none: that of the resource, or all of them where the kind has no namespaces.
    pub namespace: Option<String>,
}

/// A kind that a hook may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// The API group; empty for the core group.
    pub group: String,
    /// Such as `Secret`.
    pub kind: String,
    /// The only namespace beside the resource's own; none: the resource's own alone.
    pub namespace: Option<String>,
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

/// Who knows the cluster's objects, for one pattern and one resource.
pub trait ClusterRead: Send + Sync {
    /// One object as JSON, with these dotted paths alone if there are any.
    fn get(&self, scope: Scope, name: String, fields: Vec<String>) -> Reading<Vec<u8>>;

    /// The objects that have all of these labels, by namespace and name.
    fn list(&self, scope: Scope, labels: Vec<(String, String)>, fields: Vec<String>) -> Reading<Vec<Vec<u8>>>;
}

impl fmt::Debug for dyn ClusterRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterRead")
    }
}

/// Whether what is declared covers a scope.
pub(crate) fn declared(readable: &[Readable], scope: &Scope) -> Result<(), ReadError> {
    let kinds = readable.iter().filter(|kind| kind.group == scope.group && kind.kind == scope.kind);
    let (mut known, mut covered) = (false, false);
    for kind in kinds {
        known = true;
        covered |= scope.namespace.is_none() || scope.namespace == kind.namespace;
    }
    let Scope { group, kind, namespace } = scope;
    let dot = if group.is_empty() { "" } else { "." };
    match (known, covered) {
        (_, true) => Ok(()),
        (true, false) => Err(ReadError::AccessDenied(format!(
            "{kind}{dot}{group} in the namespace {} is not declared",
            namespace.as_deref().unwrap_or_default()
        ))),
        (false, _) => Err(ReadError::AccessDenied(format!("{kind}{dot}{group} is not declared"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_declared_is_denied() {
        let readable = |namespace: Option<&str>| {
            [Readable { group: String::new(), kind: "Secret".to_owned(), namespace: namespace.map(str::to_owned) }]
        };
        let scope = |kind: &str, namespace: Option<&str>| Scope {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
        };
        assert_eq!(declared(&readable(None), &scope("Secret", None)), Ok(()));
        assert_eq!(declared(&readable(Some("shared")), &scope("Secret", Some("shared"))), Ok(()));
        for (readable, scope) in [
            (readable(None), scope("ConfigMap", None)),
            (readable(None), scope("Secret", Some("kube-system"))),
            (readable(Some("shared")), scope("Secret", Some("other"))),
        ] {
            assert!(matches!(declared(&readable, &scope), Err(ReadError::AccessDenied(_))), "{scope:?}");
        }
        let other_group = Scope { group: "example.com".to_owned(), ..scope("Secret", None) };
        assert!(declared(&readable(None), &other_group).is_err());
    }
}
