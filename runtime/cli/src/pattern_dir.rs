//! The files of a pattern directory, and the pattern that they make.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use orkestra_component::hook::MAX_HOOK;
use orkestra_pattern::FOREIGN;
use orkestra_pattern::diagnostic::{self, Diagnostic, Diagnostics, Severity};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::source::{Source, Span};
use serde_json::Value;

use crate::error::Error;
use crate::hooks;
use crate::output::Output;

/// What a pattern directory may hold that the language reads.
pub(crate) const FILES: [&str; 6] = ["katalog.yaml", "crd.yaml", FOREIGN, "komposer.yaml", "cr.yaml", "README.md"];

/// The most bytes of a file that the language takes.
pub(crate) const MAX_FILE: usize = 1 << 20;

/// The files of a pattern directory.
#[derive(Debug)]
pub(crate) struct PatternDir {
    /// By the names that the language knows.
    pub(crate) source: Source,
    /// The same files in the same order, by the names that the user knows.
    shown: Source,
    /// As they stand in the directory, byte for byte.
    bytes: Vec<(&'static str, Vec<u8>)>,
    hook: Option<Vec<u8>>,
}

impl PatternDir {
    /// Reads the files that exist.
    ///
    /// # Errors
    /// The path is no directory with a `katalog.yaml`, or a file cannot be read.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let mut this = Self { source: Source::new(), shown: Source::new(), bytes: Vec::new(), hook: None };
        for name in FILES {
            let path = dir.join(name);
            match read_bounded(&path) {
                Ok(bytes) => {
                    this.source.add(name, &bytes);
                    this.shown.add(shown(&path), &bytes);
                    this.bytes.push((name, bytes));
                }
                Err(Error::Read { source, .. })
                    if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(error),
            }
        }
        if this.source.find("katalog.yaml").is_some() {
            this.hook = hook(&dir.join(hooks::FILE))?;
            return Ok(this);
        }
        // A path that is not there at all is better told in the system's words.
        dir.metadata().map_err(|source| Error::Read { path: dir.to_owned(), source })?;
        Err(Error::NotAPattern { path: dir.to_owned() })
    }

    /// Files that come from elsewhere, by the names that the language knows. `from` is what they are shown below.
    pub(crate) fn of(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>, from: &str) -> Self {
        let mut this = Self { source: Source::new(), shown: Source::new(), bytes: Vec::new(), hook: None };
        for (name, bytes) in files {
            this.source.add(name, &bytes);
            this.shown.add(format!("{from}/{name}"), &bytes);
            this.bytes.push((name, bytes));
        }
        this
    }

    /// The component of its hooks.
    pub(crate) fn hook(&self) -> Option<&[u8]> {
        self.hook.as_deref()
    }

    /// The files that it has.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.bytes.iter().map(|(name, _)| *name)
    }

    /// A file's own bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.bytes.iter().find(|(file, _)| *file == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// That nothing of it was cut off, for whoever hands it on as it is.
    ///
    /// # Errors
    /// A file is larger than the language takes.
    pub(crate) fn whole(&self) -> Result<(), Error> {
        let sizes = self.shown.files().map(|file| (file.name(), file.size()));
        sizes.into_iter().try_for_each(|(name, size)| within(Path::new(name), size, MAX_FILE))
    }

    /// Why the API server would refuse a custom resource, by the checks that `cr.yaml` goes through. Nothing is found in a
    /// pattern that is wrong itself.
    pub(crate) fn refuses(&self, resource: &Value) -> Vec<String> {
        let mut source = Source::new();
        for name in ["katalog.yaml", "crd.yaml", FOREIGN] {
            if let Some(file) = self.source.find(name).and_then(|id| self.source.file(id)) {
                source.add(name, file.text().as_bytes());
            }
        }
        let file = source.add("cr.yaml", resource.to_string().as_bytes());
        let (_, problems) = orkestra_pattern::check(&source);
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let of_it = errors.filter(|problem| problem.span.is_some_and(|span| span.file == file));
        of_it.map(in_words).collect()
    }

    /// Where a span begins, by the names that the user knows.
    pub(crate) fn place(&self, span: Span) -> String {
        self.shown.shown(span)
    }

    /// Diagnostics as a person reads them.
    pub(crate) fn render(&self, diagnostics: &Diagnostics, colored: bool) -> String {
        let style = if colored { diagnostic::Style::Ansi } else { diagnostic::Style::Plain };
        diagnostic::render_all(diagnostics, &self.shown, style)
    }

    /// Its files, by the names that the user knows.
    pub(crate) fn as_shown(&self) -> &Source {
        &self.shown
    }

    /// Diagnostics as a machine reads them.
    pub(crate) fn report(&self, diagnostics: &Diagnostics) -> Value {
        diagnostic::Report::of(diagnostics, &self.shown)
    }

    /// Checks the pattern on the way to something else: problems go to stderr, and errors end the command.
    pub(crate) fn checked(&self, output: &Output) -> Result<Pattern, Error> {
        let (pattern, mut diagnostics) = orkestra_pattern::check(&self.source);
        diagnostics.drop_notes();
        diagnostics.sort();
        if !diagnostics.is_empty() {
            output.message(self.render(&diagnostics, output.stderr_colored()).trim_end());
            output.message("");
        }
        pattern.filter(|_| !diagnostics.has_errors()).ok_or_else(|| Error::problems(&diagnostics, &self.source))
    }
}

fn hook(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match read_up_to(path, MAX_HOOK) {
        Ok(bytes) if bytes.len() > MAX_HOOK => {
            Err(Error::HookBuild { problem: format!("`{}` is larger than {MAX_HOOK} bytes", shown(path)) })
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A problem without its place.
fn in_words(problem: &Diagnostic) -> String {
    let beside = [("expected", &problem.expected), ("found", &problem.found)];
    let beside: Vec<String> =
        beside.into_iter().filter_map(|(word, what)| Some(format!("{word} {}", what.as_ref()?))).collect();
    let beside = if beside.is_empty() { String::new() } else { format!(": {}", beside.join(", ")) };
    format!("{}{beside}", problem.message)
}

/// Reads a file that an author wrote, up to just beyond the language's bound.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, Error> {
    read_up_to(path, MAX_FILE)
}

/// Reads a file up to one byte more than `most`: enough for its reader to say that it is too large, and no more, so that a
/// file without an end (a pipe, a device) ends.
pub(crate) fn read_up_to(path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Reads a file whole, for what has no reader that knows its bound.
///
/// # Errors
/// It cannot be read, or is larger than `most` bytes.
pub(crate) fn read_whole(path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    let bytes = read_up_to(path, most)?;
    within(path, bytes.len(), most).map(|()| bytes)
}

fn within(path: &Path, size: usize, most: usize) -> Result<(), Error> {
    if size <= most {
        return Ok(());
    }
    Err(Error::Unusable {
        problem: format!("`{}` is larger than {}", shown(path), crate::output::size(most)),
        hint: Some("make it smaller: what is longer is not read".to_owned()),
    })
}

/// A path as seen from where the user stands: `katalog.yaml` and not `./katalog.yaml`, but `.` itself.
pub(crate) fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").ok().filter(|rest| *rest != Path::new("")).unwrap_or(path);
    path.display().to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_on_is_whole() {
        let files = |size: usize| PatternDir::of([("README.md", vec![b'x'; size])], "web");
        assert!(files(MAX_FILE).whole().is_ok());
        let error = files(MAX_FILE + 1).whole().unwrap_err();
        assert_eq!(error.to_string(), "`web/README.md` is larger than 1,048,576 bytes");
        assert!(read_whole(Path::new("Cargo.toml"), 10).is_err());
        assert!(read_whole(Path::new("Cargo.toml"), MAX_FILE).is_ok());
    }
}
