//! Seals and checkpoints: one seal has one line.
#![no_main]

use backout::timeline::seal::{Checkpoint, Origin, Seal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(seal) = Seal::parse(bytes) {
        assert_eq!(seal.line().trim_end_matches('\n').as_bytes(), bytes, "two lines for one seal");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Checkpoint::parse(text);
        let _ = Origin::parse(text).map(|origin| origin.next_segment().segment());
    }
});
