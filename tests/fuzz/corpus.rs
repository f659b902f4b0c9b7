//! The committed corpora, through the functions that the fuzzer calls: so a target cannot rot, and what was found once stays found.
//!
//! `make fuzz` runs the fuzzer itself. `UPDATE=1` writes the seeds anew that are made from the tree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]

mod seeds;
#[allow(unreachable_pub, reason = "a library for the fuzzer's programs")]
#[path = "src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;

use orkestra_tests::source_root;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = source_root().join("tests/fuzz/corpus").join(target);
    let files = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

/// The name of what is run, where it ends in a panic.
struct Running<'a>(&'a std::path::Path);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "while running {}", self.0.display());
        }
    }
}

#[test]
fn each_target_takes_its_corpus() {
    if std::env::var_os("UPDATE").is_some() {
        seeds::write();
    }
    for (name, target) in targets::TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 2, "{name} has fewer than two seeds");
        for (file, bytes) in corpus {
            let _running = Running(&file);
            target(&bytes);
            // What is cut off in the middle, and what has one bit changed there, is the fuzzer's own first try.
            target(&bytes[..bytes.len() / 2]);
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(bytes.len() / 3) {
                *byte ^= 0x20;
                target(&changed);
            }
        }
    }
}

/// Seeds that are refused at once show the fuzzer nothing.
#[test]
fn seeds_get_far() {
    let first = |target: &str, name: &str| {
        let corpus = corpus(target);
        let found = corpus.iter().find(|(file, _)| file.ends_with(name));
        found.unwrap_or_else(|| panic!("{target} has no seed {name}")).1.clone()
    };
    let program = orkestra_program::decode(&first("program", "postgres-v14")).expect("a program");
    assert!(!program.entries.is_empty());
    let archive = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(archive.path(), first("archive", "layout.tar")).unwrap();
    let archive = orkestra_artifact::layout::Archive::open(archive.path()).expect("an archive");
    assert_eq!(archive.entries().len(), 1);
    assert!(orkestra_artifact::Config::read(&first("manifest", "config.json")).is_ok());
    assert!(orkestra_webhook::admission::mutate(&first("admission", "dropped.json"), &Default::default()).is_ok());
}

/// What the fuzzer makes of a sound pattern is a sound one often enough that what lies behind the check is tried.
#[test]
fn edits_leave_sound_patterns() {
    let (mut sound, mut all) = (0, 0);
    for (file, bytes) in corpus("katalog") {
        targets::edits::remember(&bytes);
        for seed in 0..50 {
            let _running = Running(&file);
            // Not every edit can be made at every place.
            let Some(edited) = targets::edits::next(&bytes, seed) else { continue };
            all += 1;
            sound += u32::from(edited != bytes && targets::language::compiled(&edited).is_some());
        }
    }
    assert!(all > 100 && sound * 10 > all && sound < all, "{sound} of {all}");
}

#[test]
fn each_target_has_a_program_for_the_fuzzer() {
    let names = |directory: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(source_root().join("tests/fuzz").join(directory)).unwrap();
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let targets: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
}
