//! Messages. Never sent twice by itself, and never sent at all in a rehearsal.

use super::{Driver, End, How, Job};
use crate::core::event::{Handed, Outcome};
use crate::core::incident::Incident;
use crate::core::intent::Intent;
use crate::hub::clock;
use crate::hub::process;
use crate::hub::wish::Observation;
use crate::outside::channel::{Channel, Delivery, Message, deliver};
use crate::runbook::model::MessageTemplate;
use crate::runbook::template::{self, Field};
use crate::sanitize;

/// What did not leave through its channel is kept here, for whoever passes it on.
const PAPER: &str = "messages-to-pass-on.txt";

/// A message that somebody asked for outside the steps.
pub(super) struct Wanted {
    /// The event that asks.
    pub(super) asked: u64,
    /// Which text.
    pub(super) template: String,
    /// Through its channel, or it was passed on already.
    pub(super) how: Handed,
    /// A text of their own.
    pub(super) edited: Option<String>,
}

/// What a rehearsal records in the place of a message: nobody outside may take it for real.
fn rehearsed(incident: &Incident, text: &str) -> (String, String) {
    let word = process::mode(incident).word();
    (format!("{word} {text} {word}"), format!("{}: not sent", word.to_lowercase()))
}

impl Driver {
    /// Sends the message of a step.
    pub(super) async fn send(&self, job: &Job, name: &str, how: How) -> End {
        if how == How::TakenUp && self.is_live(job) {
            return End::new(
                Outcome::Unknown,
                "the hub ended while this was being sent; ask somebody who would have received it",
            );
        }
        let Some(model) = job.incident.runbook.comms.templates.iter().find(|t| t.name == name) else {
            return End::failed(format!("the runbook has no message template {name}"));
        };
        let text = match self.text(&job.incident, model, job.edited.as_deref()) {
            Ok(text) => text,
            Err(why) => return End::failed(format!("{why}; nothing was sent")),
        };
        if !self.is_live(job) {
            let (text, not_sent) = rehearsed(&job.incident, &text);
            self.sent(job, Handed::ByHand, not_sent.clone(), text).await;
            return End::new(Outcome::Succeeded, not_sent);
        }
        match self.through_channel(&job.incident, model, &text).await {
            Ok(how) => {
                self.sent(job, Handed::Delivered, how.clone(), text.clone()).await;
                End::new(Outcome::Succeeded, how)
            }
            Err(why) => {
                let by_hand = "pass it on by hand and mark the step as done by hand";
                let mut end = End::failed(format!("{why}; {by_hand}"));
                end.parts = vec![text.clone().into_bytes()];
                self.on_paper(&job.incident, model, &why, &text).await;
                end
            }
        }
    }

    /// Lets a message leave that somebody asked for outside the steps.
    pub(super) async fn message(&self, incident: &Incident, wanted: Wanted) {
        let Wanted { asked, template, how, edited } = wanted;
        let Some(model) = incident.runbook.comms.templates.iter().find(|t| t.name == template) else {
            return;
        };
        let text = match self.text(incident, model, edited.as_deref()) {
            Ok(text) => text,
            Err(why) => {
                return self
                    .suspenders
                    .board()
                    .note(&model.channel, &format!("{why}; {template} was not sent"))
                    .await;
            }
        };
        let live = crate::hub::outside::is_live(incident);
        let (how, detail, text) = match how {
            _ if !live => {
                let (text, not_sent) = rehearsed(incident, &text);
                (Handed::ByHand, not_sent, text)
            }
            Handed::ByHand => (Handed::ByHand, "passed on by hand".to_owned(), text),
            Handed::Delivered => match self.through_channel(incident, model, &text).await {
                Ok(detail) => (Handed::Delivered, detail, text),
                Err(why) => return self.on_paper(incident, model, &why, &text).await,
            },
        };
        let intent = Intent::MarkSent { step: None, asked: Some(asked), how, detail, payload: String::new() };
        self.shared.wishes.observe_with(Observation { intent, parts: vec![text.into_bytes()] }).await;
    }

    /// What a hub that ended was sending may have left or not: nobody sends it again by themselves.
    pub(super) async fn lost_message(&self, template: &str) {
        let text = format!(
            "the hub ended while {template} was being sent; ask somebody who would have received it before sending it again"
        );
        self.suspenders.board().note(template, &text).await;
    }

    async fn through_channel(
        &self,
        incident: &Incident,
        model: &MessageTemplate,
        text: &str,
    ) -> Result<String, String> {
        let channel = self.ground.config.channels.get(&model.channel);
        let channel = channel.ok_or_else(|| format!("the workspace has no channel {}", model.channel))?;
        let message = Message {
            incident: sanitize::line(incident.opened.as_ref().map_or("", |o| o.incident.as_str())),
            audience: sanitize::line(&model.audience),
            text: sanitize::text(text),
            head: sanitize::line(self.shared.head_code()),
            at_micros: clock::now().0,
        };
        match deliver(channel, &message, &self.ground.clients).await {
            Delivery::Delivered { how } => Ok(how.into_string()),
            Delivery::Failed { why } => Err(why.into_string()),
        }
    }

    /// When a channel fails: the text for everybody in the room to paste, and in a file that anybody can open.
    async fn on_paper(&self, incident: &Incident, model: &MessageTemplate, why: &str, text: &str) {
        let message = Message {
            incident: sanitize::line(incident.opened.as_ref().map_or("", |o| o.incident.as_str())),
            audience: sanitize::line(&model.audience),
            text: sanitize::text(text),
            head: sanitize::line(self.shared.head_code()),
            at_micros: clock::now().0,
        };
        let paper = Channel::File(self.shared.dir.join(PAPER));
        let kept = match deliver(&paper, &message, &self.ground.clients).await {
            Delivery::Delivered { .. } => format!("it stands in {PAPER} in the incident's folder"),
            Delivery::Failed { why } => format!("and not on paper: {why}"),
        };
        let note = format!(
            "{} did not reach {} through {}: {why}. Pass it on by hand; {kept}:\n{text}",
            model.name, model.audience, model.channel
        );
        self.suspenders.board().paper(&model.channel, &note).await;
    }

    /// As a person edited it, else as the runbook says.
    fn text(
        &self,
        incident: &Incident,
        model: &MessageTemplate,
        edited: Option<&str>,
    ) -> Result<String, String> {
        if let Some(edited) = edited {
            // Who edited the text saw this in the place of the head, which moves until the message leaves.
            let text = edited.replace(crate::core::plan::HEAD, &self.shared.head_code());
            return Ok(sanitize::text(&text).into_string());
        }
        let mut scope = self.ground.scope(incident);
        scope.incident.insert(Field::Head, self.shared.head_code());
        template::message(&model.text, &scope)
            .map(|text| sanitize::text(text).into_string())
            .map_err(|e| e.to_string())
    }

    async fn sent(&self, job: &Job, how: Handed, detail: String, text: String) {
        let step = job.which.step.clone();
        // The commitment is made with the part, when the event gets its place.
        let intent = Intent::MarkSent { step: Some(step), asked: None, how, detail, payload: String::new() };
        self.shared.wishes.observe_with(Observation { intent, parts: vec![text.into_bytes()] }).await;
    }
}
