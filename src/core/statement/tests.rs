//! What people read before they sign, letter by letter.

use super::*;
use crate::core::apply::apply;
use crate::core::event::{Actor, Answer, Event, Mode, Opened, Pinned, Requested, What};
use crate::core::id::{Digest, IncidentId, RoleName};
use crate::core::incident::GateVote;
use crate::core::team::Team;
use std::collections::BTreeMap;
use std::sync::Arc;

const LOG: &str = "backout.example/acme/01JD3K9W8ZQ4T6V2M7N5B1C0XA";
const ROOT: &str = "aEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=";
const NONCE: &str = "000102030405060708090a0b0c0d0e0f";

fn at(text: &str) -> Stamp {
    Stamp::parse(text).unwrap()
}

fn person() -> PersonId {
    PersonId::parse("bob@example.com").unwrap()
}

fn seen() -> Seen {
    Seen { n: 812, root: ROOT.to_owned() }
}

fn joined() -> Joined {
    Joined {
        session_key: "A".repeat(43) + "=",
        key: "SHA256:k".to_owned(),
        roles: vec![RoleName::parse("dba").unwrap(), RoleName::parse("sre").unwrap()],
        expires: at("2026-11-21T12:00:00.250000Z"),
        via: "local".to_owned(),
    }
}

/// An incident whose hold point `eyes` covers these steps and is open.
fn waiting(steps: &[(&str, &str)]) -> Incident {
    let ids: Vec<&str> = steps.iter().map(|(id, _)| *id).collect();
    let written: String = steps
        .iter()
        .map(|(id, line)| format!("      - {{id: {id}, run: {line}, timeout: 9s, role: dba{TARGET}}}\n"))
        .collect();
    let text = format!(
        "backout: 1\nid: r\ntitle: A title\nclass: schema\nservice: orders\nenvironment: production\n\
         owners: [t]\nsummary: s\ndoes_not_undo: d\nobjectives: {{rto: 1m, rpo: 0s}}\n\
         params: {{file: {{prompt: Which file?}}}}\nroles: {{dba: {{}}}}\n\
         declare: {{require: [{{role: dba, count: 1}}], expires: 15m}}\nphases:\n  - name: Act\n    steps:\n      \
         - {{id: eyes, approve: {{require: [{{role: dba, count: 1}}], expires: 15m, covers: [{}]}}}}\n{written}",
        ids.join(", ")
    );
    let runbook =
        crate::runbook::load("r.yaml", text.as_bytes()).unwrap_or_else(|f| panic!("{f:#?}")).runbook;
    let mut incident = Incident::new(Arc::new(runbook), Arc::new(Team { people: Vec::new() }));
    let none = Digest::of(b"");
    let opened = Opened {
        log: LOG.to_owned(),
        incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
        mode: Mode::Live,
        program: "test".to_owned(),
        hub_key: "k".to_owned(),
        pinned: Pinned {
            runbook: none,
            team: none,
            allowed_signers: none,
            revoked_keys: none,
            workspace: none,
        },
        params: BTreeMap::from([("file".to_owned(), Answer::Text("0003_down.sql".to_owned()))]),
        restore_point: None,
        severity: 2,
        policies: Default::default(),
        session: joined(),
    };
    tell(&mut incident, opened.into());
    let gate = StepId::parse("eyes").unwrap();
    let plan = plan::of_gate(&incident, &gate).unwrap().digest;
    let expires = at("2026-11-20T13:15:00.999999Z");
    tell(&mut incident, Requested { gate, attempt: 1, nonce: NONCE.to_owned(), plan, expires }.into());
    incident
}

const TARGET: &str = ", target: {run: [hostname], equals: orders-db-primary}";

fn tell(incident: &mut Incident, what: What) {
    let (seq, at) = (incident.next_seq, at("2026-11-20T13:00:00.000000Z"));
    apply(incident, &Event { seq, at, actor: Actor::Person(person()), what, payload: vec![], auth: None });
}

fn answer(reason: &str) -> GateAnswer {
    GateAnswer {
        gate: StepId::parse("eyes").unwrap(),
        attempt: 1,
        role: RoleName::parse("dba").unwrap(),
        reason: reason.to_owned(),
        nonce: NONCE.to_owned(),
        key: "SHA256:k".to_owned(),
    }
}

fn text(incident: &Incident, reason: &str, how: Answering) -> String {
    gate(incident, &person(), &answer(reason), how, &seen()).unwrap()
}

#[test]
fn an_approval_reads_like_this() {
    let incident = waiting(&[("migrate-down", "[psql, -f, \"{{ params.file }}\"]")]);
    let plan = incident.gates["eyes"].plan;
    let expected = format!(
        "backout approval v1\nlog: {LOG}\nseen: 812 {ROOT}\nplan: {plan}\nstep: eyes attempt 1\n\
         target: orders-db-primary\nrun: psql -f 0003_down.sql\nrole: dba\nas: bob@example.com\n\
         decision: approve\nreason: lag 0, snapshot taken\nnonce: {NONCE}\nexpires: 2026-11-20T13:15:00Z\n"
    );
    assert_eq!(text(&incident, "lag 0, snapshot taken", Answering::Approve), expected);
    assert!(plan.to_string().starts_with("sha256:"));
    let denied = expected.replace("decision: approve", "decision: deny");
    assert_eq!(text(&incident, "lag 0, snapshot taken", Answering::Deny), denied);
    let override_ =
        expected.replace("approval v1", "override v1").replace("decision: approve", "decision: override");
    assert_eq!(text(&incident, "lag 0, snapshot taken", Answering::Override), override_);
}

#[test]
fn break_glass_over_a_denial_is_signed_with_the_names_of_those_who_denied() {
    let mut incident = waiting(&[("migrate-down", "[psql, -f, \"{{ params.file }}\"]")]);
    let before = text(&incident, "now", Answering::Override);
    assert!(!before.contains("denied by"), "{before}");
    let vote = |person: &str, approves| GateVote {
        person: PersonId::parse(person).unwrap(),
        role: "dba".to_owned(),
        approves,
        reason: "no".to_owned(),
        key: person.to_owned(),
        at: Stamp(0),
    };
    let gate = incident.gates.get_mut("eyes").unwrap();
    gate.answers = vec![vote("eve", false), vote("ann", true), vote("dan", false)];
    let after = text(&incident, "now", Answering::Override);
    assert_eq!(after, before.replace("decision:", "denied by: eve, dan\ndecision:"));
    assert!(!text(&incident, "now", Answering::Deny).contains("denied by"));
    assert!(!text(&incident, "now", Answering::Approve).contains("denied by"));
}

#[test]
fn the_covered_steps_are_named_where_there_are_several() {
    let text = text(&waiting(&[("one", "[a]"), ("two", "[b, c]")]), "", Answering::Approve);
    assert!(text.contains("\nrun: one: a\nrun: two: b c\n"), "{text}");
    assert!(text.contains("\nreason: -\n"), "{text}");
}

#[test]
fn no_statement_exists_without_a_request() {
    let mut incident = waiting(&[("one", "[a]")]);
    incident.gates.clear();
    assert_eq!(gate(&incident, &person(), &answer("x"), Answering::Approve, &seen()), None);
}

#[test]
fn a_reason_cannot_forge_a_line() {
    let incident = waiting(&[("one", "[a]")]);
    let honest = text(&incident, "fine", Answering::Approve);
    for evil in [
        "fine\ndecision: deny",
        "fine\r\nas: eve",
        "\n\nrole: root\n",
        "a\u{85}b\u{2028}nonce: 0\u{2029}c",
        "\0\x1b[2Jx",
    ] {
        let text = text(&incident, evil, Answering::Approve);
        assert_eq!(text.lines().count(), honest.lines().count(), "{text:?}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!text.contains(['\u{2028}', '\u{2029}']), "{text:?}");
        for key in ["decision", "as", "role", "nonce"] {
            assert_eq!(field(&text, key), field(&honest, key), "{text:?}");
        }
    }
    let reordered = text(&incident, "safe\u{202e}txt.exe\u{2066}\u{feff}", Answering::Approve);
    assert_eq!(field(&reordered, "reason"), Some("safe txt.exe"));
}

#[test]
fn a_statement_keeps_its_limit_and_says_what_it_leaves_out() {
    let names: Vec<String> = (0..200).map(|i| format!("a-step-with-a-rather-long-name-{i:03}")).collect();
    let line = format!("[run, {}]", "é".repeat(400));
    for count in [1, 2, 10, 17, 40, 200] {
        let steps: Vec<(&str, &str)> =
            names.iter().take(count).map(|n| (n.as_str(), line.as_str())).collect();
        let text = text(&waiting(&steps), &"ü".repeat(900), Answering::Approve);
        assert!(text.len() <= MAX, "{count} steps take {} bytes", text.len());
        let lines: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("run: ")).collect();
        let more: usize = lines
            .last()
            .and_then(|l| l.strip_prefix("and ")?.strip_suffix(" more, committed to by plan"))
            .map_or(0, |n| n.parse().unwrap());
        assert_eq!(
            lines.len() - usize::from(more > 0) + more,
            count,
            "every step is shown or counted: {text}"
        );
        assert!(lines.len() > count.min(10) - 1, "{text}");
        assert!(field(&text, "reason").unwrap().ends_with("… (1800 bytes in all, committed to by plan)"));
        assert_eq!(field(&text, "nonce"), Some(NONCE), "what comes after is whole");
    }
}

#[test]
fn a_session_statement_reads_like_this() {
    let key = joined().session_key;
    let expected = format!(
        "backout session v1\nlog: {LOG}\nas: bob@example.com\nsession: {key}\nroles: dba,sre\n\
         expires: 2026-11-21T12:00:00Z\n"
    );
    assert_eq!(session(LOG, &person(), &joined()), expected);
    let nothing_asked = Joined { roles: Vec::new(), ..joined() };
    assert_eq!(session(LOG, &person(), &nothing_asked), expected.replace("dba,sre", "-"));
}

#[test]
fn a_close_statement_names_the_head_it_closes() {
    let text = close(&waiting(&[("one", "[a]")]), &person(), "all is well\nseen: 1 x", &seen());
    let expected = format!(
        "backout close v1\nlog: {LOG}\nseen: 812 {ROOT}\nas: bob@example.com\nreason: all is well seen: 1 x\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn what_a_statement_says_is_read_back() {
    let text = text(&waiting(&[("one", "[a]")]), "x", Answering::Approve);
    assert_eq!(seen_of(&text), Some(seen()));
    assert_eq!(step_of(&text), Some((StepId::parse("eyes").unwrap(), 1)));
    assert_eq!(expires_of(&text), Some(at("2026-11-20T13:15:00.000000Z")));
    for broken in
        ["", "seen: many x\n", "step: eyes\n", "step: Ey es attempt 1\n", "expires: soon\n", "expires: Z\n"]
    {
        assert_eq!((seen_of(broken), step_of(broken), expires_of(broken)), (None, None, None), "{broken}");
    }
}
