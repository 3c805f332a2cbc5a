//! The last words of a demo: folder, verdict, one approval for stock tools, the numbers. Never says "verified" unless
//! the judge did.

use std::path::Path;

use crate::cli::{print, record};
use crate::core::incident::{Incident, Stage};
use crate::demo::outcome::{self, Approval, Stock};
use crate::demo::script::Part;
use crate::demo::stage::Stage as Place;
use crate::error::{Failure, Kind, Result};
use crate::runbook::template::shown_argv;
use crate::sanitize;
use crate::timeline::verify::{Report, Verdict};

/// Who commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Somebody at the console, who may leave before the end.
    Person,
    /// Stand-ins, who must bring it to the end.
    StandIns,
}

/// Prints what it came to.
///
/// # Errors
/// It did not come to what a demo must come to.
pub(super) fn tell(stage: &Place, dir: &Path, who: Who) -> Result<()> {
    let incident = record::load(dir)?.incident;
    let report = outcome::judge(dir, &stage.allowed_signers())?;
    let approval = outcome::write_out(dir, &stage.dir.join("evidence"))?;
    let switched = incident.runs.get("switch").and_then(|run| run.started_at);
    let fall = switched.and_then(|at| outcome::fall(dir, at));
    print("\n");
    if let Some(fall) = fall {
        print(&format!("Failed checkouts: {}", fall.words()));
    }
    print(&format!("Folder: {} (yours to look at, and to remove)", stage.dir.display()));
    print(&format!("Record: {}", dir.display()));
    print(&format!("Verdict: {}", verdict(&report)));
    for finding in &report.findings {
        print(&sanitize::line(format!("  event {}: {}", finding.event, finding.why)).into_string());
    }
    print(&format!("  {}", again(stage, dir)));
    let stock = approval.as_ref().map(|approval| tell_approval(approval, &incident));
    judge(&incident, &report, stock.as_ref(), fall, who)
}

fn verdict(report: &Report) -> String {
    let lines = report.lines();
    let first = lines.first().map(String::as_str).unwrap_or_default();
    let anchored =
        report.anchored.as_ref().map_or_else(String::new, |(n, by)| format!("; {by} names {n} of them"));
    let what = format!(
        "{first}: {} events, {} statements, {} acts{anchored}",
        report.events, report.statements, report.acts
    );
    sanitize::line(what).into_string()
}

/// The command that judges the record again.
fn again(stage: &Place, dir: &Path) -> String {
    let words = [
        "backout".to_owned(),
        "verify".to_owned(),
        dir.display().to_string(),
        "--allowed-signers".to_owned(),
        stage.allowed_signers().display().to_string(),
    ];
    shown_argv(&words)
}

fn tell_approval(approval: &Approval, incident: &Incident) -> Stock {
    let name = Part::Sre.id();
    let people = incident.team.people.iter().find(|p| p.id.as_str() == name);
    let name = people.map_or(name, |p| p.name.as_str());
    print(&format!("What {name} approved, checked without this program:"));
    let folder = ["cd".to_owned(), approval.folder.display().to_string()];
    print(&format!("  {} && {}", shown_argv(&folder), approval.line));
    let stock = approval.check();
    match &stock {
        Stock::Agrees(words) => print(&format!("  {words}")),
        Stock::Disagrees(words) => print(&format!("  ssh-keygen does not agree: {words}")),
        Stock::Missing => print("  (ssh-keygen is not installed here; the line works wherever it is)"),
    }
    stock
}

fn judge(
    incident: &Incident,
    report: &Report,
    stock: Option<&Stock>,
    fall: Option<outcome::Fall>,
    who: Who,
) -> Result<()> {
    let no = |what: &str| Failure::new(Kind::No, what);
    if let Some(Stock::Disagrees(words)) = stock {
        return Err(no("ssh-keygen does not agree with an approval of this record").because(words));
    }
    match (report.verdict(), incident.stage, who) {
        (Verdict::DoesNotVerify, ..) => return Err(no("the record does not verify")),
        (Verdict::NotAnchored, Stage::Closed, _) | (Verdict::NotAnchored, _, Who::StandIns) => {
            return Err(no("nobody vouches for the length of the record"));
        }
        (Verdict::NotAnchored, Stage::Empty | Stage::Open | Stage::Declared, Who::Person) => {
            print("You left before the record was closed, so nobody vouches for its length.");
            print("The demo has ended with you: hub, shop and visitors are gone.");
        }
        (Verdict::Verified, ..) => {}
    }
    if who == Who::Person {
        return Ok(());
    }
    if let Some(why) = &incident.aborted {
        return Err(no("the rollback was aborted").because(sanitize::line(why)));
    }
    match (fall, stock) {
        (Some(fall), Some(_)) if fall.after < fall.before => Ok(()),
        (Some(_) | None, Some(_)) => Err(no("the failed checkouts did not become fewer")),
        (_, None) => Err(no("nobody approved anything")),
    }
}
