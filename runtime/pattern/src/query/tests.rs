use super::*;
use crate::KATALOG;
use crate::cel::{self, What};
use crate::codes::example;
use crate::source::Source;

/// The text without its mark, and where that was.
fn marked(text: &str) -> (String, usize) {
    let offset = text.find('‸').expect("a mark");
    (text.replacen('‸', "", 1), offset)
}

fn shown(path: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Item(index) => index.to_string(),
    };
    path.iter().map(step).collect::<Vec<_>>().join(".")
}

/// Where the mark is: `key spec.crds "wor"`.
fn place(text: &str) -> String {
    let (text, offset) = marked(text);
    let place = locate(&text, offset);
    let (what, range) = match &place.at {
        At::Key(range) => ("key", range.clone()),
        At::Value(range) => ("value", range.clone()),
        At::Either(range) => ("either", range.clone()),
        At::Nothing => ("nothing", 0..0),
    };
    format!("{what} {} {:?}", shown(&place.path), &text[range])
}

#[test]
fn keys_and_values_of_blocks_are_found() {
    assert_eq!(place("a:\n  b: c\n  w‸or: 1\n"), "key a \"wor\"");
    assert_eq!(place("a:\n  b: c‸\n"), "value a.b \"c\"");
    assert_eq!(place("a:\n  b: ‸\n"), "value a.b \"\"");
    assert_eq!(place("a:\n  b: c\n  wo‸\n"), "either a \"wo\"");
    assert_eq!(place("a:\n  b: c\n  ‸\n"), "either a \"\"");
    assert_eq!(place("a:\n  b: c\n‸"), "either  \"\"");
    assert_eq!(place("a:\n  - b: 1\n    c: 2\n  - b: 3\n    ‸\n"), "either a.1 \"\"");
    assert_eq!(place("a:\n- b: 1\n- b: ‸x\n"), "value a.1.b \"x\"");
    assert_eq!(place("a:\n  - ‸\n"), "either a.0 \"\"");
    assert_eq!(place("a:\n  - x\n  - y‸z\n"), "either a.1 \"yz\"");
    assert_eq!(place("a: # b‸\n"), "nothing a \"\"");
    assert_eq!(place("a: b # c\nd‸: 1\n"), "key  \"d\"");
    assert_eq!(place("\"a\": {\"b\": \"c‸\"}\n"), "value a.b \"c\"");
    assert_eq!(place("a: 1\n---\nb: ‸2\n"), "value b \"2\"");
}

#[test]
fn keys_and_values_in_brackets_are_found() {
    assert_eq!(place("a: {b: 1, c‸: 2}\n"), "key a \"c\"");
    assert_eq!(place("a: {b: 1, c: 2‸}\n"), "value a.c \"2\"");
    assert_eq!(place("a: {b: {c: [1, x‸]}}\n"), "either a.b.c.1 \"x\"");
    assert_eq!(place("a:\n  - {b: \"{{ x‸ }}\", c: 1}\n"), "value a.0.b \"{{ x }}\"");
    assert_eq!(place("a: {b: 1, ‸\nc: 2\n"), "key a \"\"");
    assert_eq!(place("a: {b: 1,\n  c: ‸\n}\n"), "value a.c \"\"");
    assert_eq!(place("a: {b: 1\nc: ‸2\n"), "value c \"2\"");
}

#[test]
fn what_spans_lines_is_left_where_it_ends() {
    assert_eq!(place("a:\n  b: |\n    c: 1\n    d‸: 2\n  e: 3\n"), "value a.b \"d: 2\"");
    assert_eq!(place("a:\n  b: |\n    c: 1\n\n  e: ‸3\n"), "value a.e \"3\"");
    assert_eq!(place("a: \"b\n  c\"\nd: ‸1\n"), "value d \"1\"");
    // A string that is not closed yet ends with its line.
    assert_eq!(place("a:\n  b: \"{{ x\n  c: ‸1\n"), "value a.c \"1\"");
}

#[test]
fn the_expression_around_a_byte_is_found() {
    let of = |text: &str| {
        let (text, offset) = marked(text);
        let found = locate(&text, offset).expression?;
        assert_eq!(found.text.len(), found.range.len());
        Some(found.text)
    };
    assert_eq!(of("a: \"x {{ spec.‸ }} y\"\n").as_deref(), Some(" spec. "));
    assert_eq!(of("a: \"{{ spec.‸\n").as_deref(), Some(" spec."));
    assert_eq!(of("a: \"{{ a }} ‸ {{ b }}\"\n"), None);
    assert_eq!(of("a: {{ spec.‸ }}\n").as_deref(), Some(" spec. "));
    assert_eq!(of("a: {b: {{ spec.‸ }}, c: 1}\n").as_deref(), Some(" spec. "));
    assert_eq!(of("a: \"{{ x | default \\\"y\\\" ‸}}\"\n").as_deref(), Some(" x | default  \"y \" "));
    assert_eq!(of("a: '{{ x == ''y'' ‸}}'\n").as_deref(), Some(" x ==  'y ' "));
    assert_eq!(of("a: |\n  b {{ spec.ä‸ }}\n").as_deref(), Some(" spec.ä "));
}

#[test]
fn keys_that_are_there_are_known() {
    let of = |text: &str| {
        let (text, offset) = marked(text);
        locate(&text, offset).siblings
    };
    assert_eq!(of("a:\n  - b: 1\n    c: 2\n    ‸\n    d:\n      e: 1\n  - f: 1\n"), ["c", "b", "d"]);
    assert_eq!(of("a: {b: 1, c: 2, ‸}\n"), ["b", "c"]);
}

/// The Katalog of the example with `put` for `find`, a mark in it.
fn edited(find: &str, put: &str) -> (String, usize, Facts) {
    let text = example::KATALOG.replacen(find, put, 1);
    assert_ne!(text, example::KATALOG);
    let (text, offset) = marked(&text);
    let source = Source::new().with("katalog.yaml", text.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
    let (_, _, facts) = crate::check_keeping(&source);
    (text, offset, facts)
}

/// What the mark is on, with the type and the definition's line.
fn seen(find: &str, put: &str) -> String {
    let (text, offset, facts) = edited(find, put);
    let place = locate(&text, offset);
    let expression = place.expression.expect("an expression");
    let scope = facts.scope(&place.path).expect("a scope");
    let Some(found) = cel::look(&expression.text, offset - expression.range.start, scope) else {
        return "nothing".into();
    };
    let name = match &found.what {
        What::Path(names) => names.join("."),
        What::Field(name) => format!(".{name}"),
        What::Function(name) => format!("{name}()"),
        What::Value => "value".to_owned(),
    };
    let source = Source::new().with("katalog.yaml", text.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
    let defined = facts.definition(&place.path, &found).map(|span| source.at(span)).unwrap_or_default();
    format!("{name}: {} {defined}", cel::describe(&found.ty)).trim_end().to_owned()
}

const WEB: &str = "image: \"{{ vars.image }}\"";

#[test]
fn a_name_has_a_type_and_a_definition() {
    let web = |expression: &str| seen(WEB, &format!("image: \"{{{{ {expression} }}}}\""));
    assert_eq!(web("vars.im‸age"), "vars.image: string katalog.yaml:16:11");
    assert_eq!(web("va‸rs.image"), "vars: object katalog.yaml:15:9");
    assert_eq!(web("spec.ver‸sion"), "spec.version: string crd.yaml:22:17");
    assert_eq!(web("inputs.regi‸stry + 'x'"), "inputs.registry: string katalog.yaml:8:14");
    assert_eq!(web("children.sv‸c.metadata.name"), "children.svc: object katalog.yaml:24:19");
    assert_eq!(web("children.svc.metadata.na‸me"), "children.svc.metadata.name: string katalog.yaml:24:19");
    assert_eq!(web("toLo‸wer(spec.version)"), "toLower(): string");
    assert_eq!(web("spec.version.trim‸()"), "trim(): string");
    assert_eq!(web("spec.users.map(u, u.na‸me)[0]"), "u.name: string crd.yaml:25:118");
    // What does not parse, or is not right, is looked at as far as it goes.
    assert_eq!(web("spec.replicas > vars.im‸age +"), "vars.image: string katalog.yaml:16:11");
    assert_eq!(web("spec.repli‸cas + 'x'"), "spec.replicas: int crd.yaml:23:17");
}

#[test]
fn the_element_of_a_list_is_known_in_its_child_alone() {
    let each = "id: web\n              forEach: {field: spec.users, as: user, key: name}\n              name: \"{{ user.na‸me }}\"";
    assert_eq!(seen("id: web", each), "user.name: string crd.yaml:25:118");
    let own = "id: web\n              forEach: {field: spec.users, as: user, key: name}\n              name: \"{{ us‸er.name }}\"";
    assert_eq!(seen("id: web", own), "user: object katalog.yaml:20:48");
    let other = "id: svc\n              name: \"{{ us‸er }}\"";
    assert!(seen("id: svc", other).starts_with("user: any value"));
    let ready = "id: svc\n              readyWhen: \"{{ has(se‸lf.status) }}\"";
    assert_eq!(seen("id: svc", ready), "self: object katalog.yaml:24:19");
}

/// The words that can be written at the mark.
fn words(find: &str, put: &str) -> Vec<String> {
    let (text, offset, facts) = edited(find, put);
    let place = locate(&text, offset);
    let expression = place.expression.expect("an expression");
    let scope = facts.scope(&place.path).expect("a scope");
    let words = cel::words(&expression.text, offset - expression.range.start, scope);
    words.words.into_iter().map(|word| word.name).collect()
}

#[test]
fn fields_are_offered_behind_a_dot_of_what_cannot_be_parsed() {
    let web = |expression: &str| words(WEB, &format!("image: \"{{{{ {expression} }}}}\""));
    assert_eq!(web("spec.‸"), ["hosts", "note", "replicas", "users", "version"]);
    assert_eq!(web("spec.re‸"), ["hosts", "note", "replicas", "users", "version"]);
    assert_eq!(web("vars.‸"), ["image"]);
    assert_eq!(web("inputs.‸ + 'x'"), ["registry"]);
    assert_eq!(web("children.‸"), ["svc", "web"]);
    assert_eq!(web("default(1, spec.‸"), ["hosts", "note", "replicas", "users", "version"]);
    assert_eq!(web("spec.users.map(u, u.‸)"), ["name"]);
    assert!(web("children.svc.spec.‸").contains(&"clusterIP".to_owned()));
    assert!(web("spec.version.‸").contains(&"startsWith".to_owned()));
    assert!(web("spec.users.‸").contains(&"map".to_owned()));
    assert!(web("math.‸").contains(&"greatest".to_owned()));
    let all = web("‸");
    assert!(["spec", "vars", "has", "toLower"].iter().all(|name| all.contains(&(*name).to_owned())), "{all:?}");
    assert!(!all.contains(&"self".to_owned()) && !all.contains(&"now".to_owned()), "{all:?}");
}

/// The keys that can be written at the mark.
fn offered(find: &str, put: &str) -> Vec<String> {
    let (text, offset, facts) = edited(find, put);
    let place = locate(&text, offset);
    let kind_of = |path: &[Step]| facts.kind_of(path);
    keys(&Document::Own(&KATALOG), &place.path, &kind_of).into_iter().map(|word| word.key).collect()
}

#[test]
fn keys_are_those_of_the_table_at_the_place() {
    assert!(offered("resync: 10m", "‸").contains(&"workers".to_owned()));
    let web = offered("port: 8080", "‸");
    for key in ["image", "replicas", "forEach", "strategy", "readyWhen"] {
        assert!(web.contains(&key.to_owned()), "{key}: {web:?}");
    }
    assert!(!web.contains(&"rotateAfter".to_owned()));
    let strategy = offered("port: 8080", "strategy:\n                ‸");
    assert_eq!(strategy, ["rollingUpdate", "type"]);
    assert!(offered("port: 8080", "env:\n                - ‸").contains(&"valueFrom".to_owned()));
    let manifest = "resources:\n            - manifest:\n                apiVersion: batch/v1\n                kind: CronJob\n                spec: {‸}\n          services:";
    assert!(offered("services:", manifest).contains(&"schedule".to_owned()));
}

#[test]
fn words_are_those_that_the_place_takes() {
    let of = |put: &str| {
        let (text, offset, facts) = edited("port: 8080", put);
        let kind_of = |path: &[Step]| facts.kind_of(path);
        values(&Document::Own(&KATALOG), &locate(&text, offset).path, &kind_of)
    };
    assert_eq!(of("deletionPolicy: ‸"), ["delete", "retain"]);
    assert_eq!(of("adopt: ‸"), ["true", "false"]);
    assert_eq!(of("readyWhen: ‸"), Vec::<String>::new());
}

#[test]
fn keys_of_a_kind_are_explained_by_kubernetes() {
    let none = |_: &[Step]| None;
    let path = |keys: &[&str]| keys.iter().map(|key| Step::Key((*key).to_owned())).collect::<Vec<_>>();
    let kind = Document::Kind { api_version: "apps/v1", kind: "Deployment" };
    let replicas = key(&kind, &path(&["spec", "replicas"]), &none).unwrap();
    assert!(replicas.doc.contains("desired pods"), "{replicas:?}");
    let crd = Document::Kind { api_version: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" };
    let mut deep = path(&["spec", "versions"]);
    deep.push(Step::Item(0));
    deep.extend(path(&["schema", "openAPIV3Schema", "properties", "spec", "properties", "a", "items"]));
    assert!(keys(&crd, &deep, &none).iter().any(|word| word.key == "maxItems"));
}

#[test]
fn fields_are_described_where_they_are_defined() {
    let crd = example::CRD
        .replace("version: {type: string}", "version: {type: string, description: Of the shop., default: x}");
    let source = Source::new().with("katalog.yaml", example::KATALOG.as_bytes()).with("crd.yaml", crd.as_bytes());
    let (_, _, facts) = crate::check_keeping(&source);
    let of = |ty: &str, name: &str| facts.said_of(&[], Some(&cel::ast::Type::message(ty)), name);
    assert_eq!(of("object.spec", "version").as_deref(), Some("Of the shop.\n\nBy default `\"x\"`."));
    assert_eq!(of("object.spec", "note"), None);
    assert!(of("children.svc.spec", "clusterIP").unwrap().contains("IP address"));
    assert!(facts.said_of(&[], None, "spec").is_some());
}

#[test]
fn what_an_entry_names_is_listed() {
    let (_, _, facts) = edited("workers: 2", "workers: 2‸");
    let names = |symbols: &[Symbol]| symbols.iter().map(|symbol| symbol.name.clone()).collect::<Vec<_>>();
    let symbols = facts.symbols();
    assert_eq!(names(&symbols), ["registry", "shop"]);
    assert_eq!(names(&symbols[1].inside), ["image", "web", "svc"]);
}

#[test]
fn every_place_of_any_text_has_an_answer() {
    let texts = [
        example::KATALOG,
        "a: {{ b\n - c: [\"\n'é: |\n  ü",
        "{[}]: {a: {{, 'b",
        "- - - a: - b\n\t\u{2028}:",
        ": :\n::\n? a\n: b",
    ];
    for text in texts {
        for offset in 0..=text.len() + 1 {
            let place = locate(text, offset);
            if let Some(range) = place.at.range() {
                assert!(text.get(range.clone()).is_some(), "{range:?} of {text:?}");
            }
        }
    }
}
