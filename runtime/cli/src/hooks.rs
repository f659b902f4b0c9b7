//! Hooks of patterns: what they are granted, and how they are loaded.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use orkestra_komposer::Instance;
use orkestra_pattern::capability::{Capability, What};
use orkestra_pattern::model::{self, Entry, Pattern};
use orkestra_sandbox::capability::{Granted, HttpRule, Network, Readable, SystemResolver};
use orkestra_sandbox::{Hook, HookLimits, HookSettings, Point, Sandbox};
use serde_json::Value;

use crate::error::Error;
use crate::transport;

/// The component in a pattern's directory.
pub(crate) const FILE: &str = "hooks.wasm";
/// The crate that it is made from, below a pattern's directory.
const SOURCE: &str = "hooks";
/// What a hook is compiled for: nothing of an operating system is there.
const TARGET: &str = "wasm32-unknown-unknown";

/// Whether an entry that runs calls a hook.
pub(crate) fn wanted(instance: &Instance) -> bool {
    let runs = |name: &str| instance.entries.iter().any(|settings| settings.name == name);
    instance.pattern.entries.iter().any(|entry| entry.hook.is_some() && runs(&entry.name))
}

/// The API versions and kinds of objects that the hook of an entry may read.
pub(crate) fn reads<'a>(entry: &Entry, pattern: &'a Pattern) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = if entry.hook.is_some() { pattern.capabilities.as_slice() } else { &[] };
    all.iter().filter_map(|capability| match &capability.what {
        What::ClusterRead { api_version, kind } => Some((api_version.as_str(), kind.as_str())),
        _ => None,
    })
}

/// Whether hooks of a pattern may ask hosts.
pub(crate) fn asks_hosts<'a>(mut patterns: impl Iterator<Item = &'a Pattern>) -> bool {
    patterns.any(|pattern| pattern.capabilities.iter().any(|capability| matches!(capability.what, What::Http { .. })))
}

/// Loads the hook of an instance, with what its pattern asks for: an instance of which something is not granted does not come here.
/// None: no entry calls one.
pub(crate) fn load(instance: &Instance, sandbox: &Sandbox) -> Result<Option<Hook>, Error> {
    if !wanted(instance) {
        return Ok(None);
    }
    let Some(component) = &instance.hook else { return Err(Error::HookMissing { name: instance.name.clone() }) };
    let runs = |entry: &Entry| instance.entries.iter().any(|settings| settings.name == entry.name);
    load_component(&instance.name, component, &instance.pattern, runs, sandbox).map(Some)
}

/// Loads the hook of a pattern where it changes converted objects, with all that it asks for: at that point it can ask nobody.
pub(crate) fn load_converting(
    pattern: &Pattern,
    component: Option<&[u8]>,
    sandbox: &Sandbox,
) -> Result<Option<Hook>, Error> {
    let converts = |entry: &Entry| entry.hook.as_ref().is_some_and(|hook| hook.convert);
    if !pattern.entries.iter().any(converts) {
        return Ok(None);
    }
    let Some(component) = component else { return Err(Error::HookMissing { name: pattern.name.clone() }) };
    load_component(&pattern.name, component, pattern, converts, sandbox).map(Some)
}

fn load_component(
    name: &str,
    component: &[u8],
    pattern: &Pattern,
    runs: impl Fn(&Entry) -> bool,
    sandbox: &Sandbox,
) -> Result<Hook, Error> {
    let entries = pattern.entries.iter().filter(|entry| runs(entry));
    let settings = HookSettings {
        pattern: name.to_owned(),
        points: entries.filter_map(|entry| entry.hook.as_ref()).flat_map(points).collect(),
        granted: granted(&pattern.capabilities),
        limits: HookLimits::default(),
    };
    sandbox.load_hook(component, settings).map_err(|error| Error::Load { name: name.to_owned(), source: error.into() })
}

/// What an entry calls its hook for, a line for each point.
pub(crate) fn points_in_words(hook: &model::Hook) -> Vec<String> {
    let mut lines = Vec::new();
    if !hook.values.is_empty() {
        let names: Vec<String> = hook.values.iter().map(|value| format!("hook.{}", value.name)).collect();
        lines.push(format!("before templates are rendered, for {}", names.join(", ")));
    }
    if let Some(after) = &hook.after_render {
        let mut what = Vec::new();
        if !after.children.is_empty() {
            what.push(format!("which may change {}", after.children.join(", ")));
        }
        let produced: Vec<String> =
            after.produces.iter().map(|child| format!("{} ({})", child.id, child.kind)).collect();
        if !produced.is_empty() {
            what.push(format!("may add {}", produced.join(", ")));
        }
        lines.push(format!("after templates are rendered, {}", what.join(" and ")));
    }
    let points = [
        (hook.validate, "to validate a resource before anything is applied"),
        (hook.finalize, "before a resource goes, which waits for it"),
        (hook.convert, "to change what the rules of a conversion made; the proof is of the rules alone"),
    ];
    lines.extend(points.into_iter().filter(|(called, _)| *called).map(|(_, line)| line.to_owned()));
    lines
}

/// The points at which an entry calls its hook.
fn points(hook: &model::Hook) -> impl Iterator<Item = Point> + use<> {
    let named = hook.points();
    Point::ALL.into_iter().filter(move |point| named.contains(&point.key()))
}

/// What a hook may do that is granted all that it asks for.
fn granted(asked: &[Capability]) -> Granted {
    let mut granted = Granted::default();
    for capability in asked {
        match &capability.what {
            What::ClusterRead { api_version, kind } => {
                granted.cluster_read.push(Readable { api_version: api_version.clone(), kind: kind.clone() });
            }
            What::Http { method, plain, host, port, private } => {
                // The checker knows the methods.
                let Ok(method) = method.parse() else { continue };
                let rule = HttpRule {
                    host: host.clone(),
                    port: *port,
                    plain: *plain,
                    methods: vec![method],
                    private: *private,
                };
                granted.http.push(rule);
            }
            What::Clocks => granted.clocks = true,
            What::Random => granted.random = true,
        }
    }
    granted
}

/// The way out for hooks: the system's name servers and the system's authorities.
pub(crate) fn network() -> Result<Network, Error> {
    let failed = |what: &'static str| move |source: std::io::Error| Error::Machine { what, source };
    let resolver = SystemResolver::new().map_err(failed("to read the settings of name servers"))?;
    let tls = transport::tls()?;
    Ok(Network { resolver: Arc::new(resolver), tls: Arc::new(tls) })
}

/// Compiles the crate in `hooks/` with cargo, and checks that what comes of it imports no more than the Katalog asks for.
///
/// This runs the crate's build scripts and macros: it is the one command that does.
pub(crate) fn build(dir: &Path, pattern: &Pattern, sandbox: &Sandbox) -> Result<Vec<u8>, Error> {
    let source = dir.join(SOURCE);
    let failed = |problem: String| Error::HookBuild { problem };
    if !source.join("Cargo.toml").is_file() {
        return Err(failed(format!("there is no crate in `{}`", source.display())));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .args(["--config", &portable(&source)])
        .current_dir(&source)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("cargo cannot be started: {error}")))?;
    if !done.status.success() {
        return Err(failed(format!("cargo ended with {}", done.status)));
    }
    let module = modules(&done.stdout).pop().ok_or_else(|| failed("the crate is no `cdylib`".to_owned()))?;
    let module = std::fs::read(&module).map_err(|source| Error::Read { path: module.into(), source })?;
    let component = orkestra_component::hook::encode(&module).map_err(|error| failed(error.to_string()))?;
    load_component(&pattern.name, &component, pattern, |_| true, sandbox)?;
    Ok(component)
}

/// Cargo's setting by which no path of this machine gets into the component: the same source gives the same bytes elsewhere.
fn portable(source: &Path) -> String {
    let here = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let mut places = vec![(here(source), "/hooks")];
    places.extend(home.map(|home| (here(&home), "/cargo")));
    let flags: Vec<String> =
        places.iter().map(|(from, to)| format!("{:?}", format!("--remap-path-prefix={from}={to}"))).collect();
    format!("target.{TARGET}.rustflags=[{}]", flags.join(", "))
}

/// The modules that cargo says it made, the crate's own last.
fn modules(messages: &[u8]) -> Vec<String> {
    let lines = messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let made = lines.filter(|message| message["reason"] == "compiler-artifact");
    let files = made.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.filter_map(|file| file.as_str().filter(|file| file.ends_with(".wasm")).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_it_made_is_found() {
        let messages = br#"{"reason":"compiler-artifact","filenames":["/t/liba.rlib"]}
{"reason":"build-finished","success":true}
not json
{"reason":"compiler-artifact","filenames":["/t/a.wasm","/t/a.d"]}
"#;
        assert_eq!(modules(messages), ["/t/a.wasm"]);
        assert!(modules(b"").is_empty());
    }
}
