//! `ork run`: patterns against a cluster.

use crate::args::Run;
use crate::error::Error;
use crate::output::Output;

pub(crate) fn run(_args: &Run, _output: &Output) -> Result<(), Error> {
    Err(Error::Unusable { what: "`ork run`".to_owned(), problem: "it is not wired yet".to_owned(), hint: None })
}
