//! One file per subcommand.

mod build;
mod check;
mod inspect;
mod render;
mod run;

use crate::args::{Args, Command};
use crate::error::Error;
use crate::output::Output;

pub(crate) fn run(args: Args, output: &Output) -> Result<(), Error> {
    match args.command {
        Command::Check(args) => check::run(&args, output),
        Command::Build(args) => build::run(&args, output),
        Command::Render(args) => render::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Run(args) => run::run(&args, output),
        // It runs before anything else in `main`.
        Command::InternalCompile => Ok(()),
    }
}
