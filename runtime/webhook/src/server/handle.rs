//! One request, from its head to its answer.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use tokio::sync::Semaphore;

use super::body::{Held, Pieces, receive};
use super::connection::Busy;
use super::options::Options;
use crate::admission::{self, NotAnAdmission};
use crate::metrics::Metrics;
use crate::review::{self, Limits};
use crate::routes::Routes;

/// Why a request has no review as its answer.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("nothing is served at this path; reviews are at /convert, /mutate and /validate")]
    NotFound,
    #[error("a review is sent by POST")]
    MethodNotAllowed,
    #[error("a review is application/json")]
    UnsupportedMediaType,
    #[error("a review says its Content-Length")]
    LengthRequired,
    #[error("the review has {length} bytes, and at most {limit} are taken; ask for shorter pages of the list")]
    TooLarge { length: u64, limit: usize },
    #[error("too many reviews are in work; try again")]
    Busy,
    #[error("the review did not come in time")]
    TimedOut,
    #[error("the review broke off")]
    BrokenOff,
    #[error(transparent)]
    Unreadable(#[from] review::Unreadable),
    #[error(transparent)]
    NotAnAdmission(#[from] NotAnAdmission),
}

/// The most bytes of a review that is converted before another thread could have taken over what else this one has to do.
const SHORT: usize = 64 << 10;

/// The most bytes of an admission: two objects, each of which fits into etcd.
const ADMISSION_BYTES: usize = 8 << 20;

impl Rejected {
    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::LengthRequired => "LengthRequired",
            Self::TooLarge { .. } => "ReviewTooLarge",
            Self::Busy => "Busy",
            Self::TimedOut => "TimedOut",
            Self::BrokenOff => "BrokenOff",
            Self::Unreadable(error) => error.reason(),
            Self::NotAnAdmission(error) => error.reason(),
        }
    }

    fn code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff | Self::Unreadable(_) | Self::NotAnAdmission(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Kubernetes' own form of an error, which its clients know how to show.
    fn response(&self) -> Response<Pieces> {
        let code = self.code();
        let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": self.reason(), "message": self.to_string(), "code": code.as_u16()});
        let mut response = json(vec![Bytes::from(status.to_string())]);
        *response.status_mut() = code;
        match self {
            Self::MethodNotAllowed => drop(response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"))),
            Self::Busy => drop(response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => {}
        }
        response
    }
}

fn json(pieces: Vec<Bytes>) -> Response<Pieces> {
    let mut response = Response::new(Pieces::new(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Answers requests.
pub(crate) struct Handler {
    routes: Arc<Routes>,
    metrics: Arc<Metrics>,
    options: Options,
    /// One permit for each byte that may be in flight.
    bytes: Arc<Semaphore>,
    conversions: Semaphore,
}

impl Handler {
    pub(crate) fn new(routes: Arc<Routes>, metrics: Arc<Metrics>, mut options: Options) -> Self {
        options.in_flight_bytes = options.in_flight_bytes.min(u32::MAX as usize);
        options.review_bytes = options.review_bytes.min(options.in_flight_bytes);
        Self {
            routes,
            metrics,
            bytes: Arc::new(Semaphore::new(options.in_flight_bytes)),
            conversions: Semaphore::new(options.conversions.max(1)),
            options,
        }
    }

    /// Answers one request; `busy` lives until the answer is sent.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Incoming>, busy: Busy) -> Response<Pieces> {
        let mut response = match request.uri().path() {
            "/convert" => {
                let start = Instant::now();
                let answered = self.convert(request).await;
                let result = answered.as_ref().map_or_else(Rejected::reason, |answered| answered.result);
                self.metrics.count(result, answered.as_ref().map_or(0, |answered| answered.objects), start.elapsed());
                answered.map_or_else(|rejected| rejected.response(), |answered| answered.response)
            }
            "/mutate" => self.admit("mutate", admission::mutate, request).await,
            "/validate" => self.admit("validate", admission::validate, request).await,
            _ => Rejected::NotFound.response(),
        };
        response.body_mut().held.busy = Some(busy);
        response
    }

    async fn convert(&self, request: Request<Incoming>) -> Result<Answered, Rejected> {
        let (body, held) = self.take(request, self.options.review_bytes).await?;
        let _running = self.in_line(self.conversions.acquire()).await?;
        let answer = self.run(body)?;
        let mut response = json(answer.pieces);
        response.body_mut().held = held;
        Ok(Answered { response, result: answer.failure.unwrap_or("Success"), objects: answer.objects })
    }

    async fn admit(
        &self,
        operation: &'static str,
        answer: fn(&[u8], &Routes) -> Result<admission::Answered, NotAnAdmission>,
        request: Request<Incoming>,
    ) -> Response<Pieces> {
        let start = Instant::now();
        let answered = async {
            let (body, held) = self.take(request, ADMISSION_BYTES.min(self.options.review_bytes)).await?;
            let _running = self.in_line(self.conversions.acquire()).await?;
            let answered = self.blocking(body.len(), || answer(&body, &self.routes))?;
            let mut response = json(vec![answered.body.into()]);
            response.body_mut().held = held;
            Ok::<_, Rejected>((response, answered.result))
        };
        let (response, result) = answered.await.unwrap_or_else(|rejected| (rejected.response(), rejected.reason()));
        self.metrics.count_admission(operation, result, start.elapsed());
        response
    }

    /// The body of a request of at most `limit` bytes, and its place among the bytes in flight.
    async fn take(&self, request: Request<Incoming>, limit: usize) -> Result<(Bytes, Held), Rejected> {
        if request.method() != Method::POST {
            return Err(Rejected::MethodNotAllowed);
        }
        if !request.headers().get(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Rejected::UnsupportedMediaType);
        }
        let length = request.body().size_hint().exact().ok_or(Rejected::LengthRequired)?;
        let permits = u32::try_from(length).ok().filter(|length| *length as usize <= limit);
        let permits = permits.ok_or(Rejected::TooLarge { length, limit })?;
        let held = self.in_line(self.bytes.clone().acquire_many_owned(permits)).await?;
        let counted = self.metrics.hold(permits.into());
        let length = permits as usize;
        let body = tokio::time::timeout(self.options.time_for(length), receive(request.into_body(), length));
        let body = body.await.map_err(|_| Rejected::TimedOut)?.ok_or(Rejected::BrokenOff)?;
        Ok((body, Held { _bytes: Some(held), _counted: Some(counted), busy: None }))
    }

    /// Waits for a place in line, as long as a review may.
    async fn in_line<P, E>(&self, place: impl Future<Output = Result<P, E>>) -> Result<P, Rejected> {
        match tokio::time::timeout(self.options.queue_time, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Rejected::Busy),
        }
    }

    /// Runs the conversion, which blocks its thread.
    fn run(&self, body: Bytes) -> Result<review::Answer, review::Unreadable> {
        let limits =
            Limits { batch: self.options.batch_bytes, calls: self.options.batches, answer: self.options.review_bytes };
        self.blocking(body.len(), || review::convert(body, &self.routes, limits))
    }

    /// Does what blocks its thread, about a review of so many bytes.
    fn blocking<T>(&self, bytes: usize, work: impl FnOnce() -> T) -> T {
        if bytes <= SHORT { work() } else { tokio::task::block_in_place(work) }
    }
}

struct Answered {
    response: Response<Pieces>,
    result: &'static str,
    objects: usize,
}

/// Whether the value is `application/json`, whatever parameters follow.
fn is_json(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_essence() {
        for (value, json) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON ;a=b", true),
            ("application/jsonx", false),
            ("text/plain; application/json", false),
            ("", false),
        ] {
            assert_eq!(is_json(&HeaderValue::from_static(value)), json, "{value}");
        }
    }
}
