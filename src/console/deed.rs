//! A deed becomes the act that leaves this console, and the rules' own answer whether it may. Never keeps a second copy
//! of a rule: it asks `core::decide`.

use super::action::Action;
use super::field::Field;
use super::link::{Act, Head, Me, Stance};
use crate::client::answer;
use crate::core::decide::{decide, step, step::must_retype};
use crate::core::event::{Choice, Direction, OfferEnd, Opinion, PromiseEnd, Verdict};
use crate::core::id::{Name, PersonId, RoleName, StepId};
use crate::core::incident::{Incident, Run, Status};
use crate::core::intent::{By, GateAnswer, Intent};
use crate::core::plan;
use crate::core::refusal::Refusal;
use crate::core::statement::{self, Answering};
use crate::core::time::Stamp;
use crate::runbook::decode::duration_from;
use std::time::Duration;

/// A deed with everything it is about, but without the person's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub action: Action,
    /// With which step; `declare` is one too.
    pub step: Option<StepId>,
    /// With which option, seat, suspension or backlog.
    pub with: Option<String>,
}

/// What the person adds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Why, or the text of a note, or evidence.
    pub reason: String,
    /// What had to be typed.
    pub typed: String,
    /// How many items, at which step to go on, how long, or which way.
    pub detail: String,
    /// To whom.
    pub whom: String,
}

/// What a deed is judged by and built from.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// Who wants it.
    pub me: &'a Me,
    /// The head that is shown.
    pub head: &'a Head,
    /// Now, by the hub's clock as far as known.
    pub now: Stamp,
}

impl Ground<'_> {
    /// Whether the rules would let this happen with fitting words.
    ///
    /// # Errors
    /// The rules' reason.
    pub fn judge(&self, deed: &Deed) -> Result<(), Refusal> {
        let words = Words {
            reason: "x".into(),
            typed: self.must_type(deed).unwrap_or_default(),
            detail: self.likely_detail(deed).unwrap_or_default(),
            whom: "x".into(),
        };
        self.judge_words(deed, &words)
    }

    /// Whether the rules would let this happen with these words.
    ///
    /// # Errors
    /// The rules' reason.
    pub fn judge_words(&self, deed: &Deed, words: &Words) -> Result<(), Refusal> {
        if self.me.stance == Stance::Observes {
            return Err(Refusal::Observer);
        }
        let intent = match self.act(deed, words)? {
            Act::Wish(intent) | Act::Send { start: intent, .. } => intent,
            Act::Sign { how: Answering::Approve, answer, .. } => Intent::Approve(answer),
            Act::Sign { how: Answering::Deny, answer, .. } => Intent::Deny(answer),
            Act::Sign { how: Answering::Override, answer, .. } => Intent::Override(answer),
            Act::Close { reason, .. } => Intent::Close { reason, key: self.key() },
            Act::State { intent, .. } => intent,
            Act::Note(_) => Intent::Note { payload: String::new() },
        };
        // The running number is the client's; any that was not used yet does for the question.
        let session = self.me.session.clone().map(|id| (id, u64::MAX));
        let by = By::Person { id: self.me.person.clone(), session };
        decide(self.incident, &by, &intent, self.now).map(|_| ())
    }

    /// What has to be typed before this deed, because it cannot be taken back.
    pub fn must_type(&self, deed: &Deed) -> Option<String> {
        let runbook = &self.incident.runbook;
        match deed.action {
            Action::Start | Action::Send => {
                must_retype(self.incident, self.incident.step(deed.step.as_ref()?)?)
            }
            Action::Kill => deed.step.as_ref().map(|s| s.to_string()),
            Action::Override | Action::Abort | Action::Close => Some(runbook.service.clone()),
            _ => None,
        }
    }

    /// What the step would do now, as pairs for the screen.
    pub fn plan(&self, deed: &Deed) -> Vec<(String, String)> {
        let direction = match deed.action {
            Action::Undo => Direction::Undo,
            _ => Direction::Forward,
        };
        let step = deed.step.as_ref().and_then(|id| self.incident.step(id));
        match step.map(|step| plan::of_step(self.incident, step, direction)) {
            Some(Ok(plan)) => plan.lines,
            Some(Err(why)) => vec![("cannot be worked out".to_owned(), why)],
            None => Vec::new(),
        }
    }

    /// The act that leaves the console.
    ///
    /// # Errors
    /// What is missing for it.
    pub fn act(&self, deed: &Deed, words: &Words) -> Result<Act, Refusal> {
        match deed.action {
            Action::Approve => self.answer(deed, words, Answering::Approve),
            Action::Deny => self.answer(deed, words, Answering::Deny),
            Action::Override => self.answer(deed, words, Answering::Override),
            Action::Note => Ok(Act::Note(match &deed.with {
                Some(subject) => format!("{subject}: {}", words.reason),
                None => words.reason.clone(),
            })),
            Action::Close => {
                let seen = self.head.seen();
                let statement = statement::close(self.incident, &self.me.person, &words.reason, &seen);
                Ok(Act::Close { reason: words.reason.clone(), seen, statement })
            }
            Action::Send => {
                let start = self.wish(deed, &Words { reason: String::new(), ..words.clone() })?;
                // A field holds no line ends: a text that was only looked at must still count as untouched.
                let same = self.message(deed).is_some_and(|text| Field::with(&text).text() == words.reason);
                Ok(Act::Send { start, edited: (!same).then(|| words.reason.clone()) })
            }
            Action::HandOver | Action::TakeCommand | Action::Remove | Action::AgreeRemoval => {
                let intent = self.about_people(deed, words)?;
                let seen = self.head.seen();
                let made = statement::of_intent(self.incident, &self.me.person, &intent, &seen);
                let (namespace, statement, _) = made.ok_or(Refusal::NoOffer)?;
                Ok(Act::State { intent, namespace, seen, statement })
            }
            Action::LeaveOffer
            | Action::Ask
            | Action::Fine
            | Action::Object
            | Action::Abstain
            | Action::Reply => self.about_people(deed, words).map(Act::Wish),
            Action::Promise | Action::PromiseKept | Action::PromiseBack | Action::Told | Action::RuleOut => {
                self.about_others(deed, words).map(Act::Wish)
            }
            _ => self.wish(deed, words).map(Act::Wish),
        }
    }

    /// The message a step would send, as the runbook makes it.
    pub fn message(&self, deed: &Deed) -> Option<String> {
        let lines = self.plan(deed).into_iter().filter(|(key, _)| key == plan::MESSAGE);
        let text = lines.map(|(_, text)| text).collect::<Vec<_>>().join("\n");
        (!text.is_empty()).then_some(text)
    }

    fn wish(&self, deed: &Deed, words: &Words) -> Result<Intent, Refusal> {
        let reason = words.reason.clone();
        Ok(match deed.action {
            Action::Pause => Intent::DecideIncident { choice: Choice::Pause, reason },
            Action::GoOn => Intent::DecideIncident { choice: Choice::GoOn, reason },
            Action::Mitigate => Intent::Mitigate { reason },
            Action::Resolve => Intent::Resolve { reason },
            Action::Abort => Intent::Abort { reason },
            Action::TakeSeat => Intent::Assume { role: self.role(deed)? },
            Action::LeaveSeat => Intent::Renounce { role: self.role(deed)? },
            Action::Inherit => Intent::Inherit { name: name(deed)?, owner: self.me.person.clone(), reason },
            Action::SettleBacklog => {
                let count = words.detail.trim().parse();
                let count = count.map_err(|_| Refusal::DoesNotFit("a whole number is needed".into()))?;
                Intent::SettleBacklog { name: name(deed)?, count, reason }
            }
            _ => return self.of_step(deed, words),
        })
    }

    /// What people outside are told and promised, and what the room will not do.
    fn about_others(&self, deed: &Deed, words: &Words) -> Result<Intent, Refusal> {
        let reason = words.reason.clone();
        let with = deed.with.clone().unwrap_or_default();
        let settled = |how| {
            let promise = with.parse().map_err(|_| Refusal::DoesNotFit("no promise is meant".to_owned()))?;
            Ok(Intent::SettlePromise { promise, how, words: reason.clone() })
        };
        match deed.action {
            Action::Promise => {
                let due = self.now.plus(length(words)?);
                Ok(Intent::Promise { to: words.whom.clone(), words: reason, due })
            }
            Action::PromiseKept => settled(PromiseEnd::Kept),
            Action::PromiseBack => settled(PromiseEnd::TakenBack),
            Action::Told => Ok(Intent::Tell { to: with, words: reason }),
            Action::RuleOut => {
                Ok(Intent::DecideIncident { choice: Choice::RuleOut(words.detail.clone()), reason })
            }
            other => Err(Refusal::DoesNotFit(format!("{} is not about others", other.entry().name))),
        }
    }

    /// Command, questions and removals.
    fn about_people(&self, deed: &Deed, words: &Words) -> Result<Intent, Refusal> {
        let (incident, key, reason) = (self.incident, self.key(), words.reason.clone());
        let offer = || incident.offer.as_ref().ok_or(Refusal::NoOffer);
        let poll = || incident.open_poll().map(|(seq, _)| seq).ok_or(Refusal::NoPoll(0));
        let number = |text: &str| {
            text.trim().parse().map_err(|_| Refusal::DoesNotFit("a whole number is needed".to_owned()))
        };
        let said = |opinion| Ok(Intent::AnswerPoll { poll: poll()?, opinion, reason: reason.clone() });
        match deed.action {
            Action::HandOver => {
                let to = PersonId::parse(deed.with.clone().unwrap_or_default());
                let to = to.map_err(|e| Refusal::DoesNotFit(e.to_string()))?;
                let expires = answer::until(self.now, answer::OFFER, Duration::from_secs(300));
                Ok(Intent::Offer { to, seen: self.head.seen(), expires, key })
            }
            Action::TakeCommand => Ok(Intent::TakeCommand { offer: offer()?.seq, read_back: reason, key }),
            Action::LeaveOffer => {
                let offer = offer()?;
                let mine = offer.to == self.me.person;
                let how = if mine { OfferEnd::Declined } else { OfferEnd::Withdrawn };
                Ok(Intent::EndOffer { offer: offer.seq, how, reason })
            }
            Action::Ask => Ok(Intent::OpenPoll { question: reason, lasts: length(words)?.as_secs() }),
            Action::Fine => said(Opinion::Fine),
            Action::Object => said(Opinion::Object),
            Action::Abstain => said(Opinion::Abstain),
            Action::Reply => {
                let objection = number(deed.with.as_deref().unwrap_or_default())?;
                Ok(Intent::AnswerObjection { objection, words: reason })
            }
            Action::Remove => {
                let event = number(&words.detail)?;
                let expires = answer::until(self.now, answer::REMOVAL, Duration::from_secs(3600));
                let (parts, seen) = (incident.parts_left(event), self.head.seen());
                Ok(Intent::AskRedaction { event, parts, reason, seen, expires, key })
            }
            Action::AgreeRemoval => {
                let asked = incident.open_redaction(self.now).map_or(0, |(seq, _)| seq);
                Ok(Intent::Redact { asked, key })
            }
            other => Err(Refusal::DoesNotFit(format!("{} is not about people", other.entry().name))),
        }
    }

    fn of_step(&self, deed: &Deed, words: &Words) -> Result<Intent, Refusal> {
        let step = deed.step.clone().ok_or_else(|| Refusal::DoesNotFit("no step is selected".into()))?;
        let reason = words.reason.clone();
        let decision = |choice| Ok(Intent::DecideStep { step: step.clone(), choice, reason: reason.clone() });
        match deed.action {
            Action::Start | Action::Send => self.start(&step, Direction::Forward, words),
            Action::Undo => self.start(&step, Direction::Undo, words),
            Action::Confirm => {
                let attempt = self.run(&step).map_or(1, |r| r.attempt);
                let evidence = step::evidence(&self.me.person, &reason);
                Ok(Intent::Confirm { step, attempt, evidence })
            }
            Action::Skip => Ok(Intent::Skip { step, reason }),
            Action::MarkDone => Ok(Intent::MarkDone { step, reason }),
            Action::Settle => Ok(self.settle(step, Verdict::Succeeded, reason)),
            Action::SettleFailed => Ok(self.settle(step, Verdict::Failed, reason)),
            Action::Retry => decision(Choice::Retry),
            Action::Continue => decision(Choice::Continue),
            Action::Cancel => decision(Choice::Cancel),
            Action::Kill => decision(Choice::Kill),
            Action::Keep => decision(Choice::Keep),
            Action::Choose => decision(Choice::Option(deed.with.clone().unwrap_or_default())),
            Action::Goto => {
                let to = StepId::parse(words.detail.trim());
                decision(Choice::Goto(to.map_err(|e| Refusal::DoesNotFit(e.to_string()))?))
            }
            other => Err(Refusal::DoesNotFit(format!("{} is not about a step", other.entry().name))),
        }
    }

    fn start(&self, id: &StepId, direction: Direction, words: &Words) -> Result<Intent, Refusal> {
        let step = self.incident.step(id).ok_or_else(|| Refusal::NoSuchStep(id.clone()))?;
        let attempt = self.incident.next_attempt(id, direction);
        let plan = plan::of_step(self.incident, step, direction)
            .map_err(|why| Refusal::Unresolvable { step: id.clone(), why })?;
        let plan = plan::digest(&plan, attempt);
        let retyped = (direction == Direction::Forward && must_retype(self.incident, step).is_some())
            .then(|| words.typed.clone());
        let reason = Some(words.reason.clone()).filter(|r| !r.trim().is_empty());
        Ok(Intent::Start { step: id.clone(), attempt, direction, plan, retyped, reason, payload: None })
    }

    fn settle(&self, step: StepId, verdict: Verdict, reason: String) -> Intent {
        let runs = [Direction::Forward, Direction::Undo].map(|d| (d, self.incident.run_of(&step, d)));
        let unknown = |(d, run): (Direction, Option<&Run>)| {
            run.filter(|r| r.status == Status::Unknown).map(|r| (d, r.attempt))
        };
        let (direction, attempt) = runs.into_iter().find_map(unknown).unwrap_or((Direction::Forward, 1));
        Intent::Settle { step, attempt, direction, verdict, reason }
    }

    fn answer(&self, deed: &Deed, words: &Words, how: Answering) -> Result<Act, Refusal> {
        let gate =
            deed.step.clone().ok_or_else(|| Refusal::DoesNotFit("no hold point is selected".into()))?;
        let pending = self.incident.gates.get(&gate);
        let pending =
            pending.ok_or_else(|| Refusal::GateNotOpen { gate: gate.clone(), word: "not requested" })?;
        let role = self.role_for(&gate, how).ok_or_else(|| Refusal::NotAGate(gate.clone()))?;
        let answer = GateAnswer {
            gate: gate.clone(),
            attempt: pending.attempt,
            role,
            reason: words.reason.clone(),
            nonce: pending.nonce.clone(),
            key: self.key(),
        };
        let seen = self.head.seen();
        let statement = statement::gate(self.incident, &self.me.person, &answer, how, &seen);
        let statement = statement.ok_or(Refusal::NotAGate(gate))?;
        Ok(Act::Sign { how, answer, seen, statement })
    }

    /// The role this person answers in: the first asked for that they have and that still lacks answers, else the first
    /// they have, else the first asked for, so that the refusal names it.
    fn role_for(&self, gate: &StepId, how: Answering) -> Option<RoleName> {
        let require = match how {
            Answering::Override => &self.incident.runbook.declare.override_.as_ref()?.require[..],
            Answering::Approve | Answering::Deny => self.incident.gate_rule(gate)?.require,
        };
        let has = |role: &str| {
            self.incident.team.may_take(&self.me.person, role) || self.incident.holds(&self.me.person, role)
        };
        let lacks = |r: &&crate::runbook::model::Requirement| {
            self.incident.gates.get(gate).is_none_or(|g| self.incident.granted(g, r) < r.count)
        };
        let mine = || require.iter().filter(|r| has(&r.role));
        let chosen = mine().find(lacks).or_else(|| mine().next()).or_else(|| require.first())?;
        RoleName::parse(chosen.role.clone()).ok()
    }

    fn role(&self, deed: &Deed) -> Result<RoleName, Refusal> {
        let role = deed.with.clone().unwrap_or_default();
        RoleName::parse(role.clone()).map_err(|_| Refusal::NoSuchRole(role))
    }

    fn run(&self, step: &StepId) -> Option<&Run> {
        self.incident.run(step)
    }

    fn key(&self) -> String {
        self.me.key.clone().unwrap_or_default()
    }

    fn likely_detail(&self, deed: &Deed) -> Option<String> {
        match deed.action {
            Action::SettleBacklog => Some("1".to_owned()),
            Action::Ask => Some("30s".to_owned()),
            Action::Promise => Some("30m".to_owned()),
            Action::RuleOut => Some("x".to_owned()),
            Action::Remove => {
                let mut events = self.incident.parts.keys().rev();
                events.find(|e| !self.incident.parts_left(**e).is_empty()).map(u64::to_string)
            }
            Action::Goto => {
                let after = self.incident.runbook.steps();
                let mut after =
                    after.skip_while(|s| Some(s.id.as_str()) != deed.step.as_ref().map(StepId::as_str));
                after.next();
                after.find(|s| self.incident.status(&s.id) == Status::Pending).map(|s| s.id.clone())
            }
            _ => None,
        }
    }
}

/// The length of time among the words.
fn length(words: &Words) -> Result<Duration, Refusal> {
    let length = duration_from(words.detail.trim());
    length.ok_or_else(|| Refusal::DoesNotFit("a time needs a unit: 30s, 2m".to_owned()))
}

fn name(deed: &Deed) -> Result<Name, Refusal> {
    let name = deed.with.clone().unwrap_or_default();
    Name::parse(name.clone()).map_err(|_| Refusal::NotSuspended(name))
}
