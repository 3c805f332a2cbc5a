//! The runbook as a typed value. Never parses, never resolves templates, never knows positions in a file.
//!
//! Field names are the file's own words. Text that may hold `{{ }}` stays as written; `template` fills it.

mod action;
mod condition;
mod head;
mod people;
mod signals;
mod step;
mod throughput;

use std::collections::BTreeMap;

pub use action::{Action, Approve, Await, Check, Choice, Command, Duty, Then};
pub use condition::{Aggregate, Condition, Expect, HttpRequest, MetricCondition, Subject, Table, Tolerance};
pub use head::{Class, Cost, Link, Objectives, Param, RestorePoint, Window};
pub use people::{Authority, Declare, EXECUTOR, Override, Requirement, Role};
pub use signals::{Better, Cadence, Comms, MessageTemplate, Metric, NoData, Op, Threshold, Trigger, Unit};
pub use step::{Backlog, OnFailure, Phase, Retry, Step, Target};
pub use throughput::{Earlier, Throughput, rate_words, rounded};

/// A whole runbook, format version 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Stable name `[a-z0-9-]`; statistics hang on it.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What kind of thing is brought back.
    pub class: Class,
    /// The service it is about.
    pub service: String,
    /// Shown in words on every screen.
    pub environment: String,
    /// Where the service runs.
    pub region: Option<String>,
    /// Teams that answer for this runbook.
    pub owners: Vec<String>,
    /// When somebody last read it from end to end.
    pub reviewed: Option<chrono::NaiveDate>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Dashboards and documents.
    pub links: Vec<Link>,
    /// One paragraph.
    pub summary: String,
    /// What this rollback leaves as it is; printed before the decision and in the resolution message.
    pub does_not_undo: String,
    /// Recovery objectives.
    pub objectives: Objectives,
    /// What a minute of trouble costs.
    pub cost: Option<Cost>,
    /// Regions that data may be handled in; empty means no restriction.
    pub residency: Vec<String>,
    /// How long this way back exists.
    pub window: Option<Window>,
    /// Policy crosswalk: framework to control names.
    pub controls: BTreeMap<String, Vec<String>>,
    /// What is asked when the incident opens, in file order.
    pub params: Vec<Param>,
    /// Asked for classes data and restore.
    pub restore_point: Option<RestorePoint>,
    /// Seats of this incident, in file order.
    pub roles: Vec<Role>,
    /// Who may decide to start this rollback.
    pub declare: Declare,
    /// Who decides what after that.
    pub authority: Authority,
    /// Metric panes, in file order.
    pub metrics: Vec<Metric>,
    /// Data-driven criteria; together they make the rollback-readiness score.
    pub triggers: Vec<Trigger>,
    /// Messages: cadence and templates.
    pub comms: Comms,
    /// The checklist.
    pub phases: Vec<Phase>,
    /// Steps offered on every way out.
    pub always: Vec<Step>,
}

impl Runbook {
    /// Every step in file order, `always` last.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|p| p.steps.iter()).chain(self.always.iter())
    }

    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|s| s.id == id)
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// The hold points that cover a step.
    pub fn covers<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps().filter(move |hold| hold.covers(step))
    }
}
