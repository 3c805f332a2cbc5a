//! The terminal we borrow: entered once, written in whole frames, and given back as it was on every way out. Never
//! ends the process, and never leaves a mode behind.

pub mod clock;
pub mod pace;
pub mod screen;

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::Notify;

use super::model::Pointer;

/// Alternate screen, bracketed paste, focus reports; the cursor waits until a field asks for it.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?25l";
/// Everything back, including what only a crash in the middle of a frame would leave on. The screen is emptied first: a
/// terminal that has no second one, such as the Linux console, would keep our last picture behind the shell.
const LEAVE: &[u8] =
    b"\x1b[?2026l\x1b[0m\x1b[2J\x1b[H\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// Clicks and the wheel, with places beyond column 223.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// Neither.
const NO_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// What takes the mouse, or leaves it to the terminal.
pub fn mouse(pointer: Pointer) -> &'static [u8] {
    match pointer {
        Pointer::Ours => MOUSE,
        Pointer::Terminals => NO_MOUSE,
    }
}

/// How the terminal was before; `None` while we do not hold it. A static, because a panic hook has no other way to it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
static HOOK: Once = Once::new();
/// Tells the loop that the hook has run.
static LOST: Notify = Notify::const_new();

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns, 1 to 500.
    pub columns: u16,
    /// Rows, 1 to 200.
    pub rows: u16,
}

impl Size {
    /// A size as a terminal reports it: zero means unknown, and nobody reads more than 500×200.
    pub fn reported(columns: u16, rows: u16) -> Size {
        if columns == 0 || rows == 0 {
            return Size { columns: 80, rows: 24 };
        }
        Size { columns: columns.min(500), rows: rows.min(200) }
    }

    /// The terminal's size now.
    pub fn now() -> Size {
        match tcgetwinsize(rustix::stdio::stdout()) {
            Ok(size) => Size::reported(size.ws_col, size.ws_row),
            Err(_) => Size::reported(0, 0),
        }
    }
}

/// Holds the terminal; dropping it gives it back.
#[derive(Debug)]
pub struct Guard {
    // Only `enter` makes one.
    _held: (),
}

impl Guard {
    /// Takes the terminal over: raw mode, alternate screen, pastes marked as such. The mouse stays the terminal's, so
    /// that selecting text works, until somebody asks for it.
    ///
    /// # Errors
    /// When standard input and output are not a terminal.
    pub fn enter() -> io::Result<Guard> {
        if !isatty(rustix::stdio::stdin()) || !isatty(rustix::stdio::stdout()) {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        HOOK.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                LOST.notify_one();
                previous(panic);
            }));
        });
        take()?;
        Ok(Guard { _held: () })
    }

    /// Gives the terminal back for a while.
    pub fn give_back(&self) {
        restore();
    }

    /// Takes the terminal again, after it was given back or after a shell may have changed it.
    ///
    /// # Errors
    /// When the terminal is gone meanwhile.
    pub fn take_again(&self) -> io::Result<()> {
        take()
    }

    /// Whether the terminal is still ours. A panic anywhere in the process gives it back.
    pub fn is_held(&self) -> bool {
        before().is_some()
    }

    /// Comes back when a panic has given the terminal back.
    pub async fn lost(&self) {
        LOST.notified().await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

fn before() -> std::sync::MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take() -> io::Result<()> {
    let mut before = before();
    // Taken a second time, the way it was at first is the one to go back to.
    let old = match before.take() {
        Some(old) => old,
        None => tcgetattr(rustix::stdio::stdin())?,
    };
    let mut raw = old.clone();
    raw.make_raw();
    tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
    *before = Some(old);
    drop(before);
    write(ENTER)
}

fn restore() {
    let Some(old) = before().take() else { return };
    // Nothing can be done about a terminal that is gone.
    let _ = write(LEAVE);
    let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &old);
}

/// Writes all bytes to the terminal.
///
/// # Errors
/// When the terminal is gone.
pub fn write(mut bytes: &[u8]) -> io::Result<()> {
    let stdout = rustix::stdio::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(stdout, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            // Somebody before us left the descriptor non-blocking.
            Err(rustix::io::Errno::AGAIN) => {
                let mut fds = [PollFd::from_borrowed_fd(stdout, PollFlags::OUT)];
                poll(&mut fds, None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_size_is_the_classic_one_and_a_huge_one_is_cut() {
        assert_eq!(Size::reported(0, 0), Size { columns: 80, rows: 24 });
        assert_eq!(Size::reported(80, 0), Size { columns: 80, rows: 24 });
        assert_eq!(Size::reported(1, 1), Size { columns: 1, rows: 1 });
        assert_eq!(Size::reported(u16::MAX, u16::MAX), Size { columns: 500, rows: 200 });
    }

    #[test]
    fn leaving_turns_off_all_that_entering_turned_on() {
        let enter = format!("{}{}", String::from_utf8_lossy(ENTER), String::from_utf8_lossy(MOUSE));
        let leave = std::str::from_utf8(LEAVE).unwrap();
        for mode in enter.split("\x1b[?").filter(|m| !m.is_empty()) {
            let (number, set) = mode.split_at(mode.len() - 1);
            let back = if set == "h" { "l" } else { "h" };
            assert!(leave.contains(&format!("\x1b[?{number}{back}")), "{mode}");
        }
    }
}
