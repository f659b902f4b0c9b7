//! Numbers ↔ text, by the rules of Go's `strconv`, which are those of CEL and of Kubernetes.

use core::fmt::Write;

/// Writes an integer in decimal.
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    put_uint(out, value.unsigned_abs());
}

/// Writes an integer in decimal.
pub(crate) fn put_uint(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

/// Writes an integer in decimal, with zeros before it up to a width.
pub(crate) fn put_padded(out: &mut Vec<u8>, value: u32, width: usize) {
    let start = out.len();
    put_uint(out, u64::from(value));
    while out.len() - start < width {
        out.insert(start, b'0');
    }
}

/// The shortest decimal digits that read back as the same double, and the exponent of the first one.
struct Digits {
    negative: bool,
    text: [u8; 24],
    len: usize,
    exponent: i32,
}

impl Digits {
    /// Of a finite number.
    fn of(value: f64) -> Digits {
        struct Sink([u8; 32], usize);
        impl Write for Sink {
            fn write_str(&mut self, text: &str) -> core::fmt::Result {
                for byte in text.bytes() {
                    *self.0.get_mut(self.1).ok_or(core::fmt::Error)? = byte;
                    self.1 += 1;
                }
                Ok(())
            }
        }
        let mut sink = Sink([0; 32], 0);
        // `-1.25e-7` has at most 24 bytes.
        let _ = write!(sink, "{value:e}");
        let mut digits = Digits { negative: false, text: [0; 24], len: 0, exponent: 0 };
        let written = sink.0.get(..sink.1).unwrap_or_default();
        let mut in_exponent = false;
        let mut exponent_negative = false;
        for &byte in written {
            match byte {
                b'-' if in_exponent => exponent_negative = true,
                b'-' => digits.negative = true,
                b'e' => in_exponent = true,
                b'0'..=b'9' if in_exponent => digits.exponent = digits.exponent * 10 + i32::from(byte - b'0'),
                b'0'..=b'9' => {
                    if let Some(place) = digits.text.get_mut(digits.len) {
                        *place = byte;
                        digits.len += 1;
                    }
                }
                _ => {}
            }
        }
        if exponent_negative {
            digits.exponent = -digits.exponent;
        }
        digits
    }

    fn digits(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    fn put_plain(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        let digits = self.digits();
        if self.exponent < 0 {
            out.extend_from_slice(b"0.");
            out.extend((self.exponent + 1..0).map(|_| b'0'));
            out.extend_from_slice(digits);
            return;
        }
        let whole = self.exponent as usize + 1;
        for at in 0..whole {
            out.push(digits.get(at).copied().unwrap_or(b'0'));
        }
        if let Some(fraction) = digits.get(whole..)
            && !fraction.is_empty()
        {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }

    fn put_scientific(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        if let Some((first, rest)) = self.digits().split_first() {
            out.push(*first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
        }
        out.push(b'e');
        out.push(if self.exponent < 0 { b'-' } else { b'+' });
        put_padded(out, self.exponent.unsigned_abs(), 2);
    }
}

/// Writes a double as `string(d)` does: Go's `%g`.
pub(crate) fn put_double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        let digits = Digits::of(value);
        // Where Go prints the shortest digits it decides between the forms as if the precision were 6.
        if (-4..6).contains(&digits.exponent) { digits.put_plain(out) } else { digits.put_scientific(out) }
    }
}

/// Writes a double with all its digits and no exponent; what is not finite by its name.
pub(crate) fn put_plain_double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() { Digits::of(value).put_plain(out) } else { put_name(out, value) }
}

/// Writes a double with so many digits after the point: `%.3f`.
pub(crate) fn put_fixed(out: &mut Vec<u8>, value: f64, precision: usize) {
    if value.is_finite() {
        out.extend_from_slice(format!("{value:.precision$}").as_bytes());
    } else {
        put_name(out, value);
    }
}

/// Writes a double with so many digits after the point and an exponent of two digits or more: `%.3e`.
pub(crate) fn put_exponential(out: &mut Vec<u8>, value: f64, precision: usize) {
    if !value.is_finite() {
        return put_name(out, value);
    }
    let text = format!("{value:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    out.extend_from_slice(digits.as_bytes());
    let exponent: i32 = exponent.parse().unwrap_or(0);
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    put_padded(out, exponent.unsigned_abs(), 2);
}

fn put_name(out: &mut Vec<u8>, value: f64) {
    let name: &[u8] = match value {
        f64::INFINITY => b"Infinity",
        f64::NEG_INFINITY => b"-Infinity",
        _ => b"NaN",
    };
    out.extend_from_slice(name);
}

/// Writes a finite double as JSON: an integer where it is one, else as Go's `encoding/json` does.
pub(crate) fn put_json_double(out: &mut Vec<u8>, value: f64) {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if value % 1.0 == 0.0 && (-TWO_63..TWO_63).contains(&value) {
        return put_int(out, value as i64);
    }
    let digits = Digits::of(value);
    if (-6..21).contains(&digits.exponent) { digits.put_plain(out) } else { digits.put_scientific(out) }
}

/// A double's text, as `double(s)` reads it.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let spelled = || text.bytes().any(|byte| byte.is_ascii_alphabetic() && !byte.eq_ignore_ascii_case(&b'e'));
    // What is infinite without being spelled so is out of range.
    if value.is_infinite() && !spelled() { None } else { Some(value) }
}

/// A signed integer's text, as `int(s)` reads it.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// An unsigned integer's text, as `uint(s)` reads it: without a sign.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// A bool's text, in the spellings that CEL accepts.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a double lies in the range that `int(d)` accepts. The ends are doubles that stand for other integers too.
pub(crate) fn double_to_int(value: f64) -> Option<i64> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if value > -TWO_63 && value < TWO_63 { Some(value as i64) } else { None }
}

/// The same for `uint(d)`.
pub(crate) fn double_to_uint(value: f64) -> Option<u64> {
    const TWO_64: f64 = 18_446_744_073_709_551_616.0;
    if (0.0..TWO_64).contains(&value) { Some(value as u64) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers() {
        for value in [0, 7, -7, 10, i64::MIN, i64::MAX] {
            assert_eq!(text(|out| put_int(out, value)), value.to_string());
        }
        assert_eq!(text(|out| put_uint(out, u64::MAX)), u64::MAX.to_string());
        assert_eq!(text(|out| put_padded(out, 7, 3)), "007");
    }

    #[test]
    fn doubles_as_text() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (123.456, "123.456"),
            (-4.5e-3, "-0.0045"),
            (1e-5, "1e-05"),
            (1e6, "1e+06"),
            (100_000.0, "100000"),
            (6.02214e23, "6.02214e+23"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(|out| put_double(out, value)), expected);
        }
    }

    #[test]
    fn doubles_in_the_forms_that_format_asks_for() {
        assert_eq!(text(|out| put_plain_double(out, 1e22)), "10000000000000000000000");
        assert_eq!(text(|out| put_plain_double(out, -1.5e-7)), "-0.00000015");
        assert_eq!(text(|out| put_plain_double(out, f64::NEG_INFINITY)), "-Infinity");
        assert_eq!(text(|out| put_fixed(out, 2.5, 0)), "2");
        assert_eq!(text(|out| put_fixed(out, 1.2345, 3)), "1.234");
        assert_eq!(text(|out| put_exponential(out, 1052.032911275, 6)), "1.052033e+03");
        assert_eq!(text(|out| put_exponential(out, -1e-300, 1)), "-1.0e-300");
        assert_eq!(text(|out| put_exponential(out, f64::NAN, 1)), "NaN");
    }

    #[test]
    fn doubles_as_json() {
        let cases = [
            (1.0, "1"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (1e-7, "1e-07"),
            (1e300, "1e+300"),
            (1e19, "10000000000000000000"),
        ];
        for (value, expected) in cases {
            let written = text(|out| put_json_double(out, value));
            assert_eq!(written, expected);
            assert_eq!(written.parse::<f64>(), Ok(value));
        }
    }

    #[test]
    fn texts_of_numbers() {
        assert_eq!(parse_double("1e400"), None);
        assert_eq!(parse_double("Infinity"), Some(f64::INFINITY));
        assert_eq!(parse_double("1.5 "), None);
        assert_eq!(parse_uint("+5"), None);
        assert_eq!(parse_uint("5"), Some(5));
        assert_eq!(parse_bool("TrUe"), None);
        assert_eq!(double_to_int(9_223_372_036_854_775_807.0), None);
        assert_eq!(double_to_int(-7.9), Some(-7));
        assert_eq!(double_to_uint(18_446_744_073_709_551_615.0), None);
        assert_eq!(double_to_uint(f64::NAN), None);
    }
}
