//! The accounts and rights that a composition needs in a cluster: as little as the runtime and each pattern can work with.

mod print;
mod runtime;

pub(crate) use print::{as_json, as_text, as_yaml, one_line};

use std::path::Path;

use std::collections::BTreeSet;

use orkestra_komposer::Instance;
use orkestra_operator::{Identity, NeededRight};
use orkestra_pattern::model::Entry;
use orkestra_pattern::rights::{self, Refused, Right, Rights, Scope};
use serde_json::{Value, json};

use crate::pattern_dir::shown;

/// Where the accounts are, and where patterns work.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The runtime's own namespace and that of all accounts: nothing else may run there.
    pub(crate) system: String,
    /// The only namespaces that patterns work in; empty: all.
    pub(crate) namespaces: Vec<String>,
    /// Whether the runtime's processes share the work.
    pub(crate) shards: bool,
    /// The runtime installs the patterns' definitions.
    pub(crate) definitions: bool,
    /// The name of the Komposer, where it is an object of the cluster that the runtime follows.
    pub(crate) komposer: Option<String>,
}

/// Everything that is to be applied, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bundle {
    pub(crate) objects: Vec<Object>,
    pub(crate) notes: Vec<Note>,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    /// All but its rules.
    pub(crate) head: Value,
    /// The rules of a role.
    pub(crate) rules: Vec<Rule>,
}

/// One rule of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) group: String,
    pub(crate) resources: Vec<String>,
    /// Empty: all objects.
    pub(crate) names: Vec<String>,
    pub(crate) verbs: Vec<String>,
    /// At least one.
    pub(crate) reasons: Vec<String>,
}

/// What a person should know before this is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
}

/// The rights of one instance's entries that run.
pub(crate) fn of_instance(instance: &Instance) -> Rights {
    let runs = |entry: &Entry| instance.entries.iter().any(|settings| settings.name == entry.name);
    rights::derive(&instance.pattern, runs)
}

/// What a composition needs.
pub(crate) fn bundle(instances: &[Instance], place: &Place) -> Bundle {
    let mut objects = vec![namespace(place), account(place, RUNTIME)];
    objects.extend(instances.iter().map(|instance| account(place, &account_name(instance))));
    let runtime = runtime::rules(instances, place);
    // The names of the patterns' roles go on behind this one.
    let name = format!("orkestra:{}", place.system);
    objects.extend(role(place, &name, RUNTIME, None, runtime.cluster));
    if let Some(namespace) = place.only() {
        objects.extend(role(place, &name, RUNTIME, Some(namespace), runtime.namespaced.clone()));
    }
    objects.extend(role(place, &name, RUNTIME, Some(&place.system), runtime.system));
    let mut notes = Vec::new();
    for instance in instances {
        let Rights { rights, refused } = of_instance(instance);
        notes.extend(rights.iter().filter_map(|right| guess(instance, right)));
        notes.extend(refused.iter().map(|refused| note(instance, refused)));
        let rules = |rights: Vec<&Right>| rights.into_iter().map(|right| rule(instance, right)).collect::<Vec<Rule>>();
        let cluster = rights.iter().filter(|right| match right.scope {
            Scope::Cluster => true,
            Scope::Namespaces => place.namespaces.is_empty(),
            Scope::Named(_) => false,
        });
        let cluster = cluster.collect();
        let (name, account) = (format!("orkestra:{}:{}", place.system, instance.name), account_name(instance));
        objects.extend(role(place, &name, &account, None, rules(cluster)));
        let named = rights.iter().filter_map(|right| match &right.scope {
            Scope::Named(namespace) => Some(namespace),
            Scope::Cluster | Scope::Namespaces => None,
        });
        let others: BTreeSet<&String> = named.filter(|namespace| !place.namespaces.contains(namespace)).collect();
        for namespace in place.namespaces.iter().chain(others) {
            let there = rights.iter().filter(|right| match &right.scope {
                Scope::Namespaces => place.namespaces.contains(namespace),
                Scope::Named(named) => named == namespace,
                Scope::Cluster => false,
            });
            objects.extend(role(place, &name, &account, Some(namespace), rules(there.collect())));
        }
    }
    Bundle { objects, notes }
}

/// What the runtime asks for when it starts, for itself and for the accounts that patterns act as. Without `impersonation` patterns act
/// with its own rights.
pub(crate) fn needed(instances: &[Instance], place: &Place, impersonation: bool) -> Vec<NeededRight> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let mut needed: Vec<NeededRight> = Vec::new();
    for pair in bundle(instances, place).objects.windows(2) {
        let [role, binding] = pair else { continue };
        let identity = match text(&binding.head, "/subjects/0/name") {
            Some(name) if impersonation && name != RUNTIME => {
                Identity::ServiceAccount { namespace: place.system.clone(), name }
            }
            _ => Identity::Process,
        };
        let namespace = text(&role.head, "/metadata/namespace").unwrap_or_default();
        for rule in role.rules.iter().filter(|rule| impersonation || rule.verbs != ["impersonate"]) {
            for right in rights_of(rule, &identity, &namespace) {
                if !needed.iter().any(|known| known.same(&right)) {
                    needed.push(right);
                }
            }
        }
    }
    needed
}

/// Each verb on each resource and object of a rule.
fn rights_of(rule: &Rule, identity: &Identity, namespace: &str) -> Vec<NeededRight> {
    let names: Vec<&str> =
        if rule.names.is_empty() { vec![""] } else { rule.names.iter().map(String::as_str).collect() };
    let mut rights = Vec::new();
    for resource in &rule.resources {
        for name in &names {
            rights.extend(rule.verbs.iter().map(|verb| NeededRight {
                identity: identity.clone(),
                verb: verb.clone(),
                group: rule.group.clone(),
                resource: resource.clone(),
                namespace: namespace.to_owned(),
                name: (*name).to_owned(),
                reason: rule.reasons.join("; "),
            }));
        }
    }
    rights
}

const RBAC_VERSION: &str = "rbac.authorization.k8s.io/v1";
/// The runtime's own account. Those of patterns begin with it and a hyphen.
pub(crate) const RUNTIME: &str = "orkestra";

/// The account that an instance acts as.
pub(crate) fn account_name(instance: &Instance) -> String {
    format!("orkestra-{}", instance.name)
}

impl Place {
    /// The one namespace that the runtime watches, where it is one: it watches one or all.
    fn only(&self) -> Option<&String> {
        match self.namespaces.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    // Not `managed-by`: by that label the runtime knows the children of patterns.
    let mut metadata = json!({"name": name, "labels": {"app.kubernetes.io/part-of": "orkestra"}});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata
}

fn namespace(place: &Place) -> Object {
    let head = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(&place.system, None)});
    Object { head, rules: Vec::new() }
}

fn account(place: &Place, name: &str) -> Object {
    let metadata = metadata(name, Some(&place.system));
    let mut head = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
    if name != RUNTIME {
        // Nobody logs in as a pattern: the runtime impersonates it.
        head["automountServiceAccountToken"] = false.into();
    }
    Object { head, rules: Vec::new() }
}

/// A role with its binding, in one namespace or for the whole cluster; nothing where there are no rules.
fn role(place: &Place, name: &str, account: &str, namespace: Option<&str>, rules: Vec<Rule>) -> Vec<Object> {
    if rules.is_empty() {
        return Vec::new();
    }
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let metadata = metadata(name, namespace);
    let role = json!({"apiVersion": RBAC_VERSION, "kind": kind, "metadata": metadata});
    let binding = json!({
        "apiVersion": RBAC_VERSION, "kind": format!("{kind}Binding"), "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": place.system}],
    });
    vec![Object { head: role, rules }, Object { head: binding, rules: Vec::new() }]
}

fn rule(instance: &Instance, right: &Right) -> Rule {
    let reason = |reason: &rights::Reason| match reason.at.as_str() {
        "" => reason.text.clone(),
        at => format!("{} ({})", reason.text, shown(&Path::new(&instance.path).join(at))),
    };
    Rule {
        group: right.resource.group.clone(),
        resources: vec![right.resource.name.clone()],
        names: right.names.clone(),
        verbs: right.verbs.clone(),
        reasons: right.reasons.iter().map(reason).collect(),
    }
}

fn guess(instance: &Instance, right: &Right) -> Option<Note> {
    let text = || {
        format!(
            "pattern `{}`: nothing here defines the resource `{}` of group `{}`; its name is a guess from the kind, compare it with \
             `kubectl api-resources`",
            instance.name, right.resource.name, right.resource.group
        )
    };
    right.resource.guessed.then(|| Note { text: text() })
}

fn note(instance: &Instance, refused: &Refused) -> Note {
    Note { text: format!("pattern `{}`, {}: {}", instance.name, refused.at, refused.text) }
}
