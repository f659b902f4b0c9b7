//! Manifests and indexes: `GET` and `PUT /v2/<name>/manifests/<reference>`.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use super::endpoint::Endpoint;
use super::send::Ask;
use super::{Action, HttpError, Inner};
use crate::error::Error;
use crate::oci::{Envelope, INDEX_MEDIA_TYPE, fallback_tag};
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, MAX_MANIFEST, RawManifest};

/// What is taken. Docker's own types too: they are told apart from patterns by whoever reads them, with a better message.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

pub(super) async fn read(
    inner: &Inner,
    repository: &Repository,
    manifest: &ManifestRef,
) -> Result<Option<RawManifest>, Error> {
    let endpoint = Endpoint::of(repository, &inner.options)?;
    read_at(inner, &endpoint, manifest).await
}

pub(super) async fn read_at(
    inner: &Inner,
    endpoint: &Endpoint,
    manifest: &ManifestRef,
) -> Result<Option<RawManifest>, Error> {
    let url = endpoint.url(&format!("manifests/{manifest}"))?;
    let what = format!("the manifest {}/{} {manifest}", endpoint.host, endpoint.path);
    let mut ask = Ask::new(endpoint, Action::Pull, Method::GET, url, what);
    ask.headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    let answer = inner.fetch(&ask, MAX_MANIFEST).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let answer = answer.success(&ask)?;
    let written = answer.headers.get(CONTENT_TYPE).and_then(|media_type| media_type.to_str().ok());
    let media_type = match written.map(|written| written.split(';').next().unwrap_or_default().trim()) {
        Some(media_type) if !media_type.is_empty() => media_type.to_owned(),
        _ => return Err(HttpError::Incomplete { what: ask.what, missing: "`Content-Type`" }.into()),
    };
    Ok(Some(RawManifest { media_type, bytes: answer.body }))
}

pub(super) async fn write(
    inner: &Inner,
    repository: &Repository,
    manifest: &ManifestRef,
    media_type: &str,
    bytes: Bytes,
) -> Result<(), Error> {
    let endpoint = Endpoint::of(repository, &inner.options)?;
    let envelope = Envelope::read(&bytes, || format!("the manifest for {repository} {manifest}"))?;
    let listed = write_at(inner, &endpoint, manifest, media_type, bytes.clone()).await?;
    match envelope.subject {
        Some(ref subject) if !listed => {
            list_by_tag(inner, &endpoint, subject, envelope.describe(media_type, &bytes)).await
        }
        _ => Ok(()),
    }
}

/// Writes a manifest, and says whether the registry lists it among its subject's referrers by itself.
async fn write_at(
    inner: &Inner,
    endpoint: &Endpoint,
    manifest: &ManifestRef,
    media_type: &str,
    bytes: Bytes,
) -> Result<bool, Error> {
    let url = endpoint.url(&format!("manifests/{manifest}"))?;
    let what = format!("writing the manifest {}/{} {manifest}", endpoint.host, endpoint.path);
    let mut ask = Ask::new(endpoint, Action::Push, Method::PUT, url, what);
    let media_type = HeaderValue::from_str(media_type).map_err(|_| HttpError::Incomplete {
        what: ask.what.clone(),
        missing: "a media type that a header can have",
    })?;
    ask.headers.insert(CONTENT_TYPE, media_type);
    ask.body = Some(bytes);
    let answer = inner.fetch(&ask, MAX_MANIFEST).await?.success(&ask)?;
    Ok(answer.headers.contains_key("oci-subject"))
}

/// Keeps the index that stands in for the referrers API. Two writers at once can lose one of the two entries, which the
/// specification accepts; writing again lists it.
async fn list_by_tag(
    inner: &Inner,
    endpoint: &Endpoint,
    subject: &Descriptor,
    referrer: Descriptor,
) -> Result<(), Error> {
    let tag = ManifestRef::Tag(fallback_tag(&subject.digest));
    let mut manifests = match read_at(inner, endpoint, &tag).await? {
        Some(index) => Envelope::read(&index.bytes, || format!("the index {tag}"))?.manifests,
        None => Vec::new(),
    };
    if manifests.iter().any(|known| known.digest == referrer.digest) {
        return Ok(());
    }
    manifests.push(referrer);
    let index = serde_json::json!({ "schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": manifests });
    write_at(inner, endpoint, &tag, INDEX_MEDIA_TYPE, index.to_string().into()).await.map(|_| ())
}
