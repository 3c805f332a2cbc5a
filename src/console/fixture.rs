//! A scripted incident for the tests of this room. Never compiled into the program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::keymap::Keymap;
use super::link::{
    Began, Head, Mark, Me, Output, Pane, PaneState, Readiness, Recorded, RunId, Stance, Update,
};
use super::model::{Model, Moment};
use super::terminal::Size;
use super::update::{Effect, Msg, update};
use crate::core::apply::{apply, session_id};
use crate::core::event::{
    About, Actor, Assumed, Choice, Decided, Declared, Denied, Direction, Event, Finished, Granted, Handed,
    Joined, Mode, Noted, Opened, Outcome, PhaseEntered, Pinned, Requested, Sent, Started, Suspended,
    TriggerFired, What,
};
use crate::core::id::{Digest, IncidentId, Name, PersonId, RoleName, StepId};
use crate::core::incident::Incident;
use crate::core::team::{Person, Team};
use crate::core::time::Stamp;
use crate::core::{event::Answer, plan};
use crate::metrics::pane::compare::{Compared, Normal};
use crate::runbook::model::Runbook;
use crate::sanitize::{self, Clean};

pub(super) const RUNBOOK: &str = r#"
backout: 1
id: shop-deploy-rollback
title: Roll the shop back to 1.4.2
class: deploy
service: shop
environment: production
region: eu-west-1
owners: [team-shop]
summary: Points the current link back at the last good release and checks what is served.
does_not_undo: Orders that 1.5.0 wrote.
objectives: {rto: 10m, rpo: 0s}
cost: {per_minute: 1650, currency: EUR}
params: {release: {prompt: Release to go back to, default: "1.4.2"}}
roles:
  commander: {required: true, max_tenure: 4h}
  sre: {min: 2}
  communications: {required: true}
metrics:
  errors: {title: Checkout errors, source: shop, query: q, unit: ratio, better: lower, warn: 0.01, critical: 0.05, every: 5s}
  latency: {title: Latency p95, source: shop, query: q, unit: seconds, better: lower, every: 5s}
comms:
  cadence:
    - {audience: customers, every: 20m, template: first-word}
    - {audience: management, every: 30m, template: for-management}
  templates:
    first-word: {audience: customers, channel: status, text: "We are looking into failed checkouts. Next word in 20 minutes."}
    for-management: {audience: management, channel: chat, text: "The shop goes back to {{ params.release }}."}
declare:
  require: [{role: commander, count: 1}, {role: sre, count: 1}]
  expires: 15m
  override: {require: [{role: commander, count: 1}], reason: required}
phases:
  - name: Freeze
    steps:
      - id: freeze
        title: Hold back new deployments
        run: [deployctl, pause, "--reason", incident]
        timeout: 30s
        role: sre
        suspends: deployments
        estimate: 20s
        undo: [deployctl, resume]
      - id: drain
        manual: Ask support to close the chat queue, and note when they have.
        role: communications
        evidence: required
  - name: Act
    steps:
      - id: two-pairs-of-eyes
        approve: {require: [{role: sre, count: 2}], expires: 10m, covers: [switch], separation_of_duties: [executor]}
      - id: switch
        title: Point current at the last good release
        run: [ln, -sfn, "releases/{{ params.release }}", current]
        timeout: 10s
        estimate: 5s
        role: commander
        irreversible: true
        target: {run: [hostname], equals: shop-1}
      - id: which-way
        decide:
          message: Is it better?
          options: [{name: better, then: thaw}, {name: worse, then: end}]
        role: commander
      - id: thaw
        run: [deployctl, resume]
        timeout: 30s
        role: sre
        resumes: deployments
"#;

/// 2026-11-20T12:00:00Z.
pub(super) const T0: Stamp = Stamp(1_795_176_000_000_000);

pub(super) fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

pub(super) fn step(id: &str) -> StepId {
    StepId::parse(id).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

/// A play: events made one after another, and the console that watches them.
pub(super) struct Play {
    pub model: Model,
    pub effects: Vec<Effect>,
    runbook: Arc<Runbook>,
    team: Arc<Team>,
    incident: Incident,
    events: Vec<Recorded>,
    clock: Duration,
}

impl Play {
    /// An incident opened by ana, who sits at the console; bob, cleo and dan are in the team.
    pub(super) fn opened_on(columns: u16, rows: u16) -> Play {
        Play::of(RUNBOOK, columns, rows)
    }

    /// The same with two who are to be told that it is declared.
    pub(super) fn with_notice() -> Play {
        let list = "  notify: [the duty manager, legal]\nphases:";
        Play::of(&RUNBOOK.replacen("phases:", list, 1), 80, 24)
    }

    /// The same with a way back that is there for two hours.
    pub(super) fn with_window() -> Play {
        let window = format!("window: {{opens_at: \"{T0}\", lasts: 2h, because: so it is kept}}\nphases:");
        Play::of(&RUNBOOK.replacen("phases:", &window, 1), 80, 24)
    }

    /// The same with words for whoever carries out the manual step.
    pub(super) fn with_words(words: &str) -> Play {
        let step = format!("        text: \"{words}\"\n        manual: Ask support");
        Play::of(&RUNBOOK.replacen("        manual: Ask support", &step, 1), 120, 40)
    }

    /// The same with so many steps that each need the one before.
    pub(super) fn with_steps(count: usize) -> Play {
        let steps: String = (0..count)
            .map(|n| {
                format!(
                    "      - {{id: s{n}, run: [deploy, \"{n}\"], timeout: 30s, role: sre, estimate: 1s}}\n"
                )
            })
            .collect();
        let (head, _) = RUNBOOK.split_once("phases:").unwrap();
        Play::of(&format!("{head}phases:\n  - name: Many\n    steps:\n{steps}"), 120, 40)
    }

    fn of(runbook: &str, columns: u16, rows: u16) -> Play {
        let loaded = crate::runbook::parse::load("fixture.yaml", runbook.as_bytes());
        let runbook = Arc::new(loaded.map_err(|f| format!("{f:#?}")).unwrap().runbook);
        let person_of = |id: &str, name: &str, roles: &[&str]| Person {
            id: person(id),
            name: name.to_owned(),
            roles: roles.iter().map(|r| role(r)).collect(),
            contact: None,
            time_zone: None,
        };
        let team = Arc::new(Team {
            people: vec![
                person_of("ana", "Ana Sol", &["commander", "sre"]),
                person_of("bob", "Bob Ray", &["sre"]),
                person_of("cleo", "Cleo Kim", &["sre", "communications"]),
                person_of("dan", "Dan \u{202e}Evil\u{1b}[2J", &["sre"]),
            ],
        });
        let session = key("ana");
        let me = Me {
            person: person("ana"),
            session: session_id(&session),
            key: Some("SHA256:ana".into()),
            stance: Stance::Acts,
        };
        let now = Moment { wall: T0, steady: Duration::ZERO };
        let model = Model::new(me, Keymap::default(), Size::reported(columns, rows), now);
        let incident = Incident::new(runbook.clone(), team.clone());
        let mut play = Play {
            model,
            effects: Vec::new(),
            runbook,
            team,
            incident,
            events: Vec::new(),
            clock: Duration::ZERO,
        };
        play.record("ana", opened());
        let began = Began {
            runbook: play.runbook.clone(),
            team: play.team.clone(),
            events: play.events.clone(),
            head: play.head(),
        };
        play.hub(Update::Began(Box::new(began)));
        play
    }

    /// Everything so far, as a client that comes now gets it.
    pub(super) fn began(&self) -> Began {
        Began {
            runbook: self.runbook.clone(),
            team: self.team.clone(),
            events: self.events.clone(),
            head: self.head(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        Moment { wall: T0.plus(self.clock), steady: self.clock }
    }

    fn head(&self) -> Head {
        let n = self.events.len() as u64;
        Head {
            n,
            root: "aEaAC/f17em4FsHnd7rsizcLDg53w03Jyi45oq/p0pU=".into(),
            code: format!("{n}·NBDIAC75XL"),
        }
    }

    fn record(&mut self, who: &str, what: impl Into<What>) -> Recorded {
        let actor = if who == "hub" { Actor::Hub } else { Actor::Person(person(who)) };
        let seq = self.events.len() as u64;
        let event =
            Event { seq, at: self.now().wall, actor, what: what.into(), payload: Vec::new(), auth: None };
        apply(&mut self.incident, &event);
        let recorded = Recorded { event, said: Vec::new(), proposed: None };
        self.events.push(recorded.clone());
        recorded
    }

    /// Something happens and is recorded; the console hears of it.
    pub(super) fn does(&mut self, who: &str, what: impl Into<What>) -> &mut Play {
        let recorded = self.record(who, what);
        let head = self.head();
        self.hub(Update::Recorded(Box::new(recorded)));
        self.hub(Update::Head(head))
    }

    pub(super) fn hub(&mut self, news: Update) -> &mut Play {
        let now = self.now();
        let effects = update(&mut self.model, Msg::Hub(news), now);
        self.effects.extend(effects);
        self
    }

    /// Keys, by their names, separated by spaces. Between two keys passes a tenth of a second.
    pub(super) fn keys(&mut self, keys: &str) -> &mut Play {
        for word in keys.split_whitespace() {
            self.waits(Duration::from_millis(100));
            let input = super::input::Input::Key(word.parse().unwrap());
            let now = self.now();
            let effects = update(&mut self.model, Msg::Input(input), now);
            self.effects.extend(effects);
        }
        self
    }

    pub(super) fn input(&mut self, input: super::input::Input) -> &mut Play {
        let now = self.now();
        let effects = update(&mut self.model, Msg::Input(input), now);
        self.effects.extend(effects);
        self
    }

    /// A text typed key by key.
    pub(super) fn types(&mut self, text: &str) -> &mut Play {
        for c in text.chars() {
            let word = if c == ' ' { "space".to_owned() } else { c.to_string() };
            self.keys(&word);
        }
        self
    }

    pub(super) fn pastes(&mut self, text: &str) -> &mut Play {
        let now = self.now();
        update(&mut self.model, Msg::Input(super::input::Input::Paste(text.into())), now);
        self
    }

    pub(super) fn waits(&mut self, span: Duration) -> &mut Play {
        self.clock += span;
        let now = self.now();
        let effects = update(&mut self.model, Msg::Tick, now);
        self.effects.extend(effects);
        self
    }

    pub(super) fn minutes(&mut self, n: u64) -> &mut Play {
        self.waits(Duration::from_secs(60 * n))
    }

    fn joins(&mut self, who: &str) -> &mut Play {
        self.does(who, joined(who, &["sre"]))
    }

    fn sits(&mut self, who: &str, seat: &str) -> &mut Play {
        self.does(who, Assumed { role: role(seat), stand_in: false })
    }

    fn asks(&mut self, gate: &str, expires: Duration) -> &mut Play {
        let gate = step(gate);
        let plan = plan::of_gate(&self.incident, &gate).unwrap().digest;
        let nonce = "00112233445566778899aabbccddeeff".to_owned();
        let expires = self.now().wall.plus(expires);
        self.does("hub", Requested { gate, attempt: 1, nonce, plan, expires })
    }

    pub(super) fn grants(&mut self, who: &str, gate: &str, seat: &str) -> &mut Play {
        let nonce = "00112233445566778899aabbccddeeff".to_owned();
        let reason = "lag 0, snapshot taken".to_owned();
        let key = format!("SHA256:{who}");
        self.does(who, Granted { gate: step(gate), attempt: 1, role: role(seat), reason, nonce, key })
    }

    pub(super) fn denies(&mut self, who: &str, gate: &str, seat: &str) -> &mut Play {
        let nonce = "00112233445566778899aabbccddeeff".to_owned();
        let (reason, key) = ("we fix forward".to_owned(), format!("SHA256:{who}"));
        self.does(who, Denied { gate: step(gate), attempt: 1, role: role(seat), reason, nonce, key })
    }

    pub(super) fn starts(&mut self, who: &str, id: &str) -> &mut Play {
        let attempt = self.incident.next_attempt(&step(id), Direction::Forward);
        let plan = Digest::of(id.as_bytes());
        let direction = Direction::Forward;
        self.does(who, Started { step: step(id), attempt, direction, plan, retyped: None, reason: None })
    }

    pub(super) fn ends(&mut self, id: &str, outcome: Outcome, detail: &str) -> &mut Play {
        let attempt = self.incident.run(&step(id)).map_or(1, |r| r.attempt);
        let detail = detail.to_owned();
        self.does(
            "hub",
            Finished { step: step(id), attempt, outcome, detail, output: None, output_bytes: None },
        )
    }

    pub(super) fn writes(&mut self, id: &str, lines: &[&str]) -> &mut Play {
        let run = RunId { step: step(id), attempt: 1, direction: Direction::Forward };
        let lines = lines.iter().map(sanitize::line).collect();
        self.hub(Update::Output(Output { run, lines, partial: Clean::default(), dropped: 0 }))
    }

    /// Somebody writes a note.
    pub(super) fn notes(&mut self, who: &str, text: &str) -> &mut Play {
        let mut recorded = self.record(who, Noted {});
        recorded.said = vec![sanitize::text(text)];
        self.events.pop();
        self.events.push(recorded.clone());
        self.hub(Update::Recorded(Box::new(recorded)))
    }

    /// A message leaves.
    pub(super) fn told(&mut self, template: &str) -> &mut Play {
        let name = |n: &str| Name::parse(n).unwrap();
        let channel = name("status");
        let sent = Sent {
            step: Some(step("thaw")),
            asked: None,
            template: name(template),
            channel,
            how: Handed::Delivered,
            detail: String::new(),
        };
        self.does("ana", sent)
    }

    /// Seats are taken and the declaration is asked for.
    pub(super) fn gathered(&mut self) -> &mut Play {
        self.sits("ana", "commander").asks("declare", Duration::from_secs(900));
        self.minutes(1).joins("bob").sits("bob", "sre").joins("cleo").sits("cleo", "sre");
        let fired = TriggerFired { trigger: Name::parse("errors").unwrap(), value: "7.2 % for 2m".into() };
        self.does("hub", fired)
    }

    /// Somebody proposes the runbook with this in the place of that; those who declare are asked.
    pub(super) fn proposes(&mut self, who: &str, that: &str, this: &str) -> &mut Play {
        let text = RUNBOOK.replace(that, this);
        let loaded = crate::runbook::parse::load("fixture.yaml", text.as_bytes());
        let runbook = Arc::new(loaded.map_err(|f| format!("{f:#?}")).unwrap().runbook);
        let digest = Digest::of(text.as_bytes());
        self.incident.offer(digest, runbook.clone());
        let (about, choice) = (About::Incident, Choice::Amend(digest));
        let mut recorded = self.record(who, Decided { about, choice, reason: "wrong release".to_owned() });
        recorded.proposed = Some((digest, runbook));
        self.events.pop();
        self.events.push(recorded.clone());
        self.hub(Update::Recorded(Box::new(recorded)));
        self.asks("runbook.amend", Duration::from_secs(900))
    }

    /// The rollback is declared and deployments are frozen; the hold point waits.
    pub(super) fn at_the_hold_point(&mut self) -> &mut Play {
        self.gathered().sits("cleo", "communications");
        self.grants("ana", "declare", "commander").grants("bob", "declare", "sre");
        self.does("hub", Declared { attempt: 1 });
        self.does("hub", PhaseEntered { phase: 0, name: "Freeze".into() });
        self.minutes(1).starts("bob", "freeze");
        self.ends("freeze", Outcome::Succeeded, "exit code 0 after 1.2s");
        let name = Name::parse("deployments").unwrap();
        self.does("hub", Suspended { name, step: step("freeze"), certain: true });
        self.starts("hub", "drain").minutes(2).ends("drain", Outcome::Succeeded, "queue closed 12:04");
        self.does("hub", PhaseEntered { phase: 1, name: "Act".into() });
        self.asks("two-pairs-of-eyes", Duration::from_secs(600)).minutes(1);
        self.grants("bob", "two-pairs-of-eyes", "sre")
    }

    /// The irreversible step may start.
    pub(super) fn approved(&mut self) -> &mut Play {
        self.at_the_hold_point().grants("cleo", "two-pairs-of-eyes", "sre");
        self.ends("two-pairs-of-eyes", Outcome::Succeeded, "2 of 2 sre")
    }

    /// The irreversible step is under way and writes.
    pub(super) fn switching(&mut self) -> &mut Play {
        self.approved().starts("ana", "switch");
        let lines: Vec<String> = (1..=40).map(|n| format!("line {n} of what the command says")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.writes("switch", &lines).waits(Duration::from_secs(12))
    }

    /// Measurements as they were a moment ago.
    pub(super) fn measured(&mut self) -> &mut Play {
        let began = T0.seconds();
        let points = (0..90i64)
            .map(|n| {
                let value =
                    if (30..36).contains(&n) { None } else { Some((n as f64 / 60.0).min(1.0) * 0.08) };
                (Stamp((began + n * 5) * 1_000_000), value)
            })
            .collect();
        let mark = |value: f64, text: &str| Mark { value, text: sanitize::line(text) };
        let normal = Normal { low: 0.0, middle: 0.002, high: 0.004, samples: 720 };
        let compared = Compared { normal: Some(normal), during: Some(0.08), after: None };
        let errors = Pane {
            name: "errors".into(),
            title: "Checkout errors".into(),
            warn: Some(mark(0.01, "1 %")),
            critical: Some(mark(0.05, "5 %")),
            points,
            scale: vec![mark(0.0, "0 %"), mark(0.05, "5 %"), mark(0.1, "10 %")],
            latest: "8 %".into(),
            state: PaneState::Critical,
            why: None,
            stale_for: None,
            compared,
        };
        let latency = Pane {
            name: "latency".into(),
            title: "Latency p95".into(),
            warn: None,
            critical: None,
            points: Vec::new(),
            scale: Vec::new(),
            latest: "–".into(),
            state: PaneState::Failed,
            why: Some("the source did not answer within 2s".into()),
            stale_for: Some(Duration::from_secs(65)),
            compared: Compared::default(),
        };
        self.hub(Update::Panes(vec![errors, latency]));
        let parts = vec![("fired".into(), "Checkout errors above 5 % for 2m".into())];
        self.hub(Update::Readiness(Readiness {
            points: 40,
            of: 60,
            unknown: 20,
            advice: "40 of 60, roll back: Checkout errors is 8 %, above 5 % for 2m 00s".into(),
            parts,
        }))
    }
}

fn key(who: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(Digest::of(who.as_bytes()).0)
}

fn joined(who: &str, roles: &[&str]) -> Joined {
    Joined {
        session_key: key(who),
        key: format!("SHA256:{who}"),
        roles: roles.iter().map(|r| role(r)).collect(),
        expires: T0.plus(Duration::from_secs(12 * 3600)),
        via: "ssh from 192.0.2.7".into(),
    }
}

fn opened() -> Opened {
    let digest = |text: &str| Digest::of(text.as_bytes());
    Opened {
        log: "backout.local/01JD3K9W8ZQ4T6V2M7N5B1C0XA".into(),
        incident: IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap(),
        mode: Mode::Live,
        program: "0.1.0".into(),
        hub_key: key("hub"),
        pinned: Pinned {
            runbook: digest("runbook"),
            team: digest("team"),
            allowed_signers: digest("allowed"),
            revoked_keys: digest("revoked"),
            workspace: digest("workspace"),
        },
        params: BTreeMap::from([("release".to_owned(), Answer::Text("1.4.2".into()))]),
        restore_point: None,
        severity: 2,
        policies: Default::default(),
        session: joined("ana", &["commander"]),
    }
}
