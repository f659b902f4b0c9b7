//! Patterns in a real registry, and the clients that others use: oras, crane and cosign.
//!
//! The registry is go-containerregistry's, behind TLS and a password; it has the referrers API, or answers 404 as older ones do, and
//! it misbehaves on command.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]
#![allow(clippy::print_stderr, reason = "the build of the registries takes minutes and says how far it is")]

mod komposers;
mod running;
mod server;

use std::path::Path;

use orkestra_tests::source_root;
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, USER};

fn pattern() -> String {
    source_root().join("patterns/postgres/v14").to_str().unwrap().to_owned()
}

/// Pushes the shipped pattern, and gives `host/patterns/postgres` and the digest.
fn pushed(server: &Server) -> (String, String) {
    let repository = format!("{}/patterns/postgres", server.host);
    let said = server.ork(&["push", "--float", "--no-test", "--format", "json", &repository, &pattern()]).fine();
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    (repository, said["digest"].as_str().unwrap().to_owned())
}

/// The files that a pull has written are those of the pattern, byte for byte.
#[track_caller]
fn same_files(directory: &Path) {
    for name in ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"] {
        let original = std::fs::read(Path::new(&pattern()).join(name)).unwrap();
        assert_eq!(std::fs::read(directory.join(name)).unwrap(), original, "{name}");
    }
}

#[test]
fn what_is_pushed_is_pulled_by_ork_oras_and_crane() {
    let server = Server::start();
    let (repository, digest) = pushed(&server);
    assert_eq!(server.ork(&["tags", &repository]).fine().stdout, "v14.2.0\nv14\nv14.2\n");
    let reference = format!("{repository}:14.2.0");
    server.ork(&["pull", &reference, "-o", "by-ork"]).fine();
    same_files(&server.dir().join("by-ork"));
    server.client("oras", &["pull", &format!("{repository}:v14"), "-o", "by-oras"]).fine();
    same_files(&server.dir().join("by-oras"));
    let component = |directory: &str| std::fs::read(server.dir().join(directory).join("pattern.wasm")).unwrap();
    assert_eq!(component("by-ork"), component("by-oras"));
    assert_eq!(server.client("crane", &["digest", &format!("{repository}:v14.2")]).fine().stdout.trim(), digest);
    // Another client's copy is the same artifact.
    let copy = format!("{}/copies/postgres:v14.2.0", server.host);
    server.client("crane", &["copy", &format!("{repository}:v14.2.0"), &copy]).fine();
    server.ork(&["pull", &copy, "-o", "by-crane"]).fine();
    same_files(&server.dir().join("by-crane"));
}

#[test]
fn a_password_is_needed_and_given_to_the_registry() {
    for options in [&[][..], &["-bearer"]] {
        let server = Server::start_with(options);
        let (repository, _) = pushed(&server);
        server.log_in("another");
        server.ork(&["tags", &repository]).refused("Unauthorized");
    }
}

#[test]
fn a_password_is_kept_only_where_the_registry_takes_it() {
    for options in [&[][..], &["-bearer"]] {
        let server = Server::start_with(options);
        let (repository, _) = pushed(&server);
        server.log_out();
        let config = server.dir().join("config.json");
        let log_in = ["login", &server.host, "--user", USER, "--password-stdin"];
        server.ork_input(&log_in, "another\n").refused("Unauthorized");
        assert!(!config.exists(), "nothing is kept");
        server.ork(&["tags", &repository]).refused("Unauthorized");

        let said = server.ork_input(&log_in, &format!("{PASSWORD}\n")).fine();
        assert!(!said.stderr.contains(PASSWORD) && said.stdout.is_empty(), "{said:?}");
        server.ork(&["tags", &repository]).fine();
        // It is kept where other clients look.
        server.client("crane", &["ls", &repository]).fine();
        let kept = std::fs::read_to_string(&config).unwrap();
        server.ork_input(&log_in, "another\n").refused("Unauthorized");
        assert_eq!(std::fs::read_to_string(&config).unwrap(), kept, "the good one stays");

        server.ork(&["logout", &server.host]).fine();
        server.ork(&["tags", &repository]).refused("Unauthorized");
        server.ork(&["logout", &server.host]).refused("NotLoggedIn");
    }
}

#[test]
fn cosign_and_ork_accept_each_others_signatures_with_and_without_the_referrers_api() {
    for options in [&[][..], &["-without-referrers"]] {
        let server = Server::start_with(options);
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
        server.ork(&["verify", &format!("{copy}:v14.2.0"), "--key", "theirs.pub"]).fine();
    }
}

#[test]
fn a_registry_that_stumbles_is_asked_again() {
    let server = Server::start();
    for fault in [
        json!({"kind": "status", "status": 500, "times": 2}),
        json!({"kind": "status", "status": 429, "retryAfter": "1", "times": 2}),
    ] {
        server.fault(&fault);
        pushed(&server);
    }
    let (repository, _) = pushed(&server);
    for (index, fault) in [
        json!({"kind": "status", "status": 503, "times": 2}),
        json!({"kind": "status", "status": 429, "retryAfter": "1"}),
        json!({"kind": "cut"}),
        json!({"kind": "cut", "times": 2}),
    ]
    .iter()
    .enumerate()
    {
        server.fault(fault);
        let to = format!("out-{index}");
        server.ork(&["pull", &format!("{repository}:v14"), "-o", &to]).fine();
        same_files(&server.dir().join(to));
    }
}

#[test]
fn a_registry_that_lies_is_refused_and_its_twin_is_not() {
    let server = Server::start();
    let (repository, _) = pushed(&server);
    let reference = format!("{repository}:v14");
    server.ork(&["generate", "key", "-o", "ours"]).fine();
    server.ork(&["sign", &reference, "--key", "ours.key"]).fine();
    for (fault, command, reason) in [
        (json!({"kind": "wrong", "times": 100}), "pull", "DigestMismatch"),
        (json!({"kind": "realm", "realm": "https://elsewhere.invalid/token", "times": 100}), "pull", "ForeignRealm"),
        (
            json!({"kind": "realm", "realm": format!("http://{}/token", server.host), "times": 100}),
            "pull",
            "InsecureRealm",
        ),
        (json!({"kind": "link-loop", "times": 100}), "verify", "Unsigned"),
        (json!({"kind": "junk-referrers", "count": 10_000, "times": 100}), "verify", "TooManyCandidates"),
    ] {
        let run = || match command {
            "pull" => server.ork(&["pull", &reference, "-o", &format!("out-{reason}")]),
            _ => server.ork(&["verify", &reference, "--key", "ours.pub"]),
        };
        server.fault(&fault);
        run().refused(reason);
        assert!(!server.dir().join(format!("out-{reason}")).exists(), "{reason}: nothing is written");
        server.mend();
        run().fine();
    }
    let server = Server::start_with(&["-bearer"]);
    let (repository, _) = pushed(&server);
    server.fault(&json!({"kind": "token-endless", "times": 100}));
    server.ork(&["tags", &repository]).refused("TooLarge");
    server.mend();
    server.ork(&["tags", &repository]).fine();
}

#[test]
fn a_tag_that_is_there_stays_and_a_version_floats_forward_only() {
    let server = Server::start();
    let (repository, digest) = pushed(&server);
    assert_eq!(pushed(&server).1, digest, "pushed again, nothing changes");
    let older = server.dir().join("older");
    std::fs::create_dir(&older).unwrap();
    for name in ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"] {
        let text = std::fs::read_to_string(Path::new(&pattern()).join(name)).unwrap();
        std::fs::write(older.join(name), text.replace("version: 14.2.0", "version: 14.1.0")).unwrap();
    }
    let older = older.to_str().unwrap();
    let said = server.ork(&["push", "--float", "--no-test", &repository, older]).fine();
    assert!(said.stderr.contains("v14 stays at 14.2.0"), "{said:?}");
    assert_eq!(server.client("crane", &["digest", &format!("{repository}:v14")]).fine().stdout.trim(), digest);
    server.ork(&["push", "--no-test", &format!("{repository}:v14.2.0"), older]).refused("TagIsNotVersion");
}

#[test]
fn a_tree_shows_what_others_attached() {
    for options in [&[][..], &["-without-referrers"]] {
        let server = Server::start_with(options);
        let (repository, digest) = pushed(&server);
        let tagged = format!("{repository}:v14.2.0");
        let file = |name: &str, text: &str| std::fs::write(server.dir().join(name), text).unwrap();
        file("sbom.spdx.json", r#"{"spdxVersion": "SPDX-2.3"}"#);
        file("sbom.cdx.json", r#"{"bomFormat": "CycloneDX"}"#);
        file("build.json", r#"{"predicateType": "https://slsa.dev/provenance/v1"}"#);
        file("notes.txt", "good");
        let provenance = "in-toto.io/predicate-type=https://slsa.dev/provenance/v1";
        for (artifact_type, file, more) in [
            ("application/spdx+json", "sbom.spdx.json:application/spdx+json", &[][..]),
            ("application/vnd.cyclonedx+json", "sbom.cdx.json:application/vnd.cyclonedx+json", &[]),
            ("application/vnd.in-toto+json", "build.json:application/vnd.in-toto+json", &["--annotation", provenance]),
            ("application/vnd.example.notes", "notes.txt:text/plain", &[]),
        ] {
            server
                .client("oras", &[&["attach", &tagged, file, "--artifact-type", artifact_type], more].concat())
                .fine();
        }
        server.ork(&["generate", "key", "-o", "ours"]).fine();
        server.ork(&["sign", &tagged, "--key", "ours.key"]).fine();

        let said = server.ork(&["inspect", "--tree", &tagged, "--format", "json", "--key", "ours.pub"]).fine();
        let found: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&found["digest"], &found["verified"]), (&json!(digest), &json!(true)));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut kinds: Vec<_> = found["referrers"].as_array().unwrap().iter().collect();
        kinds.sort_by_key(|referrer| (text(&referrer["kind"]), text(&referrer["artifactType"])));
        let kinds: Vec<_> =
            kinds.into_iter().map(|of| (text(&of["kind"]), text(&of["contents"][0]["title"]))).collect();
        let expected = [
            ("other", "notes.txt"),
            ("provenance", "build.json"),
            ("sbom", "sbom.spdx.json"),
            ("sbom", "sbom.cdx.json"),
            ("signature", ""),
        ];
        assert_eq!(kinds, expected.map(|(kind, file)| (kind.to_owned(), file.to_owned())), "{}", said.stdout);

        let said = server.ork(&["inspect", "--tree", &tagged]).fine();
        assert!(said.stderr.contains("UNVERIFIED"), "{said:?}");
        for part in
            ["── sbom  application/spdx+json", "── sbom.spdx.json", "── signature  ", "── other  application/vnd"]
        {
            assert!(said.stdout.contains(part), "{part:?} is not in\n{}", said.stdout);
        }
    }
}

#[test]
fn what_is_inspected_is_verified_with_a_key_and_says_so_without() {
    let server = Server::start();
    let (repository, _) = pushed(&server);
    let tagged = format!("{repository}:v14");
    server.ork(&["generate", "key", "-o", "ours"]).fine();
    server.ork(&["inspect", &tagged, "--key", "ours.pub"]).refused("Unsigned");
    let said = server.ork(&["inspect", &tagged]).fine();
    assert!(said.stderr.contains("UNVERIFIED") && said.stdout.contains("UNVERIFIED"), "{said:?}");
    server.ork(&["sign", &tagged, "--key", "ours.key"]).fine();
    let said = server.ork(&["inspect", &tagged, "--key", "ours.pub"]).fine();
    assert!(!said.stderr.contains("UNVERIFIED") && said.stdout.contains("signed by    sha256:"), "{said:?}");
    let said = server.ork(&["verify", &tagged, "--key", "ours.pub", "--rebuild"]).fine();
    assert!(said.stderr.contains("its component is its YAML"), "{said:?}");
}
