//! What commands, people, runbooks and servers say in order to steer a terminal: in every pane and every dialog it is
//! text, and the terminal shows what was drawn.

use super::super::link::{Output, RunId};
use super::*;
use crate::core::event::{Direction, Handed, Opinion, PollAnswered, PollOpened, Sent, TriggerFired};
use crate::core::id::Name;
use crate::sanitize;

/// Clipboard, clearing, the first screen, a question to the terminal, C1 forms of both, right-to-left, zero width,
/// stacked accents, wide letters, a family of one glyph, a lone variation selector.
const EVIL: &str = "\u{1b}]52;c;QUFB\u{7}\u{1b}[2J\u{1b}[?1049l\u{1b}P$qm\u{1b}\\\u{1b}[6n\u{9b}31m\u{9d}0;x\u{9c}\u{202e}txt\u{200b}e\u{301}\u{301}語👩\u{200d}👧\u{fe0f}";

/// A whole incident in which everybody who can say something says this.
fn said_by_everybody(columns: u16, lines: u16) -> Play {
    let mut stage = Play::opened_on(columns, lines);
    stage.measured().switching();
    let name = |n: &str| Name::parse(n).unwrap();
    stage.does("hub", TriggerFired { trigger: name("errors"), value: EVIL.into() });
    let failed = Sent {
        step: Some(step("thaw")),
        asked: None,
        template: name("first-word"),
        channel: name("status"),
        how: Handed::ByHand,
        detail: EVIL.into(),
    };
    stage.does("ana", failed);
    let expires = stage.now().wall.plus(Duration::from_secs(30));
    stage.does("ana", PollOpened { question: EVIL.into(), lasts: 30, expires });
    let poll = stage.model.head.n - 1;
    stage.does("bob", PollAnswered { poll, opinion: Opinion::Object, reason: EVIL.into() });
    stage.does(
        "dan",
        crate::core::event::Denied {
            gate: step("two-pairs-of-eyes"),
            attempt: 1,
            role: crate::core::id::RoleName::parse("sre").unwrap(),
            reason: EVIL.into(),
            nonce: "00112233445566778899aabbccddeeff".into(),
            key: EVIL.into(),
        },
    );
    let mut panes = stage.model.panes.clone();
    for pane in &mut panes {
        (pane.title, pane.latest, pane.why) = (EVIL.into(), EVIL.into(), Some(EVIL.into()));
    }
    stage.hub(Update::Panes(panes));
    let run = RunId { step: step("switch"), attempt: 1, direction: Direction::Forward };
    let long = [EVIL.as_bytes(), b"\xff\xc3\x28\xf0\x9f"].concat().repeat(1 << 14);
    let mut lines = vec![sanitize::line(EVIL), sanitize::line(b"\xff\xfe\x80\xed\xa0\x80")];
    // As the hub reads what a command writes.
    let mut liner = sanitize::Liner::new();
    liner.feed(&long, |line| lines.push(line));
    let partial = liner.current();
    lines.extend(liner.finish());
    stage.hub(Update::Output(Output { run, lines, partial, dropped: 0 }));
    stage
}

/// Sequences of ours: colours, moves, a region and its end, the frame around it, the cursor.
const OURS: &str = r"\x1b\[(?:[0-9;]*[mHABCDEFGdKrX]|\?2026[hl]|\?25[hl])|\x1b[78]";

#[track_caller]
fn shows_what_was_drawn(stage: &Play, ours: &regex::Regex, glyphs: Glyphs) {
    let drawn = draw(stage);
    let size = stage.model.size;
    let frame = Screen::new(Gate { level: Level::True, glyphs }).frame(drawn.clone(), None).unwrap();
    assert_eq!(frame.matches("\u{1b}[2J").count(), 1, "only our own clearing");
    let rest = ours.replace_all(&frame, "").replace("\u{1b}[2J", "");
    // These three move rows and the cursor.
    let steers =
        |c: char| !"\n\r\u{8}".contains(c) && (c.is_control() || sanitize::hidden(&c.to_string()).is_some());
    assert!(!rest.contains(steers), "{:?}", rest.chars().find(|c| steers(*c)));
    let mut terminal = vt100::Parser::new(size.rows.try_into().unwrap(), size.columns.try_into().unwrap(), 0);
    terminal.process(frame.as_bytes());
    if glyphs == Glyphs::Unicode {
        // The terminal of this test leaves out the mark for what was no letter; so those rows are not compared.
        for (shown, drawn) in terminal.screen().rows(0, size.columns).zip(rows(&drawn)) {
            assert!(shown.trim_end() == drawn || drawn.contains('\u{fffd}'), "{shown:?}\n{drawn:?}");
        }
    } else {
        assert!(frame.is_ascii());
    }
    assert!(rows(&drawn)[0].contains("PRODUCTION"), "the header stays: {}", rows(&drawn)[0]);
}

#[test]
fn nothing_that_anybody_says_steers_the_terminal_from_any_pane_or_dialog() {
    let ours = regex::Regex::new(OURS).unwrap();
    for (columns, lines) in [(80, 24), (120, 40), (200, 60)] {
        let mut stage = said_by_everybody(columns, lines);
        assert!(text(&stage).contains("\\u{202e}txt"), "it can be read: {}", text(&stage));
        let ways = [
            "1", "2", "2 w", "2 T", "3", "4", "5", "o", "m", "t", "t g", "p", "c", "l", "b", "enter", ":",
            "?", "/",
        ];
        for keys in ways {
            stage.keys(keys);
            shows_what_was_drawn(&stage, &ours, Glyphs::Unicode);
            shows_what_was_drawn(&stage, &ours, Glyphs::Ascii);
            stage.keys("esc esc");
        }
        for deed in ["note", "reply", "abort", "cancel"] {
            stage.keys(":").types(deed).keys("enter").waits(Duration::from_secs(1)).pastes(EVIL);
            shows_what_was_drawn(&stage, &ours, Glyphs::Unicode);
            stage.keys("esc esc");
        }
    }
}
