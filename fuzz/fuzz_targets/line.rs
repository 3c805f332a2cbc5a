//! A line of the record: whatever is accepted is written back byte for byte.
#![no_main]

use backout::timeline::codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Ok(event) = codec::decode(line) {
        let written = codec::encode(&event).expect("what was read can be written");
        assert_eq!(written, line, "two lines for one event");
    }
});
