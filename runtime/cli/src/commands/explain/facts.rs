//! What there is to say of a pattern, before it is put into words.

use std::collections::BTreeMap;

use orkestra_operator::Identity;
use orkestra_pattern::capability::Capability;
use orkestra_pattern::cel::Checked;
use orkestra_pattern::cost::{Summary, of_entry};
use orkestra_pattern::model::{Child, Conversion, Entry, Flow, Part, Pattern, Policy, Read, StatusField, Text, Which};
use orkestra_pattern::rights::{self, Rights};
use orkestra_sandbox::Limits;
use serde_json::{Value, json};

use crate::args::{Explain, Over};
use crate::error::Error;
use crate::output::Output;
use crate::{instances, over, sandbox};

/// Everything of one pattern, or of one child of it.
pub(super) struct Facts<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) entries: Vec<EntryFacts<'a>>,
    pub(super) rights: Rights,
}

/// Everything of one entry.
pub(super) struct EntryFacts<'a> {
    pub(super) entry: &'a Entry,
    /// The child or read that everything is about, if it is about one.
    pub(super) one: Option<String>,
    pub(super) children: Vec<ChildFacts<'a>>,
    pub(super) reads: Vec<&'a Read>,
    pub(super) finalizer: bool,
    /// What the hook asks for, where all is shown.
    pub(super) capabilities: &'a [Capability],
    /// Of a call over cr.yaml, where that is one of this entry's resources.
    pub(super) measured: Option<u64>,
    /// At most, by the schemas.
    pub(super) cost: Summary,
}

/// A child, and when its turn comes.
pub(super) struct ChildFacts<'a> {
    pub(super) child: &'a Child,
    /// Children of one step are applied one after another without waiting. Counted from one; zero: only at deletion.
    pub(super) applied: usize,
    /// In which step of a deletion it goes, counted from one; none: it stays, or goes by itself when its work is done.
    pub(super) deleted: Option<usize>,
    /// What it costs at most in one call; all of its elements under `forEach`.
    pub(super) cost: u64,
}

impl<'a> Facts<'a> {
    pub(super) fn of(args: &Explain, pattern: &'a Pattern, output: &Output) -> Result<Self, Error> {
        let wanted = |id: &str| args.id.as_deref().is_none_or(|wanted| wanted == id);
        let measured = measure(args, pattern, output)?;
        let entries = pattern.entries.iter().map(|entry| {
            let cost = of_entry(entry);
            let mut facts = EntryFacts {
                entry,
                one: args.id.clone(),
                children: children(entry, &cost),
                reads: entry.reads.iter().filter(|read| wanted(&read.id)).collect(),
                finalizer: rights::needs_finalizer(entry),
                capabilities: if args.id.is_none() && entry.hook.is_some() { &pattern.capabilities } else { &[] },
                measured: measured.iter().find(|(name, _)| *name == entry.name).map(|(_, cost)| *cost),
                cost,
            };
            facts.children.retain(|child| wanted(&child.child.id));
            facts
        });
        let mut rights = rights::derive(pattern, |_| true);
        if let Some(id) = &args.id {
            // A reason names the child or read that it is about by its place or by its id.
            let places: Vec<&str> = pattern
                .entries
                .iter()
                .flat_map(|entry| &entry.children)
                .filter(|child| child.id == *id)
                .map(|child| child.at.as_str())
                .collect();
            let named = format!("`{id}`");
            for right in &mut rights.rights {
                right.reasons.retain(|reason| places.contains(&reason.at.as_str()) || reason.text.contains(&named));
            }
            rights.rights.retain(|right| !right.reasons.is_empty());
            rights.refused.retain(|refused| places.contains(&refused.at.as_str()));
        }
        let entries =
            entries.filter(|entry| args.id.is_none() || !entry.children.is_empty() || !entry.reads.is_empty());
        Ok(Self { pattern, entries: entries.collect(), rights })
    }

    pub(super) fn json(&self) -> Value {
        let rights = self.rights.rights.iter().map(|right| {
            let reasons = right.reasons.iter().map(|reason| json!({"text": reason.text, "at": reason.at}));
            json!({
                "group": right.resource.group,
                "resource": right.resource.name,
                "guessed": right.resource.guessed,
                "scope": right.scope.word(),
                "names": right.names,
                "verbs": right.verbs,
                "reasons": reasons.collect::<Vec<_>>(),
            })
        });
        let refused = self.rights.refused.iter().map(|refused| json!({"text": refused.text, "at": refused.at}));
        json!({
            "name": self.pattern.name,
            "version": self.pattern.version.to_string(),
            "entries": self.entries.iter().map(EntryFacts::json).collect::<Vec<_>>(),
            "rights": rights.collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
        })
    }
}

impl<'a> EntryFacts<'a> {
    /// The status fields: of one child or read only those that use it.
    pub(super) fn status(&self) -> impl Iterator<Item = &'a StatusField> {
        let one = self.one.clone();
        let fields = self.entry.status.iter();
        fields.filter(move |field| {
            let mut uses = field.requires.iter().chain(&field.reads);
            one.as_ref().is_none_or(|one| uses.any(|id| id == one))
        })
    }

    /// The ways between versions, unless all is about one child or read.
    pub(super) fn conversions(&self) -> impl Iterator<Item = &'a Conversion> {
        let all = if self.one.is_none() { self.entry.conversions.as_slice() } else { &[] };
        all.iter()
    }

    /// The sensitive flows: of one child or read only those into it.
    pub(super) fn flows(&self) -> impl Iterator<Item = &'a Flow> {
        let one = self.one.clone();
        self.entry.flows.iter().filter(move |flow| one.as_ref().is_none_or(|one| flow.into == *one))
    }

    fn json(&self) -> Value {
        let children = self.children.iter().map(|facts| {
            let Child { id, at, policy, api_version, kind, requires, reads, for_each, when, ready_when, .. } =
                facts.child;
            json!({
                "id": id,
                "at": at,
                "apiVersion": api_version,
                "kind": kind,
                "policy": self::policy(*policy),
                "when": when.as_ref().map(source),
                "forEach": for_each.as_ref().map(|each| source(&each.range)),
                "readyWhen": ready_when.as_ref().map(source),
                "requires": requires,
                "reads": reads,
                "options": options(facts.child),
                "appliedInStep": (facts.applied > 0).then_some(facts.applied),
                "deletedInStep": facts.deleted,
                "cost": facts.cost,
            })
        });
        let reads = self.reads.iter().map(|read| {
            json!({
                "id": read.id, "apiVersion": read.api_version, "kind": read.kind, "which": which(read), "optional": read.optional,
            })
        });
        let status = self
            .status()
            .map(|field| json!({"path": field.path.join("."), "requires": field.requires, "reads": field.reads}));
        let conversions = self.conversions().map(|way| {
            let lossy: Vec<String> = way.lossy.iter().map(|path| path.join(".")).collect();
            json!({"from": way.from, "to": way.to, "at": way.at, "derived": way.derived, "rules": way.rules, "lossy": lossy})
        });
        let flows = self.flows().map(|flow| {
            json!({
                "path": flow.path, "into": flow.into, "field": flow.field, "decides": flow.decides, "at": flow.at, "grant": flow.grant(),
            })
        });
        json!({
            "name": self.entry.name,
            "kind": self.entry.api.kind,
            "group": self.entry.api.group,
            "version": self.entry.api.version,
            "foreign": self.entry.foreign,
            "selector": self.entry.selector.as_ref().map(ToString::to_string),
            "finalizer": self.finalizer,
            "reads": reads.collect::<Vec<_>>(),
            "children": children.collect::<Vec<_>>(),
            "status": status.collect::<Vec<_>>(),
            "conversions": conversions.collect::<Vec<_>>(),
            "flows": flows.collect::<Vec<_>>(),
            "mutations": self.entry.mutations.iter().map(|mutation| json!({
                "field": mutation.path.join("."), "overrides": mutation.overrides, "at": mutation.at,
            })).collect::<Vec<_>>(),
            "rules": self.entry.rules.iter().map(|rule| json!({
                "name": rule.name, "field": rule.field, "deny": rule.deny, "rule": source(&rule.holds), "at": rule.holds.at,
            })).collect::<Vec<_>>(),
            "requeues": self.entry.requeues.iter().map(|requeue| json!({
                "when": source(&requeue.when), "after": format!("{:?}", requeue.after),
            })).collect::<Vec<_>>(),
            "hook": self.entry.hook.as_ref().map(|hook| json!({
                "points": hook.points(),
                "afterRender": hook.after_render.as_ref().map(|after| json!({
                    "children": after.children,
                    "produces": after.produces.iter().map(|child| json!({
                        "id": child.id, "apiVersion": child.api_version, "kind": child.kind, "many": child.many,
                    })).collect::<Vec<_>>(),
                })),
                "values": hook.values.iter().map(|value| &value.name).collect::<Vec<_>>(),
                "capabilities": self.capabilities.iter().map(|one| one.what.to_string()).collect::<Vec<_>>(),
            })),
            "cost": {
                "measured": self.measured, "worst": self.cost.reconcile, "conversion": self.cost.conversion,
                "limit": Limits::default().cost,
            },
        })
    }
}

/// The children with their turns: a child comes as soon as all that it reads is there, and goes as soon as all that read it
/// are gone.
fn children<'a>(entry: &'a Entry, cost: &Summary) -> Vec<ChildFacts<'a>> {
    let goes = |child: &Child| child.policy != Policy::Delete && !child.retain;
    let mut applied: BTreeMap<&str, usize> = BTreeMap::new();
    // The order of the model is one in which each reads only earlier ones.
    for child in &entry.children {
        let before = child.requires.iter().filter_map(|id| applied.get(id.as_str())).max();
        applied.insert(&child.id, before.copied().unwrap_or(0) + 1);
    }
    // How many steps what reads a child takes to go. One that stays is not waited for, but what reads it is.
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    for child in entry.children.iter().rev() {
        let own = held.get(child.id.as_str()).copied().unwrap_or(0) + usize::from(goes(child));
        for id in &child.requires {
            let steps = held.entry(id).or_default();
            *steps = own.max(*steps);
        }
    }
    let facts = entry.children.iter().map(|child| {
        let step = |steps: &BTreeMap<&str, usize>| steps.get(child.id.as_str()).copied().unwrap_or(0);
        ChildFacts {
            child,
            applied: if child.policy == Policy::Delete { 0 } else { step(&applied) },
            deleted: goes(child).then(|| step(&held) + 1),
            cost: cost.children.iter().find(|(id, _)| *id == child.id).map_or(0, |(_, most)| *most),
        }
    });
    facts.collect()
}

/// What a call over cr.yaml costs, by the engine's own meter. None where there is no cr.yaml, or it does not render.
fn measure(args: &Explain, pattern: &Pattern, output: &Output) -> Result<Option<(String, u64)>, Error> {
    if !args.dir.join("cr.yaml").is_file() {
        return Ok(None);
    }
    let over = Over::default();
    let instance = over::instance(&args.dir, pattern.clone(), &over)?;
    let (entry, _, given) = over::given(&args.dir, &instance.pattern, &over, output)?;
    let loaded = instances::load(&instance.pattern, &sandbox::start(None, output)?)?;
    let described = instances::describe(&instance, loaded, None, Identity::Process);
    let declared = described.entries.iter().find(|declared| declared.name == entry.name).ok_or(Error::Silent)?;
    let preview = orkestra_operator::preview(&described, declared, &given);
    Ok(preview.ok().map(|preview| (entry.name.clone(), preview.cost)))
}

pub(super) fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Create => "onCreate",
        Policy::Apply => "onReconcile",
        Policy::Delete => "onDelete",
    }
}

/// The options of a child by their names in the Katalog.
pub(super) fn options(child: &Child) -> Vec<&'static str> {
    let all = [
        (child.once, "once"),
        (child.retain, "deletionPolicy: retain"),
        (child.adopt, "adopt"),
        (child.recreate, "recreate"),
        (child.elsewhere.is_some(), "elsewhere"),
        (child.rotate_after.is_some(), "rotateAfter"),
        (child.tls.is_some(), "tls"),
    ];
    all.into_iter().filter_map(|(is, name)| is.then_some(name)).collect()
}

/// An expression on one line.
pub(super) fn source(checked: &Checked) -> String {
    checked.source.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which objects a read means.
pub(super) fn which(read: &Read) -> String {
    match &read.which {
        Which::Name(name) => written(name),
        Which::Selected(selector) => selector.shown(&written),
    }
}

fn written(text: &Text) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Expression(checked) => format!("{{{{ {} }}}}", source(checked)),
    };
    text.parts.iter().map(part).collect()
}
