//! Questions beside a step: how one that nobody saw end really ended, and how much it leaves to reconcile. Never
//! settles anything on an answer that did not come.

use super::Driver;
use super::look::{Judged, compare, judged};
use crate::core::event::{Direction, Judgement, Mode, Verdict};
use crate::core::id::StepId;
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::hub::process;
use crate::hub::wish::Observation;
use crate::runbook::model::{Condition, Step, Subject};
use crate::runbook::template;
use crate::sanitize;
use std::sync::Arc;
use std::time::Duration;

/// How long one answer may take, however long the step itself may.
const WITHIN: Duration = Duration::from_secs(30);
/// Pauses before a probe that could not tell is asked again: what was cut off is often back in a moment.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

impl Driver {
    /// Finds out with the step's probe how it really ended. What it cannot tell is said in the record, once, and a
    /// person settles it.
    pub(super) fn reconcile(self: &Arc<Self>, step: StepId, attempt: u32, incident: Arc<Incident>) {
        let Some(model) = incident.step(&step).cloned() else { return };
        let Some(Condition { subject, expect }) = model.reconcile.clone() else { return };
        let driver = self.clone();
        tokio::spawn(async move {
            let scope = driver.ground.scope(&incident);
            let measured = Arc::new(scope.measurements.clone());
            let filled = template::expect(&expect, &scope).map_err(|e| e.to_string());
            let mut told = false;
            for pause in AGAIN.into_iter().map(Some).chain([None]) {
                let why = match &filled {
                    Err(why) => why.clone(),
                    Ok(expect) => {
                        let saw = driver.look_within(within(&model), &model, &scope, &subject).await;
                        let verdict = compare(expect, &saw, Duration::ZERO, &measured).await;
                        let Judged { judgement, sentence, .. } = judged(verdict, &saw);
                        let verdict = match judgement {
                            Judgement::Pass => Some(Verdict::Succeeded),
                            Judgement::Fail => Some(Verdict::Failed),
                            Judgement::Inconclusive => None,
                        };
                        if let Some(verdict) = verdict {
                            let reason = format!("reconcile: {sentence}");
                            let settle = Intent::Settle {
                                step,
                                attempt,
                                direction: Direction::Forward,
                                verdict,
                                reason,
                            };
                            return driver.shared.wishes.observe(settle).await;
                        }
                        sentence
                    }
                };
                if !std::mem::replace(&mut told, true) {
                    let words =
                        format!("the reconcile probe of {step} cannot tell: {why}; a person settles it");
                    driver.note(&words).await;
                }
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return,
                }
            }
        });
    }

    /// Counts what a step leaves to reconcile.
    pub(super) fn count(self: &Arc<Self>, step: StepId, incident: Arc<Incident>) {
        let Some(model) = incident.step(&step).cloned() else { return };
        let Some(backlog) = model.backlog.clone() else { return };
        if process::mode(&incident) != Mode::Live {
            return;
        }
        let driver = self.clone();
        tokio::spawn(async move {
            let scope = driver.ground.scope(&incident);
            let saw = driver.look_within(within(&model), &model, &scope, &Subject::Run(backlog.count)).await;
            let text = String::from_utf8_lossy(&saw.bytes()).trim().to_owned();
            let count = match text.parse() {
                Ok(count) => count,
                Err(_) => {
                    // Somebody must look after what nobody could count: one item keeps the incident from closing.
                    let seen = saw.words();
                    driver
                        .note(&format!("what {step} leaves could not be counted ({seen}): one is owed"))
                        .await;
                    1
                }
            };
            driver.shared.wishes.observe(Intent::AddBacklog { step, count }).await;
        });
    }

    /// A note of the hub in the record.
    async fn note(&self, text: &str) {
        let parts = vec![sanitize::line(text).into_string().into_bytes()];
        let intent = Intent::Note { payload: String::new() };
        self.shared.wishes.observe_with(Observation { intent, parts }).await;
    }
}

fn within(step: &Step) -> Duration {
    step.timeout.map_or(WITHIN, |timeout| timeout.min(WITHIN))
}
