//! What one client writes another one reads, in either registry and between the two.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::server::Server;
use crate::{FILES, pattern, pushed, same_files};

/// Each kind of registry: with the referrers API, without it, and CNCF's distribution.
fn each_kind() -> impl Iterator<Item = Server> {
    let kinds: [fn() -> Server; 3] =
        [Server::start, || Server::start_with(&["-without-referrers"]), Server::distribution];
    kinds.into_iter().map(|start| start())
}

#[test]
fn what_is_pushed_is_pulled_by_ork_oras_and_crane() {
    for server in [Server::start(), Server::distribution()] {
        let (repository, digest) = pushed(&server);
        let mut tags: Vec<_> = server.ork(&["tags", &repository]).fine().stdout.lines().map(str::to_owned).collect();
        tags.sort();
        assert_eq!(tags, ["v14", "v14.2", "v14.2.0"]);
        let reference = format!("{repository}:14.2.0");
        server.ork(&["pull", &reference, "-o", "by-ork"]).fine();
        same_files(&server.dir().join("by-ork"));
        server.client("oras", &["pull", &format!("{repository}:v14"), "-o", "by-oras"]).fine();
        same_files(&server.dir().join("by-oras"));
        let component = |directory: &str| std::fs::read(server.dir().join(directory).join("pattern.wasm")).unwrap();
        assert_eq!(component("by-ork"), component("by-oras"));
        let by_crane = server.client("crane", &["digest", &format!("{repository}:v14.2")]).fine().stdout;
        assert_eq!(by_crane.trim(), digest);
        // Another client's copy is the same artifact.
        let copy = format!("{}/copies/postgres:v14.2.0", server.host);
        server.client("crane", &["copy", &format!("{repository}:v14.2.0"), &copy]).fine();
        server.ork(&["pull", &copy, "-o", "by-crane"]).fine();
        same_files(&server.dir().join("by-crane"));
    }
}

#[test]
fn a_password_is_needed_and_given_to_the_registry() {
    for server in [Server::start(), Server::start_with(&["-bearer"]), Server::distribution()] {
        let (repository, _) = pushed(&server);
        server.log_in("another");
        server.ork(&["tags", &repository]).refused("Unauthorized");
    }
}

#[test]
fn cosign_and_ork_accept_each_others_signatures_with_and_without_the_referrers_api() {
    for server in each_kind() {
        let (repository, digest) = pushed(&server);
        let (tagged, exact) = (format!("{repository}:v14"), format!("{repository}@{digest}"));
        server.ork(&["generate", "key", "-o", "ours"]).fine();
        server.client("cosign", &["generate-key-pair", "--output-key-prefix", "theirs"]).fine();
        let accepts = ["verify", "--insecure-ignore-tlog=true", &exact, "--key"];
        server.ork(&["verify", &tagged, "--key", "ours.pub"]).refused("Unsigned");
        server.client("cosign", &[&accepts[..], &["ours.pub"]].concat()).fails();

        server.ork(&["sign", &tagged, "--key", "ours.key"]).fine();
        server.ork(&["verify", &tagged, "--key", "ours.pub"]).fine();
        server.client("cosign", &[&accepts[..], &["ours.pub"]].concat()).fine();
        server.ork(&["verify", &tagged, "--key", "theirs.pub"]).refused("UntrustedSigner");
        server.client("cosign", &[&accepts[..], &["theirs.pub"]].concat()).fails();

        let offline = ["--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=true"];
        server.client("cosign", &[&["sign", "--yes", "--key", "theirs.key", &exact], &offline[..]].concat()).fine();
        server.ork(&["verify", &tagged, "--key", "theirs.pub"]).fine();

        // Signatures go where the artifact goes.
        let copy = format!("{}/mirror/postgres", server.host);
        server.ork(&["copy", &format!("{repository}:v14.2.0"), "oci-archive:postgres.tar"]).fine();
        server.ork(&["copy", "oci-archive:postgres.tar", &copy]).fine();
        for key in ["ours.pub", "theirs.pub"] {
            server.ork(&["verify", &format!("{copy}:v14.2.0"), "--key", key]).fine();
        }
    }
}

#[test]
fn without_the_referrers_api_signatures_are_under_a_tag() {
    let server = Server::distribution();
    let (repository, digest) = pushed(&server);
    server.ork(&["generate", "key", "-o", "ours"]).fine();
    let tag = digest.replace(':', "-");
    let has_tag = || server.client("crane", &["ls", &repository]).fine().stdout.lines().any(|found| found == tag);
    assert!(!has_tag());
    server.ork(&["sign", &format!("{repository}:v14"), "--key", "ours.key"]).fine();
    assert!(has_tag());
    // It is no version of the pattern.
    assert!(!server.ork(&["tags", &repository]).fine().stdout.contains("sha256"));
}

#[test]
fn a_copy_between_two_kinds_of_registry_takes_the_signatures_along() {
    let (with, without) = (Server::start(), Server::distribution());
    for (from, to) in [(&with, &without), (&without, &with)] {
        from.log_in_also(to);
        let (repository, digest) = pushed(from);
        let exact = format!("{repository}@{digest}");
        from.ork(&["generate", "key", "-o", "ours"]).fine();
        from.ork(&["sign", &exact, "--key", "ours.key"]).fine();
        let copy = format!("{}/mirror/postgres", to.host);
        let said = from.ork(&["copy", &format!("{repository}:v14.2.0"), &copy]).fine();
        assert_eq!(said.stdout.trim(), digest);
        from.ork(&["verify", &format!("{copy}:v14.2.0"), "--key", "ours.pub"]).fine();
        let accepts = ["verify", "--insecure-ignore-tlog=true", "--key", "ours.pub"];
        from.client("cosign", &[&accepts[..], &[&format!("{copy}@{digest}")]].concat()).fine();
        from.ork(&["pull", &format!("{copy}:v14.2.0"), "-o", "copied"]).fine();
        same_files(&from.dir().join("copied"));
        // By another client: the artifact without its signatures.
        let bare = format!("{}/bare/postgres:v14.2.0", to.host);
        from.client("crane", &["copy", &format!("{repository}:v14.2.0"), &bare]).fine();
        from.ork(&["verify", &bare, "--key", "ours.pub"]).refused("Unsigned");
        from.ork(&["pull", &bare, "-o", "bare"]).fine();
        same_files(&from.dir().join("bare"));
    }
}

#[test]
fn skopeo_takes_a_pattern_to_a_directory_and_back() {
    let there = Command::new("skopeo").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        // Not by `eprintln!`, which the test harness keeps back; at the start of a line, where `test.sh` looks for it.
        let _ = std::io::stderr().write_all(b"\nnot run: skopeo is not installed\n");
        return;
    }
    for server in [Server::start(), Server::distribution()] {
        let (repository, digest) = pushed(&server);
        let authfile = server.dir().join("config.json").to_str().unwrap().to_owned();
        let copy = |from: &str, to: &str| {
            // Signatures are judged by `ork verify`, and not by a policy of this machine.
            let options = ["--insecure-policy", "copy", "--preserve-digests", "--authfile", &authfile];
            server.run(Command::new("skopeo").args(options).args([from, to])).fine();
        };
        let back = format!("{}/back/postgres:v14.2.0", server.host);
        copy(&format!("docker://{repository}:v14.2.0"), "oci:layout:v14.2.0");
        copy("oci:layout:v14.2.0", &format!("docker://{back}"));
        assert_eq!(server.client("crane", &["digest", &back]).fine().stdout.trim(), digest);
        server.ork(&["pull", &back, "-o", "by-skopeo"]).fine();
        same_files(&server.dir().join("by-skopeo"));
    }
}

#[test]
fn a_tag_that_is_there_stays_and_a_version_floats_forward_only() {
    let server = Server::start();
    let (repository, digest) = pushed(&server);
    assert_eq!(pushed(&server).1, digest, "pushed again, nothing changes");
    let older = server.dir().join("older");
    std::fs::create_dir(&older).unwrap();
    for name in FILES {
        let text = std::fs::read_to_string(Path::new(&pattern()).join(name)).unwrap();
        std::fs::write(older.join(name), text.replace("version: 14.2.0", "version: 14.1.0")).unwrap();
    }
    let older = older.to_str().unwrap();
    let said = server.ork(&["push", "--float", "--no-test", &repository, older]).fine();
    assert!(said.stderr.contains("v14 stays at 14.2.0"), "{said:?}");
    assert_eq!(server.client("crane", &["digest", &format!("{repository}:v14")]).fine().stdout.trim(), digest);
    server.ork(&["push", "--no-test", &format!("{repository}:v14.2.0"), older]).refused("TagIsNotVersion");
}
