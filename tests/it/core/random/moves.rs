//! Random people who do what helps, and what does not. Never knows what the rules will say to it.

use super::super::*;
use super::book::{Authority, Book, Crowd, Dice, ROLES, TARGET};
use backout::core::event;

/// A random runbook, a random team, and what they did with each other.
pub struct Walk {
    pub(in crate::core) room: Room,
    pub book: Book,
    pub crowd: Crowd,
    pub class: Authority,
    pub books: BTreeMap<String, Book>,
    pub dice: Dice,
    /// The session each person acts with, and its last number.
    sessions: BTreeMap<usize, (SessionId, u64)>,
    keys: u32,
    old: Vec<(usize, GateAnswer)>,
    /// Every wish that was granted, with its moment.
    pub granted: Vec<(By, Intent, Stamp)>,
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

impl Walk {
    pub fn begin(seed: u64) -> Walk {
        let mut dice = Dice(seed);
        let (book, crowd) = (Book::random(&mut dice), Crowd::random(&mut dice));
        let mut class = Authority::default();
        if dice.chance(25) {
            let list = [&mut class.abort, &mut class.go_on, &mut class.no_return];
            list.into_iter().for_each(|l| l.extend(dice.chance(50).then(|| (*dice.pick(ROLES)).to_owned())));
        }
        let room = Room {
            live: Incident::new(parsed(&book.text()), crowd.team()),
            record: Vec::new(),
            now: Stamp(1_795_176_000_000_000),
            numbers: BTreeMap::new(),
        };
        let books = BTreeMap::from([(Digest::of(book.text().as_bytes()).to_string(), book.clone())]);
        let mut walk = Walk {
            room,
            book,
            crowd,
            class,
            books,
            dice,
            sessions: BTreeMap::new(),
            keys: 0,
            old: Vec::new(),
            granted: Vec::new(),
        };
        walk.open();
        walk
    }

    fn joining(&mut self, n: usize) -> (Joined, SessionId) {
        self.keys += 1;
        let session_key = key_of(&format!("session {}", self.keys));
        let id = session_id(&session_key).unwrap();
        let expires = self.room.now.plus(Duration::from_secs(20 * 3600));
        let key = self.crowd.keys[n][0].clone();
        (Joined { session_key, key, roles: Vec::new(), expires, via: "test".to_owned() }, id)
    }

    fn open(&mut self) {
        let (session, id) = self.joining(0);
        let runbook = Digest::of(self.book.text().as_bytes());
        let zero = Digest::of(b"");
        let opened = Opened {
            log: "backout.test/01JD3K9W8ZQ4T6V2M7N5B1C0XA".to_owned(),
            incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
            mode: Mode::Live,
            program: "test".to_owned(),
            hub_key: key_of("hub"),
            pinned: Pinned {
                runbook,
                team: zero,
                allowed_signers: zero,
                revoked_keys: zero,
                workspace: zero,
            },
            params: BTreeMap::new(),
            restore_point: None,
            severity: 2,
            policies: event::Policies {
                authority: event::Authority {
                    abort: self.class.abort.clone(),
                    go_on: self.class.go_on.clone(),
                    no_return: self.class.no_return.clone(),
                },
                ..event::Policies::default()
            },
            session,
        };
        assert!(self.act(0, Intent::Open(Box::new(opened))));
        self.sessions.insert(0, (id, 0));
        for n in 1..self.crowd.people.len() {
            if self.dice.chance(85) {
                self.join(n);
            }
        }
        self.settle_down();
    }

    fn join(&mut self, n: usize) {
        let (joined, id) = self.joining(n);
        if self.act(n, Intent::Join(joined)) {
            self.sessions.insert(n, (id, 0));
        }
    }

    fn wish(&mut self, by: By, intent: Intent) -> bool {
        let granted = self.room.wish(&by, intent.clone()).is_ok();
        if granted {
            self.granted.push((by, intent, self.room.now));
        }
        granted
    }

    fn hub(&mut self, intent: Intent) -> bool {
        self.wish(By::Hub, intent)
    }

    fn act(&mut self, n: usize, intent: Intent) -> bool {
        let id = person(&self.crowd.people[n].0);
        let alone = backout::core::decide::signs_a_statement(&intent);
        let session = self.sessions.get_mut(&n).filter(|_| !alone).map(|(id, number)| {
            *number += 1;
            (id.clone(), *number)
        });
        self.wish(By::Person { id, session }, intent)
    }

    fn settle_down(&mut self) {
        for _ in 0..200 {
            let intent = match due(&self.room.live, self.room.now) {
                None => return,
                Some(Due::Wish(intent)) => intent,
                Some(Due::OpenGate { gate, attempt }) => {
                    Intent::Request { gate, attempt, nonce: format!("{:032x}", self.room.record.len()) }
                }
            };
            assert!(self.hub(intent.clone()), "due but refused: {intent:?}\n{}", self.book.text());
        }
        panic!("the hub never comes to rest: {:?}", due(&self.room.live, self.room.now));
    }

    fn anybody(&mut self) -> usize {
        self.dice.below(self.crowd.people.len())
    }

    /// Somebody with this role, or anybody.
    fn of_role(&mut self, role: &str) -> usize {
        let all =
            self.crowd.people.iter().enumerate().filter(|(_, (_, roles))| roles.iter().any(|r| r == role));
        let all: Vec<usize> = all.map(|(n, _)| n).collect();
        if all.is_empty() { self.anybody() } else { *self.dice.pick(&all) }
    }

    /// Somebody who sits there, or anybody.
    fn seated(&mut self, role: Option<&str>) -> usize {
        let seats = self.room.live.seats.iter().filter(|(r, _)| role.is_none_or(|wanted| *r == wanted));
        let ids: Vec<String> = seats.flat_map(|(_, s)| s).map(|s| s.person.to_string()).collect();
        if ids.is_empty() {
            return self.anybody();
        }
        let id = self.dice.pick(&ids).clone();
        self.crowd.people.iter().position(|(p, _)| *p == id).unwrap()
    }

    /// One move, and what follows from it.
    pub fn go(&mut self) {
        match self.dice.below(14) {
            0..=9 => self.helpful(),
            10 => self.answers(None),
            11 => self.among_people(),
            12 => self.meddles(),
            _ => self.time_passes(),
        }
        self.settle_down();
    }

    fn time_passes(&mut self) {
        if self.dice.chance(8) {
            let micros = *self.dice.pick(&[-3_600, -40, 40, 3_600]) * 1_000_000;
            self.room.now = Stamp(self.room.now.0 + micros);
            self.hub(Intent::RecordClockJump { micros });
            return;
        }
        let seconds = match self.dice.below(20) {
            0 => 950,
            1 => 650,
            2..=5 => 120,
            _ => 31,
        };
        self.room.now = self.room.now.plus(Duration::from_secs(seconds));
    }

    fn answers(&mut self, wanted: Option<&StepId>) {
        let waits = |id: &StepId| {
            let live = &self.room.live;
            let declares = id.is_declare() && live.stage == Stage::Open;
            declares || id.is_amend() || live.status(id.as_str()) == Status::Waiting
        };
        let any = self.dice.0.is_multiple_of(8);
        let gates: Vec<(StepId, u32, String)> = self
            .room
            .live
            .gates
            .iter()
            .filter(|(id, _)| wanted.map_or_else(|| any || waits(id), |w| w == *id))
            .map(|(id, g)| (id.clone(), g.attempt, g.nonce.clone()))
            .collect();
        if gates.is_empty() {
            return;
        }
        let (gate, attempt, nonce) = self.dice.pick(&gates).clone();
        let asked: Vec<String> = self
            .room
            .live
            .gate_rule(&gate)
            .map(|r| r.require.iter().map(|q| q.role.clone()).collect())
            .unwrap_or_default();
        let as_role = if self.dice.chance(90) && !asked.is_empty() {
            self.dice.pick(&asked).clone()
        } else {
            (*self.dice.pick(ROLES)).to_owned()
        };
        let n = if self.dice.chance(80) { self.of_role(&as_role) } else { self.anybody() };
        let key = self.dice.pick(&self.crowd.keys[n]).clone();
        let mut answer =
            GateAnswer { gate, attempt, role: role(&as_role), reason: "seen".to_owned(), nonce, key };
        self.old.push((n, answer.clone()));
        match self.dice.below(24) {
            0 => answer.attempt += 1,
            1 => answer.nonce = "0".repeat(32),
            2 => answer.key = "SHA256:k0".to_owned(),
            3 => {
                // What was said once is said again, perhaps by somebody else.
                let (who, again) = self.dice.pick(&self.old).clone();
                let who = if self.dice.chance(50) { who } else { self.anybody() };
                self.act(who, Intent::Approve(again));
                return;
            }
            4 | 5 => {
                self.act(n, Intent::Deny(answer));
                return;
            }
            6 => {
                answer.role = role("executive");
                let n = self.of_role("executive");
                answer.key = self.crowd.keys[n][0].clone();
                self.act(n, Intent::Override(answer));
                return;
            }
            _ => {}
        }
        self.act(n, Intent::Approve(answer));
    }

    /// What moves the incident on: seats, starts, ends, ways on.
    fn helpful(&mut self) {
        if self.room.live.stage == Stage::Open {
            return match self.dice.below(6) {
                0 => self.sits_down(),
                1 => {
                    let (step, choice) = (StepId::declare(), Choice::Retry);
                    let n = self.seated(None);
                    self.act(n, Intent::DecideStep { step, choice, reason: "again".to_owned() });
                }
                _ => self.answers(None),
            };
        }
        let done: Vec<String> = self.room.live.undo_order().iter().map(|s| s.id.clone()).collect();
        if self.room.live.aborted.is_some() && !done.is_empty() && self.dice.chance(70) {
            let id = if self.dice.chance(70) { done[0].clone() } else { self.dice.pick(&done).clone() };
            return self.takes_back(&StepId::parse(id).unwrap());
        }
        let ids: Vec<StepId> = self.room.live.runs.keys().cloned().collect();
        let busy: Vec<StepId> = ids
            .iter()
            .filter(|id| {
                let ready = self.room.live.step(id).is_some_and(|s| self.room.live.is_ready(s));
                let over = self.room.live.lets_go_on(id.as_str());
                ready || (!over && self.room.live.status(id.as_str()) != Status::Pending)
            })
            .cloned()
            .collect();
        if busy.is_empty() || self.dice.chance(12) {
            return self.sits_down();
        }
        let id = self.dice.pick(&busy).clone();
        let undoes = self.room.live.undos.get(&id).is_some_and(|u| u.status == Status::Running);
        match self.room.live.status(id.as_str()) {
            _ if undoes => self.ends(&id, Direction::Undo),
            Status::Pending => self.starts(&id),
            Status::Running => self.carries_on(&id),
            Status::Waiting => self.answers(Some(&id)),
            Status::Unknown => self.settles(&id),
            _ => self.way_on(&id),
        }
    }

    fn sits_down(&mut self) {
        let name = *self.dice.pick(ROLES);
        let n = self.of_role(name);
        self.act(n, Intent::Assume { role: role(name) });
    }

    fn starts(&mut self, id: &StepId) {
        let step = self.room.live.step(id).cloned();
        let wanted = step.as_ref().and_then(|s| s.role.clone());
        if let Some(name) = wanted.as_ref().filter(|r| self.room.live.seats.get(*r).is_none_or(Vec::is_empty))
        {
            let n = self.of_role(name);
            self.act(n, Intent::Assume { role: role(name) });
        }
        let n = self.seated(wanted.as_deref());
        let typed = if self.dice.chance(85) { TARGET } else { "db2" };
        let irreversible = step.is_some_and(|s| s.irreversible);
        if let Some(start) = self.room.start(id.as_str(), Direction::Forward, irreversible.then_some(typed)) {
            self.act(n, start);
        }
    }

    fn carries_on(&mut self, id: &StepId) {
        let Some(step) = self.room.live.step(id).cloned() else { return };
        let attempt = self.room.live.run(id).map_or(0, |r| r.attempt);
        let n = self.seated(step.role.as_deref());
        let evidence = String::new();
        match self.book.step(id.as_str()).map(|s| s.kind.clone()) {
            Some(super::book::Kind::Manual) | None => {
                self.act(n, Intent::Confirm { step: id.clone(), attempt, evidence });
            }
            Some(super::book::Kind::Decide(_)) => {
                let option = if self.dice.chance(80) { "on" } else { "stop" }.to_owned();
                let reason = "because".to_owned();
                self.act(n, Intent::DecideStep { step: id.clone(), choice: Choice::Option(option), reason });
            }
            Some(super::book::Kind::Check(_)) => {
                let look = self.room.live.run(id).map_or(0, |r| r.looks) + 1;
                let judgement = if self.dice.chance(90) { Judgement::Pass } else { Judgement::Fail };
                self.hub(Intent::Judge {
                    step: id.clone(),
                    attempt,
                    look,
                    judgement,
                    why: "seen".to_owned(),
                });
                self.ends(id, Direction::Forward);
            }
            Some(super::book::Kind::Measure) => {
                let text = self.dice.below(3).to_string();
                let digest = Digest::of(text.as_bytes());
                self.hub(Intent::Measure { step: id.clone(), attempt, digest, bytes: 1, text: Some(text) });
                self.ends(id, Direction::Forward);
            }
            Some(super::book::Kind::Wait) => self.room.now = self.room.now.plus(Duration::from_secs(31)),
            Some(super::book::Kind::Run | super::book::Kind::Hold(_)) => self.ends(id, Direction::Forward),
        }
    }

    fn ends(&mut self, id: &StepId, direction: Direction) {
        use Outcome::{Cancelled, Failed, Succeeded, TimedOut, Unknown};
        let outcome = match self.dice.below(14) {
            0 => Failed,
            1 => *self.dice.pick(&[TimedOut, Cancelled]),
            2 => Unknown,
            _ => Succeeded,
        };
        let attempt = self.room.live.run_of(id, direction).map_or(0, |r| r.attempt);
        let detail = "observed".to_owned();
        let (output, output_bytes) = (None, None);
        self.hub(Intent::Finish {
            step: id.clone(),
            attempt,
            direction,
            outcome,
            detail,
            output,
            output_bytes,
        });
    }

    fn takes_back(&mut self, id: &StepId) {
        let status = self.room.live.undos.get(id).map_or(Status::Pending, |u| u.status);
        match status {
            Status::Running => return self.ends(id, Direction::Undo),
            Status::Unknown => return self.settles(id),
            _ => {}
        }
        let role = self.room.live.step(id).and_then(|s| s.role.clone());
        let n = self.seated(role.as_deref());
        let (step, reason) = (id.clone(), "because".to_owned());
        let intent = match self.room.start(id.as_str(), Direction::Undo, Some("because")) {
            Some(undo) if self.dice.chance(80) => undo,
            _ => Intent::DecideStep { step, choice: Choice::Keep, reason },
        };
        self.act(n, intent);
    }

    fn settles(&mut self, id: &StepId) {
        let direction = if self.dice.chance(80) { Direction::Forward } else { Direction::Undo };
        let attempt = self.room.live.run_of(id, direction).map_or(1, |r| r.attempt);
        let verdict = if self.dice.chance(50) { Verdict::Succeeded } else { Verdict::Failed };
        let n = self.seated(None);
        let reason = "looked".to_owned();
        self.act(n, Intent::Settle { step: id.clone(), attempt, direction, verdict, reason });
    }

    fn way_on(&mut self, id: &StepId) {
        let n = self.seated(None);
        let reason = "because".to_owned();
        let step = id.clone();
        let intent = match self.dice.below(10) {
            0..=3 => Intent::DecideStep { step, choice: Choice::Retry, reason },
            4 => Intent::DecideStep { step, choice: Choice::Continue, reason },
            5 => {
                let ids: Vec<StepId> = self.room.live.runs.keys().cloned().collect();
                let to = self.dice.pick(&ids).clone();
                Intent::DecideStep { step, choice: Choice::Goto(to), reason }
            }
            6 => Intent::Skip { step, reason },
            7 => Intent::MarkDone { step, reason },
            8 => Intent::DecideStep { step, choice: Choice::Keep, reason },
            _ => match self.room.start(id.as_str(), Direction::Undo, Some("because")) {
                Some(undo) => undo,
                None => return,
            },
        };
        self.act(n, intent);
    }

    /// Command, questions, promises, sessions, amendments.
    fn among_people(&mut self) {
        let n = if self.dice.chance(60) { self.seated(None) } else { self.anybody() };
        let reason = "because".to_owned();
        let seen = Seen { n: self.room.live.next_seq, root: String::new() };
        let expires = self.room.now.plus(Duration::from_secs(300));
        let key = self.crowd.keys[n][0].clone();
        let offer = self.room.live.offer.as_ref().map_or(0, |o| o.seq);
        let intent = match self.dice.below(15) {
            0 => {
                let to = self.of_role("commander");
                let to = person(&self.crowd.people[to].0);
                let n = self.seated(Some("commander"));
                let key = self.crowd.keys[n][0].clone();
                self.act(n, Intent::Offer { to, seen, expires, key });
                return;
            }
            1 | 2 => {
                let to = self.room.live.offer.as_ref().map(|o| o.to.to_string());
                let n = self.crowd.people.iter().position(|(p, _)| Some(p) == to.as_ref()).unwrap_or(n);
                let key = self.crowd.keys[n][self.crowd.keys[n].len() - 1].clone();
                self.act(n, Intent::TakeCommand { offer, read_back: reason, key });
                return;
            }
            3 => Intent::Renounce { role: role(ROLES[self.dice.below(ROLES.len())]) },
            4 => return self.goes_or_comes(n),
            5 | 6 => return self.proposes(n),
            7 => Intent::Abort { reason },
            8 => Intent::DecideIncident { choice: Choice::Pause, reason },
            9 | 10 => {
                let n = self.seated(Some("commander"));
                self.act(n, Intent::DecideIncident { choice: Choice::GoOn, reason });
                return;
            }
            11 => Intent::Promise { to: "customers".to_owned(), words: reason, due: expires },
            12 => Intent::DecideIncident { choice: Choice::RuleOut("fail over".to_owned()), reason },
            13 => {
                let name = Name::parse("writes").unwrap();
                Intent::Inherit { name, owner: person(&self.crowd.people[n].0), reason }
            }
            _ => Intent::Close { reason, key },
        };
        // An abort ends everything; most walks go further without.
        if !matches!(intent, Intent::Abort { .. }) || self.dice.chance(15) {
            self.act(n, intent);
        }
    }

    fn goes_or_comes(&mut self, n: usize) {
        match self.sessions.get(&n).map(|(id, _)| id.clone()) {
            Some(session) if self.dice.chance(60) => {
                self.hub(Intent::Leave { session, how: Leaving::Lost });
            }
            Some(session) if self.dice.chance(30) => {
                self.act(n, Intent::RevokeSession { session, reason: "lost".to_owned() });
            }
            _ => self.join(n),
        }
    }

    fn proposes(&mut self, n: usize) {
        let now = self.room.live.runbook_digest().map(|d| d.to_string());
        let book = now.and_then(|d| self.books.get(&d)).unwrap_or(&self.book).changed(&mut self.dice);
        let text = book.text();
        let Ok(loaded) = backout::runbook::load("walk.yaml", text.as_bytes()) else { return };
        let runbook = Digest::of(text.as_bytes());
        self.books.insert(runbook.to_string(), book);
        self.room.live.offer(runbook, Arc::new(loaded.runbook));
        let (payload, reason) = ("cGF5bG9hZA==".to_owned(), "better".to_owned());
        self.act(n, Intent::ProposeAmendment { runbook, payload, reason });
    }

    /// What nobody may: the hub answers, passes, expires and declares out of turn; people start what is not theirs.
    fn meddles(&mut self) {
        let ids: Vec<StepId> = self.room.live.runs.keys().cloned().collect();
        let id = self.dice.pick(&ids).clone();
        let n = self.anybody();
        let attempt = self.room.live.gates.get(&id).map_or(1, |g| g.attempt);
        let tried = self.room.live.run(&id).map_or(0, |r| r.attempt);
        let why = "because".to_owned();
        let of_hub = match self.dice.below(11) {
            0 => Intent::Declare { attempt },
            1 => Intent::Expire { gate: id, attempt },
            2 => Intent::Void { gate: id, attempt, why },
            3 => Intent::Amend { attempt },
            4 => return self.ends(&id, Direction::Forward),
            5 => Intent::Skip { step: id, reason: why },
            6 => {
                let (attempt, direction, verdict) = (tried, Direction::Forward, Verdict::Succeeded);
                Intent::Settle { step: id, attempt, direction, verdict, reason: why }
            }
            7 => {
                let Some(start) = self.room.start(id.as_str(), Direction::Forward, Some(TARGET)) else {
                    return;
                };
                self.act(n, start.clone());
                start
            }
            8 => {
                self.wish(By::statement(person("mallory")), Intent::Assume { role: role("commander") });
                return;
            }
            9 => {
                self.act(n, Intent::MarkDone { step: id, reason: why });
                return;
            }
            _ => {
                self.act(n, Intent::Skip { step: id, reason: why });
                return;
            }
        };
        self.hub(of_hub);
    }
}

impl Walk {
    /// How far it came.
    pub fn stage(&self) -> Stage {
        self.room.live.stage
    }

    /// Where a step stands.
    pub fn status(&self, id: &StepId) -> Status {
        self.room.live.status(id.as_str())
    }
}
