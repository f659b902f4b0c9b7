//! `url`: absolute URIs and absolute paths, read as Go's library reads the target of a request, without a fragment.

use orkestra_program::function::Function;

use super::Called;
use super::conversions::written;
use crate::eval::Machine;
use crate::fault::Res;
use crate::opaque::Opaque;
use crate::value::{BuiltMap, List, Value};

/// A URL, in its parts. Those that it does not have are empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Url<'a> {
    pub(crate) source: &'a str,
    scheme: &'a str,
    /// With its port, still escaped.
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match *arguments {
        [Value::String(text)] => {
            m.spend_traversal(text.len())?;
            match (function, parse(text)) {
                (Function::IsUrl, found) => Ok(Some(Value::Bool(found.is_some()))),
                (Function::Url, Some(found)) => Ok(Some(Value::Opaque(m.arena.alloc(Opaque::Url(found))))),
                (Function::Url, None) => m.error("the string is neither an absolute URI nor an absolute path"),
                _ => Ok(None),
            }
        }
        [Value::Opaque(Opaque::Url(url))] => {
            m.spend_traversal(url.source.len())?;
            part(m, function, url)
        }
        _ => Ok(None),
    }
}

fn part<'a>(m: &mut Machine<'a>, function: Function, url: &Url<'a>) -> Called<'a> {
    let arena = m.arena;
    let text = |bytes: &[u8]| Value::String(arena.alloc_str(&String::from_utf8_lossy(bytes)));
    let host = unescape(url.host, false).unwrap_or_default();
    let (name, port) = split_port(&host);
    Ok(Some(match function {
        Function::GetScheme => {
            let scheme = arena.alloc_str(url.scheme);
            scheme.make_ascii_lowercase();
            Value::String(scheme)
        }
        Function::GetHost => text(&host),
        Function::GetHostname => {
            text(name.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(name))
        }
        Function::GetPort => text(port),
        Function::GetEscapedPath if url.path.bytes().all(in_path) => Value::String(url.path),
        Function::GetEscapedPath => {
            let path = unescape(url.path, false).unwrap_or_default();
            Value::String(written(arena, |out| escape(out, &path)))
        }
        Function::GetQuery => query(m, url.query)?,
        _ => return Ok(None),
    }))
}

/// Reads a URL; none if it is neither absolute nor a path from the root.
pub(super) fn parse(source: &str) -> Option<Url<'_>> {
    let mut url = Url { source, scheme: "", host: "", path: "", query: "" };
    if source.is_empty() || source.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    if source == "*" {
        return Some(Url { path: source, ..url });
    }
    let mut rest = source;
    let end = source.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let (scheme, after) = source.split_at_checked(end.count())?;
    if let Some(after) = after.strip_prefix(':') {
        if scheme.is_empty() {
            return None;
        }
        if scheme.starts_with(|first: char| first.is_ascii_alphabetic()) {
            (url.scheme, rest) = (scheme, after);
        }
    }
    (rest, url.query) = rest.split_once('?').unwrap_or((rest, ""));
    if !rest.starts_with('/') {
        // What follows the scheme has no parts: `mailto:someone`.
        return (!url.scheme.is_empty()).then_some(url);
    }
    if !url.scheme.is_empty()
        && let Some(authority) = rest.strip_prefix("//")
    {
        let (authority, path) = authority.split_at_checked(authority.find('/').unwrap_or(authority.len()))?;
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if !user.bytes().all(in_user) || unescape(user, false).is_none() || !is_host(host) {
            return None;
        }
        (url.host, rest) = (host, path);
    }
    unescape(rest, false)?;
    Some(Url { path: rest, ..url })
}

fn is_host(host: &str) -> bool {
    let port = match (host.starts_with('['), host.rfind(']'), host.rfind(':')) {
        (true, None, _) => return false,
        (true, Some(end), _) => host.get(end + 1..),
        (false, _, Some(colon)) => host.get(colon..),
        (false, _, None) => None,
    };
    // Of what is ASCII only the mark of a zone may be escaped.
    let zone = |at: usize| host.starts_with('[') && host.get(at..at + 3) == Some("%25");
    let escaped = |(at, _): (usize, &str)| zone(at) || host.get(at + 1..at + 2).is_some_and(|high| high >= "8");
    port.is_none_or(|port| is_port(port.as_bytes()))
        && host.bytes().all(|byte| !byte.is_ascii() || in_host(byte))
        && host.match_indices('%').all(escaped)
        && unescape(host, false).is_some()
}

fn is_port(text: &[u8]) -> bool {
    text.is_empty() || text.strip_prefix(b":").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn split_port(host: &[u8]) -> (&[u8], &[u8]) {
    match host.iter().rposition(|byte| *byte == b':').and_then(|colon| host.split_at_checked(colon)) {
        Some((name, port)) if is_port(port) => (name, port.get(1..).unwrap_or_default()),
        _ => (host, &[]),
    }
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn in_user(byte: u8) -> bool {
    unreserved(byte) || b":!$&'()*+,;=%@".contains(&byte)
}

fn in_host(byte: u8) -> bool {
    unreserved(byte) || b"!$&'()*+,;=:[]<>\"%".contains(&byte)
}

/// Whether a byte of a path needs no escape, or is a part of one.
fn in_path(byte: u8) -> bool {
    unreserved(byte) || b"!$&'()*+,;=:@/[]%".contains(&byte)
}

/// The bytes that a text stands for; none if something else than two digits follows a `%`.
fn unescape(text: &str, plus: bool) -> Option<Vec<u8>> {
    let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                (high << 4 | low) as u8
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    Some(out)
}

fn escape(out: &mut Vec<u8>, path: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in path {
        if unreserved(byte) || b"$&+,/:;=@".contains(&byte) {
            out.push(byte);
            continue;
        }
        let digit = |four: u8| HEX.get(usize::from(four)).copied().unwrap_or(b'0');
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// The values of each key. Pairs that are malformed are left out.
fn query<'a>(m: &mut Machine<'a>, query: &str) -> Res<'a, Value<'a>> {
    let arena = m.arena;
    let mut found: Vec<(&'a str, Vec<Value<'a>>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        m.meter.spend(1 + found.len() as u64)?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(key), Some(value)) = (unescape(key, true), unescape(value, true)) else { continue };
        let text = |bytes: &[u8]| &*arena.alloc_str(&String::from_utf8_lossy(bytes));
        let (key, value) = (text(&key), Value::String(text(&value)));
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => found.push((key, vec![value])),
        }
    }
    let mut entries = Vec::with_capacity(found.len());
    for (key, values) in found {
        entries.push((Value::String(key), Value::List(List::Built(arena.alloc_slice_copy(&values)))));
    }
    Ok(Value::Map(BuiltMap::build(arena, arena.alloc_slice_copy(&entries))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let url = parse(text).unwrap_or_else(|| panic!("{text}"));
        (url.scheme.into(), url.host.into(), url.path.into())
    }

    #[test]
    fn the_parts_of_a_url() {
        let is = |text: &str, scheme: &str, host: &str, path: &str| {
            assert_eq!(parts(text), (scheme.into(), host.into(), path.into()), "{text}");
        };
        is("https://example.com:80/", "https", "example.com:80", "/");
        is("https://user:p%40ss@example.com/a?b=/c", "https", "example.com", "/a");
        is("https://[::1]:80/", "https", "[::1]:80", "/");
        is("https:///a", "https", "", "/a");
        is("https://example.com", "https", "example.com", "");
        is("/path", "", "", "/path");
        is("//host/path", "", "", "//host/path");
        is("mailto:a@b", "mailto", "", "");
        is("https://example.com/with spaces", "https", "example.com", "/with spaces");
        is("file:/a", "file", "", "/a");
        is("*", "", "", "*");
    }

    #[test]
    fn what_is_no_url() {
        for text in [
            "",
            "a",
            "example.com",
            "../a",
            ":a",
            "1http://a",
            "https://a:b/",
            "https://[::1",
            "https://[::1]a/",
            "https://a b/",
            "/%zz",
            "/%a",
            "https://a%41/",
            "https://u{@a/",
            "/a\n",
            "?a",
            "https://exa mple.com/",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn ports() {
        let port = |host: &'static str| split_port(host.as_bytes());
        assert_eq!(port("a:80"), (&b"a"[..], &b"80"[..]));
        assert_eq!(port("[::1]:80"), (&b"[::1]"[..], &b"80"[..]));
        assert_eq!(port("[::1]"), (&b"[::1]"[..], &b""[..]));
        assert_eq!(port("a:"), (&b"a"[..], &b""[..]));
        assert_eq!(port(""), (&b""[..], &b""[..]));
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape("a%20b+c", true).unwrap(), b"a b c");
        assert_eq!(unescape("a+%2b", false).unwrap(), b"a++");
        let mut out = Vec::new();
        escape(&mut out, "/a b/ä?".as_bytes());
        assert_eq!(out, b"/a%20b/%C3%A4%3F");
    }
}
