//! A plan as one JSON object. Keys are only ever added; durations are seconds.

use super::{Forecast, Hold, Plan, PlannedStep, Spread};
use serde_json::{Value, json};
use std::time::Duration;

/// One object; durations in seconds.
pub fn to_json(plan: &Plan) -> String {
    let mut steps = plan.with_suspended().map(|(planned, suspended)| step(planned, &suspended));
    let phases: Vec<Value> = plan
        .phases
        .iter()
        .map(|p| {
            json!({"name": p.name, "preflight": p.preflight, "recheck": p.recheck,
                     "steps": steps.by_ref().take(p.steps.len()).collect::<Vec<_>>()})
        })
        .collect();
    let always: Vec<Value> = steps.collect();
    let suspensions: Vec<Value> = plan
        .suspensions
        .iter()
        .map(|s| json!({"name": s.name, "opened_by": s.opened_by, "lifted_by": s.lifted_by}))
        .collect();
    let window = plan.window.as_ref().map(|w| {
        json!({"opens_at": w.opens_at.as_ref().ok(), "problem": w.opens_at.as_ref().err(),
               "lasts_seconds": w.lasts.as_secs_f64(), "because": w.because})
    });
    let mut whole = json!({
        "id": plan.id, "title": plan.title, "class": plan.class, "service": plan.service,
        "environment": plan.environment, "does_not_undo": plan.does_not_undo, "declare": plan.declare,
        "window": window, "phases": phases, "always": always,
        "suspensions": suspensions, "complete": plan.is_complete(),
        "estimate_seconds": plan.estimate.as_secs_f64(), "steps_without_estimate": plan.without_estimate,
        "rto_seconds": plan.rto.as_secs_f64(), "rpo_seconds": plan.rpo.as_secs_f64(),
    });
    if let Some(map) = whole.as_object_mut() {
        map.insert("holds".to_owned(), plan.holds.iter().map(hold).collect());
        let decides = plan.authority.iter();
        map.insert(
            "authority".to_owned(),
            decides
                .map(|d| json!({"what": d.what, "phase": d.phase, "of_class": d.of_class, "roles": d.roles}))
                .collect(),
        );
        map.insert("side_by_side".to_owned(), json!(plan.groups));
        map.insert("critical_path".to_owned(), path(plan));
        map.insert("history".to_owned(), json!({"live": spread(plan.live), "drills": spread(plan.drills)}));
        map.insert("data_loss_seconds".to_owned(), json!(plan.data_loss.map(|d| d.as_secs_f64())));
        map.insert("within_rpo".to_owned(), json!(plan.data_loss.map(|d| d <= plan.rpo)));
    }
    format!("{whole:#}\n")
}

fn path(plan: &Plan) -> Value {
    let path = &plan.path;
    // What nobody has an estimate for may still break the objective.
    let within = if path.p90 > plan.rto { Some(false) } else { (path.unknown == 0).then_some(true) };
    json!({
        "steps": path.steps, "p50_seconds": path.p50.as_secs_f64(), "p90_seconds": path.p90.as_secs_f64(),
        "steps_without_number": path.unknown, "within_rto": within,
    })
}

fn hold(hold: &Hold) -> Value {
    let could: Vec<Value> =
        hold.could.iter().map(|(role, people)| json!({"role": role, "people": people})).collect();
    json!({"id": hold.id, "require": hold.require, "covers": hold.covers,
           "expires_seconds": hold.expires.as_secs_f64(), "could": could})
}

fn spread(spread: Option<Spread>) -> Value {
    let seconds = |d: Duration| d.as_secs_f64();
    spread.map_or(
        Value::Null,
        |s| json!({"p50_seconds": seconds(s.p50), "p90_seconds": seconds(s.p90), "n": s.n}),
    )
}

fn step(step: &PlannedStep, suspended: &[&str]) -> Value {
    let lines = step
        .resolved
        .as_ref()
        .ok()
        .map(|r| r.lines.iter().map(|(key, text)| json!({"key": key, "text": text})).collect::<Vec<_>>());
    let measured = match step.forecast {
        Forecast::Measured(s) => spread(Some(s)),
        Forecast::Author(_) | Forecast::Unknown => Value::Null,
    };
    let throughput = step
        .earlier
        .as_ref()
        .map(|e| json!({"per_second_p50": e.median.per_second(), "unit": e.median.unit, "n": e.n}));
    json!({
        "id": step.id, "action": step.resolved.as_ref().ok().map(|r| r.action), "lines": lines,
        "problem": step.resolved.as_ref().err(), "role": step.role, "needs": step.needs,
        "approvals": step.approvals, "irreversible": step.irreversible,
        "estimate_seconds": step.estimate.map(|d| d.as_secs_f64()), "measured": measured,
        "throughput": throughput,
        "suspended": suspended, "outlook": step.outlook.word(),
        "probe": step.probe.as_ref().map(|p| json!({"verdict": p.verdict.word(), "detail": p.detail})),
    })
}
