//! `report`: the review of an incident, from its record. Never writes into the incident's folder, and never over a
//! file that is there.

use crate::cli::args::{Args, Report, ReportFormat};
use crate::cli::context::Context;
use crate::cli::{print, record, say, verify as judge};
use crate::console::link::Recorded;
use crate::console::story;
use crate::core::incident::Incident;
use crate::error::{Failure, Kind, Result};
use crate::metrics::series::Sample;
use crate::review::{self, Source, Told, html, markdown};
use crate::sanitize;
use crate::timeline::evidence::Evidence;
use crate::timeline::verify::{self, Ask, Roster, Verdict};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

/// Longer texts are cut in the report; the record has them whole.
const LONGEST: usize = 2_000;

/// Runs the verb.
pub fn run(args: &Args, verb: &Report) -> Result<()> {
    let dir = record::find(&Context::of(args)?.state, Some(&verb.incident))?;
    let loaded = record::load(&dir)?;
    let (verdict, holds) = verdict(&dir)?;
    let events = told(&dir, &loaded.incident);
    let samples = samples(&dir);
    let source = Source {
        incident: &loaded.incident,
        events: &events,
        samples: &samples,
        narrative: std::fs::read_to_string(dir.join("narrative.md")).ok(),
        verdict: (verdict, holds),
        head: loaded.head.short_code(),
    };
    let review = review::review(&source);
    let page = || review::page::page(&review);
    let text = match verb.format {
        ReportFormat::Md => markdown::write(&page()),
        ReportFormat::Html => html::write(&page()),
        ReportFormat::Json => {
            let broken = |e| Failure::new(Kind::Internal, "the review has no JSON form").because(e);
            sanitize::json(&serde_json::to_string(&review).map_err(broken)?) + "\n"
        }
    };
    match &verb.output {
        Some(path) => {
            let refused = |e| {
                Failure::environment(format!("cannot write {}", path.display()))
                    .because(e)
                    .hint("a report never replaces a file: name a new one")
            };
            let mut file = std::fs::File::create_new(path).map_err(refused)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(refused)?;
            say(&format!("the review is in {}", path.display()));
        }
        None => print(text.trim_end()),
    }
    match holds {
        true => Ok(()),
        false => {
            Err(Failure::new(Kind::No, "the record does not verify; the review says so at its beginning"))
        }
    }
}

/// What checking the record comes to, in a sentence, and whether it holds.
fn verdict(dir: &Path) -> Result<(String, bool)> {
    let unreadable = |e| Failure::environment(format!("{} cannot be read", dir.display())).because(e);
    let evidence = Evidence::open(dir).map_err(unreadable)?;
    let start = judge::start(&evidence);
    let roster = Roster::Bundled;
    let policies = judge::policies(&evidence);
    let ask = Ask {
        start,
        roster,
        expected: Vec::new(),
        anchors: Vec::new(),
        since: None,
        witnesses: Vec::new(),
        policies,
    };
    let report = verify::verify(&evidence, ask).map_err(unreadable)?;
    let counts = format!("{} events, {} statements, {} acts", report.events, report.statements, report.acts);
    Ok(match report.verdict() {
        Verdict::Verified => (format!("verified: {counts}; roster: self-asserted"), true),
        Verdict::NotAnchored => (format!("consistent, not anchored: {counts}; roster: self-asserted"), true),
        Verdict::DoesNotVerify => {
            let first = report.findings.first();
            let first = first.map(|f| format!("event {}: {}: {}", f.event, f.check.word(), f.why));
            (format!("does not verify: {}", first.unwrap_or_default()), false)
        }
    })
}

/// Every sealed event with its sentence.
fn told(dir: &Path, incident: &Incident) -> Vec<Told> {
    let mut said = record::texts(dir);
    let mut all = Vec::new();
    record::each_event(dir, &mut |event| {
        let said = said.remove(&event.seq).into_iter();
        let said = said.map(|text| sanitize::line(text.chars().take(LONGEST).collect::<String>())).collect();
        let row = story::row(&Recorded { event: event.clone(), said, proposed: None }, Some(incident));
        all.push(Told { event: event.clone(), words: row.what.into_string() });
    });
    all
}

fn samples(dir: &Path) -> BTreeMap<String, Vec<Sample>> {
    let mut out: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    let Ok(file) = std::fs::File::open(dir.join("metrics.jsonl")) else { return out };
    for line in BufReader::new(file).lines().map_while(std::result::Result::ok) {
        if let Some((metric, sample)) = Sample::from_line(&line) {
            out.entry(metric).or_default().push(sample);
        }
    }
    out
}
