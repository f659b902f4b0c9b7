//! What a config says, against what the files of the pattern and its component say. People and policies decide on a config without
//! reading a layer, so a lie there is as bad as one in the component.

use std::collections::BTreeSet;

use orkestra_artifact::Config;

use super::wire::Built;
use crate::output::brief;
use crate::package::BUILDER;

/// The first thing that is said and not so. What only the builder decides is compared only where this very `ork` is said to be it.
pub(super) fn difference(said: &Config, built: &Built, hooks: bool) -> Option<String> {
    let found = &built.config;
    if said.name != found.name {
        return Some(format!("it says name `{}`, and katalog.yaml `{}`", brief(&said.name), brief(&found.name)));
    }
    if said.version != found.version {
        return Some(format!("it says version {}, and katalog.yaml {}", said.version, found.version));
    }
    let mut pairs = vec![("crds", said.crds == found.crds)];
    if let Ok(theirs) = &built.theirs {
        let imports = BTreeSet::from([theirs.engine.clone()]);
        pairs.push(("engine", said.engine.import == theirs.engine));
        pairs.push(("exports", said.exports == theirs.exports));
        // Those of hooks are in the same list.
        pairs.push(("imports", if hooks { said.imports.is_superset(&imports) } else { said.imports == imports }));
    }
    if said.builder == BUILDER {
        pairs.push(("description", said.description == found.description));
        pairs.push(("license", said.license == found.license));
        pairs.push(("keywords", said.keywords == found.keywords));
        pairs.push(("capabilities", hooks || said.capabilities == found.capabilities));
        pairs.push(("cost", said.cost == found.cost));
    }
    let (field, _) = pairs.into_iter().find(|(_, equal)| !equal)?;
    Some(format!("`{field}` is something else"))
}
