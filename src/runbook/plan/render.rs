//! A plan as text and Markdown. Never adds what the plan does not hold.

use super::{Decides, Forecast, Hold, Outlook, Plan, PlannedPhase, PlannedStep};
use crate::runbook::words;
use crate::sanitize;
use std::fmt::Write as _;
use std::time::Duration;

/// For a terminal without colours.
pub fn to_text(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} ({})", clean(&plan.title), clean(&plan.id));
    for (key, text) in facts(plan) {
        let _ = writeln!(out, "  {key}: {text}");
    }
    for (name, steps) in sections(plan) {
        let _ = writeln!(out, "\n{name}");
        for step in steps {
            let _ = writeln!(out, "  {} {}", mark(step), headline(step));
            for line in details(step) {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    let _ = writeln!(out, "\n! point of no return   * changes something   ? only looks   - people or time");
    out
}

/// For a change ticket: facts first, then a box to tick for each step.
pub fn to_markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", escaped(&clean(&plan.title)));
    for (key, text) in facts(plan) {
        let _ = writeln!(out, "- **{key}**: {}", escaped(&text));
    }
    for (name, steps) in sections(plan) {
        let _ = writeln!(out, "\n## {}\n", escaped(&name));
        for step in steps {
            let _ = writeln!(out, "- [ ] {}", escaped(&headline(step)));
            for line in details(step) {
                let _ = writeln!(out, "  - {}", escaped(&line));
            }
        }
    }
    out
}

fn facts(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("class", plan.class.to_owned()),
        ("service", clean(&format!("{} in {}", plan.service, plan.environment))),
        ("does not undo", clean(&plan.does_not_undo)),
    ];
    out.extend(plan.holds.iter().map(|hold| {
        let what = if hold.covers.is_empty() { "declared by" } else { "approved by" };
        (what, clean(&hold_words(hold)))
    }));
    out.extend(plan.authority.iter().map(|d| ("decided by", clean(&decides_words(d)))));
    out.extend(times(plan));
    if let Some(window) = &plan.window {
        let opens = match &window.opens_at {
            Ok(at) => format!("from {at}"),
            Err(why) => format!("start not known ({why})"),
        };
        let text = format!("{} {opens}, because {}", words::duration(window.lasts), window.because);
        out.push(("window", clean(&text)));
    }
    let ids = |wanted: fn(&PlannedStep) -> bool| {
        let ids: Vec<&str> = plan.steps().filter(|s| wanted(s)).map(|s| s.id.as_str()).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    };
    out.push(("points of no return", ids(|s| s.irreversible)));
    for s in &plan.suspensions {
        let lifted = s.lifted_by.as_deref().unwrap_or("nothing");
        out.push(("suspends", clean(&format!("{} by {}, until {lifted}", s.name, s.opened_by))));
    }
    out.extend(plan.groups.iter().map(|group| ("side by side", group.join(", "))));
    out.push(("unverifiable now", ids(|s| s.outlook == Outlook::Unverifiable)));
    out
}

/// `declare: 1 of commander (ana, ben)`, and what a hold point is about.
fn hold_words(hold: &Hold) -> String {
    let could: Vec<String> = hold
        .could
        .iter()
        .map(|(role, people)| {
            let names = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
            format!("{role}: {names}")
        })
        .collect();
    let could = if could.is_empty() { String::new() } else { format!(" ({})", could.join("; ")) };
    if hold.covers.is_empty() {
        return format!("{}{could}", hold.require);
    }
    let (covers, expires) = (hold.covers.join(", "), words::duration(hold.expires));
    format!("{}{could} at {}, within {expires}, for {covers}", hold.require, hold.id)
}

/// `commander or dba, to go on in spite of a step in phase Act`.
fn decides_words(decides: &Decides) -> String {
    let what = match decides.what {
        "abort" => "give the rollback up and mend forward",
        "go_on" => "go on in spite of a step",
        _ => "go past a point of no return",
    };
    let place = decides.phase.as_ref().map(|p| format!(" in phase {p}")).unwrap_or_default();
    let by = if decides.of_class { ", as the workspace demands of this class" } else { "" };
    format!("{}, to {what}{place}{by}", decides.roles.join(" or "))
}

/// What it takes, what it took, and what may be lost.
fn times(plan: &Plan) -> Vec<(&'static str, String)> {
    let path = &plan.path;
    let rto = words::duration(plan.rto);
    let over = if path.p90 > plan.rto { ", over the objective" } else { "" };
    let (p50, p90) = (words::duration(path.p50), words::duration(path.p90));
    let estimate = match path.unknown {
        0 => format!("p50 {p50}, p90 {p90}"),
        n if path.p90.is_zero() => format!("none: nobody has said or seen what the {n} steps take"),
        n => format!("at least p50 {p50}, p90 {p90}, and {n} steps that nobody has an estimate for"),
    };
    let mut out = vec![("estimate", format!("{estimate}; objective {rto}{over}"))];
    if !path.p50.is_zero() {
        out.push(("longest chain", path.steps.join(", ")));
    }
    for (what, spread) in [("took for real", plan.live), ("took in drills", plan.drills)] {
        if let Some(s) = spread {
            let (p50, p90, n) = (rounded(s.p50), rounded(s.p90), s.n);
            out.push((what, format!("p50 {p50}, p90 {p90} (n = {n})")));
        }
    }
    if let Some(loss) = plan.data_loss {
        let over = if loss > plan.rpo { ", over the objective" } else { "" };
        let (loss, rpo) = (rounded(loss), words::duration(plan.rpo));
        out.push(("data lost", format!("everything of the last {loss}; objective {rpo}{over}")));
    }
    out
}

/// Whole seconds are enough for people.
fn rounded(d: Duration) -> String {
    words::duration(Duration::from_secs(d.as_secs() + u64::from(d.subsec_millis() >= 500)))
}

fn sections(plan: &Plan) -> Vec<(String, &[PlannedStep])> {
    let mut out: Vec<(String, &[PlannedStep])> =
        plan.phases.iter().map(|p| (clean(&heading(p)), p.steps.as_slice())).collect();
    if !plan.always.is_empty() {
        out.push(("On every way out".to_owned(), plan.always.as_slice()));
    }
    out
}

/// The phase, and when it looks: ahead of the decision, or once more before it begins.
fn heading(phase: &PlannedPhase) -> String {
    let ahead = if phase.preflight { ", before anybody decides" } else { "" };
    let again = match phase.recheck.as_slice() {
        [] => String::new(),
        again => format!(", after another look: {}", again.join(", ")),
    };
    format!("{}{ahead}{again}", phase.name)
}

fn mark(step: &PlannedStep) -> char {
    match step.outlook {
        _ if step.irreversible => '!',
        Outlook::Changes => '*',
        Outlook::CanBeProbed | Outlook::Unverifiable => '?',
        Outlook::Waits | Outlook::DoesNotApply => '-',
    }
}

fn headline(step: &PlannedStep) -> String {
    let who = step.role.as_deref().unwrap_or("any participant");
    let estimate = match step.forecast {
        Forecast::Measured(s) => format!(", p50 {}, p90 {} (n = {})", rounded(s.p50), rounded(s.p90), s.n),
        Forecast::Author(d) => format!(", about {}", words::duration(d)),
        Forecast::Unknown => String::new(),
    };
    let outlook = match step.outlook {
        Outlook::Unverifiable => ", unverifiable now",
        Outlook::DoesNotApply => ", does not apply",
        Outlook::Changes | Outlook::CanBeProbed | Outlook::Waits => "",
    };
    let last = if step.irreversible { ", point of no return" } else { "" };
    clean(&format!("{} [{who}{estimate}{outlook}{last}]", step.id))
}

fn details(step: &PlannedStep) -> Vec<String> {
    let mut out = Vec::new();
    match &step.resolved {
        Ok(resolved) => {
            let told = |key: &str, text: &str| (key == "title" && text == step.id) || key == "role";
            let lines = resolved.lines.iter().filter(|(key, text)| !told(key, text));
            out.extend(lines.map(|(key, text)| clean(&format!("{key}: {text}"))));
        }
        Err(why) => out.push(clean(&format!("cannot be told: {why}"))),
    }
    if let Some((earlier, rate)) = step.earlier.as_ref().and_then(|e| Some((e, e.rate_words()?))) {
        out.push(clean(&format!("earlier runs: {rate} p50 (n = {})", earlier.n)));
    }
    out.extend(step.approvals.iter().map(|a| clean(&format!("approved by {a}"))));
    if let Some(probe) = &step.probe {
        out.push(clean(&format!("probe: {}, {}", probe.verdict.word(), probe.detail)));
    }
    out
}

fn clean(text: &str) -> String {
    sanitize::line(text).to_string()
}

/// Markdown's own characters, so that a command reads as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\`*_{}[]<>#|~$&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
