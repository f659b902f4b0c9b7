//! How long a hook waits for the one of 10,000 cached objects that has a label, by the clock that the hook is given, whose steps are
//! a millisecond.
//!
//! Run it with `cargo bench --workspace --bench hooks_list`. It starts a control plane, and cargo compiles the hook.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Stdio};

use orkestra_tests::{CONFIG_MAP, Kind, LONG, Ork, eventually, program, source_root, with_namespace};
use serde_json::json;

const OBJECTS: usize = 10_000;
const ROUNDS: i64 = 10;
const LISTER: Kind = Kind::new("bench.orkestra.io/v1", "Lister");

fn main() {
    with_namespace("bench-hooks", async |ns| {
        let source = source_root().join("tests/bench/hooks_list");
        let pattern = ns.cluster().plane().data().join("lister");
        built(&source, &pattern);
        for part in 0..OBJECTS / 500 {
            let object = |number: usize| {
                let label = if part == 7 && number == 77 { "yes" } else { "no" };
                format!(
                    "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{part:02}-{number:03}, labels: {{wanted: '{label}', app: some-application}}}}\ndata: {{text: some text of this object}}\n"
                )
            };
            ns.apply(&(0..500).map(object).collect::<String>()).await;
        }
        assert!(ns.list(CONFIG_MAP, "wanted=yes").await.len() == 1);
        let own = ns.own();
        let arguments = ["--no-impersonation", "-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0"];
        let grants = ["--yes", "--grant", "clocks", "--grant", "cluster-read:v1/ConfigMap", pattern.to_str().unwrap()];
        let ork = Ork::run(ns.cluster(), &[&arguments[..], &grants[..]].concat());
        eventually("ork reconciles", LONG, async || match ork.output() {
            output if output.contains("\"reconciling\"") => Ok(()),
            output => Err(output),
        })
        .await;
        ns.create(LISTER, json!({"metadata": {"name": "a"}, "spec": {"round": 0}})).await;
        let (mut first, mut times) = (0.0, Vec::new());
        for round in 1..=ROUNDS {
            ns.edit(LISTER, "a", json!({"spec": {"round": round}})).await;
            let generation = ns.get(LISTER, "a").await["metadata"]["generation"].clone();
            let seen = ns
                .wait_until(LISTER, "a", "it has listed", |object| {
                    object["status"]["observedGeneration"] == generation && object["status"]["nanoseconds"].is_array()
                })
                .await;
            let taken: Vec<u64> = serde_json::from_value(seen["status"]["nanoseconds"].clone()).unwrap();
            if round == 1 {
                first = taken[0] as f64 / 1e6;
            }
            times.extend(taken);
        }
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e6;
        let mean = times.iter().sum::<u64>() as f64 / times.len() as f64 / 1e6;
        println!(
            "the one of {OBJECTS} ConfigMaps with a label, {} lists: mean {mean:.2} ms, p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
            times.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
        println!("the first list of the first call that was looked at: {first:.0} ms");
        assert!(ork.stop().await.success());
    });
}

/// A copy of the pattern with its component.
fn built(source: &Path, pattern: &Path) {
    let target = program("ork").ancestors().nth(2).expect("target/PROFILE/ork").join("hooks");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    std::fs::create_dir_all(pattern.join("hooks/src")).unwrap();
    for file in ["crd.yaml", "katalog.yaml", "hooks/src/lib.rs"] {
        std::fs::copy(source.join(file), pattern.join(file)).unwrap();
    }
    let sdk = source_root().join("guest-sdk/hook").display().to_string();
    let manifest = std::fs::read_to_string(source.join("hooks/Cargo.toml")).unwrap();
    std::fs::write(pattern.join("hooks/Cargo.toml"), manifest.replace("../../../../guest-sdk/hook", &sdk)).unwrap();
    let mut build = Command::new(program("ork"));
    build.args(["build", "--hooks"]).arg(pattern).env("CARGO_TARGET_DIR", target).env("CARGO", cargo);
    let done = build.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
