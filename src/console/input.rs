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
    /// The mouse did something; terminals only say so when asked.
    Mouse(Mouse),
}

/// What the mouse did, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub what: Pointing,
    /// Column from the left, from 0.
    pub column: u16,
    /// Row from the top, from 0.
    pub row: u16,
}

/// What a mouse can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointing {
    /// The left button went down.
    Click,
    /// The wheel went up.
    WheelUp,
    /// The wheel went down.
    WheelDown,
}
