//! The `ork` binary as it is typed: what it prints where, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod artifact;
mod audit;
mod bounds;
mod build;
mod bundle;
mod cases;
mod check;
mod completions;
mod convert;
mod coverage;
mod decorating;
mod editor;
mod eras;
mod eval;
mod explain;
mod generate;
mod help;
mod hooks;
mod init;
mod inspect;
mod lsp;
mod policies;
mod rebuild;
mod render;
mod run;
mod sarif;
mod schema;
mod support;
mod uninstall;
mod upgrade;
