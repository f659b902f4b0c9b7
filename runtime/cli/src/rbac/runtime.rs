//! What the runtime does in its own name.

use std::collections::{BTreeMap, BTreeSet};

use orkestra_komposer::{Instance, Resource as Stored};
use orkestra_pattern::model::Entry;
use orkestra_pattern::rights::{Resource, needs_finalizer, resource};
use serde_json::Value;

use super::{Place, Rule, account_name};
use crate::hooks;

/// The runtime's rules, by where they must hold.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// In the whole cluster.
    pub(crate) cluster: Vec<Rule>,
    /// In the namespace that is watched, where it is one.
    pub(crate) namespaced: Vec<Rule>,
    /// In the runtime's own namespace.
    pub(crate) system: Vec<Rule>,
}

/// What is kept in one ConfigMap of this name.
const INVENTORY: &str = "orkestra-inventory";
/// The Secret with the webhook's certificates.
const WEBHOOK: &str = "orkestra-webhook";
/// The Lease that the leader holds.
const LEASE: &str = "orkestra-runtime";

pub(crate) fn rules(instances: &[Instance], place: &Place) -> Rules {
    let mut rules = Rules::default();
    rules.cluster.push(rule(
        "authorization.k8s.io",
        "subjectaccessreviews",
        &["create"],
        "an account's right is asked for before its pattern sees a cached object",
    ));
    let (verbs, why): (&[&str], _) = match place.definitions {
        true => (
            &["get", "create", "patch"],
            "the patterns' definitions are installed and kept so; with --no-crds, get is enough",
        ),
        false => (&["get"], "somebody else installs the patterns' definitions, and the runtime waits for them"),
    };
    rules.cluster.extend(rule_on(
        instances.iter().flat_map(definitions).collect(),
        rule("apiextensions.k8s.io", "customresourcedefinitions", verbs, why),
    ));
    rules.system.extend(rule_on(
        instances.iter().map(account_name).collect(),
        rule("", "serviceaccounts", &["impersonate"], "children are read and written as their pattern's account"),
    ));
    rules.system.extend([
        Rule {
            names: vec![INVENTORY.to_owned()],
            ..rule("", "configmaps", &["get", "patch"], "the kinds that each pattern ever made are remembered")
        },
        rule("", "configmaps", &["create"], "the same, at the first start; a name cannot be given for it"),
        Rule {
            names: vec![LEASE.to_owned()],
            ..rule(
                "coordination.k8s.io",
                "leases",
                &["get", "patch"],
                "one runtime leads and writes; the others see here when it no longer does",
            )
        },
        rule(
            "coordination.k8s.io",
            "leases",
            &["create"],
            "the same, at the first start; a name cannot be given for it",
        ),
        rule(
            "coordination.k8s.io",
            "leases",
            &["list"],
            "whoever leads waits for processes that divide the resources otherwise (--shards)",
        ),
        Rule {
            names: vec![place.system.clone()],
            ..rule("", "namespaces", &["get"], "whether the runtime's own namespace is there")
        },
    ]);
    if place.shards {
        // Without names, because a change of their number takes the Leases of both.
        rules.system.push(rule(
            "coordination.k8s.io",
            "leases",
            &["get", "patch"],
            "each part of the resources has a Lease, whose holder works on it (--shards)",
        ));
    }
    if let Some(name) = &place.komposer {
        komposer(name, &mut rules);
    }
    webhook(instances, place, &mut rules);
    let mut put = |namespaced: bool, rule: Rule| match namespaced && place.only().is_some() {
        true => rules.namespaced.push(rule),
        false => rules.cluster.push(rule),
    };
    for (resource, reasons) in watched(instances) {
        let mut watch = rule(&resource.group, &resource.name, &["list", "watch"], "");
        watch.reasons = reasons.into_iter().collect();
        put(resource.namespaced, watch);
    }
    for (entry, instance) in running(instances) {
        let api = &entry.api;
        let name = format!("{}/{}", instance.name, entry.name);
        if entry.foreign {
            if needs_finalizer(entry) {
                let why = format!("{name}: its finalizer is set and taken off");
                put(api.namespaced, rule(&api.group, &api.plural, &["patch"], &why));
            }
            continue;
        }
        let subresource = has_status(&instance.pattern.crds, entry);
        if subresource {
            let plural = format!("{}/status", api.plural);
            put(api.namespaced, rule(&api.group, &plural, &["patch"], &format!("{name}: its status is written")));
        }
        let mut reasons = Vec::new();
        if !subresource {
            reasons.push(format!("{name}: its status is written; the definition has no status subresource"));
        }
        // Without this right a resource that has the finalizer from another version could never be deleted.
        reasons.push(match needs_finalizer(entry) {
            true => format!("{name}: its finalizer is set and taken off"),
            false => format!("{name}: a finalizer that another version of the pattern has set is taken off"),
        });
        reasons.push(format!("{name}: what a dry run would change of it is compared with what is there"));
        put(api.namespaced, Rule { reasons, ..rule(&api.group, &api.plural, &["get", "patch"], "") });
    }
    let why = "what a user must know is told as an Event";
    put(true, rule("", "events", &["create", "patch"], why));
    if place.only().is_some() && running(instances).any(|(entry, _)| !entry.api.namespaced) {
        put(false, rule("", "events", &["create", "patch"], &format!("{why}, of a resource without a namespace, too")));
    }
    rules
}

/// A rule on objects of these names. Where there are none to name there is no rule: one without names is on all objects.
fn rule_on(names: BTreeSet<String>, rule: Rule) -> Option<Rule> {
    (!names.is_empty()).then(|| Rule { names: names.into_iter().collect(), ..rule })
}

/// What it takes to follow a Komposer in the cluster, and to say what became of it.
fn komposer(name: &str, rules: &mut Rules) {
    let named = |resource: &str, verbs: &[&str], why: &str| Rule {
        names: vec![name.to_owned()],
        ..rule(orkestra_komposer::GROUP, resource, verbs, why)
    };
    let (komposers, locks) = (Stored::KOMPOSER.plural, Stored::LOCK.plural);
    let follow: &[&str] = &["list", "watch"];
    rules.cluster.extend([
        named(komposers, follow, "what runs is what the Komposer says (--komposer)"),
        named(locks, follow, "and each pattern is what its lock names"),
        named(&format!("{komposers}/status"), &["patch"], "what became of the Komposer is written into its status"),
    ]);
}

/// What it takes to let API servers ask the webhook, where patterns convert or have rules.
fn webhook(instances: &[Instance], place: &Place, rules: &mut Rules) {
    let converting: BTreeSet<String> = instances
        .iter()
        .flat_map(|instance| crate::webhook::definitions(&instance.pattern))
        .map(|definition| definition.name())
        .collect();
    let admitted = || instances.iter().flat_map(|instance| crate::webhook::admitted(&instance.pattern));
    let mutates = admitted().any(|admitting| admitting.mutates);
    let validates = admitted().any(|admitting| admitting.validates);
    let converts = !converting.is_empty();
    // Where patterns come later, the webhook is there for those that will convert or have rules.
    if !converts && !mutates && !validates && place.komposer.is_none() {
        return;
    }
    if converts {
        // Whoever installs definitions may patch them already.
        let verbs: &[&str] = if place.definitions { &["list", "watch"] } else { &["list", "watch", "patch"] };
        rules.cluster.push(Rule {
            names: converting.into_iter().collect(),
            ..rule(
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                verbs,
                "a definition that somebody took the webhook out of points at it again at once",
            )
        });
        rules.cluster.push(rule(
            "storagemigration.k8s.io",
            "storageversionmigrations",
            &["list"],
            "a new certificate waits for a migration that is running, which it would spoil",
        ));
    }
    let repairs = converts.then_some("what an old client drops of an object is put back before it is lost");
    let gives = mutates.then_some("objects are given their values before they are stored");
    let judges = validates.then_some("objects that break a rule are not stored");
    for (resource, reasons) in
        [("mutatingwebhookconfigurations", [repairs, gives]), ("validatingwebhookconfigurations", [judges, None])]
    {
        let reasons: Vec<String> = reasons.into_iter().flatten().map(str::to_owned).collect();
        if reasons.is_empty() {
            continue;
        }
        let group = "admissionregistration.k8s.io";
        rules.cluster.push(Rule {
            names: vec![format!("orkestra-webhook-{}", place.system)],
            reasons,
            ..rule(group, resource, &["get", "patch"], "")
        });
        let why = "the same, at the first start; a name cannot be given for it";
        rules.cluster.push(rule(group, resource, &["create"], why));
    }
    rules.system.push(Rule {
        names: vec![WEBHOOK.to_owned()],
        ..rule("", "secrets", &["get", "update"], "the webhook's certificates are kept there for all replicas")
    });
    rules.system.push(rule("", "secrets", &["create"], "the same, at the first start; a name cannot be given for it"));
}

fn running(instances: &[Instance]) -> impl Iterator<Item = (&Entry, &Instance)> {
    instances.iter().flat_map(|instance| {
        let runs = |entry: &&Entry| instance.entries.iter().any(|settings| settings.name == entry.name);
        instance.pattern.entries.iter().filter(runs).map(move |entry| (entry, instance))
    })
}

/// Every kind that is watched, with what for.
fn watched(instances: &[Instance]) -> BTreeMap<Resource, BTreeSet<String>> {
    let mut watched: BTreeMap<Resource, BTreeSet<String>> = BTreeMap::new();
    for (entry, instance) in running(instances) {
        let name = format!("{}/{}", instance.name, entry.name);
        let api = &entry.api;
        let primary =
            Resource { group: api.group.clone(), name: api.plural.clone(), namespaced: api.namespaced, guessed: false };
        watched.entry(primary).or_default().insert(format!("{name}: its resources are watched"));
        for (_, api_version, kind) in entry.child_kinds() {
            let resource = resource(&instance.pattern, api_version, kind);
            watched.entry(resource).or_default().insert(format!("{name}: its children are watched"));
        }
        for read in &entry.reads {
            let resource = resource(&instance.pattern, &read.api_version, &read.kind);
            watched.entry(resource).or_default().insert(format!("{name}: what it reads is watched"));
        }
        for (api_version, kind) in hooks::reads(entry, &instance.pattern) {
            let resource = resource(&instance.pattern, api_version, kind);
            watched.entry(resource).or_default().insert(format!("{name}: what its hook may read is watched"));
        }
    }
    watched
}

fn definitions(instance: &Instance) -> impl Iterator<Item = String> {
    let text = |crd: &Value, pointer: &str| crd.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    instance.pattern.crds.iter().filter_map(move |crd| text(crd, "/metadata/name"))
}

fn has_status(crds: &[Value], entry: &Entry) -> bool {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let of_entry = |crd: &&Value| {
        text(crd, "/spec/group").as_deref() == Some(&entry.api.group)
            && text(crd, "/spec/names/kind").as_deref() == Some(&entry.api.kind)
    };
    let versions = crds.iter().find(of_entry).and_then(|crd| crd.pointer("/spec/versions")).and_then(Value::as_array);
    let version = versions.and_then(|versions| {
        versions.iter().find(|version| text(version, "/name").as_deref() == Some(&entry.api.version))
    });
    version.is_some_and(|version| version.pointer("/subresources/status").is_some())
}

fn rule(group: &str, resource: &str, verbs: &[&str], reason: &str) -> Rule {
    Rule {
        group: group.to_owned(),
        resources: vec![resource.to_owned()],
        names: Vec::new(),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        reasons: vec![reason.to_owned()],
    }
}
