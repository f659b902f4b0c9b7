//! A checked pattern → its program: names become indexes, values become templates.

use std::collections::BTreeMap;

use orkestra_pattern::model as checked;
use orkestra_program::model::{Child, Entry, Policy, Program, StatusField};

use crate::Error;
use crate::lower::{self, Slots};
use crate::template::template;

/// Lowers a pattern.
///
/// # Errors
/// The pattern is not one that the check lets through.
pub fn lower(pattern: &checked::Pattern) -> Result<Program, Error> {
    let entries = pattern.entries.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Program { entries, evaluations: Vec::new() })
}

fn entry(entry: &checked::Entry) -> Result<Entry, Error> {
    let checked::Entry { name, api: _, workers: _, resync: _, vars, reads: _, children, status } = entry;
    let slots = Slots {
        vars: indexes(name, "vars", vars.iter().map(|var| &var.name))?,
        children: indexes(name, "children", children.iter().map(|child| &child.id))?,
    };
    let requires = |from: &str, ids: &[String]| -> Result<Vec<u16>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.push(*slots.children.get(id).ok_or_else(|| Error::UnknownChild {
                entry: name.clone(),
                from: from.to_owned(),
                id: id.clone(),
            })?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    };

    let mut lowered = Entry { name: name.clone(), ..Entry::default() };
    for checked::Var { name: _, value } in vars {
        lowered.vars.push(lower::text(value, &slots));
    }
    for child in children {
        // What the host needs of a kind is in the manifest, which is all that the engine sees.
        let checked::Child { id, policy, requires: reads, when, manifest, .. } = child;
        lowered.children.push(Child {
            id: id.clone(),
            policy: match policy {
                checked::Policy::Create => Policy::Create,
                checked::Policy::Apply | checked::Policy::Delete => Policy::Apply,
            },
            requires: requires(id, reads)?,
            when: when.as_ref().map(|when| lower::located(when, &slots)),
            manifest: template(manifest, &slots),
        });
    }
    for checked::StatusField { path, requires: reads, reads: _, value } in status {
        lowered.status.push(StatusField {
            path: path.clone(),
            requires: requires(&format!("status.{}", path.join(".")), reads)?,
            value: template(value, &slots),
        });
    }
    lowered.status.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(lowered)
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
