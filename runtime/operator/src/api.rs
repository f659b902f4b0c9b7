//! Requests to the API server: raw bytes both ways, an identity and a time limit on every one.

use std::sync::Arc;
use std::time::Duration;

use futures::AsyncBufRead;
use http::{Method, Request};
use kube::client::Body;
use serde::Deserialize;

use crate::error::{ApiError, Cause, Refusal};
use crate::identity::Identity;
use crate::rehearsal::Rehearsal;
use crate::standing::Standing;

/// Server-side apply. The API server reads YAML there, of which JSON is a part.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
/// RFC 7386.
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
/// A whole object.
pub(crate) const JSON: &str = "application/json";

/// Asks that a write be checked and answered, and not done.
pub(crate) const DRY_RUN: &str = "dryRun=All";
/// Asks for an object's metadata without the rest.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// A client with a time limit.
#[derive(Clone)]
pub(crate) struct Api {
    client: kube::Client,
    time_limit: Duration,
    /// Where writes are only tried out: what they would do.
    rehearsal: Option<Arc<Rehearsal>>,
    /// Where others may write: whether this process may now.
    standing: Option<Arc<Standing>>,
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 200 and 201 mean different things to an apply.
    pub(crate) code: u16,
    /// As sent.
    pub(crate) body: Vec<u8>,
}

/// What to send.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// On whose behalf.
    pub(crate) identity: &'a Identity,
    /// Its verb.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: &'a str,
    /// Empty where there is no body.
    pub(crate) content_type: &'static str,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(client: kube::Client, time_limit: Duration) -> Self {
        Self { client, time_limit, rehearsal: None, standing: None }
    }

    /// The same client, whose writes are only tried out: the API server is told so with each of them.
    pub(crate) fn rehearsing(self) -> Self {
        Self { rehearsal: Some(Arc::default()), ..self }
    }

    /// The same client, which writes while this process leads and refuses to otherwise.
    pub(crate) fn led_by(self, standing: Arc<Standing>) -> Self {
        Self { standing: Some(standing), ..self }
    }

    /// What the writes would have done, where they are only tried out.
    pub(crate) fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_deref()
    }

    /// Sends and reads the whole answer, all within the time limit.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, ApiError> {
        if call.method == Method::GET {
            return self.exchange(call, None).await;
        }
        let Some(standing) = &self.standing else { return self.write(call).await };
        let what = format!("{} {}", call.method, call.path);
        if !standing.may_write() {
            return Err(ApiError::NotLeading { what });
        }
        tokio::select! {
            // An answer that is there counts.
            biased;
            answer = self.write(call) => answer,
            () = standing.over() => Err(ApiError::NotLeading { what }),
        }
    }

    /// Asks something that takes a POST and changes nothing: who does not lead may do so, too.
    pub(crate) async fn ask(&self, call: Call<'_>) -> Result<Answer, ApiError> {
        self.exchange(call, None).await
    }

    async fn write(&self, call: Call<'_>) -> Result<Answer, ApiError> {
        match &self.rehearsal {
            Some(rehearsal) => self.rehearse(rehearsal, call).await,
            None => self.exchange(call, None).await,
        }
    }

    /// Tries a write out, and takes down what it would change.
    async fn rehearse(&self, rehearsal: &Rehearsal, call: Call<'_>) -> Result<Answer, ApiError> {
        let (object, query) = call.path.split_once('?').unwrap_or((call.path, ""));
        // What is tried out also otherwise is a question, not a write.
        if query.contains(DRY_RUN) {
            return self.exchange(call, None).await;
        }
        let before = match call.method == Method::POST {
            true => None,
            false => self.get_optional(call.identity, whole(object)).await?,
        };
        let path = format!("{object}?{query}{}{DRY_RUN}", if query.is_empty() { "" } else { "&" });
        let deletes = call.method == Method::DELETE;
        let answer = self.exchange(Call { path: &path, ..call }, None).await?;
        rehearsal.note(object, before.as_ref().map(|before| &*before.body), (!deletes).then_some(&*answer.body));
        Ok(answer)
    }

    async fn exchange(&self, call: Call<'_>, accept: Option<&'static str>) -> Result<Answer, ApiError> {
        let what = || format!("{} {}", call.method, call.path);
        let mut request = Request::builder().method(&call.method).uri(call.path);
        if !call.content_type.is_empty() {
            request = request.header(http::header::CONTENT_TYPE, call.content_type);
        }
        if let Some(accept) = accept {
            request = request.header(http::header::ACCEPT, accept);
        }
        if let Some((name, value)) = call.identity.header() {
            request = request.header(name, value);
        }
        let request = request
            .body(Body::from(call.body))
            .map_err(|error| ApiError::Unreadable { what: what(), message: error.to_string() })?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| unreachable(what(), &error))?;
            let code = response.status().as_u16();
            let retry_after = response
                .headers()
                .get(http::header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs);
            let body = response.into_body().collect_bytes().await.map_err(|error| unreachable(what(), &error))?;
            if code >= 400 {
                let refusal = Box::new(read_refusal(code, &body, retry_after));
                return Err(ApiError::Refused { what: what(), refusal });
            }
            Ok(Answer { code, body: body.to_vec() })
        };
        match tokio::time::timeout(self.time_limit, exchange).await {
            Ok(result) => result,
            Err(_) => Err(ApiError::TimedOut { what: what(), after: self.time_limit }),
        }
    }

    /// A GET as the given identity.
    pub(crate) async fn get(&self, identity: &Identity, path: &str) -> Result<Answer, ApiError> {
        let call = Call { identity, method: Method::GET, path, content_type: "", body: Vec::new() };
        self.exchange(call, None).await
    }

    /// A GET that may find nothing.
    pub(crate) async fn get_optional(&self, identity: &Identity, path: &str) -> Result<Option<Answer>, ApiError> {
        optional(self.get(identity, path).await)
    }

    /// The same for the metadata alone: what else the object holds is not sent.
    pub(crate) async fn get_metadata(&self, identity: &Identity, path: &str) -> Result<Option<Answer>, ApiError> {
        let call = Call { identity, method: Method::GET, path, content_type: "", body: Vec::new() };
        optional(self.exchange(call, Some(METADATA_ONLY)).await)
    }

    /// A GET, parsed.
    pub(crate) async fn get_as<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, ApiError> {
        let answer = self.get(&Identity::Process, path).await?;
        read_as(&answer.body, || format!("GET {path}"))
    }

    /// Opens a stream of lines. Only the opening is limited in time; reading must be limited by the caller.
    pub(crate) async fn open(&self, path: &str) -> Result<impl AsyncBufRead + Send + Unpin + use<>, ApiError> {
        let what = || format!("GET {path}");
        let request = Request::get(path)
            // A compressed watch would arrive in blocks, and so late.
            .header(http::header::ACCEPT_ENCODING, "identity")
            .body(Vec::new())
            .map_err(|error| ApiError::Unreadable { what: what(), message: error.to_string() })?;
        match tokio::time::timeout(self.time_limit, self.client.request_stream(request)).await {
            Ok(Ok(stream)) => Ok(Box::pin(stream)),
            Ok(Err(error)) => Err(unreachable(what(), &error)),
            Err(_) => Err(ApiError::TimedOut { what: what(), after: self.time_limit }),
        }
    }
}

/// The path of the object that `path` is about, without a subresource: it takes other rights to read one.
fn whole(path: &str) -> &str {
    // `/api/VERSION` or `/apis/GROUP/VERSION`, then pairs of a resource and a name.
    let fixed = if path.starts_with("/apis/") { 4 } else { 3 };
    match path.rsplit_once('/') {
        Some((whole, _)) if path.split('/').count() % 2 != fixed % 2 => whole,
        _ => path,
    }
}

fn optional(answer: Result<Answer, ApiError>) -> Result<Option<Answer>, ApiError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Parses an answer.
pub(crate) fn read_as<'a, T: Deserialize<'a>>(body: &'a [u8], what: impl Fn() -> String) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Unreadable { what: what(), message: error.to_string() })
}

fn unreachable(what: String, error: &kube::Error) -> ApiError {
    if let kube::Error::Api(status) = error {
        let refusal = Refusal {
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
            ..Refusal::default()
        };
        return ApiError::Refused { what, refusal: Box::new(refusal) };
    }
    // The outer text often says only "error sending request"; the causes say what happened.
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    ApiError::Unreachable { what, message }
}

fn read_refusal(code: u16, body: &[u8], retry_after: Option<Duration>) -> Refusal {
    #[derive(Deserialize, Default)]
    struct Details {
        #[serde(default)]
        causes: Vec<Cause>,
    }
    #[derive(Deserialize, Default)]
    struct Metadata {
        #[serde(default, rename = "continue")]
        next: String,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        reason: String,
        #[serde(default)]
        message: String,
        details: Option<Details>,
        #[serde(default)]
        metadata: Metadata,
    }
    match serde_json::from_slice::<Status>(body) {
        Ok(status) => Refusal {
            code,
            reason: status.reason,
            message: status.message,
            causes: status.details.unwrap_or_default().causes,
            retry_after,
            next: Some(status.metadata.next).filter(|next| !next.is_empty()),
        },
        // A proxy in between answers in its own words.
        Err(_) => {
            let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
            Refusal { code, message: text.trim().to_owned(), retry_after, ..Refusal::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_of_a_path_is_what_the_path_says_without_a_subresource() {
        for object in [
            "/api/v1/namespaces/n",
            "/api/v1/namespaces/n/configmaps/status",
            "/apis/g/v1/namespaces/n/webs/w",
            "/apis/g/v1/webs/w",
            "/apis/g/v1/webs/status",
        ] {
            assert_eq!(whole(object), object);
            assert_eq!(whole(&format!("{object}/status")), object);
        }
    }
}
