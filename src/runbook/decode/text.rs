//! What short texts mean: durations, numbers, ids. Never accepts a number without a unit as a duration.

use std::time::Duration;

/// Longest duration that is read: a hundred years keeps every sum far from overflow.
const LONGEST: u64 = 100 * 366 * 24 * 3600;

/// Reads `500ms`, `90s`, `15m`, `4h`, `2d` or a row of them, largest first (`1h30m`). `None` for anything else.
pub fn duration_from(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut previous = u64::MAX;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        if millis >= previous {
            return None;
        }
        previous = millis;
        total = total.checked_add(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))?;
        rest = tail;
    }
    (total.as_secs() <= LONGEST).then_some(total)
}

/// Reads a finite decimal number such as `0.05`, `-3` or `1e6`.
pub fn number_from(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|n| plain && n.is_finite())
}

/// Whether it is an id: `[a-z0-9-]`, 1 to 64, not starting with `-`.
pub fn is_id(text: &str) -> bool {
    let fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fits && !text.starts_with('-') && (1..=64).contains(&text.len())
}

/// Whether it is a name: `[A-Za-z0-9_-]`, 1 to 64, not starting with `-`.
pub fn is_name(text: &str) -> bool {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    fits && !text.starts_with('-') && (1..=64).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit() {
        let ms = |t| duration_from(t).map(|d| d.as_millis());
        assert_eq!(ms("90s"), Some(90_000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("2d"), Some(172_800_000));
        for bad in [
            "",
            "90",
            "s",
            "1.5h",
            "-1s",
            "1m1h",
            "1s1s",
            "5 m",
            "9999999999999999999d",
            "99999999d",
            "5min",
            "é",
        ] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_decimal_and_finite() {
        assert_eq!(number_from("0.05"), Some(0.05));
        assert_eq!(number_from("-3"), Some(-3.0));
        for bad in ["inf", "NaN", "0x10", "1_000", "1,5", "", "1e999"] {
            assert_eq!(number_from(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_are_lower_case() {
        assert!(is_id("orders-schema-rollback") && is_id("7"));
        assert!(!is_id("Orders") && !is_id("a_b") && !is_id("-a") && !is_id("") && !is_id(&"a".repeat(65)));
    }
}
