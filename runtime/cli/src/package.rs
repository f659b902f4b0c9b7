//! A pattern directory as an artifact: its files, its component and what the config says of them.

use std::collections::{BTreeMap, BTreeSet};

use orkestra_artifact::config::{Engine, ServedKind, Tests};
use orkestra_artifact::{Config, Contents, Listing, Package, Role, pack};
use orkestra_component::NotDeclarative;
use orkestra_pattern::cost::of_entry;
use orkestra_pattern::model::Pattern;
use serde_json::Value;

use crate::composition::grants;
use crate::error::Error;
use crate::pattern_dir::PatternDir;

/// What this `ork` calls itself as a builder.
pub(crate) const BUILDER: &str = concat!("ork ", env!("CARGO_PKG_VERSION"));

/// Packs a checked pattern with its component.
pub(crate) fn package(
    files: &PatternDir,
    pattern: &Pattern,
    tests: Tests,
    listing: &Listing,
) -> Result<Package, Error> {
    let compiled = orkestra_compile::compile(pattern).map_err(|error| Error::Compile(error.into()))?;
    let mut config = config(pattern, &compiled.component, tests).map_err(|error| Error::Compile(error.into()))?;
    if let Some(hook) = files.hook() {
        let imports = orkestra_component::hook::imports(hook);
        config.imports.extend(imports.map_err(|error| Error::HookBuild { problem: error.to_string() })?);
    } else if pattern.entries.iter().any(|entry| entry.hook.is_some()) {
        return Err(Error::HookMissing { name: pattern.name.clone() });
    }
    let mut contents = Contents::new();
    for role in [Role::Katalog, Role::Crd, Role::Foreign, Role::Cr, Role::Komposer, Role::Readme] {
        if let Some(bytes) = files.bytes(role.title()) {
            contents.insert(role, bytes.to_vec().into());
        }
    }
    if let Some(hook) = files.hook() {
        contents.insert(Role::Hooks, hook.to_vec().into());
    }
    contents.insert(Role::Component, compiled.component.into());
    Ok(pack(config, &contents, listing)?)
}

/// What this `ork` says of a checked pattern and its component; the layers are filled in by [`pack`].
pub(crate) fn config(pattern: &Pattern, component: &[u8], tests: Tests) -> Result<Config, NotDeclarative> {
    let declared = orkestra_component::decode(component)?;
    Ok(Config {
        name: pattern.name.clone(),
        version: pattern.version.clone(),
        description: pattern.about.description.clone().unwrap_or_default(),
        license: pattern.about.license.clone(),
        keywords: pattern.about.keywords.iter().cloned().collect(),
        crds: pattern.crds.iter().filter_map(served).collect(),
        imports: BTreeSet::from([declared.engine.clone()]),
        exports: declared.exports.names().into_iter().map(str::to_owned).collect(),
        capabilities: grants::asked(pattern).collect(),
        engine: Engine {
            import: declared.engine,
            digest: format!("sha256:{}", orkestra_component::engine().digest).parse().ok(),
        },
        cost: pattern.entries.iter().map(|entry| (entry.name.clone(), Some(of_entry(entry).reconcile))).collect(),
        tests,
        builder: BUILDER.to_owned(),
        layers: BTreeMap::new(),
    })
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
