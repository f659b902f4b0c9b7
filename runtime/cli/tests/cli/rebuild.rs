//! A component is its YAML, or it is refused: artifacts that somebody changed, with every digest made good again.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Copy, Ended, ork};

/// The files of an artifact by their names.
type Files = BTreeMap<String, Vec<u8>>;

const ROLES: [(&str, &str); 6] = [
    ("katalog.yaml", "katalog"),
    ("crd.yaml", "crd"),
    ("cr.yaml", "cr"),
    ("komposer.yaml", "komposer"),
    ("README.md", "readme"),
    ("pattern.wasm", "component"),
];

/// The shipped pattern in an image layout, changed by whoever holds the registry: config, files, and no digest that shows it.
fn forged(change: impl FnOnce(&mut Value, &mut Files)) -> Ended {
    let copy = Copy::new();
    let layout = copy.file("layout");
    let place = format!("oci:{}", layout.display());
    ork(["push", &place, copy.path(), "--no-test"]).ends(0);
    forge(&layout, change);
    // That the digests hold is what makes the forgery one: a pull takes it.
    ork(["pull", &place, "-o", copy.file("out").to_str().unwrap()]).ends(0);
    ork(["verify", &place, "--rebuild"])
}

fn forge(layout: &Path, change: impl FnOnce(&mut Value, &mut Files)) {
    let blob = |digest: &str| layout.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    let read = |digest: &Value| std::fs::read(blob(digest.as_str().unwrap())).unwrap();
    let write = |bytes: &[u8]| {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = format!("sha256:{hex}");
        std::fs::write(blob(&digest), bytes).unwrap();
        json!({"digest": digest, "size": bytes.len()})
    };
    let put = |descriptor: &mut Value, written: Value| {
        descriptor["digest"] = written["digest"].clone();
        descriptor["size"] = written["size"].clone();
    };
    let index_path = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&index_path).unwrap()).unwrap();
    let mut manifest: Value = serde_json::from_slice(&read(&index["manifests"][0]["digest"])).unwrap();
    let mut config: Value = serde_json::from_slice(&read(&manifest["config"]["digest"])).unwrap();
    let layers = manifest["layers"].as_array_mut().unwrap();
    let title = |layer: &Value| layer["annotations"]["org.opencontainers.image.title"].as_str().unwrap().to_owned();
    let mut files: Files = layers.iter().map(|layer| (title(layer), read(&layer["digest"]))).collect();
    change(&mut config, &mut files);
    for layer in layers {
        let title = title(layer);
        put(layer, write(&files[&title]));
        let (_, role) = ROLES.into_iter().find(|(file, _)| *file == title).unwrap();
        config["layers"][role] = layer["digest"].clone();
    }
    put(&mut manifest["config"], write(&serde_json::to_vec(&config).unwrap()));
    put(&mut index["manifests"][0], write(&serde_json::to_vec(&manifest).unwrap()));
    std::fs::write(&index_path, index.to_string()).unwrap();
}

/// Puts bytes in the place of as many others.
fn replace(file: &mut [u8], find: &[u8], put: &[u8]) {
    assert_eq!(find.len(), put.len());
    let at = file.windows(find.len()).position(|window| window == find).unwrap_or_else(|| panic!("{find:?} is there"));
    file[at..at + put.len()].copy_from_slice(put);
}

fn edit(files: &mut Files, name: &str, find: &str, put: &str) {
    let text = String::from_utf8(files[name].clone()).unwrap();
    assert!(text.contains(find), "{find:?} is not in {name}");
    files.insert(name.to_owned(), text.replacen(find, put, 1).into_bytes());
}

#[test]
fn a_component_that_is_its_yaml_is_proven() {
    let ended = forged(|_, _| ()).ends(0);
    assert!(ended.stderr.contains("its component is its YAML, to the byte"), "{}", ended.stderr);
    assert!(ended.stderr.contains("UNVERIFIED"), "{}", ended.stderr);
    // Of which builder the config tells does not matter where the bytes are the same.
    forged(|config, _| config["builder"] = json!("ork 9.9.9")).ends(0);
}

#[test]
fn one_altered_constant_of_a_component_is_found() {
    let ended = forged(|_, files| {
        let component = files.get_mut("pattern.wasm").unwrap();
        replace(component, b"readyReplicas", b"readyReplicaz");
        let unchanged = orkestra_component::decode(component).is_ok();
        assert!(unchanged, "it is as good a component as before");
    })
    .ends(1);
    assert!(ended.stderr.contains("NotItsYaml: the component is not what its katalog.yaml says"), "{}", ended.stderr);
    assert!(ended.text().is_empty());
}

#[test]
fn one_altered_line_of_the_yaml_is_found_and_so_is_code() {
    let ended = forged(|_, files| edit(files, "katalog.yaml", "workers: 2", "workers: 3"));
    // What the operator does is no part of the component, and of the YAML it is read.
    ended.ends(0);
    let ended = forged(|_, files| edit(files, "katalog.yaml", "readyReplicas", "readyReplicaz")).ends(1);
    assert!(ended.stderr.contains("NotAPattern") || ended.stderr.contains("NotItsYaml"), "{}", ended.stderr);
    let ended = forged(|_, files| {
        let component = files.get_mut("pattern.wasm").unwrap();
        let needle = b"cabi_realloc";
        let at = component.windows(needle.len()).rposition(|window| window == needle).unwrap();
        component[at] = b'x';
    })
    .ends(1);
    assert!(ended.stderr.contains("NotItsYaml"), "{}", ended.stderr);
    assert!(ended.stderr.contains("differs from the template"), "{}", ended.stderr);
}

#[test]
fn a_config_that_says_other_things_than_the_files_is_found() {
    for (field, lie) in [
        ("name", json!("mysql")),
        ("crds", json!([{"group": "harmless.example", "kind": "Note", "versions": ["v1"], "storage": "v1"}])),
        ("imports", json!([])),
        ("exports", json!([])),
        ("capabilities", json!(["http"])),
        ("license", json!("MIT")),
        ("cost", json!({"postgres": 1})),
    ] {
        let copy = Copy::new();
        let layout = copy.file("layout");
        let place = format!("oci:{}", layout.display());
        ork(["push", &place, copy.path(), "--no-test"]).ends(0);
        forge(&layout, |config, _| config[field] = lie);
        let ended = ork(["verify", &place, "--rebuild"]).ends(1);
        // That the name is the repository's is asked even before.
        let reason = if field == "name" { "NameMismatch" } else { "NotItsConfig" };
        assert!(ended.stderr.contains(reason), "{field}: {}", ended.stderr);
    }
}

#[test]
fn of_another_builder_other_bytes_prove_nothing_and_are_not_taken() {
    let other = |config: &mut Value, files: &mut Files| {
        config["builder"] = json!("ork 9.9.9\u{1b}[2J");
        replace(files.get_mut("pattern.wasm").unwrap(), b"readyReplicas", b"readyReplicaz");
    };
    let ended = forged(other).ends(1);
    assert!(ended.stderr.contains("OtherBuilder: the component was built by ork 9.9.9\\u{1b}[2J"), "{}", ended.stderr);

    let engine = |config: &mut Value, files: &mut Files| {
        let ours = orkestra_component::engine().import_name;
        // Another letter of the digest in the import's name.
        let at = ours.find("sha256-").unwrap() + 7;
        let letter = if ours.as_bytes()[at] == b'A' { "B" } else { "A" };
        let theirs = format!("{}{letter}{}", &ours[..at], &ours[at + 1..]);
        replace(files.get_mut("pattern.wasm").unwrap(), ours.as_bytes(), theirs.as_bytes());
        config["imports"] = json!([theirs]);
        config["engine"]["import"] = json!(theirs);
    };
    let ended = forged(engine).ends(1);
    assert!(ended.stderr.contains("EngineMismatch"), "{}", ended.stderr);
    assert!(ended.stderr.contains("ork lock"), "it says what to do: {}", ended.stderr);
    let ended = forged(|config, files| {
        engine(config, files);
        config["engine"]["import"] = json!(orkestra_component::engine().import_name);
    })
    .ends(1);
    assert!(ended.stderr.contains("NotItsConfig"), "{}", ended.stderr);
}

#[test]
fn yaml_that_is_no_pattern_is_told_escaped_and_bounded() {
    let ended = forged(|_, files| {
        files.insert("katalog.yaml".to_owned(), "kind: \"\u{1b}[31mevil\u{202e}\"\n".repeat(9000).into_bytes());
    })
    .ends(1);
    assert!(ended.stderr.contains("NotAPattern"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(['\u{1b}', '\u{202e}']), "{}", ended.stderr);
    assert!(ended.stderr.len() < 64 << 10, "{}", ended.stderr.len());
}

#[test]
fn a_yaml_bomb_ends_in_the_child() {
    let deep = "[".repeat(500_000);
    let ended = forged(|_, files| drop(files.insert("katalog.yaml".to_owned(), deep.into_bytes()))).ends(1);
    assert!(ended.stderr.contains("NotAPattern"), "{}", ended.stderr);
    // Expressions are parsed by recursion, on the one thread that the child has.
    for deep in ["(".repeat(8000), "[".repeat(8000), "!".repeat(8000), format!("1{}", "+1".repeat(4000))] {
        let ended = forged(|_, files| edit(files, "katalog.yaml", "inputs.imageRegistry", &deep)).ends(1);
        assert!(ended.stderr.contains("NotAPattern"), "{}", ended.stderr);
    }
}

/// While a child waits for its first byte, the kernel says how it is confined already.
#[test]
fn children_are_confined_before_they_read_a_byte() {
    for subcommand in ["internal-compile", "internal-rebuild"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ork"))
            .arg(subcommand)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let proc = Path::new("/proc").join(child.id().to_string());
        let says =
            |line: &str| std::fs::read_to_string(proc.join("status")).unwrap().lines().any(|found| found == line);
        let begun = Instant::now();
        while !says("Seccomp:\t2") {
            assert!(begun.elapsed() < Duration::from_secs(30), "{subcommand} is not confined");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(says("NoNewPrivs:\t1"), "{subcommand}");
        assert!(says("Threads:\t1"), "{subcommand}");
        let limits = std::fs::read_to_string(proc.join("limits")).unwrap();
        let limit = |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        for (name, most) in [("Max open files", "3"), ("Max file size", "0"), ("Max core file size", "0")] {
            assert_eq!(limit(name).split_whitespace().next(), Some(most), "{subcommand}: {name}");
        }
        assert!(!limit("Max address space").contains("unlimited"), "{subcommand}");
        assert!(!limit("Max cpu time").contains("unlimited"), "{subcommand}");
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"no request").unwrap();
        drop(input);
        assert!(child.wait_with_output().unwrap().status.success(), "it answers that this is none");
    }
}
