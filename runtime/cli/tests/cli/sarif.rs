use serde_json::{Value, json};

use crate::support::{Copy, ork, ork_in};

/// What the standard requires of the members that are written, and nothing beside those.
fn schema() -> Value {
    let closed = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false});
    let list = |items: Value| json!({"type": "array", "items": items});
    let text = json!({"type": "string", "minLength": 1});
    let level = json!({"enum": ["none", "note", "warning", "error"]});
    let number = json!({"type": "integer", "minimum": 1});
    let artifact = closed(&["uri"], json!({"uri": {"type": "string", "pattern": "^[A-Za-z0-9/:._~@%-]+$"}}));
    let region = closed(
        &["startLine", "startColumn"],
        json!({"startLine": number, "startColumn": number, "endLine": number, "endColumn": number}),
    );
    let message = closed(&["text"], json!({"text": text}));
    let physical = closed(&["artifactLocation"], json!({"artifactLocation": artifact, "region": region}));
    let location = closed(&["physicalLocation"], json!({"physicalLocation": physical, "message": message}));
    let content = closed(&["text"], json!({"text": {"type": "string"}}));
    let replacement = closed(&["deletedRegion"], json!({"deletedRegion": region, "insertedContent": content}));
    let change = closed(
        &["artifactLocation", "replacements"],
        json!({"artifactLocation": artifact, "replacements": {"type": "array", "minItems": 1, "items": replacement}}),
    );
    let fix = closed(&["artifactChanges"], json!({"description": message, "artifactChanges": list(change)}));
    let rule = closed(
        &["id"],
        json!({
            "id": text, "shortDescription": message, "help": closed(&["text"], json!({"text": text, "markdown": text})),
            "defaultConfiguration": closed(&[], json!({"level": level})),
        }),
    );
    let result = closed(
        &["ruleId", "ruleIndex", "level", "message"],
        json!({
            "ruleId": text, "ruleIndex": {"type": "integer", "minimum": 0}, "level": level, "message": message,
            "locations": list(location.clone()), "relatedLocations": list(location), "fixes": list(fix),
        }),
    );
    let driver = closed(&["name"], json!({"name": text, "version": text, "rules": list(rule)}));
    let run = closed(
        &["tool", "results"],
        json!({
            "tool": closed(&["driver"], json!({"driver": driver})), "columnKind": {"enum": ["unicodeCodePoints"]},
            "results": list(result),
        }),
    );
    closed(
        &["version", "runs"],
        json!({"$schema": text, "version": {"const": "2.1.0"}, "runs": {"type": "array", "items": run}}),
    )
}

/// Fails unless the log is one, and each result is of its rule. Gives its only run.
#[track_caller]
pub(crate) fn run_of(log: &Value) -> &Value {
    let schema = jsonschema::draft202012::new(&schema()).unwrap();
    let wrong: Vec<String> =
        schema.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(wrong, [""; 0], "{log:#}");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "{result}");
    }
    run
}

/// One with an error that has a note, a warning with edits, and a file that is missing.
fn broken() -> Copy {
    let copy = Copy::new().edit("katalog.yaml", "orkestra.orkspace.io/v1", "orkestra.konductor.io/v1Alpha").edit(
        "katalog.yaml",
        "      workers: 2",
        "      workers: 2\n      workers: 3\n      \"{0} [ü](x)\": 1",
    );
    std::fs::remove_file(copy.file("README.md")).unwrap();
    copy
}

#[test]
fn problems_are_results() {
    let copy = broken();
    let mut log = ork_in(copy.file("").as_path(), &["check", "--format", "sarif"]).ends(1).json();
    let run = run_of(&log);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "K0201") && rules.iter().any(|rule| rule["id"] == "K1131"));
    // The rules are the reference of codes, which has its own tests.
    log["runs"][0]["tool"]["driver"]["rules"] = json!([rules[0]]);
    log["runs"][0]["tool"]["driver"]["version"] = json!("…");
    for result in log["runs"][0]["results"].as_array_mut().unwrap() {
        result.as_object_mut().unwrap().shift_remove("ruleIndex");
    }
    insta::assert_snapshot!("check", format!("{log:#}\n"));
}

#[test]
fn places_are_below_the_working_directory() {
    let copy = broken();
    let above = copy.file("..").canonicalize().unwrap();
    let name = copy.file("").canonicalize().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let there = Copy::new();
    for (from, dir, uri) in [
        (&above, name.clone(), format!("{name}/katalog.yaml")),
        (&above, copy.path().to_owned(), format!("{name}/katalog.yaml")),
        (&copy.file(""), format!("../{name}"), "katalog.yaml".to_owned()),
        (&there.file(""), copy.path().to_owned(), format!("file://{}/katalog.yaml", copy.path())),
    ] {
        let log = ork_in(from, &["check", "--format", "sarif", &dir]).ends(1).json();
        for result in run_of(&log)["results"].as_array().unwrap() {
            let found = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(found, &json!(uri), "{dir} from {}", from.display());
        }
    }
}

#[test]
fn several_directories_are_one_run_and_none_has_a_problem() {
    let (one, two) = (Copy::new(), Copy::new());
    let log = ork(["check", "--format", "sarif", one.path(), two.path()]).ends(0).json();
    assert_eq!((&log["runs"][1], &run_of(&log)["results"]), (&Value::Null, &json!([])));
    std::fs::remove_file(one.file("README.md")).unwrap();
    std::fs::remove_file(two.file("README.md")).unwrap();
    let log = ork(["check", "--format", "sarif", one.path(), two.path()]).ends(1).json();
    assert_eq!(run_of(&log)["results"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_mended_is_no_result_and_costs_are_none() {
    let copy = Copy::new().edit("katalog.yaml", "orkestra.orkspace.io/v1", "orkestra.konductor.io/v1Alpha");
    let ended = ork(["check", "--format", "sarif", "--fix", "--cost", copy.path()]).ends(2);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("leave out --cost, or take --format json"), "{ended:?}");
    let log = ork(["check", "--format", "sarif", copy.path()]).ends(0).json();
    assert!(run_of(&log)["results"][0]["fixes"].is_array(), "nothing was mended by arguments that are refused");
    let ended = ork(["check", "--format", "sarif", "--fix", copy.path()]).ends(0);
    assert!(ended.stderr.contains("Fixed ") && ended.stderr.contains("orkestra.konductor.io/v1Alpha"), "{ended:?}");
    assert_eq!(run_of(&ended.json())["results"], json!([]));
}
