use super::*;
use crate::codes::example;
use crate::diagnostic::{self, Diagnostics};

const OPEN: &str = "{{ ";

/// A string's expressions in today's spelling.
fn today(text: &str) -> String {
    let found = calls::find(text);
    calls::today(&Text::from(text), found).text
}

/// The hints for what is no CEL in a string.
fn hints(text: &str) -> Vec<String> {
    template::find(text).into_iter().flat_map(|construct| construct.hints).collect()
}

#[test]
fn a_call_by_space_is_a_call() {
    for (old, new) in [
        ("toLower .spec.name", "toLower(.spec.name)"),
        ("replace .spec.a \"-\" \"_\"", "replace(.spec.a, \"-\", \"_\")"),
        ("toUpper (toLower .x)", "toUpper(toLower(.x))"),
        ("toUpper (toLower (trim .x))", "toUpper(toLower(trim(.x)))"),
        ("join (split .a \",\") \";\"", "join(split(.a, \",\"), \";\")"),
        ("toLower .x | trim", "toLower(.x) | trim"),
        ("x | replace (toLower .y) 'b'", "x | replace (toLower(.y)) 'b'"),
        ("[toLower .x, .y]", "[toLower(.x), .y]"),
        ("{'a': toLower .x}", "{'a': toLower(.x)}"),
        ("camelToKebab \"aB\"", "camelToKebab(\"aB\")"),
        ("ternary .spec.on -1 2", "ternary(.spec.on, -1, 2)"),
        ("has .spec.x", "has(.spec.x)"),
        ("join [\"a\"] \",\"", "join([\"a\"], \",\")"),
    ] {
        assert_eq!(today(&format!("a{OPEN}{old} }}}}b")), format!("a{OPEN}{new} }}}}b"));
    }
}

#[test]
fn default_takes_its_literal_in_any_place() {
    for (old, new) in [
        ("default \"y\" .x", ".x | default \"y\""),
        ("default .x \"y\"", ".x | default \"y\""),
        ("default 1 .spec.replicas", ".spec.replicas | default 1"),
        ("default .spec.n -1", ".spec.n | default -1"),
        ("default .a .b", ".a | default .b"),
        ("default \"a\" \"b\"", "\"a\" | default \"b\""),
        ("default false .x", ".x | default false"),
        ("default [] .x", ".x | default []"),
        ("default \"y\" (toLower .x)", "toLower(.x) | default \"y\""),
        ("default (toLower .x) .y", "toLower(.x) | default .y"),
        ("toUpper (default \"y\" .x)", "toUpper(.x | default \"y\")"),
        ("default \"y\" .x | toUpper", ".x | default \"y\" | toUpper"),
    ] {
        assert_eq!(today(&format!("{OPEN}{old} }}}}")), format!("{OPEN}{new} }}}}"));
    }
}

#[test]
fn what_is_cel_stays() {
    for text in [
        "x | default \"y\"",
        "x | replace 'a' 'b'",
        "toLower(.spec.name)",
        "toLower (.spec.name)",
        "toUpper (a) + b",
        "x in y",
        "a - 1",
        "a -1",
        "spec .name",
        "item [0]",
        "a ? b : c",
        "spec.users.all(u, u in [1])",
        "!has(spec.x) && (y || z)",
        "default(spec.x, 'y')",
        "a b +",
        "f",
        "",
        "'{{' ",
    ] {
        let text = format!("{OPEN}{text} }}}}");
        assert_eq!(today(&text), text);
        assert_eq!(hints(&text), [""; 0], "{text}");
    }
    for text in ["no braces: f a b", "{{ unclosed", "{{ 'a }}", "{{ - 1 }}", "{{-1}}", "{{ - spec.x }}"] {
        assert_eq!(today(text), text);
        assert_eq!(hints(text), [""; 0], "{text}");
    }
}

#[test]
fn a_rewritten_string_keeps_its_places() {
    let source = Source::new().with("a.yaml", br#"a: "x{{ default \"1\" .spec.b }}""#);
    let file = source.find("a.yaml").unwrap();
    let text = source.file(file).unwrap().text();
    let (documents, _) = crate::yaml::parse(&source, file, Default::default());
    let node = documents[0].get("a").unwrap();
    let Value::String(old) = &node.value else { panic!("{node:?}") };
    let mut problems = Diagnostics::default();
    let new = string(old, node.span, text, &mut problems).unwrap();
    assert_eq!(new.text, r#"x{{ .spec.b | default "1" }}"#);
    let at = new.text.find(".spec").unwrap();
    let span = new.span(node.span, at..at + ".spec.b".len());
    assert_eq!(&text[span.start as usize..span.end as usize], ".spec.b");
    let fixed = diagnostic::fix(&source, file, &problems).unwrap();
    assert_eq!(fixed.text, r#"a: "x{{ .spec.b | default \"1\" }}""#);
}

#[test]
fn a_go_template_is_told_with_its_form_in_cel() {
    for (old, new) in [
        ("{{ if .spec.debug }}debug{{ else }}info{{ end }}", ".spec.debug ? 'debug' : 'info'"),
        ("{{ if eq .spec.mode \"a\" }}1{{ end }}", "(.spec.mode == \"a\") ? '1' : ''"),
        ("{{- if .a -}}x{{- else if not .b -}}y{{- else -}}z{{- end -}}", ".a ? 'x' : !.b ? 'y' : 'z'"),
        ("{{ if and .a (gt .n 1) }}{{ .x }}-y{{ end }}", "(.a && (.n > 1)) ? .x + '-y' : ''"),
        ("{{ if .a }}{{ if .b }}x{{ end }}{{ end }}", ".a ? .b ? 'x' : '' : ''"),
        ("{{ with .spec.x }}{{ . }}{{ end }}", "has(.spec.x) ? .spec.x : ''"),
        ("{{ with .spec.x }}{{ .y }}{{ else }}n{{ end }}", "has(.spec.x) ? .spec.x.y : 'n'"),
        ("{{ range .spec.users }}{{ .name }},{{ end }}", ".spec.users.map(item, item.name + ',').join('')"),
        ("{{ range .a }}x{{ else }}none{{ end }}", "size(.a) == 0 ? 'none' : .a.map(item, 'x').join('')"),
        ("{{ range $i, $u := .spec.users }}{{ $u.name }}{{ end }}", ".spec.users.map(u, u.name).join('')"),
        ("{{ printf \"%s-%d\" .a .b }}", "\"%s-%d\".format([.a, .b])"),
        ("{{ .a | printf \"%s!\" }}", "\"%s!\".format([.a])"),
        ("{{ printf \"%s\" .a | toLower }}", "\"%s\".format([.a]) | toLower"),
        ("{{ eq .a .b .c }}", ".a in [.b, .c]"),
        ("{{ not .a }}", "!.a"),
        ("{{ len .a }}", "size(.a)"),
        ("{{ index .a \"k\" }}", ".a[\"k\"]"),
        ("{{- .spec.x -}}", ".spec.x"),
    ] {
        assert!(hints(old)[0].contains(&format!("{{{{ {new} }}}}")), "{old}: {:?}", hints(old));
        let construct = &template::find(old)[0];
        assert_eq!(construct.range, 0..old.len(), "{old}");
    }
    assert!(hints("{{ $x := .spec.a }}")[0].contains("x: \"{{ .spec.a }}\""), "{:?}", hints("{{ $x := .spec.a }}"));
    assert!(hints("{{ $x }}")[0].contains("{{ vars.x }}"));
    assert!(hints("{{ $ }}")[0].contains("vars"));
    assert!(hints("{{ define \"full-name\" }}x{{ end }}")[0].contains("{{ vars.full_name }}"));
    assert!(hints("{{ include \"n\" . }}")[0].contains("{{ vars.n }}"));
    assert!(hints("{{/* a comment */}}")[0].contains("# …"));
    assert!(hints("{{ range .x }}a{{ end }}")[1].contains("forEach"));
    assert_eq!(template::find("{{ if .a }}x{{ end }} {{ if .b }}y{{ end }}").len(), 2);
    assert!(hints("{{ if .a }}never ends")[0].contains("condition ?"));
    assert!(hints("{{ else }}")[0].contains("condition ?"));
}

#[test]
fn a_hostile_string_is_told_in_few_words() {
    let deep = format!("{}{}", "{{ if .a }}".repeat(5_000), "{{ end }}".repeat(5_000));
    let wide = format!("{{{{ with .a }}}}{}{{{{ end }}}}", "{{ . }}".repeat(50_000));
    let chain = format!("{{{{ if .a }}}}x{}{{{{ end }}}}", "{{ else if .b }}y".repeat(20_000));
    let doubled = format!("{}{}", "{{ with (f . . . .) }}".repeat(12), "{{ end }}".repeat(12));
    let parentheses = format!("{{{{ f {}\"a\"{} }}}}", "(f ".repeat(5_000), ")".repeat(5_000));
    for text in [deep, wide, chain, doubled] {
        let hints = hints(&text);
        assert!((1..=2).contains(&hints.len()), "{hints:?}");
        assert!(hints[0].len() < 200, "{}", hints[0].len());
    }
    assert_eq!(today(&parentheses), parentheses);
}

/// The example in an older spelling, and with its edits made.
fn fixed(edits: &[(&str, &str)]) -> (String, String) {
    let old = edits.iter().fold(example::KATALOG.to_owned(), |text, (find, put)| {
        assert!(text.contains(find), "{find}");
        text.replacen(find, put, 1)
    });
    let source =
        |text: &str| Source::new().with("katalog.yaml", text.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
    let mut text = old.clone();
    for _ in 0..10 {
        let source = source(&text);
        let (pattern, problems) = crate::check(&source);
        let shown = diagnostic::render_all(&problems, &source, Default::default());
        assert!(pattern.is_some(), "{shown}");
        match diagnostic::fix(&source, source.find("katalog.yaml").unwrap(), &problems) {
            Some(fixed) => text = fixed.text,
            None => {
                assert!(problems.is_empty(), "{shown}\n{text}");
                return (old, text);
            }
        }
    }
    panic!("it never ends:\n{text}");
}

#[test]
fn edits_make_the_file_say_the_same_today() {
    let labels = "            - id: web\n";
    for (old, new) in [
        (
            "labels: # why\n                - key: app # of all\n                  # the value\n                  value: web\n                -   {key: b, value: \"{{ toLower .spec.version }}\"}\n",
            "labels: # why\n                # of all\n                # the value\n                app: web\n                b: \"{{ toLower(.spec.version) }}\"\n",
        ),
        ("labels: [{key: app, value: web}, { value: 'c d', key: \"x\" }]\n", "labels: {app: web, \"x\": 'c d'}\n"),
        (
            "annotations:\n              - value: |\n                  two\n                  lines\n                key: a\n",
            "annotations:\n                a: \"two\\nlines\\n\"\n",
        ),
        (
            "labels:\n                -\n                  key: a\n                  value: 'it''s'\n",
            "labels:\n                a: 'it''s'\n",
        ),
    ] {
        let put = |what: &str| format!("{labels}              {what}");
        let (_, text) = fixed(&[(labels, &put(old))]);
        assert!(text.contains(&put(new)), "{text}");
    }
    let (old, text) = fixed(&[
        ("apiVersion: orkestra.orkspace.io/v1\n", "# as published\napiVersion: orkestra.konductor.io/v1Alpha # old\n"),
        ("  version: 1.0.0\n", ""),
        ("  name: shop\n", "  name: shop # the shop\n"),
        ("operatorBox:", "\"reconciler\":"),
        ("\"{{ spec.replicas }}\"", "'{{ default ''1'' (trim (string (.spec.replicas))) }}'"),
        (
            "- id: svc\n",
            "- id: svc\n              name: >-\n                {{ toLower\n                  .metadata.name }}-svc\n",
        ),
    ]);
    assert_ne!(old, text);
    for line in [
        "# as published\napiVersion: orkestra.orkspace.io/v1 # old\n",
        "  name: shop # the shop\n  version: 0.0.0\n",
        "      operatorBox:\n",
        "'{{ trim (string (.spec.replicas)) | default ''1'' }}'",
        "{{ toLower(.metadata.name) }}-svc\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn braces_of_a_raw_child_are_text() {
    let raw = "          configMaps:\n            - {id: raw, raw: true, name: \"{{ toLower .metadata.name }}\", data: {a: \"{{ toLower .x }}{{ if .a }}\"}}\n          services:\n";
    let (_, text) = fixed(&[("          services:\n", raw)]);
    assert!(
        text.contains("name: \"{{ toLower(.metadata.name) }}\", data: {a: \"{{ toLower .x }}{{ if .a }}\"}"),
        "{text}"
    );
}

#[test]
fn both_spellings_of_a_key_are_one_too_many() {
    let source = example::source(Some(("katalog.yaml", "workers: 2", "workers: 2\n      reconciler: {}")));
    let (pattern, problems) = crate::check(&source);
    assert!(pattern.is_none());
    assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), ["K0212"]);
}

#[test]
fn one_construct_is_one_problem() {
    for (find, put) in [
        ("\"{{ spec.replicas }}\"", "\"{{ if .spec.note }}2{{ else }}1{{ end }}\""),
        ("\"{{ vars.image }}\"", "\"{{ printf \\\"%s:%s\\\" inputs.registry .spec.version }}\""),
        ("- id: svc\n", "- id: svc\n              when: \"{{ if .spec.note }}true{{ end }}\"\n"),
        ("- id: svc\n", "- id: svc\n              name: \"{{ $x }}-svc\"\n"),
    ] {
        let source = example::source(Some(("katalog.yaml", find, put)));
        let (pattern, problems) = crate::check(&source);
        assert!(pattern.is_none());
        let shown = diagnostic::render_all(&problems, &source, Default::default());
        assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), ["K1806"], "{shown}");
    }
}

#[test]
fn pairs_with_anchors_are_told_and_not_rewritten() {
    let problems = |labels: &str| {
        let put = format!("- id: svc\n              {}\n", labels.replace('\n', "\n              "));
        let source = example::source(Some(("katalog.yaml", "- id: svc\n", &put)));
        let (_, problems) = crate::check(&source);
        let shown = diagnostic::render_all(&problems, &source, Default::default());
        assert!(problems.iter().all(|problem| problem.code == &codes::PAIRS), "{labels}\n{shown}");
        (problems.iter().map(|problem| problem.fix.is_empty()).collect::<Vec<_>>(), shown)
    };
    for (labels, count) in [
        ("labels: &l [{key: app, value: web}]", 1),
        ("labels: &l\n- {key: app, value: web}", 1),
        ("labels:\n  - &p {key: app, value: web}", 1),
        ("labels:\n  - &p\n    key: app\n    value: web", 1),
        ("labels: [{key: &k app, value: web}]", 1),
        ("labels: [{key: app, value: &v web}, {key: other, value: *v}]", 1),
        ("annotations: {a: &v web}\nlabels: [{key: app, value: *v}]", 1),
        ("annotations: &l [{key: app, value: web}]\nlabels: *l", 2),
    ] {
        let (by_hand, shown) = problems(labels);
        assert_eq!(by_hand, vec![true; count], "{labels}\n{shown}");
        for part in ["{\"app\": \"web\"", "by hand", "does not rewrite what has a YAML anchor"] {
            assert!(shown.contains(part), "{labels}\n{shown}");
        }
    }
    // The twins: an ampersand is not always an anchor.
    for labels in ["labels: [{key: app, value: web}]", "labels: [{key: app, value: \"&v web\"}]"] {
        assert_eq!(problems(labels).0, [false], "{labels}");
    }
}
