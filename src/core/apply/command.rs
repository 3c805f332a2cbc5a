//! Command: offered, taken, held for too long. Never asks whether it may be.

use crate::core::event::{HandedOver, Offered, TenureExceeded};
use crate::core::id::{PersonId, RoleName};
use crate::core::incident::{Incident, Offer, Seat};
use crate::core::time::Stamp;

pub(super) fn offered(incident: &mut Incident, data: &Offered, person: Option<&PersonId>, seq: u64) {
    let Some(from) = person.cloned() else { return };
    incident.last_offer = Some(seq);
    incident.offer = Some(Offer {
        seq,
        from,
        to: data.to.clone(),
        seen: data.seen.clone(),
        packet: data.packet,
        expires: data.expires,
        key: data.key.clone(),
    });
}

pub(super) fn handed_over(incident: &mut Incident, data: &HandedOver, person: Option<&PersonId>, at: Stamp) {
    incident.offer = None;
    let Some(person) = person.cloned() else { return };
    let seat = Seat { person, since: at, stand_in: data.stand_in, overdue: false };
    incident.seats.insert(RoleName::commander().to_string(), vec![seat]);
    incident.handovers += 1;
}

pub(super) fn exceeded(incident: &mut Incident, data: &TenureExceeded) {
    let seats = incident.seats.get_mut(data.role.as_str()).into_iter().flatten();
    for seat in seats.filter(|s| s.person == data.person) {
        seat.overdue = true;
    }
}
