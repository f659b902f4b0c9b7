use crate::support::{Copy, ork, ork_input};

/// Value, type and cost as they are printed.
fn eval(args: &[&str]) -> (String, String) {
    let ended = ork_input(&[&["eval"], args].concat(), "").ends(0);
    (ended.text().trim_end().to_owned(), ended.stderr.split(',').next().unwrap().to_owned())
}

#[test]
fn an_expression_needs_no_pattern() {
    let of = |expression: &str| eval(&[expression]);
    let pair = |value: &str, ty: &str| (value.to_owned(), ty.to_owned());
    assert_eq!(of("1 + 2"), pair("3", "int"));
    assert_eq!(of("'a' + 'b'"), pair("ab", "string"));
    assert_eq!(of("[1, 2].map(x, x * 2)"), pair("- 2\n- 4", "list(int)"));
    assert_eq!(of("-1"), pair("-1", "int"));
}

#[test]
fn an_expression_sees_what_the_pattern_sees() {
    let copy = Copy::new();
    let of = |expression: &str, more: &[&str]| eval(&[&[expression, "--dir", copy.path()], more].concat()).0;
    assert_eq!(of("spec.replicas + 1", &[]), "3");
    // A default of the schema, a variable, and an input.
    assert_eq!(of("spec.maxConnections", &[]), "100");
    assert_eq!(of("vars.image", &["--input", "imageRegistry=reg"]), "reg/postgres:14.20");
    assert_eq!(of("now", &["--now", "2026-01-31T12:00:00Z"]), "2026-01-31T12:00:00Z");
    let seen = copy.file("seen.yaml");
    std::fs::write(
        &seen,
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: shop}\nstatus: {readyReplicas: 1}\n",
    )
    .unwrap();
    assert_eq!(of("children.db.status.readyReplicas", &["--children", seen.to_str().unwrap()]), "1");
}

#[test]
fn what_has_no_value_says_why() {
    let copy = Copy::new();
    let of = |expression: &str| ork_input(&["eval", expression, "--dir", copy.path()], "").ends(1).stderr;
    let problem = of("spec.replica + 1");
    let expected = "error: there is no field `replica` in `spec`\n  spec.replica + 1\n       ^^^^^^^";
    assert!(problem.starts_with(expected) && problem.contains("did you mean `replicas`?"), "{problem}");
    assert!(of("children.db.status.readyReplicas").contains("pending: children.db is not there"));
    assert!(of("1 / (spec.replicas - 2)").contains("error: Expression: "));
    let absent = ork_input(&["eval", "spec.storageClass", "--dir", copy.path()], "").ends(0);
    assert!(absent.text().is_empty() && absent.stderr.starts_with("absent; string"), "{absent:?}");
}

#[test]
fn lines_are_answered_one_by_one_and_a_mistake_ends_nothing() {
    let copy = Copy::new();
    let input = "1 + 1\n\nnonsense\nspec.replicas\n";
    let ended = ork_input(&["eval", "-", "--dir", copy.path(), "--format", "json"], input).ends(1);
    let answers: Vec<serde_json::Value> =
        ended.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&answers[0]["value"], &answers[2]["value"]), (&2.into(), &2.into()));
    assert_eq!(answers[1]["problems"].as_array().unwrap().len(), 1);
    assert!(answers[0]["cost"].as_u64().unwrap() > 0);
    assert_eq!(ended.stderr, "error: 1 expression without a value\n");
    let ended = ork(["eval", "1", "--input", "a=b"]).ends(2);
    assert!(ended.stderr.contains("name one with --dir"), "{}", ended.stderr);
}

#[test]
fn braces_are_told_to_be_left_out() {
    let problem = ork(["eval", "{{ 1 + 1 }}"]).ends(1).stderr;
    assert!(problem.contains("hint: write the expression without its braces"), "{problem}");
}
