//! What a program wrote to its terminal, held against the least that would have shown the same.

use std::time::{Duration, Instant};

use super::terminal::{Log, Terminal};

/// Pieces that come closer together than this are one frame.
const TOGETHER: Duration = Duration::from_millis(4);
/// A move of the cursor to a place.
const MOVE: usize = 6;

/// A time at a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spell {
    /// Bytes that came.
    pub bytes: usize,
    /// Frames they came in.
    pub frames: usize,
    /// What had to be sent at least: the cells that changed, and one move for each run of them.
    pub ideal: usize,
    /// CPU milliseconds a second of the program.
    pub cpu: f64,
}

/// Watches a terminal while something happens.
pub fn watch(terminal: &Terminal, meanwhile: impl FnOnce()) -> Spell {
    let (from, begun, before) = (Instant::now(), Instant::now(), cpu_ms(terminal.pid()));
    meanwhile();
    let cpu = (cpu_ms(terminal.pid()) - before) / begun.elapsed().as_secs_f64();
    Spell { cpu, ..spell(&terminal.log(), from, terminal.size()) }
}

/// What came from a moment on.
fn spell(log: &Log, from: Instant, (columns, rows): (u16, u16)) -> Spell {
    let mut screen = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
    let cells = |screen: &vt100::Parser| -> Vec<Vec<vt100::Cell>> {
        let cell = |y, x| screen.screen().cell(y, x).unwrap().clone();
        (0..rows).map(|y| (0..columns).map(|x| cell(y, x)).collect()).collect()
    };
    let mut spell = Spell::default();
    let before = log.partition_point(|(came, _)| *came < from);
    for (_, piece) in &log[..before] {
        screen.process(piece);
    }
    let mut shown = cells(&screen);
    for (n, (came, piece)) in log.iter().enumerate().skip(before) {
        screen.process(piece);
        spell.bytes += piece.len();
        if log.get(n + 1).is_some_and(|(next, _)| *next - *came < TOGETHER) || piece.is_empty() {
            continue;
        }
        spell.frames += 1;
        let now = cells(&screen);
        spell.ideal += now.iter().zip(&shown).map(|(new, old)| least(new, old)).sum::<usize>();
        shown = now;
    }
    spell
}

fn least(new: &[vt100::Cell], old: &[vt100::Cell]) -> usize {
    let (mut bytes, mut running) = (0, false);
    for (new, old) in new.iter().zip(old) {
        let differs = new != old;
        if differs {
            bytes += new.contents().len().max(1) + if running { 0 } else { MOVE };
        }
        running = differs;
    }
    bytes
}

/// CPU time of a process, in milliseconds.
pub fn cpu_ms(pid: i32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let nanos = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.map(|task| nanos(task.path())).sum::<f64>() / 1e6
}

/// What a process holds of the memory, in MiB.
pub fn resident(pid: i32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
