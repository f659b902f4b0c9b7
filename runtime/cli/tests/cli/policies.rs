//! `ork generate policies`. That an API server keeps them is a test's against one.

use std::path::Path;

use crate::support::{Ended, ork_in, postgres};

const CRD: &str = include_str!("policies/crd.yaml");
const KATALOG: &str = include_str!("policies/katalog.yaml");
const KOMPOSER: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Komposer
metadata: {name: platform}
imports:
  files:
    - {path: ./shop, as: corner, with: {most: 3}}
";

struct Platform(tempfile::TempDir);

impl Platform {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(this.path().join("shop")).unwrap();
        for (name, text) in [("shop/crd.yaml", CRD), ("shop/katalog.yaml", KATALOG), ("komposer.yaml", KOMPOSER)] {
            std::fs::write(this.path().join(name), text).unwrap();
        }
        this
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn policies(&self, more: &[&str]) -> Ended {
        ork_in(self.path(), &[&["generate", "policies"], more].concat())
    }
}

#[test]
fn the_policies_of_a_pattern_are_as_they_were_read_and_found_good() {
    let platform = Platform::new();
    let made = platform.policies(&["shop"]).ends(0);
    insta::assert_snapshot!("policies", made.text());
    assert_eq!(made.stdout, platform.policies(&["shop"]).ends(0).stdout, "the order is not the same each time");
    // What is left out is told where somebody looks who keeps the output in a file.
    let left: Vec<&str> = made.text().lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(left.len(), 2, "{}", made.text());
    for line in left {
        assert!(made.stderr.contains(&format!("warning: {line}\n")), "{line}\n{}", made.stderr);
    }
}

#[test]
fn a_komposer_gives_the_name_and_the_inputs_and_a_namespace_narrows() {
    let platform = Platform::new();
    let made = platform.policies(&["-f", "komposer.yaml", "-n", "team-a", "--system-namespace", "ork"]).ends(0);
    let text = made.text();
    assert!(text.contains("name: orkestra-corner.shop.deny\n"), "{text}");
    assert!(text.contains("object.spec.replicas <= 3") && !text.contains("<= 5"), "{text}");
    for names in
        ["values:\n        - kube-system\n        - ork\n", "operator: In\n        values:\n        - team-a\n"]
    {
        assert_eq!(text.matches(names).count(), 2, "{names}\n{text}");
    }
    platform.policies(&["shop", "-n", "kube-system"]).ends(2);
}

#[test]
fn a_pattern_without_rules_has_no_policies() {
    let made = ork_in(&postgres(), &["generate", "policies"]);
    let made = made.ends(0);
    assert!(made.text().is_empty() || made.text().contains("ValidatingAdmissionPolicy"), "{}", made.text());
    let platform = Platform::new();
    let (before, rest) = KATALOG.split_once("        validation:").unwrap();
    let (_, after) = rest.split_once("        onReconcile:").unwrap();
    std::fs::write(platform.path().join("shop/katalog.yaml"), format!("{before}        onReconcile:{after}")).unwrap();
    let made = platform.policies(&["shop"]).ends(0);
    assert_eq!((made.text(), made.stderr.as_str()), ("", "No rule of these patterns can be a policy.\n"));
}

#[test]
fn what_a_hook_finds_wrong_is_named_as_left_out() {
    let platform = Platform::new();
    let katalog = KATALOG.replace("        vars:\n", "        hooks: {validate: true}\n        vars:\n");
    std::fs::write(platform.path().join("shop/katalog.yaml"), katalog).unwrap();
    let made = platform.policies(&["shop"]).ends(0);
    let told = "shop/shop: what the hook finds wrong is left to the webhook: it is code (Hook)";
    assert!(made.text().contains(&format!("# {told}\n")) && made.stderr.contains(told), "{}", made.stderr);
}
