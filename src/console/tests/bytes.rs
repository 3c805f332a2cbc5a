//! What a screen costs on the line, counted and not timed.

use super::super::link::{Mark, Pane, PaneState};
use super::super::terminal::pace::{Pace, QUESTION, Urgency};
use super::*;
use crate::core::event::TriggerFired;
use crate::core::id::Name;
use crate::core::time::Stamp;
use std::time::Instant;

/// Seconds that are played: several times the width of a column.
const SECONDS: usize = 90;
/// Begin and end of a synchronised update, and the question at its end.
const AROUND: usize = 16 + 3;

fn screen() -> Screen {
    Screen::new(Gate { level: Level::Ansi256, glyphs: Glyphs::Unicode })
}

fn cost(screen: &mut Screen, play: &Play) -> usize {
    screen.frame(draw(play), None).map_or(0, |frame| frame.len() + AROUND - 16)
}

/// Four measurements of the last quarter of an hour, the worst of each five seconds, as a hub sends them.
fn four(now: Stamp) -> Vec<Pane> {
    let mark = |value: f64, text: &'static str| Mark { value, text: text.into() };
    let walk = |seed: i64, slice: i64| {
        let noise = (slice.wrapping_mul(2_654_435_761).wrapping_add(seed * 7919) >> 7).rem_euclid(1000);
        0.3 + 0.3 * ((slice + seed) as f64 / 17.0).sin() + noise as f64 / 5000.0
    };
    (0..4)
        .map(|seed| {
            let last = now.seconds().div_euclid(5);
            let points: Vec<(Stamp, Option<f64>)> = (last - 179..=last)
                .map(|slice| (Stamp(slice * 5_000_000), Some(walk(seed, slice))))
                .collect();
            // The newest slice grows while it lasts.
            let value = walk(seed, last) + (now.seconds() % 5) as f64 / 100.0;
            Pane {
                name: crate::sanitize::line(format!("m{seed}")),
                title: crate::sanitize::line(format!("Measurement {seed}")),
                warn: Some(mark(0.6, "60 %")),
                critical: Some(mark(0.9, "90 %")),
                points,
                scale: vec![mark(0.0, "0 %"), mark(0.5, "50 %"), mark(1.0, "100 %")],
                latest: crate::sanitize::line(format!("{:.1} %", value * 100.0)),
                state: PaneState::Fine,
                why: None,
                stale_for: None,
                compared: Default::default(),
            }
        })
        .collect()
}

/// The least that shows the same: the cells that changed, and one move for each run of them.
fn least(old: &Buffer, new: &Buffer) -> usize {
    let width = usize::from(new.area.width);
    let (mut bytes, mut running) = (0, false);
    for (n, (old, new)) in old.content.iter().zip(&new.content).enumerate() {
        running &= n % width != 0;
        let differs = old != new;
        if differs {
            bytes += new.symbol().len() + if running { 0 } else { 6 };
        }
        running = differs;
    }
    bytes
}

/// Mean bytes a frame with a clock and four charts that move once a second, and the least they could be.
fn a_minute_of_charts(keys: &str) -> (usize, usize) {
    let mut stage = Play::opened_on(120, 40);
    stage.at_the_hold_point().keys(keys);
    let panes = four(stage.now().wall);
    stage.hub(Update::Panes(panes));
    let mut screen = screen();
    cost(&mut screen, &stage);
    let (mut all, mut ideal) = (0, 0);
    let mut before = draw(&stage);
    for _ in 0..SECONDS {
        stage.waits(Duration::from_secs(1));
        let panes = four(stage.now().wall);
        stage.hub(Update::Panes(panes));
        all += cost(&mut screen, &stage);
        let now = draw(&stage);
        ideal += least(&before, &now);
        before = now;
    }
    (all / SECONDS, ideal / SECONDS)
}

#[test]
fn nothing_that_changes_costs_nothing() {
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching();
    let mut screen = screen();
    assert!(cost(&mut screen, &stage) > 0);
    assert_eq!(screen.frame(draw(&stage), None), None);
}

#[test]
fn a_clock_and_four_moving_charts_cost_at_most_six_hundred_bytes_a_frame() {
    for keys in ["1", "m", "3"] {
        let (mean, least) = a_minute_of_charts(keys);
        assert!(mean <= 600, "{keys}: {mean} bytes a frame");
        // What makes a frame whole and asks for its answer counts most where little changes.
        assert!((mean - AROUND) * 2 <= least * 3, "{keys}: {mean} bytes a frame, {least} at least");
    }
}

/// Bytes of ten seconds of so many events a second, painted whenever the pace allows, and of their lines alone; and how
/// many events waited for their frame.
fn ten_seconds_of(lines: u64, keys: &str, (columns, rows): (u16, u16)) -> (usize, usize, usize) {
    let mut stage = Play::opened_on(columns, rows);
    stage.at_the_hold_point().keys(keys);
    let mut screen = screen();
    cost(&mut screen, &stage);
    let (mut pace, begun) = (Pace::default(), Instant::now());
    let (mut ours, mut plain, mut late) = (0, 0, 0);
    let mut wanted = false;
    for hundredth in 0..1_000u64 {
        let now = begun + Duration::from_millis(hundredth * 10);
        stage.waits(Duration::from_millis(10));
        if hundredth % (100 / lines) == 0 {
            let value =
                format!("{}.{} % of checkouts failed for two minutes", hundredth * 7 % 100, hundredth % 10);
            stage.does("hub", TriggerFired { trigger: Name::parse("errors").unwrap(), value });
            // A terminal multiplexer that scrolls sends the line and little more.
            plain += stage.model.story.iter().next_back().map_or(0, |(_, row)| {
                row.what.as_str().len() + row.who.as_str().len() + " 12:00:00  ".len() + "\r\n".len()
            });
            wanted = true;
            late += usize::from(pace.when(Urgency::Feed, now) > now);
        }
        if wanted && pace.when(Urgency::Feed, now) <= now {
            wanted = false;
            let frame = screen.frame(draw(&stage), None).map_or(0, |frame| frame.len());
            ours += frame + if pace.drew(Urgency::Feed, frame, now) { QUESTION.len() } else { 0 };
            pace.answered(now);
        }
    }
    (ours, plain, late)
}

#[test]
fn a_followed_timeline_costs_at_most_eight_times_its_lines_and_a_flood_no_more() {
    for (keys, size) in [
        ("1", (80, 24)),
        ("t", (80, 24)),
        ("1", (120, 40)),
        ("t", (120, 40)),
        ("1", (200, 60)),
        ("t", (200, 60)),
    ] {
        let (ten, lines, late) = ten_seconds_of(10, keys, size);
        assert!(ten <= lines * 8, "{keys} {size:?}: {ten} for {lines}");
        // What shows more of each event than its line keeps to its share.
        assert!(late == 0 || (keys, size) != ("1", (120, 40)), "{late} of a hundred wait");
        let (hundred, ..) = ten_seconds_of(100, keys, size);
        assert!(hundred * 100 <= ten * 125, "{keys} {size:?}: {hundred} against {ten}");
    }
}

#[test]
fn one_frame_crosses_a_line_of_three_kilobytes_a_second_within_two_seconds() {
    for (name, play) in moments() {
        let mut stage = Play::opened_on(120, 40);
        play(&mut stage);
        let mut screen = screen();
        cost(&mut screen, &stage);
        // What a key changes: the next view or pane, the largest difference there is.
        for keys in ["v", "tab", "enter", "esc", ":"] {
            stage.keys(keys);
            let bytes = cost(&mut screen, &stage);
            assert!(bytes <= 4 * 1024 + 2048, "{name} {keys}: {bytes}");
        }
    }
}

#[test]
fn a_flood_of_output_costs_at_most_sixty_kilobytes_a_second_and_two_frames() {
    let mut stage = Play::opened_on(200, 50);
    stage.switching().keys("2");
    let mut screen = screen();
    cost(&mut screen, &stage);
    let (mut bytes, seconds) = (0, 5);
    for half in 0..seconds * 2 {
        stage.waits(Duration::from_millis(500));
        // Ten thousand lines a second, and none like the one before.
        let lines: Vec<String> = (0..5_000u64)
            .map(|n| {
                format!(
                    "{:x} copied block {} of {}",
                    (half * 5_000 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                    n,
                    half
                )
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        stage.writes("switch", &lines);
        bytes += cost(&mut screen, &stage);
    }
    assert!(bytes as u64 / seconds <= 60_000, "{bytes}");
}
