//! A pattern that decorates Namespaces, from its check to its artifact, without a CRD of its own.

use serde_json::{Value, json};

use crate::support::{ork, ork_in};

const FILES: [(&str, &str); 5] = [
    ("katalog.yaml", include_str!("decorating/katalog.yaml")),
    ("foreign.yaml", include_str!("decorating/foreign.yaml")),
    ("cr.yaml", include_str!("decorating/cr.yaml")),
    (
        "komposer.yaml",
        "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\nimports: {files: [.]}\n",
    ),
    ("README.md", "# Quotas\n"),
];

fn team() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn rules(bundle: &Value, group: &str, resource: &str) -> Vec<(String, Value)> {
    let items = bundle["items"].as_array().unwrap().iter();
    let of = |item: &Value| {
        let name = item["metadata"]["name"].as_str().unwrap().to_owned();
        let rules = item["rules"].as_array().cloned().unwrap_or_default().into_iter();
        // A rule on names is about the runtime's own matters.
        let meant = rules.filter(|rule| {
            let resources = (&rule["apiGroups"], &rule["resources"]);
            resources == (&json!([group]), &json!([resource])) && rule.get("resourceNames").is_none()
        });
        meant.map(|rule| (name.clone(), rule["verbs"].clone())).collect::<Vec<_>>()
    };
    items.flat_map(of).collect()
}

#[test]
fn it_is_checked_rendered_and_explained() {
    let dir = team();
    let checked = ork_in(dir.path(), &["check", "--strict", "."]).ends(0);
    assert!(checked.stderr.contains("no problems"), "{}", checked.stderr);
    let explained = ork_in(dir.path(), &["explain", "."]).ends(0);
    let text = explained.text();
    assert!(text.contains("entry team Namespace of v1\n  only those with example.com/team=yes\n"), "{text}");
    let facts = ork_in(dir.path(), &["explain", "--format", "json", "."]).ends(0).json();
    let entry = &facts["entries"][0];
    assert_eq!((&entry["foreign"], &entry["selector"]), (&json!(true), &json!("example.com/team=yes")));
    let rendered = ork_in(dir.path(), &["render", "."]).ends(0);
    let text = rendered.text();
    assert!(text.contains("kind: ResourceQuota") && text.contains("namespace: shop"), "{text}");
    // Nothing is said of the Namespace itself.
    assert!(!text.contains("# status"), "{text}");
}

#[test]
fn an_object_that_is_not_selected_is_told_of() {
    let dir = team();
    let other = FILES[2].1.replace("\"yes\"", "\"no\"");
    std::fs::write(dir.path().join("other.yaml"), &other).unwrap();
    let rendered = ork_in(dir.path(), &["render", ".", "--cr", "other.yaml"]).ends(0);
    assert!(rendered.stderr.contains("would leave it alone"), "{}", rendered.stderr);
    std::fs::create_dir(dir.path().join("tests")).unwrap();
    let case = "name: other\ncr: {apiVersion: v1, kind: Namespace, metadata: {name: shop}}\nexpect: {children: []}\n";
    std::fs::write(dir.path().join("tests/other.yaml"), case).unwrap();
    let tested = ork_in(dir.path(), &["test", "."]);
    let all = format!("{}{}", tested.text(), tested.stderr);
    assert!(tested.status != 0 && all.contains("alone"), "{all}");
}

#[test]
fn the_rights_are_to_watch_the_kind_and_to_write_only_a_finalizer_that_is_needed() {
    let dir = team();
    let bundle = ork_in(dir.path(), &["generate", "rbac", "--format", "json", "."]).ends(0).json();
    let found = rules(&bundle, "", "namespaces");
    let verbs: Vec<&Value> = found.iter().map(|(_, verbs)| verbs).collect();
    assert_eq!(verbs, [&json!(["list", "watch"]), &json!(["list"])], "{found:?}");
    assert!(rules(&bundle, "", "namespaces/status").is_empty());
    assert_eq!(rules(&bundle, "apiextensions.k8s.io", "customresourcedefinitions"), []);
    let ordered = FILES[0].1.replace("class: ", "quota: \"{{ children.quota.metadata.name }}\", class: ");
    std::fs::write(dir.path().join("katalog.yaml"), ordered).unwrap();
    let bundle = ork_in(dir.path(), &["generate", "rbac", "--format", "json", "."]).ends(0).json();
    let found = rules(&bundle, "", "namespaces");
    assert!(found.iter().any(|(_, verbs)| verbs.as_array().unwrap().contains(&json!("patch"))), "{found:?}");
}

#[test]
fn the_artifact_holds_the_types_of_others_and_no_crd() {
    let dir = team();
    let layout = dir.path().join("layout");
    let to = format!("oci:{}", layout.display());
    ork_in(dir.path(), &["push", &to, "."]).ends(0);
    let inspected = ork(["inspect", "--format", "json", &to]).ends(0).json();
    let text = inspected.to_string();
    assert!(text.contains("foreign.yaml") && !text.contains("\"crd.yaml\""), "{text}");
    let target = dir.path().join("pulled");
    ork_in(dir.path(), &["pull", &to, "-o", target.to_str().unwrap()]).ends(0);
    for (name, text) in FILES {
        assert_eq!(std::fs::read_to_string(target.join(name)).unwrap(), text, "{name}");
    }
    ork(["verify", &to, "--rebuild"]).ends(0);
}
