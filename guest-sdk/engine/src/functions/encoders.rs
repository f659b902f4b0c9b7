//! `base64.encode`, `base64.decode`.

use orkestra_program::function::Function;

use super::Called;
use crate::eval::Machine;
use crate::json;
use crate::value::Value;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    match (function, arguments) {
        (Function::Base64Encode, [Value::Bytes(bytes)]) => {
            m.spend_traversal(bytes.len())?;
            let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
            json::put_base64(&mut text, bytes);
            // The alphabet is ASCII.
            Ok(Some(Value::String(m.arena.alloc_str(core::str::from_utf8(&text).unwrap_or_default()))))
        }
        (Function::Base64Decode, [Value::String(text)]) => {
            m.spend_traversal(text.len())?;
            match decode(text) {
                Some(bytes) => Ok(Some(Value::Bytes(m.arena.alloc_slice_copy(&bytes)))),
                None => m.error("the string is not base64"),
            }
        }
        _ => Ok(None),
    }
}

/// The bytes that base64 stands for: its padding may be left out, but not be wrong. Line ends are skipped.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut digits, mut padding) = (0_u32, 0, 0);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\r' | b'\n' => continue,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        group = group << 6 | u32::from(six);
        digits += 1;
        if digits % 4 == 0 {
            bytes.extend_from_slice(&[(group >> 16) as u8, (group >> 8) as u8, group as u8]);
            group = 0;
        }
    }
    // What is left of a last group that is not full; bits beyond the last byte say nothing.
    let allowed = match digits % 4 {
        0 => 0,
        2 => {
            bytes.push((group >> 4) as u8);
            2
        }
        3 => {
            bytes.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]);
            1
        }
        _ => return None,
    };
    (padding == 0 || padding == allowed).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_with_and_without_padding() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=bytes.len() {
            let mut text = Vec::new();
            json::put_base64(&mut text, &bytes[..length]);
            let text = String::from_utf8(text).unwrap();
            assert_eq!(decode(&text).unwrap(), &bytes[..length]);
            assert_eq!(decode(text.trim_end_matches('=')).unwrap(), &bytes[..length]);
        }
    }

    #[test]
    fn what_is_no_base64() {
        for text in ["a", "aGVsb", "aGVsbG8==", "aGVsbG8=x", "aGVs====", "=", "a-_b", "aGVs bG8="] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("aGVs\r\nbG8=").unwrap(), b"hello");
    }
}
