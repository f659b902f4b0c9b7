//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::guard::Guarded;
use super::handle::Handler;
use super::options::Options;

/// Bytes that are read at once: a list comes in pieces of this size.
const READ: usize = 128 << 10;

/// Bytes that an HTTP/2 client may send before they are read: all that a connection can make the server hold beyond what
/// is counted as in flight.
const WINDOW: u32 = 1 << 20;

/// Requests of one HTTP/2 connection at once.
const STREAMS: u32 = 100;

/// What all connections share.
pub(crate) struct Connections {
    tls: TlsAcceptor,
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
    handler: Arc<Handler>,
    options: Options,
    stop: watch::Receiver<bool>,
}

impl Connections {
    pub(crate) fn new(tls: TlsAcceptor, handler: Arc<Handler>, options: Options, stop: watch::Receiver<bool>) -> Self {
        let mut http1 = auto::Builder::new(TokioExecutor::new());
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.idle_time)
            .max_buf_size(READ)
            .max_headers(64);
        let mut http2 = auto::Builder::new(TokioExecutor::new());
        http2
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(options.idle_time / 4))
            .keep_alive_timeout(options.write_time)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(16 << 10);
        Self { tls, http1: http1.http1_only(), http2: http2.http2_only(), handler, options, stop }
    }

    /// Serves one connection until it ends, is idle for too long, or the server stops.
    pub(crate) async fn serve(&self, stream: TcpStream) {
        // An answer is small and complete when it is written: waiting for more would only delay it.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let stream = Guarded::new(stream, self.options.write_time);
        let handshake = tokio::time::timeout(self.options.handshake_time, self.tls.accept(stream));
        let stream = match handshake.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                // An API server that does not trust the certificate ends here; it says so itself, on the resource.
                tracing::debug!(%error, "handshake failed");
                return;
            }
            Err(_) => return,
        };
        let builder = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => &self.http2,
            _ => &self.http1,
        };
        let activity = Arc::new(Activity::default());
        let service = service_fn(|request| {
            let (handler, busy) = (self.handler.clone(), Busy::new(&activity));
            async move { Ok::<_, Infallible>(handler.handle(request, busy).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.stop.clone();
        let mut look = tokio::time::interval(self.options.idle_time.max(Duration::from_millis(1)));
        let mut seen = None;
        let mut closing = false;
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "connection ended");
                    }
                    return;
                }
                // The sender is gone when the server is.
                _ = stop.wait_for(|stop| *stop), if !closing => {}
                _ = look.tick() => {
                    let now = activity.counted();
                    if now.is_none() || seen.replace(now) != Some(now) {
                        continue;
                    }
                    // It was asked to go, has nothing in work, and is still there: an HTTP/2 client need not answer.
                    if closing {
                        return;
                    }
                }
            }
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}

/// What a connection is asked.
#[derive(Default)]
pub(crate) struct Activity {
    started: AtomicUsize,
    ended: AtomicUsize,
}

impl Activity {
    /// How many requests there were; none while one is answered.
    fn counted(&self) -> Option<usize> {
        let ended = self.ended.load(Ordering::Acquire);
        (self.started.load(Ordering::Acquire) == ended).then_some(ended)
    }
}

/// A request that is being answered.
pub(crate) struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.started.fetch_add(1, Ordering::AcqRel);
        Self(activity.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}
