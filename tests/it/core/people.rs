//! Command, questions, removals, tenures and seats kept apart: what changes hands only with two signatures, and what
//! never changes by silence.

use super::*;

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn sit(room: &mut Room, who: &str, seat: &str) {
    room.act(who, Intent::Assume { role: role(seat) }).unwrap();
}

/// Ana, Ben and Cho sit, and Fay may command too.
fn with_two_commanders(runbook: &str) -> Room {
    let mut room = Room::of(runbook, BTreeMap::new());
    let mut team = (*room.live.team).clone();
    for person in &mut team.people {
        if person.id.as_str() == "eve" {
            person.roles.push(role("commander"));
        }
    }
    room.live.team = Arc::new(team);
    sit(&mut room, "ana", "commander");
    sit(&mut room, "ben", "sre");
    sit(&mut room, "cho", "dba");
    room.settle_down();
    room
}

fn room() -> Room {
    with_two_commanders(RUNBOOK)
}

fn seen(room: &Room) -> Seen {
    Seen { n: room.live.next_seq, root: "r".to_owned() }
}

fn offer(room: &Room, to: &str) -> Intent {
    let expires = room.now.plus(Duration::from_secs(600));
    Intent::Offer { to: person(to), seen: seen(room), expires, key: "SHA256:ana".to_owned() }
}

fn take(room: &Room, who: &str) -> Intent {
    let offer = room.live.offer.as_ref().map_or(0, |o| o.seq);
    Intent::TakeCommand {
        offer,
        read_back: "declare next, drop is ahead".to_owned(),
        key: format!("SHA256:{who}"),
    }
}

/// Replayed by somebody who has the same team.
fn replays(room: &Room) -> Result<Incident, (u64, String)> {
    let mut incident = Incident::new(room.live.runbook.clone(), room.live.team.clone());
    for event in &room.record {
        replay::check(&mut incident, event).map_err(|e| (event.seq, e.to_string()))?;
    }
    Ok(incident)
}

#[test]
fn command_changes_hands_with_the_acceptance_and_not_before() {
    let mut room = room();
    room.act("ana", offer(&room, "eve")).unwrap();
    room.settle_down();
    assert_eq!(room.live.commander().unwrap().person, person("ana"), "an offer changes nothing");
    let accept = take(&room, "eve");
    room.act("eve", accept).unwrap();
    room.settle_down();
    assert_eq!(room.live.commander().unwrap().person, person("eve"));
    assert!(!room.live.holds(&person("ana"), "commander"), "there is one commander");
    assert!(room.live.offer.is_none());
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn only_the_commander_offers_and_only_the_one_it_was_made_to_takes() {
    let mut room = room();
    assert!(matches!(refused(room.act("ben", offer(&room, "eve"))), Refusal::WrongRole { .. }));
    assert!(matches!(refused(room.act("ana", offer(&room, "ben"))), Refusal::MayNotTake { .. }));
    assert!(matches!(refused(room.act("ana", offer(&room, "ana"))), Refusal::DoesNotFit(_)));
    assert!(matches!(refused(room.act("ana", offer(&room, "mallory"))), Refusal::NotInTeam(_)));
    room.act("ana", offer(&room, "eve")).unwrap();
    assert!(matches!(refused(room.act("ana", offer(&room, "eve"))), Refusal::OfferOpen { .. }));
    let accept = take(&room, "ben");
    assert!(matches!(refused(room.act("ben", accept)), Refusal::NotYourOffer { .. }));
    let mut accept = take(&room, "ana");
    assert!(matches!(refused(room.act("eve", accept.clone())), Refusal::OneKeyForTwo));
    let Intent::TakeCommand { read_back, key, .. } = &mut accept else { unreachable!() };
    *key = "SHA256:eve".to_owned();
    " ".clone_into(read_back);
    assert!(matches!(refused(room.act("eve", accept)), Refusal::ReasonNeeded), "it is read back in words");
}

#[test]
fn an_offer_is_void_as_soon_as_its_packet_is_no_longer_true() {
    let mut room = room();
    room.act("ana", offer(&room, "eve")).unwrap();
    let accept = take(&room, "eve");
    // In one turn of the hub, before it comes to its own duties.
    let answer = room.answer("declare", "sre", "ben").unwrap();
    room.act("ben", Intent::Approve(answer)).unwrap();
    assert!(matches!(refused(room.act("eve", accept.clone())), Refusal::OfferOver { .. }));
    room.settle_down();
    assert!(room.live.offer.is_none());
    assert!(matches!(&room.record.last().unwrap().what, What::OfferEnded(d) if d.how == OfferEnd::Changed));
    assert!(matches!(refused(room.act("eve", accept)), Refusal::NoOffer));
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn what_does_not_change_the_packet_leaves_the_offer_standing() {
    let mut room = room();
    room.act("ana", offer(&room, "eve")).unwrap();
    room.act("ben", Intent::Note { payload: "bm90ZQ==".to_owned() }).unwrap();
    sit(&mut room, "dee", "dba");
    room.settle_down();
    let accept = take(&room, "eve");
    room.act("eve", accept).unwrap();
    assert_eq!(room.live.handovers, 1);
}

#[test]
fn an_offer_expires_is_declined_or_is_taken_back() {
    let mut room = room();
    room.act("ana", offer(&room, "eve")).unwrap();
    let seq = room.live.offer.as_ref().unwrap().seq;
    let end = |how| Intent::EndOffer { offer: seq, how, reason: "not now".to_owned() };
    for how in [OfferEnd::Expired, OfferEnd::Changed] {
        assert!(matches!(refused(room.act("eve", end(how))), Refusal::HubOnly));
        assert!(matches!(refused(room.wish(&By::Hub, end(how))), Refusal::NotYourOffer { .. }));
    }
    assert!(matches!(refused(room.act("ana", end(OfferEnd::Declined))), Refusal::NotYourOffer { .. }));
    assert!(matches!(refused(room.act("eve", end(OfferEnd::Withdrawn))), Refusal::NotYourOffer { .. }));
    room.act("eve", end(OfferEnd::Declined)).unwrap();
    assert!(room.live.offer.is_none());
    room.act("ana", offer(&room, "eve")).unwrap();
    let late = take(&room, "eve");
    room.now = room.now.plus(Duration::from_secs(600));
    assert!(matches!(refused(room.act("eve", late)), Refusal::OfferOver { .. }));
    room.settle_down();
    assert!(room.live.offer.is_none(), "nobody took it in time");
}

#[test]
fn a_signature_of_an_earlier_offer_does_not_serve_again() {
    let mut room = room();
    let first = offer(&room, "eve");
    room.act("ana", first.clone()).unwrap();
    let offer = room.live.offer.as_ref().unwrap().seq;
    room.act("ana", Intent::EndOffer { offer, how: OfferEnd::Withdrawn, reason: "no".to_owned() }).unwrap();
    assert!(matches!(refused(room.act("ana", first)), Refusal::Outdated));
}

#[test]
fn whoever_takes_the_seat_of_a_lost_commander_is_the_only_one() {
    let mut room = room();
    let session = session_id(&key_of("ana")).unwrap();
    room.wish(&By::Hub, Intent::Leave { session, how: Leaving::Lost }).unwrap();
    sit(&mut room, "eve", "commander");
    assert_eq!(room.live.seats["commander"].len(), 1, "the one who was lost does not command when back");
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn the_packet_tells_a_new_commander_what_is_past_ahead_open_and_ruled_out() {
    let mut room = at_the_hold_point();
    let answer = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Deny(answer)).unwrap();
    room.settle_down();
    let packet: BTreeMap<&str, String> = backout::core::packet::of(&room.live).into_iter().collect();
    assert_eq!(packet["state"], "LIVE, severity 2, declared");
    assert_eq!(packet["no-return"], "drop ahead");
    assert_eq!(packet["trouble"], "eyes attempt 1, failed");
    assert!(packet["open"].contains("writes suspended by freeze"), "{packet:?}");
    assert!(packet["open"].contains("of dee to eyes attempt 1 has no answer"), "{packet:?}");
    assert!(packet["ruled-out"].contains("dee objects to eyes attempt 1: seen"), "{packet:?}");
}

fn asked(room: &mut Room) -> u64 {
    let question = "fail over to the replica".to_owned();
    room.act("ana", Intent::OpenPoll { question, lasts: 30 }).unwrap();
    room.settle_down();
    room.live.open_poll().unwrap().0
}

fn say(poll: u64, opinion: Opinion, reason: &str) -> Intent {
    Intent::AnswerPoll { poll, opinion, reason: reason.to_owned() }
}

#[test]
fn hearing_no_objections_it_proceeds_when_the_time_is_over_and_not_before() {
    let mut room = room();
    let poll = asked(&mut room);
    room.act("ben", say(poll, Opinion::Fine, "")).unwrap();
    room.act("cho", say(poll, Opinion::Abstain, "")).unwrap();
    let close = |how| Intent::ClosePoll { poll, how };
    assert!(matches!(refused(room.wish(&By::Hub, close(PollEnd::NoObjections))), Refusal::DoesNotFit(_)));
    assert!(matches!(refused(room.act("ana", close(PollEnd::NoObjections))), Refusal::HubOnly));
    room.now = room.now.plus(Duration::from_secs(30));
    assert!(matches!(refused(room.act("ben", say(poll, Opinion::Object, "late"))), Refusal::PollOver(_)));
    room.settle_down();
    assert_eq!(room.live.polls[&poll].end, Some(PollEnd::NoObjections));
    assert!(matches!(refused(room.act("ben", say(poll, Opinion::Fine, ""))), Refusal::PollOver(_)));
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn one_objection_stops_it_and_waits_for_its_answer() {
    let mut room = room();
    let poll = asked(&mut room);
    room.act("ben", say(poll, Opinion::Fine, "")).unwrap();
    assert!(matches!(refused(room.act("ben", say(poll, Opinion::Fine, ""))), Refusal::SaidAlready(_)));
    assert!(matches!(refused(room.act("ben", say(poll, Opinion::Object, " "))), Refusal::ReasonNeeded));
    assert!(matches!(refused(room.act("eve", say(poll, Opinion::Object, "no"))), Refusal::Observer));
    room.act("ben", say(poll, Opinion::Object, "the replica lags")).unwrap();
    room.settle_down();
    assert_eq!(room.live.polls[&poll].end, Some(PollEnd::Objected), "stopped long before its time");
    let (objection, _) = room.live.open_objections().next().unwrap();
    let reply = |words: &str| Intent::AnswerObjection { objection, words: words.to_owned() };
    assert!(matches!(refused(room.act("ben", reply("never mind"))), Refusal::DoesNotFit(_)));
    room.act("ana", reply("lag is 0 since 12:04, seen in step print")).unwrap();
    assert_eq!(room.live.open_objections().count(), 0);
    assert!(matches!(refused(room.act("ana", reply("twice"))), Refusal::DoesNotFit(_)));
    assert!(matches!(
        refused(room.act("ana", Intent::AnswerObjection { objection: 0, words: "x".to_owned() })),
        Refusal::NoObjection(0)
    ));
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn a_denial_is_an_objection_that_gets_its_answer() {
    let mut room = at_the_hold_point();
    let answer = room.answer("eyes", "sre", "dee").unwrap();
    room.act("dee", Intent::Deny(answer)).unwrap();
    let (objection, _) = room.live.open_objections().next().unwrap();
    room.act("ana", Intent::AnswerObjection { objection, words: "a snapshot was taken".to_owned() }).unwrap();
    assert_eq!(room.live.objections[&objection].answer.as_ref().unwrap().0, person("ana"));
}

#[test]
fn one_question_at_a_time_and_only_whoever_asked_or_commands_takes_it_back() {
    let mut room = room();
    let poll = asked(&mut room);
    let again = Intent::OpenPoll { question: "or not".to_owned(), lasts: 30 };
    assert!(matches!(refused(room.act("ben", again)), Refusal::PollOpen(_)));
    let back = Intent::ClosePoll { poll, how: PollEnd::Withdrawn };
    assert!(matches!(refused(room.act("ben", back.clone())), Refusal::WrongRole { .. }));
    room.act("ana", back).unwrap();
    assert!(room.live.open_poll().is_none());
    for lasts in [0, 4, 3601, u64::MAX] {
        let odd = Intent::OpenPoll { question: "?".to_owned(), lasts };
        assert!(matches!(refused(room.act("ana", odd)), Refusal::DoesNotFit(_)), "{lasts}");
    }
}

fn with_note(room: &mut Room) -> u64 {
    room.act("ben", Intent::Note { payload: "bm90ZQ==".to_owned() }).unwrap();
    room.record.last().unwrap().seq
}

fn remove(room: &Room, event: u64, parts: &[u32], who: &str) -> Intent {
    Intent::AskRedaction {
        event,
        parts: parts.to_vec(),
        reason: "a customer's name".to_owned(),
        seen: seen(room),
        expires: room.now.plus(Duration::from_secs(3600)),
        key: format!("SHA256:{who}"),
    }
}

fn agree(asked: u64, who: &str) -> Intent {
    Intent::Redact { asked, key: format!("SHA256:{who}") }
}

#[test]
fn a_removal_takes_two_people_two_keys_and_the_commander() {
    let mut room = room();
    let note = with_note(&mut room);
    room.act("ben", remove(&room, note, &[0], "ben")).unwrap();
    let asked = room.record.last().unwrap().seq;
    assert!(room.live.redacted.is_empty(), "one signature removes nothing");
    assert!(matches!(refused(room.act("ben", agree(asked, "ben2"))), Refusal::SecondPerson));
    assert!(matches!(refused(room.act("cho", agree(asked, "cho"))), Refusal::WrongRole { .. }));
    assert!(matches!(refused(room.act("ana", agree(asked, "ben"))), Refusal::OneKeyForTwo));
    room.act("ana", agree(asked, "ana")).unwrap();
    assert!(room.live.redacted.contains_key(&(note, 0)));
    assert_eq!(room.live.parts_left(note), Vec::<u32>::new());
    assert!(matches!(refused(room.act("ana", agree(asked, "ana"))), Refusal::NoRedaction(_)));
    let again = remove(&room, note, &[0], "ana");
    assert!(matches!(refused(room.act("ana", again)), Refusal::NoSuchParts { .. }), "gone is gone");
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn only_parts_that_are_there_are_removed_and_an_old_request_lapses() {
    let mut room = room();
    let note = with_note(&mut room);
    for (event, parts) in [(note, &[1][..]), (note, &[]), (note, &[0, 0]), (0, &[0]), (note + 50, &[0])] {
        let ask = remove(&room, event, parts, "ana");
        assert!(matches!(refused(room.act("ana", ask)), Refusal::NoSuchParts { .. }), "{event} {parts:?}");
    }
    let ask = remove(&room, note, &[0], "ana");
    room.act("ana", ask.clone()).unwrap();
    let asked = room.record.last().unwrap().seq;
    assert!(matches!(refused(room.act("ana", ask)), Refusal::Outdated), "a signature serves once");
    room.now = room.now.plus(Duration::from_secs(3600));
    assert!(matches!(refused(room.act("ben", agree(asked, "ben"))), Refusal::NoRedaction(_)));
}

const APART: &str = "  commander: {required: true, excludes: [dba, executor], max_tenure: 1h}";

fn apart() -> String {
    RUNBOOK.replace("  commander: {required: true}", APART)
}

#[test]
fn nobody_commands_and_executes_at_once_where_the_runbook_keeps_them_apart() {
    let mut room = with_two_commanders(&apart());
    let mut team = (*room.live.team).clone();
    for person in &mut team.people {
        person.roles.extend([role("sre"), role("dba"), role("commander")]);
    }
    room.live.team = Arc::new(team);
    let seat = |seat: &str| Intent::Assume { role: role(seat) };
    assert!(matches!(refused(room.act("ana", seat("dba"))), Refusal::KeptApart { .. }));
    sit(&mut room, "ana", "sre");
    for (who, as_role) in [("ana", "commander"), ("ben", "sre")] {
        let answer = room.answer("declare", as_role, who).unwrap();
        room.act(who, Intent::Approve(answer)).unwrap();
        room.settle_down();
    }
    let start = room.start("freeze", Direction::Forward, None).unwrap();
    assert!(matches!(refused(room.act("ana", start.clone())), Refusal::CarriesNothingOut { .. }));
    room.act("ana", Intent::Renounce { role: role("commander") }).unwrap();
    room.act("ana", start).unwrap();
    // The other way round, and by way of a handover too.
    assert!(matches!(refused(room.act("cho", seat("commander"))), Refusal::KeptApart { .. }));
    sit(&mut room, "eve", "commander");
    let expires = room.now.plus(Duration::from_secs(600));
    let offer = Intent::Offer { to: person("cho"), seen: seen(&room), expires, key: "SHA256:eve".to_owned() };
    assert!(matches!(refused(room.act("eve", offer)), Refusal::KeptApart { .. }));
}

/// Besides the runbook's own: whoever the team lists for them may sit there, in several at once, and everybody looks on.
#[test]
fn the_seats_of_every_incident_are_taken_and_left_by_those_the_team_lists_for_them() {
    let mut room = room();
    let seats = ["deputy", "scribe", "communications", "liaison", "sme"];
    for seat in seats {
        let refused = refused(room.act("ben", Intent::Assume { role: role(seat) }));
        assert!(matches!(refused, Refusal::MayNotTake { .. }), "{seat}: {refused}");
    }
    let mut team = (*room.live.team).clone();
    for person in team.people.iter_mut().filter(|p| p.id.as_str() == "ben") {
        person.roles.extend(seats.map(role));
    }
    room.live.team = Arc::new(team);
    for seat in seats.into_iter().chain(["observer"]) {
        sit(&mut room, "ben", seat);
    }
    let held = |room: &Room, seat: &str| room.live.holds(&person("ben"), seat);
    assert!(seats.iter().chain(&["sre", "observer"]).all(|seat| held(&room, seat)));
    room.act("ben", Intent::Renounce { role: role("scribe") }).unwrap();
    assert!(!held(&room, "scribe") && held(&room, "deputy"), "only the one that was left");
    assert_eq!(room.record.last().unwrap().what.kind(), "role.renounced");
    let king = refused(room.act("ben", Intent::Assume { role: role("king") }));
    assert!(matches!(king, Refusal::NoSuchRole(_)), "{king}");
    assert_eq!(replays(&room).unwrap(), room.live);
}

#[test]
fn whoever_has_sat_too_long_is_asked_once_to_hand_over_and_nothing_is_blocked() {
    let mut room = with_two_commanders(&apart());
    let said = |room: &Room| room.record.iter().filter(|e| matches!(e.what, What::TenureExceeded(_))).count();
    let early = Intent::ExceedTenure { role: role("commander"), person: person("ana") };
    assert!(matches!(refused(room.wish(&By::Hub, early)), Refusal::DoesNotFit(_)));
    room.now = room.now.plus(Duration::from_secs(3600));
    room.settle_down();
    assert_eq!(said(&room), 1);
    room.now = room.now.plus(Duration::from_secs(3600));
    room.settle_down();
    assert_eq!(said(&room), 1, "said once");
    assert!(room.live.seats["commander"][0].overdue);
    room.act("ana", Intent::Mitigate { reason: "still in command".to_owned() }).unwrap();
    room.act("ana", offer(&room, "eve")).unwrap();
    let accept = take(&room, "eve");
    room.act("eve", accept).unwrap();
    assert!(!room.live.seats["commander"][0].overdue, "a new commander begins anew");
    assert_eq!(replays(&room).unwrap(), room.live);
}

/// Every single change of a legal history that would break a rule about people is refused at its event.
#[test]
fn a_forged_history_is_refused_at_the_event_that_breaks_the_rule() {
    let mut room = room();
    let note = with_note(&mut room);
    room.act("ana", offer(&room, "eve")).unwrap();
    let accept = take(&room, "eve");
    room.act("eve", accept).unwrap();
    let poll = {
        room.act("eve", Intent::OpenPoll { question: "go on".to_owned(), lasts: 30 }).unwrap();
        room.live.open_poll().unwrap().0
    };
    room.act("ben", say(poll, Opinion::Object, "no")).unwrap();
    room.settle_down();
    room.act("ben", remove(&room, note, &[0], "ben")).unwrap();
    let asked = room.record.last().unwrap().seq;
    room.act("eve", agree(asked, "eve")).unwrap();
    assert_eq!(replays(&room).unwrap(), room.live);
    let at = |kind: &str| room.record.iter().position(|e| e.what.kind() == kind).unwrap();
    let forge = |kind: &str, change: &dyn Fn(&mut Event)| {
        let place = at(kind);
        let mut forged = Room {
            record: room.record.clone(),
            live: room.live.clone(),
            now: room.now,
            numbers: BTreeMap::new(),
        };
        change(&mut forged.record[place]);
        let (seq, why) = replays(&forged).expect_err(kind);
        assert_eq!(seq, place as u64, "{kind}: {why}");
        why
    };
    let other = |who: &'static str| move |e: &mut Event| e.actor = Actor::Person(person(who));
    let data = |change: &'static dyn Fn(&mut What)| move |e: &mut Event| change(&mut e.what);
    assert!(forge("command.offered", &other("ben")).contains("commander"));
    assert!(forge("command.handed_over", &|e| e.actor = Actor::Hub).contains("hub does not act"));
    assert!(
        forge("command.handed_over", &|e| {
            let auth = e.auth.as_mut().unwrap();
            (auth.session, auth.client_seq, auth.sig) = (None, None, None);
        })
        .contains("statement"),
        "the read-back is signed by a session"
    );
    forge(
        "command.handed_over",
        &data(&|w| {
            if let What::HandedOver(d) = w {
                d.from = person("ben");
            }
        }),
    );
    forge(
        "poll.closed",
        &data(&|w| {
            if let What::PollClosed(d) = w {
                d.how = PollEnd::NoObjections;
            }
        }),
    );
    forge(
        "payload.redacted",
        &data(&|w| {
            if let What::Redacted(d) = w {
                d.key = "SHA256:ben".to_owned();
            }
        }),
    );
    assert!(forge("payload.redacted", &|e| e.auth.as_mut().unwrap().sshsig = None).contains("SSH key"));
}
