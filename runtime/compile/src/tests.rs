use orkestra_pattern::codes::example;
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Source;
use orkestra_program::model::{Entry, Policy, Target, Template};

use super::*;

/// The example pattern, with edits of its Katalog.
fn pattern(edits: &[(&str, &str)]) -> Pattern {
    let katalog = edits.iter().fold(example::KATALOG.to_owned(), |text, (find, put)| {
        assert!(text.contains(find), "{find}");
        text.replacen(find, put, 1)
    });
    let source = Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)))
}

fn entry(edits: &[(&str, &str)]) -> Entry {
    super::lower(&pattern(edits)).unwrap().entries.remove(0)
}

/// A value of a manifest by its keys.
fn at<'a>(manifest: &'a Template, path: &[&str]) -> &'a Template {
    path.iter().fold(manifest, |value, key| match value {
        Template::Object(members) => &members.iter().find(|(name, _)| name == key).unwrap().1,
        other => panic!("{key} in {other:?}"),
    })
}

#[test]
fn what_never_changes_is_ready_text_and_the_rest_are_holes() {
    let entry = entry(&[("- id: web\n", "- id: web\n              annotations: {note: \"{{ spec.note }}\"}\n")]);
    let web = entry.children.iter().find(|child| child.id == "web").unwrap();
    assert_eq!(at(&web.manifest, &["apiVersion"]), &Template::Raw("\"apps/v1\"".to_owned()));
    let hole = |path: &[&str]| match at(&web.manifest, path) {
        Template::Hole(hole) => (hole.target, hole.absent),
        other => panic!("{other:?}"),
    };
    // `replicas` has a default, `note` may be left out.
    assert_eq!(hole(&["spec", "replicas"]), (Target::Int, false));
    assert_eq!(hole(&["metadata", "annotations", "note"]), (Target::String, true));
    let svc = entry.children.iter().find(|child| child.id == "svc").unwrap();
    let ports = r#"[{"port":80,"protocol":"TCP"}]"#;
    assert_eq!(at(&svc.manifest, &["spec", "ports"]), &Template::Raw(ports.to_owned()));
}

#[test]
fn a_child_that_reads_another_comes_after_it_and_names_it_by_index() {
    let reads = "- id: web\n              annotations: {endpoint: \"{{ children.svc.metadata.name }}\"}\n";
    let entry = entry(&[("- id: web\n", reads)]);
    let ids: Vec<_> = entry.children.iter().map(|child| child.id.as_str()).collect();
    assert_eq!(ids, ["svc", "web"]);
    assert_eq!((entry.children[0].requires.as_slice(), entry.children[1].requires.as_slice()), (&[][..], &[0][..]));
    assert_eq!(entry.status[0].requires, [0]);
}

#[test]
fn conditions_and_policies_are_carried_over() {
    let entry = entry(&[
        ("- id: svc\n", "- id: svc\n              when: \"{{ spec.replicas > 1 }}\"\n"),
        (
            "onReconcile:\n",
            "onCreate:\n          configMaps:\n            - {id: seed, data: {a: b}}\n        onReconcile:\n",
        ),
    ]);
    let facts = |id: &str| {
        let child = entry.children.iter().find(|child| child.id == id).unwrap();
        (child.policy, child.when.is_some())
    };
    assert_eq!(facts("seed"), (Policy::Create, false));
    assert_eq!(facts("svc"), (Policy::Apply, true));
    assert_eq!(facts("web"), (Policy::Apply, false));
}

#[test]
fn the_component_holds_the_lowered_program() {
    let pattern = pattern(&[]);
    let compiled = compile(&pattern).unwrap();
    assert_eq!(orkestra_program::decode(&compiled.program).unwrap(), super::lower(&pattern).unwrap());
    let found = orkestra_component::decode(&compiled.component).unwrap();
    assert_eq!(found.program, compiled.program);
    assert_eq!(found.exports, orkestra_component::Exports::PATTERN);
    assert_eq!(found.engine, orkestra_component::engine().import_name);
    assert_eq!(compiled.engine, orkestra_component::engine().digest);
}

#[test]
fn the_same_text_gives_the_same_bytes() {
    assert_eq!(compile(&pattern(&[])).unwrap(), compile(&pattern(&[])).unwrap());
    let other = compile(&pattern(&[("port: 80\n", "port: 81\n")])).unwrap();
    assert_ne!(compile(&pattern(&[])).unwrap().component, other.component);
}

#[test]
fn a_pattern_that_no_check_let_through_is_an_error() {
    let mut broken = pattern(&[]);
    broken.entries[0].status[0].requires = vec!["gone".to_owned()];
    let error = super::lower(&broken).unwrap_err();
    assert_eq!(error.to_string(), "entry `shop`: `status.endpoint` uses child `gone`, which the entry does not have");
    assert_eq!(error.reason(), "UnknownReference");
}
