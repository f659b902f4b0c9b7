use std::path::Path;

use crate::support::{Copy, ork, ork_with};

/// A pattern with a hook whose crate leaves a trace when it is compiled.
pub(crate) fn with_canary() -> Copy {
    let copy = Copy::new()
        .edit(
            "katalog.yaml",
            "  crds:\n",
            "  capabilities: [clocks, \"http:GET https://quota.example.com\"]\n  crds:\n",
        )
        .edit(
            "katalog.yaml",
            "        vars:\n",
            "        hooks: {beforeRender: [{name: quota, schema: {type: integer}}]}\n        vars:\n",
        );
    let source = copy.file("hooks");
    std::fs::create_dir_all(source.join("src")).unwrap();
    let manifest = "[package]\nname = \"canary\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    std::fs::write(source.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(source.join("src/lib.rs"), "").unwrap();
    let trace =
        "fn main() { std::fs::write(std::env::var(\"CARGO_MANIFEST_DIR\").unwrap() + \"/sang\", \"\").unwrap(); }\n";
    std::fs::write(source.join("build.rs"), trace).unwrap();
    copy
}

#[test]
fn a_build_script_runs_under_no_command_but_the_one_that_says_so() {
    let copy = with_canary();
    let sang = copy.file("hooks/sang");
    let (dir, layout) = (copy.path(), format!("oci:{}", copy.file("layout").display()));
    std::fs::write(copy.file("hook.yaml"), "quota: 3\n").unwrap();
    let hook = copy.file("hook.yaml");
    std::fs::create_dir(copy.file("tests")).unwrap();
    let case = "name: as it is\nhook: {quota: 3}\nexpect: {match: subset, children: []}\n";
    std::fs::write(copy.file("tests/basic.yaml"), case).unwrap();
    // Each with its status: one that ended at its arguments would show nothing.
    let commands: [(u8, &[&str]); 11] = [
        (0, &["check", dir]),
        (0, &["build", dir]),
        (0, &["render", dir, "--hook", hook.to_str().unwrap()]),
        (0, &["test", dir]),
        (0, &["explain", dir]),
        (0, &["eval", "spec.version", "--dir", dir]),
        (0, &["audit", dir]),
        (0, &["generate", "rbac", dir]),
        (0, &["inspect", dir]),
        // What it asks for is not granted, and its component is not there.
        (1, &["run", dir]),
        (1, &["push", &layout, dir]),
    ];
    for (status, arguments) in commands {
        let ended = crate::support::ork_with_all(arguments, &[("HOME", "/nowhere")]).ends(status.into());
        assert!(!sang.exists(), "{arguments:?} has compiled it: {}", ended.stderr);
    }
    let target = copy.file("target");
    // Cargo needs what cargo was started with here.
    let names = ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let values: Vec<_> = names.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect();
    let mut variables: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("CARGO_TARGET_DIR", target.to_str().unwrap()));
    let ended = ork_with(["build", "--hooks", dir], &variables).ends(1);
    assert!(sang.exists(), "{}", ended.stderr);
    // A crate that uses nothing of the SDK has no world.
    assert!(
        ended.stderr.contains("orkestra:hook/before-render") && !Path::new(&copy.file("hooks.wasm")).exists(),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_a_hook_asks_for_is_denied_by_default_and_a_hook_that_is_not_there_is_named() {
    let copy = with_canary();
    let run = |grants: &[&str]| {
        let flags: Vec<&str> = grants.iter().flat_map(|grant| ["--grant", grant]).collect();
        crate::support::ork_with_all(&[&["run"], &flags[..], &[copy.path()]].concat(), &[("HOME", "/nowhere")])
    };
    let ended = run(&["clocks"]).ends(1);
    assert!(
        ended.stderr.contains(
            "CapabilityDenied: `postgres` is not granted `http:GET https://quota.example.com`: a hook sends GET requests"
        ) && ended.stderr.contains("--grant 'http:GET https://quota.example.com'"),
        "{}",
        ended.stderr
    );
    let layout = format!("oci:{}", copy.file("layout").display());
    let ended = ork(["push", &layout, copy.path(), "--no-test"]).ends(1);
    assert!(ended.stderr.contains("HookMissing") && ended.stderr.contains("ork build --hooks"), "{}", ended.stderr);
    let ended = ork(["build", "--hooks", crate::support::postgres().to_str().unwrap()]).ends(1);
    assert!(ended.stderr.contains("there is no crate in"), "{}", ended.stderr);
}

#[test]
fn a_preview_has_what_the_hook_would_give() {
    let copy = with_canary().edit(
        "katalog.yaml",
        "            - {path: image, value: \"{{ vars.image }}\"}",
        "            - {path: image, value: \"{{ vars.image }}:{{ reveal(hook.quota) }}\"}",
    );
    let ended = ork(["render", copy.path()]).ends(1);
    assert!(ended.stderr.contains("HookNotGiven"), "{}", ended.stderr);
    for (given, says) in [("quota: many\n", "`quota` is not of its schema"), ("other: 1\n", "`other` is not declared")]
    {
        std::fs::write(copy.file("hook.yaml"), given).unwrap();
        let ended = ork(["render", copy.path(), "--hook", copy.file("hook.yaml").to_str().unwrap()]).ends(1);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    std::fs::write(copy.file("hook.yaml"), "quota: 3\n").unwrap();
    let ended = ork(["render", copy.path(), "--hook", copy.file("hook.yaml").to_str().unwrap()]).ends(0);
    assert!(ended.text().contains("postgres:14:3") || ended.text().contains(":3\n"), "{}", ended.text());
}
