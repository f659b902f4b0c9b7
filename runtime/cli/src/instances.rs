//! From the author's side to the cluster's: a checked pattern is compiled, loaded and described to the runtime.

use std::sync::Arc;

use orkestra_artifact::Digest;
use orkestra_komposer::{Instance, Settings};
use orkestra_operator as operator;
use orkestra_pattern::model;
use orkestra_sandbox::{self as sandbox, Hook, Limits, Pattern, Sandbox};

use crate::error::Error;
use crate::hooks;
use crate::webhook;

/// Compiles a pattern and loads it, with the sandbox's own limits.
pub(crate) fn load(pattern: &model::Pattern, sandbox: &Sandbox) -> Result<Pattern, Error> {
    let compiled = orkestra_compile::compile(pattern).map_err(|error| Error::Compile(error.into()))?;
    load_component(&pattern.name, &compiled.component, Limits::default(), sandbox)
}

/// The limits that an instance runs with where nobody says otherwise, as a Komposer writes them.
pub(crate) fn usual() -> orkestra_komposer::Limits {
    let usual = Limits::default();
    let memory = u64::try_from(usual.memory).unwrap_or(u64::MAX);
    orkestra_komposer::Limits { memory: Some(memory), deadline: Some(usual.deadline) }
}

/// The limits that an instance runs with: the Komposer's, where it says so.
pub(crate) fn limits(instance: &Instance) -> Limits {
    let usual = Limits::default();
    let memory = instance.limits.memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Limits {
        memory: memory.unwrap_or(usual.memory),
        deadline: instance.limits.deadline.unwrap_or(usual.deadline),
        ..usual
    }
}

/// Loads the component of a pattern.
pub(crate) fn load_component(
    name: &str,
    component: &[u8],
    limits: Limits,
    sandbox: &Sandbox,
) -> Result<Pattern, Error> {
    sandbox.load(component, &[], limits).map_err(|error| Error::Load { name: name.to_owned(), source: error.into() })
}

/// A digest of all that decides how an instance runs and what is told of it: two of one digest do the same and are called the same.
pub(crate) fn digest(instance: &Instance, component: &[u8]) -> Digest {
    let Instance { name, pattern, hook, inputs, entries, limits, path, from, .. } = instance;
    let entry = |entry: &model::Entry| {
        let settings = entries.iter().find(|settings| settings.name == entry.name)?;
        // What the host goes by and the component knows nothing of.
        Some(format!("{:?} {:?}", describe_entry(entry, pattern, settings), entry.hook))
    };
    let host: Vec<Option<String>> = pattern.entries.iter().map(entry).collect();
    let host = format!("{host:?} {limits:?} {:?} {} {path:?} {from:?}", pattern.capabilities, pattern.version);
    let crds = serde_json::Value::Array(pattern.crds.clone()).to_string();
    let inputs = serde_json::Value::Object(inputs.clone()).to_string();
    let mut all = Vec::new();
    let hook = hook.as_deref().unwrap_or_default();
    for part in [name.as_bytes(), component, hook, inputs.as_bytes(), host.as_bytes(), crds.as_bytes()] {
        all.extend_from_slice(&part.len().to_le_bytes());
        all.extend_from_slice(part);
    }
    Digest::of(&all)
}

/// What the runtime is told of an instance.
pub(crate) fn describe(
    instance: &Instance,
    loaded: Pattern,
    hook: Option<Hook>,
    identity: operator::Identity,
) -> operator::Instance {
    let settings = |entry: &&model::Entry| instance.entries.iter().find(|settings| settings.name == entry.name);
    let entries = instance
        .pattern
        .entries
        .iter()
        .filter_map(|entry| Some(describe_entry(entry, &instance.pattern, settings(&entry)?)));
    operator::Instance {
        name: instance.name.clone(),
        entries: entries.collect(),
        crds: instance.pattern.crds.clone(),
        converts: webhook::definitions(&instance.pattern),
        admits: webhook::admitted(&instance.pattern),
        pattern: Arc::new(loaded),
        hook,
        inputs: serde_json::Value::Object(instance.inputs.clone()).to_string().into_bytes(),
        identity,
        about: operator::About::default(),
    }
}

fn describe_entry(entry: &model::Entry, pattern: &model::Pattern, settings: &Settings) -> operator::Entry {
    // Without `..`: a new field of an entry must be thought of here.
    let model::Entry {
        name,
        api,
        foreign,
        selector,
        schema: _,
        workers: _,
        resync: _,
        running,
        hook,
        vars: _,
        reads,
        children,
        status: _,
        conditions: _,
        versions: _,
        conversions: _,
        flows: _,
        mutations: _,
        rules: _,
        requeues: _,
    } = entry;
    let model::Api { group, version, kind, plural, namespaced } = api;
    let produced = hook.as_ref().map(model::Hook::produces).unwrap_or_default();
    operator::Entry {
        name: name.clone(),
        api: operator::Api {
            group: group.clone(),
            version: version.clone(),
            kind: kind.clone(),
            plural: plural.clone(),
            namespaced: *namespaced,
        },
        foreign: *foreign,
        selector: selector.as_ref().map(describe_selector),
        workers: settings.workers,
        resync: settings.resync,
        running: describe_running(running),
        children: children.iter().map(describe_child).chain(produced.iter().map(describe_produced)).collect(),
        reads: reads.iter().map(describe_read).collect(),
        hook: hook.as_ref().map(|hook| describe_hook(hook, entry, pattern)),
    }
}

fn describe_selector(selector: &model::Selector<String>) -> Vec<sandbox::Requirement> {
    let model::Selector { labels, requirements } = selector;
    let label = |(key, value): &(String, String)| sandbox::Requirement {
        key: key.clone(),
        operator: sandbox::Operator::In,
        values: vec![value.clone()],
    };
    let requirement =
        |model::Requirement { key, operator, values }: &model::Requirement<String>| sandbox::Requirement {
            key: key.clone(),
            operator: match operator {
                model::Operator::In => sandbox::Operator::In,
                model::Operator::NotIn => sandbox::Operator::NotIn,
                model::Operator::Exists => sandbox::Operator::Exists,
                model::Operator::DoesNotExist => sandbox::Operator::DoesNotExist,
            },
            values: values.clone(),
        };
    labels.iter().map(label).chain(requirements.iter().map(requirement)).collect()
}

fn describe_running(running: &model::Running) -> operator::Running {
    let model::Running { depends_on, restricted_namespaces, queue } = running;
    let awaits = |awaits: model::Awaits| match awaits {
        model::Awaits::Started => operator::Awaits::Started,
        model::Awaits::Healthy => operator::Awaits::Healthy,
    };
    operator::Running {
        depends_on: depends_on.iter().map(|(name, what)| (name.clone(), awaits(*what))).collect(),
        restricted_namespaces: restricted_namespaces.clone(),
        max_depth: queue.max_depth.into(),
        failure_threshold: queue.failure_threshold.into(),
    }
}

fn describe_hook(hook: &model::Hook, entry: &model::Entry, pattern: &model::Pattern) -> operator::DeclaredHook {
    // `convert` is the webhook's.
    let model::Hook { values, after_render, validate, finalize, convert: _ } = hook;
    let gives = (!values.is_empty()).then(|| hook.clone());
    operator::DeclaredHook {
        before_render: gives.map(|hook| Arc::new(move |given: &_| hook.check(given)) as Arc<operator::CheckGiven>),
        after_render: after_render.as_ref().map(|after| operator::AfterRender {
            children: after.children.clone(),
            produces: after.produces.iter().map(|produced| produced.id.clone()).collect(),
            rights_changed: Arc::new(orkestra_pattern::rights_changed),
        }),
        validate: *validate,
        finalize: *finalize,
        reads: hooks::reads(entry, pattern).map(|(version, kind)| (version.to_owned(), kind.to_owned())).collect(),
    }
}

fn describe_produced(child: &model::Produced) -> operator::DeclaredChild {
    let model::Produced { id, at: _, api_version, kind, many } = child;
    let declared = operator::DeclaredChild::new(id, api_version, kind, operator::ChildPolicy::Apply);
    operator::DeclaredChild { keyed: *many, ..declared }
}

fn describe_read(read: &model::Read) -> operator::DeclaredRead {
    let model::Read { id, api_version, kind, which: _, optional, namespace: _, elsewhere } = read;
    operator::DeclaredRead {
        id: id.clone(),
        api_version: api_version.clone(),
        kind: kind.clone(),
        optional: *optional,
        elsewhere: elsewhere.is_some(),
    }
}

fn describe_child(child: &model::Child) -> operator::DeclaredChild {
    operator::DeclaredChild {
        id: child.id.clone(),
        api_version: child.api_version.clone(),
        kind: child.kind.clone(),
        policy: match child.policy {
            model::Policy::Create => operator::ChildPolicy::Create,
            model::Policy::Apply => operator::ChildPolicy::Apply,
            model::Policy::Delete => operator::ChildPolicy::Delete,
        },
        requires: child.requires.clone(),
        keyed: child.for_each.is_some(),
        once: child.once,
        retain: child.retain,
        adopt: child.adopt,
        recreate: child.recreate,
        elsewhere: child.elsewhere.is_some(),
        rotate_after: child.rotate_after,
        certified_for: child.tls.as_ref().map(|tls| tls.valid_for),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use orkestra_pattern::codes::example;
    use orkestra_pattern::source::Source;

    use super::*;

    #[test]
    fn a_komposers_limits_replace_the_usual_ones_one_by_one() {
        let source =
            Source::new().with("katalog.yaml", example::KATALOG.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
        let pattern = orkestra_pattern::check(&source).0.unwrap();
        let mut instance = Instance::new("shop", pattern, serde_json::Map::new()).unwrap();
        assert_eq!(limits(&instance).memory, Limits::default().memory);
        instance.limits.deadline = Some(Duration::from_millis(500));
        let held = limits(&instance);
        assert_eq!((held.memory, held.deadline), (Limits::default().memory, Duration::from_millis(500)));
        instance.limits.memory = Some(32 << 20);
        assert_eq!((limits(&instance).memory, limits(&instance).deadline), (32 << 20, Duration::from_millis(500)));
    }
}
