//! What patterns ask for beyond computing, and what of it they were given.
//!
//! What a pattern asks for is never its own word: it is derived from the YAML that is compiled here.

use orkestra_komposer::Instance;
use orkestra_pattern::model::{Flow, Pattern};
use orkestra_pattern::schema::nearest;

use super::Broken;
use crate::error::Error;
use crate::hooks;
use crate::output::{Output, escape};

/// Something that a pattern may only do when it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capability {
    /// The word that grants it: `flow:spec.serviceAccount`.
    pub(crate) name: String,
    /// Where the pattern asks for it and what for, in the order of the source.
    pub(crate) reasons: Vec<Reason>,
    /// Whether it was granted.
    pub(crate) granted: bool,
}

/// One reason for which a capability is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// In words.
    pub(crate) text: String,
    /// Where: `katalog.yaml:12:8`.
    pub(crate) at: String,
}

/// The sensitive flows of the entries that run.
pub(crate) fn flows(instance: &Instance) -> impl Iterator<Item = &Flow> {
    let runs = move |name: &str| instance.entries.iter().any(|settings| settings.name == name);
    let entries = instance.pattern.entries.iter().filter(move |entry| runs(&entry.name));
    entries.flat_map(|entry| &entry.flows)
}

/// What an instance asks for, sorted by name.
pub(crate) fn capabilities(instance: &Instance) -> Vec<Capability> {
    let mut all: Vec<Capability> = Vec::new();
    for flow in flows(instance) {
        let name = flow.grant();
        let text = format!("`{}` decides {}: `{}` of `{}`", flow.path, flow.decides, flow.field, flow.into);
        let reason = Reason { text, at: flow.at.clone() };
        match all.iter_mut().find(|known| known.name == name) {
            Some(known) => known.reasons.push(reason),
            None => {
                let granted = instance.grants.contains(&name);
                all.push(Capability { name, reasons: vec![reason], granted });
            }
        }
    }
    // What hooks ask for, where one is called.
    if hooks::wanted(instance) {
        for capability in &instance.pattern.capabilities {
            let (name, text) = (capability.what.to_string(), capability.what.allows());
            let granted = instance.grants.contains(&name);
            all.push(Capability { name, reasons: vec![Reason { text, at: capability.at.clone() }], granted });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The words that a whole pattern has to be granted.
pub(crate) fn asked(pattern: &Pattern) -> impl Iterator<Item = String> {
    let flows = pattern.entries.iter().flat_map(|entry| &entry.flows).map(Flow::grant);
    flows.chain(pattern.capabilities.iter().map(|capability| capability.what.to_string()))
}

/// Grants of an instance that nothing asks for.
pub(crate) fn idle(instance: &Instance) -> Vec<&str> {
    let asked = capabilities(instance);
    let unasked = |grant: &&String| asked.iter().all(|capability| capability.name != **grant);
    instance.grants.iter().filter(unasked).map(String::as_str).collect()
}

/// Takes out the instances that ask for more than they are granted, and warns of grants that nothing asks for.
pub(crate) fn deny(instances: &mut Vec<Instance>, output: &Output) -> Vec<Broken> {
    let mut broken = Vec::new();
    instances.retain(|instance| match denied(instance) {
        Some(error) => {
            broken.push(Broken { name: instance.name.clone(), error });
            false
        }
        None => true,
    });
    instances.iter().for_each(|instance| warn_of_idle(instance, output));
    broken
}

/// Warns of each grant that nothing asks for.
pub(crate) fn warn_of_idle(instance: &Instance, output: &Output) {
    let asked: Vec<String> = capabilities(instance).into_iter().map(|capability| capability.name).collect();
    for grant in idle(instance) {
        let near = nearest(grant, asked.iter().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        output.warning(format_args!(
            "`{}` is granted `{}`, and does not ask for it{hint}",
            escape(&instance.name),
            escape(grant)
        ));
    }
}

/// Why an instance does not run: what it asks for and is not granted.
pub(crate) fn denied(instance: &Instance) -> Option<Error> {
    let denied: Vec<Capability> = capabilities(instance).into_iter().filter(|capability| !capability.granted).collect();
    (!denied.is_empty()).then(|| Error::CapabilityDenied { name: instance.name.clone(), denied })
}
