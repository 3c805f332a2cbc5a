//! The signed record of one incident. Never knows hub, console or network.
//!
//! Bottom up: [`tree`] (Merkle tree over raw lines), [`seal`] (who signs a head), [`line`] (the one accepted
//! byte form of an event), [`walk`] (reading a file of both), [`store`] (the only writer), [`verify`] (the judge).

pub mod line;
pub mod seal;
pub mod tree;
