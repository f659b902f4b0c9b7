//! One hook in two languages: the contract is the WIT, and so what is made does not tell which of them made it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use orkestra_tests::{CONFIG_MAP, Kind, Namespace, Ork, condition_of, program, source_root, with_namespace};
use serde_json::{Value, json};

use crate::{directory, fine, run};

const TEAM: Kind = Kind::new("examples.orkestra.io/v1", "Team");
const GRANT: &str = "cluster-read:v1/ConfigMap";

fn example() -> PathBuf {
    source_root().join("guest-sdk/js/examples/team")
}

/// The component made of JavaScript; none where there is no Node.js. What npm installs is kept beside what cargo makes.
fn javascript() -> Option<PathBuf> {
    let place = program("ork").ancestors().nth(2).expect("target/PROFILE/ork").join("javascript");
    // `build.mjs` looks for `wit` two directories up.
    let sdk = place.join("guest-sdk/js");
    std::fs::create_dir_all(&sdk).unwrap();
    for file in ["package.json", "package-lock.json", "build.mjs", "orkestra-hook.mjs", "points.mjs"] {
        std::fs::copy(source_root().join("guest-sdk/js").join(file), sdk.join(file)).unwrap();
    }
    for package in ["host", "hook"] {
        let (from, to) = (source_root().join("wit").join(package), place.join("wit").join(package));
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(from).unwrap().flatten() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let lock = std::fs::read(sdk.join("package-lock.json")).unwrap();
    if std::fs::read(place.join("installed")).ok().as_deref() != Some(&lock[..]) {
        match Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&sdk)
            .stdin(Stdio::null())
            .output()
        {
            Ok(installed) => drop(fine(&installed)),
            Err(_) => {
                // Past the harness, which keeps back what a passing test prints.
                let _ = writeln!(std::io::stderr(), "not run: hooks in JavaScript, as there is no npm");
                return None;
            }
        }
        std::fs::write(place.join("installed"), &lock).unwrap();
    }
    let component = place.join("hooks.wasm");
    let mut build = Command::new("node");
    build.args(["build.mjs".as_ref(), example().join("hook.js").as_os_str(), component.as_os_str()]);
    fine(&build.current_dir(&sdk).stdin(Stdio::null()).output().expect("node runs"));
    Some(component)
}

/// The component made of Rust.
fn rust(at: &Path) -> PathBuf {
    crate::built(at, &example(), &source_root().join("tests/hooks/team"))
}

/// What comes of a component: the child's data, and what a ConfigMap that is wrong gives.
async fn made(ns: &Namespace, component: &Path) -> (Value, String) {
    let pattern = directory(ns.cluster(), &format!("team-{}", ns.name()));
    for file in ["crd.yaml", "katalog.yaml"] {
        std::fs::copy(example().join(file), pattern.join(file)).unwrap();
    }
    std::fs::copy(component, pattern.join("hooks.wasm")).unwrap();
    let config = |name: &str, team: &str, gib: &str| json!({"metadata": {"name": name, "labels": {"team": team}}, "data": {"GiB": gib, "other": "not asked for"}});
    for (name, team, gib) in
        [("shop", "blue", "7"), ("blog", "blue", "5"), ("else", "red", "100"), ("odd", "odd", "six")]
    {
        ns.create(CONFIG_MAP, config(name, team, gib)).await;
    }
    let ork: Ork = run(ns, &pattern, &[GRANT]).await;
    for team in ["blue", "odd"] {
        ns.create(TEAM, json!({"metadata": {"name": team}, "spec": {"team": team}})).await;
    }
    let child = ns.wait_until(CONFIG_MAP, "blue-usage", "it is made", |object| object["data"].is_object()).await;
    let failed = |object: &Value| object.to_string().contains("HookFailed");
    let odd = ns.wait_until(TEAM, "odd", "the hook has failed", failed).await;
    assert_eq!(condition_of(&odd, "Ready"), Some("False"));
    let conditions = odd["status"]["conditions"].as_array().unwrap();
    let messages: Vec<&str> = conditions.iter().filter_map(|condition| condition["message"].as_str()).collect();
    assert!(ork.stop().await.success());
    (child["data"].clone(), messages.join("\n"))
}

#[test]
fn a_hook_in_rust_and_the_same_in_javascript_make_the_same() {
    let Some(javascript) = javascript() else { return };
    let both = Mutex::new(Vec::new());
    with_namespace("hooks-rust", async |ns| {
        let component = rust(&directory(ns.cluster(), "team-rust"));
        let made = made(&ns, &component).await;
        both.lock().unwrap().push(made);
    });
    with_namespace("hooks-javascript", async |ns| {
        let made = made(&ns, &javascript).await;
        both.lock().unwrap().push(made);
    });
    let [rust, javascript] = both.into_inner().unwrap().try_into().expect("two");
    assert_eq!(rust.0, json!({"GiB": "12", "names": "blog,shop"}));
    assert!(rust.1.contains("ConfigMap odd: data.GiB is no integer: \"six\""), "{}", rust.1);
    assert_eq!(javascript, rust);
}
