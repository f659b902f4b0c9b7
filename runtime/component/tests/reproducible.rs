//! The engine built once more, in another directory, has the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../build/engine.rs"]
mod build;

use std::fs;
use std::path::Path;

/// Everything of the workspace that cargo reads to build one of its packages.
const PARTS: [&str; 6] = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "guest-sdk", "runtime", "tests"];

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

#[test]
fn another_directory_gives_the_same_engine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let elsewhere = tempfile::tempdir().unwrap();
    let copied = elsewhere.path().join("a directory of another depth/tree");
    fs::create_dir_all(&copied).unwrap();
    for part in PARTS {
        copy(&root.join(part), &copied.join(part));
    }
    let out = elsewhere.path().join("out");
    fs::create_dir(&out).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let tools = build::Tools { cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), rustc };
    let again = build::build(&tools, &copied, &out).unwrap();
    let shipped = orkestra_component::engine().bytes;
    let first = again.iter().zip(shipped).position(|(a, b)| a != b);
    assert!(again == shipped, "{} and {} bytes, the first difference at {first:?}", again.len(), shipped.len());
}
