//! Commands that change something: `run`, `undo`, `set_aside`. Never without the target having said who it is, where
//! the runbook asks for that.

use super::progress::{self, Reported};
use super::{Driver, End, How, Job, wanted};
use crate::core::effect::Stop;
use crate::core::event::{Direction, Outcome};
use crate::core::id::Digest;
use crate::hub::layout;
use crate::runbook::model::Command;
use crate::runbook::template::{self, Scope, shown_argv};
use crate::step::asked::asked_for;
use crate::step::mask::Mask;
use crate::step::outcome::{self, Ended, Place, judge};
use crate::step::progress::VARIABLE;
use crate::step::record::{self, Exit, OutputFacts};
use crate::step::runner::{self, Standing, StepError};
use crate::step::set_aside::{self, Found, SetAsideError, Size, set_aside};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// For an undo of a step without a timeout of its own.
const UNDO_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Of a command's output, so much of its beginning and of its end is kept beside the record.
const KEPT: u64 = 32 * 1024;
/// How long the question who the target is may take.
const TARGET_TIMEOUT: Duration = Duration::from_secs(30);

impl Driver {
    /// The step's own command.
    pub(super) async fn run_command(&self, job: &Job, command: &Command, codes: &[i32], how: How) -> End {
        match how {
            How::TakenUp => self.taken_up(job, codes).await,
            How::Begun => self.command(job, command, codes).await.unwrap_or_else(|end| end),
        }
    }

    /// The command that takes the step back.
    pub(super) async fn undo(&self, job: &Job, how: How) -> End {
        let Some(command) = &job.step.undo else { return End::failed("the step has no undo") };
        self.run_command(job, command, &[0], how).await
    }

    async fn command(&self, job: &Job, command: &Command, codes: &[i32]) -> Result<End, End> {
        self.unchanged(job)?;
        let scope = self.ground.scope(&job.incident);
        let cannot = |e: template::TemplateError| End::failed(format!("{e}; nothing was run"));
        let argv = template::command(command, &scope).map_err(cannot)?.argv;
        if !self.is_live(job) {
            return Ok(self.rehearsed(job, &shown_argv(&argv)));
        }
        if job.which.direction == Direction::Forward {
            self.target(job, &scope).await?;
        }
        let attempt = layout::attempt(&self.shared.dir, &job.which);
        let timeout = job.step.timeout.unwrap_or(UNDO_TIMEOUT);
        let mut work = runner::Job::new(&attempt, argv, timeout)
            .in_directory(self.ground.directory(&job.step, &scope).map_err(cannot)?);
        for (name, value) in template::environment(&job.step, &scope).map_err(cannot)? {
            work = work.env(name, value.reveal());
        }
        work = work.env(VARIABLE, crate::step::progress::path(&attempt).to_string_lossy());
        work = work.hide(self.ground.secrets_of(&job.step));
        let host = template::host(&job.step, &scope).map_err(cannot)?;
        if let Some(host) = &host {
            work = work.on_host(host);
        }
        if job.stop.borrow().is_some() {
            return Err(End::new(Outcome::Cancelled, "stopped before it began; nothing was run"));
        }
        match self.crew.launch(&work).await {
            Ok(watched) => Ok(self.follow(job, &attempt, codes, &place(host), watched.wait()).await),
            Err(e @ StepError::NoSupervisor(_)) => {
                Ok(self.without_supervisor(job, &attempt, codes, &e).await)
            }
            Err(e) => Err(End::failed(format!("{e}; nothing was run"))),
        }
    }

    /// The supervisor said nothing: whether the command was started must be found out.
    async fn without_supervisor(&self, job: &Job, attempt: &Path, codes: &[i32], error: &StepError) -> End {
        // The order was written before. Without it, nothing in the folder says whether the command was run.
        if matches!(record::read(attempt), Ok(None)) {
            let why = "the step's own file in the incident's folder is gone; whether the command was run is not known";
            return End::new(Outcome::Unknown, format!("{why}: {error}"));
        }
        match runner::withdraw(attempt) {
            Ok(Standing::NotStarted) => End::failed(format!("{error}; nothing was run")),
            Ok(Standing::Running { .. } | Standing::Ended(_) | Standing::Lost { .. }) => {
                self.follow(job, attempt, codes, &self.place(job), runner::wait(attempt)).await
            }
            Err(e) => {
                End::new(Outcome::Unknown, format!("{error}; and whether it was started is not known: {e}"))
            }
        }
    }

    fn place(&self, job: &Job) -> Place {
        place(template::host(&job.step, &self.ground.scope(&job.incident)).ok().flatten())
    }

    /// Picks a try up that the hub before had begun.
    async fn taken_up(&self, job: &Job, codes: &[i32]) -> End {
        if !self.is_live(job) {
            return self.rehearsed(job, "the same");
        }
        let attempt = layout::attempt(&self.shared.dir, &job.which);
        match runner::withdraw(&attempt) {
            Ok(Standing::NotStarted) => End::new(
                Outcome::Unknown,
                "the hub ended between recording the start and starting the command; it was most likely not run",
            ),
            Ok(Standing::Running { .. } | Standing::Ended(_) | Standing::Lost { .. }) => {
                self.follow(job, &attempt, codes, &self.place(job), runner::wait(&attempt)).await
            }
            Err(e) => End::new(Outcome::Unknown, format!("whether it was started is not known: {e}")),
        }
    }

    /// Waits for the end, passing on every wish to stop it.
    async fn follow(
        &self,
        job: &Job,
        attempt: &Path,
        codes: &[i32],
        place: &Place,
        ended_at: impl Future<Output = Result<Exit, StepError>>,
    ) -> End {
        let mut stop = job.stop.clone();
        let mut heard: Option<Stop> = None;
        let reported = Reported::default();
        // Beside everything else: a probe that hangs keeps nobody from stopping the step, or from hearing of its end.
        let progress = self.watch_progress(job, attempt, &reported);
        tokio::pin!(ended_at, progress);
        let exit = loop {
            tokio::select! {
                // A short command is over before anybody needs to look how far it is.
                biased;
                exit = &mut ended_at => break exit,
                how = next_stop(&mut stop, heard) => {
                    heard = Some(how);
                    let asked = match how {
                        Stop::Politely => runner::cancel(attempt),
                        Stop::AtOnce => runner::kill(attempt),
                    };
                    if let Err(error) = asked {
                        tracing::warn!(step = %job.which.step, %error, "the step could not be stopped");
                    }
                }
                () = &mut progress, if job.which.direction == Direction::Forward => {}
            }
        };
        match exit {
            Ok(exit) => {
                let mut end = ended(&exit, codes, place, attempt);
                let forward = job.which.direction == Direction::Forward;
                if forward && let Some(report) = self.last_progress(job, attempt, &reported).await {
                    let took = u64::try_from(exit.ended_us.saturating_sub(exit.started_us)).unwrap_or(0);
                    let words = progress::throughput(&report, Duration::from_micros(took));
                    end.detail.push_str(&format!("; {words}"));
                }
                end
            }
            Err(e) => End::new(Outcome::Unknown, e.to_string()),
        }
    }

    /// Asks the target who it is, right before.
    async fn target(&self, job: &Job, scope: &Scope) -> Result<(), End> {
        let Some(target) = &job.step.target else { return Ok(()) };
        let cannot = |e: template::TemplateError| End::failed(format!("{e}; nothing was run"));
        let expected = template::target_answer(target, scope).map_err(cannot)?;
        let argv = template::command(&target.run, scope).map_err(cannot)?.argv;
        let subject = self.command_subject(job, scope, argv).map_err(cannot)?;
        let looked = self.ground.looker.look(&subject, TARGET_TIMEOUT).await;
        let masked = |text: &[u8]| {
            let shown = Mask::new(self.ground.secrets_of(&job.step)).over(text);
            String::from_utf8_lossy(&shown).into_owned()
        };
        let seen = looked.map_err(|e| {
            let why = masked(e.to_string().as_bytes());
            End::failed(format!("the target did not say who it is: {why}; nothing was run"))
        })?;
        if String::from_utf8_lossy(&seen.text).trim() == expected.trim() {
            return Ok(());
        }
        let answer = masked(&seen.text);
        let answer = super::cut(answer.trim(), 200);
        Err(End::failed(format!("target answered `{answer}`, not `{expected}`; nothing was run")))
    }

    /// Moves something out of the way.
    pub(super) fn set_aside(&self, job: &Job, path: &str, how: How) -> End {
        if how == How::Begun
            && let Err(end) = self.unchanged(job)
        {
            return end;
        }
        let scope = self.ground.scope(&job.incident);
        let path = match self.ground.path(&job.step, &scope, path) {
            Ok(path) => path,
            Err(e) => return End::failed(format!("{e}; nothing was moved")),
        };
        if !self.is_live(job) {
            return self.rehearsed(job, &format!("a move of {}", path.display()));
        }
        let incident = job.incident.opened.as_ref().map(|o| o.incident.to_string()).unwrap_or_default();
        let unique = format!("{incident}.{}.{}", job.which.step, job.which.attempt);
        let moved = match how {
            How::Begun => set_aside(&path, &unique),
            How::TakenUp => match set_aside::found(&path, &unique) {
                Ok(Found::Moved(done)) => Ok(done),
                Ok(Found::NotMoved) => {
                    return End::failed("the hub ended before it moved this; nothing was moved");
                }
                Ok(Found::Neither) => {
                    let why = "the hub ended around this move, and neither the old nor the new name is there";
                    return End::new(Outcome::Unknown, why);
                }
                Err(e) => return End::new(Outcome::Unknown, e.to_string()),
            },
        };
        match moved {
            Ok(done) => {
                let size = match done.bytes {
                    Size::Exactly(bytes) => format!("{bytes} bytes"),
                    Size::AtLeast(bytes) => format!("at least {bytes} bytes"),
                };
                let (from, to) = (done.from.display(), done.to.display());
                End::new(Outcome::Succeeded, format!("moved {from} to {to} ({size})"))
            }
            Err(e @ SetAsideError::NotDurable(..)) => End::new(Outcome::Unknown, e.to_string()),
            Err(e @ (SetAsideError::Refused(..) | SetAsideError::Io(..))) => {
                End::failed(format!("{e}; nothing was moved"))
            }
        }
    }
}

/// A wish to stop that is news: the first, or a harder one.
async fn next_stop(stop: &mut tokio::sync::watch::Receiver<Option<Stop>>, heard: Option<Stop>) -> Stop {
    loop {
        let how = wanted(stop).await;
        if heard != Some(how) {
            return how;
        }
        if stop.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn place(host: Option<String>) -> Place {
    host.map_or(Place::Local, |host| Place::Remote { host })
}

/// What an exit comes to, with what it printed.
fn ended(exit: &Exit, codes: &[i32], place: &Place, attempt: &Path) -> End {
    let mut end = match judge(exit, codes, place) {
        Ended::Succeeded => End::new(Outcome::Succeeded, succeeded(exit)),
        Ended::Failed { sentence } => End::failed(sentence.as_str()),
        Ended::TimedOut { sentence } => End::new(Outcome::TimedOut, sentence.as_str()),
        Ended::Cancelled => End::new(Outcome::Cancelled, "stopped on request"),
        Ended::Unknown { sentence } => End::new(Outcome::Unknown, sentence.as_str()),
    };
    if let Some(left) = outcome::left_behind(&exit.left_behind) {
        end.detail.push_str("; ");
        end.detail.push_str(left.as_str());
    }
    if exit.output.total > 0 {
        end.output = digest(&exit.output).map(|digest| (digest, exit.output.total));
        match kept(attempt, exit.output.kept) {
            Ok(parts) => end.parts = parts,
            Err(e) => {
                end.detail.push_str(&format!("; what it wrote is gone from the incident's folder: {e}"))
            }
        }
    }
    if let Some(trouble) = &exit.output.trouble {
        let (kept, total) = (exit.output.kept, exit.output.total);
        end.detail.push_str(&format!("; of {total} bytes of output only {kept} could be kept: {trouble}"));
    } else if exit.output.kept < exit.output.total {
        let (kept, total) = (exit.output.kept, exit.output.total);
        end.detail.push_str(&format!("; of {total} bytes of output the first {kept} are kept"));
    }
    if end.outcome != Outcome::Succeeded
        && let Some(remark) = end.parts.last().and_then(|last| asked_for(last))
    {
        end.detail.push_str(&format!("; {remark}"));
    }
    end
}

fn succeeded(exit: &Exit) -> String {
    let took = u64::try_from(exit.ended_us.saturating_sub(exit.started_us)).unwrap_or(0);
    let code = match exit.outcome {
        record::Outcome::Exited { code } => code,
        _ => 0,
    };
    format!("exit code {code} after {:.1} s", Duration::from_micros(took).as_secs_f64())
}

fn digest(facts: &OutputFacts) -> Option<Digest> {
    Digest::try_from(format!("sha256:{}", facts.sha256)).ok()
}

/// The beginning and the end of the output. The whole of it stays beside the step's story.
fn kept(attempt: &Path, length: u64) -> std::io::Result<Vec<Vec<u8>>> {
    let file = std::fs::File::open(record::file(attempt, record::OUT))?;
    let read = |from: u64, bytes: u64| -> std::io::Result<Vec<u8>> {
        let mut part = vec![0; usize::try_from(bytes).unwrap_or(0)];
        let read = file.read_at(&mut part, from)?;
        part.truncate(read);
        Ok(part)
    };
    if length <= 2 * KEPT {
        return Ok(vec![read(0, length)?]);
    }
    Ok(vec![read(0, KEPT)?, read(length - KEPT, KEPT)?])
}
