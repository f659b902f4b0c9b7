//! Layouts there and back, and archives that lie.

use std::path::Path;

use serde_json::json;

use super::header;
use super::*;
use crate::copy::copy;
use crate::pack::tests::package;
use crate::progress::Silent;
use crate::push::{PushOptions, push};
use crate::{Descriptor, Digest, Error, ManifestRef, Reference, Registry, Repository};

fn repository() -> Repository {
    "r.example/dbs/postgres".parse().unwrap()
}

/// A signature as cosign writes them, in shape only.
async fn refer(registry: &impl Registry, subject: Digest) -> Digest {
    let empty = Descriptor {
        media_type: "application/vnd.oci.empty.v1+json".into(),
        digest: Digest::of(b"{}"),
        size: 2,
        artifact_type: None,
        annotations: Default::default(),
    };
    registry.write_blob(&repository(), &empty, "{}".into()).await.unwrap();
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2, "mediaType": crate::manifest::MANIFEST_MEDIA_TYPE, "artifactType": "application/x-signature",
        "config": empty, "layers": [empty], "annotations": {"by": "ada"},
        "subject": {"mediaType": crate::manifest::MANIFEST_MEDIA_TYPE, "digest": subject, "size": 1},
    }))
    .unwrap();
    let digest = Digest::of(&manifest);
    let name = ManifestRef::Digest(digest);
    registry.write_manifest(&repository(), &name, crate::manifest::MANIFEST_MEDIA_TYPE, manifest.into()).await.unwrap();
    digest
}

async fn pushed(path: &Path) -> (Directory, Digest) {
    let directory = Directory::create(path).unwrap();
    push(&directory, &repository(), &package(), &PushOptions::default(), &Silent).await.unwrap();
    let signature = refer(&directory, package().digest).await;
    (directory, signature)
}

#[tokio::test]
async fn an_artifact_goes_through_directory_and_archive_with_all_that_refers_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, signature) = pushed(&dir.path().join("layout")).await;
    let reference: Reference = format!("{}:v14.2.0", repository()).parse().unwrap();
    let path = dir.path().join("postgres.tar");
    let mut archives = Vec::new();
    for _ in 0..2 {
        let archive = ArchiveWriter::create(&path).unwrap();
        let copied = copy(&directory, &reference, &archive, &reference, true, &Silent).await.unwrap();
        assert_eq!((copied.manifests.len(), copied.blobs.len()), (2, 9));
        archive.finish().await.unwrap();
        archives.push(std::fs::read(&path).unwrap());
    }
    assert!(archives[0] == archives[1]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);

    let archive = Archive::open(&path).unwrap();
    let entries = archive.entries();
    assert_eq!(entries.len(), 2);
    assert_eq!((entries[0].repository.clone(), entries[0].tag.as_deref()), (Some(repository()), Some("v14.2.0")));
    let back = Directory::create(&dir.path().join("back")).unwrap();
    copy(&archive, &reference, &back, &reference, true, &Silent).await.unwrap();
    assert_eq!(back.entries().unwrap(), directory.entries().unwrap());
    for place in [&back, &directory] {
        let referrers = place.referrers(&repository(), &package().digest).await.unwrap();
        assert_eq!(referrers.len(), 1);
        assert_eq!(referrers[0].digest, signature);
        assert_eq!(referrers[0].artifact_type.as_deref(), Some("application/x-signature"));
        assert_eq!(referrers[0].annotations["by"], "ada");
    }
    assert_eq!(archive.referrers(&repository(), &package().digest).await.unwrap().len(), 1);
    assert_eq!(archive.tags(&repository()).await.unwrap(), ["v14.2.0"]);
    assert!(archive.tags(&"r.example/other".parse().unwrap()).await.unwrap().is_empty());
    let name = ManifestRef::Tag("x".into());
    let refused = archive.write_manifest(&repository(), &name, "x", "{}".into()).await.unwrap_err();
    assert_eq!(refused.reason(), "ReadOnly");
}

#[tokio::test]
async fn tags_move_and_what_they_named_stays() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::create(dir.path()).unwrap();
    let write = async |tag: &str, text: &str| {
        let tag = ManifestRef::Tag(tag.to_owned());
        let text = bytes::Bytes::from(format!(r#"{{"x":"{text}","manifests":[]}}"#));
        directory.write_manifest(&repository(), &tag, crate::oci::INDEX_MEDIA_TYPE, text).await.unwrap();
    };
    write("v1", "a").await;
    write("v1", "b").await;
    write("v2", "b").await;
    write("v2", "b").await;
    let tags: Vec<_> = directory.entries().unwrap().into_iter().map(|entry| entry.tag).collect();
    assert_eq!(tags, [None, Some("v1".to_owned()), Some("v2".to_owned())]);
}

#[tokio::test]
async fn a_changed_file_of_a_layout_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (directory, _) = pushed(dir.path()).await;
    let blob = package().blobs[1].0.clone();
    let path = dir.path().join(BLOBS).join(blob.digest.hex());
    for (content, reason) in
        [("x", "Truncated"), (&"x".repeat(blob.size as usize), "DigestMismatch"), (&"x".repeat(99), "TooLarge")]
    {
        std::fs::write(&path, content).unwrap();
        assert_eq!(directory.blob(&repository(), &blob, 1 << 20).await.unwrap_err().reason(), reason);
    }
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert_eq!(directory.blob(&repository(), &blob, 1 << 20).await.unwrap_err().reason(), "FileFailed");
    std::fs::write(dir.path().join(BLOBS).join(package().digest.hex()), "{}").unwrap();
    let tag = ManifestRef::Tag("v14.2.0".into());
    assert_eq!(directory.manifest(&repository(), &tag).await.unwrap_err().reason(), "DigestMismatch");
}

#[test]
fn other_directories_are_no_layouts() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Directory::open(dir.path()).unwrap_err().reason(), "NotALayout");
    std::fs::write(dir.path().join("thesis.txt"), "x").unwrap();
    assert_eq!(Directory::create(dir.path()).unwrap_err().reason(), "NotEmpty");
    std::fs::write(dir.path().join(MARKER), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert_eq!(Directory::create(dir.path()).unwrap_err().reason(), "NotALayout");
}

/// An archive of these entries: name, type, content.
fn archive(entries: &[(&str, u8, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, content) in entries {
        let mut block = header::write(name, content.len() as u64);
        block[156] = *kind;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(block);
        bytes.extend(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(header::BLOCK), 0);
    }
    bytes.extend([0; 2 * header::BLOCK]);
    bytes
}

fn opened(bytes: &[u8]) -> Result<Archive, Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Archive::open(file.path())
}

#[test]
fn archives_have_the_files_of_a_layout_and_no_others() {
    const INDEX_CONTENT: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
    let marker = (MARKER, b'0', MARKER_CONTENT);
    let index = (INDEX, b'0', INDEX_CONTENT);
    let blob = &format!("{BLOBS}/{}", Digest::of(b"x").hex());
    let good = [marker, index, ("blobs/", b'5', ""), ("blobs/sha256/", b'5', ""), (blob, b'0', "x")];
    assert!(opened(&archive(&good)).is_ok());
    let with = |entry| archive(&[marker, index, entry]);
    for (bytes, reason) in [
        (with(("../../etc/passwd", b'0', "x")), "ForeignEntry"),
        (with(("/etc/passwd", b'0', "x")), "ForeignEntry"),
        (with(("blobs/sha256/../x", b'0', "x")), "ForeignEntry"),
        (with(("blobs/sha512/00", b'0', "x")), "ForeignEntry"),
        (with(("./index.json", b'0', "x")), "ForeignEntry"),
        (with((blob, b'1', "")), "NotARegularFile"),
        (with((blob, b'2', "")), "NotARegularFile"),
        (with(("dev", b'3', "")), "NotARegularFile"),
        (with(("PaxHeaders/x", b'x', "30 path=/etc/passwd\n")), "NotARegularFile"),
        (with(("PaxHeaders/x", b'g', "30 path=/etc/passwd\n")), "NotARegularFile"),
        (with(("././@LongLink", b'L', "x")), "NotARegularFile"),
        (with(("etc/", b'5', "")), "NotARegularFile"),
        (archive(&[marker, index, index]), "DoubledEntry"),
        (archive(&[marker, index, (blob, b'0', "x"), (blob, b'0', "x")]), "DoubledEntry"),
        (archive(&[index]), "NotALayout"),
        (archive(&[marker]), "NotALayout"),
        (archive(&[marker, (INDEX, b'0', "{}")]), "BadIndex"),
        (archive(&[marker, (INDEX, b'0', r#"{"manifests":[],"manifests":[]}"#)]), "BadIndex"),
        (archive(&good)[..2000].to_vec(), "ArchiveTruncated"),
        (archive(&good)[..3072].to_vec(), "ArchiveTruncated"),
        (Vec::new(), "ArchiveTruncated"),
        (vec![b'x'; 1024], "BadHeader"),
    ] {
        assert_eq!(opened(&bytes).unwrap_err().reason(), reason);
    }
    let mut large = header::write(blob, 1 << 32).to_vec();
    large.extend([0; 1024]);
    assert_eq!(opened(&large).unwrap_err().reason(), "ArchiveTruncated");
    let long = archive(&[(MARKER, b'0', &"x".repeat(5000))]);
    assert_eq!(opened(&long).unwrap_err().reason(), "TooLarge");
}
