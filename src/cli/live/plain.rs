//! Line mode: what is said and heard goes through standard output and input, one sentence a line. Never moves a
//! cursor and never draws.

use super::bridge::{Bridge, Hands};
use crate::cli::context;
use crate::cli::door::Door;
use crate::cli::print;
use crate::client::room::Room;
use crate::console::line::{Talk, Turn};
use crate::console::link::{self, Me};
use crate::console::model::Moment;
use crate::console::run::Left;
use crate::core::incident::Stage;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Instant;
use tokio::sync::mpsc;

/// Lines that wait to be taken. When full the reader waits, and with it the person's terminal.
const LINES: usize = 16;

/// Talks until the person leaves, or the room or their terminal ends.
pub(super) async fn talk(room: Room, from: (Door, Option<PathBuf>), me: Me, hands: Hands) -> Left {
    let (updates, mut news) = mpsc::channel(link::UPDATES);
    let (asked, wanted) = mpsc::channel(link::ACTS);
    let carried = tokio::spawn(Bridge::new(room, from, Some(hands), updates, wanted).carry());
    let began = Instant::now();
    let now = || Moment { wall: context::now(), steady: began.elapsed() };
    let mut talk = Talk::new(me, now());
    let mut lines = listen();
    loop {
        let turn = tokio::select! {
            update = news.recv() => match update {
                Some(update) => talk.news(update, now()),
                None => break,
            },
            line = lines.recv() => match line {
                Some(line) => talk.heard(&line, now()),
                None => Turn { leaves: true, ..Turn::default() },
            },
            () = tokio::time::sleep(talk.quiet_for()) => talk.passes(now()),
        };
        turn.lines.iter().for_each(|line| print(line));
        for wish in turn.asked {
            // The carrier is gone: the next news says why.
            if asked.send(wish).await.is_err() {
                break;
            }
        }
        if turn.leaves {
            break;
        }
    }
    drop((news, asked));
    match carried.await {
        Ok(Stage::Closed) => Left::DetachedFromClosed,
        Ok(Stage::Empty | Stage::Open | Stage::Declared) | Err(_) => Left::Detached,
    }
}

/// Lines of standard input, read by a thread of their own: a terminal cannot be waited for in another way everywhere.
fn listen() -> mpsc::Receiver<String> {
    let (heard, lines) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if heard.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
