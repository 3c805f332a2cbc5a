//! A message appended to a file. Never through a link, and never to anything that is not a plain file.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use rustix::fs::OFlags;

use super::{Message, TIMEOUT};

/// Appends and waits until it is on disk.
pub(super) async fn append(path: &Path, message: &Message) -> Result<String, String> {
    let (path, entry) = (path.to_owned(), entry(message));
    let written = tokio::task::spawn_blocking(move || write(&path, &entry).map(|()| path));
    match tokio::time::timeout(TIMEOUT, written).await {
        Ok(Ok(Ok(path))) => Ok(format!("written to {}", path.display())),
        Ok(Ok(Err(why))) => Err(why),
        Ok(Err(_)) => Err("the write was interrupted".to_owned()),
        Err(_) => Err(format!("the disk took longer than {} s", TIMEOUT.as_secs())),
    }
}

/// A header line that says when, about what and to whom; the text; an empty line.
fn entry(message: &Message) -> String {
    let at = DateTime::from_timestamp_micros(message.at_micros)
        .map_or_else(|| "?".to_owned(), |t| t.to_rfc3339_opts(SecondsFormat::Secs, true));
    let Message { incident, audience, text, head, .. } = message;
    format!("== {at} incident {incident} to {audience} (record {head})\n{text}\n\n")
}

fn write(path: &PathBuf, entry: &str) -> Result<(), String> {
    let cannot = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
    // NONBLOCK: a named pipe in its place must not hold us; for plain files it does nothing.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(i32::try_from(flags).unwrap_or(0))
        .open(path)
        .map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(format!("{} is not a plain file", path.display()));
    }
    file.write_all(entry.as_bytes()).and_then(|()| file.sync_data()).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanitize;

    fn message(text: &str) -> Message {
        Message {
            incident: sanitize::line("inc-1"),
            audience: sanitize::line("customers"),
            text: sanitize::text(text),
            head: sanitize::line("12·abc"),
            at_micros: 1_795_226_400_000_000,
        }
    }

    #[tokio::test]
    async fn messages_pile_up_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("messages.txt");
        append(&path, &message("one\ntwo")).await.unwrap();
        append(&path, &message("three")).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let head = "== 2026-11-21T02:00:00Z incident inc-1 to customers (record 12·abc)\n";
        assert_eq!(text, format!("{head}one\ntwo\n\n{head}three\n\n"));
    }

    #[tokio::test]
    async fn a_link_a_pipe_or_a_missing_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        std::fs::write(&target, "").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for path in [link, pipe, dir.path().join("no/such/file"), dir.path().to_owned()] {
            let why = append(&path, &message("x")).await.unwrap_err();
            assert!(why.contains(&path.display().to_string()), "{why}");
        }
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "");
    }
}
