//! Time zones: fixed offsets, and the names of the IANA database.
//!
//! The database is part of the engine, so that the same program gives the same answer everywhere. Its table and the
//! script that writes it are in `zones/`; the script says how the table is laid out.

use crate::time::{Timestamp, days_of};

static TABLE: &[u8] = include_bytes!("../zones/zones.bin");
const DAY: i64 = 86_400;

/// The offset from UTC in seconds, at a moment, of `UTC`, `+02:00`, `02:00` or `Europe/Berlin`.
pub(crate) fn offset(zone: &str, at: Timestamp) -> Option<i32> {
    match zone.as_bytes().first() {
        None => Some(0),
        Some(b'+' | b'-' | b'0'..=b'9') => fixed(zone),
        Some(_) if zone == "UTC" => Some(0),
        Some(_) => Table::open()?.offset(zone, at.seconds()),
    }
}

/// `+hh:mm`, `-hh:mm` or `hh:mm`.
fn fixed(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => (1, text),
    };
    let [h1, h2, b':', m1, m2] = *rest.as_bytes() else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i32::from(byte - b'0'));
    let (hours, minutes) = (digit(h1)? * 10 + digit(h2)?, digit(m1)? * 10 + digit(m2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The parts of the table.
struct Table {
    names: &'static [[u8; 5]],
    starts: &'static [[u8; 4]],
    offsets: &'static [[u8; 4]],
    texts: &'static [u8],
    records: &'static [u8],
}

impl Table {
    fn open() -> Option<Table> {
        let mut rest = Part(TABLE);
        if rest.take(4)? != b"TZ01" {
            return None;
        }
        let [names, zones, offsets] = [rest.u16()?, rest.u16()?, rest.u16()?].map(usize::from);
        let names = rest.take(5 * names)?.as_chunks().0;
        let starts = rest.take(4 * zones)?.as_chunks().0;
        let offsets = rest.take(4 * offsets)?.as_chunks().0;
        let texts = usize::from(rest.u16()?);
        Some(Table { names, starts, offsets, texts: rest.take(texts)?, records: rest.0 })
    }

    fn offset(&self, name: &str, at: i64) -> Option<i32> {
        let text = |[a, b, len, ..]: &[u8; 5]| {
            let start = usize::from(u16::from_le_bytes([*a, *b]));
            self.texts.get(start..start + usize::from(*len)).unwrap_or_default()
        };
        let found = self.names.binary_search_by(|row| text(row).cmp(name.as_bytes())).ok()?;
        let [.., a, b] = *self.names.get(found)?;
        let start = self.starts.get(usize::from(u16::from_le_bytes([a, b])))?;
        let mut record = Part(self.records.get(u32::from_le_bytes(*start) as usize..)?);

        let first = record.u16()?;
        let count = usize::from(record.u16()?);
        let transitions: &[[u8; 7]] = record.take(7 * count)?.as_chunks().0;
        let passed = transitions.partition_point(|transition| transition_time(transition) <= at);
        match passed.checked_sub(1) {
            None if count > 0 => self.seconds(first),
            Some(last) if passed < count => {
                let [.., a, b] = *transitions.get(last)?;
                self.seconds(u16::from_le_bytes([a, b]))
            }
            _ => self.by_rule(&mut record, at),
        }
    }

    fn seconds(&self, number: u16) -> Option<i32> {
        self.offsets.get(usize::from(number)).map(|offset| i32::from_le_bytes(*offset))
    }

    /// After the last transition: standard time, or summer time between two days of the year.
    fn by_rule(&self, record: &mut Part, at: i64) -> Option<i32> {
        let standard = self.seconds(record.u16()?)?;
        if record.u8()? == 0 {
            return Some(standard);
        }
        let summer = self.seconds(record.u16()?)?;
        let (begin, end) = (record.change()?, record.change()?);
        let (year, ..) = crate::time::date_of((at + i64::from(standard)).div_euclid(DAY));
        let begin = begin.seconds(year) - i64::from(standard);
        let end = end.seconds(year) - i64::from(summer);
        // South of the equator the summer lies around the turn of the year.
        let inside = if begin < end { (begin..end).contains(&at) } else { !(end..begin).contains(&at) };
        Some(if inside { summer } else { standard })
    }
}

fn transition_time(transition: &[u8; 7]) -> i64 {
    let [a, b, c, d, e, ..] = *transition;
    // Five bytes with a sign.
    i64::from_le_bytes([0, 0, 0, a, b, c, d, e]) >> 24
}

/// A day of every year, as the second Sunday in March, and a time of it.
struct Change {
    month: u32,
    week: i64,
    day: i64,
    seconds: i64,
}

impl Change {
    /// Local Unix time in a year.
    fn seconds(&self, year: i64) -> i64 {
        let first = days_of(year, self.month, 0);
        let weekday = (first + 4).rem_euclid(7);
        let mut days = first + (self.day - weekday).rem_euclid(7) + (self.week - 1) * 7;
        let next = if self.month == 11 { days_of(year + 1, 0, 0) } else { days_of(year, self.month + 1, 0) };
        if days >= next {
            days -= 7;
        }
        days * DAY + self.seconds
    }
}

struct Part(&'static [u8]);

impl Part {
    fn take(&mut self, len: usize) -> Option<&'static [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn change(&mut self) -> Option<Change> {
        let [month, week, day] = self.array()?;
        let seconds = i64::from(i32::from_le_bytes(self.array()?));
        Some(Change { month: u32::from(month).checked_sub(1)?, week: week.into(), day: day.into(), seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, text: &str) -> Option<i32> {
        offset(zone, Timestamp::parse(text).unwrap()).map(|seconds| seconds / 60)
    }

    #[test]
    fn fixed_offsets() {
        let now = "2009-02-13T23:31:30Z";
        assert_eq!(at("UTC", now), Some(0));
        assert_eq!(at("", now), Some(0));
        assert_eq!(at("02:00", now), Some(120));
        assert_eq!(at("-05:30", now), Some(-330));
        for refused in ["+25:00", "+1:00", "0200", "+02:60", "Nowhere", "Europe/", "europe/berlin", "localtime"] {
            assert_eq!(at(refused, now), None, "{refused}");
        }
    }

    #[test]
    fn names_north_and_south() {
        assert_eq!(at("Europe/Berlin", "2026-01-15T12:00:00Z"), Some(60));
        assert_eq!(at("Europe/Berlin", "2026-07-15T12:00:00Z"), Some(120));
        assert_eq!(at("Australia/Sydney", "2009-02-13T23:31:30Z"), Some(660));
        assert_eq!(at("Australia/Sydney", "2026-07-15T12:00:00Z"), Some(600));
        assert_eq!(at("Asia/Kathmandu", "2009-02-13T23:31:30Z"), Some(345));
        assert_eq!(at("America/St_Johns", "2009-02-13T02:00:00Z"), Some(-210));
        assert_eq!(at("US/Central", "2009-02-13T23:31:30Z"), Some(-360));
        assert_eq!(at("Africa/Abidjan", "2026-07-15T12:00:00Z"), Some(0));
    }

    #[test]
    fn the_hour_of_a_change() {
        assert_eq!(at("America/New_York", "2040-03-11T06:59:59Z"), Some(-300));
        assert_eq!(at("America/New_York", "2040-03-11T07:00:00Z"), Some(-240));
        assert_eq!(at("America/New_York", "2040-11-04T05:59:59Z"), Some(-240));
        assert_eq!(at("America/New_York", "2040-11-04T06:00:00Z"), Some(-300));
        // Before there was standard time, and while clocks went ahead for the war.
        assert_eq!(at("Europe/London", "1800-01-01T00:00:00Z"), Some(-1));
        assert_eq!(at("Europe/London", "1941-07-01T00:00:00Z"), Some(120));
    }

    #[test]
    fn every_name_has_a_zone() {
        let table = Table::open().unwrap();
        assert!(table.names.len() > 400);
        for [a, b, len, ..] in table.names {
            let start = usize::from(u16::from_le_bytes([*a, *b]));
            let name = std::str::from_utf8(&table.texts[start..start + usize::from(*len)]).unwrap();
            for seconds in [-5_000_000_000, 0, 1_800_000_000, 5_000_000_000] {
                assert!(table.offset(name, seconds).is_some_and(|offset| offset.abs() < 16 * 3600), "{name}");
            }
        }
    }
}
