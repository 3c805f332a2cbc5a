//! A real writer process, killed in the middle of its work.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use backout::timeline::store::Ended;

use super::{fresh, line, open};

const PLACE: &str = "BACKOUT_TEST_WRITER";

/// Not a test of its own: the process that the test below starts and kills.
#[test]
#[ignore = "run by a_killed_writer_loses_nothing_it_acknowledged"]
fn writer_process() {
    let path = std::env::var_os(PLACE).expect("started by the test below");
    let path = Path::new(&path);
    let mut store = if path.join("hub.key").exists() { open(path).unwrap().store } else { fresh(path) };
    let mut out = std::io::stdout();
    loop {
        let n = store.head().n;
        let batch: Vec<Vec<u8>> = (n..n + 1 + n % 4).map(line).collect();
        let head = store.append(&batch).unwrap();
        // Acknowledged only after the append came back.
        writeln!(out, "ACK {head}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("i");
    let mut acknowledged = None;
    for round in 0..12usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "timeline::crash::writer_process", "--ignored", "--nocapture"])
            .env(PLACE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // Killed while it goes on writing, after another number of batches each time.
        while seen < 3 + round * 2 {
            let text = lines.next().expect("the writer ended on its own").unwrap();
            if let Some((_, head)) = text.split_once("ACK ") {
                acknowledged = backout::timeline::tree::Head::parse(head);
                seen += 1;
            }
        }
        child.kill().unwrap();
        for text in lines.map_while(Result::ok) {
            if let Some(head) =
                text.split_once("ACK ").and_then(|(_, h)| backout::timeline::tree::Head::parse(h))
            {
                acknowledged = Some(head);
            }
        }
        child.wait().unwrap();
        let known: Vec<_> = acknowledged.into_iter().collect();
        let opened = backout::timeline::store::Store::open(
            &path,
            backout::timeline::folder::FileSystems::Any,
            super::origin(),
            &known,
        )
        .unwrap();
        assert_eq!(opened.ended, Ended::Crashed);
        assert!(opened.store.head().n >= known[0].n);
        opened.store.close().unwrap();
    }
}
