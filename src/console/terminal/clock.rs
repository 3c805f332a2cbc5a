//! The console's only clock. Never used by anything that decides: those get the time handed in.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::super::model::Moment;
use crate::core::time::Stamp;

/// Gives moments on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// The steady clock.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Both clocks.
    pub fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Stamp(i64::try_from(wall.as_micros()).unwrap_or(i64::MAX));
        Moment { wall, steady: self.began.elapsed() }
    }
}
