//! What a step suspends or resumes through the hub itself, as a part of how the step ends. Never lets a step succeed
//! whose suspension did not come about.

use super::{Driver, End, Job, LONGEST, cut};
use crate::core::event::{Direction, Outcome};
use crate::sanitize;

impl Driver {
    /// Adds to a good end what the hub suspends or resumes for it; when that fails, so does the step.
    pub(super) async fn with_suspension(&self, job: &Job, mut end: End) -> End {
        if end.outcome != Outcome::Succeeded {
            return end;
        }
        let (step, incident) = (&job.step, &job.incident);
        let (on, off) = match job.which.direction {
            Direction::Forward => (step.suspends.as_ref(), step.resumes.as_ref()),
            // What takes a step back also lifts what it suspended.
            Direction::Undo => (None, step.suspends.as_ref()),
        };
        let known = |name: Option<&String>| name.filter(|name| self.suspenders.knows(name)).cloned();
        let (on, off) = (known(on), known(off));
        if on.is_none() && off.is_none() {
            return end;
        }
        if !self.is_live(job) {
            add(&mut end, "nothing is silenced in a rehearsal");
            return end;
        }
        let mut done = Vec::new();
        if let Some(name) = on {
            done.extend(self.suspenders.hold(incident, &name).await);
        }
        if let Some(name) = off {
            done.extend(self.suspenders.release(incident, &name).await);
        }
        for result in done {
            match result {
                Ok(sentence) => add(&mut end, &sentence),
                Err(why) => {
                    end.outcome = Outcome::Failed;
                    add(&mut end, &why);
                }
            }
        }
        end
    }
}

fn add(end: &mut End, sentence: &str) {
    let whole = format!("{}; {}", end.detail, sanitize::line(sentence));
    end.detail = cut(&whole, LONGEST).to_owned();
}
