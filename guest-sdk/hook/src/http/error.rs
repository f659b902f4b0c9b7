//! Why there is no answer.

use std::time::Duration;

use crate::DecodeError;

/// A request without the answer that was asked for: which one, and why.
#[derive(Debug, thiserror::Error)]
#[error("{asked}: {failure}")]
pub struct HttpError {
    asked: String,
    #[source]
    failure: HttpFailure,
}

impl HttpError {
    pub(super) fn new(asked: String, failure: HttpFailure) -> Self {
        Self { asked, failure }
    }

    /// Why.
    pub fn failure(&self) -> &HttpFailure {
        &self.failure
    }

    /// Whether trying again is worth it: there was no answer, or its status is 408, 429 or 5xx.
    pub fn is_temporary(&self) -> bool {
        match &self.failure {
            HttpFailure::Timeout | HttpFailure::Unreachable(_) | HttpFailure::Interrupted(_) => true,
            HttpFailure::Status { status, .. } => matches!(status, 408 | 429 | 500..600),
            _ => false,
        }
    }

    /// When to try again, if the answer says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.failure {
            HttpFailure::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// Why there is no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFailure {
    /// No grant covers the method and the host, or the host leads to an address that no hook may ask.
    #[error("access denied: {0}")]
    AccessDenied(String),
    /// The URL, a header or the body is malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// The head of the answer did not come in time.
    #[error("there was no answer in time")]
    Timeout,
    /// There is no connection: the name, the host or its certificate.
    #[error("the host cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended before the answer did, or what came is no HTTP.
    #[error("the answer was cut off: {0}")]
    Interrupted(String),
    /// The answer is longer than [`Request::limit`](super::Request::limit) or the runtime allows, in bytes.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// Bytes that it may have.
        limit: usize,
    },
    /// The call has no host calls left.
    #[error("the call has made all the host calls that it may make")]
    TooManyCalls,
    /// An answer of another status than 2xx, by [`Answer::successful`](super::Answer::successful).
    #[error("status {status}")]
    Status {
        /// The status.
        status: u16,
        /// The header `retry-after`.
        retry_after: Option<Duration>,
    },
    /// The body is not of the type that it is read as.
    #[error("{0}")]
    Decode(#[source] DecodeError),
}
