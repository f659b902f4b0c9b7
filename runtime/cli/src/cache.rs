//! The directory for what can be had again: artifacts by digest, and native code.

use std::path::{Path, PathBuf};

/// The one that the user names, else `orkestra` in the user's cache directory. None where there is no such place: a pod's read-only
/// file system has none, and then everything is fetched and compiled at each start.
pub(crate) fn directory(named: Option<&Path>) -> Option<PathBuf> {
    let directory = match named {
        Some(directory) => directory.to_owned(),
        None => user_directory()?.join("orkestra"),
    };
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory)
}

/// `$XDG_CACHE_HOME`, else `~/.cache`.
pub(crate) fn user_directory() -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")))
}
