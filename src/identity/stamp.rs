//! The time stamps of `allowed_signers`: `YYYYMMDD[HHMM[SS]][Z]`. Never asks what time it is now.

use chrono::{Local, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};

/// Which clock a stamp was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Ends in `Z` or `UTC`.
    Utc,
    /// No suffix: the reader's own time zone, so its meaning depends on the machine.
    Local,
}

/// A moment that bounds a key's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Seconds since 1970-01-01 UTC; never 0.
    pub(crate) seconds: u64,
    pub(crate) zone: Zone,
}

/// Reads a stamp; `None` if OpenSSH would not.
pub(crate) fn parse(text: &[u8]) -> Option<Stamp> {
    let (digits, zone) = split_zone(text);
    let civil = civil(digits)?;
    let seconds = match zone {
        Zone::Utc => civil.and_utc().timestamp(),
        Zone::Local => local_seconds(civil)?,
    };
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(|seconds| Stamp { seconds, zone })
}

fn split_zone(text: &[u8]) -> (&[u8], Zone) {
    for suffix in [&b"Z"[..], &b"UTC"[..]] {
        if let Some(at) = text.len().checked_sub(suffix.len())
            && at > 0
            && let Some((digits, tail)) = text.split_at_checked(at)
            && tail.eq_ignore_ascii_case(suffix)
        {
            return (digits, Zone::Utc);
        }
    }
    (text, Zone::Local)
}

fn civil(digits: &[u8]) -> Option<NaiveDateTime> {
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u32> {
        match digits.get(from..to) {
            Some(part) => std::str::from_utf8(part).ok()?.parse().ok(),
            None => Some(0),
        }
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 61 {
        return None;
    }
    // Like C's timegm: 31 February is some day in March, second 60 the next minute.
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?;
    let start = first.and_hms_opt(0, 0, 0)?;
    let beyond = i64::from(day - 1) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    start.checked_add_signed(TimeDelta::try_seconds(beyond)?)
}

/// C's `mktime` with daylight saving off, which is how OpenSSH calls it: in summer the stamp still means winter time.
fn local_seconds(civil: NaiveDateTime) -> Option<i64> {
    let offset =
        |at: NaiveDateTime| -> i64 { i64::from(Local.offset_from_utc_datetime(&at).fix().local_minus_utc()) };
    let here = offset(civil.checked_sub_signed(TimeDelta::try_seconds(offset(civil))?)?);
    let year = chrono::Datelike::year(&civil);
    let january = offset(NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(12, 0, 0)?);
    let july = offset(NaiveDate::from_ymd_opt(year, 7, 1)?.and_hms_opt(12, 0, 0)?);
    let standard = if here == january || here == july { january.min(july) } else { here };
    civil.and_utc().timestamp().checked_sub(standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<u64> {
        parse(text.as_bytes()).filter(|stamp| stamp.zone == Zone::Utc).map(|stamp| stamp.seconds)
    }

    #[test]
    fn every_length_and_suffix_openssh_knows_is_read() {
        assert_eq!(utc("20260101Z"), Some(1_767_225_600));
        assert_eq!(utc("20260101utc"), Some(1_767_225_600));
        assert_eq!(utc("202601010101z"), Some(1_767_225_660 + 3600));
        assert_eq!(utc("20260101000007Z"), Some(1_767_225_607));
    }

    #[test]
    fn days_past_the_end_of_a_month_run_on_like_in_c() {
        assert_eq!(utc("20260231Z"), utc("20260303Z"));
    }

    #[test]
    fn nonsense_and_the_epoch_itself_are_refused() {
        for text in
            ["", "Z", "2026", "2026010Z", "20261301Z", "20260100Z", "19700101Z", "19690101Z", "2026-01-01Z"]
        {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_stamp_without_a_suffix_is_marked_local() {
        assert_eq!(parse(b"20260101").map(|stamp| stamp.zone), Some(Zone::Local));
    }
}
