//! Lines and events, both ways.

use proptest::prelude::*;

use super::*;
use crate::core::event::{
    About, Choice, Decided, Direction, Display, Finished, Noted, Outcome, Progressed, Settled, Started,
    Verdict,
};
use crate::core::id::{Digest, PersonId, SessionId, StepId};

fn step(text: &str) -> StepId {
    StepId::parse(text).unwrap()
}

fn event(seq: u64, what: What) -> Event {
    let at = Stamp::parse("2026-11-20T12:00:01.000000Z").unwrap();
    Event { seq, at, actor: Actor::Hub, what, payload: vec![], auth: None }
}

fn acted(mut event: Event) -> Event {
    event.actor = Actor::Person(PersonId::parse("bob@example.com").unwrap());
    event.payload = vec![B64.encode([7; 32])];
    event.auth = Some(Box::new(Auth {
        session: Some(SessionId::parse("0123456789abcdef").unwrap()),
        client_seq: Some(3),
        seen: Some(Seen { n: 8, root: B64.encode([1; 32]) }),
        sig: Some("c2ln".to_owned()),
        display: Some(Display::Local),
        statement: Some("two\nlines é".to_owned()),
        ..Auth::default()
    }));
    event
}

fn line_of(event: &Event) -> String {
    String::from_utf8(encode(event).unwrap()).unwrap()
}

#[test]
fn an_event_has_this_line_and_reads_back() {
    let noted = acted(event(9, Noted {}.into()));
    let line = line_of(&noted);
    assert!(
        line.starts_with(r#"{"actor":"bob@example.com","auth":{"client_seq":3,"display":"local","#),
        "{line}"
    );
    assert!(line.ends_with(r#""seq":9,"t":"2026-11-20T12:00:01.000000Z","v":1}"#), "{line}");
    assert_eq!(decode(line.as_bytes()), Ok(noted));
    let plain = line_of(&event(
        1,
        Progressed { step: step("s7"), attempt: 1, done: 4, total: None, unit: None }.into(),
    ));
    assert_eq!(
        plain,
        r#"{"actor":"hub","data":{"attempt":1,"done":4,"step":"s7"},"kind":"step.progressed","seq":1,"t":"2026-11-20T12:00:01.000000Z","v":1}"#
    );
}

#[test]
fn what_the_format_does_not_know_is_named() {
    let line = line_of(&event(1, Noted {}.into()));
    let table = [
        (line.replace("\"v\":1", "\"v\":2"), Malformed::Version("2".to_owned())),
        (line.replace("note.added", "note.eaten"), Malformed::UnknownKind("note.eaten".to_owned())),
        (line.replace("\"v\":1", "\"v\":1,\"x\":1"), Malformed::UnknownField("x".to_owned())),
        (line.replace("\"actor\":\"hub\",", ""), Malformed::Missing("actor")),
        (line.replace("\"data\":{},", ""), Malformed::Missing("data")),
        (line.replace(",\"v\":1", ""), Malformed::Missing("v")),
    ];
    for (text, wanted) in table {
        assert_eq!(decode(text.as_bytes()), Err(wanted), "{text}");
    }
    let field = |text: String| match decode(text.as_bytes()) {
        Err(Malformed::Field { field, why }) => (field, why),
        other => panic!("{text}: {other:?}"),
    };
    let (at, why) = field(line.replace("\"data\":{}", "\"data\":{\"extra\":1}"));
    assert!(at == "data" && why.contains("unknown field `extra`"), "{why}");
    assert_eq!(field(line.replace("\"seq\":1", "\"seq\":-1")).0, "seq");
    assert_eq!(field(line.replace("\"hub\"", "\"Hub\"")).0, "actor");
    assert_eq!(field(line.replace(".000000Z", ".000Z")).0, "t");
    assert_eq!(field(line.replace("\"seq\"", "\"payload\":[],\"seq\"")).0, "payload");
    assert_eq!(field(line.replace("\"seq\"", "\"payload\":[\"AAAA\"],\"seq\"")).0, "payload");
    let auth = line.replacen("\"data\"", "\"auth\":{\"sudo\":true},\"data\"", 1);
    assert_eq!(field(auth).0, "auth");
}

#[test]
fn a_number_that_no_line_can_hold_is_refused_when_writing() {
    let long =
        event(1, Progressed { step: step("s"), attempt: 1, done: 1 << 53, total: None, unit: None }.into());
    assert!(matches!(encode(&long), Err(WriteError::Form(_))));
}

#[test]
fn what_goes_without_saying_is_not_said() {
    let settled = Settled {
        step: step("looks"),
        attempt: 1,
        direction: Direction::Forward,
        verdict: Verdict::Succeeded,
        reason: "seen".to_owned(),
    };
    let line = String::from_utf8(encode(&event(3, settled.into())).unwrap()).unwrap();
    decode(line.as_bytes()).unwrap();
    let said = line.replace("\"attempt\":1,", "\"attempt\":1,\"direction\":\"forward\",");
    assert!(matches!(decode(said.as_bytes()), Err(Malformed::Field { field: "data", .. })));
    let undo = line.replace("\"attempt\":1,", "\"attempt\":1,\"direction\":\"undo\",");
    decode(undo.as_bytes()).unwrap();
}

#[test]
fn an_act_signs_log_number_head_and_intent() {
    let seen = Seen { n: 8, root: B64.encode([1; 32]) };
    let intent = Intent::Note { payload: "p".to_owned() };
    let act = act("backout.local/x", 4, &seen, &intent).unwrap();
    assert_eq!(
        String::from_utf8(act).unwrap(),
        format!(
            r#"{{"client_seq":4,"intent":{{"note":{{"payload":"p"}}}},"log":"backout.local/x","seen":{{"n":8,"root":"{}"}}}}"#,
            seen.root
        )
    );
}

fn whats() -> impl Strategy<Value = What> {
    let id = "[a-z][a-z0-9-]{0,9}".prop_map(|t| step(&t));
    let text = "\\PC{0,30}|[ -~\n\t]{0,30}";
    prop_oneof![
        (id.clone(), any::<u32>(), 0u64..1 << 53, proptest::option::of(0u64..1 << 53)).prop_map(
            |(step, attempt, done, total)| Progressed { step, attempt, done, total, unit: None }.into()
        ),
        (id.clone(), any::<u32>(), text, proptest::option::of(any::<[u8; 32]>())).prop_map(
            |(step, attempt, detail, output)| Finished {
                step,
                attempt,
                outcome: Outcome::TimedOut,
                detail,
                output: output.map(Digest),
                output_bytes: None,
            }
            .into()
        ),
        (id.clone(), any::<[u8; 32]>(), proptest::option::of(text)).prop_map(|(step, plan, reason)| {
            Started {
                step,
                attempt: 1,
                direction: Direction::Undo,
                plan: Digest(plan),
                retyped: None,
                reason,
            }
            .into()
        }),
        (id, text).prop_map(|(step, reason)| Decided {
            about: About::Step(step.clone()),
            choice: Choice::Goto(step),
            reason,
        }
        .into()),
    ]
}

proptest! {
    #[test]
    fn every_event_survives_the_round_trip_and_has_one_line(what in whats(), seq in 0u64..1 << 53, person in any::<bool>()) {
        let event = event(seq, what);
        let event = if person { acted(event) } else { event };
        let line = encode(&event).unwrap();
        let back = decode(&line).unwrap();
        prop_assert_eq!(&back, &event);
        prop_assert_eq!(encode(&back).unwrap(), line);
    }
}
