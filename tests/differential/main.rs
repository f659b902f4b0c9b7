//! The front end, the lowering and the engine against another implementation of CEL, over generated expressions: half of them over
//! free variables, half over the fields of an object that a schema gives types to.
//!
//! `ORK_DIFFERENTIAL_SEED` sets another seed, `ORK_DIFFERENTIAL_COUNT` another number of expressions. With `--nocapture` it prints
//! how often everything was compared.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "the table of what was compared")]

mod coverage;
mod decided;
mod generate;
mod operations;
mod oracle;
mod ours;
mod outcome;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use decided::DECIDED;
use generate::Generator;
use operations::OPERATIONS;
use oracle::Oracle;
use outcome::Outcome;
use variables::Over;

const SEED: u64 = 2026;
const COUNT: u64 = 2000;
/// How often each operator, macro and function is compared at least.
const OFTEN: usize = 20;

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
        let theirs = oracle.over_variables(known.expression);
        let found = (value(ours::over_variables(known.expression)), value(theirs));
        let expected = (known.ours.map(str::to_owned), known.theirs.map(str::to_owned));
        assert_eq!(found, expected, "{}: {}: {}", known.expression, known.clause, known.because);
        assert_ne!(known.ours, known.theirs, "{} is no difference any more", known.expression);
    }
}

#[test]
fn what_is_not_compared_exists_and_has_no_operation() {
    for (name, why) in coverage::LACKING {
        assert!(coverage::all().any(|known| known == *name), "ours does not have {name} any more: {why}");
        assert!(OPERATIONS.iter().all(|operation| operation.name != *name), "{name} is compared");
    }
}

#[test]
fn both_implementations_agree() {
    let (count, seed) = (set("ORK_DIFFERENTIAL_COUNT", COUNT), set("ORK_DIFFERENTIAL_SEED", SEED));
    let oracle = Oracle::new();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut ours_failing, mut theirs_failing, mut differences) = (0, 0, Vec::new());
    for (over, seed) in [(Over::Variables, seed), (Over::Object, !seed)] {
        let mut generator = Generator::new(seed, over);
        for _ in 0..count / 2 {
            let (source, ty) = generator.next();
            let (ours, theirs) = match over {
                Over::Variables => (ours::over_variables(&source.ours), oracle.over_variables(&source.theirs)),
                Over::Object => (ours::over_object(&source.ours, ty), oracle.over_object(&source.theirs, ty)),
            };
            ours_failing += u64::from(matches!(ours, Outcome::Failed(_)));
            theirs_failing += u64::from(matches!(theirs, Outcome::Failed(_)));
            if !ours.agrees(&theirs) {
                differences.push(format!("{over:?}: {}\n    ours: {ours:?}\n    theirs: {theirs:?}", source.ours));
            }
        }
        generator.used.iter().for_each(|(name, times)| *used.entry(name).or_default() += times);
    }
    for (name, times) in &used {
        println!("{times:>6}  {name}");
    }
    for (name, why) in coverage::LACKING {
        println!("     -  {name}: {why}");
    }
    println!("{count} expressions; {ours_failing} fail in ours, {theirs_failing} in the other one");
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
    let often = |name: &str| used.get(name).is_some_and(|times| *times >= OFTEN);
    let rare: BTreeSet<_> = coverage::comparable().filter(|name| !often(name)).collect();
    assert!(rare.is_empty(), "compared fewer than {OFTEN} times: {rare:?}");
    assert!(
        ours_failing >= count / 10 && theirs_failing >= count / 10,
        "{ours_failing}, {theirs_failing} of {count} fail"
    );
}
