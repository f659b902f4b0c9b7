//! `ork generate bundle`.

use std::path::Path;

use crate::support::{Ended, ork_in, postgres};

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: notes.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Note, plural: notes, singular: note, listKind: NoteList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec: {type: object, required: [text], properties: {text: {type: string, maxLength: 100}}}
            status:
              type: object
              properties:
                observedGeneration: {type: integer, format: int64}
                conditions:
                  type: array
                  items: {type: object, x-kubernetes-preserve-unknown-fields: true}
";
const KATALOG: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: note, version: 1.0.0}
spec:
  crds:
    note:
      apiTypes: {group: example.com, version: v1, kind: Note, plural: notes}
      operatorBox:
        onReconcile:
          configMaps:
            - {id: text, data: {text: \"{{ spec.text }}\"}}
";
const KOMPOSER: &str = "\
apiVersion: orkestra.orkspace.io/v1
kind: Komposer
metadata: {name: platform}
imports:
  files: [./note]
";
const IMAGE: &str = "registry.example.com/ork@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A certificate authority whose key nobody has.
const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBlzCCAT2gAwIBAgIUDiivEorZNnotLDPvVurEWueRs1kwCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVUmVnaXN0cnkgQ0Egb2YgYSB0ZXN0MCAXDTI2MTEyOTAyNDM1
NVoYDzIxMjYxMTA1MDI0MzU1WjAgMR4wHAYDVQQDDBVSZWdpc3RyeSBDQSBvZiBh
IHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARnds9mtACHJECzEbNLO+GF
DJS7dKykIgDxL4gNnNBtH9Rp7rJp9WDZrLdqjmw8kYFiwfHRjFDMVGDC8wZ1jJZP
o1MwUTAdBgNVHQ4EFgQUYAFKfPMaY13b8GEmfPEPW8ZC/y0wHwYDVR0jBBgwFoAU
YAFKfPMaY13b8GEmfPEPW8ZC/y0wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNIADBFAiBDqpG9gor2lYK297mrwQRYhzTlybjQDBjJ+PPz1oFe6QIhAIKSXxss
7aYkY4f9by03Q2KaedOuULC1p5LLwzEJ3Xh1
-----END CERTIFICATE-----
";

/// A Komposer with one pattern in a directory beside it.
struct Platform(tempfile::TempDir);

impl Platform {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(this.path().join("note")).unwrap();
        for (name, text) in [("note/crd.yaml", CRD), ("note/katalog.yaml", KATALOG), ("komposer.yaml", KOMPOSER)] {
            this.write(name, text);
        }
        this
    }

    fn locked() -> Self {
        let this = Self::new();
        this.run(&["lock"]).ends(0);
        this
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        ork_in(self.path(), arguments)
    }

    fn bundle(&self, more: &[&str]) -> Ended {
        self.run(&[&["generate", "bundle", "--image", IMAGE], more].concat())
    }
}

/// Digests are of the engine and of the release, and none of a golden file's.
fn shown(text: &str) -> String {
    let mut parts = text.split("sha256").map(|part| match part.chars().next() {
        Some(':') => (":…", part.trim_start_matches(|c: char| c == ':' || c.is_ascii_hexdigit())),
        Some('-') => ("-…", part.trim_start_matches(|c| c != '>')),
        _ => ("", part),
    });
    let first = parts.next().map_or("", |(_, text)| text).to_owned();
    parts.fold(first, |shown, (mark, rest)| format!("{shown}sha256{mark}{rest}"))
}

#[test]
fn a_bundle_is_as_it_was_read_and_found_good() {
    let bundle = Platform::locked().bundle(&["--crds", "--replicas", "3"]).ends(0);
    assert_eq!(bundle.stderr, "");
    insta::assert_snapshot!("bundle", shown(bundle.text()));
}

#[test]
fn the_same_files_give_the_same_bytes_from_any_directory() {
    let platform = Platform::locked();
    let here = platform.bundle(&[]).ends(0);
    assert_eq!(here.stdout, platform.bundle(&[]).ends(0).stdout);
    let file = platform.path().join("komposer.yaml");
    let elsewhere = ["generate", "bundle", "--image", IMAGE, "-f", file.to_str().unwrap()];
    let elsewhere = ork_in(&postgres(), &elsewhere).ends(0);
    assert_eq!(elsewhere.text(), here.text());
    assert!(here.text().contains("(note/katalog.yaml:"), "{}", here.text());
}

#[test]
fn what_is_not_locked_as_it_is_makes_no_bundle() {
    let platform = Platform::new();
    let ended = platform.bundle(&[]).ends(1);
    assert!(
        ended.stderr.contains("NotLocked: there is no lock") && ended.stderr.contains("ork lock"),
        "{}",
        ended.stderr
    );
    platform.run(&["lock"]).ends(0);
    platform.write("note/katalog.yaml", &KATALOG.replace("{text: ", "{words: "));
    let ended = platform.bundle(&[]).ends(1);
    assert!(ended.stderr.contains("`note`") && ended.stderr.contains("ork lock"), "{}", ended.stderr);
    assert_eq!(ended.text(), "");
    platform.write("note/katalog.yaml", &KATALOG.replace("spec.text", "spec.txt"));
    let ended = platform.bundle(&[]).ends(1);
    assert!(ended.stderr.contains("error[K0403]"), "{}", ended.stderr);
    platform.write("komposer.yaml", &KOMPOSER.replace("./note", "./nothing"));
    assert_eq!(platform.bundle(&[]).ends(1).text(), "");
}

#[test]
fn an_image_by_its_tag_is_warned_of_and_one_that_is_none_refused() {
    let platform = Platform::locked();
    for tagged in [&["generate", "bundle"][..], &["generate", "bundle", "--image", "localhost:5000/ork:dev"]] {
        let ended = platform.run(tagged).ends(0);
        assert!(ended.stderr.contains("warning: NotPinned: the image `"), "{}", ended.stderr);
    }
    for (image, why) in [
        ("", "a name has letters"),
        ("ork ork", "a name has letters"),
        ("ork@sha256:12", "behind `@` is a digest"),
        ("ork\nimage: x", "a name has letters"),
    ] {
        let ended = platform.run(&["generate", "bundle", "--image", image]).ends(2);
        assert!(ended.stderr.contains("is no image") && ended.stderr.contains(why), "{}", ended.stderr);
    }
}

#[test]
fn namespaces_that_are_nobodys_are_refused() {
    let platform = Platform::locked();
    let long = "a".repeat(64);
    for (option, name, problem) in [
        ("--system-namespace", "default", "not the runtime's alone"),
        ("--system-namespace", "Team", "is no name of a namespace"),
        ("--system-namespace", &long, "at most 63"),
        ("--namespace", "kube-system", "no pattern works in"),
    ] {
        let ended = platform.bundle(&[option, name]).ends(2);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}

#[test]
fn files_are_numbered_and_what_is_left_from_before_is_not_applied_unseen() {
    let platform = Platform::locked();
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(platform.path().join("out"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let ended = platform.bundle(&["--crds", "-o", "out"]).ends(0);
    assert_eq!(ended.text(), "out\n");
    assert_eq!(names(), ["1-rights.yaml", "2-definitions.yaml", "3-runtime.yaml"]);
    let files: String =
        names().iter().map(|name| std::fs::read_to_string(platform.path().join("out").join(name)).unwrap()).collect();
    assert_eq!(files, platform.bundle(&["--crds"]).ends(0).text());
    let ended = platform.bundle(&["-o", "out"]).ends(2);
    assert!(ended.stderr.contains("`out/2-definitions.yaml` is from before"), "{}", ended.stderr);
    std::fs::remove_file(platform.path().join("out/2-definitions.yaml")).unwrap();
    platform.bundle(&["-o", "out"]).ends(0);
    assert_eq!(names(), ["1-rights.yaml", "3-runtime.yaml"]);
}

#[test]
fn policy_keys_and_mirrors_are_where_the_runtime_looks_for_them() {
    let platform = Platform::locked();
    let policy = "apiVersion: orkestra.orkspace.io/v1\nkind: Policy\nmetadata: {name: platform}\nspec: {}\n";
    platform.write("policy.yaml", policy);
    platform.write("ca.pem", AUTHORITY);
    let text = |more: &[&str]| platform.bundle(more).ends(0).text().to_owned();
    let plain = text(&[]);
    assert!(!plain.contains("policy.yaml") && !plain.contains("registry-ca.pem"), "{plain}");
    let with = text(&["--policy", "policy.yaml", "--mirror", "a.example/x=b.example/y", "-n", "team-a"]);
    let with = with.replace(['"', '\''], "");
    for part in [
        "- --policy=/etc/orkestra/policy.yaml\n",
        "- --mirror=a.example/x=b.example/y\n",
        "- --namespace=team-a\n",
        "  policy.yaml:",
        "  namespace: team-a\n",
    ] {
        assert!(with.contains(part), "{part}\n{with}");
    }
    let with = text(&["--ca-file", "ca.pem"]).replace(['"', '\''], "");
    assert!(with.contains("- --ca-file=/etc/orkestra/registry-ca.pem\n"), "{with}");
}

/// What only a registry has is tested with one.
#[test]
fn a_komposer_as_a_resource_is_no_file_of_the_config_map() {
    let platform = Platform::new();
    platform.write("komposer.yaml", KOMPOSER.split("imports").next().unwrap());
    platform.run(&["lock"]).ends(0);
    let bundle = platform.bundle(&["--resource"]).ends(0);
    let text = bundle.text();
    let (before, objects) = text.split_once("kind: Deployment").unwrap();
    assert!(before.contains("name: komposers.orkestra.orkspace.io"), "the definitions come first: {before}");
    assert!(before.contains("- komposerlocks\n") && before.contains("- komposers/status\n"), "{before}");
    assert!(!before.contains("komposer.yaml: |"), "{before}");
    assert!(
        objects.contains("- --komposer=platform\n") && !objects.contains("--file=") && !objects.contains("--locked")
    );
    let (_, objects) = objects.split_once("kind: Komposer\n").unwrap();
    assert!(objects.contains("kind: KomposerLock\n"), "{objects}");
}

#[test]
fn what_lies_beside_a_komposer_is_no_resource() {
    let said = Platform::locked().bundle(&["--resource"]).ends(1).stderr;
    assert!(said.contains("K1113") && said.contains("imports the directory `./note`"), "{said}");
    assert!(said.contains("`ork push`"), "{said}");
}
