//! Clocks that jump, sizes that storm, lines that are far too long: the room goes on, and says what is so.

use super::super::link::Output;
use super::super::link::RunId;
use super::super::model::{Moment, Window};
use super::super::update::{Msg, update};
use super::*;
use crate::core::event::Direction;
use crate::core::time::Stamp;
use crate::sanitize;

const VIEWS: [&str; 8] = ["1", "o", "m", "t", "p", "c", "l", "b"];

fn everything(stage: &mut Play) -> String {
    let mut all = String::new();
    for key in VIEWS {
        stage.keys(key);
        all.push_str(&text(stage));
        stage.keys("esc");
    }
    all
}

#[test]
fn a_wall_clock_that_jumps_breaks_no_view_and_closes_no_dialog() {
    for wall in [0, i64::MIN / 2, i64::MAX / 2, 1_795_176_000_000_000 - 3 * 3_600_000_000] {
        let mut stage = Play::opened_on(120, 40);
        stage.measured().gathered().keys(": a p p r o v e enter");
        assert_eq!(stage.model.layers.len(), 1);
        let steady = stage.now().steady;
        update(&mut stage.model, Msg::Tick, Moment { wall: Stamp(wall), steady });
        assert!(text(&stage).contains("PRODUCTION"), "{wall}");
        // How long a dialog may stay open is counted by a clock that nobody sets.
        assert_eq!(stage.model.layers.len(), 1, "{wall}");
        stage.model.layers.clear();
        for sheet in crate::console::model::Sheet::ALL {
            stage.model.focus = Focus::Sheet(sheet);
            assert!(text(&stage).contains("PRODUCTION"), "{wall} {sheet:?}");
        }
    }
}

#[test]
fn a_clock_that_was_set_back_shows_no_negative_time() {
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching();
    let steady = stage.now().steady;
    update(&mut stage.model, Msg::Tick, Moment { wall: Stamp(1_795_000_000_000_000), steady });
    let shown = text(&stage);
    assert!(shown.contains("running 0s"), "{shown}");
    assert!(!regex::Regex::new(r"-\d+[smhd]").unwrap().is_match(&shown), "{shown}");
}

#[test]
fn a_storm_of_sizes_loses_neither_what_is_selected_nor_what_is_read() {
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching().keys("1 k k 2 g");
    let (picked, look) = (stage.model.picked.clone(), stage.model.output_look);
    let before = text(&stage);
    for n in 0..500u16 {
        let size = Size::reported(n * 37 % 301, n * 91 % 121);
        let now = stage.now();
        update(&mut stage.model, Msg::Resized(size), now);
        let _ = text(&stage);
    }
    let now = stage.now();
    update(&mut stage.model, Msg::Resized(Size { columns: 120, rows: 40 }), now);
    assert_eq!((stage.model.picked.clone(), stage.model.output_look), (picked, look));
    assert_eq!(text(&stage), before);
}

#[test]
fn a_line_of_a_megabyte_is_cut_and_costs_no_more_than_a_screen() {
    let mut stage = Play::opened_on(80, 24);
    stage.switching();
    let run = RunId { step: step("switch"), attempt: 1, direction: Direction::Forward };
    let long = format!("{}\u{1b}]0;x\u{7}語\u{301}\u{200b}\u{202e}", "ab語\u{301}".repeat(200_000));
    let output = Output { run, lines: vec![sanitize::line(&long)], partial: Clean::default(), dropped: 0 };
    stage.hub(Update::Output(output));
    for keys in ["2", "w", "w", "/ a enter", "y"] {
        stage.keys(keys);
        let shown = draw(&stage);
        assert!(rows(&shown).iter().all(|r| unicode_width::UnicodeWidthStr::width(r.as_str()) <= 80));
        let frame =
            Screen::new(Gate { level: Level::True, glyphs: Glyphs::Unicode }).frame(shown, None).unwrap();
        assert!(frame.len() < 20_000 && !frame.contains("\u{1b}]") && !frame.contains('\u{202e}'));
    }
}

#[test]
fn ten_thousand_steps_are_drawn_and_walked_through() {
    let mut stage = Play::with_steps(10_000);
    let all = everything(&mut stage);
    assert!(all.contains("0 of 10000 settled"), "{all}");
    stage.keys("1 G");
    assert!(text(&stage).contains("s9999"));
    stage.keys("g j j");
    assert!(text(&stage).contains("s1"));
}

#[test]
fn one_thing_that_waits_rings_once_however_often_it_comes_and_goes() {
    let bells = |stage: &Play| stage.effects.iter().filter(|e| **e == Effect::Bell).count();
    let mut stage = Play::opened_on(80, 24);
    // The empty seat was there when ana came: nobody is called for what is on the first screen.
    assert_eq!(bells(&stage), 0);
    stage.model.window = Window::Away;
    stage.gathered().minutes(1);
    let first = bells(&stage);
    assert!(first >= 1, "her approval");
    let attention = stage.model.attention.clone();
    for _ in 0..20 {
        stage.model.attention.thing = None;
        stage.waits(Duration::from_secs(11));
        stage.model.attention = attention.clone();
        stage.waits(Duration::from_secs(11));
    }
    assert_eq!(bells(&stage), first, "flapping");
}

#[test]
fn a_bell_that_comes_too_soon_after_another_rings_later_and_none_for_who_looks() {
    let bells = |stage: &Play| stage.effects.iter().filter(|e| **e == Effect::Bell).count();
    let mut stage = Play::opened_on(80, 24);
    stage.model.window = Window::Away;
    stage.gathered().waits(Duration::from_secs(1));
    let first = bells(&stage);
    stage.model.attention.thing = Some("something else".into());
    stage.waits(Duration::from_secs(1));
    assert_eq!(bells(&stage), first);
    stage.waits(Duration::from_secs(30));
    assert_eq!(bells(&stage), first + 1);
    stage.model.window = Window::Focused;
    stage.model.attention.thing = Some("a third".into());
    stage.minutes(1);
    stage.model.window = Window::Away;
    stage.minutes(1);
    assert_eq!(bells(&stage), first + 1, "it was seen");
}
