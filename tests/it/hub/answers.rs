//! Answers at a gate that are really somebody's and fit nothing, and what two people, two keys and one key of two come
//! to; and the workspace's policies about those who answer. Keys and texts that prove nothing are in [`super::keys`].

use backout::core::event::{Auth, Display, Mode, What};
use backout::core::id::{PersonId, RoleName};
use backout::core::incident::Status;
use backout::core::intent::{GateAnswer, Intent};
use backout::core::statement::{self, APPROVE, Answering};
use backout::identity::Signer;
use backout::timeline::verify::{Check, Verdict};
use backout::wire::act::Act;
use backout::wire::message::ActResult;

use super::house::{House, Seat, judged, recorded, runbook, step};

const HOLD: &str = "- id: eyes
  approve: {require: [{role: sre, count: 2}], separation_of_duties: [], expires: 15m, covers: [act]}
- {id: act, run: [touch, done], timeout: 10s, role: commander}";

fn key(seed: u8) -> Signer {
    Signer::generate_memory([seed; 32])
}

fn of(seed: u8) -> impl Fn(&str, &[u8]) -> String {
    move |namespace, text| key(seed).sign(namespace, text).unwrap()
}

/// An answer as its sender wants it, and the words it makes.
struct Letter {
    person: &'static str,
    answer: GateAnswer,
    text: String,
}

fn letter(seat: &Seat, person: &'static str, fingerprint: &str, change: impl Fn(&mut GateAnswer)) -> Letter {
    let incident = &seat.mirror.incident;
    let pending = &incident.gates["eyes"];
    let mut answer = GateAnswer {
        gate: step("eyes"),
        attempt: pending.attempt,
        role: RoleName::parse("sre").unwrap(),
        reason: "seen".to_owned(),
        nonce: pending.nonce.clone(),
        key: fingerprint.to_owned(),
    };
    change(&mut answer);
    let seen = seat.mirror.seen();
    let id = PersonId::parse(person).unwrap();
    let text = statement::gate(incident, &id, &answer, Answering::Approve, &seen).unwrap();
    Letter { person, answer, text }
}

impl Letter {
    fn signed(self, sign: impl Fn(&str, &[u8]) -> String) -> Act {
        let auth = Auth {
            sshsig: Some(sign(APPROVE, self.text.as_bytes())),
            statement: Some(self.text),
            namespace: Some(APPROVE.to_owned()),
            display: Some(Display::Local),
            ..Auth::default()
        };
        let person = PersonId::parse(self.person).unwrap();
        Act { person, intent: Intent::Approve(self.answer), auth, payload: Vec::new() }
    }
}

async fn refused(seat: &mut Seat, act: Act) -> String {
    match seat.submit(act).await {
        ActResult::Refused { why } => why,
        other => panic!("{other:?}"),
    }
}

async fn counts(seat: &mut Seat, act: Act) {
    let result = seat.submit(act).await;
    assert!(matches!(result, ActResult::Recorded { .. }), "{result:?}");
}

/// What the record keeps of answers that did not count.
fn kept(house: &House) -> Vec<String> {
    let of = |what| if let What::Refused(d) = what { Some(d.why) } else { None };
    recorded(&house.dir).into_iter().filter_map(|(_, what)| of(what)).collect()
}

/// Ana also has a second key (5), and one (6) is listed for both.
async fn at_the_hold() -> (House, Seat) {
    let line = |who: &str, seed: u8| format!("{who} {}\n", key(seed).public_openssh());
    let roster = [line("ana", 5), line("ana", 6), line("ben", 6)];
    let mut house = House::keyed(&runbook(HOLD), Mode::Live, b"channels: {}\n", &roster.concat(), "");
    house.start().unwrap();
    let (mut ana, _ben) = house.declared().await;
    ana.until("the hold point waits", |i| i.status("eyes") == Status::Waiting).await;
    (house, ana)
}

#[tokio::test]
async fn an_answer_of_ones_own_that_fits_nothing_is_refused_recorded_and_explained() {
    let (house, mut ana) = at_the_hold().await;
    let ben = key(2).fingerprint();
    let plain = |seat: &Seat, change: fn(&mut GateAnswer)| letter(seat, "ben", &ben, change);
    let acts = [
        ("somebody else's key", plain(&ana, |_| {}).signed(of(1)), "ben"),
        ("another attempt", plain(&ana, |a| a.attempt = 2).signed(of(2)), "request"),
        ("another role", plain(&ana, |a| a.role = RoleName::commander()).signed(of(2)), "commander"),
        ("another request", plain(&ana, |a| a.nonce = "0".repeat(32)).signed(of(2)), "one-time value"),
    ];
    let mut said = Vec::new();
    for (what, act, words) in acts {
        let why = refused(&mut ana, act).await;
        assert!(why.contains(words), "{what}: {why}");
        said.push(why);
    }
    let kept = kept(&house);
    // What anybody could have sent in Ben's name is told from what he sent.
    assert_eq!(kept[0], format!("it came in their name and is not proved to be theirs: {}", said[0]));
    assert_eq!(kept[1..], said[1..]);
    let good = plain(&ana, |_| {}).signed(of(2));
    counts(&mut ana, good).await;
    assert_eq!(judged(&house).verdict(), Verdict::NotAnchored, "{:#?}", judged(&house).lines());
}

#[tokio::test]
async fn two_keys_are_one_person_and_one_key_is_one_voice() {
    let (house, mut ana) = at_the_hold().await;
    let same = |_: &mut GateAnswer| {};
    let sent = |seat: &Seat, who: &'static str, seed: u8| {
        letter(seat, who, &key(seed).fingerprint(), same).signed(of(seed))
    };
    let first = sent(&ana, "ana", 6);
    counts(&mut ana, first.clone()).await;
    let again = refused(&mut ana, first).await;
    let second_key = sent(&ana, "ana", 5);
    let second_key = refused(&mut ana, second_key).await;
    assert!(again.contains("already") && second_key.contains("already"), "{again} / {second_key}");
    let shared = sent(&ana, "ben", 6);
    let shared = refused(&mut ana, shared).await;
    assert!(shared.contains("key"), "{shared}");
    assert_eq!(ana.mirror.incident.status("eyes"), Status::Waiting, "one voice is no quorum of two");
    let own = sent(&ana, "ben", 2);
    counts(&mut ana, own.clone()).await;
    ana.until("two people are two", |i| i.status("eyes") == Status::Succeeded).await;
    let late = refused(&mut ana, own).await;
    assert!(late.contains("not open"), "{late}");
    assert_eq!(kept(&house), [again, second_key, shared, late], "each is kept once, with its reason");
    ana.start("act").await;
    assert_eq!(ana.over("act").await.0, Status::Succeeded);
}

#[tokio::test]
async fn the_policies_of_the_first_event_are_those_of_the_workspaces_copy() {
    let house = House::live(HOLD);
    house.end_hub();
    let asked = |required: bool| {
        let mut ask = super::house::asked(&house);
        let policies = backout::core::event::Policies { verify_required: required, ..Default::default() };
        ask.policies = Some(policies);
        super::house::judged_by(&house, ask)
    };
    assert_eq!(asked(false).findings, []);
    assert!(!asked(false).notes.iter().any(|n| n.contains("policies")));
    let report = asked(true);
    assert_eq!(report.verdict(), Verdict::DoesNotVerify);
    assert_eq!((report.findings[0].check, report.findings[0].event), (Check::Pinned, 0));
    assert!(judged(&house).notes.iter().any(|n| n.contains("policies were not held")));
}

#[tokio::test]
async fn too_little_rest_and_too_long_in_a_seat_are_recorded_once_and_block_nothing() {
    let config = b"policies: {shift_gap: 10h, max_tenure: 1s}\n";
    let mut house = House::keyed(&runbook(HOLD), Mode::Live, config, "", "");
    // Ben was in another incident a moment ago; Ana was not.
    let other = house.dir.with_file_name("01JD3K9W8ZQ4T6V2M7N5B1C0XB");
    std::fs::create_dir_all(&other).unwrap();
    let event = backout::core::event::Event {
        seq: 3,
        at: backout::hub::clock::now(),
        actor: backout::core::event::Actor::Person(PersonId::parse("ben").unwrap()),
        what: backout::core::event::Noted {}.into(),
        payload: vec!["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()],
        auth: None,
    };
    let line = backout::timeline::codec::encode(&event).unwrap();
    std::fs::write(other.join("timeline.jsonl"), [&line[..], b"\n"].concat()).unwrap();
    house.start().unwrap();
    let (mut ana, _ben) = house.declared().await;
    ana.until("ana has sat too long", |i| i.seats["commander"][0].overdue).await;
    ana.until("ben has too", |i| i.seats["sre"].iter().all(|s| s.overdue)).await;
    let said = |kind: &str| recorded(&house.dir).iter().filter(|(_, w)| w.kind() == kind).count();
    assert_eq!((said("shift.short"), said("tenure.exceeded")), (1, 3));
    let rested = &ana.mirror.incident.short_shifts;
    assert_eq!(rested.keys().map(PersonId::as_str).collect::<Vec<_>>(), ["ben"]);
    ana.done(Intent::Mitigate { reason: "whoever is tired still acts".to_owned() }).await;
    assert_eq!(judged(&house).findings, []);
}
