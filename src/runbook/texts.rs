//! Every text of a runbook that templates fill, with its place. Never fills one.

use super::model::{Action, Command, Condition, Expect, Runbook, Step, Subject};
use super::template::Spot;

/// A text and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a> {
    /// Where it stands, such as `phases[0].steps[2].run[1]`.
    pub path: String,
    /// The text as written.
    pub text: &'a str,
    /// What it becomes.
    pub spot: Spot,
}

/// All template texts of the runbook, the steps' included.
pub fn of_runbook(runbook: &Runbook) -> Vec<Text<'_>> {
    let mut out = Collector::default();
    if let Some(window) = &runbook.window {
        out.put("window.opens_at".to_owned(), &window.opens_at, Spot::Words);
    }
    for template in &runbook.comms.templates {
        out.put(format!("comms.templates.{}.text", template.name), &template.text, Spot::Words);
    }
    for (base, step) in steps(runbook) {
        collect_step(step, &base, &mut out);
    }
    out.0
}

/// All steps with their places, `always` last.
pub fn steps(runbook: &Runbook) -> impl Iterator<Item = (String, &Step)> {
    let phases = runbook.phases.iter().enumerate();
    let in_phases = phases.flat_map(|(p, phase)| {
        phase.steps.iter().enumerate().map(move |(s, step)| (format!("phases[{p}].steps[{s}]"), step))
    });
    in_phases.chain(runbook.always.iter().enumerate().map(|(s, step)| (format!("always[{s}]"), step)))
}

/// All template texts of one step; `base` is its place.
pub fn of_step<'a>(step: &'a Step, base: &str) -> Vec<Text<'a>> {
    let mut out = Collector::default();
    collect_step(step, base, &mut out);
    out.0
}

#[derive(Default)]
struct Collector<'a>(Vec<Text<'a>>);

impl<'a> Collector<'a> {
    fn put(&mut self, path: String, text: &'a str, spot: Spot) {
        self.0.push(Text { path, text, spot });
    }

    fn optional(&mut self, path: String, text: Option<&'a String>, spot: Spot) {
        if let Some(text) = text {
            self.put(path, text, spot);
        }
    }

    fn command(&mut self, path: &str, command: &'a Command) {
        match command {
            Command::Shell(text) => self.put(path.to_owned(), text, Spot::Shell),
            Command::Argv(args) => {
                for (i, arg) in args.iter().enumerate() {
                    self.put(format!("{path}[{i}]"), arg, Spot::Argument);
                }
            }
        }
    }

    fn subject(&mut self, path: &str, subject: &'a Subject) {
        match subject {
            Subject::Run(command) => self.command(&format!("{path}.run"), command),
            Subject::Http(http) => {
                self.put(format!("{path}.http.url"), &http.url, Spot::Address);
                for (name, value) in &http.headers {
                    self.put(format!("{path}.http.headers.{name}"), value, Spot::Header);
                }
                self.optional(format!("{path}.http.body"), http.body.as_ref(), Spot::Words);
            }
            Subject::Metric { .. } => {}
        }
    }

    fn condition(&mut self, path: &str, condition: &'a Condition) {
        self.subject(path, &condition.subject);
        self.expect(&format!("{path}.expect"), &condition.expect);
    }

    /// Places inside an expectation are those of the expectation: the tree may have folded its keys.
    fn expect(&mut self, path: &str, expect: &'a Expect) {
        match expect {
            Expect::Equals(text) => self.put(format!("{path}.equals"), text, Spot::Words),
            Expect::NotEquals(text) => self.put(format!("{path}.not_equals"), text, Spot::Words),
            Expect::Matches(text) => self.put(format!("{path}.matches"), text, Spot::Pattern),
            Expect::NotMatches(text) => self.put(format!("{path}.not_matches"), text, Spot::Pattern),
            Expect::Json(paths) => paths.iter().for_each(|(_, e)| self.expect(path, e)),
            Expect::Csv(table) => {
                for text in &table.except {
                    self.put(format!("{path}.csv.except"), text, Spot::Words);
                }
            }
            Expect::AnyOf(list) | Expect::AllOf(list) => list.iter().for_each(|e| self.expect(path, e)),
            Expect::Not(inner) => self.expect(path, inner),
            Expect::Min(_)
            | Expect::Max(_)
            | Expect::Between(..)
            | Expect::SameAs { .. }
            | Expect::Within { .. }
            | Expect::UnchangedFor(_) => {}
        }
    }
}

fn collect_step<'a>(step: &'a Step, base: &str, out: &mut Collector<'a>) {
    let at = |key: &str| format!("{base}.{key}");
    collect_action(&step.action, &at(step.action.word()), out);
    out.optional(at("text"), step.text.as_ref(), Spot::Words);
    out.optional(at("when"), step.when.as_ref(), Spot::Words);
    out.optional(at("host"), step.host.as_ref(), Spot::Argument);
    out.optional(at("cwd"), step.cwd.as_ref(), Spot::Argument);
    for (name, text) in &step.env {
        out.put(format!("{base}.env.{name}"), text, Spot::Environment);
    }
    if let Some(target) = &step.target {
        out.command(&at("target.run"), &target.run);
        out.put(at("target.equals"), &target.equals, Spot::Words);
    }
    if let Some(progress) = &step.progress {
        out.command(&at("progress"), progress);
    }
    if let Some(undo) = &step.undo {
        out.command(&at("undo"), undo);
    }
    if let Some(reconcile) = &step.reconcile {
        out.condition(&at("reconcile"), reconcile);
    }
    if let Some(backlog) = &step.backlog {
        out.command(&at("backlog.count"), &backlog.count);
    }
}

fn collect_action<'a>(action: &'a Action, at: &str, out: &mut Collector<'a>) {
    match action {
        Action::Manual { text } => out.put(at.to_owned(), text, Spot::Words),
        Action::Run { command, .. } => out.command(at, command),
        Action::Await(a) => {
            out.condition(at, &a.condition);
            if let Some(fail) = &a.fail_on {
                out.expect(&format!("{at}.fail_on"), fail);
            }
        }
        Action::Check(c) => out.condition(at, &c.condition),
        Action::Measure { subject, .. } => out.subject(at, subject),
        Action::Approve(a) => out.optional(format!("{at}.message"), a.message.as_ref(), Spot::Words),
        Action::Decide { message, .. } => {
            out.optional(format!("{at}.message"), message.as_ref(), Spot::Words)
        }
        Action::SetAside { path } => out.put(at.to_owned(), path, Spot::Argument),
        Action::Send { .. } | Action::Wait { .. } => {}
    }
}
