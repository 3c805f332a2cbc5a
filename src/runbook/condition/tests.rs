use super::*;
use crate::runbook::model::{Table, Tolerance};

fn look(expect: &Expect, text: &str) -> Judgement {
    with(expect, text, &[])
}

fn with(expect: &Expect, text: &str, measured: &[(&str, &str)]) -> Judgement {
    let measurements = measured.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
    let observed = Observed { seen: Seen::Output(text.as_bytes()), unchanged: Duration::ZERO };
    judge(expect, &observed, &measurements)
}

fn why(judgement: Judgement) -> String {
    match judgement {
        Judgement::Pass => "pass".to_owned(),
        Judgement::Fail { why, .. } => format!("fail: {why}"),
        Judgement::Inconclusive { why } => format!("inconclusive: {why}"),
    }
}

fn eq(text: &str) -> Expect {
    Expect::Equals(text.to_owned())
}

#[test]
fn what_was_not_seen_never_passes() {
    let all = [
        eq(""),
        Expect::NotEquals("x".to_owned()),
        Expect::NotMatches("x".to_owned()),
        Expect::Matches(String::new()),
        Expect::Max(1.0),
        Expect::Not(Box::new(eq("x"))),
        Expect::AnyOf(vec![eq("")]),
        Expect::UnchangedFor(Duration::ZERO),
    ];
    for expect in &all {
        for bytes in [&b""[..], b"\n", b" \n", b"\xff\xfe"] {
            let observed = Observed { seen: Seen::Output(bytes), unchanged: Duration::from_secs(60) };
            let judgement = judge(expect, &observed, &Measurements::new());
            assert!(matches!(judgement, Judgement::Inconclusive { .. }), "{expect:?} {bytes:?}");
        }
        let nothing = Observed { seen: Seen::Nothing("exit code 3"), unchanged: Duration::from_secs(60) };
        assert_eq!(judge(expect, &nothing, &Measurements::new()), Judgement::inconclusive("exit code 3"));
        let nan = Observed { seen: Seen::Value(f64::NAN), unchanged: Duration::from_secs(60) };
        assert!(matches!(judge(expect, &nan, &Measurements::new()), Judgement::Inconclusive { .. }));
    }
}

#[test]
fn texts_are_equal_up_to_their_end_and_versions_are_not_numbers() {
    assert_eq!(look(&eq("1.4.2"), "1.4.2\r\n"), Judgement::Pass);
    assert_eq!(why(look(&eq("1.4.2"), "1.5.0\n")), "fail: `1.5.0` instead of `1.4.2`");
    assert_eq!(look(&eq("17"), "17.0\n"), Judgement::Pass);
    assert_ne!(look(&eq("1.1"), "1.10"), Judgement::Pass);
    assert_ne!(look(&eq("42"), "0042"), Judgement::Pass);
    assert_ne!(look(&eq("9007199254740993"), "9007199254740992"), Judgement::Pass);
    assert_ne!(look(&eq("1e3"), "1000"), Judgement::Pass);
}

#[test]
fn numbers_are_judged_as_numbers() {
    assert_eq!(look(&Expect::Max(3.0), " 3\n"), Judgement::Pass);
    assert_eq!(why(look(&Expect::Max(3.0), "4")), "fail: 4 is more than 3");
    assert_eq!(why(look(&Expect::Min(3.0), "2.5")), "fail: 2.5 is less than 3");
    assert_eq!(why(look(&Expect::Between(1.0, 2.0), "3")), "fail: 3 is not between 1 and 2");
    assert_eq!(why(look(&Expect::Max(3.0), "ERROR: x")), "inconclusive: `ERROR: x` is not a number");
    let within = |tolerance| Expect::Within { of: "rows".to_owned(), tolerance };
    assert_eq!(with(&within(Tolerance::Percent(10.0)), "109", &[("rows", "100\n")]), Judgement::Pass);
    assert_ne!(with(&within(Tolerance::Absolute(5.0)), "106", &[("rows", "100")]), Judgement::Pass);
    assert_eq!(
        why(look(&within(Tolerance::Absolute(5.0)), "1")),
        "inconclusive: measurement `rows` was not taken"
    );
}

#[test]
fn parts_combine_with_three_answers() {
    let number = || Expect::Max(1.0);
    assert_eq!(look(&Expect::AnyOf(vec![number(), eq("x")]), "x"), Judgement::Pass);
    assert!(matches!(look(&Expect::AnyOf(vec![number(), eq("y")]), "x"), Judgement::Inconclusive { .. }));
    assert!(matches!(look(&Expect::AllOf(vec![number(), eq("x")]), "x"), Judgement::Inconclusive { .. }));
    assert!(matches!(look(&Expect::AllOf(vec![number(), eq("y")]), "x"), Judgement::Fail { .. }));
    assert!(matches!(look(&Expect::Not(Box::new(number())), "x"), Judgement::Inconclusive { .. }));
    assert_eq!(look(&Expect::Not(Box::new(eq("y"))), "x"), Judgement::Pass);
}

#[test]
fn patterns_are_found_or_not() {
    assert_eq!(look(&Expect::Matches("^ready$".to_owned()), "ready"), Judgement::Pass);
    assert_ne!(look(&Expect::NotMatches("FATAL".to_owned()), "x FATAL y"), Judgement::Pass);
    assert!(matches!(
        look(&Expect::Matches("a{5000}{5000}".to_owned()), "x"),
        Judgement::Inconclusive { .. }
    ));
}

#[test]
fn json_paths_must_find_something() {
    let at = |path: &str, expect| Expect::Json(vec![(path.to_owned(), expect)]);
    let text = r#"{"status":"up","n":3,"deep":{"list":[{"v":1},{"v":2}]},"null":null}"#;
    assert_eq!(look(&at("$.status", eq("up")), text), Judgement::Pass);
    assert_eq!(look(&at("$.n", Expect::Max(3.0)), text), Judgement::Pass);
    assert_eq!(look(&at("$.deep.list[*].v", Expect::Min(1.0)), text), Judgement::Pass);
    assert_eq!(
        why(look(&at("$.deep.list[*].v", Expect::Min(2.0)), text)),
        "fail: $.deep.list[*].v: 1 is less than 2"
    );
    assert_eq!(
        why(look(&at("$.gone", Expect::NotEquals("x".to_owned())), text)),
        "fail: there is nothing at $.gone"
    );
    assert_eq!(look(&at("$.null", eq("null")), text), Judgement::Pass);
    assert!(matches!(look(&at("$.x", eq("up")), "<html>"), Judgement::Inconclusive { .. }));
    let nested = "[".repeat(100_000);
    assert!(matches!(look(&at("$.x", eq("up")), &nested), Judgement::Inconclusive { .. }));
}

#[test]
fn a_json_path_may_filter_by_all_functions_of_the_standard() {
    let text =
        r#"{"list":[{"id":"a-1","n":1},{"id":"b-2","n":2},{"id":"x\na-3","n":3},{"id":4,"n":4}],"re":"a-."}"#;
    for (path, n) in [
        ("$.list[?match(@.id, 'a-[0-9]')].n", "1"),
        ("$.list[?match(@.id, 'a-1|b')].n", "1"),
        ("$.list[?match(@.id, $.re)].n", "1"),
        ("$.list[?match(@.id, 'x.a-3')].n", "none"),
        ("$.list[?search(@.id, '-3')].n", "3"),
        ("$.list[?search(@.id, 'b')].n", "2"),
        ("$.list[?search(@.id, '(')].n", "none"),
        ("$.list[?length(@.id) == 5].n", "3"),
        ("$.list[?count(@.*) == 2 && value(@.id) == 4].n", "4"),
    ] {
        let seen = look(&Expect::Json(vec![(path.to_owned(), eq(n))]), text);
        let expected = if n == "none" { format!("fail: there is nothing at {path}") } else { String::new() };
        assert_eq!(if seen == Judgement::Pass { String::new() } else { why(seen) }, expected, "{path}");
    }
}

fn table(key: &[&str], rows: Option<u64>, except: &[&str]) -> Expect {
    let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Expect::Csv(Table {
        key: strings(key),
        rows,
        same_as: Some("before".to_owned()),
        except: strings(except),
    })
}

const BEFORE: &str = "id,name,total\n1,Ann,10\n2,\"Bo, \"\"b\"\"\",20\n3,\"two\nlines\",30\n";

#[test]
fn tables_are_compared_by_key_whatever_their_order_and_quoting() {
    let now = "total,id,name\r\n20,2,\"Bo, \"\"b\"\"\"\r\n10,\"1\",Ann\r\n30,3,\"two\nlines\"\r\n";
    assert_eq!(with(&table(&["id"], Some(3), &[]), now, &[("before", BEFORE)]), Judgement::Pass);
    assert_eq!(with(&table(&["id", "name"], None, &[]), now, &[("before", BEFORE)]), Judgement::Pass);
    let same = Expect::SameAs { measurement: "before".to_owned(), key: vec!["id".to_owned()] };
    assert_eq!(with(&same, now, &[("before", BEFORE)]), Judgement::Pass);
}

#[test]
fn differing_rows_are_shown() {
    let now = "id,name,total\n1,Ann,11\n4,Di,40\n3,\"two\nlines\",30\n";
    let Judgement::Fail { why, rows, differing } =
        with(&table(&["id"], None, &[]), now, &[("before", BEFORE)])
    else {
        panic!()
    };
    assert_eq!((why.as_str(), differing), ("3 rows differ", 3));
    let change = |key: &str| rows.iter().find(|r| r.key == key).unwrap().change.clone();
    assert_eq!(change("1"), Change::Changed { before: "1,Ann,10".to_owned(), now: "1,Ann,11".to_owned() });
    assert_eq!(change("2"), Change::Missing { before: "2,\"Bo, \"\"b\"\"\",20".to_owned() });
    assert_eq!(change("4"), Change::Added { now: "4,Di,40".to_owned() });
    assert_eq!(with(&table(&["id"], None, &["1", "2", "4"]), now, &[("before", BEFORE)]), Judgement::Pass);
}

#[test]
fn tables_that_cannot_be_compared_say_why() {
    let against = |now: &str| why(with(&table(&["id"], None, &[]), now, &[("before", BEFORE)]));
    assert_eq!(against("x,y\n1,2\n"), "inconclusive: the table (now) has no column `id`; it has `x, y`");
    assert_eq!(
        against("id,name,total\n1,2\n"),
        "inconclusive: row 1 of the table (now) has 2 cells instead of 3"
    );
    assert_eq!(
        against("id,name,total\n1,a,b\n1,c,d\n"),
        "fail: two rows of the table (now) have the key `1`"
    );
    assert_eq!(against("id,name\n1,a\n"), "fail: column `total` is gone");
    assert_eq!(
        why(look(&table(&["id"], None, &[]), "id\n1\n")),
        "inconclusive: measurement `before` was not taken"
    );
    let rows = with(&table(&["id"], Some(2), &[]), BEFORE, &[("before", BEFORE)]);
    assert_eq!(why(rows), "fail: 3 rows instead of 2");
}

#[test]
fn a_comma_in_a_key_makes_no_two_rows_one() {
    let text = "a,b,v\n\"x,y\",z,1\nx,\"y,z\",2\n";
    let same = |now: &str| with(&table(&["a", "b"], None, &[]), now, &[("before", text)]);
    assert_eq!(same(text), Judgement::Pass);
    let Judgement::Fail { rows, differing, .. } = same("a,b,v\n\"x,y\",z,2\nx,\"y,z\",1\n") else { panic!() };
    assert_eq!((differing, rows.len(), rows[0].key.as_str()), (2, 2, "x,y,z"));
    let twice = "a,b,v\nx,y,1\nx,y,1\n";
    assert_eq!(why(same(twice)), "fail: two rows of the table (now) have the key `x,y`");
}

#[test]
fn a_text_measured_before_names_the_line_that_differs() {
    let same = Expect::SameAs { measurement: "m".to_owned(), key: Vec::new() };
    assert_eq!(with(&same, "a\nb", &[("m", "a\nb\n")]), Judgement::Pass);
    assert_eq!(why(with(&same, "a\nc", &[("m", "a\nb\n")])), "fail: line 2 is `c` instead of `b` (m)");
    assert_eq!(why(with(&same, "a", &[("m", "a\nb\n")])), "fail: line 2 is nothing instead of `b` (m)");
}

#[test]
fn only_fifty_differing_rows_are_kept_of_many() {
    let rows = |offset: u32| (0..20_000u32).map(|n| format!("{n},{}\n", n + offset)).collect::<String>();
    let (before, now) = (format!("id,v\n{}", rows(0)), format!("id,v\n{}", rows(1)));
    let Judgement::Fail { rows, differing, .. } =
        with(&table(&["id"], None, &[]), &now, &[("before", &before)])
    else {
        panic!()
    };
    assert_eq!((rows.len(), differing), (SHOWN_ROWS, 20_000));
}

#[test]
fn unchanged_counts_from_the_first_equal_look() {
    let s = Duration::from_secs;
    let mut unchanged = Unchanged::default();
    assert_eq!(unchanged.look(s(1), Some(b"a")), s(0));
    assert_eq!(unchanged.look(s(4), Some(b"a")), s(3));
    assert_eq!(unchanged.look(s(5), Some(b"b")), s(0));
    assert_eq!(unchanged.look(s(6), None), s(0));
    assert_eq!(unchanged.look(s(9), Some(b"b")), s(0));
    let observed = Observed { seen: Seen::Output(b"b"), unchanged: s(5) };
    assert_eq!(judge(&Expect::UnchangedFor(s(5)), &observed, &Measurements::new()), Judgement::Pass);
    assert_eq!(why(look(&Expect::UnchangedFor(s(5)), "b")), "fail: unchanged for 0.0 s of 5.0 s");
}

#[test]
fn the_step_says_what_missing_data_means() {
    let unclear = || Judgement::inconclusive("x");
    assert_eq!(unclear().settled(NoData::Pass), Judgement::Pass);
    assert_eq!(unclear().settled(NoData::Fail), Judgement::fail("x"));
    assert_eq!(unclear().settled(NoData::Inconclusive), unclear());
    assert_eq!(Judgement::fail("y").settled(NoData::Pass), Judgement::fail("y"));
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_is_the_same_as_itself_in_any_order(mut cells in proptest::collection::vec("[a\",\\n é]{0,6}", 1..12), swap in 0usize..12) {
            let quoted = |c: &String| format!("\"{}\"", c.replace('"', "\"\""));
            let rows: Vec<String> = cells.drain(..).enumerate().map(|(i, c)| format!("{i},{}", quoted(&c))).collect();
            let mut other = rows.clone();
            let len = other.len();
            other.swap(0, swap % len);
            let text = |rows: &[String]| format!("id,v\n{}\n", rows.join("\n"));
            prop_assert_eq!(table::same_rows(&["id".to_owned()], &[], &text(&rows), &text(&other)), Judgement::Pass);
        }

        #[test]
        fn no_table_makes_judging_panic(a in "[a,\"\\n\\r]{0,40}", b in "[a,\"\\n\\r]{0,40}") {
            let _ = table::same_rows(&["a".to_owned()], &[], &a, &b);
        }
    }
}

#[test]
fn the_last_newline_is_no_part_of_the_last_line() {
    for text in ["ok", "ok\n", "ok\r\n"] {
        assert_eq!(look(&Expect::Matches("^ok$".into()), text), Judgement::Pass, "{text:?}");
        assert!(matches!(look(&Expect::NotMatches("^ok$".into()), text), Judgement::Fail { .. }), "{text:?}");
    }
    assert!(matches!(look(&Expect::Matches("^ok$".into()), "ok\n\n"), Judgement::Fail { .. }));
    assert!(matches!(look(&Expect::Matches("^ok$".into()), "ok\nnot\n"), Judgement::Fail { .. }));
}
