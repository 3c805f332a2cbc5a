use std::sync::Arc;

use super::{Told, moments, work};
use crate::core::event::{
    About, Actor, BacklogAdded, BacklogSettled, Choice, Decided, Direction, Event, Finished, Outcome,
    Started, What,
};
use crate::core::id::{Digest, Name, StepId};
use crate::core::incident::Incident;
use crate::core::team::Team;
use crate::core::time::Stamp;

const RUNBOOK: &str = "backout: 1
id: test
title: Take it back
class: deploy
service: shop
environment: test
owners: [team]
summary: A test.
does_not_undo: Nothing.
objectives: {rto: 10m, rpo: 0s}
roles: {commander: {required: true}}
declare: {require: [{role: commander, count: 1}], expires: 15m}
phases:
  - name: Act
    steps:
      - {id: act, run: [touch, a], timeout: 10s, role: commander}
      - {id: look, check: {run: [cat, a], expect: {equals: a}}}
      - {id: again, run: [touch, b], timeout: 10s, role: commander}
";

fn incident() -> Incident {
    let loaded = crate::runbook::load("test.yaml", RUNBOOK.as_bytes()).unwrap();
    Incident::new(Arc::new(loaded.runbook), Arc::new(Team::default()))
}

fn told(whats: Vec<What>) -> Vec<Told> {
    let event = |(n, what): (usize, What)| Event {
        seq: n as u64,
        at: Stamp(n as i64 * 1_000_000),
        actor: Actor::Hub,
        what,
        payload: Vec::new(),
        auth: None,
    };
    whats.into_iter().enumerate().map(event).map(|event| Told { event, words: String::new() }).collect()
}

fn step(id: &str) -> StepId {
    StepId::parse(id).unwrap()
}

fn starts(id: &str) -> What {
    let plan = Digest::of(b"");
    Started { step: step(id), attempt: 1, direction: Direction::Forward, plan, retyped: None, reason: None }
        .into()
}

fn ends(id: &str, outcome: Outcome) -> What {
    let detail = String::new();
    Finished { step: step(id), attempt: 1, outcome, detail, output: None, output_bytes: None }.into()
}

fn at(whats: Vec<What>, name: &str) -> Option<i64> {
    let moments = moments::moments(&incident(), &told(whats));
    moments::at(&moments, name).map(Stamp::seconds)
}

#[test]
fn a_change_is_validated_by_a_look_that_passed_after_it() {
    let mut whats = vec![
        starts("look"),
        ends("look", Outcome::Succeeded),
        starts("act"),
        ends("act", Outcome::Succeeded),
    ];
    assert_eq!(at(whats.clone(), moments::VALIDATED), None, "it was looked at before the change only");
    whats.extend([starts("look"), ends("look", Outcome::Failed)]);
    assert_eq!(at(whats.clone(), moments::VALIDATED), None);
    whats.extend([starts("look"), ends("look", Outcome::Succeeded)]);
    assert_eq!(at(whats.clone(), moments::VALIDATED), Some(7));
    whats.extend([starts("again"), ends("again", Outcome::Succeeded)]);
    assert_eq!(at(whats.clone(), moments::VALIDATED), None, "what came later was not looked at");
    assert_eq!(at(whats, moments::BEGUN), Some(2));
}

#[test]
fn all_is_reconciled_when_nothing_is_owed_under_any_name() {
    let name = |text: &str| Name::parse(text).unwrap();
    let added = |text: &str, count| {
        What::from(BacklogAdded { name: name(text), step: step("act"), count, owner: None })
    };
    let settled =
        |text: &str, count| What::from(BacklogSettled { name: name(text), count, reason: "looked".into() });
    let mut whats = vec![added("orders", 3), added("mails", 1), settled("orders", 3)];
    assert_eq!(at(whats.clone(), moments::RECONCILED), None);
    whats.push(settled("mails", 1));
    assert_eq!(at(whats, moments::RECONCILED), Some(3));
}

#[test]
fn a_choice_was_seen_to_end_when_somebody_chose() {
    let chosen = Decided {
        about: About::Step(step("again")),
        choice: Choice::Option("mend".into()),
        reason: "it is quicker".into(),
    };
    let tries = work::tries(&incident(), &told(vec![starts("again"), starts("act"), chosen.into()]));
    let ends: Vec<(&str, &str)> = tries.iter().map(|t| (t.outcome.as_str(), t.detail.as_str())).collect();
    assert_eq!(ends, [("succeeded", "mend: it is quicker"), ("not seen to end", "")]);
}
