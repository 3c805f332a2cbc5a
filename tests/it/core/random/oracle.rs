//! An auditor who reads the events alone, with a rule book of its own. Never calls the program's rules, and gives the
//! first event that breaks one.

use super::Verdict;
use super::book::{Authority, Book, Crowd, Hold, Kind, Require, Spec, TARGET};
use super::open::Open;
use backout::core::event::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Gate {
    Open,
    Passed,
    Shut,
}

#[derive(Debug, Clone)]
struct Asked {
    attempt: u32,
    nonce: String,
    expires: i64,
    state: Gate,
    votes: Vec<(String, String, String, bool)>,
    content: BTreeMap<String, String>,
    begun: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, Default)]
struct Stand {
    lets_on: bool,
    running: Option<u32>,
    undoing: Option<u32>,
    unknown: bool,
    undo_unknown: bool,
    pending: bool,
    trouble: bool,
    tries: u32,
    undo_tries: u32,
    acted: bool,
    executors: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Session {
    person: String,
    over: bool,
    expires: i64,
    last: u64,
}

pub struct Auditor {
    book: Book,
    class: Authority,
    books: BTreeMap<String, Book>,
    roster: BTreeMap<String, BTreeSet<String>>,
    seats: BTreeMap<String, Vec<String>>,
    sessions: BTreeMap<String, Session>,
    gates: BTreeMap<String, Asked>,
    broken: BTreeMap<u32, Vec<(String, String, String)>>,
    steps: BTreeMap<String, Stand>,
    measured: BTreeMap<String, String>,
    open: Open,
    initiator: String,
    entered: BTreeSet<usize>,
    declared: bool,
    paused: bool,
    aborted: bool,
    ended: bool,
    closed: bool,
}

impl Auditor {
    pub fn new(book: &Book, crowd: &Crowd, class: &Authority, books: &BTreeMap<String, Book>) -> Auditor {
        let fresh = |s: &Spec| (s.id.clone(), Stand { pending: true, ..Stand::default() });
        Auditor {
            class: class.clone(),
            books: books.clone(),
            roster: crowd.people.iter().map(|(p, r)| (p.clone(), r.iter().cloned().collect())).collect(),
            seats: BTreeMap::new(),
            sessions: BTreeMap::new(),
            gates: BTreeMap::new(),
            broken: BTreeMap::new(),
            steps: book.steps().map(fresh).collect(),
            measured: BTreeMap::new(),
            open: Open::default(),
            initiator: String::new(),
            entered: BTreeSet::new(),
            declared: false,
            paused: false,
            aborted: false,
            ended: false,
            closed: false,
            book: book.clone(),
        }
    }

    /// The first event that breaks a rule, and which.
    pub fn audit(mut self, record: &[Event]) -> Verdict {
        for event in record {
            self.event(event).map_err(|why| format!("#{} {}: {why}", event.seq, event.what.kind()))?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Verdict {
        rule!(!self.closed, "something follows the close");
        let who = event.actor.to_string();
        let by_hub = event.actor == Actor::Hub;
        self.acts_within_a_session(event, &who)?;
        self.open.event(event, &self.book)?;
        match &event.what {
            What::Opened(d) => {
                self.initiator.clone_from(&who);
                self.join(&who, &d.session);
            }
            What::Joined(d) => self.join(&who, d),
            What::Left(d) => self.session(d.session.as_str(), |s| s.over = true),
            What::SessionRevoked(d) => self.session(d.session.as_str(), |s| s.over = true),
            What::Assumed(d) => self.assumed(&who, d.role.as_str(), d.stand_in)?,
            What::Renounced(d) => self.leaves_seat(&who, d.role.as_str())?,
            What::HandedOver(d) => {
                rule!(self.sits(d.from.as_str(), "commander"), "{} does not command", d.from);
                self.seats.insert("commander".to_owned(), vec![who.clone()]);
                self.apart(&who)?;
            }
            What::Requested(d) => {
                rule!(by_hub, "a person opened a gate");
                self.within_its_phase(d.gate.as_str())?;
                self.requested(d);
            }
            What::Granted(d) => {
                self.answered(event, &who, (d.gate.as_str(), d.attempt, &d.nonce), (&d.role, &d.key), true)?
            }
            What::Denied(d) => {
                rule!(!d.reason.trim().is_empty(), "denied without a reason");
                self.answered(event, &who, (d.gate.as_str(), d.attempt, &d.nonce), (&d.role, &d.key), false)?;
            }
            What::Overridden(d) => self.broke(&who, d)?,
            What::Declared(d) => self.declares(d.attempt)?,
            What::Amended(d) => self.amends(d)?,
            What::Expired(d) => {
                let gate = self.gates.get(d.gate.as_str()).ok_or("expired without a request")?;
                rule!(event.at.0 >= gate.expires, "expired before its time");
                rule!(gate.state == Gate::Open, "what is shut does not expire");
                self.shut(d.gate.as_str());
            }
            What::Voided(d) => {
                self.shut(d.gate.as_str());
                self.step(d.gate.as_str(), |s| {
                    (s.lets_on, s.pending, s.trouble) = (false, true, false);
                });
            }
            What::PhaseEntered(d) => {
                rule!(by_hub, "a person entered a phase");
                rule!(self.entered.insert(d.phase as usize), "a phase is entered twice");
            }
            What::Started(d) => self.started(&who, by_hub, d)?,
            What::Finished(d) => self.finished(&who, by_hub, d)?,
            What::Undone(d) => self.undone(d)?,
            What::StepSkipped(d) => self.skipped(&who, by_hub, d)?,
            What::DoneByHand(d) => self.by_hand(&who, d)?,
            What::Settled(d) => self.settled(by_hub, d)?,
            What::Decided(d) => self.decided(&who, by_hub, d)?,
            What::Measured(d) => {
                self.measured.insert(d.step.to_string(), d.text.clone().unwrap_or_default());
            }
            What::Aborted(_) => {
                if !by_hub {
                    let now = self.entered.last().copied();
                    self.decides(&who, |a| &a.abort, now, |s| s.sits(&who, "commander"))?;
                }
                self.aborted = true;
                self.paused = false;
            }
            What::Closed(_) => self.closes(&who)?,
            _ => {}
        }
        Ok(())
    }

    fn acts_within_a_session(&mut self, event: &Event, who: &str) -> Verdict {
        if event.actor == Actor::Hub {
            return Ok(());
        }
        rule!(self.roster.contains_key(who), "{who} is nobody of the team");
        let auth = event.auth.as_ref().ok_or("a person without proof")?;
        let Some(id) = &auth.session else {
            rule!(auth.statement.is_some(), "neither a session nor a statement");
            return Ok(());
        };
        let at = event.at.0;
        let session = self.sessions.get_mut(id.as_str()).ok_or("no such session")?;
        rule!(session.person == who, "somebody else's session");
        rule!(!session.over && at < session.expires, "the session is over");
        let number = auth.client_seq.ok_or("no number")?;
        rule!(number > session.last, "played back");
        session.last = number;
        Ok(())
    }

    fn join(&mut self, who: &str, joined: &Joined) {
        let id = backout::core::apply::session_id(&joined.session_key).unwrap();
        let session = Session { person: who.to_owned(), over: false, expires: joined.expires.0, last: 0 };
        self.sessions.insert(id.to_string(), session);
    }

    fn session(&mut self, id: &str, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(id) {
            change(session);
        }
    }

    fn step(&mut self, id: &str, change: impl FnOnce(&mut Stand)) {
        if let Some(stand) = self.steps.get_mut(id) {
            change(stand);
        }
    }

    fn present(&self, who: &str) -> bool {
        self.sessions.values().any(|s| s.person == who && !s.over)
    }

    fn sits(&self, who: &str, role: &str) -> bool {
        self.seats.get(role).is_some_and(|s| s.iter().any(|p| p == who))
    }

    fn takes_part(&self, who: &str) -> bool {
        self.seats.iter().any(|(role, s)| role != "observer" && s.iter().any(|p| p == who))
    }

    fn assumed(&mut self, who: &str, role: &str, stand_in: bool) -> Verdict {
        let seat = self.book.seats.iter().find(|s| s.name == role);
        let here: Vec<String> = self.seats.get(role).into_iter().flatten().cloned().collect();
        let here: Vec<&String> = here.iter().filter(|p| self.present(p)).collect();
        if stand_in {
            let allowed = seat.is_some_and(|s| s.stand_in.iter().any(|r| self.roster[who].contains(r)));
            rule!(allowed, "{who} does not stand in for {role}");
            rule!(here.is_empty(), "{} of {role} is here", here[0]);
        } else {
            rule!(role == "observer" || self.roster[who].contains(role), "{who} has no role {role}");
        }
        if role == "commander" {
            rule!(here.is_empty(), "two commanders");
            self.seats.remove(role);
        }
        rule!(!self.sits(who, role), "seated twice");
        self.seats.entry(role.to_owned()).or_default().push(who.to_owned());
        self.apart(who)
    }

    fn leaves_seat(&mut self, who: &str, role: &str) -> Verdict {
        rule!(self.sits(who, role), "{who} does not sit there");
        self.seats.entry(role.to_owned()).or_default().retain(|p| p != who);
        Ok(())
    }

    /// Nobody has two seats that the runbook keeps apart.
    fn apart(&self, who: &str) -> Verdict {
        for seat in self.book.seats.iter().filter(|s| self.sits(who, &s.name)) {
            let other = seat.excludes.iter().find(|e| self.sits(who, e));
            rule!(other.is_none(), "{who} sits as {} and {}", seat.name, other.unwrap());
        }
        Ok(())
    }

    fn carries_out(&self, who: &str) -> Verdict {
        let idle = self
            .book
            .seats
            .iter()
            .find(|s| s.excludes.iter().any(|e| e == "executor") && self.sits(who, &s.name));
        rule!(idle.is_none(), "{who} carries nothing out");
        Ok(())
    }

    /// What a step would do now.
    fn content(&self, id: &str) -> String {
        let Some(spec) = self.book.step(id) else { return "gone".to_owned() };
        let value = spec.uses.as_ref().and_then(|m| self.measured.get(m));
        format!("{} {value:?}", spec.content())
    }

    fn requested(&mut self, d: &Requested) {
        let covers = self.hold(d.gate.as_str()).map(|h| h.covers.clone()).unwrap_or_default();
        let content = covers.iter().map(|c| (c.clone(), self.content(c))).collect();
        let asked = Asked {
            attempt: d.attempt,
            nonce: d.nonce.clone(),
            expires: d.expires.0,
            state: Gate::Open,
            votes: Vec::new(),
            content,
            begun: BTreeMap::new(),
        };
        self.gates.insert(d.gate.to_string(), asked);
        self.step(d.gate.as_str(), |s| (s.pending, s.lets_on, s.trouble) = (false, false, false));
    }

    fn hold(&self, gate: &str) -> Option<&Hold> {
        match &self.book.step(gate)?.kind {
            Kind::Hold(hold) => Some(hold),
            _ => None,
        }
    }

    fn require(&self, gate: &str) -> (Require, u32) {
        match self.hold(gate) {
            Some(hold) => (hold.require.clone(), hold.deny_quorum),
            None => (self.book.declare.clone(), 1),
        }
    }

    fn answered(
        &mut self,
        event: &Event,
        who: &str,
        (gate, attempt, nonce): (&str, u32, &str),
        (role, key): (&backout::core::id::RoleName, &str),
        approves: bool,
    ) -> Verdict {
        let (require, _) = self.require(gate);
        rule!(require.iter().any(|(r, _)| r == role.as_str()), "{role} is not asked for");
        let entitled = self.roster[who].contains(role.as_str()) || self.sits(who, role.as_str());
        rule!(entitled, "{who} is no {role}");
        if let Some(hold) = self.hold(gate).filter(|_| approves) {
            rule!(!(hold.initiator && who == self.initiator), "the initiator approves");
            let mut covered = hold.covers.iter().filter_map(|c| self.steps.get(c));
            let carried_out = covered.any(|s| s.executors.contains(who));
            rule!(!(hold.executor && carried_out), "whoever carried it out approves");
        }
        let asked = self.gates.get_mut(gate).ok_or("nobody asked")?;
        rule!(asked.state == Gate::Open, "the gate is shut");
        rule!(asked.attempt == attempt && asked.nonce == nonce, "an answer to another request");
        rule!(event.at.0 < asked.expires, "too late");
        rule!(asked.votes.iter().all(|(p, ..)| p != who), "{who} counts twice");
        rule!(asked.votes.iter().all(|(_, k, ..)| k != key), "one key counts twice");
        asked.votes.push((who.to_owned(), key.to_owned(), role.to_string(), approves));
        Ok(())
    }

    fn broke(&mut self, who: &str, d: &Overridden) -> Verdict {
        rule!(d.gate.as_str() == "declare", "only the declaration has a glass to break");
        let rule = self.book.override_.clone().ok_or("there is no glass")?;
        rule!(rule.iter().any(|(r, _)| r == d.role.as_str()), "not asked for");
        let entitled = self.roster[who].contains(d.role.as_str()) || self.sits(who, d.role.as_str());
        rule!(entitled && !d.reason.trim().is_empty(), "{who} may not break it");
        let asked = self.gates.get("declare").ok_or("nobody asked")?;
        rule!(asked.attempt == d.attempt && asked.state == Gate::Open, "another request");
        let no: Vec<&str> = asked.votes.iter().filter(|v| !v.3).map(|v| v.0.as_str()).collect();
        let named: Vec<&str> = d.denied_by.iter().map(|p| p.as_str()).collect();
        rule!(no == named, "it names {named:?} as those who denied");
        let votes = self.broken.entry(d.attempt).or_default();
        rule!(votes.iter().all(|(p, k, _)| p != who && *k != d.key), "counts twice");
        votes.push((who.to_owned(), d.key.clone(), d.role.to_string()));
        Ok(())
    }

    /// Whether a gate has its quorum: counted here from the answers alone.
    fn quorum(&self, gate: &str, attempt: u32) -> Verdict {
        let asked = self.gates.get(gate).ok_or("nobody asked")?;
        rule!(asked.attempt == attempt && asked.state == Gate::Open, "another request");
        let (require, deny_quorum) = self.require(gate);
        let no = asked.votes.iter().filter(|v| !v.3).count() as u32;
        rule!(no < deny_quorum, "it was denied");
        for (role, count) in &require {
            let yes = asked.votes.iter().filter(|v| v.3 && v.2 == *role).count() as u32;
            rule!(yes >= *count, "{yes} of {count} {role}");
        }
        Ok(())
    }

    fn declares(&mut self, attempt: u32) -> Verdict {
        let over = self.book.override_.clone().unwrap_or_default();
        let broken = self.broken.get(&attempt).cloned().unwrap_or_default();
        let enough = |(role, count): &(String, u32)| {
            broken.iter().filter(|(_, _, r)| r == role).count() as u32 >= *count
        };
        if over.is_empty() || !over.iter().all(enough) {
            self.quorum("declare", attempt)?;
        }
        rule!(!self.declared, "declared twice");
        self.declared = true;
        self.shut("declare");
        Ok(())
    }

    fn amends(&mut self, d: &Amended) -> Verdict {
        self.quorum("runbook.amend", d.attempt)?;
        self.shut("runbook.amend");
        let book = self.books.get(&d.runbook.to_string()).cloned().ok_or("an unknown runbook")?;
        for (id, stand) in self.steps.iter().filter(|(_, s)| s.tries > 0) {
            let same = self.book.step(id).map(Spec::content) == book.step(id).map(Spec::content);
            rule!(same, "{id} has begun and changes ({stand:?})");
        }
        self.book = book;
        let fresh = |s: &Spec| (s.id.clone(), Stand { pending: true, ..Stand::default() });
        let known: Vec<(String, Stand)> = self.book.steps().map(fresh).collect();
        for (id, stand) in known {
            self.steps.entry(id).or_insert(stand);
        }
        Ok(())
    }

    fn shut(&mut self, gate: &str) {
        if let Some(asked) = self.gates.get_mut(gate) {
            asked.state = Gate::Shut;
        }
        self.step(gate, |s| (s.lets_on, s.trouble) = (false, true));
    }

    fn decides(
        &self,
        who: &str,
        list: impl Fn(&Authority) -> &Vec<String>,
        phase: Option<usize>,
        usual: impl Fn(&Auditor) -> bool,
    ) -> Verdict {
        let of_phase = phase.and_then(|i| self.book.phases.get(i)).map(|p| list(&p.authority).clone());
        let own = of_phase.filter(|l| !l.is_empty()).unwrap_or_else(|| list(&self.book.authority).clone());
        let lists: Vec<Vec<String>> =
            [list(&self.class).clone(), own].into_iter().filter(|l| !l.is_empty()).collect();
        for roles in &lists {
            rule!(roles.iter().any(|r| self.sits(who, r)), "{who} is none of {roles:?}");
        }
        rule!(!lists.is_empty() || usual(self), "{who} does not decide this");
        Ok(())
    }

    fn phase_index(&self, id: &str) -> Option<usize> {
        self.book.phases.iter().position(|p| p.steps.iter().any(|s| s.id == id))
    }

    fn within_its_phase(&self, id: &str) -> Verdict {
        let entered = self.phase_index(id).is_none_or(|i| self.entered.contains(&i));
        rule!(entered, "{id} belongs to a phase that was not entered");
        Ok(())
    }

    fn answers_for(&self, who: &str, id: &str) -> bool {
        let role = self.book.step(id).and_then(|s| s.role.clone());
        self.sits(who, "commander") || role.map_or_else(|| self.takes_part(who), |r| self.sits(who, &r))
    }

    /// What covers a step was passed, for this content, by these people.
    fn covered(&self, who: &str, by_hub: bool, id: &str) -> Verdict {
        let spec = self.book.step(id).ok_or("no such step")?;
        let mut roles: BTreeSet<String> = BTreeSet::new();
        let mut any = false;
        for (hold, rule) in self.book.covering(id) {
            any = true;
            let asked = self.gates.get(&hold.id).ok_or(format!("{} was never asked for", hold.id))?;
            rule!(asked.state == Gate::Passed, "{} is not passed", hold.id);
            let then = asked.content.get(id).cloned();
            rule!(then == Some(self.content(id)), "{} was about something else: {then:?}", hold.id);
            let approved = asked.votes.iter().filter(|v| v.3);
            roles.extend(approved.clone().map(|v| v.2.clone()));
            let own = !by_hub && approved.clone().any(|v| v.0 == who);
            rule!(!(rule.executor && own), "{who} approved {} and carries it out", hold.id);
        }
        rule!(any || !spec.irreversible, "nothing covers {id}");
        if spec.irreversible {
            let phase = self.book.phase_of(id).map(|p| p.authority.no_return.clone()).unwrap_or_default();
            let own = if phase.is_empty() { self.book.authority.no_return.clone() } else { phase };
            for list in [self.class.no_return.clone(), own].iter().filter(|l| !l.is_empty()) {
                rule!(list.iter().any(|r| roles.contains(r)), "none of {list:?} approved {id}");
            }
        }
        Ok(())
    }

    fn started(&mut self, who: &str, by_hub: bool, d: &Started) -> Verdict {
        let id = d.step.as_str();
        rule!(self.declared, "before the declaration");
        rule!(!self.paused, "while the room is paused");
        if !by_hub {
            self.carries_out(who)?;
        }
        let stand = self.steps.get(id).cloned().ok_or("no such step")?;
        rule!(stand.running.is_none() && stand.undoing.is_none(), "it runs already");
        if d.direction == Direction::Undo {
            rule!(!by_hub && self.answers_for(who, id), "{who} may not undo it");
            rule!(stand.acted && d.attempt == stand.undo_tries + 1, "nothing to take back");
            self.step(id, |s| (s.undoing, s.undo_tries) = (Some(d.attempt), d.attempt));
            return Ok(());
        }
        rule!(d.attempt == stand.tries + 1, "attempt {} after {}", d.attempt, stand.tries);
        let always = self.book.always.iter().any(|s| s.id == id);
        let spec = self.book.step(id).cloned().ok_or("no such step")?;
        rule!(!stand.undo_unknown, "nobody knows what its undo did");
        rule!(always || (!self.aborted && !self.ended), "the way forward is over");
        self.within_its_phase(id)?;
        let again = by_hub && spec.retry && stand.trouble && d.attempt <= 2;
        if !again {
            rule!(stand.pending, "it is not its turn: {stand:?}");
        }
        for need in spec.needs.iter().filter(|_| !again) {
            rule!(self.steps.get(need).is_some_and(|s| s.lets_on), "{need} is not settled");
        }
        rule!(!by_hub || again || spec.kind != Kind::Run, "the hub starts a command by itself");
        if !by_hub {
            rule!(spec.kind == Kind::Run, "{who} does not start this");
            let may = spec.role.as_ref().map_or_else(|| self.takes_part(who), |r| self.sits(who, r));
            rule!(may, "{who} has not the role of it");
        }
        self.covered(who, by_hub, id)?;
        let spent = self
            .book
            .covering(id)
            .find(|(hold, _)| self.gates.get(&hold.id).is_some_and(|asked| asked.begun.contains_key(id)));
        // What the runbook tries again by itself is the same attempt to those who approved it.
        rule!(again || spent.is_none(), "an approval holds for one attempt");
        if spec.irreversible {
            rule!(d.retyped.as_deref() == Some(TARGET), "the target was not retyped");
            rule!(!self.steps.values().any(|s| s.unknown || s.undo_unknown), "over an unknown one");
        }
        let holds: Vec<String> = self.book.covering(id).map(|(h, _)| h.id.clone()).collect();
        for hold in holds {
            if let Some(asked) = self.gates.get_mut(&hold) {
                *asked.begun.entry(id.to_owned()).or_default() += 1;
            }
        }
        let who = (!by_hub).then(|| who.to_owned());
        self.step(id, |s| {
            (s.running, s.tries, s.pending, s.trouble) = (Some(d.attempt), d.attempt, false, false);
            (s.lets_on, s.acted) = (false, true);
            s.executors.extend(who);
        });
        Ok(())
    }

    fn finished(&mut self, who: &str, by_hub: bool, d: &Finished) -> Verdict {
        let id = d.step.as_str();
        let good = d.outcome == Outcome::Succeeded;
        let spec = self.book.step(id).cloned().ok_or("no such step")?;
        if let Kind::Hold(rule) = &spec.kind {
            rule!(by_hub, "a person passes a hold point alone");
            if good {
                self.quorum(id, d.attempt)?;
            } else {
                let asked = self.gates.get(id).ok_or("nobody asked")?;
                let no = asked.votes.iter().filter(|v| !v.3).count() as u32;
                rule!(no >= rule.deny_quorum, "denied by {no} of {}", rule.deny_quorum);
            }
            if let Some(asked) = self.gates.get_mut(id) {
                asked.state = if good { Gate::Passed } else { Gate::Shut };
            }
            self.step(id, |s| (s.lets_on, s.trouble) = (good, !good));
            return Ok(());
        }
        let stand = self.steps.get(id).cloned().ok_or("no such step")?;
        rule!(stand.running == Some(d.attempt), "it does not run");
        if !by_hub {
            let may = spec.role.as_ref().map_or_else(|| self.takes_part(who), |r| self.sits(who, r));
            rule!(spec.kind == Kind::Manual && good && may, "{who} does not end this");
        }
        let unknown = d.outcome == Outcome::Unknown;
        self.step(id, |s| {
            (s.running, s.lets_on, s.unknown, s.trouble) = (None, good, unknown, !good && !unknown);
        });
        Ok(())
    }

    fn undone(&mut self, d: &Undone) -> Verdict {
        let stand = self.steps.get(d.step.as_str()).cloned().ok_or("no such step")?;
        rule!(stand.undoing == Some(d.attempt), "it is not being undone");
        let unknown = d.outcome == Outcome::Unknown;
        self.step(d.step.as_str(), |s| (s.undoing, s.undo_unknown) = (None, unknown));
        Ok(())
    }

    fn skipped(&mut self, who: &str, by_hub: bool, d: &StepSkipped) -> Verdict {
        rule!(!by_hub, "no step here has a `when`");
        rule!(self.hold(d.step.as_str()).is_none(), "a hold point was skipped");
        let id = d.step.as_str();
        self.decides(who, |a| &a.go_on, self.phase_index(id), |s| s.answers_for(who, id))?;
        self.left(id)?;
        self.step(id, |s| (s.lets_on, s.pending, s.trouble) = (true, false, false));
        Ok(())
    }

    /// What runs or is unknown is neither left out nor done by hand.
    fn left(&self, id: &str) -> Verdict {
        let stand = self.steps.get(id).ok_or("no such step")?;
        rule!(self.declared && stand.running.is_none() && !stand.unknown, "it cannot be left");
        Ok(())
    }

    fn by_hand(&mut self, who: &str, d: &DoneByHand) -> Verdict {
        let id = d.step.as_str();
        rule!(self.hold(id).is_none(), "a hold point was passed by hand");
        self.left(id)?;
        let stand = &self.steps[id];
        rule!(stand.undoing.is_none() && !stand.undo_unknown, "its undo is not over");
        if stand.trouble {
            self.decides(who, |a| &a.go_on, self.phase_index(id), |s| s.answers_for(who, id))?;
        } else {
            rule!(self.answers_for(who, id), "{who} may not");
        }
        self.covered(who, false, id)?;
        self.step(id, |s| (s.lets_on, s.pending, s.trouble, s.acted) = (true, false, false, true));
        Ok(())
    }

    fn settled(&mut self, by_hub: bool, d: &Settled) -> Verdict {
        rule!(!by_hub, "no step here has a probe");
        let good = d.verdict == backout::core::event::Verdict::Succeeded;
        let stand = self.steps.get(d.step.as_str()).cloned().ok_or("no such step")?;
        match d.direction {
            Direction::Forward => {
                rule!(stand.unknown && stand.tries == d.attempt, "it is not unknown");
                self.step(d.step.as_str(), |s| (s.unknown, s.lets_on, s.trouble) = (false, good, !good));
            }
            Direction::Undo => {
                rule!(stand.undo_unknown && stand.undo_tries == d.attempt, "its undo is not unknown");
                self.step(d.step.as_str(), |s| s.undo_unknown = false);
            }
        }
        Ok(())
    }

    fn decided(&mut self, who: &str, by_hub: bool, d: &Decided) -> Verdict {
        rule!(!d.reason.trim().is_empty(), "without a reason");
        let About::Step(step) = &d.about else {
            match &d.choice {
                Choice::Pause => self.paused = true,
                Choice::GoOn => {
                    rule!(self.sits(who, "commander"), "{who} does not command");
                    self.paused = false;
                }
                Choice::RuleOut(_) => rule!(self.sits(who, "commander"), "{who} does not command"),
                _ => {}
            }
            return Ok(());
        };
        let id = step.as_str();
        match &d.choice {
            Choice::Retry if step.is_declare() => self.shut("declare"),
            Choice::Retry => {
                rule!(self.steps[id].trouble, "nothing to try again");
                self.step(id, |s| (s.pending, s.lets_on, s.trouble) = (true, false, false));
            }
            Choice::Continue | Choice::Goto(_) => {
                rule!(self.steps[id].trouble, "there is no trouble");
                if by_hub {
                    let declared = &self.book.step(id).ok_or("no such step")?.on_failure;
                    rule!(declared == "continue" || declared.contains("goto"), "nobody declared that");
                } else {
                    self.decides(who, |a| &a.go_on, self.phase_index(id), |s| s.answers_for(who, id))?;
                }
                self.step(id, |s| s.lets_on = true);
                if let Choice::Goto(to) = &d.choice {
                    self.jump(id, to.as_str());
                }
            }
            Choice::Option(name) => {
                rule!(self.steps[id].running.is_some(), "it is not asked");
                self.step(id, |s| (s.running, s.lets_on) = (None, true));
                let Some(Kind::Decide(options)) = self.book.step(id).map(|s| s.kind.clone()) else {
                    return Err("it is no decision".to_owned());
                };
                match options.into_iter().find(|(n, _)| n == name).map(|(_, to)| to) {
                    Some(Some(to)) => self.jump(id, &to),
                    Some(None) => self.ended = true,
                    None => return Err(format!("there is no {name}")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The pending steps between two are left out.
    fn jump(&mut self, from: &str, to: &str) {
        let ids: Vec<String> = self.book.steps().map(|s| s.id.clone()).collect();
        let between = ids.iter().skip_while(|i| *i != from).skip(1).take_while(|i| *i != to);
        for id in between {
            self.step(id, |s| {
                if s.pending {
                    (s.pending, s.lets_on) = (false, true);
                }
            });
        }
    }

    fn closes(&mut self, who: &str) -> Verdict {
        rule!(self.sits(who, "commander"), "{who} does not command");
        let open = self
            .steps
            .iter()
            .find(|(_, s)| s.running.is_some() || s.undoing.is_some() || s.unknown || s.undo_unknown);
        rule!(open.is_none(), "closed over {open:?}");
        self.closed = true;
        Ok(())
    }
}
