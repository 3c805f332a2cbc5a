//! A scenario from its tree: what stands above world and people. Never stops at the first mistake.

use super::model::{
    Clock, ClockMode, Debrief, Expected, Mark, Objective, Origin, Provenance, Rating, Scenario, Scoring,
    Spoiler, World,
};
use super::when::{Value, When};
use super::{FORMAT, people, when, world};
use crate::runbook::decode::{Fields, Item, is_id, number_from};
use crate::runbook::model::Op;
use crate::runbook::vocabulary;

/// Who moves the clock.
pub const MODES: [(&str, ClockMode); 2] =
    [("driven", ClockMode::Driven), ("facilitator", ClockMode::Facilitator)];
/// Whether the truth is hidden.
pub const SPOILERS: [(&str, Spoiler); 2] = [("sealed", Spoiler::Sealed), ("open", Spoiler::Open)];
/// Ratings, best first.
pub const RATINGS: [(&str, Rating); 4] =
    [("P", Rating::Performed), ("S", Rating::Some), ("M", Rating::Major), ("U", Rating::Unable)];
/// How tasks become one rating: there is one way, and it is written down.
pub const ROLL_UP: [(&str, ()); 1] = [("worst", ())];
/// Kinds of stories, apart from `recorded:` and an incident's id.
pub const ORIGINS: [&str; 3] = ["real", "composite", "invented"];

/// Reads the whole file.
pub fn read(item: Item<'_>) -> Option<Scenario> {
    let mut f = item.fields("scenario")?;
    f.required("schema", version);
    let id = f.required("id", Item::id);
    let title = f.required("title", Item::text);
    let class = f.required("class", |i| i.one_of(&vocabulary::CLASSES));
    let runbook = f.optional("runbook", Item::id);
    let difficulty = f.required("difficulty", |i| i.whole(1, 5));
    let provenance = f.required("provenance", provenance);
    let spoiler = f.optional("spoiler", |i| i.one_of(&SPOILERS)).unwrap_or(Spoiler::Sealed);
    let clock = f.required("clock", clock);
    let roles = f.required("roles", |i| i.some(Item::name_text)).unwrap_or_default();
    let absent = f.optional("absent", |i| i.list(Item::name_text)).unwrap_or_default();
    let objectives = f.required("objectives", |i| i.some(objective)).unwrap_or_default();
    let world = f.optional("world", world::world).unwrap_or_else(World::default);
    let injects = f.required("injects", |i| i.some(people::inject)).unwrap_or_default();
    let decisions = f.optional("decisions", |i| i.list(people::decision)).unwrap_or_default();
    let expectations = f.required("expectations", |i| i.some(people::expectation)).unwrap_or_default();
    let stop_when = f.optional("stop_when", |i| i.list(when::when)).unwrap_or_default();
    let scoring = scoring(&mut f);
    let debrief = f.required("debrief", debrief);
    f.finish();
    let mut scenario = Scenario {
        id: id?,
        title: title?,
        class: class?,
        runbook,
        difficulty: u32::try_from(difficulty?).unwrap_or(5),
        provenance: provenance?,
        spoiler,
        clock: clock?,
        roles,
        absent,
        objectives,
        world,
        injects,
        decisions,
        expectations,
        stop_when,
        scoring,
        debrief: debrief?,
    };
    settle_marks(&mut scenario);
    Some(scenario)
}

/// A plain word under `from` or `to` is an inject, or else a state of the world.
fn settle_marks(scenario: &mut Scenario) {
    let injects: Vec<&str> = scenario.injects.iter().map(|i| i.id.as_str()).collect();
    let is_state =
        |word: &str| !injects.contains(&word) && scenario.world.state.iter().any(|(name, _)| name == word);
    let settled = |mark: &mut Mark| {
        if let Mark::Inject(word) = &*mark
            && is_state(word)
        {
            *mark = Mark::When(When::State(word.clone(), Op::Equal, Value::Flag(true)));
        }
    };
    for expectation in &mut scenario.expectations {
        if let Expected::Budget { from, to, .. } = &mut expectation.kind {
            settled(from);
            settled(to);
        }
    }
}

fn version(item: Item<'_>) -> Option<()> {
    let text = item.text()?;
    if text != FORMAT {
        let message = format!("this is `{text}`; only {FORMAT} is read");
        item.refuse("scenario-version", &message, &format!("write `schema: {FORMAT}`"));
        return None;
    }
    Some(())
}

fn provenance(item: Item<'_>) -> Option<Provenance> {
    let mut f = item.fields("provenance")?;
    let kind = f.required("kind", origin);
    let refs = f.optional("refs", |i| i.list(Item::text)).unwrap_or_default();
    f.finish();
    Some(Provenance { kind: kind?, refs })
}

fn origin(item: Item<'_>) -> Option<Origin> {
    let text = item.text()?;
    if let Some(run) = text.strip_prefix("recorded:").filter(|run| is_id(&run.to_lowercase())) {
        return Some(Origin::Recorded(run.to_owned()));
    }
    match text.as_str() {
        "real" => Some(Origin::Real),
        "composite" => Some(Origin::Composite),
        "invented" => Some(Origin::Invented),
        other => {
            let message = format!("`{}` cannot be `{other}`", item.name());
            let help = format!("allowed: {}, or recorded: and an incident's id", ORIGINS.join(", "));
            item.refuse("parse-unknown-word", &message, &help);
            None
        }
    }
}

/// People cannot be sped up: what is fast is the waiting.
fn clock(item: Item<'_>) -> Option<Clock> {
    let mut f = item.fields("clock")?;
    let mode = f.optional("mode", |i| i.one_of(&MODES)).unwrap_or(ClockMode::Driven);
    let speed = f.optional("speed", speed).unwrap_or(1.0);
    let wait_speed = f.optional("wait_speed", speed_of_waits).unwrap_or(1.0);
    let duration = f.required("duration", Item::positive_duration);
    f.finish();
    Some(Clock { mode, speed, wait_speed, duration: duration? })
}

fn speed(item: Item<'_>) -> Option<f64> {
    between(item, 0.1, 10.0)
}

fn speed_of_waits(item: Item<'_>) -> Option<f64> {
    between(item, 1.0, 3600.0)
}

/// A number inside bounds.
pub fn between(item: Item<'_>, least: f64, most: f64) -> Option<f64> {
    let number = item.number()?;
    if !(least..=most).contains(&number) {
        item.wrong(&format!("a number from {least} to {most}"));
        return None;
    }
    Some(number)
}

fn objective(item: Item<'_>) -> Option<Objective> {
    let mut f = item.fields("objective")?;
    let id = f.required("id", Item::id);
    let capability = f.required("capability", Item::text);
    let target = f.required("target", Item::text);
    let tasks = f.optional("tasks", |i| i.list(Item::id)).unwrap_or_default();
    f.finish();
    Some(Objective { id: id?, capability: capability?, target: target?, tasks })
}

fn scoring(f: &mut Fields<'_>) -> Scoring {
    let read = |item: Item<'_>| {
        let mut f = item.fields("scoring")?;
        let grace = f.optional("grace", share).unwrap_or(0.5);
        let hint_caps_at = f.optional("hint_caps_at", rating).unwrap_or(Rating::Major);
        let critical_fail = f.optional("critical_fail", rating).unwrap_or(Rating::Unable);
        f.optional("roll_up", |i| i.one_of(&ROLL_UP));
        f.finish();
        Some(Scoring { grace, hint_caps_at, critical_fail })
    };
    let default = Scoring { grace: 0.5, hint_caps_at: Rating::Major, critical_fail: Rating::Unable };
    f.optional("scoring", read).unwrap_or(default)
}

fn rating(item: Item<'_>) -> Option<Rating> {
    item.one_of(&RATINGS)
}

/// `50%`.
fn share(item: Item<'_>) -> Option<f64> {
    let text = item.text()?;
    let read = text.strip_suffix('%').and_then(number_from).filter(|n| (0.0..=100.0).contains(n));
    if read.is_none() {
        item.wrong("a share such as 50%");
    }
    read.map(|percent| percent / 100.0)
}

fn debrief(item: Item<'_>) -> Option<Debrief> {
    let mut f = item.fields("debrief")?;
    let truth = f.required("truth", Item::text);
    let questions = f.optional("questions", |i| i.list(Item::text)).unwrap_or_default();
    f.finish();
    Some(Debrief { truth: truth?, questions })
}
