//! Directories of `fail/` and `pass/`: each holds a `katalog.yaml`, perhaps a `crd.yaml` and a `cr.yaml` of its own, and beside
//! it lies what comes out, `<name>.result`. `UPDATE=1` writes the results anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use orkestra_pattern::Source;
use orkestra_pattern::diagnostic::Severity;

use crate::{check, model, read, rendered, root};

/// Every mistake is shown at its place, with what was found, what was expected and what to do.
#[test]
fn mistakes_are_shown() {
    compare("fail", |source| {
        let (pattern, problems) = check(source);
        if pattern.is_some() {
            return Err("it has no errors".to_owned());
        }
        Ok(rendered(&problems, source))
    });
}

/// What is right has no diagnostics, and its short forms are the manifests that are expected.
#[test]
fn patterns_pass() {
    compare("pass", |source| {
        let (pattern, problems) = check(source);
        match pattern {
            Some(pattern) if problems.iter().all(|problem| problem.severity == Severity::Note) => {
                Ok(serde_json::to_string_pretty(&model::to_json(&pattern)).unwrap() + "\n")
            }
            _ => Err(rendered(&problems, source)),
        }
    });
}

/// The faults that every check of a Katalog must find.
#[test]
fn the_well_known_mistakes_are_covered() {
    let expected = [
        ("broken-yaml", "K0001"),
        ("unknown-key", "K0201"),
        ("said-otherwise", "K0202"),
        ("partial-api-types", "K0211"),
        ("duplicate-id", "K0301"),
        ("cycle", "K0304"),
        ("unknown-child", "K0306"),
        ("unclosed-expression", "K0402"),
        ("unknown-field", "K0403"),
        ("type-clash", "K0405"),
        ("absent-path", "K0407"),
        ("plain-value", "K0502"),
    ];
    for (name, code) in expected {
        let result = read(&root().join(format!("tests/language/fail/{name}.result")));
        assert!(result.contains(&format!("error[{code}]")), "{name} does not show {code}:\n{result}");
    }
}

fn compare(kind: &str, run: impl Fn(&Source) -> Result<String, String>) {
    let update = std::env::var_os("UPDATE").is_some();
    let dir = root().join("tests/language").join(kind);
    let mut cases = BTreeSet::new();
    let mut results = BTreeSet::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            cases.insert(name)
        } else {
            results.insert(name)
        };
    }
    assert!(!cases.is_empty(), "{} holds no cases", dir.display());
    let mut wrong = Vec::new();
    for name in &cases {
        let source = load(&dir.join(name));
        let result: PathBuf = dir.join(format!("{name}.result"));
        match run(&source) {
            Err(why) => wrong.push(format!("{kind}/{name}: {why}")),
            Ok(found) if update => std::fs::write(&result, found).unwrap(),
            Ok(found) => {
                let expected = std::fs::read_to_string(&result).unwrap_or_default();
                if found != expected {
                    wrong.push(format!("{kind}/{name}\n--- expected\n{expected}\n--- found\n{found}"));
                }
            }
        }
    }
    if !update {
        wrong.extend(results.difference(&cases).map(|name| format!("{kind}/{name}.result belongs to no case")));
    }
    assert!(wrong.is_empty(), "{}\nUPDATE=1 accepts what was found", wrong.join("\n"));
}

fn load(dir: &Path) -> Source {
    let own = |name: &str| std::fs::read(dir.join(name)).ok();
    let shared = || std::fs::read(root().join("tests/language/crd.yaml")).unwrap();
    let mut source = Source::new();
    source.add("katalog.yaml", &own("katalog.yaml").unwrap());
    source.add("crd.yaml", &own("crd.yaml").unwrap_or_else(shared));
    if let Some(cr) = own("cr.yaml") {
        source.add("cr.yaml", &cr);
    }
    source
}
