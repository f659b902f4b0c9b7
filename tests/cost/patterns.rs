//! Whole patterns: those that are shipped, and those of the language's tests.

use std::path::{Path, PathBuf};

use orkestra_engine::{Engine, Failure, Observed, Plan, Read, Request};
use orkestra_pattern::cost::{CALL_LIMIT, EXPRESSION_LIMIT, of_entry};
use orkestra_pattern::model::{Entry, Pattern};
use orkestra_pattern::schema::Schema;
use orkestra_pattern::{Source, kinds};
use orkestra_tests::source_root;
use serde_json::{Value, json};

use super::BUDGET;
use super::values::{Fill, Random, objects};

/// How many primaries each entry is reconciled over.
const PRIMARIES: usize = 16;

fn patterns() -> Vec<(PathBuf, Pattern)> {
    let root = source_root();
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let shipped = below(&root.join("patterns")).into_iter().flat_map(|dir| below(&dir));
    let mut dirs: Vec<PathBuf> = shipped.chain(below(&root.join("tests/language/pass"))).collect();
    dirs.sort();
    let load = |dir: PathBuf| {
        let read = |name: &str| {
            let own = dir.join(name);
            std::fs::read(if own.exists() { own } else { root.join("tests/language").join(name) }).unwrap()
        };
        let mut source = Source::new();
        source.add("katalog.yaml", &read("katalog.yaml"));
        source.add("crd.yaml", &read("crd.yaml"));
        let (pattern, problems) = orkestra_pattern::check(&source);
        let pattern = pattern.unwrap_or_else(|| {
            panic!(
                "{}: {}",
                dir.display(),
                orkestra_pattern::diagnostic::render_all(&problems, &source, Default::default())
            )
        });
        (dir, pattern)
    };
    dirs.into_iter().map(load).collect()
}

fn inputs(pattern: &Pattern, random: &mut Random, full: bool) -> String {
    let value = |input: &orkestra_pattern::model::Input| {
        let schema = Schema::parse(&input.schema).unwrap();
        let value = match &input.default {
            Some(default) if !full => default.clone(),
            _ => Fill { random, letter: Some('a'), full }.value(&schema),
        };
        (input.name.clone(), value)
    };
    let mut value = value;
    Value::Object(pattern.inputs.iter().map(&mut value).collect()).to_string()
}

/// The objects that a read finds.
fn reads(entry: &Entry, random: &mut Random) -> Vec<(String, Vec<Vec<u8>>)> {
    let found = entry.reads.iter().map(|read| {
        let object = match kinds::lookup(&read.api_version, &read.kind) {
            Some(kind) => Fill { random, letter: None, full: false }.value(&kind.schema),
            None => json!({}),
        };
        let mut object = if object.is_object() { object } else { json!({}) };
        object["metadata"] = json!({"name": "read", "namespace": "n", "uid": "r", "resourceVersion": "1"});
        (read.id.clone(), vec![object.to_string().into_bytes(); 3])
    });
    found.collect()
}

/// The children of a plan as an API server would give them back.
fn observed(plan: &Plan<'_>) -> Vec<(String, Option<String>, Vec<u8>)> {
    let child = |child: &orkestra_engine::PlannedChild<'_>| {
        let mut object: Value = serde_json::from_slice(child.object.as_ref()?).unwrap();
        object["metadata"]["uid"] = json!("c".repeat(36));
        object["status"] = json!({"readyReplicas": 1, "replicas": 1});
        Some((child.child.id.to_owned(), child.child.key.clone(), object.to_string().into_bytes()))
    };
    plan.children.iter().filter_map(child).collect()
}

#[test]
fn no_reconcile_costs_more_than_is_estimated() {
    let mut wrong = Vec::new();
    let mut planned = 0;
    for (dir, pattern) in patterns() {
        let program = orkestra_program::encode(&orkestra_compile::lower(&pattern).unwrap());
        for entry in &pattern.entries {
            let most = of_entry(entry).reconcile;
            assert!(most <= CALL_LIMIT);
            let mut random = Random::new(5);
            for (number, primary) in objects(&entry.schema, PRIMARIES).into_iter().enumerate() {
                let inputs = inputs(&pattern, &mut random, number == 0);
                let reads = reads(entry, &mut random);
                let mut children = Vec::new();
                // What is pending at first is rendered when the children that it reads are there.
                for deleting in [false, false, false, true] {
                    let plan = reconcile(&program, &entry.name, &primary, &inputs, &children, &reads, deleting);
                    let Some(plan) = plan else { break };
                    planned += plan.children.len();
                    if plan.cost > most {
                        wrong.push(format!("{}: {} cost {}, estimated {most}", dir.display(), entry.name, plan.cost));
                    }
                    children = observed(&plan);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(planned > 500, "only {planned} children were planned");
}

/// None: an expression failed.
fn reconcile<'p>(
    program: &'p [u8],
    entry: &str,
    primary: &Value,
    inputs: &str,
    children: &[(String, Option<String>, Vec<u8>)],
    reads: &[(String, Vec<Vec<u8>>)],
    deleting: bool,
) -> Option<Plan<'p>> {
    let observed: Vec<Observed<'_>> =
        children.iter().map(|(id, key, object)| Observed { id, key: key.as_deref(), object, renew: false }).collect();
    let lists: Vec<Vec<&[u8]>> = reads.iter().map(|(_, all)| all.iter().map(Vec::as_slice).collect()).collect();
    let reads: Vec<Read<'_>> =
        reads.iter().zip(&lists).map(|((id, _), objects)| Read { id, objects: objects.as_slice() }).collect();
    let primary = primary.to_string();
    let request = Request {
        primary: primary.as_bytes(),
        children: &observed,
        reads: &reads,
        inputs: inputs.as_bytes(),
        hooks: b"{}",
        now: 1_700_000_000_000,
        entropy: &[7; 32],
        deleting,
        budget: BUDGET,
    };
    match Engine::load(program).reconcile(entry, &request) {
        Ok(plan) => Some(plan),
        Err(Failure::Expression { .. } | Failure::InvalidInput(_)) => None,
        Err(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn every_shipped_pattern_is_within_the_limits_by_its_schemas() {
    for (dir, pattern) in patterns().into_iter().filter(|(dir, _)| dir.starts_with(source_root().join("patterns"))) {
        for entry in &pattern.entries {
            let summary = of_entry(entry);
            assert!(summary.reconcile <= CALL_LIMIT, "{}", dir.display());
            assert!(summary.conversion.is_none_or(|most| most <= CALL_LIMIT), "{}", dir.display());
            let own = |path: &str| path.starts_with("spec") || path.starts_with("inputs");
            for item in &summary.items {
                assert!(item.cost.max <= EXPRESSION_LIMIT, "{item:?}");
                let unbounded: Vec<_> = item.missing.iter().filter(|missing| own(&missing.path)).collect();
                assert!(unbounded.is_empty(), "{}: {unbounded:?}", dir.display());
            }
        }
    }
}
