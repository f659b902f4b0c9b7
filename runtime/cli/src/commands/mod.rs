//! One file per subcommand.

mod audit;
mod build;
mod check;
mod completions;
mod convert;
mod copy;
mod dev;
mod eval;
mod explain;
mod generate;
mod import;
mod init;
mod inspect;
mod lock;
mod login;
mod lsp;
mod outdated;
mod plan;
mod pull;
mod push;
mod render;
mod run;
mod schema;
mod sign;
mod status;
mod storage;
mod tags;
mod test;
mod uninstall;
mod upgrade;
mod vendor;
mod verify;

pub(crate) use build::replace;

use crate::args::{Args, Command};
use crate::error::Error;
use crate::output::Output;

pub(crate) fn run(args: Args, output: &Output) -> Result<(), Error> {
    match args.command {
        Command::Init(args) => init::run(&args, output),
        Command::Import(args) => import::run(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::Build(args) => build::run(&args, output),
        Command::Render(args) => render::run(&args, output),
        Command::Convert(args) => convert::run(&args, output),
        Command::Eval(args) => eval::run(&args, output),
        Command::Test(args) => test::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Lsp(_) => lsp::run(),
        Command::Dev(args) => dev::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Audit(args) => audit::run(&args, output),
        Command::Run(args) => run::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Storage(args) => storage::run(&args, output),
        Command::Upgrade(args) => upgrade::run(&args, output),
        Command::Uninstall(args) => uninstall::run(&args, output),
        Command::Login(args) => login::run(&args, output),
        Command::Logout(args) => login::out(&args, output),
        Command::Push(args) => push::run(&args, output),
        Command::Pull(args) => pull::run(&args, output),
        Command::Tags(args) => tags::run(&args, output),
        Command::Copy(args) => copy::run(&args, output),
        Command::Sign(args) => sign::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Lock(args) => lock::lock(&args, output),
        Command::Outdated(args) => outdated::run(&args, output),
        Command::Update(args) => lock::update(&args, output),
        Command::Plan(args) => plan::run(&args, output),
        Command::Vendor(args) => vendor::run(&args, output),
        Command::Generate(args) => generate::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        // They run before anything else in `main`.
        Command::InternalCompile | Command::InternalRebuild => Ok(()),
    }
}
