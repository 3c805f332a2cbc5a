//! The selected step: what it would do exactly, who may act, what it still needs, and what it writes. Never shortens
//! a command without saying so.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw::{Has, Page, place, wrapped};
use super::state;
use crate::console::action::Action;
use crate::console::amended;
use crate::console::feed::Look;
use crate::console::link::PaneState;
use crate::console::model::{Focus, Log, Model, Times, Wrap, matching};
use crate::console::offer;
use crate::console::said::{CHANGED, Said, TOUCHED};
use crate::console::schedule;
use crate::core::event::Direction;
use crate::core::id::StepId;
use crate::core::incident::{Incident, Run, Stage, Status};
use crate::core::plan;
use crate::core::time::{Stamp, spoken};
use crate::runbook::model::Step;
use crate::sanitize;
use crate::theme::Role;

/// Column at which the texts begin.
const INDENT: usize = 10;

/// Keys of a plan that the pane says in its own places.
const SAID_ELSEWHERE: [&str; 5] = ["action", "title", "role", "irreversible", "text"];

/// A line of the description.
struct Fact {
    label: String,
    text: String,
    role: Role,
}

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let Some(incident) = &model.incident else { return };
    let id = model.selected();
    let shown = incident.step(&id).map(|s| state::of_step(incident, s));
    let note = shown.map_or_else(|| of_gate(&id).to_owned(), |s| format!("{} {}", s.glyph, s.word));
    page.title(&format!("2 {id}"), &note, Has::when(model.focus == Focus::Step));
    let rows = detail_rows(model, page.width());
    let height = details_height(model, rows.len(), page.height());
    details(model, &rows, &mut page.below(1).first(height));
    let mut rest = page.below(1 + height);
    if let Some(log) = model.selected_log().filter(|_| has_output(model)) {
        output(model, log, &mut rest);
    }
}

/// Rows of output that fit.
pub(super) fn output_rows(model: &Model, area: Rect) -> usize {
    let height = usize::from(area.height);
    if !has_output(model) {
        return height.saturating_sub(1);
    }
    let details = described(model, area);
    height.saturating_sub(2 + details_height(model, details, height))
}

/// Rows that the description would take.
pub(super) fn described(model: &Model, area: Rect) -> usize {
    detail_rows(model, usize::from(area.width)).len()
}

/// Whether the selected step has written anything; until then the pane is its description.
pub fn has_output(model: &Model) -> bool {
    model.selected_log().is_some_and(|log| !log.lines.is_empty() || !log.partial.is_empty())
}

/// The description takes what it needs, but leaves up to half of the pane to the output, as much as there is of it.
fn details_height(model: &Model, rows: usize, height: usize) -> usize {
    let most = height.saturating_sub(1);
    let Some(log) = model.selected_log().filter(|_| has_output(model)) else { return rows.min(most) };
    let half = most - most / 2;
    let lines = match model.wrap {
        Wrap::Cut => log.lines.iter().take(half).count() + usize::from(!log.partial.is_empty()),
        Wrap::Wrapped => half,
    };
    rows.min(most.saturating_sub(half.min(1 + lines)))
}

fn details(model: &Model, rows: &[DetailRow], page: &mut Page<'_>) {
    let room = page.height();
    let reads = model.focus == Focus::Step && !has_output(model);
    let start = if reads { model.scroll.min(rows.len().saturating_sub(room)) } else { 0 };
    let cut = rows.len() > start + room;
    for (n, (label, text, role)) in rows.iter().skip(start).enumerate().take(room) {
        if cut && n + 1 == room {
            let how = match model.keymap.key_of(Action::Step) {
                Some(key) if model.focus != Focus::Step && !has_output(model) => {
                    format!(": press {key}, then down")
                }
                Some(_) | None => String::new(),
            };
            let more = rows.len() - start - n;
            page.text(n, Role::Waiting, &format!(" ▼ {more} more lines{how}"));
            return;
        }
        let label = page.span(Role::Muted, format!(" {label:<width$}", width = INDENT - 1));
        let text = page.span(*role, text.clone());
        page.line(n, Line::from(vec![label, text]));
    }
}

/// Label, text and colour.
type DetailRow = (String, String, Role);

fn detail_rows(model: &Model, width: usize) -> Vec<DetailRow> {
    let Some(incident) = &model.incident else { return Vec::new() };
    let id = model.selected();
    let facts = match incident.step(&id) {
        Some(step) => of_step(model, incident, &id, step),
        None if id.is_amend() => of_amendment(model, incident),
        None => of_declaration(model, incident),
    };
    let room = width.saturating_sub(INDENT + 1);
    let mut rows = Vec::new();
    for fact in facts {
        let mut label = fact.label;
        for line in wrapped(&fact.text, room) {
            rows.push((std::mem::take(&mut label), line, fact.role));
        }
    }
    rows
}

fn fact(label: &str, text: impl AsRef<[u8]>, role: Role) -> Fact {
    let (label, text) = (sanitize::line(label).into_string(), sanitize::text(text).into_string());
    // A label that is wider than its column goes in front of its text.
    if label.chars().count() >= INDENT - 1 {
        return Fact { label: String::new(), text: format!("{label}: {text}"), role };
    }
    Fact { label, text, role }
}

/// What a gate that is no step is about.
fn of_gate(id: &StepId) -> &'static str {
    if id.is_amend() { "a changed runbook" } else { "the decision to roll back" }
}

fn of_amendment(model: &Model, incident: &Incident) -> Vec<Fact> {
    let Some(ground) = model.ground() else { return Vec::new() };
    let role = |label: &str| if label == "hindered" { Role::Fail } else { Role::Base };
    let all = amended::facts(&ground).into_iter();
    let mut facts: Vec<Fact> = all.map(|(label, text)| fact(label, text, role(label))).collect();
    votes(model, incident, &StepId::amend(), &mut facts);
    facts
}

fn of_declaration(model: &Model, incident: &Incident) -> Vec<Fact> {
    let runbook = &incident.runbook;
    let mut facts = wrong(model, incident);
    facts.extend(wide(model));
    facts.extend([
        fact("summary", &runbook.summary, Role::Base),
        fact("stays", &runbook.does_not_undo, Role::Warn),
    ]);
    let goal = runbook.objectives;
    let loss =
        if goal.rpo.is_zero() { "nothing".to_owned() } else { format!("at most {}", spoken(goal.rpo)) };
    facts.push(fact("goal", format!("back within {}, losing {loss}", spoken(goal.rto)), Role::Base));
    if let Some(at) = incident.window_closes() {
        let (text, role) = match at > model.now.wall {
            true => (format!("{} left, until {}", spoken(at.since(model.now.wall)), at.clock()), Role::Base),
            false => (format!("CLOSED since {}", at.clock()), Role::Fail),
        };
        facts.push(fact("window", text, role));
    }
    let plan = schedule::schedule(incident, model.now.wall);
    if plan.unguessed < plan.bars.len() && incident.stage < Stage::Declared {
        let unknown = match plan.unguessed {
            0 => String::new(),
            1 => ", and a step nobody estimated".to_owned(),
            n => format!(", and {n} steps nobody estimated"),
        };
        facts.push(fact(
            "takes",
            format!("{}{unknown}", spoken(plan.ends.since(model.now.wall))),
            Role::Base,
        ));
    }
    votes(model, incident, &StepId::declare(), &mut facts);
    if let Some(key) = model.keymap.key_of(Action::ViewOptions) {
        facts.push(fact("ways", format!("{key} compares all of them, also not going back"), Role::Muted));
    }
    // Who is still missing is asked more often than what was typed at the opening.
    for (name, value) in incident.clear_params() {
        facts.push(fact("param", format!("{name} = {}", value.unwrap_or("(secret)")), Role::Base));
    }
    facts
}

/// What is wrong, and since when.
fn wrong(model: &Model, incident: &Incident) -> Vec<Fact> {
    let mut all: Vec<Fact> = Vec::new();
    let (worst, more) = super::metrics::worst(model);
    for pane in worst {
        let since = super::metrics::since(pane).map(|since| format!(", {since}")).unwrap_or_default();
        let text = format!("{} {} {}{since}", pane.title, pane.latest, pane.state.words());
        all.push(fact(
            if all.is_empty() { "wrong" } else { "" },
            text,
            super::metrics::state_role(pane.state),
        ));
    }
    if more > 0 {
        all.push(fact("", format!("and {more} more past a threshold"), Role::Warn));
    }
    for (name, at) in &incident.fired {
        let metric = incident.runbook.triggers.iter().find(|t| t.id == *name).map(|t| t.metric.as_str());
        let shown = model
            .panes
            .iter()
            .any(|p| metric == Some(p.name.as_str()) && !matches!(p.state, PaneState::Fine));
        if !shown {
            let text = format!("criterion {name} holds since {}", at.clock());
            all.push(fact(if all.is_empty() { "wrong" } else { "" }, text, Role::Warn));
        }
    }
    all
}

/// The same for a pane that has little room: what nobody said takes one row.
fn wide(model: &Model) -> Vec<Fact> {
    let key = model.keymap.key_of(Action::Palette).filter(|_| model.said == Said::default());
    if let Some(key) = key {
        let [touched, changed] = [TOUCHED, CHANGED].map(|subject| format!("{key}note {subject}"));
        return vec![fact("not said", format!("{touched}, {changed}"), Role::Muted)];
    }
    noted(model).into_iter().map(|(label, text, role)| fact(label, text, role)).collect()
}

/// How wide it is and what changed before, as somebody noted it, or how to note it.
pub(super) fn noted(model: &Model) -> Vec<(&'static str, String, Role)> {
    let open = model.incident.as_ref().is_some_and(|i| i.stage < Stage::Closed);
    let key = model.keymap.key_of(Action::Palette).map(|key| key.to_string()).filter(|_| open);
    let nobody = |subject: &str| match key.as_deref() {
        Some(":") => format!("not said yet, :note {subject} says it"),
        Some(key) => format!("not said yet, {key} and note {subject} says it"),
        None => "nobody said".to_owned(),
    };
    let mut all = vec![match &model.said.touched {
        Some(words) => (TOUCHED, words.clone(), Role::Title),
        None => (TOUCHED, nobody(TOUCHED), Role::Muted),
    }];
    let labels = [CHANGED].into_iter().chain(std::iter::repeat(""));
    all.extend(labels.zip(&model.said.changed).map(|(label, words)| (label, words.clone(), Role::Title)));
    if model.said.changed.is_empty() {
        all.push((CHANGED, nobody(CHANGED), Role::Muted));
    }
    all
}

fn of_step(model: &Model, incident: &Incident, id: &StepId, step: &Step) -> Vec<Fact> {
    let mut facts = Vec::new();
    if step.title != step.id {
        facts.push(fact("", &step.title, Role::Title));
    }
    let run = incident.run(id);
    if let Some(began) = run.filter(|r| r.status == Status::Running).and_then(|r| r.started_at) {
        let who: Vec<&str> = run.into_iter().flat_map(|r| &r.executors).map(|p| p.as_str()).collect();
        let who = if who.is_empty() { "the hub".to_owned() } else { who.join(", ") };
        facts.push(fact("by", format!("{who}, since {}", began.clock()), Role::Base));
    }
    if let Some(run) = run.filter(|r| !r.detail.is_empty()) {
        facts.push(fact("result", &run.detail, state::of(run.status).role));
    }
    let earlier = model.past.as_ref().and_then(|past| past.paces.get(id.as_str()));
    if let Some(words) = run.and_then(|r| r.progress_words(model.now.wall, earlier)) {
        facts.push(fact("progress", words, Role::Base));
    }
    if let Some(words) = run.and_then(Run::pace_words) {
        facts.push(fact("pace", words, Role::Muted));
    }
    let planned = plan::of_step(incident, step, Direction::Forward);
    // As it will be done, where that is known; else as it was written.
    let resolved = planned.as_ref().ok().and_then(|p| p.lines.iter().find(|(key, _)| key == "text"));
    if let Some(text) = resolved.map(|(_, text)| text).or(step.text.as_ref()) {
        facts.push(fact("note", text, Role::Base));
    }
    if step.irreversible {
        facts.push(fact("careful", "this cannot be taken back", Role::Warn));
    }
    match planned {
        Ok(plan) => {
            let lines = plan.lines.iter().filter(|(key, _)| !SAID_ELSEWHERE.contains(&key.as_str()));
            facts.extend(lines.map(|(key, value)| fact(key, value, Role::Base)));
        }
        Err(why) => facts.push(fact("unclear", format!("cannot be worked out yet: {why}"), Role::Warn)),
    }
    facts.push(fact("who", who(model, incident, step), Role::Base));
    let missing: Vec<String> = step
        .needs
        .iter()
        .filter(|n| !incident.lets_go_on(n))
        .map(|n| format!("{n} ({})", incident.status(n).word()))
        .collect();
    if !missing.is_empty() && run.is_none_or(|r| r.status == Status::Pending) {
        facts.push(fact("needs", missing.join(", "), Role::Waiting));
    }
    for hold in incident.holds_over(&step.id) {
        let shown = state::of_step(incident, hold);
        facts.push(fact("approval", format!("{}: {}", hold.id, shown.word), shown.role));
    }
    votes(model, incident, id, &mut facts);
    facts
}

fn who(model: &Model, incident: &Incident, step: &Step) -> String {
    let Some(role) = &step.role else { return "anybody who takes part".to_owned() };
    let holders = incident.seats.get(role).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<String> =
        holders
            .iter()
            .map(|s| {
                if s.person == model.me.person { format!("{} (you)", s.person) } else { s.person.to_string() }
            })
            .collect();
    if names.is_empty() {
        format!("{role}: nobody sits there")
    } else {
        format!("{role}: {}", names.join(", "))
    }
}

/// Requirements and answers of a gate.
fn votes(model: &Model, incident: &Incident, id: &StepId, facts: &mut Vec<Fact>) {
    let Some(rule) = incident.gate_rule(id) else { return };
    let gate = incident.gates.get(id);
    let asked: Vec<String> = rule
        .require
        .iter()
        .map(|r| format!("{} of {} {}", gate.map_or(0, |g| incident.granted(g, r)), r.count, r.role))
        .collect();
    facts.push(fact("quorum", asked.join(", "), Role::Title));
    if let Some(ground) = model.ground() {
        facts.push(fact("stands", offer::missing(&ground, id), Role::Waiting));
    }
    for vote in gate.iter().flat_map(|g| &g.answers) {
        let (word, role) = if vote.approves { ("✓ yes", Role::Ok) } else { ("✗ no", Role::Fail) };
        let text = format!("{} as {} at {} {}", vote.person, vote.role, vote.at.clock(), vote.reason);
        facts.push(fact(word, text.trim_end(), role));
    }
}

fn output(model: &Model, log: &Log, page: &mut Page<'_>) {
    let numbers = matching(&log.lines, model.filter_of(Focus::Step), |l| l.as_str().to_owned());
    let rows = page.height().saturating_sub(1);
    let below = model.output_look.below(&numbers, rows);
    let mut note = match model.output_look {
        Look::Follow => "following".to_owned(),
        Look::At(_) => format!("▼ {below} more"),
    };
    if let Some(filter) = model.filter_of(Focus::Step) {
        note.push_str(&format!("  /{filter} {}", place(None, numbers.len())));
    }
    if log.dropped > 0 {
        note.push_str(&format!("  {} lines left out", log.dropped));
    }
    page.title("output", &note, Has::Not);
    let width = page.width().saturating_sub(1);
    let lines = visible(model, log, &numbers, rows, width);
    for (n, line) in lines.iter().enumerate() {
        page.text(n + 1, Role::Base, &format!(" {line}"));
    }
}

fn visible(model: &Model, log: &Log, numbers: &[u64], rows: usize, width: usize) -> Vec<String> {
    let follows = model.output_look == Look::Follow;
    let start = model.output_look.start(numbers, rows);
    let wanted = numbers.get(start..).unwrap_or_default();
    let line = |n: &u64| {
        let text = log.lines.get(*n).map_or("", |l| l.as_str());
        match model.times {
            Times::Hidden => text.to_owned(),
            Times::Shown => {
                let came = log.came.get(*n).copied().flatten();
                format!("{} {text}", came.map_or_else(|| "before  ".to_owned(), Stamp::clock))
            }
        }
    };
    let mut lines: Vec<String> = match model.wrap {
        Wrap::Cut => wanted.iter().take(rows).map(line).collect(),
        Wrap::Wrapped => wanted.iter().take(rows).flat_map(|n| wrapped(&line(n), width)).collect(),
    };
    if follows && !log.partial.is_empty() && model.filter_of(Focus::Step).is_none() {
        lines.push(log.partial.as_str().to_owned());
    }
    let too_many = lines.len().saturating_sub(rows);
    if follows {
        lines.drain(..too_many);
    } else {
        lines.truncate(rows);
    }
    lines
}
