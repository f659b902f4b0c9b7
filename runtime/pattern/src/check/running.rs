//! Entries that come after others.

use std::collections::BTreeSet;

use super::order;
use crate::ast::{Entry, Running};
use crate::codes::references;
use crate::diagnostic::Diagnostics;
use crate::model;

/// What is known of `dependsOn` where it is written.
pub(super) fn checked(running: &Running) -> model::Running {
    let Running { depends_on, restricted_namespaces, queue } = running;
    model::Running {
        depends_on: depends_on.iter().map(|(name, awaits)| (name.value.clone(), *awaits)).collect(),
        restricted_namespaces: restricted_namespaces.clone(),
        queue: *queue,
    }
}

/// Each names an entry, and none comes after itself.
pub(super) fn order(entries: &[Entry], problems: &mut Diagnostics) {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.value.as_str()).collect();
    let mut references = Vec::new();
    for entry in entries {
        let mut before = BTreeSet::new();
        for (name, _) in &entry.running.depends_on {
            match names.iter().position(|known| *known == name.value) {
                Some(index) => drop(before.insert(index)),
                None => problems.push(references::unknown_entry(name.span, &name.value, &names)),
            }
        }
        references.push(before);
    }
    for circle in order::sort(&references).err().unwrap_or_default() {
        let name = |index: &usize| entries.get(*index).map(|entry| entry.name.value.clone());
        let chain: Vec<String> = circle.iter().filter_map(name).collect();
        let first = circle.first().and_then(|index| entries.get(*index)?.running.depends_on.first());
        let Some((place, _)) = first else { continue };
        problems.push(references::cycle(place.span, "entries", &chain));
    }
}

#[cfg(test)]
mod tests {
    use crate::codes::example;
    use crate::model::{Awaits, Queue};

    const WORKERS: &str = "    shop:\n";

    /// The entry with these keys, or the codes and messages of what is wrong.
    fn entry(keys: &str) -> Result<crate::model::Running, Vec<String>> {
        assert!(example::KATALOG.contains(WORKERS));
        let source = example::source(Some(("katalog.yaml", WORKERS, &format!("{WORKERS}{keys}"))));
        let (pattern, problems) = crate::check(&source);
        match pattern.filter(|_| !problems.has_errors()) {
            Some(pattern) => Ok(pattern.entries[0].running.clone()),
            None => Err(problems.iter().map(|problem| format!("{}: {}", problem.code.id, problem.message)).collect()),
        }
    }

    #[test]
    fn what_is_said_of_the_queue_and_of_namespaces_is_kept() {
        assert_eq!(entry("").unwrap().queue, Queue { max_depth: 0, failure_threshold: 5 });
        let running = entry("      queue: {maxDepth: 100}\n      restrictedNamespaces: [kube-*, team-a]\n").unwrap();
        assert_eq!(running.queue, Queue { max_depth: 100, failure_threshold: 5 });
        assert_eq!(running.restricted_namespaces, ["kube-*", "team-a"]);
        for (keys, code) in [
            ("      queue: {failureThreshold: 0}\n", "K0210"),
            ("      queue: {depth: 1}\n", "K0201"),
            ("      restrictedNamespaces: [Kube]\n", "K0204"),
            ("      restrictedNamespaces: kube-system\n", "K0204"),
            ("      dependsOn: 3\n", "K0204"),
            ("      dependsOn: {shop: ready}\n", "K0204"),
        ] {
            let found = entry(keys).unwrap_err();
            assert!(found.len() == 1 && found[0].starts_with(code), "{keys}: {found:?}");
        }
    }

    #[test]
    fn an_entry_comes_after_others_and_not_after_itself() {
        let found = entry("      dependsOn: [shoppe]\n").unwrap_err();
        assert_eq!(found, ["K0306: there is no entry `shoppe`"]);
        let found = entry("      dependsOn: {shop: healthy}\n").unwrap_err();
        assert_eq!(found, ["K0304: entries refer to one another in a circle: shop → shop"]);
    }

    #[test]
    fn what_is_awaited_is_started_or_healthy() {
        let two = |after: &str| {
            let other = example::KATALOG
                .split_once(WORKERS)
                .unwrap()
                .1
                .replace("kind: Shop, plural: shops", "kind: Mall, plural: malls");
            let katalog = format!("{}    mall:\n{after}{other}", example::KATALOG);
            let crd = example::CRD.replace("Shop", "Mall").replace("shops", "malls");
            let crd = format!("{}---\n{crd}", example::CRD);
            let source =
                crate::source::Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes());
            let (pattern, problems) = crate::check(&source);
            let pattern = pattern.unwrap_or_else(|| panic!("{problems:?}"));
            pattern.entries[1].running.depends_on.clone()
        };
        assert_eq!(two("      dependsOn: [shop]\n"), [("shop".to_owned(), Awaits::Started)]);
        assert_eq!(two("      dependsOn: {shop: healthy}\n"), [("shop".to_owned(), Awaits::Healthy)]);
    }
}
