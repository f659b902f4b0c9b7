//! Patterns in real registries, and the clients that others use: oras, crane, cosign and skopeo.
//!
//! One registry is go-containerregistry's, behind TLS and a password; it has the referrers API, or answers 404 as older ones do, and
//! it misbehaves on command. The other one is CNCF's distribution, as many run it, which has no referrers API.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]
#![allow(clippy::print_stderr, reason = "the build of the registries takes minutes and says how far it is")]

mod attacks;
mod crafted;
mod exchange;
mod komposers;
mod looking;
mod robustness;
mod running;
mod server;
mod stored;

use std::path::Path;

use orkestra_tests::source_root;
use serde_json::Value;

use crate::server::Server;

/// What a pattern directory holds, and a pull gives back byte for byte.
const FILES: [&str; 5] = ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"];

fn pattern() -> String {
    source_root().join("patterns/postgres/v14").to_str().unwrap().to_owned()
}

/// Pushes the shipped pattern, and gives `host/patterns/postgres` and the digest.
fn pushed(server: &Server) -> (String, String) {
    let repository = format!("{}/patterns/postgres", server.host);
    let said = server.ork(&["push", "--float", "--no-test", "--format", "json", &repository, &pattern()]).fine();
    (repository, digest_of(&said.stdout))
}

/// The digest in what a push says with `--format json`.
fn digest_of(said: &str) -> String {
    let said: Value = serde_json::from_str(said).unwrap();
    said["digest"].as_str().unwrap().to_owned()
}

/// The files that a pull has written are those of the pattern, byte for byte.
#[track_caller]
fn same_files(directory: &Path) {
    for name in FILES {
        let original = std::fs::read(Path::new(&pattern()).join(name)).unwrap();
        assert_eq!(std::fs::read(directory.join(name)).unwrap(), original, "{name}");
    }
    assert!(directory.join("pattern.wasm").exists());
}
