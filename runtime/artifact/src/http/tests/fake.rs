//! A fake: it speaks just enough HTTP to say what a registry would not, and is no proof of anything about real ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request that the fake got.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Method and target: `GET /v2/a/tags/list?n=1000`.
    pub(super) line: String,
    /// By name in lower case.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// What the fake answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The length that is announced, if another than the body's.
    length: Option<usize>,
    endless: bool,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Announces more than comes.
    pub(super) fn cut(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// Repeats its body until nobody listens.
    pub(super) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }
}

type Script = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// A server on this machine, and what it was asked.
pub(super) struct Fake {
    pub(super) host: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// Starts a server. The script gets each request, and how many with the same line there were before.
    pub(super) async fn start(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, script).await
    }

    /// Starts a server that speaks TLS.
    pub(super) async fn start_tls(
        tls: ServerConfig,
        script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Some(TlsAcceptor::from(Arc::new(tls))), script).await
    }

    async fn start_with(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (script, kept): (Arc<Script>, _) = (Arc::new(script), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept, tls) = (script.clone(), kept.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &*script, &kept).await,
                        Some(tls) => serve(tls.accept(stream).await.ok()?, &*script, &kept).await,
                    }
                });
            }
        });
        Self { host, asked }
    }

    /// The lines of all requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|request| request.line.clone()).collect()
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, script: &Script, kept: &Mutex<Vec<Request>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let line = line.trim().strip_suffix(" HTTP/1.1")?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let request = Request { line, headers, body };
    let before = {
        let mut kept = kept.lock().unwrap();
        kept.push(request.clone());
        kept.iter().filter(|known| known.line == request.line).count() - 1
    };
    let reply = script(&request, before);
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", reply.status);
    if !reply.endless {
        head += &format!("content-length: {}\r\n", reply.length.unwrap_or(reply.body.len()));
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.ok()?;
    if !request.line.starts_with("HEAD") {
        stream.write_all(&reply.body).await.ok()?;
        if reply.endless {
            loop {
                stream.write_all(&reply.body).await.ok()?;
            }
        }
    }
    stream.shutdown().await.ok()
}
