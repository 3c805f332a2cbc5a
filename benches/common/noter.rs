//! Somebody in a room who writes notes, one after another or many at once.

use backout::client::room::Room as Attached;
use backout::client::session::{Asking, Session, payload};
use backout::core::event::Display;
use backout::core::id::PersonId;
use backout::core::intent::Intent;
use backout::hub::clock;
use backout::identity::keyfile::KeyFile;
use backout::identity::signer::Signer;
use backout::wire::message::ActResult;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

use super::room::Room;

/// Attaches to the room's incident and joins it as its one person.
pub async fn come_in(room: &Room) -> (Attached, Session) {
    let uid = rustix::process::geteuid().as_raw();
    let mut attached = Attached::attach(&room.incident().join("hub.sock"), &[uid]).await.unwrap();
    let signer = Signer::File(KeyFile::load(&room.key(), &mut |_| None).unwrap());
    let person = PersonId::parse("me").unwrap();
    let asking = Asking { person, roles: Vec::new(), via: "a bench".to_owned(), display: Display::Local };
    attached.catch_up().await.unwrap();
    let log = attached.mirror.incident.log();
    let (session, act) = Session::enter(log, asking, &signer, clock::now()).unwrap();
    assert!(matches!(attached.submit(act).await.unwrap(), ActResult::Recorded { .. }));
    (attached, session)
}

/// Who writes.
pub struct Noter {
    runtime: Runtime,
    attached: Attached,
    session: Session,
    written: usize,
}

impl Noter {
    /// Joins the room's incident as its one person.
    pub fn join(room: &Room) -> Noter {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (attached, session) = runtime.block_on(come_in(room));
        Noter { runtime, attached, session, written: 0 }
    }

    /// The next note's text: as long as a line of a log, and never the same.
    pub fn line(&mut self) -> String {
        self.written += 1;
        let n = self.written;
        format!("{n} host-17 GET /checkout/payments/confirm status=50{} dur={}ms", n % 10, n * 37 % 900)
    }

    /// Sends so many notes without waiting for what becomes of them.
    pub fn writes(&mut self, count: usize) -> Vec<String> {
        let lines: Vec<String> = (0..count).map(|_| self.line()).collect();
        for line in &lines {
            let (part, payload) = payload(line.as_bytes()).unwrap();
            let act = self.session.act(&self.attached.mirror, Intent::Note { payload }, vec![part]).unwrap();
            self.runtime.block_on(self.attached.send(act)).unwrap();
        }
        // What was received meanwhile is of no interest here; a connection that nobody reads is let go.
        let attached = &mut self.attached;
        self.runtime.block_on(async {
            while let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(1), attached.next()).await {}
        });
        lines
    }

    /// Writes so many a second for so long; the lines.
    pub fn streams(&mut self, a_second: usize, lasts: Duration) -> Vec<String> {
        let (mut lines, begun) = (Vec::new(), Instant::now());
        let each = Duration::from_millis(100);
        for n in 1.. {
            lines.extend(self.writes(a_second / 10));
            std::thread::sleep((begun + each * n).saturating_duration_since(Instant::now()));
            if begun.elapsed() >= lasts {
                break;
            }
        }
        lines
    }
}
