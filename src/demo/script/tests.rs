use super::*;
use crate::core::apply::{apply, session_id};
use crate::core::decide::{decide, signs_a_statement};
use crate::core::due::{Due, due};
use crate::core::event::*;
use crate::core::id::{Digest, IncidentId, SessionId};
use crate::core::intent::{By, GateAnswer, Intent};
use crate::core::plan;
use crate::runbook::model::Action;
use base64::Engine as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn person(text: &str) -> PersonId {
    PersonId::parse(text).unwrap()
}

fn key_of(who: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Digest::of(who.as_bytes()).0)
}

fn joined(who: &str, now: Stamp) -> Joined {
    Joined {
        session_key: key_of(who),
        key: format!("SHA256:{who}"),
        roles: Vec::new(),
        expires: now.plus(Duration::from_secs(3600)),
        via: "test".to_owned(),
    }
}

/// A room without a hub, a shop or a clock: steps end as told.
struct Room {
    incident: Incident,
    heard: Heard,
    record: Vec<Event>,
    now: Stamp,
    numbers: BTreeMap<SessionId, u64>,
    /// Ends of steps that do not succeed, used once each.
    ends: BTreeMap<&'static str, Outcome>,
}

impl Room {
    fn open() -> Room {
        let runbook = crate::runbook::load("r", crate::demo::shop::RUNBOOK.as_bytes()).unwrap().runbook;
        let people = Part::ALL.map(|part| crate::core::team::Person {
            id: person(part.id()),
            name: part.name().to_owned(),
            roles: vec![RoleName::parse(part.role()).unwrap()],
            contact: None,
            time_zone: None,
        });
        let team = crate::core::team::Team { people: people.into() };
        let mut room = Room {
            incident: Incident::new(Arc::new(runbook), Arc::new(team)),
            heard: Heard::default(),
            record: Vec::new(),
            now: Stamp(1_795_176_000_000_000),
            numbers: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        let digest = Digest::of(b"x");
        let text = |t: &str| Answer::Text(t.to_owned());
        let opened = Opened {
            log: "backout.local/01JD3K9W8ZQ4T6V2M7N5B1C0XA".to_owned(),
            incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
            mode: Mode::Live,
            program: "test".to_owned(),
            hub_key: key_of("hub"),
            pinned: Pinned {
                runbook: digest,
                team: digest,
                allowed_signers: digest,
                revoked_keys: digest,
                workspace: digest,
            },
            params: BTreeMap::from([
                ("release".to_owned(), text("1.4.2")),
                ("replaced".to_owned(), text("1.5.0")),
                ("backout".to_owned(), text("/bin/backout")),
                ("dir".to_owned(), text("/shop")),
                ("url".to_owned(), text("http://127.0.0.1:1")),
            ]),
            restore_point: None,
            severity: 2,
            policies: Default::default(),
            session: joined("you", room.now),
        };
        room.act("you", Intent::Open(Box::new(opened)));
        for who in ["noor", "sam"] {
            let intent = Intent::Join(joined(who, room.now));
            room.act(who, intent);
        }
        room.rest();
        room
    }

    fn act(&mut self, who: &str, intent: Intent) {
        let id = person(who);
        let session = session_id(&key_of(who)).unwrap();
        let number = self.numbers.entry(session.clone()).or_insert(0);
        *number += 1;
        let session = (!signs_a_statement(&intent)).then_some((session, *number));
        self.wish(&By::Person { id, session }, &intent);
    }

    #[track_caller]
    fn wish(&mut self, by: &By, intent: &Intent) {
        let what =
            decide(&self.incident, by, intent, self.now).unwrap_or_else(|no| panic!("{intent:?}: {no}"));
        let (actor, auth) = match by {
            By::Hub => (Actor::Hub, None),
            By::Person { id, session } => {
                let (session, client_seq) = session.clone().unzip();
                (Actor::Person(id.clone()), Some(Auth { session, client_seq, ..Auth::default() }))
            }
        };
        let event = Event {
            seq: self.incident.next_seq,
            at: self.now,
            actor,
            what,
            payload: Vec::new(),
            auth: auth.map(Box::new),
        };
        apply(&mut self.incident, &event);
        self.heard.event(&event);
        self.record.push(event);
        self.now = self.now.plus(Duration::from_millis(100));
    }

    /// What the hub does by itself, steps included, until nothing is left to do.
    fn rest(&mut self) {
        for _ in 0..200 {
            if let Some(due) = due(&self.incident, self.now) {
                let intent = match due {
                    Due::Wish(intent) => intent,
                    Due::OpenGate { gate, attempt } => {
                        Intent::Request { gate, attempt, nonce: format!("{:032x}", self.record.len()) }
                    }
                };
                self.wish(&By::Hub, &intent);
            } else if !self.one_step_ends() {
                return;
            }
        }
        panic!("the hub never comes to rest");
    }

    fn one_step_ends(&mut self) -> bool {
        let Some((step, attempt, direction)) = self.incident.under_way().first().cloned() else {
            return false;
        };
        let outcome = self.ends.remove(step.as_str()).unwrap_or(Outcome::Succeeded);
        let action = self.incident.step(&step).unwrap().action.clone();
        if let Action::Wait { lasts, .. } = &action {
            self.now = self.now.plus(*lasts);
            return true;
        }
        let forward = direction == Direction::Forward && outcome == Outcome::Succeeded;
        match &action {
            Action::Measure { .. } if forward => {
                let (digest, text) = (Digest::of(b"7"), Some("7".to_owned()));
                let intent = Intent::Measure { step: step.clone(), attempt, digest, bytes: 1, text };
                self.wish(&By::Hub, &intent);
            }
            Action::Check(check) if forward => {
                for look in 1..=check.count {
                    let (step, why) = (step.clone(), "seen".to_owned());
                    let judgement = Judgement::Pass;
                    self.wish(&By::Hub, &Intent::Judge { step, attempt, look, judgement, why });
                }
            }
            Action::Send { .. } if forward => {
                let (step, detail) = (step.clone(), "written".to_owned());
                let payload = key_of("text");
                self.wish(
                    &By::Hub,
                    &Intent::MarkSent {
                        step: Some(step),
                        asked: None,
                        how: Handed::Delivered,
                        detail,
                        payload,
                    },
                );
            }
            _ => {}
        }
        let detail = "observed".to_owned();
        let (output, output_bytes) = (None, None);
        self.wish(
            &By::Hub,
            &Intent::Finish { step, attempt, direction, outcome, detail, output, output_bytes },
        );
        true
    }

    fn fire(&mut self) {
        let trigger = Name::parse("errors").unwrap();
        self.wish(&By::Hub, &Intent::FireTrigger { trigger, value: "30 %".to_owned() });
    }

    fn wants(&self, part: Part) -> Option<(Move, Pause)> {
        next(part, &person(part.id()), &self.incident, &self.heard)
    }

    fn does(&mut self, part: Part, wanted: Move) {
        let text = |t: &str| t.to_owned();
        let incident = &self.incident;
        let intent = match wanted {
            Move::Take(role) => Intent::Assume { role },
            Move::Approve { gate, attempt, reason } => Intent::Approve(GateAnswer {
                nonce: incident.gates[&gate].nonce.clone(),
                role: RoleName::parse(part.role()).unwrap(),
                key: format!("SHA256:{}", part.id()),
                gate,
                attempt,
                reason,
            }),
            Move::Note(note) => Intent::Note { payload: key_of(&note) },
            Move::Start { step, attempt, direction } => {
                let model = incident.step(&step).unwrap();
                let plan = plan::digest(&plan::of_step(incident, model, direction).unwrap(), attempt);
                let (retyped, reason, payload) = (None, None, None);
                Intent::Start { step, attempt, direction, plan, retyped, reason, payload }
            }
            Move::Cancel(step) => Intent::DecideStep { step, choice: Choice::Cancel, reason: text("out") },
            Move::Settle { step, attempt, verdict } => Intent::Settle {
                step,
                attempt,
                direction: Direction::Forward,
                verdict,
                reason: text("looked"),
            },
            Move::Keep(step) => Intent::DecideStep { step, choice: Choice::Keep, reason: text("stays") },
            Move::Inherit(name) => Intent::Inherit { name, owner: person(part.id()), reason: text("stays") },
            Move::Abort(reason) => Intent::Abort { reason },
            Move::Mitigate(reason) => Intent::Mitigate { reason },
            Move::Resolve(reason) => Intent::Resolve { reason },
            Move::Close(reason) => Intent::Close { reason, key: text("SHA256:you") },
        };
        self.act(part.id(), intent);
        self.rest();
    }

    /// Everybody plays until the record is closed, or nobody wants anything any more.
    fn play(&mut self) {
        for _ in 0..200 {
            let Some((part, wanted)) =
                Part::ALL.into_iter().find_map(|part| self.wants(part).map(|(wanted, _)| (part, wanted)))
            else {
                return;
            };
            self.does(part, wanted);
        }
        panic!("they never come to an end: {:?}", self.record.last());
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.record.iter().map(|e| e.what.kind()).collect()
    }
}

#[test]
fn nobody_declares_before_a_criterion_says_so() {
    let mut room = Room::open();
    room.play();
    assert_eq!(room.incident.stage, Stage::Open);
    assert!(!room.kinds().contains(&"approval.granted"));
}

#[test]
fn together_they_bring_the_shop_back_and_close() {
    let mut room = Room::open();
    room.fire();
    room.play();
    assert_eq!(room.incident.stage, Stage::Closed);
    assert_eq!(room.incident.aborted, None);
    assert!(room.incident.mitigated_at.is_some() && room.incident.resolved_at.is_some());
    let unfinished = room.incident.runs.iter().filter(|(_, r)| r.status != Status::Succeeded);
    assert_eq!(unfinished.count(), 0);
    assert_eq!(room.incident.open_suspensions().count(), 0);
}

#[test]
fn a_question_is_asked_once_and_answered_before_the_switch_is_approved() {
    let mut room = Room::open();
    room.fire();
    room.play();
    let notes = room.record.iter().filter(|e| matches!(e.what, What::Noted(_)));
    let who: Vec<String> = notes.map(|e| e.actor.to_string()).collect();
    assert_eq!(who, ["noor", "you"]);
    let answer = room.record.iter().rposition(|e| matches!(e.what, What::Noted(_))).unwrap();
    let approval = room.record.iter().position(|e| {
        matches!(&e.what, What::Granted(d) if d.gate.as_str() == "two-pairs-of-eyes" && d.role.as_str() == "sre")
    });
    assert!(approval.unwrap() > answer);
}

#[test]
fn a_question_nobody_answers_holds_the_switch_up_only_for_a_while() {
    let mut room = Room::open();
    room.fire();
    // The commander is a person here, who approves and does not read notes.
    while room.incident.status("two-pairs-of-eyes") != Status::Waiting {
        let (part, wanted) =
            Part::ALL.into_iter().find_map(|part| room.wants(part).map(|(w, _)| (part, w))).unwrap();
        room.does(part, wanted);
    }
    let (question, _) = room.wants(Part::Sre).unwrap();
    assert!(matches!(question, Move::Note(_)), "{question:?}");
    room.does(Part::Sre, question);
    let (next, pause) = room.wants(Part::Sre).unwrap();
    assert!(matches!(next, Move::Approve { .. }), "{next:?}");
    assert_eq!(pause, Pause::Wait);
}

#[test]
fn the_one_who_approves_is_not_the_one_who_switches() {
    let mut room = Room::open();
    room.fire();
    room.play();
    let executors = &room.incident.runs.get("switch").unwrap().executors;
    assert!(executors.contains("sam") && executors.len() == 1);
}

#[test]
fn a_failed_step_ends_in_abort_undo_and_a_closed_record() {
    for (step, outcome) in [
        ("switch", Outcome::Failed),
        ("calms-down", Outcome::TimedOut),
        ("catalog-same", Outcome::Failed),
        ("freeze", Outcome::Failed),
        ("thaw", Outcome::Failed),
        ("catalog-before", Outcome::Unknown),
    ] {
        let mut room = Room::open();
        room.ends.insert(step, outcome);
        room.fire();
        room.play();
        assert_eq!(room.incident.stage, Stage::Closed, "{step}: {:?}", room.kinds());
        let why = room.incident.aborted.clone().unwrap();
        assert!(why.contains(step), "{why}");
        assert_eq!(room.incident.open_suspensions().count(), 0, "{step}");
    }
}

#[test]
fn whoever_loses_patience_leads_everybody_out() {
    let mut room = Room::open();
    room.heard.give_up("it took too long".to_owned());
    room.play();
    assert_eq!(room.incident.stage, Stage::Closed);
    assert_eq!(room.incident.aborted.as_deref(), Some("it took too long"));
}

#[test]
fn what_cannot_be_undone_gets_an_owner() {
    let mut room = Room::open();
    room.fire();
    while room.incident.status("two-pairs-of-eyes") != Status::Waiting {
        let (part, wanted) =
            Part::ALL.into_iter().find_map(|part| room.wants(part).map(|(w, _)| (part, w))).unwrap();
        room.does(part, wanted);
    }
    room.ends.insert("freeze", Outcome::Failed);
    room.heard.give_up("enough".to_owned());
    room.play();
    assert_eq!(room.incident.stage, Stage::Closed);
    assert!(room.kinds().contains(&"suspension.inherited"), "{:?}", room.kinds());
}
