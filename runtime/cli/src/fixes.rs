//! `ork check --fix`: the edits of diagnostics, made in the files of a pattern directory.

use std::fmt;
use std::path::Path;

use orkestra_pattern::diagnostic::{self, Diagnostics};
use orkestra_pattern::source::Source;
use serde_json::{Value, json};

use crate::commands::replace;
use crate::error::Error;
use crate::output::escape;
use crate::pattern_dir::PatternDir;
use crate::problems;

/// How often a directory is looked at again: an edit inside of another one is made in the next round.
const ROUNDS: usize = 100;
/// What a text file of Windows begins with, and offsets into a file do not count.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One thing that was changed.
#[derive(Debug)]
pub(crate) struct Made {
    /// Where it stood: `katalog.yaml:12:8`.
    place: String,
    change: diagnostic::Change,
}

impl Made {
    /// For a machine.
    pub(crate) fn report(&self) -> Value {
        let diagnostic::Change { code, before, after, .. } = &self.change;
        json!({"code": code, "place": self.place, "before": before, "after": after})
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let diagnostic::Change { before, after, .. } = &self.change;
        match before.as_str() {
            "" => write!(f, "{}: added {}", escape(&self.place), escape(after)),
            _ => write!(f, "{}: {} → {}", escape(&self.place), escape(before), escape(after)),
        }
    }
}

/// Makes every edit that a check of the directory proposes, until it proposes none.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn make(dir: &Path) -> Result<Vec<Made>, Error> {
    let mut made = Vec::new();
    for _ in 0..ROUNDS {
        let files = PatternDir::read(dir)?;
        let (_, mut diagnostics, _) = problems::of(&files);
        diagnostics.sort();
        let before = made.len();
        for name in files.names() {
            let Some(fixed) =
                files.source.find(name).and_then(|file| diagnostic::fix(&files.source, file, &diagnostics))
            else {
                continue;
            };
            let mark = files.bytes(name).is_some_and(|bytes| bytes.starts_with(BYTE_ORDER_MARK));
            let bytes = [if mark { BYTE_ORDER_MARK } else { &[] }, fixed.text.as_bytes()].concat();
            // What a link leads to is replaced, and not the link.
            let path = dir.join(name);
            let target = path.canonicalize().map_err(|source| Error::Read { path, source })?;
            replace(&target, &bytes)?;
            made.extend(fixed.changes.into_iter().map(|change| Made { place: files.place(change.span), change }));
        }
        if made.len() == before {
            break;
        }
    }
    Ok(made)
}

/// A Katalog's text with all such edits made, without a directory around it.
pub(crate) fn of_text(name: &str, text: &[u8], check: impl Fn(&Source) -> Diagnostics) -> (String, Vec<Made>) {
    let mut made = Vec::new();
    let mut source = Source::new().with(name, text);
    for _ in 0..ROUNDS {
        let diagnostics = check(&source);
        let Some(fixed) = source.find(name).and_then(|file| diagnostic::fix(&source, file, &diagnostics)) else {
            break;
        };
        made.extend(fixed.changes.into_iter().map(|change| Made { place: source.shown(change.span), change }));
        source = Source::new().with(name, fixed.text.as_bytes());
    }
    let text = source.find(name).and_then(|file| source.file(file)).map_or("", |file| file.text());
    (text.to_owned(), made)
}
