//! The state machine between raw bytes and [`Input`]. Never reads a clock: time comes in with the bytes.
//!
//! The grammar of the sequences is termina's. What is added here is what a slow line needs: a lone ESC is told from the
//! start of a sequence by time, the tail of a sequence that came too late is not typed text, replies that nobody
//! understands end where they end, and nothing grows without bound.

use std::time::{Duration, Instant};

use termina::event::{KeyCode, KeyEvent, KeyEventKind, Modifiers, MouseButton, MouseEvent, MouseEventKind};
use termina::{Event, Parser};

use super::super::key::{Code, Key};
use super::{Input, Mouse, Pointing};

/// How long an ESC waits for the rest of a sequence on this machine.
pub const LOCAL_WAIT: Duration = Duration::from_millis(75);
/// The same behind SSH, where a sequence may arrive in two packets.
pub const REMOTE_WAIT: Duration = Duration::from_millis(120);

/// A sequence other than a paste that is longer than this is not one.
const LONGEST_SEQUENCE: usize = 4096;
/// What is kept of one paste.
const LONGEST_PASTE: usize = 64 * 1024;
/// An unfinished sequence is given up after this long without a byte.
const GIVE_UP: Duration = Duration::from_secs(1);
/// For so long after a lone ESC, `[A` in one read is the late tail of a sequence and nothing a person typed.
const LATE_TAIL: Duration = Duration::from_millis(500);

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// Turns bytes into inputs.
pub struct Decoder {
    parser: Parser,
    /// Bytes given to the parser since it last came to an end.
    held: Vec<u8>,
    mode: Mode,
    wait: Duration,
    last_byte: Option<Instant>,
    lone_esc: Option<Instant>,
}

enum Mode {
    Sequences,
    /// Inside a bracketed paste; `last` are the newest bytes, to find the end even after `kept` is full.
    Paste {
        kept: Vec<u8>,
        last: Vec<u8>,
    },
    /// Inside a string sequence that nobody understands, until its terminator.
    Skip {
        escape: bool,
    },
}

impl Decoder {
    /// A decoder that waits this long for the rest of a sequence after an ESC.
    pub fn new(wait: Duration) -> Decoder {
        Decoder {
            parser: Parser::default(),
            held: Vec::new(),
            mode: Mode::Sequences,
            wait,
            last_byte: None,
            lone_esc: None,
        }
    }

    /// Takes one read's bytes.
    pub fn feed(&mut self, bytes: &[u8], now: Instant, out: &mut Vec<Input>) {
        self.tick(now, out);
        if bytes.is_empty() {
            return;
        }
        let late = self.held.is_empty()
            && self.lone_esc.take().is_some_and(|at| now.duration_since(at) < LATE_TAIL)
            && is_tail(bytes);
        self.last_byte = Some(now);
        if late {
            self.byte(0x1b, out);
        }
        for byte in bytes {
            self.byte(*byte, out);
        }
    }

    /// When [`Decoder::tick`] has something to do, if nothing more arrives.
    pub fn deadline(&self) -> Option<Instant> {
        let last = self.last_byte?;
        match self.mode {
            Mode::Sequences if self.held.is_empty() => None,
            Mode::Sequences if self.held == b"\x1b" => Some(last + self.wait),
            Mode::Sequences | Mode::Skip { .. } => Some(last + GIVE_UP),
            // A paste over a bad line may pause for long; typing into it would be worse than waiting.
            Mode::Paste { .. } => Some(last + GIVE_UP * 10),
        }
    }

    /// Lets time pass: a lone ESC becomes a key, a sequence that never ended is dropped.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Input>) {
        if self.deadline().is_none_or(|at| now < at) {
            return;
        }
        if self.held == b"\x1b" {
            self.lone_esc = self.last_byte;
            out.push(Input::Key(Key::plain(Code::Esc)));
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.parser = Parser::default();
        self.held.clear();
        self.mode = Mode::Sequences;
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Input>) {
        match &mut self.mode {
            Mode::Sequences => self.sequence(byte, out),
            Mode::Paste { kept, last } => {
                if kept.len() < LONGEST_PASTE + PASTE_END.len() {
                    kept.push(byte);
                }
                if last.len() == PASTE_END.len() {
                    last.remove(0);
                }
                last.push(byte);
                if last == PASTE_END {
                    let text = kept.strip_suffix(PASTE_END).unwrap_or(kept);
                    out.push(Input::Paste(String::from_utf8_lossy(text).into_owned()));
                    self.reset();
                }
            }
            Mode::Skip { escape } => match byte {
                0x07 => self.reset(),
                b'\\' if *escape => self.reset(),
                _ => *escape = byte == 0x1b,
            },
        }
    }

    fn sequence(&mut self, byte: u8, out: &mut Vec<Input>) {
        if byte == 0x1b && self.held == b"\x1b" {
            // A key, and the start of something else: most likely the terminal's answer to a frame.
            self.lone_esc = self.last_byte;
            out.push(Input::Key(Key::plain(Code::Esc)));
            self.reset();
        }
        self.held.push(byte);
        if self.held == PASTE_BEGIN {
            self.reset();
            self.mode = Mode::Paste { kept: Vec::new(), last: Vec::new() };
            return;
        }
        self.parser.parse(&[byte], true);
        let mut done = false;
        while let Some(event) = self.parser.pop() {
            done = true;
            out.extend(self.input(event));
        }
        if done || is_over(&self.held) {
            self.reset();
        } else if self.held.len() >= LONGEST_SEQUENCE {
            let string = matches!(self.held.get(1), Some(b']' | b'P' | b'_' | b'^'));
            self.reset();
            if string {
                self.mode = Mode::Skip { escape: byte == 0x1b };
            }
        }
    }

    fn input(&self, event: Event) -> Option<Input> {
        match event {
            Event::Key(event) => key(event).map(Input::Key),
            Event::FocusIn => Some(Input::FocusIn),
            Event::FocusOut => Some(Input::FocusOut),
            Event::Mouse(event) => mouse(event).map(Input::Mouse),
            Event::Csi(_) if self.held.starts_with(b"\x1b[?") && self.held.ends_with(b"c") => {
                Some(Input::Ack)
            }
            // Pastes never reach the parser; all other replies are nobody's business here.
            Event::Paste(_) | Event::Csi(_) | Event::Osc(_) | Event::Dcs(_) | Event::WindowResized(_) => None,
        }
    }
}

/// Whether these bytes are one whole sequence without its ESC, as they arrive when the ESC came alone before.
fn is_tail(bytes: &[u8]) -> bool {
    match bytes {
        [b'O', b'A'..=b'H' | b'P'..=b'S'] => true,
        [b'[', middle @ .., last] => {
            matches!(last, b'A'..=b'Z' | b'~' | b'u' | b'c' | b'm')
                && middle.iter().all(|b| matches!(b, 0x20..=0x3f))
        }
        _ => false,
    }
}

/// Whether the bytes are a finished sequence by the general grammar, understood or not.
fn is_over(held: &[u8]) -> bool {
    match held {
        [] | [0x1b] => false,
        // Linux console function keys have one more byte, old mouse reports three.
        [0x1b, b'['] | [0x1b, b'[', b'['] => false,
        [0x1b, b'[', b'M', rest @ ..] => rest.len() >= 3,
        [0x1b, b'[', .., last] => matches!(last, 0x40..=0x7e) || *last < 0x20,
        [0x1b, b'O'] => false,
        [0x1b, b']' | b'P' | b'_' | b'^'] => false,
        [0x1b, b']' | b'P' | b'_' | b'^', .., last] => *last == 0x07 || held.ends_with(b"\x1b\\"),
        // The start of a UTF-8 character, alone or with alt, has up to four bytes.
        [0x1b, rest @ ..] => is_whole_character(rest),
        whole => is_whole_character(whole),
    }
}

fn is_whole_character(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(0xc2..=0xdf) => bytes.len() >= 2,
        Some(0xe0..=0xef) => bytes.len() >= 3,
        Some(0xf0..=0xf4) => bytes.len() >= 4,
        _ => true,
    }
}

fn mouse(event: MouseEvent) -> Option<Mouse> {
    let what = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Pointing::Click,
        MouseEventKind::ScrollUp => Pointing::WheelUp,
        MouseEventKind::ScrollDown => Pointing::WheelDown,
        // Other buttons and moves mean nothing here. (The enum is termina's.)
        _ => return None,
    };
    Some(Mouse { what, column: event.column, row: event.row })
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let ctrl = event.modifiers.contains(Modifiers::CONTROL);
    let alt = event.modifiers.contains(Modifiers::ALT);
    let code = match event.code {
        // Control-J is how some terminals and every paste without brackets send a line end.
        KeyCode::Char('j') if ctrl => Code::Enter,
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Tab if event.modifiers.contains(Modifiers::SHIFT) => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::Escape => Code::Esc,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Insert => Code::Insert,
        KeyCode::Delete => Code::Delete,
        KeyCode::Function(n) => Code::F(n),
        // Lock, media and bare modifier keys mean nothing here. (The enum is termina's.)
        _ => return None,
    };
    Some(Key { code, ctrl: ctrl && code != Code::Enter, alt })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Typist {
        decoder: Decoder,
        now: Instant,
        out: Vec<Input>,
    }

    impl Typist {
        fn new() -> Typist {
            Typist { decoder: Decoder::new(LOCAL_WAIT), now: Instant::now(), out: Vec::new() }
        }

        fn sends(mut self, bytes: &[u8]) -> Typist {
            self.decoder.feed(bytes, self.now, &mut self.out);
            self
        }

        fn waits(mut self, ms: u64) -> Typist {
            self.now += Duration::from_millis(ms);
            self.decoder.tick(self.now, &mut self.out);
            self
        }

        #[track_caller]
        fn gives(self, expected: &[Input]) {
            assert_eq!(self.out, expected);
        }
    }

    fn plain(code: Code) -> Input {
        Input::Key(Key::plain(code))
    }

    #[test]
    fn an_arrow_split_anywhere_is_one_arrow() {
        for (first, second) in
            [(&b"\x1b"[..], &b"[A"[..]), (b"\x1b[", b"A"), (b"\x1b", b"OA"), (b"\x1bO", b"A")]
        {
            Typist::new().sends(first).waits(50).sends(second).waits(2000).gives(&[plain(Code::Up)]);
        }
    }

    #[test]
    fn a_lone_escape_acts_within_the_wait() {
        Typist::new().sends(b"\x1b").waits(74).gives(&[]);
        Typist::new().sends(b"\x1b").waits(75).gives(&[plain(Code::Esc)]);
        const { assert!(REMOTE_WAIT.as_millis() <= 150) };
    }

    #[test]
    fn the_late_tail_of_an_arrow_is_not_typed_text() {
        Typist::new().sends(b"\x1b").waits(200).sends(b"[A").gives(&[plain(Code::Esc), plain(Code::Up)]);
        // Long after, a person may well type a bracket.
        Typist::new()
            .sends(b"\x1b")
            .waits(900)
            .sends(b"[")
            .waits(2000)
            .gives(&[plain(Code::Esc), Input::Key(Key::char('['))]);
    }

    #[test]
    fn escape_followed_by_a_key_is_alt() {
        let alt = Key { code: Code::Char('x'), ctrl: false, alt: true };
        Typist::new().sends(b"\x1bx").gives(&[Input::Key(alt)]);
    }

    #[test]
    fn letters_of_every_script_come_through() {
        Typist::new().sends("aÉ語".as_bytes()).gives(&[
            Input::Key(Key::char('a')),
            Input::Key(Key::char('É')),
            Input::Key(Key::char('語')),
        ]);
        let bytes = "語".as_bytes();
        Typist::new().sends(&bytes[..1]).waits(10).sends(&bytes[1..]).gives(&[Input::Key(Key::char('語'))]);
    }

    #[test]
    fn replies_never_become_keys() {
        for reply in [
            &b"\x1b[24;80R"[..],
            b"\x1b]11;rgb:0000/0000/0000\x1b\\",
            b"\x1b]11;rgb:00/00/00\x07",
            b"\x1b[?2026;2$y",
            b"\x1b[>0;276;0c",
            b"\x1bP1$r0m\x1b\\",
            b"\x1b[8;24;80t",
            b"\x1b[0n",
        ] {
            Typist::new().sends(reply).sends(b"k").gives(&[Input::Key(Key::char('k'))]);
        }
    }

    #[test]
    fn the_answer_to_a_frame_is_an_ack() {
        for reply in [&b"\x1b[?1;2c"[..], b"\x1b[?62;22c", b"\x1b[?6c"] {
            Typist::new().sends(reply).gives(&[Input::Ack]);
        }
    }

    #[test]
    fn an_escape_just_before_an_answer_stays_an_escape() {
        Typist::new().sends(b"\x1b").waits(5).sends(b"\x1b[?62;22c").gives(&[plain(Code::Esc), Input::Ack]);
        Typist::new().sends(b"\x1b\x1b[A").gives(&[plain(Code::Esc), plain(Code::Up)]);
    }

    #[test]
    fn the_mouse_is_understood_wherever_its_report_is_split() {
        let at = |what| Input::Mouse(Mouse { what, column: 39, row: 5 });
        for (report, gives) in [
            (&b"\x1b[<0;40;6M"[..], vec![at(Pointing::Click)]),
            (b"\x1b[<0;40;6m", vec![]),
            (b"\x1b[<2;40;6M", vec![]),
            (b"\x1b[<64;40;6M", vec![at(Pointing::WheelUp)]),
            (b"\x1b[<65;40;6M", vec![at(Pointing::WheelDown)]),
        ] {
            for cut in 0..report.len() {
                let (a, b) = report.split_at(cut);
                Typist::new().sends(a).waits(50).sends(b).waits(2000).gives(&gives);
            }
            // The ESC alone, far too early: what follows is still no text.
            let late: Vec<Input> = [plain(Code::Esc)].into_iter().chain(gives).collect();
            Typist::new().sends(b"\x1b").waits(200).sends(&report[1..]).waits(2000).gives(&late);
        }
    }

    #[test]
    fn a_paste_is_one_piece_whatever_it_holds() {
        let text = "q\r\n\x1b[A:abort\r";
        let bytes = format!("\x1b[200~{text}\x1b[201~j");
        for cut in 0..bytes.len() {
            let (a, b) = bytes.as_bytes().split_at(cut);
            // A cut inside the first ESC is the other test's business.
            Typist::new()
                .sends(a)
                .waits(20)
                .sends(b)
                .gives(&[Input::Paste(text.into()), Input::Key(Key::char('j'))]);
        }
    }

    #[test]
    fn a_huge_paste_is_cut_and_ends_where_it_ends() {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 300_000));
        bytes.extend(b"\x1b[201~k");
        let typist = Typist::new().sends(&bytes);
        let [Input::Paste(text), Input::Key(key)] = typist.out.as_slice() else {
            panic!("{:?}", typist.out.len())
        };
        assert!(text.len() <= LONGEST_PASTE + PASTE_END.len());
        assert_eq!(*key, Key::char('k'));
    }

    #[test]
    fn an_endless_string_is_skipped_to_its_end() {
        let mut bytes = b"\x1b]52;c;".to_vec();
        bytes.extend(std::iter::repeat_n(b'q', 20_000));
        bytes.extend(b"\x07k");
        Typist::new().sends(&bytes).gives(&[Input::Key(Key::char('k'))]);
    }

    #[test]
    fn an_unfinished_sequence_does_not_eat_what_is_typed_later() {
        Typist::new().sends(b"\x1b[1;").waits(1500).sends(b"q").gives(&[Input::Key(Key::char('q'))]);
    }

    #[test]
    fn line_feed_and_carriage_return_are_both_enter() {
        Typist::new().sends(b"\r\n").gives(&[plain(Code::Enter), plain(Code::Enter)]);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_in_any_pieces_are_survived(chunks in proptest::collection::vec(
            (proptest::collection::vec(proptest::num::u8::ANY, 0..40), 0u64..300), 0..20)) {
            let mut typist = Typist::new();
            for (chunk, pause) in &chunks {
                typist = typist.sends(chunk).waits(*pause);
            }
            typist = typist.waits(20_000);
            let before = typist.out.len();
            let typist = typist.sends(b"k");
            assert_eq!(&typist.out[before..], &[Input::Key(Key::char('k'))]);
        }
    }
}
