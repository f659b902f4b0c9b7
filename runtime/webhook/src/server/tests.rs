//! The server over TLS on loopback, called by a client that is written out byte by byte: it can be as slow and as wrong as
//! a test wants it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Options, Server};
use crate::certificates::{Kept, Serving, Terms};
use crate::routes::{Convert, Refused, Routes};

/// A guest that gives the same for every object, after it was let.
struct Always {
    result: Vec<u8>,
    wait: Option<Mutex<mpsc::Receiver<()>>>,
}

impl Convert for Always {
    fn convert(&self, _: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
        if let Some(wait) = &self.wait {
            wait.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
        }
        Ok(objects.iter().map(|_| Ok(self.result.clone())).collect())
    }
}

fn always(result: &str) -> Arc<dyn Convert> {
    Arc::new(Always { result: result.into(), wait: None })
}

struct Fixture {
    server: Server,
    routes: Arc<Routes>,
    serving: Arc<Serving>,
    kept: Kept,
}

fn kept() -> Kept {
    Kept::new(&["localhost".to_owned()], SystemTime::now(), &Terms::default()).unwrap()
}

/// A server whose guest answers `{"spec":{"done":1}}`.
async fn serve(options: Options) -> Fixture {
    let (routes, serving, kept) = (Arc::new(Routes::default()), Arc::new(Serving::default()), kept());
    routes.convert.set("example.com", "Web", Some(always(r#"{"spec":{"done":1}}"#)));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(listener, options, routes.clone(), serving.clone()).unwrap();
    assert!(!server.served().is_ready(), "there is no certificate yet");
    serving.put(kept.certified().unwrap());
    assert!(server.served().is_ready());
    Fixture { server, routes, serving, kept }
}

fn review(uid: &str, objects: usize, padding: usize) -> String {
    let object = |index: usize| {
        let padding = "x".repeat(padding);
        format!(
            r#"{{"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":{{"name":"web-{index}"}},"spec":"{padding}"}}"#
        )
    };
    let objects: Vec<_> = (0..objects).map(object).collect();
    format!(
        r#"{{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{{"uid":"{uid}","desiredAPIVersion":"example.com/v1","objects":[{}]}}}}"#,
        objects.join(",")
    )
}

struct Client(TlsStream<TcpStream>);

struct Answer {
    code: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The objects of a success whose review had this `uid`.
    fn objects(&self, uid: &str) -> Vec<Value> {
        assert_eq!(self.code, 200, "{}", String::from_utf8_lossy(&self.body));
        let mut value = self.json();
        assert_eq!(
            (&value["response"]["uid"], &value["response"]["result"]["status"]),
            (&uid.into(), &"Success".into())
        );
        match value["response"]["convertedObjects"].take() {
            Value::Array(objects) => objects,
            other => panic!("{other}"),
        }
    }
}

impl Client {
    async fn connect(server: &Server, bundle: &str, protocol: &str) -> std::io::Result<Self> {
        Self::connect_to(server.address(), bundle, protocol).await
    }

    async fn connect_to(address: std::net::SocketAddr, bundle: &str, protocol: &str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        Ok(Self(stream))
    }

    async fn send(&mut self, head: &str, body: &str) -> std::io::Result<()> {
        let text = format!("{head}\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.0.write_all(text.as_bytes()).await?;
        self.0.flush().await
    }

    async fn answer(&mut self) -> std::io::Result<Answer> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.0.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        let mut body = bytes.split_off(end);
        let head = String::from_utf8(bytes).unwrap().to_lowercase();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length: usize = header("content-length:").unwrap().parse().unwrap();
        while body.len() < length {
            if self.0.read_buf(&mut body).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Answer { code: head[9..12].parse().unwrap(), head, body })
    }

    async fn convert(&mut self, review: &str) -> std::io::Result<Answer> {
        self.send("POST /convert HTTP/1.1\r\nContent-Type: application/json", review).await?;
        self.answer().await
    }

    /// Waits until the server ends the connection.
    async fn ended(&mut self) -> bool {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), self.0.read_to_end(&mut rest)).await;
        end.is_ok() && rest.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_are_answered_one_after_another_over_a_kept_connection() {
    let f = serve(Options::default()).await;
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    for index in 0..50 {
        let uid = format!("u-{index}");
        let objects = client.convert(&review(&uid, 1, 2000)).await.unwrap().objects(&uid);
        assert_eq!((objects.len(), &objects[0]["spec"]["done"]), (1, &1.into()));
    }
    let snapshot = f.server.served().metrics().snapshot();
    assert_eq!((snapshot.requests["Success"], snapshot.objects), (50, 50));
    assert!(f.server.stop().await);
}

/// A runtime of one thread cannot keep it for a conversion: it is handed to another one.
#[tokio::test]
async fn a_runtime_with_one_thread_converts_elsewhere() {
    let f = serve(Options::default()).await;
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    assert_eq!(client.convert(&review("u", 3, 10)).await.unwrap().objects("u").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_is_answered_over_http2() {
    let f = serve(Options::default()).await;
    let Client(mut stream) = Client::connect(&f.server, f.kept.bundle(), "h2").await.unwrap();
    let body = review("u-2", 1, 2000);
    let frame = |kind: u8, flags: u8, id: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, id], payload].concat()
    };
    // HPACK (RFC 7541): POST and https by index, then literals without indexing and without Huffman codes.
    let literal = |name: &[u8], value: &str| [name, &[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    let head = [
        vec![0x83, 0x87],
        literal(&[0x04], "/convert"),
        literal(&[0x01], "localhost"),
        literal(&[0x0f, 0x10], "application/json"),
        literal(&[0x0f, 0x0d], &body.len().to_string()),
    ];
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &head.concat()),
        frame(0, 1, 1, body.as_bytes()),
    ];
    stream.write_all(&request.concat()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        match (head[3], head[8]) {
            (0, 1) => answer.extend(payload),
            // `:status: 200` by index.
            (1, 1) => assert_eq!(payload[0] & 0x7f, 8),
            _ => continue,
        }
        if head[4] & 1 == 1 {
            break;
        }
    }
    let answer = Answer { code: 200, head: String::new(), body: answer };
    assert_eq!(answer.objects("u-2").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_review_has_the_code_for_it() {
    let f = serve(Options { review_bytes: 4000, ..Options::default() }).await;
    let json = "\r\nContent-Type: application/json";
    for (line, body, code, reason) in [
        (format!("POST /other HTTP/1.1{json}"), String::new(), 404, "NotFound"),
        (format!("GET /convert HTTP/1.1{json}"), String::new(), 405, "MethodNotAllowed"),
        ("POST /convert HTTP/1.1\r\nContent-Type: text/plain".to_owned(), "{}".to_owned(), 415, "UnsupportedMediaType"),
        ("POST /convert HTTP/1.1".to_owned(), "{}".to_owned(), 415, "UnsupportedMediaType"),
        (format!("POST /convert HTTP/1.1{json}"), review("u", 1, 4000), 413, "ReviewTooLarge"),
        (format!("POST /convert HTTP/1.1{json}"), String::new(), 400, "NotAReview"),
        (format!("POST /convert HTTP/1.1{json}"), "{".to_owned(), 400, "NotAReview"),
        (
            format!("POST /convert HTTP/1.1{json}"),
            review("u", 1, 1).replace("k8s.io/v1", "k8s.io/v1beta1"),
            400,
            "UnknownReviewVersion",
        ),
    ] {
        let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
        client.send(&line, &body).await.unwrap();
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.code, answer.json()["reason"].as_str()), (code, Some(reason)), "{line}");
        assert_eq!(answer.json()["kind"], "Status");
    }
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let chunked = "POST /convert HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    client.0.write_all(chunked.as_bytes()).await.unwrap();
    assert_eq!(client.answer().await.unwrap().code, 411);
    // And a review of an allowed size is one.
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    assert_eq!(client.convert(&review("u", 1, 3000)).await.unwrap().objects("u").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_is_answered_in_order_and_its_connection_lives_on() {
    let f = serve(Options { batch_bytes: 64 << 10, ..Options::default() }).await;
    f.routes.convert.set("example.com", "Web", Some(always(&format!(r#"{{"spec":"{}"}}"#, "y".repeat(10_050)))));
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let objects = client.convert(&review("long", 1500, 10_000)).await.unwrap().objects("long");
    assert_eq!(objects.len(), 1500);
    for (index, object) in objects.iter().enumerate() {
        assert_eq!(object["metadata"]["name"], format!("web-{index}"));
    }
    assert_eq!(client.convert(&review("u", 1, 10)).await.unwrap().objects("u").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_beyond_the_limit_wait_in_line_and_are_told_to_come_again() {
    let options = Options { in_flight_bytes: 5000, queue_time: Duration::from_millis(200), ..Options::default() };
    let f = serve(options).await;
    let body = review("first", 1, 4000);
    let mut first = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let head = format!(
        "POST /convert HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    first.0.write_all(format!("{head}{}", &body[..100]).as_bytes()).await.unwrap();
    while f.server.served().metrics().snapshot().in_flight_bytes == 0 {
        tokio::task::yield_now().await;
    }
    let mut second = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let answer = second.convert(&review("second", 1, 3000)).await.unwrap();
    assert_eq!(answer.code, 503);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    first.0.write_all(&body.as_bytes()[100..]).await.unwrap();
    assert_eq!(first.answer().await.unwrap().objects("first").len(), 1);
    let mut third = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    assert_eq!(third.convert(&review("third", 1, 3000)).await.unwrap().objects("third").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_slow_are_not_waited_for() {
    let short = Duration::from_millis(500);
    let f = serve(Options { body_time: short, idle_time: short, ..Options::default() }).await;
    // A body that does not come.
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let head = "POST /convert HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    client.0.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(client.answer().await.unwrap().code, 408);
    assert_eq!(f.server.served().metrics().snapshot().in_flight_bytes, 0);
    // Half a head, nothing at all, nothing over HTTP/2, and no handshake: of a server that waits for all else.
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    client.0.write_all(b"POST /convert").await.unwrap();
    assert!(client.ended().await);
    assert!(Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap().ended().await);
    let Client(mut stream) = Client::connect(&f.server, f.kept.bundle(), "h2").await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok());
    let f = serve(Options { handshake_time: short, ..Options::default() }).await;
    let mut silent = TcpStream::connect(f.server.address()).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(20), silent.read(&mut [0; 1])).await;
    assert!(matches!(closed.unwrap(), Ok(0) | Err(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_certificates_change_under_load_without_a_failed_request() {
    let f = serve(Options::default()).await;
    let other = kept();
    let bundle = format!("{}{}", f.kept.bundle(), other.bundle());
    let address = f.server.address();
    let over = Arc::new(AtomicBool::new(false));
    let clients = (0..4).map(|_| {
        let (over, bundle) = (over.clone(), bundle.clone());
        tokio::spawn(async move {
            let mut seen = [0_usize; 2];
            while !over.load(Ordering::Relaxed) {
                let mut client = Client::connect_to(address, &bundle, "http/1.1").await.unwrap();
                for _ in 0..5 {
                    let objects = client.convert(&review("u", 1, 500)).await.unwrap().objects("u");
                    seen[usize::try_from(objects[0]["spec"]["done"].as_u64().unwrap()).unwrap()] += 1;
                }
            }
            seen
        })
    });
    let clients: Vec<_> = clients.collect();
    let served = f.server.served();
    for turn in 0..20_u64 {
        f.routes.convert.set("example.com", "Web", Some(always(&format!(r#"{{"spec":{{"done":{}}}}}"#, turn % 2))));
        f.serving.put(if turn % 2 == 0 { other.certified() } else { f.kept.certified() }.unwrap());
        // Whoever reads it now, reads the new rule.
        let before = served.metrics().snapshot().requests["Success"];
        while served.metrics().snapshot().requests["Success"] < before + 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    over.store(true, Ordering::Relaxed);
    let mut seen = [0; 2];
    for client in clients {
        let [zero, one] = client.await.unwrap();
        seen = [seen[0] + zero, seen[1] + one];
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    let requests = served.metrics().snapshot().requests;
    assert_eq!(requests.len(), 1, "{requests:?}");
    // Who trusts one of the two only is refused while the other one is served.
    assert!(Client::connect(&f.server, other.bundle(), "http/1.1").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_ends_what_runs_and_takes_nothing_new() {
    let f = serve(Options::default()).await;
    let (go, wait) = mpsc::channel();
    let guest = Always { result: b"{}".to_vec(), wait: Some(Mutex::new(wait)) };
    f.routes.convert.set("example.com", "Web", Some(Arc::new(guest)));
    let address = f.server.address();
    let mut idle = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let mut busy = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let served = f.server.served();
    busy.send("POST /convert HTTP/1.1\r\nContent-Type: application/json", &review("u", 1, 10)).await.unwrap();
    while served.metrics().snapshot().in_flight_bytes == 0 {
        tokio::task::yield_now().await;
    }
    let stopped = tokio::spawn(f.server.stop());
    assert!(idle.ended().await, "an idle connection is closed at once");
    assert!(!served.is_ready());
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!stopped.is_finished(), "what runs is waited for");
    go.send(()).unwrap();
    let answer = busy.answer().await.unwrap();
    assert_eq!(answer.objects("u").len(), 1);
    assert!(stopped.await.unwrap(), "it ended in time");
    assert!(busy.ended().await);
}

/// One object of 2 kB after another, as API servers send them. The bound is loose, because the machine may be busy; an answer
/// that is held back by a delayed acknowledgement takes 40 ms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stderr)]
async fn an_answer_is_not_held_back() {
    let f = serve(Options::default()).await;
    let mut client = Client::connect(&f.server, f.kept.bundle(), "http/1.1").await.unwrap();
    let body = review("u", 1, 2000);
    let mut times = Vec::new();
    for _ in 0..3000 {
        let start = Instant::now();
        let answer = client.convert(&body).await.unwrap();
        times.push(start.elapsed());
        assert_eq!(answer.code, 200);
    }
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100];
    eprintln!("one object of 2 kB: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
    assert!(at(50) < Duration::from_millis(10), "{:?}", at(50));
}
