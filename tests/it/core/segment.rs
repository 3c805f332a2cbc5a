//! A record that goes on in a new segment after its disk failed: when that may be, and what of the incident it changes.

use super::*;
use backout::core::event::{Continued, Seen};

/// The segment that would follow now.
fn next(room: &Room) -> Continued {
    Continued {
        log: room.live.next_segment_log(),
        hub_key: key_of("another key"),
        after: Seen { n: room.live.next_seq, root: key_of("root") },
        cause: "Input/output error (os error 5)".to_owned(),
        set_aside: Some("unsealed.6".to_owned()),
        proof: "what it is worth, the record's reader says".to_owned(),
    }
}

#[test]
fn a_new_segment_changes_nothing_but_who_seals() {
    let mut room = approved();
    let before = room.live.clone();
    let first = next(&room);
    room.wish(&By::Hub, Intent::Continue(first.clone())).unwrap();
    room.settle_down();
    let after = &room.live;
    assert_eq!(after.log(), before.log(), "what people sign names the same log");
    assert_eq!((after.segment_log(), after.hub_key()), (first.log.as_str(), first.hub_key.as_str()));
    assert_eq!(after.next_segment_log(), format!("{}/seg2", before.log()));
    assert_eq!(after.segments[0].first, before.next_seq);
    assert_eq!((&after.seats, &after.sessions, &after.gates, &after.runs), {
        (&before.seats, &before.sessions, &before.gates, &before.runs)
    });
    assert_eq!(replayed(&room.record).unwrap(), room.live, "and it replays");
    let second = Continued { hub_key: key_of("a third key"), ..next(&room) };
    room.wish(&By::Hub, Intent::Continue(second)).unwrap();
    assert_eq!(room.live.sealing_keys().count(), 3);
}

#[test]
fn a_segment_that_could_not_follow_is_refused() {
    let mut room = declared();
    let good = next(&room);
    let bad = [
        Continued { log: room.live.log().to_owned(), ..good.clone() },
        Continued { log: format!("{}/seg2", room.live.log()), ..good.clone() },
        Continued { after: Seen { n: good.after.n - 1, ..good.after.clone() }, ..good.clone() },
        Continued { after: Seen { n: good.after.n + 1, ..good.after.clone() }, ..good.clone() },
        Continued { hub_key: room.live.hub_key().to_owned(), ..good.clone() },
        Continued { cause: " ".to_owned(), ..good.clone() },
    ];
    for data in bad {
        refused(room.wish(&By::Hub, Intent::Continue(data)));
    }
    refused(room.act("ana", Intent::Continue(good.clone())));
    room.wish(&By::Hub, Intent::Continue(good.clone())).unwrap();
    let replay = Continued { after: Seen { n: room.live.next_seq, ..good.after.clone() }, ..good.clone() };
    refused(room.wish(&By::Hub, Intent::Continue(replay)));
    let old_key = Continued { hub_key: key_of("hub"), ..next(&room) };
    refused(room.wish(&By::Hub, Intent::Continue(old_key)));
}
