//! Counting what was asked of the API server, from its own audit log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use kube::Client;
use serde_json::Value;

use crate::{SHORTLY, eventually};

/// The audit log of the API server.
#[derive(Clone)]
pub struct Audit {
    path: PathBuf,
    client: Client,
}

/// A moment: every request that was answered before lies before it.
#[derive(Debug, Clone, Copy)]
pub struct Mark(u64);

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `create`, `update`, `patch`, `delete`, `deletecollection`, `get` or `list`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// Who asked, before impersonation.
    pub user: String,
    /// Which of the user's tokens was shown, where it was a service account's.
    pub credential: Option<String>,
    /// As whom, if impersonated.
    pub impersonated: Option<String>,
    /// The resource, in the plural, with the subresource after a slash: `services`, `postgreses/status`.
    pub resource: String,
    /// The namespace, if the resource has one.
    pub namespace: Option<String>,
    /// The object's name. A `create` has none, unless by server-side apply.
    pub name: Option<String>,
    /// The status code of the answer.
    pub code: u64,
}

impl Request {
    /// Whether something was to be changed (and not only tried out by a dry run).
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list") && !self.uri.contains("dryRun=All")
    }

    fn read(line: &str) -> Self {
        let event: Value = serde_json::from_str(line).expect("an audit event is a line of JSON");
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let resource = text("/objectRef/resource").unwrap_or_default();
        Self {
            verb: text("/verb").unwrap_or_default(),
            uri: text("/requestURI").unwrap_or_default(),
            user_agent: text("/userAgent").unwrap_or_default(),
            user: text("/user/username").unwrap_or_default(),
            credential: text("/user/extra/authentication.kubernetes.io~1credential-id/0"),
            impersonated: text("/impersonatedUser/username"),
            resource: text("/objectRef/subresource").map_or(resource.clone(), |sub| format!("{resource}/{sub}")),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            code: event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
        }
    }
}

impl Audit {
    pub(crate) fn new(path: PathBuf, client: Client) -> Self {
        Self { path, client }
    }

    /// A mark for now.
    pub async fn mark(&self) -> Mark {
        let start = self.length();
        self.settle().await;
        // The log may end in the middle of a line, which others are writing.
        Mark(start + self.bytes_from(start).len() as u64)
    }

    /// All requests since `mark`, reads included.
    pub async fn requests_since(&self, mark: Mark) -> Vec<Request> {
        self.settle().await;
        self.read_from(mark).lines().map(Request::read).filter(|request| !request.uri.contains(BARRIER)).collect()
    }

    /// The writes since `mark` that the tests' own client did not make and that `namespace` or its runtime's own saw.
    ///
    /// This is what tests of silence count: whoever wrote, by whatever name, is in it. That a leader says every two seconds
    /// that it is one, in its Lease, is not.
    pub async fn writes_since(&self, mark: Mark, namespace: &str) -> Vec<Request> {
        let mut writes = self.requests_since(mark).await;
        let namespaces = [namespace.to_owned(), format!("{namespace}-own")];
        writes.retain(|request| {
            request.is_write()
                && request.resource != "leases"
                && request.namespace.as_ref().is_some_and(|namespace| namespaces.contains(namespace))
                && request.user_agent != "orkestra-tests"
                // kubectl is only run by tests.
                && !request.user_agent.starts_with("kubectl/")
        });
        writes
    }

    /// Waits until a request made now is in the log: then all that were answered before are in it too.
    async fn settle(&self) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let start = Mark(self.length());
        let sign = format!("{BARRIER}={}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let request =
            http::Request::get(format!("/api/v1/namespaces/default?{sign}")).body(Vec::new()).expect("a request");
        self.client.request_text(request).await.expect("the API server answers");
        let sign = format!("{sign}\"");
        eventually("a request appears in the audit log", SHORTLY, async || {
            if self.read_from(start).contains(&sign) { Ok(()) } else { Err("not there") }
        })
        .await;
    }

    fn length(&self) -> u64 {
        self.path.metadata().expect("there is an audit log").len()
    }

    /// The whole lines from `mark` on.
    fn read_from(&self, mark: Mark) -> String {
        String::from_utf8_lossy(&self.bytes_from(mark.0)).into_owned()
    }

    /// What is from a place on, up to the end of the last whole line.
    fn bytes_from(&self, place: u64) -> Vec<u8> {
        let mut file = File::open(&self.path).expect("there is an audit log");
        file.seek(SeekFrom::Start(place)).expect("the log does not shrink");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("the log is read");
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        bytes
    }
}

/// A parameter that the API server ignores.
const BARRIER: &str = "orkestraTestsBarrier";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read() {
        let line = r#"{"verb":"patch","requestURI":"/apis/a/v1/namespaces/n/kinds/x/status?fieldManager=m","userAgent":"ork",
            "user":{"username":"u"},"impersonatedUser":{"username":"i"},"objectRef":{"resource":"kinds","subresource":"status",
            "namespace":"n","name":"x"},"responseStatus":{"code":200}}"#;
        let request = Request::read(line);
        assert_eq!((request.resource.as_str(), request.code), ("kinds/status", 200));
        assert_eq!(request.impersonated.as_deref(), Some("i"));
        assert!(request.is_write());
    }

    #[test]
    fn a_dry_run_is_no_write() {
        let line = r#"{"verb":"patch","requestURI":"/api/v1/namespaces/n/services/x?dryRun=All"}"#;
        assert!(!Request::read(line).is_write());
    }
}
