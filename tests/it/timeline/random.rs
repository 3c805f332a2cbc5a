//! Random walks of random runbooks written down as a hub writes them, with every act and statement really signed: what
//! the rules let happen is what the judge verifies, and what somebody changes afterwards is what it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backout::core::decide::decide;
use backout::core::event::{Actor, Auth, Display, Event, Joined, Opened, Pinned, Seen};
use backout::core::id::{Digest, PersonId, SessionId, StepId};
use backout::core::incident::Incident;
use backout::core::intent::{By, GateAnswer, Intent};
use backout::core::statement::{self, Answering};
use backout::core::{apply, replay};
use backout::identity::{SessionKey, Signer};
use backout::timeline::evidence::Evidence;
use backout::timeline::payload::{Part, Payloads};
use backout::timeline::store::Store;
use backout::timeline::verify::{Ask, Check, Expected, Report, Verdict, verify};
use backout::timeline::{amended, codec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;

use crate::core::random::moves::Walk;
use crate::core::random::walked;

/// Whoever writes a walk down once more, with real keys in place of the names of keys.
struct Scribe {
    path: PathBuf,
    store: Store,
    payloads: Payloads,
    incident: Incident,
    texts: BTreeMap<Digest, String>,
    /// The session key behind each session that the walk knows.
    sessions: BTreeMap<SessionId, SessionKey>,
}

/// The line of the roster that a wish needs: now and then people sign with somebody else's key, and then it is listed
/// for both.
fn line(by: &By, intent: &Intent) -> Option<String> {
    let By::Person { id, .. } = by else { return None };
    let key = match intent {
        Intent::Open(opened) => &opened.session.key,
        Intent::Join(joined) => &joined.key,
        Intent::Approve(a) | Intent::Deny(a) | Intent::Override(a) => &a.key,
        Intent::Close { key, .. }
        | Intent::TakeCommand { key, .. }
        | Intent::Redact { key, .. }
        | Intent::Offer { key, .. }
        | Intent::AskRedaction { key, .. } => key,
        _ => return None,
    };
    Some(format!("{id} {}\n", ssh_key(key).public_openssh()))
}

fn ssh_key(name: &str) -> Signer {
    Signer::generate_memory(Digest::of(name.as_bytes()).0)
}

fn session_key(public: &str) -> SessionKey {
    SessionKey::from_seed(&Digest::of(public.as_bytes()).0)
}

impl Scribe {
    fn new(path: &Path, walk: &Walk) -> Scribe {
        let store = super::fresh(path);
        let payloads = Payloads::open(store.folder(), 0).unwrap();
        let signers: BTreeSet<String> = walk.granted.iter().filter_map(|(by, i, _)| line(by, i)).collect();
        let copies = [
            ("runbook.yaml", walk.book.text()),
            ("team.yaml", "people: []\n".to_owned()),
            ("allowed_signers", signers.into_iter().collect()),
            ("revoked_keys", String::new()),
            ("workspace.yaml", "sources: {}\n".to_owned()),
        ];
        for (name, text) in copies {
            std::fs::write(path.join(name), text).unwrap();
        }
        let texts = walk.books.values().map(|b| b.text()).map(|t| (Digest::of(t.as_bytes()), t)).collect();
        let (path, incident) = (path.to_owned(), start(walk));
        Scribe { path, store, payloads, incident, texts, sessions: BTreeMap::new() }
    }

    fn seen(&self) -> Seen {
        let head = self.store.head();
        Seen { n: head.n, root: head.root_b64() }
    }

    fn joined(&mut self, joined: &Joined) -> Joined {
        let key = session_key(&joined.session_key);
        let known = apply::session_id(&joined.session_key).unwrap();
        let real = Joined {
            session_key: key.public_base64(),
            key: ssh_key(&joined.key).fingerprint(),
            ..joined.clone()
        };
        self.sessions.insert(known, key);
        real
    }

    fn session(&self, known: &SessionId) -> SessionId {
        SessionId::parse(self.sessions[known].id()).unwrap()
    }

    fn opened(&mut self, opened: &Opened) -> Opened {
        let digest = |name: &str| Digest::of(&std::fs::read(self.path.join(name)).unwrap());
        let pinned = Pinned {
            runbook: digest("runbook.yaml"),
            team: digest("team.yaml"),
            allowed_signers: digest("allowed_signers"),
            revoked_keys: digest("revoked_keys"),
            workspace: digest("workspace.yaml"),
        };
        Opened {
            log: self.store.origin().to_string(),
            hub_key: B64.encode(self.store.public_key()),
            pinned,
            session: self.joined(&opened.session),
            ..opened.clone()
        }
    }

    /// The same wish with real keys, the name of the key that signs it, and what is kept beside it.
    fn real(&mut self, intent: &Intent) -> (Intent, Option<String>, Vec<Part>) {
        let mut intent = intent.clone();
        let seen = self.seen();
        let mut signs = None;
        let mut parts = Vec::new();
        let mut real = |key: &mut String| {
            signs = Some(key.clone());
            *key = ssh_key(key).fingerprint();
        };
        match &mut intent {
            Intent::Open(opened) => {
                signs = Some(opened.session.key.clone());
                **opened = self.opened(opened);
            }
            Intent::Join(joined) => {
                signs = Some(joined.key.clone());
                *joined = self.joined(joined);
            }
            Intent::Approve(a) | Intent::Deny(a) | Intent::Override(a) => real(&mut a.key),
            Intent::Close { key, .. } | Intent::TakeCommand { key, .. } | Intent::Redact { key, .. } => {
                real(key)
            }
            Intent::Offer { key, seen: named, .. } | Intent::AskRedaction { key, seen: named, .. } => {
                real(key);
                *named = seen;
            }
            Intent::Leave { session, .. } | Intent::RevokeSession { session, .. } => {
                *session = self.session(session);
            }
            Intent::ProposeAmendment { runbook, payload, .. } => {
                let text = &self.texts[runbook];
                let name = amended::name(self.incident.proposals + 1);
                std::fs::write(self.path.join(name), text).unwrap();
                self.incident.offer(*runbook, amended::read(text.as_bytes()).unwrap().1);
                let part = Part::new(self.incident.next_seq, 0, text.as_bytes().to_vec()).unwrap();
                *payload = part.commitment_b64();
                parts.push(part);
            }
            _ => {}
        }
        (intent, signs, parts)
    }

    fn statement(&self, person: &PersonId, intent: &Intent) -> (&'static str, String) {
        let seen = self.seen();
        let gate = |answer: &GateAnswer, how: Answering| {
            (how.namespace(), statement::gate(&self.incident, person, answer, how, &seen).unwrap())
        };
        let log = self.incident.log();
        match intent {
            Intent::Open(d) => (statement::SESSION, statement::session(&d.log, person, &d.session)),
            Intent::Join(d) => (statement::SESSION, statement::session(log, person, d)),
            Intent::Approve(a) => gate(a, Answering::Approve),
            Intent::Deny(a) => gate(a, Answering::Deny),
            Intent::Override(a) => gate(a, Answering::Override),
            Intent::Close { reason, .. } => {
                (statement::CLOSE, statement::close(&self.incident, person, reason, &seen))
            }
            other => {
                let made = statement::of_intent(&self.incident, person, other, &seen);
                let (namespace, text, _) = made.unwrap_or_else(|| panic!("{other:?}"));
                (namespace, text)
            }
        }
    }

    fn write(&mut self, by: &By, intent: &Intent, at: backout::core::time::Stamp) {
        let (intent, signs, parts) = self.real(intent);
        let (actor, by, auth) = match by {
            By::Hub => (Actor::Hub, By::Hub, None),
            By::Person { id, session } => {
                let mut auth = Auth::default();
                if let Some(key) = &signs {
                    let (namespace, text) = self.statement(id, &intent);
                    auth.sshsig = Some(ssh_key(key).sign(namespace, text.as_bytes()).unwrap());
                    auth.statement = Some(text);
                    auth.namespace = Some(namespace.to_owned());
                    auth.display = Some(Display::Local);
                }
                let session = session.as_ref().map(|(known, number)| {
                    let seen = self.seen();
                    let act = codec::act(self.incident.log(), *number, &seen, &intent).unwrap();
                    auth.session = Some(self.session(known));
                    auth.client_seq = Some(*number);
                    auth.sig = Some(self.sessions[known].sign_act(&act));
                    auth.seen = Some(seen);
                    (self.session(known), *number)
                });
                (Actor::Person(id.clone()), By::Person { id: id.clone(), session }, Some(auth))
            }
        };
        let what = decide(&self.incident, &by, &intent, at).unwrap_or_else(|r| panic!("{intent:?}: {r}"));
        let payload = parts.iter().map(Part::commitment_b64).collect();
        let event = Event { seq: self.incident.next_seq, at, actor, what, payload, auth: auth.map(Box::new) };
        replay::check(&mut self.incident, &event).unwrap();
        self.payloads.append(&parts).unwrap();
        self.store.append(&[codec::encode(&event).unwrap()]).unwrap();
    }
}

fn start(walk: &Walk) -> Incident {
    let runbook = backout::runbook::load("r.yaml", walk.book.text().as_bytes()).unwrap().runbook;
    Incident::new(Arc::new(runbook), walk.crowd.team())
}

fn asked(walk: &Walk, path: &Path, head: Expected) -> Report {
    let mut ask = Ask::new(start(walk));
    ask.expected.push(head);
    verify(&Evidence::open(path).unwrap(), ask).unwrap()
}

#[test]
fn what_random_people_did_under_random_runbooks_verifies() {
    let mut gates = 0;
    for seed in 0..16 {
        let walk = walked(seed * 7 + 3, 60);
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("i");
        let mut scribe = Scribe::new(&path, &walk);
        for (by, intent, at) in &walk.granted {
            scribe.write(by, intent, *at);
        }
        gates += scribe.incident.gates.len();
        assert_eq!(scribe.incident.stage, walk.stage());
        let passed = |id: &StepId| scribe.incident.status(id.as_str());
        let ids: Vec<StepId> = scribe.incident.runs.keys().cloned().collect();
        assert!(ids.iter().all(|id| passed(id) == walk.status(id)), "seed {seed}");
        let head = scribe.store.close().unwrap();
        let report = asked(&walk, &path, Expected::Full(head));
        assert_eq!(report.verdict(), Verdict::Verified, "seed {seed}: {:#?}", report.lines());
        // The same record under another team is another team's business.
        let mut ask = Ask::new(Incident::new(scribe.incident.opened_with.clone(), Arc::default()));
        ask.expected.push(Expected::Full(head));
        let report = verify(&Evidence::open(&path).unwrap(), ask).unwrap();
        assert_eq!((report.findings[0].check, report.findings[0].event), (Check::Rules, 0), "seed {seed}");
    }
    assert!(gates > 16, "the walks answered at {gates} gates");
}
