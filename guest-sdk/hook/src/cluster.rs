//! Objects of the cluster, as far as the pattern's account may read them and the capability `cluster-read` names their kind.
//!
//! They come from the runtime's cache and may be a moment old. Each read is one of the 100 host calls that a call has.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::DecodeError;
use crate::decode::decode;
use crate::host::{Current, Host as _};

/// A kind of objects: its API group and its name, of whatever version the runtime reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    group: String,
    kind: String,
}

impl Kind {
    /// A kind of an API group: `Kind::new("apps", "Deployment")`.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), kind: kind.into() }
    }

    /// A kind of the core group: `Kind::core("Secret")`.
    pub fn core(kind: impl Into<String>) -> Self {
        Self::new("", kind)
    }
}

/// As in messages: `Secret`, `Deployment.apps`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, kind } = self;
        if group.is_empty() { f.write_str(kind) } else { write!(f, "{kind}.{group}") }
    }
}

/// A kind, and where.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Kind::new(&self.group, &self.kind))
    }
}

/// The way to the cluster's objects, from [`Call::cluster`](crate::Call::cluster).
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'call> {
    host: &'call Current,
}

impl<'call> Cluster<'call> {
    pub(crate) fn new(host: &'call Current) -> Self {
        Self { host }
    }

    /// One object, of the resource's namespace unless [`Get::namespace`] says otherwise.
    pub fn get(self, kind: Kind, name: impl Into<String>) -> Get<'call> {
        Get { question: Question::new(self.host, kind), name: name.into() }
    }

    /// All objects of a kind, of the resource's namespace unless [`List::namespace`] says otherwise.
    pub fn list(self, kind: Kind) -> List<'call> {
        List { question: Question::new(self.host, kind), labels: Vec::new() }
    }
}

/// What one object and many have in common.
#[derive(Debug, Clone)]
struct Question<'call> {
    host: &'call Current,
    scope: Scope,
    fields: Vec<String>,
}

impl<'call> Question<'call> {
    fn new(host: &'call Current, Kind { group, kind }: Kind) -> Self {
        Self { host, scope: Scope { group, kind, namespace: None }, fields: Vec::new() }
    }

    fn error(&self, name: Option<&str>, failure: ReadFailure) -> ReadError {
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        let namespace = self.scope.namespace.as_ref().map(|namespace| format!(" in the namespace {namespace}"));
        let asked = format!("{}{name}{}", self.scope, namespace.unwrap_or_default());
        ReadError::new(asked, failure)
    }

    fn decoded<T: DeserializeOwned>(&self, name: Option<&str>, json: &[u8]) -> Result<T, ReadError> {
        decode(json).map_err(|error| self.error(name, ReadFailure::Decode(error)))
    }
}

/// A question for one object.
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `read` or `find`"]
pub struct Get<'call> {
    question: Question<'call>,
    name: String,
}

impl Get<'_> {
    /// Another namespace than the resource's. The capability must name it.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.question.scope.namespace = Some(namespace.into());
        self
    }

    /// Only these fields, as dotted paths from the object's root, such as `data.password`. The rest never enters the hook.
    pub fn fields<S: Into<String>>(mut self, fields: impl IntoIterator<Item = S>) -> Self {
        self.question.fields.extend(fields.into_iter().map(Into::into));
        self
    }

    /// The object.
    ///
    /// # Errors
    ///
    /// Every [`ReadFailure`].
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ReadError> {
        let Self { question, name } = &self;
        let json = question.host.get(&question.scope, name, &question.fields);
        let json = json.map_err(|failure| question.error(Some(name), failure))?;
        question.decoded(Some(name), &json)
    }

    /// The object, or none where there is no such object.
    ///
    /// # Errors
    ///
    /// Every [`ReadFailure`] but [`ReadFailure::NotFound`].
    pub fn find<T: DeserializeOwned>(self) -> Result<Option<T>, ReadError> {
        match self.read() {
            Ok(object) => Ok(Some(object)),
            Err(ReadError { failure: ReadFailure::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A question for all objects of a kind.
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `read`"]
pub struct List<'call> {
    question: Question<'call>,
    labels: Vec<(String, String)>,
}

impl List<'_> {
    /// Another namespace than the resource's. The capability must name it.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.question.scope.namespace = Some(namespace.into());
        self
    }

    /// Only objects with this label, besides those asked for before.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Only these fields, as for [`Get::fields`].
    pub fn fields<S: Into<String>>(mut self, fields: impl IntoIterator<Item = S>) -> Self {
        self.question.fields.extend(fields.into_iter().map(Into::into));
        self
    }

    /// The objects, by namespace and name.
    ///
    /// # Errors
    ///
    /// Every [`ReadFailure`] but [`ReadFailure::NotFound`].
    pub fn read<T: DeserializeOwned>(self) -> Result<Vec<T>, ReadError> {
        let Self { question, labels } = &self;
        let objects = question.host.list(&question.scope, labels, &question.fields);
        let objects = objects.map_err(|failure| question.error(None, failure))?;
        objects.iter().map(|json| question.decoded(None, json)).collect()
    }
}

/// An object was not read: which one, and why.
#[derive(Debug, thiserror::Error)]
#[error("{asked}: {failure}")]
pub struct ReadError {
    asked: String,
    #[source]
    failure: ReadFailure,
}

impl ReadError {
    pub(crate) fn new(asked: String, failure: ReadFailure) -> Self {
        Self { asked, failure }
    }

    /// Why.
    pub fn failure(&self) -> &ReadFailure {
        &self.failure
    }

    /// Whether trying again is worth it.
    pub fn is_temporary(&self) -> bool {
        matches!(self.failure, ReadFailure::Unavailable(_))
    }
}

/// Why an object was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFailure {
    /// The capability does not name the kind or namespace, or the pattern's account may not read it.
    #[error("access denied: {0}")]
    AccessDenied(String),
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The question is malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// The objects are more than a call may take, which is 4 MiB: ask for fields, or by labels.
    #[error("{0}")]
    TooLarge(String),
    /// They are not known at the moment.
    #[error("{0}")]
    Unavailable(String),
    /// The object is not of the type that it is read as.
    #[error("{0}")]
    Decode(#[source] DecodeError),
}
