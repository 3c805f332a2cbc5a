use super::*;

const SECOND: i64 = 1_000_000;

fn looks(query: &str, pages: &[(i64, &str)]) -> Result<Outcome, String> {
    let mut memory = Memory::default();
    let mut outcome = Err("no page".to_owned());
    for (at, page) in pages {
        outcome = memory.look(query, page, at * SECOND);
    }
    outcome
}

fn value(query: &str, pages: &[(i64, &str)]) -> f64 {
    match looks(query, pages) {
        Ok(Outcome::Value(x)) => x,
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn a_gauge_is_read_as_it_stands() {
    let page = "# HELP up Whether\n# TYPE up gauge\nup 1\nother{a=\"b\"} x\nqueue{name=\"a,b}\",n=\"\\\"q\\\"\"} 12 1395066363000\n";
    assert_eq!(value("up", &[(1, page)]), 1.0);
    assert_eq!(value(r#"queue{name="a,b}",n="\"q\""}"#, &[(1, page)]), 12.0);
    assert_eq!(value("queue * 2 + 1 - 5 / 5", &[(1, page)]), 24.0);
}

#[test]
fn a_rate_needs_two_looks_and_survives_a_restart() {
    let first = looks("rate(hits_total)", &[(0, "hits_total 100\n")]).unwrap();
    assert!(matches!(&first, Outcome::NoData(why) if why.contains("two looks")), "{first:?}");
    assert_eq!(value("rate(hits_total)", &[(0, "hits_total 100\n"), (10, "hits_total 150\n")]), 5.0);
    // 100 → 150, restart, 30: 80 in 20 s.
    let pages = [(0, "hits_total 100\n"), (10, "hits_total 150\n"), (20, "hits_total 30\n")];
    assert_eq!(value("rate(hits_total[1m])", &pages), 4.0);
    assert_eq!(value("increase(hits_total[1m])", &pages), 80.0);
    // Only what the window holds.
    assert_eq!(value("rate(hits_total[10s])", &pages), 3.0);
}

#[test]
fn a_share_of_failures_is_computed_over_series() {
    let page = |bad: u32, good: u32, other: u32| {
        format!("r{{code=\"500\"}} {bad}\nr{{code=\"200\"}} {good}\nr{{code=\"503\"}} {other}\n")
    };
    let (a, b) = (page(0, 0, 0), page(3, 90, 7));
    let query = r#"sum(rate(r{code=~"5.."}[1m])) / sum(rate(r[1m]))"#;
    assert!((value(query, &[(0, &a), (10, &b)]) - 0.1).abs() < 1e-12);
    assert!((value(r#"sum(increase(r{code!~"5.."}))"#, &[(0, &a), (10, &b)]) - 90.0).abs() < 1e-12);
    assert_eq!(value("count(r)", &[(0, &a)]), 3.0);
    assert_eq!(value("max(r)", &[(0, &b)]), 90.0);
    let several = looks("rate(r)", &[(0, &a), (10, &b)]).unwrap_err();
    assert!(several.contains("3 series"), "{several}");
}

#[test]
fn a_quantile_lies_inside_its_bucket() {
    let page = |a: u32, b: u32, c: u32| {
        format!(
            "t_bucket{{le=\"0.1\",p=\"x\"}} {a}\nt_bucket{{le=\"0.5\",p=\"x\"}} {b}\nt_bucket{{le=\"+Inf\",p=\"x\"}} {c}\n"
        )
    };
    let (start, end) = (page(0, 0, 0), page(50, 90, 100));
    let pages = [(0, start.as_str()), (10, end.as_str())];
    let query = |q: f64| format!("histogram_quantile({q}, sum by (le) (rate(t_bucket[1m])))");
    assert!((value(&query(0.5), &pages) - 0.1).abs() < 1e-9);
    assert!((value(&query(0.7), &pages) - 0.3).abs() < 1e-9);
    // Above the last finite bound nobody knows more.
    assert!((value(&query(0.99), &pages) - 0.5).abs() < 1e-9);
    let idle = looks(&query(0.5), &[(0, &end), (10, &end)]).unwrap();
    assert!(matches!(idle, Outcome::NoData(_)), "{idle:?}");
}

#[test]
fn what_is_not_there_is_no_data_and_not_zero() {
    for query in ["missing", "sum(missing)", "rate(missing)", "up + missing"] {
        let outcome = looks(query, &[(0, "up 1\n"), (1, "up 1\n")]).unwrap();
        assert!(matches!(&outcome, Outcome::NoData(why) if why.contains("missing")), "{query}: {outcome:?}");
    }
    assert!(value("up / (up - up)", &[(0, "up 1\n")]).is_infinite());
}

#[test]
fn a_wrong_expression_is_explained() {
    for (query, part) in [
        ("", "found the end"),
        ("sum(", "found the end"),
        ("sum(a", "expected `)`"),
        ("irate(a)", "no function `irate`"),
        ("a{b='c'}", "double quotes"),
        ("a{b~\"c\"}", "expected =, !=, =~ or !~"),
        ("a{b=~\"(\"}", "not a regular expression"),
        ("rate(a[5])", "not a duration"),
        ("rate(sum(a))", "take one metric"),
        ("a b", "cannot read from `b` on"),
        ("histogram_quantile(2, a)", "between 0 and 1"),
    ] {
        let why = check(query).unwrap_err();
        assert!(why.contains(part), "{query}: {why}");
    }
    assert!(check(&"(".repeat(5000)).unwrap_err().contains("too deep"));
}

#[test]
fn ten_thousand_series_are_refused_and_nothing_else_is_kept() {
    let page: String =
        (0..10_000).map(|i| format!("many{{i=\"{i}\"}} 1\nup{{i=\"{}\"}} 1\n", i / 9_999)).collect();
    assert!(looks("sum(many)", &[(0, &page)]).unwrap_err().contains("narrow the selectors"));
    assert_eq!(value("sum(up)", &[(0, &page)]), 2.0);
}

#[test]
fn a_clock_that_is_set_back_starts_anew() {
    let mut memory = Memory::default();
    memory.look("rate(a)", "a 1\n", 100 * SECOND).unwrap();
    memory.look("rate(a)", "a 2\n", 101 * SECOND).unwrap();
    assert!(matches!(memory.look("rate(a)", "a 3\n", 50 * SECOND).unwrap(), Outcome::NoData(_)));
    assert_eq!(memory.look("rate(a)", "a 4\n", 51 * SECOND).unwrap(), Outcome::Value(1.0));
}

proptest::proptest! {
    #[test]
    fn no_page_and_no_query_makes_it_panic(page in "\\PC{0,120}", query in "[a-z(){}\\[\\]=~!\"0-9., +*/\\\\-]{0,60}") {
        let _ = looks(&query, &[(0, &page), (1, &page)]);
        let _ = looks("a", &[(0, &format!("a{page}"))]);
    }
}
