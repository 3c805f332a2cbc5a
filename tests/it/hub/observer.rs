//! An observer's session, which signs whatever it likes: the hub itself refuses every act, and not only the console.

use std::collections::BTreeSet;
use std::time::Duration;

use backout::client::answer::until;
use backout::client::session::payload;
use backout::core::event::{
    Choice, Direction, Handed, Mode, OfferEnd, Opinion, PollEnd, PromiseEnd, Verdict, What,
};
use backout::core::id::{Digest, Name, PersonId, RoleName};
use backout::core::incident::Status;
use backout::core::intent::Intent;
use backout::core::refusal::Refusal;
use backout::core::statement::Answering;
use backout::hub::clock;
use backout::wire::act::{Act, Part};
use backout::wire::message::ActResult;

use super::house::{House, Seat, assume, judged, recorded, runbook, step};

const STEPS: &str =
    "- {id: eyes, approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [late], separation_of_duties: []}}
- {id: late, needs: [eyes], run: [\"true\"], timeout: 10s}
- {id: hand, needs: [], manual: Look at it.}
- {id: broken, needs: [], run: [\"false\"], timeout: 10s, undo: [\"true\"]}
- {id: act, needs: [], run: [touch, done], timeout: 10s}";

/// What a person's session never sends: the hub's own.
const OF_THE_HUB: [&str; 23] = [
    "add_backlog",
    "amend",
    "clear_trigger",
    "confirm_anchor",
    "continue",
    "declare",
    "enter_phase",
    "exceed_tenure",
    "expire",
    "finish",
    "fire_trigger",
    "judge",
    "lift",
    "mark_sent",
    "measure",
    "note_short_shift",
    "progress",
    "record_clock_jump",
    "record_refusal",
    "request",
    "resume",
    "suspend",
    "void",
];

/// What is about the observers themselves: to come and go, and to take another seat.
const OF_THEIR_OWN: [&str; 5] = ["assume", "join", "leave", "open", "renounce"];

/// Every kind of intent there is, as its written form calls it.
fn every_kind() -> BTreeSet<String> {
    let named = serde_json::from_str::<Intent>(r#"{"nothing":null}"#).unwrap_err().to_string();
    let names = named.split('`').skip(1).step_by(2).map(str::to_owned);
    names.filter(|name| name != "nothing").collect()
}

fn kind(intent: &Intent) -> String {
    serde_json::to_value(intent).unwrap().as_object().unwrap().keys().next().unwrap().clone()
}

fn because() -> String {
    "because".to_owned()
}

/// What a session alone signs, each as it would do something if somebody in a seat sent it.
fn acts(seat: &Seat) -> Vec<Intent> {
    let incident = &seat.mirror.incident;
    let name = |text: &str| Name::parse(text).unwrap();
    let last = |map: Option<&u64>| map.copied().unwrap();
    let (poll, promise) = (last(incident.polls.keys().last()), last(incident.promises.keys().last()));
    let offer = incident.offer.as_ref().map_or(0, |o| o.seq);
    let of_ana = incident.sessions.iter().find(|(_, s)| s.person.as_str() == "ana").unwrap().0.clone();
    let due = clock::now().plus(Duration::from_secs(3600));
    vec![
        seat.starting("act", Direction::Forward),
        seat.starting("broken", Direction::Undo),
        Intent::Confirm { step: step("hand"), attempt: 1, evidence: String::new() },
        Intent::Skip { step: step("broken"), reason: because() },
        Intent::MarkDone { step: step("broken"), reason: because() },
        Intent::Settle {
            step: step("broken"),
            attempt: 1,
            direction: Direction::Forward,
            verdict: Verdict::Succeeded,
            reason: because(),
        },
        Intent::DecideStep { step: step("broken"), choice: Choice::Continue, reason: because() },
        Intent::DecideIncident { choice: Choice::Pause, reason: because() },
        Intent::Abort { reason: because() },
        Intent::Mitigate { reason: because() },
        Intent::Resolve { reason: because() },
        Intent::Inherit { name: name("n"), owner: PersonId::parse("ana").unwrap(), reason: because() },
        Intent::SettleBacklog { name: name("n"), count: 1, reason: because() },
        Intent::Promise { to: "customers".to_owned(), words: because(), due },
        Intent::SettlePromise { promise, how: PromiseEnd::Kept, words: because() },
        Intent::Tell { to: "the king".to_owned(), words: because() },
        Intent::AskMessage { template: name("t"), how: Handed::ByHand, payload: None },
        Intent::RevokeSession { session: of_ana, reason: because() },
        Intent::OpenPoll { question: because(), lasts: 60 },
        Intent::AnswerPoll { poll, opinion: Opinion::Object, reason: because() },
        Intent::ClosePoll { poll, how: PollEnd::Withdrawn },
        Intent::AnswerObjection { objection: poll, words: because() },
        Intent::EndOffer { offer, how: OfferEnd::Declined, reason: because() },
    ]
}

/// The same with what goes along with an act, or with a statement of the person's own key.
fn everything(seat: &mut Seat) -> Vec<Act> {
    let mut all: Vec<Act> = acts(seat).into_iter().map(|intent| seat.signed(intent, Vec::new())).collect();
    let with = |text: &[u8]| -> (Part, String) { payload(text).unwrap() };
    let (part, payload) = with(b"hello");
    all.push(seat.signed(Intent::Note { payload }, vec![part]));
    let changed = seat.welcome.runbook.replace("Look at it.", "Look at it twice.");
    let (part, payload) = with(changed.as_bytes());
    let runbook = Digest::of(changed.as_bytes());
    let propose = Intent::ProposeAmendment { runbook, payload, reason: because() };
    all.push(seat.signed(propose, vec![part]));
    all.push(seat.answering("eyes", "sre", Answering::Approve));
    all.push(seat.answering("eyes", "sre", Answering::Deny));
    all.push(seat.closing("over"));
    let seen = seat.mirror.seen();
    let expires = until(clock::now(), Duration::from_secs(600), Duration::from_secs(300));
    let to = PersonId::parse("ana").unwrap();
    let (offer, seen_of) = (seat.mirror.incident.offer.as_ref().unwrap().seq, seen.clone());
    all.push(seat.stating(|key| Intent::Offer { to, seen: seen_of, expires, key }));
    all.push(seat.stating(|key| Intent::TakeCommand { offer, read_back: because(), key }));
    let (&asked, ask) = seat.mirror.incident.redaction_asks.iter().next().unwrap();
    let (event, parts) = (ask.event, ask.parts.clone());
    all.push(seat.stating(|key| Intent::AskRedaction {
        event,
        parts,
        reason: because(),
        seen,
        expires,
        key,
    }));
    all.push(seat.stating(|key| Intent::Redact { asked, key }));
    all
}

async fn only_looks_on(seat: &mut Seat, act: Act) {
    let intent = act.intent.clone();
    let result = seat.submit(act).await;
    assert_eq!(result, ActResult::Refused { why: Refusal::Observer.to_string() }, "{intent:?}");
}

/// Something of every kind to act on: a poll, an offer, a promise, a note whose removal is asked for, a failed step.
async fn busy(ana: &mut Seat) {
    ana.answer("declare", "commander", Answering::Approve).await;
    ana.until("the hold point waits", |i| i.status("eyes") == Status::Waiting).await;
    ana.start("broken").await;
    assert_eq!(ana.over("broken").await.0, Status::Failed);
    let (part, commitment) = payload(b"a name").unwrap();
    let note = ana.signed(Intent::Note { payload: commitment }, vec![part]);
    let ActResult::Recorded { seq: event } = ana.submit(note).await else { panic!("not noted") };
    let due = clock::now().plus(Duration::from_secs(3600));
    ana.done(Intent::Promise { to: "customers".to_owned(), words: because(), due }).await;
    ana.done(Intent::OpenPoll { question: because(), lasts: 600 }).await;
    let expires = until(clock::now(), Duration::from_secs(3600), Duration::from_secs(300));
    let seen = ana.mirror.seen();
    let ask = ana.stating(|key| Intent::AskRedaction {
        event,
        parts: vec![0],
        reason: because(),
        seen,
        expires,
        key,
    });
    assert!(matches!(ana.submit(ask).await, ActResult::Recorded { .. }));
    let expires = until(clock::now(), Duration::from_secs(900), Duration::from_secs(300));
    let (to, seen) = (PersonId::parse("ben").unwrap(), ana.mirror.seen());
    let offer = ana.stating(|key| Intent::Offer { to, seen, expires, key });
    assert!(matches!(ana.submit(offer).await, ActResult::Recorded { .. }));
}

#[tokio::test]
async fn whatever_an_observers_session_sends_is_refused_by_the_hub_and_the_room_goes_on() {
    let text = runbook(STEPS)
        .replace("commander: {required: true}", "commander: {required: true, stand_in: [sre]}")
        .replace(
            "  expires: 15m\n",
            "  expires: 15m\n  override: {require: [{role: sre, count: 1}], reason: required}\n",
        );
    let mut house = House::of(&text, Mode::Live, b"channels: {}\n");
    house.start().unwrap();
    let mut ana = house.ana().await;
    ana.done(assume("commander")).await;
    ana.done(assume("sre")).await;
    let mut ben = house.joined("ben").await;
    ben.done(assume("observer")).await;
    ana.until("the declaration is asked for", |i| i.gates.contains_key("declare")).await;
    ben.until("he sees that, too", |i| i.gates.contains_key("declare")).await;
    let broken_glass = ben.answering("declare", "sre", Answering::Override);
    only_looks_on(&mut ben, broken_glass).await;
    busy(&mut ana).await;
    ben.until("he sees it live", |i| i.offer.is_some()).await;

    let before = recorded(&house.dir);
    let all = everything(&mut ben);
    let mut sent: BTreeSet<String> = all.iter().map(|act| kind(&act.intent)).collect();
    sent.insert("override".to_owned());
    let known = OF_THE_HUB.into_iter().chain(OF_THEIR_OWN).map(str::to_owned);
    assert_eq!(every_kind(), sent.iter().cloned().chain(known).collect(), "every kind is looked at");
    for act in all {
        only_looks_on(&mut ben, act).await;
    }
    let after = recorded(&house.dir);
    assert_eq!(after[..before.len()], before[..]);
    let left: Vec<&str> = after[before.len()..].iter().map(|(_, what)| what.kind()).collect();
    assert_eq!(left, ["approval.refused", "approval.refused"], "what nobody counts at a hold point is kept");
    assert!(!house.dir.join("runbook.1.yaml").exists(), "a refused proposal leaves no file");

    ana.start("act").await;
    assert_eq!(ana.over("act").await.0, Status::Succeeded);
    ben.done(Intent::Renounce { role: RoleName::parse("observer").unwrap() }).await;
    ben.done(assume("sre")).await;
    ben.answer("eyes", "sre", Answering::Approve).await;
    ana.until("the hold point is passed", |i| i.status("eyes") == Status::Succeeded).await;
    let refused = recorded(&house.dir).into_iter().filter(|(_, what)| matches!(what, What::Refused(_)));
    assert_eq!(refused.count(), 3);
    assert_eq!(judged(&house).findings, []);
}
