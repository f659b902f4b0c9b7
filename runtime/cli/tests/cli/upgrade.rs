use serde_json::Value;

use crate::support::{Copy, ork, postgres};

fn shipped() -> String {
    postgres().to_str().unwrap().to_owned()
}

/// Verdict and rule of each change.
fn rules(plan: &Value) -> Vec<(String, String)> {
    let text = |change: &Value, name: &str| change[name].as_str().unwrap().to_owned();
    plan["changes"].as_array().unwrap().iter().map(|change| (text(change, "verdict"), text(change, "rule"))).collect()
}

fn with(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(verdict, rule)| ((*verdict).to_owned(), (*rule).to_owned())).collect()
}

#[test]
fn nothing_changes_between_a_pattern_and_itself() {
    let ended = ork(["upgrade", "plan", &shipped(), &shipped()]).ends(0);
    assert!(ended.text().contains("nothing changes"), "{}", ended.text());
}

#[test]
fn what_is_safe_ends_with_0_and_what_is_refused_with_1() {
    let wider = Copy::new().edit("crd.yaml", "maximum: 9", "maximum: 19").edit(
        "katalog.yaml",
        "version: 14.2.0",
        "version: 14.3.0",
    );
    let plan = ork(["upgrade", "plan", "--format", "json", &shipped(), wider.path()]).ends(0).json();
    assert_eq!(rules(&plan), with(&[("safe", "maximum")]));
    let plan = ork(["upgrade", "plan", "--format", "json", wider.path(), &shipped()]).ends(1).json();
    assert_eq!(rules(&plan), with(&[("needs attention", "downgrade"), ("refused", "maximum")]));
    assert_eq!(plan["changes"][1]["path"], "v1.spec.replicas");
    assert_eq!(plan["live"], Value::Null);
}

#[test]
fn a_plan_is_as_it_was_read_and_found_good() {
    let next = Copy::new()
        .edit("katalog.yaml", "version: 14.2.0", "version: 15.0.0")
        .edit("katalog.yaml", "  crds:\n", "    - {name: tier, schema: {type: string}}\n  crds:\n")
        .edit("katalog.yaml", "name: \"{{ metadata.name }}-pods\"", "name: \"{{ metadata.name }}-peers\"")
        .edit("katalog.yaml", "        vars:\n", "        reads:\n          - {id: team, apiVersion: v1, kind: ConfigMap, name: team}\n        vars:\n          team: \"{{ reads.team.data.name }}\"\n")
        .edit("crd.yaml", "maximum: 9", "maximum: 5")
        .edit("crd.yaml", "default: \"14.20\"", "default: \"14.21\"")
        .edit("crd.yaml", "            spec:\n              type: object\n", "            spec:\n              type: object\n              required: [database]\n");
    let ended = ork(["upgrade", "plan", &shipped(), next.path()]).ends(1);
    insta::assert_snapshot!("plan", ended.text());
    let ended = ork(["upgrade", "plan", next.path(), &shipped()]).ends(0);
    insta::assert_snapshot!("plan_back", ended.text());
}

#[test]
fn an_artifact_is_as_good_as_its_directory() {
    let next = Copy::new().edit("katalog.yaml", "version: 14.2.0", "version: 14.3.0").edit(
        "crd.yaml",
        "maximum: 9",
        "maximum: 5",
    );
    let layout = format!("oci:{}", next.file("layout").display());
    ork(["push", &layout, next.path(), "--no-test"]).ends(0);
    let of = |new: &str| ork(["upgrade", "plan", "--format", "json", &shipped(), new]).ends(1).json();
    let (directory, artifact) = (of(next.path()), of(&layout));
    assert_eq!(directory["changes"], artifact["changes"]);
    assert!(artifact["new"]["from"].as_str().unwrap().contains("@sha256:"), "{artifact}");
}

const KATALOG: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: web, version: VERSION}
spec:
  crds:
    web:
      apiTypes: {group: g.example.com, version: v1, kind: Web, plural: webs}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: config, data: {text: \"{{ spec.text }}\"}}
";

/// A pattern whose definition has these versions: name, whether it is stored, and its fields.
fn web(version: &str, versions: &[(&str, bool, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let versions: Vec<String> = versions
        .iter()
        .map(|(name, storage, fields)| {
            format!(
                "    - name: {name}\n      served: true\n      storage: {storage}\n      subresources: {{status: {{}}}}\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n            spec: {{type: object, properties: {{{fields}}}}}\n            status: {{type: object, x-kubernetes-preserve-unknown-fields: true}}\n"
            )
        })
        .collect();
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: webs.g.example.com}}\nspec:\n  group: g.example.com\n  scope: Namespaced\n  names: {{kind: Web, listKind: WebList, plural: webs, singular: web}}\n  versions:\n{}",
        versions.concat()
    );
    std::fs::write(dir.path().join("crd.yaml"), crd).unwrap();
    std::fs::write(dir.path().join("katalog.yaml"), KATALOG.replace("VERSION", version)).unwrap();
    dir
}

const CONVERSION: &str = "      conversion:
        storageVersion: v1
        paths: [{from: v1, to: v2, rules: [{rename: {from: spec.text, to: spec.words}}]}]
";

#[test]
fn versions_that_turn_into_each_other_are_safe_by_their_schema_or_by_a_conversion() {
    let text = "text: {type: string, default: x}";
    let one = web("1.0.0", &[("v1", true, text)]);
    let same = web("1.1.0", &[("v1", true, text), ("v2", false, text)]);
    let other = web("1.1.0", &[("v1", true, text), ("v2", false, "words: {type: string, default: x}")]);
    let path = |dir: &tempfile::TempDir| dir.path().to_str().unwrap().to_owned();
    // Without a conversion it is no pattern at all.
    let ended = ork(["upgrade", "plan", &path(&one), &path(&other)]).ends(1);
    assert!(ended.stderr.contains("K1201"), "{}", ended.stderr);
    let katalog = other.path().join("katalog.yaml");
    let written = std::fs::read_to_string(&katalog).unwrap() + CONVERSION;
    std::fs::write(&katalog, written).unwrap();
    for new in [same, other] {
        let plan = ork(["upgrade", "plan", "--format", "json", &path(&one), &path(&new)]).ends(0).json();
        assert_eq!(rules(&plan), with(&[("safe", "newVersion"), ("safe", "conversion"), ("safe", "conversion")]));
    }
}

#[test]
fn what_is_no_pattern_is_told_and_a_cluster_is_asked_for_only_where_one_is_named() {
    let ended = ork(["upgrade", "plan", "/nowhere", &shipped()]).ends(2);
    assert!(ended.stderr.contains("/nowhere"), "{}", ended.stderr);
    ork(["upgrade", "plan", &shipped(), &shipped(), "--kubeconfig", "/nowhere"]).ends(2);
}
