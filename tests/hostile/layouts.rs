//! Archives whose entries lead out of where they are unpacked, hide others, or are not as long as they say.

use std::io::Write as _;

use orkestra_artifact::layout::Archive;

use crate::stage::reason;
use crate::table::{Row, Verdict, all, row};

const BLOCK: usize = 512;
const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;
const HEX: &str = "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// An entry of a tar file: its name, type, content, and the size that it says.
struct Entry<'a> {
    name: &'a str,
    kind: u8,
    link: &'a str,
    content: &'a [u8],
    size: usize,
}

fn file<'a>(name: &'a str, content: &'a [u8]) -> Entry<'a> {
    Entry { name, kind: b'0', link: "", content, size: content.len() }
}

fn header(entry: &Entry<'_>) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, entry.name.as_bytes());
    put(100, b"0000644\0");
    put(124, format!("{:011o}", entry.size).as_bytes());
    put(148, b"        ");
    put(156, &[entry.kind]);
    put(157, entry.link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// What opening an archive of a layout and this entry ends in.
fn opened(more: &Entry<'_>) -> Verdict {
    let mut tar = Vec::new();
    for entry in [&file("oci-layout", MARKER), &file("index.json", INDEX), more] {
        tar.extend(header(entry));
        tar.extend(entry.content);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.extend([0; 2 * BLOCK]);
    let mut archive = tempfile::NamedTempFile::new().expect("a file");
    archive.write_all(&tar).expect("a write");
    reason(Archive::open(archive.path()).map(drop))
}

fn blob() -> Verdict {
    opened(&file(HEX, b""))
}

pub(crate) fn rows() -> Vec<Row> {
    const BLOB: &str = "with a blob";
    vec![
        row(
            "archive-that-leaves",
            "has entries above, beside and outside of the layout",
            "ForeignEntry",
            || {
                let names =
                    ["../evil", "/etc/cron.d/evil", "blobs/sha256/../../evil", "./index.json", "blobs/sha256/evil"];
                all(names.map(|name| (name.to_owned(), opened(&file(name, b"x")))))
            },
            BLOB,
            blob,
        ),
        row(
            "archive-with-links",
            "has a link, a hard link, a device and a pipe in the place of a blob",
            "NotARegularFile",
            || {
                all([b'1', b'2', b'3', b'4', b'6'].map(|kind| {
                    let entry = Entry { kind, link: "/etc/passwd", ..file(HEX, b"") };
                    (char::from(kind).to_string(), opened(&entry))
                }))
            },
            BLOB,
            blob,
        ),
        row(
            "archive-with-other-names",
            "has an extension header, which gives the next entry another name and size",
            "NotARegularFile",
            || {
                all([b'x', b'g', b'L', b'S'].map(|kind| {
                    let entry = Entry { kind, ..file("pax", b"18 path=../../evil\n") };
                    (char::from(kind).to_string(), opened(&entry))
                }))
            },
            BLOB,
            blob,
        ),
        row(
            "archive-with-an-entry-twice",
            "has a second index",
            "DoubledEntry",
            || opened(&file("index.json", INDEX)),
            BLOB,
            blob,
        ),
        row(
            "archive-shorter-than-it-says",
            "has an entry that says more bytes than the archive has",
            "ArchiveTruncated",
            || {
                let sizes = [4 * BLOCK, 0o777_7777_7777];
                all(sizes.map(|size| (size.to_string(), opened(&Entry { size, ..file(HEX, b"") }))))
            },
            BLOB,
            blob,
        ),
    ]
}
