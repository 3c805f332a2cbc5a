//! Armored SSH signatures: what was read reads the same when it is written and read again.
#![no_main]

use backout::identity::sshsig::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signature) = Envelope::parse(bytes) {
        let armored = signature.to_armor();
        let again = Envelope::parse(armored.as_bytes()).expect("our own armor reads back");
        assert_eq!(again.to_armor(), armored);
    }
});
