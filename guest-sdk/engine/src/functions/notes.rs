//! `sha256sum`, `slugify`, `truncateName`.

use orkestra_program::function::Function;
use sha2::{Digest, Sha256};

use super::Called;
use super::conversions::written;
use crate::eval::Machine;
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let bytes = match *arguments {
        [Value::String(text)] => text.as_bytes(),
        [Value::String(text), Value::Int(most)] if function == Function::TruncateName => {
            return truncate(m, text, most);
        }
        [Value::Bytes(bytes)] if function == Function::Sha256sum => bytes,
        _ => return Ok(None),
    };
    m.spend_traversal(bytes.len())?;
    Ok(Some(Value::String(match function {
        Function::Sha256sum => written(m.arena, |out| put_digest(out, bytes)),
        _ => {
            m.spend_traversal(bytes.len())?;
            written(m.arena, |out| slugify(out, bytes))
        }
    })))
}

/// The first characters of a text, as they are: nothing is added, so that what comes of it is what its author counted.
fn truncate<'a>(m: &mut Machine<'a>, text: &'a str, most: i64) -> Called<'a> {
    let Ok(most) = usize::try_from(most) else { return m.error("a name is cut to 0 characters or more") };
    let kept = text.char_indices().nth(most).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    m.spend_traversal(kept.len())?;
    Ok(Some(Value::String(kept)))
}

fn put_digest(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in Sha256::digest(bytes) {
        for digit in [byte >> 4, byte & 15] {
            out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }
}

/// Letters and digits of ASCII in lower case, and one dash for whatever stands between them.
fn slugify(out: &mut Vec<u8>, text: &[u8]) {
    let mut gap = false;
    for byte in text {
        if !byte.is_ascii_alphanumeric() {
            gap = true;
            continue;
        }
        if gap && !out.is_empty() {
            out.push(b'-');
        }
        gap = false;
        out.push(byte.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (text, expected) in [
            ("", ""),
            ("My App / Service", "my-app-service"),
            ("-hello-", "hello"),
            ("foo@bar$baz_1", "foo-bar-baz-1"),
            ("Größe", "gr-e"),
            ("ü", ""),
        ] {
            let mut out = Vec::new();
            slugify(&mut out, text.as_bytes());
            assert_eq!(core::str::from_utf8(&out), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_known_digest() {
        let mut out = Vec::new();
        put_digest(&mut out, b"abc");
        assert_eq!(out, b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
