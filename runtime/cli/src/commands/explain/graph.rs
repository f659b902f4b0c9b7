//! Facts as a graph: an arrow leads from what is used to what uses it, which is the order of application.

use orkestra_pattern::codes::bounds::units;
use orkestra_pattern::model::Policy;
use orkestra_pattern::rights::{Right, Scope};

use super::facts::{ChildFacts, EntryFacts, Facts, options, policy, source, which};

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The resource.
    Primary,
    /// What is of others.
    Read,
    /// What is made.
    Child,
    /// What is made at deletion.
    Last,
}

/// A box.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Unique among the children, or among the reads; empty for the resource.
    pub(super) id: String,
    /// What it says, the first line its name. Foreign text: whoever draws it escapes it.
    pub(super) lines: Vec<String>,
    /// Its row, from 0. Those of one row do not wait for one another.
    pub(super) layer: usize,
}

/// An arrow between two boxes, by their numbers.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Why it is there, where that is not just the use; a word of ours.
    pub(super) word: &'static str,
    /// It comes from an object of others.
    pub(super) dashed: bool,
}

/// One entry.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

/// The graph of an entry.
pub(super) fn of(facts: &EntryFacts<'_>) -> Graph {
    let api = &facts.entry.api;
    let mut graph = Graph::default();
    let cost = format!("a reconcile costs at most {}", units(facts.cost.reconcile));
    graph.nodes.push(Node { kind: Kind::Primary, id: String::new(), lines: vec![api.kind.clone(), cost], layer: 0 });
    for read in &facts.reads {
        let optional = if read.optional { ", optional" } else { "" };
        let lines = vec![format!("{}: {}", read.id, read.kind), format!("read: {}{optional}", which(read))];
        graph.nodes.push(Node { kind: Kind::Read, id: read.id.clone(), lines, layer: 0 });
    }
    let last = facts.children.iter().map(|child| child.applied).max().unwrap_or(0) + 1;
    for child in &facts.children {
        let kind = if child.child.policy == Policy::Delete { Kind::Last } else { Kind::Child };
        let layer = if kind == Kind::Last { last } else { child.applied };
        graph.nodes.push(Node { kind, id: child.child.id.clone(), lines: lines(child), layer });
    }
    let number =
        |kind: fn(Kind) -> bool, id: &str| graph.nodes.iter().position(|node| kind(node.kind) && node.id == id);
    let child_number = |id: &str| number(|kind| matches!(kind, Kind::Child | Kind::Last), id);
    let mut edges = Vec::new();
    for ChildFacts { child, .. } in &facts.children {
        let Some(to) = child_number(&child.id) else { continue };
        let word = match (child.policy, child.when.is_some()) {
            (Policy::Delete, _) => "at deletion",
            (_, true) => "when",
            (_, false) => "",
        };
        // Of one child alone the others are not drawn.
        let used: Vec<usize> = child.requires.iter().filter_map(|id| child_number(id)).collect();
        if used.is_empty() {
            edges.push(Edge { from: 0, to, word, dashed: false });
        }
        edges.extend(used.into_iter().map(|from| Edge { from, to, word, dashed: false }));
        let read = child.reads.iter().filter_map(|id| number(|kind| kind == Kind::Read, id));
        edges.extend(read.map(|from| Edge { from, to, word: "", dashed: true }));
    }
    graph.edges = edges;
    graph
}

fn lines(child: &ChildFacts<'_>) -> Vec<String> {
    let of = child.child;
    let step = if child.applied > 0 { format!("{}. ", child.applied) } else { String::new() };
    let mut lines = vec![format!("{step}{}: {}", of.id, of.kind), policy(of.policy).to_owned()];
    if let Some(each) = &of.for_each {
        lines.push(format!("one for each of {}", source(&each.range)));
    }
    if let Some(when) = &of.when {
        lines.push(format!("when {}", source(when)));
    }
    if !of.requires.is_empty() {
        lines.push(format!("after {}, which it uses", of.requires.join(" and ")));
    }
    if let Some(ready) = &of.ready_when {
        lines.push(format!("ready when {}", source(ready)));
    }
    let options = options(of);
    if !options.is_empty() {
        lines.push(options.join(", "));
    }
    lines.push(format!("costs at most {}", units(child.cost)));
    lines
}

/// The rights with their reasons, a few lines for each.
pub(super) fn rights(facts: &Facts<'_>) -> Vec<Vec<String>> {
    let one = |right: &Right| {
        let group = if right.resource.group.is_empty() { String::new() } else { format!(".{}", right.resource.group) };
        let place = if right.scope == Scope::Cluster { " in the whole cluster" } else { "" };
        let names = if right.names.is_empty() { String::new() } else { format!(" named {}", right.names.join(", ")) };
        let head = format!("{}{group}: {}{names}{place}", right.resource.name, right.verbs.join(", "));
        std::iter::once(head).chain(right.reasons.iter().map(|reason| reason.text.clone())).collect()
    };
    facts.rights.rights.iter().map(one).collect()
}
