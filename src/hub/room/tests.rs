use super::*;
use crate::core::event::{Answer, Direction, Display, Joined, Mode, Opened, Outcome, Pinned, What};
use crate::core::id::{Digest, IncidentId, PersonId, RoleName};
use crate::core::statement;
use crate::hub::clock;
use crate::identity::{AllowedSigners, Revoked, SessionKey, Signer};
use crate::timeline::codec;
use crate::timeline::folder::{FileSystems, Folder};
use crate::timeline::payload::Payloads;
use crate::timeline::seal::{Origin, SealKey};
use crate::timeline::store::{Disk, Store};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;

const LOG: &str = "backout.test/01JD3K9W8ZQ4T6V2M7N5B1C0XA";
const RUNBOOK: &str = "backout: 1
id: t
title: T
class: deploy
service: s
environment: e
owners: [o]
summary: S.
does_not_undo: Nothing.
objectives: {rto: 1m, rpo: 0s}
roles: {commander: {required: true}}
declare: {require: [{role: commander, count: 1}], expires: 15m}
phases:
  - {name: A, steps: [{id: act, run: [true], timeout: 1s}]}
  - {name: B, steps: [{id: then, run: [true], timeout: 1s}]}
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Full,
    Sync,
    Short,
}

/// A disk that fails on demand and counts its syncs.
struct Faulty {
    real: Box<dyn Disk>,
    fault: Arc<Mutex<Fault>>,
    syncs: Arc<AtomicUsize>,
}

impl Disk for Faulty {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match *self.fault.lock().unwrap() {
            Fault::Short => self.real.append(&bytes[..bytes.len() / 2]),
            Fault::None | Fault::Full | Fault::Sync => self.real.append(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        match *self.fault.lock().unwrap() {
            Fault::Sync => Err(io::Error::other("Input/output error")),
            Fault::None | Fault::Full | Fault::Short => self.real.sync(),
        }
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.real.truncate(bytes)
    }

    fn reserve(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        match *self.fault.lock().unwrap() {
            Fault::Full => Err(io::ErrorKind::StorageFull.into()),
            // Every append asks, so that a full disk shows at once.
            Fault::None | Fault::Sync | Fault::Short => {
                self.real.reserve(at, bytes).and(Err(io::ErrorKind::Unsupported.into()))
            }
        }
    }
}

struct Bench {
    room: Room,
    key: SessionKey,
    number: u64,
    fault: Arc<Mutex<Fault>>,
    syncs: Arc<AtomicUsize>,
    herald: Herald,
    news: mpsc::Receiver<News>,
    orders: mpsc::Receiver<Order>,
    state: watch::Receiver<WriterState>,
    _place: tempfile::TempDir,
}

fn ana() -> PersonId {
    PersonId::parse("ana").unwrap()
}

fn opening(signer: &Signer, key: &SessionKey, hub_key: [u8; 32]) -> Act {
    use base64::Engine as _;
    let whole = clock::now().plus(Duration::from_secs(3600)).seconds() * 1_000_000;
    let joined = Joined {
        session_key: key.public_base64(),
        key: signer.fingerprint(),
        roles: vec![],
        expires: Stamp(whole),
        via: "test".to_owned(),
    };
    let text = statement::session(LOG, &ana(), &joined);
    let auth = Auth {
        sshsig: Some(signer.sign(statement::SESSION, text.as_bytes()).unwrap()),
        statement: Some(text),
        namespace: Some(statement::SESSION.to_owned()),
        display: Some(Display::Local),
        ..Auth::default()
    };
    let any = Digest::of(b"");
    let opened = Opened {
        log: LOG.to_owned(),
        incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
        mode: Mode::Live,
        program: "0".to_owned(),
        hub_key: base64::engine::general_purpose::STANDARD.encode(hub_key),
        pinned: Pinned { runbook: any, team: any, allowed_signers: any, revoked_keys: any, workspace: any },
        params: [("p".to_owned(), Answer::Text("v".to_owned()))].into(),
        restore_point: None,
        severity: 3,
        policies: Default::default(),
        session: joined,
    };
    Act { person: ana(), intent: Intent::Open(Box::new(opened)), auth, payload: vec![] }
}

fn bench() -> Bench {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(&place.path().join("i"), FileSystems::Any).unwrap();
    let (fault, syncs) = (Arc::new(Mutex::new(Fault::None)), Arc::new(AtomicUsize::new(0)));
    let store = Store::create(folder, Origin::parse(LOG).unwrap(), SealKey::random().unwrap()).unwrap();
    let (f, s) = (fault.clone(), syncs.clone());
    let store = store.with_disk(|real| Box::new(Faulty { real, fault: f, syncs: s }));
    let payloads = Payloads::open(store.folder(), 0).unwrap();
    let signer = Signer::generate_memory([1; 32]);
    let signers = AllowedSigners::parse(format!("ana {}\n", signer.public_openssh()).as_bytes());
    let judge = Judge::new(signers, Revoked::none());
    let runbook = crate::runbook::load("r", RUNBOOK.as_bytes()).unwrap().runbook;
    let team = crate::workspace::team::decode("t", b"people: [{id: ana, name: Ana, roles: [commander]}]");
    let mut incident = Incident::new(Arc::new(runbook), Arc::new(team.0.unwrap()));
    let key = SessionKey::from_seed(&[7; 32]);
    let act = opening(&signer, &key, store.public_key());
    let mut writer = Writer::new(store, payloads);
    let log = Arc::new(Log::new());
    open(&mut incident, &mut writer, &log, &judge, &act, clock::now()).unwrap();
    let (sender, orders) = mpsc::channel(100);
    let (state, seen) = watch::channel(WriterState::Writing);
    let incidents = watch::Sender::new(Arc::new(incident.clone()));
    let herald = Herald { log: log.clone(), incidents, orders: sender };
    let (teller, news) = mpsc::channel(NEWS);
    let room = Room::new(incident, writer, judge, Outlets { log, state, news: teller });
    Bench { room, key, number: 0, fault, syncs, herald, news, orders, state: seen, _place: place }
}

impl Bench {
    fn wish(&mut self, intent: Intent) -> (Wish, oneshot::Receiver<ActResult>) {
        self.number += 1;
        let seen = self.room.log.head().unwrap();
        let bytes = codec::act(LOG, self.number, &seen, &intent).unwrap();
        let auth = Auth {
            session: Some(crate::core::id::SessionId::parse(self.key.id()).unwrap()),
            client_seq: Some(self.number),
            seen: Some(seen),
            sig: Some(self.key.sign_act(&bytes)),
            ..Auth::default()
        };
        let (reply, answer) = oneshot::channel();
        (Wish::Act { act: Box::new(Act { person: ana(), intent, auth, payload: vec![] }), reply }, answer)
    }

    /// One turn with these intents; their answers.
    async fn turn(&mut self, intents: Vec<Intent>) -> Vec<ActResult> {
        let (mut wishes, answers): (Vec<_>, Vec<_>) =
            intents.into_iter().map(|intent| self.wish(intent)).unzip();
        self.room.turn(&mut wishes).await;
        while !wishes.is_empty() {
            self.room.turn(&mut wishes).await;
        }
        while let Ok(batch) = self.news.try_recv() {
            self.herald.batch(batch).await;
        }
        let mut results = Vec::new();
        for answer in answers {
            results.push(answer.await.unwrap());
        }
        results
    }

    fn fault(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn stopped(&self) -> bool {
        matches!(&*self.state.borrow(), WriterState::Stopped { .. } | WriterState::Over { .. })
    }
}

fn assume(role: &str) -> Intent {
    Intent::Assume { role: RoleName::parse(role).unwrap() }
}

fn renounce(role: &str) -> Intent {
    Intent::Renounce { role: RoleName::parse(role).unwrap() }
}

fn is_recorded(result: &ActResult) -> bool {
    matches!(result, ActResult::Recorded { .. })
}

#[tokio::test]
async fn a_hundred_waiting_wishes_share_one_sync() {
    let mut bench = bench();
    bench.turn(vec![]).await;
    let before = bench.syncs.load(Ordering::Relaxed);
    let intents = (0..50).flat_map(|_| [assume("observer"), renounce("observer")]).collect();
    let results = bench.turn(intents).await;
    assert_eq!(results.len(), 100);
    assert!(results.iter().all(is_recorded), "{results:?}");
    assert_eq!(bench.syncs.load(Ordering::Relaxed), before + 1);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_counts_and_nothing_is_written_any_more() {
    for fault in [Fault::Sync, Fault::Short] {
        let mut bench = bench();
        bench.turn(vec![]).await;
        let (head, incident) = (bench.room.log.head(), bench.room.incident().clone());
        bench.fault(fault);
        let results = bench.turn(vec![assume("commander")]).await;
        assert!(matches!(results[..], [ActResult::NotWritten { .. }]), "{results:?}");
        assert!(bench.stopped());
        assert_eq!(bench.room.incident(), &incident, "the state is what is recorded");
        bench.fault(Fault::None);
        let results = bench.turn(vec![assume("commander")]).await;
        assert!(
            matches!(results[..], [ActResult::NotWritten { .. }]),
            "a disk is not asked twice: {results:?}"
        );
        assert_eq!(bench.room.log.head(), head);
        assert!(bench.orders.try_recv().is_err(), "nothing is done");
    }
}

#[tokio::test]
async fn a_full_disk_stops_people_until_there_is_room() {
    let mut bench = bench();
    bench.turn(vec![]).await;
    let incident = bench.room.incident().clone();
    bench.fault(Fault::Full);
    let results = bench.turn(vec![assume("commander")]).await;
    assert!(matches!(&results[..], [ActResult::NotWritten { why }] if why.contains("full")), "{results:?}");
    assert!(bench.stopped());
    assert_eq!(bench.room.incident(), &incident);
    bench.fault(Fault::None);
    let results = bench.turn(vec![assume("commander")]).await;
    assert!(results.iter().all(is_recorded), "{results:?}");
    assert!(!bench.stopped());
}

#[tokio::test]
async fn what_could_not_be_written_for_want_of_space_is_written_first_when_there_is_some() {
    let mut bench = bench();
    bench.turn(vec![]).await;
    bench.fault(Fault::Full);
    let found = "a test".to_owned();
    let seen = Observation::plain(Intent::Resume { program: "0".to_owned(), found });
    bench.room.turn(&mut vec![Wish::Observed(seen)]).await;
    assert!(bench.stopped());
    bench.fault(Fault::None);
    bench.turn(vec![]).await;
    assert_eq!(bench.room.incident().resumes, 1);
    bench.turn(vec![]).await;
    assert_eq!(bench.room.incident().resumes, 1, "and only once");
}

#[tokio::test]
async fn one_refusal_does_not_spoil_the_batch() {
    let mut bench = bench();
    let results = bench.turn(vec![assume("commander"), assume("dba"), assume("observer")]).await;
    assert!(
        matches!(
            &results[..],
            [ActResult::Recorded { .. }, ActResult::Refused { .. }, ActResult::Recorded { .. }]
        ),
        "{results:?}"
    );
}

#[tokio::test]
async fn what_is_published_is_what_replays_to_the_same_state() {
    let mut bench = bench();
    bench.turn(vec![assume("commander"), assume("observer"), renounce("observer")]).await;
    let again = rebuild(bench.room.incident(), &bench.room.log);
    assert_eq!(&again, bench.room.incident());
    assert!(bench.room.log.texts().iter().flat_map(|t| log::events(t).collect::<Vec<_>>()).count() > 3);
}

#[tokio::test]
async fn an_end_nobody_waits_for_comes_to_nothing() {
    let mut bench = bench();
    bench.turn(vec![]).await;
    let head = bench.room.log.head();
    let finish = Intent::Finish {
        step: crate::core::id::StepId::parse("act").unwrap(),
        attempt: 1,
        direction: Direction::Forward,
        outcome: Outcome::Succeeded,
        detail: "late".to_owned(),
        output: None,
        output_bytes: None,
    };
    bench.room.turn(&mut vec![Wish::Observed(Observation::plain(finish))]).await;
    assert_eq!(bench.room.log.head(), head);
    assert!(!log::events("").any(|e| matches!(e.what, What::Finished(_))));
}

fn start(bench: &Bench, step: &str) -> Intent {
    let id = crate::core::id::StepId::parse(step).unwrap();
    let incident = bench.room.incident();
    let plan = crate::core::plan::of_step(incident, incident.step(&id).unwrap(), Direction::Forward).unwrap();
    Intent::Start {
        step: id,
        attempt: 1,
        direction: Direction::Forward,
        plan: crate::core::plan::digest(&plan, 1),
        retyped: None,
        reason: None,
        payload: None,
    }
}

fn ended(step: &str, outcome: Outcome) -> Wish {
    Wish::Observed(Observation::plain(Intent::Finish {
        step: crate::core::id::StepId::parse(step).unwrap(),
        attempt: 1,
        direction: Direction::Forward,
        outcome,
        detail: "a test".to_owned(),
        output: None,
        output_bytes: None,
    }))
}

/// A bench whose first step runs, and the start of the second, asked for ahead; with its answer to come.
async fn one_runs_and_one_waits() -> (Bench, oneshot::Receiver<ActResult>) {
    let mut bench = bench();
    bench.turn(vec![assume("commander")]).await;
    bench.room.incident.stage = Stage::Declared;
    let first = start(&bench, "act");
    assert!(bench.turn(vec![first]).await.iter().all(is_recorded));
    let second = start(&bench, "then");
    let (Wish::Act { act, reply }, answer) = bench.wish(second) else { unreachable!() };
    bench.room.turn(&mut vec![Wish::Ahead { act, reply }]).await;
    (bench, answer)
}

async fn told(bench: &mut Bench) {
    while let Ok(batch) = bench.news.try_recv() {
        bench.herald.batch(batch).await;
    }
}

#[tokio::test]
async fn a_start_asked_for_ahead_shares_the_batch_with_the_end_it_waits_for() {
    let (mut bench, mut answer) = one_runs_and_one_waits().await;
    assert!(answer.try_recv().is_err(), "it is not its turn");
    let before = bench.syncs.load(Ordering::Relaxed);
    bench.room.turn(&mut vec![ended("act", Outcome::Succeeded)]).await;
    told(&mut bench).await;
    assert!(is_recorded(&answer.await.unwrap()));
    assert_eq!(bench.syncs.load(Ordering::Relaxed), before + 1);
    let (first, second) = (bench.orders.try_recv().unwrap(), bench.orders.try_recv().unwrap());
    let step = |order: Order| match order.effect {
        Effect::RunStep { step, .. } => step.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!((step(first).as_str(), step(second).as_str()), ("act", "then"));
}

#[tokio::test]
async fn a_phase_is_entered_in_the_batch_before_whoever_acts_in_it() {
    let mut bench = bench();
    bench.turn(vec![assume("commander")]).await;
    bench.room.incident.stage = Stage::Declared;
    let (first, second) = (start(&bench, "act"), start(&bench, "then"));
    assert!(bench.turn(vec![first]).await.iter().all(is_recorded));
    // The end and the next start wait for the same turn.
    let (next, mut answer) = bench.wish(second);
    bench.room.turn(&mut vec![ended("act", Outcome::Succeeded), next]).await;
    told(&mut bench).await;
    assert!(is_recorded(&answer.try_recv().unwrap()));
    let texts = bench.room.log.texts();
    let events = texts.iter().flat_map(|text| log::events(text));
    let kinds: Vec<&str> = events.map(|e| e.what.kind()).collect();
    let wanted = ["phase.entered", "step.started", "step.finished", "phase.entered", "step.started"];
    assert_eq!(kinds[kinds.len() - wanted.len()..], wanted);
}

#[tokio::test]
async fn a_start_asked_for_ahead_is_refused_when_the_step_before_fails_or_somebody_stops_all() {
    let (mut bench, answer) = one_runs_and_one_waits().await;
    bench.room.turn(&mut vec![ended("act", Outcome::Failed)]).await;
    told(&mut bench).await;
    assert!(matches!(answer.await.unwrap(), ActResult::Refused { .. }));
    let (mut bench, answer) = one_runs_and_one_waits().await;
    bench.room.incident.paused = Some("wait".to_owned());
    bench.room.turn(&mut vec![]).await;
    assert!(matches!(answer.await.unwrap(), ActResult::Refused { .. }));
    assert_eq!(bench.room.incident().status("then"), crate::core::incident::Status::Pending);
}

#[tokio::test]
async fn a_start_asked_for_ahead_is_forgotten_with_whoever_asked() {
    let (mut bench, answer) = one_runs_and_one_waits().await;
    drop(answer);
    bench.room.turn(&mut vec![ended("act", Outcome::Succeeded)]).await;
    assert_eq!(bench.room.incident().status("then"), crate::core::incident::Status::Pending);
    assert!(bench.room.ahead.is_empty());
}
