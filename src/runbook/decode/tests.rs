use super::*;
use crate::runbook::yaml::{Faults, parse};

fn findings(text: &str, read: impl FnOnce(Fields<'_>)) -> Vec<String> {
    let node = parse("t.yaml", text).unwrap();
    let faults = Faults::new("t.yaml");
    read(Fields::of(Item::root(&node, &faults), "thing").unwrap());
    faults
        .into_findings(text)
        .into_iter()
        .map(|f| format!("{}:{} {}; {}", f.line, f.column, f.message, f.help))
        .collect()
}

#[test]
fn all_mistakes_of_a_mapping_are_found_in_one_pass() {
    let found = findings("nam: a\ntimeout: 5\nready: yes\ncount: 010\nzzz: 1\n", |mut f| {
        assert_eq!(f.required("name", Item::text), None);
        assert_eq!(f.optional("timeout", Item::duration), None);
        assert_eq!(f.optional("ready", Item::flag), None);
        assert_eq!(f.optional("count", Item::count), None);
        f.finish();
    });
    assert_eq!(
        found,
        [
            "1:1 thing has no `name`; add `name:`",
            "1:1 unknown key `nam` in thing; did you mean `name`?",
            "2:10 `timeout` must be a duration with a unit, found `5`; add a unit: `5s` or `5m`",
            "3:8 `ready` must be true or false, found `yes`; write true or false",
            "4:8 `count` must be a whole number, found `010`; write a whole number",
            "5:1 unknown key `zzz` in thing; allowed here: `name`, `timeout`, `ready`, `count`",
        ]
    );
}

#[test]
fn text_stays_as_written() {
    let found = findings("a: 1.10\nb: no\nc: 010\nd: 2024-01-01\ne: 22:30\nf: ''\ng: ~\n", |mut f| {
        assert_eq!(f.required("a", Item::text).as_deref(), Some("1.10"));
        assert_eq!(f.required("b", Item::text).as_deref(), Some("no"));
        assert_eq!(f.required("c", Item::text).as_deref(), Some("010"));
        assert_eq!(f.required("d", Item::text).as_deref(), Some("2024-01-01"));
        assert_eq!(f.required("e", Item::text).as_deref(), Some("22:30"));
        assert_eq!(f.required("f", Item::any_text).as_deref(), Some(""));
        assert_eq!(f.required("g", Item::any_text), None);
        f.finish();
    });
    assert_eq!(found, ["7:4 `g` must be text, found nothing; write text"]);
}

#[test]
fn a_word_outside_the_list_names_the_list() {
    let found = findings("class: schma\n", |mut f| {
        assert_eq!(f.required("class", |i| i.one_of(&[("schema", 1), ("data", 2)])), None);
    });
    assert_eq!(found, ["1:8 `class` cannot be `schma`; did you mean `schema`? allowed: `schema`, `data`"]);
}
