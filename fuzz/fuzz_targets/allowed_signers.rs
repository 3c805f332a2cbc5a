//! The roster of keys: any bytes are read, and asking about them never fails.
#![no_main]

use backout::identity::allowed_signers::AllowedSigners;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let roster = AllowedSigners::parse(bytes);
    let _ = roster.lint();
    let _ = roster.keys_of("bob@example.com");
    let lines = bytes.split(|b| *b == b'\n').count();
    assert!(roster.lines().len() + roster.errors().len() <= lines, "more entries than lines");
});
