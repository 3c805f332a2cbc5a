//! The signed record of one incident. Never knows hub, console or network.
//!
//! Bottom up:
//!
//! * [`tree`]: the Merkle tree over raw lines, heads, proofs.
//! * [`seal`]: who signs a head, as a line and as a checkpoint.
//! * [`mod@line`]: the one accepted byte form of an event.
//! * [`codec`]: lines and typed events, and what a person's act signs.
//! * [`walk`]: reading a file of events and seals.
//! * [`segment`]: a record that goes on in another file after a disk failed.
//! * [`payload`]: removable parts that events commit to.
//! * [`folder`], [`store`]: the files, opened safely, and the only writer.
//! * [`evidence`], [`verify`]: a record to be judged, and the judge.
//! * [`proof`], [`export`]: one event, or everything people signed, for others.

pub mod amended;
pub mod codec;
pub mod evidence;
pub mod export;
pub mod folder;
pub mod line;
pub mod payload;
pub mod proof;
pub mod seal;
pub mod segment;
pub mod store;
pub mod tree;
pub mod verify;
pub mod walk;
