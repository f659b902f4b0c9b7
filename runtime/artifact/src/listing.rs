//! What catalogues show of an artifact beside its config: annotations that its author gives.
//!
//! Keys are those of the OCI image specification and of Artifact Hub's page on repositories of container images, which also says
//! what each value must be and that a version without [`REQUIRED`] is not listed. None of it is derived from the machine: an author
//! who wants a time in it says which, and the same values give the same digest.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Without these Artifact Hub does not list a version. Its third one is the description, which is the config's.
pub const REQUIRED: [&str; 2] = ["io.artifacthub.package.readme-url", "org.opencontainers.image.created"];

/// The longest value, in bytes.
const LONGEST: usize = 4096;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Url,
    Time,
    Flag,
    Category,
    Maintainers,
}

/// Keys that are not here are refused: what is misspelt would be shown nowhere, and what follows from the config is not said twice.
const KEYS: [(&str, Form); 15] = [
    ("io.artifacthub.package.alternative-locations", Form::Text),
    ("io.artifacthub.package.category", Form::Category),
    ("io.artifacthub.package.contains-security-updates", Form::Flag),
    ("io.artifacthub.package.deprecated", Form::Flag),
    ("io.artifacthub.package.logo-url", Form::Url),
    ("io.artifacthub.package.maintainers", Form::Maintainers),
    ("io.artifacthub.package.readme-url", Form::Url),
    ("org.opencontainers.image.authors", Form::Text),
    ("org.opencontainers.image.created", Form::Time),
    ("org.opencontainers.image.documentation", Form::Url),
    ("org.opencontainers.image.revision", Form::Text),
    ("org.opencontainers.image.source", Form::Url),
    ("org.opencontainers.image.title", Form::Text),
    ("org.opencontainers.image.url", Form::Url),
    ("org.opencontainers.image.vendor", Form::Text),
];

const CATEGORIES: [&str; 9] = [
    "ai-machine-learning",
    "database",
    "integration-delivery",
    "monitoring-logging",
    "networking",
    "security",
    "skip-prediction",
    "storage",
    "streaming-messaging",
];

/// Annotations that an author gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(BTreeMap<&'static str, String>);

/// Why an annotation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// No catalogue knows it, or it follows from the config.
    #[error("`{}` is no annotation that can be given; there are {}", .said.escape_debug(), keys())]
    UnknownKey {
        /// The key.
        said: String,
    },
    /// Its value is not what the key wants.
    #[error("the annotation `{key}` must be {expected}, not `{}`", .said.escape_debug())]
    BadValue {
        /// The key.
        key: &'static str,
        /// What was expected.
        expected: String,
        /// The value.
        said: String,
    },
}

impl ListingError {
    /// The word for this in messages.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "UnknownAnnotation",
            Self::BadValue { .. } => "BadAnnotation",
        }
    }
}

fn keys() -> String {
    KEYS.map(|(key, _)| format!("`{key}`")).join(", ")
}

impl Listing {
    /// Adds an annotation, or changes it.
    ///
    /// # Errors
    /// All of [`ListingError`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ListingError> {
        let known = KEYS.iter().find(|(known, _)| *known == key);
        let (key, form) = *known.ok_or_else(|| ListingError::UnknownKey { said: key.to_owned() })?;
        let value = form.read(value).map_err(|expected| {
            let said = value.chars().take(200).collect();
            ListingError::BadValue { key, expected, said }
        })?;
        self.0.insert(key, value);
        Ok(())
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of [`REQUIRED`], what is not given.
    pub fn missing(&self) -> Vec<&'static str> {
        REQUIRED.into_iter().filter(|key| !self.0.contains_key(key)).collect()
    }

    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_str()))
    }
}

impl Form {
    /// The value as it is written, or what was expected instead.
    fn read(self, value: &str) -> Result<String, String> {
        if value.is_empty() || value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(format!("one line of 1 to {LONGEST} bytes"));
        }
        let fits = match self {
            Self::Text => true,
            Self::Url => reqwest::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https")),
            Self::Flag => matches!(value, "true" | "false"),
            Self::Category => CATEGORIES.contains(&value),
            Self::Maintainers => serde_json::from_str::<Vec<Maintainer>>(value)
                .is_ok_and(|them| them.iter().all(|one| !one.name.is_empty() && one.email.contains('@'))),
            // Readers of the annotation take one way to write a time, and authors have several.
            Self::Time => match value.parse::<jiff::Timestamp>() {
                Ok(time) => return Ok(time.to_string()),
                Err(_) => false,
            },
        };
        if fits { Ok(value.to_owned()) } else { Err(self.expected()) }
    }

    fn expected(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Url => "an address with http or https".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Time => "a time as RFC 3339 writes it, as in 2026-11-28T12:00:00Z".to_owned(),
            Self::Category => format!("one of {}", CATEGORIES.join(", ")),
            Self::Maintainers => r#"a list as in [{"name":"Ada","email":"ada@example.com"}]"#.to_owned(),
        }
    }
}

/// Who looks after a pattern. There may be more beside it.
#[derive(Deserialize)]
struct Maintainer {
    name: String,
    email: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> Result<String, &'static str> {
        let mut listing = Listing::default();
        listing.set(key, value).map_err(|error| error.reason())?;
        Ok(listing.0.into_values().next().unwrap())
    }

    #[test]
    fn values_are_what_their_catalogue_wants() {
        const HUB: &str = "io.artifacthub.package";
        const OCI: &str = "org.opencontainers.image";
        for (key, good, bad) in [
            (format!("{HUB}.readme-url"), "https://git.example/raw/README.md", "README.md"),
            (format!("{HUB}.logo-url"), "https://git.example/logo.svg", "file:///logo.svg"),
            (format!("{HUB}.category"), "database", "databases"),
            (format!("{HUB}.deprecated"), "true", "yes"),
            (format!("{HUB}.maintainers"), r#"[{"name":"Ada","email":"ada@example.com"}]"#, r#"{"name":"Ada"}"#),
            (format!("{OCI}.created"), "2026-11-28T12:00:00Z", "yesterday"),
            (format!("{OCI}.vendor"), "Example", "two\nlines"),
        ] {
            assert_eq!(set(&key, good).as_deref(), Ok(good), "{key}");
            assert_eq!(set(&key, bad), Err("BadAnnotation"), "{key}");
        }
        let local = set("org.opencontainers.image.created", "2026-11-28 14:00:00+02:00");
        assert_eq!(local.as_deref(), Ok("2026-11-28T12:00:00Z"));
    }

    #[test]
    fn what_no_catalogue_knows_or_the_config_says_is_refused() {
        for key in ["readme-url", "org.opencontainers.image.version", "io.artifacthub.package.keywords", ""] {
            assert_eq!(set(key, "x"), Err("UnknownAnnotation"), "{key}");
        }
        assert!(KEYS.is_sorted_by_key(|(key, _)| key));
    }

    #[test]
    fn what_is_missing_for_a_listing_is_known() {
        let mut listing = Listing::default();
        assert_eq!(listing.missing(), REQUIRED);
        listing.set(REQUIRED[0], "https://git.example/README.md").unwrap();
        assert_eq!(listing.missing(), [REQUIRED[1]]);
    }
}
