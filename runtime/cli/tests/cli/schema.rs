use crate::support::{ork, postgres};

#[test]
fn a_key_is_explained_by_its_path() {
    let ended = ork(["schema", "KATALOG.spec.crds.workers"]).ends(0);
    let text = ended.text();
    assert!(text.starts_with("Katalog.spec.crds.workers  number, 1 to 64\n"), "{text}");
    insta::assert_snapshot!("reads", ork(["schema", "katalog.spec.crds.operatorBox.reads"]).ends(0).text());
    insta::assert_snapshot!("policy", ork(["schema", "policy.spec"]).ends(0).text());
    let text = ork(["schema", "katalog.spec.crds.operatorBox.onReconcile.deployments"]).ends(0);
    assert!(text.text().contains("And every field of a Deployment's `spec`."), "{text:?}");
}

#[test]
fn what_is_not_there_is_answered_with_the_nearest() {
    let of = |what: &str| ork(["schema", what]).ends(2).stderr;
    assert!(of("katalog.spec.crd").contains("`spec` has no key `crd`\n\nhint: did you mean `crds`?"));
    assert!(of("komposer.spec.crds.enabeld").contains("did you mean `enabled`?"));
    assert!(of("Katalogue").contains("there is no kind `Katalogue`"));
    assert!(of("katalog.spec.crds.workers.most").contains("has no key `most`"));
    let json = ork(["schema", "katalog.spec", "--format", "json"]).ends(2);
    assert!(json.stderr.contains("leave out `.spec`"), "{json:?}");
}

#[test]
fn every_kind_has_a_json_schema() {
    for kind in ["katalog", "komposer", "komposerlock", "policy", "case"] {
        let schema = ork(["schema", kind, "--format", "json"]).ends(0).json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["title"].as_str().unwrap().eq_ignore_ascii_case(kind), "{schema}");
        assert_eq!(schema["additionalProperties"], false);
    }
}

#[test]
fn the_kinds_are_listed() {
    let text = ork(["schema"]).ends(0);
    for kind in ["Katalog", "Komposer", "KomposerLock", "Policy", "Case"] {
        assert!(text.text().contains(&format!("\n  {kind}\n")), "{text:?}");
    }
    assert!(ork(["schema", "--format", "json"]).ends(2).stderr.contains("name it"));
}

#[test]
fn what_is_shipped_is_right_by_its_schema() {
    let documents = |path: &std::path::Path| {
        let text = std::fs::read(path).unwrap();
        let source = orkestra_pattern::Source::new().with("document.yaml", &text);
        let file = source.find("document.yaml").unwrap();
        let (documents, problems) =
            orkestra_pattern::yaml::parse(&source, file, orkestra_pattern::yaml::Bounds::default());
        assert!(problems.is_empty(), "{}", path.display());
        documents.iter().map(orkestra_pattern::yaml::Node::to_json).filter(|json| !json.is_null()).collect::<Vec<_>>()
    };
    let mut seen = 0;
    for (kind, name) in [("katalog", "katalog.yaml"), ("komposer", "komposer.yaml"), ("case", "tests")] {
        let schema = ork(["schema", kind, "--format", "json"]).ends(0).json();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let patterns = postgres().join("../..");
        for kind in std::fs::read_dir(patterns).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
        {
            for version in std::fs::read_dir(kind).unwrap() {
                let path = version.unwrap().path().join(name);
                let files = match path.is_dir() {
                    true => std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect(),
                    false => vec![path],
                };
                for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "yaml")) {
                    for document in documents(path) {
                        let problems: Vec<_> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
                        assert!(problems.is_empty(), "{}: {}", path.display(), problems.join("\n"));
                        seen += 1;
                    }
                }
            }
        }
    }
    assert!(seen > 12, "{seen}");
}
