//! A checked pattern → its program: names become indexes, values become templates.

use std::collections::BTreeMap;

use orkestra_pattern::model as checked;
use orkestra_program::model::{
    Child, Condition, Entry, ForEach, Mutation, Operator, Policy, Program, Read, Requeue, Requirement, Rule, Selector,
    StatusField, Which,
};

use crate::Error;
use crate::conversion;
use crate::lower::{self, Element, Slots};
use crate::template::{once, template};

/// Lowers a pattern.
///
/// # Errors
/// The pattern is not one that the check lets through.
pub fn lower(pattern: &checked::Pattern) -> Result<Program, Error> {
    let entries = pattern.entries.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Program { entries, evaluations: Vec::new() })
}

fn entry(entry: &checked::Entry) -> Result<Entry, Error> {
    let checked::Entry {
        name,
        api: _,
        foreign: _,
        selector: _,
        schema: _,
        workers: _,
        resync: _,
        running: _,
        hook: _,
        vars,
        reads,
        children,
        status,
        conditions,
        versions,
        conversions,
        flows: _,
        mutations,
        rules,
        requeues,
    } = entry;
    let mut slots = Slots {
        vars: indexes(name, "vars", vars.iter().map(|var| &var.name))?,
        children: indexes(name, "children", children.iter().map(|child| &child.id))?,
        reads: indexes(name, "reads", reads.iter().map(|read| &read.id))?,
        element: None,
    };
    let mut lowered = Entry { name: name.clone(), ..Entry::default() };
    for checked::Var { name: _, value } in vars {
        lowered.vars.push(lower::text(value, &slots));
    }
    for checked::Read { id, api_version: _, kind: _, which, optional: _, namespace, elsewhere: _ } in reads {
        let which = match which {
            checked::Which::Name(name) => Which::Name(lower::text(name, &slots)),
            checked::Which::Selected(selector) => Which::Selected(self::selector(selector, &slots)),
        };
        let namespace = namespace.as_ref().map(|namespace| lower::text(namespace, &slots));
        lowered.reads.push(Read { id: id.clone(), which, namespace });
    }
    for child in children {
        lowered.children.push(self::child(name, child, &mut slots)?);
    }
    for checked::StatusField { path, requires, reads, when, value } in status {
        let from = format!("status.{}", path.join("."));
        lowered.status.push(StatusField {
            path: path.clone(),
            requires: references(name, &from, Kind::Child, requires, &slots)?,
            reads: references(name, &from, Kind::Read, reads, &slots)?,
            when: when.as_ref().map(|when| lower::located(when, &slots)),
            value: template(value, &slots),
        });
    }
    for checked::Condition { kind, requires, reads, when, reason, message } in conditions {
        let from = format!("status.conditions.{kind}");
        lowered.conditions.push(Condition {
            kind: kind.clone(),
            requires: references(name, &from, Kind::Child, requires, &slots)?,
            reads: references(name, &from, Kind::Read, reads, &slots)?,
            when: lower::located(when, &slots),
            reason: reason.as_ref().map(|reason| lower::text(reason, &slots)),
            message: lower::text(message, &slots),
        });
    }
    for checked::Mutation { name: _, path, overrides, at: _, value } in mutations {
        let value = template(value, &slots);
        lowered.mutations.push(Mutation { path: path.clone(), overrides: *overrides, value });
    }
    for checked::Rule { name: _, field, deny, holds, message } in rules {
        lowered.rules.push(Rule {
            field: field.clone(),
            deny: *deny,
            holds: lower::located(holds, &slots),
            message: lower::text(message, &slots),
        });
    }
    for checked::Requeue { requires, reads, when, after } in requeues {
        lowered.requeues.push(Requeue {
            requires: references(name, "requeue", Kind::Child, requires, &slots)?,
            reads: references(name, "requeue", Kind::Read, reads, &slots)?,
            when: lower::located(when, &slots),
            after: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        });
    }
    (lowered.versions, lowered.conversions) = conversion::conversions(name, versions, conversions)?;
    lowered.status.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(lowered)
}

fn child(entry: &str, child: &checked::Child, slots: &mut Slots) -> Result<Child, Error> {
    // What the host needs of a kind is in the manifest, which is all that the engine sees.
    let checked::Child {
        id, policy, requires, reads, for_each, when, ready_when, once: made_once, tls, manifest, ..
    } = child;
    let requires = references(entry, id, Kind::Child, requires, slots)?;
    let reads = references(entry, id, Kind::Read, reads, slots)?;
    let range = for_each.as_ref().map(|for_each| lower::located(&for_each.range, slots));
    slots.element = for_each.as_ref().map(|for_each| Element { name: for_each.name.clone() });
    let for_each = for_each
        .as_ref()
        .zip(range)
        .map(|(for_each, range)| ForEach { range, key: for_each.key.as_ref().map(|key| lower::located(key, slots)) });
    let lowered = Child {
        id: id.clone(),
        policy: match policy {
            checked::Policy::Create => Policy::Create,
            checked::Policy::Apply => Policy::Apply,
            checked::Policy::Delete => Policy::Delete,
        },
        requires,
        reads,
        for_each,
        when: when.as_ref().map(|when| lower::located(when, slots)),
        ready_when: ready_when.as_ref().map(|ready_when| lower::located(ready_when, slots)),
        manifest: match tls {
            _ if *made_once => once(manifest, slots),
            Some(tls) => template(&with_tls(manifest, tls), slots),
            None => template(manifest, slots),
        },
    };
    slots.element = None;
    Ok(lowered)
}

fn selector(selector: &checked::Selector, slots: &Slots) -> Selector {
    let requirement = |requirement: &checked::Requirement| Requirement {
        key: requirement.key.clone(),
        operator: match requirement.operator {
            checked::Operator::In => Operator::In,
            checked::Operator::NotIn => Operator::NotIn,
            checked::Operator::Exists => Operator::Exists,
            checked::Operator::DoesNotExist => Operator::DoesNotExist,
        },
        values: requirement.values.iter().map(|value| lower::text(value, slots)).collect(),
    };
    Selector {
        labels: selector.labels.iter().map(|(key, value)| (key.clone(), lower::text(value, slots))).collect(),
        requirements: selector.requirements.iter().map(requirement).collect(),
    }
}

/// A manifest beside which stands what the runtime asks for to make the certificate.
fn with_tls(manifest: &checked::Node, tls: &checked::Tls) -> checked::Node {
    use checked::{Node, Target};
    let checked::Tls { common_name, dns_names, valid_for: _ } = tls;
    let text = |text: &checked::Text| Node::Hole(text.clone(), Target::String);
    let names = ("dnsNames".to_owned(), Node::List(dns_names.iter().map(text).collect()));
    let common = common_name.iter().map(|name| ("commonName".to_owned(), text(name)));
    let tls = ("tls".to_owned(), Node::Map(common.chain([names]).collect()));
    match manifest.clone() {
        Node::Map(mut members) => {
            members.push(tls);
            Node::Map(members)
        }
        Node::Plain(serde_json::Value::Object(plain)) => {
            let members = plain.into_iter().map(|(key, value)| (key, Node::Plain(value)));
            Node::Map(members.chain([tls]).collect())
        }
        other => other,
    }
}

/// What a name refers to.
#[derive(Clone, Copy)]
enum Kind {
    Child,
    Read,
}

fn references(entry: &str, from: &str, kind: Kind, ids: &[String], slots: &Slots) -> Result<Vec<u16>, Error> {
    let (what, known) = match kind {
        Kind::Child => ("child", &slots.children),
        Kind::Read => ("read", &slots.reads),
    };
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.push(*known.get(id).ok_or_else(|| Error::UnknownReference {
            entry: entry.to_owned(),
            from: from.to_owned(),
            what,
            id: id.clone(),
        })?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn indexes<'a>(
    entry: &str,
    what: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, u16>, Error> {
    let mut map = BTreeMap::new();
    for (index, name) in names.enumerate() {
        let index = u16::try_from(index).map_err(|_| Error::TooMany {
            entry: entry.to_owned(),
            what,
            max: usize::from(u16::MAX) + 1,
        })?;
        map.insert(name.clone(), index);
    }
    Ok(map)
}
