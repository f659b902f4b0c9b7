//! Files that are watched for saves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::pattern_dir::read_bounded;

/// How often files are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// What the language reads of a pattern directory. A README and tests do not change what runs.
const NAMES: [&str; 3] = ["katalog.yaml", "crd.yaml", "cr.yaml"];

/// Some small files, by their contents: a save that changes nothing is none, and it does not matter whether an editor writes
/// in place, by another name, or from another machine.
pub(crate) struct Saves {
    paths: Vec<PathBuf>,
    contents: Vec<Option<[u8; 32]>>,
}

impl Saves {
    /// Of a pattern directory, and of further files.
    pub(crate) fn new<'a>(dir: &Path, others: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut paths: Vec<PathBuf> = NAMES.iter().map(|name| dir.join(name)).collect();
        for other in others {
            if !paths.iter().any(|path| path == other) {
                paths.push(other.to_owned());
            }
        }
        let contents = contents(&paths);
        Self { paths, contents }
    }

    /// The files that were saved since this was asked last.
    pub(crate) fn saved(&mut self) -> Vec<PathBuf> {
        let now = contents(&self.paths);
        let before = std::mem::replace(&mut self.contents, now);
        let changed = self.paths.iter().zip(&self.contents).zip(&before).filter(|((_, now), before)| now != before);
        changed.map(|((path, _), _)| path.clone()).collect()
    }
}

/// None for a file that cannot be read: an editor may be about to put it back.
fn contents(paths: &[PathBuf]) -> Vec<Option<[u8; 32]>> {
    paths.iter().map(|path| read_bounded(path).ok().map(|bytes| Sha256::digest(bytes).into())).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_other_contents_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let (katalog, cr) = (dir.path().join("katalog.yaml"), dir.path().join("cr.yaml"));
        std::fs::write(&katalog, "a").unwrap();
        let mut files = Saves::new(dir.path(), [&*cr]);
        std::fs::write(&katalog, "a").unwrap();
        assert!(files.saved().is_empty());
        std::fs::write(dir.path().join("new"), "b").unwrap();
        std::fs::rename(dir.path().join("new"), &katalog).unwrap();
        std::fs::write(&cr, "c").unwrap();
        assert_eq!(files.saved(), [katalog, cr]);
        assert!(files.saved().is_empty());
    }
}
