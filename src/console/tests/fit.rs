//! What a terminal cannot show is never sent to it, in any view and any dialog; and what stands for it can be read.

use super::*;

/// Every screen there is, drawn in the theme that fits, as the bytes such a terminal gets.
fn every_frame(level: Level, glyphs: Glyphs, mut look: impl FnMut(&str, &Buffer, &str)) {
    for (columns, lines) in [(80, 24), (120, 40), (200, 60)] {
        for (name, play) in moments().into_iter().chain(dialogs()) {
            let mut stage = Play::opened_on(columns, lines);
            play(&mut stage);
            let theme = fitting(theme(), level);
            let mut buffer = Screen::empty(stage.model.size);
            let area = buffer.area;
            view::render(&stage.model, &theme, area, &mut buffer);
            let frame = Screen::new(Gate { level, glyphs }).frame(buffer.clone(), None).unwrap();
            look(&format!("{name} at {columns}x{lines}"), &buffer, &frame);
        }
    }
}

/// The numbers of every colour and attribute that a frame sets.
fn codes(frame: &str) -> Vec<String> {
    let sgr = regex::Regex::new(r"\x1b\[([0-9;]*)m").unwrap();
    sgr.captures_iter(frame).map(|found| found[1].to_owned()).collect()
}

#[test]
fn without_colours_no_view_sets_one_and_what_has_the_focus_is_still_seen() {
    every_frame(Level::None, Glyphs::Unicode, |name, buffer, frame| {
        for code in codes(frame).iter().flat_map(|c| c.split(';')).filter(|c| !c.is_empty()) {
            let code: u8 = code.parse().unwrap();
            assert!(code < 30, "{name}: {code} sets a colour");
        }
        // A sign and reverse video, both: some terminals show only one of them.
        let reversed = buffer.content.iter().any(|c| c.modifier.contains(Modifier::REVERSED));
        let marked = buffer.content.iter().any(|c| c.symbol() == "▸");
        let dialog = name.starts_with("approve") || name.starts_with("start") || name.starts_with("help");
        assert!(reversed && (marked || dialog), "{name}");
    });
}

#[test]
fn with_sixteen_colours_no_view_sends_another() {
    every_frame(Level::Ansi16, Glyphs::Unicode, |name, _, frame| {
        for code in codes(frame) {
            assert!(!code.contains("38;") && !code.contains("48;"), "{name}: {code}");
        }
    });
}

#[test]
fn with_256_colours_no_view_sends_24_bits() {
    every_frame(Level::Ansi256, Glyphs::Unicode, |name, _, frame| {
        for code in codes(frame) {
            assert!(!code.contains("38;2") && !code.contains("48;2"), "{name}: {code}");
        }
    });
}

#[test]
fn in_ascii_every_byte_of_every_view_is_below_128() {
    every_frame(Level::Ansi16, Glyphs::Ascii, |name, _, frame| assert!(frame.is_ascii(), "{name}"));
}

#[test]
fn the_mouse_is_never_asked_for() {
    every_frame(Level::True, Glyphs::Unicode, |name, _, frame| {
        for mode in ["?1000", "?1002", "?1003", "?1006"] {
            assert!(!frame.contains(mode), "{name}");
        }
    });
}

#[test]
fn every_state_is_told_by_a_word_in_every_theme() {
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching().ends("switch", Outcome::Failed, "exit code 1");
    for theme in NAMES.iter().filter_map(|n| shipped(n)) {
        let mut buffer = Screen::empty(stage.model.size);
        let area = buffer.area;
        view::render(&stage.model, &theme, area, &mut buffer);
        let shown = rows(&buffer).join("\n");
        for word in ["failed", "succeeded", "pending", "CRITICAL", "no answer", "PRODUCTION", "LIVE"] {
            assert!(shown.contains(word), "{}: {word}", theme.name);
        }
    }
}

#[test]
fn the_words_of_a_step_are_said_once_and_with_their_values() {
    let mut stage = Play::with_words("The queue of {{ params.release }} goes on.");
    stage.gathered().keys("j j");
    assert_eq!(stage.model.selected().as_str(), "drain");
    let screen = text(&stage);
    assert_eq!(screen.matches("The queue of").count(), 1, "{screen}");
    assert!(screen.contains("The queue of 1.4.2 goes on."), "{screen}");
}
