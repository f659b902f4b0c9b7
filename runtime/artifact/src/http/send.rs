//! One request: with what the registry wants to log in, as often as is sensible, and answers within bounds.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::tls::time_for;
use super::{Action, HttpError, Inner, Said};
use crate::error::Error;

/// How often a request is made at most.
const TRIES: u32 = 5;
/// How long all tries of one request take at most, pauses included, when another would begin.
const TOTAL: Duration = Duration::from_secs(120);
/// The longest pause that a registry can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How much of an error's document is read.
const MAX_SAID: u64 = 64 << 10;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// What for, or none where nothing that tells who we are may be sent.
    pub(super) action: Option<Action>,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// In words, for messages.
    pub(super) what: String,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Bytes,
}

impl<'a> Ask<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, action: Action, method: Method, url: Url, what: String) -> Self {
        Self { endpoint, action: Some(action), method, url, headers: HeaderMap::new(), body: None, what }
    }

    /// The error for a status that means no.
    pub(super) fn refused(&self, status: StatusCode, said: Said) -> Error {
        let (what, host) = (self.what.clone(), self.endpoint.host.clone());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                HttpError::Unauthorized { what, host, status: status.as_u16(), said }
            }
            _ => HttpError::Refused { what, status: status.as_u16(), said },
        }
        .into()
    }
}

impl Inner {
    /// Makes a request. The answer is one of success, a redirect, or a refusal other than for lack of credentials; its body is not
    /// read.
    pub(super) async fn send(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let began = Instant::now();
        let mut authorization = match ask.action {
            Some(action) => self.known_authorization(ask.endpoint, action).await,
            None => None,
        };
        let mut asked_for_credentials = false;
        let mut tries = 1;
        loop {
            let (client, time) = match &ask.body {
                Some(body) => (&self.sending, Some(time_for(body.len()))),
                None => (&self.fetching, None),
            };
            let mut request = client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
            if let Some(authorization) = &authorization {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            if let (Some(body), Some(time)) = (&ask.body, time) {
                request = request.body(body.clone()).timeout(time);
            }
            let out_of_time = |pause: Duration| tries >= TRIES || began.elapsed() + pause > TOTAL;
            let pause = match request.send().await {
                Err(error) => {
                    if let Some(problem) = certificate_problem(&error) {
                        return Err(HttpError::UntrustedCertificate { what: ask.what.clone(), problem }.into());
                    }
                    let pause = self.pause(tries, None);
                    if out_of_time(pause) || error.is_builder() {
                        let (what, error) = (ask.what.clone(), error.without_url());
                        return Err(HttpError::Unreachable { what, tries, error }.into());
                    }
                    pause
                }
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && ask.action.is_some() => {
                    if asked_for_credentials {
                        return Err(ask.refused(response.status(), said(response).await));
                    }
                    asked_for_credentials = true;
                    let challenges: Vec<_> =
                        response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|it| it.to_str().ok()).collect();
                    match self.authorize(ask, &challenges).await? {
                        Some(header) => authorization = Some(header),
                        None => return Err(ask.refused(response.status(), said(response).await)),
                    }
                    continue;
                }
                Ok(response) if is_passing(response.status()) => {
                    let pause = self.pause(tries, response.headers().get(RETRY_AFTER));
                    if out_of_time(pause) {
                        let (what, status) = (ask.what.clone(), response.status().as_u16());
                        return Err(HttpError::Busy { what, status, tries, said: said(response).await }.into());
                    }
                    pause
                }
                Ok(response) => {
                    check_encoding(ask, &response)?;
                    return Ok(response);
                }
            };
            tracing::debug!(what = ask.what, tries, ?pause, "a request failed and is made again");
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// Makes a request and reads at most `limit` bytes of the answer; a connection that breaks while it does begins again.
    pub(super) async fn fetch(&self, ask: &Ask<'_>, limit: u64) -> Result<Answer, Error> {
        let mut tries = 1;
        loop {
            let response = self.send(ask).await?;
            let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
            let success = status.is_success();
            match read(response, if success { limit } else { MAX_SAID }).await {
                Ok(Some(body)) => return Ok(Answer { status, headers, url, body }),
                // What a refusal says at such length is not shown; that it is one is.
                Ok(None) if !success => return Ok(Answer { status, headers, url, body: Bytes::new() }),
                Ok(None) => return Err(Error::TooLarge { what: ask.what.clone(), limit }),
                Err(error) if tries >= TRIES => {
                    let (what, error) = (ask.what.clone(), error.without_url());
                    return Err(HttpError::Unreachable { what, tries, error }.into());
                }
                Err(_) => tokio::time::sleep(self.pause(tries, None)).await,
            }
            tries += 1;
        }
    }

    /// Doubles each time, with up to a half added by chance so that many clients do not come back at once; or what the registry
    /// says, as far as that is sensible.
    pub(super) fn pause(&self, tries: u32, retry_after: Option<&HeaderValue>) -> Duration {
        if let Some(seconds) = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok()) {
            return Duration::from_secs(seconds).min(LONGEST_PAUSE);
        }
        let pause = self.options.first_pause.saturating_mul(1 << (tries - 1).min(10));
        let chance = RandomState::new().build_hasher().finish() % 512;
        (pause + pause.mul_f64(chance as f64 / 1024.0)).min(LONGEST_PAUSE)
    }
}

impl Answer {
    /// The answer, if it is of success; the error that it is otherwise.
    pub(super) fn success(self, ask: &Ask<'_>) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        if self.status.is_redirection() {
            let said = self.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
            let problem = "only blobs may be fetched from elsewhere";
            return Err(HttpError::ForeignRedirect { what: ask.what.clone(), said, problem }.into());
        }
        Err(ask.refused(self.status, said_in(&self.body)))
    }
}

/// What is wrong with a certificate, if that is what an error comes from. It will not be better at the next try.
fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error);
    while let Some(mut error) = cause {
        // What is wrapped in an error of input and output, once or twice, is not among its sources.
        while let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            error = inner;
        }
        if let Some(rustls::Error::InvalidCertificate(problem)) = error.downcast_ref() {
            return Some(problem.to_string());
        }
        cause = error.source();
    }
    None
}

/// Whether the registry may answer otherwise in a while.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

/// Encoded answers have other bytes than their digest says, and grow when they are decoded.
fn check_encoding(ask: &Ask<'_>, response: &Response) -> Result<(), Error> {
    match response.headers().get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let said = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
            Err(HttpError::Encoded { what: ask.what.clone(), said }.into())
        }
        _ => Ok(()),
    }
}

/// The body, none where it is larger.
async fn read(mut response: Response, limit: u64) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// What a refusal says, if it can be had.
async fn said(response: Response) -> Said {
    match read(response, MAX_SAID).await {
        Ok(Some(body)) => said_in(&body),
        _ => Said::default(),
    }
}

/// The messages of an error document as the specification has it.
pub(super) fn said_in(body: &[u8]) -> Said {
    #[derive(Deserialize)]
    struct Document {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(Document { errors }) = crate::json::read(body) else { return Said::default() };
    let lines: Vec<_> = errors.into_iter().map(|One { code, message }| format!("{code}: {message}")).collect();
    Said(lines.join("; "))
}
