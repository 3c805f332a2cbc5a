//! The record under bad luck and bad intent: failing disks, killed writers, changed files.

mod crash;
mod disk;
mod folder;
mod forged;
mod others;
mod random;
pub mod record;
mod segment;
mod verdict;

use std::path::Path;

use backout::timeline::folder::FileSystems;
use backout::timeline::seal::{Origin, SealKey};
use backout::timeline::store::{OpenError, Opened, Store, create};

pub fn origin() -> Origin {
    Origin::parse("backout.local/01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap()
}

/// A line of the accepted form; the writer does not look at its meaning.
pub fn line(seq: u64) -> Vec<u8> {
    format!(r#"{{"kind":"note.added","seq":{seq},"v":1}}"#).into_bytes()
}

pub fn fresh(path: &Path) -> Store {
    create(path, FileSystems::Any, origin(), SealKey::random().unwrap()).unwrap()
}

/// A fresh timeline under a key that is known, as a lying hub has it.
pub fn with_key(path: &Path, seed_b64: &str) -> Store {
    use base64::Engine as _;
    let seed = base64::engine::general_purpose::STANDARD.decode(seed_b64).unwrap();
    let key = SealKey::from_seed(&mut seed.try_into().unwrap());
    create(path, FileSystems::Any, origin(), key).unwrap()
}

pub fn open(path: &Path) -> Result<Opened, OpenError> {
    Store::open(path, FileSystems::Any, origin(), &[])
}

pub fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path.join("timeline.jsonl")).unwrap()
}
