//! The top of every screen: where we are, how bad it is, and the one thing that comes next. Never without the
//! environment in words.

use ratatui::text::{Line, Span};

use super::draw::Page;
use crate::console::link::Line as HubLine;
use crate::console::model::Model;
use crate::console::offer::Tone;
use crate::console::timers;
use crate::core::event::Mode;
use crate::core::incident::{Incident, Stage};
use crate::core::time::spoken;
use crate::sanitize;
use crate::theme::Role;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

pub(super) fn render(model: &Model, page: &mut Page<'_>) {
    let Some(incident) = &model.incident else {
        page.text(0, Role::Title, " backout");
        page.text(
            2,
            Role::Waiting,
            &format!(" {}", trouble(model).unwrap_or_else(|| "waiting for the hub".into())),
        );
        return;
    };
    badges(model, incident, page);
    match trouble(model) {
        Some(words) => {
            page.row_style(1, page.style(Role::Fail));
            let glass = broken_glass(incident).map(|glass| format!(" · {glass}")).unwrap_or_default();
            page.text(1, Role::Fail, &format!(" {words}{glass}"));
        }
        None => facts(model, incident, page),
    }
    next(model, page);
}

fn badges(model: &Model, incident: &Incident, page: &mut Page<'_>) {
    let environment = sanitize::visible_name(&incident.runbook.environment).into_string().to_uppercase();
    let role = if is_production(&environment) { Role::EnvProd } else { Role::EnvOther };
    let mode = incident.opened.as_ref().map_or(Mode::Live, |o| o.mode);
    let mode_role = match mode {
        Mode::Live => Role::ModeLive,
        Mode::Drill | Mode::Tabletop => Role::ModeDrill,
    };
    let left = Line::from(vec![
        page.span(role, format!(" {environment} ")),
        Span::raw(" "),
        page.span(mode_role, format!(" {} ", mode.word())),
        Span::raw(" "),
        page.span(Role::Title, sanitize::line(&incident.runbook.title).into_string()),
    ]);
    let elapsed = match incident.stage {
        Stage::Empty => String::new(),
        Stage::Open | Stage::Declared | Stage::Closed => {
            spoken(until(incident, model).since(incident.opened_at))
        }
    };
    // Every time of day on every screen is of the zone that stands here.
    let elapsed = match incident.stage {
        Stage::Empty => elapsed,
        Stage::Open | Stage::Declared => format!("{} UTC · {elapsed}", model.now.wall.minute()),
        Stage::Closed => format!("took {elapsed} · times in UTC"),
    };
    let mut right = vec![page.span(Role::Title, elapsed), Span::raw(" ")];
    // Who commands is asked first of all: where the row below has no room for it, the title gives way.
    if is_crowded(incident, page.width()) && incident.commander().is_some() {
        right.splice(0..0, [commander(model, incident, page), Span::raw(" · ")]);
    }
    page.pair(0, left, Line::from(right));
}

/// Time stands still in a closed record.
pub(super) fn until(incident: &Incident, model: &Model) -> crate::core::time::Stamp {
    if incident.stage == Stage::Closed { incident.last_at } else { model.now.wall.max(incident.last_at) }
}

/// Whether an environment's name means production.
pub(super) fn is_production(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("prod") || name.contains("live")
}

fn facts(model: &Model, incident: &Incident, page: &mut Page<'_>) {
    let (stage, role) = stage(model, incident);
    let service = sanitize::visible_name(&incident.runbook.service);
    let empty = empty_seats(incident, page.width());
    let glass = broken_glass(incident);
    let mut left = vec![Span::raw(" ")];
    left.extend(empty.into_iter().flat_map(|words| [page.span(Role::Warn, words), Span::raw(" · ")]));
    left.push(page.span(role, stage));
    // On a narrow screen the title names the service well enough.
    if page.width() >= WIDE {
        left.extend([Span::raw(" · "), page.span(Role::Base, service.into_string())]);
    }
    if !is_crowded(incident, page.width()) {
        left.extend([Span::raw(" · "), commander(model, incident, page)]);
    }
    if let Some(words) = glass {
        left.extend([Span::raw(" · "), page.span(Role::Fail, words)]);
    }
    let anchored = match incident.anchored.values().filter_map(|(n, _)| n.checked_sub(1)).max() {
        Some(n) => format!(", kept elsewhere to #{n}"),
        None => String::new(),
    };
    let right = page.span(Role::Muted, format!("head {}{anchored} ", model.head.code));
    let mut room = page.width().saturating_sub(right.width() + 1);
    room = room.saturating_sub(left.iter().map(Span::width).sum());
    let cost = incident.cost_cents(until(incident, model)).filter(|_| incident.stage > Stage::Empty);
    let cost = cost.map(|(cents, currency)| {
        let text = format!("{} {}", thousands(cents / 100), sanitize::line(currency));
        vec![(format!("cost {text}"), Role::Base), (text, Role::Base)]
    });
    // Half a number is worse than none: each is there whole, shorter, or not at all.
    for forms in [Some(to_be_said(model, incident)), cost].into_iter().flatten() {
        let Some((text, role)) = forms.into_iter().find(|(text, _)| text.width() + 3 <= room) else {
            continue;
        };
        room -= text.width() + 3;
        left.extend([page.span(Role::Base, " · "), page.span(role, text)]);
    }
    page.pair(1, Line::from(left), Line::from(right));
}

fn commander(model: &Model, incident: &Incident, page: &Page<'_>) -> Span<'static> {
    match incident.commander() {
        Some(seat) if seat.person == model.me.person => page.span(Role::Base, "you command"),
        Some(seat) => page.span(Role::Base, format!("{} commands", seat.person)),
        None => page.span(Role::Warn, "NOBODY COMMANDS"),
    }
}

/// Whether empty seats leave no room beside them for who commands; an empty seat of the commander says it already.
fn is_crowded(incident: &Incident, width: usize) -> bool {
    let empty = empty_seats(incident, width).is_some();
    let commander_missing = incident.empty_seats().iter().any(|(role, _)| *role == "commander");
    empty && (commander_missing || width < WIDE || broken_glass(incident).is_some())
}

/// From so many columns on there is room for more than the most important.
const WIDE: usize = 110;

/// The seats that somebody has to take, before everything else.
fn empty_seats(incident: &Incident, width: usize) -> Option<String> {
    let empty = incident.empty_seats();
    let names: Vec<&str> = empty.into_iter().map(|(role, _)| role).collect();
    let (first, more) = names.split_first().filter(|_| incident.stage != Stage::Closed)?;
    if width >= WIDE || more.is_empty() {
        return Some(format!("EMPTY: {}", names.join(", ")));
    }
    Some(format!("EMPTY: {first} +{}", more.len()))
}

/// Loud on every screen, until the end.
fn broken_glass(incident: &Incident) -> Option<String> {
    let last = incident.overrides.last()?;
    let over = if last.denied_by.is_empty() { "" } else { ", OVER A DENIAL" };
    Some(format!("GLASS BROKEN at {} by {}{over}", last.gate, last.person))
}

/// A word to an audience is announced this long before it is due.
const SOON: Duration = Duration::from_secs(300);

/// The next word that somebody waits for, when that is soon or over; or how long ago something was said. The longest
/// form first: how long matters more than to whom, where there is no room for both.
fn to_be_said(model: &Model, incident: &Incident) -> Vec<(String, Role)> {
    let now = model.now.wall;
    let all = timers::timers(incident);
    let Some(next) = all.iter().find(|t| t.about == timers::About::Message) else { return Vec::new() };
    let what = sanitize::line(&next.what).into_string();
    let forms =
        |when: String, role| [&what, "word due", "word"].map(|w| (format!("{w} {when}"), role)).to_vec();
    match (next.left(now), incident.sent.last()) {
        (None, _) => forms(format!("LATE {}", spoken(now.since(next.at))), Role::Warn),
        (Some(left), None) => forms(format!("in {}", spoken(left)), Role::Waiting),
        (Some(left), _) if left <= SOON => forms(format!("in {}", spoken(left)), Role::Waiting),
        (Some(_), Some(last)) => vec![(format!("last said {}", last.at.clock()), Role::Base)],
    }
}

fn stage(model: &Model, incident: &Incident) -> (String, Role) {
    if let Some(mark) = timers::mark(incident, model.now.wall) {
        return (format!("NO DECISION AFTER {}m", mark.as_secs() / 60), Role::Fail);
    }
    let (words, role) = match incident.stage {
        Stage::Closed => ("CLOSED", Role::Muted),
        _ if incident.aborted.is_some() => ("ABORTED", Role::Fail),
        _ if incident.paused.is_some() => ("PAUSED", Role::Warn),
        Stage::Empty | Stage::Open => ("NOT DECLARED", Role::Warn),
        Stage::Declared if incident.resolved_at.is_some() => ("RESOLVED", Role::Ok),
        Stage::Declared if incident.mitigated_at.is_some() => ("MITIGATED", Role::Ok),
        Stage::Declared => ("DECLARED", Role::Running),
    };
    (words.to_owned(), role)
}

/// What keeps this screen or the hub from being whole, loudest first.
fn trouble(model: &Model) -> Option<String> {
    let since = |at: &crate::core::time::Stamp| spoken(model.now.wall.since(*at));
    match (&model.room.line, &model.room.writer_stopped) {
        // The hub of a closed incident has done its work.
        (HubLine::Gone(_), _) if model.incident.as_ref().is_some_and(|i| i.stage == Stage::Closed) => None,
        (HubLine::Gone(why), _) => Some(format!("THE HUB IS GONE: {why}")),
        (HubLine::Reconnecting { since: at, why }, _) => {
            Some(format!("RECONNECTING {}: {why}; what is shown is from before", since(at)))
        }
        (HubLine::Up, Some(why)) => Some(format!("NOTHING NEW IS STARTED: {why}")),
        (HubLine::Up, None) => {
            let wrong = model.room.outside.iter().find(|(_, fine, _)| !fine);
            wrong.map(|(name, _, text)| format!("OUTSIDE, {name}: {text}"))
        }
    }
}

fn next(model: &Model, page: &mut Page<'_>) {
    let attention = &model.attention;
    let (role, lead) = match attention.tone {
        Tone::ForMe => (Role::Attention, " ▸ FOR YOU: "),
        Tone::ForOthers => (Role::Waiting, "   waiting: "),
        Tone::Quiet => (Role::Muted, "   "),
    };
    let words = sanitize::line(&attention.words);
    let mut right = String::new();
    if let Some(left) = deadline(model) {
        right = format!("{left} left ");
    }
    if attention.tone == Tone::ForMe {
        page.row_style(2, page.style(role));
        let key = model.keymap.key_of(crate::console::action::Action::Attend);
        right.push_str(&key.map(|key| format!(" press {key} ")).unwrap_or_default());
    }
    let left = page.span(role, format!("{lead}{words}"));
    let right = page.span(role, right);
    page.pair(2, Line::from(left), Line::from(right));
}

/// How long the request or the hold phase that comes next still lasts.
fn deadline(model: &Model) -> Option<String> {
    let incident = model.incident.as_ref()?;
    let step = model.attention.step.as_ref()?;
    let gate = incident.gates.get(step).filter(|g| g.standing == crate::core::incident::Standing::Open);
    gate.filter(|_| incident.awaits_answers(step)).map(|g| spoken(g.expires.since(model.now.wall)))
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1234567), "1,234,567");
    }

    #[test]
    fn production_has_many_names() {
        for name in ["production", "PROD", "eu-prod-1", "live"] {
            assert!(is_production(name), "{name}");
        }
        assert!(!is_production("staging"));
    }
}
