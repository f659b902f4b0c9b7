//! Files that several processes write at once: whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::error::Error;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Runs work on files where it does not keep other tasks from running.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Cancelled)?
}

/// Makes a directory and those above it, for this user alone.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file("making the directory", path))
}

/// The bytes of a regular file of at most `limit` bytes; none where there is no file.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Bytes>, Error> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::file("reading", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { what: path.display().to_string(), limit });
    }
    Ok(Some(bytes.into()))
}

/// Opens a regular file; none where there is none. A link or pipe that stands in its place is never followed or waited for.
pub(crate) fn open(path: &Path) -> Result<Option<File>, Error> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(no_follow.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("opening", path)(error)),
    };
    match file.metadata().map_err(Error::file("opening", path))?.is_file() {
        true => Ok(Some(file)),
        false => Err(Error::file("opening", path)(std::io::Error::other("not a regular file"))),
    }
}

/// Writes a file under another name, makes it durable, and moves it into place.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let partial = partial(path);
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    written().map_err(|error| {
        // What is left is not seen by anyone: its name is no content's name.
        let _ = fs::remove_file(&partial);
        Error::file("writing", path)(error)
    })
}

/// A name beside `path` that no other writer has.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{number}.partial", std::process::id()))
}
