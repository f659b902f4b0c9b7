//! The rights that a checked pattern needs in a cluster, each with its reasons.
//!
//! They are what the host asks for in the pattern's name: it looks at a child before it is made (`get`), applies it (`patch`,
//! and `create` where it is not there), and prunes it (`delete`); it shows objects only where the account may read them
//! (`get`, or `list` where it is not known by name). The watches are the runtime's own and are no right of a pattern.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::capability::{Capability, What};
use crate::kinds;
use crate::model::{Child, Elsewhere, Entry, Hook, Node, Part, Pattern, Policy, Produced, Read, Text, Which};

/// What a pattern's account must be allowed, and what it is not given although its templates ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// One for each resource, scope and set of names, in this order.
    pub rights: Vec<Right>,
    /// In the order of the pattern.
    pub refused: Vec<Refused>,
}

/// Verbs on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// What it is about.
    pub resource: Resource,
    /// Where it must hold.
    pub scope: Scope,
    /// Only objects with these names; empty: all.
    pub names: Vec<String>,
    /// `get`, `patch`, …
    pub verbs: Vec<String>,
    /// Why, at least one.
    pub reasons: Vec<Reason>,
}

/// A resource as RBAC names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// Empty for the core group.
    pub group: String,
    /// The plural, with the subresource after a slash.
    pub name: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The plural is made from the kind's name, because nothing here defines the kind.
    pub guessed: bool,
}

/// Where a right must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In the namespaces of the pattern's resources.
    Namespaces,
    /// In this one, whatever those are.
    Named(String),
    /// In the whole cluster.
    Cluster,
}

impl Scope {
    /// Behind a resource, in words: ` in the whole cluster`; empty for the namespaces of the pattern's resources.
    pub fn place(&self) -> String {
        match self {
            Scope::Namespaces => String::new(),
            Scope::Named(namespace) => format!(" in the namespace {namespace}"),
            Scope::Cluster => " in the whole cluster".to_owned(),
        }
    }

    /// For machines: `namespaces`, `cluster`, or `namespace:` and its name.
    pub fn word(&self) -> String {
        match self {
            Scope::Namespaces => "namespaces".to_owned(),
            Scope::Named(namespace) => format!("namespace:{namespace}"),
            Scope::Cluster => "cluster".to_owned(),
        }
    }
}

/// Why a right is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What is done, in words.
    pub text: String,
    /// The place of its cause, `katalog.yaml:12:8`; empty where it is the entry as a whole.
    pub at: String,
}

/// Something that the templates ask for and that no account is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What, and why not.
    pub text: String,
    /// Its place.
    pub at: String,
}

/// Derives the rights of those entries of a pattern that run.
pub fn derive(pattern: &Pattern, runs: impl Fn(&Entry) -> bool) -> Rights {
    let mut derived = Derived { pattern, rights: BTreeMap::new(), refused: Vec::new() };
    for entry in pattern.entries.iter().filter(|entry| runs(entry)) {
        derived.entry(entry);
    }
    let rights = derived.rights.into_iter().map(|((resource, scope, names), (mut verbs, reasons))| {
        verbs.sort_by_key(|verb| (VERBS.iter().position(|known| known == verb).unwrap_or(VERBS.len()), verb.clone()));
        Right { resource, scope, names, verbs, reasons }
    });
    Rights { rights: rights.collect(), refused: derived.refused }
}

/// The resource of a kind: one of the pattern's own definitions, one of Kubernetes', or a guess.
pub fn resource(pattern: &Pattern, api_version: &str, kind: &str) -> Resource {
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    let text = |crd: &Value, pointer: &str| crd.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let own = pattern.crds.iter().chain(&pattern.foreign).find(|crd| {
        text(crd, "/spec/group").as_deref() == Some(group) && text(crd, "/spec/names/kind").as_deref() == Some(kind)
    });
    let known = own.and_then(|crd| Some((text(crd, "/spec/names/plural")?, text(crd, "/spec/scope")? != "Cluster")));
    let built_in = || kinds::lookup(api_version, kind).map(|kind| (kind.plural.to_owned(), kind.namespaced));
    let found = known.or_else(built_in);
    let guessed = found.is_none();
    let (name, namespaced) = found.unwrap_or_else(|| (plural(kind), true));
    Resource { group: group.to_owned(), name, namespaced, guessed }
}

/// Whether an entry's primaries need a finalizer: something must be done in order before they go.
pub fn needs_finalizer(entry: &Entry) -> bool {
    let finalizes = entry.hook.as_ref().is_some_and(|hook| hook.finalize);
    // What lies elsewhere has no owner that the garbage collector could look for.
    let ordered = |child: &Child| {
        child.policy == Policy::Delete || !child.requires.is_empty() || child.elsewhere.is_some() && !child.retain
    };
    finalizes || entry.children.iter().any(ordered)
}

/// The order in which verbs are shown.
const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
const RBAC: &str = "rbac.authorization.k8s.io";

type Key = (Resource, Scope, Vec<String>);

struct Derived<'a> {
    pattern: &'a Pattern,
    rights: BTreeMap<Key, (Vec<String>, Vec<Reason>)>,
    refused: Vec<Refused>,
}

impl Derived<'_> {
    fn entry(&mut self, entry: &Entry) {
        let api = &entry.api;
        let primary =
            Resource { group: api.group.clone(), name: api.plural.clone(), namespaced: api.namespaced, guessed: false };
        let shown = reason(format!("entry `{}`: its resources are shown to the pattern", entry.name), "");
        self.add(primary, scope(entry, api.namespaced), Vec::new(), &["list"], shown);
        for read in &entry.reads {
            self.read(entry, read);
        }
        for child in &entry.children {
            self.child(entry, child);
        }
        for produced in entry.hook.iter().flat_map(Hook::produces) {
            self.produced(entry, produced);
        }
        if entry.hook.is_some() {
            for capability in &self.pattern.capabilities {
                self.hook(entry, capability);
            }
        }
    }

    fn hook(&mut self, entry: &Entry, capability: &Capability) {
        let What::ClusterRead { api_version, kind } = &capability.what else { return };
        let resource = resource(self.pattern, api_version, kind);
        let scope = scope(entry, resource.namespaced);
        let why = reason(format!("hook of entry `{}`: it may read them", entry.name), &capability.at);
        self.add(resource, scope, Vec::new(), &["get", "list"], why);
    }

    fn produced(&mut self, entry: &Entry, child: &Produced) {
        let resource = resource(self.pattern, &child.api_version, &child.kind);
        if let Some(why) = never(&resource.group, &resource.name, "create") {
            let text = format!("child `{}`: {why}", child.id);
            self.refused.push(Refused { text, at: child.at.clone() });
            return;
        }
        let scope = scope(entry, resource.namespaced);
        let done = "its hook adds them; they are made and kept so, deleted when no longer wanted";
        let why = reason(format!("child `{}` of entry `{}`: {done}", child.id, entry.name), &child.at);
        self.add(resource, scope, Vec::new(), &["get", "create", "patch", "delete"], why);
    }

    fn read(&mut self, entry: &Entry, read: &Read) {
        let resource = resource(self.pattern, &read.api_version, &read.kind);
        let scopes = scopes(entry, resource.namespaced, read.elsewhere.as_ref());
        let (names, verb, how) = match &read.which {
            Which::Name(name) => (literal(name).into_iter().collect(), "get", "by name"),
            Which::Selected(_) => (Vec::new(), "list", "by labels"),
        };
        let at = match &read.which {
            Which::Name(name) => name.at.clone(),
            Which::Selected(selector) => selector.at().unwrap_or_default().to_owned(),
        };
        let why = reason(format!("read `{}` of entry `{}`: looked at {how}", read.id, entry.name), &at);
        for scope in scopes {
            self.add(resource.clone(), scope, names.clone(), &[verb], why.clone());
        }
    }

    fn child(&mut self, entry: &Entry, child: &Child) {
        let resource = resource(self.pattern, &child.api_version, &child.kind);
        if let Some(why) = never(&resource.group, &resource.name, "create") {
            self.refuse(child, format!("child `{}`: {why}", child.id));
            return;
        }
        let mut verbs = vec!["get", "create", "patch"];
        let mut done = "made".to_owned();
        if child.policy == Policy::Apply {
            done.push_str(" and kept so");
        }
        let pruned = child.policy == Policy::Apply;
        let ordered = child.policy != Policy::Delete && needs_finalizer(entry);
        if (pruned || ordered || child.recreate) && !child.retain {
            verbs.push("delete");
            done.push_str(if pruned { ", deleted when no longer wanted" } else { ", deleted in order" });
        }
        let why = reason(format!("child `{}` of entry `{}`: {done}", child.id, entry.name), &child.at);
        for scope in scopes(entry, resource.namespaced, child.elsewhere.as_ref()) {
            self.add(resource.clone(), scope, Vec::new(), &verbs, why.clone());
        }
        match (resource.group.as_str(), child.kind.as_str()) {
            (RBAC, "Role" | "ClusterRole") => self.granted(entry, child),
            (RBAC, "RoleBinding" | "ClusterRoleBinding") => self.bound(entry, child),
            _ => {}
        }
    }

    /// Who makes a role must have every right in it, or the API server refuses.
    fn granted(&mut self, entry: &Entry, child: &Child) {
        let rules = match field(&child.manifest, &["rules"]) {
            None => return,
            Some(rules) => plain(&rules),
        };
        let Some(Value::Array(rules)) = rules else {
            let text =
                format!("child `{}`: its rules are computed; give the account by hand what they may become", child.id);
            self.refuse(child, text);
            return;
        };
        let scope = match (child.kind.as_str(), &child.elsewhere) {
            ("Role", None) => scope(entry, true),
            _ => Scope::Cluster,
        };
        for rule in &rules {
            let texts = |name: &str| -> Vec<String> {
                let items = rule.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let (groups, resources, verbs) = (texts("apiGroups"), texts("resources"), texts("verbs"));
            if !texts("nonResourceURLs").is_empty() {
                self.refuse(child, format!("child `{}`: rights on URLs are not derived", child.id));
            }
            for group in &groups {
                for name in &resources {
                    let granted = verbs.iter().filter(|verb| match never(group, name, verb) {
                        Some(why) => {
                            self.refused.push(Refused {
                                text: format!("child `{}` gives `{verb}` on `{name}`: {why}", child.id),
                                at: child.at.clone(),
                            });
                            false
                        }
                        None => true,
                    });
                    let granted: Vec<&str> = granted.map(String::as_str).collect();
                    if !granted.is_empty() {
                        let resource = Resource {
                            group: group.clone(),
                            name: name.clone(),
                            namespaced: scope == Scope::Namespaces,
                            guessed: false,
                        };
                        let text = format!("child `{}` of entry `{}` gives it", child.id, entry.name);
                        self.add(resource, scope.clone(), texts("resourceNames"), &granted, reason(text, &child.at));
                    }
                }
            }
        }
    }

    /// Who binds a role must have its rights, too. Those of a role that the pattern makes are known.
    fn bound(&mut self, entry: &Entry, child: &Child) {
        let of = |node: &Node, path: &[&str]| field(node, path).as_ref().and_then(shown);
        let (kind, name) = (of(&child.manifest, &["roleRef", "kind"]), of(&child.manifest, &["roleRef", "name"]));
        let own = entry.children.iter().any(|other| {
            Some(&other.kind) == kind.as_ref() && name.is_some() && of(&other.manifest, &["metadata", "name"]) == name
        });
        if !own {
            let text = format!(
                "child `{}` binds {} `{}`, which the pattern does not make; give the account that role by hand",
                child.id,
                kind.as_deref().unwrap_or("a role"),
                name.as_deref().unwrap_or("?"),
            );
            self.refuse(child, text);
        }
    }

    fn refuse(&mut self, child: &Child, text: String) {
        self.refused.push(Refused { text, at: child.at.clone() });
    }

    fn add(&mut self, resource: Resource, scope: Scope, names: Vec<String>, verbs: &[&str], why: Reason) {
        let (known, reasons) = self.rights.entry((resource, scope, names)).or_default();
        for verb in verbs {
            if !known.iter().any(|other| other == verb) {
                known.push((*verb).to_owned());
            }
        }
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }
}

/// The group of Komposers and their locks.
pub(crate) const KOMPOSERS: &str = "orkestra.orkspace.io";

/// What is never given, whatever a template says, because it is a way to every other right.
fn never(group: &str, resource: &str, verb: &str) -> Option<&'static str> {
    // Also `*/exec`: that subresource of whatever has one.
    if [group, resource, verb].iter().any(|text| text.contains('*')) {
        return Some("a wildcard is never given");
    }
    if ["escalate", "bind", "impersonate", "approve", "sign", "attest", "unsafe-delete-ignore-read-errors"]
        .contains(&verb)
    {
        return Some("this verb is never given");
    }
    let whole = match group {
        "" => [
            "pods/exec",
            "pods/attach",
            "pods/portforward",
            "pods/ephemeralcontainers",
            "nodes/proxy",
            "serviceaccounts/token",
        ]
        .contains(&resource),
        "admissionregistration.k8s.io" => resource.ends_with("webhookconfigurations"),
        "certificates.k8s.io" => {
            ["certificatesigningrequests/approval", "certificatesigningrequests/status"].contains(&resource)
        }
        // Whoever writes a Komposer decides what runs and what it is granted.
        KOMPOSERS => true,
        _ => false,
    };
    whole.then_some("no right on this resource is ever given")
}

/// Where something lies that may lie outside of the resource's namespace.
fn scopes(entry: &Entry, namespaced: bool, elsewhere: Option<&Elsewhere>) -> Vec<Scope> {
    match elsewhere {
        Some(Elsewhere::Namespaces(names)) => names.iter().cloned().map(Scope::Named).collect(),
        Some(Elsewhere::Anywhere) => vec![Scope::Cluster],
        None => vec![scope(entry, namespaced)],
    }
}

/// Objects of a cluster-scoped resource may be made in any namespace, which no list of namespaces bounds.
fn scope(entry: &Entry, namespaced: bool) -> Scope {
    if entry.api.namespaced && namespaced { Scope::Namespaces } else { Scope::Cluster }
}

fn reason(text: String, at: &str) -> Reason {
    Reason { text, at: at.to_owned() }
}

/// The API's own rule for names of resources, as far as it has one.
fn plural(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| kind.ends_with(end));
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if ends(&["s", "x", "z", "ch", "sh"]) => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

/// A text without expressions.
fn literal(text: &Text) -> Option<String> {
    let mut all = String::new();
    for part in &text.parts {
        let Part::Literal(text) = part else { return None };
        all.push_str(text);
    }
    Some(all)
}

/// What lies at a path of a manifest.
fn field(node: &Node, path: &[&str]) -> Option<Node> {
    let [first, rest @ ..] = path else { return Some(node.clone()) };
    match node {
        Node::Map(members) => members.iter().find(|(name, _)| name == first).and_then(|(_, node)| field(node, rest)),
        Node::Plain(value) => value.get(first).and_then(|value| field(&Node::Plain(value.clone()), rest)),
        Node::Hole(..) | Node::List(_) => None,
    }
}

/// A value without expressions.
fn plain(node: &Node) -> Option<Value> {
    match node {
        Node::Plain(value) => Some(value.clone()),
        Node::Hole(..) => None,
        Node::List(items) => items.iter().map(plain).collect::<Option<_>>().map(Value::Array),
        Node::Map(members) => {
            let members = members.iter().map(|(name, node)| plain(node).map(|value| (name.clone(), value)));
            members.collect::<Option<_>>().map(Value::Object)
        }
    }
}

/// A string as it is written, to be compared.
fn shown(node: &Node) -> Option<String> {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Expression(checked) => format!("{{{{ {} }}}}", checked.source.trim()),
    };
    match node {
        Node::Plain(Value::String(text)) => Some(text.clone()),
        Node::Hole(text, _) => Some(text.parts.iter().map(part).collect()),
        _ => None,
    }
}
