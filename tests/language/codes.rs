//! Every code that a pattern can have is brought about by its example, and says how to mend it.
//!
//! Where an example is an edit, that edit is made; where it is words, [`made`] is what they say. A code without either fails, and
//! so does one that is in no family.

use std::collections::BTreeSet;

use orkestra_pattern::codes::{Code, Example, all, example};
use orkestra_pattern::{Diagnostics, Source, required_files};

use crate::subject::Versions;
use crate::{check, read, rendered, root};

/// What comes of the example that is words; none where there is no such.
fn made(id: &str) -> Option<(Source, Diagnostics)> {
    if let Some(versions) = between_versions(id) {
        let source = versions.source();
        // What the proof finds, it finds in a pattern that passes its check.
        let (pattern, problems) = check(&source);
        return match pattern {
            None => Some((source, problems)),
            Some(_) => {
                let (problems, _) = versions.subject().proof(1_000);
                Some((source, problems))
            }
        };
    }
    let katalog = |text: String| files(&text, example::CRD);
    let edited = |find: &str, put: String| katalog(example::KATALOG.replacen(find, &put, 1));
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let source = match id {
        "K0002" => Source::new().with("katalog.yaml", &[0xff]).with("crd.yaml", example::CRD.as_bytes()),
        "K0003" => Source::new().with("katalog.yaml", example::KATALOG.as_bytes()),
        "K0004" => {
            let source = example::source(None).with("komposer.yaml", b"a").with("README.md", b"\n");
            let problems = required_files(&source);
            return Some((source, problems));
        }
        "K0101" => katalog(format!("{}#{}\n", example::KATALOG, "x".repeat(1 << 20))),
        "K0102" => {
            let anchor = |at: usize| match at {
                0 => format!("a0: &a0 [{}]\n", ["x"; 10].join(", ")),
                at => format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 10].join(", ")),
            };
            katalog(format!("{}{}", example::KATALOG, lines(10, &anchor)))
        }
        "K0103" => katalog(format!("{}deep: {}{}\n", example::KATALOG, "[".repeat(65), "]".repeat(65))),
        "K0104" => {
            let maps = lines(501, &|at| format!("            - {{id: c{at}, name: c{at}}}\n"));
            edited("          services:\n", format!("          configMaps:\n{maps}          services:\n"))
        }
        "K0105" => {
            katalog(example::KATALOG.to_owned() + &lines(100, &|at| format!("    e{at}: {{operatorBox: {{}}}}\n")))
        }
        "K0106" => edited("{{ spec.replicas }}", format!("{{{{ size('{}') }}}}", "x".repeat(16_384))),
        "K0107" => edited("{{ spec.replicas }}", format!("{{{{ {}1{} }}}}", "(".repeat(201), ")".repeat(201))),
        "K0108" => {
            edited("        vars:\n", "        vars:\n".to_owned() + &lines(500, &|at| format!("          v{at}: a\n")))
        }
        "K0109" => {
            let fields = lines(10_001, &|at| format!("                f{at}: {{type: string}}\n"));
            let note = "                note: {type: string}\n";
            files(example::KATALOG, &example::CRD.replacen(note, &(note.to_owned() + &fields), 1))
        }
        "K0604" => {
            let api = "      apiTypes: {group: example.com, version: v1, kind: Shop, plural: shops}\n";
            let other = example::CRD.replace("shops", "stores").replace("Shop", "Store");
            files(&example::KATALOG.replacen(api, "", 1), &format!("{}---\n{other}", example::CRD))
        }
        "K0612" => files(example::KATALOG, &example::CRD.replace("example.com", "policies.k8s.io")),
        "K1202" => {
            let source = between_versions("K1201")?.source();
            let text = |name: &str| source.find(name).and_then(|id| source.file(id)).map(|file| file.text().to_owned());
            files(
                &text("katalog.yaml")?.replacen("storageVersion: v1", "storageVersion: v1alpha1", 1),
                &text("crd.yaml")?,
            )
        }
        "K1901" => decorating("Namespace", "namespaces", "        onReconcile: {}\n", ""),
        "K1902" => {
            decorating("Namespace", "namespaces", "        status: {fields: [{path: phase, value: x}]}\n", SELECTOR)
        }
        "K1904" => decorating("Secret", "secrets", "        onReconcile: {}\n", SELECTOR),
        "K1905" => {
            let gateways = example::CRD.replace("shops", "gateways").replace("Shop", "Gateway");
            example::source(None).with("foreign.yaml", gateways.as_bytes())
        }
        "K1906" => example::source(None).with("foreign.yaml", example::CRD.as_bytes()),
        _ => return None,
    };
    let (_, problems) = check(&source);
    Some((source, problems))
}

const SELECTOR: &str = "      selector: {matchLabels: {team: shop}}\n";

/// A Katalog that decorates a kind of Kubernetes.
fn decorating(kind: &str, plural: &str, operator_box: &str, selector: &str) -> Source {
    let head = "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {name: notes, version: 1.0.0}\nspec:\n  crds:\n    notes:\n";
    let api = format!("      apiTypes: {{group: \"\", version: v1, kind: {kind}, plural: {plural}}}\n");
    let katalog = format!("{head}{api}{selector}      operatorBox:\n{operator_box}");
    Source::new().with("katalog.yaml", katalog.as_bytes())
}

fn files(katalog: &str, crd: &str) -> Source {
    Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes())
}

/// The examples with two versions, `v1alpha1` and `v1`, and paths between them.
fn between_versions(id: &str) -> Option<Versions<'static>> {
    let some = |paths: &'static str| Versions {
        v1: "a: {type: string}\nb: {type: string}\nn: {type: integer}",
        v1alpha1: "a: {type: string}\nc: {type: string}\nn: {type: integer}",
        status: ("", ""),
        paths,
    };
    let of = |v1: &'static str, v1alpha1: &'static str, paths: &'static str| Versions {
        v1,
        v1alpha1,
        status: ("", ""),
        paths,
    };
    Some(match id {
        "K1201" => some("[]"),
        "K1203" => some("[{from: v1alpha1, to: v1alpha1, rules: []}]"),
        "K1204" => some("[{from: v1alpha1, to: v1, rules: [{rename: {from: spec.c, to: spec.b}, remove: spec.a}]}]"),
        "K1205" => some("[{from: v1alpha1, to: v1, rules: [{rename: {from: spec.x, to: spec.b}}]}]"),
        "K1206" => {
            some("[{from: v1alpha1, to: v1, rules: [{set: spec.b, value: x}, {rename: {from: spec.c, to: spec.b}}]}]")
        }
        "K1207" => of("port: {type: integer}", "port: {type: string}", "[{from: v1alpha1, to: v1, rules: []}]"),
        "K1208" => some("[{from: v1alpha1, to: v1, rules: [{set: spec.n, value: 1}]}]"),
        "K1209" => some("[{from: v1alpha1, to: v1, rules: [{map: spec.c, as: spec.b, values: {small: s, tiny: s}}]}]"),
        "K1211" => of(
            "theme: {type: string}",
            "theme: {type: string}",
            "- {from: v1alpha1, to: v1, rules: []}\n- {from: v1, to: v1alpha1, rules: [{set: spec.theme, value: \"{{ spec.theme | default 'plain' }}\"}]}",
        ),
        "K1212" => of(
            "color: {type: string}\ntheme: {type: string}",
            "color: {type: string}\ntheme: {type: string}",
            "- {from: v1alpha1, to: v1, rules: [{set: spec.theme, value: \"{{ has(spec.theme) ? spec.theme : (has(spec.color) ? 'colourful' : 'plain') }}\"}]}\n- {from: v1, to: v1alpha1, rules: []}",
        ),
        "K1213" => of(
            "port: {type: integer}",
            "port: {type: string}",
            "- {from: v1alpha1, to: v1, rules: [{set: spec.port, value: \"{{ has(spec.port) ? optional.of(int(spec.port)) : optional.none() }}\"}]}\n- {from: v1, to: v1alpha1, rules: [{set: spec.port, value: \"{{ has(spec.port) ? optional.of(string(spec.port)) : optional.none() }}\"}]}",
        ),
        "K1214" => of(
            "level: {type: string, enum: [low, middle, high]}",
            "level: {type: string, enum: [low, high]}",
            "- {from: v1alpha1, to: v1, rules: []}",
        ),
        "K1215" => {
            let fields: String = (0..4_000).map(|at| format!("f{at}: {{type: string}}\n")).collect();
            of(
                format!("{fields}b: {{type: string}}").leak(),
                format!("{fields}c: {{type: string}}").leak(),
                "- {from: v1alpha1, to: v1, rules: [{rename: {from: spec.c, to: spec.b}}]}",
            )
        }
        _ => return None,
    })
}

fn brought_about(code: &Code) -> Option<(Source, Diagnostics)> {
    match code.example {
        Example::Edit { file, find, put } => {
            let before = [("katalog.yaml", example::KATALOG), ("crd.yaml", example::CRD), ("cr.yaml", example::CR)];
            assert!(before.iter().any(|(name, text)| *name == file && text.contains(find)), "{}: no {find:?}", code.id);
            let source = example::source(Some((file, find, put)));
            let (_, problems) = check(&source);
            Some((source, problems))
        }
        Example::Words(_) => made(code.id),
    }
}

#[test]
fn every_example_brings_its_code_about_and_says_how_to_mend_it() {
    let mut wrong = Vec::new();
    for code in all() {
        let Some((source, problems)) = brought_about(code) else {
            wrong.push(format!("{} {}: its example is words, and nothing here is what they say", code.id, code.title));
            continue;
        };
        let shown = || rendered(&problems, &source).chars().take(2_000).collect::<String>();
        match problems.iter().find(|problem| problem.code == code) {
            None => wrong.push(format!("{} {}: not found in\n{}", code.id, code.title, shown())),
            Some(problem) if problem.hints.is_empty() && problem.expected.is_none() => {
                wrong.push(format!("{} {}: does not say how to mend it\n{}", code.id, code.title, shown()));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} codes\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A code that is declared and in no family would be none of [`all`], and the test above would not know of it.
#[test]
fn every_code_that_is_declared_is_in_a_family() {
    let mut declared = Vec::new();
    for entry in std::fs::read_dir(root().join("runtime/pattern/src/codes")).unwrap() {
        let text = read(&entry.unwrap().path());
        for (at, _) in text.match_indices(": Code =") {
            // The first string of a declaration is its id.
            declared.extend(text[at..].split('"').nth(1).map(str::to_owned));
        }
    }
    let families: BTreeSet<String> = all().map(|code| code.id.to_owned()).collect();
    let unique: BTreeSet<String> = declared.iter().cloned().collect();
    assert_eq!(unique.len(), declared.len(), "an id is given twice");
    assert_eq!(unique, families);
}
