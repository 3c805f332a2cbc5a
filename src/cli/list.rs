//! `list` and `status`: what there is and where it stands. Reads the record itself, so it needs no hub and no key; where
//! the record is somebody else's, the hub shows it. Never acts, and never joins.

mod look;

use crate::cli::args::{Args, List, Status as StatusArgs};
use crate::cli::context::{self, Context};
use crate::cli::{history, print, print_json, record};
use crate::core::event::Direction;
use crate::core::incident::{self, Incident, Run, Stage, Status};
use crate::core::review::{self, Kind};
use crate::core::time::{Stamp, spoken};
use crate::core::{comms, plan, readiness};
use crate::error::Result;
use crate::hub::layout;
use crate::runbook::model::Earlier;
use crate::sanitize;
use look::Seen;
use serde_json::{Value, json};
use std::path::Path;

/// Runs `list`.
pub fn run(args: &Args, verb: &List) -> Result<()> {
    let state = Context::of(args)?.state;
    let mut rows = Vec::new();
    for dir in record::all(&state)? {
        rows.push(summary(&dir));
    }
    if verb.json {
        print_json(&Value::Array(rows).to_string());
        return Ok(());
    }
    if rows.is_empty() {
        print(&format!("no incidents in {}", state.join("incidents").display()));
    }
    for row in rows {
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        let line = format!(
            "{}  {:<9} {:<8} {:<10} {}",
            text("incident"),
            text("stage"),
            text("mode"),
            text("hub"),
            text("title")
        );
        print(sanitize::line(&line).as_str());
    }
    Ok(())
}

/// Runs `status`.
pub fn status(args: &Args, verb: &StatusArgs) -> Result<()> {
    let state = Context::of(args)?.state;
    let dir = record::find(&state, verb.incident.as_deref())?;
    let seen = look::at(&dir)?;
    let mut whole = summary_of(&dir, &seen);
    let incident = &seen.record.incident;
    // Who was let into one incident may not see the others, and then nothing is known of before.
    let known = history::before(&state, &incident.runbook).unwrap_or_default();
    let steps: Vec<Value> = incident.runbook.steps().map(|s| step(incident, s, &known)).collect();
    if let Some(map) = whole.as_object_mut() {
        map.insert("steps".to_owned(), Value::Array(steps));
        map.insert("seats".to_owned(), json!(seats(incident)));
        map.insert(
            "empty_seats".to_owned(),
            json!(incident.empty_seats().iter().map(|(r, _)| *r).collect::<Vec<_>>()),
        );
        let open: Vec<&str> = incident.open_suspensions().map(|(n, _)| n).collect();
        map.insert("suspended".to_owned(), json!(open));
        let owed: Vec<Value> =
            incident.open_backlog().map(|(n, left)| json!({"name": n, "left": left})).collect();
        map.insert("backlog".to_owned(), json!(owed));
        let now = context::now();
        map.insert("due_messages".to_owned(), Value::Array(due(incident, now)));
        map.insert("readiness".to_owned(), readiness_of(incident, &known, now));
        map.insert("anchored".to_owned(), Value::Array(anchored(incident)));
        among_people(map, incident);
        map.insert("changed_since".to_owned(), json!(changed_since(&dir)));
        map.insert("triggers_fired".to_owned(), json!(incident.fired.keys().collect::<Vec<_>>()));
    }
    if verb.json {
        print_json(&whole.to_string());
        return Ok(());
    }
    for line in text(&whole, incident, &known) {
        print(sanitize::line(&line).as_str());
    }
    let changed = changed_since(&dir);
    if !changed.is_empty() {
        let files = changed.join(", ");
        print(&format!(
            "CHANGED in the workspace since it opened: {files}. What counts here is as it was then"
        ));
    }
    Ok(())
}

/// Files of the workspace that are no longer what the incident opened with: its copies count, to the end.
fn changed_since(dir: &Path) -> Vec<&'static str> {
    use crate::workspace::{CONFIG_FILE, REVOKED_FILE, SIGNERS_FILE, TEAM_FILE};
    let Ok(opening) = layout::opening(dir) else { return Vec::new() };
    let copies = [
        (TEAM_FILE, layout::TEAM),
        (SIGNERS_FILE, layout::ALLOWED_SIGNERS),
        (REVOKED_FILE, layout::REVOKED_KEYS),
        (CONFIG_FILE, layout::WORKSPACE),
    ];
    let read = |path: std::path::PathBuf| match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    };
    let differs = |(now, then): &(&str, &str)| {
        let both = read(opening.workspace.join(now)).ok().zip(read(dir.join(then)).ok());
        both.is_some_and(|(now, then)| now != then)
    };
    // A closed incident is history; the team goes on.
    copies.into_iter().filter(differs).map(|(now, _)| now).collect()
}

/// What waits for somebody to look at it, for programs.
fn among_people(map: &mut serde_json::Map<String, Value>, incident: &Incident) {
    map.insert("to_review".to_owned(), json!(review::items(incident)));
    let broken = incident.overrides.iter();
    let broken: Vec<Value> = broken
        .map(|b| {
            let denied: Vec<&str> = b.denied_by.iter().map(|p| p.as_str()).collect();
            let (gate, person) = (b.gate.as_str(), b.person.as_str());
            json!({"gate": gate, "person": person, "reason": b.reason, "denied_by": denied})
        })
        .collect();
    map.insert("broken_glass".to_owned(), json!(broken));
    let promises = incident.open_promises();
    let promises: Vec<Value> = promises
        .map(|(seq, p)| {
            json!({"event": seq, "by": p.by.as_str(), "to": p.to, "words": p.words, "due": p.due.to_string()})
        })
        .collect();
    map.insert("promises".to_owned(), json!(promises));
    let out: Vec<&str> = incident.rulings.iter().map(|r| r.words.as_str()).collect();
    map.insert("rulings".to_owned(), json!(out));
    let empty = incident.empty_seats();
    let empty: Vec<Value> = empty.iter().map(|(role, n)| json!({"role": role, "missing": n})).collect();
    map.insert("empty_seats".to_owned(), json!(empty));
}

fn due(incident: &Incident, now: Stamp) -> Vec<Value> {
    let one = |m: comms::DueMessage<'_>| {
        json!({"audience": m.audience, "template": m.template, "channel": m.channel,
               "last": m.last.map(|at| at.to_string()), "due": m.due.to_string(),
               "overdue_s": m.overdue(now).map(|late| late.as_secs())})
    };
    comms::due_messages(incident).into_iter().map(one).collect()
}

fn anchored(incident: &Incident) -> Vec<Value> {
    let one = |(name, (n, at)): (&String, &(u64, Stamp))| json!({"anchor": name, "events": n, "at": at.to_string()});
    incident.anchored.iter().map(one).collect()
}

fn readiness_of(incident: &Incident, known: &readiness::History, now: Stamp) -> Value {
    let gates: Vec<Value> = readiness::hard_gates(incident, now)
        .into_iter()
        .map(|gate| json!({"what": gate.what, "open": gate.open}))
        .collect();
    let options = readiness::options(incident, known, now);
    let way = |e: &readiness::Estimate| json!({"seconds": e.takes.map(|t| t.as_secs()), "cents": e.cents, "assumptions": e.assumptions});
    let seen = |s: Option<readiness::Seen>| {
        s.map(|s| json!({"p50_s": s.median.as_secs(), "p90_s": s.p90.as_secs(), "n": s.n}))
    };
    let last = |l: Option<(Stamp, usize)>| l.map(|(at, n)| json!({"last": at.to_string(), "n": n}));
    let history = json!({"rollback": seen(known.rollback), "fix_forward": seen(known.fix_forward),
                         "drilled": last(known.drilled), "carried_out": last(known.carried_out)});
    json!({"gates": gates, "rollback": way(&options.rollback), "fix_forward": way(&options.fix_forward),
           "history": history})
}

fn seats(incident: &Incident) -> Vec<Value> {
    let one = |role: &String, seat: &crate::core::incident::Seat| {
        json!({"role": role, "person": seat.person.as_str(), "stand_in": seat.stand_in,
               "present": incident.is_present(&seat.person)})
    };
    incident.seats.iter().flat_map(|(role, seats)| seats.iter().map(move |s| one(role, s))).collect()
}

fn step(incident: &Incident, step: &crate::runbook::model::Step, known: &readiness::History) -> Value {
    let run = incident.runs.get(step.id.as_str());
    let unclear = unclear(incident, step);
    json!({
        "id": step.id,
        "title": step.title,
        "action": step.action.word(),
        "status": incident.word(step).replace(' ', "_"),
        "attempt": run.map_or(0, |r| r.attempt),
        "detail": unclear.as_deref().unwrap_or_else(|| run.map_or("", |r| r.detail.as_str())),
        "progress": run.and_then(|r| progress(r, known.paces.get(&step.id))),
    })
}

/// Why a step whose turn has come cannot begin: what it would do cannot be worked out, and no waiting mends that.
fn unclear(incident: &Incident, step: &crate::runbook::model::Step) -> Option<String> {
    let ready = incident.word(step) == "ready";
    let why = ready.then(|| plan::of_step(incident, step, Direction::Forward).err()).flatten()?;
    Some(format!("cannot begin: {why}"))
}

/// How far a step is, how fast it goes and how fast it went before; nothing of one that says nothing.
fn progress(run: &Run, earlier: Option<&Earlier>) -> Option<Value> {
    let now = context::now();
    let words = run.progress_words(now, earlier)?;
    let left = run.left(now, earlier);
    let earlier = earlier.map(|e| {
        json!({"per_second_p50": e.median.per_second(), "unit": e.median.unit,
               "took_p50_s": e.took.as_secs_f64(), "n": e.n})
    });
    Some(json!({
        "words": words,
        "done": run.progress.map(|(done, _)| done),
        "total": run.progress.and_then(|(_, total)| total),
        "unit": run.progress_unit,
        "per_second": run.pace(now).filter(|_| run.status == Status::Running).map(|pace| pace.per_second),
        "left_s": left.map(|left| left.as_secs()),
        "earlier": earlier,
    }))
}

fn summary(dir: &Path) -> Value {
    match look::at(dir) {
        Ok(seen) => summary_of(dir, &seen),
        Err(failure) => {
            let id = dir.file_name().map(|n| n.to_string_lossy().into_owned());
            json!({"incident": id, "stage": "unreadable", "title": failure.to_string()})
        }
    }
}

fn summary_of(dir: &Path, seen: &Seen) -> Value {
    let loaded = &seen.record;
    let incident = &loaded.incident;
    let opened = incident.opened.as_ref();
    let id = dir.file_name().map(|n| n.to_string_lossy().into_owned());
    json!({
        "incident": opened.map(|o| o.incident.to_string()).or(id),
        "log": incident.log(),
        "title": incident.runbook.title,
        "runbook": incident.runbook.id,
        "service": incident.runbook.service,
        "environment": incident.runbook.environment,
        "mode": opened.map(|o| o.mode.word().to_lowercase()),
        "stage": stage(incident),
        "paused": incident.paused,
        "aborted": incident.aborted,
        "hub": if seen.hub_runs { "running" } else { "not running" },
        "opened_at": incident.opened_at.to_string(),
        "last_at": incident.last_at.to_string(),
        "commander": incident.commander().map(|s| s.person.to_string()),
        "events": loaded.head.n,
        "segments": incident.segments.len() + 1,
        "head": loaded.head.root_b64(),
        "head_code": loaded.head.short_code(),
        "broken": loaded.broken,
        "folder": dir.display().to_string(),
    })
}

/// Where the incident stands, in a word.
pub fn stage(incident: &Incident) -> &'static str {
    match incident.stage {
        Stage::Empty => "empty",
        Stage::Closed => "closed",
        _ if incident.aborted.is_some() => "aborted",
        Stage::Open => "open",
        Stage::Declared => "declared",
    }
}

fn text(whole: &Value, incident: &Incident, known: &readiness::History) -> Vec<String> {
    let of = |key: &str| whole.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let now = context::now();
    let empty = incident.empty_seats();
    let empty: Vec<String> = empty.iter().map(|(r, n)| format!("{r} ({n})")).collect();
    let mut lines: Vec<String> =
        (!empty.is_empty()).then(|| format!("EMPTY SEATS: {}", empty.join(", "))).into_iter().collect();
    let broken = incident.overrides.iter();
    lines.extend(broken.map(|b| {
        let over = incident::over(&b.denied_by);
        format!("GLASS BROKEN at {} by {}{over}: {}", b.gate, b.person, b.reason)
    }));
    lines.extend([
        format!(
            "{}  {} in {}  {}",
            of("incident"),
            of("service"),
            of("environment"),
            of("mode").to_uppercase()
        ),
        format!("{}: {}", of("runbook"), of("title")),
        format!("{}, open for {}, hub {}", of("stage"), spoken(now.since(incident.opened_at)), of("hub")),
        format!("commander: {}", of("commander")),
        format!("head: {}{}", of("head_code"), pieces(incident)),
    ]);
    for key in ["paused", "aborted", "broken"] {
        if let Some(why) = whole.get(key).and_then(Value::as_str) {
            lines.push(format!("{key}: {why}"));
        }
    }
    lines.extend(people(incident));
    for (name, suspension) in incident.open_suspensions() {
        lines.push(format!("suspended: {name}, since {}", suspension.since.clock()));
    }
    for message in comms::due_messages(incident) {
        lines.push(format!("message {}", message.words(now)));
    }
    for (name, (n, at)) in &incident.anchored {
        lines.push(format!("anchored to #{n} by {name}, {} ago", spoken(now.since(*at))));
    }
    for gate in readiness::hard_gates(incident, now).into_iter().filter(|g| !g.open) {
        lines.push(format!("CANNOT ROLL BACK: {}", gate.what));
    }
    if incident.stage < Stage::Closed && !incident.phases_over() {
        lines.extend(ways(incident, known, now));
    }
    for (name, left) in incident.open_backlog() {
        lines.push(format!("to reconcile: {left} {name}"));
    }
    for phase in &incident.runbook.phases {
        lines.push(format!("{}:", phase.name));
        lines.extend(phase.steps.iter().map(|s| step_line(incident, s, known)));
    }
    if !incident.runbook.always.is_empty() {
        lines.push("Always:".to_owned());
        lines.extend(incident.runbook.always.iter().map(|s| step_line(incident, s, known)));
    }
    lines
}

/// What going back and fixing forward would take, each with what that rests on.
fn ways(incident: &Incident, known: &readiness::History, now: Stamp) -> [String; 2] {
    let options = readiness::options(incident, known, now);
    let way = |name: &str, e: &readiness::Estimate| {
        let takes =
            e.takes.map_or("nobody knows how long".to_owned(), |t| format!("about {} more", spoken(t)));
        format!("{name}: {takes} ({})", e.assumptions.join("; "))
    };
    [way("to roll back", &options.rollback), way("to fix forward", &options.fix_forward)]
}

/// In how many files the record is, where it is more than one.
fn pieces(incident: &Incident) -> String {
    match incident.segments.last() {
        None => String::new(),
        Some(last) => {
            let cause = crate::sanitize::line(&last.cause);
            format!(", in {} segments (the disk failed: {cause})", incident.segments.len() + 1)
        }
    }
}

/// What is open between people.
fn people(incident: &Incident) -> Vec<String> {
    let mut lines = Vec::new();
    let now = context::now();
    for (seq, promise) in incident.open_promises() {
        let when = if now >= promise.due { "LATE, it was due" } else { "due" };
        let at = promise.due.to_second();
        lines.push(format!("promise #{seq} to {}, {when} at {at}: {}", promise.to, promise.words));
    }
    if let Some(proposal) = incident.open_proposal() {
        let by = proposal.by.as_ref().map_or("somebody", |by| by.as_str());
        let changes = crate::core::amendment::changes(incident, proposal.runbook, &proposal.reason);
        lines.push(format!("a changed runbook waits for those who declare: by {by}: {}", proposal.reason));
        lines.extend(changes.iter().skip(1).map(|change| format!("  {}: {}", change.id, change.summary)));
    }
    if let Some(offer) = &incident.offer {
        lines.push(format!(
            "command offered: by {} to {}, until {}",
            offer.from,
            offer.to,
            offer.expires.clock()
        ));
    }
    if let Some((seq, poll)) = incident.open_poll() {
        lines.push(format!("any objections? #{seq} until {}: {}", poll.expires.clock(), poll.question));
    }
    lines.extend(incident.open_objections().map(|(seq, o)| {
        format!("objection without an answer: #{seq} of {} to {}: {}", o.person, o.about, o.reason)
    }));
    let review = review::items(incident).into_iter();
    let told_above = |kind| matches!(kind, Kind::Objection | Kind::Tenure | Kind::Promise);
    lines.extend(review.filter(|i| !told_above(i.kind)).map(|i| format!("to review: {}", i.words)));
    for (role, seats) in &incident.seats {
        lines.extend(
            seats
                .iter()
                .filter(|s| s.overdue)
                .map(|s| format!("time to rotate: {} has sat as {role} since {}", s.person, s.since.clock())),
        );
    }
    lines
}

fn step_line(incident: &Incident, step: &crate::runbook::model::Step, known: &readiness::History) -> String {
    let run = incident.runs.get(step.id.as_str());
    let detail = run.map_or("", |r| r.detail.as_str());
    let attempt =
        run.filter(|r| r.attempt > 1).map(|r| format!(" (attempt {})", r.attempt)).unwrap_or_default();
    let word = incident.word(step);
    let unclear = unclear(incident, step);
    let gap = if let Some(why) = unclear {
        format!(": {why}")
    } else if detail.is_empty() || incident.status(&step.id) == Status::Pending {
        String::new()
    } else {
        format!(": {detail}")
    };
    let running = run.filter(|r| r.status == Status::Running);
    let progress = running.and_then(|r| r.progress_words(context::now(), known.paces.get(&step.id)));
    let progress = progress.map(|words| format!(": {words}")).unwrap_or_default();
    format!("  {:<14} {}{attempt}{gap}{progress}", word, step.id)
}
