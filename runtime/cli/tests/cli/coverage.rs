//! `ork test --coverage`.

use serde_json::json;

use crate::support::{Ended, ork_in};

const CRD: &str = include_str!("policies/crd.yaml");
const KATALOG: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: shop, version: 1.0.0}
spec:
  crds:
    shop:
      operatorBox:
        onReconcile:
          configMaps:
            - {id: always, name: always, data: {image: \"{{ spec.image }}\"}}
            - id: many
              name: many
              when: \"{{ spec.replicas > 1 }}\"
              data: {image: \"{{ spec.image }}\"}
            - id: zone
              forEach: {field: \"{{ spec.zones | default [] }}\"}
              when: \"{{ item != 'home' }}\"
              data: {zone: \"{{ item }}\"}
              name: \"{{ metadata.name }}-{{ key }}\"
            - id: after
              name: after
              when: \"{{ children.many.metadata.name != 'x' }}\"
              data: {many: \"{{ children.many.metadata.name }}\"}
        onDelete:
          configMaps:
            - {id: last, name: last, data: {image: \"{{ spec.image }}\"}}
";

/// A case of a resource with this spec.
fn case(name: &str, spec: &str) -> String {
    format!(
        "---\nname: {name}\ncr: {{apiVersion: example.com/v1, kind: Shop, metadata: {{name: a, namespace: b}}, spec: {spec}}}\nexpect: {{match: subset, conditions: [{{type: Ready}}]}}\n"
    )
}

fn run(cases: &[String], more: &[&str]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tests")).unwrap();
    for (name, text) in [("crd.yaml", CRD), ("katalog.yaml", KATALOG), ("tests/cases.yaml", &cases.concat())] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    ork_in(dir.path(), &[&["test", "--coverage"], more].concat())
}

#[test]
fn what_no_case_reaches_is_told_with_its_place() {
    let ended = run(&[case("one", "{replicas: 1, image: a}")], &[]).ends(0);
    let (_, covered) = ended.text().split_once("covered").unwrap();
    assert_eq!(
        covered.trim_start(),
        "1 of 5 templates, 1 of 6 outcomes of `when` (.)
  katalog.yaml:11:15: no case renders `many`
  katalog.yaml:13:21: the `when` of `many` is true in no case
  katalog.yaml:15:15: no case renders `zone`
  katalog.yaml:17:21: the `when` of `zone` is true in no case
  katalog.yaml:17:21: the `when` of `zone` is false in no case
  katalog.yaml:20:15: no case renders `after`
  katalog.yaml:22:21: the `when` of `after` is true in no case
  katalog.yaml:22:21: the `when` of `after` is false in no case
  katalog.yaml:26:16: no case renders `last`
",
        "{}",
        ended.text()
    );
    // What waits is not reached; of elements some may be left out.
    let more = [
        case("one", "{replicas: 1, image: a}"),
        case("two", "{replicas: 2, image: a, zones: [home, away]}"),
        case("gone", "{replicas: 2, image: a}") + "deleting: true\n",
    ];
    let ended = run(&more, &[]).ends(0);
    let told: Vec<&str> = ended.text().lines().filter(|line| line.contains("katalog.yaml")).collect();
    assert_eq!(
        told,
        [
            "  katalog.yaml:20:15: no case renders `after`",
            "  katalog.yaml:22:21: the `when` of `after` is true in no case",
            "  katalog.yaml:22:21: the `when` of `after` is false in no case",
        ],
        "{}",
        ended.text()
    );
}

#[test]
fn coverage_is_told_to_machines_and_can_be_asked_for() {
    let cases = [case("two", "{replicas: 2, image: a, zones: [away]}")];
    let told = run(&cases, &["--format", "json"]).ends(0).json();
    assert_eq!(told["cases"][0]["outcome"], "passed");
    let coverage = &told["coverage"][0];
    assert_eq!(coverage["templates"], json!({"reached": 3, "all": 5}));
    assert_eq!(coverage["branches"], json!({"reached": 2, "all": 6}));
    assert_eq!(coverage["unreached"][0], json!({"what": "whenFalse", "child": "many", "place": "katalog.yaml:13:21"}));
    // 5 of 11.
    run(&cases, &["--min", "45"]).ends(0);
    let ended = run(&cases, &["--min", "46"]).ends(1);
    assert!(
        ended.stderr.contains("error: the cases reach 45 % of templates and outcomes of `when`, and should reach 46 %"),
        "{}",
        ended.stderr
    );
    run(&cases, &["--min", "101"]).ends(2);
    // A case that fails still decides the status.
    let wrong = [case("two", "{replicas: 2, image: a}").replace("type: Ready}", "type: Ready, reason: No}")];
    run(&wrong, &[]).ends(1);
}
