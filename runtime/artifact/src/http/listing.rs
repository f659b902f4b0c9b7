//! Lists that come in pages: tags and referrers.

use reqwest::header::LINK;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::manifests::read_at;
use super::send::{Answer, Ask};
use super::{Action, HttpError, Inner};
use crate::digest::Digest;
use crate::error::Error;
use crate::oci::{Envelope, fallback_tag};
use crate::reference::{ManifestRef, Repository, is_tag};
use crate::registry::{Descriptor, MAX_MANIFEST, MAX_REFERRERS};

/// How many tags a repository may have, and on how many pages.
const MOST_TAGS: usize = 10_000;
const MOST_TAG_PAGES: usize = 100;
/// How many pages of referrers are read.
const MOST_REFERRER_PAGES: usize = 4;
/// How many tags are asked for at once.
const PAGE: usize = 1000;

pub(super) async fn tags(inner: &Inner, repository: &Repository) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Page {
        // Registries write `null` for a repository without tags.
        tags: Option<Vec<String>>,
    }
    let endpoint = Endpoint::of(repository, &inner.options)?;
    let what = format!("the tags of {}/{}", endpoint.host, endpoint.path);
    let too_many = |limit: usize| {
        let what = format!("{what} ({limit} at most): the list");
        Error::TooLarge { what, limit: MAX_MANIFEST * MOST_TAG_PAGES as u64 }
    };
    let mut next = Some(endpoint.url(&format!("tags/list?n={PAGE}"))?);
    let (mut tags, mut pages) = (Vec::new(), 0);
    while let Some(url) = next {
        pages += 1;
        if pages > MOST_TAG_PAGES {
            return Err(too_many(MOST_TAG_PAGES));
        }
        let ask = Ask::new(&endpoint, Action::Pull, Method::GET, url, what.clone());
        let answer = inner.fetch(&ask, MAX_MANIFEST).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let answer = answer.success(&ask)?;
        let page: Page = crate::json::read(&answer.body).map_err(|error| Error::Json { what: what.clone(), error })?;
        // What is no tag cannot be asked for.
        tags.extend(page.tags.unwrap_or_default().into_iter().filter(|tag| is_tag(tag)));
        if tags.len() > MOST_TAGS {
            return Err(too_many(MOST_TAGS));
        }
        next = next_page(&endpoint, &ask, &answer)?;
    }
    Ok(tags)
}

pub(super) async fn referrers(
    inner: &Inner,
    repository: &Repository,
    subject: &Digest,
) -> Result<Vec<Descriptor>, Error> {
    let endpoint = Endpoint::of(repository, &inner.options)?;
    let what = format!("the referrers of {}/{}@{subject}", endpoint.host, endpoint.path);
    let mut next = Some(endpoint.url(&format!("referrers/{subject}"))?);
    let (mut found, mut pages): (Vec<Descriptor>, _) = (Vec::new(), 0);
    while let Some(url) = next {
        pages += 1;
        let ask = Ask::new(&endpoint, Action::Pull, Method::GET, url, what.clone());
        let answer = inner.fetch(&ask, MAX_MANIFEST).await?;
        // 404 is the specification's word for a registry without the API; some say that they do not know the method or address.
        let lacking = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::BAD_REQUEST];
        if pages == 1 && lacking.contains(&answer.status) {
            let tag = ManifestRef::Tag(fallback_tag(subject));
            if let Some(index) = read_at(inner, &endpoint, &tag).await? {
                found = Envelope::read(&index.bytes, || what.clone())?.manifests;
            }
            break;
        }
        let answer = answer.success(&ask)?;
        found.extend(Envelope::read(&answer.body, || what.clone())?.manifests);
        if pages == MOST_REFERRER_PAGES || found.len() >= MAX_REFERRERS {
            break;
        }
        next = next_page(&endpoint, &ask, &answer)?;
    }
    if found.len() > MAX_REFERRERS {
        tracing::warn!(what, found = found.len(), limit = MAX_REFERRERS, "the others are left out");
        found.truncate(MAX_REFERRERS);
    }
    Ok(found)
}

/// Where the next page is: `Link: </v2/…>; rel="next"`, on the registry's own host.
fn next_page(endpoint: &Endpoint, ask: &Ask<'_>, answer: &Answer) -> Result<Option<Url>, Error> {
    let Some(link) = answer.headers.get(LINK) else { return Ok(None) };
    let parts = link.to_str().ok().and_then(|text| text.trim().strip_prefix('<')?.split_once('>'));
    let Some((target, parameters)) = parts else {
        return Err(HttpError::Incomplete { what: ask.what.clone(), missing: "a `Link` that can be read" }.into());
    };
    let is_next = parameters.split(';').any(|parameter| {
        let parameter = parameter.trim().to_ascii_lowercase();
        parameter == "rel=\"next\"" || parameter == "rel=next"
    });
    match is_next {
        true => endpoint.own(&ask.what, &answer.url, target).map(Some),
        false => Ok(None),
    }
}
