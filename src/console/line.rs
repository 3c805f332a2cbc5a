//! The console as a conversation in lines: for screen readers, dumb terminals and printers. What is done and asked is
//! the same as on the screen, from the same table. Never says anything twice, and never holds an escape sequence.

use super::action::TABLE;
use super::amended;
use super::deed::Ground;
use super::field::Field;
use super::form::{Form, Wants};
use super::gate::glyph::replacement;
use super::gate::level::Glyphs;
use super::keymap::Keymap;
use super::link::{ActId, Asked, Line, Me, Update};
use super::model::{Model, Moment, Sheet, matching};
use super::offer::{self, Offer, Tone};
use super::schedule;
use super::terminal::Size;
use super::timers;
use super::update::{Effect, Msg, update};
use super::view::{INDENT, sheet_text};
use crate::core::id::StepId;
use crate::core::incident::Stage;
use crate::core::time::spoken;
use crate::sanitize;
use std::time::Duration;

/// The written parts are not broken: half a sentence is read out as if it were one, and terminals break lines by
/// themselves.
const COLUMNS: u16 = 20_000;
/// Lines of a step's output that are read out.
const OUTPUT: usize = 20;
/// Events that `timeline` reads out.
const EVENTS: usize = 20;

/// What one turn of the conversation leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Lines to print, clean.
    pub lines: Vec<String>,
    /// For the client.
    pub asked: Vec<Asked>,
    /// Whether the person leaves.
    pub leaves: bool,
}

/// What the next line is an answer to.
#[derive(Debug)]
enum Asking {
    /// Nothing in particular.
    Nothing,
    /// A number of this list.
    Number(Vec<Offer>),
    /// This field of the deed.
    Field(Box<Form>, usize),
    /// Whether to do it.
    Sure(Box<Form>),
    /// The hub's answer.
    Answer(ActId, String),
}

/// A conversation.
#[derive(Debug)]
pub struct Talk {
    model: Model,
    asking: Asking,
    /// Events told so far.
    told: u64,
    /// The empty seats that were said last.
    empty: Vec<String>,
    waits: String,
    line: Line,
}

const HELP: [&str; 15] = [
    "menu: what you can do now, with numbers; then a number does it.",
    "The name of an action does it too, such as: note, or take-seat commander.",
    "steps: every step and how it stands. select STEP: talk about that one.",
    "step: the selected step's output.",
    "options: the ways back, and not going back.",
    "metrics: the measurements.",
    "people: seats, approvals, who is here.",
    "comms: what was said and what is due.",
    "ledger: what is owed, timers, points of no return.",
    "plan: when each step was planned, began and ended.",
    "timeline: the last twenty events. find TEXT: the last twenty that have it.",
    "event NUMBER: everything about one event.",
    "help actions: every action by its name.",
    "cancel: out of a question. An empty line: what waits now.",
    "leave: leaves; the incident goes on.",
];

impl Talk {
    /// A conversation before the first word of the hub.
    pub fn new(me: Me, now: Moment) -> Talk {
        let size = Size { columns: COLUMNS, rows: 60 };
        let model = Model::new(me, Keymap::default(), size, now);
        Talk {
            model,
            asking: Asking::Nothing,
            told: 0,
            empty: Vec::new(),
            waits: String::new(),
            line: Line::Up,
        }
    }

    /// The hub said something.
    pub fn news(&mut self, news: Update, now: Moment) -> Turn {
        let mut turn = Turn::default();
        let began = matches!(news, Update::Began(_));
        if let Update::Answered { act, how } = &news {
            self.answered(*act, how.as_ref().err().map(|why| why.as_str().to_owned()), &mut turn);
        }
        for effect in update(&mut self.model, Msg::Hub(news), now) {
            if let Effect::Ask(asked) = effect {
                turn.asked.push(asked);
            }
        }
        self.empty_seats(&mut turn);
        if began {
            self.begins(&mut turn);
        }
        self.tell(&mut turn);
        turn
    }

    /// Time passed: what falls due by it alone is said.
    pub fn passes(&mut self, now: Moment) -> Turn {
        let mut turn = Turn::default();
        update(&mut self.model, Msg::Tick, now);
        self.tell(&mut turn);
        turn
    }

    /// How long nothing falls due by time alone.
    pub fn quiet_for(&self) -> Duration {
        self.model.to_next_mark().unwrap_or(timers::MARK)
    }

    /// The person said something.
    pub fn heard(&mut self, line: &str, now: Moment) -> Turn {
        self.model.now = now;
        let mut turn = Turn::default();
        let line = line.trim();
        match std::mem::replace(&mut self.asking, Asking::Nothing) {
            Asking::Answer(act, verb) => {
                turn.say("The answer to what you did has not come yet.");
                self.asking = Asking::Answer(act, verb);
            }
            Asking::Field(..) | Asking::Sure(_) if line == "cancel" => {
                turn.say("Cancelled. Nothing was done.")
            }
            Asking::Field(form, n) => self.fill(form, n, line, &mut turn),
            Asking::Sure(form) => self.sure(form, line, &mut turn),
            Asking::Number(offers) => match line.parse::<usize>().ok() {
                Some(n) => match offers.get(n.wrapping_sub(1)) {
                    Some(offer) => self.open(offer.clone(), &mut turn),
                    None => turn.say("There is no such number."),
                },
                None => self.command(line, &mut turn),
            },
            Asking::Nothing => self.command(line, &mut turn),
        }
        turn
    }

    /// Seats that nobody holds come before everything else, and again whenever they change.
    fn empty_seats(&mut self, turn: &mut Turn) {
        let open = self.model.incident.as_ref().filter(|i| matches!(i.stage, Stage::Open | Stage::Declared));
        let Some(incident) = open else { return };
        let empty: Vec<String> =
            incident.empty_seats().iter().map(|(role, n)| format!("{role}, {n} needed")).collect();
        if empty != self.empty {
            match empty.as_slice() {
                [] => turn.say("No seat is empty any more."),
                some => turn.say(&format!("EMPTY SEATS: {}.", some.join("; "))),
            }
            self.empty = empty;
        }
    }

    fn begins(&mut self, turn: &mut Turn) {
        let Some(incident) = &self.model.incident else { return };
        let environment = incident.runbook.environment.to_uppercase();
        let mode = incident.opened.as_ref().map_or("", |o| o.mode.word());
        turn.say(&format!("{environment}, {mode}: {}.", incident.runbook.title));
        turn.say("Say ? for what can be said.");
        // What happened before one came is there for whoever asks.
        self.told = self.model.story.iter().next_back().map_or(0, |(n, _)| n + 1);
    }

    /// New events, and what waits when that has changed.
    fn tell(&mut self, turn: &mut Turn) {
        let new: Vec<(u64, String)> = self
            .model
            .story
            .iter()
            .filter(|(n, _)| *n >= self.told)
            .map(|(n, row)| (n, format!("{}, {}: {}.", row.at.clock(), row.who, row.what)))
            .collect();
        for (n, text) in new {
            self.told = n + 1;
            turn.say(&text);
        }
        if self.line != self.model.room.line {
            self.line = self.model.room.line.clone();
            match &self.line {
                Line::Up => turn.say("Connected again; nothing was missed."),
                Line::Reconnecting { why, .. } => {
                    turn.say(&format!("No connection, trying again: {why}."));
                }
                Line::Gone(why) => turn.say(&format!("The hub is gone: {why}.")),
            }
        }
        if self.waits != self.model.attention.words
            && matches!(self.asking, Asking::Nothing | Asking::Number(_))
        {
            self.waits = self.model.attention.words.clone();
            self.what_waits(turn);
        }
    }

    fn what_waits(&self, turn: &mut Turn) {
        let words = &self.model.attention.words;
        match self.model.attention.tone {
            Tone::ForMe => turn.say(&format!("FOR YOU: {words}. Say menu.")),
            Tone::ForOthers => turn.say(&format!("Waiting: {words}.")),
            Tone::Quiet => turn.say(&format!("{words}.")),
        }
    }

    fn command(&mut self, line: &str, turn: &mut Turn) {
        match line {
            "" => self.what_waits(turn),
            "?" | "help" => HELP.iter().for_each(|line| turn.say(line)),
            "leave" | "quit" | "q" => turn.leaves = true,
            "menu" => self.menu(turn),
            "steps" => self.steps(turn),
            "step" | "output" => self.output(turn),
            "timeline" => self.timeline("", turn),
            "plan" => self.plan(turn),
            "help actions" => actions(turn),
            "options" => self.sheet(Sheet::Options, turn),
            "metrics" => self.sheet(Sheet::Metrics, turn),
            "people" => self.sheet(Sheet::People, turn),
            "comms" => self.sheet(Sheet::Comms, turn),
            "ledger" => self.sheet(Sheet::Ledger, turn),
            other => match other.split_once(' ').map(|(verb, rest)| (verb, rest.trim())) {
                Some(("select", id)) => self.select(id, turn),
                Some(("find", text)) => self.timeline(text, turn),
                Some(("event", number)) => self.event(number, turn),
                _ => self.named(other, turn),
            },
        }
    }

    /// The newest events that have this text.
    fn timeline(&self, text: &str, turn: &mut Turn) {
        let rows: Vec<String> =
            matching(&self.model.story, Some(text), |row| format!("{} {}", row.who, row.what))
                .into_iter()
                .rev()
                .take(EVENTS)
                .filter_map(|n| self.model.story.get(n))
                .map(|row| format!("{}, number {}, {}: {}.", row.at.clock(), row.seq, row.who, row.what))
                .collect();
        rows.iter().rev().for_each(|row| turn.say(row));
        if rows.is_empty() {
            turn.say("There is no such event.");
        }
    }

    fn event(&mut self, number: &str, turn: &mut Turn) {
        let known = |seq: &u64| self.model.events.iter().any(|r| r.event.seq == *seq);
        match number.parse().ok().filter(known) {
            Some(seq) => {
                self.model.event = Some(seq);
                self.sheet(Sheet::Timeline, turn);
            }
            None => turn.say("There is no such event here."),
        }
    }

    /// The plan in sentences; bars say nothing to somebody who listens.
    fn plan(&self, turn: &mut Turn) {
        let Some(incident) = &self.model.incident else { return };
        let plan = schedule::schedule(incident, self.model.now.wall);
        for bar in &plan.bars {
            let mut text = format!("{}: {}", bar.step, bar.status.word());
            match (bar.actual, bar.estimate) {
                (Some((began, Some(ended))), _) => {
                    text.push_str(&format!(", began {}, took {}", began.clock(), spoken(ended.since(began))));
                }
                (Some((began, None)), _) => text.push_str(&format!(", began {}", began.clock())),
                (None, Some(estimate)) => text.push_str(&format!(", estimated at {}", spoken(estimate))),
                (None, None) => text.push_str(", nobody estimated it"),
            }
            if bar.critical {
                text.push_str(", decides the end");
            }
            turn.say(&format!("{text}."));
        }
        turn.say(&format!("All of it ends at {}.", plan.ends.clock()));
        if let Some(goal) = plan.goal {
            turn.say(&format!("The goal is {}.", goal.clock()));
        }
    }

    fn sheet(&self, sheet: Sheet, turn: &mut Turn) {
        for line in sheet_text(&self.model, sheet).iter().filter(|line| !line.is_empty()) {
            turn.say(&sentence(line));
        }
    }

    fn select(&mut self, id: &str, turn: &mut Turn) {
        match StepId::parse(id.to_owned()).ok().filter(|id| self.model.rows().contains(id)) {
            Some(id) => {
                turn.say(&format!("{id} is selected."));
                self.model.picked = Some(id);
            }
            None => turn.say(&format!("There is no step {id}. Say steps.")),
        }
    }

    fn steps(&self, turn: &mut Turn) {
        let Some(incident) = &self.model.incident else { return };
        let selected = self.model.selected();
        if let Some(ground) = self.model.ground().filter(|g| amended::waits(g.incident)) {
            let here = if selected.is_amend() { ", selected" } else { "" };
            turn.say(&format!("{}: waiting{here}; {}.", StepId::amend(), amended::line(&ground)));
        }
        for step in incident.runbook.steps() {
            let here = if selected.as_str() == step.id { ", selected" } else { "" };
            let careful = if step.irreversible { ", cannot be taken back" } else { "" };
            turn.say(&format!("{}: {}{careful}{here}.", step.id, incident.word(step)));
        }
    }

    fn output(&self, turn: &mut Turn) {
        let selected = self.model.selected();
        turn.say(&format!("Step {selected}."));
        if let Some(ground) = self.model.ground().filter(|_| selected.is_amend()) {
            amended::facts(&ground).iter().for_each(|(label, text)| turn.say(&format!("{label}: {text}")));
            turn.say(&format!("It {}.", offer::missing(&ground, &selected)));
            return;
        }
        if let Some(run) = self.model.incident.as_ref().and_then(|i| i.run(&selected)) {
            let now = self.model.now.wall;
            let earlier = self.model.past.as_ref().and_then(|past| past.paces.get(selected.as_str()));
            run.progress_words(now, earlier)
                .iter()
                .for_each(|words| turn.say(&format!("Progress: {words}.")));
            run.pace_words().iter().for_each(|words| turn.say(&format!("Pace: {words}.")));
        }
        let Some(log) = self.model.selected_log() else {
            turn.say("It has written nothing.");
            return;
        };
        let lines: Vec<&str> = log.lines.iter().rev().take(OUTPUT).map(|(_, l)| l.as_str()).collect();
        lines.iter().rev().for_each(|line| turn.say(line));
    }

    fn offers(&self) -> Vec<Offer> {
        let selected = self.model.selected();
        self.model.ground().map(|g| offer::all(&g, &selected)).unwrap_or_default()
    }

    fn menu(&mut self, turn: &mut Turn) {
        let offers: Vec<Offer> = self.offers().into_iter().filter(|o| o.refusal.is_none()).collect();
        turn.say(&format!("About step {}:", self.model.selected()));
        for (n, offer) in offers.iter().enumerate() {
            turn.say(&format!("{}: {}, {}.", n + 1, offer.label(), offer.deed.action.entry().doc));
        }
        if offers.is_empty() {
            turn.say("Nothing can be done here by you now.");
        }
        self.asking = Asking::Number(offers);
    }

    fn named(&mut self, name: &str, turn: &mut Turn) {
        let offers = self.offers();
        let mine: Vec<&Offer> =
            offers.iter().filter(|o| o.label() == name || o.deed.action.entry().name == name).collect();
        let possible = mine.iter().find(|o| o.refusal.is_none());
        match (possible, mine.first().and_then(|o| o.refusal.as_ref())) {
            (Some(offer), _) => self.open((*offer).clone(), turn),
            (None, Some(why)) => turn.say(&format!("Not now: {why}.")),
            (None, None) => turn.say(&format!("{name} means nothing here. Say ? for what can be said.")),
        }
    }

    fn open(&mut self, offer: Offer, turn: &mut Turn) {
        let steady = self.model.now.steady;
        let Some(form) = self.model.ground().map(|g| Form::new(&g, offer.deed, steady)) else { return };
        turn.say(&format!("{}.", form.verb()));
        for (label, text) in &form.facts {
            for line in text.as_str().lines() {
                turn.say(&format!("{label}: {line}"));
            }
        }
        self.ask(Box::new(form), 0, turn);
    }

    fn ask(&mut self, form: Box<Form>, n: usize, turn: &mut Turn) {
        let Some(slot) = form.slots.get(n) else {
            self.ask_whether(form, turn);
            return;
        };
        let have = slot.field.text();
        match &slot.wants {
            Wants::Exactly(word) => turn.say(&format!("Type {word} and nothing else, or cancel.")),
            Wants::Optional => turn.say(&format!("{}? It may be empty.", slot.label)),
            Wants::Text | Wants::Detail | Wants::Whom if have.is_empty() => {
                turn.say(&format!("{}?", slot.label))
            }
            Wants::Text | Wants::Detail | Wants::Whom => {
                turn.say(&format!("{}? An empty line keeps: {have}", slot.label));
            }
        }
        self.asking = Asking::Field(form, n);
    }

    fn fill(&mut self, mut form: Box<Form>, n: usize, line: &str, turn: &mut Turn) {
        if let Some(slot) = form.slots.get_mut(n)
            && (!line.is_empty() || slot.field.text().is_empty())
        {
            slot.field = Field::with(line);
        }
        match form.lacks().filter(|(which, _)| *which == n) {
            Some((_, why)) => {
                turn.say(&format!("{why}."));
                self.ask(form, n, turn);
            }
            None => self.ask(form, n + 1, turn),
        }
    }

    fn ask_whether(&mut self, form: Box<Form>, turn: &mut Turn) {
        if let Some(statement) = self.model.ground().and_then(|g| form.statement(&g)) {
            turn.say("You sign this text:");
            statement.lines().for_each(|line| turn.say(line));
        }
        turn.say(&format!("Say yes to {}; anything else cancels.", form.verb()));
        self.asking = Asking::Sure(form);
    }

    fn sure(&mut self, form: Box<Form>, line: &str, turn: &mut Turn) {
        if line != "yes" {
            turn.say("Cancelled. Nothing was done.");
            return;
        }
        let words = form.words();
        let act = self.model.ground().map(|ground| {
            // What was read out is what is signed, whatever came since.
            let ground = Ground { head: &form.head, ..ground };
            ground.judge_words(&form.deed, &words).and_then(|()| ground.act(&form.deed, &words))
        });
        match act {
            Some(Ok(act)) => {
                let id = self.model.new_act();
                self.asking = Asking::Answer(id, form.verb());
                turn.asked.push(Asked::Act(id, Box::new(act)));
            }
            Some(Err(why)) => turn.say(&format!("Not now: {why}.")),
            None => turn.say("The hub has not answered yet."),
        }
    }

    fn answered(&mut self, act: ActId, refused: Option<String>, turn: &mut Turn) {
        match (std::mem::replace(&mut self.asking, Asking::Nothing), refused) {
            (Asking::Answer(id, verb), None) if id == act => turn.say(&format!("Recorded: {verb}.")),
            (Asking::Answer(id, verb), Some(why)) if id == act => {
                turn.say(&format!("{verb} was refused: {why}."))
            }
            (other, Some(why)) => {
                turn.say(&format!("Refused: {why}."));
                self.asking = other;
            }
            (other, None) => self.asking = other,
        }
    }
}

/// A row of a sheet as it is read out: what stands in a column of its own is named before what is said of it.
fn sentence(row: &str) -> String {
    let column = row.char_indices().nth(INDENT).map_or(row.len(), |(at, _)| at);
    let (label, text) = row.split_at_checked(column).unwrap_or((row, ""));
    // Signs before a word say what the word says.
    let label = label.trim_start_matches(|c: char| !c.is_alphanumeric());
    let mut all = match (label.strip_suffix(' ').map(str::trim), text.trim()) {
        (Some(""), text) => text.to_owned(),
        (Some(label), text) if row.starts_with("   ") && !text.is_empty() => format!("{label}: {text}"),
        _ => row.trim().to_owned(),
    };
    // Gaps say nothing to somebody who listens, nor does a key that they do not press.
    all = all.replace("  ", ", ").replace(", :note", ", note");
    if !all.ends_with(['.', ':', '?', '!']) {
        all.push('.');
    }
    all
}

/// Every act there is, from the one table.
fn actions(turn: &mut Turn) {
    for entry in TABLE.iter().filter(|e| e.action.is_deed()) {
        turn.say(&format!("{}: {}.", entry.name, entry.doc));
    }
}

impl Turn {
    fn say(&mut self, text: &str) {
        let clean = sanitize::line(text.replace(" · ", ", "));
        let plain = |c: char| {
            let mut bytes = [0; 4];
            match replacement(c.encode_utf8(&mut bytes), Glyphs::Ascii) {
                // Our own signs have twins; a letter of somebody's name has none and stays.
                Some('?') | None => c,
                Some(twin) => twin,
            }
        };
        self.lines.push(clean.as_str().chars().map(plain).collect::<String>().trim_end().to_owned());
    }
}

#[cfg(test)]
mod tests;
