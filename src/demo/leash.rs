//! Ends a demo process with its parent or its folder. Never leaves a process behind: a demo that litters
//! is a demo nobody runs twice.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;

/// How soon a vanished folder is noticed.
const LOOK: Duration = Duration::from_millis(300);

/// Returns when `parent` (standard input, a pipe from the parent) ends or `dir` vanishes.
pub async fn released(parent: impl Read + Send + 'static, dir: &Path) {
    let parent = ended(parent);
    let folder = async {
        while dir.is_dir() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        _ = parent => {}
        () = folder => {}
    }
}

/// A thread of its own reads: tokio's reader of standard input would keep the runtime from ending.
fn ended(mut input: impl Read + Send + 'static) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 256];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // The receiver is gone when the folder vanished first; then there is nobody to tell.
        let _ = sender.send(());
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    const DEADLINE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn the_end_of_the_parent_releases() {
        let dir = tempfile::tempdir().unwrap();
        let (parent, child) = UnixStream::pair().unwrap();
        let released = released(child, dir.path());
        tokio::pin!(released);
        let still = tokio::time::timeout(Duration::from_millis(50), &mut released).await;
        assert!(still.is_err(), "nothing happened yet");
        drop(parent);
        tokio::time::timeout(DEADLINE, released).await.unwrap();
    }

    #[tokio::test]
    async fn a_vanished_folder_releases() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let (_parent, child) = UnixStream::pair().unwrap();
        drop(dir);
        tokio::time::timeout(DEADLINE, released(child, &path)).await.unwrap();
    }
}
