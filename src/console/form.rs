//! The dialog before a deed: what will happen, to what, and the words it takes. Never sends anything by itself, and
//! never lets one key press be enough.

use std::time::Duration;

use super::action::Action;
use super::deed::{Deed, Ground, Words};
use super::field::Field;
use super::key::{Code, Key};
use super::link::{Act, ActId, Head};
use super::said::TOUCHED;
use crate::core::incident::Incident;
use crate::sanitize::{self, Clean};

/// Enter does nothing for so long after the dialog opened: it was meant for what was there before.
pub const DEAF: Duration = Duration::from_millis(300);
/// A dialog nobody touches closes after so long.
pub const EXPIRES: Duration = Duration::from_secs(300);

/// Which words a field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// Something must be there.
    Text,
    /// Something may be there.
    Optional,
    /// Exactly this; a paste is refused.
    Exactly(String),
    /// A number, a step's id, a length of time or a way.
    Detail,
    /// Somebody outside the room.
    Whom,
}

/// A labelled field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Before the field.
    pub label: &'static str,
    /// What belongs in it.
    pub wants: Wants,
    /// What is in it.
    pub field: Field,
}

/// Where the focus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// In this field.
    Slot(usize),
    /// On `cancel`.
    Cancel,
    /// On the deed's own word.
    Go,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Being filled in.
    Open,
    /// Sent; waiting for the answer. The dialog stays until it comes.
    Sent(ActId),
}

/// A dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What it is about.
    pub deed: Deed,
    /// Facts: label and text.
    pub facts: Vec<(Clean, Clean)>,
    /// The fields.
    pub slots: Vec<Slot>,
    /// Where the focus is.
    pub spot: Spot,
    /// The head this dialog is about: what is shown is what is signed.
    pub head: Head,
    /// First line of the body that is shown.
    pub scroll: usize,
    /// Why it did not go through.
    pub problem: Option<Clean>,
    /// How far it is.
    pub progress: Progress,
    /// Steady time at which it was opened.
    pub opened: Duration,
    /// Steady time of the last key in it.
    pub touched: Duration,
}

/// What a key did to a dialog.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays.
    Stays,
    /// It was cancelled.
    Cancelled,
    /// The person wants the deed, with these words.
    Wanted(Words),
}

impl Form {
    /// The dialog for a deed, empty.
    pub fn new(ground: &Ground<'_>, deed: Deed, now: Duration) -> Form {
        let mut slots = slots(ground, &deed);
        if let Some(typed) = ground.must_type(&deed) {
            slots.push(Slot { label: "type", wants: Wants::Exactly(typed), field: Field::default() });
        }
        let spot = if slots.is_empty() { Spot::Cancel } else { Spot::Slot(0) };
        Form {
            facts: facts(ground, &deed),
            deed,
            slots,
            spot,
            head: ground.head.clone(),
            scroll: 0,
            problem: None,
            progress: Progress::Open,
            opened: now,
            touched: now,
        }
    }

    /// The word on the button, which is also the title.
    pub fn verb(&self) -> String {
        let name = self.deed.action.entry().name;
        match (&self.deed.with, &self.deed.step) {
            (Some(with), _) => format!("{name} {with}"),
            (None, Some(step)) => format!("{name} {step}"),
            (None, None) => name.to_owned(),
        }
    }

    /// The words typed so far.
    pub fn words(&self) -> Words {
        let mut words = Words::default();
        for slot in &self.slots {
            let text = slot.field.text();
            match slot.wants {
                Wants::Text | Wants::Optional => words.reason = text,
                Wants::Exactly(_) => words.typed = text,
                Wants::Detail => words.detail = text,
                Wants::Whom => words.whom = text,
            }
        }
        words
    }

    /// The text that would be signed with the person's own key, if this deed takes one.
    pub fn statement(&self, ground: &Ground<'_>) -> Option<String> {
        let ground = Ground { head: &self.head, ..*ground };
        match ground.act(&self.deed, &self.words()).ok()? {
            Act::Sign { statement, .. } | Act::Close { statement, .. } | Act::State { statement, .. } => {
                Some(statement)
            }
            Act::Wish(_) | Act::Send { .. } | Act::Note(_) => None,
        }
    }

    /// The first field that is not as it should be, in words.
    pub fn lacks(&self) -> Option<(usize, Clean)> {
        self.slots.iter().enumerate().find_map(|(n, slot)| {
            let text = slot.field.text();
            let why = match &slot.wants {
                Wants::Text | Wants::Detail | Wants::Whom if text.trim().is_empty() => {
                    "this field is needed".to_owned()
                }
                Wants::Exactly(word) if &text != word => format!("type exactly: {word}"),
                Wants::Text | Wants::Detail | Wants::Whom | Wants::Optional | Wants::Exactly(_) => {
                    return None;
                }
            };
            Some((n, sanitize::line(why)))
        })
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, now: Duration) -> Outcome {
        self.touched = now;
        if let Progress::Sent(_) = self.progress {
            return Outcome::Stays;
        }
        if let Spot::Slot(n) = self.spot
            && self.slots.get_mut(n).is_some_and(|slot| slot.field.key(key))
        {
            self.problem = None;
            return Outcome::Stays;
        }
        match key.code {
            Code::Enter => return self.enter(now),
            Code::Tab => self.step(1),
            Code::BackTab => self.step(-1),
            Code::Right if !matches!(self.spot, Spot::Slot(_)) => self.spot = Spot::Go,
            Code::Left if !matches!(self.spot, Spot::Slot(_)) => self.spot = Spot::Cancel,
            Code::Up => self.scroll = self.scroll.saturating_sub(1),
            Code::Down => self.scroll = self.scroll.saturating_add(1),
            Code::PageUp => self.scroll = self.scroll.saturating_sub(8),
            Code::PageDown => self.scroll = self.scroll.saturating_add(8),
            _ => {}
        }
        Outcome::Stays
    }

    /// Takes a paste: into a reason, never into what must be typed.
    pub fn paste(&mut self, text: &str, now: Duration) {
        self.touched = now;
        let Spot::Slot(n) = self.spot else { return };
        let Some(slot) = self.slots.get_mut(n).filter(|_| self.progress == Progress::Open) else { return };
        if let Wants::Exactly(_) = slot.wants {
            self.problem = Some(Clean::literal("this word is typed by hand, not pasted"));
        } else if !slot.field.insert(text) {
            self.problem = Some(Clean::literal("too long: the end of what was pasted is left out"));
        }
    }

    /// Whether nobody has touched it for too long.
    pub fn has_expired(&self, now: Duration) -> bool {
        self.progress == Progress::Open && now.saturating_sub(self.touched) >= EXPIRES
    }

    fn enter(&mut self, now: Duration) -> Outcome {
        if now.saturating_sub(self.opened) < DEAF {
            return Outcome::Stays;
        }
        match self.spot {
            Spot::Cancel => Outcome::Cancelled,
            Spot::Go => match self.lacks() {
                Some((n, why)) => {
                    self.spot = Spot::Slot(n);
                    self.problem = Some(why);
                    Outcome::Stays
                }
                None => Outcome::Wanted(self.words()),
            },
            Spot::Slot(_) => {
                // Enter in a field only goes on to the next place, so that it never does the deed.
                self.step(1);
                Outcome::Stays
            }
        }
    }

    /// The next place: fields, then the deed when all fields are as they should be, else cancel.
    fn step(&mut self, by: isize) {
        let mut places: Vec<Spot> = (0..self.slots.len()).map(Spot::Slot).collect();
        let ready = self.lacks().is_none() && !self.slots.is_empty();
        places.extend(if ready { [Spot::Go, Spot::Cancel] } else { [Spot::Cancel, Spot::Go] });
        let at = places.iter().position(|p| *p == self.spot).unwrap_or(0);
        let len = places.len() as isize;
        let next = (at as isize + by).rem_euclid(len);
        self.spot = usize::try_from(next).ok().and_then(|n| places.get(n)).copied().unwrap_or(Spot::Cancel);
    }
}

fn slots(ground: &Ground<'_>, deed: &Deed) -> Vec<Slot> {
    let slot = |label, wants| Slot { label, wants, field: Field::default() };
    match deed.action {
        Action::Start | Action::TakeSeat | Action::LeaveSeat => Vec::new(),
        Action::Approve => vec![slot("reason", Wants::Optional)],
        // The reason of an abort stands for every undo that it offers.
        Action::Undo if ground.incident.aborted.is_some() => vec![slot("reason", Wants::Optional)],
        Action::Note => {
            let label = match deed.with.as_deref() {
                Some(TOUCHED) => "how many, and who",
                Some(_) => "what, and when",
                None => "note",
            };
            vec![slot(label, Wants::Text)]
        }
        Action::HandOver | Action::AgreeRemoval => Vec::new(),
        Action::TakeCommand => vec![slot("read back", Wants::Text)],
        Action::Ask => {
            let lasts = Slot { label: "for", wants: Wants::Detail, field: Field::with("30s") };
            vec![slot("proposal", Wants::Text), lasts]
        }
        Action::Promise => {
            let within = Slot { label: "within", wants: Wants::Detail, field: Field::with("30m") };
            vec![slot("to", Wants::Whom), slot("what", Wants::Text), within]
        }
        Action::Told => vec![slot("how", Wants::Text)],
        Action::RuleOut => vec![slot("way", Wants::Detail), slot("why", Wants::Text)],
        Action::Fine | Action::Abstain => vec![slot("reason", Wants::Optional)],
        Action::Reply => vec![slot("answer", Wants::Text)],
        Action::Remove => vec![slot("event", Wants::Detail), slot("reason", Wants::Text)],
        Action::Send => {
            let text = ground.message(deed).unwrap_or_default();
            vec![Slot { label: "message", wants: Wants::Text, field: Field::with(&text) }]
        }
        Action::Confirm => {
            let step = deed.step.as_ref().and_then(|id| ground.incident.step(id));
            let needed = step.is_some_and(|s| s.evidence_required);
            vec![slot("evidence", if needed { Wants::Text } else { Wants::Optional })]
        }
        Action::Goto => vec![slot("go on at", Wants::Detail), slot("reason", Wants::Text)],
        Action::SettleBacklog => vec![slot("how many", Wants::Detail), slot("reason", Wants::Text)],
        _ => vec![slot("reason", Wants::Text)],
    }
}

/// What the person should know before: target, place, effect, who else is in the room.
fn facts(ground: &Ground<'_>, deed: &Deed) -> Vec<(Clean, Clean)> {
    let incident = ground.incident;
    let runbook = &incident.runbook;
    let mut facts = Vec::new();
    let mut add = |label: &'static str, text: String| {
        facts.push((Clean::literal(label), sanitize::line(text)));
    };
    add("what", deed.action.entry().doc.to_owned());
    add("where", format!("{} in {}", runbook.service, runbook.environment.to_uppercase()));
    if let Some(step) = deed.step.as_ref().and_then(|id| incident.step(id)) {
        if step.title != step.id {
            add("step", format!("{}: {}", step.id, step.title));
        }
        if step.irreversible {
            add("careful", "this cannot be taken back".to_owned());
        }
        if let Some(target) = crate::core::plan::target(incident, step) {
            add("target", target);
        }
    }
    let declares = deed.step.as_ref().is_some_and(crate::core::id::StepId::is_declare);
    if declares && !runbook.declare.notify.is_empty() {
        add("to be told", runbook.declare.notify.join(", "));
    }
    let denied = deed.step.as_ref().map(|gate| incident.deniers(gate)).unwrap_or_default();
    if deed.action == Action::Override && !denied.is_empty() {
        let names: Vec<&str> = denied.iter().map(|p| p.as_str()).collect();
        add("denied by", names.join(", "));
    }
    if matches!(deed.action, Action::Approve | Action::Override) {
        add("not undone", runbook.does_not_undo.clone());
    }
    if matches!(deed.action, Action::Pause | Action::Abort | Action::Cancel | Action::Kill) {
        let stopped = deed.step.as_ref().filter(|_| matches!(deed.action, Action::Cancel | Action::Kill));
        add("goes on", incident.goes_on(stopped));
    }
    others(incident, deed).into_iter().for_each(|(label, text)| add(label, text));
    add("in the room", room(incident, ground));
    let mut facts: Vec<(Clean, Clean)> = facts;
    if matches!(deed.action, Action::Start | Action::Undo | Action::MarkDone | Action::Skip) {
        for (key, value) in ground.plan(deed) {
            facts.push((sanitize::line(key), sanitize::text(value)));
        }
    }
    facts
}

/// What was promised, said and ruled out so far, where a deed adds to it or ends it.
fn others(incident: &Incident, deed: &Deed) -> Vec<(&'static str, String)> {
    match deed.action {
        Action::PromiseKept | Action::PromiseBack => {
            let seq = deed.with.as_deref().and_then(|seq| seq.parse().ok());
            let promise = seq.and_then(|seq: u64| incident.promises.get(&seq));
            let words =
                promise.map(|p| format!("{} by {}, says {}: {}", p.to, p.due.to_second(), p.by, p.words));
            words.map(|words| ("promised to", words)).into_iter().collect()
        }
        Action::Promise => {
            let open = incident.open_promises();
            open.map(|(_, p)| ("open already", format!("{} by {}: {}", p.to, p.due.to_second(), p.words)))
                .collect()
        }
        Action::RuleOut => {
            let so_far = incident.rulings.iter().map(|r| r.words.as_str());
            let out = so_far.filter(|words| words.starts_with("ruled out: "));
            out.map(|words| ("so far", words.to_owned())).collect()
        }
        Action::Abort => {
            let names = |steps: Vec<&crate::runbook::model::Step>| {
                steps.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(", ")
            };
            let back = names(incident.undo_order());
            let back = if back.is_empty() { "nothing that was done so far".to_owned() } else { back };
            let began = |s: &&crate::runbook::model::Step| {
                incident.runs.get(s.id.as_str()).is_some_and(|run| run.started_at.is_some())
            };
            let stays = names(incident.runbook.steps().filter(|s| s.irreversible).filter(began).collect());
            let mut all = vec![("to undo", back)];
            all.extend((!stays.is_empty()).then_some(("no way back", stays)));
            all
        }
        Action::Told => {
            let told = incident.told.iter();
            told.map(|(who, at)| ("told already", format!("{who} at {}", at.to_second()))).collect()
        }
        _ => Vec::new(),
    }
}

fn room(incident: &Incident, ground: &Ground<'_>) -> String {
    let people = incident.team.people.iter().filter(|p| incident.is_present(&p.id));
    let others: Vec<&str> =
        people.map(|p| p.id.as_str()).filter(|p| *p != ground.me.person.as_str()).collect();
    if others.is_empty() { "nobody else".to_owned() } else { others.join(", ") }
}
