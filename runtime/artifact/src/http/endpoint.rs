//! Where a repository's bytes are fetched from: its own registry, or a mirror.

use reqwest::Url;

use super::{HttpError, HttpOptions, PlainHttp};
use crate::error::Error;
use crate::reference::Repository;

/// Docker Hub's name in references is not the host that speaks the protocol, and its tokens come from a third one.
const DOCKER: &str = "docker.io";
const DOCKER_API: &str = "registry-1.docker.io";
const DOCKER_REALM: &str = "auth.docker.io";

/// A repository as it is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// The registry as credentials know it: `host[:port]`.
    pub(super) host: String,
    /// The path of the repository there.
    pub(super) path: String,
    base: Url,
}

impl Endpoint {
    pub(super) fn of(repository: &Repository, options: &HttpOptions) -> Result<Self, Error> {
        let name = repository.to_string();
        let mirror = options
            .mirrors
            .iter()
            .filter_map(|(prefix, replacement)| Some((prefix.len(), replacement, below(&name, prefix)?)))
            .max_by_key(|(length, ..)| *length);
        let repository = match mirror {
            None => repository.clone(),
            Some((_, replacement, rest)) => {
                let text = format!("{}{rest}", replacement.trim_end_matches('/'));
                text.parse().map_err(|_| HttpError::BadAddress { host: "a mirror".to_owned(), said: text })?
            }
        };
        Self::new(repository.registry().to_owned(), repository.path().to_owned(), options)
    }

    /// A registry as a whole, without a mirror in its place.
    pub(super) fn of_registry(host: &str, options: &HttpOptions) -> Result<Self, Error> {
        Self::new(host.to_owned(), String::new(), options)
    }

    fn new(host: String, path: String, options: &HttpOptions) -> Result<Self, Error> {
        let address = if host == DOCKER { DOCKER_API } else { &host };
        let wrong = || HttpError::BadAddress { host: host.clone(), said: address.to_owned() };
        let secure = Url::parse(&format!("https://{address}/")).map_err(|_| wrong())?;
        let plain = match options.plain_http {
            PlainHttp::Everywhere => true,
            PlainHttp::Loopback => is_loopback(&secure),
            PlainHttp::Nowhere => false,
        };
        let base = match plain {
            true => Url::parse(&format!("http://{address}/")).map_err(|_| wrong())?,
            false => secure,
        };
        Ok(Self { path, host, base })
    }

    /// The address of `rest` below the repository. Names, tags and digests have no character that an address would read otherwise.
    pub(super) fn url(&self, rest: &str) -> Result<Url, Error> {
        let text = format!("v2/{}/{rest}", self.path);
        self.base.join(&text).map_err(|_| HttpError::BadAddress { host: self.host.clone(), said: text }.into())
    }

    /// The address that answers whether the registry speaks the protocol, and to whom.
    pub(super) fn root(&self) -> Result<Url, Error> {
        let wrong = |_| HttpError::BadAddress { host: self.host.clone(), said: "v2/".to_owned() };
        Ok(self.base.join("v2/").map_err(wrong)?)
    }

    /// An address that the registry gave, which must be on its own host: there is where the next request goes, with credentials.
    pub(super) fn own(&self, what: &str, from: &Url, said: &str) -> Result<Url, Error> {
        let problem = "it is not on the registry's own host";
        let wrong = || HttpError::ForeignRedirect { what: what.to_owned(), said: said.to_owned(), problem };
        let url = from.join(said).map_err(|_| wrong())?;
        match url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none() {
            true => Ok(url),
            false => Err(wrong().into()),
        }
    }

    /// Whether secrets may be sent to the registry.
    pub(super) fn is_private(&self) -> bool {
        self.base.scheme() == "https" || is_loopback(&self.base)
    }

    /// Whether bytes may be fetched from where a registry redirects to: https, or this machine where the registry is on it.
    pub(super) fn may_lead_to(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url) && is_loopback(&self.base))
    }

    /// Whether tokens may be fetched there.
    pub(super) fn check_realm(&self, realm: &str, listed: &[String]) -> Result<Url, HttpError> {
        let host = self.host.clone();
        let url =
            Url::parse(realm).map_err(|_| HttpError::BadAddress { host: host.clone(), said: realm.to_owned() })?;
        let name = host_of(&url);
        let with_port = format!("{name}:{}", url.port_or_known_default().unwrap_or_default());
        let own = host_of(&self.base) == name && url.port_or_known_default() == self.base.port_or_known_default();
        let docker = self.host == DOCKER && name == DOCKER_REALM;
        if !own && !docker && !listed.iter().any(|listed| *listed == name || *listed == with_port) {
            return Err(HttpError::ForeignRealm { host, realm: with_port });
        }
        // A registry that has TLS leads nobody away from it, not even on this machine.
        let plain = url.scheme() == "http" && is_loopback(&url) && self.base.scheme() == "http";
        match url.scheme() == "https" || plain {
            true => Ok(url),
            false => Err(HttpError::InsecureRealm { host, realm: realm.to_owned() }),
        }
    }
}

/// What of `name` is below `prefix`, at a boundary of segments.
fn below<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(prefix.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn is_loopback(url: &Url) -> bool {
    let host = host_of(url);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(repository: &str, options: &HttpOptions) -> Endpoint {
        Endpoint::of(&repository.parse().unwrap(), options).unwrap()
    }

    #[test]
    fn the_longest_mirror_is_taken_and_only_at_a_boundary() {
        let mirrors =
            [("ghcr.io", "m.example/all"), ("ghcr.io/a/b/", "m.example/b"), ("r.example/x", "localhost:5000")];
        let mirrors = mirrors.map(|(from, to)| (from.to_owned(), to.to_owned())).to_vec();
        let options = HttpOptions { mirrors, ..HttpOptions::default() };
        for (name, url) in [
            ("ghcr.io/a/bc", "https://m.example/v2/all/a/bc/x"),
            ("ghcr.io/a/b/c", "https://m.example/v2/b/c/x"),
            ("r.example/x/y", "http://localhost:5000/v2/y/x"),
            ("r.example/xy", "https://r.example/v2/xy/x"),
            ("docker.io/library/a", "https://registry-1.docker.io/v2/library/a/x"),
        ] {
            assert_eq!(endpoint(name, &options).url("x").unwrap().as_str(), url);
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_or_on_demand() {
        let with = |plain_http| HttpOptions { plain_http, ..HttpOptions::default() };
        let url = |name, plain| endpoint(name, &with(plain)).url("x").unwrap().to_string();
        assert!(url("r.example/a", PlainHttp::Loopback).starts_with("https://"));
        assert!(url("127.0.0.1:5000/a", PlainHttp::Loopback).starts_with("http://"));
        assert!(url("[::1]:5000/a", PlainHttp::Loopback).starts_with("http://"));
        assert!(url("127.example.com/a", PlainHttp::Loopback).starts_with("https://"));
        assert!(url("r.example/a", PlainHttp::Everywhere).starts_with("http://"));
        assert!(url("localhost/a", PlainHttp::Nowhere).starts_with("https://"));
        assert!(!endpoint("r.example/a", &with(PlainHttp::Everywhere)).is_private());
    }

    #[test]
    fn tokens_come_from_the_registry_or_a_listed_host_over_tls() {
        let own = endpoint("r.example/a", &HttpOptions::default());
        let listed = ["auth.example".to_owned(), "b.example:8443".to_owned()];
        for realm in ["https://r.example/token", "https://auth.example:99/t", "https://b.example:8443/t"] {
            assert!(own.check_realm(realm, &listed).is_ok(), "{realm}");
        }
        for (realm, reason) in [
            ("https://evil.example/token", "ForeignRealm"),
            ("https://r.example:8443/token", "ForeignRealm"),
            ("https://r.example@evil.example/token", "ForeignRealm"),
            ("https://auth.docker.io/token", "ForeignRealm"),
            ("http://evil.example/token", "ForeignRealm"),
            ("http://r.example:443/token", "InsecureRealm"),
            ("http://auth.example/token", "InsecureRealm"),
            ("token", "BadAddress"),
        ] {
            assert_eq!(own.check_realm(realm, &listed).unwrap_err().reason(), reason, "{realm}");
        }
        let here = |plain| {
            endpoint("127.0.0.1:5000/a", &HttpOptions { plain_http: plain, ..HttpOptions::default() })
                .check_realm("http://127.0.0.1:5000/token", &[])
        };
        assert!(here(PlainHttp::Loopback).is_ok());
        assert_eq!(here(PlainHttp::Nowhere).unwrap_err().reason(), "InsecureRealm");
        let docker = endpoint("docker.io/library/a", &HttpOptions::default());
        assert!(docker.check_realm("https://auth.docker.io/token", &[]).is_ok());
    }
}
