//! Older spellings: what is said of them, what `--fix` makes of them, and what `ork import` does. Published Katalogs are read from
//! `shared/conformance/orkestra` beside the source tree; a test of one that is not there says that it did not run.

use std::path::Path;

use crate::support::{Copy, Ended, ork, ork_in};

const MARCH: &str = r#"# A Katalog of March 2026
apiVersion: orkestra.konductor.io/v1Alpha
kind: Katalog
metadata:
  name: shop  # as it is published
spec:
  crds:
    shop:
      apiTypes: {group: example.com, version: v1, kind: Shop, plural: shops}
      reconciler:
        onCreate:
          deployments:
            - name: "{{ .metadata.name }}"
              image: "shop:{{ default \"14\" .spec.version }}"
              replicas: "1"   # text
              port: "80"
              reconcile: true
              labels:
                # whose it is
                - key: app
                  value: "{{ toUpper (toLower .metadata.name) }}"
                - {key: tier, value: web}
          configMaps:
            - forEach: {field: spec.users, as: user, key: name}
              name: "{{ .metadata.name }}-{{ user.name }}"
              data: {mail: "{{ user.mail | default \"none\" }}"}
        status:
          fields:
            - {path: endpoint, value: "{{ .metadata.name }}:80"}
"#;

const TODAY: &str = r#"# A Katalog of March 2026
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata:
  name: shop  # as it is published
  version: 0.0.0
spec:
  crds:
    shop:
      apiTypes: {group: example.com, version: v1, kind: Shop, plural: shops}
      operatorBox:
        onCreate:
          deployments:
            - name: "{{ .metadata.name }}"
              image: "shop:{{ .spec.version | default \"14\" }}"
              replicas: 1   # text
              port: 80
              reconcile: true
              labels:
                # whose it is
                app: "{{ toUpper(toLower(.metadata.name)) }}"
                tier: web
          configMaps:
            - forEach: {field: spec.users, as: user, key: name}
              name: "{{ .metadata.name }}-{{ user.name }}"
              data: {mail: "{{ user.mail | default \"none\" }}"}
        status:
          fields:
            - {path: endpoint, value: "{{ .metadata.name }}:80"}
"#;

/// A directory with a published Katalog in `published/katalog.yaml`.
fn published(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("published")).unwrap();
    std::fs::write(dir.path().join("published/katalog.yaml"), text).unwrap();
    dir
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A file of the publication.
fn conformance(name: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/orkestra");
    std::fs::read_to_string(root.join(name)).ok()
}

fn codes(report: &serde_json::Value) -> Vec<&str> {
    report[0]["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect()
}

/// A pattern directory of a Katalog and a CRD.
fn pattern(katalog: &str, crd: &str, resource: &str) -> Copy {
    let copy = Copy::new();
    for (name, text) in [("katalog.yaml", katalog), ("crd.yaml", crd), ("cr.yaml", resource)] {
        std::fs::write(copy.file(name), text).unwrap();
    }
    let komposer = "apiVersion: orkestra.konductor.io/v1Alpha\nkind: Komposer\nmetadata: {name: a}\nsources:\n  # here\n  files: [.]\nspec:\n  crds:\n    postgres:\n      workers: 3\n      reconciler: {vars: {a: \"{{ toLower .metadata.name }}\"}}\n";
    std::fs::write(copy.file("komposer.yaml"), komposer).unwrap();
    copy
}

#[test]
fn what_is_published_becomes_a_pattern() {
    let dir = published(MARCH);
    let ended = ork_in(dir.path(), &["import", "published/katalog.yaml"]).ends(0);
    assert_eq!(ended.text(), "");
    assert_eq!(read(&dir.path().join("shop/katalog.yaml")), TODAY);
    for part in
        ["Rewrote", "→ operatorBox", "Imported shop 0.0.0 to shop: 1 warning", "warning[K0616]", "ork render shop"]
    {
        assert!(ended.stderr.contains(part), "{part:?} is not in\n{}", ended.stderr);
    }
    let crd = read(&dir.path().join("shop/crd.yaml"));
    assert!(crd.starts_with("# Inferred by `ork import`"), "{crd}");
    for part in ["orkestra.orkspace.io/inferred: \"true\"", "name: shops.example.com", "version:", "users:"] {
        assert!(crd.contains(part), "{part:?} is not in\n{crd}");
    }
    let report = ork_in(dir.path(), &["check", "shop", "--format", "json"]).ends(0).json();
    assert_eq!(codes(&report), ["K0616"]);
    ork_in(dir.path(), &["check", "shop", "--strict"]).ends(1);
    let rendered = ork_in(dir.path(), &["render", "shop"]).ends(0);
    for part in ["image: shop:14", "app: EXAMPLE", "replicas: 1", "endpoint: example:80"] {
        assert!(rendered.text().contains(part), "{part:?} is not in\n{}", rendered.text());
    }
    // What is there stays.
    let again = ork_in(dir.path(), &["import", "published/katalog.yaml"]).ends(2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    let crd = dir.path().join("shop/crd.yaml");
    std::fs::write(&crd, read(&crd).replace("  annotations:\n    orkestra.orkspace.io/inferred: \"true\"\n", ""))
        .unwrap();
    ork_in(dir.path(), &["check", "shop", "--strict"]).ends(0);
}

#[test]
fn what_cannot_be_imported_leaves_nothing_behind() {
    let broken = MARCH.replace("replicas: \"1\"", "replicas: \"{{ if .spec.big }}3{{ else }}1{{ end }}\"");
    let dir = published(&broken);
    let ended = ork_in(dir.path(), &["import", "published/katalog.yaml"]).ends(1);
    for part in ["error[K1806]", "published/katalog.yaml:15:26", "{{ .spec.big ? '3' : '1' }}"] {
        assert!(ended.stderr.contains(part), "{part:?} is not in\n{}", ended.stderr);
    }
    assert!(!dir.path().join("shop").exists());
    let ended = ork_in(dir.path(), &["import", "published/none.yaml"]).ends(2);
    assert!(ended.stderr.contains("cannot read"), "{}", ended.stderr);
}

#[test]
fn several_entries_are_several_kinds() {
    let second = "    cart:\n      apiTypes: {group: example.com, version: v1, kind: Cart, plural: carts}\n      reconciler:\n        onReconcile:\n          configMaps:\n            - data: {size: \"{{ default .spec.size 3 }}\"}\n";
    let dir = published(&format!("{MARCH}{second}"));
    ork_in(dir.path(), &["import", "published/katalog.yaml", "-o", "two"]).ends(0);
    let crd = read(&dir.path().join("two/crd.yaml"));
    assert_eq!(crd.matches("kind: CustomResourceDefinition").count(), 2, "{crd}");
    assert!(crd.contains("name: carts.example.com"), "{crd}");
    ork_in(dir.path(), &["check", "two"]).ends(0);
    ork_in(dir.path(), &["render", "two"]).ends(0);
}

#[test]
fn a_definition_that_comes_along_is_taken_as_it_is() {
    let dir = published(MARCH);
    let crd = format!("# by hand\n{}", inferred());
    std::fs::write(dir.path().join("published/crd.yaml"), &crd).unwrap();
    let arguments = ["import", "published/katalog.yaml", "--crd", "published/crd.yaml", "-o", "shop"];
    ork_in(dir.path(), &arguments).ends(0);
    assert_eq!(read(&dir.path().join("shop/crd.yaml")), crd);
    ork_in(dir.path(), &["check", "--strict", "shop"]).ends(0);
    // What is wrong with it is told where it stands.
    std::fs::write(dir.path().join("published/crd.yaml"), crd.replace("users:", "owners:")).unwrap();
    let ended =
        ork_in(dir.path(), &["import", "published/katalog.yaml", "--crd", "published/crd.yaml", "-o", "other"]).ends(1);
    assert!(
        ended.stderr.contains("error[K0403]") && ended.stderr.contains("published/katalog.yaml:"),
        "{}",
        ended.stderr
    );
    assert!(!dir.path().join("other").exists());
}

#[test]
fn older_spellings_are_warned_of_with_their_edits() {
    let copy = pattern(MARCH, &inferred(), "");
    std::fs::remove_file(copy.file("cr.yaml")).unwrap();
    std::fs::remove_file(copy.file("komposer.yaml")).unwrap();
    let report = ork(["check", copy.path(), "--format", "json"]).ends(1).json();
    let found = codes(&report);
    assert_eq!(found[..2], ["K0003", "K0003"], "of the files that are missing");
    assert_eq!(found[2..], ["K1801", "K1805", "K1802", "K1804", "K1807", "K1807", "K1803", "K1804"]);
    let diagnostics = report[0]["diagnostics"].as_array().unwrap();
    assert_eq!(diagnostics[4]["fix"][0]["text"], "operatorBox");
    assert_eq!(diagnostics[4]["fix"][0]["place"]["start"], serde_json::json!({"line": 10, "column": 7}));
    assert!(diagnostics[4]["hints"][0].as_str().unwrap().contains("`operatorBox`"));
    assert!(diagnostics.iter().all(|found| found["code"] == "K0003" || found["severity"] == "warning"));
    let ended = ork(["check", copy.path()]).ends(1);
    assert!(ended.stderr.contains("`ork check --fix` mends 8 of these"), "{}", ended.stderr);
}

/// The CRD that `ork import` infers for the Katalog above, as if somebody had looked it over.
fn inferred() -> String {
    let dir = published(MARCH);
    ork_in(dir.path(), &["import", "published/katalog.yaml", "-o", "shop"]).ends(0);
    read(&dir.path().join("shop/crd.yaml")).replace("  annotations:\n    orkestra.orkspace.io/inferred: \"true\"\n", "")
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that cannot run says so")]
fn katalogs_of_both_eras_are_fixed_without_a_change_of_meaning() {
    let resource = "apiVersion: postgres.orkestra.io/v1\nkind: Postgres\nmetadata: {name: shop}\nspec: {version: '16', replicas: 3}\n";
    for era in ["march", "current"] {
        let (Some(katalog), Some(crd)) = (conformance(&format!("{era}/katalog.yaml")), conformance("crd.yaml")) else {
            println!("not run: the Katalog of `{era}`, because it is not beside the source tree");
            continue;
        };
        let copy = pattern(&katalog, &crd, resource);
        let warned = ork(["check", copy.path(), "--format", "json"]).ends(0).json();
        let found = codes(&warned);
        assert!(!found.is_empty() && found.iter().all(|code| code.starts_with("K18")), "{era}: {found:?}");
        let before = ork(["render", copy.path()]).ends(0);
        let fixed = ork(["check", "--fix", "--strict", copy.path()]).ends(0);
        assert_eq!(fixed.stderr.matches("Fixed ").count(), found.len(), "{era}: {}", fixed.stderr);
        assert!(fixed.stderr.contains(": no problems\n"), "{era}: {}", fixed.stderr);
        let texts = |copy: &Copy| [read(&copy.file("katalog.yaml")), read(&copy.file("komposer.yaml"))];
        let now = texts(&copy);
        // Comments and lines stay.
        let comments = |text: &str| text.matches('#').count();
        assert_eq!(comments(&now[0]), comments(&katalog), "{}", now[0]);
        assert!(
            now[1].contains("imports:\n  # here\n")
                && now[1].contains("operatorBox: {vars: {a: \"{{ toLower(.metadata.name) }}\"}}"),
            "{}",
            now[1]
        );
        assert_eq!(ork(["render", copy.path()]).ends(0).text(), before.text(), "{era}");
        assert_eq!(
            program(ork(["build", "--emit", "program", copy.path()])),
            program_of(&katalog, &crd, resource),
            "{era}"
        );
        // Once more changes nothing.
        let again = ork(["check", "--fix", copy.path()]).ends(0);
        assert!(!again.stderr.contains("Fixed "), "{}", again.stderr);
        assert_eq!(texts(&copy), now);
    }
}

/// A program in words, without places, texts of expressions and costs that depend on neither.
fn program(ended: Ended) -> String {
    let ended = ended.ends(0);
    let lines = ended.text().lines().map(|line| line.split("  @katalog.yaml:").next().unwrap_or_default().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn program_of(katalog: &str, crd: &str, resource: &str) -> String {
    let copy = pattern(katalog, crd, resource);
    program(ork(["build", "--emit", "program", copy.path()]))
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that cannot run says so")]
fn numbers_as_text_are_numbers() {
    let (Some(katalog), Some(crd)) = (conformance("march/katalog.yaml"), conformance("crd.yaml")) else {
        println!("not run: numbers of the Katalog of March, because it is not beside the source tree");
        return;
    };
    let copy = pattern(
        &katalog,
        &crd,
        "apiVersion: postgres.orkestra.io/v1\nkind: Postgres\nmetadata: {name: shop}\nspec: {}\n",
    );
    let rendered = ork(["render", copy.path()]).ends(0);
    for part in [
        "replicas: 1\n",
        "containerPort: 5432\n",
        "port: 5432\n",
        "image: postgres:14\n",
        "app: shop\n",
        "endpoint: shop-svc:5432\n",
    ] {
        assert!(rendered.text().contains(part), "{part:?} is not in\n{}", rendered.text());
    }
}
