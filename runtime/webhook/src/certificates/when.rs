//! Times as certificates have them: whole seconds since 1970.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;

use super::CertificateError;

/// The last second at which certificates are made, in the year 9892: dates end with the year 9999 (RFC 5280, 4.1.2.5), and
/// what is made has to end before that.
const LATEST: u64 = 250_000_000_000;

/// The seconds of `now`, bounded so that everything reckoned from it is a date.
pub(super) fn seconds(now: SystemTime) -> Result<u64, CertificateError> {
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) if since.as_secs() <= LATEST => Ok(since.as_secs()),
        _ => Err(CertificateError::Clock),
    }
}

/// As the standard library has it.
pub(super) fn system(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) from: u64,
    pub(super) until: u64,
}

impl Life {
    /// Whether it holds at a time. It ends a second sooner than clients see it end, so that nothing is at its edge.
    pub(super) fn holds(&self, now: u64) -> bool {
        (self.from..self.until).contains(&now)
    }

    /// Reads it from a certificate (RFC 5280, 4.1): the fifth element of the first, the fourth where there is no version.
    pub(super) fn read(certificate: &[u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const VERSION: u8 = 0xa0;
        let (body, _) = expect(SEQUENCE, certificate)?;
        let (mut body, _) = expect(SEQUENCE, body)?;
        if body.first() == Some(&VERSION) {
            body = element(body)?.2;
        }
        for _ in ["serial number", "signature", "issuer"] {
            body = element(body)?.2;
        }
        let (validity, _) = expect(SEQUENCE, body)?;
        let (tag, from, rest) = element(validity)?;
        let (until_tag, until, _) = element(rest)?;
        Some(Self { from: date(tag, from)?, until: date(until_tag, until)? })
    }
}

/// Splits the first element of DER off: its tag, its content and what follows. Lengths of up to two bytes do: what is read
/// is bounded by 64 KiB.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    element(der).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// A date as `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5). One before 1970 is taken for 1970.
fn date(tag: u8, text: &[u8]) -> Option<u64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = number(&digits[..2]);
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let mut pairs = rest.chunks(2).map(number);
    let (month, day) = (pairs.next()?, pairs.next()?);
    let (hour, minute, second) = (pairs.next()?, pairs.next()?, pairs.next()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day).saturating_sub(days(1970, 1, 1));
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

const DAY: u64 = 86_400;

/// Days from the first of March of the year −400 to a date. Years that begin with March have their leap day at their end.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = 400 + year - u64::from(month < 3);
    let month = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1
}

/// The last second of the year 9999: later ones have no date, and nothing but a forged state has them.
const LAST: u64 = 253_402_300_799;

/// A second since 1970, shown as RFC 3339 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown(pub(super) u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > LAST {
            return write!(f, "second {}", self.0);
        }
        let (day, second) = (self.0 / DAY + days(1970, 1, 1), self.0 % DAY);
        // The year is guessed, never too high, and corrected: that is shorter than the arithmetic of four cycles.
        let mut year = (day / 366).saturating_sub(400);
        while days(year + 1, 1, 1) <= day {
            year += 1;
        }
        let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
        let day = day - days(year, month, 1) + 1;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// As TLS has it.
pub(super) fn unix(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_shown_as_calendars_have_them() {
        for (tag, text, seconds, shown) in [
            (0x17, "700101000000Z", 0, "1970-01-01T00:00:00Z"),
            (0x17, "000229235959Z", 951_868_799, "2000-02-29T23:59:59Z"),
            (0x17, "491231235959Z", 2_524_607_999, "2049-12-31T23:59:59Z"),
            (0x18, "20500101000000Z", 2_524_608_000, "2050-01-01T00:00:00Z"),
            (0x18, "21000301000000Z", 4_107_542_400, "2100-03-01T00:00:00Z"),
            (0x18, "99991231235959Z", 253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(tag, text.as_bytes()), Some(seconds), "{text}");
            assert_eq!(Shown(seconds).to_string(), shown);
        }
        assert_eq!(Shown(u64::MAX).to_string(), "second 18446744073709551615");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for (tag, text) in [
            (0x17, "700101000000"),
            (0x17, "7001010000Z"),
            (0x17, "701301000000Z"),
            (0x17, "70010100000xZ"),
            (0x17, "20500101000000Z"),
            (0x18, "20500100000000Z"),
            (0x02, "700101000000Z"),
        ] {
            assert_eq!(date(tag, text.as_bytes()), None, "{text}");
        }
        assert_eq!(date(0x17, b"690101000000Z"), Some(0), "before 1970");
    }

    #[test]
    fn der_that_is_cut_or_too_long_is_none() {
        assert_eq!(element(&[0x30, 1, 7, 9]), Some((0x30, &[7u8][..], &[9u8][..])));
        assert_eq!(element(&[0x30, 0x81, 1, 7]), Some((0x30, &[7u8][..], &[][..])));
        assert_eq!(element(&[0x30, 0x82, 0, 1, 7]), Some((0x30, &[7u8][..], &[][..])));
        for der in
            [&[][..], &[0x30], &[0x30, 2, 7], &[0x30, 0x81], &[0x30, 0x82, 0], &[0x30, 0x83, 0, 0, 0], &[0x30, 0x80]]
        {
            assert_eq!(element(der), None, "{der:x?}");
        }
        assert_eq!(Life::read(&[0x30, 2, 0x30, 0]), None);
    }
}
