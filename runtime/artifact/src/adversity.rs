//! Whatever bytes come, reading them ends with a value or a refusal.

use std::io::Write;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::layout::{Archive, ArchiveWriter};
use crate::manifest::MANIFEST_MEDIA_TYPE;
use crate::pack::tests::package;
use crate::push::{PushOptions, push};
use crate::{Config, Digest, Fetched, PatternManifest, Reference, Silent};

fn read(bytes: Vec<u8>) -> Result<PatternManifest, &'static str> {
    let (media_type, digest) = (MANIFEST_MEDIA_TYPE.to_owned(), Digest::of(&bytes));
    let fetched = Fetched { media_type, digest, bytes: bytes.into() };
    PatternManifest::read(&fetched).map_err(|error| error.reason())
}

/// Some bytes replaced by others.
fn changed(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

proptest! {
    #[test]
    fn a_changed_manifest_is_read_or_refused(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let bytes = changed(package().manifest.to_vec(), &changes);
        if let Ok(manifest) = read(bytes) {
            // What is still read has each layer under its own name.
            for (role, layer) in &manifest.layers {
                prop_assert_eq!(layer.annotations["org.opencontainers.image.title"].as_str(), role.title());
            }
        }
    }

    #[test]
    fn a_changed_config_is_read_or_refused(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let bytes = changed(package().blobs[0].1.to_vec(), &changes);
        let _ = Config::read(&bytes);
    }

    #[test]
    fn any_text_is_a_reference_or_none(text in "[a-zA-Z0-9.:/@_%\\[\\]-]{0,60}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
    }

    #[test]
    fn a_changed_archive_is_read_or_refused(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let bytes = changed(archive(), &changes);
        let length = if cut { length.index(bytes.len()) } else { bytes.len() };
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes[..length]).unwrap();
        let _ = Archive::open(file.path());
    }
}

fn archive() -> Vec<u8> {
    static BYTES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let make = || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.tar");
        let writer = ArchiveWriter::create(&path).unwrap();
        let repository = "r.example/postgres".parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            push(&writer, &repository, &package(), &PushOptions::default(), &Silent).await.unwrap();
            writer.finish().await.unwrap();
        });
        std::fs::read(path).unwrap()
    };
    BYTES.get_or_init(make).clone()
}
