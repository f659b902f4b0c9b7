use serde_json::{Value, json};

use crate::support::{Copy, ork};

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nmetadata: {name: corp}\n";

fn audit(copy: &Copy, imports: &str, format: &str) -> (i32, String, String) {
    let komposer = copy.file("all.yaml");
    std::fs::write(&komposer, format!("{HEAD}kind: Komposer\nimports: {{files: [{imports}]}}\n")).unwrap();
    let ended = ork(["audit", "-f", komposer.to_str().unwrap(), "--format", format]);
    (ended.status, ended.text().to_owned(), ended.stderr)
}

const GRANTED: &str = "{path: ., grants: [flow:metadata.name, flow:spec.authSecret]}";

#[test]
fn what_is_asked_for_is_granted_or_denied() {
    let copy = Copy::asking();
    let (status, text, stderr) = audit(&copy, "{path: ., grants: [flow:metadata.name, flow:spec.other]}", "json");
    assert_eq!(status, 0, "{stderr}");
    let document: Value = serde_json::from_str(&text).unwrap();
    let pattern = &document["patterns"][0];
    let names: Vec<_> = pattern["capabilities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|capability| (capability["name"].as_str().unwrap(), capability["granted"].as_bool().unwrap()))
        .collect();
    assert_eq!(names, [("flow:metadata.name", true), ("flow:spec.authSecret", false)]);
    assert_eq!(pattern["idleGrants"], json!(["flow:spec.other"]));
    assert_eq!(pattern["component"]["rebuilt"], "compiled here");
    assert_eq!(pattern["imports"].as_array().unwrap().len(), 1);
    assert_eq!(pattern["claimed"], json!([]));
    assert!(
        pattern["rights"].as_array().unwrap().iter().any(|right| right["resource"] == "statefulsets"),
        "{pattern:#}"
    );
    let rules: Vec<_> = document["findings"].as_array().unwrap().iter().map(|found| found["rule"].clone()).collect();
    assert_eq!(rules, ["CapabilityGranted", "CapabilityDenied", "IdleGrant"]);

    let (status, text, _) = audit(&copy, GRANTED, "table");
    assert_eq!(status, 0);
    for part in
        ["nothing but the engine", "flow:spec.authSecret granted", "whose rights its pods have", "compiled here"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn code_beside_a_katalog_is_its_authors_and_so_is_what_it_does() {
    let copy = crate::hooks::with_canary();
    // No hook, but a component: what it imports is read from it, and nothing is run.
    std::fs::write(copy.file("hooks.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let asks = "clocks, 'http:GET https://quota.example.com', 'cluster-read:v1/Secret'";
    let copy =
        copy.edit("katalog.yaml", "  capabilities: [clocks,", "  capabilities: [clocks, cluster-read:v1/Secret,");
    let (_, text, stderr) = audit(&copy, &format!("{{path: ., grants: [{asks}]}}"), "json");
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{stderr}"));
    let pattern = &document["patterns"][0];
    assert_eq!((&pattern["hook"]["size"], &pattern["hook"]["imports"]), (&json!(8), &json!([])), "{pattern:#}");
    assert_eq!(pattern["claimed"][0]["by"], "its author");
    let rules: Vec<_> = document["findings"].as_array().unwrap().iter().map(|found| found["rule"].clone()).collect();
    assert_eq!(rules, ["CapabilityGranted", "CapabilityGranted", "CapabilityGranted", "CanExfiltrate"]);
    // A directory by itself, and an artifact, have the same code beside them.
    let layout = format!("oci:{}", copy.file("layout").display());
    ork(["push", &layout, copy.path(), "--no-test"]).ends(0);
    for what in [copy.path(), &layout] {
        let said = ork(["audit", what, "--format", "json"]).ends(0).json();
        assert_eq!(said["patterns"][0]["hook"]["size"], 8, "{what}");
    }
    let (_, text, _) = audit(&copy, &format!("{{path: ., grants: [{asks}]}}"), "table");
    assert!(text.contains("code of its author") && text.contains("it may read them"), "{text}");
}

#[test]
fn findings_are_sarif() {
    let copy = Copy::asking();
    let (_, text, _) = audit(&copy, ".", "sarif");
    let log: Value = serde_json::from_str(&text).unwrap();
    let results = crate::sarif::run_of(&log)["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "{text}");
    for result in results {
        assert_eq!((&result["ruleId"], &result["level"]), (&json!("CapabilityDenied"), &json!("error")));
        assert!(result["message"]["text"].as_str().is_some_and(|text| text.contains("is not granted")));
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().is_some_and(|uri| uri.ends_with("/katalog.yaml")), "{place}");
        assert_eq!(place["region"]["startLine"], 137);
    }
}

#[test]
fn a_policy_is_a_gate() {
    let copy = Copy::asking();
    let policy = copy.file("policy.yaml");
    let gate = |spec: &str| {
        std::fs::write(&policy, format!("{HEAD}kind: Policy\nspec: {spec}\n")).unwrap();
        let grants = ["--grant", "flow:metadata.name", "--grant", "flow:spec.authSecret"];
        ork(["audit", copy.path(), "--policy", policy.to_str().unwrap(), grants[0], grants[1], grants[2], grants[3]])
    };
    gate("{}").ends(0);
    gate("{grants: [flow]}").ends(0);
    let ended = gate("{grants: ['flow:metadata.name']}").ends(1);
    assert!(
        ended.text().contains("GrantNotAllowed: the policy `corp` does not allow the grant `flow:spec.authSecret`"),
        "{}",
        ended.text()
    );
    gate("{rules: [{cel: 'patterns.all(p, p.limits.memory <= 33554432)', message: too much}]}").ends(0);
    gate("{ceilings: {memory: 8Mi}, rules: [{cel: 'patterns.all(p, p.limits.memory == 8388608)', message: other}]}")
        .ends(0);
    let ended =
        gate("{rules: [{cel: \"patterns.all(p, p.version.startsWith('15.'))\", message: only fifteen}]}").ends(1);
    assert!(
        ended.text().contains("PolicyViolated: only fifteen") && ended.text().contains("policy.yaml:4:"),
        "{}",
        ended.text()
    );
}

#[test]
fn a_component_alone_is_not_believed() {
    let copy = Copy::new();
    ork(["build", copy.path()]).ends(0);
    let component = copy.file("pattern.wasm");
    let ended = ork(["audit", component.to_str().unwrap()]).ends(2);
    assert!(ended.stderr.contains("what it asks for stands in its YAML"), "{}", ended.stderr);
}
