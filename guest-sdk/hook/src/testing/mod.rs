//! A host for native tests: it has what a test prepares, and denies everything else.
//!
//! ```
//! # use orkestra_hook::{BeforeRender, Call, Error, Kind};
//! # use serde::{Deserialize, Serialize};
//! use orkestra_hook::testing::FakeHost;
//! use serde_json::{Value, json};
//! # struct Owner;
//! # #[derive(Serialize)] struct Values { owner: String }
//! # impl BeforeRender for Owner {
//! #     type Resource = Value; type Inputs = Value; type Values = Values;
//! #     fn before_render(call: &Call<Value, Value>) -> Result<Values, Error> {
//! #         let team: Value = call.cluster().get(Kind::core("ConfigMap"), "team").read()?;
//! #         Ok(Values { owner: team["data"]["owner"].as_str().unwrap_or_default().to_owned() })
//! #     }
//! # }
//!
//! let host = FakeHost::new().object(json!({
//!     "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "team", "namespace": "shop"}, "data": {"owner": "ada"},
//! }));
//! let call = host.call(json!({"metadata": {"name": "db", "namespace": "shop"}}));
//! assert_eq!(call.before_render::<Owner>(), Ok(json!({"owner": "ada"})));
//!
//! // Nothing was prepared here.
//! let error = FakeHost::new().call(json!({})).before_render::<Owner>().unwrap_err();
//! assert!(error.message().contains("access denied"));
//! ```

mod conversions;
mod objects;
mod prepared;
mod reply;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Kind, ReadFailure, Scope};
use crate::host::Host;
use crate::http::{HttpFailure, Method, Outgoing, Received};
use crate::log::Level;
pub use conversions::Conversions;
use objects::Objects;
pub use prepared::Prepared;
pub use reply::Reply;

/// A request that a hook sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its method.
    pub method: Method,
    /// Its URL.
    pub url: String,
    /// Its headers, in their order, by their names in lower case. A value that is no text shows a sign for what is not.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// How long the head of its answer would be waited for.
    pub timeout: Duration,
}

impl Sent {
    /// The first header of a name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// A host for native tests. A clone is the same one.
#[derive(Debug, Clone, Default)]
pub struct FakeHost {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: Objects,
    replies: Vec<(Method, String, Reply)>,
    lines: Vec<(Level, String)>,
    sent: Vec<Sent>,
    calls: u32,
}

impl FakeHost {
    /// A host that has nothing and denies everything but the log.
    pub fn new() -> Self {
        Self::default()
    }

    /// An object of the cluster, with `apiVersion`, `kind` and `metadata.name`. Its kind can then be read, in its namespace. Without
    /// `metadata.namespace` it is there whatever the resource's namespace is.
    #[must_use]
    pub fn object(self, object: impl Into<Value>) -> Self {
        self.state.borrow_mut().objects.add(object.into());
        self
    }

    /// A kind that can be read in the resource's namespace, though there may be no object of it.
    #[must_use]
    pub fn readable(self, kind: Kind) -> Self {
        self.state.borrow_mut().objects.readable(&kind, None);
        self
    }

    /// A kind that can be read in another namespace.
    #[must_use]
    pub fn readable_in(self, kind: Kind, namespace: &str) -> Self {
        self.state.borrow_mut().objects.readable(&kind, Some(namespace));
        self
    }

    /// A kind of which no object is known at the moment: each read is [`ReadFailure::Unavailable`].
    #[must_use]
    pub fn unavailable(self, kind: Kind) -> Self {
        self.state.borrow_mut().objects.unavailable(&kind);
        self
    }

    /// What a request of this method and URL, letter by letter, is answered with, however often. The last one that was prepared counts.
    #[must_use]
    pub fn reply(self, method: Method, url: &str, reply: Reply) -> Self {
        self.state.borrow_mut().replies.push((method, url.to_owned(), reply));
        self
    }

    /// A call with a resource; its inputs, children and the rest are said on what comes back.
    pub fn call(&self, resource: impl Into<Value>) -> Prepared {
        Prepared::new(self.clone(), resource.into())
    }

    /// A batch of conversions to a version; its objects are said on what comes back.
    pub fn conversions(&self, version: &str) -> Conversions {
        Conversions::new(self.clone(), version)
    }

    /// The lines that were written to the log so far.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.state.borrow().lines.clone()
    }

    /// The requests that were sent so far, also those that were denied.
    pub fn sent(&self) -> Vec<Sent> {
        self.state.borrow().sent.clone()
    }

    /// How many host calls were made so far. The runtime ends a call after 100.
    pub fn host_calls(&self) -> u32 {
        self.state.borrow().calls
    }
}

/// A test's host, as one call sees it.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    host: FakeHost,
    /// The resource's.
    namespace: Option<String>,
}

impl Host for Current {
    fn log(&self, level: Level, message: &str) {
        let mut state = self.host.state.borrow_mut();
        state.calls += 1;
        state.lines.push((level, message.to_owned()));
    }

    fn get(&self, scope: &Scope, name: &str, fields: &[String]) -> Result<Vec<u8>, ReadFailure> {
        let mut state = self.host.state.borrow_mut();
        state.calls += 1;
        state.objects.get(scope, self.namespace.as_deref(), name, fields)
    }

    fn list(&self, scope: &Scope, labels: &[(String, String)], fields: &[String]) -> Result<Vec<Vec<u8>>, ReadFailure> {
        let mut state = self.host.state.borrow_mut();
        state.calls += 1;
        state.objects.list(scope, self.namespace.as_deref(), labels, fields)
    }

    fn send(&self, request: &Outgoing) -> Result<Received, HttpFailure> {
        let mut state = self.host.state.borrow_mut();
        state.calls += 1;
        let (method, url) = (request.method, request.url.to_string());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect();
        state.sent.push(Sent {
            method,
            url: url.clone(),
            headers,
            body: request.body.clone(),
            timeout: request.timeout,
        });
        let same = |known: &str| known == url || format!("{known}/") == url;
        match state.replies.iter().rev().find(|(known, text, _)| *known == method && same(text)) {
            Some((_, _, reply)) => reply.received(request),
            None => Err(HttpFailure::AccessDenied(format!("the test has no reply to {method} {url}"))),
        }
    }
}
