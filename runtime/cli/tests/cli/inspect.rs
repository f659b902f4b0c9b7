use crate::support::{Copy, ork, postgres};

#[test]
fn a_pattern_imports_nothing_but_the_engine() {
    let copy = Copy::new();
    ork(["build", copy.path()]).ends(0);
    let file = copy.file("pattern.wasm");
    let of_file = ork(["inspect", file.to_str().unwrap()]).ends(0);
    for part in [
        "imports   nothing but the engine: locked-dep=<orkestra:engine@",
        "exports   orkestra:pattern/reconciler@0.1.0",
    ] {
        assert!(of_file.text().contains(part), "{part:?} is not in\n{}", of_file.text());
    }
    // The directory is compiled first, and it is the same component.
    let of_dir = ork(["inspect", copy.path()]).ends(0);
    let (first, rest) = of_dir.text().split_once('\n').unwrap();
    assert_eq!((first, rest), ("pattern   postgres 14.2.0", of_file.text()));
}

#[test]
fn the_json_says_the_same() {
    let good = postgres();
    let found = ork(["inspect", good.to_str().unwrap(), "--format", "json"]).ends(0).json();
    assert_eq!(found["imports"].as_array().unwrap().len(), 1);
    assert_eq!(found["imports"][0]["name"], found["engine"]["import"]);
    assert_eq!(found["engine"]["fits"], true);
    assert_eq!(found["exports"], serde_json::json!(["orkestra:pattern/reconciler@0.1.0"]));
    let children = found["program"]["entries"][0]["children"].as_array().unwrap();
    let kinds: Vec<_> = children.iter().map(|child| child["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Secret", "ConfigMap", "Service", "Service", "StatefulSet", "PodDisruptionBudget"]);
    let status = serde_json::json!(["authSecret", "endpoint", "image", "readyReplicas"]);
    assert_eq!(found["program"]["entries"][0]["status"], status);
}

#[test]
fn one_changed_byte_of_code_is_refused() {
    let copy = Copy::new();
    let mut bytes = ork(["build", copy.path(), "-o", "-"]).ends(0).stdout;
    // The import of the allocator by the program's code: far from data and names that may differ.
    let needle = b"cabi_realloc";
    let at = bytes.windows(needle.len()).rposition(|window| window == needle).unwrap();
    bytes[at] = b'x';
    let file = copy.file("changed.wasm");
    std::fs::write(&file, bytes).unwrap();
    let ended = ork(["inspect", file.to_str().unwrap()]).ends(1);
    assert!(ended.stderr.contains("is not a component that ork built"), "{}", ended.stderr);
}

#[test]
fn what_is_no_component_is_told_so() {
    let copy = Copy::new();
    let ended = ork(["inspect", copy.file("README.md").to_str().unwrap()]).ends(2);
    assert!(ended.stderr.contains("neither a pattern directory nor a component"), "{}", ended.stderr);
}

#[test]
fn of_an_artifact_its_own_word_is_shown_and_marked_as_such() {
    let copy = Copy::asking();
    let layout = format!("oci:{}", copy.file("layout").display());
    let pushed = ork(["push", &layout, copy.path(), "--no-test", "--format", "json"]).ends(0).json();
    let ended = ork(["inspect", &layout]).ends(0);
    assert!(ended.stderr.contains("UNVERIFIED"), "{}", ended.stderr);
    for part in [
        "pattern      postgres 14.2.0",
        "signed by    UNVERIFIED",
        "kind         Postgres of ",
        "asks for     flow:metadata.name, flow:spec.authSecret",
        "engine       that of this ork",
        "tests        not run: --no-test",
        "built by     ork ",
    ] {
        assert!(ended.text().contains(part), "{part:?} is not in\n{}", ended.text());
    }
    let found = ork(["inspect", &layout, "--format", "json"]).ends(0).json();
    assert_eq!(found["digest"], pushed["digest"]);
    assert_eq!((&found["verified"], &found["engineFits"]), (&false.into(), &true.into()));
    assert_eq!(found["config"]["name"], "postgres");
    let files: Vec<_> =
        found["layers"].as_array().unwrap().iter().map(|layer| layer["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["katalog.yaml", "crd.yaml", "cr.yaml", "komposer.yaml", "README.md", "pattern.wasm"]);
    let component = ork(["build", copy.path(), "-o", "-"]).ends(0).stdout;
    assert_eq!(found["layers"][5]["size"], component.len());
}

#[test]
fn a_tree_shows_the_layers_of_an_artifact() {
    let copy = Copy::asking();
    let layout = format!("oci:{}", copy.file("layout").display());
    let pushed = ork(["push", &layout, copy.path(), "--no-test", "--format", "json"]).ends(0).json();
    let ended = ork(["inspect", "--tree", &layout]).ends(0);
    assert!(ended.stderr.contains("UNVERIFIED"), "{}", ended.stderr);
    let lines: Vec<_> = ended.text().lines().collect();
    assert!(lines[0].contains(pushed["digest"].as_str().unwrap()), "{}", ended.text());
    assert!(lines[0].ends_with("application/vnd.orkestra.pattern.v1"), "{}", ended.text());
    assert!(lines[1].starts_with("├── config  application/vnd.orkestra.pattern.config.v1+json  "), "{}", ended.text());
    assert!(lines[7].starts_with("└── pattern.wasm  application/wasm  "), "{}", ended.text());
    let found = ork(["inspect", "--tree", &layout, "--format", "json"]).ends(0).json();
    assert_eq!(found["digest"], pushed["digest"]);
    assert_eq!(found["contents"].as_array().unwrap().len(), 6);
    assert_eq!((&found["referrers"], &found["verified"]), (&serde_json::json!([]), &false.into()));
}

#[test]
fn only_artifacts_have_trees_and_signatures() {
    let copy = Copy::new();
    let ended = ork(["inspect", "--tree", copy.path()]).ends(2);
    assert!(ended.stderr.contains("is no artifact"), "{}", ended.stderr);
    ork(["inspect", copy.path(), "--key", "/nowhere"]).ends(2);
}
