//! Foreign text: nothing that a terminal obeys comes out, however it went in.
#![no_main]

use backout::sanitize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!sanitize::line(bytes).as_str().contains(obeyed));
    assert!(!sanitize::visible_name(bytes).as_str().contains(obeyed));
    assert!(!sanitize::text(bytes).as_str().contains(|c| obeyed(c) && c != '\n' && c != '\t'));
});
