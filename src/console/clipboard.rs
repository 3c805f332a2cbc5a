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
        // tmux takes the plain one for its own buffer, and hands the wrapped one on where passing through is allowed.
        Around::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_travels_encoded_and_cannot_end_the_sequence_early() {
        assert_eq!(osc52("a\x07b", Around::Terminal), "\x1b]52;c;YQdi\x07");
        assert!(osc52("x", Around::Tmux).ends_with("\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\"));
    }
}
