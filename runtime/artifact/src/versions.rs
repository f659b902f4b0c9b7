//! Tags that are versions. `v14.2.0` never moves; `v14` and `v14.2` move forward; a range chooses among full versions.

use semver::{Version, VersionReq};

use crate::error::Error;
use crate::reference::{ManifestRef, Reference, Repository, is_tag};
use crate::registry::{Fetched, Registry};

/// Why a tag or range is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// A push under a tag that is not the pattern's version.
    #[error("the tag `{tag}` is not the pattern's version {version}: push without a tag, or with `{expected}`")]
    TagIsNotVersion {
        /// The tag that was given.
        tag: String,
        /// The pattern's version.
        version: Version,
        /// The tag that it gets.
        expected: String,
    },
    /// The version is too long for a tag.
    #[error("the version {version} makes no tag, which has at most 128 characters")]
    NoTag {
        /// The pattern's version.
        version: Version,
    },
    /// Not a range of versions.
    #[error("`{}` is no range of versions, as `^7.2`, `>=1, <2` or `14.x` are: {problem}", .range.escape_debug())]
    BadRange {
        /// What was found.
        range: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No tag is in the range.
    #[error("{repository} has no version in `{range}`; its newest is {}", .newest.as_deref().unwrap_or("none"))]
    NoneInRange {
        /// Where.
        repository: String,
        /// The range.
        range: String,
        /// The highest version that there is.
        newest: Option<String>,
    },
    /// The immutable tag is there with other content.
    #[error(
        "{repository}:{tag} exists with other content, and a version never changes: raise the version, or replace it with --force"
    )]
    TagExists {
        /// Where.
        repository: String,
        /// The tag.
        tag: String,
    },
}

impl VersionError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TagIsNotVersion { .. } => "TagIsNotVersion",
            Self::NoTag { .. } => "NoTag",
            Self::BadRange { .. } => "BadRange",
            Self::NoneInRange { .. } => "NoneInRange",
            Self::TagExists { .. } => "TagExists",
        }
    }
}

/// The immutable tag of a version: `v14.2.0`, with `_` for `+`, which tags cannot have.
///
/// # Errors
/// [`VersionError::NoTag`].
pub fn tag_of(version: &Version) -> Result<String, VersionError> {
    let tag = format!("v{version}").replace('+', "_");
    if is_tag(&tag) { Ok(tag) } else { Err(VersionError::NoTag { version: version.clone() }) }
}

/// The full version that a tag is, with or without `v`. None for floating tags and names.
pub fn version_of(tag: &str) -> Option<Version> {
    tag.strip_prefix('v').unwrap_or(tag).replacen('_', "+", 1).parse().ok()
}

/// The tag to push a version under: its own, or `given` as it stands, if that is the version with or without the `v`.
///
/// # Errors
/// [`VersionError::TagIsNotVersion`] and [`VersionError::NoTag`].
pub fn push_tag(version: &Version, given: Option<&str>) -> Result<String, VersionError> {
    let expected = tag_of(version)?;
    match given {
        None => Ok(expected),
        Some(tag) if tag == expected || Some(tag) == expected.strip_prefix('v') => Ok(tag.to_owned()),
        Some(tag) => Err(VersionError::TagIsNotVersion { tag: tag.to_owned(), version: version.clone(), expected }),
    }
}

/// The tags that follow a version, `v14` and `v14.2`; none follow a pre-release.
pub fn floating_tags(version: &Version) -> Vec<String> {
    match version.pre.is_empty() {
        true => vec![format!("v{}", version.major), format!("v{}.{}", version.major, version.minor)],
        false => Vec::new(),
    }
}

/// Whether a tag that floats at `current` moves to `next`: forward only. One that is nowhere yet does.
pub fn moves(current: Option<&Version>, next: &Version) -> bool {
    current.is_none_or(|current| next > current)
}

/// Whether a pattern of this version may stand under this tag: a version must be its own, a floating tag one of its line. Other
/// tags say nothing.
pub fn fits_tag(version: &Version, tag: &str) -> bool {
    let bare = tag.strip_prefix('v').unwrap_or(tag);
    if let Some(tagged) = version_of(tag) {
        return tagged == *version;
    }
    let numbers: Option<Vec<u64>> = bare.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([major]) => *major == version.major,
        Some([major, minor]) => (*major, *minor) == (version.major, version.minor),
        _ => true,
    }
}

/// The same tag with the `v` that it lacks or without the one that it has, where it begins like a version.
pub fn other_spelling(tag: &str) -> Option<String> {
    match tag.strip_prefix('v') {
        Some(bare) if bare.starts_with(|first: char| first.is_ascii_digit()) => Some(bare.to_owned()),
        None if tag.starts_with(|first: char| first.is_ascii_digit()) => Some(format!("v{tag}")),
        _ => None,
    }
}

/// Reads a range: `^7.2`, `>=1, <2`, `14.x`.
///
/// # Errors
/// [`VersionError::BadRange`].
pub fn range(text: &str) -> Result<VersionReq, VersionError> {
    text.parse()
        .map_err(|error: semver::Error| VersionError::BadRange { range: text.to_owned(), problem: error.to_string() })
}

/// The highest full version in the range and its tag. Where a version has two tags, the one with `v`.
pub fn best(range: &VersionReq, tags: &[String]) -> Option<(Version, String)> {
    highest(tags.iter().filter(|tag| version_of(tag).is_some_and(|version| range.matches(&version))))
}

fn highest<'a>(tags: impl Iterator<Item = &'a String>) -> Option<(Version, String)> {
    tags.filter_map(|tag| Some((version_of(tag)?, tag.clone()))).max()
}

/// Chooses from the tags of a repository.
///
/// # Errors
/// [`VersionError::NoneInRange`], and those of listing tags.
pub async fn choose(
    registry: &impl Registry,
    repository: &Repository,
    range: &VersionReq,
) -> Result<(Version, String), Error> {
    let tags = registry.tags(repository).await?;
    best(range, &tags).ok_or_else(|| {
        let newest = highest(tags.iter()).map(|(version, _)| version.to_string());
        VersionError::NoneInRange { repository: repository.to_string(), range: range.to_string(), newest }.into()
    })
}

/// The manifest of a reference: by its digest, else by its tag, else by the tag's other spelling. The reference that comes back has
/// the tag that was found and the digest.
///
/// # Errors
/// [`Error::NotFound`], also where the reference has neither, and those of fetching.
pub async fn find(registry: &impl Registry, reference: &Reference) -> Result<(Reference, Fetched), Error> {
    let missing = || Error::NotFound { what: reference.to_string() };
    let repository = &reference.repository;
    let found = |tag: Option<String>, fetched: Fetched| {
        (Reference { repository: repository.clone(), tag, digest: Some(fetched.digest) }, fetched)
    };
    let wanted = reference.manifest().ok_or_else(missing)?;
    let first = registry.manifest(repository, &wanted).await;
    let ManifestRef::Tag(tag) = wanted else {
        return Ok(found(reference.tag.clone(), first?));
    };
    match (first, other_spelling(&tag)) {
        (Err(Error::NotFound { .. }), Some(other)) => {
            let second = registry.manifest(repository, &ManifestRef::Tag(other.clone())).await;
            match second {
                Err(Error::NotFound { .. }) => Err(missing()),
                second => Ok(found(Some(other), second?)),
            }
        }
        (first, _) => Ok(found(Some(tag), first?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn chosen(wanted: &str, tags: &[&str]) -> Option<String> {
        let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        best(&range(wanted).unwrap(), &tags).map(|(_, tag)| tag)
    }

    #[test]
    fn a_version_has_one_tag_and_may_be_pushed_without_its_v() {
        assert_eq!(push_tag(&v("14.2.0"), None).unwrap(), "v14.2.0");
        assert_eq!(push_tag(&v("14.2.0+pg.3"), None).unwrap(), "v14.2.0_pg.3");
        assert_eq!(push_tag(&v("14.2.0"), Some("14.2.0")).unwrap(), "14.2.0");
        for tag in ["v14", "latest", "v14.2.1", "vv14.2.0"] {
            assert_eq!(push_tag(&v("14.2.0"), Some(tag)).unwrap_err().reason(), "TagIsNotVersion", "{tag}");
        }
        let long = v(&format!("1.0.0+{}", "x".repeat(130)));
        assert_eq!(tag_of(&long).unwrap_err().reason(), "NoTag");
    }

    #[test]
    fn tags_that_float_go_forward_only() {
        assert_eq!(floating_tags(&v("14.2.0")), ["v14", "v14.2"]);
        assert!(floating_tags(&v("14.2.0-rc.1")).is_empty());
        assert!(moves(None, &v("1.0.0")) && moves(Some(&v("1.0.0")), &v("1.0.1")));
        assert!(!moves(Some(&v("1.0.1")), &v("1.0.0")) && !moves(Some(&v("1.0.0")), &v("1.0.0")));
    }

    #[test]
    fn a_tag_must_fit_the_version_beneath_it() {
        for (tag, fits) in [
            ("v14.2.0", true),
            ("14.2.0", true),
            ("v14", true),
            ("14.2", true),
            ("stable", true),
            ("v14.2.1", false),
            ("v13", false),
            ("v14.3", false),
            ("v14.2.0-rc.1", false),
        ] {
            assert_eq!(fits_tag(&v("14.2.0"), tag), fits, "{tag}");
        }
    }

    #[test]
    fn ranges_choose_the_highest_full_version() {
        let tags = ["v7", "v7.9", "v7.2.0", "7.10.0", "v7.9.3", "v8.0.0", "latest", "v7.11.0-rc.1", "v7.1.9"];
        assert_eq!(chosen("^7.2", &tags).as_deref(), Some("7.10.0"));
        assert_eq!(chosen(">=7, <7.9", &tags).as_deref(), Some("v7.2.0"));
        assert_eq!(chosen("8.x", &tags).as_deref(), Some("v8.0.0"));
        assert_eq!(chosen("=7.11.0-rc.1", &tags).as_deref(), Some("v7.11.0-rc.1"));
        assert_eq!(chosen("^9", &tags), None);
        assert_eq!(chosen("*", &["1.0.0", "v1.0.0"]).as_deref(), Some("v1.0.0"));
        assert_eq!(range("seven").unwrap_err().reason(), "BadRange");
    }

    #[test]
    fn the_other_spelling_is_tried_for_versions_only() {
        assert_eq!(other_spelling("v14").as_deref(), Some("14"));
        assert_eq!(other_spelling("14.2").as_deref(), Some("v14.2"));
        assert_eq!((other_spelling("latest"), other_spelling("vendor")), (None, None));
    }
}
