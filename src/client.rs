//! The client's half: connects, follows, acts and signs. Never starts a hub or a step, never believes a hub more than
//! the lines it sends prove.
//!
//! * [`connection`]: frames over a socket.
//! * [`mirror`]: the record as received, checked seal by seal, and the incident folded from it.
//! * [`room`]: all of it together.
//! * [`session`]: a person in the room: their session key, and acts signed with it.
//! * [`answer`]: the statements that take a person's own SSH key.

pub mod answer;
pub mod connection;
pub mod mirror;
pub mod room;
pub mod session;
