//! Messages. Never sent twice by itself, and never sent at all in a rehearsal.

use super::{Driver, End, How, Job};
use crate::core::event::{Handed, Outcome};
use crate::core::intent::Intent;
use crate::hub::clock;
use crate::hub::process;
use crate::hub::wish::Observation;
use crate::outside::channel::{Delivery, Message, deliver};
use crate::runbook::model::MessageTemplate;
use crate::runbook::template::{self, Field};
use crate::sanitize;

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
        let text = match self.text(job, model) {
            Ok(text) => text,
            Err(end) => return end,
        };
        if !self.is_live(job) {
            let word = process::mode(&job.incident).word();
            let text = format!("{word} {text} {word}");
            self.sent(job, Handed::ByHand, format!("{}: not sent", word.to_lowercase()), text).await;
            return End::new(Outcome::Succeeded, format!("{}: not sent", word.to_lowercase()));
        }
        let by_hand = "pass it on by hand and mark the step as done by hand";
        let failed = |why: String| {
            let mut end = End::failed(format!("{why}; {by_hand}"));
            end.parts = vec![text.clone().into_bytes()];
            end
        };
        let Some(channel) = self.ground.config.channels.get(&model.channel) else {
            return failed(format!("the workspace has no channel {}", model.channel));
        };
        let message = Message {
            incident: sanitize::line(job.incident.opened.as_ref().map_or("", |o| o.incident.as_str())),
            audience: sanitize::line(&model.audience),
            text: sanitize::text(&text),
            head: sanitize::line(self.shared.head_code()),
            at_micros: clock::now().0,
        };
        match deliver(channel, &message, &self.ground.clients).await {
            Delivery::Delivered { how } => {
                let how = how.into_string();
                self.sent(job, Handed::Delivered, how.clone(), text.clone()).await;
                End::new(Outcome::Succeeded, how)
            }
            Delivery::Failed { why } => failed(why.into_string()),
        }
    }

    /// As a person edited it, else as the runbook says.
    fn text(&self, job: &Job, model: &MessageTemplate) -> Result<String, End> {
        if let Some(edited) = &job.edited {
            // Who edited the text saw this in the place of the head, which moves until the message leaves.
            let text = edited.replace(crate::core::plan::HEAD, &self.shared.head_code());
            return Ok(sanitize::text(&text).into_string());
        }
        let mut scope = self.ground.scope(&job.incident);
        scope.incident.insert(Field::Head, self.shared.head_code());
        template::message(&model.text, &scope)
            .map(|text| sanitize::text(text).into_string())
            .map_err(|e| End::failed(format!("{e}; nothing was sent")))
    }

    async fn sent(&self, job: &Job, how: Handed, detail: String, text: String) {
        let step = job.which.step.clone();
        // The commitment is made with the part, when the event gets its place.
        let intent = Intent::MarkSent { step, how, detail, payload: String::new() };
        self.shared.wishes.observe_with(Observation { intent, parts: vec![text.into_bytes()] }).await;
    }
}
