//! Which message is due when, for whom: read from what was sent and from the runbook's cadence. Never sends anything,
//! and never counts a message that did not leave.

use crate::core::incident::{Incident, SentMessage, Stage};
use crate::core::time::Stamp;
use crate::runbook::model::MessageTemplate;
use std::time::Duration;

/// The first message is due at the latest so long after the incident began, whatever the cadence.
pub const FIRST: Duration = Duration::from_secs(5 * 60);

/// A message that an audience waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMessage<'r> {
    /// Who waits.
    pub audience: &'r str,
    /// Which text.
    pub template: &'r str,
    /// Which channel it leaves through; empty when the runbook has no such template.
    pub channel: &'r str,
    /// How often they hear; nothing for those who are told once, that the rollback is declared.
    pub every: Duration,
    /// When they last heard; `None` when never.
    pub last: Option<Stamp>,
    /// When they should hear next.
    pub due: Stamp,
}

impl DueMessage<'_> {
    /// How long it is overdue; `None` while there is time.
    pub fn overdue(&self, now: Stamp) -> Option<Duration> {
        (now >= self.due).then(|| now.since(self.due))
    }

    /// What to do about it: the text to send, or to tell them by hand.
    pub fn how(&self) -> String {
        if self.template.is_empty() { "tell by hand".to_owned() } else { format!("send {}", self.template) }
    }

    /// In a sentence, for status and screens.
    pub fn words(&self, now: Stamp) -> String {
        let spoken = crate::core::time::spoken;
        let heard = match self.last {
            Some(at) => format!("last heard at {}", at.clock()),
            None => "has heard nothing yet".to_owned(),
        };
        let when = match self.overdue(now) {
            Some(late) => format!("OVERDUE by {}", spoken(late)),
            None => format!("due in {}", spoken(self.due.since(now))),
        };
        let what = if self.template.is_empty() { "to be told by hand," } else { self.template };
        format!("{}: {what} {when}, {heard}", self.audience)
    }
}

/// Every audience of the cadence with its next message, the most urgent first. Empty once the incident is resolved,
/// closed or not open yet.
pub fn due_messages(incident: &Incident) -> Vec<DueMessage<'_>> {
    let over = matches!(incident.stage, Stage::Empty | Stage::Closed) || incident.resolved_at.is_some();
    if over {
        return Vec::new();
    }
    let comms = &incident.runbook.comms;
    let audience_of =
        |name: &str| comms.templates.iter().find(|t| t.name == name).map(|t| t.audience.as_str());
    let mut due: Vec<DueMessage<'_>> = comms
        .cadence
        .iter()
        .map(|cadence| {
            let heard = incident.sent.iter().filter(|m| audience_of(&m.template) == Some(&cadence.audience));
            let last = heard.map(|m| m.at).max();
            let found = comms.templates.iter().find(|t| t.name == cadence.template);
            DueMessage {
                audience: &cadence.audience,
                template: &cadence.template,
                channel: found.map_or("", |t| t.channel.as_str()),
                every: cadence.every,
                last,
                due: match last {
                    Some(at) => at.plus(cadence.every),
                    None => incident.opened_at.plus(cadence.every.min(FIRST)),
                },
            }
        })
        .collect();
    due.extend(to_be_told(incident));
    due.sort_by_key(|message| message.due);
    due
}

/// Whoever is on the declaration's list and has not heard of it. The text is the one of that name or for that audience;
/// without one somebody tells them by hand and says so.
fn to_be_told(incident: &Incident) -> impl Iterator<Item = DueMessage<'_>> {
    let declared = incident.declared_at;
    let templates = &incident.runbook.comms.templates;
    let list = incident.runbook.declare.notify.iter().filter(|who| !incident.told.contains_key(*who));
    list.filter_map(move |who| {
        let declared = declared?;
        let theirs = |t: &&MessageTemplate| t.name == *who || t.audience == *who;
        let names: Vec<&str> = templates.iter().filter(theirs).map(|t| t.name.as_str()).collect();
        let heard = |m: &SentMessage| m.at >= declared && names.contains(&m.template.as_str());
        if incident.sent.iter().any(heard) {
            return None;
        }
        let found = templates.iter().find(|t| t.name == *who).or_else(|| templates.iter().find(theirs));
        Some(DueMessage {
            audience: who,
            template: found.map_or("", |t| t.name.as_str()),
            channel: found.map_or("", |t| t.channel.as_str()),
            every: Duration::ZERO,
            last: None,
            due: declared,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::id::Name;
    use crate::core::incident::SentMessage;
    use crate::core::team::Team;
    use crate::runbook::model::{Cadence, MessageTemplate};
    use std::sync::Arc;

    const MINUTE: Duration = Duration::from_secs(60);

    fn incident() -> Incident {
        let text = include_str!("../../runbooks/shop-deploy-rollback.yaml");
        let mut runbook = crate::runbook::load("r.yaml", text.as_bytes()).unwrap().runbook;
        let template = |name: &str, audience: &str| MessageTemplate {
            name: name.into(),
            audience: audience.into(),
            channel: "paper".into(),
            text: "…".into(),
        };
        runbook.comms.templates = vec![
            template("status", "customers"),
            template("first", "customers"),
            template("exec", "executives"),
        ];
        let cadence = |audience: &str, minutes: u32, template: &str| Cadence {
            audience: audience.into(),
            every: MINUTE * minutes,
            template: template.into(),
        };
        runbook.comms.cadence = vec![cadence("executives", 30, "exec"), cadence("customers", 20, "status")];
        let mut incident = Incident::new(Arc::new(runbook), Arc::new(Team { people: Vec::new() }));
        incident.stage = Stage::Open;
        incident.opened_at = Stamp(0);
        incident
    }

    fn sent(incident: &mut Incident, template: &str, minute: u32) {
        let at = Stamp(0).plus(MINUTE * minute);
        let template = Name::parse(template).unwrap().to_string();
        incident.sent.push(SentMessage { step: None, template, channel: "paper".into(), at, seq: 0 });
    }

    #[test]
    fn everybody_hears_within_five_minutes_and_then_in_their_rhythm() {
        let mut incident = incident();
        let due = due_messages(&incident);
        assert!(due.iter().all(|m| m.due == Stamp(0).plus(FIRST) && m.last.is_none()));
        // Another text to the same audience counts: they have heard.
        sent(&mut incident, "first", 4);
        let due = due_messages(&incident);
        assert_eq!((due[0].audience, due[1].audience), ("executives", "customers"));
        assert_eq!(due[1].due, Stamp(0).plus(MINUTE * 24));
        let now = Stamp(0).plus(MINUTE * 26);
        assert_eq!(due[1].overdue(now), Some(MINUTE * 2));
        assert!(due[1].words(now).contains("OVERDUE by 2m"), "{}", due[1].words(now));
    }

    #[test]
    fn whoever_is_on_the_declarations_list_waits_until_they_have_heard_of_it() {
        let mut incident = incident();
        let mut runbook = (*incident.runbook).clone();
        runbook.comms.cadence.clear();
        runbook.declare.notify = vec!["executives".into(), "first".into(), "the duty manager".into()];
        incident.runbook = Arc::new(runbook);
        sent(&mut incident, "exec", 1);
        assert!(due_messages(&incident).is_empty(), "nothing is declared yet");
        incident.declared_at = Some(Stamp(0).plus(MINUTE * 2));
        let due = due_messages(&incident);
        let all: Vec<(&str, &str)> = due.iter().map(|m| (m.audience, m.template)).collect();
        // What executives heard before it was declared does not say that it is.
        assert_eq!(all, [("executives", "exec"), ("first", "first"), ("the duty manager", "")]);
        assert!(due.iter().all(|m| m.overdue(Stamp(0).plus(MINUTE * 3)).is_some()));
        assert_eq!(due[2].how(), "tell by hand");
        sent(&mut incident, "exec", 3);
        incident.told.insert("the duty manager".into(), Stamp(0).plus(MINUTE * 4));
        let left: Vec<String> = due_messages(&incident).iter().map(|m| m.audience.to_owned()).collect();
        assert_eq!(left, ["first"]);
    }

    #[test]
    fn nobody_is_reminded_when_it_is_over() {
        let mut incident = incident();
        incident.resolved_at = Some(Stamp(1));
        assert!(due_messages(&incident).is_empty());
        incident.resolved_at = None;
        incident.stage = Stage::Closed;
        assert!(due_messages(&incident).is_empty());
    }
}
