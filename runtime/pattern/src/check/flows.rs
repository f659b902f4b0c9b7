//! Sensitive flows: which of the resource's own values reach fields that decide what somebody may do.
//!
//! What flows into each field of a manifest is noted while the manifest is checked, with what it decides. When all children are
//! there, what came by way of a child or a read is followed to where that has it from.

use std::collections::{BTreeSet, HashMap};

use crate::cel::{Origin, Origins, Root, Shown};
use crate::model::{Flow, Which};
use crate::source::{Source, Span};

use super::kind::Kind;
use super::sinks;

/// A computed value of a manifest.
#[derive(Debug, Clone)]
pub(super) struct Hole {
    /// The keys down to it; items of a list have the list's.
    pub(super) path: Vec<String>,
    /// What flows into it.
    pub(super) origins: Origins,
    /// What it decides, if that is a right.
    pub(super) decides: Option<&'static str>,
    /// Where it is written.
    pub(super) span: Span,
}

/// The computed values of one child.
pub(super) struct Traced {
    pub(super) id: String,
    /// It may be an object that was there before.
    pub(super) adopt: bool,
    /// There is one for each element.
    pub(super) many: bool,
    pub(super) holes: Vec<Hole>,
    /// Where it is said that it lies outside of the resource's namespace.
    pub(super) elsewhere: Option<Span>,
}

/// What decides which objects a read means.
pub(super) struct TracedRead {
    pub(super) id: String,
    pub(super) origins: Origins,
    pub(super) namespaced: bool,
    /// What the choice decides, if that is a right.
    pub(super) decides: Option<&'static str>,
    pub(super) field: &'static str,
    pub(super) span: Span,
    /// Where its namespace is written, if that is not the resource's own, and what decides it.
    pub(super) place: Option<(Span, Origins)>,
    /// That is outside of the namespace of a resource that has one.
    pub(super) elsewhere: bool,
}

impl TracedRead {
    pub(super) fn new(id: &str, kind: &Kind, which: &Which, origins: Origins, span: Span) -> Self {
        Self {
            id: id.to_owned(),
            origins,
            namespaced: kind.namespaced,
            decides: sinks::of_read(&kind.api_version, &kind.kind),
            field: match which {
                Which::Name(_) => "name",
                Which::Selected(_) => "selector",
            },
            span,
            place: None,
            elsewhere: false,
        }
    }
}

/// Fields of `metadata` that the API server decides: a tenant may make a resource only in a namespace where that is allowed.
const SERVERS: [&str; 6] =
    ["namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"];

/// The sensitive flows of an entry, each path into each field once.
pub(super) fn of(children: &[Traced], reads: &[TracedRead], source: &Source) -> Vec<Flow> {
    let follow = Follow {
        children: children.iter().map(|child| (child.id.as_str(), child)).collect(),
        reads: reads.iter().map(|read| (read.id.as_str(), read)).collect(),
    };
    let mut found: Vec<Flow> = Vec::new();
    let mut add = |into: &str, field: String, decides: &'static str, span: Span, origins: &Origins| {
        for path in follow.to_the_resource(origins) {
            let (into, at) = (into.to_owned(), source.at(span));
            found.push(Flow { path, tenant: true, into, field: field.clone(), decides, at, span });
        }
    };
    for read in reads {
        if let Some((span, origins)) = &read.place {
            add(&read.id, "namespace".to_owned(), sinks::NAMESPACE, *span, origins);
        }
        if let Some(decides) = read.decides {
            add(&read.id, read.field.to_owned(), decides, read.span, &read.origins);
        }
    }
    for child in children {
        for hole in &child.holes {
            if let Some(decides) = hole.decides {
                add(&child.id, hole.path.join("."), decides, hole.span, &hole.origins);
            }
        }
    }
    let children = children.iter().filter_map(|child| Some((&child.id, child.elsewhere?, "metadata.namespace")));
    let reads = reads.iter().filter(|read| read.elsewhere);
    let reads = reads.filter_map(|read| Some((&read.id, read.place.as_ref()?.0, "namespace")));
    for (id, span, field) in children.chain(reads) {
        found.push(Flow {
            path: format!("elsewhere.{id}"),
            tenant: false,
            into: id.clone(),
            field: field.to_owned(),
            decides: sinks::NAMESPACE,
            at: source.at(span),
            span,
        });
    }
    let key = |flow: &Flow| (flow.path.clone(), flow.into.clone(), flow.field.clone(), flow.span);
    found.sort_by_key(key);
    found.dedup_by_key(|flow| (flow.path.clone(), flow.into.clone(), flow.field.clone()));
    found
}

struct Follow<'a> {
    children: HashMap<&'a str, &'a Traced>,
    reads: HashMap<&'a str, &'a TracedRead>,
}

impl Follow<'_> {
    /// The paths that values come from in the end, as they are shown.
    fn to_the_resource(&self, origins: &Origins) -> BTreeSet<String> {
        let (mut paths, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<Origin> = origins.iter().cloned().collect();
        while let Some(origin) = open.pop() {
            if !seen.insert(origin.clone()) {
                continue;
            }
            match &origin.root {
                Root::Object => {
                    if let Some(shown) = shown(&origin.path) {
                        paths.insert(shown);
                    }
                }
                Root::Child(id) => {
                    open.extend(self.children.get(id.as_str()).into_iter().flat_map(|child| child.sources(&origin)));
                }
                // It is not known what of the resource a hook uses.
                Root::Hook => {
                    let all = [&["hook".to_owned()][..], &origin.path].concat();
                    paths.insert(Shown(&all).to_string());
                }
                Root::Read(id) => {
                    let Some(read) = self.reads.get(id.as_str()) else { continue };
                    open.extend(read.origins.iter().cloned());
                    // What lies in the resource's namespace is its tenant's to write.
                    if read.namespaced {
                        paths.insert(format!("reads.{id}"));
                    }
                }
            }
        }
        paths
    }
}

impl Traced {
    /// What flows into a part of the observed child.
    fn sources(&self, origin: &Origin) -> Vec<Origin> {
        let path: Vec<&str> = origin.path.iter().map(String::as_str).collect();
        // The children of elements are known by their keys, of which constant ones are steps of the path.
        let ways: Vec<&[&str]> = match path.split_first() {
            Some((_, rest)) if self.many => vec![path.as_slice(), rest],
            _ => vec![path.as_slice()],
        };
        // Only an object that is ours is observed, so its name is one that nobody had before.
        let own = |way: &&[&str]| matches!(way, ["metadata", "name" | "namespace" | "uid"]);
        if !self.adopt && ways.iter().any(own) {
            return Vec::new();
        }
        let meet = |hole: &&Hole| {
            ways.iter().any(|way| hole.path.iter().zip(way.iter()).all(|(written, read)| written == read))
        };
        self.holes.iter().filter(meet).flat_map(|hole| hole.origins.iter().cloned()).collect()
    }
}

/// A path of the resource; none where nobody but the API server decides what lies there.
fn shown(path: &[String]) -> Option<String> {
    match path {
        [root] if root == "apiVersion" || root == "kind" => None,
        [root, field, ..] if root == "metadata" && SERVERS.contains(&field.as_str()) => None,
        path => Some(Shown(path).to_string()),
    }
}
