//! What a hook asks for, one word for each: `cluster-read:v1/Secret`, `http:GET https://quota.example.com`, `clocks`, `random`.
//!
//! The word in the Katalog is the word that grants it, so that nobody has to translate, and a pattern that comes to ask for one more
//! method or host has to be granted one more word.

use std::fmt;

use crate::source::Span;

/// A capability that a pattern's hook asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// What it is.
    pub what: What,
    /// Its place: `katalog.yaml:12:8`.
    pub at: String,
    /// The same.
    pub span: Span,
}

/// What is asked for. Its [`Display`](fmt::Display) is the word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Objects of a kind, in the resource's own namespace.
    ClusterRead {
        /// `v1`, `apps/v1`.
        api_version: String,
        /// In CamelCase.
        kind: String,
    },
    /// Requests to one host with one method.
    Http {
        /// `GET`, `POST`, …
        method: String,
        /// `http` and not `https`.
        plain: bool,
        /// A name or an address, without brackets.
        host: String,
        /// None: that of the scheme.
        port: Option<u16>,
        /// The name may lead to private addresses.
        private: bool,
    },
    /// The time.
    Clocks,
    /// Random bytes.
    Random,
}

/// Methods that a request may have.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// The words of which there is one form only, and how the others begin.
const FORMS: &str = "`cluster-read:<apiVersion>/<Kind>`, `http:<METHOD> <scheme>://<host>`, `http-private:<METHOD> <scheme>://<host>`, `clocks` or `random`";

impl What {
    /// Reads a word.
    ///
    /// # Errors
    /// What was expected in the place of what.
    pub fn parse(word: &str) -> Result<Self, String> {
        match word.split_once(':') {
            None if word == "clocks" => Ok(Self::Clocks),
            None if word == "random" => Ok(Self::Random),
            Some(("cluster-read", kind)) => cluster_read(kind),
            Some(("http", request)) => http(request, false),
            Some(("http-private", request)) => http(request, true),
            _ => Err(format!("expected {FORMS}")),
        }
    }

    /// What it allows, in words.
    pub fn allows(&self) -> String {
        match self {
            Self::ClusterRead { kind, .. } => {
                format!("a hook reads objects of kind {kind} in the resource's namespace")
            }
            Self::Http { method, host, private, .. } => {
                let private = if *private { ", also at private addresses" } else { "" };
                format!("a hook sends {method} requests to {host}{private}")
            }
            Self::Clocks => "a hook sees the time".to_owned(),
            Self::Random => "a hook gets random bytes".to_owned(),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterRead { api_version, kind } => write!(f, "cluster-read:{api_version}/{kind}"),
            Self::Http { method, plain, host, port, private } => {
                let (of, scheme) = (if *private { "-private" } else { "" }, if *plain { "http" } else { "https" });
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "http{of}:{method} {scheme}://{open}{host}{close}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
            Self::Clocks => f.write_str("clocks"),
            Self::Random => f.write_str("random"),
        }
    }
}

fn cluster_read(kind: &str) -> Result<What, String> {
    let group = |text: &str| text.split('.').all(label);
    let version = |text: &str| text.starts_with('v') && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let parts: Vec<&str> = kind.split('/').collect();
    let (api_version, kind) = match *parts {
        [at, kind] if version(at) && name(kind) => (at.to_owned(), kind),
        [of, at, kind] if group(of) && version(at) && name(kind) => (format!("{of}/{at}"), kind),
        _ => return Err("expected an API version and a kind, such as `v1/Secret` or `apps/v1/Deployment`".to_owned()),
    };
    Ok(What::ClusterRead { api_version, kind: kind.to_owned() })
}

fn http(request: &str, private: bool) -> Result<What, String> {
    let (method, url) =
        request.split_once(' ').ok_or("expected a method, a space and a host: `GET https://example.com`")?;
    if !METHODS.contains(&method) {
        return Err(format!("expected one of {} as method", METHODS.join(", ")));
    }
    let (plain, authority) = match url.split_once("://") {
        Some(("https", authority)) => (false, authority),
        Some(("http", authority)) => (true, authority),
        _ => return Err("expected `https://` or `http://` and a host".to_owned()),
    };
    let wrong = || "expected a host in lower case, perhaps with a port, and no path".to_owned();
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (host, port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(end);
            if !host.split('.').all(label) {
                return Err(wrong());
            }
            (host, port)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(port) if !port.starts_with(['0', '+']) => Some(port.parse().map_err(|_| wrong())?),
        _ => return Err(wrong()),
    };
    // One way to write each, so that two words are never the same capability.
    if port == Some(if plain { 80 } else { 443 }) {
        return Err("expected no port where it is that of the scheme".to_owned());
    }
    Ok(What::Http { method: method.to_owned(), plain, host: host.to_owned(), port, private })
}

fn label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_and_written_alike() {
        for word in [
            "cluster-read:v1/Secret",
            "cluster-read:apps/v1/Deployment",
            "cluster-read:cert-manager.io/v1beta1/Certificate",
            "http:GET https://quota.example.com",
            "http:POST http://127.0.0.1:8080",
            "http-private:DELETE https://[fd00::1]:8443",
            "clocks",
            "random",
        ] {
            let what = What::parse(word).unwrap();
            assert_eq!(what.to_string(), word);
            assert!(what.allows().contains("a hook"));
        }
    }

    #[test]
    fn what_is_no_word_is_told_from_what_is() {
        for (word, expected) in [
            ("clock", "`clocks`"),
            ("clocks:", "`clocks`"),
            ("filesystem:/", "`cluster-read:"),
            ("cluster-read:Secret", "`v1/Secret`"),
            ("cluster-read:v1/secrets", "`v1/Secret`"),
            ("cluster-read:v1/Secret/x", "`v1/Secret`"),
            ("cluster-read:*/v1/Secret", "`v1/Secret`"),
            ("http:https://example.com", "a method"),
            ("http:TRACE https://example.com", "GET, HEAD"),
            ("http:GET example.com", "`https://`"),
            ("http:GET https://example.com/", "no path"),
            ("http:GET https://Example.com", "lower case"),
            ("http:GET https://user@example.com", "lower case"),
            ("http:GET https://*.example.com", "lower case"),
            ("http:GET https://example.com:443", "no port"),
            ("http:GET https://example.com:0", "no path"),
            ("http:GET https://example.com:65536", "no path"),
            ("http:GET https://[::1", "no path"),
            ("http:GET https://[::1]x", "no path"),
            ("http:GET https://", "lower case"),
        ] {
            let error = What::parse(word).unwrap_err();
            assert!(error.contains(expected), "{word}: {error}");
        }
    }
}
