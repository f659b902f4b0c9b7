//! A stand-in for a collector: it takes traces by OTLP over HTTP on loopback, keeps them, and answers as it is told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message as _;
use tokio::net::TcpListener;

/// Attributes as text, by name.
pub(crate) type Attributes = BTreeMap<String, String>;

/// A span that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: Vec<u8>,
    pub(crate) id: Vec<u8>,
    /// Empty: it is the root of its trace.
    pub(crate) parent: Vec<u8>,
    pub(crate) attributes: Attributes,
    /// What failed, where something did.
    pub(crate) error: Option<String>,
    /// Events in it.
    pub(crate) events: usize,
}

impl Span {
    pub(crate) fn is(&self, name: &str, attributes: &[(&str, &str)]) -> bool {
        self.name == name && attributes.iter().all(|(key, value)| self.get(key) == Some(value))
    }

    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// What came so far.
#[derive(Debug, Default)]
struct Taken {
    spans: Vec<Span>,
    /// Of the service, as the last request has it.
    service: Attributes,
    /// Method and path, and the headers, of each request.
    heads: Vec<(String, Attributes)>,
    /// Every byte of every body.
    bytes: Vec<u8>,
    refuses: bool,
}

/// The stand-in.
pub(crate) struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let state = taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let answer = service_fn(|request| take(request, state.clone()));
                    // A client that goes is none of its business.
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self { address, taken }
    }

    /// Its general endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it takes nothing, or everything again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.taken.lock().unwrap().refuses = refuses;
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().spans.clone()
    }

    pub(crate) fn service(&self) -> Attributes {
        self.taken.lock().unwrap().service.clone()
    }

    pub(crate) fn heads(&self) -> Vec<(String, Attributes)> {
        self.taken.lock().unwrap().heads.clone()
    }

    /// Whether a text is anywhere in what was sent.
    pub(crate) fn was_sent(&self, text: &str) -> bool {
        let taken = self.taken.lock().unwrap();
        taken.bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

async fn take(request: Request<Incoming>, taken: Arc<Mutex<Taken>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let head = format!("{} {}", request.method(), request.uri().path());
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut taken = taken.lock().unwrap();
    taken.heads.push((head, headers));
    taken.bytes.extend_from_slice(&body);
    let mut answer = Response::new(Full::default());
    if taken.refuses {
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(answer);
    }
    let Ok(sent) = ExportTraceServiceRequest::decode(body) else {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(answer);
    };
    for resource in sent.resource_spans {
        taken.service = attributes(&resource.resource.unwrap_or_default().attributes);
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            // 2 is the code of an error.
            let error = span.status.filter(|status| status.code == 2).map(|status| status.message);
            taken.spans.push(Span {
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: attributes(&span.attributes),
                error,
                events: span.events.len(),
            });
        }
    }
    Ok(answer)
}

fn attributes(all: &[KeyValue]) -> Attributes {
    let text = |value: &any_value::Value| match value {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(is) => is.to_string(),
        other => format!("{other:?}"),
    };
    let value = |one: &KeyValue| one.value.as_ref().and_then(|value| value.value.as_ref()).map(text);
    all.iter().map(|one| (one.key.clone(), value(one).unwrap_or_default())).collect()
}
