//! The server: one port, TLS, HTTP/1.1 and HTTP/2.
//!
//! It is made for what API servers do: one object a review, one review after another, over connections that are kept. A
//! conversion runs on the thread that read the review, so that nothing is handed over. That blocks the thread, so the server
//! has threads of its own: as many as there are conversions at once, and one more that reads and writes meanwhile. Whatever a
//! guest does, the process's other tasks go on.

mod body;
mod connection;
mod guard;
mod handle;
mod options;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use options::Options;

use crate::certificates::{CertificateError, Serving};
use crate::metrics::Metrics;
use crate::routes::Routes;
use connection::Connections;
use handle::Handler;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener has no address any more, or there are no threads to be had.
    #[error("the webhook's port cannot be served: {0}")]
    Listener(#[from] io::Error),
    /// The TLS library refuses its own settings.
    #[error("the webhook's TLS cannot be set up: {0}")]
    Tls(#[from] CertificateError),
}

impl ServeError {
    /// One word for condition and log.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Listener(_) => "PortUnusable",
            Self::Tls(_) => "TlsUnusable",
        }
    }
}

/// The server at work. Dropping it ends everything at once; [`Server::stop`] lets what runs come to its end.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ready: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    serving: Arc<Serving>,
    stop: watch::Sender<bool>,
    accept: JoinHandle<bool>,
    linger: Duration,
    /// The server's threads, until it is dropped.
    runtime: Option<Runtime>,
}

/// What can be asked of a server by others than its owner.
#[derive(Debug, Clone)]
pub struct Served {
    ready: Arc<AtomicBool>,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
}

impl Served {
    /// Whether reviews are answered: there is a certificate, and nobody has begun to stop the server.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && self.serving.is_serving()
    }

    /// What was counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Server {
    /// Serves on `listener`, with threads of its own. Routes and certificates may change at any time.
    ///
    /// # Errors
    ///
    /// The listener, the threads or the TLS library.
    pub fn start(
        listener: TcpListener,
        options: Options,
        routes: Arc<Routes>,
        serving: Arc<Serving>,
    ) -> Result<Self, ServeError> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let conversions = options.conversions.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(conversions + 1)
            .thread_name("webhook")
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let tls = serving.clone().server_config()?;
        let metrics = Arc::new(Metrics::default());
        let (stop, stopped) = watch::channel(false);
        let handler = Arc::new(Handler::new(routes, metrics.clone(), options.clone()));
        let tls = TlsAcceptor::from(Arc::new(tls));
        let (limit, linger) = (options.stop_limit, options.linger);
        let places = Arc::new(Semaphore::new(options.connections.max(1)));
        let connections = Arc::new(Connections::new(tls, handler, options, stopped.clone()));
        let accept = runtime.spawn(accept(listener, connections, places, stopped, limit));
        let ready = Arc::new(AtomicBool::new(true));
        Ok(Self { address, ready, metrics, serving, stop, accept, linger, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What others may ask of it.
    pub fn served(&self) -> Served {
        Served { ready: self.ready.clone(), serving: self.serving.clone(), metrics: self.metrics.clone() }
    }

    /// Is not ready any more, serves on for as long as the options say, takes no new connections then, tells the clients of
    /// the others to close them, and ends when the requests that run have their answers. Says whether all ended in time.
    pub async fn stop(mut self) -> bool {
        self.ready.store(false, Ordering::Release);
        tokio::time::sleep(self.linger).await;
        self.stop.send_replace(true);
        (&mut self.accept).await.unwrap_or(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ready.store(false, Ordering::Release);
        self.accept.abort();
        // Nobody waits here for a conversion that runs: this may be a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Accepts connections until the server is stopped, then waits for those that are there.
async fn accept(
    listener: tokio::net::TcpListener,
    connections: Arc<Connections>,
    places: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
    limit: Duration,
) -> bool {
    let mut open = JoinSet::new();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = next => accepted,
        };
        while open.try_join_next().is_some() {}
        match accepted {
            (Ok(place), Ok((stream, _))) => {
                let connections = connections.clone();
                open.spawn(async move {
                    connections.serve(stream).await;
                    drop(place);
                });
            }
            // The client went, or the process has no descriptor left: another connection has to end first.
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(listener);
    let ended = tokio::time::timeout(limit, async { while open.join_next().await.is_some() {} }).await;
    ended.is_ok()
}
