//! Who may look, and what is seen: logging in, an artifact's config and everything that refers to it.

use serde_json::{Value, json};

use crate::pushed;
use crate::server::{PASSWORD, Server, USER};

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
