//! `/healthz`, `/readyz` and `/metrics` over HTTP, and the page with its document.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::page;
use crate::run::Handle;

/// Answers on `listener` until `until` ends.
///
/// # Errors
///
/// What the listener says when it can accept no more.
pub async fn serve(
    listener: tokio::net::TcpListener,
    handle: Handle,
    until: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // What is said to this machine alone is not said to a stranger's page in its browser.
    let local = listener.local_addr()?.ip().is_loopback();
    let page = page::router(handle.clone(), local);
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(handle)
        .merge(page);
    axum::serve(listener, router).with_graceful_shutdown(until).await
}

async fn ready(State(handle): State<Handle>) -> impl IntoResponse {
    match handle.is_ready() {
        true => (StatusCode::OK, "ok\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, handle.waits_for().join("\n") + "\n"),
    }
}

async fn metrics(State(handle): State<Handle>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.metrics())
}
