//! Names of artifacts in registries: `registry.example:5000/patterns/postgres:v14.2.0@sha256:…`.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// Bounds of the OCI distribution specification: a tag has at most 128 characters, a name at most 255 with its host.
const LONGEST_TAG: usize = 128;
const LONGEST_NAME: usize = 255;

/// A repository of a registry: `registry.example:5000/patterns/postgres`. The registry is always written out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    registry: String,
    path: String,
}

/// Which manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ManifestRef {
    /// By a name that may move.
    Tag(String),
    /// By content.
    Digest(Digest),
}

/// A repository, and which manifest of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The tag, if one is written.
    pub tag: Option<String>,
    /// The digest, if one is written; it decides, and the tag beside it is for people.
    pub digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a reference: {problem}", .text.escape_debug())]
pub struct NotAReference {
    /// What was found.
    pub text: String,
    /// What is wrong with it, and what was expected.
    pub problem: &'static str,
}

impl Repository {
    /// `host[:port]`, in lower case.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path below the registry: `patterns/postgres`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The last segment of the path: what a pattern's name must equal.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The same path, or one below another prefix, at another registry. For mirrors.
    ///
    /// # Errors
    /// Where the two do not make a repository.
    pub fn at(registry: &str, path: &str) -> Result<Self, NotAReference> {
        let text = format!("{registry}/{path}");
        let wrong = |problem| NotAReference { text: text.clone(), problem };
        if text.len() > LONGEST_NAME {
            return Err(wrong("it has more than 255 characters"));
        }
        if !is_host(registry) {
            return Err(wrong("it must begin with a registry's host, as in `ghcr.io/…` or `localhost:5000/…`"));
        }
        if !path.split('/').all(is_segment) {
            return Err(wrong(
                "after the registry a path is expected: lower-case letters, digits, and `.`, `_`, `-` between them",
            ));
        }
        Ok(Self { registry: registry.to_ascii_lowercase(), path: path.to_owned() })
    }
}

impl Reference {
    /// The manifest that is meant: by digest where there is one, else by tag. None where neither is written.
    pub fn manifest(&self) -> Option<ManifestRef> {
        self.digest.map(ManifestRef::Digest).or_else(|| self.tag.clone().map(ManifestRef::Tag))
    }
}

/// A registry as it is named: `ghcr.io`, `localhost:5000`. In lower case.
///
/// # Errors
/// Where it is none.
pub fn registry(text: &str) -> Result<String, NotAReference> {
    match is_host(text) {
        true => Ok(text.to_ascii_lowercase()),
        false => {
            let problem = "a registry's host is expected, as in `ghcr.io` or `localhost:5000`";
            Err(NotAReference { text: text.to_owned(), problem })
        }
    }
}

/// `localhost`, a name with a dot, or anything with a port; an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && (host.contains('.') || port.is_some() || host == "localhost")
}

/// The grammar of the distribution specification: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
pub(crate) fn is_segment(text: &str) -> bool {
    let mut gap = String::new();
    let mut seen = false;
    for character in text.chars() {
        match character {
            'a'..='z' | '0'..='9' => {
                let between = gap.is_empty()
                    || matches!(gap.as_str(), "." | "_" | "__")
                    || gap.chars().all(|character| character == '-');
                if !between || (!seen && !gap.is_empty()) {
                    return false;
                }
                gap.clear();
                seen = true;
            }
            '.' | '_' | '-' => gap.push(character),
            _ => return false,
        }
    }
    seen && gap.is_empty()
}

/// The grammar of the distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub fn is_tag(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    text.len() <= LONGEST_TAG && !text.is_empty() && text.bytes().all(inner) && !text.starts_with(['.', '-'])
}

impl FromStr for Repository {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let reference: Reference = text.parse()?;
        if reference.manifest().is_some() {
            let problem = "a repository is expected, without a tag or digest";
            return Err(NotAReference { text: text.to_owned(), problem });
        }
        Ok(reference.repository)
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let wrong = |problem| NotAReference { text: text.to_owned(), problem };
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest =
                    digest.parse().map_err(|_| wrong("after `@` a digest is expected, `sha256:<64 digits>`"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let Some((registry, path)) = rest.split_once('/') else {
            return Err(wrong("it must begin with a registry's host, as in `ghcr.io/…` or `localhost:5000/…`"));
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((_, tag)) if !is_tag(tag) => {
                return Err(wrong("after `:` a tag is expected: letters, digits, `_`, `.`, `-`, at most 128"));
            }
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (path, None),
        };
        let repository = Repository::at(registry, path).map_err(|error| wrong(error.problem))?;
        Ok(Self { repository, tag, digest })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ManifestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written() {
        let digest = Digest::of(b"");
        for text in [
            "ghcr.io/orkestra-sh/registry/postgres:v14",
            "localhost/a",
            "localhost:5000/a/b__c/d-e.f:1.0.0_build",
            "[::1]:5000/a",
            &format!("127.0.0.1:80/a:x@{digest}"),
            &format!("r.example/a@{digest}"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), *text);
        }
        let whole: Reference = format!("oci://R.example/a/pg:x@{digest}").parse().unwrap();
        assert_eq!((whole.repository.registry(), whole.repository.name()), ("r.example", "pg"));
        assert_eq!(whole.manifest(), Some(ManifestRef::Digest(digest)));
    }

    #[test]
    fn what_is_no_reference_says_why() {
        for (text, problem) in [
            ("", "must begin with a registry's host"),
            ("postgres", "must begin with a registry's host"),
            ("library/postgres", "must begin with a registry's host"),
            ("-a.b/c", "must begin with a registry's host"),
            ("a.b:99999/c", "must begin with a registry's host"),
            ("[::x]/c", "must begin with a registry's host"),
            ("a.b/", "a path is expected"),
            ("a.b/C", "a path is expected"),
            ("a.b/c/../d", "a path is expected"),
            ("a.b/c//d", "a path is expected"),
            ("a.b/c%2fd", "a path is expected"),
            ("a.b/c___d", "a path is expected"),
            ("a.b/c:", "a tag is expected"),
            ("a.b/c:-x", "a tag is expected"),
            ("a.b/c@sha256:1", "a digest is expected"),
            ("a.b/c@", "a digest is expected"),
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error}");
        }
        assert!("a.b/c:x".parse::<Repository>().is_err());
    }
}
