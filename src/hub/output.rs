//! The output of one step as it grows, made harmless, for one client that watches. Never the raw bytes.

use crate::hub::layout;
use crate::hub::shared::Shared;
use crate::hub::wish::Try;
use crate::sanitize::{self, Liner};
use crate::step::record;
use crate::step::runner::{Standing, inspect};
use crate::step::tail::tail;
use crate::wire::message::FromHub;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Of output that is already there, only this much of the end is sent.
const BEFORE: u64 = 256 * 1024;

/// Sends the output until the step is over or the client looks elsewhere.
pub async fn follow(shared: Arc<Shared>, which: Try, to: mpsc::Sender<FromHub>) {
    let mut head = shared.log.watch();
    let attempt = layout::attempt(&shared.dir, &which);
    loop {
        if let Some(look) = shared.looking(&which) {
            return follow_look(look, &which, &to).await;
        }
        match inspect(&attempt) {
            Standing::NotStarted => {}
            Standing::Running { .. } | Standing::Ended(_) | Standing::Lost { .. } => {
                return follow_output(&attempt, &which, &to).await;
            }
        }
        // Nothing there yet: whatever begins is recorded first.
        if head.changed().await.is_err() {
            return;
        }
    }
}

async fn follow_output(attempt: &std::path::Path, which: &Try, to: &mpsc::Sender<FromHub>) {
    let length = std::fs::metadata(record::file(attempt, record::OUT)).map_or(0, |m| m.len());
    let mut bytes = length.saturating_sub(BEFORE);
    let mut tail = tail(attempt, bytes);
    let mut liner = Liner::new();
    while let Ok(Some(more)) = tail.next().await {
        bytes += more.len() as u64;
        let mut lines = Vec::new();
        liner.feed(&more, |line| lines.push(line.into_string()));
        let partial = liner.current().into_string();
        if to.send(message(which, lines, partial, bytes)).await.is_err() {
            return;
        }
    }
}

async fn follow_look(
    mut look: tokio::sync::watch::Receiver<String>,
    which: &Try,
    to: &mpsc::Sender<FromHub>,
) {
    let mut looks = 0;
    loop {
        let seen = look.borrow_and_update().clone();
        looks += seen.len() as u64;
        let lines = sanitize::text(&seen).as_str().lines().map(str::to_owned).collect();
        if to.send(message(which, lines, String::new(), looks)).await.is_err()
            || look.changed().await.is_err()
        {
            return;
        }
    }
}

fn message(which: &Try, lines: Vec<String>, partial: String, bytes: u64) -> FromHub {
    FromHub::Output {
        step: which.step.clone(),
        attempt: which.attempt,
        direction: which.direction,
        lines,
        partial,
        bytes,
    }
}
