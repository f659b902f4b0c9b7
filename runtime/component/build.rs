//! Builds the engine, so that `cargo build` alone gives a working `ork`.

#[path = "build/engine.rs"]
mod engine;

use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, fs};

use sha2::{Digest, Sha256};

use engine::{Result, Tools};

fn main() {
    if let Err(message) = build() {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
    }
}

fn build() -> Result<()> {
    let root = manifest_dir()?.join("../..").canonicalize().map_err(|e| format!("workspace root: {e}"))?;
    let out = PathBuf::from(required("OUT_DIR")?);
    for input in ["guest-sdk/engine", "guest-sdk/program", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    for input in ["build.rs", "build"] {
        println!("cargo::rerun-if-changed={input}");
    }

    let tools = Tools { cargo: required("CARGO")?, rustc: required("RUSTC")? };
    let module = engine::build(&tools, &root, &out)?;
    fs::write(out.join("engine.wasm"), &module).map_err(|e| format!("engine.wasm: {e}"))?;

    let digest = Sha256::digest(&module);
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    let version = required("CARGO_PKG_VERSION")?.to_string_lossy().into_owned();
    println!("cargo::rustc-env=ORKESTRA_ENGINE_VERSION={version}");
    println!("cargo::rustc-env=ORKESTRA_ENGINE_DIGEST={hex}");
    println!(
        "cargo::rustc-env=ORKESTRA_ENGINE_IMPORT=locked-dep=<orkestra:engine@{version}>,integrity=<sha256-{}>",
        base64(&digest)
    );
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = u32::from_be_bytes([0, chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)]);
        for position in 0..4 {
            if position <= chunk.len() {
                text.push(char::from(ALPHABET[(word >> (18 - 6 * position)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

fn manifest_dir() -> Result<PathBuf> {
    Ok(PathBuf::from(required("CARGO_MANIFEST_DIR")?))
}

fn required(name: &str) -> Result<OsString> {
    env::var_os(name).ok_or_else(|| format!("{name} is not set; this script is run by cargo"))
}
