//! What a test's hosts answer.

use serde::Serialize;

use crate::http::{HttpFailure, Outgoing, Received};

/// What a request is answered with.
#[derive(Debug, Clone)]
pub struct Reply(What);

#[derive(Debug, Clone)]
enum What {
    Answer { status: u16, headers: Vec<(String, Vec<u8>)>, body: Vec<u8> },
    Timeout,
    Unreachable,
    Interrupted,
}

impl Reply {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self(What::Answer { status, headers: Vec::new(), body: Vec::new() })
    }

    /// An answer with a body of JSON. What cannot be written as JSON is `null`.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
        Self::bytes(status, body).header("content-type", "application/json")
    }

    /// An answer with a body.
    pub fn bytes(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self(What::Answer { status, headers: Vec::new(), body: body.into() })
    }

    /// No answer in time.
    pub fn timeout() -> Self {
        Self(What::Timeout)
    }

    /// No connection.
    pub fn unreachable() -> Self {
        Self(What::Unreachable)
    }

    /// A connection that ends before the answer does.
    pub fn interrupted() -> Self {
        Self(What::Interrupted)
    }

    /// A header of the answer. Nothing where there is none.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let What::Answer { headers, .. } = &mut self.0 {
            headers.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        self
    }

    pub(super) fn received(&self, request: &Outgoing) -> Result<Received, HttpFailure> {
        match &self.0 {
            What::Answer { body, .. } if body.len() > request.limit => {
                Err(HttpFailure::TooLarge { limit: request.limit })
            }
            What::Answer { status, headers, body } => {
                Ok(Received { status: *status, headers: headers.clone(), body: body.clone() })
            }
            What::Timeout => Err(HttpFailure::Timeout),
            What::Unreachable => Err(HttpFailure::Unreachable("so the test wants it".to_owned())),
            What::Interrupted => Err(HttpFailure::Interrupted("so the test wants it".to_owned())),
        }
    }
}
