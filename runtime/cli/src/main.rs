//! The `ork` command: checks, compiles, shows and runs patterns.
//!
//! The only crate that knows both the author's side (pattern, compile, komposer) and the cluster's side (sandbox, operator),
//! and the only one that prints, reads the environment and decides the exit status.

mod about;
mod args;
mod audit;
mod bundle;
mod cache;
mod cases;
mod commands;
mod composition;
mod defaults;
mod diff;
mod documents;
mod error;
mod example_komposer;
mod expression;
mod fixes;
mod hooks;
mod instances;
mod kube_access;
mod log;
mod lsp;
mod manifests;
mod output;
mod over;
mod package;
mod pattern_dir;
mod place;
mod policies;
mod problems;
mod program_text;
mod progress;
mod proof;
mod rbac;
mod rebuild;
mod sandbox;
mod sarif;
mod saves;
mod secrets;
mod traces;
mod transport;
mod webhook;
mod yaml;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match args.command {
        args::Command::InternalCompile => return orkestra_sandbox::compile_child_main(),
        args::Command::InternalRebuild => return rebuild::child_main(),
        _ => {}
    }
    let output = output::Output::new(&args.global);
    match commands::run(args, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output.failure(&error),
    }
}
