//! Hostile, broken and busy registries, all of them fakes.

mod fake;
mod logging_in;
mod moving;
mod over_tls;

use std::time::Duration;

use fake::{Fake, Reply, Request};

use super::*;

fn options() -> HttpOptions {
    HttpOptions { first_pause: Duration::from_millis(1), ..HttpOptions::default() }
}

fn registry(options: HttpOptions) -> HttpRegistry {
    HttpRegistry::new(options).unwrap()
}

fn repository(fake: &Fake) -> Repository {
    format!("{}/dbs/postgres", fake.host).parse().unwrap()
}

fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: "application/wasm".into(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        artifact_type: None,
        annotations: Default::default(),
    }
}

fn tag(tag: &str) -> ManifestRef {
    ManifestRef::Tag(tag.into())
}
