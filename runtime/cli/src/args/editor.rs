//! What can be typed to serve an editor.

use clap::Args as Group;

/// Serve an editor, over stdin and stdout
///
/// The Language Server Protocol for pattern directories: problems while you type, by the same check as `ork check` and of texts
/// that are not saved yet; what a key, a field or a function is; what can be written; where a name comes from. Editors start
/// it. It reads the files beside the ones that are open, and nothing else: it executes nothing and knows no network and no
/// cluster.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork lsp          what an editor is told to start

The README says how VS Code, Neovim and Helix are told.")]
pub(crate) struct Lsp {
    /// What many editors add; there is no other way
    #[arg(long, hide = true)]
    pub(crate) stdio: bool,
}
