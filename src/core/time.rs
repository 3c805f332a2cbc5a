//! Points in time as values. Never asks what time it is.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stamp(pub i64);

/// Text that is not a time of the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a UTC time with six fraction digits, such as 2026-11-20T12:00:00.000000Z")]
pub struct BadStamp(String);

const DAY: i64 = 86_400;

/// By so much a clock moves in the ordinary work of a time service; more is a jump and is recorded.
pub const DRIFT: Duration = Duration::from_secs(2);

/// Year, month and day of a count of days since 1970-01-01 (proleptic Gregorian; H. Hinnant's civil-from-days).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// Minutes east of Greenwich: `Z`, `+05:30`, `-08:00`.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let &[sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] = zone.as_bytes() else { return None };
    let digit = |b: u8| b.is_ascii_digit().then(|| i64::from(b - b'0'));
    let (hours, minutes) = (digit(h0)? * 10 + digit(h1)?, digit(m0)? * 10 + digit(m1)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = hours * 60 + minutes;
    Some(if sign == b'-' { -minutes } else { minutes })
}

/// Days since 1970-01-01 (proleptic Gregorian; C. Neri and L. Schneider, "Euclidean affine functions and their
/// application to calendar algorithms", 2022). Few divisions: this is asked for every line of a record.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, and 400 of them earlier, so that none is below zero.
    let early = month <= 2;
    let (y, m) = (year + 400 - i64::from(early), if early { month + 12 } else { month });
    let century = y / 100;
    ((1_461 * y) >> 2) - century + (century >> 2) + ((979 * m - 2_919) >> 5) + day - 1 - 719_468 - 146_097
}

impl Stamp {
    /// This much later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Stamp {
        Stamp(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long since an earlier time; zero when it is not earlier.
    pub fn since(self, earlier: Stamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Without the fraction, for statements: `2026-11-20T13:15:00Z`.
    pub fn to_second(self) -> String {
        let (year, month, day, clock) = self.parts();
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
    }

    /// `HH:MM:SS` in UTC.
    pub fn clock(self) -> String {
        let (.., clock) = self.parts();
        format!("{:02}:{:02}:{:02}", clock / 3600, clock / 60 % 60, clock % 60)
    }

    /// `HH:MM` in UTC.
    pub fn minute(self) -> String {
        let (.., clock) = self.parts();
        format!("{:02}:{:02}", clock / 3600, clock / 60 % 60)
    }

    fn parts(self) -> (i64, i64, i64, i64) {
        let seconds = self.seconds();
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        (year, month, day, seconds.rem_euclid(DAY))
    }

    /// Reads exactly the form that the record uses: UTC, six fraction digits, `Z`.
    pub fn parse(text: &str) -> Result<Stamp, BadStamp> {
        Self::scan(text.as_bytes()).ok_or_else(|| BadStamp(text.to_owned()))
    }

    /// Reads a time as people and programs write it (RFC 3339): any number of fraction digits, `Z` or an offset.
    pub fn parse_rfc3339(text: &str) -> Option<Stamp> {
        let (date, rest) = text.trim().split_at_checked(10)?;
        let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
        let zone_at = rest.find(['Z', 'z', '+', '-'])?;
        let (fraction, zone) = rest.split_at_checked(zone_at)?;
        let digits = match fraction.strip_prefix('.') {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits,
            None if fraction.is_empty() => "",
            Some(_) | None => return None,
        };
        let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
        let local = Stamp::parse(&format!("{date}T{clock}.{micros}Z")).ok()?;
        Some(Stamp(local.0.checked_sub(offset(zone)?.checked_mul(60_000_000)?)?))
    }

    fn scan(b: &[u8]) -> Option<Stamp> {
        let &[
            y0,
            y1,
            y2,
            y3,
            b'-',
            m0,
            m1,
            b'-',
            d0,
            d1,
            b'T',
            h0,
            h1,
            b':',
            n0,
            n1,
            b':',
            s0,
            s1,
            b'.',
            f0,
            f1,
            f2,
            f3,
            f4,
            f5,
            b'Z',
        ] = b
        else {
            return None;
        };
        let [century, year, month, day] = pairs([y0, y1, y2, y3, m0, m1, d0, d1])?;
        let [hour, minute, second, hundredths] = pairs([h0, h1, n0, n1, s0, s1, f0, f1])?;
        let [after, micros, ..] = pairs([f2, f3, f4, f5, b'0', b'0', b'0', b'0'])?;
        let (year, micros) = (century * 100 + year, (hundredths * 100 + after) * 100 + micros);
        let day_number = days(year, month, day);
        let real = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
        // Every month has 28 days; only behind them is it asked what the calendar says.
        let on_it = (1..=28).contains(&day) || civil(day_number) == (year, month, day);
        if !real || !on_it {
            return None;
        }
        Some(Stamp((day_number * DAY + hour * 3600 + minute * 60 + second) * 1_000_000 + micros))
    }
}

/// Four numbers of two digits each. All eight digits are worked on as one word, since every line of a record has
/// a time.
#[inline(always)]
fn pairs(digits: [u8; 8]) -> Option<[i64; 4]> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let values = u64::from_le_bytes(digits) ^ (ONES * b'0' as u64);
    // Ten and more reach the high bit when 0x76 is added; what has it already is more, too.
    let above = (values & (ONES * 0x7f)) + ONES * 0x76;
    if (values | above) & (ONES * 0x80) != 0 {
        return None;
    }
    let [a, _, b, _, c, _, d, _] = (values * 10 + (values >> 8)).to_le_bytes();
    Some([i64::from(a), i64::from(b), i64::from(c), i64::from(d)])
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.to_second();
        write!(f, "{}.{:06}Z", whole.trim_end_matches('Z'), self.0.rem_euclid(1_000_000))
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> String {
        stamp.to_string()
    }
}

impl TryFrom<String> for Stamp {
    type Error = BadStamp;
    fn try_from(text: String) -> Result<Self, BadStamp> {
        Stamp::parse(&text)
    }
}

/// A duration as a person writes it: `1h 05m`, `4m 10s`, `12s`.
pub fn spoken(span: Duration) -> String {
    let s = span.as_secs();
    match s {
        0..=59 => format!("{s}s"),
        60..=3599 => format!("{}m {:02}s", s / 60, s % 60),
        3600..=86_399 => format!("{}h {:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d {:02}h", s / 86_400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_prints_as_it_was_read() {
        for text in
            ["2026-11-20T12:00:01.000002Z", "1970-01-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z"]
        {
            assert_eq!(Stamp::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_epoch_of_a_known_second_is_right() {
        assert_eq!(Stamp::parse("2026-11-20T12:00:00.000000Z").unwrap().seconds(), 1_795_176_000);
    }

    #[test]
    fn anything_but_the_exact_form_is_refused() {
        for text in [
            "",
            "2026-11-20T12:00:00Z",
            "2026-11-20T12:00:00.000Z",
            "2026-11-20T12:00:00.000000+00:00",
            "2026-02-30T12:00:00.000000Z",
            "2026-13-01T12:00:00.000000Z",
            "2026-11-20T24:00:00.000000Z",
            "2026-11-20 12:00:00.000000Z",
        ] {
            assert!(Stamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_other_byte_can_stand_for_a_digit_or_a_separator() {
        let fine = *b"2026-11-20T12:34:56.123456Z";
        for at in 0..fine.len() {
            for byte in 0..=255 {
                let mut text = fine;
                text[at] = byte;
                let of_its_kind =
                    if fine[at].is_ascii_digit() { byte.is_ascii_digit() } else { byte == fine[at] };
                assert!(Stamp::scan(&text).is_none() || of_its_kind, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn a_time_with_an_offset_is_the_same_moment() {
        let noon = Stamp::parse("2026-11-20T12:00:00.500000Z").unwrap();
        for text in
            ["2026-11-20T12:00:00.5Z", "2026-11-20 13:30:00.5000001+01:30", "2026-11-20t04:00:00.50-08:00"]
        {
            assert_eq!(Stamp::parse_rfc3339(text), Some(noon), "{text}");
        }
        for text in [
            "",
            "2026-11-20",
            "2026-11-20T12:00:00",
            "2026-11-20T12:00:00.Z",
            "2026-11-20T12:00:00+1",
            "yesterday",
            "2026-02-30T12:00:00Z",
            "2026-11-20T12:00:00+24:00",
            "2026-11-20T12:00:00é",
        ] {
            assert_eq!(Stamp::parse_rfc3339(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_time_in_four_digit_years_survives_the_round_trip(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
            let stamp = Stamp(micros);
            proptest::prop_assert_eq!(Stamp::parse(&stamp.to_string()), Ok(stamp));
        }
    }
}
