//! A pattern directory as an artifact: its files, its component and what the config says of them.

use std::collections::{BTreeMap, BTreeSet};

use orkestra_artifact::config::{Engine, ServedKind, Tests};
use orkestra_artifact::{Config, Contents, Listing, Package, Role, pack};
use orkestra_pattern::model::Pattern;
use serde_json::Value;

use crate::error::Error;
use crate::pattern_dir::PatternDir;

/// Packs a checked pattern with its component.
pub(crate) fn package(files: &PatternDir, pattern: &Pattern, tests: Tests) -> Result<Package, Error> {
    let compiled = orkestra_compile::compile(pattern).map_err(|error| Error::Compile(error.into()))?;
    let declared = orkestra_component::decode(&compiled.component).map_err(|error| Error::Compile(error.into()))?;
    let mut contents = Contents::new();
    for role in [Role::Katalog, Role::Crd, Role::Cr, Role::Komposer, Role::Readme] {
        if let Some(bytes) = files.bytes(role.title()) {
            contents.insert(role, bytes.to_vec().into());
        }
    }
    contents.insert(Role::Component, compiled.component.into());
    let config = Config {
        name: pattern.name.clone(),
        version: pattern.version.clone(),
        description: pattern.about.description.clone().unwrap_or_default(),
        license: pattern.about.license.clone(),
        keywords: pattern.about.keywords.iter().cloned().collect(),
        crds: pattern.crds.iter().filter_map(served).collect(),
        imports: BTreeSet::from([declared.engine.clone()]),
        exports: declared.exports.names().into_iter().map(str::to_owned).collect(),
        capabilities: BTreeSet::new(),
        engine: Engine {
            import: declared.engine,
            digest: format!("sha256:{}", orkestra_component::engine().digest).parse().ok(),
        },
        // The checker does not bound costs yet, and a guess would be worse than none.
        cost: pattern.entries.iter().map(|entry| (entry.name.clone(), None)).collect(),
        tests,
        builder: concat!("ork ", env!("CARGO_PKG_VERSION")).to_owned(),
        layers: BTreeMap::new(),
    };
    Ok(pack(config, &contents, &Listing::default())?)
}

/// The kind of a definition that was checked.
fn served(crd: &Value) -> Option<ServedKind> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let spec = &crd["spec"];
    let versions = spec["versions"].as_array()?;
    let served = versions.iter().filter(|version| version["served"] == true);
    let storage = versions.iter().find(|version| version["storage"] == true)?;
    Some(ServedKind {
        group: text(&spec["group"])?,
        kind: text(&spec["names"]["kind"])?,
        versions: served.filter_map(|version| text(&version["name"])).collect(),
        storage: text(&storage["name"])?,
    })
}
