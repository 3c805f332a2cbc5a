//! What hub and client say to each other. Never knows either side, never touches a socket's lifetime.
//!
//! One frame is a 4-byte big-endian length and that many bytes of JSON. The hub sends the record's own lines, so a
//! client checks seals and tree itself and needs to believe nothing else.

pub mod act;
pub mod frame;
pub mod message;
