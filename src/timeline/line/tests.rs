//! The form against an independent oracle: parse freely, write again, compare.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::timeline::tree::leaf_hash;

fn fault(line: &str) -> Fault {
    parts(line.as_bytes()).unwrap_err().fault
}

#[test]
fn a_canonical_event_is_accepted_and_its_parts_are_found() {
    let line = r#"{"actor":"bob@example.com","data":{"a":[1,-2,true],"b":{}},"kind":"note.added","seq":7,"v":1,"x":0}"#;
    let found = parts(line.as_bytes()).unwrap();
    assert_eq!(found.get(Key::Actor), Some(r#""bob@example.com""#));
    assert_eq!(found.get(Key::Data), Some(r#"{"a":[1,-2,true],"b":{}}"#));
    assert_eq!(found.get(Key::Seq), Some("7"));
    assert_eq!(found.get(Key::T), None);
    assert_eq!(found.unknown(), Some("x"));
}

#[test]
fn every_departure_from_the_form_has_its_own_fault() {
    let table = [
        ("", Fault::NotAnObject),
        ("[]", Fault::NotAnObject),
        (" {}", Fault::NotAnObject),
        ("{} ", Fault::Surplus),
        ("{}{}", Fault::Surplus),
        (r#"{"a":1"#, Fault::Ended),
        (r#"{"a":"x"#, Fault::Ended),
        (r#"{"a": 1}"#, Fault::Unexpected),
        (r#"{"a":1,}"#, Fault::Unexpected),
        (r#"{"b":1,"a":1}"#, Fault::KeyOrder),
        (r#"{"a":1,"a":1}"#, Fault::KeyTwice),
        (r#"{"é":1}"#, Fault::Key),
        (r#"{"\u0061":1}"#, Fault::Key),
        (r#"{"a":null}"#, Fault::Null),
        (r#"{"a":1.0}"#, Fault::NotInteger),
        (r#"{"a":1e0}"#, Fault::NotInteger),
        (r#"{"a":-0}"#, Fault::Number),
        (r#"{"a":-}"#, Fault::Number),
        (r#"{"a":01}"#, Fault::Number),
        (r#"{"a":9007199254740992}"#, Fault::TooBig),
        (r#"{"a":-9007199254740992}"#, Fault::TooBig),
        (r#"{"a":99999999999999999999999999}"#, Fault::TooBig),
        (r#"{"a":"\u0041"}"#, Fault::Escape),
        (r#"{"a":"\/"}"#, Fault::Escape),
        (r#"{"a":"\u000a"}"#, Fault::Escape),
        (r#"{"a":"\u001F"}"#, Fault::Escape),
        (r#"{"a":"\ud83d\ude00"}"#, Fault::Escape),
        ("{\"a\":\"\u{7}\"}", Fault::Control),
        ("{\"a\":\n1}", Fault::Control),
        (r#"{"a":tru}"#, Fault::Unexpected),
        (r#"{"seal":1}"#, Fault::LooksLikeSeal),
    ];
    for (line, wanted) in table {
        assert_eq!(fault(line), wanted, "{line}");
    }
    assert_eq!(parts(b"{\"a\":\"\xff\"}").unwrap_err(), NotCanonical { at: 6, fault: Fault::NotUtf8 });
}

#[test]
fn a_key_is_printable_ascii_at_every_place_and_length() {
    for length in 1..20 {
        for at in 0..length {
            for byte in 0..=0x7fu8 {
                let mut key = vec![b'k'; length];
                key[at] = byte;
                let line = [b"{\"", &*key, b"\":0}"].concat();
                let fine = matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
                let found = parts(&line).map_err(|why| why.at);
                assert_eq!(found.is_ok(), fine, "{byte} at {at} of {length}");
                if !fine && byte != b'"' {
                    assert_eq!(found, Err(2 + at), "{byte} at {at} of {length}");
                }
            }
        }
    }
}

#[test]
fn a_list_within_a_part_is_noticed_and_a_part_that_is_one_is_not() {
    let lists = |line: &str| parts(line.as_bytes()).unwrap().lists();
    assert!(lists(r#"{"data":{"a":[]}}"#));
    assert!(lists(r#"{"auth":{"a":{"b":[1]}},"data":{}}"#));
    assert!(!lists(r#"{"data":{"a":"[1]"},"payload":["x"]}"#));
}

#[test]
fn the_edges_of_number_depth_and_length_are_where_they_are_said_to_be() {
    for fine in [r#"{"a":9007199254740991}"#, r#"{"a":-9007199254740991}"#, r#"{"a":0}"#, "{}"] {
        assert!(parts(fine.as_bytes()).is_ok(), "{fine}");
    }
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(parts(nested(15).as_bytes()).is_ok());
    assert_eq!(fault(&nested(16)), Fault::TooDeep);
    let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert!(parts(long(MAX_BYTES).as_bytes()).is_ok());
    assert_eq!(fault(&long(MAX_BYTES + 1)), Fault::TooLong);
}

#[test]
fn every_control_character_has_exactly_one_accepted_escape() {
    for code in 0..0x20u32 {
        let c = char::from_u32(code).unwrap();
        let line = canonical(&json!({ "a": c.to_string() })).unwrap();
        let short = line.len() == 10;
        let hex = format!("{{\"a\":\"\\u{code:04x}\"}}");
        assert_eq!(parts(hex.as_bytes()).is_ok(), !short, "{code:x}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["\\PC{0,12}", "[\\x00-\\x7f]{0,20}"];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z_.0-9 ]{0,8}", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn events() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-rt-z][a-z]{0,5}", values(), 0..6)
        .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>()))
}

proptest! {
    #[test]
    fn what_is_written_is_accepted_and_reads_back(value in events()) {
        let line = canonical(&value).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Value>(&line).unwrap(), &value);
        prop_assert_eq!(&read::<Value>(std::str::from_utf8(&line).unwrap()).unwrap(), &value);
    }

    #[test]
    fn a_changed_byte_is_refused_or_changes_the_leaf(value in events(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let line = canonical(&value).unwrap();
        let mut bent = line.clone();
        let at = at.index(bent.len());
        prop_assume!(bent[at] != byte);
        bent[at] = byte;
        prop_assert_ne!(leaf_hash(&line), leaf_hash(&bent));
        // The oracle: whatever is accepted is exactly what a writer makes of what a free parser reads in it.
        if parts(&bent).is_ok() {
            let again = serde_json::from_slice::<Value>(&bent).unwrap();
            prop_assert_eq!(serde_json::to_vec(&again).unwrap(), bent);
        }
    }

    #[test]
    fn loose_json_is_accepted_exactly_when_it_is_its_own_rewriting(text in r#"\{("[ab]":("(\\u00[01][0-9a-fA-F]|\\[nt/\\]|x|é)*"|-?[0-9]{1,3}|[0-9]\.[0-9]|null|true|\[ ?\]),?){0,3}\}"#) {
        let oracle = serde_json::from_str::<Value>(&text).is_ok_and(|v| {
            serde_json::to_string(&v).unwrap() == text && !text.contains("null") && !text.contains('.')
        });
        prop_assert_eq!(parts(text.as_bytes()).is_ok(), oracle, "{}", text);
    }
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
struct Shape {
    small: u32,
    #[serde(default)]
    below: Option<i64>,
    #[serde(default)]
    pair: Vec<bool>,
    kind: Choice,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Alone,
    Text(String),
    Named { n: u64 },
}

#[test]
fn typed_values_are_read_as_they_stand() {
    let shape = |kind, below, pair| Ok::<_, String>(Shape { small: 7, below, pair, kind });
    for (text, wanted) in [
        (r#"{"kind":"alone","small":7}"#, shape(Choice::Alone, None, vec![])),
        (
            r#"{"below":-3,"kind":{"text":"a\u001f\"é\\\n"},"small":7}"#,
            shape(Choice::Text("a\u{1f}\"é\\\n".into()), Some(-3), vec![]),
        ),
        (
            r#"{"kind":{"named":{"n":9007199254740991}},"pair":[true,false],"small":7}"#,
            shape(Choice::Named { n: (1 << 53) - 1 }, None, vec![true, false]),
        ),
    ] {
        assert_eq!(read::<Shape>(text).map_err(|e| e.to_string()), wanted, "{text}");
    }
}

#[test]
fn what_is_of_another_shape_is_refused_with_what_was_wanted() {
    for (text, why) in [
        (r#"[7,-3,[],"alone"]"#, "a list, expected struct Shape"),
        (r#"{"kind":"alone","small":"7"}"#, "a text, expected u32"),
        (r#"{"kind":"alone","small":4294967296}"#, "invalid value: integer `4294967296`, expected u32"),
        (r#"{"kind":"alone","small":-1}"#, "invalid value: integer `-1`, expected u32"),
        (r#"{"kind":"alone","small":7,"pair":{}}"#, "an object, expected a sequence"),
        (r#"{"kind":"alone","more":1,"small":7}"#, "unknown field `more`"),
        (r#"{"kind":"alone","kind":"alone","small":7}"#, "duplicate field `kind`"),
        (r#"{"kind":"other","small":7}"#, "unknown variant `other`"),
        (r#"{"kind":"text","small":7}"#, "unit variant"),
        (r#"{"kind":{"alone":1},"small":7}"#, "expected a name alone"),
        (r#"{"kind":{"named":[1]},"small":7}"#, "a list, expected struct variant Choice::Named"),
        (r#"{"kind":"alone","small":7}7"#, "more than one value"),
        (r#"{"kind":"alone","small":7"#, "not a canonical value"),
        (r#"{"kind":"al"#, "not a canonical value"),
        (r#"{"kind":"al\"#, "not a canonical value"),
        ("", "nothing, expected struct Shape"),
    ] {
        let said = read::<Shape>(text).unwrap_err().to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn a_list_is_read_to_its_end_or_not_at_all() {
    assert_eq!(read::<(u32, u32)>("[1,2]").unwrap(), (1, 2));
    assert!(read::<(u32, u32)>("[1,2,3]").unwrap_err().to_string().contains("more values than expected"));
}

proptest! {
    #[test]
    fn the_reader_of_checked_lines_survives_unchecked_ones(text in "\\PC{0,40}|[\\[\\]{}\",:\\\\utf0-9a-]{0,40}") {
        let _ = read::<Value>(&text);
        let _ = read::<Shape>(&text);
    }
}

proptest! {
    #[test]
    fn a_byte_that_ends_a_string_is_found_wherever_it_stands(before in "[ -!#-\\[\\]-~é]{0,50}", after in "[ -~]{0,20}", wrong in 0u8..0x20) {
        let line = |end: char| format!("{{\"a\":\"{before}{end}{after}\"}}");
        let at = 6 + before.len();
        let found = parts(line(char::from(wrong)).as_bytes()).unwrap_err();
        prop_assert_eq!(found, NotCanonical { at, fault: Fault::Control });
        let wrong_at = |end| parts(line(end).as_bytes()).err().map(|e| e.at);
        let goes_on = after.starts_with([',', '}']);
        prop_assert!(goes_on || wrong_at('"') == Some(at + 1));
        let escapes = after.is_empty() || after.starts_with(['"', '\\', 'b', 'f', 'n', 'r', 't']);
        prop_assert!(escapes || wrong_at('\\') == Some(at));
    }
}
