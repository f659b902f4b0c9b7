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
