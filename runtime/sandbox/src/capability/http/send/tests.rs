//! Requests against servers on loopback, and against names that lead there.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Empty;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::{Resolve, Resolving};
use super::*;

/// Answers a name with these addresses, and counts.
struct Names(Vec<IpAddr>, AtomicU32);

impl Resolve for Names {
    fn resolve(&self, _: String) -> Resolving {
        self.1.fetch_add(1, Ordering::SeqCst);
        let addresses = self.0.clone();
        Box::pin(
            async move { if addresses.is_empty() { Err(io::Error::other("no such name")) } else { Ok(addresses) } },
        )
    }
}

/// A server that gives the same answer to each connection; its port, and the requests that it saw.
async fn serve(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            requests.lock().unwrap().push(String::from_utf8_lossy(&head[..read]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
        }
    });
    (port, seen)
}

fn rule(host: &str, port: u16) -> HttpRule {
    HttpRule { host: host.to_owned(), port: Some(port), plain: true, methods: vec![Method::GET], private: false }
}

struct Asked {
    names: Arc<Names>,
    rules: Vec<HttpRule>,
    limit: usize,
    patience: Duration,
}

impl Asked {
    fn new(rule: HttpRule, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let names = Arc::new(Names(addresses, AtomicU32::new(0)));
        Asked { names, rules: vec![rule], limit: 1000, patience: Duration::from_secs(5) }
    }

    async fn send(&self, method: Method, uri: &str) -> Result<(StatusCode, Bytes), Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
        let network = Network { resolver: self.names.clone(), tls };
        let body: WasiBody = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::builder().method(method).uri(uri).body(body).unwrap();
        let (answer, io) = send(&self.rules, &network, request, None, self.limit, self.patience).await?;
        let status = answer.status();
        let reading = answer.into_body().collect();
        let (body, _) = tokio::join!(reading, Box::into_pin(io));
        Ok((status, body?.to_bytes()))
    }
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nquota";

#[tokio::test]
async fn an_address_that_a_rule_names_is_asked_with_the_host_that_was_checked() {
    let (port, seen) = serve(FINE).await;
    let asked = Asked::new(rule("127.0.0.1", port), &[]);
    let answer = asked.send(Method::GET, &format!("http://127.0.0.1:{port}/a?b=c")).await.unwrap();
    assert_eq!((answer.0, &answer.1[..]), (StatusCode::OK, &b"quota"[..]));
    let head = seen.lock().unwrap()[0].to_lowercase();
    assert!(
        head.starts_with("get /a?b=c http/1.1\r\n") && head.contains(&format!("host: 127.0.0.1:{port}\r\n")),
        "{head}"
    );
    assert_eq!(asked.names.1.load(Ordering::SeqCst), 0, "an address is no name");
}

#[tokio::test]
async fn what_no_rule_names_is_denied_and_nothing_is_resolved_or_connected() {
    let (port, seen) = serve(FINE).await;
    let asked = Asked::new(rule("quota.example.com", port), &["127.0.0.1"]);
    for uri in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://other.example.com:{port}/"),
        format!("https://quota.example.com:{port}/"),
        "http://quota.example.com/".to_owned(),
    ] {
        assert!(matches!(asked.send(Method::GET, &uri).await, Err(Error::HttpRequestDenied)), "{uri}");
    }
    let post = asked.send(Method::POST, &format!("http://quota.example.com:{port}/")).await;
    assert!(matches!(post, Err(Error::HttpRequestDenied)));
    let user = asked.send(Method::GET, &format!("http://quota.example.com:{port}@127.0.0.1:{port}/")).await;
    assert!(matches!(user, Err(Error::HttpRequestUriInvalid)));
    assert_eq!((asked.names.1.load(Ordering::SeqCst), seen.lock().unwrap().len()), (0, 0));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_whatever_the_address_is_wrapped_in() {
    let (port, seen) = serve(FINE).await;
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["169.254.169.254"],
        &["10.0.0.1"],
        // One right address beside a wrong one.
        &["1.1.1.1", "127.0.0.1"],
    ] {
        let asked = Asked::new(rule("quota.example.com", port), addresses);
        let refused = asked.send(Method::GET, &format!("http://quota.example.com:{port}/")).await;
        assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{addresses:?}: {refused:?}");
        assert_eq!(asked.names.1.load(Ordering::SeqCst), 1, "a name is resolved once");
    }
    assert_eq!(seen.lock().unwrap().len(), 0);
    let unknown = Asked::new(rule("quota.example.com", port), &[]);
    let refused = unknown.send(Method::GET, &format!("http://quota.example.com:{port}/")).await;
    assert!(matches!(refused, Err(Error::DnsError { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (elsewhere, seen) = serve(FINE).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let (port, _) = serve(answer.leak()).await;
    let asked = Asked::new(rule("127.0.0.1", port), &[]);
    let (status, _) = asked.send(Method::GET, &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!((status, seen.lock().unwrap().len()), (StatusCode::FOUND, 0));
}

#[tokio::test]
async fn an_answer_is_bounded_in_size_and_in_time() {
    let (port, _) = serve(FINE).await;
    let uri = format!("http://127.0.0.1:{port}/");
    let asked = Asked { limit: 4, ..Asked::new(rule("127.0.0.1", port), &[]) };
    assert!(matches!(asked.send(Method::GET, &uri).await, Err(Error::HttpResponseBodySize(Some(4)))));
    let exact = Asked { limit: 5, ..Asked::new(rule("127.0.0.1", port), &[]) };
    assert!(exact.send(Method::GET, &uri).await.is_ok());
    let (silent, _) = serve("").await;
    let asked = Asked { patience: Duration::from_millis(100), ..Asked::new(rule("127.0.0.1", silent), &[]) };
    let late = asked.send(Method::GET, &format!("http://127.0.0.1:{silent}/")).await;
    assert!(matches!(late, Err(Error::HttpResponseTimeout)), "{late:?}");
}

#[test]
fn one_wrong_address_makes_a_wrong_name() {
    let rule = HttpRule { plain: false, port: None, ..rule("quota.example.com", 443) };
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
    assert_eq!(admitted(&[&rule], &addresses(&["1.1.1.1", "2606:4700::1111"])).unwrap().len(), 2);
    for wrong in [&["1.1.1.1", "10.0.0.1"][..], &["::ffff:127.0.0.1"], &["1.1.1.1", "64:ff9b::a9fe:a9fe"]] {
        assert!(matches!(admitted(&[&rule], &addresses(wrong)), Err(Error::DestinationIpProhibited)), "{wrong:?}");
    }
    assert!(matches!(admitted(&[&rule], &[]), Err(Error::DestinationNotFound)));
}
