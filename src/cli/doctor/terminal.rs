//! The terminal: size, colours, characters, whole frames. Asks it one question and puts it back as it was.

use super::Report;
use crate::console::gate::level::{Glyphs, Level};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};

const AREA: &str = "terminal";
/// What the console needs at least.
const LEAST: (u16, u16) = (80, 24);

pub(super) fn look(report: &mut Report) {
    let out = std::io::stdout();
    if !out.is_terminal() {
        report.remark(
            AREA,
            "standard output is no terminal, so it was not looked at",
            "run this where you will sit",
        );
        return;
    }
    let (columns, rows) = tcgetwinsize(&out).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    if columns < LEAST.0 || rows < LEAST.1 {
        report.broken(
            AREA,
            format!("{columns}×{rows} is too small"),
            format!("the console needs {}×{}; or join --plain", LEAST.0, LEAST.1),
        );
    } else {
        report.works(AREA, format!("{columns}×{rows}"));
    }
    let variable = |name: &str| std::env::var(name).ok();
    match Level::choose(None, None, variable) {
        Level::None => {
            report.remark(AREA, "no colours", "set TERM, and leave NO_COLOR unset, if you want some")
        }
        Level::Ansi16 => report.works(AREA, "16 colours"),
        Level::Ansi256 => report.works(AREA, "256 colours"),
        Level::True => report.works(AREA, "all colours"),
    }
    match Glyphs::choose(None, None, variable) {
        Glyphs::Unicode => report.works(AREA, "UTF-8"),
        Glyphs::Ascii => report.remark(
            AREA,
            "ASCII only: the locale is not UTF-8, or TERM is a plain one",
            "set LANG=C.UTF-8",
        ),
    }
    match whole_frames() {
        Some(true) => report.works(AREA, "whole frames (synchronized output)"),
        Some(false) => report.remark(
            AREA,
            "no synchronized output: a frame may show half-painted for a moment",
            "nothing to do; newer terminals have it",
        ),
        None => report.remark(
            AREA,
            "it does not answer questions",
            "the console then paints at a fixed pace; try another terminal if it is slow",
        ),
    }
}

/// Whether the terminal knows synchronized output (DEC mode 2026). `None` when it does not answer.
fn whole_frames() -> Option<bool> {
    let mut tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
    let before = tcgetattr(&tty).ok()?;
    let mut raw = before.clone();
    raw.make_raw();
    tcsetattr(&tty, OptionalActions::Flush, &raw).ok()?;
    let said = ask(&mut tty);
    // As it was, whatever happened.
    let _ = tcsetattr(&tty, OptionalActions::Flush, &before);
    let said = said?;
    let answer = said.split("?2026;").nth(1).and_then(|rest| rest.chars().next());
    Some(matches!(answer, Some('1' | '2' | '3')))
}

/// Asks for the mode, then for what every terminal answers, so that silence is told from not knowing.
fn ask(tty: &mut File) -> Option<String> {
    tty.write_all(b"\x1b[?2026$p\x1b[c").ok()?;
    let mut said = Vec::new();
    let mut piece = [0u8; 256];
    while !said.ends_with(b"c") && said.len() < 4096 {
        let patience = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
        let mut waiting = [PollFd::new(tty, PollFlags::IN)];
        if poll(&mut waiting, Some(&patience)).ok()? == 0 {
            return None;
        }
        let read = tty.read(&mut piece).ok()?;
        said.extend_from_slice(piece.get(..read)?);
    }
    Some(String::from_utf8_lossy(&said).into_owned())
}
