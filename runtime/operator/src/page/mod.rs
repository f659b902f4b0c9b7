//! The page for whoever wants to look, and the document that it shows. Both are read-only.

mod document;
mod gather;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;

use document::Document;
pub(crate) use document::{Health, Pattern, State as PatternState};
pub(crate) use gather::gather;

use crate::run::Handle;

/// Nothing is loaded but from here, nothing runs but the one script, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// How long a document is given to all who ask: it costs a look at every resource, and nobody has to say who they are.
const FRESH: Duration = Duration::from_secs(1);

/// The newest document, and when it was made.
#[derive(Clone)]
struct Newest {
    make: Arc<dyn Fn() -> Document + Send + Sync>,
    made: Arc<Mutex<Option<(Instant, Bytes)>>>,
}

/// `/`, `/page.css`, `/page.js` and `/patterns`. `local`: whoever asks is on this machine.
pub(crate) fn router(handle: Handle, local: bool) -> Router {
    let file = |kind: &'static str, text: &'static str| get(move || async move { answer(kind, "no-cache", text) });
    let router = Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page.html")))
        .route("/page.css", file("text/css; charset=utf-8", include_str!("page.css")))
        .route("/page.js", file("text/javascript; charset=utf-8", include_str!("page.js")))
        .route("/patterns", get(patterns))
        .with_state(Newest { make: Arc::new(move || gather::gather(&handle)), made: Arc::default() });
    if local { router.route_layer(from_fn(named_as_local)) } else { router }
}

/// A site of a stranger can have a name that leads to this machine, and its script would then be of the same origin. The name
/// tells: a browser sends the one that it was given.
async fn named_as_local(request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).map(|host| host.to_str().is_ok_and(is_local));
    match named {
        Some(false) => {
            (StatusCode::MISDIRECTED_REQUEST, "this machine has another name: use localhost\n").into_response()
        }
        Some(true) | None => next.run(request).await,
    }
}

/// Whether a host, with or without a port, can only be this machine.
fn is_local(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

async fn patterns(State(newest): State<Newest>) -> Response {
    match newest.get().await {
        Some(document) => answer("application/json", "no-store", document),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Newest {
    async fn get(&self) -> Option<Bytes> {
        let mut made = self.made.lock().await;
        if let Some((at, document)) = &*made
            && at.elapsed() < FRESH
        {
            return Some(document.clone());
        }
        let make = self.make.clone();
        // With many resources the first look takes long, and reconciles must not wait for it.
        let document = tokio::task::spawn_blocking(move || serde_json::to_vec(&make()));
        let document = Bytes::from(document.await.ok()?.ok()?);
        *made = Some((Instant::now(), document.clone()));
        Some(document)
    }
}

fn answer(kind: &'static str, kept: &'static str, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, kept),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // Other sites can neither embed it nor hold on to its window.
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SCRIPT: &str = include_str!("page.js");
    const HTML: &str = include_str!("page.html");

    #[test]
    fn guest_text_never_becomes_markup_or_code() {
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
            "createContextualFragment",
            "setHTMLUnsafe",
            "srcdoc",
            "eval(",
            "Function(",
            "import(",
            ".href",
            ".src",
        ] {
            assert!(!SCRIPT.contains(way), "page.js uses {way}");
        }
        assert!(SCRIPT.contains("createTextNode"));
    }

    #[test]
    fn the_page_loads_nothing_but_its_own_files() {
        for (name, text) in [("page.html", HTML), ("page.js", SCRIPT), ("page.css", include_str!("page.css"))] {
            for foreign in ["http:", "https:", "//cdn", "url(", "@import", "style=", " onload", " onclick"] {
                assert!(!text.contains(foreign), "{name} has {foreign}");
            }
        }
        // Relative, so that it works behind a proxy that puts a path before it.
        assert!(HTML.contains("href=\"page.css\"") && HTML.contains("src=\"page.js\""));
        assert_eq!(HTML.matches("<script").count(), 1);
    }

    #[tokio::test]
    async fn a_document_is_made_once_a_second() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let make = || {
            MADE.fetch_add(1, Ordering::Relaxed);
            let (version, time) = ("0.1.0", String::new());
            let runtime = document::Process {
                version,
                leads: true,
                shards: 1,
                shards_held: vec![0],
                leader: None,
                ready: true,
                waits_for: Vec::new(),
            };
            Document { api_version: Document::API_VERSION, kind: Document::KIND, time, runtime, patterns: Vec::new() }
        };
        let newest = Newest { make: Arc::new(make), made: Arc::default() };
        let all = futures::future::join_all((0..100).map(|_| newest.get())).await;
        assert!(all.iter().all(|document| *document == all[0] && document.is_some()));
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
        *newest.made.lock().await = Instant::now().checked_sub(FRESH).map(|then| (then, Bytes::new()));
        assert_eq!(newest.get().await, all[0]);
        assert_eq!(MADE.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_strangers_name_for_this_machine_is_not_answered() {
        for (host, local) in [
            ("127.0.0.1:8080", true),
            ("127.0.0.1", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("LocalHost:8080", true),
            ("page.localhost", true),
            ("evil.example.com:8080", false),
            ("localhost.example.com", false),
            ("192.0.2.1:8080", false),
            ("127.0.0.1.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), local, "{host}");
        }
        let router = Router::new().route("/", get(|| async { "page" })).route_layer(from_fn(named_as_local));
        for (host, code) in [("localhost:8080", 200), ("evil.example.com", 421)] {
            let request = Request::get("/").header(header::HOST, host).body(axum::body::Body::empty()).unwrap();
            let answer = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            assert_eq!(answer.status().as_u16(), code, "{host}");
        }
    }

    #[test]
    fn every_answer_carries_the_policy() {
        let answer = answer("text/html", "no-cache", "");
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(
            header("content-security-policy"),
            Some(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'"
            )
        );
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("referrer-policy"), Some("no-referrer"));
    }
}
