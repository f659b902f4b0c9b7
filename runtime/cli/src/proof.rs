//! The proof of a pattern's conversions, by its component in the sandbox.

use orkestra_pattern::Diagnostics;
use orkestra_pattern::model::Pattern;
use orkestra_pattern::proof::{Converted, Converter, Effort, NotConverted, prove};
use orkestra_sandbox as sandbox;

use crate::error::Error;
use crate::instances;
use crate::output::Output;

/// What does not hold of a pattern's conversions; nothing for a pattern that has none.
pub(crate) fn of(pattern: &Pattern, output: &Output) -> Result<Diagnostics, Error> {
    if pattern.entries.iter().all(|entry| entry.conversions.is_empty()) {
        return Ok(Diagnostics::default());
    }
    let loaded = instances::load(pattern, &crate::sandbox::start(None, output)?)?;
    Ok(prove(pattern, Effort::default(), &mut Sandboxed(loaded)))
}

struct Sandboxed(sandbox::Pattern);

impl Converter for Sandboxed {
    fn convert(&mut self, entry: &str, target: &str, object: &[u8]) -> Result<Converted, NotConverted> {
        match one(&self.0, entry, target, object) {
            Ok(sandbox::Conversion { object, cost }) => Ok(Converted { object, cost }),
            Err(failure) => Err(NotConverted { reason: failure.reason().to_owned(), message: failure.to_string() }),
        }
    }
}

/// One object in another version, without `apiVersion` and `kind`; of `metadata` labels and annotations alone.
pub(crate) fn one(
    pattern: &sandbox::Pattern,
    entry: &str,
    target: &str,
    object: &[u8],
) -> Result<sandbox::Conversion, sandbox::Failure> {
    let mut results = pattern.convert(entry, target, &[object])?;
    match results.pop() {
        Some(result) => result,
        None => Err(sandbox::Failure::InvalidOutput("no result for one object".to_owned())),
    }
}
