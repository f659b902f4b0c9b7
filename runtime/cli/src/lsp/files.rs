//! Which files belong together, and which text each has: what an editor has open comes before what is on the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orkestra_pattern::KATALOG;
use orkestra_pattern::query::Document;
use orkestra_pattern::table::Table;

use crate::cases::CASE;
use crate::pattern_dir::{FILES, PatternDir, read_bounded};

/// The texts that an editor has open, by their files.
#[derive(Default)]
pub(super) struct Open {
    files: BTreeMap<PathBuf, Text>,
    /// As the editor names its files, also when they are closed: there is more than one way to write a URI.
    uris: BTreeMap<PathBuf, String>,
}

/// A text that an editor has open.
pub(super) struct Text {
    pub(super) version: i32,
    pub(super) text: String,
}

impl Open {
    pub(super) fn put(&mut self, path: PathBuf, uri: String, text: Text) {
        self.uris.insert(path.clone(), uri);
        self.files.insert(path, text);
    }

    pub(super) fn close(&mut self, path: &Path) {
        self.files.remove(path);
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Text> {
        self.files.get(path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// The name of a file for the editor.
    pub(super) fn uri(&self, path: &Path) -> String {
        self.uris.get(path).cloned().unwrap_or_else(|| uri_of(path))
    }

    /// A file's text, as the editor or the disk has it. None where there is none that can be read.
    fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        match self.files.get(path) {
            Some(open) => Some(open.text.clone().into_bytes()),
            None => read_bounded(path).ok(),
        }
    }

    fn is_there(&self, path: &Path) -> bool {
        self.files.contains_key(path) || path.is_file()
    }
}

/// Files that are checked together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    /// The directory of a pattern.
    Pattern(PathBuf),
    /// A file of a pattern's cases, with the pattern's directory.
    Cases(PathBuf, PathBuf),
    /// A Komposer that stands alone.
    Komposer(PathBuf),
    /// A policy.
    Policy(PathBuf),
}

impl Unit {
    /// What a file belongs to; none for files that are not ours.
    pub(super) fn of(path: &Path, open: &Open) -> Option<Unit> {
        let (dir, name) = (path.parent()?, path.file_name()?.to_str()?);
        let is_pattern = |dir: &Path| open.is_there(&dir.join("katalog.yaml"));
        if FILES.contains(&name) && is_pattern(dir) {
            return Some(Unit::Pattern(dir.to_owned()));
        }
        let above = dir.parent().filter(|above| dir.ends_with("tests") && is_pattern(above));
        match (above, name) {
            (Some(above), _) if name.ends_with(".yaml") || name.ends_with(".yml") => {
                Some(Unit::Cases(path.to_owned(), above.to_owned()))
            }
            (_, "komposer.yaml") => Some(Unit::Komposer(path.to_owned())),
            (_, "policy.yaml") => Some(Unit::Policy(path.to_owned())),
            _ => None,
        }
    }

    /// The files that a pattern directory has, or the one file, with their texts.
    pub(super) fn read(&self, open: &Open) -> PatternDir {
        match self {
            Unit::Pattern(dir) => {
                let files = FILES.into_iter().filter_map(|name| Some((name, open.bytes(&dir.join(name))?)));
                PatternDir::of(files, &dir.display().to_string())
            }
            Unit::Cases(path, _) => PatternDir::of(open.bytes(path).map(|bytes| ("case.yaml", bytes)), ""),
            Unit::Komposer(path) => PatternDir::of(open.bytes(path).map(|bytes| ("komposer.yaml", bytes)), ""),
            Unit::Policy(path) => PatternDir::of(open.bytes(path).map(|bytes| ("policy.yaml", bytes)), ""),
        }
    }

    /// Where a file lies that the unit knows by this name.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Unit::Pattern(dir) => dir.join(name),
            Unit::Cases(path, _) | Unit::Komposer(path) | Unit::Policy(path) => path.clone(),
        }
    }
}

/// What a file is read by, which its name says.
pub(super) enum Kind {
    /// A Katalog: with expressions.
    Katalog,
    /// Another document of the project's own.
    Own(&'static Table),
    /// `crd.yaml`
    Crd,
    /// `cr.yaml`
    Resource,
    /// Anything else.
    Other,
}

impl Kind {
    pub(super) fn of(path: &Path, unit: &Unit) -> Kind {
        match (unit, path.file_name().and_then(|name| name.to_str())) {
            (Unit::Cases(..), _) => Kind::Own(&CASE),
            (_, Some("katalog.yaml")) => Kind::Katalog,
            (_, Some("komposer.yaml")) => Kind::Own(&orkestra_komposer::KOMPOSER),
            (_, Some("policy.yaml")) => Kind::Own(&orkestra_komposer::policy::POLICY),
            (_, Some("crd.yaml")) => Kind::Crd,
            (_, Some("cr.yaml")) => Kind::Resource,
            _ => Kind::Other,
        }
    }

    /// The tables or schema of its keys; `primary` is that of the pattern's resource.
    pub(super) fn document(
        &self,
        primary: impl FnOnce() -> Option<std::sync::Arc<orkestra_pattern::schema::Schema>>,
    ) -> Option<Document> {
        match self {
            Kind::Katalog => Some(Document::Own(&KATALOG)),
            Kind::Own(table) => Some(Document::Own(table)),
            Kind::Crd => {
                Some(Document::Kind { api_version: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" })
            }
            Kind::Resource => primary().map(Document::Schema),
            Kind::Other => None,
        }
    }
}

/// The file that a URI names; none for what is no file.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    // Behind a host, which is this machine.
    let path = rest.get(rest.find('/')?..)?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(byte) = path.as_bytes().get(at).copied() {
        let code = path.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/C:/…` on Windows.
    let drive = path.as_bytes().get(2) == Some(&b':') && cfg!(windows);
    Some(PathBuf::from(path.get(usize::from(drive)..)?))
}

/// The URI of a file.
fn uri_of(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_file_and_back() {
        for path in ["/a/b.yaml", "/a b/ö/100%/c#d?.yaml"] {
            assert_eq!(path_of(&uri_of(Path::new(path))).as_deref(), Some(Path::new(path)));
        }
        assert_eq!(path_of("file://localhost/a%20b").as_deref(), Some(Path::new("/a b")));
        for other in ["untitled:Untitled-1", "http://example.org/a", "file:", "file://", "", "file:///%ff"] {
            assert_eq!(path_of(other), None, "{other}");
        }
        assert_eq!(path_of("file:///a%2").as_deref(), Some(Path::new("/a%2")));
    }
}
