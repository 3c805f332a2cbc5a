//! Steps that only look: await, check, measure, hold phases; and probes. Looking again harms nothing, so after a
//! crash they simply look again. Never takes silence for an answer.

use super::{Driver, End, Job, cut, wanted};
use crate::core::event::{Judgement, Outcome};
use crate::core::id::Digest;
use crate::core::intent::Intent;
use crate::hub::clock;
use crate::hub::wish::{Observation, Try};
use crate::metrics::series::{Aggregated, Reading};
use crate::runbook::condition::{
    self, Change, Measurements, Observed, RowDifference, Seen, Unchanged, judge,
};
use crate::runbook::model::{Await, Check, Expect, MetricCondition, NoData, Step, Subject};
use crate::runbook::template::{self, ResolvedSubject, Scope, TemplateError};
use crate::sanitize;
use crate::step::mask::Mask;
use crate::step::subject::{self, HttpSubject, RunSubject};
use crate::timeline::payload::MAX_PART;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long one look may take where the step does not say.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// No runbook needs to ask more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Of what was seen, so much goes into a sentence.
const SHOWN: usize = 160;
/// Of what was seen last, so much is kept beside the record.
const KEPT: usize = 32 * 1024;
/// A hold phase goes on for at least so long while its metric shows nothing.
const BLIND: Duration = Duration::from_secs(10);
/// What is larger than this (bytes) is compared on a thread of its own.
const LARGE: usize = 256 * 1024;
/// A fingerprint has at most so many parts.
const MOST_PARTS: usize = 256;
/// A fingerprint of one line up to this long stands in the record itself.
const SHORT: usize = 200;

/// What one look gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Saw {
    /// Shared: an answer may be tens of megabytes.
    Output(Arc<Vec<u8>>),
    Value(f64),
    Nothing(String),
}

impl Saw {
    fn seen(&self) -> Seen<'_> {
        match self {
            Saw::Output(bytes) => Seen::Output(bytes),
            Saw::Value(value) => Seen::Value(*value),
            Saw::Nothing(why) => Seen::Nothing(why),
        }
    }

    /// In a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Saw::Output(bytes) => {
                let clean = sanitize::line(bytes.trim_ascii());
                let shown = cut(clean.as_str(), SHOWN);
                let more = if shown.len() < clean.as_str().len() { "…" } else { "" };
                format!("saw `{shown}{more}`")
            }
            Saw::Value(value) => format!("saw {value}"),
            Saw::Nothing(why) => format!("no data: {}", sanitize::line(why)),
        }
    }

    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Saw::Output(bytes) => Cow::Borrowed(bytes),
            Saw::Value(value) => Cow::Owned(value.to_string().into_bytes()),
            Saw::Nothing(_) => Cow::Borrowed(&[]),
        }
    }
}

/// Judges a look. A large table is compared on a thread of its own: nobody waits for a million rows. What is compared
/// is shared with it and not copied.
pub(super) async fn compare(
    expect: &Expect,
    saw: &Saw,
    unchanged: Duration,
    measurements: &Arc<Measurements>,
) -> condition::Judgement {
    let large = matches!(saw, Saw::Output(bytes) if bytes.len() > LARGE);
    if !large {
        return judge(expect, &Observed { seen: saw.seen(), unchanged }, measurements);
    }
    let (expect, saw, measurements) = (expect.clone(), saw.clone(), measurements.clone());
    let apart = move || judge(&expect, &Observed { seen: saw.seen(), unchanged }, &measurements);
    let ended = tokio::task::spawn_blocking(apart).await;
    ended.unwrap_or_else(|e| condition::Judgement::inconclusive(format!("the comparison broke off: {e}")))
}

/// A judged look.
pub(super) struct Judged {
    pub(super) judgement: Judgement,
    pub(super) sentence: String,
    /// The same with the rows that differ.
    whole: String,
}

pub(super) fn judged(verdict: condition::Judgement, saw: &Saw) -> Judged {
    match verdict {
        condition::Judgement::Pass => {
            Judged { judgement: Judgement::Pass, sentence: saw.words(), whole: saw.words() }
        }
        condition::Judgement::Inconclusive { why } => {
            let sentence = sanitize::line(why).into_string();
            Judged { judgement: Judgement::Inconclusive, whole: sentence.clone(), sentence }
        }
        condition::Judgement::Fail { why, rows, differing } => {
            let sentence = sanitize::line(why).into_string();
            let mut whole = format!("{sentence}\n{}", saw.words());
            for row in &rows {
                whole.push_str(&format!("\n{}", row_words(row)));
            }
            if differing > rows.len() as u64 {
                whole.push_str(&format!("\n… {differing} rows differ in all"));
            }
            Judged { judgement: Judgement::Fail, sentence, whole: sanitize::text(whole).into_string() }
        }
    }
}

fn row_words(row: &RowDifference) -> String {
    match &row.change {
        Change::Missing { before } => format!("- {before}"),
        Change::Added { now } => format!("+ {now}"),
        Change::Changed { before, now } => format!("- {before}\n+ {now}"),
    }
}

impl Driver {
    /// A command to look with, with the step's directory, variables and host.
    pub(super) fn command_subject(
        &self,
        job: &Job,
        scope: &Scope,
        argv: Vec<String>,
    ) -> Result<subject::ResolvedSubject, TemplateError> {
        self.command_of(&job.step, scope, argv)
    }

    fn command_of(
        &self,
        step: &Step,
        scope: &Scope,
        argv: Vec<String>,
    ) -> Result<subject::ResolvedSubject, TemplateError> {
        let env = template::environment(step, scope)?;
        Ok(subject::ResolvedSubject::Run(RunSubject {
            argv,
            env: env.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect(),
            cwd: self.ground.directory(step, scope)?,
            host: template::host(step, scope)?,
        }))
    }

    /// Looks once. What was seen is without the secrets that the step's commands were given: it goes into the record.
    pub(super) async fn look(&self, step: &Step, scope: &Scope, subject: &Subject) -> Saw {
        self.look_within(step.timeout.unwrap_or(LOOK_TIMEOUT), step, scope, subject).await
    }

    /// The same for a question beside the step: what the step itself may take says nothing about it.
    pub(super) async fn look_within(
        &self,
        timeout: Duration,
        step: &Step,
        scope: &Scope,
        subject: &Subject,
    ) -> Saw {
        let mask = Mask::new(self.ground.secrets_of(step));
        match self.look_at(timeout, step, scope, subject).await {
            Saw::Output(bytes) if !mask.is_empty() => Saw::Output(Arc::new(mask.over(&bytes))),
            Saw::Nothing(why) if !mask.is_empty() => {
                Saw::Nothing(String::from_utf8_lossy(&mask.over(why.as_bytes())).into_owned())
            }
            seen @ (Saw::Output(_) | Saw::Value(_) | Saw::Nothing(_)) => seen,
        }
    }

    async fn look_at(&self, timeout: Duration, step: &Step, scope: &Scope, subject: &Subject) -> Saw {
        let resolved = match template::subject(subject, scope) {
            Ok(resolved) => resolved,
            Err(e) => return Saw::Nothing(e.to_string()),
        };
        let ready = match resolved {
            ResolvedSubject::Metric { name, over } => return self.metric(&name, over),
            ResolvedSubject::Run(command) => self.command_of(step, scope, command.argv),
            ResolvedSubject::Http(http) => Ok(subject::ResolvedSubject::Http(HttpSubject {
                method: http.method,
                url: http.url,
                headers: http.headers.into_iter().collect(),
                body: http.body,
                status: http.status,
            })),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(e) => return Saw::Nothing(e.to_string()),
        };
        match self.ground.looker.look(&ready, timeout).await {
            Ok(seen) if seen.truncated => Saw::Nothing(subject::too_large()),
            Ok(seen) => Saw::Output(Arc::new(seen.text)),
            Err(e) => Saw::Nothing(e.to_string()),
        }
    }

    fn metric(&self, name: &str, over: Option<(Duration, crate::runbook::model::Aggregate)>) -> Saw {
        let Some(watched) = self.ground.meters.watched(name) else {
            return Saw::Nothing(format!("{name} has no source in this workspace"));
        };
        let watched = watched.borrow();
        let now = clock::now().0;
        match over {
            None => match watched.series.now(now) {
                Reading::Value(value) => Saw::Value(value),
                Reading::NoData { why } | Reading::Failed { why } => Saw::Nothing(why),
            },
            Some((span, how)) => match watched.series.aggregate(span, how, now) {
                Aggregated::Value { value, .. } => Saw::Value(value),
                Aggregated::None { why } => Saw::Nothing(why),
            },
        }
    }

    /// Polls until it holds.
    pub(super) async fn await_(&self, job: &Job, rule: &Await) -> End {
        let mut stop = job.stop.clone();
        tokio::select! {
            end = self.polled(job, rule) => end,
            _ = wanted(&mut stop) => End::new(Outcome::Cancelled, "stopped on request"),
        }
    }

    async fn polled(&self, job: &Job, rule: &Await) -> End {
        let scope = self.ground.scope(&job.incident);
        let filled = template::expect(&rule.condition.expect, &scope)
            .and_then(|e| Ok((e, rule.fail_on.as_ref().map(|f| template::expect(f, &scope)).transpose()?)));
        let (expect, fail_on) = match filled {
            Ok(filled) => filled,
            Err(e) => return End::failed(e.to_string()),
        };
        let measured = Arc::new(scope.measurements.clone());
        // After a crash the time that has passed stays passed.
        let before = elapsed(job);
        let begun = Instant::now();
        let passed = || before + begun.elapsed();
        let mut unchanged = Unchanged::default();
        let mut held: Option<Duration> = None;
        loop {
            let saw = self.look(&job.step, &scope, &rule.condition.subject).await;
            let now = passed();
            let bytes = saw.bytes();
            let same = unchanged.look(now, (!matches!(saw, Saw::Nothing(_))).then_some(&*bytes));
            let judged = judged(compare(&expect, &saw, same, &measured).await, &saw);
            let mut news = judged.whole.clone();
            if let Some(fail_on) = &fail_on
                && compare(fail_on, &saw, same, &measured).await == condition::Judgement::Pass
            {
                return with_last(End::failed(format!("fail_on holds: {}", saw.words())), &saw);
            }
            if judged.judgement == Judgement::Pass {
                let since = *held.get_or_insert(now);
                let wanted = rule.hold_for.unwrap_or_default();
                if now.saturating_sub(since) >= wanted {
                    let detail = format!("{} after {:.1} s", judged.sentence, now.as_secs_f64());
                    return with_last(End::new(Outcome::Succeeded, detail), &saw);
                }
                news = format!(
                    "{news}\nholds for {:.0} of {:.0} s",
                    (now - since).as_secs_f64(),
                    wanted.as_secs_f64()
                );
            } else {
                held = None;
            }
            self.shared.saw(&job.which, news);
            if !self.is_live(job) {
                let detail = format!("rehearsal: not waited for, its cause was not run; {}", judged.sentence);
                return End::new(Outcome::Succeeded, detail);
            }
            let left = rule.within.saturating_sub(passed());
            if left.is_zero() {
                let detail = format!("not within {:.0} s: {}", rule.within.as_secs_f64(), judged.sentence);
                return with_rows(with_last(End::new(Outcome::TimedOut, detail), &saw), &judged);
            }
            tokio::time::sleep(rule.every.max(SHORTEST_PAUSE).min(left)).await;
        }
    }

    /// Judges so many times; every look is recorded.
    pub(super) async fn check(&self, job: &Job, rule: &Check) -> Option<End> {
        let mut stop = job.stop.clone();
        tokio::select! {
            end = self.looked(job, rule) => Some(end),
            _ = wanted(&mut stop) => Some(End::new(Outcome::Cancelled, "stopped on request")),
        }
    }

    async fn looked(&self, job: &Job, rule: &Check) -> End {
        let scope = self.ground.scope(&job.incident);
        let expect = match template::expect(&rule.condition.expect, &scope) {
            Ok(expect) => expect,
            Err(e) => return End::failed(e.to_string()),
        };
        let measured = Arc::new(scope.measurements.clone());
        let before = job.incident.run(&job.which.step).map_or(0, |run| run.looks);
        let mut unchanged = Unchanged::default();
        let begun = Instant::now();
        for look in before + 1..=rule.count.max(1) {
            let saw = self.look(&job.step, &scope, &rule.condition.subject).await;
            let bytes = saw.bytes();
            let same = unchanged.look(begun.elapsed(), (!matches!(saw, Saw::Nothing(_))).then_some(&*bytes));
            let seen = judged(compare(&expect, &saw, same, &measured).await, &saw);
            let (judgement, sentence) = (seen.judgement, &seen.sentence);
            self.shared.saw(&job.which, format!("look {look} of {}: {}", rule.count, seen.whole));
            let Try { step, attempt, .. } = job.which.clone();
            let why = cut(sentence, 1000).to_owned();
            self.shared.wishes.observe(Intent::Judge { step, attempt, look, judgement, why }).await;
            let good = match (judgement, job.step.on_no_data) {
                (Judgement::Pass, _) | (Judgement::Inconclusive, NoData::Pass) => true,
                (Judgement::Fail, _) | (Judgement::Inconclusive, NoData::Fail | NoData::Inconclusive) => {
                    false
                }
            };
            if !good {
                let word = if judgement == Judgement::Fail { "fail" } else { "inconclusive" };
                let end = End::failed(format!("{word} at look {look} of {}: {sentence}", rule.count));
                return with_rows(with_last(end, &saw), &seen);
            }
            if look == rule.count.max(1) {
                return with_last(End::new(Outcome::Succeeded, sentence), &saw);
            }
            tokio::time::sleep(rule.interval).await;
        }
        // Every look was taken by the hub before; only its end is missing.
        End::new(Outcome::Succeeded, "every look passed")
    }

    /// Takes a fingerprint.
    pub(super) async fn measure(&self, job: &Job, subject: &Subject, name: &str) -> Option<End> {
        let scope = self.ground.scope(&job.incident);
        let mut stop = job.stop.clone();
        let saw = tokio::select! {
            saw = self.look(&job.step, &scope, subject) => saw,
            _ = wanted(&mut stop) => return Some(End::new(Outcome::Cancelled, "stopped on request")),
        };
        if let Saw::Nothing(why) = &saw {
            return Some(End::failed(format!("nothing to measure: {why}")));
        }
        let data = saw.bytes();
        let parts: Vec<Vec<u8>> = data.chunks(MAX_PART).map(<[u8]>::to_vec).collect();
        if parts.len() > MOST_PARTS {
            return Some(End::failed(format!("{} bytes are too much for a fingerprint", data.len())));
        }
        self.ground.keep(name, &data);
        self.shared.saw(&job.which, saw.words());
        let Try { step, attempt, .. } = job.which.clone();
        let (digest, bytes) = (Digest::of(&data), data.len() as u64);
        let intent = Intent::Measure { step, attempt, digest, bytes, text: short(&data) };
        self.shared.wishes.observe_with(Observation { intent, parts }).await;
        Some(End::new(Outcome::Succeeded, format!("{} bytes, {digest}", data.len())))
    }

    /// A hold phase: the room's clock ends it; a metric may end it sooner.
    pub(super) async fn wait(&self, job: &Job, unless: Option<&MetricCondition>) -> Option<End> {
        let unless = unless?;
        let Some(mut watched) = self.ground.meters.watched(&unless.metric) else {
            let why = format!("{} has no source in this workspace, so nobody would notice", unless.metric);
            return Some(End::failed(why));
        };
        let mut over = self.shared.log.watch();
        let mut stop = job.stop.clone();
        let mut blind_since: Option<Instant> = None;
        loop {
            let reading = watched.borrow_and_update().series.now(clock::now().0);
            let value = reading.comparable();
            if let Some(value) = value.filter(|x| unless.condition.holds(*x)) {
                let (op, bound) = (unless.condition.op.word(), unless.condition.value);
                return Some(End::failed(format!("unless: {} is {value}, {op} {bound}", unless.metric)));
            }
            let since = value.is_none().then(|| blind_since.unwrap_or_else(Instant::now));
            blind_since = since;
            let bears = bears_blindness(job, &unless.metric);
            let left = since.map(|since| bears.saturating_sub(since.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                let (metric, span) = (&unless.metric, bears.as_secs_f64());
                let why =
                    format!("unless: {metric} has shown nothing for {span:.0} s, so nobody would notice");
                return Some(End::failed(why));
            }
            tokio::select! {
                changed = watched.changed() => changed.ok()?,
                () = tokio::time::sleep(left.unwrap_or(Duration::MAX)), if left.is_some() => {}
                _ = wanted(&mut stop) => return Some(End::new(Outcome::Cancelled, "stopped on request")),
                changed = over.changed() => {
                    changed.ok()?;
                    // Its own end is one of the things that are recorded.
                    if elapsed(job) >= lasts(&job.step) {
                        return None;
                    }
                }
            }
        }
    }
}

/// For how long a hold phase goes on while its metric shows nothing; without end where the author says that no data is
/// a pass. A source that is restarted must not end it.
fn bears_blindness(job: &Job, metric: &str) -> Duration {
    if job.step.on_no_data == NoData::Pass {
        return Duration::MAX;
    }
    let every = job.incident.runbook.metric(metric).map_or(Duration::ZERO, |m| m.every);
    every.saturating_mul(10).max(BLIND)
}

/// Time since the try was recorded as started.
fn elapsed(job: &Job) -> Duration {
    let started = job.incident.run(&job.which.step).and_then(|run| run.started_at);
    started.map_or(Duration::ZERO, |at| clock::now().since(at))
}

fn lasts(step: &Step) -> Duration {
    match &step.action {
        crate::runbook::model::Action::Wait { lasts, .. } => *lasts,
        _ => Duration::ZERO,
    }
}

/// Keeps what was seen last beside the record.
fn with_last(mut end: End, saw: &Saw) -> End {
    let bytes = saw.bytes();
    if !bytes.is_empty() {
        end.output = Some((Digest::of(&bytes), bytes.len() as u64));
        end.parts = vec![bytes.get(..KEPT).unwrap_or(&bytes).to_vec()];
    }
    end
}

/// Keeps the rows that differ beside what was seen.
fn with_rows(mut end: End, judged: &Judged) -> End {
    if judged.whole != judged.sentence {
        end.parts.push(judged.whole.clone().into_bytes());
    }
    end
}

/// A fingerprint that is one short line, as text.
fn short(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    (line.len() <= SHORT && !line.is_empty() && !line.chars().any(char::is_control)).then(|| line.to_owned())
}
