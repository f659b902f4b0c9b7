//! Builds the engine for `wasm32-unknown-unknown`, so that `cargo build` alone gives a working `ork`.
//!
//! The bytes must depend on nothing but the sources, the lock file and the toolchain: patterns pin them by hash. So the
//! inner build sees none of the outer one's flags, and no path of this machine stays in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest, Sha256};

const TARGET: &str = "wasm32-unknown-unknown";
/// A fresh instance pays for every page that it touches; the stack needs few.
const STACK_BYTES: u32 = 131_072;

type Result<T> = std::result::Result<T, String>;

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
    println!("cargo::rerun-if-changed=build.rs");

    let module = strip_custom_sections(&compile(&root, &out)?)?;
    check(&module)?;
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

fn compile(root: &Path, out: &Path) -> Result<Vec<u8>> {
    let target_dir = out.join("engine-target");
    let mut command = Command::new(required("CARGO")?);
    command.current_dir(root);
    command.args(["rustc", "--lib", "--crate-type", "cdylib", "--profile", "engine", "--target", TARGET]);
    command.arg("--package").arg("orkestra-engine").arg("--target-dir").arg(&target_dir);
    // Flags, wrappers (clippy's driver among them) and package variables of the outer build must not reach the inner one.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let kept = ["CARGO_HOME", "CARGO_NET_OFFLINE", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"].contains(&text.as_ref());
        let ours = ["CARGO", "RUST", "DEP_", "MAKEFLAGS", "MFLAGS"].iter().any(|prefix| text.starts_with(prefix));
        if ours && !kept {
            command.env_remove(&name);
        }
    }
    let rustc = required("RUSTC")?;
    command
        .env("RUSTC", &rustc)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root, out, &rustc)?)
        .env("CARGO_TERM_COLOR", "never");
    let output = command.output().map_err(|e| format!("cargo for the engine: {e}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let missing = text.contains("E0463") && text.contains("target may not be installed");
        return Err(if missing {
            format!(
                "the engine is built for {TARGET}, whose standard library is missing; mend with `rustup target add {TARGET}`"
            )
        } else {
            format!("the engine could not be built:\n{text}")
        });
    }
    let file = target_dir.join(TARGET).join("engine").join("orkestra_engine.wasm");
    fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))
}

/// The compiler's flags, separated as cargo wants them.
fn flags(root: &Path, out: &Path, rustc: &OsString) -> Result<OsString> {
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output().map_err(|e| format!("rustc: {e}"))?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    let cargo_home =
        env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = vec![
        OsString::from("-Cpanic=abort"),
        OsString::from(format!("-Clink-arg=-zstack-size={STACK_BYTES}")),
        // What a module may use is part of what a pattern may meet at run time: the plain instruction set of this target.
        OsString::from("-Ctarget-cpu=generic"),
    ];
    let mut remap = |from: &Path, to: &str| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push(format!("={to}"));
        flags.push(flag);
    };
    remap(root, "/orkestra");
    remap(out, "/out");
    remap(Path::new(&sysroot), "/rust");
    if let Some(home) = cargo_home {
        remap(&home, "/cargo");
    }
    Ok(flags.join(&OsString::from("\x1f")))
}

/// Names, producers and feature lists tell about the toolchain and nothing that an instance needs.
fn strip_custom_sections(module: &[u8]) -> Result<Vec<u8>> {
    let mut stripped = module[..8].to_vec();
    each_section(module, |id, whole, _| {
        if id != 0 {
            stripped.extend_from_slice(whole);
        }
    })?;
    Ok(stripped)
}

/// An engine with an import could do more than compute.
fn check(module: &[u8]) -> Result<()> {
    let mut imports = false;
    each_section(module, |id, _, _| imports |= id == 2)?;
    if imports {
        return Err("the engine imports something; it must import nothing".to_owned());
    }
    Ok(())
}

/// Calls `each` with every section's id, its bytes with header, and its contents.
fn each_section<'a>(module: &'a [u8], mut each: impl FnMut(u8, &'a [u8], &'a [u8])) -> Result<()> {
    let truncated = || "the engine's module is truncated".to_owned();
    let mut at = 8;
    while at < module.len() {
        let (mut size, mut shift, mut header) = (0_usize, 0, 1);
        loop {
            let byte = *module.get(at + header).ok_or_else(truncated)?;
            header += 1;
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let end = at + header + size;
        let contents = module.get(at + header..end).ok_or_else(truncated)?;
        each(module[at], &module[at..end], contents);
        at = end;
    }
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
