//! Messages that somebody asks for outside the steps.

use super::ways::sit;
use super::*;
use crate::support::head;
use backout::core::event::Handed;

const WITH_MESSAGES: &str = concat!(
    head!("deploy"),
    r#"roles:
  commander: {required: true}
declare: {require: [{role: commander, count: 1}], expires: 15m}
comms:
  templates: {status: {audience: customers, channel: paper, text: "We are on it."}}
  cadence: [{audience: customers, every: 20m, template: status}]
phases:
  - name: Act
    steps:
      - {id: a, manual: do it, role: commander}
"#
);

fn ask(template: &str, payload: Option<&str>) -> Intent {
    let template = Name::parse(template).unwrap();
    Intent::AskMessage { template, how: Handed::Delivered, payload: payload.map(key_of) }
}

fn sent(asked: u64) -> Intent {
    let detail = "accepted".to_owned();
    Intent::MarkSent { step: None, asked: Some(asked), how: Handed::Delivered, detail, payload: key_of("t") }
}

#[test]
fn a_message_somebody_asked_for_is_sent_once_and_replays() {
    let mut room = Room::of(WITH_MESSAGES, BTreeMap::new());
    sit(&mut room, "ana", "commander").unwrap();
    let asked = room.live.next_seq;
    room.act("ana", ask("status", Some("edited"))).unwrap();
    assert_eq!(room.live.asked.len(), 1);
    assert!(room.wish(&By::Hub, sent(asked + 1)).is_err(), "nobody asked in that event");
    room.wish(&By::Hub, sent(asked)).unwrap();
    assert!(room.live.asked.is_empty());
    assert!(room.wish(&By::Hub, sent(asked)).is_err(), "it has left already");
    let due = backout::core::comms::due_messages(&room.live);
    assert_eq!(due[0].last, Some(room.now));
    let mut again = Incident::new(parsed(WITH_MESSAGES), team());
    for event in &room.record {
        replay::check(&mut again, event).unwrap_or_else(|e| panic!("{}: {e}", event.seq));
    }
    assert_eq!(again, room.live);
}

#[test]
fn only_who_takes_part_asks_and_only_for_what_the_runbook_has() {
    let mut room = Room::of(WITH_MESSAGES, BTreeMap::new());
    sit(&mut room, "ana", "commander").unwrap();
    assert!(room.act("ana", ask("gossip", None)).unwrap_err().to_string().contains("no message template"));
    assert!(room.wish(&By::Hub, ask("status", None)).is_err(), "the hub asks for nothing");
    let both = Intent::MarkSent {
        step: Some(StepId::parse("a").unwrap()),
        asked: Some(1),
        how: Handed::Delivered,
        detail: String::new(),
        payload: key_of("t"),
    };
    assert!(decide(&room.live, &By::Hub, &both, room.now).is_err());
}
