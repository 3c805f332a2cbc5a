//! The texts that people sign with their own SSH key. What is shown is what is signed.
//!
//! UTF-8, line feeds, fixed key order, no control characters, at most 4 KiB. Never holds anything that the state of
//! the incident does not confirm: the hub and the verifier render the text anew and compare it byte for byte.

use crate::core::event::{Joined, Seen};
use crate::core::id::{PersonId, StepId};
use crate::core::incident::Incident;
use crate::core::intent::{GateAnswer, Intent};
use crate::core::packet;
use crate::core::plan::{self, StepPlan};
use crate::core::time::Stamp;

/// Namespace of session statements.
pub const SESSION: &str = "session.v1@backout";
/// Namespace of approvals and denials.
pub const APPROVE: &str = "approve.v1@backout";
/// Namespace of break-glass statements.
pub const OVERRIDE: &str = "override.v1@backout";
/// Namespace of close statements.
pub const CLOSE: &str = "close.v1@backout";

/// Namespace of both signatures under a handover of command.
pub const HANDOVER: &str = "handover.v1@backout";
/// Namespace of both signatures for a removal.
pub const REDACT: &str = "redact.v1@backout";

/// Longest statement in bytes.
pub const MAX: usize = 4096;

/// How an answer at a gate is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    /// Yes.
    Approve,
    /// No.
    Deny,
    /// Break-glass.
    Override,
}

impl Answering {
    /// The word after `decision:`.
    pub fn word(self) -> &'static str {
        match self {
            Answering::Approve => "approve",
            Answering::Deny => "deny",
            Answering::Override => "override",
        }
    }

    /// The namespace it is signed in.
    pub fn namespace(self) -> &'static str {
        match self {
            Answering::Approve | Answering::Deny => APPROVE,
            Answering::Override => OVERRIDE,
        }
    }
}

/// One line of a statement: control characters become spaces, so that a value can never begin a new line, and so do
/// those that reorder or hide what is read.
fn one_line(text: &str) -> String {
    let misleads = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let clean: String = text.chars().map(|c| if c.is_control() || misleads(c) { ' ' } else { c }).collect();
    clean.trim().to_owned()
}

/// A value that may be missing: no line ends in a blank.
fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Cuts a long value and says so; the `plan:` line commits to the whole.
fn shortened(text: &str, room: usize) -> String {
    cut(text, room, "plan")
}

/// The same, where another line commits to the whole.
fn cut(text: &str, room: usize, by: &str) -> String {
    let line = one_line(text);
    if line.len() <= room {
        return line;
    }
    let mut end = room;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let head = line.get(..end).unwrap_or_default();
    format!("{head}… ({} bytes in all, committed to by {by})", line.len())
}

/// The text of a session statement.
pub fn session(log: &str, person: &PersonId, joined: &Joined) -> String {
    let roles: Vec<&str> = joined.roles.iter().map(|r| r.as_str()).collect();
    format!(
        "backout session v1\nlog: {log}\nas: {person}\nsession: {}\nroles: {}\nexpires: {}\n",
        joined.session_key,
        if roles.is_empty() { "-".to_owned() } else { roles.join(",") },
        joined.expires.to_second(),
    )
}

/// The text of an answer at a gate, from the pending request. `None` when the gate has no request.
pub fn gate(
    incident: &Incident,
    person: &PersonId,
    answer: &GateAnswer,
    how: Answering,
    seen: &Seen,
) -> Option<String> {
    let pending = incident.gates.get(&answer.gate)?;
    let content = plan::of_gate(incident, &answer.gate)?;
    let title = match how {
        Answering::Approve | Answering::Deny => "backout approval v1",
        Answering::Override => "backout override v1",
    };
    let mut text = format!(
        "{title}\nlog: {}\nseen: {} {}\nplan: {}\nstep: {} attempt {}\n",
        incident.log(),
        seen.n,
        seen.root,
        pending.plan,
        answer.gate,
        answer.attempt,
    );
    text.push_str(&format!("target: {}\n", shortened(&content.target, 256)));
    let denied_by = incident.deniers(&answer.gate);
    // Nobody breaks glass over a denial that they have not read.
    let denied = match how {
        Answering::Override if !denied_by.is_empty() => {
            let names: Vec<&str> = denied_by.iter().map(PersonId::as_str).collect();
            format!("denied by: {}\n", cut(&names.join(", "), 512, "the record"))
        }
        Answering::Approve | Answering::Deny | Answering::Override => String::new(),
    };
    let end = format!(
        "role: {}\nas: {person}\n{denied}decision: {}\nreason: {}\nnonce: {}\nexpires: {}\n",
        answer.role,
        how.word(),
        or_dash(shortened(&answer.reason, 512)),
        answer.nonce,
        pending.expires.to_second(),
    );
    text.push_str(&runs(&content.steps, MAX.saturating_sub(text.len() + end.len())));
    text.push_str(&end);
    Some(text)
}

/// The `run:` lines within so many bytes: each step cut to its share, and where there is no room for all, a last line
/// that says how many more there are.
fn runs(steps: &[StepPlan], budget: usize) -> String {
    // What a line needs beside its value: its key, its line feed and the words about a cut.
    const AROUND: usize = 72;
    const LEAST: usize = 56;
    let budget = budget.saturating_sub(AROUND);
    let shown = steps.len().min(budget / (AROUND + LEAST));
    let room = (budget / shown.max(1)).saturating_sub(AROUND).min(2048);
    let mut lines = String::new();
    for step in steps.iter().take(shown) {
        let prefix = if steps.len() > 1 { format!("{}: ", step.id) } else { String::new() };
        lines.push_str(&format!("run: {}\n", shortened(&format!("{prefix}{}", step.summary), room)));
    }
    if steps.len() > shown {
        lines.push_str(&format!("run: and {} more, committed to by plan\n", steps.len() - shown));
    }
    lines
}

/// The text that closes a record: it names the head it closes.
pub fn close(incident: &Incident, person: &PersonId, reason: &str, seen: &Seen) -> String {
    format!(
        "backout close v1\nlog: {}\nseen: {} {}\nas: {person}\nreason: {}\n",
        incident.log(),
        seen.n,
        seen.root,
        or_dash(shortened(reason, 512)),
    )
}

/// The text under which command changes hands: the same for both who sign it.
pub fn handover(incident: &Incident, from: &PersonId, to: &PersonId, seen: &Seen, expires: Stamp) -> String {
    let packet = packet::of(incident);
    let mut text = format!(
        "backout handover v1\nlog: {}\nseen: {} {}\nfrom: {from}\nto: {to}\npacket: {}\n",
        incident.log(),
        seen.n,
        seen.root,
        packet::digest(incident),
    );
    let end = format!("expires: {}\n", expires.to_second());
    // Each line may have what the ones before it left over of their shares.
    let mut left = MAX.saturating_sub(text.len() + end.len());
    for (i, (key, words)) in packet.iter().enumerate() {
        const AROUND: usize = 72;
        let share = left / (packet.len() - i).max(1);
        let line = or_dash(cut(words, share.saturating_sub(AROUND), "packet"));
        let line = format!("{key}: {line}\n");
        left = left.saturating_sub(line.len());
        text.push_str(&line);
    }
    text.push_str(&end);
    text
}

/// What somebody wants removed.
#[derive(Debug, Clone, Copy)]
pub struct Removal<'a> {
    /// The event whose parts they are.
    pub event: u64,
    /// Which.
    pub parts: &'a [u32],
    /// Why.
    pub reason: &'a str,
    /// Nobody can agree after this.
    pub expires: Stamp,
    /// The event that asked and who did; none for whoever asks.
    pub asked: Option<(u64, &'a PersonId)>,
}

/// The text that asks for a removal, or agrees to one.
pub fn redaction(incident: &Incident, person: &PersonId, removal: &Removal<'_>, seen: &Seen) -> String {
    let parts: Vec<String> = removal.parts.iter().map(u32::to_string).collect();
    let asked = removal.asked.map(|(seq, who)| format!("asked: {seq} by {who}\n")).unwrap_or_default();
    format!(
        "backout redaction v1\nlog: {}\nseen: {} {}\nevent: {}\nparts: {}\n{asked}as: {person}\nreason: {}\nexpires: {}\n",
        incident.log(),
        seen.n,
        seen.root,
        removal.event,
        parts.join(","),
        or_dash(cut(removal.reason, 512, "the event")),
        removal.expires.to_second(),
    )
}

/// The text of an intent about command or a removal, its namespace and the key that must have signed it. `seen` is
/// the head that the signer named. `None` for any other intent, and for one about something that is not there.
pub fn of_intent(
    incident: &Incident,
    person: &PersonId,
    intent: &Intent,
    seen: &Seen,
) -> Option<(&'static str, String, String)> {
    match intent {
        Intent::Offer { to, seen, expires, key } => {
            Some((HANDOVER, handover(incident, person, to, seen, *expires), key.clone()))
        }
        Intent::TakeCommand { offer, key, .. } => {
            let open = incident.offer.as_ref().filter(|o| o.seq == *offer)?;
            let text = handover(incident, &open.from, &open.to, &open.seen, open.expires);
            Some((HANDOVER, text, key.clone()))
        }
        // The head of the act itself: an old signature does not serve under a newer head.
        Intent::AskRedaction { event, parts, reason, seen, expires, key } => {
            let removal = Removal { event: *event, parts, reason, expires: *expires, asked: None };
            Some((REDACT, redaction(incident, person, &removal, seen), key.clone()))
        }
        Intent::Redact { asked, key } => {
            let ask = incident.redaction_asks.get(asked)?;
            let removal = Removal {
                event: ask.event,
                parts: &ask.parts,
                reason: &ask.reason,
                expires: ask.expires,
                asked: Some((*asked, &ask.by)),
            };
            Some((REDACT, redaction(incident, person, &removal, seen), key.clone()))
        }
        _ => None,
    }
}

/// The head a statement names in its `seen:` line.
pub fn seen_of(text: &str) -> Option<Seen> {
    let line = text.lines().find_map(|l| l.strip_prefix("seen: "))?;
    let (n, root) = line.split_once(' ')?;
    Some(Seen { n: n.parse().ok()?, root: root.to_owned() })
}

/// The value of a `key: value` line.
pub fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(": "))
}

/// The gate and attempt that a statement's `step:` line names.
pub fn step_of(text: &str) -> Option<(StepId, u32)> {
    let (step, attempt) = field(text, "step")?.split_once(" attempt ")?;
    Some((StepId::parse(step).ok()?, attempt.parse().ok()?))
}

/// The `expires:` line of a statement, which is written without a fraction.
pub fn expires_of(text: &str) -> Option<Stamp> {
    let whole = field(text, "expires")?.strip_suffix('Z')?;
    Stamp::parse(&format!("{whole}.000000Z")).ok()
}

#[cfg(test)]
mod tests;
