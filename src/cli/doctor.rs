//! `doctor`: what works here, what does not, and what to do. Never changes anything, and sends nothing to anybody.

use crate::cli::args::{Args, Doctor};
use crate::cli::context::Context;
use crate::cli::{print, print_json};
use crate::error::{Failure, Kind, Result};
use crate::sanitize;
use serde_json::{Value, json};

mod keys;
mod machine;
mod outside;
mod roster;
mod terminal;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// As it should be.
    Works,
    /// In the way of an incident.
    Broken,
    /// Not in the way, but worth a word.
    Remark,
}

impl How {
    fn word(self) -> &'static str {
        match self {
            How::Works => "works",
            How::Broken => "broken",
            How::Remark => "remark",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
struct Found {
    area: &'static str,
    how: How,
    what: String,
    to_do: Option<String>,
}

/// Everything that was found, in the order it was looked at.
#[derive(Debug, Default)]
struct Report(Vec<Found>);

impl Report {
    fn works(&mut self, area: &'static str, what: impl Into<String>) {
        self.0.push(Found { area, how: How::Works, what: what.into(), to_do: None });
    }

    fn broken(&mut self, area: &'static str, what: impl Into<String>, to_do: impl Into<String>) {
        self.0.push(Found { area, how: How::Broken, what: what.into(), to_do: Some(to_do.into()) });
    }

    fn remark(&mut self, area: &'static str, what: impl Into<String>, to_do: impl Into<String>) {
        self.0.push(Found { area, how: How::Remark, what: what.into(), to_do: Some(to_do.into()) });
    }
}

/// Runs the verb.
pub fn run(args: &Args, verb: &Doctor) -> Result<()> {
    let context = Context::of(args)?;
    let mut report = Report::default();
    let workspace = match context.workspace(None) {
        Ok(workspace) => {
            report.works("workspace", workspace.root.display().to_string());
            Some(workspace)
        }
        Err(failure) => {
            report.broken(
                "workspace",
                failure.to_string(),
                "go into its folder, say --workspace DIR, or make one: backout init",
            );
            None
        }
    };
    keys::look(args, workspace.as_ref(), &mut report);
    if let Some(workspace) = &workspace {
        roster::look(workspace, &mut report);
        outside::look(workspace, &mut report);
    }
    machine::look(&context.state, workspace.as_ref(), &mut report);
    terminal::look(&mut report);
    show(&report, verb);
    let broken = report.0.iter().filter(|f| f.how == How::Broken).count();
    if broken == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Kind::No,
        format!("{broken} of {} things would be in the way of an incident", report.0.len()),
    ))
}

fn show(report: &Report, verb: &Doctor) {
    if verb.json {
        let all: Vec<Value> = report
            .0
            .iter()
            .map(|f| json!({"area": f.area, "status": f.how.word(), "what": f.what, "do": f.to_do}))
            .collect();
        print_json(&Value::Array(all).to_string());
        return;
    }
    let mut text = String::new();
    for found in &report.0 {
        let what = sanitize::text(&found.what);
        let mut lines = what.as_str().lines();
        let first = lines.next().unwrap_or_default();
        text.push_str(&format!("{:<7} {:<10} {first}\n", found.how.word(), found.area));
        for line in lines.map(str::trim).filter(|l| !l.is_empty()) {
            text.push_str(&format!("{:19}{line}\n", ""));
        }
        if let Some(to_do) = &found.to_do {
            text.push_str(&format!("{:19}do: {}\n", "", sanitize::line(to_do).as_str()));
        }
    }
    print(&text);
}
