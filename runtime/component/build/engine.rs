//! The engine for `wasm32-unknown-unknown`, by the build script and by the test that builds it a second time elsewhere.
//!
//! The bytes must depend on nothing but the sources, the lock file and the toolchain: patterns pin them by hash. So the
//! inner build sees none of the outer one's flags, and no path of this machine stays in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";
/// A fresh instance pays for every page that it touches; the stack needs few.
const STACK_BYTES: u32 = 131_072;
/// Memory that an instance begins with: enough for most calls, because to grow is to change the process's mappings, which all its
/// threads wait for. A page that is not touched costs nothing. The runtime keeps as much resident in a free slot.
const MEMORY_BYTES: u32 = 524_288;

pub(crate) type Result<T> = std::result::Result<T, String>;

/// What the build is done with.
pub(crate) struct Tools {
    pub(crate) cargo: OsString,
    pub(crate) rustc: OsString,
}

/// The engine of the workspace at `root`, built below `out`. The error is for people.
pub(crate) fn build(tools: &Tools, root: &Path, out: &Path) -> Result<Vec<u8>> {
    let module = strip_custom_sections(&compile(tools, root, out)?)?;
    check(&module)?;
    Ok(module)
}

fn compile(tools: &Tools, root: &Path, out: &Path) -> Result<Vec<u8>> {
    let target_dir = out.join("engine-target");
    let mut command = Command::new(&tools.cargo);
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
    command
        .env("RUSTC", &tools.rustc)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root, out, &tools.rustc)?)
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
        OsString::from(format!("-Clink-arg=--initial-memory={MEMORY_BYTES}")),
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

/// What components expect of an engine.
const EXPORTS: [&str; 5] =
    ["memory", "cabi_realloc", "load", "orkestra:pattern/reconciler#reconcile", "orkestra:pattern/evaluator#eval"];

/// An engine with an import could do more than compute, and one that lacks an export could not be linked.
fn check(module: &[u8]) -> Result<()> {
    let (mut imports, mut exports) = (false, &[][..]);
    each_section(module, |id, _, contents| match id {
        2 => imports = true,
        7 => exports = contents,
        _ => {}
    })?;
    if imports {
        return Err("the engine imports something; it must import nothing".to_owned());
    }
    for name in EXPORTS {
        // A name is stored behind its length, and all names here are shorter than 128 bytes.
        let stored = [&[name.len() as u8], name.as_bytes()].concat();
        if !exports.windows(stored.len()).any(|window| window == stored) {
            return Err(format!("the engine does not export `{name}`"));
        }
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
