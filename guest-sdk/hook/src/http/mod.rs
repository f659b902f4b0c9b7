//! Requests to the hosts that the capability `http` names.
//!
//! Each request is one of the 100 host calls that a call has. Redirects are not followed: where a host sends the hook elsewhere, that is
//! another request, which needs its own grant.

mod answer;
mod error;
mod url;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::host::{Current, Host as _};
pub use answer::Answer;
pub(crate) use answer::Received;
pub use error::{HttpError, HttpFailure};
pub(crate) use url::Url;
pub use url::escape;

/// How long the head of an answer is waited for by default. A whole call has 5 s, and ends without a word of the hook's own after that.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes that the body of an answer may have by default, which is also what the runtime allows by default.
pub const DEFAULT_LIMIT: usize = 4 << 20;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are the methods of HTTP")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        })
    }
}

/// A request as it goes out.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Duration,
    pub(crate) limit: usize,
}

/// The way to other hosts, from [`Call::http`](crate::Call::http).
#[derive(Debug, Clone, Copy)]
pub struct Http<'call> {
    host: &'call Current,
}

impl<'call> Http<'call> {
    pub(crate) fn new(host: &'call Current) -> Self {
        Self { host }
    }

    /// A request of any method. The URL begins with `https://`, or with `http://` where that was granted. A text from elsewhere becomes
    /// part of a URL by [`escape`].
    pub fn request(self, method: Method, url: impl Into<String>) -> Request<'call> {
        Request {
            host: self.host,
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Ok(Vec::new()),
            timeout: DEFAULT_TIMEOUT,
            limit: DEFAULT_LIMIT,
        }
    }

    /// A GET request.
    pub fn get(self, url: impl Into<String>) -> Request<'call> {
        self.request(Method::Get, url)
    }

    /// A POST request.
    pub fn post(self, url: impl Into<String>) -> Request<'call> {
        self.request(Method::Post, url)
    }

    /// A PUT request.
    pub fn put(self, url: impl Into<String>) -> Request<'call> {
        self.request(Method::Put, url)
    }

    /// A PATCH request.
    pub fn patch(self, url: impl Into<String>) -> Request<'call> {
        self.request(Method::Patch, url)
    }

    /// A DELETE request.
    pub fn delete(self, url: impl Into<String>) -> Request<'call> {
        self.request(Method::Delete, url)
    }
}

/// A request, before it is sent.
#[must_use = "nothing is sent before `send`"]
pub struct Request<'call> {
    host: &'call Current,
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    /// The first thing that was wrong with it; `send` says so.
    body: Result<Vec<u8>, HttpFailure>,
    timeout: Duration,
    limit: usize,
}

/// Without headers and body, which may hold secrets.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", asked(self.method, &self.url))
    }
}

impl Request<'_> {
    /// A header, besides those of the same name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The header `authorization`, with a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// A body as JSON, with its content type.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.body =
            serde_json::to_vec(value).map_err(|_| HttpFailure::InvalidRequest("the body is no JSON".to_owned()));
        self.header("content-type", "application/json")
    }

    /// A body of bytes. Its content type is a header.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Ok(bytes.into());
        self
    }

    /// How long the head of the answer is waited for, connecting included; by default [`DEFAULT_TIMEOUT`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Bytes that the body of the answer may have; by default [`DEFAULT_LIMIT`].
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Sends it and reads the answer, of whatever status.
    ///
    /// # Errors
    ///
    /// Every [`HttpFailure`] but [`HttpFailure::Status`] and [`HttpFailure::Decode`].
    pub fn send(self) -> Result<Answer, HttpError> {
        let asked = asked(self.method, &self.url);
        match self.answer() {
            Ok(received) => Ok(Answer::new(asked, received)),
            Err(failure) => Err(HttpError::new(asked, failure)),
        }
    }

    fn answer(self) -> Result<Received, HttpFailure> {
        let Self { host, method, url, headers, body, timeout, limit } = self;
        let url = Url::parse(&url)?;
        for (name, value) in &headers {
            check(name, value)?;
        }
        host.send(&Outgoing { method, url, headers, body: body?, timeout, limit })
    }
}

/// A request in messages: without its query, which may hold a secret.
fn asked(method: Method, url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    format!("{method} {url}")
}

/// A line end in a header would begin another one.
fn check(name: &str, value: &[u8]) -> Result<(), HttpFailure> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(HttpFailure::InvalidRequest(format!("{name:?} is no name of a header")));
    }
    match value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)) {
        true => Ok(()),
        false => Err(HttpFailure::InvalidRequest(format!("the header {name} has a character that no header may have"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_line() {
        assert!(check("authorization", b"Bearer x").is_ok());
        assert!(check("authorization", b"Bearer x\r\nhost: y").is_err());
        assert!(check("a b", b"").is_err());
        assert!(check("", b"").is_err());
    }

    #[test]
    fn a_query_is_not_shown() {
        assert_eq!(asked(Method::Get, "https://a.example/x?token=hunter2"), "GET https://a.example/x");
    }
}
