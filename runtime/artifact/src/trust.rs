//! Whom a consumer trusts for which repositories, and that a signature and a name belong together.
//!
//! The policy is the consumer's, never the artifact's: nothing here is read from a registry. Of a key that signs in the name of a
//! whole organisation every pattern is trusted, so that a good signature alone does not keep a registry from serving `redis` for
//! `postgres`, or last year's version for this year's: `check_name` does, without which no config is read.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use semver::Version;

use crate::signature::{Policy, PublicKey};
use crate::{Reference, Repository, versions};

/// Which repositories: `ghcr.io/orkestra-sh/**`. `*` stands for one segment, `**` for any number of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepositoryPattern(Vec<Segment>);

/// In the order of how much they say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Segment {
    Any,
    One,
    Literal(String),
}

/// Why a text is no pattern of repositories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no pattern of repositories: {problem}", .text.escape_debug())]
pub struct NotAPattern {
    /// What was found.
    pub text: String,
    /// What is wrong with it, and what was expected.
    pub problem: &'static str,
}

/// Who may have signed what is in some repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustEntry {
    /// Which.
    pub pattern: RepositoryPattern,
    /// Who.
    pub keys: Vec<PublicKey>,
    /// How many different ones of them must have.
    pub quorum: NonZeroUsize,
    /// How old their signatures may be: the only bound on how long a registry can hide a newer version.
    pub max_age: Option<Duration>,
}

/// A consumer's policy. What no entry matches is trusted by nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustPolicy {
    /// In any order: the one that says most about a repository holds, alone.
    pub entries: Vec<TrustEntry>,
}

/// Why a verified artifact is not the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Another pattern's.
    #[error(
        "{repository} holds the pattern `{}`, but its name must be the last segment of the repository, `{expected}`", .found.escape_debug()
    )]
    NameMismatch {
        /// As the user wrote it; with a mirror, the original.
        repository: Repository,
        /// In its config.
        found: String,
        /// By its repository.
        expected: String,
    },
    /// Another version's.
    #[error("{repository}:{tag} holds the version {found}, which this tag cannot name")]
    VersionMismatch {
        /// As the user wrote it; with a mirror, the original.
        repository: Repository,
        /// That was asked for.
        tag: String,
        /// In its config.
        found: Version,
    },
    /// Lower than what is locked.
    #[error(
        "{repository} now has the version {found}, below the locked {locked}; if that is meant, say --allow-downgrade"
    )]
    Downgrade {
        /// As the user wrote it; with a mirror, the original.
        repository: Repository,
        /// In its config.
        found: Version,
        /// In the lock.
        locked: Box<Version>,
    },
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// As the user wrote it: with a mirror the original name, not the mirror's.
    pub reference: &'a Reference,
    /// The version in the lock, if there is one.
    pub locked: Option<&'a Version>,
    /// Whether a version below the locked one is meant.
    pub allow_downgrade: bool,
}

impl<'a> Asked<'a> {
    /// Without a lock.
    pub fn of(reference: &'a Reference) -> Self {
        Self { reference, locked: None, allow_downgrade: false }
    }
}

impl NameError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NameMismatch { .. } => "NameMismatch",
            Self::VersionMismatch { .. } => "VersionMismatch",
            Self::Downgrade { .. } => "Downgrade",
        }
    }
}

impl TrustPolicy {
    /// The entry for a repository, with a mirror for its original name: of those that match, the one with most literal segments;
    /// among equals the one that is more exact further left. Where two have the same pattern, the first.
    pub fn entry(&self, repository: &Repository) -> Option<&TrustEntry> {
        let mut best: Option<&TrustEntry> = None;
        for entry in self.entries.iter().filter(|entry| entry.pattern.matches(repository)) {
            if best.is_none_or(|best| entry.pattern.weight() > best.pattern.weight()) {
                best = Some(entry);
            }
        }
        best
    }
}

impl TrustEntry {
    /// What [`crate::signature::verify`] asks for. `now` is in seconds since 1970.
    pub fn policy(&self, now: u64) -> Policy<'_> {
        Policy { keys: &self.keys, quorum: self.quorum, max_age: self.max_age.map(|age| (age, now)) }
    }
}

impl RepositoryPattern {
    /// Whether a repository is meant.
    pub fn matches(&self, repository: &Repository) -> bool {
        let name = repository.to_string();
        let segments: Vec<&str> = name.split('/').collect();
        // `reached[i]`: the pattern so far can stand for the first i segments. Linear in both, also with many `**`.
        let mut reached = vec![false; segments.len() + 1];
        reached[0] = true;
        for part in &self.0 {
            let mut next = vec![false; segments.len() + 1];
            for index in 0..=segments.len() {
                next[index] = match part {
                    Segment::Any => reached[index] || (index > 0 && next[index - 1]),
                    Segment::One => index > 0 && reached[index - 1],
                    Segment::Literal(text) => index > 0 && reached[index - 1] && segments[index - 1] == text,
                };
            }
            reached = next;
        }
        reached.last() == Some(&true)
    }

    /// How much it says. Two patterns of equal weight that match the same name are the same.
    fn weight(&self) -> (usize, &[Segment]) {
        (self.0.iter().filter(|part| matches!(part, Segment::Literal(_))).count(), &self.0)
    }
}

impl FromStr for RepositoryPattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let wrong = |problem| NotAPattern { text: text.to_owned(), problem };
        if text.len() > 255 {
            return Err(wrong("it has more than 255 characters"));
        }
        let parts: Vec<_> = text
            .split('/')
            .map(|part| match part {
                "**" => Segment::Any,
                "*" => Segment::One,
                _ => Segment::Literal(part.to_owned()),
            })
            .collect();
        // With a word for each wildcard it has to be a repository. The first segment may be one too, but then says nothing about
        // who runs the registry.
        let filled: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(index, part)| match part {
                Segment::Literal(text) => text.as_str(),
                _ if index == 0 => "registry.example",
                _ => "x",
            })
            .collect();
        let (host, path) = match filled.split_first() {
            Some((host, [])) => (*host, "x".to_owned()),
            Some((host, path)) => (*host, path.join("/")),
            None => return Err(wrong("it is empty")),
        };
        if parts.len() == 1 && parts != [Segment::Any] {
            return Err(wrong("after the registry a path is expected, as in `ghcr.io/orkestra-sh/**`"));
        }
        Repository::at(host, &path).map_err(|error| wrong(error.problem))?;
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong("the registry must be in lower case, as it is compared"));
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "/" } else { "" })?;
            f.write_str(match part {
                Segment::Any => "**",
                Segment::One => "*",
                Segment::Literal(text) => text,
            })?;
        }
        Ok(())
    }
}

/// Holds what a verified config says against what was asked for. The tag, if there is one, must be able to name the version:
/// `v14.2.0` and `14.2.0` that very one, `v14` and `v14.2` one that begins so; other words say nothing about versions.
///
/// # Errors
/// All of [`NameError`].
pub(crate) fn check_name(asked: Asked<'_>, config_name: &str, config_version: &Version) -> Result<(), NameError> {
    let repository = || asked.reference.repository.clone();
    let expected = asked.reference.repository.name();
    if config_name != expected {
        return Err(NameError::NameMismatch {
            repository: repository(),
            found: config_name.to_owned(),
            expected: expected.to_owned(),
        });
    }
    if let Some(tag) = asked.reference.tag.as_deref().filter(|tag| !versions::fits_tag(config_version, tag)) {
        return Err(NameError::VersionMismatch {
            repository: repository(),
            tag: tag.to_owned(),
            found: config_version.clone(),
        });
    }
    match asked.locked {
        Some(locked) if config_version.cmp_precedence(locked).is_lt() && !asked.allow_downgrade => {
            Err(NameError::Downgrade {
                repository: repository(),
                found: config_version.clone(),
                locked: Box::new(locked.clone()),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SecretKey;

    fn pattern(text: &str) -> RepositoryPattern {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_match_whole_segments() {
        for (text, matching, other) in [
            ("ghcr.io/a/**", "ghcr.io/a/b/c", "ghcr.io/ab/c"),
            ("ghcr.io/a/**", "ghcr.io/a/b", "ghcr.io.evil.example/a/b"),
            ("ghcr.io/a/*", "ghcr.io/a/b", "ghcr.io/a/b/c"),
            ("ghcr.io/a/*", "ghcr.io/a/x-y", "ghcr.io/a"),
            ("ghcr.io/a/pg", "ghcr.io/a/pg", "ghcr.io/a/pgx"),
            ("ghcr.io/**/pg", "ghcr.io/a/b/pg", "ghcr.io/a/b/redis"),
            ("*/a/pg", "localhost:5000/a/pg", "localhost:5000/b/a/pg"),
            ("**/pg", "ghcr.io/pg", "ghcr.io/pg/x"),
        ] {
            assert!(pattern(text).matches(&matching.parse().unwrap()), "{text} {matching}");
            assert!(!pattern(text).matches(&other.parse().unwrap()), "{text} {other}");
            assert_eq!(pattern(text).to_string(), text);
        }
        let many = format!("ghcr.io/{}x", "**/".repeat(60));
        assert!(!pattern(&many).matches(&format!("ghcr.io/{}y", "a/".repeat(100)).parse().unwrap()));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for text in [
            "",
            "ghcr.io",
            "*",
            "ghcr.io/a*",
            "ghcr.io/A/*",
            "GHCR.io/a",
            "ghcr.io//a",
            "ghcr.io/a/***",
            "a/b",
            "ghcr.io/a:v1",
        ] {
            assert!(text.parse::<RepositoryPattern>().is_err(), "{text}");
        }
        assert!("**".parse::<RepositoryPattern>().is_ok());
    }

    #[test]
    fn the_entry_that_says_most_holds() {
        let entry = |text: &str| TrustEntry {
            pattern: pattern(text),
            keys: vec![SecretKey::generate().unwrap().public()],
            quorum: NonZeroUsize::MIN,
            max_age: None,
        };
        let texts = ["ghcr.io/**", "ghcr.io/a/*", "ghcr.io/a/**", "ghcr.io/a/pg", "ghcr.io/*/x"];
        for turned in [false, true] {
            let mut entries: Vec<_> = texts.iter().map(|text| entry(text)).collect();
            if turned {
                entries.reverse();
            }
            let policy = TrustPolicy { entries };
            for (name, expected) in [
                ("ghcr.io/a/pg", Some("ghcr.io/a/pg")),
                ("ghcr.io/a/redis", Some("ghcr.io/a/*")),
                ("ghcr.io/a/b/c", Some("ghcr.io/a/**")),
                ("ghcr.io/b/c", Some("ghcr.io/**")),
                ("ghcr.io/a/x", Some("ghcr.io/a/*")),
                ("quay.io/a/pg", None),
            ] {
                let found = policy.entry(&name.parse().unwrap()).map(|entry| entry.pattern.to_string());
                assert_eq!(found.as_deref(), expected, "{name}");
            }
        }
    }

    fn checked(
        reference: &str,
        name: &str,
        version: &str,
        locked: Option<&str>,
        allow_downgrade: bool,
    ) -> &'static str {
        let reference = reference.parse().unwrap();
        let locked = locked.map(|locked| locked.parse().unwrap());
        let asked = Asked { reference: &reference, locked: locked.as_ref(), allow_downgrade };
        check_name(asked, name, &version.parse().unwrap()).map_or_else(|error| error.reason(), |()| "fine")
    }

    #[test]
    fn a_good_signature_of_another_pattern_or_version_is_refused() {
        for (reference, name, version, locked, expected) in [
            ("r.io/a/pg", "pg", "1.2.3", None, "fine"),
            ("r.io/a/pg", "redis", "1.2.3", None, "NameMismatch"),
            ("r.io/pg/a", "pg", "1.2.3", None, "NameMismatch"),
            ("r.io/a/pg", "PG", "1.2.3", None, "NameMismatch"),
            ("r.io/a/pg:v1.2.3", "pg", "1.2.3", None, "fine"),
            ("r.io/a/pg:1.2.3", "pg", "1.2.3", None, "fine"),
            ("r.io/a/pg:v1.2.3", "pg", "1.2.4", None, "VersionMismatch"),
            ("r.io/a/pg:v1.2.3", "pg", "1.2.3-rc.1", None, "VersionMismatch"),
            ("r.io/a/pg:v1.2.3_5", "pg", "1.2.3+5", None, "fine"),
            ("r.io/a/pg:v1.2.3_5", "pg", "1.2.3+6", None, "VersionMismatch"),
            ("r.io/a/pg:v1", "pg", "1.9.0", None, "fine"),
            ("r.io/a/pg:v1", "pg", "2.0.0", None, "VersionMismatch"),
            ("r.io/a/pg:v1.2", "pg", "1.2.9", None, "fine"),
            ("r.io/a/pg:v1.2", "pg", "1.20.0", None, "VersionMismatch"),
            ("r.io/a/pg:stable", "pg", "1.2.9", None, "fine"),
            ("r.io/a/pg", "pg", "1.2.3", Some("1.2.3"), "fine"),
            ("r.io/a/pg", "pg", "1.2.4", Some("1.2.3"), "fine"),
            ("r.io/a/pg", "pg", "1.2.2", Some("1.2.3"), "Downgrade"),
            ("r.io/a/pg", "pg", "1.2.3-rc.9", Some("1.2.3"), "Downgrade"),
        ] {
            assert_eq!(checked(reference, name, version, locked, false), expected, "{reference} {name} {version}");
        }
        assert_eq!(checked("r.io/a/pg", "pg", "1.2.2", Some("1.2.3"), true), "fine");
    }
}
