//! What a whole reconcile of an entry costs, and the conversion of an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::extent::REQUEST;
use super::schema::{Place, Role};
use super::{Cost, Estimate, Extent, Missing, Owner, Size, dearest, of_text, traversal};
use crate::cel::{Checked, Source};
use crate::model::{Child, Computed, Conversion, Entry, Given, Made, Node, Part, Policy, Text, Which};
use crate::schema::Schema;

/// What a child of `forEach` costs beside its expressions.
const ELEMENT: u64 = 1_000;
/// The most bytes that a call may give back: writing more is not paid for, because the call fails. The default limit of the
/// sandbox.
const OUTPUT: u64 = 4 << 20;
/// How often a rule of a conversion goes through what it reads, its being written included.
const GOINGS: u64 = 4;
/// What an item or value of a conversion costs beside its expressions.
const CONVERTED: u64 = 12;

/// The costs of an entry.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The most that one reconcile costs. An admission review costs no more: it does a part of the same.
    pub reconcile: u64,
    /// The most that the rules cost of converting one object, and writing it; none: nothing is converted. What is compared to know
    /// what a version loses is not in it.
    pub conversion: Option<u64>,
    /// What each child costs at most in one call, by its id; all of its elements under `forEach`.
    pub children: Vec<(String, u64)>,
    /// All expressions, the dearest first.
    pub items: Vec<Item>,
}

/// One expression, or string with expressions.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its place: `katalog.yaml:12:8`.
    pub at: String,
    /// Its text, without line ends.
    pub source: String,
    /// What it is for: ``the manifest of `web` ``, ``the rule``.
    pub what: String,
    /// What it costs once.
    pub cost: Cost,
    /// How often it is evaluated at most in one reconcile.
    pub times: u64,
    /// The most that it costs in one call, with what is written of it.
    pub most: u64,
    /// Bounds whose absence makes it dear, the dearest first.
    pub missing: Vec<Missing>,
    /// It belongs to a conversion.
    pub conversion: bool,
}

/// A sum of costs, and the JSON that is written by the way.
#[derive(Default)]
struct Sum {
    units: u64,
    /// Bytes that are written into the call's output, and how many times something is.
    bytes: u64,
    holes: u64,
    /// Bytes that rules of a conversion read, and how many rules read each path.
    read: u64,
    readers: BTreeMap<Source, u64>,
    items: Vec<Item>,
}

/// Where something stands, and how often it is evaluated.
#[derive(Clone, Copy)]
struct Group<'a> {
    what: &'a str,
    times: u64,
    /// What the number of times comes from.
    range: Option<&'a Estimate>,
    conversion: bool,
}

impl<'a> Group<'a> {
    fn once(what: &'a str) -> Group<'a> {
        Group { what, times: 1, range: None, conversion: false }
    }
}

impl Sum {
    fn spend(&mut self, units: u64) {
        self.units = self.units.saturating_add(units);
    }

    fn add(&mut self, at: &str, source: String, estimate: &Estimate, written: Option<Size>, group: Group<'_>) {
        let Group { what, times, range, conversion } = group;
        let write = written.as_ref().map_or(0, |size| traversal(size.most));
        let most = estimate.cost.max.saturating_add(write.min(traversal(OUTPUT))).saturating_mul(times);
        self.spend(estimate.cost.max.saturating_mul(times));
        if let Some(size) = &written {
            self.bytes = self.bytes.saturating_add(size.most.saturating_mul(times));
            self.holes = self.holes.saturating_add(times);
        }
        let mut missing: Vec<Missing> = estimate.missing.clone();
        missing.iter_mut().for_each(|one| one.cost = one.cost.saturating_mul(times));
        if let Some(because) = range.and_then(|range| range.extent.len().because) {
            missing.push(because.missing(most));
        }
        missing
            .extend(written.and_then(|size| size.because).map(|because| because.missing(write.saturating_mul(times))));
        self.items.push(Item {
            at: at.to_owned(),
            source,
            what: what.to_owned(),
            cost: estimate.cost,
            times,
            most,
            missing: dearest(missing),
            conversion,
        });
    }

    fn checked(&mut self, checked: &Checked, group: Group<'_>) {
        self.add(&checked.at, one_line(&checked.source), &checked.cost, None, group);
    }

    fn text(&mut self, text: &Text, written: bool, group: Group<'_>) {
        let estimate = of_text(text);
        let size = written.then(|| estimate.extent.json());
        if !written && !text.parts.iter().any(|part| matches!(part, Part::Expression(_))) {
            return;
        }
        self.add(&text.at, shown(text), &estimate, size, group);
    }

    /// A value with expressions, written as JSON.
    fn node(&mut self, node: &Node, group: Group<'_>) {
        match node {
            Node::Plain(_) => {}
            Node::Hole(text, _) => self.text(text, true, group),
            Node::Map(members) => members.iter().for_each(|(_, node)| self.node(node, group)),
            Node::List(items) => items.iter().for_each(|node| self.node(node, group)),
        }
    }

    fn merge(&mut self, other: Sum) {
        let Sum { units, bytes, holes, read: _, readers: _, items } = other;
        self.spend(units);
        self.bytes = self.bytes.saturating_add(bytes);
        self.holes = self.holes.saturating_add(holes);
        self.items.extend(items);
    }

    /// All of it, where what is written ends with the output's limit.
    fn capped(&self) -> u64 {
        self.units.saturating_add(self.bytes.min(OUTPUT) / 10).saturating_add(self.holes)
    }

    /// All of it, where it does not.
    fn whole(&self) -> u64 {
        // What rules read of one object is no more than the object, as often as one of its values is read.
        let readers = self.readers.values().copied().max().unwrap_or(0);
        let read = self.read.min(REQUEST.saturating_mul(readers)) / 10 * GOINGS;
        self.units.saturating_add(self.bytes / 10).saturating_add(self.holes).saturating_add(read)
    }
}

/// The costs of an entry.
pub fn of_entry(entry: &Entry) -> Summary {
    let mut before = Sum::default();
    for mutation in &entry.mutations {
        before.node(&mutation.value, Group::once("a mutation"));
        before.spend(putting(entry, &mutation.path));
    }
    // What a mutation changes may change every variable.
    let times = if entry.mutations.is_empty() { 1 } else { 2 };
    for var in &entry.vars {
        let what = format!("`vars.{}`", var.name);
        before.text(&var.value, false, Group { times, ..Group::once(&what) });
    }
    for rule in &entry.rules {
        before.checked(&rule.holds, Group::once("a rule"));
        before.text(&rule.message, false, Group::once("the message of a rule"));
    }
    for read in &entry.reads {
        let what = format!("the read `{}`", read.id);
        match &read.which {
            Which::Name(name) => before.text(name, false, Group::once(&what)),
            Which::Selected(selector) => {
                selector.values().for_each(|value| before.text(value, false, Group::once(&what)));
            }
        }
        read.namespace.iter().for_each(|namespace| before.text(namespace, false, Group::once(&what)));
    }
    let (mut living, mut deleting) = (Sum::default(), Sum::default());
    let mut children = Vec::new();
    for child in &entry.children {
        let mut sum = Sum::default();
        self::child(&mut sum, child);
        children.push((child.id.clone(), sum.capped()));
        (if child.policy == Policy::Delete { &mut deleting } else { &mut living }).merge(sum);
    }
    for field in &entry.status {
        let what = format!("`status.{}`", field.path.join("."));
        field.when.iter().for_each(|when| living.checked(when, Group::once(&what)));
        living.node(&field.value, Group::once(&what));
    }
    for condition in &entry.conditions {
        let what = format!("the condition `{}`", condition.kind);
        living.checked(&condition.when, Group::once(&what));
        for text in condition.reason.iter().chain([&condition.message]) {
            living.text(text, true, Group::once(&what));
        }
    }
    for requeue in &entry.requeues {
        living.checked(&requeue.when, Group::once("a requeue"));
    }
    let reconcile = before.whole().saturating_add(living.capped().max(deleting.capped()));
    let mut items = before.items;
    items.extend(living.items);
    items.extend(deleting.items);
    let (conversion, converted) = conversions(entry).unzip();
    items.extend(converted.into_iter().flatten());
    items.sort_by(|a, b| b.most.cmp(&a.most).then_with(|| a.at.cmp(&b.at)));
    Summary { reconcile, conversion, children, items }
}

/// What it costs to look at a field of the object, to compare what is there, and to put a value into its place.
fn putting(entry: &Entry, path: &[String]) -> u64 {
    let mut at = Extent::Of(Place::new(entry.schema.clone(), "", Owner::Crd, Role::Whole));
    let mut units = path.len() as u64;
    for key in path {
        units = units.saturating_add(at.len().most);
        at = at.field(key);
    }
    units.saturating_add(traversal(at.json().most))
}

fn child(sum: &mut Sum, child: &Child) {
    let range = child.for_each.as_ref().map(|each| &each.range.cost);
    let times = range.map_or(1, |range| range.extent.len().most);
    let of = |part: &str| format!("{part} of `{}`", child.id);
    if let Some(each) = &child.for_each {
        sum.checked(&each.range, Group::once(&of("`forEach`")));
        sum.spend(ELEMENT.saturating_mul(times));
        if let Some(item) = sum.items.last_mut() {
            // The children themselves are what the list costs.
            item.most = item.most.saturating_add(ELEMENT.saturating_mul(times));
            let because = each.range.cost.extent.len().because;
            item.missing.extend(because.map(|because| because.missing(ELEMENT.saturating_mul(times))));
            item.missing = dearest(std::mem::take(&mut item.missing));
        }
        if let Some(key) = &each.key {
            sum.checked(key, Group { times, range, ..Group::once(&of("the key")) });
        }
    }
    for (part, condition) in [("`when`", &child.when), ("`readyWhen`", &child.ready_when)] {
        if let Some(condition) = condition {
            sum.checked(condition, Group { times, range, ..Group::once(&of(part)) });
        }
    }
    let what = of("the manifest");
    let group = Group { times, range, ..Group::once(&what) };
    if !child.once {
        return sum.node(&child.manifest, group);
    }
    // A key of the data is looked for, and what it has is written in place of what would be made.
    if let Node::Map(members) = &child.manifest {
        for (name, node) in members {
            sum.node(node, group);
            if let (Node::Map(data), "data") = (node, name.as_str()) {
                let keys = (data.len() as u64).saturating_mul(times);
                sum.spend(keys);
                sum.holes = sum.holes.saturating_add(keys);
                sum.bytes = sum.bytes.saturating_add(OUTPUT.saturating_mul(keys));
            }
        }
    }
    if let Some(tls) = &child.tls {
        for name in tls.common_name.iter().chain(&tls.dns_names) {
            sum.text(name, true, Group { times, range, ..Group::once(&of("`tls`")) });
        }
    }
}

/// How often a way back is made: to know what is lost, and once more where something that was kept is put back.
const BACK: u64 = 2;

/// The dearest conversion: a way and the way back; both of two where it leads through the storage version, which is the first.
fn conversions(entry: &Entry) -> Option<(u64, Vec<Item>)> {
    if entry.conversions.is_empty() {
        return None;
    }
    let mut items = Vec::new();
    let mut ways = Vec::new();
    for way in &entry.conversions {
        let mut sum = Sum::default();
        let schema =
            entry.versions.iter().find(|version| version.name == way.from).map(|version| version.schema.clone());
        let source =
            schema.map_or(Extent::Any(None), |schema| Extent::Of(Place::new(schema, "", Owner::Crd, Role::Plain)));
        made(&mut sum, &way.object, &source, &source, 1, way);
        ways.push((&way.from, &way.to, sum.whole()));
        items.append(&mut sum.items);
    }
    let cost_of = |from: &String, to: &String| {
        let found = ways.iter().find(|(other_from, other_to, _)| *other_from == from && *other_to == to);
        found.map_or(0, |(_, _, cost)| *cost)
    };
    let hop = |from: &String, to: &String| cost_of(from, to).saturating_add(cost_of(to, from).saturating_mul(BACK));
    let stored = entry.versions.first().map(|version| &version.name);
    let mut most = 0;
    for (from, to, _) in &ways {
        // From a version that is not stored it may go on to any other, but not back.
        let on = ways.iter().filter(|(next, other, _)| Some(*to) == stored && next == to && other != from);
        let rest = on.map(|(next, other, _)| hop(next, other)).max().unwrap_or_default();
        most = hop(from, to).saturating_add(rest).max(most);
    }
    let whole = |schema: &Arc<Schema>| Extent::Of(Place::new(schema.clone(), "", Owner::Crd, Role::Plain)).json().most;
    let written = entry.versions.iter().map(|version| whole(&version.schema)).max().unwrap_or_default();
    Some((most.saturating_add(traversal(written)), items))
}

fn at(extent: &Extent, path: &[String]) -> Extent {
    path.iter().fold(extent.clone(), |extent, key| extent.field(key))
}

fn made(sum: &mut Sum, of: &Made, root: &Extent, cursor: &Extent, times: u64, way: &Conversion) {
    match of {
        Made::Copy(path) => sum.spend((path.len() as u64).saturating_mul(times)),
        Made::Object(object) => {
            let from = object.from.as_ref();
            sum.spend(from.map_or(0, |path| path.len() as u64).saturating_mul(times));
            object.members.iter().for_each(|(_, member)| made(sum, member, root, cursor, times, way));
            if let (Some(rest), Some(from)) = (&object.rest, from) {
                let source = at(cursor, from);
                let members = source.len().most.saturating_mul(times);
                sum.spend(members);
                if let Some(value) = &rest.value {
                    each(sum, &source.len(), from, times, way);
                    made(sum, value, root, &source.item(), members, way);
                }
            }
        }
        Made::Each(path, item) => {
            let list = at(cursor, path);
            let items = list.len().most.saturating_mul(times);
            sum.spend((path.len() as u64).saturating_mul(times));
            each(sum, &list.len(), path, times, way);
            made(sum, item, root, &list.item(), items, way);
        }
        Made::Given(given) => self::given(sum, given, root, cursor, times, way),
    }
}

/// What the items of a list, or the values of a map, cost beside what becomes of them.
fn each(sum: &mut Sum, len: &Size, path: &[String], times: u64, way: &Conversion) {
    let items = len.most.saturating_mul(times);
    let missing: Vec<Missing> =
        len.because.iter().map(|because| because.missing(items.saturating_mul(CONVERTED))).collect();
    let estimate = Estimate { cost: Cost::at_most(CONVERTED), missing, extent: Extent::Scalar };
    let what = format!("the items of `{}` from {} to {}", path.join("."), way.from, way.to);
    let group = Group { what: &what, times: items, range: None, conversion: true };
    let mut one = Sum::default();
    one.add(&way.at, "each".to_owned(), &estimate, None, group);
    // The missing bound costs what it costs once for all of them.
    one.items.iter_mut().for_each(|item| item.missing.clone_from(&estimate.missing));
    sum.merge(one);
}

fn given(sum: &mut Sum, given: &Given, root: &Extent, cursor: &Extent, times: u64, way: &Conversion) {
    let what = format!("the conversion from {} to {}", way.from, way.to);
    let group = Group { what: &what, times, range: None, conversion: true };
    if let Computed::Node(node) = &given.value {
        // In what one manager set, what it reads is looked for first.
        let steps = given.sources.iter().fold(0_u64, |sum, source| sum.saturating_add(source.path.len() as u64));
        sum.spend(steps.saturating_mul(times));
        return sum.node(node, group);
    }
    // A rule of its own, over the values that it reads: found, compared or split, and written.
    let (mut units, mut json) = (8 + GOINGS, Size::default());
    for source in &given.sources {
        let value = at(if source.item { cursor } else { root }, &source.path);
        units = units.saturating_add(source.path.len() as u64 + 6);
        json = json.and(&value.json());
        let readers = sum.readers.entry(source.clone()).or_default();
        *readers = readers.saturating_add(1);
    }
    if let Computed::Table { values, .. } = &given.value {
        let compared = values.iter().map(|(value, _)| 4 + traversal(value.to_string().len() as u64));
        units = compared.fold(units, u64::saturating_add);
    }
    sum.read = sum.read.saturating_add(json.most.saturating_mul(times));
    let missing: Vec<Missing> =
        json.because.iter().map(|because| because.missing(traversal(json.most).saturating_mul(GOINGS))).collect();
    let estimate = Estimate { cost: Cost::at_most(units), missing, extent: Extent::Scalar };
    sum.add(&way.at, "a rule".to_owned(), &estimate, None, group);
}

fn one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Expression(checked) => format!("{{{{ {} }}}}", one_line(&checked.source)),
    };
    one_line(&text.parts.iter().map(part).collect::<String>())
}
