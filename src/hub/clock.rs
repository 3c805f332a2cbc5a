//! What time it is, and whether the clock was moved. Never decides what follows from either.

use crate::core::time::{DRIFT, Stamp};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock, watched by the monotonic one.
#[derive(Debug)]
pub struct Clock {
    last: Option<(Stamp, Instant)>,
}

/// One look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Now.
    pub now: Stamp,
    /// By how many microseconds the wall clock was moved since the last look, if it was.
    pub jumped: Option<i64>,
}

/// Now, by the wall clock.
pub fn now() -> Stamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |m| -m),
    };
    Stamp(micros)
}

impl Clock {
    /// A clock that was not looked at yet.
    pub fn new() -> Clock {
        Clock { last: None }
    }

    /// Looks at both clocks.
    pub fn tick(&mut self) -> Tick {
        self.looked(now(), Instant::now())
    }

    fn looked(&mut self, wall: Stamp, steady: Instant) -> Tick {
        let before = self.last.replace((wall, steady));
        let jumped = before.and_then(|(then, steady_then)| {
            let passed = i64::try_from(steady.saturating_duration_since(steady_then).as_micros()).ok()?;
            let moved = wall.0.saturating_sub(then.0).saturating_sub(passed);
            (Duration::from_micros(moved.unsigned_abs()) > DRIFT).then_some(moved)
        });
        Tick { now: wall, jumped }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_was_moved_jumps() {
        let start = Instant::now();
        let mut clock = Clock::new();
        let second = Duration::from_secs(1);
        assert_eq!(clock.looked(Stamp(0), start).jumped, None);
        assert_eq!(clock.looked(Stamp(61_000_000), start + second * 60).jumped, None, "a second is drift");
        assert_eq!(clock.looked(Stamp(3_662_000_000), start + second * 61).jumped, Some(3_600_000_000));
        assert_eq!(clock.looked(Stamp(63_000_000), start + second * 62).jumped, Some(-3_600_000_000));
    }
}
