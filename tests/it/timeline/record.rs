//! A small honest incident on disk, made the way a hub makes one: decide, sign, append, apply.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backout::core::decide::decide;
use backout::core::event::{Actor, Auth, Display, Event, Joined, Mode, Opened, Pinned, Seen};
use backout::core::id::{Digest, IncidentId, PersonId, RoleName, SessionId, StepId};
use backout::core::incident::Incident;
use backout::core::intent::{By, GateAnswer, Intent};
use backout::core::replay;
use backout::core::statement::{self, Answering};
use backout::core::team::{Person, Team};
use backout::core::time::Stamp;
use backout::identity::{SessionKey, Signer};
use backout::runbook::model::{Class, Comms, Declare, Objectives, Requirement, Role, Runbook};
use backout::timeline::codec;
use backout::timeline::payload::{Part, Payloads};
use backout::timeline::seal::SealKey;
use backout::timeline::store::Store;
use backout::timeline::tree::Head;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

pub const ANA: &str = "ana@example.com";
pub const BEN: &str = "ben@example.com";

pub struct Record {
    pub store: Store,
    payloads: Payloads,
    pub incident: Incident,
    clock: Stamp,
    numbers: u64,
}

fn person(id: &str, roles: &[&str]) -> Person {
    Person {
        id: PersonId::parse(id).unwrap(),
        name: id.to_owned(),
        roles: roles.iter().map(|r| RoleName::parse(*r).unwrap()).collect(),
        contact: None,
        time_zone: None,
    }
}

/// A runbook of one gate and no steps: what matters here is people and seals.
fn runbook() -> Runbook {
    let seat = |name: &str| Role {
        name: name.to_owned(),
        required: true,
        min: 1,
        max_tenure: None,
        stand_in: vec![],
        excludes: vec![],
    };
    Runbook {
        id: "small".to_owned(),
        title: "Small".to_owned(),
        class: Class::Deploy,
        service: "shop".to_owned(),
        environment: "test".to_owned(),
        region: None,
        owners: vec![],
        reviewed: None,
        tags: vec![],
        links: vec![],
        summary: String::new(),
        does_not_undo: "nothing".to_owned(),
        objectives: Objectives { rto: Duration::from_secs(60), rpo: Duration::from_secs(60) },
        cost: None,
        residency: vec![],
        window: None,
        controls: Default::default(),
        params: vec![],
        restore_point: None,
        roles: vec![seat("commander")],
        declare: Declare {
            require: vec![Requirement { role: "commander".to_owned(), count: 1 }],
            expires: Duration::from_secs(900),
            override_: None,
            notify: vec![],
        },
        authority: Default::default(),
        metrics: vec![],
        triggers: vec![],
        comms: Comms { cadence: vec![], templates: vec![] },
        phases: vec![],
        always: vec![],
    }
}

/// The incident before its first event, as a verifier gets it from the copies.
pub fn start() -> Incident {
    let team = Team { people: vec![person(ANA, &["commander"]), person(BEN, &["sme"])] };
    Incident::new(Arc::new(runbook()), Arc::new(team))
}

pub fn ssh_key(who: &str) -> Signer {
    Signer::generate_memory(if who == ANA { [11; 32] } else { [22; 32] })
}

pub fn session_key(who: &str) -> SessionKey {
    SessionKey::from_seed(if who == ANA { &[33; 32] } else { &[44; 32] })
}

pub fn allowed_signers() -> String {
    [ANA, BEN].map(|who| format!("{who} {}\n", ssh_key(who).public_openssh())).concat()
}

pub fn seen(head: &Head) -> Seen {
    Seen { n: head.n, root: head.root_b64() }
}

impl Record {
    /// An open incident: event 0 is recorded.
    pub fn open(path: &Path) -> Record {
        let store = super::fresh(path);
        for (name, text) in copies() {
            std::fs::write(path.join(name), text).unwrap();
        }
        let payloads = Payloads::open(store.folder(), 0).unwrap();
        let clock = Stamp::parse("2026-11-20T12:00:00.000000Z").unwrap();
        let mut record = Record { store, payloads, incident: start(), clock, numbers: 0 };
        let digest = |name: &str| Digest::of(&std::fs::read(path.join(name)).unwrap());
        let opened = Opened {
            log: record.store.origin().to_string(),
            incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
            mode: Mode::Drill,
            program: "test".to_owned(),
            hub_key: B64.encode(record.store.public_key()),
            pinned: Pinned {
                runbook: digest("runbook.yaml"),
                team: digest("team.yaml"),
                allowed_signers: digest("allowed_signers"),
                revoked_keys: digest("revoked_keys"),
                workspace: digest("workspace.yaml"),
            },
            params: Default::default(),
            restore_point: None,
            severity: 2,
            policies: Default::default(),
            session: record.joined(ANA),
        };
        let text = statement::session(&opened.log, &PersonId::parse(ANA).unwrap(), &opened.session);
        record.signed(ANA, Intent::Open(Box::new(opened)), statement::SESSION, text);
        record
    }

    fn joined(&self, who: &str) -> Joined {
        Joined {
            session_key: session_key(who).public_base64(),
            key: ssh_key(who).fingerprint(),
            roles: vec![],
            expires: self.clock.plus(Duration::from_secs(3600)),
            via: "test".to_owned(),
        }
    }

    /// Records what a rule-abiding hub would.
    pub fn record(&mut self, actor: Actor, intent: &Intent, auth: Option<Auth>, payload: &[&str]) -> Event {
        self.clock = self.clock.plus(Duration::from_secs(1));
        let seq = self.incident.next_seq;
        let parts: Vec<Part> = (0u32..)
            .zip(payload)
            .map(|(i, text)| Part::new(seq, i, text.as_bytes().to_vec()).unwrap())
            .collect();
        self.write(actor, intent, auth, &parts)
    }

    fn write(&mut self, actor: Actor, intent: &Intent, auth: Option<Auth>, parts: &[Part]) -> Event {
        let seq = self.incident.next_seq;
        let session = auth.as_ref().and_then(|a| a.session.clone().zip(a.client_seq));
        let by = match &actor {
            Actor::Hub => By::Hub,
            Actor::Person(id) => By::Person { id: id.clone(), session },
        };
        let what = decide(&self.incident, &by, intent, self.clock).unwrap();
        let payload = parts.iter().map(Part::commitment_b64).collect();
        let event = Event { seq, at: self.clock, actor, what, payload, auth: auth.map(Box::new) };
        replay::check(&mut self.incident, &event).unwrap();
        self.payloads.append(parts).unwrap();
        self.store.append(&[codec::encode(&event).unwrap()]).unwrap();
        event
    }

    /// A record taken up by another writer, where `before` is what its people hold.
    pub fn again(store: Store, payloads: Payloads, incident: Incident, before: &Record) -> Record {
        Record { store, payloads, incident, clock: before.clock, numbers: before.numbers }
    }

    /// The disk fails, and the record goes on in a new segment.
    pub fn moved_on(self, path: &Path) -> Record {
        let Record { mut store, payloads, incident, clock, numbers } = self;
        store.fail("Input/output error (os error 5)");
        drop((store, payloads));
        let opened = super::open(path).unwrap();
        let aside = opened.set_aside.map(|aside| aside.file);
        let (store, first) = opened.store.follow(SealKey::random().unwrap(), aside).unwrap();
        let payloads = Payloads::open(store.folder(), store.head().n).unwrap();
        let mut record = Record { store, payloads, incident, clock, numbers };
        record.hub(Intent::Continue(first));
        record.store.settle().unwrap();
        record
    }

    pub fn hub(&mut self, intent: Intent) -> Event {
        self.record(Actor::Hub, &intent, None, &[])
    }

    /// A statement signed with the person's SSH key.
    pub fn signed(&mut self, who: &str, intent: Intent, namespace: &str, text: String) -> Event {
        let auth = Auth {
            sshsig: Some(ssh_key(who).sign(namespace, text.as_bytes()).unwrap()),
            statement: Some(text),
            namespace: Some(namespace.to_owned()),
            display: Some(Display::Local),
            ..Auth::default()
        };
        self.record(Actor::Person(PersonId::parse(who).unwrap()), &intent, Some(auth), &[])
    }

    /// An act signed with the session key.
    pub fn act(&mut self, who: &str, intent: Intent) -> Event {
        self.acted(who, intent, &[])
    }

    fn acted(&mut self, who: &str, intent: Intent, parts: &[Part]) -> Event {
        self.clock = self.clock.plus(Duration::from_secs(1));
        self.numbers += 1;
        let key = session_key(who);
        let seen = seen(&self.store.head());
        let act = codec::act(self.incident.log(), self.numbers, &seen, &intent).unwrap();
        let auth = Auth {
            session: Some(SessionId::parse(key.id()).unwrap()),
            client_seq: Some(self.numbers),
            seen: Some(seen),
            sig: Some(key.sign_act(&act)),
            ..Auth::default()
        };
        self.write(Actor::Person(PersonId::parse(who).unwrap()), &intent, Some(auth), parts)
    }

    pub fn note(&mut self, who: &str, text: &str) -> Event {
        let part = Part::new(self.incident.next_seq, 0, text.as_bytes().to_vec()).unwrap();
        self.acted(who, Intent::Note { payload: part.commitment_b64() }, &[part])
    }

    pub fn join(&mut self, who: &str) -> Event {
        let joined = self.joined(who);
        let text = statement::session(self.incident.log(), &PersonId::parse(who).unwrap(), &joined);
        self.signed(who, Intent::Join(joined), statement::SESSION, text)
    }

    pub fn approve(&mut self, who: &str) -> Event {
        let declare = StepId::declare();
        let answer = GateAnswer {
            gate: declare.clone(),
            attempt: 1,
            role: RoleName::commander(),
            reason: "errors fell after the last rollback too".to_owned(),
            nonce: self.incident.gates[&declare].nonce.clone(),
            key: ssh_key(who).fingerprint(),
        };
        let seen = seen(&self.store.head());
        let person = PersonId::parse(who).unwrap();
        let text = statement::gate(&self.incident, &person, &answer, Answering::Approve, &seen).unwrap();
        self.signed(who, Intent::Approve(answer), statement::APPROVE, text)
    }

    pub fn close(&mut self, who: &str) -> Event {
        let seen = seen(&self.store.head());
        let reason = "all well".to_owned();
        let text = statement::close(&self.incident, &PersonId::parse(who).unwrap(), &reason, &seen);
        let key = ssh_key(who).fingerprint();
        self.signed(who, Intent::Close { reason, key }, statement::CLOSE, text)
    }

    /// A whole incident, up to but without closing.
    pub fn lived(path: &Path) -> Record {
        let mut record = Record::open(path);
        record.join(BEN);
        record.act(ANA, Intent::Assume { role: RoleName::commander() });
        record.hub(Intent::Request {
            gate: StepId::declare(),
            attempt: 1,
            nonce: "0123456789abcdef0123456789abcdef".to_owned(),
        });
        record.approve(ANA);
        record.note(BEN, "token=hunter2");
        record.hub(Intent::Resume { program: "test".to_owned(), found: "all as it was".to_owned() });
        record.note(ANA, "we wait");
        record
    }
}

pub fn copies() -> [(&'static str, String); 5] {
    [
        ("runbook.yaml", "id: small\n".to_owned()),
        ("team.yaml", "people: []\n".to_owned()),
        ("allowed_signers", allowed_signers()),
        ("revoked_keys", String::new()),
        ("workspace.yaml", "name: test\n".to_owned()),
    ]
}
