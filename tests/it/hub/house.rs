//! A prepared incident, its hub and people with keys in memory who talk to it over its socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backout::client::answer;
use backout::client::connection::{Reader, Writer, connect};
use backout::client::mirror::Mirror;
use backout::client::session::{Asking, Session};
use backout::core::event::{Answer, Direction, Display, Mode, Opened, What};
use backout::core::id::{IncidentId, PersonId, RoleName, StepId};
use backout::core::incident::{Incident, Status};
use backout::core::intent::Intent;
use backout::core::plan;
use backout::core::statement::Answering;
use backout::core::time::Stamp;
use backout::error::Failure;
use backout::hub::clock;
use backout::hub::layout::{self, Copies, Opening};
use backout::hub::start::{Launch, Ready};
use backout::hub::wish::Try;
use backout::identity::Signer;
use backout::step::record;
use backout::wire::act::{Act, Part};
use backout::wire::message::{ActResult, FromClient, FromHub, Welcome};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;

use crate::support::{Place, head, wait_until};

/// Longer than anything here takes on a busy machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

const INCIDENT: &str = "01JD3K9W8ZQ4T6V2M7N5B1C0XA";
const LOG: &str = "backout.test/01JD3K9W8ZQ4T6V2M7N5B1C0XA";
const TEAM: &str =
    "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n  - {id: ben, name: Ben, roles: [sre]}\n";
const PROGRAM: &str = env!("CARGO_BIN_EXE_backout");

/// A runbook with these steps in one phase.
pub fn runbook(steps: &str) -> String {
    let indented: String = steps.lines().map(|line| format!("      {line}\n")).collect();
    [
        concat!(
            head!("deploy"),
            "params:
  word: {prompt: Word, default: plain}
  token: {secret: true, prompt: Token, env: TEST_TOKEN, required: false}
roles:
  commander: {required: true}
  sre: {min: 1}
declare:
  require: [{role: commander, count: 1}]
  expires: 15m
phases:
  - name: Act
    steps:
"
        ),
        &indented,
    ]
    .concat()
}

/// An incident on disk and whoever its hub is.
pub struct House {
    pub place: Place,
    pub dir: PathBuf,
    opener: Option<Session>,
}

pub fn signer(person: &str) -> Signer {
    let seed = if person == "ana" { 1 } else { 2 };
    Signer::generate_memory([seed; 32])
}

impl House {
    /// Prepared, with no hub yet.
    pub fn prepared(steps: &str, mode: Mode) -> House {
        House::of(&runbook(steps), mode, b"channels: {paper: {file: messages.txt}}\n")
    }

    /// The same of a whole runbook and a workspace's configuration.
    pub fn of(runbook: &str, mode: Mode, config: &[u8]) -> House {
        House::keyed(runbook, mode, config, "", "")
    }

    /// The same with more keys in the roster, and keys that no longer count.
    pub fn keyed(runbook: &str, mode: Mode, config: &[u8], keys: &str, revoked: &str) -> House {
        let class = backout::runbook::load("r.yaml", runbook.as_bytes()).unwrap().runbook.class;
        let (agreed, _) = backout::workspace::config::decode("w.yaml", config, Path::new("/"));
        let policies = agreed.unwrap().policies.pinned(class);
        let place = Place::new();
        let workspace = place.folder("ws");
        let copies = Copies {
            runbook: runbook.as_bytes().to_vec(),
            team: TEAM.into(),
            allowed_signers: format!(
                "ana {}\nben {}\n{keys}",
                signer("ana").public_openssh(),
                signer("ben").public_openssh()
            )
            .into_bytes(),
            revoked_keys: revoked.into(),
            workspace: config.to_vec(),
        };
        let asking = asking("ana");
        let (session, joined, auth) = Session::begin(LOG, &asking, &signer("ana"), clock::now()).unwrap();
        let incident = IncidentId::parse(INCIDENT).unwrap();
        let opened = Opened {
            log: LOG.to_owned(),
            incident: incident.clone(),
            mode,
            program: String::new(),
            hub_key: String::new(),
            pinned: copies.pinned(),
            params: [
                ("word".to_owned(), Answer::Text("plain".to_owned())),
                ("token".to_owned(), Answer::Secret(secret_commitment())),
            ]
            .into(),
            restore_point: None,
            severity: 3,
            policies,
            session: joined,
        };
        let person = PersonId::parse("ana").unwrap();
        let act = Act { person, intent: Intent::Open(Box::new(opened)), auth, payload: Vec::new() };
        let opening = Opening { act, workspace };
        let dir = layout::prepare(&place.join("state"), &incident, &copies, &opening).unwrap();
        House { place, dir, opener: Some(session) }
    }

    /// Prepared and with a hub.
    pub fn live(steps: &str) -> House {
        let house = House::prepared(steps, Mode::Live);
        house.start().unwrap();
        house
    }

    pub fn launch(&self) -> Launch {
        Launch::new(&self.dir).program(PROGRAM)
    }

    pub fn start(&self) -> Result<Ready, Failure> {
        self.launch().start()
    }

    /// A file of the workspace.
    pub fn file(&self, name: &str) -> PathBuf {
        self.place.join("ws").join(name)
    }

    pub fn lines(&self, name: &str) -> usize {
        std::fs::read_to_string(self.file(name)).map_or(0, |text| text.lines().count())
    }

    pub fn socket(&self) -> PathBuf {
        layout::socket(&self.dir).unwrap()
    }

    /// Where the files of the first try at a step are.
    pub fn attempt(&self, id: &str, direction: Direction) -> PathBuf {
        layout::attempt(&self.dir, &Try { step: step(id), attempt: 1, direction })
    }

    pub fn hub_pid(&self) -> Pid {
        let text = std::fs::read_to_string(self.dir.join(layout::PID)).unwrap();
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    /// Ends the hub without a word and waits until its lock is free.
    pub fn kill_hub(&self) {
        kill_process(self.hub_pid(), Signal::KILL).unwrap();
        self.gone();
    }

    /// Asks it to end in order.
    pub fn end_hub(&self) {
        kill_process(self.hub_pid(), Signal::TERM).unwrap();
        self.gone();
    }

    pub fn gone(&self) {
        let lock = std::fs::File::open(self.dir.join("lock")).unwrap();
        wait_until("the hub is gone", PATIENCE, || match lock.try_lock() {
            Ok(()) => {
                lock.unlock().unwrap();
                true
            }
            Err(_) => false,
        });
    }

    /// The opener at a console.
    pub async fn ana(&mut self) -> Seat {
        let session = self.opener.take().expect("the opener sits once");
        let mut seat = Seat::attach(&self.socket(), "ana").await;
        seat.session = Some(session);
        seat
    }

    /// Somebody who joins.
    pub async fn joined(&self, person: &'static str) -> Seat {
        let mut seat = Seat::attach(&self.socket(), person).await;
        seat.join().await;
        seat
    }

    /// Somebody who joins and has this changed runbook at hand.
    pub async fn joined_knowing(&self, person: &'static str, text: &str) -> Seat {
        let mut seat = Seat::attach_knowing(&self.socket(), person, Some(text)).await;
        seat.join().await;
        seat
    }

    /// Ana commands, Ben is there as sre, and the rollback is declared.
    pub async fn declared(&mut self) -> (Seat, Seat) {
        let mut ana = self.ana().await;
        ana.done(assume("commander")).await;
        ana.done(assume("sre")).await;
        let mut ben = self.joined("ben").await;
        ben.done(assume("sre")).await;
        ana.until("the declaration is asked for", |i| i.gates.contains_key(&StepId::declare())).await;
        ana.answer("declare", "commander", Answering::Approve).await;
        ana.until("the rollback is declared", |i| i.declared_at.is_some()).await;
        (ana, ben)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let hub = std::fs::read_to_string(self.dir.join(layout::PID)).unwrap_or_default();
        let mut pids: Vec<Option<Pid>> = vec![hub.trim().parse().ok().and_then(Pid::from_raw)];
        for file in std::fs::read_dir(self.dir.join(layout::STEPS)).into_iter().flatten().flatten() {
            let file = file.path();
            if file.extension().is_none_or(|ending| ending != record::STORY) {
                continue;
            }
            let Ok(Some(story)) = record::read(&file.with_extension("")) else { continue };
            if story.exit.is_some() {
                continue;
            }
            let both = [story.started.and_then(|started| started.supervisor), story.child];
            pids.extend(both.map(|process| process.and_then(backout::step::process::Identity::raw)));
        }
        for pid in pids.into_iter().flatten() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Of a secret that only some tests hand to the hub.
fn secret_commitment() -> String {
    backout::client::session::payload(b"hunter2-very-secret").unwrap().1
}

pub fn asking(person: &str) -> Asking {
    Asking {
        person: PersonId::parse(person).unwrap(),
        roles: Vec::new(),
        via: "a test".to_owned(),
        display: Display::Local,
    }
}

pub fn assume(role: &str) -> Intent {
    Intent::Assume { role: RoleName::parse(role).unwrap() }
}

pub fn step(id: &str) -> StepId {
    StepId::parse(id).unwrap()
}

/// A person at a console.
pub struct Seat {
    pub mirror: Mirror,
    pub welcome: Welcome,
    pub session: Option<Session>,
    pub person: PersonId,
    signer: Signer,
    reader: Reader<UnixStream>,
    writer: Writer<UnixStream>,
    next: u64,
}

impl Seat {
    pub async fn attach(socket: &Path, person: &str) -> Seat {
        Seat::attach_knowing(socket, person, None).await
    }

    async fn attach_knowing(socket: &Path, person: &str, amended: Option<&str>) -> Seat {
        let (reader, writer, welcome) = connect(socket, 0).await.unwrap();
        let runbook = backout::runbook::load("runbook.yaml", welcome.runbook.as_bytes()).unwrap().runbook;
        let team = backout::workspace::team::decode("team.yaml", welcome.team.as_bytes()).0.unwrap();
        let mut incident = Incident::new(Arc::new(runbook), Arc::new(team));
        if let Some(text) = amended {
            let (digest, model) = backout::timeline::amended::read(text.as_bytes()).unwrap();
            incident.offer(digest, model);
        }
        let mirror = Mirror::new(&welcome.log, &welcome.hub_key, incident).unwrap();
        let mut seat = Seat {
            mirror,
            welcome,
            session: None,
            person: PersonId::parse(person).unwrap(),
            signer: signer(person),
            reader,
            writer,
            next: 1,
        };
        while seat.hear().await != FromHub::CaughtUp {}
        seat
    }

    pub async fn join(&mut self) {
        let log = self.mirror.incident.log();
        let (session, act) =
            Session::enter(log, asking(self.person.as_str()), &self.signer, clock::now()).unwrap();
        assert!(matches!(self.submit(act).await, ActResult::Recorded { .. }));
        self.session = Some(session);
    }

    /// The next message, folded into the mirror when it is lines.
    pub async fn hear(&mut self) -> FromHub {
        let message =
            tokio::time::timeout(PATIENCE, self.reader.next()).await.expect("the hub says something");
        let message = message.unwrap();
        if let FromHub::Lines { text, .. } = &message {
            self.mirror.feed(text).unwrap();
        }
        message
    }

    pub async fn say(&mut self, message: &FromClient) {
        self.writer.send(message).await.unwrap();
    }

    pub async fn submit(&mut self, act: Act) -> ActResult {
        let id = self.next;
        self.next += 1;
        self.say(&FromClient::Act { id, act: Box::new(act) }).await;
        loop {
            if let FromHub::Answer { id: answered, result } = self.hear().await {
                assert_eq!(answered, id);
                return result;
            }
        }
    }

    pub fn signed(&mut self, intent: Intent, payload: Vec<Part>) -> Act {
        self.session.as_mut().expect("has joined").act(&self.mirror, intent, payload).unwrap()
    }

    pub async fn act(&mut self, intent: Intent) -> ActResult {
        let act = self.signed(intent, Vec::new());
        self.submit(act).await
    }

    /// Acts, and it is recorded.
    pub async fn done(&mut self, intent: Intent) -> u64 {
        match self.act(intent.clone()).await {
            ActResult::Recorded { seq } => seq,
            other => panic!("{intent:?}: {other:?}"),
        }
    }

    /// Acts, and is refused with these words.
    pub async fn refused(&mut self, intent: Intent) -> String {
        match self.act(intent.clone()).await {
            ActResult::Refused { why } => why,
            other => panic!("{intent:?}: {other:?}"),
        }
    }

    pub fn answering(&mut self, gate: &str, role: &str, how: Answering) -> Act {
        let key = self.signer.fingerprint();
        let role = RoleName::parse(role).unwrap();
        let draft =
            answer::at_gate(&self.mirror, &self.person, &key, &step(gate), &role, how, "because").unwrap();
        let log = self.mirror.incident.log().to_owned();
        answer::sign(draft, &log, &self.signer, self.session.as_mut(), Display::Local).unwrap()
    }

    /// The text of an approval for whoever signs with a key of this fingerprint.
    pub fn drafting(&self, gate: &str, role: &str, key: &str) -> answer::Draft {
        let role = RoleName::parse(role).unwrap();
        let how = Answering::Approve;
        answer::at_gate(&self.mirror, &self.person, key, &step(gate), &role, how, "because").unwrap()
    }

    /// Hands in a text that was signed elsewhere, without a session.
    pub async fn hands_in(
        &mut self,
        draft: &answer::Draft,
        text: &str,
        namespace: &str,
        sshsig: String,
    ) -> ActResult {
        let auth = backout::core::event::Auth {
            statement: Some(text.to_owned()),
            sshsig: Some(sshsig),
            namespace: Some(namespace.to_owned()),
            display: Some(Display::Local),
            ..Default::default()
        };
        let (person, intent) = (draft.person.clone(), draft.intent.clone());
        self.submit(Act { person, intent, auth, payload: Vec::new() }).await
    }

    /// What takes a statement about command or a removal.
    pub fn stating(&mut self, intent: impl FnOnce(String) -> Intent) -> Act {
        let intent = intent(self.signer.fingerprint());
        let draft = answer::of_intent(&self.mirror, &self.person, intent).unwrap();
        let log = self.mirror.incident.log().to_owned();
        answer::sign(draft, &log, &self.signer, self.session.as_mut(), Display::Local).unwrap()
    }

    pub async fn answer(&mut self, gate: &str, role: &str, how: Answering) {
        let act = self.answering(gate, role, how);
        let result = self.submit(act).await;
        assert!(matches!(result, ActResult::Recorded { .. }), "{result:?}");
    }

    pub fn starting(&self, id: &str, direction: Direction) -> Intent {
        let incident = &self.mirror.incident;
        let id = step(id);
        let attempt = incident.next_attempt(&id, direction);
        let model = incident.step(&id).expect("a step of the runbook");
        let plan = plan::digest(&plan::of_step(incident, model, direction).unwrap(), attempt);
        Intent::Start { step: id, attempt, direction, plan, retyped: None, reason: None, payload: None }
    }

    pub async fn start(&mut self, id: &str) -> u64 {
        let intent = self.starting(id, Direction::Forward);
        self.done(intent).await
    }

    pub async fn until(&mut self, what: &str, mut is: impl FnMut(&Incident) -> bool) {
        let begun = std::time::Instant::now();
        while !is(&self.mirror.incident) {
            assert!(begun.elapsed() < PATIENCE, "never came: {what}");
            self.hear().await;
        }
    }

    /// Waits until the step is over, and gives how and why.
    pub async fn over(&mut self, id: &str) -> (Status, String) {
        self.until(id, |i| i.runs.get(id).is_some_and(|r| r.status == Status::Unknown || r.status.is_over()))
            .await;
        let run = &self.mirror.incident.runs.get(id).unwrap();
        (run.status, run.detail.clone())
    }

    /// Leaves without a word.
    pub fn hang_up(self) {}

    pub fn closing(&mut self, reason: &str) -> Act {
        let key = self.signer.fingerprint();
        let draft = answer::closing(&self.mirror, &self.person, &key, reason).unwrap();
        let log = self.mirror.incident.log().to_owned();
        answer::sign(draft, &log, &self.signer, self.session.as_mut(), Display::Local).unwrap()
    }
}

/// What an auditor says about the folder.
pub fn judged(house: &House) -> backout::timeline::verify::Report {
    judged_by(house, asked(house))
}

/// The same with a question of one's own.
pub fn judged_by(house: &House, ask: backout::timeline::verify::Ask) -> backout::timeline::verify::Report {
    use backout::timeline::{evidence::Evidence, verify};
    verify::verify(&Evidence::open(&house.dir).unwrap(), ask).unwrap()
}

/// What an auditor asks who has nothing but the folder.
pub fn asked(house: &House) -> backout::timeline::verify::Ask {
    let copies = Copies::read(&house.dir).unwrap();
    let runbook = backout::runbook::load("runbook.yaml", &copies.runbook).unwrap().runbook;
    let team = backout::workspace::team::decode("team.yaml", &copies.team).0.unwrap();
    backout::timeline::verify::Ask::new(Incident::new(Arc::new(runbook), Arc::new(team)))
}

/// Every event of the record on disk, sealed or not.
pub fn recorded(dir: &Path) -> Vec<(Stamp, What)> {
    let text = std::fs::read_to_string(dir.join("timeline.jsonl")).unwrap();
    let events = text.lines().filter(|line| !line.starts_with("{\"seal\":"));
    let read = |line: &str| backout::timeline::codec::decode(line.as_bytes()).unwrap();
    events.map(read).map(|event| (event.at, event.what)).collect()
}

/// How many batches were sealed.
pub fn seals(dir: &Path) -> usize {
    let text = std::fs::read_to_string(dir.join("timeline.jsonl")).unwrap();
    text.lines().filter(|line| line.starts_with("{\"seal\":")).count()
}

/// Whether an attempt's end is on disk.
pub fn has_ended(place: &Path) -> bool {
    matches!(record::read(place), Ok(Some(story)) if story.exit.is_some())
}
