//! A request by `wasi:http`.

use std::time::Duration;

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, Method as WasiMethod,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

use crate::http::{HttpFailure, Method, Outgoing, Received};

/// The most that one write takes, by the interface's own words.
const WRITE: usize = 4096;
/// What one read asks for.
const READ: u64 = 64 << 10;

/// Sends a request and reads its answer whole.
pub(super) fn send(request: &Outgoing) -> Result<Received, HttpFailure> {
    let outgoing = outgoing(request)?;
    let body = outgoing.body().map_err(|()| broken("the body of a request can be taken once"))?;
    let coming = handle(outgoing, Some(options(request.timeout)?)).map_err(|code| failure(&code, request.limit))?;
    // A body is written while it is sent. Where that breaks off, the answer knows why.
    let written = write(body, &request.body);
    let answer = answer(&coming, request.limit)?;
    written.map_err(|code| {
        code.map_or_else(|| broken("the request was not sent whole"), |code| failure(&code, request.limit))
    })?;
    let status = answer.status();
    let headers = answer.headers().entries();
    let body = answer.consume().map_err(|()| broken("the body of an answer can be taken once"))?;
    Ok(Received { status, headers, body: read(&body, request.limit)? })
}

fn outgoing(request: &Outgoing) -> Result<OutgoingRequest, HttpFailure> {
    let mut headers = request.headers.clone();
    // Without it the body would be sent in chunks, which some servers do not take.
    if !request.body.is_empty() {
        headers.push(("content-length".to_owned(), request.body.len().to_string().into_bytes()));
    }
    let headers = Fields::from_list(&headers).map_err(|error| {
        HttpFailure::InvalidRequest(match error {
            HeaderError::Forbidden => "a header is one that only the runtime sends".to_owned(),
            HeaderError::InvalidSyntax | HeaderError::Immutable => "a header is malformed".to_owned(),
        })
    })?;
    let outgoing = OutgoingRequest::new(headers);
    let method = match request.method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
    };
    let scheme = if request.url.plain { Scheme::Http } else { Scheme::Https };
    let set = outgoing
        .set_method(&method)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(&request.url.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&request.url.path)));
    set.map_err(|()| HttpFailure::InvalidRequest("the URL is malformed".to_owned()))?;
    Ok(outgoing)
}

fn options(timeout: Duration) -> Result<RequestOptions, HttpFailure> {
    let options = RequestOptions::new();
    let nanoseconds = Some(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    let set = options
        .set_connect_timeout(nanoseconds)
        .and_then(|()| options.set_first_byte_timeout(nanoseconds))
        .and_then(|()| options.set_between_bytes_timeout(nanoseconds));
    set.map_err(|()| HttpFailure::InvalidRequest("the runtime does not take a time-out".to_owned()))?;
    Ok(options)
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Option<ErrorCode>> {
    if !bytes.is_empty() {
        // It must be gone before its body is finished.
        let stream = body.write().map_err(|()| None)?;
        for part in bytes.chunks(WRITE) {
            stream.blocking_write_and_flush(part).map_err(|_| None)?;
        }
    }
    OutgoingBody::finish(body, None).map_err(Some)
}

fn answer(coming: &FutureIncomingResponse, limit: usize) -> Result<IncomingResponse, HttpFailure> {
    coming.subscribe().block();
    match coming.get() {
        Some(Ok(Ok(answer))) => Ok(answer),
        Some(Ok(Err(code))) => Err(failure(&code, limit)),
        Some(Err(())) | None => Err(broken("there is no answer after it was waited for")),
    }
}

fn read(body: &IncomingBody, limit: usize) -> Result<Vec<u8>, HttpFailure> {
    let stream = body.stream().map_err(|()| broken("the body of an answer can be read once"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ) {
            Ok(part) if bytes.len() + part.len() > limit => return Err(HttpFailure::TooLarge { limit }),
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match wasip2::http::types::http_error_code(&error) {
                    Some(code) => failure(&code, limit),
                    None => broken("reading failed"),
                });
            }
        }
    }
}

fn broken(why: &str) -> HttpFailure {
    HttpFailure::Interrupted(why.to_owned())
}

/// What the runtime's codes mean to a hook.
fn failure(code: &ErrorCode, limit: usize) -> HttpFailure {
    let text = |text: &str| text.to_owned();
    match code {
        ErrorCode::HttpRequestDenied => HttpFailure::AccessDenied(text("no grant covers this method and host")),
        ErrorCode::DestinationIpProhibited => {
            HttpFailure::AccessDenied(text("the host leads to an address that hooks may not ask"))
        }
        ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestHeaderSectionSize(_) => {
            HttpFailure::InvalidRequest(text("the runtime does not take the request as it is"))
        }
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpFailure::Timeout,
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            HttpFailure::Unreachable(text("its name has no address"))
        }
        ErrorCode::ConnectionRefused => HttpFailure::Unreachable(text("the connection was refused")),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            HttpFailure::Unreachable(text("there is no connection"))
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            HttpFailure::Unreachable(text("TLS failed, or its certificate is not trusted"))
        }
        ErrorCode::HttpResponseBodySize(allowed) => {
            let allowed = allowed.and_then(|allowed| usize::try_from(allowed).ok());
            HttpFailure::TooLarge { limit: allowed.unwrap_or(limit) }
        }
        ErrorCode::ConnectionLimitReached => HttpFailure::TooManyCalls,
        ErrorCode::HttpResponseIncomplete | ErrorCode::ConnectionTerminated => broken("the connection ended"),
        _ => broken("what came is no answer of HTTP"),
    }
}
