//! The page for whoever wants to look, and the document that it shows. Both are read-only.

mod document;
mod gather;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::run::Handle;

/// Nothing is loaded but from here, nothing runs but the one script, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// How long a document is given to all who ask: it costs a look at every resource, and nobody has to say who they are.
const FRESH: Duration = Duration::from_secs(1);

/// The newest document, and when it was made.
#[derive(Clone)]
struct Newest {
    handle: Handle,
    made: Arc<Mutex<Option<(Instant, Bytes)>>>,
}

/// `/`, `/page.css`, `/page.js` and `/patterns`.
pub(crate) fn router(handle: Handle) -> Router {
    let file = |kind: &'static str, text: &'static str| get(move || async move { answer(kind, "no-cache", text) });
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page.html")))
        .route("/page.css", file("text/css; charset=utf-8", include_str!("page.css")))
        .route("/page.js", file("text/javascript; charset=utf-8", include_str!("page.js")))
        .route("/patterns", get(patterns))
        .with_state(Newest { handle, made: Arc::default() })
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
        let handle = self.handle.clone();
        // With many resources the first look takes long, and reconciles must not wait for it.
        let document = tokio::task::spawn_blocking(move || serde_json::to_vec(&gather::gather(&handle)));
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
