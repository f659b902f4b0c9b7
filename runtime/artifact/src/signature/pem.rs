//! PEM in the one form that key files have: a label, lines of base64, the label again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The contents of a text that is exactly one block with this label. Nothing may stand before or after it, so that what a person
/// sees in a file is what is read from it.
pub(super) fn read(text: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut lines = text.trim().lines().map(str::trim_end);
    if lines.next()? != format!("-----BEGIN {label}-----") {
        return None;
    }
    let end = format!("-----END {label}-----");
    let mut body = Zeroizing::new(String::with_capacity(text.len()));
    for line in lines.by_ref() {
        if line == end {
            return if lines.next().is_none() { STANDARD.decode(&*body).ok().map(Zeroizing::new) } else { None };
        }
        body.push_str(line);
    }
    None
}

/// A block, with lines of 64 characters.
pub(super) fn write(label: &str, bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_it_is_written() {
        for length in [1, 47, 48, 49, 96, 200] {
            let bytes = vec![7; length];
            assert_eq!(read(&write("X Y", &bytes), "X Y").unwrap().as_slice(), bytes);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = write("X", b"abc");
        assert!(read(&good.replace('\n', "\r\n"), "X").is_some());
        for text in [
            String::new(),
            write("Y", b"abc"),
            format!("Subject: me\n{good}"),
            format!("{good}{good}"),
            good.replace("-----END X-----", ""),
            good.replace("YWJj", "YWJj="),
            good.replace("YWJj", "YW Jj"),
            good.replace("YWJj", "YWJ"),
        ] {
            assert!(read(&text, "X").is_none(), "{text}");
        }
    }
}
