//! One request, from its check to the head of its answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::rule::Target;
use super::{HttpRule, Io, Network};

/// The longest head of an answer.
const MAX_HEAD: usize = 64 << 10;

/// Sends a request where a rule allows it. The whole takes at most `patience`, and the answer's body has at most `limit` bytes.
pub(super) async fn send(
    rules: &[HttpRule],
    network: &Network,
    mut request: Request<WasiBody>,
    options: Option<RequestOptions>,
    limit: usize,
    patience: Duration,
) -> Result<(Response<WasiBody>, Io), Error> {
    let target = Target::of(request.uri()).ok_or(Error::HttpRequestUriInvalid)?;
    let allowing: Vec<&HttpRule> = rules.iter().filter(|rule| rule.allows(&target, request.method())).collect();
    if allowing.is_empty() {
        return Err(Error::HttpRequestDenied);
    }
    let end = Instant::now() + patience;
    let within = |asked: Option<Duration>| asked.map_or(end, |asked| end.min(Instant::now() + asked));
    let (connect, first) =
        options.map_or((None, None), |options| (options.connect_timeout, options.first_byte_timeout));

    let connecting = within(connect);
    let addresses = match target.address() {
        Some(address) => vec![address],
        None => timeout_at(connecting, network.resolver.resolve(target.host.clone()))
            .await
            .map_err(|_| Error::DnsTimeout)?
            .map_err(|_| Error::DnsError { rcode: None, info_code: None })?,
    };
    let addresses = admitted(&allowing, &addresses)?;
    let stream =
        timeout_at(connecting, connected(&addresses, target.port)).await.map_err(|_| Error::ConnectionTimeout)??;
    // Nothing of the answer is waited for by a small request.
    stream.set_nodelay(true).map_err(Error::Connect)?;
    prepare(&mut request, &target)?;
    if target.plain {
        return exchange(stream, request, within(first), limit).await;
    }
    let name = ServerName::try_from(target.host).map_err(|_| Error::HttpRequestUriInvalid)?;
    let connector = TlsConnector::from(Arc::clone(&network.tls));
    let stream = timeout_at(connecting, connector.connect(name, stream)).await;
    let stream = stream.map_err(|_| Error::ConnectionTimeout)?.map_err(Error::Tls)?;
    exchange(stream, request, within(first), limit).await
}

/// The addresses that may be connected to: all of them or none, because a name that leads to one wrong address is a wrong name.
fn admitted(rules: &[&HttpRule], addresses: &[IpAddr]) -> Result<Vec<IpAddr>, Error> {
    if addresses.is_empty() {
        return Err(Error::DestinationNotFound);
    }
    match addresses.iter().all(|address| rules.iter().any(|rule| rule.leads_to(*address))) {
        true => Ok(addresses.to_vec()),
        false => Err(Error::DestinationIpProhibited),
    }
}

async fn connected(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Error> {
    let mut last = Error::DestinationNotFound;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(*address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Error::Connect(error),
        }
    }
    Err(last)
}

/// What goes over the wire: the path alone, and the host that was checked.
fn prepare(request: &mut Request<WasiBody>, target: &Target) -> Result<(), Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let usual = if target.plain { 80 } else { 443 };
    let host = if target.port == usual { host } else { format!("{host}:{}", target.port) };
    let host = host.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    *request.uri_mut() = Uri::builder().path_and_query(path).build().map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(HOST, host);
    Ok(())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<WasiBody>,
    first: Instant,
    limit: usize,
) -> Result<(Response<WasiBody>, Io), Error> {
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(MAX_HEAD);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let mut connection = Box::pin(connection);
    // The connection moves only while somebody looks at it.
    let mut open = true;
    let answer = async {
        let mut sending = std::pin::pin!(sender.send_request(request));
        loop {
            tokio::select! {
                biased;
                answer = &mut sending => return answer.map_err(Error::from),
                ended = &mut connection, if open => {
                    open = false;
                    ended?;
                }
            }
        }
    };
    let answer = timeout_at(first, answer).await.map_err(|_| Error::HttpResponseTimeout)??;
    let answer = answer.map(|body| {
        let too_large = move |_| Error::HttpResponseBodySize(u64::try_from(limit).ok());
        Limited::new(body, limit).map_err(too_large).boxed_unsync()
    });
    let io: Io = Box::new(async move {
        // The sender lives as long as the connection, which ends with it.
        let _sender = sender;
        if open { connection.await.map_err(Error::from) } else { Ok(()) }
    });
    Ok((answer, io))
}

#[cfg(test)]
mod tests;
