//! A line of three kilobytes a second with six hundred milliseconds there and back, as a pty whose other end reads no
//! faster and answers no sooner.

use super::{ANSWER, PATIENCE, console};
use portable_pty::{PtySize, native_pty_system};
use std::collections::VecDeque;
use std::io::{Read, Write as _};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Bytes that the line takes in one of its ticks.
const TICK: (usize, Duration) = (300, Duration::from_millis(100));
/// From one end to the other.
const ONE_WAY: Duration = Duration::from_millis(300);

/// A person who reads: each key once the one before shows. The key, and words that only it brings.
const KEYS: [(&[u8], &str); 6] = [
    (b"?", "close one dialog"),
    (b"\x1b", "1 Steps"),
    (b"o", "The ways"),
    (b"p", "Between people"),
    (b"q", "1 Steps"),
    (b":", "▸ act"),
];

/// What the other end of the line gets, no faster than it takes it.
fn trickle(mut reader: Box<dyn Read + Send>) -> Receiver<Vec<u8>> {
    let (send, receive) = std::sync::mpsc::sync_channel(0);
    std::thread::spawn(move || {
        let mut some = [0; TICK.0];
        while let Ok(n @ 1..) = reader.read(&mut some) {
            std::thread::sleep(TICK.1);
            if send.send(some.get(..n).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    receive
}

#[test]
fn over_three_kilobytes_a_second_keys_are_answered_within_two_seconds_and_none_is_lost() {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).unwrap();
    let mut child = pty.slave.spawn_command(console("plain", &[("SSH_TTY", "/dev/pts/9")])).unwrap();
    drop(pty.slave);
    let mut writer = pty.master.take_writer().unwrap();
    let received = trickle(pty.master.try_clone_reader().unwrap());
    let mut screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    let mut travelling: VecDeque<(Instant, &[u8])> = VecDeque::new();
    let mut keys = KEYS.into_iter();
    let (mut pressed, mut shows) = (None, "PRODUCTION");
    let mut took = Vec::new();
    let mut tail = Vec::new();
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "waited for {shows}:\n{}", screen.screen().contents());
        let now = Instant::now();
        if let Ok(bytes) = received.recv_timeout(Duration::from_millis(5)) {
            screen.process(&bytes);
            tail.extend(bytes);
            while let Some(at) = tail.windows(3).position(|w| w == b"\x1b[c") {
                tail.drain(..at + 3);
                // The question has come one way; the answer goes the other.
                travelling.push_back((now + 2 * ONE_WAY, ANSWER));
            }
        }
        if screen.screen().contents().contains(shows) {
            // What the first picture takes is the start of the program.
            took.extend(pressed.map(|at: Instant| (shows, at.elapsed() + ONE_WAY)));
            let Some((key, words)) = keys.next() else { break };
            (pressed, shows) = (Some(now), words);
            travelling.push_back((now + ONE_WAY, key));
        }
        travelling.make_contiguous().sort_by_key(|(at, _)| *at);
        while travelling.front().is_some_and(|(at, _)| *at <= now) {
            writer.write_all(travelling.pop_front().unwrap().1).unwrap();
        }
    }
    drop((writer, pty.master, received));
    child.wait().unwrap();
    println!("{took:?}");
    let mut spans: Vec<Duration> = took.iter().map(|(_, took)| *took).collect();
    spans.sort();
    // The largest picture on a busy machine may take a little longer; most do not.
    let (middle, last) = (spans[spans.len() / 2], spans[spans.len() - 1]);
    assert!(middle <= Duration::from_secs(2) && last <= Duration::from_secs(3), "{took:?}");
}
