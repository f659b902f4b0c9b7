//! `ork completions`: what a shell needs to complete command lines.

use clap::CommandFactory;

use crate::args::{Args, Completions};
use crate::error::Error;
use crate::output::Output;

pub(crate) fn run(args: &Completions, output: &Output) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "ork", &mut script);
    output.bytes(&script)
}
