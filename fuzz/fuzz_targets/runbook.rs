//! A runbook file: any bytes give a runbook or findings that point into the file.
#![no_main]

use backout::runbook;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match runbook::load("fuzz.yaml", bytes) {
        Ok(loaded) => assert!(loaded.runbook.steps().count() > 0, "a runbook without a step"),
        Err(findings) => assert!(!findings.is_empty(), "refused without a reason"),
    }
});
