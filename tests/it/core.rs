//! The rules of an incident, walked at random: what lives is what replays, and no order of moves gets around a rule.

mod amend;
mod clock;
mod content;
mod limits;
mod messages;
mod people;
mod phases;
mod preflight;
pub mod random;
mod segment;
mod suspensions;
mod undo;
mod ways;
mod word;

use backout::core::apply::{apply, session_id};
use backout::core::decide::decide;
use backout::core::due::{Due, due};
use backout::core::event::*;
use backout::core::id::*;
use backout::core::incident::{Incident, Stage, Status};
use backout::core::intent::{By, GateAnswer, Intent};
use backout::core::plan;
use backout::core::refusal::Refusal;
use backout::core::replay;
use backout::core::team::{Person, Team};
use backout::core::time::Stamp;
use base64::Engine as _;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const RUNBOOK: &str = r#"
backout: 1
id: walk
title: A walk through every rule
class: deploy
service: web
environment: staging
owners: [team-web]
summary: Every kind of step once.
does_not_undo: Nothing that matters to this walk.
objectives: {rto: 10m, rpo: 0s}
roles:
  commander: {required: true}
  sre: {min: 1, stand_in: [dba]}
  dba: {}
declare:
  require: [{role: commander, count: 1}, {role: sre, count: 1}]
  expires: 15m
  override: {require: [{role: executive, count: 1}], reason: required}
phases:
  - name: Freeze
    steps:
      - {id: freeze, run: [pause], timeout: 30s, role: sre, suspends: writes, undo: [unpause], on_failure: continue}
      - {id: print, measure: {run: [count]}, as: rows}
      - {id: eyes, approve: {require: [{role: sre, count: 1}, {role: dba, count: 1}], expires: 10m, covers: [drop, switch]}}
      - {id: drop, run: [drop], timeout: 10s, role: dba, irreversible: true, target: {run: [hostname], equals: db1}}
      - {id: switch, run: [switch], timeout: 10s, role: sre, undo: [switch-back], idempotent: true, retry: {max_attempts: 2, delay: 5s, backoff: 2}}
  - name: Prove
    steps:
      - {id: good, check: {run: [look], expect: {equals: ok}, count: 2, interval: 1s}, role: sre, on_failure: {goto: thaw}}
      - {id: ask, decide: {options: {enough: {then: thaw}, stop: {then: end}}}, role: commander}
      - {id: rest, wait: 30s}
      - {id: look, manual: Look at it., role: sre, evidence: required}
      - {id: thaw, run: [unpause], timeout: 30s, role: sre, resumes: writes}
always:
  - {id: tidy, manual: Tidy up.}
"#;

fn runbook() -> Arc<backout::runbook::model::Runbook> {
    parsed(RUNBOOK)
}

fn parsed(text: &str) -> Arc<backout::runbook::model::Runbook> {
    let loaded = backout::runbook::load("walk.yaml", text.as_bytes());
    Arc::new(loaded.unwrap_or_else(|f| panic!("{f:#?}")).runbook)
}

fn person(text: &str) -> PersonId {
    PersonId::parse(text).unwrap()
}

fn team() -> Arc<Team> {
    let of = |id: &str, roles: &[&str]| Person {
        id: person(id),
        name: id.to_owned(),
        roles: roles.iter().map(|r| RoleName::parse(*r).unwrap()).collect(),
        contact: None,
        time_zone: None,
    };
    Arc::new(Team {
        people: vec![
            of("ana", &["commander"]),
            of("ben", &["sre"]),
            of("cho", &["dba"]),
            of("dee", &["sre", "dba"]),
            of("eve", &["executive"]),
        ],
    })
}

const PEOPLE: &[&str] = &["ana", "ben", "cho", "dee", "eve", "mallory"];
const STEPS: &[&str] =
    &["freeze", "print", "eyes", "drop", "switch", "good", "ask", "rest", "look", "thaw", "tidy"];

/// A room without a hub: it decides, applies and keeps the record.
struct Room {
    live: Incident,
    record: Vec<Event>,
    now: Stamp,
    numbers: BTreeMap<String, u64>,
}

fn key_of(who: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Digest::of(who.as_bytes()).0)
}

fn joined(who: &str, now: Stamp) -> Joined {
    Joined {
        session_key: key_of(who),
        key: format!("SHA256:{who}"),
        roles: Vec::new(),
        expires: now.plus(Duration::from_secs(20 * 3600)),
        via: "test".to_owned(),
    }
}

impl Room {
    fn open() -> Room {
        Room::of(RUNBOOK, BTreeMap::new())
    }

    fn of(text: &str, params: BTreeMap<String, Answer>) -> Room {
        Room::of_restore(text, params, None)
    }

    fn of_restore(text: &str, params: BTreeMap<String, Answer>, point: Option<&str>) -> Room {
        Room::of_agreed(text, params, point, Policies::default())
    }

    fn of_agreed(
        text: &str,
        params: BTreeMap<String, Answer>,
        point: Option<&str>,
        policies: Policies,
    ) -> Room {
        let mut room = Room {
            live: Incident::new(parsed(text), team()),
            record: Vec::new(),
            now: Stamp(1_795_176_000_000_000),
            numbers: BTreeMap::new(),
        };
        let opened = Opened {
            log: "backout.test/01JD3K9W8ZQ4T6V2M7N5B1C0XA".to_owned(),
            incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
            mode: Mode::Live,
            program: "test".to_owned(),
            hub_key: key_of("hub"),
            pinned: Pinned {
                runbook: Digest::of(b"r"),
                team: Digest::of(b"t"),
                allowed_signers: Digest::of(b"a"),
                revoked_keys: Digest::of(b""),
                workspace: Digest::of(b"w"),
            },
            params,
            restore_point: point.map(str::to_owned),
            severity: 2,
            policies,
            session: joined("ana", room.now),
        };
        room.act("ana", Intent::Open(Box::new(opened))).unwrap();
        for who in ["ben", "cho", "dee", "eve"] {
            let intent = Intent::Join(joined(who, room.now));
            room.act(who, intent).unwrap();
        }
        room.settle_down();
        room
    }

    /// The hub's own duties, until nothing is due.
    fn settle_down(&mut self) {
        for _ in 0..200 {
            let intent = match due(&self.live, self.now) {
                None => return,
                Some(Due::Wish(intent)) => intent,
                Some(Due::OpenGate { gate, attempt }) => {
                    Intent::Request { gate, attempt, nonce: format!("{:032x}", self.record.len()) }
                }
            };
            self.wish(&By::Hub, intent.clone())
                .unwrap_or_else(|r| panic!("due but refused: {intent:?}: {r}"));
        }
        panic!("the hub never comes to rest: {:?}", due(&self.live, self.now));
    }

    fn act(&mut self, who: &str, intent: Intent) -> Result<What, Refusal> {
        let id = person(who);
        let statement = backout::core::decide::signs_a_statement(&intent);
        let session = session_id(&key_of(who)).unwrap();
        let number = self.numbers.entry(who.to_owned()).or_insert(0);
        *number += 1;
        let session = (!statement).then_some((session, *number));
        self.wish(&By::Person { id, session }, intent)
    }

    fn wish(&mut self, by: &By, intent: Intent) -> Result<What, Refusal> {
        let before = self.live.clone();
        let what = decide(&self.live, by, &intent, self.now)?;
        assert_eq!(before, self.live, "deciding changes nothing");
        let payload = match &intent {
            Intent::Note { payload }
            | Intent::MarkSent { payload, .. }
            | Intent::ProposeAmendment { payload, .. } => vec![payload.clone()],
            Intent::AskMessage { payload, .. } => payload.iter().cloned().collect(),
            _ => Vec::new(),
        };
        let auth = match by {
            By::Hub => None,
            By::Person { session, .. } => Some(proof(session.as_ref(), &what)),
        };
        let actor = match by {
            By::Hub => Actor::Hub,
            By::Person { id, .. } => Actor::Person(id.clone()),
        };
        let event = Event {
            seq: self.live.next_seq,
            at: self.now,
            actor,
            what: what.clone(),
            payload,
            auth: auth.map(Box::new),
        };
        assert_eq!(replay::intent_of(&event), intent, "the intent can be rebuilt from its event");
        apply(&mut self.live, &event);
        self.record.push(event);
        Ok(what)
    }

    /// The record is legal from its first event on, and leads to the same state.
    #[track_caller]
    fn replays(&self) {
        let mut again = self.live.from_the_beginning();
        for event in &self.record {
            replay::check(&mut again, event).unwrap_or_else(|e| panic!("{}: {e}", event.seq));
        }
        assert_eq!(again, self.live);
    }

    /// A measurement arrives, and its step succeeds.
    fn measures(&mut self, step: &str, text: &str) {
        let measure = Intent::Measure {
            step: StepId::parse(step).unwrap(),
            attempt: 1,
            digest: Digest::of(text.as_bytes()),
            bytes: text.len() as u64,
            text: Some(text.to_owned()),
        };
        self.wish(&By::Hub, measure).unwrap();
        let end = self.finish(step, Outcome::Succeeded);
        self.wish(&By::Hub, end).unwrap();
        self.settle_down();
    }

    /// `words` are what is retyped, or why a step is undone.
    fn start(&self, step: &str, direction: Direction, words: Option<&str>) -> Option<Intent> {
        let id = StepId::parse(step).unwrap();
        let model = self.live.step(&id)?;
        let attempt = self.live.next_attempt(&id, direction);
        let plan = plan::of_step(&self.live, model, direction).ok()?;
        Some(Intent::Start {
            step: id,
            attempt,
            direction,
            plan: plan::digest(&plan, attempt),
            retyped: words.filter(|_| direction == Direction::Forward).map(str::to_owned),
            reason: words.filter(|_| direction == Direction::Undo).map(str::to_owned),
            payload: None,
        })
    }

    fn answer(&self, gate: &str, role: &str, who: &str) -> Option<GateAnswer> {
        let gate = StepId::parse(gate).unwrap();
        let pending = self.live.gates.get(&gate)?;
        Some(GateAnswer {
            gate,
            attempt: pending.attempt,
            role: RoleName::parse(role).unwrap(),
            reason: "seen".to_owned(),
            nonce: pending.nonce.clone(),
            key: format!("SHA256:{who}"),
        })
    }

    fn finish(&self, step: &str, outcome: Outcome) -> Intent {
        let id = StepId::parse(step).unwrap();
        let undo = self.live.undos.get(&id).is_some_and(|r| r.status == Status::Running);
        let direction = if undo { Direction::Undo } else { Direction::Forward };
        let attempt = self.live.run_of(&id, direction).map_or(0, |r| r.attempt);
        Intent::Finish {
            step: id,
            attempt,
            direction,
            outcome,
            detail: "observed".to_owned(),
            output: None,
            output_bytes: None,
        }
    }
}

fn proof(session: Option<&(SessionId, u64)>, what: &What) -> Auth {
    let namespace = replay::statement_namespace(what);
    Auth {
        session: session.map(|s| s.0.clone()),
        client_seq: session.map(|s| s.1),
        seen: session.map(|_| Seen { n: 0, root: String::new() }),
        sig: session.map(|_| "sig".to_owned()),
        statement: namespace.map(|_| "text".to_owned()),
        sshsig: namespace.map(|_| "sig".to_owned()),
        namespace: namespace.map(str::to_owned),
        display: None,
    }
}

/// One random move: who, what kind, on which step, and a spare number.
type Move = (usize, u8, usize, u8);

fn play(room: &mut Room, (who, kind, step, spare): Move) {
    let who = PEOPLE[who % PEOPLE.len()];
    let step = STEPS[step % STEPS.len()];
    let id = StepId::parse(step).unwrap();
    let reason = "because".to_owned();
    let outcome =
        [Outcome::Succeeded, Outcome::Failed, Outcome::TimedOut, Outcome::Cancelled, Outcome::Unknown];
    let attempt = room.live.runs.get(&id).map_or(0, |r| r.attempt);
    let role = ["commander", "sre", "dba", "executive", "observer"][usize::from(spare) % 5];
    let gate = if spare.is_multiple_of(2) { "declare" } else { "eyes" };
    let hub = |room: &mut Room, intent| drop(room.wish(&By::Hub, intent));
    let act = |room: &mut Room, intent| drop(room.act(who, intent));
    match kind % 30 {
        0 | 1 => act(room, Intent::Assume { role: RoleName::parse(role).unwrap() }),
        2 => act(room, Intent::Renounce { role: RoleName::parse(role).unwrap() }),
        3..=6 => {
            if let Some(answer) = room.answer(gate, role, who) {
                act(room, if spare > 250 { Intent::Deny(answer) } else { Intent::Approve(answer) });
            }
        }
        7 => {
            if let Some(answer) = room.answer("declare", role, who) {
                act(room, Intent::Override(answer));
            }
        }
        8..=10 => {
            let direction = if spare > 200 { Direction::Undo } else { Direction::Forward };
            let typed = if spare % 3 == 0 { None } else { Some("db1") };
            if let Some(intent) = room.start(step, direction, typed) {
                act(room, intent);
            }
        }
        11..=13 => {
            let intent = room.finish(step, outcome[usize::from(spare) % 7 % 5]);
            hub(room, intent);
        }
        14 => {
            let run = room.live.runs.get(&id).map_or(0, |r| r.looks);
            let judgement = if spare.is_multiple_of(4) { Judgement::Fail } else { Judgement::Pass };
            hub(room, Intent::Judge { step: id, attempt, look: run + 1, judgement, why: "seen".to_owned() });
        }
        15 => hub(
            room,
            Intent::Measure {
                step: id,
                attempt,
                digest: Digest::of(b"7"),
                bytes: 1,
                text: Some("7".to_owned()),
            },
        ),
        16 => act(
            room,
            Intent::Confirm {
                step: id,
                attempt,
                evidence: if spare.is_multiple_of(2) { String::new() } else { reason },
            },
        ),
        17 => act(
            room,
            if spare.is_multiple_of(2) {
                Intent::Skip { step: id, reason }
            } else {
                Intent::MarkDone { step: id, reason }
            },
        ),
        18 => {
            let verdict = if spare.is_multiple_of(2) { Verdict::Succeeded } else { Verdict::Failed };
            let direction = if spare % 3 == 0 { Direction::Undo } else { Direction::Forward };
            act(room, Intent::Settle { step: id, attempt, direction, verdict, reason });
        }
        19 | 20 => {
            let to = StepId::parse(STEPS[usize::from(spare) % STEPS.len()]).unwrap();
            let choice = match spare % 6 {
                0 => Choice::Retry,
                1 => Choice::Continue,
                2 => Choice::Goto(to),
                3 => Choice::Option("enough".to_owned()),
                4 => Choice::Option("stop".to_owned()),
                _ => Choice::Cancel,
            };
            act(room, Intent::DecideStep { step: id, choice, reason });
        }
        21 => {
            let choice = if spare.is_multiple_of(2) { Choice::Pause } else { Choice::GoOn };
            act(room, Intent::DecideIncident { choice, reason });
        }
        22 => act(
            room,
            match spare {
                0..=6 => Intent::Abort { reason },
                7..=60 => Intent::Mitigate { reason },
                61..=160 => Intent::Close { reason, key: format!("SHA256:{who}") },
                _ => Intent::Inherit { name: Name::parse("writes").unwrap(), owner: person("ben"), reason },
            },
        ),
        23 => room.now = room.now.plus(Duration::from_secs(u64::from(spare) * 3)),
        _ => with_people(room, who, kind % 6, spare),
    }
    room.settle_down();
}

/// Moves about command, questions and removals.
fn with_people(room: &mut Room, who: &str, kind: u8, spare: u8) {
    let seen = Seen { n: room.live.next_seq, root: String::new() };
    let (expires, key) = (room.now.plus(Duration::from_secs(300)), format!("SHA256:{who}"));
    let reason = "because".to_owned();
    let offer = room.live.offer.as_ref().map_or(0, |o| o.seq);
    let poll = room.live.open_poll().map_or(0, |(seq, _)| seq);
    let act = |room: &mut Room, who: &str, intent| drop(room.act(who, intent));
    match kind {
        0 => {
            let to = person(PEOPLE[usize::from(spare) % PEOPLE.len()]);
            act(room, "ana", Intent::Offer { to, seen, expires, key });
        }
        1 => {
            let how = if spare.is_multiple_of(2) { OfferEnd::Declined } else { OfferEnd::Withdrawn };
            let end = Intent::EndOffer { offer, how, reason: reason.clone() };
            let take = Intent::TakeCommand { offer, read_back: reason, key };
            act(room, who, if spare.is_multiple_of(4) { end } else { take });
        }
        2 => act(room, who, Intent::OpenPoll { question: reason, lasts: u64::from(spare) * 2 }),
        3 => {
            let opinion = [Opinion::Fine, Opinion::Abstain, Opinion::Object][usize::from(spare) % 3];
            act(room, who, Intent::AnswerPoll { poll, opinion, reason });
        }
        4 => {
            act(room, who, Intent::Note { payload: "bm90ZQ==".to_owned() });
            let event = room.live.parts.keys().last().copied().unwrap_or(0);
            let seen = Seen { n: room.live.next_seq, ..seen };
            act(room, who, Intent::AskRedaction { event, parts: vec![0], reason, seen, expires, key });
        }
        _ => {
            let asked = room.live.open_redaction(room.now).map_or(0, |(seq, _)| seq);
            act(room, who, Intent::Redact { asked, key });
        }
    }
}

/// What must be true of any record, read from its events alone by somebody who does not know `decide`.
fn audit(record: &[Event]) {
    let mut granted: BTreeMap<(String, u32), Vec<(String, String)>> = BTreeMap::new();
    let mut declared = false;
    let mut executors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut running: BTreeMap<String, u32> = BTreeMap::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut attempts: BTreeSet<(String, bool, u32)> = BTreeSet::new();
    let mut passed: Option<u32> = None;
    let mut closed = false;
    let (mut commander, mut offered, mut asked) = (None::<String>, None, BTreeMap::new());
    for event in record {
        assert!(!closed, "nothing follows the close");
        let who = event.actor.to_string();
        match &event.what {
            What::Granted(d) => {
                let votes = granted.entry((d.gate.to_string(), d.attempt)).or_default();
                assert!(votes.iter().all(|(person, _)| person != &who), "{who} counted twice");
                assert!(!(d.gate.as_str() == "eyes" && who == "ana"), "the initiator approved");
                votes.push((who, d.role.to_string()));
            }
            What::Assumed(d) if d.role.as_str() == "commander" => commander = Some(who),
            What::Renounced(d) if d.role.as_str() == "commander" => commander = None,
            What::Offered(d) => {
                assert_eq!(commander.as_ref(), Some(&who), "{who} offered what they do not have");
                offered = Some((event.seq, d.to.to_string(), d.key.clone()));
            }
            What::OfferEnded(_) => offered = None,
            What::HandedOver(d) => {
                let (seq, to, key) = offered.take().expect("command changed hands without an offer");
                assert_eq!((seq, &to), (d.offer, &who));
                assert!(key != d.key && commander.as_deref() == Some(d.from.as_str()));
                commander = Some(who);
            }
            What::RedactionAsked(d) => {
                asked.insert(event.seq, (who, d.key.clone()));
            }
            What::Redacted(d) => {
                let (first, key) = asked.remove(&d.asked).expect("removed without being asked for");
                assert!(first != who && key != d.key, "one person removed something");
                let by = commander.clone().expect("nobody commands");
                assert!(by == first || by == who, "removed without the commander");
            }
            What::Overridden(_) => {
                granted.insert(("override".to_owned(), 0), Vec::new());
            }
            What::Declared(d) => {
                let votes = granted.get(&("declare".to_owned(), d.attempt)).cloned().unwrap_or_default();
                let has = |role: &str| votes.iter().any(|(_, r)| r == role);
                let broken_glass = granted.contains_key(&("override".to_owned(), 0));
                assert!((has("commander") && has("sre")) || broken_glass, "declared without its quorum");
                declared = true;
            }
            What::Voided(d) if d.gate.as_str() == "eyes" => passed = None,
            What::Finished(d) if d.step.as_str() == "eyes" && d.outcome == Outcome::Succeeded => {
                let votes = granted.get(&("eyes".to_owned(), d.attempt)).cloned().unwrap_or_default();
                let has = |role: &str| votes.iter().any(|(_, r)| r == role);
                assert!(has("sre") && has("dba"), "a hold point passed without its quorum");
                passed = Some(d.attempt);
            }
            What::Started(d) => {
                assert!(declared, "{} started before the declaration", d.step);
                let undo = d.direction == Direction::Undo;
                assert!(
                    attempts.insert((d.step.to_string(), undo, d.attempt)),
                    "{} ran twice as one try",
                    d.step
                );
                assert!(
                    running.insert(format!("{}{undo}", d.step), d.attempt).is_none(),
                    "{} runs twice",
                    d.step
                );
                if ["drop", "switch"].contains(&d.step.as_str()) && !undo {
                    let gate = passed.unwrap_or_else(|| panic!("{} started without its approval", d.step));
                    let votes = &granted[&("eyes".to_owned(), gate)];
                    assert!(
                        votes.iter().all(|(p, _)| p != &who),
                        "{who} approved and carried out {}",
                        d.step
                    );
                }
                if d.step.as_str() == "drop" && !undo {
                    assert_eq!(d.retyped.as_deref(), Some("db1"));
                    assert!(unknown.is_empty(), "an irreversible step began over an unknown one");
                }
                executors.entry(d.step.to_string()).or_default().insert(who);
            }
            What::Finished(d) => {
                running.remove(&format!("{}false", d.step));
                if d.outcome == Outcome::Unknown {
                    unknown.insert(d.step.to_string());
                }
            }
            What::Undone(d) => {
                running.remove(&format!("{}true", d.step));
                if d.outcome == Outcome::Unknown {
                    unknown.insert(d.step.to_string());
                }
            }
            What::Settled(d) => {
                unknown.remove(d.step.as_str());
            }
            What::Closed(_) => {
                assert!(running.is_empty() && unknown.is_empty(), "closed over {running:?} {unknown:?}");
                closed = true;
            }
            _ => {}
        }
    }
}

fn replayed(record: &[Event]) -> Result<Incident, (u64, String)> {
    let mut incident = Incident::new(runbook(), team());
    for event in record {
        replay::check(&mut incident, event).map_err(|e| (event.seq, e.to_string()))?;
    }
    Ok(incident)
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec((0..6usize, any::<u8>(), 0..11usize, any::<u8>()), 0..160)
}

/// The beginning that every deeper walk needs: seats taken and the rollback declared.
fn declared() -> Room {
    let mut room = Room::open();
    for (who, role) in [("ana", "commander"), ("ben", "sre"), ("cho", "dba")] {
        room.act(who, Intent::Assume { role: RoleName::parse(role).unwrap() }).unwrap();
    }
    for (who, role) in [("ana", "commander"), ("ben", "sre")] {
        let answer = room.answer("declare", role, who).unwrap();
        room.act(who, Intent::Approve(answer)).unwrap();
        room.settle_down();
    }
    assert_eq!(room.live.stage, Stage::Declared);
    room
}

/// Up to the open hold point.
fn at_the_hold_point() -> Room {
    let mut room = declared();
    let intent = room.start("freeze", Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    let end = room.finish("freeze", Outcome::Succeeded);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    room.measures("print", "7");
    assert_eq!(room.live.status("eyes"), Status::Waiting);
    room
}

fn approved() -> Room {
    let mut room = at_the_hold_point();
    for (who, role) in [("dee", "sre"), ("cho", "dba")] {
        let answer = room.answer("eyes", role, who).unwrap();
        room.act(who, Intent::Approve(answer)).unwrap();
        room.settle_down();
    }
    assert_eq!(room.live.status("eyes"), Status::Succeeded);
    room
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replaying_the_record_gives_the_same_state_as_living_it(from in 0..4u8, moves in moves()) {
        let mut room = match from { 0 => Room::open(), 1 => declared(), 2 => at_the_hold_point(), _ => approved() };
        for one in moves {
            play(&mut room, one);
        }
        audit(&room.record);
        prop_assert_eq!(replayed(&room.record).unwrap(), room.live);
    }

    #[test]
    fn a_record_with_an_event_left_out_is_refused(moves in moves(), cut in any::<prop::sample::Index>()) {
        let mut room = approved();
        for one in moves {
            play(&mut room, one);
        }
        let mut forged = room.record.clone();
        let gone = forged.remove(cut.index(room.record.len() - 1));
        prop_assert!(replayed(&forged).is_err());
        // Renumbered, so that only the rules can notice: what grants power must be missed.
        for (seq, event) in forged.iter_mut().enumerate() {
            event.seq = seq as u64;
        }
        let power = matches!(gone.what, What::Granted(_) | What::Declared(_) | What::Requested(_) | What::Opened(_));
        let voided = room.record.iter().any(|e| matches!(e.what, What::Voided(_) | What::Overridden(_)));
        if power && !voided {
            prop_assert!(replayed(&forged).is_err(), "not missed: {:?}", gone.what);
        }
    }
}

fn refused(result: Result<What, Refusal>) -> Refusal {
    result.expect_err("this must be refused")
}

#[test]
fn the_initiator_cannot_pass_their_own_hold_point() {
    let mut room = at_the_hold_point();
    let answer = room.answer("eyes", "sre", "ana").unwrap();
    assert!(matches!(refused(room.act("ana", Intent::Approve(answer))), Refusal::MayNotTake { .. }));
}

#[test]
fn a_person_counts_once_however_many_roles_they_have() {
    let mut room = at_the_hold_point();
    let first = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Approve(first)).unwrap();
    let mut second = room.answer("eyes", "dba", "dee").unwrap();
    second.key = "SHA256:another".to_owned();
    assert!(matches!(refused(room.act("dee", Intent::Approve(second))), Refusal::AnsweredAlready { .. }));
}

#[test]
fn a_one_time_value_serves_one_request() {
    let mut room = at_the_hold_point();
    let id = |step: &str| StepId::parse(step).unwrap();
    let used = room.live.gates.get("declare").unwrap().nonce.clone();
    room.now = room.now.plus(Duration::from_secs(601));
    room.wish(&By::Hub, Intent::Expire { gate: id("eyes"), attempt: 1 }).unwrap();
    room.act(
        "ben",
        Intent::DecideStep { step: id("eyes"), choice: Choice::Retry, reason: "again".to_owned() },
    )
    .unwrap();
    let again = |nonce| Intent::Request { gate: id("eyes"), attempt: 2, nonce };
    assert_eq!(refused(room.wish(&By::Hub, again(used))), Refusal::UsedNonce);
    room.wish(&By::Hub, again("f".repeat(32))).unwrap();
}

#[test]
fn time_goes_back_only_where_the_record_says_so() {
    let mut room = at_the_hold_point();
    let mut lied = room.live.clone();
    let note = |room: &Room, at: Stamp| Event {
        seq: room.live.next_seq,
        at,
        actor: Actor::Hub,
        what: Noted {}.into(),
        payload: vec!["x".to_owned()],
        auth: None,
    };
    let before = Stamp(room.now.0 - 3_000_000);
    let illegal = replay::check(&mut lied, &note(&room, before)).unwrap_err();
    assert_eq!(illegal, replay::Illegal::WentBack { by: 3 });
    let drift = Stamp(room.now.0 - 1_000_000);
    assert_eq!(replay::check(&mut lied, &note(&room, drift)), Ok(()), "a time service does as much");
    room.now = before;
    room.wish(&By::Hub, Intent::RecordClockJump { micros: -3_000_000 }).unwrap();
    let jump = room.record.last().unwrap().clone();
    let mut told = room.live.clone();
    told.next_seq = jump.seq;
    told.last_at = Stamp(before.0 + 3_000_000);
    assert_eq!(replay::check(&mut told, &jump), Ok(()));
    assert_eq!(replay::check(&mut told, &note(&room, before)), Ok(()));
}

#[test]
fn one_key_of_two_people_counts_once() {
    let mut room = at_the_hold_point();
    let first = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Approve(first)).unwrap();
    let mut second = room.answer("eyes", "dba", "cho").unwrap();
    second.key = "SHA256:dee".to_owned();
    assert!(matches!(refused(room.act("cho", Intent::Approve(second))), Refusal::KeyUsed { .. }));
}

#[test]
fn whoever_approved_does_not_carry_out() {
    let mut room = approved();
    let intent = room.start("drop", Direction::Forward, Some("db1")).unwrap();
    assert!(matches!(refused(room.act("cho", intent)), Refusal::ApproverExecutes { .. }));
}

#[test]
fn an_expired_request_fails_closed_and_a_late_answer_does_not_count() {
    let mut room = at_the_hold_point();
    let late = room.answer("eyes", "sre", "dee").unwrap();
    room.now = room.now.plus(Duration::from_secs(601));
    assert!(matches!(refused(room.act("dee", Intent::Approve(late.clone()))), Refusal::TooLate { .. }));
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::TimedOut);
    assert!(matches!(refused(room.act("dee", Intent::Approve(late))), Refusal::GateNotOpen { .. }));
}

#[test]
fn one_denial_closes_the_hold_point_and_asking_again_takes_a_new_request() {
    let mut room = at_the_hold_point();
    let answer = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Deny(answer.clone())).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Failed);
    let id = StepId::parse("eyes").unwrap();
    room.act("ana", Intent::DecideStep { step: id, choice: Choice::Retry, reason: "talked".to_owned() })
        .unwrap();
    room.settle_down();
    assert_eq!(room.live.gates["eyes"].attempt, 2);
    assert!(matches!(refused(room.act("dee", Intent::Approve(answer))), Refusal::WrongRequest { .. }));
}

#[test]
fn trying_a_covered_step_again_needs_a_new_approval() {
    let mut room = approved();
    room.act("dee", Intent::Assume { role: RoleName::parse("dba").unwrap() }).unwrap();
    let id = StepId::parse("drop").unwrap();
    // `eve` may not, `ben` has no dba seat: a second dba carries it out.
    let intent = room.start("drop", Direction::Forward, Some("db1")).unwrap();
    assert!(matches!(refused(room.act("ben", intent.clone())), Refusal::WrongRole { .. }));
    assert!(matches!(refused(room.act("dee", intent)), Refusal::ApproverExecutes { .. }));
    room.act("ana", Intent::Skip { step: id, reason: "nothing to drop".to_owned() }).unwrap();
    room.settle_down();
    let intent = room.start("switch", Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    let end = room.finish("switch", Outcome::Cancelled);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    let id = StepId::parse("switch").unwrap();
    room.act("ana", Intent::DecideStep { step: id, choice: Choice::Retry, reason: "again".to_owned() })
        .unwrap();
    room.settle_down();
    assert_eq!(room.live.status("eyes"), Status::Waiting, "the old approval is void, a new one is asked for");
    let intent = room.start("switch", Direction::Forward, None).unwrap();
    assert!(matches!(
        refused(room.act("ben", intent)),
        Refusal::NotReady { .. } | Refusal::NotApproved { .. }
    ));
}

#[test]
fn a_declared_retry_runs_by_itself_and_only_as_often_as_declared() {
    let mut room = approved();
    let id = StepId::parse("drop").unwrap();
    room.act("ana", Intent::Skip { step: id, reason: "nothing to drop".to_owned() }).unwrap();
    let intent = room.start("switch", Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    for attempt in 1..=2 {
        let end = room.finish("switch", Outcome::Failed);
        room.wish(&By::Hub, end).unwrap();
        room.settle_down();
        assert_eq!(room.live.status("switch"), Status::Failed, "it waits for its pause");
        room.now = room.now.plus(Duration::from_secs(10));
        room.settle_down();
        let run = room.live.run(&StepId::parse("switch").unwrap()).unwrap().clone();
        assert_eq!((run.attempt, run.status == Status::Running), (2, attempt == 1));
    }
}

#[test]
fn nothing_passes_an_unknown_step_until_somebody_settles_it() {
    let mut room = declared();
    let intent = room.start("freeze", Direction::Forward, None).unwrap();
    room.act("ben", intent).unwrap();
    let end = room.finish("freeze", Outcome::Unknown);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("print"), Status::Pending);
    assert!(!room.live.suspensions["writes"].certain, "the freeze may hold, and the ledger says so");
    let settle = |reason: &str| Intent::Settle {
        step: StepId::parse("freeze").unwrap(),
        attempt: 1,
        direction: Direction::Forward,
        verdict: Verdict::Succeeded,
        reason: reason.to_owned(),
    };
    assert!(matches!(refused(room.act("ben", settle(" "))), Refusal::ReasonNeeded));
    room.act("ben", settle("the pause file is there")).unwrap();
    room.settle_down();
    assert_eq!(room.live.status("print"), Status::Running);
    assert!(room.live.suspensions["writes"].certain);
}

#[test]
fn an_incident_does_not_close_over_a_suspension_unless_somebody_takes_it_over() {
    let mut room = at_the_hold_point();
    room.act("ana", Intent::Abort { reason: "false alarm".to_owned() }).unwrap();
    let keep = |reason: &str| Intent::DecideStep {
        step: StepId::parse("freeze").unwrap(),
        choice: Choice::Keep,
        reason: reason.to_owned(),
    };
    room.act("ben", keep("writes stay off over lunch")).unwrap();
    room.settle_down();
    let id = StepId::parse("tidy").unwrap();
    room.act("ben", Intent::Confirm { step: id, attempt: 1, evidence: String::new() }).unwrap();
    let close = || Intent::Close { reason: "over".to_owned(), key: "SHA256:ana".to_owned() };
    assert!(matches!(refused(room.act("ana", close())), Refusal::CannotClose(_)));
    let inherit = Intent::Inherit {
        name: Name::parse("writes").unwrap(),
        owner: person("ben"),
        reason: "thaws after lunch".to_owned(),
    };
    room.act("ben", inherit).unwrap();
    room.act("ana", close()).unwrap();
    assert_eq!(room.live.stage, Stage::Closed);
    assert!(matches!(
        refused(room.wish(&By::Hub, Intent::RecordClockJump { micros: 1 })),
        Refusal::IncidentClosed
    ));
}

#[test]
fn after_an_abort_the_undo_of_what_was_done_lifts_its_suspension() {
    let mut room = at_the_hold_point();
    room.act("ana", Intent::Abort { reason: "false alarm".to_owned() }).unwrap();
    room.settle_down();
    let order: Vec<&str> = room.live.undo_order().iter().map(|s| s.id.as_str()).collect();
    assert_eq!(order, ["freeze"], "only what was done is undone");
    let undo = room.start("freeze", Direction::Undo, None).unwrap();
    room.act("ben", undo).unwrap();
    let end = room.finish("freeze", Outcome::Succeeded);
    room.wish(&By::Hub, end).unwrap();
    room.settle_down();
    assert_eq!(room.live.open_suspensions().count(), 0);
}

#[test]
fn an_act_cannot_be_played_back() {
    let mut room = declared();
    let session = session_id(&key_of("ben")).unwrap();
    let by = By::Person { id: person("ben"), session: Some((session, 1)) };
    let intent = Intent::DecideIncident { choice: Choice::Pause, reason: "wait".to_owned() };
    assert!(matches!(refused(room.wish(&by, intent)), Refusal::Replayed { .. }));
}

#[test]
fn somebody_outside_the_team_is_refused() {
    let mut room = declared();
    let by = By::statement(person("mallory"));
    let answer = room.answer("declare", "sre", "mallory").unwrap();
    assert!(matches!(refused(room.wish(&by, Intent::Approve(answer))), Refusal::NotInTeam(_)));
}
