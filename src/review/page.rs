//! The facts in an order for reading: most important first. Never holds text that was not cleaned: this is where
//! recorded words become something that may be shown.

use std::time::Duration;

use super::{Curve, GateStory, Moment, Review};
use crate::core::time::{Stamp, spoken};
use crate::sanitize::{self, Clean};

/// A piece of the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading below the title.
    Heading(Clean),
    /// A paragraph.
    Paragraph(Clean),
    /// Something that must not be passed over.
    Warning(Clean),
    /// A list.
    List(Vec<Clean>),
    /// A table: its head and its rows.
    Table(Vec<Clean>, Vec<Vec<Clean>>),
    /// A metric over time, with what happened.
    Chart(Box<Curve>, Vec<Moment>),
    /// Bars on one time axis.
    Bars(Vec<Bar>),
    /// People's own words, several lines.
    Story(Clean),
}

/// A bar: what, from, to, whether it ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What.
    pub name: Clean,
    /// From.
    pub from: Stamp,
    /// To.
    pub to: Stamp,
    /// Whether it succeeded.
    pub fine: bool,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Above everything.
    pub title: Clean,
    /// `DRILL` or `TABLETOP`: stands at the beginning and the end.
    pub rehearsal: Option<Clean>,
    /// In reading order.
    pub blocks: Vec<Block>,
}

fn clean(text: impl AsRef<str>) -> Clean {
    sanitize::line(text.as_ref())
}

fn cells<const N: usize>(texts: [&str; N]) -> Vec<Clean> {
    texts.into_iter().map(clean).collect()
}

fn long(seconds: u64) -> String {
    spoken(Duration::from_secs(seconds))
}

/// The page of a review.
pub fn page(review: &Review) -> Page {
    let mut blocks = Vec::new();
    head(review, &mut blocks);
    times(review, &mut blocks);
    talk(review, &mut blocks);
    left(review, &mut blocks);
    metrics(review, &mut blocks);
    approvals(&review.approvals, &mut blocks);
    steps(review, &mut blocks);
    people(review, &mut blocks);
    if let Some(story) = &review.narrative {
        blocks.push(heading("The story, as people wrote it"));
        blocks.push(Block::Story(sanitize::text(story)));
    }
    timeline(review, &mut blocks);
    Page {
        title: clean(format!("Review: {}", review.title)),
        rehearsal: (review.mode != "LIVE").then(|| clean(review.mode)),
        blocks,
    }
}

fn heading(words: &'static str) -> Block {
    Block::Heading(Clean::literal(words))
}

fn head(review: &Review, blocks: &mut Vec<Block>) {
    let region = review.region.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
    let service = format!("{} in {}{region}", review.service, review.environment);
    let runbook = format!("{} ({})", review.runbook, review.class);
    let severity = review.severity.to_string();
    let mut rows = vec![
        cells(["Service", &service]),
        cells(["Mode", review.mode]),
        cells(["Severity", &severity]),
        cells(["Runbook", &runbook]),
        cells(["Log", &review.log]),
        cells(["Head", &review.head]),
        cells(["Record", &review.verdict]),
    ];
    rows.extend(review.cost.iter().map(|cost| cells(["Cost", cost])));
    rows.extend(review.restored.iter().map(|restored| cells(["Restore", restored])));
    blocks.push(Block::Table(Vec::new(), rows));
    if !review.holds {
        let words =
            "The record does not hold as it is. What follows is what it says, as far as it can be read.";
        blocks.push(Block::Warning(Clean::literal(words)));
    }
    if let Some(why) = &review.aborted {
        blocks.push(Block::Warning(clean(format!("The rollback was aborted: {why}"))));
    }
}

fn times(review: &Review, blocks: &mut Vec<Block>) {
    blocks.push(heading("When"));
    let row = |m: &Moment| cells([m.name, &m.at.to_second(), &m.by, &format!("#{}", m.event)]);
    let moments = review.moments.iter().map(row).collect();
    blocks.push(Block::Table(cells(["Moment", "Time", "By", "Event"]), moments));
    let row = |s: &super::Span| cells([s.name, &long(s.seconds), s.from, s.to]);
    let spans: Vec<_> = review.spans.iter().map(row).collect();
    blocks.push(Block::Table(cells(["Duration", "", "From", "To"]), spans));
    let objective = long(review.rto_seconds);
    blocks.push(Block::Paragraph(clean(match review.rto_met {
        Some(true) => {
            format!("The recovery time objective of {objective} was met, counted from the opening.")
        }
        Some(false) => {
            format!("The recovery time objective of {objective} was missed, counted from the opening.")
        }
        None => format!("Nobody recorded that the service is back; the objective was {objective}."),
    })));
}

fn talk(review: &Review, blocks: &mut Vec<Block>) {
    blocks.push(heading("To talk about"));
    let one = |p: &super::Point| match p.event {
        Some(event) => clean(format!("{} (#{event})", p.what)),
        None => clean(&p.what),
    };
    blocks.push(match review.points.is_empty() {
        true => Block::Paragraph(Clean::literal("Nothing in the record stands out.")),
        false => Block::List(review.points.iter().map(one).collect()),
    });
}

fn left(review: &Review, blocks: &mut Vec<Block>) {
    blocks.push(heading("What was not undone"));
    blocks.push(Block::Paragraph(clean(&review.does_not_undo)));
    if !review.left.is_empty() {
        blocks.push(Block::List(review.left.iter().map(clean).collect()));
    }
}

fn metrics(review: &Review, blocks: &mut Vec<Block>) {
    if review.metrics.is_empty() {
        return;
    }
    blocks.push(heading("What the metrics said"));
    let none = || "-".to_owned();
    let mut rows = Vec::new();
    for curve in &review.metrics {
        for w in &curve.windows {
            let silent =
                if w.silent == 0 { String::new() } else { format!(", {} without a number", w.silent) };
            let text = |x: &Option<String>| x.clone().unwrap_or_else(none);
            rows.push(cells([
                &curve.title,
                w.name,
                &text(&w.median),
                &text(&w.least),
                &text(&w.most),
                &format!("{}{silent}", w.samples),
            ]));
        }
    }
    blocks.push(Block::Table(cells(["Metric", "When", "Median", "Least", "Most", "Samples"]), rows));
    let chart = |c: &Curve| Block::Chart(Box::new(c.clone()), review.moments.clone());
    blocks.extend(review.metrics.iter().map(chart));
}

fn approvals(stories: &[GateStory], blocks: &mut Vec<Block>) {
    if stories.is_empty() {
        return;
    }
    blocks.push(heading("Approvals"));
    for story in stories {
        let took = match story.reached {
            Some(at) => format!(", {} after it was asked for", spoken(at.since(story.asked))),
            None => String::new(),
        };
        blocks.push(Block::Paragraph(clean(format!(
            "{} (request {}, #{}) needs {}: {}{took}",
            story.gate, story.attempt, story.event, story.needs, story.end
        ))));
        let row = |a: &super::Answer| {
            let role = a.role.as_deref().unwrap_or("-");
            let key = a.key.as_deref().unwrap_or("-");
            cells([&a.person, role, a.answer, &a.reason, &a.at.to_second(), key, &format!("#{}", a.event)])
        };
        if !story.answers.is_empty() {
            let head = cells(["Who", "As", "Answer", "Reason", "Time", "Key", "Event"]);
            blocks.push(Block::Table(head, story.answers.iter().map(row).collect()));
        }
    }
}

fn steps(review: &Review, blocks: &mut Vec<Block>) {
    blocks.push(heading("Steps"));
    let name = |t: &super::Try| {
        let undo = if t.undo { "undo of " } else { "" };
        let again = if t.attempt > 1 { format!(" ({})", t.attempt) } else { String::new() };
        format!("{undo}{}{again}", t.step)
    };
    let row = |t: &super::Try| {
        let took = t.ended.map_or_else(|| "-".to_owned(), |end| spoken(end.since(t.started)));
        let planned = t.estimate_seconds.map_or_else(|| "-".to_owned(), long);
        cells([&name(t), &t.by, &t.started.clock(), &took, &planned, &t.outcome, &t.detail])
    };
    let head = cells(["Step", "By", "Began", "Took", "Planned", "End", "Found"]);
    blocks.push(Block::Table(head, review.tries.iter().map(row).collect()));
    let bar = |t: &super::Try| Bar {
        name: clean(name(t)),
        from: t.started,
        to: t.ended.unwrap_or(t.started),
        fine: t.outcome == "succeeded",
    };
    blocks.push(Block::Bars(review.tries.iter().map(bar).collect()));
    // A hold point is not started but asked about, and has its own chapter.
    let asked = |id: &str| review.approvals.iter().any(|story| story.gate == id);
    let tried = |id: &str| review.tries.iter().any(|t| t.step == id) || asked(id);
    let rest: Vec<Clean> = review
        .steps
        .iter()
        .filter(|(id, _)| !tried(id))
        .map(|(id, word)| clean(format!("{id}: {word}")))
        .collect();
    if !rest.is_empty() {
        blocks.push(Block::Paragraph(Clean::literal("Never started:")));
        blocks.push(Block::List(rest));
    }
    if !review.controls.is_empty() {
        blocks.push(heading("Controls that the runbook names"));
        let row = |(framework, name, places): &(String, String, String)| cells([framework, name, places]);
        let head = cells(["Framework", "Control", "Where this record shows it"]);
        blocks.push(Block::Table(head, review.controls.iter().map(row).collect()));
    }
}

fn people(review: &Review, blocks: &mut Vec<Block>) {
    blocks.push(heading("People"));
    let row = |t: &super::Tenure| {
        let stand_in = if t.stand_in { " (stand-in)" } else { "" };
        let role = format!("{}{stand_in}", t.role);
        cells([&t.person, &role, &t.from.clock(), &spoken(t.to.since(t.from))])
    };
    let rows = review.tenures.iter().map(row).collect();
    blocks.push(Block::Table(cells(["Who", "Seat", "From", "For"]), rows));
    if !review.messages.is_empty() {
        blocks.push(heading("Messages"));
        let row = |m: &super::Message| cells([&m.at.to_second(), &m.words, &format!("#{}", m.event)]);
        let rows = review.messages.iter().map(row).collect();
        blocks.push(Block::Table(cells(["Time", "What", "Event"]), rows));
    }
}

fn timeline(review: &Review, blocks: &mut Vec<Block>) {
    blocks.push(heading("Timeline"));
    let row = |l: &super::Line| cells([&format!("#{}", l.event), &l.at.to_second(), &l.who, &l.what]);
    let rows = review.timeline.iter().map(row).collect();
    blocks.push(Block::Table(cells(["Event", "Time", "Who", "What"]), rows));
}
