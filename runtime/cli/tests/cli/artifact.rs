use std::os::unix::fs::PermissionsExt;

use crate::support::{Copy, Ended, ork, ork_in, ork_input_with, ork_with};

const FILES: [&str; 5] = ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"];

/// A pattern in an image layout, and what `push` said.
fn pushed(copy: &Copy) -> (String, serde_json::Value) {
    let layout = format!("oci:{}", copy.file("layout").display());
    let said = ork(["push", &layout, copy.path(), "--no-test", "--format", "json"]).ends(0).json();
    (layout, said)
}

#[test]
fn two_directories_give_one_digest() {
    let (one, two) = (Copy::new(), Copy::new());
    let (first, second) = (pushed(&one).1, pushed(&two).1);
    assert_eq!(first["tag"], "v14.2.0");
    assert_eq!(first["digest"], second["digest"]);
    let edited = Copy::new().edit("README.md", "#", "##");
    assert_ne!(first["digest"], pushed(&edited).1["digest"]);
}

#[test]
fn what_was_pushed_comes_back_byte_for_byte() {
    let copy = Copy::new();
    let (layout, said) = pushed(&copy);
    let tar = copy.file("postgres.tar");
    let archive = format!("oci-archive:{}", tar.display());
    let digest = said["digest"].as_str().unwrap();
    assert_eq!(ork(["copy", &layout, &archive]).ends(0).text().trim(), digest);
    for (source, to) in [(&layout, "from-layout"), (&archive, "from-tar")] {
        let target = copy.file(to);
        let ended = ork(["pull", source, "-o", target.to_str().unwrap()]).ends(0);
        assert!(ended.stderr.contains("UNVERIFIED"), "{}", ended.stderr);
        assert!(ended.text().trim().ends_with(&format!(":v14.2.0@{digest}")), "{}", ended.text());
        for name in FILES {
            assert_eq!(std::fs::read(target.join(name)).unwrap(), std::fs::read(copy.file(name)).unwrap(), "{name}");
        }
        let component = ork(["build", copy.path(), "-o", "-"]).ends(0).stdout;
        assert_eq!(std::fs::read(target.join("pattern.wasm")).unwrap(), component);
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), FILES.len() + 1);
        // What is there already is not written over.
        let again = ork(["pull", source, "-o", target.to_str().unwrap()]).ends(2);
        assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    }
}

#[test]
fn a_tag_is_not_given_to_something_else_unless_by_force() {
    let copy = Copy::new();
    let (layout, first) = pushed(&copy);
    assert_eq!(pushed(&copy).1["digest"], first["digest"], "pushed again, nothing changes");
    let copy = copy.edit("README.md", "#", "##");
    let ended = ork(["push", &layout, copy.path(), "--no-test"]).ends(1);
    assert!(ended.stderr.contains("TagExists"), "{}", ended.stderr);
    let ended = ork(["push", &layout, copy.path(), "--no-test", "--force"]).ends(0);
    let replaced = format!("v14.2.0 was {} before", first["digest"].as_str().unwrap());
    assert!(ended.stderr.contains(&replaced), "{}", ended.stderr);
    assert!(ended.stderr.contains("warning: the pattern's cases were not run (--no-test)"), "{}", ended.stderr);
}

#[test]
fn cases_are_run_before_a_push_and_the_artifact_says_so() {
    let copy = Copy::new();
    let layout = format!("oci:{}", copy.file("layout").display());
    assert!(pushed(&copy).1["tests"]["skipped"] == "--no-test");
    std::fs::create_dir(copy.file("tests")).unwrap();
    std::fs::write(copy.file("tests/wrong.yaml"), "name: wrong\nexpect: {children: []}\n").unwrap();
    let ended = ork(["push", &layout, copy.path()]).ends(1);
    assert!(ended.stderr.contains("did not pass"), "{}", ended.stderr);
    std::fs::remove_dir_all(copy.file("tests")).unwrap();
    std::fs::remove_dir_all(copy.file("layout")).unwrap();
    let said = ork(["push", &layout, copy.path(), "--format", "json"]).ends(0).json();
    assert_eq!(said["tests"], serde_json::json!({"passed": 0}));
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let copy = Copy::new();
    let (layout, _) = pushed(&copy);
    let blobs = copy.file("layout/blobs/sha256");
    for (index, blob) in std::fs::read_dir(&blobs).unwrap().map(|blob| blob.unwrap().path()).enumerate() {
        let good = std::fs::read(&blob).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&blob, &bad).unwrap();
        let target = copy.file(&format!("out-{index}"));
        let ended = ork(["pull", &layout, "-o", target.to_str().unwrap()]).ends(1);
        assert!(ended.stderr.contains("DigestMismatch"), "{}: {}", blob.display(), ended.stderr);
        assert!(!target.exists());
        std::fs::write(&blob, &good).unwrap();
    }
    ork(["pull", &layout, "-o", copy.file("out").to_str().unwrap()]).ends(0);
}

#[test]
fn a_key_pair_is_made_once_and_its_password_is_needed() {
    let copy = Copy::new();
    let path = copy.file("release");
    let args = ["generate", "key", "-o", path.to_str().unwrap()];
    let ended = ork(args).ends(2);
    assert!(ended.stderr.contains("COSIGN_PASSWORD"), "{}", ended.stderr);
    let password = [("COSIGN_PASSWORD", "test-password")];
    assert!(ork_with(args, &password).ends(0).text().starts_with("sha256:"));
    let private = copy.file("release.key");
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(copy.file("release.pub")).unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    let before = std::fs::read(&private).unwrap();
    ork_with(args, &password).ends(2);
    assert_eq!(before, std::fs::read(&private).unwrap());
    let sign = ["sign", "127.0.0.1:1/a/postgres:v1", "--key", private.to_str().unwrap()];
    let ended = ork_with(sign, &[("COSIGN_PASSWORD", "another")]).ends(2);
    assert!(ended.stderr.contains("is not a key that can be used"), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_meant_is_refused_as_typed() {
    let copy = Copy::new();
    for (args, part) in [
        (["push", "postgres", copy.path(), "--no-test"], "must begin with a registry's host"),
        (["push", "oci-archive:a.tar", copy.path(), "--no-test"], "a tar is written as a whole"),
        (["push", "r.example/postgres@sha256:1", copy.path(), "--no-test"], "a digest is expected"),
        (["pull", "oci:", "-o", "x"], "after the colon a path is expected"),
        (["copy", "r.example/a:b", "oci:x", "--mirror=a"], "two prefixes are expected"),
    ] {
        let ended = ork(args).ends(2);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
    let ended = ork(["push", "127.0.0.1:1/a/mysql", copy.path(), "--no-test"]).ends(1);
    assert!(ended.stderr.contains("NameMismatch"), "{}", ended.stderr);
}

#[test]
fn what_moves_is_told_on_stderr_and_not_with_quiet() {
    let copy = Copy::new();
    let (layout, _) = pushed(&copy);
    let tar = format!("oci-archive:{}", copy.file("postgres.tar").display());
    for args in [
        vec!["pull", &layout, "-o", copy.file("out").to_str().unwrap()],
        vec!["push", &layout, copy.path(), "--no-test"],
        vec!["copy", &layout, &tar],
    ] {
        let ended = ork_in(copy.file("").as_path(), &args).ends(0);
        assert!(ended.stderr.contains("  pattern.wasm, "), "{args:?}: {}", ended.stderr);
        assert!(!ended.text().contains(" bytes"), "{args:?}: {}", ended.text());
    }
    let quiet = copy.file("quiet");
    let ended = ork(["pull", "-q", &layout, "-o", quiet.to_str().unwrap()]).ends(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_password_is_never_typed_where_others_can_read_it() {
    for (args, part) in [
        (vec!["login", "ghcr.io"], "no name is given"),
        (vec!["login", "ghcr.io", "-u", "ada"], "no password is given"),
        (vec!["login", "ghcr.io", "-u", "a:b", "--password-stdin"], "cannot be a name"),
        (vec!["login", "ghcr.io", "-u", "ada", "--password-stdin"], "the password is empty"),
        (vec!["login", "ghcr", "-u", "ada", "--password-stdin"], "a registry's host is expected"),
        (vec!["login", "ghcr.io/ada", "-u", "ada", "--password-stdin"], "a registry's host is expected"),
        (vec!["login", "ghcr.io", "-u", "ada", "--password", "x"], "unexpected argument"),
    ] {
        let ended = ork_with_home(&args);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
}

fn ork_with_home(args: &[&str]) -> Ended {
    ork_input_with(args, "", &[("HOME", "/nowhere")]).ends(2)
}

#[test]
fn catalogues_are_told_what_the_author_says_and_what_they_would_miss() {
    let copy = Copy::new();
    let layout = format!("oci:{}", copy.file("layout").display());
    let readme = "io.artifacthub.package.readme-url=https://git.example/README.md";
    let created = "org.opencontainers.image.created=2026-11-28T00:00:00Z";
    let push = ["push", &layout, copy.path(), "--no-test", "--annotate", readme];
    let ended = ork(push).ends(0);
    assert!(ended.stderr.contains("lists nothing without org.opencontainers.image.created"), "{}", ended.stderr);
    let digest = ended.text().to_owned();
    let push = ["push", &layout, copy.path(), "--no-test", "--force", "--annotate", readme, "--annotate", created];
    let ended = ork(push).ends(0);
    assert!(!ended.stderr.contains("lists nothing"), "{}", ended.stderr);
    assert_ne!(ended.text(), digest);
    let layout = format!("oci:{}", copy.file("both").display());
    ork(["push", &layout, copy.path(), "--no-test", "--annotate", created, "--annotate", readme]).ends(0);
    let found = ork(["inspect", "--tree", &layout, "--format", "json"]).ends(0).json();
    assert_eq!(found["annotations"]["org.opencontainers.image.created"], "2026-11-28T00:00:00Z");
    assert_eq!(found["annotations"]["io.artifacthub.package.readme-url"], "https://git.example/README.md");
    let wrong = "io.artifacthub.package.category=databases";
    let ended = ork(["push", &layout, copy.path(), "--no-test", "--annotate", wrong]).ends(2);
    assert!(ended.stderr.contains("must be one of ai-machine-learning, database"), "{}", ended.stderr);
}
