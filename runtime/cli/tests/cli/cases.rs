use crate::support::{Copy, ork, postgres};

/// A copy of the shipped pattern with these cases.
fn with_cases(text: &str) -> Copy {
    let copy = Copy::new();
    std::fs::create_dir(copy.file("tests")).unwrap();
    std::fs::write(copy.file("tests/cases.yaml"), text).unwrap();
    copy
}

const CASES: &str = "\
# Stays.
name: one budget for two
expect: # goes
  match: subset
  children:
    - id: budget
      object: {spec: {maxUnavailable: 9}}
  # Goes, as it stands in what is written anew.
---
name: none for one
cr:
  apiVersion: postgres.orkestra.io/v1
  kind: Postgres
  metadata: {name: solo}
  spec: {authSecret: s}
expect:
  status: {authSecret: s, image: docker.io/library/postgres:14.20}
  conditions:
    - {type: Ready, status: \"False\", reason: ChildrenNotReady}
    - {type: Reconciling, status: \"True\"}
    - {type: Stalled, status: \"False\"}
";

#[test]
fn a_difference_is_shown_line_by_line_and_can_be_accepted() {
    let copy = with_cases(CASES);
    let ended = ork(["test", copy.path()]).ends(1);
    for part in ["FAILED   one budget for two", "  child budget\n", "-     maxUnavailable: 9", "ok       none for one"]
    {
        assert!(ended.text().contains(part), "{part:?} is not in\n{}", ended.text());
    }
    assert!(ended.stderr.starts_with("error: 1 of 2 cases did not pass\n\nhint: "), "{}", ended.stderr);

    ork(["test", copy.path(), "--accept"]).ends(0);
    let accepted = std::fs::read_to_string(copy.file("tests/cases.yaml")).unwrap();
    let (first, second) = accepted.split_once("---\n").unwrap();
    assert!(first.starts_with("# Stays.\nname: one budget for two\nexpect:\n  match: subset\n"), "{first}");
    assert!(first.ends_with("maxUnavailable: 1\n"), "{first}");
    assert_eq!(second, CASES.split_once("---\n").unwrap().1);
    let ended = ork(["test", copy.path()]).ends(0);
    assert_eq!(ended.stderr, "Passed 2 cases\n");
}

#[test]
fn a_case_without_an_expectation_gets_a_whole_one() {
    let copy = with_cases("name: whole\n");
    let ended = ork(["test", copy.path()]).ends(1);
    assert!(ended.text().contains("the case expects nothing"), "{}", ended.text());
    ork(["test", copy.path(), "--accept"]).ends(0);
    ork(["test", copy.path()]).ends(0);
    let accepted = std::fs::read_to_string(copy.file("tests/cases.yaml")).unwrap();
    assert!(accepted.contains("kind: StatefulSet") && accepted.contains("reason: ChildrenNotReady"), "{accepted}");
    assert!(!accepted.contains("ownerReferences"), "what the runtime adds is not the pattern's:\n{accepted}");
    // Whole means that another pattern gives a difference.
    let other = copy.edit("katalog.yaml", "periodSeconds: 10,", "periodSeconds: 11,");
    let ended = ork(["test", other.path()]).ends(1);
    assert!(ended.text().contains("periodSeconds: 11"), "{}", ended.text());
}

#[test]
fn a_failure_is_expected_by_reason_and_place() {
    let of = |expect: &str| {
        let copy = with_cases(&format!("name: fails\nexpect: {{failure: {expect}}}\n"));
        copy.edit("katalog.yaml", "/postgres:{{ spec.version }}", "/postgres:{{ 10 / (spec.replicas - 2) }}")
    };
    let good = of("{reason: Expression}");
    ork(["test", good.path()]).ends(0);
    let bad = of("{reason: CostExceeded}");
    let ended = ork(["test", bad.path()]).ends(1);
    assert!(ended.text().contains("+ reason: Expression"), "{}", ended.text());
    let unexpected = with_cases("name: fails\nexpect: {status: {}}\n").edit(
        "katalog.yaml",
        "/postgres:{{ spec.version }}",
        "/postgres:{{ 10 / (spec.replicas - 2) }}",
    );
    let ended = ork(["test", unexpected.path()]).ends(1);
    assert!(ended.text().contains("failure: not expected, and there"), "{}", ended.text());
}

#[test]
fn what_is_wrong_with_a_case_is_told_with_its_place() {
    for (text, place, problem) in [
        ("name: a\nexpects: {}\n", "cases.yaml:2:1", "did you mean `expect`?"),
        ("expect: {status: {}}\n", "cases.yaml:1:1", "a case has a name"),
        ("name: a\nnow: soon\nexpect: {status: {}}\n", "cases.yaml:2:6", "`soon` is not a time"),
        ("name: a\nexpect: {children: {}}\n", "cases.yaml:2:20", "`children` is a list of maps"),
        ("name: a\ncr: nowhere.yaml\nexpect: {status: {}}\n", "cases.yaml:1", "nowhere.yaml"),
    ] {
        let copy = with_cases(text);
        let ended = ork(["test", copy.path()]).ends(1);
        for part in ["BROKEN", place, problem] {
            assert!(ended.text().contains(part), "{part:?} is not in\n{}", ended.text());
        }
    }
}

#[test]
fn a_filter_that_nothing_passes_is_a_mistake() {
    let copy = with_cases(CASES);
    let ended = ork(["test", copy.path(), "--filter", "none for"]).ends(0);
    assert_eq!(ended.stderr, "Passed 1 case\n");
    ork(["test", copy.path(), "--filter", "nothing"]).ends(2);
    let bare = Copy::new();
    ork(["test", bare.path()]).ends(2);
}

#[test]
fn the_json_says_what_differs() {
    let copy = with_cases(CASES);
    let report = ork(["test", copy.path(), "--format", "json"]).ends(1).json();
    assert_eq!((&report[0]["outcome"], &report[1]["outcome"]), (&"failed".into(), &"passed".into()));
    assert_eq!(report[0]["differences"][0]["expected"]["object"]["spec"]["maxUnavailable"], 9);
}

#[test]
fn the_shipped_patterns_pass_their_cases() {
    let all = ["postgres/v14", "postgres/v15", "website/v1", "crontab/v2"];
    let all = all.map(|name| postgres().join("../..").join(name).to_str().unwrap().to_owned());
    let [first, second, third, fourth] = all.each_ref().map(String::as_str);
    ork(["test", first, second, third, fourth]).ends(0);
    ork(["check", "--strict", first, second, third, fourth]).ends(0);
}

#[test]
fn a_case_over_a_resource_that_cannot_be_is_broken() {
    let copy = with_cases(&CASES.replace("{authSecret: s}\n", "{authSecret: s, replicas: many}\n"));
    let ended = ork(["test", copy.path(), "--filter", "none"]).ends(1);
    let expected = "BROKEN   none for one";
    assert!(ended.text().starts_with(expected), "{}", ended.text());
    assert!(ended.text().contains("the API server would refuse the resource: `spec.replicas` has"), "{}", ended.text());
}

#[test]
fn a_case_with_an_unknown_key_is_named() {
    let copy = with_cases("name: typo\nexepct: {}\n");
    let ended = ork(["test", copy.path()]).ends(1);
    assert!(ended.text().starts_with("BROKEN   typo "), "{}", ended.text());
}

#[test]
fn a_case_in_braces_can_be_accepted() {
    let text = "{name: one, expect: {status: {image: no}}, inputs: {imageRegistry: r}} # stays\n---\n{name: two}\n---\n{\n  name: three,\n  expect:\n    {match: subset, status: {image: no}},\n}\n";
    let copy = with_cases(text);
    ork(["test", copy.path()]).ends(1);
    ork(["test", copy.path(), "--accept"]).ends(0);
    let accepted = std::fs::read_to_string(copy.file("tests/cases.yaml")).unwrap();
    assert!(accepted.contains(", inputs: {imageRegistry: r}} # stays\n---\n{name: two, expect: {"), "{accepted}");
    assert_eq!(ork(["test", copy.path()]).ends(0).stderr, "Passed 3 cases\n");
}
