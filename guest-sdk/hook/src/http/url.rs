//! URLs, in as few forms as a request needs.

use std::fmt;
use std::fmt::Write as _;

use super::HttpFailure;

/// The parts of a URL that a request has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// `http` instead of `https`.
    pub(crate) plain: bool,
    /// Host and port.
    pub(crate) authority: String,
    /// Path and query; the path is at least `/`.
    pub(crate) path: String,
}

impl Url {
    /// Takes a URL apart. What it does not understand it refuses, so that nothing is sent elsewhere than it reads.
    pub(crate) fn parse(text: &str) -> Result<Self, HttpFailure> {
        let invalid = |why: &str| Err(HttpFailure::InvalidRequest(why.to_owned()));
        let (plain, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return invalid("the URL must begin with https:// or http://"),
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte)) {
            return invalid("the URL has a character that must be escaped, or a fragment");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return invalid("the URL names no host");
        }
        if authority.contains('@') {
            return invalid("the URL holds a user: send the header authorization instead");
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { plain, authority: authority.to_owned(), path: format!("{slash}{path}") })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}{}", if self.plain { "" } else { "s" }, self.authority, self.path)
    }
}

/// A text as one segment of a URL's path or as a value in its query: all but letters, digits and `-_.~` is escaped.
///
/// A segment that is `.` or `..` has no escaped form that every server takes for a name, and leads elsewhere. Refuse it where the text
/// may be one.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_three_parts() {
        for (text, plain, authority, path) in [
            ("https://a.example", false, "a.example", "/"),
            ("https://a.example:8443/x/y?z=1", false, "a.example:8443", "/x/y?z=1"),
            ("http://[::1]:80?z", true, "[::1]:80", "/?z"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.plain, url.authority.as_str(), url.path.as_str()), (plain, authority, path));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "ftp://a",
            "https://",
            "https:///x",
            "https://user@a.example/",
            "https://a.example/ x",
            "https://a.example/ü",
            "https://a.example\\@b.example",
            "https://a.example/#x",
            "HTTPS://a.example",
        ] {
            assert!(matches!(Url::parse(text), Err(HttpFailure::InvalidRequest(_))), "{text}");
        }
    }

    #[test]
    fn a_text_becomes_one_segment() {
        assert_eq!(escape("a/b?c=ü&d"), "a%2Fb%3Fc%3D%C3%BC%26d");
        assert_eq!(escape("shop-1_x.y~z"), "shop-1_x.y~z");
    }
}
