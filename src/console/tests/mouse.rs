//! The mouse: nothing of it before somebody asks, and then it selects and scrolls and does no more.

use super::*;
use crate::console::input::{Input, Mouse, Pointing};
use crate::console::model::{Pointer, Sheet};

fn points(stage: &mut Play, what: Pointing, column: usize, row: usize) {
    let (column, row) = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    stage.input(Input::Mouse(Mouse { what, column, row }));
}

/// Where a text stands on the screen.
fn place(stage: &Play, what: &str) -> (usize, usize) {
    let lines = rows(&draw(stage));
    let row = lines.iter().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what}: {lines:#?}"));
    let column = lines[row].split(what).next().unwrap().chars().count();
    (column, row)
}

fn asked() -> Play {
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching().keys(":").types("mouse").keys("enter");
    assert_eq!(stage.effects.last(), Some(&Effect::Mouse));
    assert_eq!(stage.model.pointer, Pointer::Ours);
    stage
}

#[test]
fn the_mouse_is_the_terminals_until_somebody_asks_and_again_when_they_ask_again() {
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching();
    let (column, row) = place(&stage, "thaw");
    points(&mut stage, Pointing::Click, column, row);
    assert_eq!(stage.model.picked, None, "nobody asked");
    assert!(!stage.effects.contains(&Effect::Mouse));
    let mut stage = asked();
    assert!(text(&stage).contains("clicks select"), "{}", text(&stage));
    stage.keys(":").types("mouse").keys("enter");
    assert_eq!(stage.model.pointer, Pointer::Terminals);
    assert_eq!(stage.effects.iter().filter(|e| **e == Effect::Mouse).count(), 2);
}

#[test]
fn a_click_selects_the_step_the_pane_and_the_event_under_it() {
    for (columns, lines) in [(80, 24), (120, 40), (200, 60)] {
        let mut stage = asked();
        stage.model.size = Size { columns, rows: lines };
        for id in ["freeze", "thaw", "declare"] {
            let (column, row) = place(&stage, id);
            points(&mut stage, Pointing::Click, column, row);
            assert_eq!(stage.model.selected().as_str(), id);
        }
        let (column, row) = place(&stage, " 2 declare");
        points(&mut stage, Pointing::Click, column + 2, row);
        assert_eq!(stage.model.focus, Focus::Step);
        let (column, row) = place(&stage, "3 Metrics");
        points(&mut stage, Pointing::Click, column, row);
        assert_eq!(stage.model.focus, Focus::Metrics);
        stage.keys("t");
        let (column, row) = place(&stage, "started switch");
        points(&mut stage, Pointing::Click, column, row - 1);
        let event = stage.model.selected_event().unwrap().event.seq;
        assert!(event + 1 < stage.model.head.n && stage.model.focus == Focus::Sheet(Sheet::Timeline));
        assert!(text(&stage).contains(&format!("Event #{event}")));
    }
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut stage = asked();
    let (column, row) = place(&stage, "line 40");
    points(&mut stage, Pointing::WheelUp, column, row);
    let shown = text(&stage);
    assert!(stage.model.focus == Focus::Step && !shown.contains("line 40 ") && shown.contains("▼ 3 more"));
    points(&mut stage, Pointing::WheelDown, column, row);
    assert!(text(&stage).contains("line 40 "));
    let before = stage.model.selected();
    let (column, row) = place(&stage, "drain");
    points(&mut stage, Pointing::WheelDown, column, row);
    assert_ne!(stage.model.selected(), before);
    assert_eq!(stage.model.focus, Focus::Checklist);
}

#[test]
fn a_click_answers_no_dialog_and_opens_none() {
    let mut stage = asked();
    for keys in ["enter", ":", "?", ": n o t e enter"] {
        stage.keys(keys).waits(Duration::from_secs(1));
        let (layers, before) = (stage.model.layers.clone(), text(&stage));
        for (column, row) in [(60, 8), (60, 20), (20, 20), (3, 39), (0, 0)] {
            points(&mut stage, Pointing::Click, column, row);
        }
        assert_eq!(stage.model.layers, layers, "{keys}");
        assert_eq!(text(&stage), before);
        points(&mut stage, Pointing::WheelDown, 60, 20);
        assert_eq!(stage.model.layers.len(), layers.len());
        stage.keys("esc");
    }
    for column in 0..120 {
        for row in 0..40 {
            points(&mut stage, Pointing::Click, column, row);
        }
    }
    assert!(stage.model.layers.is_empty() && sent(&stage).is_empty());
    assert!(!stage.effects.contains(&Effect::Detach));
}
