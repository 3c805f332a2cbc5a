//! The numbers of one incident: one poller a metric, triggers, the readiness score, and what every console shows of
//! them. Never holds up anything else, and never is evidence.

use crate::core::id::Name;
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::core::readiness;
use crate::core::time::Stamp;
use crate::hub::clock;
use crate::hub::layout;
use crate::hub::pinned::Pinned;
use crate::hub::shared::{Shared, Shown};
use crate::metrics::pane::compare::{Compared, Normal, Times};
use crate::metrics::pane::{Pane, PaneState, pane};
use crate::metrics::poller::{Poller, Watched};
use crate::metrics::series::Series;
use crate::metrics::source::Source;
use crate::metrics::steady::{News, Steady};
use crate::metrics::trigger::{Gate, Judged, Score, TriggerState, evaluate, score};
use crate::outside::http::Clients;
use crate::runbook::model::{Metric, Runbook};
use crate::wire::message::ScoreView;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How far back a pane looks.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// More points than this no screen can show.
const POINTS: usize = 180;
/// What happens closer together than this is shown together.
const SETTLE: Duration = Duration::from_millis(100);
/// How late an old value may be noticed as old.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The file of samples does not grow beyond this.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// The pollers of one incident.
#[derive(Debug, Clone)]
pub struct Meters {
    clients: Clients,
    runbook: Arc<Runbook>,
    pollers: Arc<Vec<(Metric, Option<Poller>)>>,
}

impl Meters {
    /// Starts polling every metric whose source the workspace has.
    pub fn start(pinned: &Pinned, incident: &Incident) -> Meters {
        let clients = Clients::new();
        let pollers = pinned.runbook.metrics.iter().map(|metric| {
            let config = pinned.config.sources.get(&metric.source).cloned();
            let poller = config.map(|config| {
                let source = Source::new(config, clients.clone(), incident.opened_at.0);
                Poller::start(metric.clone(), source)
            });
            (metric.clone(), poller)
        });
        let pollers = Arc::new(pollers.collect());
        Meters { clients, runbook: pinned.runbook.clone(), pollers }
    }

    /// Connections that others may share.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The newest of a metric; `None` when nobody asks for it.
    pub fn watched(&self, name: &str) -> Option<watch::Receiver<Watched>> {
        let (_, poller) = self.pollers.iter().find(|(metric, _)| metric.name == name)?;
        poller.as_ref().map(Poller::subscribe)
    }

    /// Shows, judges and keeps what the pollers say, as long as the hub lives.
    pub async fn watch(self, shared: Arc<Shared>, incidents: watch::Receiver<Arc<Incident>>) {
        let incident = incidents.borrow().clone();
        if self.pollers.is_empty() {
            return;
        }
        let mut steady = Steady::new(incident.fired.keys());
        let mut samples = Samples::open(&shared.dir);
        let mut receivers: Vec<_> = self
            .pollers
            .iter()
            .filter_map(|(metric, p)| Some((metric.name.clone(), p.as_ref()?.subscribe())))
            .collect();
        let mut normal = BTreeMap::new();
        let news = Arc::new(Notify::new());
        for (_, receiver) in &receivers {
            let (mut receiver, news) = (receiver.clone(), news.clone());
            tokio::spawn(async move {
                while receiver.changed().await.is_ok() {
                    news.notify_one();
                }
            });
        }
        loop {
            for (name, receiver) in &mut receivers {
                if receiver.has_changed().unwrap_or(false) {
                    samples.keep(name, &receiver.borrow_and_update());
                }
            }
            let now = clock::now().0;
            let judged = self.judge(now);
            for (id, state, reason) in &judged.states {
                if let Some(news) = steady.judge(id, state, now) {
                    change(&shared, id, news, reason).await;
                }
            }
            let gates = gates(&incidents.borrow(), now);
            let score = score_view(judged.score(gates, now));
            let shown = Shown { panes: self.panes(&incidents.borrow(), &mut normal, now), score };
            shared.shown.send_if_modified(|before| {
                let new = **before != shown;
                if new {
                    *before = Arc::new(shown);
                }
                new
            });
            let _ = tokio::time::timeout(LOOK_EVERY, news.notified()).await;
            tokio::time::sleep(SETTLE).await;
        }
    }

    /// `normal` is what was found out about each metric while the time before the incident was still known.
    fn panes(&self, incident: &Incident, normal: &mut BTreeMap<String, Normal>, now: i64) -> Vec<Pane> {
        let better = incident.mitigated_at.or(incident.resolved_at).map(|at| at.0);
        let times = Times { opened: incident.opened_at.0, better };
        self.pollers
            .iter()
            .map(|(metric, poller)| match poller {
                Some(poller) => {
                    let series = &poller.watched().series;
                    let compared = Compared::of(series, times, normal.get(&metric.name).copied());
                    if let Some(found) = compared.normal {
                        normal.insert(metric.name.clone(), found);
                    }
                    Pane { compared, ..pane(metric, series, now, WINDOW, POINTS) }
                }
                None => Pane {
                    state: PaneState::NoData,
                    why: Some(format!("the workspace has no source `{}`", metric.source)),
                    ..pane(metric, &Series::new(metric.every), now, WINDOW, POINTS)
                },
            })
            .collect()
    }

    fn judge(&self, now: i64) -> All<'_> {
        let mut all = All { judged: Vec::new(), states: Vec::new() };
        for trigger in &self.runbook.triggers {
            let found = self.pollers.iter().find(|(metric, _)| metric.name == trigger.metric);
            let Some((metric, poller)) = found else { continue };
            let empty = Series::new(metric.every);
            let (state, reading) = match poller {
                Some(poller) => {
                    let watched = poller.watched();
                    (evaluate(trigger, &watched.series, now), watched.series.now(now))
                }
                None => (evaluate(trigger, &empty, now), empty.now(now)),
            };
            all.judged.push(Judged { trigger, metric, reading, state });
        }
        let score = score(&all.judged, Vec::new(), now);
        let reasons = all.judged.iter().zip(score.parts);
        all.states = reasons.map(|(j, part)| (part.id, j.state.clone(), part.reason)).collect();
        all
    }
}

struct All<'a> {
    judged: Vec<Judged<'a>>,
    states: Vec<(String, TriggerState, String)>,
}

impl All<'_> {
    fn score(&self, gates: Vec<Gate>, now: i64) -> Option<Score> {
        (!self.judged.is_empty()).then(|| score(&self.judged, gates, now))
    }
}

/// Records that a criterion began or ceased to hold.
async fn change(shared: &Shared, id: &str, news: News, reason: &str) {
    let Ok(trigger) = Name::parse(id) else { return };
    let value = crate::sanitize::line(reason).into_string();
    let intent = match news {
        News::Fired => Intent::FireTrigger { trigger, value },
        News::Cleared => Intent::ClearTrigger { trigger, value },
    };
    shared.wishes.observe(intent).await;
}

fn gates(incident: &Incident, now: i64) -> Vec<Gate> {
    let one = |hard: readiness::Hard| Gate {
        what: crate::sanitize::line(hard.what).into_string(),
        open: hard.open,
    };
    readiness::hard_gates(incident, Stamp(now)).into_iter().map(one).collect()
}

fn score_view(score: Option<Score>) -> Option<ScoreView> {
    let score = score?;
    Some(ScoreView {
        points: score.points,
        of: score.of,
        advice: crate::sanitize::line(score.sentence()).into_string(),
        parts: score
            .parts
            .iter()
            .map(|p| (p.id.clone(), p.points, crate::sanitize::line(&p.reason).into_string()))
            .collect(),
        gates: score.gates.iter().filter(|g| !g.open).map(|g| g.what.clone()).collect(),
    })
}

/// The file of samples, for the report's charts.
struct Samples {
    file: Option<File>,
    written: u64,
}

impl Samples {
    fn open(dir: &Path) -> Samples {
        let flags =
            i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or(0);
        let file = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(dir.join(layout::METRICS));
        let written = file.as_ref().ok().and_then(|f| f.metadata().ok()).map_or(0, |m| m.len());
        Samples { file: file.ok(), written }
    }

    fn keep(&mut self, name: &str, watched: &Watched) {
        let (Some(file), Some(sample)) = (&mut self.file, watched.series.latest()) else { return };
        let line = sample.to_line(name) + "\n";
        self.written += line.len() as u64;
        if self.written > MOST_BYTES || file.write_all(line.as_bytes()).is_err() {
            tracing::warn!("no more samples are kept for the report");
            self.file = None;
        }
    }
}
