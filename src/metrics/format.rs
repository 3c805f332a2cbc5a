//! Numbers as people read them, and scales with round marks. Never hides what a value is: NaN stays `NaN`.

use crate::runbook::model::{Better, Op, Threshold, Unit};

/// The word of a unit in the runbook file.
pub fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "ratio",
        Unit::Percent => "percent",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
        Unit::PerSecond => "per_second",
    }
}

/// The word of a direction in the runbook file.
pub fn better_word(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    }
}

/// A value with its unit: `31.2 %`, `250 ms`, `1.50 KiB`, `40.2 /s`.
pub fn value(x: f64, unit: Unit) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    match unit {
        Unit::Ratio => format!("{} %", digits(x * 100.0)),
        Unit::Percent => format!("{} %", digits(x)),
        Unit::Seconds => seconds(x),
        Unit::Bytes => scaled(x, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
        Unit::Count => scaled(x, 1000.0, &["", "k", "M", "G", "T"]),
        Unit::PerSecond => {
            let text = scaled(x, 1000.0, &["", "k", "M", "G", "T"]);
            format!("{text}{}/s", if text.contains(' ') { "" } else { " " })
        }
    }
}

/// A comparison with its unit: `> 5.00 %`.
pub fn threshold(t: Threshold, unit: Unit) -> String {
    format!("{} {}", t.op.word(), value(t.value, unit))
}

/// The same comparison as words after "is": `above 5 %`.
pub fn threshold_words(t: Threshold, unit: Unit) -> String {
    let words = match t.op {
        Op::Less => "below",
        Op::LessOrEqual => "at most",
        Op::Greater => "above",
        Op::GreaterOrEqual => "at least",
        Op::Equal => "exactly",
        Op::NotEqual => "other than",
    };
    format!("{words} {}", value(t.value, unit))
}

/// Three significant digits, whole numbers without a fraction.
fn digits(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 || ((1.0..1000.0).contains(&size) && (size - size.round()).abs() < 1e-9) {
        return format!("{:.0}", x + 0.0);
    }
    if size >= 99.95 {
        format!("{x:.0}")
    } else if size >= 9.995 {
        format!("{x:.1}")
    } else if size >= 0.1 {
        format!("{x:.2}")
    } else if size >= 0.001 {
        format!("{x:.4}")
    } else {
        format!("{x:.1e}")
    }
}

fn scaled(x: f64, base: f64, prefixes: &[&str]) -> String {
    let mut size = x;
    let mut chosen = "";
    for (step, prefix) in prefixes.iter().enumerate() {
        if step > 0 {
            if size.abs() < base {
                break;
            }
            size /= base;
        }
        chosen = prefix;
    }
    let number = digits(size);
    if chosen.is_empty() { number } else { format!("{number} {chosen}") }
}

fn seconds(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 {
        "0 s".to_owned()
    } else if size < 0.001 {
        format!("{} µs", digits(x * 1e6))
    } else if size < 1.0 {
        format!("{} ms", digits(x * 1e3))
    } else if size < 120.0 {
        format!("{} s", digits(x))
    } else if size < 7200.0 {
        format!("{} min", digits(x / 60.0))
    } else {
        format!("{} h", digits(x / 3600.0))
    }
}

/// A vertical scale with round marks.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Lower end.
    pub low: f64,
    /// Upper end, above `low`.
    pub high: f64,
    /// Marks from `low` to `high`, 1-2-5 times a power of ten apart.
    pub marks: Vec<f64>,
}

/// A scale that holds every finite value given, in about `marks` steps (at least 1) of 1, 2 or 5 times a power
/// of ten. Values of one sign start at zero, because a chart cut off above zero exaggerates.
pub fn scale(values: impl IntoIterator<Item = f64>, marks: usize) -> Scale {
    let mut low = 0.0_f64;
    let mut high = 0.0_f64;
    for x in values.into_iter().filter(|x| x.is_finite()) {
        // The ends of what a float can hold would overflow below.
        low = low.min(x.clamp(-1e300, 1e300));
        high = high.max(x.clamp(-1e300, 1e300));
    }
    if high - low < 1e-300 {
        high = low + 1.0;
    }
    let step = round_step((high - low) / marks.max(1) as f64);
    let first = (low / step).floor();
    // The tolerance keeps 0.3 / 0.1 = 3.0000000000000004 from opening a fourth step.
    let last = ((high / step) - 1e-9).ceil().max(first + 1.0);
    let count = (last - first).clamp(1.0, 1000.0) as usize;
    let marks = (0..=count).map(|i| (first + i as f64) * step).collect();
    Scale { low: first * step, high: last * step, marks }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= rough * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_unit_and_three_digits() {
        let cases = [
            (0.312, Unit::Ratio, "31.2 %"),
            (0.05, Unit::Ratio, "5 %"),
            (0.0031, Unit::Ratio, "0.31 %"),
            (99.97, Unit::Percent, "100 %"),
            (0.25, Unit::Seconds, "250 ms"),
            (0.000_12, Unit::Seconds, "120 µs"),
            (2.5, Unit::Seconds, "2.50 s"),
            (600.0, Unit::Seconds, "10 min"),
            (1536.0, Unit::Bytes, "1.50 KiB"),
            (12.0, Unit::Bytes, "12 B"),
            (1_234_567.0, Unit::Count, "1.23 M"),
            (42.0, Unit::Count, "42"),
            (40.25, Unit::PerSecond, "40.2 /s"),
            (0.0, Unit::Ratio, "0 %"),
            (-0.0, Unit::Count, "0"),
        ];
        for (x, unit, text) in cases {
            assert_eq!(value(x, unit), text, "{x} {unit:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_called_that() {
        assert_eq!(value(f64::NAN, Unit::Ratio), "NaN");
        assert_eq!(value(f64::INFINITY, Unit::Bytes), "+Inf");
        assert_eq!(value(f64::NEG_INFINITY, Unit::Seconds), "-Inf");
    }

    #[test]
    fn a_scale_has_round_marks_and_starts_at_zero() {
        let s = scale([0.02, 0.31], 4);
        assert_eq!((s.low, s.high), (0.0, 0.4));
        assert_eq!(s.marks.len(), 5);
        let s = scale([-3.0, 12.0], 5);
        assert_eq!((s.low, s.high), (-5.0, 15.0));
    }

    #[test]
    fn a_scale_of_nothing_of_one_value_or_of_nan_still_has_a_height() {
        for values in
            [vec![], vec![0.0], vec![f64::NAN, f64::INFINITY], vec![f64::MAX, f64::MIN], vec![5e-324]]
        {
            let s = scale(values.clone(), 4);
            assert!(s.high > s.low && s.high.is_finite(), "{values:?} gives {s:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_value_lies_on_its_scale(values in proptest::collection::vec(-1e12_f64..1e12, 1..20), marks in 1_usize..9) {
            let s = scale(values.iter().copied(), marks);
            let slack = (s.high - s.low) * 1e-9;
            for x in values {
                proptest::prop_assert!(x >= s.low - slack && x <= s.high + slack);
            }
            proptest::prop_assert!(s.marks.len() <= 2 * marks + 3);
        }
    }
}
