//! Rules a scenario should keep beyond its grammar: a rehearsal in which nothing is decided, nothing is seen and
//! nothing is asked afterwards teaches nothing. Never changes what a scenario means.

mod beside;
mod play;

use super::Loaded;
use super::model::Scenario;
use crate::runbook::finding::{About, Finding, Severity};
use crate::runbook::lint::Report;
use crate::runbook::model::Runbook;

/// What the workspace knows beside the scenario.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Every runbook of the workspace; nothing when there is no workspace.
    pub runbooks: Option<&'a [&'a Runbook]>,
}

struct Case<'a> {
    scenario: &'a Scenario,
    runbooks: Option<&'a [&'a Runbook]>,
    /// The one it was written for, when that is known.
    runbook: Option<&'a Runbook>,
}

struct Rule {
    about: About,
    check: fn(&Case<'_>, &mut Report<'_>),
}

const fn rule(
    severity: Severity,
    code: &'static str,
    check: fn(&Case<'_>, &mut Report<'_>),
    doc: &'static str,
    fix: &'static str,
) -> Rule {
    Rule { about: About { code, severity, doc, fix }, check }
}

use Severity::{Error, Warning};

#[rustfmt::skip]
const RULES: &[Rule] = &[
    rule(Error, "scenario-objective-empty", play::objectives_have_tasks,
        "an objective that nobody has to do anything for is practised by nobody",
        "name the tasks that belong to it"),
    rule(Error, "scenario-task-unseen", play::tasks_are_seen,
        "a task that no expectation shows is never rated, however well it was done",
        "add an expectation with `task:`, or remove the task"),
    rule(Warning, "scenario-inject-pointless", play::injects_have_a_point,
        "what players are told and nothing waits for is noise that nobody chose",
        "name it in `after` or `from` of an expectation, let it `set` something, or say its `purpose`"),
    rule(Error, "scenario-unreachable", play::conditions_can_hold,
        "what can never hold never happens, and an expectation of it is never met",
        "let a command or an inject `set` the state, or compare with a time inside `clock.duration`"),
    rule(Warning, "scenario-no-decision", play::something_is_decided,
        "a rehearsal with one way through practises typing",
        "add to `decisions` a question with at least two options, and what speaks for each"),
    rule(Warning, "scenario-too-busy", play::people_can_keep_up,
        "more than one message every two minutes to one seat measures reading and not deciding",
        "spread them out, or tell them to different seats"),
    rule(Warning, "scenario-herring-alone", play::herrings_have_company,
        "a false trail that is the only thing to follow for five minutes is a trap and not a distraction",
        "let something true come within five minutes of it"),
    rule(Warning, "scenario-fast-people", play::people_are_not_sped_up,
        "people think at one speed: three minutes at ten times the speed are eighteen seconds",
        "set `clock.speed: 1` and let waits run fast with `wait_speed`"),
    rule(Warning, "scenario-nothing-at-stake", play::something_can_fail,
        "a rehearsal that nobody can fail proves nothing, to people and to pipelines",
        "mark an expectation `critical: true`, or add one of `kind: budget`"),
    rule(Warning, "scenario-unused", play::states_are_read,
        "a state that nothing reads is a slip or a leftover",
        "use it in a condition, or remove it"),
    rule(Warning, "scenario-hint-elsewhere", play::hints_come_from_the_facilitator,
        "a hint in a player's voice cannot be told from the story, and caps a rating nobody sees",
        "send it through `channel: facilitator`"),
    rule(Warning, "scenario-stub-hidden", play::stubs_are_reached,
        "the first answer that fits is given, so this one never is",
        "put it before the other one, or give the other one a `when`"),
    rule(Warning, "scenario-debrief-thin", play::the_debrief_asks,
        "what is learnt is learnt afterwards, by answering questions about this very story",
        "ask at least two questions that only this story answers"),
    rule(Error, "scenario-runbook-unknown", beside::its_runbook_is_there,
        "a scenario without its runbook cannot be played",
        "write the `id` of a runbook of this workspace"),
    rule(Error, "scenario-class-differs", beside::its_class_is_the_runbooks,
        "a scenario of one class says nothing about a runbook of another",
        "write the runbook's class"),
    rule(Error, "scenario-role-unknown", beside::roles_are_seats,
        "a role that the runbook does not have can be taken by nobody",
        "use the runbook's roles"),
    rule(Error, "scenario-event-never", beside::events_can_happen,
        "an event about something that the runbook does not have never happens",
        "name a step, role, template, trigger, measurement or suspension of the runbook"),
    rule(Warning, "scenario-metric-unknown", beside::curves_are_of_its_metrics,
        "a curve that no pane of the runbook shows is seen by nobody",
        "use the metric's name in the runbook"),
    rule(Warning, "scenario-command-unanswered", beside::its_commands_are_answered,
        "in a rehearsal nothing is run: a command without an answer stops it",
        "add to `world.commands` a `match` for the line as `plan` shows it"),
    rule(Warning, "scenario-stub-idle", beside::stubs_are_of_its_commands,
        "an answer to a command that the runbook never starts is a slip",
        "match the line as `plan` shows it, with `*` for what is filled in"),
];

/// The rules, for those who explain them.
pub fn rules() -> impl Iterator<Item = About> {
    RULES.iter().map(|rule| rule.about)
}

/// Judges a loaded scenario.
pub fn lint(loaded: &Loaded, context: Context<'_>) -> Vec<Finding> {
    let scenario = &loaded.scenario;
    let named = scenario.runbook.as_ref();
    let runbook = context.runbooks.and_then(|all| all.iter().find(|r| Some(&r.id) == named).copied());
    let case = Case { scenario, runbooks: context.runbooks, runbook };
    let mut findings = Vec::new();
    for Rule { about, check } in RULES {
        let mut report = Report::new(about.code, about.severity, about.fix, &loaded.places, &mut findings);
        check(&case, &mut report);
    }
    loaded.places.finish(&mut findings);
    findings
}
