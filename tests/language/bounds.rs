//! Each bound is a diagnostic with its name, and what lies just within it passes.

use orkestra_pattern::Source;

use crate::{check, codes, rendered, source};

const HEAD: &str =
    "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {name: shop, version: 1.0.0}\nspec:\n";

fn entry(operator_box: &str) -> String {
    format!("{HEAD}  crds:\n    shop:\n      operatorBox:\n{operator_box}")
}

/// The Katalog has exactly the problem of that code, or none.
#[track_caller]
fn expect(katalog: &str, code: Option<&str>) {
    let source = source(katalog);
    let (pattern, problems) = check(&source);
    let shown: String = rendered(&problems, &source).chars().take(2_000).collect();
    match code {
        Some(code) => assert_eq!(codes(&problems), [code], "{shown}"),
        None => assert!(pattern.is_some() && problems.is_empty(), "{shown}"),
    }
}

#[test]
fn the_size_of_a_file() {
    let katalog = entry("        onReconcile: {}\n");
    let fill = |size: usize| format!("{katalog}#{}", "x".repeat(size - katalog.len() - 1));
    expect(&fill(1 << 20), None);
    expect(&fill((1 << 20) + 1), Some("K0101"));
}

#[test]
fn the_expansion_of_aliases() {
    let aliases = |levels: usize| {
        let mut text =
            String::from("        onReconcile:\n          resources:\n            - id: a\n              manifest:\n");
        text += "                apiVersion: example.org/v1\n                kind: Widget\n                l0: &l0 [x, x, x, x, x, x, x, x, x]\n";
        for level in 1..=levels {
            let of = level - 1;
            text += &format!(
                "                l{level}: &l{level} [*l{of}, *l{of}, *l{of}, *l{of}, *l{of}, *l{of}, *l{of}, *l{of}, *l{of}]\n"
            );
        }
        entry(&text)
    };
    expect(&aliases(3), None);
    expect(&aliases(4), Some("K0102"));
    // Ten levels more would be 10^14 nodes.
    expect(&aliases(14), Some("K0102"));
}

#[test]
fn nesting() {
    // Nine maps and lists lead to the value.
    let nested = |depth: usize| {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        entry(&format!(
            "        onReconcile:\n          resources:\n            - {{id: a, manifest: {{apiVersion: example.org/v1, kind: Widget, spec: {text}}}}}\n"
        ))
    };
    expect(&nested(64 - 9), None);
    expect(&nested(64 - 8), Some("K0103"));
    expect(&nested(200), Some("K0103"));
}

#[test]
fn templates_of_an_entry() {
    let templates = |count: usize| {
        let mut text = String::from("        onReconcile:\n          configMaps:\n");
        for index in 0..count {
            text += &format!("            - {{id: c{index}, name: c{index}}}\n");
        }
        entry(&text)
    };
    expect(&templates(500), None);
    expect(&templates(501), Some("K0104"));
}

#[test]
fn entries_of_a_katalog() {
    let entries: String = (0..101).map(|index| format!("    e{index}: {{operatorBox: {{}}}}\n")).collect();
    expect(&format!("{HEAD}  crds:\n{entries}"), Some("K0105"));
}

#[test]
fn expressions() {
    let expression = |text: &str| {
        entry(&format!(
            "        onReconcile:\n          configMaps:\n            - {{id: a, data: {{a: \"{{{{ {text} }}}}\"}}}}\n"
        ))
    };
    expect(&expression(&format!("'{}'", "x".repeat(16_000))), None);
    expect(&expression(&format!("'{}'", "x".repeat(17_000))), Some("K0106"));
    expect(&expression(&format!("{}'a'{}", "(".repeat(50), ")".repeat(50))), None);
    expect(&expression(&format!("{}'a'{}", "[".repeat(5_000), "]".repeat(5_000))), Some("K0107"));
}

#[test]
fn lists_of_a_katalog() {
    let vars = |count: usize| {
        let vars: String = (0..count).map(|index| format!("          v{index}: a\n")).collect();
        entry(&format!("        vars:\n{vars}"))
    };
    expect(&vars(500), None);
    expect(&vars(501), Some("K0108"));
}

#[test]
fn the_schema_of_a_crd() {
    let crd = crate::read(&crate::root().join("tests/language/crd.yaml"));
    let with = |count: usize| {
        let fields: String = (0..count).map(|index| format!("                f{index}: {{type: string}}\n")).collect();
        let crd = crd.replacen("                note:", &format!("{fields}                note:"), 1);
        Source::new()
            .with("katalog.yaml", entry("        onReconcile: {}\n").as_bytes())
            .with("crd.yaml", crd.as_bytes())
    };
    let (pattern, problems) = check(&with(9_900));
    assert!(pattern.is_some(), "{}", rendered(&problems, &with(0)));
    let (_, problems) = check(&with(10_000));
    assert_eq!(codes(&problems), ["K0109"]);
}

/// However hostile a file is, it ends in diagnostics, of which only so many are kept.
#[test]
fn hostile_files_end() {
    let unknown: String = (0..60_000).map(|index| format!("k{index}: x\n")).collect();
    let in_child: String = (0..40_000).map(|index| format!("              k{index}: x\n")).collect();
    let in_manifest: String =
        (0..20_000).map(|index| format!("                k{index}: {{a: \"{{{{ a }}}}\"}}\n")).collect();
    let files = [
        format!("apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\n{unknown}"),
        entry(&format!("        onReconcile:\n          configMaps:\n            - id: a\n{in_child}")),
        entry(&format!(
            "        onReconcile:\n          resources:\n            - id: a\n              manifest:\n                apiVersion: v1\n                kind: Pod\n{in_manifest}"
        )),
        "[".repeat(1 << 20),
        "- ".repeat(1 << 19),
        "a: &a\n".repeat(100_000),
        "{{".repeat(1 << 19),
        "\u{0}".repeat(1 << 20),
        "\r".repeat(1 << 20),
        format!("\"{}", "\\x00".repeat(200_000)),
        format!("a: |\n{}", " \n".repeat(500_000)),
    ];
    for text in &files {
        let source = source(text);
        let (pattern, problems) = check(&source);
        assert!(pattern.is_none());
        assert!(problems.has_errors() && problems.iter().count() <= 1_000);
    }
}
