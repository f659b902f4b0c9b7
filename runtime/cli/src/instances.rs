//! From the author's side to the cluster's: a checked pattern is compiled, loaded and described to the runtime.

use orkestra_pattern::model;
use orkestra_sandbox::{Limits, Pattern, Sandbox};

use crate::error::Error;

/// Compiles a pattern and loads it.
pub(crate) fn load(pattern: &model::Pattern, sandbox: &Sandbox) -> Result<Pattern, Error> {
    let compiled = orkestra_compile::compile(pattern).map_err(|error| Error::Compile(error.into()))?;
    sandbox
        .load(&compiled.component, &[], Limits::default())
        .map_err(|error| Error::Load { name: pattern.name.clone(), source: error.into() })
}
