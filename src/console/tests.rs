//! What a person sees and what their keys do, through the whole room but the terminal.

mod amended;
mod bytes;
mod dialogs;
mod fit;
mod hostile;
mod mouse;
mod odd;
mod others;
mod sheets;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::action::{Action, TABLE, Weight};
use super::fixture::{Play, step};
use super::form::Progress;
use super::gate::Gate;
use super::gate::level::{Glyphs, Level};
use super::layer::Layer;
use super::link::{Act, Asked, Line, Me, Room, Stance, Update};
use super::model::Focus;
use super::run::fitting;
use super::terminal::Size;
use super::terminal::screen::Screen;
use super::update::Effect;
use super::view;
use crate::core::event::Outcome;
use crate::core::intent::Intent;
use crate::sanitize::Clean;
use crate::theme::{NAMES, Theme, shipped};

fn theme() -> Theme {
    shipped("default-dark").unwrap()
}

fn draw(play: &Play) -> Buffer {
    let size = play.model.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.columns, size.rows));
    let area = buffer.area;
    view::render(&play.model, &theme(), area, &mut buffer);
    buffer
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width.max(1));
    let cells = |row: &[ratatui::buffer::Cell]| {
        let mut text = String::new();
        let mut covered = 0;
        for cell in row {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
            text.push_str(cell.symbol());
        }
        text.trim_end().to_owned()
    };
    buffer.content.chunks(width).map(cells).collect()
}

fn text(play: &Play) -> String {
    rows(&draw(play)).join("\n")
}

/// The attributes and colours of a screen as runs: `row:column text -> role-ish style`.
fn styled(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let mut out = String::new();
    for (y, row) in buffer.content.chunks(width).enumerate() {
        let mut runs: Vec<(usize, String, String)> = Vec::new();
        for (x, cell) in row.iter().enumerate() {
            let style = format!("{:?}/{:?} {:?}", cell.fg, cell.bg, cell.modifier);
            match runs.last_mut() {
                Some((_, text, last)) if *last == style => text.push_str(cell.symbol()),
                _ => runs.push((x, cell.symbol().to_owned(), style)),
            }
        }
        for (x, text, style) in runs {
            let text = text.trim_end();
            if !text.is_empty() && style != "Reset/Reset NONE" {
                out.push_str(&format!("{y}:{x} {text} -> {style}\n"));
            }
        }
    }
    out
}

fn sent(play: &Play) -> Vec<&Act> {
    let asked = play.effects.iter().filter_map(|e| match e {
        Effect::Ask(Asked::Act(_, act)) => Some(&**act),
        _ => None,
    });
    asked.collect()
}

/// A name and how the play comes there.
type Scene = (&'static str, fn(&mut Play));

fn moments() -> [Scene; 17] {
    [
        ("opened", |p| {
            p.measured();
        }),
        ("gathered", |p| {
            p.measured().gathered();
        }),
        ("hold_point", |p| {
            p.measured().at_the_hold_point();
        }),
        ("approved", |p| {
            p.measured().approved();
        }),
        ("switching", |p| {
            p.measured().switching();
        }),
        ("failed", |p| {
            p.measured().switching().ends("switch", Outcome::Failed, "exit code 1 after 0.1s");
        }),
        ("people", |p| {
            p.measured().at_the_hold_point().keys("4");
        }),
        ("timeline", |p| {
            p.measured().at_the_hold_point().keys("5");
        }),
        ("metrics", |p| {
            p.measured().at_the_hold_point().keys("3");
        }),
        ("view_options_before", |p| {
            p.measured().gathered().keys("o");
        }),
        ("view_options", |p| {
            p.measured().at_the_hold_point().keys("o");
        }),
        ("view_metrics", |p| {
            p.measured().at_the_hold_point().keys("m");
        }),
        ("view_timeline", |p| {
            p.measured().at_the_hold_point().keys("t k k");
        }),
        ("view_people", |p| {
            p.measured().at_the_hold_point().keys("p");
        }),
        ("view_comms", |p| {
            p.measured().at_the_hold_point().told("first-word").minutes(21).keys("c");
        }),
        ("view_ledger", |p| {
            p.measured().switching().keys("l");
        }),
        ("view_gantt", |p| {
            p.measured().switching().keys("b");
        }),
    ]
}

fn dialogs() -> [Scene; 6] {
    [
        ("menu", |p| {
            p.gathered().keys("enter");
        }),
        ("approve", |p| {
            p.gathered().keys(": a p p r o v e enter").types("lag 0");
        }),
        ("start", |p| {
            p.measured().approved().keys(": s t a r t enter");
        }),
        ("help", |p| {
            p.gathered().keys("?");
        }),
        ("palette", |p| {
            p.gathered().keys(":").types("se");
        }),
        ("filter", |p| {
            p.at_the_hold_point().keys("5 /").types("bob");
        }),
    ]
}

/// Compares with the screen kept in `tests/screens`.
#[track_caller]
fn keep(name: &str, screen: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, screen));
}

#[test]
fn screens_look_as_they_were_meant_to() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        for (name, play) in moments().into_iter().chain(dialogs()) {
            let mut stage = Play::opened_on(columns, rows);
            play(&mut stage);
            keep(&format!("{name}-{columns}x{rows}"), &text(&stage));
        }
    }
}

#[test]
fn colours_are_where_they_were_meant_to_be() {
    for (name, play) in [moments()[2], moments()[5], dialogs()[1]] {
        let mut stage = Play::opened_on(80, 24);
        play(&mut stage);
        keep(&format!("{name}-styles"), &styled(&draw(&stage)));
    }
}

#[test]
fn the_environment_is_in_words_on_every_screen() {
    for (columns, rows) in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        for (name, play) in moments().into_iter().chain(dialogs()) {
            let mut stage = Play::opened_on(columns, rows);
            play(&mut stage);
            assert!(text(&stage).contains("PRODUCTION"), "{name} at {columns}x{rows}");
            assert!(text(&stage).contains("LIVE"), "{name} at {columns}x{rows}");
        }
    }
}

#[test]
fn no_size_makes_it_fall_over() {
    let mut stage = Play::opened_on(80, 24);
    stage.measured().switching();
    let layers = [&[][..], &["?"], &[":"], &["enter"], &["/"]];
    for keys in layers {
        stage.keys(&keys.join(" "));
        for columns in (0..=300).step_by(37).chain([1, 59, 60, 109, 110]) {
            for rows in (0..=120).step_by(29).chain([1, 15, 16, 33, 34]) {
                let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
                let area = buffer.area;
                stage.model.size = Size { columns, rows };
                view::render(&stage.model, &theme(), area, &mut buffer);
            }
        }
        stage.keys("esc");
    }
}

#[test]
fn a_screen_that_is_too_small_says_what_it_needs() {
    let mut stage = Play::opened_on(59, 16);
    stage.measured();
    assert_eq!(text(&stage).trim_end(), "needs 60x16, is 59x16");
    stage.model.size = Size { columns: 80, rows: 24 };
    assert!(text(&stage).contains("PRODUCTION"));
}

#[test]
fn without_colours_selection_and_environment_still_stand_out() {
    let theme = fitting(theme(), Level::None);
    let mut stage = Play::opened_on(80, 24);
    stage.measured().at_the_hold_point();
    let mut buffer = Screen::empty(stage.model.size);
    let area = buffer.area;
    view::render(&stage.model, &theme, area, &mut buffer);
    let reversed =
        |row: usize, column: usize| buffer.content[row * 80 + column].modifier.contains(Modifier::REVERSED);
    let lines = rows(&buffer);
    let selected = lines.iter().position(|l| l.starts_with('▸') && l.contains("two-pairs-of-eyes")).unwrap();
    assert!(reversed(selected, 5));
    assert!(reversed(0, 1), "the badge");
    let frame =
        Screen::new(Gate { level: Level::None, glyphs: Glyphs::Unicode }).frame(buffer, None).unwrap();
    let codes = regex::Regex::new(r"\x1b\[([0-9;]*)m").unwrap();
    for found in codes.captures_iter(&frame) {
        for code in found[1].split(';').filter(|c| !c.is_empty()) {
            let code: u8 = code.parse().unwrap();
            assert!(code < 30, "{code} sets a colour");
        }
    }
}

#[test]
fn every_screen_has_an_ascii_form() {
    let codes = regex::Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").unwrap();
    let rgb = regex::Regex::new(r"\x1b\[[0-9;]*[34]8;2[0-9;]*m").unwrap();
    for (name, play) in moments().into_iter().chain(dialogs()) {
        let mut stage = Play::opened_on(120, 40);
        play(&mut stage);
        let frame =
            Screen::new(Gate { level: Level::Ansi16, glyphs: Glyphs::Ascii }).frame(draw(&stage), None);
        let frame = frame.unwrap();
        assert!(frame.is_ascii(), "{name}");
        assert!(!rgb.is_match(&frame), "{name}");
        let body = codes.replace_all(&frame, "").into_owned();
        // A glyph without a twin would be a question mark; our own words have only these.
        let ours = draw(&stage).content.iter().filter(|c| c.symbol() == "?").count();
        assert_eq!(body.matches('?').count(), ours, "{name}: {body}");
    }
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let mut stage = Play::opened_on(120, 40);
    stage.switching().writes("switch", &["\u{1b}]52;c;AAAA\u{7}evil \u{202e}txt\u{1b}[2J"]);
    stage.does(
        "dan",
        crate::core::event::Assumed {
            role: crate::core::id::RoleName::parse("sre").unwrap(),
            stand_in: false,
        },
    );
    for theme in NAMES.iter().filter_map(|n| shipped(n)) {
        let mut buffer = Screen::empty(stage.model.size);
        let area = buffer.area;
        view::render(&stage.model, &theme, area, &mut buffer);
        let frame =
            Screen::new(Gate { level: Level::True, glyphs: Glyphs::Unicode }).frame(buffer, None).unwrap();
        assert!(!frame.contains('\u{202e}') && !frame.contains('\u{7}') && !frame.contains("\u{1b}]"));
        assert_eq!(frame.matches("\u{1b}[2J").count(), 1, "only our own clearing");
    }
}

#[test]
fn what_waits_for_me_is_at_the_top() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered();
    assert!(rows(&draw(&stage))[2].contains("FOR YOU: your approval of the rollback"));
    stage.grants("ana", "declare", "commander");
    assert!(rows(&draw(&stage))[2].contains("waiting: the decision to roll back: waits for 1 sre"));
}

#[test]
fn starting_what_cannot_be_taken_back_needs_the_targets_name_typed() {
    let mut stage = Play::opened_on(80, 24);
    stage.approved().keys("enter enter enter enter enter");
    assert!(sent(&stage).is_empty(), "enter alone never does it");
    stage.keys("esc esc esc").keys(": s t a r t enter").waits(Duration::from_secs(1));
    stage.types("shop-2").keys("tab tab enter");
    assert!(sent(&stage).is_empty(), "the wrong name");
    stage
        .keys("esc")
        .keys(": s t a r t enter")
        .waits(Duration::from_secs(1))
        .pastes("shop-1")
        .keys("tab tab enter");
    assert!(sent(&stage).is_empty(), "a paste is not typed");
    stage
        .keys("esc")
        .keys(": s t a r t enter")
        .waits(Duration::from_secs(1))
        .types("shop-1")
        .keys("enter enter");
    let acts = sent(&stage);
    let [Act::Wish(Intent::Start { step: started, retyped, .. })] = acts.as_slice() else {
        panic!("{acts:?}")
    };
    assert_eq!((started, retyped.as_deref()), (&step("switch"), Some("shop-1")));
}

#[test]
fn an_approval_sends_exactly_the_text_that_was_shown() {
    let mut stage = Play::opened_on(120, 40);
    stage.gathered().keys(": a p p r o v e enter").waits(Duration::from_secs(1)).types("lag 0");
    let shown = text(&stage);
    stage.keys("enter enter");
    let acts = sent(&stage);
    let [Act::Sign { statement, answer, seen, .. }] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(answer.reason, "lag 0");
    assert!(statement.contains(&format!("seen: {} {}", seen.n, seen.root)));
    for line in statement.lines() {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

#[test]
fn the_key_for_what_waits_offers_nothing_to_whom_nothing_waits_for() {
    let mut stage = Play::opened_on(80, 24);
    stage.switching().keys(".");
    assert!(stage.model.layers.is_empty());
    assert!(text(&stage).contains("nothing waits for you: switch is under way"), "{}", text(&stage));
}

#[test]
fn the_times_of_lines_are_shown_when_asked_for() {
    let mut stage = Play::opened_on(120, 40);
    stage.switching().keys("2");
    assert!(!text(&stage).contains("12:04:00 line 40"));
    stage.keys("T");
    let shown = text(&stage);
    let time = regex::Regex::new(r"\d\d:\d\d:\d\d line 40 of what").unwrap();
    assert!(time.is_match(&shown), "{shown}");
    stage.keys("T");
    assert!(!time.is_match(&text(&stage)));
}

#[test]
fn what_is_copied_has_a_size_that_terminals_take_and_the_end_is_what_stays() {
    let mut stage = Play::opened_on(80, 24);
    stage.switching();
    let lines: Vec<String> = (0..5_000).map(|n| format!("row {n} of a long output of a command")).collect();
    stage.writes("switch", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    stage.keys("2 y");
    let copied = stage.effects.iter().find_map(|e| match e {
        Effect::Clipboard(text) => Some(text),
        _ => None,
    });
    let copied = copied.unwrap();
    assert!(copied.len() <= 50_000 && copied.ends_with("row 4999 of a long output of a command\n"));
    assert!(text(&stage).contains("sent to the terminal's clipboard"));
}

#[test]
fn q_leaves_and_control_c_leaves_when_pressed_twice() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys("q");
    assert_eq!(stage.effects.last(), Some(&Effect::Detach));
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys("ctrl-c");
    assert!(!stage.effects.contains(&Effect::Detach) && text(&stage).contains("ctrl-c again"));
    stage.waits(Duration::from_secs(4)).keys("ctrl-c");
    assert!(!stage.effects.contains(&Effect::Detach), "too late to be the second");
    stage.keys("ctrl-c");
    assert!(stage.effects.contains(&Effect::Detach));
}

#[test]
fn every_possible_deed_is_reached_by_its_name_and_opens_a_dialog() {
    for entry in TABLE.iter().filter(|e| e.weight != Weight::View) {
        let mut stage = Play::opened_on(80, 24);
        stage.switching();
        let selected = stage.model.selected();
        let offers = super::offer::all(&stage.model.ground().unwrap(), &selected);
        let Some(offer) = offers.iter().find(|o| o.deed.action == entry.action && o.refusal.is_none()) else {
            continue;
        };
        let label = offer.label();
        stage.keys(":").types(&label).keys("enter");
        let Some(Layer::Form(form)) = stage.model.layers.last() else { panic!("{label}") };
        assert_eq!(form.deed.action, entry.action);
        assert!(sent(&stage).is_empty());
    }
}

#[test]
fn help_lists_what_is_valid_with_the_persons_own_keys() {
    let mut stage = Play::opened_on(120, 60);
    stage.gathered();
    stage.model.keymap = super::keymap::Keymap::with([("follow", vec!["ctrl-e"])]).unwrap();
    stage.keys("5 ?");
    let shown = text(&stage);
    assert!(shown.contains("ctrl-e") && shown.contains("enter, :approve"));
    assert!(!shown.contains(":start "), "nothing can be started before the declaration: {shown}");
}

#[test]
fn an_observer_is_offered_no_deed_at_all() {
    let mut stage = Play::opened_on(120, 40);
    stage.gathered();
    let me = Me { stance: Stance::Observes, ..stage.model.me.clone() };
    stage.hub(Update::Me(me)).keys(":");
    let Some(Layer::Palette(palette)) = stage.model.layers.last() else { panic!() };
    assert!(palette.matches().iter().all(|m| matches!(m, super::layer::Match::View(_))));
    stage.keys("esc enter");
    assert!(text(&stage).contains("only looks on"));
    stage.keys("enter esc ?");
    assert!(!text(&stage).contains(":approve"));
    assert!(!text(&stage).contains("FOR YOU"));
}

#[test]
fn a_paste_on_the_bare_screen_does_nothing() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().pastes("q\nq\n:abort\n");
    assert!(stage.model.layers.is_empty() && !stage.effects.contains(&Effect::Detach));
    assert!(text(&stage).contains("nothing was done with it"));
}

#[test]
fn lines_that_come_while_one_reads_do_not_move_what_is_read() {
    let mut stage = Play::opened_on(80, 24);
    stage.switching().keys("2 g");
    assert!(text(&stage).contains("line 1 of what"));
    stage.writes("switch", &["line 41", "line 42"]);
    assert!(text(&stage).contains("line 1 of what") && text(&stage).contains("▼"));
    stage.keys("F");
    assert!(text(&stage).contains("line 42"));
}

#[test]
fn a_lost_line_and_a_stopped_writer_are_said_in_words() {
    let mut stage = Play::opened_on(80, 24);
    let why = "no hub runs: backout resume 01JD3K9W8ZQ4T6V2M7N5B1C0XA".into();
    let lost = Line::Reconnecting { since: stage.now().wall, why };
    stage.gathered().hub(Update::Room(Room { line: lost, ..Room::default() })).waits(Duration::from_secs(3));
    let says = "RECONNECTING 1m 03s: no hub runs: backout resume 01JD3K9W8ZQ4T6V2M7N5B1C0XA";
    assert!(text(&stage).contains(says), "{}", text(&stage));
    let why: Option<Clean> = Some("the disk is full".into());
    stage.hub(Update::Room(Room { writer_stopped: why, ..Room::default() }));
    assert!(text(&stage).contains("NOTHING NEW IS STARTED: the disk is full"));
}

#[test]
fn a_filter_shows_only_what_holds_the_text_and_escape_clears_it() {
    let mut stage = Play::opened_on(80, 24);
    stage.at_the_hold_point().keys("5 /").types("bob").keys("enter");
    let lines = rows(&draw(&stage));
    let of_feed: Vec<&String> = lines.iter().skip(3).filter(|l| l.contains("12:0")).collect();
    assert!(!of_feed.is_empty() && of_feed.iter().all(|l| l.contains("bob")), "{lines:#?}");
    stage.keys("esc");
    assert!(stage.model.filter.is_none() && stage.model.focus == Focus::Timeline);
}

#[test]
fn the_output_of_the_selected_run_is_asked_for_once() {
    let mut stage = Play::opened_on(80, 24);
    stage.switching().keys("j k j k");
    let watched = stage
        .effects
        .iter()
        .filter(|e| matches!(e, Effect::Ask(Asked::Watch(run)) if run.step == step("switch")));
    assert_eq!(watched.count(), 1);
}

#[test]
fn two_keys_do_what_the_screen_asks_for_and_nothing_else() {
    let mut play = Play::opened_on(120, 40);
    play.gathered();
    let commander = crate::core::id::RoleName::parse("commander").unwrap();
    play.grants("ana", "declare", "commander").grants("bob", "declare", "sre");
    play.does("ana", crate::core::event::Renounced { role: commander });
    let asked = play.model.attention.deed.clone().unwrap();
    assert_eq!((asked.action, asked.with.as_deref()), (Action::TakeSeat, Some("commander")));
    play.keys(".");
    let Some(super::layer::Layer::Menu(menu)) = play.model.layers.last() else { panic!("no menu") };
    assert_eq!(menu.offers.first().map(|o| &o.deed), Some(&asked));
}

#[test]
fn the_cost_stands_still_once_the_service_is_whole_again() {
    let mut play = Play::opened_on(120, 40);
    play.approved().minutes(3).does("ana", crate::core::event::Resolved { reason: "whole".into() });
    let then = text(&play).lines().nth(1).unwrap().split("head").next().unwrap().to_owned();
    assert!(then.contains("cost"), "{then}");
    play.minutes(10);
    assert_eq!(text(&play).lines().nth(1).unwrap().split("head").next().unwrap(), then);
}
