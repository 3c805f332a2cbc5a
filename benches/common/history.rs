//! A long record that a hub could have written: every event decided and applied by the rules, people's acts signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backout::client::session::{Asking, Session};
use backout::core::apply::apply;
use backout::core::decide::decide;
use backout::core::event::{
    Actor, Auth, Direction, Display, Event, Judgement, Mode, Opened, Outcome, Seen, What,
};
use backout::core::id::{IncidentId, PersonId, RoleName, StepId};
use backout::core::incident::Incident;
use backout::core::intent::{By, GateAnswer, Intent};
use backout::core::plan;
use backout::core::replay;
use backout::core::statement::{self, Answering};
use backout::core::time::Stamp;
use backout::hub::layout::{Copies, OPENING, Opening};
use backout::identity::Signer;
use backout::timeline::codec;
use backout::timeline::folder::{FileSystems, Folder};
use backout::timeline::payload::{Part, Payloads};
use backout::timeline::seal::{Origin, SealKey};
use backout::timeline::store::Store;
use backout::wire::act::Act;
use base64::Engine as _;

/// The incident's id, which is its folder's name.
pub const ID: &str = "01JD3K9W8ZQ4T6V2M7N5B1C0XA";
const LOG: &str = "backout.bench/01JD3K9W8ZQ4T6V2M7N5B1C0XA";
const TEAM: &str = "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n";
/// The runbook of these records, whose last phase more can be appended to.
pub const LONG: &str = "backout: 1
id: long
title: A long watch
class: deploy
service: shop
environment: test
owners: [team]
summary: A check that looks very often.
does_not_undo: Nothing.
objectives: {rto: 10m, rpo: 0s}
roles:
  commander: {required: true}
  sre: {min: 1}
declare:
  require: [{role: commander, count: 1}]
  expires: 15m
phases:
  - name: Act
    steps:
      - {id: looks, check: {run: [echo, ok], expect: {equals: ok}, count: 1000, interval: 1s}, timeout: 10h, role: sre}
";
/// Events that share a seal, unless it is said.
const BATCH: u64 = 500;
/// One event in so many is a person's, signed by their session.
const SIGNED: u64 = 100;

/// The record in the making.
pub struct History {
    dir: PathBuf,
    incident: Incident,
    store: Store,
    payloads: Payloads,
    signer: Signer,
    session: Session,
    lines: Vec<Vec<u8>>,
    now: Stamp,
    look: u32,
    batch: u64,
}

impl History {
    /// A record whose one check runs.
    pub fn new(dir: &Path) -> History {
        History::sealing(dir, BATCH)
    }

    /// As [`new`](Self::new), with so many events to a seal, and as a hub needs it to go on.
    pub fn sealing(dir: &Path, batch: u64) -> History {
        History::of(dir, batch, LONG)
    }

    /// The same with another runbook that begins like the usual one.
    pub fn of(dir: &Path, batch: u64, runbook: &str) -> History {
        let signer = Signer::generate_memory([1; 32]);
        let copies = Copies {
            runbook: runbook.into(),
            team: TEAM.into(),
            allowed_signers: format!("ana {}\n", signer.public_openssh()).into_bytes(),
            revoked_keys: Vec::new(),
            workspace: b"sources: {}\n".to_vec(),
        };
        let store = Store::create(
            Folder::create(dir, FileSystems::Any).unwrap(),
            Origin::parse(LOG).unwrap(),
            SealKey::random().unwrap(),
        )
        .unwrap();
        for (name, bytes) in copies.named() {
            std::fs::write(dir.join(name), bytes).unwrap();
        }
        let loaded =
            backout::runbook::load("runbook.yaml", runbook.as_bytes()).unwrap_or_else(|e| panic!("{e:?}"));
        let (team, _) = backout::workspace::team::decode("team.yaml", TEAM.as_bytes());
        let incident = Incident::new(Arc::new(loaded.runbook), Arc::new(team.unwrap()));
        let now = Stamp(1_795_000_000_000_000);
        let asking =
            Asking { person: ana(), roles: Vec::new(), via: "bench".to_owned(), display: Display::Local };
        let (session, joined, auth) = Session::begin(LOG, &asking, &signer, now).unwrap();
        let opened = Opened {
            log: LOG.to_owned(),
            incident: IncidentId::parse(ID).unwrap(),
            mode: Mode::Live,
            program: "0".to_owned(),
            hub_key: base64::engine::general_purpose::STANDARD.encode(store.public_key()),
            pinned: copies.pinned(),
            params: Default::default(),
            restore_point: None,
            severity: 3,
            policies: Default::default(),
            session: joined,
        };
        let payloads = Payloads::open(store.folder(), 0).unwrap();
        let dir = dir.to_owned();
        let mut history = History {
            dir,
            incident,
            store,
            payloads,
            signer,
            session,
            lines: Vec::new(),
            now,
            look: 0,
            batch,
        };
        let intent = Intent::Open(Box::new(opened));
        history.note_opening(intent.clone(), auth.clone());
        history.person(intent, auth, Vec::new());
        history.begin();
        history
    }

    fn note_opening(&self, intent: Intent, auth: Auth) {
        let act = Act { person: ana(), intent, auth, payload: Vec::new() };
        let opening = Opening { act, workspace: self.dir.clone() };
        std::fs::write(self.dir.join(OPENING), serde_json::to_vec(&opening).unwrap()).unwrap();
    }

    /// The check ends well, and nothing is left to be done.
    pub fn come_to_rest(&mut self) {
        self.hub(Intent::Finish {
            step: looks(),
            attempt: 1,
            direction: Direction::Forward,
            outcome: Outcome::Succeeded,
            detail: "seen often enough".to_owned(),
            output: None,
            output_bytes: None,
        });
        self.seal();
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The head that its newest seal seals.
    pub fn seen(&self) -> Seen {
        let head = self.store.head();
        Seen { n: head.n, root: head.root_b64() }
    }

    /// Asks for the declaration, gives it, and starts the check.
    fn begin(&mut self) {
        let declare = StepId::declare();
        self.hub(Intent::Request { gate: declare.clone(), attempt: 1, nonce: "0".repeat(32) });
        self.seal();
        let answer = GateAnswer {
            gate: declare,
            attempt: 1,
            role: RoleName::parse("commander").unwrap(),
            reason: "it is broken".to_owned(),
            nonce: "0".repeat(32),
            key: self.signer.fingerprint(),
        };
        let seen = self.seen();
        let text = statement::gate(&self.incident, &ana(), &answer, Answering::Approve, &seen).unwrap();
        let intent = Intent::Approve(answer);
        let auth = Auth {
            sshsig: Some(self.signer.sign(statement::APPROVE, text.as_bytes()).unwrap()),
            statement: Some(text),
            namespace: Some(statement::APPROVE.to_owned()),
            display: Some(Display::Local),
            ..self.session.sign(LOG, &seen, &intent).unwrap()
        };
        self.person(intent, auth, Vec::new());
        self.hub(Intent::Declare { attempt: 1 });
        self.hub(Intent::EnterPhase { phase: 0 });
        let step = self.incident.step(&looks()).unwrap().clone();
        let plan = plan::of_step(&self.incident, &step, Direction::Forward).unwrap();
        self.hub(Intent::Start {
            step: looks(),
            attempt: 1,
            direction: Direction::Forward,
            plan: plan::digest(&plan, 1),
            retyped: None,
            reason: None,
            payload: None,
        });
        self.seal();
    }

    /// Goes on until there are so many events: looks with what they saw, progress, criteria that come and go, and
    /// now and then a person's note.
    pub fn grow_to(&mut self, events: u64) {
        while self.incident.next_seq < events {
            self.now = Stamp(self.now.0 + 1_000);
            match self.incident.next_seq {
                seq if seq % SIGNED == 0 => self.note(seq),
                seq if seq % 10 == 1 => self.hub(Intent::Progress {
                    step: looks(),
                    attempt: 1,
                    done: seq,
                    total: None,
                    unit: None,
                }),
                seq => self.looked(seq),
            }
            if self.lines.len() as u64 >= self.batch {
                self.seal();
            }
        }
        self.seal();
    }

    fn looked(&mut self, seq: u64) {
        self.look += 1;
        let why = format!(
            "exit code 0; {seq} rows, of which 0 differ: \"{}\" \u{b7} {}",
            "orders ".repeat(20),
            "0123456789 ".repeat(14)
        );
        self.hub(Intent::Judge {
            step: looks(),
            attempt: 1,
            look: self.look,
            judgement: Judgement::Pass,
            why,
        });
    }

    fn note(&mut self, seq: u64) {
        let part = Part::new(seq, 0, format!("all quiet at {seq}").into_bytes()).unwrap();
        let intent = Intent::Note { payload: part.commitment_b64() };
        let auth = self.session.sign(LOG, &self.seen(), &intent).unwrap();
        self.payloads.append(std::slice::from_ref(&part)).unwrap();
        let payload = vec![part.commitment_b64()];
        self.person(intent, auth, payload);
    }

    fn hub(&mut self, intent: Intent) {
        let what = decide(&self.incident, &By::Hub, &intent, self.now).unwrap();
        self.add(Actor::Hub, what, None, Vec::new());
    }

    fn person(&mut self, intent: Intent, auth: Auth, payload: Vec<String>) {
        let session = auth.session.clone().zip(auth.client_seq);
        let by = By::Person { id: ana(), session };
        let what = decide(&self.incident, &by, &intent, self.now).unwrap();
        self.add(Actor::Person(ana()), what, Some(auth), payload);
    }

    fn add(&mut self, actor: Actor, what: What, auth: Option<Auth>, payload: Vec<String>) {
        let event = Event {
            seq: self.incident.next_seq,
            at: self.now,
            actor,
            what,
            payload,
            auth: auth.map(Box::new),
        };
        self.lines.push(codec::encode(&event).unwrap());
        apply(&mut self.incident, &event);
        if event.seq == 0 {
            self.seal();
        }
    }

    fn seal(&mut self) {
        self.store.append(&std::mem::take(&mut self.lines)).unwrap();
    }
}

/// What a verifier does about one signed act: make its bytes anew from the event and check the signature.
pub fn one_act() -> impl Fn() {
    let signer = Signer::generate_memory([1; 32]);
    let asking = Asking { person: ana(), roles: Vec::new(), via: String::new(), display: Display::Local };
    let (mut session, joined, _) = Session::begin(LOG, &asking, &signer, Stamp(0)).unwrap();
    let commitment = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let intent = Intent::Note { payload: commitment.clone() };
    let seen = Seen { n: 7, root: commitment.clone() };
    let auth = session.sign(LOG, &seen, &intent).unwrap();
    let what = What::Noted(backout::core::event::Noted {});
    let event = Event {
        seq: 8,
        at: Stamp(0),
        actor: Actor::Person(ana()),
        what,
        payload: vec![commitment],
        auth: Some(Box::new(auth)),
    };
    move || {
        let auth = event.auth.as_ref().unwrap();
        let act = codec::act(
            LOG,
            auth.client_seq.unwrap(),
            auth.seen.as_ref().unwrap(),
            &replay::intent_of(&event),
        )
        .unwrap();
        backout::identity::session::verify_act(&joined.session_key, &act, auth.sig.as_ref().unwrap())
            .unwrap();
    }
}

fn ana() -> PersonId {
    PersonId::parse("ana").unwrap()
}

fn looks() -> StepId {
    StepId::parse("looks").unwrap()
}
