//! The front end, the lowering and the engine against another implementation of CEL, over generated expressions.
//!
//! `ORK_DIFFERENTIAL_SEED` sets another seed, `ORK_DIFFERENTIAL_COUNT` another number of expressions.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's way to fail")]

mod decided;
mod generate;
mod operations;
mod sides;

use std::collections::BTreeSet;

use decided::DECIDED;
use generate::Generator;
use operations::OPERATIONS;
use sides::{Oracle, Outcome, ours};

const SEED: u64 = 2026;
/// Enough for every operation to be used twenty times.
const COUNT: u64 = 2400;

fn set(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

#[test]
fn known_differences_are_as_they_were_decided() {
    let oracle = Oracle::new();
    let value = |outcome: Outcome| match outcome {
        Outcome::Value(words) => Some(words),
        Outcome::Failed(_) => None,
        Outcome::Refused(why) => panic!("{why}"),
    };
    for known in DECIDED {
        let found = (value(ours(known.expression)), value(oracle.outcome(known.expression)));
        let expected = (known.ours.map(str::to_owned), known.theirs.map(str::to_owned));
        assert_eq!(found, expected, "{}: {}", known.expression, known.because);
        assert_ne!(known.ours, known.theirs, "{} is no difference any more", known.expression);
    }
}

#[test]
fn both_implementations_agree() {
    let mut generator = Generator::new(set("ORK_DIFFERENTIAL_SEED", SEED));
    let oracle = Oracle::new();
    let (mut failing, mut differences) = (0, Vec::new());
    let count = set("ORK_DIFFERENTIAL_COUNT", COUNT);
    for _ in 0..count {
        let source = generator.next();
        let (ours, theirs) = (ours(&source.ours), oracle.outcome(&source.theirs));
        failing += u64::from(matches!(ours, Outcome::Failed(_)));
        if !ours.agrees(&theirs) {
            differences.push(format!("{}\n    ours: {ours:?}\n    theirs: {theirs:?}", source.ours));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {count} differ; {failing} fail:\n{}",
        differences.len(),
        differences.join("\n")
    );
    let used = |name: &str| generator.used.get(name).copied().unwrap_or(0);
    let rare: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).filter(|name| used(name) < 20).collect();
    assert!(rare.is_empty(), "used fewer than 20 times: {rare:?}");
    assert!(failing >= count / 10, "only {failing} of {count} fail");
}
