//! Blobs: fetched in one stream that goes on where it broke, and uploaded in one piece.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode};

use super::endpoint::Endpoint;
use super::send::Ask;
use super::{Action, HttpError, Inner};
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::Repository;
use crate::registry::Descriptor;

/// How many redirects lead to a blob.
const MOST_REDIRECTS: usize = 5;
/// How often a stream goes on after it broke, and an upload begins anew.
const MOST_RESUMES: u32 = 5;
const MOST_UPLOADS: u32 = 3;
/// How much of the answers to uploads is read.
const MAX_ANSWER: u64 = 64 << 10;

/// A stream of one blob, and what is needed to go on.
struct Download {
    inner: Arc<Inner>,
    endpoint: Endpoint,
    digest: Digest,
    size: u64,
    /// Bytes that were given on.
    offset: u64,
    /// Bytes to leave out because they were given on before a restart.
    skip: u64,
    resumes: u32,
    response: Option<Response>,
}

pub(super) async fn read(
    inner: &Arc<Inner>,
    repository: &Repository,
    blob: &Descriptor,
) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
    let endpoint = Endpoint::of(repository, &inner.options)?;
    let Some(response) = open(inner, &endpoint, &blob.digest, 0).await? else { return Ok(None) };
    let download = Download {
        inner: inner.clone(),
        endpoint,
        digest: blob.digest,
        size: blob.size,
        offset: 0,
        skip: 0,
        resumes: 0,
        response: Some(response),
    };
    Ok(Some(stream::try_unfold(download, next).boxed()))
}

/// The next bytes.
async fn next(mut download: Download) -> Result<Option<(Bytes, Download)>, Error> {
    loop {
        let Some(response) = &mut download.response else {
            download.resume().await?;
            continue;
        };
        match response.chunk().await {
            Ok(Some(mut chunk)) => {
                let skipped = download.skip.min(chunk.len() as u64);
                let _ = chunk.split_to(usize::try_from(skipped).unwrap_or(chunk.len()));
                download.skip -= skipped;
                if chunk.is_empty() {
                    continue;
                }
                download.offset += chunk.len() as u64;
                return Ok(Some((chunk, download)));
            }
            Ok(None) if download.offset >= download.size => return Ok(None),
            Ok(None) if download.resumes >= MOST_RESUMES => return Ok(None),
            Err(error) if download.resumes >= MOST_RESUMES => {
                let (what, tries) = (what(&download.endpoint, &download.digest), download.resumes + 1);
                return Err(HttpError::Unreachable { what, tries, error: error.without_url() }.into());
            }
            Ok(None) | Err(_) => download.response = None,
        }
    }
}

impl Download {
    /// Goes on after what was given on, or begins again and leaves that out where the registry knows no ranges.
    async fn resume(&mut self) -> Result<(), Error> {
        self.resumes += 1;
        tracing::debug!(digest = %self.digest, offset = self.offset, "a download broke and goes on");
        tokio::time::sleep(self.inner.pause(self.resumes, None)).await;
        let missing = || Error::NotFound { what: what(&self.endpoint, &self.digest) };
        let response = open(&self.inner, &self.endpoint, &self.digest, self.offset).await?.ok_or_else(missing)?;
        let continues = response.status() == StatusCode::PARTIAL_CONTENT
            && response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).is_some_and(|range| {
                range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse().ok())
                    == Some(self.offset)
            });
        self.skip = match (continues, response.status()) {
            (true, _) => 0,
            (false, StatusCode::OK) => self.offset,
            (false, _) => {
                let (what, missing) = (what(&self.endpoint, &self.digest), "the range that was asked for");
                return Err(HttpError::Incomplete { what, missing }.into());
            }
        };
        self.response = Some(response);
        Ok(())
    }
}

fn what(endpoint: &Endpoint, digest: &Digest) -> String {
    format!("the blob {}/{}@{digest}", endpoint.host, endpoint.path)
}

/// Asks for a blob from `offset` on, and follows to where its bytes lie. Nothing that tells who we are goes along.
async fn open(inner: &Inner, endpoint: &Endpoint, digest: &Digest, offset: u64) -> Result<Option<Response>, Error> {
    let url = endpoint.url(&format!("blobs/{digest}"))?;
    let mut ask = Ask::new(endpoint, Action::Pull, Method::GET, url, what(endpoint, digest));
    if offset > 0 {
        ask.headers.extend(HeaderValue::from_str(&format!("bytes={offset}-")).map(|range| (RANGE, range)));
    }
    for _ in 0..=MOST_REDIRECTS {
        let response = inner.send(&ask).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status.is_success() {
            return Ok(Some(response));
        }
        // Some registries know no range without an end. Then it is the whole again.
        if status == StatusCode::RANGE_NOT_SATISFIABLE && ask.headers.remove(RANGE).is_some() {
            continue;
        }
        let said = location(response.headers());
        if !status.is_redirection() || said.is_none() {
            return Err(ask.refused(status, Default::default()));
        }
        let said = said.unwrap_or_default();
        let wrong = |problem| HttpError::ForeignRedirect { what: ask.what.clone(), said: said.clone(), problem };
        let url = response.url().join(&said).map_err(|_| wrong("it is no address"))?;
        if !endpoint.may_lead_to(&url) {
            return Err(wrong("it is not https").into());
        }
        ask.url = url;
        ask.action = None;
    }
    let problem = "it is one redirect too many";
    let said = ask.url.host_str().unwrap_or_default().to_owned();
    Err(HttpError::ForeignRedirect { what: ask.what, said, problem }.into())
}

fn location(headers: &HeaderMap) -> Option<String> {
    headers.get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned)
}

pub(super) async fn write(
    inner: &Inner,
    repository: &Repository,
    blob: &Descriptor,
    bytes: Bytes,
) -> Result<(), Error> {
    let endpoint = Endpoint::of(repository, &inner.options)?;
    let what = format!("uploading {}", what(&endpoint, &blob.digest));
    let found = Digest::of(&bytes);
    if found != blob.digest {
        return Err(Error::DigestMismatch { what, expected: blob.digest, found });
    }
    let mut uploads = 1;
    loop {
        let url = endpoint.url(&format!("blobs/{}", blob.digest))?;
        // With the rights to push, so that one token serves for this and what follows.
        let ask = Ask::new(&endpoint, Action::Push, Method::HEAD, url, what.clone());
        if inner.send(&ask).await?.status() == StatusCode::OK {
            return Ok(());
        }
        match upload(inner, &endpoint, &what, blob, bytes.clone()).await {
            // A session that broke is gone; the blob may have arrived all the same.
            Err(Error::Http(HttpError::Refused { status: 404 | 416, .. })) if uploads < MOST_UPLOADS => uploads += 1,
            uploaded => return uploaded,
        }
    }
}

async fn upload(inner: &Inner, endpoint: &Endpoint, what: &str, blob: &Descriptor, bytes: Bytes) -> Result<(), Error> {
    let url = endpoint.url("blobs/uploads/")?;
    let mut ask = Ask::new(endpoint, Action::Push, Method::POST, url, what.to_owned());
    ask.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    let answer = inner.fetch(&ask, MAX_ANSWER).await?.success(&ask)?;
    let missing = || HttpError::Incomplete { what: what.to_owned(), missing: "`Location`, where to upload to" };
    let said = location(&answer.headers).ok_or_else(missing)?;
    let mut url = endpoint.own(what, &answer.url, &said)?;
    url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
    let mut ask = Ask::new(endpoint, Action::Push, Method::PUT, url, what.to_owned());
    ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    ask.body = Some(bytes);
    inner.fetch(&ask, MAX_ANSWER).await?.success(&ask).map(|_| ())
}
