//! Waiting for a condition with a deadline. Never a bare sleep as synchronisation.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until `look` is true; panics with `what` when the deadline has passed.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, mut look: impl FnMut() -> bool) {
    wait_for(what, deadline, || if look() { Ok(()) } else { Err("not yet".to_owned()) });
}

/// Waits until `look` gives a value; panics with `what` and its last reason when the deadline has passed.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(why) if begun.elapsed() > deadline => {
                panic!("{what}: not within {deadline:?}; the last look said: {why}")
            }
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
