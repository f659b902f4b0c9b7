use std::time::Duration;

use orkestra_pattern::codes::example;
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::Source;
use serde_json::{Map, json};

use super::*;

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\n";

/// The files of the pattern `shop` with an entry `shop`, perhaps with edits of its Katalog and CRD.
fn pattern(edits: &[(&str, &str)]) -> Pattern {
    let edit = |text: &str| edits.iter().fold(text.to_owned(), |text, (find, put)| text.replace(find, put));
    let source = Source::new()
        .with("katalog.yaml", edit(example::KATALOG).as_bytes())
        .with("crd.yaml", edit(example::CRD).as_bytes());
    let (pattern, problems) = orkestra_pattern::check(&source);
    pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)))
}

/// The texts of a pattern `shop`, perhaps with edits.
fn files(edits: &[(&str, &str)]) -> [String; 2] {
    [example::KATALOG, example::CRD]
        .map(|text| edits.iter().fold(text.to_owned(), |text, (find, put)| text.replace(find, put)))
}

/// A Komposer and the patterns that it imports, in one source.
fn lay(text: &str, patterns: &[[String; 2]]) -> (Source, Option<Composition>, String) {
    let mut source = Source::new();
    let file = source.add("komposer.yaml", format!("{HEAD}{text}").as_bytes());
    let imported: Vec<_> =
        (0..patterns.len()).map(|at| Some(Imported::directory(format!("p{at}/"), "./shop"))).collect();
    for ([katalog, crd], imported) in patterns.iter().zip(imported.iter().flatten()) {
        source.add_as(format!("{}katalog.yaml", imported.base), "katalog.yaml", katalog.as_bytes());
        source.add_as(format!("{}crd.yaml", imported.base), "crd.yaml", crd.as_bytes());
    }
    let (komposer, problems) = parse(&source, file);
    let shown = render_all(&problems, &source, Style::Plain);
    let Some(komposer) = komposer else { return (source, None, shown) };
    assert_eq!(komposer.imports.len(), imported.len());
    let (composition, mut problems) = resolve(&source, &komposer, &imported);
    let composition = composition.and_then(|composition| composition.whole(&mut problems));
    let shown = format!("{shown}{}", render_all(&problems, &source, Style::Plain));
    (source, composition, shown)
}

/// What becomes of a Komposer, or its problems as text.
fn compose(text: &str, patterns: Vec<[String; 2]>) -> Result<Composition, String> {
    let (_, composition, shown) = lay(text, &patterns);
    composition.ok_or(shown)
}

/// What becomes of a Komposer that imports one pattern.
pub(crate) fn composition(text: &str) -> Composition {
    compose(text, vec![files(&[])]).unwrap()
}

/// The lines that matter: the message with its place, what was expected and found, and the hints.
#[track_caller]
fn refused(text: &str, patterns: Vec<[String; 2]>, parts: &[&str]) {
    let shown = compose(text, patterns).unwrap_err();
    for part in parts {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn overrides_win_field_by_field() {
    let text = "imports: {files: [./shop]}\nspec: {crds: {shop: {workers: 7}}}\n";
    let composition = compose(text, vec![files(&[])]).unwrap();
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
    let settings = |text| compose(text, vec![files(&[])]).unwrap().instances[0].entries.clone();
    assert_eq!(settings(map), settings(list));
    assert_eq!(settings(map)[0].resync, Duration::from_secs(30));
}

#[test]
fn a_disabled_entry_does_not_run() {
    let text = "imports: {files: [./shop]}\nspec: {crds: {shop: {enabled: false}}}\n";
    assert_eq!(compose(text, vec![files(&[])]).unwrap().instances[0].entries, []);
}

#[test]
fn with_gives_inputs() {
    let text = "imports: {files: [{path: ./shop, with: {registry: reg.corp}}]}\n";
    let composition = compose(text, vec![files(&[])]).unwrap();
    assert_eq!(json!(composition.instances[0].inputs), json!({"registry": "reg.corp"}));
}

#[test]
fn inputs_that_do_not_fit_are_named_at_their_place() {
    let with = |with: &str| format!("imports:\n  files:\n    - path: ./shop\n      with: {{{with}}}\n");
    refused(
        &with("registry: 5"),
        vec![files(&[])],
        &["K1104", "komposer.yaml:7:24", "must be of type string, found the number 5"],
    );
    let unknown = ["komposer.yaml:7:14", "has no input `registri`", "did you mean `registry`?"];
    refused(&with("registri: x"), vec![files(&[])], &unknown);
    let needed = files(&[("schema: {type: string}, default: docker.io", "schema: {type: string}")]);
    refused(&with(""), vec![needed], &["komposer.yaml:6:13", "needs a value for its input `registry`"]);
}

#[test]
fn an_override_of_nothing_names_the_nearest() {
    let text = "imports: {files: [./shop]}\nspec: {crds: {shopp: {workers: 2}}}\n";
    refused(text, vec![files(&[])], &["K1102", "komposer.yaml:5:15", "`shopp`", "did you mean `shop`?"]);
}

#[test]
fn two_sources_of_one_thing_name_both() {
    let text = "imports:\n  files:\n    - ./one\n    - ./two\n";
    let same_name = vec![files(&[]), files(&[])];
    refused(text, same_name, &["K1103", "two patterns are named `shop`", "komposer.yaml:7:7", "komposer.yaml:6:7"]);
    let renamed = [("  name: shop\n", "  name: other\n")];
    refused(text, vec![files(&[]), files(&renamed)], &["two patterns have an entry `shop`"]);
    let both = [renamed[0], ("    shop:\n", "    second:\n")];
    let kinds = "the entries `shop` and `second` both reconcile Shop.example.com";
    refused(text, vec![files(&[]), files(&both)], &[kinds]);
    // Without one of the two entries there is nothing left to conflict.
    let dropped = format!("{text}spec: {{crds: {{second: {{enabled: false}}}}}}\n");
    assert_eq!(compose(&dropped, vec![files(&[]), files(&both)]).unwrap().instances.len(), 2);
}

#[test]
fn nothing_is_accepted_and_ignored() {
    for (text, parts) in [
        ("import: {}\n", ["K0201", "unknown key `import`", "did you mean `imports`?"]),
        ("imports: {files: [{path: a, wiht: {}}]}\n", ["K0201", "unknown key `wiht`", "did you mean `with`?"]),
        ("imports: {files: a}\n", ["K0204", "must be a list", ":4:18"]),
        ("imports: {files: [5]}\n", ["K0204", "must be a map", ":4:19"]),
        ("spec: {crds: {a: {operatorBoks: {}}}}\n", ["K0201", "did you mean `operatorBox`?", ":4:19"]),
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
    assert!(crate::codes::CODES.is_sorted_by(|a, b| a.id < b.id));
    for code in crate::codes::CODES {
        assert!(orkestra_pattern::codes::all().all(|other| other.id != code.id), "{} is a Katalog's code", code.id);
    }
}

#[test]
fn the_publication_says_where_its_overrides_stand() {
    let text = "imports:\n  registry:\n    - url: ghcr.io/orkestra-sh/registry/postgres:v14\n      oci: true\nspec:\n  crds:\n    # Production overrides\n    - name: shop\n      workers: 4\n      resync: 30s\n";
    let (source, composition, shown) = lay(text, &[files(&[])]);
    let composition = composition.unwrap_or_else(|| panic!("{shown}"));
    let shop = &composition.instances[0];
    assert!(!shop.composed);
    let found = provenance(&source, &composition.katalogs[0], &shop.pattern, &[]);
    let at = |path: &str| {
        let found = found.iter().find(|found| found.path == path).unwrap();
        let origin = found.origin.as_ref().unwrap();
        format!("{} {}:{}", found.value, origin.file, origin.line)
    };
    assert_eq!(
        (at("shop.workers"), at("shop.resync")),
        ("4 komposer.yaml:12".into(), "\"30s\" komposer.yaml:13".into())
    );
}

#[test]
fn a_template_override_is_composed_and_its_mistakes_stand_in_the_komposer() {
    let over = |image: &str| {
        format!(
            "imports: {{files: [./shop]}}\nspec:\n  crds:\n    shop:\n      operatorBox:\n        vars:\n          image: \"{image}\"\n"
        )
    };
    assert!(compose(&over("x"), vec![files(&[])]).unwrap().instances[0].composed);
    refused(&over("{{ spec.versoin }}"), vec![files(&[])], &["komposer.yaml:10:27"]);
}

#[test]
fn as_names_an_instance_and_its_entries() {
    let text = |entry: &str| {
        format!(
            "imports:\n  files:\n    - ./a\n    - {{path: ./b, as: pg}}\nspec: {{crds: {{{entry}: {{enabled: false}}}}}}\n"
        )
    };
    let both = || vec![files(&[]), files(&[])];
    let composition = compose(&text("pg/shop"), both()).unwrap();
    let names: Vec<_> = composition.instances.iter().map(|instance| instance.name.as_str()).collect();
    assert_eq!(names, ["shop", "pg"]);
    assert_eq!((composition.instances[0].entries.len(), composition.instances[1].entries.len()), (1, 0));
    refused(&text("shop"), both(), &["K1110", "`shop/shop`", "`pg/shop`"]);
}

#[test]
fn no_secret_can_be_written_down() {
    let import = |auth: &str| format!("imports:\n  registry:\n    - url: r.corp/a/b:1.0.0\n      auth: {{{auth}}}\n");
    let env = "type: basic, usernameFromEnv: ORK_REGISTRY_USER, passwordFromEnv: ORK_REGISTRY_PASSWORD";
    assert!(compose(&import(env), vec![files(&[])]).is_ok());
    for auth in [
        "type: basic, username: me, password: hunter2",
        "type: bearer, token: hunter2",
        "type: bearer, fromEnv: hunter2",
        "type: bearer, fromEnv: PATH",
    ] {
        let shown = compose(&import(auth), Vec::new()).unwrap_err();
        assert!(shown.contains("K1108") && shown.contains("(not shown: it may hold a secret)"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_registry_import_says_what_it_wants() {
    let import = |item: &str| format!("imports: {{registry: [{{{item}}}]}}\n");
    for item in ["url: r.corp/a/b:v14, oci: true", "url: r.corp/a/b, version: ^7.2", "ref: r.corp/a/b:1.0.0"] {
        assert!(compose(&import(item), vec![files(&[])]).is_ok(), "{item}");
    }
    for (item, part) in [
        ("url: postgres", "must begin with a registry's host"),
        ("url: r.corp/a/b", "neither a tag"),
        ("url: r.corp/a/b:v1, version: ^7", "keep one of the two"),
        ("url: r.corp/a/b, version: seven", "a range such as"),
        ("url: r.corp/a/b:v1, limits: {memory: much}", "a size such as"),
        ("url: r.corp/a/b:v1, wiht: {}", "did you mean `with`?"),
    ] {
        refused(&import(item), Vec::new(), &[part]);
    }
}

#[test]
fn an_import_says_which_groups_it_allows() {
    let text = |groups: &str| format!("imports:\n  files:\n    - path: ./shop\n      groups: {groups}\n");
    for fine in ["[example.com]", "[a.example, example.com]"] {
        assert!(compose(&text(fine), vec![files(&[])]).is_ok(), "{fine}");
    }
    assert!(compose("imports: {files: [./shop]}\n", vec![files(&[])]).is_ok(), "without a list there is no bound");
    let parts = [
        "K1111",
        "komposer.yaml:6:13",
        "the pattern `shop` has kinds in the group `example.com`",
        "komposer.yaml:7:15",
        "only `example.org`, `a.example` is allowed here",
        "add `example.com` to `groups`",
    ];
    refused(&text("[example.org, a.example]"), vec![files(&[])], &parts);
    refused(&text("[]"), vec![files(&[])], &["K1111", "no group is allowed here"]);
    // The definition is installed all the same.
    let dropped = format!("{}spec: {{crds: {{shop: {{enabled: false}}}}}}\n", text("[example.org]"));
    refused(&dropped, vec![files(&[])], &["K1111"]);
    let registry = "imports: {registry: [{url: r.corp/a/b:1.0.0, groups: [example.org]}]}\n";
    refused(registry, vec![files(&[])], &["K1111", "komposer.yaml:4:28"]);
    refused(&text("['*.com']"), vec![files(&[])], &["K0204", "komposer.yaml:7:16", "in full"]);
    refused(&text("example.com"), vec![files(&[])], &["K0204", "must be a list"]);
}

#[test]
fn the_older_spelling_is_read_with_a_warning() {
    let (_, composition, shown) = lay("sources: {files: [./shop]}\n", &[files(&[])]);
    assert!(composition.is_some() && shown.contains("K1802"), "{shown}");
    refused("sources: {}\nimports: {}\n", Vec::new(), &["put both into `imports`"]);
}

#[test]
fn the_digest_is_of_what_a_komposer_says_and_not_of_its_layout() {
    let digest = |text: &str| {
        let source = Source::new().with("k.yaml", format!("{HEAD}{text}").as_bytes());
        parse(&source, source.find("k.yaml").unwrap()).0.unwrap().digest()
    };
    let one = digest("spec: {crds: {a: {workers: 2, resync: 1m}}}\n");
    assert_eq!(one, digest("# said\nspec:\n  crds:\n    a:\n      resync: 1m\n      workers: 2\n"));
    assert_ne!(one, digest("spec: {crds: {a: {workers: 3, resync: 1m}}}\n"));
}
