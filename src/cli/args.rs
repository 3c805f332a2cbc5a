//! What can be typed. Never does anything.

mod act;
mod people;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub use act::{Act, Consent, Note, OnGate, OnIncident, OnStep, VerdictArg};
pub use people::{Handover, OpinionArg, Redact};

/// A terminal incident console for rollbacks.
#[derive(Debug, Parser)]
#[command(name = "backout", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Args {
    /// Folder of the team (default: found upward from here, by its backout.yaml)
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Folder of the incidents (default: $BACKOUT_STATE, $XDG_STATE_HOME/backout, ~/.local/state/backout)
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Act as this person (default: whoever allowed_signers lists for your key)
    #[arg(long = "as", global = true, value_name = "PERSON")]
    pub person: Option<String>,
    /// SSH key file to sign with (default: your ssh-agent)
    #[arg(long, global = true, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Reach the hub at this socket, such as one that `ssh -L` forwards
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Reach the hub over ssh: `ssh://[user@]host[:port][/state]`; console and key stay here
    #[arg(long, global = true, value_name = "ADDRESS", conflicts_with = "socket")]
    pub via: Option<String>,
    /// Colours: from the terminal, always, or never
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
    /// Only ASCII on the screen
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Colours of the console: default-dark, default-light, ansi16, high-contrast, colour-blind-safe, mono, or your own
    /// in ~/.config/backout/themes
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Shown times stand still until something happens: an idle screen then sends nothing at all
    #[arg(long, global = true)]
    pub no_clock: bool,
    /// The console takes clicks and the wheel; your terminal then selects text with shift held. `:mouse` does it too
    #[arg(long, global = true)]
    pub mouse: bool,
    /// The key that sshd let in, behind `captive`
    #[arg(skip)]
    pub captive: Option<crate::identity::key::Presented>,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// As the terminal and `NO_COLOR` say.
    Auto,
    /// All of them.
    Always,
    /// None.
    Never,
}

/// How to print findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code scanning.
    Sarif,
    /// For annotations in a pipeline.
    Github,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    Text,
    /// For a change ticket.
    Markdown,
    /// For programs.
    Json,
}

/// For real or as a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// For real
    Live,
    /// Rehearsal: nothing that changes anything is run
    Drill,
    /// Rehearsal around a table
    Tabletop,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Try it: a rollback of a real small shop, with stand-in teammates; no set-up
    Demo(Demo),
    /// Make a workspace: backout.yaml, team.yaml, allowed_signers (from your agent), a first runbook
    Init(Init),
    /// Judge runbooks: what is wrong, where, and what to write instead
    Lint(Lint),
    /// Show every step with its resolved commands, approvals and points of no return; runs nothing that changes anything
    Plan(Plan),
    /// Show what changed in a runbook since it was last used; exit 1 when something did
    Diff(Diff),
    /// Turn a Markdown checklist into the draft of a runbook; what it cannot decide is marked `# DECIDE:`
    Import(Import),
    /// List what people changed or asked for during incidents of a runbook, and accept or reject it
    Redlines(Redlines),
    /// Print the JSON Schema of a format, so that editors complete and check it
    Schema(Schema),
    /// Open an incident: start its hub and attach a console
    Open(Open),
    /// Attach to a running incident
    Join(Join),
    /// Look at agent, keys, roster, sources, permissions, terminal, clock and disk: what works, and what to do
    Doctor(Doctor),
    /// Let an account of this machine in, where no group is shared (POSIX ACL)
    Invite(Invite),
    /// Print exactly the statement that waits for a person, to sign with stock ssh-keygen
    Pending(Pending),
    /// Hand in a signature made with stock ssh-keygen: on standard input, alone or behind its text
    Submit(Submit),
    /// The console as the only thing a shared login can do (for sshd's ForceCommand)
    Captive,
    /// Carry bytes between standard input and output and a hub (the far end of --via)
    #[command(hide = true)]
    Stdio(Stdio),
    /// Start the hub of an incident whose hub is gone
    Resume(Resume),
    /// List the incidents
    List(List),
    /// Tell where an incident stands
    Status(Status),
    /// Watch the criteria of a runbook after a deployment: exit 0 quiet, 10 rollback advised, 3 cannot see
    Watch(Watch),
    /// Check a record: bytes, tree, seals, signatures, and every rule replayed
    Verify(Verify),
    /// Show one event to somebody without the others
    Prove(Prove),
    /// Write out what an auditor needs: statements and signatures for stock ssh-keygen, and the record
    Export(Export),
    /// Write the review of an incident: what happened when, who approved what, what was not undone
    Report(Report),
    /// An act
    #[command(flatten)]
    Act(Act),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// `demo`
#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Play it unattended, with stand-ins for everyone
    #[arg(long)]
    pub headless: bool,
    /// Keep the workspace in this folder (default: a new temporary one, kept for you to look at)
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `init`
#[derive(Debug, ClapArgs)]
pub struct Init {
    /// The folder (default: here)
    pub dir: Option<PathBuf>,
}

/// `lint`
#[derive(Debug, ClapArgs)]
pub struct Lint {
    /// Files or folders (default: the workspace's runbooks/)
    pub paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Warnings count as errors
    #[arg(long)]
    pub strict: bool,
    /// Say what a code means and what to do about it
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "rules"])]
    pub explain: Option<String>,
    /// List every rule, as Markdown or with --format json
    #[arg(long, conflicts_with = "paths")]
    pub rules: bool,
}

/// Answers to a runbook's questions.
#[derive(Debug, Clone, ClapArgs)]
pub struct Params {
    /// The answer to one of the runbook's questions
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// The point in time to restore to (RFC 3339), for data and restore runbooks
    #[arg(long, value_name = "TIME")]
    pub restore_point: Option<String>,
}

/// `plan`
#[derive(Debug, ClapArgs)]
pub struct Plan {
    /// The runbook
    pub runbook: PathBuf,
    /// The answers
    #[command(flatten)]
    pub params: Params,
    /// How to print
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
    /// Run what only looks, once; exit 1 when a check fails
    #[arg(long)]
    pub probe: bool,
}

/// `diff`
#[derive(Debug, ClapArgs)]
pub struct Diff {
    /// The runbook
    pub runbook: PathBuf,
    /// Compare with this incident's copy, or this file (default: the newest incident of the runbook)
    #[arg(long, value_name = "INCIDENT")]
    pub against: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
}

/// `import`
#[derive(Debug, ClapArgs)]
pub struct Import {
    /// The checklist
    pub file: PathBuf,
    /// Where to; never overwritten (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `redlines`
#[derive(Debug, ClapArgs)]
pub struct Redlines {
    /// The runbook
    pub runbook: PathBuf,
    /// It is in the runbook now; signed with your own key
    #[arg(long, value_name = "N", conflicts_with = "reject")]
    pub accept: Option<usize>,
    /// It stays out of the runbook; needs a reason, and is signed with your own key
    #[arg(long, value_name = "N", requires = "reason")]
    pub reject: Option<usize>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Print exactly the text that was signed with an answer, to check it with stock ssh-keygen
    #[arg(long, value_name = "N", conflicts_with_all = ["accept", "reject", "collect"])]
    pub statement: Option<usize>,
    /// Write the open ones into the workspace too, so that people on other machines see them
    #[arg(long)]
    pub collect: bool,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `schema`
#[derive(Debug, ClapArgs)]
pub struct Schema {
    /// Of which file
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// The files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A runbook.
    Runbook,
    /// A scenario for a rehearsal.
    Scenario,
    /// `team.yaml`.
    Team,
    /// `backout.yaml`.
    Workspace,
}

/// `open`
#[derive(Debug, ClapArgs)]
pub struct Open {
    /// The runbook
    pub runbook: PathBuf,
    /// The answers
    #[command(flatten)]
    pub params: Params,
    /// For real or as a rehearsal
    #[arg(long, value_enum, default_value_t = ModeArg::Live)]
    pub mode: ModeArg,
    /// 1 (worst) to 5
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub severity: u8,
    /// Take this seat; may be given several times (default: every seat of the runbook that your roles allow)
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<String>,
    /// Why it opens although redlines of the runbook wait for an answer; goes into the record
    #[arg(long, value_name = "REASON")]
    pub with_open_redlines: Option<String>,
    /// Open although another live incident holds this service and environment; says why in a note
    #[arg(long, value_name = "REASON")]
    pub take_over: Option<String>,
    /// No console: print one line an event; people act from other terminals
    #[arg(long)]
    pub headless: bool,
    /// With --headless: start each step of mine as soon as it is ready (never approves, confirms or retypes anything)
    #[arg(long, requires = "headless")]
    pub advance: bool,
    /// One JSON object an event instead of a line for people
    #[arg(long, requires = "headless")]
    pub json: bool,
}

/// `join`
#[derive(Debug, ClapArgs)]
pub struct Join {
    /// The incident, the beginning of its id, its folder or its socket (default: the newest)
    pub incident: Option<String>,
    /// Only look on; needs no key
    #[arg(long)]
    pub observe: bool,
    /// Line mode, for screen readers and plain terminals
    #[arg(long)]
    pub plain: bool,
    /// Take this seat; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<String>,
}

/// `doctor`
#[derive(Debug, ClapArgs)]
pub struct Doctor {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `invite`
#[derive(Debug, ClapArgs)]
pub struct Invite {
    /// The account, as it logs in
    pub account: String,
    /// The incident, or the beginning of its id
    pub incident: String,
    /// Also let them pass through the folders above the state, such as a home
    #[arg(long)]
    pub through: bool,
    /// Take the way in back: nobody of the account comes in any more
    #[arg(long, conflicts_with = "through")]
    pub undo: bool,
}

/// `pending`
#[derive(Debug, ClapArgs)]
pub struct Pending {
    /// The incident, or the beginning of its id
    pub incident: String,
    /// The hold point, `declare` or `close` (default: the one request that waits for the person)
    pub step: Option<String>,
    /// The statement that denies
    #[arg(long, conflicts_with = "override_")]
    pub deny: bool,
    /// The break-glass statement
    #[arg(long = "override")]
    pub override_: bool,
    /// In this role (default: the one role asked for that the person has)
    #[arg(long)]
    pub role: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Instead: the statement that offers the command to this person
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["step", "deny", "override_"])]
    pub handover_to: Option<String>,
    /// Instead: the statement that asks for an event's parts to be removed
    #[arg(long, value_name = "SEQ[:PART]", conflicts_with_all = ["step", "deny", "override_", "handover_to"])]
    pub remove: Option<String>,
    /// Instead: the statement that agrees to the removal somebody else asked for
    #[arg(long, conflicts_with_all = ["step", "deny", "override_", "handover_to", "remove"])]
    pub agree: bool,
}

/// `submit`
#[derive(Debug, ClapArgs)]
pub struct Submit {
    /// The incident, or the beginning of its id
    pub incident: String,
}

/// `stdio`
#[derive(Debug, ClapArgs)]
pub struct Stdio {
    /// The incident, or the beginning of its id (default: the newest)
    pub incident: Option<String>,
}

/// `resume`
#[derive(Debug, ClapArgs)]
pub struct Resume {
    /// The incident, or the beginning of its id (default: the newest)
    pub incident: Option<String>,
    /// Do not attach a console
    #[arg(long)]
    pub headless: bool,
}

/// `list`
#[derive(Debug, ClapArgs)]
pub struct List {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `status`
#[derive(Debug, ClapArgs)]
pub struct Status {
    /// The incident, or the beginning of its id (default: the newest)
    pub incident: Option<String>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `watch`
#[derive(Debug, ClapArgs)]
pub struct Watch {
    /// The runbook
    pub runbook: PathBuf,
    /// For how long, such as 30m
    #[arg(long = "for", value_name = "DURATION")]
    pub for_: String,
    /// The answers
    #[command(flatten)]
    pub params: Params,
    /// When a rollback is advised, offer to open the incident; needs a terminal
    #[arg(long)]
    pub open: bool,
    /// One JSON object a change instead of a line for people
    #[arg(long)]
    pub json: bool,
}

/// `verify`
#[derive(Debug, ClapArgs)]
pub struct Verify {
    /// The incident's folder, its id, or an exported evidence file
    pub incident: String,
    /// The auditor's own list of keys (default: the copy in the record, and the answer says so)
    #[arg(long, value_name = "FILE")]
    pub allowed_signers: Option<PathBuf>,
    /// A head you know from elsewhere: `N·root`
    #[arg(long, value_name = "HEAD")]
    pub head: Option<String>,
    /// A checkpoint that was kept elsewhere
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// A witness whose cosignatures count, as a verifier key: `NAME+ID+KEY` (may be given several times)
    #[arg(long, value_name = "VKEY")]
    pub witness: Vec<String>,
    /// Also prove that this older checkpoint is a prefix
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `prove`
#[derive(Debug, ClapArgs)]
pub struct Prove {
    /// The incident
    pub incident: String,
    /// The event's number
    pub seq: u64,
    /// Where to (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `report`
#[derive(Debug, ClapArgs)]
pub struct Report {
    /// The incident
    pub incident: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Md)]
    pub format: ReportFormat,
    /// Into this new file (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a review is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown
    Md,
    /// One HTML file with charts
    Html,
    /// The facts
    Json,
}

/// `export`
#[derive(Debug, ClapArgs)]
pub struct Export {
    /// The incident
    pub incident: String,
    /// The new folder (default: INCIDENT-evidence here)
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}
