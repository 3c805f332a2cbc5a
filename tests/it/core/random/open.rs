//! What is still open: undos after an abort, suspensions, steps that are not settled. Judged from the events and the
//! rule book alone.

use super::Verdict;
use super::book::{Book, Spec};
use backout::core::event::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    Not,
    Running,
    Unknown,
    Failed,
    Done,
    Kept,
}

#[derive(Debug, Clone)]
struct Done {
    /// The event with which it began last.
    begun: u64,
    running: bool,
    undo: Undo,
    settled: bool,
}

/// What somebody who only reads the record has to remember of it.
#[derive(Debug, Default)]
pub struct Open {
    done: BTreeMap<String, Done>,
    /// What is suspended, and by which steps: it is one switch, whoever turned it.
    suspended: BTreeMap<String, BTreeSet<String>>,
    /// What somebody looks after until it is on again.
    owned: BTreeSet<String>,
    /// Steps that were jumped over or left out.
    left: BTreeSet<String>,
    /// Steps that are to be tried again.
    again: BTreeSet<String>,
    /// When each began, without the moves of the clock.
    began: BTreeMap<String, i64>,
    moved: i64,
    declared: bool,
    aborted: bool,
    ended: bool,
}

impl Open {
    pub fn event(&mut self, event: &Event, book: &Book) -> Verdict {
        match &event.what {
            What::Declared(_) => self.declared = true,
            What::ClockJumped(d) => self.moved += d.micros,
            What::Aborted(_) => self.aborted = true,
            What::Started(d) if d.direction == Direction::Undo => self.takes_back(d.step.as_str(), book)?,
            What::Started(d) => self.begins(event, d.step.as_str(), book)?,
            What::DoneByHand(d) => {
                self.did(d.step.as_str(), event.seq, false);
                self.ends(d.step.as_str(), true, book);
            }
            What::Finished(d) => {
                let good = d.outcome == Outcome::Succeeded;
                let held = event.at.0 - self.moved - self.began.get(d.step.as_str()).unwrap_or(&0);
                let rests = book.step(d.step.as_str()).is_some_and(|s| s.kind == super::book::Kind::Wait);
                rule!(!rests || !good || held >= 30_000_000, "the hold phase took {held} µs");
                if let Some(done) = self.done.get_mut(d.step.as_str()) {
                    done.running = false;
                }
                self.ends(d.step.as_str(), good, book);
            }
            What::Settled(d) if d.direction == Direction::Forward => {
                self.ends(d.step.as_str(), d.verdict == backout::core::event::Verdict::Succeeded, book);
            }
            What::Settled(d) => {
                let good = d.verdict == backout::core::event::Verdict::Succeeded;
                self.undone(d.step.as_str(), if good { Undo::Done } else { Undo::Failed }, book);
            }
            What::Undone(d) => {
                let undo = match d.outcome {
                    Outcome::Succeeded => Undo::Done,
                    Outcome::Unknown => Undo::Unknown,
                    _ => Undo::Failed,
                };
                self.undone(d.step.as_str(), undo, book);
            }
            What::Voided(d) => drop(self.done.remove(d.gate.as_str())),
            What::StepSkipped(d) => drop(self.left.insert(d.step.to_string())),
            What::Inherited(d) => {
                self.suspended.remove(d.name.as_str());
                self.owned.insert(d.name.to_string());
            }
            What::Decided(d) => self.decided(d, book),
            What::Closed(_) => self.closes(book)?,
            _ => {}
        }
        Ok(())
    }

    fn did(&mut self, id: &str, begun: u64, running: bool) {
        self.left.remove(id);
        self.again.remove(id);
        self.done.insert(id.to_owned(), Done { begun, running, undo: Undo::Not, settled: false });
    }

    fn begins(&mut self, event: &Event, id: &str, book: &Book) -> Verdict {
        let first = !self.done.contains_key(id);
        if first && book.always.iter().any(|s| s.id == id) {
            let busy = self.done.iter().find(|(_, d)| d.running || d.undo == Undo::Running);
            rule!(busy.is_none(), "{id} comes last, and {busy:?} is under way");
            let open = self.newest_open(book);
            rule!(!self.aborted || open.is_none(), "{id} comes after the undo of {open:?}");
            self.phases_are_over(book)?;
        }
        self.did(id, event.seq, true);
        self.began.insert(id.to_owned(), event.at.0 - self.moved);
        Ok(())
    }

    /// The newest step whose undo comes first.
    fn newest_open(&self, book: &Book) -> Option<&String> {
        let undoable = |id: &str| book.phases.iter().flat_map(|p| &p.steps).any(|s| s.id == id && s.undo);
        let open = self.done.iter().filter(|(id, d)| {
            undoable(id) && (d.running || matches!(d.undo, Undo::Not | Undo::Running | Undo::Unknown))
        });
        open.max_by_key(|(_, d)| d.begun).map(|(id, _)| id)
    }

    fn takes_back(&mut self, id: &str, book: &Book) -> Verdict {
        let next = self.newest_open(book).is_some_and(|next| next == id);
        let done = self.done.get_mut(id).ok_or("it never began")?;
        rule!(!done.running, "it still runs");
        rule!(
            !matches!(done.undo, Undo::Running | Undo::Unknown | Undo::Done),
            "its undo is {:?}",
            done.undo
        );
        rule!(!self.aborted || next || done.undo == Undo::Failed, "something newer comes first");
        done.undo = Undo::Running;
        Ok(())
    }

    fn undone(&mut self, id: &str, undo: Undo, book: &Book) {
        if let Some(done) = self.done.get_mut(id) {
            done.undo = undo;
        }
        if undo == Undo::Done && book.step(id).is_some_and(|s| s.suspends.is_some()) {
            self.suspended.retain(|_, by| !by.contains(id));
        }
    }

    fn ends(&mut self, id: &str, good: bool, book: &Book) {
        let Some(spec) = book.step(id) else { return };
        let done = self.done.entry(id.to_owned()).or_insert(Done {
            begun: 0,
            running: false,
            undo: Undo::Not,
            settled: false,
        });
        done.settled = good;
        // One that failed may hold all the same.
        if let Some(name) = spec.suspends.as_ref().filter(|name| !self.owned.contains(*name)) {
            self.suspended.entry(name.clone()).or_default().insert(id.to_owned());
        }
        if let Some(name) = spec.resumes.as_ref().filter(|_| good) {
            self.suspended.remove(name);
            self.owned.remove(name);
        }
    }

    fn decided(&mut self, d: &Decided, book: &Book) {
        let About::Step(step) = &d.about else { return };
        let id = step.as_str();
        let to = match &d.choice {
            Choice::Keep => return self.undone(id, Undo::Kept, book),
            Choice::Retry => {
                self.left.remove(id);
                self.again.insert(id.to_owned());
                return;
            }
            Choice::Continue => None,
            Choice::Goto(to) => Some(to.to_string()),
            Choice::Option(name) => {
                let Some(Spec { kind: super::book::Kind::Decide(options), .. }) = book.step(id) else {
                    return;
                };
                if let Some(done) = self.done.get_mut(id) {
                    done.running = false;
                }
                let to = options.iter().find(|(option, _)| option == name).and_then(|(_, to)| to.clone());
                self.ended |= to.is_none();
                to
            }
            _ => return,
        };
        self.left.insert(id.to_owned());
        let Some(to) = to else { return };
        let between = book.steps().map(|s| s.id.clone()).skip_while(|s| s != id).skip(1);
        for other in between.take_while(|s| *s != to) {
            if !self.done.contains_key(&other) || self.again.contains(&other) {
                self.left.insert(other);
            }
        }
    }

    fn is_settled(&self, id: &str) -> bool {
        self.left.contains(id) || self.done.get(id).is_some_and(|d| d.settled && !d.running)
    }

    fn phases_are_over(&self, book: &Book) -> Verdict {
        let open = book.phases.iter().flat_map(|p| &p.steps).find(|s| !self.is_settled(&s.id));
        rule!(self.aborted || self.ended || open.is_none(), "{} is not settled", open.unwrap().id);
        Ok(())
    }

    fn closes(&self, book: &Book) -> Verdict {
        rule!(self.suspended.is_empty(), "closed over {:?}", self.suspended);
        if !self.declared {
            return Ok(());
        }
        self.phases_are_over(book)?;
        let last = book.always.iter().find(|s| !self.is_settled(&s.id));
        rule!(last.is_none(), "closed before {}", last.unwrap().id);
        let undoable = book.phases.iter().flat_map(|p| &p.steps).filter(|s| s.undo);
        let stays = undoable
            .filter_map(|s| self.done.get(&s.id).map(|d| (&s.id, d)))
            .find(|(_, d)| !matches!(d.undo, Undo::Done | Undo::Kept));
        rule!(!self.aborted || stays.is_none(), "closed over the undo of {stays:?}");
        Ok(())
    }
}
