use super::*;
use crate::metrics::series::Sample;
use crate::runbook::model::{Better, Op, Threshold, Unit};

const SECOND: i64 = 1_000_000;

fn trigger(for_secs: u64, on_no_data: NoData) -> Trigger {
    Trigger {
        id: "errors".into(),
        metric: "error_share".into(),
        condition: Threshold { op: Op::Greater, value: 0.05 },
        for_: Duration::from_secs(for_secs),
        weight: 40,
        on_no_data,
    }
}

fn metric() -> Metric {
    Metric {
        name: "error_share".into(),
        title: "Checkout errors".into(),
        source: "shop".into(),
        query: "q".into(),
        unit: Unit::Ratio,
        better: Better::Lower,
        warn: None,
        critical: None,
        every: Duration::from_secs(1),
    }
}

fn series(values: &[(i64, Option<f64>)]) -> Series {
    let mut series = Series::new(Duration::from_secs(1));
    for (at, value) in values {
        let value = value.map_or(Reading::NoData { why: "empty".into() }, Reading::Value);
        series.push(Sample { at_micros: at * SECOND, value });
    }
    series
}

fn state(for_secs: u64, on_no_data: NoData, values: &[(i64, Option<f64>)], now: i64) -> TriggerState {
    evaluate(&trigger(for_secs, on_no_data), &series(values), now * SECOND)
}

const BAD: Option<f64> = Some(0.3);
const GOOD: Option<f64> = Some(0.01);

#[test]
fn it_is_pending_until_it_held_for_long_enough() {
    let values = [(1, GOOD), (2, BAD), (3, BAD), (4, BAD)];
    assert_eq!(state(3, NoData::Inconclusive, &values, 4), TriggerState::Pending { since: 2 * SECOND });
    assert_eq!(state(3, NoData::Inconclusive, &values, 5), TriggerState::Fired { since: 2 * SECOND });
}

#[test]
fn one_good_sample_starts_it_again() {
    let values = [(1, BAD), (2, BAD), (3, GOOD), (4, BAD), (5, BAD)];
    assert_eq!(state(3, NoData::Inconclusive, &values, 5), TriggerState::Pending { since: 4 * SECOND });
    let values = [(1, BAD), (2, BAD), (3, GOOD)];
    assert_eq!(state(1, NoData::Inconclusive, &values, 3), TriggerState::Clear);
}

#[test]
fn without_a_duration_it_fires_at_once() {
    assert_eq!(state(0, NoData::Inconclusive, &[(9, BAD)], 9), TriggerState::Fired { since: 9 * SECOND });
}

#[test]
fn the_bound_itself_is_not_above_it() {
    assert_eq!(state(0, NoData::Fail, &[(9, Some(0.05))], 9), TriggerState::Clear);
}

#[test]
fn missing_data_means_what_the_author_chose() {
    let values = [(1, BAD), (2, None)];
    assert_eq!(state(0, NoData::Pass, &values, 2), TriggerState::Clear);
    assert_eq!(state(1, NoData::Fail, &values, 2), TriggerState::Fired { since: SECOND });
    assert_eq!(
        state(1, NoData::Inconclusive, &values, 2),
        TriggerState::Inconclusive { why: "no data: empty".into() }
    );
}

#[test]
fn nan_is_missing_data_and_never_a_number() {
    let values = [(1, Some(f64::NAN))];
    assert_eq!(state(0, NoData::Pass, &values, 1), TriggerState::Clear);
    assert_eq!(
        state(0, NoData::Inconclusive, &values, 1),
        TriggerState::Inconclusive { why: "the value is NaN".into() }
    );
    let infinite = [(1, Some(f64::INFINITY))];
    assert_eq!(state(0, NoData::Inconclusive, &infinite, 1), TriggerState::Fired { since: SECOND });
}

#[test]
fn one_missed_sample_is_bridged_and_long_silence_is_not() {
    let bridged = [(1, BAD), (2, None), (3, BAD)];
    assert_eq!(state(2, NoData::Inconclusive, &bridged, 3), TriggerState::Fired { since: SECOND });
    let silent = [(1, BAD), (60, BAD)];
    assert_eq!(state(2, NoData::Inconclusive, &silent, 60), TriggerState::Pending { since: 60 * SECOND });
    let quiet: Vec<_> = [(1, BAD)].into_iter().chain((2..60).map(|t| (t, None))).chain([(60, BAD)]).collect();
    assert_eq!(state(2, NoData::Inconclusive, &quiet, 60), TriggerState::Pending { since: 60 * SECOND });
}

#[test]
fn a_stale_sample_is_silence() {
    let values = [(1, BAD), (2, BAD)];
    assert_eq!(state(1, NoData::Pass, &values, 30), TriggerState::Clear);
    assert_eq!(state(1, NoData::Fail, &values, 30), TriggerState::Fired { since: SECOND });
    assert_eq!(
        state(1, NoData::Inconclusive, &values, 30),
        TriggerState::Inconclusive { why: "no data: the last sample is 28 s old".into() }
    );
}

#[test]
fn nothing_asked_yet_is_inconclusive_whatever_silence_means() {
    for on_no_data in [NoData::Pass, NoData::Fail, NoData::Inconclusive] {
        assert!(matches!(state(0, on_no_data, &[], 5), TriggerState::Inconclusive { .. }));
    }
}

fn scored(states: Vec<(u32, f64, TriggerState)>, gates: Vec<Gate>) -> Score {
    let metric = metric();
    let triggers: Vec<Trigger> = states
        .iter()
        .map(|(weight, _, _)| Trigger { weight: *weight, ..trigger(5, NoData::Inconclusive) })
        .collect();
    let judged: Vec<Judged<'_>> = states
        .into_iter()
        .zip(&triggers)
        .map(|((_, x, state), trigger)| Judged {
            trigger,
            metric: &metric,
            reading: Reading::Value(x),
            state,
        })
        .collect();
    score(&judged, gates, 20 * SECOND)
}

#[test]
fn a_score_always_says_why() {
    let s = scored(
        vec![
            (40, 0.312, TriggerState::Fired { since: 8 * SECOND }),
            (30, 0.06, TriggerState::Pending { since: 18 * SECOND }),
            (20, 0.01, TriggerState::Clear),
            (10, f64::NAN, TriggerState::Inconclusive { why: "the value is NaN".into() }),
        ],
        vec![],
    );
    assert_eq!((s.points, s.of, s.unknown), (40, 100, 10));
    let reasons: Vec<&str> = s.parts.iter().map(|p| p.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "Checkout errors is 31.2 %, above 5 % for 12s",
            "Checkout errors is 6 %, above 5 % for 2s of 5s",
            "Checkout errors is 1 %, not above 5 %",
            "Checkout errors: cannot be judged, the value is NaN",
        ]
    );
    assert_eq!(s.advice(), Advice::Watch);
    assert_eq!(s.sentence(), "40 of 100 (10 unknown), watch: Checkout errors is 31.2 %, above 5 % for 12s");
}

#[test]
fn half_of_the_points_advise_a_rollback_unless_a_gate_is_closed() {
    let fired = TriggerState::Fired { since: 0 };
    let states = vec![(50, 0.3, fired), (50, 0.0, TriggerState::Clear)];
    assert_eq!(scored(states.clone(), vec![]).advice(), Advice::RollBack);
    let closed = Gate { what: "the way back closed at 12:00".into(), open: false };
    let s = scored(states, vec![closed]);
    assert_eq!(s.advice(), Advice::NotPossible);
    assert!(s.sentence().ends_with("cannot roll back: the way back closed at 12:00"));
}

#[test]
fn silence_is_not_quiet() {
    let unknown = TriggerState::Inconclusive { why: "x".into() };
    assert_eq!(scored(vec![(10, 0.0, unknown)], vec![]).advice(), Advice::Watch);
    assert_eq!(scored(vec![(10, 0.0, TriggerState::Clear)], vec![]).advice(), Advice::Quiet);
    assert_eq!(scored(vec![], vec![]).advice(), Advice::Quiet);
}
