//! How a hook says that it has no answer.

use std::time::Duration;

use crate::{DecodeError, HttpError, ReadError};

/// Why a hook has no answer. Its message is shown on the resource: no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Unavailable(Option<Duration>),
}

impl Error {
    /// It cannot be done, and will not be until something is changed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Failed }
    }

    /// It cannot be done now, and is worth trying again.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Unavailable(None) }
    }

    /// When to try again, if that is known; counted in milliseconds. Takes a `Duration` or an `Option` of one, as
    /// [`Answer::retry_after`](crate::http::Answer::retry_after) gives it. Nothing where the error is a failed one, or without a time.
    #[must_use]
    pub fn retry_after(mut self, after: impl Into<Option<Duration>>) -> Self {
        if let (Kind::Unavailable(known), Some(after)) = (&mut self.kind, after.into()) {
            *known = Some(after);
        }
        self
    }

    /// The same, of an object that the message names.
    pub(crate) fn of(self, object: &str) -> Self {
        Self { message: format!("{object}: {}", self.message), ..self }
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether trying again is worth it.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable(_))
    }

    /// When to try again, if that is known.
    pub fn retries_after(&self) -> Option<Duration> {
        match self.kind {
            Kind::Failed => None,
            Kind::Unavailable(after) => after,
        }
    }
}

/// Unavailable where the objects are not known at the moment, else failed.
impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        let message = error.to_string();
        if error.is_temporary() { Self::unavailable(message) } else { Self::failed(message) }
    }
}

/// Unavailable where there was no answer, or one that says to come again (408, 429, 5xx); else failed.
impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let message = error.to_string();
        if error.is_temporary() {
            Self::unavailable(message).retry_after(error.retry_after())
        } else {
            Self::failed(message)
        }
    }
}

/// Failed.
impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Failed, with the place in the text. serde's own words are left out, because they may hold a value.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            Category::Data => "JSON is not of the expected type",
            Category::Eof => "JSON ends too early",
            Category::Syntax => "text is not JSON",
            Category::Io => "JSON cannot be read or written",
        };
        match line {
            0 => Self::failed(what),
            _ => Self::failed(format!("{what}, at line {line}, column {column}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unavailable_has_a_time() {
        let second = Duration::from_secs(1);
        assert_eq!(Error::unavailable("later").retry_after(second).retries_after(), Some(second));
        assert_eq!(Error::unavailable("later").retry_after(second).retry_after(None).retries_after(), Some(second));
        assert_eq!(Error::failed("never").retry_after(second), Error::failed("never"));
    }

    #[test]
    fn json_errors_do_not_repeat_values() {
        let error = Error::from(serde_json::from_str::<u8>(r#""hunter2""#).unwrap_err());
        assert_eq!(error, Error::failed("JSON is not of the expected type, at line 1, column 9"));
    }
}
