//! Hubs that are not what they should be, as a client meets them; and hubs of other versions.

use std::time::Duration;

use backout::client::connection::{ConnectError, greet_within};
use backout::client::mirror::MirrorError;
use backout::client::room::{Room, RoomError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::house::{House, Seat, assume};

const HOLD: &str = "- {id: act, run: [touch, done], timeout: 10s, role: commander}";
const SHORT: Duration = Duration::from_millis(300);

fn frame(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes()[..], content].concat()
}

/// What a client makes of a peer that answers its hello with these bytes and hangs up.
async fn met(bytes: &[u8]) -> ConnectError {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(bytes).await.unwrap();
    theirs.shutdown().await.unwrap();
    // Held, so that the client's hello has somewhere to go.
    let outcome = greet_within(SHORT, ours, 0).await;
    drop(theirs);
    outcome.expect_err("this was no hub")
}

#[tokio::test]
async fn what_is_no_hub_is_told_from_one() {
    let said = |e: ConnectError| e.to_string();
    let huge = said(met(&u32::MAX.to_be_bytes()).await);
    assert!(huge.contains("4294967295 bytes"), "{huge}");
    let web = said(met(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
    assert!(web.contains("no hub of ours"), "{web}");
    let garbage = said(met(&frame(b"\xff\xfe{")).await);
    assert!(garbage.contains("no hub") && garbage.contains("upgrade the older side"), "{garbage}");
    let half = met(&frame(b"{\"welcome\":{}}")[..9]).await;
    assert!(matches!(half, ConnectError::Broken(_)), "{half}");
    assert!(matches!(met(b"").await, ConnectError::Closed));
    let other = said(met(&frame(br#"{"caught_up":null}"#)).await);
    assert!(other.contains("upgrade") || other.contains("welcome"), "{other}");
}

#[tokio::test]
async fn a_hub_that_says_nothing_is_not_waited_for() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let outcome = greet_within(SHORT, ours, 0).await;
    assert!(matches!(outcome.err(), Some(ConnectError::Silent(_))));
    drop(theirs);
}

/// A room behind somebody who changes the hub's messages on their way: each as JSON, with its number.
async fn behind(
    house: &House,
    mut change: impl FnMut(usize, &mut Value) + Send + 'static,
) -> Result<Room, RoomError> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let hub = UnixStream::connect(house.socket()).await.unwrap();
    let (mut from_client, mut to_client) = theirs.into_split();
    let (mut from_hub, mut to_hub) = hub.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_hub).await });
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok(length) = from_hub.read_u32().await {
            let mut content = vec![0; length as usize];
            from_hub.read_exact(&mut content).await.unwrap();
            let mut message: Value = serde_json::from_slice(&content).unwrap();
            change(number, &mut message);
            number += 1;
            if to_client.write_all(&frame(message.to_string().as_bytes())).await.is_err() {
                return;
            }
        }
    });
    Room::over(ours).await
}

#[tokio::test]
async fn a_newer_hub_that_only_says_more_is_followed() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    ana.done(assume("commander")).await;
    let mut room = behind(&house, |number, message| {
        if number == 0 {
            message["welcome"]["program"] = json!("99.0.0");
            message["welcome"]["hologram"] = json!({"depth": 3});
        }
    })
    .await
    .unwrap();
    room.catch_up().await.unwrap();
    assert_eq!(room.mirror.head().n, ana.mirror.head().n);
}

#[tokio::test]
async fn who_is_too_old_hears_which_side_to_upgrade() {
    let house = House::live(HOLD);
    for (hub, words) in [("99.0.0", "upgrade this program"), ("0.0.1", "backout resume")] {
        let mut room = behind(&house, move |number, message| match number {
            0 => message["welcome"]["program"] = json!(hub),
            1 => *message = json!({"hologram": {}}),
            _ => {}
        })
        .await
        .unwrap();
        let why = room.catch_up().await.unwrap_err().to_string();
        assert!(why.contains(words) && why.contains(hub), "{why}");
    }
}

#[tokio::test]
async fn a_copy_that_the_record_does_not_name_is_not_believed() {
    let house = House::live(HOLD);
    for (field, name) in [("roster", "allowed_signers"), ("team", "team.yaml"), ("runbook", "runbook.yaml")] {
        let mut room = behind(&house, move |number, message| {
            if number == 0 {
                let text = message["welcome"][field].as_str().unwrap();
                let other =
                    if field == "roster" { "AAAA".to_owned() } else { format!("{text}# and a word more\n") };
                message["welcome"][field] = json!(other);
            }
        })
        .await
        .unwrap();
        let why = room.catch_up().await.unwrap_err();
        assert!(
            matches!(why, RoomError::Mirror(MirrorError::OtherCopy(other)) if other == name),
            "{field}: {why}"
        );
    }
}

#[tokio::test]
async fn a_record_that_does_not_go_on_from_what_was_followed_is_not_believed() {
    let mut house = House::live(HOLD);
    let mut ana = house.ana().await;
    ana.done(assume("commander")).await;
    let followed = ana.mirror.head();
    let mut room = Room::over(UnixStream::connect(house.socket()).await.unwrap()).await.unwrap();
    room.mirror.must_begin_with(followed);
    room.catch_up().await.unwrap();
    assert!(room.mirror.has_begun_again());

    let other = House::live(HOLD);
    let mut seat = Seat::attach(&other.socket(), "ben").await;
    let mut stranger = seat.mirror.head();
    stranger.n = 1;
    let mut room = Room::over(UnixStream::connect(house.socket()).await.unwrap()).await.unwrap();
    room.mirror.must_begin_with(stranger);
    let why = room.catch_up().await.unwrap_err();
    assert!(matches!(why, RoomError::Mirror(MirrorError::OtherRecord { n: 1 })), "{why}");
    let mut room = Room::over(UnixStream::connect(house.socket()).await.unwrap()).await.unwrap();
    stranger.n = 1000;
    room.mirror.must_begin_with(stranger);
    room.catch_up().await.unwrap();
    assert!(!room.mirror.has_begun_again(), "a shorter record");
    seat.join().await;
}
