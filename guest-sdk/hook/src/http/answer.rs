//! Answers.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{HttpError, HttpFailure};
use crate::decode::decode;

/// An answer as it came in.
#[derive(Clone, Default)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// An answer, read whole.
pub struct Answer {
    asked: String,
    received: Received,
}

/// Without headers and body, which may hold secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}: {}, {} bytes)", self.asked, self.received.status, self.received.body.len())
    }
}

impl Answer {
    pub(super) fn new(asked: String, received: Received) -> Self {
        Self { asked, received }
    }

    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        self.received.status
    }

    /// The first header of a name, in whatever case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.received.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        headers.next().and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The header `retry-after`, where it is a number of seconds. Its other form is a date, and a hook has no clock unless it is granted
    /// one.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header("retry-after")?.trim();
        let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        if digits { seconds.parse().ok().map(Duration::from_secs) } else { None }
    }

    /// The answer again if its status is 2xx, so that `send()?.successful()?.json()?` reads what was asked for and nothing else.
    ///
    /// # Errors
    ///
    /// [`HttpFailure::Status`]. As an [`Error`](crate::Error) it is unavailable for 408, 429 and 5xx, and failed for all others.
    pub fn successful(self) -> Result<Self, HttpError> {
        match self.received.status {
            200..300 => Ok(self),
            status => {
                let failure = HttpFailure::Status { status, retry_after: self.retry_after() };
                Err(HttpError::new(self.asked, failure))
            }
        }
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.received.body
    }

    /// The body, taken out.
    pub fn into_bytes(self) -> Vec<u8> {
        self.received.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`HttpFailure::Decode`]: it is no JSON, or of another type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        decode(&self.received.body).map_err(|error| HttpError::new(self.asked.clone(), HttpFailure::Decode(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, after: &str) -> Answer {
        let headers = vec![("Retry-After".to_owned(), after.as_bytes().to_vec())];
        Answer::new("GET https://a.example".to_owned(), Received { status, headers, body: b"{}".to_vec() })
    }

    #[test]
    fn seconds_are_read_and_dates_are_not() {
        assert_eq!(answer(503, "30").retry_after(), Some(Duration::from_secs(30)));
        for other in ["", "+3", "Sat, 28 Nov 2026 18:00:00 GMT", "99999999999999999999"] {
            assert_eq!(answer(503, other).retry_after(), None, "{other}");
        }
    }

    #[test]
    fn a_status_that_is_no_success_is_failed_or_unavailable() {
        assert!(answer(204, "").successful().is_ok());
        for (status, unavailable) in [(301, false), (404, false), (408, true), (429, true), (500, true), (503, true)] {
            let error = crate::Error::from(answer(status, "7").successful().unwrap_err());
            assert_eq!(error.is_unavailable(), unavailable, "{status}");
            assert_eq!(error.retries_after(), unavailable.then(|| Duration::from_secs(7)), "{status}");
        }
    }
}
