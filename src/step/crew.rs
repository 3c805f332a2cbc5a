//! The supervisors of one hub: how one starts, gets its orders and waits for more. Never gives one two commands at a
//! time, and never believes it about how an attempt ended: that is in the attempt's story.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::process::Command;

use super::order::{FREE, READY};
use super::record::{self, Exit};
use super::runner::{self, Job, Launched, StepError};
use super::supervisor::WITHHELD;
use crate::sanitize::{self, Clean};

/// So many wait for their next command; one more goes when its command is over. Steps that run at the same time are
/// few, and one that waits costs a process.
const MOST_IDLE: usize = 2;
/// How long a supervisor may take to get its command going. Only a machine on its knees needs more than milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Of what a supervisor says about why it cannot, so many bytes are read.
const MOST_SAID: usize = 4096;

/// Those that wait.
#[derive(Debug)]
pub struct Crew {
    idle: Mutex<Vec<Supervisor>>,
    most: usize,
}

impl Default for Crew {
    fn default() -> Self {
        Crew { idle: Mutex::default(), most: MOST_IDLE }
    }
}

impl Crew {
    /// Nobody yet.
    pub fn new() -> Arc<Crew> {
        Arc::default()
    }

    /// Nobody, ever: who is done goes.
    pub(super) fn of_none() -> Arc<Crew> {
        Arc::new(Crew { idle: Mutex::default(), most: 0 })
    }

    /// Has the job supervised. When this returns, the command runs or the record says why it does not.
    ///
    /// # Errors
    /// [`StepError::NoSupervisor`] means that whether the command was started must be asked with
    /// [`inspect`](runner::inspect); every other error means it was not.
    pub async fn launch(self: &Arc<Self>, job: &Job) -> Result<Watched, StepError> {
        let order = runner::prepare(job)?;
        let cannot = |why: io::Error| StepError::NoSupervisor(sanitize::line(why.to_string()));
        let line = order.line().map_err(|e| cannot(e.into()))?;
        while let Some(idle) = self.take(job) {
            match idle.begin(&line).await {
                Ok((supervisor, free)) => return Ok(self.watched(job, supervisor, free)),
                // It went while it waited. Even if it is only slow: just one of the two can ever claim the attempt.
                Err(_) if nobody_claimed(&job.attempt) => {}
                Err(why) => return Err(StepError::NoSupervisor(why)),
            }
        }
        let fresh = Supervisor::start(job).map_err(cannot)?;
        let (supervisor, free) = fresh.begin(&line).await.map_err(StepError::NoSupervisor)?;
        Ok(self.watched(job, supervisor, free))
    }

    fn watched(self: &Arc<Self>, job: &Job, supervisor: Supervisor, free: bool) -> Watched {
        Watched { attempt: job.attempt.clone(), supervisor, free, crew: self.clone() }
    }

    fn take(&self, job: &Job) -> Option<Supervisor> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut supervisor) = idle.pop() {
            if supervisor.fits(job) && supervisor.waits() {
                return Some(supervisor);
            }
        }
        None
    }

    fn back(&self, supervisor: Supervisor) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Without its pipe it goes.
        if idle.len() < self.most {
            idle.push(supervisor);
        }
    }
}

/// A story that has lost its order has been tampered with, and then the missing claim proves nothing: a command that
/// empties the folder where its story lies must not be run again.
fn nobody_claimed(attempt: &Path) -> bool {
    matches!(record::read(attempt), Ok(Some(story)) if story.job.is_some() && story.started.is_none())
}

/// It had begun, and nothing says so any more.
const VANISHED: &str =
    "the step's own file in the incident's folder is gone; how the command ended is not known";

/// An attempt and who supervises it. Dropping this leaves both alone; the supervisor goes when the attempt is over.
#[derive(Debug)]
pub struct Watched {
    attempt: PathBuf,
    supervisor: Supervisor,
    free: bool,
    crew: Arc<Crew>,
}

impl Watched {
    /// What anybody needs to ask about it later.
    pub fn launched(&self) -> Launched {
        Launched { attempt: self.attempt.clone(), supervisor: self.supervisor.pid }
    }

    /// Waits for the end. A supervisor that is as it was before gets the next command.
    ///
    /// # Errors
    /// As [`runner::wait`].
    pub async fn wait(mut self) -> Result<Exit, StepError> {
        if !self.free {
            self.free = self.supervisor.ends().await;
        }
        let exit = runner::wait(&self.attempt).await.map_err(|e| match e {
            StepError::NotRunning => StepError::Lost(sanitize::line(VANISHED)),
            other => other,
        })?;
        if self.free {
            self.crew.back(self.supervisor);
        }
        Ok(exit)
    }
}

/// One process, and the pipes to and from it.
#[derive(Debug)]
struct Supervisor {
    pid: u32,
    exe: PathBuf,
    folder: PathBuf,
    orders: Sender,
    words: Receiver,
}

impl Supervisor {
    /// A new one. Needs a runtime, which also collects the process when it is dead.
    fn start(job: &Job) -> io::Result<Supervisor> {
        let (orders, sender) = io::pipe()?;
        let (receiver, words) = io::pipe()?;
        let folder = job.attempt.parent().unwrap_or(&job.attempt).to_owned();
        let mut command = Command::new(&job.exe);
        command.arg0("backout").arg("__step").arg(&folder).current_dir("/");
        command.stdin(orders).stdout(words.try_clone()?).stderr(words);
        for name in WITHHELD {
            command.env_remove(name);
        }
        let mut child = command.spawn()?;
        // It holds this side's copies of the other ends.
        drop(command);
        let pid = child.id().unwrap_or_default();
        // Dropping this task with the runtime does not touch the supervisor.
        tokio::spawn(async move { child.wait().await });
        Ok(Supervisor {
            pid,
            exe: job.exe.clone(),
            folder,
            orders: Sender::from_owned_fd(sender.into())?,
            words: Receiver::from_owned_fd(receiver.into())?,
        })
    }

    fn fits(&self, job: &Job) -> bool {
        self.exe == job.exe && job.attempt.parent() == Some(&self.folder)
    }

    /// Whether it is there and says nothing. It may go right after all the same.
    fn waits(&mut self) -> bool {
        let said = self.words.try_read(&mut [0]);
        said.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Gives it an order. Itself with the command running, and whether that is over already; or why not.
    async fn begin(mut self, line: &[u8]) -> Result<(Supervisor, bool), Clean> {
        let mut said = Vec::new();
        let heard = async {
            // One that is gone does not take it, but may have said why.
            let _ = self.orders.write_all(line).await;
            while !said.starts_with(&[READY]) && !said.contains(&b'\n') && said.len() < MOST_SAID {
                if self.hear(&mut said).await? == 0 {
                    break;
                }
            }
            Ok::<(), io::Error>(())
        };
        // Whether it said that it is ready counts, not how the listening ended.
        let _ = tokio::time::timeout(READY_WITHIN, heard).await;
        match said.split_first() {
            Some((&READY, more)) => Ok((self, more.starts_with(&[FREE]))),
            _ => Err(sanitize::line(said.trim_ascii())),
        }
    }

    /// Waits until the attempt is over: true when it waits for another.
    async fn ends(&mut self) -> bool {
        let mut said = Vec::new();
        loop {
            match self.hear(&mut said).await {
                Ok(0) | Err(_) => return false,
                Ok(_) if said.starts_with(&[FREE]) => return true,
                // It complains, and will not be used again.
                Ok(_) => said.truncate(1),
            }
        }
    }

    async fn hear(&mut self, said: &mut Vec<u8>) -> io::Result<usize> {
        let mut buffer = [0; 512];
        let n = self.words.read(&mut buffer).await?;
        said.extend_from_slice(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}
