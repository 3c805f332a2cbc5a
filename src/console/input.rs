//! Bytes from the terminal become keys and pastes. Never acts on them, and never turns a terminal's reply or half a
//! sequence into a key.

pub mod decoder;
pub mod reader;

use super::key::Key;

/// What a person, or the terminal itself, sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key press.
    Key(Key),
    /// Pasted text, as one piece, control characters and all.
    Paste(String),
    /// The terminal answered the question that follows each frame: the frame has arrived.
    Ack,
    /// The window got the focus.
    FocusIn,
    /// The window lost the focus.
    FocusOut,
}
