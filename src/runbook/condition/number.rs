//! Numbers in text. Never takes two versions (`1.1`, `1.10`) for the same number.

use super::{Judgement, shortened};
use crate::runbook::decode::number_from;
use crate::runbook::model::Tolerance;

/// Whether two texts are equal: ends trimmed, and a whole number equals the same with a zero fraction
/// (`17`, `17.0`). Two texts that both have a fraction are compared as text, and no digit is ever rounded away.
pub fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim_end(), b.trim_end());
    a == b || matches!((whole(a), whole(b)), (Some(x), Some(y)) if x.digits == y.digits && (x.bare || y.bare))
}

struct Whole<'a> {
    digits: &'a str,
    bare: bool,
}

/// A plain decimal without anything behind the point but zeros.
fn whole(text: &str) -> Option<Whole<'_>> {
    let (digits, fraction) = text.split_once('.').map_or((text, None), |(d, f)| (d, Some(f)));
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let plain = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
    // `0042` is a name, not a number.
    let padded = unsigned.len() > 1 && unsigned.starts_with('0');
    let zeros = fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b == b'0'));
    (plain && !padded && zeros).then_some(Whole { digits, bare: fraction.is_none() })
}

/// Judges a text that must be a number.
pub(super) fn judged(
    text: &str,
    holds: impl FnOnce(f64) -> bool,
    otherwise: impl FnOnce() -> String,
) -> Judgement {
    match number_from(text.trim()) {
        None => Judgement::inconclusive(format!("{} is not a number", shortened(text))),
        Some(n) if holds(n) => Judgement::Pass,
        Some(n) => Judgement::fail(format!("{n} is {}", otherwise())),
    }
}

/// Judges a number against one measured before.
pub(super) fn near(text: &str, before: &str, name: &str, tolerance: Tolerance) -> Judgement {
    let Some(base) = number_from(before.trim()) else {
        return Judgement::inconclusive(format!(
            "measurement `{name}` is not a number: {}",
            shortened(before)
        ));
    };
    let allowed = match tolerance {
        Tolerance::Percent(p) => base.abs() * p / 100.0,
        Tolerance::Absolute(a) => a,
    };
    judged(text, |n| (n - base).abs() <= allowed, || format!("more than {allowed} away from {base} ({name})"))
}
