//! The resources of a cluster under the schema of a new definition.

use orkestra_operator::upgrade::Onlooker;
use serde_json::Value;

use super::judge::name_of;
use super::refuses;
use crate::error::Error;

/// Resources that are named, of all that are counted.
const NAMED: usize = 20;

/// What a new definition means for the resources that are there.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// `plural.group`
    pub(super) definition: String,
    pub(super) kind: String,
    /// The version in which they were read; none where no version is in both definitions, so that nothing can be said.
    pub(super) version: Option<String>,
    pub(super) resources: u64,
    pub(super) refused: u64,
    pub(super) loses: u64,
    /// The first of those, each with why.
    pub(super) named: Vec<Named>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Named {
    /// `namespace/name`, or `name`.
    pub(super) resource: String,
    pub(super) refused: Vec<String>,
    pub(super) lost: Vec<String>,
}

/// Reads every resource in a version that both definitions have, the new one's stored version if it can be.
pub(super) async fn look(onlooker: &Onlooker, live: &Value, new: &Value) -> Result<Live, Error> {
    let text = |pointer: &str| new.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = Live { definition: name_of(new), kind: text("/spec/names/kind"), ..Live::default() };
    let Some((version, schema)) = version(live, new) else { return Ok(found) };
    let mut visit = |resource: &Value| {
        let findings = refuses::resource(resource, schema);
        found.refused += u64::from(!findings.refused.is_empty());
        found.loses += u64::from(!findings.lost.is_empty());
        if found.named.len() < NAMED && findings != refuses::Findings::default() {
            let text = |name: &str| resource["metadata"][name].as_str().unwrap_or_default();
            let resource = [text("namespace"), text("name")].join("/").trim_start_matches('/').to_owned();
            found.named.push(Named { resource, refused: findings.refused, lost: findings.lost });
        }
    };
    let counted = onlooker.each(&text("/spec/group"), version, &text("/spec/names/plural"), &mut visit).await;
    found.resources = counted.map_err(|error| Error::Cluster(error.into()))?;
    found.version = Some(version.to_owned());
    Ok(found)
}

/// A version that the cluster serves and the new definition has, with its new schema.
fn version<'a>(live: &'a Value, new: &'a Value) -> Option<(&'a str, &'a Value)> {
    let versions = |definition: &'a Value| {
        definition.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    };
    let served =
        |name: &Value| versions(live).iter().any(|version| version["name"] == *name && version["served"] == true);
    let both = || versions(new).iter().filter(|version| served(&version["name"]));
    let found = both().find(|version| version["storage"] == true).or(both().next())?;
    Some((found["name"].as_str()?, found.pointer("/schema/openAPIV3Schema")?))
}
