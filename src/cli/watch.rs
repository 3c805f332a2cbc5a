//! `watch`: the evaluation window after a deployment. Looks at the criteria of a runbook until the time is over or they
//! advise a rollback. Never calls it quiet when it could not see, and opens nothing that nobody asked for.

use crate::cli::args::{Args, ModeArg, Open, Watch};
use crate::cli::context::{self, Context};
use crate::cli::{ask, open, params, print, print_json};
use crate::core::time::{Stamp, spoken};
use crate::error::{Failure, Kind, Result};
use crate::metrics::poller::Poller;
use crate::metrics::series::Series;
use crate::metrics::source::Source;
use crate::metrics::trigger::{Advice, Gate, Judged, Score, evaluate, score};
use crate::outside::http::Clients;
use crate::runbook::decode::duration_from;
use crate::runbook::model::{Metric, Runbook};
use crate::runbook::template::{self, ParamValue, Scope};
use crate::sanitize;
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

/// How late a change may be noticed.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// So long every source gets for its first answer before its silence is said.
const HEARD: Duration = Duration::from_secs(10);

/// What is watched.
struct Watching<'a> {
    runbook: &'a Runbook,
    pollers: BTreeMap<&'a str, (&'a Metric, Option<Poller>)>,
    closes: Option<Stamp>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Quiet,
    RollBack,
    CannotSee,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Quiet => "quiet",
            Verdict::RollBack => "roll_back",
            Verdict::CannotSee => "cannot_see",
        }
    }
}

/// Runs the verb.
pub fn run(args: &Args, verb: &Watch) -> Result<()> {
    if verb.open && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(Failure::usage("--open asks a person, and there is no terminal")
            .hint("leave it out: exit code 10 says that a rollback is advised"));
    }
    let lasts = duration_from(&verb.for_).filter(|d| !d.is_zero());
    let lasts = lasts.ok_or_else(|| {
        Failure::usage(format!("`--for {}` is not a duration", verb.for_)).hint("write 30m or 90s")
    })?;
    let context = Context::of(args)?;
    let workspace = context.workspace(Some(&verb.runbook))?;
    let path = workspace.runbook(&verb.runbook.to_string_lossy()).unwrap_or_else(|| verb.runbook.clone());
    let (_, runbook) = open::read(&path, &workspace)?;
    if runbook.triggers.is_empty() {
        return Err(Failure::usage(format!("the runbook `{}` has no triggers to watch", runbook.id))
            .hint("write `triggers:` with a metric and a condition"));
    }
    let given = params::given(&runbook, &verb.params)?;
    let runtime = context::runtime()?;
    let (verdict, last) = runtime.block_on(async {
        let watching = Watching::begin(&runbook, &workspace, &given);
        watching.run(lasts, verb.json).await
    });
    let sentence = sanitize::line(last.sentence());
    match verdict {
        Verdict::Quiet => Ok(()),
        Verdict::CannotSee => {
            Err(Failure::environment("nobody can say whether a rollback is needed").because(sentence))
        }
        Verdict::RollBack => {
            if verb.open
                && ask::line("Open the incident now? Type its service to do so:").as_deref()
                    == Some(&runbook.service)
            {
                return open::run(args, &opening(verb));
            }
            Err(Failure::new(Kind::RollBack, "a rollback is advised")
                .because(sentence)
                .hint(format!("`backout open {}` begins it", verb.runbook.display())))
        }
    }
}

fn opening(verb: &Watch) -> Open {
    Open {
        runbook: verb.runbook.clone(),
        params: verb.params.clone(),
        mode: ModeArg::Live,
        severity: 2,
        role: Vec::new(),
        with_open_redlines: None,
        take_over: None,
        headless: false,
        advance: false,
        json: false,
    }
}

impl<'a> Watching<'a> {
    fn begin(runbook: &'a Runbook, workspace: &Workspace, given: &BTreeMap<String, String>) -> Self {
        let clients = Clients::new();
        let began = context::now().0;
        let mut pollers = BTreeMap::new();
        for trigger in &runbook.triggers {
            let Some(metric) = runbook.metrics.iter().find(|m| m.name == trigger.metric) else { continue };
            pollers.entry(metric.name.as_str()).or_insert_with(|| {
                let config = workspace.config.sources.get(&metric.source).cloned();
                let poller =
                    config.map(|c| Poller::start(metric.clone(), Source::new(c, clients.clone(), began)));
                (metric, poller)
            });
        }
        Watching { runbook, pollers, closes: closes(runbook, given) }
    }

    async fn run(self, lasts: Duration, json: bool) -> (Verdict, Score) {
        let begun = tokio::time::Instant::now();
        let said = Said { json };
        let (triggers, id) = (self.runbook.triggers.len(), self.runbook.id.clone());
        said.line(
            "begin",
            &format!("watching {id} for {}: {triggers} criteria", spoken(lasts)),
            json!({"runbook": id, "criteria": triggers}),
        );
        let mut before: BTreeMap<String, String> = BTreeMap::new();
        let mut advised = Advice::Quiet;
        loop {
            let score = self.score(context::now());
            let advice = ungated(&score);
            // Until everybody has answered once there is nothing to say, unless it is bad already.
            if begun.elapsed() < HEARD.min(lasts) && advice != Advice::RollBack && !self.all_heard() {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            for part in &score.parts {
                if before.insert(part.id.clone(), part.state.clone()).as_ref() != Some(&part.state) {
                    let facts = json!({"trigger": part.id, "state": part.state, "points": part.points, "of": part.of, "reason": part.reason});
                    said.line("trigger", &format!("{} {}: {}", part.id, part.state, part.reason), facts);
                }
            }
            if advice != advised {
                advised = advice;
                said.line(
                    "advice",
                    &score.sentence(),
                    json!({"advice": advice, "points": score.points, "of": score.of, "gates": score.gates}),
                );
            }
            let over = begun.elapsed() >= lasts;
            if advice == Advice::RollBack || over {
                let verdict = verdict(&score, advice);
                let closed = score.gates.iter().find(|g| !g.open).map(|g| g.what.as_str());
                let facts = json!({"verdict": verdict.word(), "advice": score.advice(), "points": score.points, "of": score.of, "unknown": score.unknown, "gate": closed});
                said.line(
                    "end",
                    &format!(
                        "{} after {}: {}",
                        verdict.word().replace('_', " "),
                        spoken(begun.elapsed()),
                        score.sentence()
                    ),
                    facts,
                );
                return (verdict, score);
            }
            tokio::time::sleep(LOOK_EVERY.min(lasts.saturating_sub(begun.elapsed()))).await;
        }
    }

    fn all_heard(&self) -> bool {
        let mut pollers = self.pollers.values().filter_map(|(_, poller)| poller.as_ref());
        pollers.all(|poller| !poller.watched().series.is_empty())
    }

    fn score(&self, now: Stamp) -> Score {
        let mut judged = Vec::new();
        let empty: Vec<Series> = self.pollers.values().map(|(metric, _)| Series::new(metric.every)).collect();
        for trigger in &self.runbook.triggers {
            let Some((metric, poller)) = self.pollers.get(trigger.metric.as_str()) else { continue };
            let (state, reading) = match (poller, empty.first()) {
                (Some(poller), _) => {
                    let watched = poller.watched();
                    (evaluate(trigger, &watched.series, now.0), watched.series.now(now.0))
                }
                (None, Some(empty)) => (evaluate(trigger, empty, now.0), empty.now(now.0)),
                (None, None) => continue,
            };
            judged.push(Judged { trigger, metric, reading, state });
        }
        let gates = self.closes.map(|at| Gate {
            what: format!(
                "the way back {} {}",
                if now < at { "is open until" } else { "closed at" },
                at.to_second()
            ),
            open: now < at,
        });
        score(&judged, gates.into_iter().collect(), now.0)
    }
}

/// What the criteria alone advise: that the way back is closed does not make the deployment good.
fn ungated(score: &Score) -> Advice {
    Score { gates: Vec::new(), ..score.clone() }.advice()
}

fn verdict(score: &Score, advice: Advice) -> Verdict {
    match advice {
        Advice::RollBack => Verdict::RollBack,
        Advice::Quiet | Advice::Watch | Advice::NotPossible if score.unknown > 0 => Verdict::CannotSee,
        Advice::Quiet | Advice::Watch | Advice::NotPossible => Verdict::Quiet,
    }
}

/// Until when the way back exists, where that can be known before an incident.
fn closes(runbook: &Runbook, given: &BTreeMap<String, String>) -> Option<Stamp> {
    let window = runbook.window.as_ref()?;
    let mut scope = Scope::default();
    for param in runbook.params.iter().filter(|p| !p.secret) {
        let value = given.get(&param.name).or(param.default.as_ref());
        if let Some(value) = value {
            scope.params.insert(param.name.clone(), ParamValue::Plain(value.clone()));
        }
    }
    let opens = template::message(&window.opens_at, &scope).ok()?;
    Some(Stamp::parse_rfc3339(&opens)?.plus(window.lasts))
}

/// Where lines go: one a change.
struct Said {
    json: bool,
}

impl Said {
    fn line(&self, kind: &str, text: &str, mut facts: Value) {
        let at = context::now().to_second();
        if !self.json {
            return print(sanitize::line(format!("{at} {text}")).as_str());
        }
        if let Some(map) = facts.as_object_mut() {
            map.insert("at".to_owned(), at.into());
            map.insert("kind".to_owned(), kind.into());
        }
        print_json(&facts.to_string());
    }
}
