//! A host that a hook may ask.

use std::net::{IpAddr, Ipv6Addr};

use http::{Method, Uri};

use super::address::{Reach, reach};

/// A host that a hook may ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRule {
    /// A name without wildcards in lower case, or an address. An address may be any; a name leads to public ones.
    pub host: String,
    /// The port; none: that of the scheme.
    pub port: Option<u16>,
    /// Without TLS.
    pub plain: bool,
    /// The methods.
    pub methods: Vec<Method>,
    /// The name may lead to private addresses: RFC 1918, RFC 6598 and unique local ones.
    pub private: bool,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) plain: bool,
}

impl Target {
    /// Where a URI leads; none where that is not plain to see.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let plain = match uri.scheme_str()? {
            "https" => false,
            "http" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        // `user@host` is a way to show one host and to mean another.
        if authority.as_str().contains('@') {
            return None;
        }
        // Behind the host stands a port or nothing. What is neither is told as no port by the library.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" if plain => 80,
            "" => 443,
            port => {
                let digits = port.strip_prefix(':')?;
                digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??
            }
        };
        let host = authority.host().to_ascii_lowercase();
        let host = match host.strip_prefix('[') {
            // Between brackets stands an address and nothing else.
            Some(rest) => rest.strip_suffix(']').filter(|address| address.parse::<Ipv6Addr>().is_ok())?,
            None => &host,
        };
        // A dot at the end is the same name.
        let host = host.strip_suffix('.').unwrap_or(host).to_owned();
        (!host.is_empty()).then_some(Self { host, port, plain })
    }

    /// The address that it names, if it names one. What a resolver of the C library would take for an address as well (`127.1`,
    /// `0x7f.1`, `2130706433`) is a name here, which no rule can name by its address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl HttpRule {
    /// Whether a request to `target` may be made.
    pub(crate) fn allows(&self, target: &Target, method: &Method) -> bool {
        let port = self.port.unwrap_or(if self.plain { 80 } else { 443 });
        let host = match (self.host.parse::<IpAddr>(), target.address()) {
            (Ok(named), Some(asked)) => named == asked,
            (Err(_), None) => self.host.eq_ignore_ascii_case(&target.host),
            _ => false,
        };
        host && self.plain == target.plain && port == target.port && self.methods.contains(method)
    }

    /// Whether its host may be at an address.
    pub(crate) fn leads_to(&self, address: IpAddr) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(named) => named == address,
            Err(_) => match reach(address) {
                Reach::Public => true,
                Reach::Private => self.private,
                Reach::Never => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(host: &str) -> HttpRule {
        HttpRule { host: host.to_owned(), port: None, plain: false, methods: vec![Method::GET], private: false }
    }

    fn allows(rule: &HttpRule, uri: &str) -> bool {
        uri.parse().ok().and_then(|uri| Target::of(&uri)).is_some_and(|target| rule.allows(&target, &Method::GET))
    }

    #[test]
    fn a_request_is_held_against_scheme_host_port_and_method() {
        let named = rule("quota.example.com");
        for uri in ["https://quota.example.com/x", "https://QUOTA.example.com:443/", "https://quota.example.com./"] {
            assert!(allows(&named, uri), "{uri}");
        }
        for uri in [
            "http://quota.example.com/",
            "https://quota.example.com:8443/",
            "https://example.com/",
            "https://evil.quota.example.com/",
            "https://quota.example.com.evil.com/",
            "https://quota.example.com@evil.com/",
            "https://x@quota.example.com/",
            "https://127.0.0.1/",
            "https://quota.example.com:quota.example.com/",
            "https://quota.example.com:/",
            "https://[quota.example.com]/",
            "https://quota.example.com:+443/",
            "ftp://quota.example.com/",
        ] {
            assert!(!allows(&named, uri), "{uri}");
        }
        let target = Target::of(&"https://quota.example.com/".parse().unwrap()).unwrap();
        assert!(!named.allows(&target, &Method::POST));
        assert!(allows(&HttpRule { port: Some(8443), ..named.clone() }, "https://quota.example.com:8443/"));
        assert!(allows(&HttpRule { plain: true, ..named }, "http://quota.example.com/"));
    }

    #[test]
    fn an_address_is_named_by_itself_alone() {
        let address = rule("127.0.0.1");
        assert!(allows(&address, "https://127.0.0.1/"));
        for uri in [
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
        ] {
            assert!(!allows(&address, uri), "{uri}");
        }
        assert!(allows(&rule("2606:4700::1111"), "https://[2606:4700:0::1111]/"));
        assert!(address.leads_to("127.0.0.1".parse().unwrap()));
        assert!(!address.leads_to("127.0.0.2".parse().unwrap()));
    }

    /// What a request may be written like: pieces that parsers are known to read differently.
    const PIECES: [&str; 24] = [
        "http",
        "https",
        "://",
        ":",
        "/",
        "//",
        "@",
        "quota.example.com",
        "QUOTA.Example.com",
        "evil.com",
        ".",
        "..",
        "127.0.0.1",
        "[::1]",
        "[",
        "]",
        "443",
        "80",
        "8443",
        "?x=",
        "#",
        "%2e",
        "user:pass",
        "\\",
    ];

    proptest::proptest! {
        #[test]
        fn what_a_rule_allows_leads_to_its_host_as_others_read_it(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..8),
            plain in proptest::prelude::any::<bool>(),
        ) {
            let text = format!("{}://{}", if plain { "http" } else { "https" }, pieces.concat());
            let rule = HttpRule { plain, ..rule("quota.example.com") };
            if let Ok(uri) = text.parse::<Uri>()
                && Target::of(&uri).is_some_and(|target| rule.allows(&target, &Method::GET))
            {
                let url = url::Url::parse(&text).expect("a URL");
                proptest::prop_assert_eq!(url.host_str().unwrap().trim_end_matches('.'), "quota.example.com");
                proptest::prop_assert_eq!(url.scheme() == "http", plain);
                proptest::prop_assert_eq!(url.port_or_known_default(), Some(if plain { 80 } else { 443 }));
                proptest::prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }
    }

    #[test]
    fn a_name_leads_to_public_addresses_and_to_private_ones_where_that_is_said() {
        let (plain, private) = (rule("quota.example.com"), HttpRule { private: true, ..rule("quota.example.com") });
        for (address, public, named) in [
            ("1.1.1.1", true, true),
            ("10.0.0.1", false, true),
            ("::ffff:10.0.0.1", false, true),
            ("64:ff9b::a00:1", false, true),
            ("127.0.0.1", false, false),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!((plain.leads_to(address), private.leads_to(address)), (public, named), "{address}");
        }
    }
}
