//! Every code of Komposers, policies and locks is brought about by what its example says, and says how to mend it.

use orkestra_pattern::codes::example;
use orkestra_pattern::diagnostic::{Diagnostics, Style, render_all};
use orkestra_pattern::source::Source;

use super::*;

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\n";

/// What comes of a code's example; none where there is none.
fn made(id: &str) -> Option<(Source, Diagnostics)> {
    let one = "imports: {files: [./shop]}\n";
    let two = "imports: {files: [./shop, ./shop]}\n";
    Some(match id {
        "K1101" => komposer(&HEAD.replace("Komposer", "Composer")),
        "K1102" => composed(&format!("{one}spec: {{crds: {{shopp: {{workers: 2}}}}}}\n"), 1),
        "K1103" => composed(two, 2),
        "K1104" => composed("imports: {files: [{path: ./shop, with: {registry: 5}}]}\n", 1),
        "K1105" => composed(&overridden("deployments: {image: x}"), 1),
        "K1106" => composed(&overridden("deployments: [{id: wbe, $patch: delete}]"), 1),
        "K1107" => komposer(&with("imports: {registry: [{url: postgres}]}")),
        "K1108" => komposer(&with(
            "imports: {registry: [{url: ghcr.io/a/pg:1.0.0, auth: {type: basic, username: me, password: secret}}]}",
        )),
        "K1110" => composed(
            "imports: {files: [{path: ./shop, as: pg}, {path: ./shop, as: other}]}\nspec: {crds: {shop: {workers: 2}}}\n",
            2,
        ),
        "K1111" => composed("imports: {files: [{path: ./shop, groups: [example.org]}]}\n", 1),
        "K1112" => {
            let (source, file) =
                only("komposer.yaml", &with("imports: {registry: [{url: ghcr.io/a/pg:1.0.0, grants: [http]}]}"));
            let problems = documentation(&source, file);
            (source, problems)
        }
        "K1113" => {
            let (source, file) = only("komposer.yaml", &with(one));
            let problems = parse(&source, file).0?.as_resource();
            (source, problems)
        }
        "K1121" => komposer(&with(
            "imports: {registry: [{url: ghcr.io/a/pg:1.0.0}], trust: [{pattern: ghcr.io/orkestra-*, keys: [a.pub]}]}",
        )),
        "K1122" => {
            let (source, file) = only("policy.yaml", &policy("{}").replace("Policy", "Polizy"));
            let problems = policy::parse(&source, file).1;
            (source, problems)
        }
        "K1123" => {
            let (source, file) =
                only("policy.yaml", &policy("{credentials: [{variable: TOKEN, hosts: ['https://ghcr.io']}]}"));
            let problems = policy::parse(&source, file).1;
            (source, problems)
        }
        "K1124" => narrowed("{registries: {allow: [ghcr.io/**]}}", &registry("docker.io/a/b:1.0.0", "")),
        "K1125" => narrowed(
            "{credentials: [{variable: ORK_REGISTRY_TOKEN, hosts: [registry.corp]}]}",
            &registry("ghcr.io/a/b:1.0.0", ", auth: {type: bearer, fromEnv: ORK_REGISTRY_TOKEN}"),
        ),
        "K1126" => narrowed("{ceilings: {memory: 64Mi}}", &registry("ghcr.io/a/b:1.0.0", ", limits: {memory: 1Gi}")),
        "K1127" => narrowed("{ceilings: {workers: 16}}", "spec: {crds: {a: {workers: 32}}}"),
        "K1128" => narrowed("{grants: [code]}", &registry("ghcr.io/a/b:1.0.0", ", grants: [http]")),
        "K1129" => narrowed("{trust: [{pattern: ghcr.io/**, keys: [a.pub]}]}", &registry("docker.io/a/b:1.0.0", "")),
        "K1131" => {
            let (source, file) = only("komposer.lock", LOCKED);
            let problems = parse_lock(&source, file).1;
            (source, problems)
        }
        _ => return None,
    })
}

const LOCKED: &str = "apiVersion: orkestra.orkspace.io/v1
kind: KomposerLock
metadata: {name: platform}
spec: {komposer: v14, ork: 0.1.0, instances: []}
";

fn with(text: &str) -> String {
    format!("{HEAD}{text}\n")
}

/// A Komposer that overrides children of the entry `shop`.
fn overridden(children: &str) -> String {
    format!(
        "imports: {{files: [./shop]}}\nspec: {{crds: {{shop: {{operatorBox: {{onReconcile: {{{children}}}}}}}}}}}\n"
    )
}

fn registry(url: &str, more: &str) -> String {
    format!("imports: {{registry: [{{url: {url}{more}}}]}}")
}

fn policy(spec: &str) -> String {
    format!("apiVersion: orkestra.orkspace.io/v1\nkind: Policy\nmetadata: {{name: company}}\nspec: {spec}\n")
}

fn only(name: &str, text: &str) -> (Source, orkestra_pattern::source::FileId) {
    let mut source = Source::new();
    let file = source.add(name, text.as_bytes());
    (source, file)
}

fn komposer(text: &str) -> (Source, Diagnostics) {
    let (source, file) = only("komposer.yaml", text);
    let problems = parse(&source, file).1;
    (source, problems)
}

/// A Komposer over that many patterns `shop`.
fn composed(text: &str, patterns: usize) -> (Source, Diagnostics) {
    let (mut source, file) = only("komposer.yaml", &with(text));
    let imported: Vec<_> = (0..patterns).map(|at| Some(Imported::directory(format!("p{at}/"), "./shop"))).collect();
    for imported in imported.iter().flatten() {
        for (name, text) in [("katalog.yaml", example::KATALOG), ("crd.yaml", example::CRD)] {
            source.add_as(format!("{}{name}", imported.base), name, text.as_bytes());
        }
    }
    let (komposer, mut problems) = parse(&source, file);
    if let Some(komposer) = komposer {
        let (composition, found) = resolve(&source, &komposer, &imported);
        problems.extend(found);
        if let Some(composition) = composition {
            composition.whole(&mut problems);
        }
    }
    (source, problems)
}

/// A Komposer under a policy.
fn narrowed(spec: &str, text: &str) -> (Source, Diagnostics) {
    let (mut source, file) = only("policy.yaml", &policy(spec));
    let (policy, problems) = policy::parse(&source, file);
    let policy = policy.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)));
    let file = source.add("komposer.yaml", with(text).as_bytes());
    let (komposer, problems) = parse_with(&source, file, &policy.variables());
    let komposer = komposer.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)));
    let problems = policy.narrow(&komposer);
    (source, problems)
}

#[test]
fn every_example_brings_its_code_about_and_says_how_to_mend_it() {
    let mut wrong = Vec::new();
    for code in codes::CODES {
        let Some((source, problems)) = made(code.id) else {
            wrong.push(format!("{} {}: nothing here is what its example says", code.id, code.title));
            continue;
        };
        let shown = render_all(&problems, &source, Style::Plain);
        match problems.iter().find(|problem| problem.code == *code) {
            None => wrong.push(format!("{} {}: not found in\n{shown}", code.id, code.title)),
            Some(problem) if problem.hints.is_empty() && problem.expected.is_none() => {
                wrong.push(format!("{} {}: does not say how to mend it\n{shown}", code.id, code.title));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} codes\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A code that is declared and not in the family is one that the test above does not know of.
#[test]
fn every_code_that_is_declared_is_in_the_family() {
    let declared = include_str!("codes.rs").matches("pub static ").count();
    // All but the family itself.
    assert_eq!(declared - 1, codes::CODES.len());
}
