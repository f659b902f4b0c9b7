//! The resources of a cluster under the schema of a new definition.

use orkestra_operator::upgrade::Onlooker;
use orkestra_pattern::model::Entry;
use serde_json::Value;

use super::judge::name_of;
use super::refuses;
use crate::error::Error;
use crate::proof;

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

/// Reads every resource in a version that both definitions have, the new one's stored version if it can be; one in another version
/// is converted to that by the new pattern.
pub(super) async fn look(
    onlooker: &Onlooker,
    live: &Value,
    new: &Value,
    converter: Option<&Converter<'_>>,
) -> Result<Live, Error> {
    let text = |pointer: &str| new.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = Live { definition: name_of(new), kind: text("/spec/names/kind"), ..Live::default() };
    let Some((version, schema)) = version(live, new) else { return Ok(found) };
    let mut visit = |resource: &Value| {
        let mut findings = refuses::resource(resource, schema);
        if let Some(converter) = converter {
            converter.judge(resource, version, new, &mut findings);
        }
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

/// The new pattern's component, for one kind.
pub(super) struct Converter<'a> {
    pub(super) pattern: &'a orkestra_sandbox::Pattern,
    pub(super) entry: &'a Entry,
}

impl Converter<'_> {
    /// What becomes of a resource in the version that the new pattern stores.
    fn judge(&self, resource: &Value, version: &str, new: &Value, findings: &mut refuses::Findings) {
        let Some(stored) = self.entry.versions.first().map(|version| version.name.as_str()) else { return };
        if stored == version {
            return;
        }
        let made = proof::one(self.pattern, &self.entry.name, stored, resource.to_string().as_bytes());
        let made = made.map_err(|failure| failure.to_string());
        let made =
            made.and_then(|made| serde_json::from_slice::<Value>(&made.object).map_err(|error| error.to_string()));
        match (made, schema(new, stored)) {
            (Err(why), _) => findings.refused.push(format!("cannot be converted to {stored}: {why}")),
            (Ok(made), Some(schema)) => {
                let refuses::Findings { refused, lost } = refuses::resource(&made, schema);
                findings.refused.extend(refused.into_iter().map(|why| format!("in {stored} {why}")));
                findings.lost.extend(lost.into_iter().map(|path| format!("in {stored} {path}")));
            }
            (Ok(_), None) => {}
        }
    }
}

fn schema<'a>(definition: &'a Value, version: &str) -> Option<&'a Value> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    versions.iter().find(|found| found["name"] == version)?.pointer("/schema/openAPIV3Schema")
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
