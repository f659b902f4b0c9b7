//! The header `WWW-Authenticate`: how a registry wants to be logged in to.

use std::collections::HashMap;

/// A way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// Reads the headers, and takes the first way that we know. Bearer comes before Basic: its tokens are narrower.
pub(super) fn read<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for header in headers {
        for (scheme, parameters) in schemes(header) {
            match (scheme.to_ascii_lowercase().as_str(), parameters.get("realm")) {
                ("bearer", Some(realm)) => {
                    let service = parameters.get("service").cloned();
                    return Some(Challenge::Bearer { realm: realm.clone(), service });
                }
                ("basic", _) => basic = Some(Challenge::Basic),
                _ => {}
            }
        }
    }
    basic
}

/// `Scheme key=value, key="value, with \" in it", Scheme2 …`. What does not fit is left out.
fn schemes(header: &str) -> Vec<(String, HashMap<String, String>)> {
    let mut found: Vec<(String, HashMap<String, String>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', ',', '\t']);
        let end = rest.find([' ', ',', '=', '\t']).unwrap_or(rest.len());
        let word = &rest[..end];
        if word.is_empty() {
            return found;
        }
        rest = rest[end..].trim_start_matches([' ', '\t']);
        match rest.strip_prefix('=') {
            None => found.push((word.to_owned(), HashMap::new())),
            Some(after) => {
                let (value, left) = value(after);
                rest = left;
                if let Some((_, parameters)) = found.last_mut() {
                    parameters.entry(word.to_ascii_lowercase()).or_insert(value);
                }
            }
        }
    }
}

/// A quoted value or a bare one, and what comes after it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ',', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            character => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn what_registries_send_is_read() {
        let cases = [
            (
                r#"Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push""#,
                bearer("https://a/t", Some("s")),
            ),
            (r#"bearer realm="https://a/t", service=s"#, bearer("https://a/t", Some("s"))),
            (r#"Basic realm="x", Bearer realm="https://a/\"t""#, bearer("https://a/\"t", None)),
            (r#"Basic realm="with, comma""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            (r#"Negotiate, Basic realm="x""#, Some(Challenge::Basic)),
            ("Bearer", None),
            ("Digest realm=\"x\"", None),
            (r#"Bearer realm="unclosed"#, bearer("unclosed", None)),
            ("", None),
            (",,,=,=", None),
        ];
        for (header, expected) in cases {
            assert_eq!(read(std::iter::once(header)), expected, "{header}");
        }
        assert_eq!(read(["Basic", "Bearer realm=r"].into_iter()), bearer("r", None));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in r#"([a-z]{0,6}|[ ,="\\\t]){0,40}"#) {
            read([header.as_str()].into_iter());
        }
    }
}
