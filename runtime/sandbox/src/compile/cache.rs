//! Native code on disk. Only what this directory's key signed is ever run.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use hmac::{Hmac, Mac};
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::Sha256;

use super::protocol::MAX_CODE;
use crate::native::Native;

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
/// SHA-256's block: HMAC pads a shorter key with zeros to it.
const BLOCK_BYTES: usize = 64;

/// Bytes of all files together. Beyond it, what was not used for the longest time goes: a component of a few KB is some
/// tens of KB of native code, and every release of ork brings other code for all of them.
const MOST_BYTES: u64 = 512 << 20;

/// A directory of files `NAME.native`: a keyed hash over name and code, then the code.
pub(super) struct Cache {
    dir: PathBuf,
    key: [u8; KEY_BYTES],
    most: u64,
}

impl Cache {
    /// Opens or makes a directory that nobody else can look into.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        private(&fs::symlink_metadata(dir)?, fs::Metadata::is_dir)?;
        Ok(Cache { dir: dir.to_owned(), key: key(dir)?, most: MOST_BYTES })
    }

    /// The code of this name, if it is there and is what was stored.
    pub(super) fn load(&self, name: &str) -> Option<Native> {
        let mut bytes = Vec::new();
        let file = File::open(self.file(name)).ok()?;
        // Only for the order of eviction: a file that keeps its old time is at worst compiled again.
        let _ = file.set_modified(SystemTime::now());
        file.take(MAX_CODE + TAG_BYTES as u64).read_to_end(&mut bytes).ok()?;
        let (tag, code) = bytes.split_at_checked(TAG_BYTES)?;
        if self.mac(name, code).verify_slice(tag).is_err() {
            tracing::warn!(name, "a file in the cache of native code was changed; it is compiled again");
            return None;
        }
        bytes.drain(..TAG_BYTES);
        Some(Native::trusted(bytes))
    }

    pub(super) fn store(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let tag = self.mac(name, code).finalize().into_bytes();
        let temporary = write_new(&self.dir, &[tag.as_slice(), code])?;
        fs::rename(&temporary, self.file(name)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })?;
        self.evict(&self.file(name))
    }

    /// Removes the files that were not used for the longest time, but for `kept`, until the rest is within bounds.
    fn evict(&self, kept: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "native") {
                let metadata = entry.metadata()?;
                files.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files.into_iter().filter(|(_, _, path)| path != kept) {
            if total <= self.most {
                break;
            }
            match fs::remove_file(path) {
                // Another process was faster.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= length,
            }
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.native"))
    }

    /// The name is part of it, so that one component's code cannot take another one's place.
    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut padded = [0; BLOCK_BYTES];
        padded[..KEY_BYTES].copy_from_slice(&self.key);
        let mut mac = Hmac::<Sha256>::new(&padded.into());
        mac.update(name.as_bytes());
        mac.update(code);
        mac
    }
}

fn private(metadata: &fs::Metadata, kind: impl Fn(&fs::Metadata) -> bool) -> io::Result<()> {
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if kind(metadata) && mine && metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    let message = format!(
        "mode {:o} of user {}; expected 0700 of the user that runs this",
        metadata.mode() & 0o7777,
        metadata.uid()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// The directory's key: 32 random bytes, made once. Of several processes that make it at the same time, one wins.
fn key(dir: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = dir.join("key");
    if !path.exists() {
        let mut key = [0; KEY_BYTES];
        getrandom(&mut key, GetRandomFlags::empty())?;
        let temporary = write_new(dir, &[&key])?;
        let linked = fs::hard_link(&temporary, &path);
        fs::remove_file(&temporary)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path)?;
    private(&file.metadata()?, fs::Metadata::is_file)?;
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// A new file that only this user can read, under a name that nobody had.
fn write_new(dir: &Path, parts: &[&[u8]]) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let path = dir.join(format!(".{}.{}.new", std::process::id(), COUNT.fetch_add(1, Relaxed)));
    // Left over by an earlier process with the same number, if it is there.
    let _ = fs::remove_file(&path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    for part in parts {
        file.write_all(part)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn loaded(cache: &Cache, name: &str) -> Option<Vec<u8>> {
        cache.load(name).map(|native| native.bytes().to_vec())
    }

    #[test]
    fn what_was_stored_is_found_also_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a/b");
        Cache::open(&place).unwrap().store("one", b"code").unwrap();
        let again = Cache::open(&place).unwrap();
        assert_eq!(loaded(&again, "one").as_deref(), Some(&b"code"[..]));
        assert_eq!(loaded(&again, "two"), None);
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o7777, 0o700);
        for file in fs::read_dir(&place).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o7777, 0o600);
        }
    }

    #[test]
    fn beyond_the_bound_what_was_not_used_for_the_longest_time_goes() {
        let dir = tempfile::tempdir().unwrap();
        let code = [7; 100];
        let three = 3 * (code.len() + TAG_BYTES) as u64;
        let cache = Cache { most: three, ..Cache::open(&dir.path().join("cache")).unwrap() };
        for (age, name) in [(30, "a"), (20, "b"), (10, "c")] {
            cache.store(name, &code).unwrap();
            let file = File::open(cache.file(name)).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
        }
        assert!(loaded(&cache, "a").is_some(), "and so it is the youngest");
        cache.store("d", &code).unwrap();
        let there = ["a", "b", "c", "d"].map(|name| cache.file(name).exists());
        assert_eq!(there, [true, false, true, true]);
        assert!(cache.dir.join("key").exists());
        let small = Cache { most: 1, ..Cache::open(&dir.path().join("cache")).unwrap() };
        small.store("e", &code).unwrap();
        assert!(loaded(&small, "e").is_some(), "the one that was just stored stays, whatever its size");
        assert!(!small.file("a").exists());
    }

    #[test]
    fn a_changed_file_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        cache.store("one", b"code").unwrap();
        let whole = fs::read(cache.file("one")).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(cache.file("one"), changed).unwrap();
            assert_eq!(loaded(&cache, "one"), None, "byte {at}");
        }
        for length in 0..whole.len() {
            fs::write(cache.file("one"), &whole[..length]).unwrap();
            assert_eq!(loaded(&cache, "one"), None, "{length} bytes");
        }
        fs::write(cache.file("one"), &whole).unwrap();
        assert!(loaded(&cache, "one").is_some());
    }

    #[test]
    fn the_file_of_another_name_or_another_cache_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (Cache::open(&dir.path().join("a")).unwrap(), Cache::open(&dir.path().join("b")).unwrap());
        a.store("one", b"code").unwrap();
        fs::copy(a.file("one"), a.file("two")).unwrap();
        fs::copy(a.file("one"), b.file("one")).unwrap();
        assert_eq!((loaded(&a, "two"), loaded(&b, "one")), (None, None));
        assert!(loaded(&a, "one").is_some());
    }

    #[test]
    fn a_directory_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("cache");
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o750)).unwrap();
        let error = Cache::open(&place).err().unwrap();
        assert!(error.to_string().contains("mode 750"), "{error}");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).unwrap();
        Cache::open(&place).unwrap();
    }
}
