//! Rules a runbook should keep beyond its grammar. Never changes what a runbook means.
//!
//! One function per rule, one row per rule in [`RULES`]; `backout lint` prints the row's `doc` and `fix`.

mod approvals;
mod care;
mod case;
mod commands;
mod data;
mod destructive;
mod effects;
mod expected;
mod flow;
mod looks;
mod messages;
mod names;
mod people;
mod secrets;
mod shell;
mod starts;
mod times;
mod values;
mod wording;

pub(in crate::runbook) use case::Report;
pub use case::{Context, Person};
pub use destructive::{changes as changing_word, destroys as destructive_word};

use super::finding::{About, Finding, Severity};
use super::parse::Loaded;
use case::Case;

/// One rule.
pub struct Rule {
    /// Stable name.
    pub code: &'static str,
    /// Whether breaking it keeps the runbook from being used.
    pub severity: Severity,
    /// Why it exists.
    pub doc: &'static str,
    /// What to do about a finding.
    pub fix: &'static str,
    check: fn(&Case<'_>, &mut Report<'_>),
}

impl Rule {
    /// The rule without its judge.
    pub fn about(&self) -> About {
        About { code: self.code, severity: self.severity, doc: self.doc, fix: self.fix }
    }
}

const fn error(
    code: &'static str,
    check: fn(&Case<'_>, &mut Report<'_>),
    doc: &'static str,
    fix: &'static str,
) -> Rule {
    Rule { code, severity: Severity::Error, doc, fix, check }
}

const fn warning(
    code: &'static str,
    check: fn(&Case<'_>, &mut Report<'_>),
    doc: &'static str,
    fix: &'static str,
) -> Rule {
    Rule { code, severity: Severity::Warning, doc, fix, check }
}

/// All rules, in the order of the documentation.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    error("lint-irreversible-uncovered", approvals::irreversible_is_covered,
        "a point of no return needs somebody's yes",
        "add an `approve` step before it whose `covers` names it"),
    error("lint-irreversible-no-target", approvals::irreversible_has_target,
        "the wrong machine is the commonest way to make an incident worse",
        "add `target: {run: …, equals: …}` that asks the target for its name"),
    error("lint-approve-covers-nothing", approvals::approve_covers_something,
        "a hold point that covers nothing binds nobody",
        "name the steps it is about in `covers`"),
    error("lint-approve-too-late", approvals::approve_comes_first,
        "an approval after the fact is none",
        "move the `approve` step before what it covers"),
    warning("lint-approve-before-measure", approvals::covered_steps_use_nothing_measured_later,
        "a value measured after the approval changes what was approved and voids it",
        "take the measurement before the `approve` step"),
    error("lint-suspended-never-resumed", effects::suspended_is_resumed,
        "what is suspended for the rollback must come back",
        "add a step with `resumes`, best in `always`"),
    error("lint-resumed-never-suspended", effects::resumed_was_suspended,
        "a resumption without a suspension is a slip of the pen",
        "use the same name in `suspends` and `resumes`"),
    warning("lint-change-not-verified", effects::changes_are_verified,
        "an exit code never proves the effect",
        "add an `await` or `check` after it, before the next `approve`"),
    warning("lint-approve-own-work", care::approvers_are_others,
        "whoever does it does not see their own mistake",
        "keep `executor` (and best `initiator`) in `separation_of_duties`"),
    warning("lint-destructive", destructive::destructive_words_are_marked,
        "words that destroy belong into steps that say so",
        "set `irreversible: true`, or use `set_aside`"),
    warning("lint-look-changes", destructive::looks_change_nothing,
        "looks start by themselves, are repeated, and run in `plan --probe`: they may change nothing",
        "move the change into a `run` step, and look at its effect here"),
    warning("lint-undo-contradicts", care::undo_is_something_else,
        "an undo is offered in the worst minute, and must take back what the step did",
        "write what takes the step back, or remove `undo` (or `irreversible`)"),
    warning("lint-change-by-anybody", care::changes_have_an_actor,
        "without a seat nobody knows whose turn it is",
        "add `role:`"),
    warning("lint-target-not-asked", care::targets_are_asked,
        "a target that is told its own name is no proof of being on the right machine",
        "ask the machine or the database itself: hostname, current_database(), a cluster's name"),
    warning("lint-pipe-hides-failure", shell::pipes_tell_of_failure,
        "`sh` gives a pipe the exit code of its last command: what fails before it is not seen",
        "write to a file and read it in a second command, or use [bash, -c, \"set -eo pipefail; …\"]"),
    warning("lint-failure-swallowed", shell::failures_are_not_swallowed,
        "a step that cannot fail cannot stop the rollback either",
        "remove `|| true`; use `exit_codes` for codes that are fine"),
    warning("lint-left-running", shell::nothing_is_left_running,
        "what goes on in the background is watched, timed and stopped by nobody",
        "let the step run it in the foreground with a `timeout`, or start a service and `await` it"),
    warning("lint-no-terminal", shell::nobody_is_asked,
        "steps have no terminal: what asks or follows for ever ends in its timeout",
        "use the flag that never asks (`sudo -n`), and `await` instead of following a log"),
    warning("lint-ssh-inside", shell::hosts_are_named,
        "when ssh breaks inside a command, the far side may go on and nobody is told that the outcome is unknown",
        "name the machine in `host:` and add `reconcile`"),
    warning("lint-moving-target", shell::targets_stand_still,
        "names such as `latest` or \"the one before\" mean the bad version as soon as somebody deploys again",
        "ask for the exact version in `params` and name it"),
    warning("lint-value-in-code", values::values_stand_beside_code,
        "a value that is typed in the incident, or measured, becomes a part of the code around it: one quote does something else",
        "hand it over beside the code: psql -v name=VALUE -f FILE with :'name', sh -c '… \"$1\"' sh VALUE, or `env`; or give the parameter a `pattern` without quotes"),
    warning("lint-secret-written", secrets::no_secret_is_written_out,
        "this file is shared, and arguments are visible to everybody on the machine",
        "make it a secret parameter with `env:`, and give it to the command in `env`"),
    warning("lint-cleartext", secrets::credentials_travel_encrypted,
        "whoever listens can act as you",
        "use an https address"),
    error("lint-secret-outside-env", commands::secrets_stay_in_env,
        "arguments and messages are visible to everybody and end in the record",
        "pass the secret in `env` and let the command read it there"),
    warning("lint-suspended-after-abort", care::an_abort_lifts_what_is_suspended,
        "after an abort only `undo` and `always` steps are offered, and what is suspended keeps the incident open",
        "add an `undo` to the step that suspends, or move the step that resumes into `always`"),
    error("lint-no-effect", commands::keys_have_an_effect,
        "a key that does nothing promises something",
        "remove it, or move it to the step it is meant for"),
    error("lint-not-supported", commands::supported_combinations,
        "what cannot be done is refused before the incident, not during it",
        "write it another way"),
    warning("lint-host-unknown", commands::hosts_have_a_reconcile,
        "when the connection breaks, the far side may go on and the outcome is `unknown`",
        "add `reconcile` so that the outcome can be found out"),
    error("lint-goto-backward", flow::jumps_go_forward,
        "a jump backwards would run steps twice",
        "go to a later step, or open a second incident"),
    error("lint-needs-cycle", flow::needs_can_be_met,
        "steps that wait for each other never start",
        "remove one of the `needs`"),
    warning("lint-no-look-first", looks::somebody_looks_first,
        "the commonest mistake is to undo what was never done, or on a system that has moved on",
        "begin with a `check` that there is something to undo and that this is the right place"),
    warning("lint-check-too-early", looks::checks_wait_for_the_effect,
        "right after a command the old answer is often still served",
        "use `await` with `within`, or `count` and `interval`"),
    warning("lint-check-cannot-fail", looks::expectations_can_fail,
        "a check that always passes is worse than none: people believe it",
        "expect what is only true after the rollback"),
    warning("lint-check-ignored", looks::looks_can_stop_the_rollback,
        "a look whose failure or silence stops nobody proves nothing",
        "leave `on_failure: pause` and `on_no_data: inconclusive`, so that a person decides"),
    warning("lint-blind-wait", looks::hold_phases_watch_something,
        "a hold phase is there to notice that the trouble comes back",
        "add `unless: {metric: …, condition: …}`"),
    warning("lint-bare-choice", wording::choices_answer_a_question,
        "`yes` or `OK` means what the reader believes was asked",
        "ask a whole question in `message`, and name the options after what happens"),
    warning("lint-one-option", flow::decisions_have_two_options,
        "a choice of one is none",
        "add an option, or make it `manual`"),
    warning("lint-long-phase", flow::phases_are_short,
        "nobody keeps more than nine steps in view",
        "split the phase"),
    warning("lint-title-twice", wording::titles_differ,
        "two steps of one name cannot be told apart on a call",
        "say in each title what makes it different"),
    warning("lint-phase-name-twice", flow::phase_names_differ,
        "two phases of one name cannot be told apart on a screen",
        "rename one of them"),
    error("lint-measured-later", data::measured_before_used,
        "a comparison needs its measurement first",
        "move the `measure` step before it"),
    warning("lint-measured-beside", data::measurements_are_waited_for,
        "a step that begins before its measurement is there fails",
        "name the `measure` step in `needs`"),
    warning("lint-restore-not-compared", looks::restores_compare_before_they_are_final,
        "a restored server answers queries long before it is known to hold the right rows",
        "`measure` before, and `check` with `same_as` or `csv` before the step that is final"),
    warning("lint-restore-point-unused", looks::the_restore_point_is_used,
        "a point in time that no step uses is not what is restored",
        "use `{{ incident.restore_point }}` in the step that restores"),
    error("lint-region", data::regions_are_allowed,
        "data may not be handled outside its residency",
        "run the step in an allowed region, or have `residency` changed"),
    warning("lint-does-not-undo", data::does_not_undo_says_something,
        "this text is read before the decision and sent to customers",
        "say what stays: messages sent, rows kept, money moved"),
    warning("lint-wording", wording::instructions_are_exact,
        "at 3 a.m. words like simply, just or should hide the part that goes wrong",
        "say what to do, how it looks when it is done, and what to do when it does not"),
    warning("lint-unfinished", wording::nothing_is_left_to_fill_in,
        "a mark that was left for later is found in the incident",
        "fill it in, or make it a parameter"),
    warning("lint-no-message", messages::somebody_is_told,
        "customers who hear nothing call, and the commander answers instead of commanding",
        "add a message template, a `send` step at the start, and a `cadence`"),
    warning("lint-late-message", messages::the_first_message_comes_early,
        "the first message is due within minutes, not when all is done",
        "`send` one before the first change, or add a `cadence`"),
    warning("lint-cadence", messages::updates_come_in_rhythm,
        "updates more often than every 5 minutes are noise, more seldom than hourly are silence",
        "customers: every 20 to 30 minutes, with a template written for them"),
    warning("lint-review-stale", care::the_review_is_fresh,
        "after half a year the system is another one",
        "read it from end to end, rehearse it, and set `reviewed` to that day"),
    warning("lint-window-too-short", care::the_window_is_long_enough,
        "the way back closes while people are on it",
        "correct `window.lasts` or `objectives.rto`, or choose another way back"),
    warning("lint-unused", names::everything_is_used,
        "what nothing uses is a slip or a leftover",
        "use it or remove it"),
    error("lint-unknown-channel", names::channels_exist,
        "a message without a channel reaches nobody",
        "name a channel of the workspace's `channels`"),
    error("lint-unknown-source", names::sources_exist,
        "a metric without a source has no data",
        "name a source of the workspace's `sources`"),
    error("lint-quorum-unreachable", people::quorums_can_be_reached,
        "a quorum the team cannot reach is a locked door",
        "add people with the role to the team, or require fewer"),
    error("lint-role-apart", people::seats_apart_make_sense,
        "a seat that is kept apart from nothing, or from itself, promises what never happens",
        "name another role of this runbook or a standing one, or `executor`"),
    warning("lint-role-vacant", people::roles_have_people,
        "a seat nobody can take stays empty",
        "give somebody in the team the role, or a `stand_in`"),
    error("lint-await-never", times::awaits_can_succeed,
        "a wait that cannot succeed in its own time always fails",
        "make `within` longer than `hold_for`, `unchanged_for` and `every`"),
    warning("lint-deadline-too-short", care::estimates_fit_the_deadline,
        "a step that is ended in the middle of its ordinary run is worse than a slow one",
        "give `timeout` or `within` several times the estimate"),
    warning("lint-retry-once", care::retries_retry,
        "`max_attempts` counts the first try too",
        "write 2 or more, or remove `retry`"),
    error("lint-silence-expected", data::silence_is_no_answer,
        "a command that was cut short prints nothing either, so an empty output is never taken for an answer",
        "have the command print a word, such as `none`, and expect that"),
    error("lint-unchanged-in-check", times::unchanged_needs_time,
        "a check looks once and cannot see that nothing changes",
        "use `await` with `unchanged_for`"),
    warning("lint-longer-than-rto", times::waits_fit_the_rto,
        "a wait longer than the recovery objective ends in a missed objective",
        "shorten `within`, or change `objectives.rto`"),
    warning("lint-no-estimate", times::steps_have_estimates,
        "without estimates nobody can say whether the recovery objective holds",
        "add `estimate:` to every step"),
    warning("lint-threshold-order", times::thresholds_are_ordered,
        "a warning that comes after the critical line warns nobody",
        "swap `warn` and `critical`, or correct `better`"),
    warning("lint-trigger-hasty", care::triggers_last,
        "one bad sample is not a reason to roll back",
        "add `for: 2m`"),
    warning("lint-trigger-inverted", care::triggers_fire_on_trouble,
        "a trigger that holds while all is well advises to roll back a healthy service",
        "turn the comparison round, or correct the metric's `better`"),
];

/// Judges a loaded runbook. What the workspace knows goes into `context`; rules that need more than is given
/// are left out.
pub fn lint(loaded: &Loaded, context: &Context) -> Vec<Finding> {
    let case = Case::new(loaded, context);
    let mut findings = loaded.findings.clone();
    for rule in RULES {
        let mut report = Report::new(rule.code, rule.severity, rule.fix, &loaded.places, &mut findings);
        (rule.check)(&case, &mut report);
    }
    loaded.places.finish(&mut findings);
    findings
}

#[cfg(test)]
mod tests;
