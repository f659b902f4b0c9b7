use std::time::Duration;

use orkestra_pattern::codes::example;
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Source;
use serde_json::{Map, json};

use super::*;

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\n";

/// The pattern `shop` with an entry `shop`, perhaps with edits of its Katalog and CRD.
fn pattern(edits: &[(&str, &str)]) -> Pattern {
    let edit = |text: &str| edits.iter().fold(text.to_owned(), |text, (find, put)| text.replace(find, put));
    let source = Source::new()
        .with("katalog.yaml", edit(example::KATALOG).as_bytes())
        .with("crd.yaml", edit(example::CRD).as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)))
}

/// What becomes of a Komposer, or its problems as text.
fn compose(text: &str, patterns: Vec<Pattern>) -> Result<Composition, String> {
    let source = Source::new().with("komposer.yaml", format!("{HEAD}{text}").as_bytes());
    let (komposer, problems) = parse(&source, source.find("komposer.yaml").unwrap());
    let komposer = komposer.ok_or_else(|| render_all(&problems, &source, Style::Plain))?;
    assert_eq!(komposer.imports.len(), patterns.len());
    let (composition, problems) = resolve(&komposer, patterns);
    composition.ok_or_else(|| render_all(&problems, &source, Style::Plain))
}

/// The lines that matter: the message with its place, what was expected and found, and the hints.
#[track_caller]
fn refused(text: &str, patterns: Vec<Pattern>, parts: &[&str]) {
    let shown = compose(text, patterns).unwrap_err();
    for part in parts {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn overrides_win_field_by_field() {
    let text = "imports: {files: [./shop]}\nspec: {crds: {shop: {workers: 7}}}\n";
    let composition = compose(text, vec![pattern(&[])]).unwrap();
    assert_eq!(composition.name, "platform");
    let [shop] = composition.instances.as_slice() else { panic!("{composition:?}") };
    assert_eq!((shop.name.as_str(), shop.path.as_str()), ("shop", "./shop"));
    let settings = Settings { name: "shop".into(), workers: 7, resync: Duration::from_secs(600) };
    assert_eq!(shop.entries, [settings]);
    assert_eq!(json!(shop.inputs), json!({"registry": "docker.io"}));
}

#[test]
fn a_list_of_overrides_is_a_map_of_overrides() {
    let map = "imports: {files: [./shop]}\nspec: {crds: {shop: {resync: 30s}}}\n";
    let list = "imports: {files: [./shop]}\nspec:\n  crds:\n    - name: shop\n      resync: 30s\n";
    let settings = |text| compose(text, vec![pattern(&[])]).unwrap().instances[0].entries.clone();
    assert_eq!(settings(map), settings(list));
    assert_eq!(settings(map)[0].resync, Duration::from_secs(30));
}

#[test]
fn a_disabled_entry_does_not_run() {
    let text = "imports: {files: [./shop]}\nspec: {crds: {shop: {enabled: false}}}\n";
    assert_eq!(compose(text, vec![pattern(&[])]).unwrap().instances[0].entries, []);
}

#[test]
fn with_gives_inputs() {
    let text = "imports: {files: [{path: ./shop, with: {registry: reg.corp}}]}\n";
    let composition = compose(text, vec![pattern(&[])]).unwrap();
    assert_eq!(json!(composition.instances[0].inputs), json!({"registry": "reg.corp"}));
}

#[test]
fn inputs_that_do_not_fit_are_named_at_their_place() {
    let with = |with: &str| format!("imports:\n  files:\n    - path: ./shop\n      with: {{{with}}}\n");
    refused(
        &with("registry: 5"),
        vec![pattern(&[])],
        &["K1104", "komposer.yaml:7:24", "must be of type string, found the number 5"],
    );
    let unknown = ["komposer.yaml:7:14", "has no input `registri`", "did you mean `registry`?"];
    refused(&with("registri: x"), vec![pattern(&[])], &unknown);
    let needed = pattern(&[("schema: {type: string}, default: docker.io", "schema: {type: string}")]);
    refused(&with(""), vec![needed], &["komposer.yaml:6:13", "needs a value for its input `registry`"]);
}

#[test]
fn an_override_of_nothing_names_the_nearest() {
    let text = "imports: {files: [./shop]}\nspec: {crds: {shopp: {workers: 2}}}\n";
    refused(text, vec![pattern(&[])], &["K1102", "komposer.yaml:5:15", "`shopp`", "did you mean `shop`?"]);
}

#[test]
fn two_sources_of_one_thing_name_both() {
    let text = "imports:\n  files:\n    - ./one\n    - ./two\n";
    let same_name = vec![pattern(&[]), pattern(&[])];
    refused(text, same_name, &["K1103", "two patterns are named `shop`", "komposer.yaml:7:7", "komposer.yaml:6:7"]);
    let renamed = [("  name: shop\n", "  name: other\n")];
    refused(text, vec![pattern(&[]), pattern(&renamed)], &["two patterns have an entry `shop`"]);
    let both = [renamed[0], ("    shop:\n", "    second:\n")];
    let kinds = "the entries `shop` and `second` both reconcile Shop.example.com";
    refused(text, vec![pattern(&[]), pattern(&both)], &[kinds]);
    // Without one of the two entries there is nothing left to conflict.
    let dropped = format!("{text}spec: {{crds: {{second: {{enabled: false}}}}}}\n");
    assert_eq!(compose(&dropped, vec![pattern(&[]), pattern(&both)]).unwrap().instances.len(), 2);
}

#[test]
fn nothing_is_accepted_and_ignored() {
    for (text, parts) in [
        ("import: {}\n", ["K0201", "unknown key `import`", "did you mean `imports`?"]),
        ("imports: {registry: []}\n", ["K0202", "`registry` is not supported yet", "komposer.yaml:4:11"]),
        ("imports: {trust: []}\n", ["K0202", "`trust` is not supported yet", ":4:11"]),
        ("imports: {files: [{path: a, as: b}]}\n", ["K0202", "`as` is not supported yet", ":4:29"]),
        ("imports: {files: [{path: a, wiht: {}}]}\n", ["K0201", "unknown key `wiht`", "did you mean `with`?"]),
        ("imports: {files: a}\n", ["K0204", "must be a list", ":4:18"]),
        ("imports: {files: [5]}\n", ["K0204", "must be a map", ":4:19"]),
        ("spec: {crds: {a: {operatorBox: {}}}}\n", ["K0202", "`operatorBox` is not supported yet", ":4:19"]),
        ("spec: {crds: {a: {workers: 0}}}\n", ["K0210", "1 to 64", ":4:28"]),
        ("spec: {crds: {a: {resync: 10}}}\n", ["K0209", "not a duration", ":4:27"]),
        ("spec: {crds: {a: {enabled: yes please}}}\n", ["K0204", "must be `true` or `false`", ":4:28"]),
        ("spec: {crds: [{name: a}, {name: a}]}\n", ["K0212", "is overridden twice", ":4:33"]),
        ("spec: {crds: 1}\n", ["K0204", "must be a map or a list", ":4:14"]),
    ] {
        refused(text, Vec::new(), &parts);
    }
}

#[test]
fn another_document_is_told_once() {
    let source = Source::new().with("komposer.yaml", example::KATALOG.as_bytes());
    let (komposer, problems) = parse(&source, source.find("komposer.yaml").unwrap());
    assert!(komposer.is_none());
    assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), ["K1101"]);
}

#[test]
fn a_pattern_by_itself_has_its_defaults() {
    let instance = Instance::new("shop", pattern(&[]), Map::new()).unwrap();
    assert_eq!(json!(instance.inputs), json!({"registry": "docker.io"}));
    let errors = Instance::new("shop", pattern(&[]), Map::from_iter([("a".to_owned(), json!(1))])).unwrap_err();
    assert_eq!(errors[0].to_string(), "pattern `shop` has no input `a`");
    assert_eq!(errors[0].hint().unwrap(), "its inputs are registry");
}

#[test]
fn a_code_means_one_thing() {
    for code in crate::codes::CODES {
        assert!(orkestra_pattern::codes::all().all(|other| other.id != code.id), "{} is a Katalog's code", code.id);
    }
}
