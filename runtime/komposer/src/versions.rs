//! Which tag of a repository an import means.

use orkestra_artifact::{Digest, Reference};
use semver::{Version, VersionReq};

/// What is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This manifest, whatever tags say.
    Digest(Digest),
    /// What this tag names now.
    Tag(String),
}

/// Why no tag fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVersion {
    /// A tag that is not there, with or without `v`.
    #[error("{repository} has no tag `{tag}`, and none that differs from it by a `v` alone")]
    NoSuchTag {
        /// The repository.
        repository: String,
        /// As written.
        tag: String,
    },
    /// No full version in the range.
    #[error("{repository} has no version in `{range}`; its newest is {}", newest.as_deref().unwrap_or("none"))]
    NothingInRange {
        /// The repository.
        repository: String,
        /// As written.
        range: String,
        /// The highest full version among the tags.
        newest: Option<String>,
    },
    /// Neither a tag, a digest nor a range.
    #[error("{repository} is named without a tag, a digest or a range of versions")]
    Nothing {
        /// The repository.
        repository: String,
    },
}

impl NoVersion {
    /// The word for this in conditions and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSuchTag { .. } => "NoSuchTag",
            Self::NothingInRange { .. } => "NothingInRange",
            Self::Nothing { .. } => "NothingNamed",
        }
    }
}

/// The version that a tag names in full: `1.2.3` or `v1.2.3`; none for `v14` and `latest`.
pub fn version_of(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// What an import means among the `tags` of its repository: a digest as it is, a tag that is there with or without `v`, or the
/// highest full version in a range. A tag that is there exactly is preferred.
///
/// # Errors
/// Every [`NoVersion`].
pub fn choose(reference: &Reference, range: Option<&VersionReq>, tags: &[String]) -> Result<Wanted, NoVersion> {
    let repository = || reference.repository.to_string();
    if let Some(digest) = reference.digest {
        return Ok(Wanted::Digest(digest));
    }
    if let Some(tag) = &reference.tag {
        let other = tag.strip_prefix('v').map_or_else(|| format!("v{tag}"), str::to_owned);
        let found = [tag, &other].into_iter().find(|tag| tags.contains(tag));
        return found
            .map(|tag| Wanted::Tag(tag.clone()))
            .ok_or_else(|| NoVersion::NoSuchTag { repository: repository(), tag: tag.clone() });
    }
    let Some(range) = range else { return Err(NoVersion::Nothing { repository: repository() }) };
    // Of `1.2.3` and `v1.2.3` always the same one, in whatever order a registry lists them.
    let versions = || tags.iter().filter_map(|tag| Some((version_of(tag)?, tag)));
    let best = versions().filter(|(version, _)| range.matches(version)).max();
    best.map(|(_, tag)| Wanted::Tag(tag.clone())).ok_or_else(|| NoVersion::NothingInRange {
        repository: repository(),
        range: range.to_string(),
        newest: versions().max().map(|(_, tag)| tag.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(reference: &str, range: Option<&str>) -> Result<Wanted, NoVersion> {
        let tags = ["latest", "v14", "7.1.0", "v7.2.5", "7.3.0-rc.1", "8.0.0"].map(str::to_owned);
        let range = range.map(|range| VersionReq::parse(range).unwrap());
        choose(&reference.parse().unwrap(), range.as_ref(), &tags)
    }

    #[test]
    fn a_tag_a_range_and_a_digest_each_name_one_manifest() {
        let tag = |tag: &str| Ok(Wanted::Tag(tag.to_owned()));
        assert_eq!(chosen("r.corp/a/pg:v14", None), tag("v14"));
        assert_eq!(chosen("r.corp/a/pg:14", None), tag("v14"));
        assert_eq!(chosen("r.corp/a/pg:v8.0.0", None), tag("8.0.0"));
        assert_eq!(chosen("r.corp/a/pg", Some("^7")), tag("v7.2.5"));
        let digest = Digest::of(b"x");
        assert_eq!(chosen(&format!("r.corp/a/pg:gone@{digest}"), None), Ok(Wanted::Digest(digest)));
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert_eq!(chosen("r.corp/a/pg:v15", None).unwrap_err().reason(), "NoSuchTag");
        let error = chosen("r.corp/a/pg", Some("^9")).unwrap_err();
        assert_eq!(error.to_string(), "r.corp/a/pg has no version in `^9`; its newest is 8.0.0");
        assert_eq!(chosen("r.corp/a/pg", None).unwrap_err().reason(), "NothingNamed");
    }
}
