//! Interfaces that were released never change: what a component was built against is what it is linked with.
//!
//! A released package lies in `wit/deps/NAME@VERSION`, and `wit/deps/SHA256SUMS` has a line for each of its files, as `sha256sum`
//! writes them. What is released next is the package beside it under a higher version.

use std::collections::BTreeMap;
use std::path::Path;

use orkestra_tests::source_root;
use sha2::{Digest, Sha256};

/// What is wrong with the packages of a directory like `wit`.
fn problems(wit: &Path) -> Vec<String> {
    let deps = wit.join("deps");
    let sums = std::fs::read_to_string(deps.join("SHA256SUMS")).unwrap_or_default();
    let listed: BTreeMap<&str, &str> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|(a, b)| (b, a)).collect();
    let mut problems = Vec::new();
    let released = packages(&deps);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (package, files) in &released {
        found.extend(files.iter().map(|(file, text)| (format!("{package}/{file}"), digest(text))));
    }
    for (file, digest) in &found {
        match listed.get(file.as_str()) {
            None => problems.push(format!("{file} is not listed")),
            Some(listed) if listed != digest => problems.push(format!("{file} was released and has changed")),
            Some(_) => {}
        }
    }
    problems.extend(listed.keys().filter(|file| !found.contains_key(**file)).map(|file| format!("{file} is gone")));
    for (name, files) in packages(wit).iter().filter(|(name, _)| name != "deps") {
        // Each file of a package names it with its version.
        let versions = files.values().filter_map(|text| text.lines().find_map(|line| line.strip_prefix("package ")));
        for package in versions {
            let package = package.trim_end_matches(';').trim_start_matches("orkestra:");
            if let Some((_, released)) = released.iter().find(|(released, _)| released == package)
                && released != files
            {
                problems.push(format!("{name} says that it is {package}, which was released as something else"));
                break;
            }
        }
    }
    problems
}

/// The directories below one, each with its files.
fn packages(directory: &Path) -> Vec<(String, BTreeMap<String, String>)> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<_> = entries(directory)
        .filter(|path| path.is_dir())
        .map(|path| {
            let files = entries(&path).filter(|file| file.is_file());
            (name(&path), files.map(|file| (name(&file), std::fs::read_to_string(&file).unwrap())).collect())
        })
        .collect();
    all.sort();
    all
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_released_interface_never_changes() {
    assert_eq!(problems(&source_root().join("wit")), Vec::<String>::new());
}

#[test]
fn a_change_of_a_released_interface_is_found() {
    let wit = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = wit.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let (first, next) = ("package orkestra:host@0.1.0;\n", "package orkestra:host@0.2.0;\n");
    write("deps/host@0.1.0/log.wit", first);
    write("deps/SHA256SUMS", &format!("{}  host@0.1.0/log.wit\n", digest(first)));
    write("host/log.wit", first);
    assert_eq!(problems(wit.path()), Vec::<String>::new());
    write("host/log.wit", next);
    assert_eq!(problems(wit.path()), Vec::<String>::new());
    write("host/log.wit", &format!("{first}interface log {{}}\n"));
    assert_eq!(problems(wit.path()), ["host says that it is host@0.1.0, which was released as something else"]);
    write("host/log.wit", first);
    write("deps/host@0.1.0/log.wit", &format!("{first}interface log {{}}\n"));
    assert_eq!(problems(wit.path())[0], "host@0.1.0/log.wit was released and has changed");
    write("deps/host@0.1.0/more.wit", first);
    assert!(problems(wit.path()).contains(&"host@0.1.0/more.wit is not listed".to_owned()));
    std::fs::remove_dir_all(wit.path().join("deps/host@0.1.0")).unwrap();
    assert_eq!(problems(wit.path()), ["host@0.1.0/log.wit is gone"]);
}
