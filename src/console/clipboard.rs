//! The sequence that puts text into the clipboard of the terminal a person sits at, also through SSH and tmux. Never
//! reads a clipboard.

use base64::Engine as _;

/// What surrounds this program's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// A terminal.
    Terminal,
    /// tmux.
    Tmux,
}

/// Bytes that ask the terminal to take the text (OSC 52). There is no answer, so nobody knows whether it did.
pub fn osc52(text: &str, around: Around) -> String {
    let plain = format!("\x1b]52;c;{}\x07", base64::engine::general_purpose::STANDARD.encode(text));
    match around {
        Around::Terminal => plain,
        // tmux takes the plain one for its own buffer.
        Around::Tmux => plain.clone() + &through_tmux(&plain),
    }
}

/// Characters of a notification.
const WORDS: usize = 120;

/// Bytes that ask the terminal to show a notification of the desktop (OSC 9). Nothing in the words can end it early.
pub fn osc9(words: &str, around: Around) -> String {
    let words: String =
        crate::sanitize::line(words).as_str().chars().filter(|c| !c.is_control()).take(WORDS).collect();
    let plain = format!("\x1b]9;{words}\x07");
    match around {
        Around::Terminal => plain,
        Around::Tmux => through_tmux(&plain),
    }
}

/// What tmux hands on to its own terminal where passing through is allowed.
fn through_tmux(sequence: &str) -> String {
    format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_one_sequence_whatever_the_words_are() {
        assert_eq!(osc9("start go", Around::Terminal), "\x1b]9;start go\x07");
        let sly = osc9("a\x07\x1b]52;c;eA==\x07\u{9c}b\u{202e}", Around::Terminal);
        assert_eq!((sly.matches('\x1b').count(), sly.matches('\x07').count()), (1, 1), "{sly:?}");
        assert!(!sly.contains('\u{9c}') && !sly.contains('\u{202e}'));
        assert!(osc9("x", Around::Tmux).starts_with("\x1bPtmux;\x1b\x1b]9;x\x07"));
    }

    #[test]
    fn the_text_travels_encoded_and_cannot_end_the_sequence_early() {
        assert_eq!(osc52("a\x07b", Around::Terminal), "\x1b]52;c;YQdi\x07");
        assert!(osc52("x", Around::Tmux).ends_with("\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\"));
    }
}
