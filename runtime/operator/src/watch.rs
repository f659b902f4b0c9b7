//! One watch: list, follow, and start again where it broke, for as long as the process lives.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::api::{Api, read_as};
use crate::backoff::Backoff;
use crate::cache::{Selector, Store};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::object::Object;

/// The API server ends a watch after this time, so that a lost connection is not followed for ever.
const WATCH_SECONDS: u32 = 290;
/// Bookmarks come about once a minute; a watch that is silent for longer has lost its other end.
const SILENCE: Duration = Duration::from_secs(150);
/// Objects of a page where lists are not streamed.
const PAGE: u32 = 500;

/// The delay after a first failure.
const FIRST_DELAY: Duration = Duration::from_millis(50);
/// The longest delay: so long a change may go unseen after an outage.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Fills one store.
pub(crate) struct Watch {
    api: Api,
    store: Arc<Store>,
    collection: String,
    selector: Option<&'static str>,
    /// Where to go on; none: list first.
    version: Option<String>,
    /// The API server streams lists. Assumed until it says otherwise.
    streams: bool,
    /// It has been told that the watch broke: one line then and one when it is well again, however long that takes.
    broken: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The API server closed the watch as it does from time to time.
    Closed,
    /// The version to go on from is no longer known there.
    Expired,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

impl Watch {
    pub(crate) fn new(api: Api, store: Arc<Store>, namespace: &str, selector: Selector) -> Self {
        let collection = store.resource.collection(namespace);
        Self {
            api,
            store,
            collection,
            selector: selector.label_selector(),
            version: None,
            streams: true,
            broken: false,
        }
    }

    /// Never ends by itself.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        loop {
            let start = Instant::now();
            let result = self.session().await;
            if start.elapsed() > LONGEST_DELAY {
                backoff.reset();
            }
            match result {
                Ok(End::Closed) => {}
                Ok(End::Expired) => self.version = None,
                Err(error) => {
                    if !self.broken {
                        tracing::warn!(collection = %self.collection, reason = error.reason(), %error, "watch broke; trying again");
                    }
                    self.broken = true;
                    self.store.set_served(error.code() != Some(404));
                    if error.code() == Some(403) {
                        self.store.set_refused();
                    }
                    self.store.set_problem(error.to_string());
                }
            }
            // Also after a good end: an API server that ends every watch at once must not be asked without pause.
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Lists where that is needed, and follows until the API server ends it.
    pub(crate) async fn session(&mut self) -> Result<End, ApiError> {
        if self.version.is_none() && !self.streams {
            self.list().await?;
        }
        let initial = self.version.is_none();
        let path = self.path(initial);
        let stream = match self.api.open(&path).await {
            Ok(stream) => stream,
            Err(error) if initial && matches!(error.code(), Some(400 | 422)) => {
                self.streams = false;
                return Ok(End::Closed);
            }
            Err(error) if error.code() == Some(410) => return Ok(End::Expired),
            Err(error) => return Err(error),
        };
        self.store.set_served(true);
        if std::mem::take(&mut self.broken) {
            tracing::info!(collection = %self.collection, "watch is back");
        }
        self.follow(stream, initial, &path).await
    }

    fn path(&self, initial: bool) -> String {
        let mut path =
            format!("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}", self.collection);
        if let Some(selector) = self.selector {
            path.push_str("&labelSelector=");
            path.push_str(&selector.replace('/', "%2F").replace('=', "%3D"));
        }
        match (&self.version, initial) {
            (Some(version), _) => path.push_str(&format!("&resourceVersion={version}")),
            (None, _) => path.push_str("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
        }
        path
    }

    async fn follow(
        &mut self,
        mut stream: impl AsyncBufRead + Unpin,
        initial: bool,
        path: &str,
    ) -> Result<End, ApiError> {
        let what = || format!("GET {path}");
        // Objects of the streamed list, until its end is told.
        let mut seen = initial.then(HashSet::new);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = tokio::time::timeout(SILENCE, stream.read_until(b'\n', &mut line)).await;
            match read {
                Err(_) => return Err(ApiError::TimedOut { what: what(), after: SILENCE }),
                Ok(Err(error)) => return Err(ApiError::Unreachable { what: what(), message: error.to_string() }),
                // A line that lacks its end was cut.
                Ok(Ok(_)) if line.last() != Some(&b'\n') => return Ok(End::Closed),
                Ok(Ok(_)) => {}
            }
            let event: Event<'_> = read_as(&line, what)?;
            match event.kind {
                "ADDED" | "MODIFIED" => {
                    let object = self.parse(event.object, path)?;
                    if let Some(seen) = &mut seen {
                        seen.insert(object.key.clone());
                    } else {
                        self.version = Some(object.resource_version.to_string());
                        self.store.reached(&object.resource_version);
                    }
                    self.store.observe(object);
                }
                "DELETED" => {
                    let object = self.parse(event.object, path)?;
                    if let Some(seen) = &mut seen {
                        seen.remove(&object.key);
                    } else {
                        self.version = Some(object.resource_version.to_string());
                        self.store.reached(&object.resource_version);
                    }
                    self.store.forget(&object);
                }
                "BOOKMARK" => {
                    let bookmark: Bookmark = read_as(event.object.get().as_bytes(), what)?;
                    let version = bookmark.metadata.resource_version;
                    let ends = bookmark.metadata.annotations.get("k8s.io/initial-events-end");
                    if ends.is_some_and(|value| value == "true")
                        && let Some(seen) = seen.take()
                    {
                        self.store.reached(&version);
                        self.store.retain(&seen, &version);
                        self.store.set_synced();
                    }
                    if seen.is_none() {
                        self.store.reached(&version);
                        self.version = Some(version);
                    }
                }
                "ERROR" => {
                    let status: Status = read_as(event.object.get().as_bytes(), what)?;
                    if status.code == 410 {
                        return Ok(End::Expired);
                    }
                    return Err(ApiError::Unreachable { what: what(), message: status.message });
                }
                // New kinds of events are not for us.
                _ => {}
            }
        }
    }

    /// The whole list in pages, for API servers that do not stream lists.
    async fn list(&mut self) -> Result<(), ApiError> {
        let mut seen = HashSet::new();
        let mut next = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", self.collection);
            if let Some(selector) = self.selector {
                path.push_str("&labelSelector=");
                path.push_str(&selector.replace('/', "%2F").replace('=', "%3D"));
            }
            if !next.is_empty() {
                path.push_str("&continue=");
                path.push_str(&next);
            }
            let answer = self.api.get(&Identity::Process, &path).await?;
            let page: Page<'_> = read_as(&answer.body, || format!("GET {path}"))?;
            for item in page.items {
                let object = self.parse(item, &path)?;
                seen.insert(object.key.clone());
                self.store.observe(object);
            }
            next = page.metadata.next;
            if next.is_empty() {
                self.store.reached(&page.metadata.resource_version);
                self.store.retain(&seen, &page.metadata.resource_version);
                self.store.set_synced();
                self.version = Some(page.metadata.resource_version);
                return Ok(());
            }
        }
    }

    fn parse(&self, raw: &RawValue, path: &str) -> Result<Object, ApiError> {
        let resource = &self.store.resource;
        let unreadable =
            |error: serde_json::Error| ApiError::Unreadable { what: format!("GET {path}"), message: error.to_string() };
        Object::parse(raw.get().as_bytes(), &resource.api_version(), &resource.kind).map_err(unreadable)
    }
}
