//! Timestamps and durations: their ranges, their texts, and the calendar.

use crate::number::{put_int, put_padded};

const NANOS: i64 = 1_000_000_000;
/// 0001-01-01T00:00:00Z
const FIRST: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z
const LAST: i64 = 253_402_300_799;

/// A moment between the years 1 and 9999, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    seconds: i64,
    nanos: u32,
}

/// The parts of a moment in some time zone. Months and days count from 0, as CEL's getters do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) day_of_year: u32,
    /// Sunday is 0.
    pub(crate) day_of_week: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) nanos: u32,
}

impl Timestamp {
    /// A moment by Unix time, if it is in range.
    pub(crate) fn new(seconds: i64, nanos: u32) -> Option<Timestamp> {
        ((FIRST..=LAST).contains(&seconds) && i64::from(nanos) < NANOS).then_some(Timestamp { seconds, nanos })
    }

    pub(crate) fn from_nanos(nanos: i128) -> Option<Timestamp> {
        let seconds = i64::try_from(nanos.div_euclid(i128::from(NANOS))).ok()?;
        Timestamp::new(seconds, nanos.rem_euclid(i128::from(NANOS)) as u32)
    }

    /// By Unix time in milliseconds.
    pub(crate) fn from_millis(millis: i64) -> Option<Timestamp> {
        Timestamp::new(millis.div_euclid(1000), millis.rem_euclid(1000) as u32 * 1_000_000)
    }

    pub(crate) fn seconds(self) -> i64 {
        self.seconds
    }

    /// That much later or earlier.
    pub(crate) fn plus(self, nanos: i64) -> Option<Timestamp> {
        let sum = i64::from(self.nanos) + nanos % NANOS;
        let seconds = self.seconds + nanos / NANOS + sum.div_euclid(NANOS);
        Timestamp::new(seconds, sum.rem_euclid(NANOS) as u32)
    }

    pub(crate) fn minus(self, nanos: i64) -> Option<Timestamp> {
        // The smallest duration has no opposite.
        match nanos.checked_neg() {
            Some(opposite) => self.plus(opposite),
            None => self.plus(i64::MAX)?.plus(1),
        }
    }

    /// Nanoseconds from the other to this one, if a duration can be that long.
    pub(crate) fn since(self, other: Timestamp) -> Option<i64> {
        let seconds = self.seconds - other.seconds;
        let nanos = i64::from(self.nanos) - i64::from(other.nanos);
        i64::try_from(i128::from(seconds) * i128::from(NANOS) + i128::from(nanos)).ok()
    }

    /// Its parts, at an offset from UTC in seconds.
    pub(crate) fn civil(self, offset: i32) -> Civil {
        let local = self.seconds + i64::from(offset);
        let (days, second_of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400) as u32);
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            day_of_year: (days - days_of(year, 0, 0)) as u32,
            day_of_week: (days + 4).rem_euclid(7) as u32,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            nanos: self.nanos,
        }
    }

    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Option<Timestamp> {
        let mut reader = Reader(text.as_bytes());
        let year = reader.digits(4)?;
        reader.byte(b'-')?;
        let month = reader.digits(2)?.checked_sub(1)?;
        reader.byte(b'-')?;
        let day = reader.digits(2)?.checked_sub(1)?;
        reader.byte(b'T')?;
        let hour = reader.digits(2)?;
        reader.byte(b':')?;
        let minute = reader.digits(2)?;
        reader.byte(b':')?;
        let second = reader.digits(2)?;
        if month > 11 || day >= days_in(i64::from(year), month) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let nanos = if reader.byte(b'.').is_some() { reader.fraction()? } else { 0 };
        let offset = if reader.byte(b'Z').is_some() { 0 } else { reader.offset()? };
        if !reader.0.is_empty() {
            return None;
        }
        let days = days_of(i64::from(year), month, day);
        let seconds = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Timestamp::new(seconds - i64::from(offset), nanos)
    }

    /// Writes RFC 3339 in UTC, with as many digits of a second as it needs.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        let civil = self.civil(0);
        put_padded(out, civil.year as u32, 4);
        for (before, part) in [(b'-', civil.month + 1), (b'-', civil.day + 1), (b'T', civil.hour)] {
            out.push(before);
            put_padded(out, part, 2);
        }
        for part in [civil.minute, civil.second] {
            out.push(b':');
            put_padded(out, part, 2);
        }
        put_fraction(out, self.nanos, 9);
        out.push(b'Z');
    }
}

/// Days since 1970-01-01; month and day count from 0.
pub(crate) fn days_of(year: i64, month: u32, day: u32) -> i64 {
    // Years that begin in March have their leap day at the end.
    let shifted = if month < 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = i64::from((month + 10) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(crate) fn date_of(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    (year, month as u32, day as u32)
}

fn days_in(year: i64, month: u32) -> u32 {
    match month {
        1 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn byte(&mut self, expected: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == expected).then(|| self.0 = rest)
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
    }

    /// Digits after a point, as nanoseconds; those beyond the ninth are dropped.
    fn fraction(&mut self) -> Option<u32> {
        let mut nanos = 0;
        let mut place = 100_000_000;
        let mut any = false;
        while let Some((byte @ b'0'..=b'9', rest)) = self.0.split_first() {
            nanos += u32::from(byte - b'0') * place;
            place /= 10;
            any = true;
            self.0 = rest;
        }
        any.then_some(nanos)
    }

    fn offset(&mut self) -> Option<i32> {
        let (sign, rest) = self.0.split_first()?;
        self.0 = rest;
        let offset = self.hours_and_minutes()?;
        match sign {
            b'+' => Some(offset),
            b'-' => Some(-offset),
            _ => None,
        }
    }

    fn hours_and_minutes(&mut self) -> Option<i32> {
        let hours = self.digits(2)?;
        self.byte(b':')?;
        let minutes = self.digits(2)?;
        (hours < 24 && minutes < 60).then_some((hours * 3600 + minutes * 60) as i32)
    }
}

/// Writes `.` and the digits of a fraction without its last zeros, or nothing for zero.
fn put_fraction(out: &mut Vec<u8>, mut value: u32, mut width: usize) {
    if value == 0 {
        return;
    }
    while value.is_multiple_of(10) {
        value /= 10;
        width -= 1;
    }
    out.push(b'.');
    put_padded(out, value, width);
}

/// Reads Go's duration text: `1h30m`, `-1.5s`, `100us`.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_len = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, after) = rest.split_at_checked(number_len)?;
        let (unit, after) = unit(after)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        for digits in [whole] {
            let mut value: i128 = 0;
            for byte in digits.bytes() {
                value = value * 10 + i128::from(byte - b'0');
                if value > i128::from(u64::MAX) {
                    return None;
                }
            }
            total += value * i128::from(unit);
        }
        let mut scale = i128::from(unit);
        for byte in fraction.bytes() {
            // A unit has at most 3.6e12 nanoseconds, so that later digits count for nothing.
            total += i128::from(byte - b'0') * scale / 10;
            scale /= 10;
        }
        if total > -i128::from(i64::MIN) {
            return None;
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn unit(text: &str) -> Option<(i64, &str)> {
    const UNITS: [(&str, i64); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("\u{b5}s", 1_000),
        ("\u{3bc}s", 1_000),
        ("ms", 1_000_000),
        ("s", NANOS),
        ("m", 60 * NANOS),
        ("h", 3600 * NANOS),
    ];
    UNITS.iter().find_map(|(name, nanos)| text.strip_prefix(name).map(|rest| (*nanos, rest)))
}

/// Writes a duration in seconds: `1.5s`, as `string(d)` does.
pub(crate) fn put_seconds(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let magnitude = nanos.unsigned_abs();
    put_int(out, (magnitude / NANOS as u64) as i64);
    put_fraction(out, (magnitude % NANOS as u64) as u32, 9);
    out.push(b's');
}

/// Writes a duration as Go and Kubernetes do: `1h0m0s`, `1.5s`, `20ms`.
pub(crate) fn put_go_duration(out: &mut Vec<u8>, nanos: i64) {
    if nanos == 0 {
        return out.extend_from_slice(b"0s");
    }
    if nanos < 0 {
        out.push(b'-');
    }
    let magnitude = nanos.unsigned_abs();
    if magnitude < NANOS as u64 {
        let (unit, width, name) = match magnitude {
            0..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "\u{b5}s"),
            _ => (1_000_000, 6, "ms"),
        };
        put_int(out, (magnitude / unit) as i64);
        put_fraction(out, (magnitude % unit) as u32, width);
        return out.extend_from_slice(name.as_bytes());
    }
    let seconds = magnitude / NANOS as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        put_int(out, hours as i64);
        out.push(b'h');
    }
    if hours > 0 || minutes > 0 {
        put_int(out, minutes as i64);
        out.push(b'm');
    }
    put_int(out, (seconds % 60) as i64);
    put_fraction(out, (magnitude % NANOS as u64) as u32, 9);
    out.push(b's');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        let mut out = Vec::new();
        Timestamp::parse(text)?.put(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn timestamps_read_and_written() {
        let same = [
            "2009-02-13T23:31:30Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2024-02-29T00:00:00.5Z",
        ];
        for text in same {
            assert_eq!(written(text).as_deref(), Some(text));
        }
        assert_eq!(written("2009-02-14T01:01:30+01:30").as_deref(), Some("2009-02-13T23:31:30Z"));
        let refused = [
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "2023-02-29T00:00:00Z",
            "2023-01-01 00:00:00Z",
            "2023-01-01T00:00:00",
            "2023-01-01T00:00:60Z",
            "2023-01-01T00:00:00.Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
        ];
        for text in refused {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_has_one_number() {
        let (mut year, mut month, mut day) = (1, 0, 0);
        for days in days_of(1, 0, 0)..days_of(2401, 0, 0) {
            assert_eq!((days_of(year, month, day), date_of(days)), (days, (year, month, day)));
            day += 1;
            if day == days_in(year, month) {
                (day, month) = (0, month + 1);
            }
            if month == 12 {
                (month, year) = (0, year + 1);
            }
        }
    }

    #[test]
    fn parts_of_a_moment() {
        let moment = Timestamp::parse("2009-02-13T23:31:30Z").unwrap();
        let civil = moment.civil(0);
        assert_eq!((civil.year, civil.month, civil.day, civil.day_of_year, civil.day_of_week), (2009, 1, 12, 43, 5));
        assert_eq!(moment.civil(11 * 3600).day, 13);
        assert_eq!(moment.civil(-31 * 60).minute, 0);
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let last = Timestamp::parse("9999-12-31T23:59:59.999999999Z").unwrap();
        let first = Timestamp::parse("0001-01-01T00:00:00Z").unwrap();
        assert_eq!(last.plus(1), None);
        assert_eq!(first.minus(1), None);
        assert_eq!(last.since(first), None);
        assert_eq!(first.plus(1).unwrap().since(first), Some(1));
        let middle = Timestamp::parse("2000-01-01T00:00:00Z").unwrap();
        assert_eq!(middle.minus(i64::MIN).unwrap().since(middle), None);
        assert_eq!(middle.minus(i64::MIN + 1).unwrap().since(middle), Some(i64::MAX));
    }

    #[test]
    fn durations_read() {
        let cases = [
            ("1h30m", Some(5400 * NANOS)),
            ("-1.5s", Some(-1_500_000_000)),
            ("100us", Some(100_000)),
            ("1\u{b5}s", Some(1_000)),
            ("0", Some(0)),
            (".5s", Some(500_000_000)),
            ("9223372036s", Some(9_223_372_036 * NANOS)),
            ("-9223372036854775808ns", Some(i64::MIN)),
            ("9223372036854775808ns", None),
            ("320000000000s", None),
            ("99999999999999999999999999s", None),
            ("1", None),
            ("s", None),
            ("1.2.3s", None),
            ("", None),
            ("-", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_written() {
        let cases = [
            (0, "0s", "0s"),
            (1_500_000_000, "1.5s", "1.5s"),
            (3600 * NANOS, "3600s", "1h0m0s"),
            (-90 * NANOS, "-90s", "-1m30s"),
            (20_000_000, "0.02s", "20ms"),
            (1_500, "0.0000015s", "1.5\u{b5}s"),
            (1, "0.000000001s", "1ns"),
        ];
        for (nanos, seconds, go) in cases {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            put_seconds(&mut a, nanos);
            put_go_duration(&mut b, nanos);
            assert_eq!((String::from_utf8(a).unwrap().as_str(), String::from_utf8(b).unwrap().as_str()), (seconds, go));
        }
    }
}
