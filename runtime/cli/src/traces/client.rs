//! The way to the collector: the HTTP library that is there already, and one word when nobody answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::redirect::Policy;
use tokio::runtime::Runtime;

use super::TracesError;
use crate::error::Error;
use crate::output::escape;
use crate::transport;

/// The most bytes of a collector's answer. It says nothing, or in a few words what was not taken.
const ANSWER: usize = 64 << 10;
/// What is told of a collector that does not take what it is sent.
const AWAY: &str = "CollectorAway";

/// Sends what the library's own thread gives it, and waits there. It has a small runtime to itself, so that reconciles and traces
/// cannot hold each other up.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    runtime: Runtime,
    /// Host and port of the collector.
    place: String,
    away: AtomicBool,
}

impl Client {
    pub(super) fn new(place: String, timeout: Duration) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(transport::tls()?)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .timeout(timeout)
            .user_agent(concat!("ork/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| TracesError::Setup { problem: chain(&error) })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Error::Machine { what: "to start threads", source })?;
        Ok(Self { http, runtime, place, away: AtomicBool::new(false) })
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.http.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER {
                return Err(format!("the answer has more than {ANSWER} bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body.freeze())?)
    }

    /// Says it once when the collector goes, and once when it is there again.
    fn tell(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let problem = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(chain(error.as_ref())),
        };
        let was_away = self.away.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !was_away => tracing::warn!(
                reason = AWAY,
                collector = %self.place,
                "traces are not taken: {}; reconciling goes on, and traces that find no room are lost",
                escape(&problem)
            ),
            None if was_away => tracing::info!(collector = %self.place, "traces are taken again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The thread that asks is the library's, and has nothing else to do.
        let answer = self.runtime.block_on(self.ask(request));
        self.tell(&answer);
        answer
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
