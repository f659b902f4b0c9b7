//! Each bound is a diagnostic with its name, and what lies just within it passes.

use orkestra_pattern::Source;
use orkestra_pattern::yaml::{Bounds, Key, Node, parse};

use crate::{check, codes, rendered, source};

const HEAD: &str =
    "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata: {name: shop, version: 1.0.0}\nspec:\n";

fn entry(operator_box: &str) -> String {
    format!("{HEAD}  crds:\n    shop:\n      operatorBox:\n{operator_box}")
}

/// A bound: its code, a pattern that is at it, and one that is one beyond.
type Bound = (&'static str, &'static str, Source, Source);

fn bound(what: &'static str, code: &'static str, make: impl Fn(usize) -> Source, most: usize) -> Bound {
    (what, code, make(most), make(most + 1))
}

/// Text that is filled up with a comment to so many bytes.
fn filled(text: &str, size: usize) -> String {
    format!("{text}#{}", "x".repeat(size - text.len() - 1))
}

fn manifest(spec: &str) -> Source {
    source(&entry(&format!(
        "        onReconcile:\n          resources:\n            - id: a\n              manifest:\n                apiVersion: example.org/v1\n                kind: Widget\n                {spec}\n"
    )))
}

fn expression(text: &str) -> Source {
    source(&entry(&format!(
        "        onReconcile:\n          configMaps:\n            - {{id: a, data: {{a: \"{{{{{text}}}}}\"}}}}\n"
    )))
}

/// The pattern of these tests, with this text for one of its files.
fn with(name: &str, text: &str) -> Source {
    source(&entry("        onReconcile: {}\n")).with(name, text.as_bytes())
}

fn crd() -> String {
    crate::read(&crate::root().join("tests/language/crd.yaml"))
}

const CR: &str = "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: a}\nspec: {version: \"1\"}\n";

/// What the bounds of the language's page are.
fn all() -> Vec<Bound> {
    let katalog = entry("        onReconcile: {}\n");
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    // Ten nodes for each alias, and one for each of what is left.
    let aliases = |nodes: usize| {
        let (tens, ones) = (vec!["*ten"; nodes / 10].join(", "), vec!["*one"; nodes % 10].join(", "));
        manifest(&format!(
            "spec: {{ten: &ten [x, x, x, x, x, x, x, x, x], one: &one x, tens: [{tens}], ones: [{ones}]}}"
        ))
    };
    // Nine maps and lists lead to the spec.
    let nested = |depth: usize| manifest(&format!("spec: {}{}", "[".repeat(depth - 9), "]".repeat(depth - 9)));
    let templates = |count: usize| {
        let maps = lines(count, &|at| format!("            - {{id: c{at}, name: c{at}}}\n"));
        source(&entry(&format!("        onReconcile:\n          configMaps:\n{maps}")))
    };
    let entries = |count: usize| {
        let api = |at: usize| format!("{{group: example.com, version: v1, kind: Shop{at}, plural: shops{at}}}");
        let entries = lines(count, &|at| format!("    e{at}: {{apiTypes: {}, operatorBox: {{}}}}\n", api(at)));
        let crds = lines(count, &|at| {
            format!("---\n{}", crd().replace("shops", &format!("shops{at}")).replace("Shop", &format!("Shop{at}")))
        });
        source(&format!("{HEAD}  crds:\n{entries}")).with("crd.yaml", crds.as_bytes())
    };
    let vars = |count: usize| {
        source(&entry(&format!("        vars:\n{}", lines(count, &|at| format!("          v{at}: a\n")))))
    };
    let inputs = |count: usize| {
        let inputs = lines(count, &|at| format!("    - {{name: i{at}, schema: {{type: string}}, default: a}}\n"));
        source(&katalog.replacen("  crds:\n", &format!("  inputs:\n{inputs}  crds:\n"), 1))
    };
    let schema = |nodes: usize| {
        let own = nodes - schema_nodes(&crd());
        let fields = lines(own, &|at| format!("                f{at}: {{type: string}}\n"));
        with("crd.yaml", &crd().replacen("                note:", &format!("{fields}                note:"), 1))
    };
    vec![
        bound("katalog.yaml", "K0101", |size| source(&filled(&katalog, size)), 1 << 20),
        bound("crd.yaml", "K0101", |size| with("crd.yaml", &filled(&crd(), size)), 1 << 20),
        bound("cr.yaml", "K0101", |size| with("cr.yaml", &filled(CR, size)), 1 << 20),
        bound("aliases", "K0102", aliases, 10_000),
        bound("nesting", "K0103", nested, 64),
        bound("templates of an entry", "K0104", templates, 500),
        bound("entries", "K0105", entries, 100),
        bound("bytes of an expression", "K0106", |size| expression(&format!("'{}'", "x".repeat(size - 2))), 16_384),
        bound(
            "brackets of an expression",
            "K0107",
            |depth| expression(&format!("{}'a'{}", "(".repeat(depth), ")".repeat(depth))),
            200,
        ),
        // The one that all are of is a level, too.
        bound(
            "operators of an expression",
            "K0107",
            |depth| expression(&format!("{}true", "!".repeat(depth - 1))),
            200,
        ),
        bound("variables", "K0108", vars, 500),
        bound("inputs", "K0108", inputs, 500),
        bound("nodes of a schema", "K0109", schema, 10_000),
    ]
}

/// How many nodes the schemas of a CRD have.
fn schema_nodes(crd: &str) -> usize {
    fn nodes(schema: &Node) -> usize {
        let below = |(key, node): &(Key, Node)| match key.text.as_str() {
            "properties" => node.members().unwrap_or_default().iter().map(|(_, node)| nodes(node)).sum(),
            "items" | "additionalProperties" => nodes(node),
            _ => 0,
        };
        1 + schema.members().unwrap_or_default().iter().map(below).sum::<usize>()
    }
    let source = Source::new().with("crd.yaml", crd.as_bytes());
    let (documents, _) = parse(&source, source.find("crd.yaml").unwrap(), Bounds::default());
    let version = |node: &Node| Some(nodes(node.get("schema")?.get("openAPIV3Schema")?));
    let versions = documents[0].get("spec").and_then(|spec| spec.get("versions")).and_then(Node::items);
    versions.unwrap().iter().filter_map(version).sum()
}

/// What is at a bound passes, and one more is the error of that name and nothing else.
#[test]
fn bounds() {
    for (what, code, at, beyond) in all() {
        let (pattern, problems) = check(&at);
        let shown = |problems, source| rendered(problems, source).chars().take(2_000).collect::<String>();
        assert!(pattern.is_some() && problems.is_empty(), "{what}: {}", shown(&problems, &at));
        let (pattern, problems) = check(&beyond);
        assert_eq!(codes(&problems), [code], "{what}: {}", shown(&problems, &beyond));
        assert!(pattern.is_none(), "{what}");
    }
}

#[test]
fn a_readme_is_bounded_as_other_files() {
    let with = |size: usize| {
        let source = with("cr.yaml", CR).with("komposer.yaml", b"a").with("README.md", "x".repeat(size).as_bytes());
        codes(&orkestra_pattern::required_files(&source))
    };
    assert_eq!((with(1 << 20), with((1 << 20) + 1)), (vec![], vec!["K0101"]));
}

/// Far beyond a bound nothing is expanded, recursed into or counted to its end.
#[test]
fn far_beyond_a_bound_is_no_worse() {
    let aliases = |levels: usize| {
        let mut text = String::from("l0: &l0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..=levels {
            let of = vec![format!("*l{}", level - 1); 9].join(", ");
            text += &format!("                l{level}: &l{level} [{of}]\n");
        }
        manifest(&text)
    };
    // Ten levels more would be 10^14 nodes.
    for (code, source) in [
        ("K0102", aliases(14)),
        ("K0103", manifest(&format!("spec: {}{}", "[".repeat(200), "]".repeat(200)))),
        ("K0107", expression(&format!("{}'a'{}", "[".repeat(5_000), "]".repeat(5_000)))),
    ] {
        let (_, problems) = check(&source);
        assert_eq!(
            codes(&problems),
            [code],
            "{}",
            rendered(&problems, &source).chars().take(2_000).collect::<String>()
        );
    }
}

/// What is too dear is told once, where it is mended.
#[test]
fn costs() {
    const DEAR: &str = "default(metadata.labels, {}).all(a, default(metadata.labels, {}).all(b, a == b))";
    let crd = crd().replacen("maxProperties: 50, ", "", 1);
    let with = |operator_box: &str| {
        Source::new().with("katalog.yaml", entry(operator_box).as_bytes()).with("crd.yaml", crd.as_bytes())
    };
    let maps = |field: &str, name: &str| {
        let name = format!("\"{{{{ metadata.name }}}}-{name}-{{{{ key }}}}\"");
        format!(
            "            - {{id: {name_id}, name: {name}, forEach: {{field: \"{{{{ {field} | default {{}} }}}}\"}}, data: {{a: \"{{{{ item }}}}\"}}}}\n",
            name_id = name_of(field)
        )
    };
    let reads = "        reads:\n          - {id: settings, apiVersion: v1, kind: ConfigMap, name: a}\n";
    let children = "        onReconcile:\n          configMaps:\n";
    let requeue = format!("        requeue:\n          - {{when: \"{{{{ {DEAR} }}}}\", after: 1m}}\n");
    let settings = maps("spec.settings", "s");
    for (operator_box, expected, mend) in [
        // All that a ConfigMap holds is bounded by Kubernetes.
        (format!("{reads}{children}{}", maps("reads.settings.data", "d")), &[][..], ""),
        (requeue.clone(), &["K0110"], "do less in it"),
        (format!("{children}{settings}"), &["K0111"], "give `spec.settings` a `maxProperties` in crd.yaml"),
        // Each is too much by itself.
        (format!("{children}{settings}{requeue}"), &["K0111", "K0110"], "give `spec.settings` a `maxProperties`"),
    ] {
        let source = with(&operator_box);
        let (_, problems) = check(&source);
        let shown = rendered(&problems, &source);
        assert_eq!(codes(&problems), expected, "{operator_box}\n{shown}");
        assert!(shown.contains(mend), "{operator_box}\n{shown}");
    }
}

/// The last name of a path, without dots.
fn name_of(path: &str) -> String {
    path.replace('.', "")
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
