//! Command changes hands only by an offer that its holder signed and an acceptance by the one it was made to, over
//! the same packet. Never lets an offer outlive what it says.

use super::{hub, person, reason, seated};
use crate::core::event::{HandedOver, OfferEnd, OfferEnded, Offered, Seen, ShiftShort, TenureExceeded, What};
use crate::core::id::{PersonId, RoleName};
use crate::core::incident::{CommandStanding, Incident, Offer};
use crate::core::intent::By;
use crate::core::packet;
use crate::core::refusal::Refusal;
use crate::core::time::Stamp;
use std::time::Duration;

/// The longest an offer of command stays open.
pub const LONGEST_OFFER: Duration = Duration::from_secs(30 * 60);

pub(super) fn offer(
    incident: &Incident,
    by: &By,
    to: &PersonId,
    seen: &Seen,
    expires: Stamp,
    key: &str,
    now: Stamp,
) -> Result<What, Refusal> {
    let id = person(by)?;
    seated(incident, id, RoleName::commander().as_str())?;
    if to == id {
        return Err(Refusal::DoesNotFit("nobody hands command over to themselves".to_owned()));
    }
    if incident.team.person(to).is_none() {
        return Err(Refusal::NotInTeam(to.clone()));
    }
    may_sit(incident, to)?;
    if let Some(open) = &incident.offer {
        return Err(Refusal::OfferOpen { to: open.to.clone() });
    }
    if expires <= now || expires > now.plus(LONGEST_OFFER) {
        return Err(Refusal::DoesNotFit("an offer of command stays open for at most 30 minutes".to_owned()));
    }
    // A signature of an earlier offer cannot serve a second time.
    if seen.n > incident.next_seq || incident.last_offer.is_some_and(|last| seen.n <= last) {
        return Err(Refusal::Outdated);
    }
    Ok(Offered {
        to: to.clone(),
        seen: seen.clone(),
        packet: packet::digest(incident),
        expires,
        key: key.to_owned(),
    }
    .into())
}

/// Whether the person may sit as the commander, and how, and has no seat that the runbook keeps apart from it.
fn may_sit(incident: &Incident, id: &PersonId) -> Result<CommandStanding, Refusal> {
    let seat = RoleName::commander();
    super::people::kept_apart(incident, id, seat.as_str())?;
    let role = || seat.to_string();
    incident.may_command(id).ok_or_else(|| Refusal::MayNotTake { person: id.clone(), role: role() })
}

fn open(incident: &Incident, seq: u64) -> Result<&Offer, Refusal> {
    incident.offer.as_ref().filter(|o| o.seq == seq).ok_or(Refusal::NoOffer)
}

/// What has changed since the offer was made, so that its packet is no longer true.
pub fn change(incident: &Incident) -> Option<&'static str> {
    let offer = incident.offer.as_ref()?;
    if !incident.holds(&offer.from, RoleName::commander().as_str()) {
        return Some("whoever offered it no longer commands");
    }
    (packet::digest(incident) != offer.packet).then_some("what the packet says has changed")
}

pub(super) fn end(
    incident: &Incident,
    by: &By,
    seq: u64,
    how: OfferEnd,
    why: &str,
    now: Stamp,
) -> Result<What, Refusal> {
    let offer = open(incident, seq)?;
    let may = match how {
        OfferEnd::Declined => person(by)? == &offer.to,
        OfferEnd::Withdrawn => person(by)? == &offer.from,
        OfferEnd::Expired => {
            hub(by)?;
            now >= offer.expires
        }
        OfferEnd::Changed => {
            hub(by)?;
            change(incident).is_some()
        }
    };
    if !may {
        return Err(Refusal::NotYourOffer { word: how.word() });
    }
    Ok(OfferEnded { offer: seq, how, reason: reason(why)? }.into())
}

pub(super) fn take(
    incident: &Incident,
    by: &By,
    seq: u64,
    read_back: &str,
    key: &str,
    now: Stamp,
) -> Result<What, Refusal> {
    let id = person(by)?;
    let offer = open(incident, seq)?;
    if &offer.to != id {
        return Err(Refusal::NotYourOffer { word: "taken" });
    }
    if now >= offer.expires {
        return Err(Refusal::OfferOver { why: "its time is over" });
    }
    if let Some(why) = change(incident) {
        return Err(Refusal::OfferOver { why });
    }
    if offer.key == key {
        return Err(Refusal::OneKeyForTwo);
    }
    let stand_in = may_sit(incident, id)? == CommandStanding::StandIn;
    Ok(HandedOver {
        offer: seq,
        from: offer.from.clone(),
        read_back: reason(read_back)?,
        stand_in,
        key: key.to_owned(),
    }
    .into())
}

pub(super) fn exceed(
    incident: &Incident,
    by: &By,
    role: &RoleName,
    who: &PersonId,
    now: Stamp,
) -> Result<What, Refusal> {
    hub(by)?;
    let found = incident.tenures().find(|(r, s, at)| *r == role.as_str() && &s.person == who && now >= *at);
    let limit = incident.tenure_of(role.as_str());
    let (Some((_, seat, _)), Some(limit)) = (found, limit) else {
        return Err(Refusal::DoesNotFit(format!("{who} has not sat as {role} for too long")));
    };
    Ok(TenureExceeded { role: role.clone(), person: who.clone(), since: seat.since, limit: limit.as_secs() }
        .into())
}

pub(super) fn short_shift(
    incident: &Incident,
    by: &By,
    who: &PersonId,
    last: Stamp,
    now: Stamp,
) -> Result<What, Refusal> {
    hub(by)?;
    let gap = incident.policies().shift_gap;
    let gap = gap.filter(|gap| now.since(last) < Duration::from_secs(*gap));
    let known = incident.team.person(who).is_some() && !incident.short_shifts.contains_key(who);
    match gap.filter(|_| known) {
        Some(gap) => Ok(ShiftShort { person: who.clone(), last, gap }.into()),
        None => Err(Refusal::DoesNotFit(format!("{who} has rested long enough"))),
    }
}
