//! Rules a runbook should keep beyond its grammar. Never changes what a runbook means.
//!
//! One function per rule, one row per rule in [`RULES`]; `backout lint` prints the row's `doc` and `fix`.

mod approvals;
mod case;
mod commands;
mod data;
mod effects;
mod flow;
mod names;
mod people;
mod times;

pub use case::{Context, Person};

use super::finding::{Finding, Severity};
use super::parse::Loaded;
use case::{Case, Report};

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
        "add an `await` or `check` after it, before the phase ends and before the next `approve`"),
    warning("lint-destructive", commands::destructive_words_are_marked,
        "words that destroy belong into steps that say so",
        "set `irreversible: true`, or use `set_aside`"),
    error("lint-secret-outside-env", commands::secrets_stay_in_env,
        "arguments and messages are visible to everybody and end in the record",
        "pass the secret in `env` and let the command read it there"),
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
    warning("lint-one-option", flow::decisions_have_two_options,
        "a choice of one is none",
        "add an option, or make it `manual`"),
    warning("lint-long-phase", flow::phases_are_short,
        "nobody keeps more than nine steps in view",
        "split the phase"),
    warning("lint-phase-name-twice", flow::phase_names_differ,
        "two phases of one name cannot be told apart on a screen",
        "rename one of them"),
    error("lint-measured-later", data::measured_before_used,
        "a comparison needs its measurement first",
        "move the `measure` step before it"),
    error("lint-region", data::regions_are_allowed,
        "data may not be handled outside its residency",
        "run the step in an allowed region, or have `residency` changed"),
    warning("lint-does-not-undo", data::does_not_undo_says_something,
        "this text is read before the decision and sent to customers",
        "say what stays: messages sent, rows kept, money moved"),
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
    warning("lint-role-vacant", people::roles_have_people,
        "a seat nobody can take stays empty",
        "give somebody in the team the role, or a `stand_in`"),
    error("lint-await-never", times::awaits_can_succeed,
        "a wait that cannot succeed in its own time always fails",
        "make `within` longer than `hold_for`, `unchanged_for` and `every`"),
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
