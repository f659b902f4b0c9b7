//! Contents by digest on disk, in front of a registry. What lies there is verified each time that it is read.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::digest::Digest;
use crate::error::Error;
use crate::files;
use crate::oci::Envelope;
use crate::reference::{ManifestRef, Repository};
use crate::registry::{Descriptor, MAX_MANIFEST, RawManifest, Registry};

/// A directory of contents. Several processes may use one at once.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Uses a directory, which is made for this user alone where it is missing.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        for below in ["blobs/sha256", "refs", "referrers"] {
            files::make_directory(&root.join(below))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Content of at most `limit` bytes, if it is there, whole and no larger. A file that has other content than its name says is removed.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn get(&self, digest: &Digest, limit: u64) -> Result<Option<Bytes>, Error> {
        let path = self.blob(digest);
        match files::read(&path, limit) {
            Ok(Some(bytes)) if Digest::of(&bytes) == *digest => return Ok(Some(bytes)),
            // Either the file is damaged or the caller's limit is not this content's: whoever fetches it anew finds out which, and
            // replaces the file.
            Ok(None) | Err(Error::TooLarge { .. }) => return Ok(None),
            Ok(Some(_)) | Err(_) => {}
        }
        tracing::warn!(%digest, "a cached file is damaged and is fetched again");
        match fs::remove_file(&path) {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("removing", &path)(error)),
        }
    }

    /// Keeps content, and says under which digest.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        files::write(&self.blob(&digest), bytes, 0o600)?;
        Ok(digest)
    }

    /// The digest that a tag had when it was last resolved through [`Cached`]. A hint for messages: never a reason to run anything,
    /// which is the lock's to name.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remembered(&self, repository: &Repository, tag: &str) -> Result<Option<Digest>, Error> {
        let bytes = files::read(&self.tag(repository, tag), 256)?;
        Ok(bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok()))
    }

    fn remember(&self, repository: &Repository, tag: &str, digest: &Digest) -> Result<(), Error> {
        files::write(&self.tag(repository, tag), digest.to_string().as_bytes(), 0o600)
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Names have characters that file names cannot have.
    fn tag(&self, repository: &Repository, tag: &str) -> PathBuf {
        self.root.join("refs").join(Digest::of(format!("{repository}:{tag}").as_bytes()).hex())
    }

    fn referrers(&self, repository: &Repository, subject: &Digest) -> PathBuf {
        self.root.join("referrers").join(Digest::of(format!("{repository}@{subject}").as_bytes()).hex())
    }
}

/// A registry with a cache in front of it. Tags are always asked for; contents only where they are not there yet.
///
/// The list of referrers is remembered for when the registry cannot be reached: signatures are verified whoever lists them.
#[derive(Debug, Clone)]
pub struct Cached<R> {
    registry: R,
    cache: Cache,
}

impl<R: Registry> Cached<R> {
    /// Puts a cache in front of a registry.
    pub fn new(registry: R, cache: Cache) -> Self {
        Self { registry, cache }
    }

    /// The registry behind the cache.
    pub fn registry(&self) -> &R {
        &self.registry
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cache) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let cache = self.cache.clone();
        files::apart(move || work(&cache)).await
    }
}

impl<R: Registry> Registry for Cached<R> {
    async fn read_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
    ) -> Result<Option<RawManifest>, Error> {
        if let ManifestRef::Digest(digest) = *manifest
            && let Some(bytes) = self.with(move |cache| cache.get(&digest, MAX_MANIFEST)).await?
        {
            let media_type = Envelope::read(&bytes, || digest.to_string())?.own_media_type();
            return Ok(Some(RawManifest { media_type, bytes }));
        }
        let fetched = match self.registry.manifest(repository, manifest).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            fetched => fetched?,
        };
        let (repository, manifest, bytes) = (repository.clone(), manifest.clone(), fetched.bytes.clone());
        self.with(move |cache| {
            let digest = cache.put(&bytes)?;
            match manifest {
                ManifestRef::Tag(tag) => cache.remember(&repository, &tag, &digest),
                ManifestRef::Digest(_) => Ok(()),
            }
        })
        .await?;
        Ok(Some(RawManifest { media_type: fetched.media_type, bytes: fetched.bytes }))
    }

    async fn read_blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        let (digest, size) = (blob.digest, blob.size);
        let bytes = match self.with(move |cache| cache.get(&digest, size)).await? {
            Some(bytes) => bytes,
            None => match self.registry.blob(repository, blob, size).await {
                Err(Error::NotFound { .. }) => return Ok(None),
                fetched => {
                    let bytes = fetched?;
                    let kept = bytes.clone();
                    self.with(move |cache| cache.put(&kept)).await?;
                    bytes
                }
            },
        };
        Ok(Some(stream::once(async { Ok(bytes) }).boxed()))
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<String>, Error> {
        self.registry.tags(repository).await
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let path = self.cache.referrers(repository, subject);
        let listed = self.registry.referrers(repository, subject).await;
        match listed {
            Ok(listed) => {
                if let Ok(bytes) = serde_json::to_vec(&listed) {
                    self.with(move |_| files::write(&path, &bytes, 0o600)).await?;
                }
                Ok(listed)
            }
            Err(error) if error.is_unreachable() => {
                let remembered = self.with(move |_| files::read(&path, MAX_MANIFEST)).await?;
                remembered.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn write_blob(&self, repository: &Repository, blob: &Descriptor, bytes: Bytes) -> Result<(), Error> {
        self.registry.write_blob(repository, blob, bytes).await
    }

    async fn write_manifest(
        &self,
        repository: &Repository,
        manifest: &ManifestRef,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<(), Error> {
        self.registry.write_manifest(repository, manifest, media_type, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::layout::Directory;
    use crate::pack::tests::package;
    use crate::progress::Silent;
    use crate::push::{PushOptions, push};

    #[test]
    fn content_is_kept_for_this_user_and_verified_when_read() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("deep/cache")).unwrap();
        let digest = cache.put(b"content").unwrap();
        assert_eq!(cache.put(b"content").unwrap(), digest);
        assert_eq!(cache.get(&digest, 7).unwrap().unwrap(), "content");
        assert_eq!(cache.get(&digest, 6).unwrap(), None);
        assert_eq!(cache.get(&Digest::of(b"other"), 9).unwrap(), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&cache.root), mode(&cache.blob(&digest))), (0o700, 0o600));

        fs::write(cache.blob(&digest), "changed").unwrap();
        assert_eq!(cache.get(&digest, 100).unwrap(), None);
        assert!(!cache.blob(&digest).exists());
        std::os::unix::fs::symlink("/dev/zero", cache.blob(&digest)).unwrap();
        assert_eq!(cache.get(&digest, 100).unwrap(), None);
        assert_eq!(fs::read_dir(cache.root.join("blobs/sha256")).unwrap().count(), 0);
    }

    #[test]
    fn many_writers_leave_one_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| Cache::open(dir.path()).unwrap().put(&bytes).unwrap());
            }
        });
        let cache = Cache::open(dir.path()).unwrap();
        assert!(cache.get(&Digest::of(&bytes), 1 << 20).unwrap().is_some());
        assert_eq!(fs::read_dir(cache.root.join("blobs/sha256")).unwrap().count(), 1);
    }

    /// Names the directory to the processes that the next test starts and kills: this program itself.
    const WRITES_TO: &str = "CACHE_THAT_A_TEST_WRITES_TO";

    #[test]
    fn what_killed_processes_leave_is_whole_or_is_no_content() {
        if let Some(root) = std::env::var_os(WRITES_TO) {
            let cache = Cache::open(Path::new(&root)).unwrap();
            // It ends by itself, should nobody be left who kills it.
            for number in (0..8).cycle().take(2_000) {
                cache.put(&vec![number; 1 << 20]).unwrap();
            }
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let blobs = dir.path().join("blobs/sha256");
        let mut whole = 0;
        for round in 0..6 {
            let writer = || {
                let mut command = std::process::Command::new(std::env::current_exe().unwrap());
                command.args(["--exact", "cache::tests::what_killed_processes_leave_is_whole_or_is_no_content"]);
                command.env(WRITES_TO, dir.path()).stdout(std::process::Stdio::null()).spawn().unwrap()
            };
            let mut writers = [writer(), writer(), writer()];
            std::thread::sleep(std::time::Duration::from_millis(150 + 37 * round));
            for writer in &mut writers {
                // SIGKILL, so that nothing of it can clean up.
                writer.kill().unwrap();
                writer.wait().unwrap();
            }
            for entry in fs::read_dir(&blobs).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                // What was not finished has a name that no content has.
                if !name.starts_with('.') {
                    whole += 1;
                    assert_eq!(Digest::of(&fs::read(entry.path()).unwrap()).hex(), name);
                }
            }
        }
        assert!(whole > 0, "the writers wrote nothing");
        let cache = Cache::open(dir.path()).unwrap();
        for number in 0..8 {
            let digest = cache.put(&vec![number; 1 << 20]).unwrap();
            assert!(cache.get(&digest, 1 << 20).unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn contents_outlive_the_registry_and_tags_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Directory::create(&dir.path().join("layout")).unwrap();
        let repository: Repository = "r.example/postgres".parse().unwrap();
        let package = package();
        push(&registry, &repository, &package, &PushOptions::default(), &Silent).await.unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        let cached = Cached::new(registry, cache.clone());
        let tag = ManifestRef::Tag("v14.2.0".into());
        let fetched = cached.manifest(&repository, &tag).await.unwrap();
        for (blob, bytes) in &package.blobs {
            assert_eq!(cached.blob(&repository, blob, 1 << 20).await.unwrap(), bytes);
        }
        assert_eq!(cache.remembered(&repository, "v14.2.0").unwrap(), Some(package.digest));

        let larger = [package.blobs[1].1.as_ref(), b"more"].concat();
        fs::write(cache.blob(&package.blobs[1].0.digest), larger).unwrap();
        for (blob, bytes) in &package.blobs {
            assert_eq!(cached.blob(&repository, blob, 1 << 20).await.unwrap(), bytes);
        }

        fs::remove_dir_all(dir.path().join("layout/blobs")).unwrap();
        let digest = ManifestRef::Digest(package.digest);
        let again = cached.manifest(&repository, &digest).await.unwrap();
        assert_eq!((again.bytes, again.media_type), (fetched.bytes, fetched.media_type));
        for (blob, bytes) in &package.blobs {
            assert_eq!(cached.blob(&repository, blob, 1 << 20).await.unwrap(), bytes);
        }
        assert_eq!(cached.manifest(&repository, &tag).await.unwrap_err().reason(), "NotFound");
    }
}
