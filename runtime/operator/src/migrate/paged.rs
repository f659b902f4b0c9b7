//! Migration in pages: each object is patched with nothing but its own UID and version, which makes the API server store it
//! anew, in the storage version.

use std::time::Duration;

use futures::StreamExt;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::judge::{self, Target};
use super::record::{Record, Records};
use super::{How, Migrate, MigrateError, Progress, read};
use crate::api::{Api, Call, MERGE_PATCH};
use crate::backoff::Backoff;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::limit::RateLimit;
use crate::names;
use crate::survey::DEFINITIONS;

/// Objects of a page. After each it is written down how far it came.
const PAGE: u32 = 200;
/// Objects that are patched at the same time.
const AT_ONCE: usize = 8;
/// How often something is tried that may well succeed the next time.
const TRIES: u32 = 6;
/// Objects that are named with why they were refused.
const NAMED: usize = 10;

#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
    remaining_item_count: Option<u64>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    uid: String,
    resource_version: String,
}

/// Rewrites all objects and says so in the definition's status.
pub(crate) async fn migrate(
    api: &Api,
    target: &Target,
    how: &Migrate,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(How, Option<u64>), MigrateError> {
    let records = Records { api, namespace: &how.own_namespace };
    let mut record = records.of(target).await?.unwrap_or_else(|| Record::begun(target));
    if record.done && target.stored == [target.storage.clone()] {
        return Ok((How::Already, Some(record.objects)));
    }
    if !record.next.is_empty() {
        tell(Progress::Resumed { definition: &target.name, objects: record.objects });
    }
    if record.done {
        record = Record::begun(target);
    }
    let limit = RateLimit::new(how.per_second, how.per_second / 10);
    let (mut refused, mut named) = (0, Vec::new());
    loop {
        let page = page(api, target, &mut record).await?;
        let patches = page.items.iter().map(|item| rewrite(api, target, &limit, &item.metadata));
        let mut results = futures::stream::iter(patches).buffer_unordered(AT_ONCE);
        while let Some(result) = results.next().await {
            if let Some(why) = result? {
                refused += 1;
                named.push(why);
                named.truncate(NAMED);
            }
        }
        record.objects += u64::try_from(page.items.len()).unwrap_or_default();
        record.next = page.metadata.next;
        let left = page.metadata.remaining_item_count.or_else(|| record.next.is_empty().then_some(0));
        tell(Progress::Page { definition: &target.name, objects: record.objects, left });
        if record.next.is_empty() {
            break;
        }
        // Of a run with refused objects nothing is kept: they must be looked at again, and only they are written.
        if refused == 0 {
            records.keep(target, &record).await?;
        }
    }
    if refused > 0 {
        records.keep(target, &Record::begun(target)).await?;
        return Err(MigrateError::Refused { definition: target.name.clone(), count: refused, objects: named });
    }
    trim(api, target).await?;
    record.done = true;
    records.keep(target, &record).await?;
    Ok((How::Paged, Some(record.objects)))
}

/// The next page. A token that is too old is answered with another one, which goes on at the same object: what was made since
/// is in the storage version by itself.
async fn page(api: &Api, target: &Target, record: &mut Record) -> Result<Page, MigrateError> {
    let Target { group, read, plural, .. } = target;
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    let mut tries = 0;
    loop {
        let follow = if record.next.is_empty() { String::new() } else { format!("&continue={}", record.next) };
        let error = match api.get_as::<Page>(&format!("/apis/{group}/{read}/{plural}?limit={PAGE}{follow}")).await {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        tries += 1;
        match &error {
            ApiError::Refused { refusal, .. } if refusal.code == 410 && tries < TRIES => {
                // None: from the beginning, which does no harm.
                record.next = refusal.next.clone().unwrap_or_default();
            }
            error if error.transient() && tries < TRIES => tokio::time::sleep(backoff.next()).await,
            _ => return Err(error.into()),
        }
    }
}

/// Stores one object anew; or says why the API server refuses to.
async fn rewrite(
    api: &Api,
    target: &Target,
    limit: &RateLimit,
    object: &Metadata,
) -> Result<Option<String>, MigrateError> {
    let Target { group, read, plural, .. } = target;
    let place = match &*object.namespace {
        "" => String::new(),
        namespace => format!("namespaces/{namespace}/"),
    };
    let manager = names::RUNTIME_MANAGER;
    let path = format!("/apis/{group}/{read}/{place}{plural}/{}?fieldManager={manager}", object.name);
    let body = json!({"metadata": {"uid": object.uid, "resourceVersion": object.resource_version}}).to_string();
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    for last in (0..TRIES).rev() {
        limit.acquire().await;
        let (identity, method, body) = (&Identity::Process, Method::PATCH, body.clone().into_bytes());
        match api.call(Call { identity, method, path: &path, content_type: MERGE_PATCH, body }).await {
            Ok(_) => return Ok(None),
            // Gone; or written by somebody else since it was read, which has stored it anew.
            Err(error) if matches!(error.code(), Some(404 | 409)) => return Ok(None),
            Err(ApiError::Refused { refusal, .. }) if matches!(refusal.code, 400 | 422) => {
                let place = if object.namespace.is_empty() { String::new() } else { format!("{}/", object.namespace) };
                return Ok(Some(format!("{place}{}: {}", object.name, refusal.message)));
            }
            Err(error) if error.transient() && last > 0 => tokio::time::sleep(backoff.next()).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Says in the definition's status that no other version is stored any more; tied to the state in which that is known.
async fn trim(api: &Api, target: &Target) -> Result<(), MigrateError> {
    for _ in 0..TRIES {
        let now = read(api, &target.name).await?;
        target.unchanged(&now)?;
        if judge::stored_versions(&now) == [target.storage.clone()] {
            return Ok(());
        }
        let body = json!({
            "metadata": {"uid": target.uid, "resourceVersion": now["metadata"]["resourceVersion"]},
            "status": {"storedVersions": [target.storage]},
        });
        let path = format!("{DEFINITIONS}/{}/status?fieldManager={}", target.name, names::RUNTIME_MANAGER);
        let (identity, method, body) = (&Identity::Process, Method::PATCH, body.to_string().into_bytes());
        match api.call(Call { identity, method, path: &path, content_type: MERGE_PATCH, body }).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some(409) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = "its status changes faster than it can be read".to_owned();
    Err(MigrateError::Unconfirmed { definition: target.name.clone(), message })
}
