//! The signed record of one incident. Never knows hub, console or network.
//!
//! Bottom up: [`tree`] (Merkle tree over raw lines), [`seal`] (who signs a head), [`line`] (the one accepted byte
//! form of an event), [`walk`] (reading a file of both), [`folder`] (the files, opened safely), [`store`] (the only
//! writer), [`codec`] (lines and typed events).

pub mod codec;
pub mod evidence;
pub mod export;
pub mod folder;
pub mod line;
pub mod payload;
pub mod proof;
pub mod seal;
pub mod store;
pub mod tree;
pub mod verify;
pub mod walk;
