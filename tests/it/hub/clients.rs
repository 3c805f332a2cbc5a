//! Clients: many, stalled, hostile.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;

use backout::client::session::payload;
use backout::core::event::What;
use backout::core::intent::Intent;
use backout::core::statement::Answering;
use backout::wire::act::Part;
use backout::wire::message::{ActResult, FromClient, FromHub, PROTOCOL};

use super::house::{House, PATIENCE, Seat, assume, recorded, seals, step};

const HOLD: &str = "- id: hold
  approve: {require: [{role: sre, count: 2}], expires: 10m, covers: [act], separation_of_duties: []}
- {id: act, run: [touch, done], timeout: 10s, role: commander}";

fn note(text: &str) -> (Intent, Vec<Part>) {
    let (part, commitment) = payload(text.as_bytes()).unwrap();
    (Intent::Note { payload: commitment }, vec![part])
}

/// A raw connection that has sent these bytes.
fn raw(house: &House, bytes: &[u8]) -> StdStream {
    let mut stream = StdStream::connect(house.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn frame(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes()[..], content].concat()
}

/// Reads until the hub hangs up.
fn hung_up(mut stream: StdStream) -> Vec<u8> {
    let mut said = Vec::new();
    // A reset is as good as an end.
    let _ = stream.read_to_end(&mut said);
    said
}

#[tokio::test]
async fn nonsense_is_let_go_and_the_room_does_not_notice() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    let hello = format!(r#"{{"hello":{{"protocol":{PROTOCOL},"program":"x","from":0}}}}"#);
    let twice = [frame(hello.as_bytes()), frame(hello.as_bytes())].concat();
    let too_large = "announced a frame of more than 262144 bytes";
    let not_json = "does not understand";
    for (bytes, says) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), too_large),
        (vec![0xff; 64], too_large),
        (frame(b"{\"hello\":"), not_json),
        (frame(b"\xff\xfe"), not_json),
        ((u32::MAX).to_be_bytes().to_vec(), too_large),
        ((300_000u32).to_be_bytes().to_vec(), too_large),
        (twice, "a second hello"),
        (
            frame(br#"{"watch":{"step":"act","attempt":1,"direction":"forward"}}"#),
            "the first message is a hello",
        ),
        ([frame(hello.as_bytes()), frame(br#"{"act":{"id":1,"act":{}}}"#)].concat(), not_json),
    ] {
        let said = hung_up(raw(&house, &bytes));
        let said = String::from_utf8_lossy(&said);
        // What it still sends does not fit into a closed line, and the kernel then takes back even the reason.
        assert!(said.is_empty() || said.contains("you are let go") && said.contains(says), "{says}: {said}");
    }
    let half = raw(&house, &frame(hello.as_bytes())[..7]);
    drop(half);
    ana.done(assume("commander")).await;
    // Whoever looks after the hub finds each of them in its log.
    let log = std::fs::read_to_string(house.dir.join("hub.log")).unwrap();
    for says in [too_large, not_json, "a second hello", "the first message is a hello"] {
        assert!(log.lines().any(|l| l.contains("let go") && l.contains(says)), "{says}: {log}");
    }
}

#[tokio::test]
async fn an_odd_name_on_the_socket_is_let_go_and_shown_by_its_numbers() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    let hello = format!(r#"{{"hello":{{"protocol":{PROTOCOL},"program":"x","from":0}}}}"#);
    let long = "a".repeat(5000);
    for (odd, shown) in [
        ("\u{430}na", r"`\u{430}na`"),
        ("an\u{e1}", r"`an\u{e1}`"),
        ("ana\u{301}", r"`ana\u{301}`"),
        ("ana\u{200b}", r"`ana\u{200b}`"),
        ("\u{202e}ana", r"`\u{202e}ana`"),
        ("\u{ff41}na", r"`\u{ff41}na`"),
        (r"a\u001b[2Jna", r"`a\u{1b}[2Jna`"),
        (r#"\"ana\""#, "`\"ana\"`"),
        ("ANA", "`ANA`"),
        ("", "``"),
        (long.as_str(), "… (5000 bytes)"),
    ] {
        let act = format!(r#"{{"act":{{"id":1,"act":{{"person":"{odd}"}}}}}}"#);
        let said = hung_up(raw(&house, &[frame(hello.as_bytes()), frame(act.as_bytes())].concat()));
        let said = String::from_utf8_lossy(&said);
        assert!(!said.contains('\u{1b}') && (odd.is_ascii() || !said.contains(odd)), "{said}");
        // The line is written once the connection is gone.
        crate::support::wait_for(&format!("the log shows {shown}"), PATIENCE, || {
            let log = std::fs::read_to_string(house.dir.join("hub.log")).unwrap();
            if log.lines().any(|l| l.contains("let go") && l.contains(shown)) { Ok(()) } else { Err(log) }
        });
    }
    ana.done(assume("commander")).await;
}

#[tokio::test]
async fn half_a_frame_that_never_ends_holds_up_nobody_and_costs_its_sender_nothing() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    let hello = format!(r#"{{"hello":{{"protocol":{PROTOCOL},"program":"x","from":0}}}}"#);
    let half = [&frame(hello.as_bytes())[..], &200_000u32.to_be_bytes(), b"{\"act\":{"].concat();
    let mut stream = raw(&house, &half);
    ana.done(assume("commander")).await;
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    while !String::from_utf8_lossy(&said).contains("role.assumed") {
        let n = stream.read(&mut piece).unwrap();
        assert!(n > 0, "it is not let go for being slow");
        said.extend_from_slice(&piece[..n]);
    }
}

#[tokio::test]
async fn who_does_not_say_hello_is_let_go() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    // Nothing at all, and half a hello.
    for bytes in [&[][..], &[0, 0, 0, 90, b'{']] {
        let said = String::from_utf8_lossy(&hung_up(raw(&house, bytes))).into_owned();
        assert!(said.contains("no hello within 5 s"), "{said}");
    }
    ana.done(assume("commander")).await;
    let log = std::fs::read_to_string(house.dir.join("hub.log")).unwrap();
    assert!(log.contains("no hello within 5 s"), "{log}");
}

#[tokio::test]
async fn a_crowd_without_keys_keeps_nobody_out_who_has_one() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    ana.done(assume("commander")).await;
    let hello = format!(r#"{{"hello":{{"protocol":{PROTOCOL},"program":"x","from":0}}}}"#);
    // Silent ones and watchers, more than there are places.
    let watcher = frame(hello.as_bytes());
    let mut crowd: Vec<_> = (0..300).map(|n| raw(&house, if n % 2 == 0 { &[] } else { &watcher })).collect();
    ana.done(assume("sre")).await;
    let mut ben = house.joined("ben").await;
    ben.done(assume("sre")).await;
    let said = String::from_utf8_lossy(&hung_up(crowd.remove(0))).into_owned();
    assert!(said.contains("whoever has shown no key makes room"), "{said}");
}

#[tokio::test]
async fn another_protocol_and_another_record_are_told_apart_in_words() {
    let house = House::live(HOLD);
    let said = |protocol: u32, from: u64| {
        let hello = format!(r#"{{"hello":{{"protocol":{protocol},"program":"9.9","from":{from}}}}}"#);
        String::from_utf8_lossy(&hung_up(raw(&house, &frame(hello.as_bytes())))).into_owned()
    };
    assert!(said(PROTOCOL + 1, 0).contains("the hub is older"), "{}", said(PROTOCOL + 1, 0));
    assert!(said(PROTOCOL, 1_000_000).contains("not the same record"));
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_nobody() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    let hello = format!(r#"{{"hello":{{"protocol":{PROTOCOL},"program":"x","from":0}}}}"#);
    let mut stalled: Vec<_> = (0..5).map(|_| raw(&house, &frame(hello.as_bytes()))).collect();
    // More than a socket's buffers hold.
    let long = "x".repeat(100_000);
    for _ in 0..30 {
        let (intent, parts) = note(&long);
        let act = ana.signed(intent, parts);
        let submitted = tokio::time::timeout(Duration::from_secs(10), ana.submit(act)).await;
        assert!(matches!(submitted, Ok(ActResult::Recorded { .. })));
    }
    // One that reads again in time has missed nothing.
    let mut late = stalled.pop().unwrap();
    let (mut said, mut piece) = (Vec::new(), vec![0; 1 << 20]);
    let notes = |said: &[u8]| said.windows(10).filter(|w| w == b"note.added").count();
    while notes(&said) < 30 {
        let n = late.read(&mut piece).unwrap();
        assert!(n > 0, "let go with {} of 30", notes(&said));
        said.extend_from_slice(&piece[..n]);
    }
}

#[tokio::test]
async fn a_hundred_wishes_that_wait_share_few_syncs() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    let before = seals(&house.dir);
    let acts: Vec<_> = (0..100)
        .map(|n| {
            let (intent, parts) = note(&format!("note {n}"));
            ana.signed(intent, parts)
        })
        .collect();
    for (id, act) in acts.into_iter().enumerate() {
        ana.say(&FromClient::Act { id: id as u64 + 1000, act: Box::new(act) }).await;
    }
    let mut answered = 0;
    while answered < 100 {
        if let FromHub::Answer { result, .. } = ana.hear().await {
            assert!(matches!(result, ActResult::Recorded { .. }), "{result:?}");
            answered += 1;
        }
    }
    let sealed = seals(&house.dir) - before;
    assert!(sealed < 50, "{sealed} batches for 100 notes");
}

#[tokio::test]
async fn a_quorum_counts_people_and_keeps_what_does_not_count() {
    let mut house = House::live(HOLD);
    let (mut ana, mut ben) = house.declared().await;
    ben.until("the hold point opens", |i| i.gates.contains_key(&step("hold"))).await;
    let early = ana.starting("act", backout::core::event::Direction::Forward);
    let why = ana.refused(early).await;
    assert!(why.contains("hold"), "{why}");
    ben.answer("hold", "sre", Answering::Approve).await;
    let again = ben.answering("hold", "sre", Answering::Approve);
    let ActResult::Refused { why } = ben.submit(again).await else { panic!("counted twice") };
    assert!(why.contains("already answered"), "{why}");
    let refused =
        recorded(&house.dir).iter().any(|(_, e)| matches!(e, What::Refused(r) if r.person.as_str() == "ben"));
    assert!(refused, "the second answer is in the record");
    ana.until("ben's answer is here", |i| !i.gates[&step("hold")].answers.is_empty()).await;
    ana.answer("hold", "sre", Answering::Approve).await;
    ana.over("hold").await;
    ana.start("act").await;
}

#[tokio::test]
async fn an_act_that_was_changed_on_its_way_is_refused() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    let mut act = ana.signed(assume("commander"), Vec::new());
    act.intent = assume("sre");
    let ActResult::Refused { why } = ana.submit(act).await else { panic!("a forged act counted") };
    assert!(why.contains("does not fit"), "{why}");
    let (intent, mut parts) = note("as written");
    parts[0].data = String::new();
    let act = ana.signed(intent, parts);
    let ActResult::Refused { why } = ana.submit(act).await else { panic!("a changed note counted") };
    assert!(why.contains("commits to"), "{why}");
}

#[tokio::test]
async fn an_approval_over_another_record_is_refused() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    ana.until("the declaration is asked for", |i| i.gates.contains_key(&step("declare"))).await;
    let mut act = ana.answering("declare", "commander", Answering::Approve);
    act.auth.statement = act.auth.statement.map(|text| text.replace("decision: approve", "decision: deny"));
    let ActResult::Refused { why } = ana.submit(act).await else { panic!("counted") };
    assert!(why.contains("`decision`"), "{why}");
}

#[tokio::test]
async fn somebody_elses_name_does_not_help() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    ana.done(assume("commander")).await;
    let mut ben = house.joined("ben").await;
    let mut act = ben.signed(assume("sre"), Vec::new());
    act.person = ana.person.clone();
    let ActResult::Refused { why } = ben.submit(act).await else { panic!("counted") };
    assert!(why.contains("belongs to `ben`"), "{why}");
}

#[tokio::test]
async fn of_more_clients_than_seats_the_oldest_without_a_key_goes_with_a_reason() {
    let house = House::live(HOLD);
    let mut seats: Vec<_> = (0..257).map(|_| raw(&house, &[])).collect();
    let said = hung_up(seats.remove(0));
    assert!(String::from_utf8_lossy(&said).contains("too many"), "{}", String::from_utf8_lossy(&said));
    drop(seats);
    let seat = Seat::attach(&house.socket(), "ben").await;
    assert_eq!(seat.welcome.head.n, seat.mirror.head().n);
}
