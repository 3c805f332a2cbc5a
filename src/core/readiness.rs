//! Whether a rollback is possible at all, and what it would take against fixing forward. Never a number without the
//! assumptions it rests on, and never a guess where nobody has written or seen anything.

use crate::core::incident::{Incident, Status};
use crate::core::team::Team;
use crate::core::time::{Stamp, spoken};
use crate::runbook::model::{Action, Class, Earlier, Runbook, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// Something without which a rollback is not possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hard {
    /// What, in a sentence.
    pub what: String,
    /// Whether it lets through.
    pub open: bool,
}

/// How long something took here before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Half took at most so long.
    pub median: Duration,
    /// Nine of ten took at most so long.
    pub p90: Duration,
    /// How often.
    pub n: usize,
}

impl Seen {
    /// In a sentence, never without how many it rests on.
    fn words(&self, of: &str) -> String {
        let (median, p90) = (spoken(self.median), spoken(self.p90));
        format!("half of {} {of} took at most {median}, nine of ten at most {p90}", self.n)
    }
}

/// What was seen here before. What nobody measured is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Rollbacks with this runbook, from the first change to the validation.
    pub rollback: Option<Seen>,
    /// Incidents of this service that were fixed forward, from the opening to the fix.
    pub fix_forward: Option<Seen>,
    /// When this runbook was last rehearsed to its end, and how often.
    pub drilled: Option<(Stamp, usize)>,
    /// When it was last carried out in earnest, and how often.
    pub carried_out: Option<(Stamp, usize)>,
    /// What steps of this runbook got done, by their id, where they reported it.
    pub paces: BTreeMap<String, Earlier>,
}

/// What a way would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// How long from now; `None` when nobody knows.
    pub takes: Option<Duration>,
    /// Hundredths of the currency from now on; `None` when nobody knows.
    pub cents: Option<u64>,
    /// What this rests on, one sentence each.
    pub assumptions: Vec<String>,
}

/// Both ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Taking it back with this runbook.
    pub rollback: Estimate,
    /// Repairing it where it is.
    pub fix_forward: Estimate,
}

/// Every hard gate of an incident: the window, the backup, the quorum.
pub fn hard_gates(incident: &Incident, now: Stamp) -> Vec<Hard> {
    let mut gates = Vec::new();
    gates.extend(window(incident, now));
    gates.extend(backup(incident));
    gates.extend(quorum(&incident.runbook, &incident.team));
    gates
}

fn window(incident: &Incident, now: Stamp) -> Option<Hard> {
    let because = &incident.runbook.window.as_ref()?.because;
    let Some(closes) = incident.window_closes() else {
        let what = format!("nobody can say until when the way back is open ({because})");
        return Some(Hard { what, open: true });
    };
    let open = now < closes;
    let what = if open {
        let left = spoken(closes.since(now));
        format!("the way back is open until {} ({left} left; {because})", closes.to_second())
    } else {
        format!("the way back closed at {} ({because})", closes.to_second())
    };
    Some(Hard { what, open })
}

/// For data and restores: every check before the first thing that cannot be taken back, or else before the first change.
fn backup(incident: &Incident) -> Option<Hard> {
    match incident.runbook.class {
        Class::Data | Class::Restore => {}
        Class::Deploy | Class::Schema => return None,
    }
    let steps: Vec<&Step> = incident.runbook.steps().collect();
    let changes = |s: &&Step| matches!(s.action, Action::Run { .. } | Action::SetAside { .. });
    let line = steps.iter().position(|s| s.irreversible).or_else(|| steps.iter().position(changes));
    let checks: Vec<&&Step> = steps
        .iter()
        .take(line.unwrap_or(steps.len()))
        .filter(|s| matches!(s.action, Action::Check(_) | Action::Await(_)))
        .collect();
    if checks.is_empty() {
        return Some(Hard {
            what: "nothing in the runbook verifies the backup before it is used".to_owned(),
            open: false,
        });
    }
    let with = |wanted: fn(Status) -> bool| {
        let found = checks.iter().filter(|s| wanted(incident.status(&s.id)));
        found.map(|s| s.id.as_str()).collect::<Vec<_>>()
    };
    let broken = with(|s| s.is_trouble() || s == Status::Unknown || s == Status::Skipped);
    let left = with(|s| matches!(s, Status::Pending | Status::Waiting | Status::Running));
    Some(if !broken.is_empty() {
        Hard { what: format!("the backup is not verified: {} did not pass", broken.join(", ")), open: false }
    } else if !left.is_empty() {
        Hard {
            what: format!("the backup is not verified yet: {} still to come", left.join(", ")),
            open: true,
        }
    } else {
        Hard { what: "the backup is verified".to_owned(), open: true }
    })
}

/// Whether the team has people for every quorum that `declare` asks for.
pub fn quorum(runbook: &Runbook, team: &Team) -> Option<Hard> {
    for need in &runbook.declare.require {
        let able = team.people.iter().filter(|p| team.may_take(&p.id, &need.role)).count();
        if able < usize::try_from(need.count).unwrap_or(usize::MAX) {
            let what = format!("`declare` needs {} as {} and the team has {able}", need.count, need.role);
            return Some(Hard { what, open: false });
        }
    }
    None
}

/// What taking it back and fixing it forward would take from now on.
pub fn options(incident: &Incident, history: &History, now: Stamp) -> Options {
    Options { rollback: rollback(incident, history, now), fix_forward: fix_forward(incident, history) }
}

fn rollback(incident: &Incident, history: &History, now: Stamp) -> Estimate {
    let mut assumptions = Vec::new();
    let (path, without) = longest_path(incident, now);
    let takes = match (history.rollback, without) {
        (Some(seen), _) => {
            assumptions.push(seen.words("rollbacks with this runbook"));
            if seen.n < 3 {
                assumptions.push("that is too few to rely on".to_owned());
            }
            let begun = incident.declared_at.map_or(Duration::ZERO, |at| now.since(at));
            Some(seen.median.saturating_sub(begun).max(path))
        }
        (None, 0) => Some(path),
        (None, _) if path.is_zero() => None,
        (None, _) => Some(path),
    };
    if history.rollback.is_none() {
        assumptions
            .push("no rollback with this runbook was measured; these are the author's estimates".to_owned());
    }
    match without {
        0 => {}
        1 => assumptions.push("1 step left has no estimate and counts as nothing".to_owned()),
        n => assumptions.push(format!("{n} steps left have no estimate and count as nothing")),
    }
    assumptions.push("people answer at once".to_owned());
    priced(incident, takes, assumptions)
}

fn fix_forward(incident: &Incident, history: &History) -> Estimate {
    let mut assumptions = Vec::new();
    let takes = history.fix_forward.map(|seen| seen.median);
    match history.fix_forward {
        Some(seen) => {
            assumptions.push(seen.words("fixes of this service"));
            if seen.n < 3 {
                assumptions.push("that is too few to rely on".to_owned());
            }
        }
        None => assumptions.push("nobody has measured how long fixing forward takes here".to_owned()),
    }
    assumptions.push("the fault is understood and the fix is right the first time".to_owned());
    priced(incident, takes, assumptions)
}

fn priced(incident: &Incident, takes: Option<Duration>, mut assumptions: Vec<String>) -> Estimate {
    let cost = incident.runbook.cost.as_ref();
    let cents =
        takes.zip(cost).map(|(takes, cost)| cost.per_minute_cents.saturating_mul(takes.as_secs()) / 60);
    match cost {
        Some(cost) => {
            let (whole, cents) = (cost.per_minute_cents / 100, cost.per_minute_cents % 100);
            let cents = if cents == 0 { String::new() } else { format!(".{cents:02}") };
            assumptions.push(format!("a minute costs {whole}{cents} {}", cost.currency));
        }
        None => assumptions.push("the runbook does not say what a minute costs".to_owned()),
    }
    Estimate { takes, cents, assumptions }
}

/// The longest chain of steps that are left, by their estimates, and how many of those left have none.
fn longest_path(incident: &Incident, now: Stamp) -> (Duration, usize) {
    let mut ends: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut without = 0;
    let mut longest = Duration::ZERO;
    // The parser has checked that needs lead backwards in no circle; steps that come later in the file may be needed
    // by earlier ones only through `needs`, which then count as done.
    for step in incident.runbook.phases.iter().flat_map(|p| &p.steps) {
        let begins =
            step.needs.iter().filter_map(|id| ends.get(id.as_str()).copied()).max().unwrap_or_default();
        let over = incident.status(&step.id).is_over();
        let own = match &step.action {
            _ if over => Duration::ZERO,
            Action::Wait { lasts, .. } => *lasts,
            Action::Manual { .. }
            | Action::Run { .. }
            | Action::Await(_)
            | Action::Check(_)
            | Action::Measure { .. }
            | Action::Approve(_)
            | Action::Decide { .. }
            | Action::Send { .. }
            | Action::SetAside { .. } => match step.estimate {
                Some(estimate) => estimate,
                None => {
                    without +=
                        usize::from(!matches!(step.action, Action::Approve(_) | Action::Decide { .. }));
                    Duration::ZERO
                }
            },
        };
        let ran = incident.runs.get(step.id.as_str()).filter(|r| r.status == Status::Running);
        let gone = ran.and_then(|r| r.started_at).map_or(Duration::ZERO, |at| now.since(at));
        let end = begins.saturating_add(own.saturating_sub(gone));
        longest = longest.max(end);
        ends.insert(&step.id, end);
    }
    (longest, without)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::model::Cost;
    use std::sync::Arc;

    const MINUTE: Duration = Duration::from_secs(60);

    fn incident(class: &str, steps: &str) -> Incident {
        let point = if class == "deploy" { "" } else { "restore_point: {prompt: When?, type: timestamp}\n" };
        let text = format!(
            "backout: 1\nid: t\ntitle: T\nclass: {class}\nservice: s\nenvironment: e\nowners: [o]\nsummary: S.\n\
             does_not_undo: N.\nobjectives: {{rto: 10m, rpo: 0s}}\n{point}roles: {{commander: {{required: true}}}}\n\
             declare: {{require: [{{role: commander, count: 1}}], expires: 15m}}\nphases:\n  - name: A\n    steps:\n{steps}"
        );
        let (mut runbook, team) =
            (crate::runbook::load("r", text.as_bytes()).unwrap().runbook, Team { people: vec![] });
        runbook.cost = Some(Cost { per_minute_cents: 10_050, currency: "EUR".into() });
        Incident::new(Arc::new(runbook), Arc::new(team))
    }

    const SIDE_BY_SIDE: &str = "      - {id: a, manual: x, role: commander, estimate: 2m}\n      \
        - {id: b, manual: x, role: commander, needs: [a], estimate: 5m}\n      \
        - {id: c, manual: x, role: commander, needs: [a], estimate: 1m}\n      \
        - {id: d, wait: 3m, needs: [b, c]}\n      - {id: e, manual: x, role: commander}\n";

    #[test]
    fn what_can_run_side_by_side_counts_once() {
        let options = options(&incident("deploy", SIDE_BY_SIDE), &History::default(), Stamp(0));
        assert_eq!(options.rollback.takes, Some(MINUTE * 10));
        assert_eq!(options.rollback.cents, Some(100_500));
        let said = options.rollback.assumptions.join("; ");
        for part in ["author's estimates", "1 step left has no estimate", "100.50 EUR"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn what_nobody_measured_is_not_guessed() {
        let options = options(&incident("deploy", SIDE_BY_SIDE), &History::default(), Stamp(0));
        assert_eq!((options.fix_forward.takes, options.fix_forward.cents), (None, None));
        assert!(options.fix_forward.assumptions[0].contains("nobody has measured"));
    }

    #[test]
    fn what_was_seen_here_counts_more_than_what_was_estimated() {
        let seen = |minutes, n| Some(Seen { median: MINUTE * minutes, p90: MINUTE * minutes * 2, n });
        let history = History { rollback: seen(25, 2), fix_forward: seen(90, 7), ..History::default() };
        let options = options(&incident("deploy", SIDE_BY_SIDE), &history, Stamp(0));
        assert_eq!(options.rollback.takes, Some(MINUTE * 25));
        assert!(options.rollback.assumptions[0].contains("nine of ten at most 50m"));
        assert!(options.rollback.assumptions[1].contains("too few"));
        assert_eq!(options.fix_forward.takes, Some(MINUTE * 90));
    }

    #[test]
    fn a_backup_that_nothing_verifies_closes_the_way_back() {
        let run = "      - {id: go, run: [restore], timeout: 1m, role: commander}\n";
        let gates = hard_gates(&incident("restore", run), Stamp(0));
        assert!(
            gates.iter().any(|g| !g.open && g.what.contains("nothing in the runbook verifies")),
            "{gates:?}"
        );
        let check = "      - {id: readable, check: {run: [verify], expect: {equals: ok}}}\n";
        let mut incident = incident("restore", &format!("{check}{run}"));
        let found =
            |i: &Incident| hard_gates(i, Stamp(0)).into_iter().find(|g| g.what.contains("backup")).unwrap();
        assert!(found(&incident).open && found(&incident).what.contains("not verified yet: readable"));
        incident.runs.get_mut("readable").unwrap().status = Status::Failed;
        assert!(!found(&incident).open);
        incident.runs.get_mut("readable").unwrap().status = Status::Succeeded;
        assert_eq!(found(&incident), Hard { what: "the backup is verified".into(), open: true });
    }

    #[test]
    fn a_quorum_that_the_team_cannot_give_closes_it_too() {
        let gates = hard_gates(&incident("deploy", SIDE_BY_SIDE), Stamp(0));
        assert_eq!(
            gates,
            [Hard { what: "`declare` needs 1 as commander and the team has 0".into(), open: false }]
        );
    }
}
