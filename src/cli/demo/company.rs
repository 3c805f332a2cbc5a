//! Teammates beside a person at a console: on a thread of their own, so that neither side ever waits for the other.
//! Never writes to the terminal: it belongs to the console.

use std::path::Path;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::cli::context;
use crate::demo::script::Part;
use crate::demo::stage::Stage;
use crate::demo::stand_in::{Patience, StandIn};
use crate::error::{Failure, Result};

/// Remarks kept for the end. When full, further ones are dropped.
const REMARKS: usize = 32;

/// The teammates.
#[derive(Debug)]
pub(super) struct Company {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    remarks: mpsc::Receiver<String>,
}

impl Company {
    /// Lets them into the room.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn gather(stage: &Stage, incident: &Path) -> Result<Company> {
        let (stop, stopped) = oneshot::channel();
        let (remark, remarks) = mpsc::channel(REMARKS);
        let people = [(Part::Sre, stage.person(Part::Sre)?), (Part::Operator, stage.person(Part::Operator)?)];
        let runtime = context::runtime()?;
        let dir = incident.to_owned();
        let work = async move {
            let mut playing = tokio::task::JoinSet::new();
            for (part, person) in people {
                let (dir, remark) = (dir.clone(), remark.clone());
                playing.spawn(async move {
                    let room = context::attach(&dir).await?;
                    StandIn::new(part, person, room, Patience::RELAXED, remark).play().await
                });
            }
            tokio::select! {
                _ = stopped => {}
                () = async { while playing.join_next().await.is_some() {} } => {}
            }
        };
        let thread = std::thread::Builder::new()
            .name("company".to_owned())
            .spawn(move || runtime.block_on(work))
            .map_err(|e| Failure::environment("the teammates cannot come").because(e))?;
        Ok(Company { stop, thread, remarks })
    }

    /// Sends them home; gives what they remarked.
    pub(super) fn dismiss(mut self) -> Vec<String> {
        // They may have gone already.
        let _ = self.stop.send(());
        let _ = self.thread.join();
        std::iter::from_fn(|| self.remarks.try_recv().ok()).collect()
    }
}
