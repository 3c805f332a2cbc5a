//! `pending` and `submit`: signing with stock tools alone. One prints exactly the text to sign, the other takes the
//! signature. Never signs anything, and never lets a text through that the hub would not render itself.

use crate::cli::act::people;
use crate::cli::args::{Args, Pending, Submit};
use crate::cli::context::{self, Context};
use crate::cli::room::{handed_in, role_for};
use crate::cli::{print, say};
use crate::client::answer::{self, Draft};
use crate::client::room::Room;
use crate::core::event::{Auth, Display};
use crate::core::id::{PersonId, RoleName, StepId};
use crate::core::incident::{Gate, Incident, Standing};
use crate::core::intent::Intent;
use crate::core::statement::Answering;
use crate::error::{Failure, Result};
use crate::identity::sshsig::Envelope;
use crate::wire::act::Act;
use std::io::Read as _;

mod kept;

/// The word for the statement that closes the record.
const CLOSE: &str = "close";
/// A signature begins with this line.
const ARMOR: &str = "-----BEGIN SSH SIGNATURE-----";
/// More than this is no statement with its signature.
const MOST: u64 = 64 * 1024;
/// Longer reasons would be cut in the statement, and the hub could not tell what was cut.
const LONGEST_REASON: usize = 500;

/// Prints the statement that waits for a person.
pub fn run(args: &Args, verb: &Pending) -> Result<()> {
    let context = Context::of(args)?;
    context::runtime()?.block_on(async {
        let mut room = context::enter(&context.door(Some(&verb.incident))?).await?;
        room.catch_up().await.map_err(context::lost)?;
        let person = context.who(&room)?;
        let draft = draft(&room, &person, verb)?;
        if let Err(why) = kept::keep(&draft.text) {
            say(&format!("this account cannot keep the text ({why}): hand in text and signature together, `cat s s.sig`"));
        }
        print(&draft.text);
        say(&format!(
            "To sign it, into s.sig:  ssh-keygen -Y sign -f YOUR_KEY -n {} s\nThen:  backout submit {} < s.sig",
            draft.namespace, verb.incident
        ));
        Ok(())
    })
}

fn draft(room: &Room, person: &PersonId, verb: &Pending) -> Result<Draft> {
    if verb.reason.len() > LONGEST_REASON {
        return Err(Failure::usage(format!("the reason is longer than {LONGEST_REASON} bytes")));
    }
    let nothing =
        |e: crate::client::session::ActError| Failure::refused("there is nothing to sign").because(e);
    // Which key signs is only known from the signature; the text does not name it.
    let key = "";
    let mirror = &room.mirror;
    if let Some(to) = &verb.handover_to {
        let to = PersonId::parse(to.clone()).map_err(|e| Failure::usage(e.to_string()))?;
        return answer::offer(mirror, person, key, &to, context::now()).map_err(nothing);
    }
    if let Some(place) = &verb.remove {
        let intent = people::removal(mirror, place, &verb.reason, key, context::now())?;
        return answer::of_intent(mirror, person, intent).map_err(nothing);
    }
    if verb.agree {
        let intent = people::consent(mirror, key, context::now())?;
        return answer::of_intent(mirror, person, intent).map_err(nothing);
    }
    if verb.step.as_deref() == Some(CLOSE) {
        return answer::closing(&room.mirror, person, key, &verb.reason).map_err(nothing);
    }
    let how = match (verb.deny, verb.override_) {
        (true, _) => Answering::Deny,
        (false, true) => Answering::Override,
        (false, false) => Answering::Approve,
    };
    let incident = &room.mirror.incident;
    let (gate, role) = gate_and_role(incident, person, verb, how)?;
    answer::at_gate(&room.mirror, person, key, &gate, &role, how, &verb.reason).map_err(nothing)
}

fn gate_and_role(
    incident: &Incident,
    person: &PersonId,
    verb: &Pending,
    how: Answering,
) -> Result<(StepId, RoleName)> {
    let role = |gate: &StepId| match &verb.role {
        Some(role) => RoleName::parse(role.clone()).map_err(|e| Failure::usage(e.to_string())),
        None => role_for(incident, person, gate, how),
    };
    if let Some(step) = &verb.step {
        let gate = StepId::parse(step).map_err(|e| Failure::usage(e.to_string()))?;
        let role = role(&gate)?;
        return Ok((gate, role));
    }
    let waits = |(id, gate): &(&StepId, &Gate)| {
        let answered = gate.answers.iter().any(|vote| vote.person == *person);
        gate.standing == Standing::Open
            && !answered
            && !incident.quorum_reached(id)
            && (how == Answering::Override || !incident.is_denied(id))
    };
    let open = incident.gates.iter().filter(waits);
    let mine: Vec<(StepId, RoleName)> =
        open.filter_map(|(gate, _)| Some((gate.clone(), role(gate).ok()?))).collect();
    match mine.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::refused(format!("nothing waits for `{person}`"))
            .hint("`close` as the step gives the statement that closes the record")),
        [_, _, ..] => {
            let names: Vec<&str> = mine.iter().map(|(gate, _)| gate.as_str()).collect();
            Err(Failure::usage(format!("several requests wait for `{person}`"))
                .hint(format!("say which: {}", names.join(", "))))
        }
    }
}

/// Hands a signed statement in.
pub fn submit(args: &Args, verb: &Submit) -> Result<()> {
    let context = Context::of(args)?;
    let (text, armor) = read_input()?;
    let envelope = Envelope::parse(armor.as_bytes()).map_err(|e| {
        Failure::usage("standard input holds no SSH signature")
            .because(e)
            .hint("ssh-keygen -Y sign writes it to FILE.sig")
    })?;
    let key = envelope.presented().key().fingerprint();
    let fits = |text: &str| {
        answer::namespace_of(text).is_some_and(|namespace| envelope.check(namespace, text.as_bytes()).is_ok())
    };
    let text = match text {
        Some(text) if fits(&text) => text,
        Some(_) => {
            return Err(Failure::refused("the signature does not fit the statement that came with it")
                .hint("sign exactly the bytes that `backout pending` printed, in the namespace it named"));
        }
        None => kept::all().into_iter().find(|text| fits(text)).ok_or_else(|| {
            Failure::refused("no statement that this account was shown fits the signature")
                .hint("sign exactly the bytes that `backout pending` printed, in the namespace it named")
                .hint("or hand in text and signature together: cat s s.sig | … backout submit INCIDENT")
        })?,
    };
    let read = answer::read(&text, &key)
        .ok_or_else(|| Failure::usage("this is not a statement that can be handed in"))?;
    let auth = Auth {
        statement: Some(read.text),
        sshsig: Some(armor),
        namespace: Some(read.namespace.to_owned()),
        // Whoever signs with their own tools has read the text with their own tools.
        display: Some(Display::Local),
        ..Auth::default()
    };
    let act = Act { person: read.person, intent: read.intent, auth, payload: Vec::new() };
    context::runtime()?.block_on(async {
        let mut room = context::enter(&context.door(Some(&verb.incident))?).await?;
        room.catch_up().await.map_err(context::lost)?;
        takes_no_read_back(&room.mirror.incident, &act.intent)?;
        let seq = handed_in(&mut room, act).await?;
        print(&format!("recorded as event {seq} ({})", room.mirror.head().short_code()));
        Ok(())
    })
}

/// Both who hand command over sign one text. Whoever takes it also reads back what they understood, and only a session
/// signs that: a statement by itself cannot take command.
fn takes_no_read_back(incident: &Incident, intent: &Intent) -> Result<()> {
    let Intent::Offer { to, seen, .. } = intent else { return Ok(()) };
    let offered = incident.offer.as_ref().is_some_and(|open| &open.to == to && &open.seen == seen);
    if !offered {
        return Ok(());
    }
    Err(Failure::refused("command is not taken by a signature alone: the packet is read back, in words")
        .hint("backout handover INCIDENT --accept --read-back \"what you understood\""))
}

/// The signature on standard input, and the text before it if it is there.
fn read_input() -> Result<(Option<String>, String)> {
    let mut text = String::new();
    std::io::stdin()
        .take(MOST)
        .read_to_string(&mut text)
        .map_err(|e| Failure::usage("standard input cannot be read").because(e))?;
    let at = text.find(ARMOR).unwrap_or(0);
    let (before, armor) = text.split_at_checked(at).unwrap_or(("", &text));
    Ok((Some(before.to_owned()).filter(|b| !b.trim().is_empty()), armor.to_owned()))
}
