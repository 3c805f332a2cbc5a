//! Where orders come from: lines on standard input. Never reads past the line it gives, as far as anybody can see.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::signals::Signals;
use super::{Late, SHORT, timespec};
use crate::step::order::{LONGEST, Order};

/// How long a supervisor waits for its next order. After that a new one is started when one is needed.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes read at once.
const BUFFER: usize = 16 * 1024;

/// The orders of one supervisor.
#[derive(Default)]
pub struct Post {
    came: Vec<u8>,
}

impl Post {
    /// The next order; `None` when there will be none: the hub is gone or needs nothing, nothing came for a while, or
    /// somebody asked this process to end.
    ///
    /// # Errors
    /// Something came that is no order, or what was left for a moment of rest cannot be made durable.
    pub(super) fn next(&mut self, signals: &mut Signals, late: &mut Late) -> io::Result<Option<Order>> {
        let until = Instant::now() + IDLE;
        loop {
            if let Some(order) = self.whole()? {
                return Ok(Some(order));
            }
            let mut left = until.saturating_duration_since(Instant::now());
            if late.is_due() {
                left = left.min(SHORT);
            }
            let mut fds = [
                PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN),
                PollFd::new(signals.wake(), PollFlags::IN),
            ];
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(0) if late.is_due() => late.sync()?,
                Ok(0) if left.is_zero() => return Ok(None),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            let [orders, wake] = fds.map(|fd| !fd.revents().is_empty());
            if wake {
                signals.drain(Instant::now());
            }
            if signals.asked_to_go() || (orders && !self.read()?) {
                return Ok(None);
            }
        }
    }

    /// `false` at the end.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; BUFFER];
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) => Ok(false),
            Ok(n) => {
                self.came.extend_from_slice(buffer.get(..n).unwrap_or_default());
                if self.came.len() > LONGEST {
                    return Err(io::Error::other("an order that does not end"));
                }
                Ok(true)
            }
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(e) => Err(e.into()),
        }
    }

    fn whole(&mut self) -> io::Result<Option<Order>> {
        let Some(end) = self.came.iter().position(|b| *b == b'\n') else { return Ok(None) };
        let rest = self.came.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.came, rest);
        line.pop();
        let order = Order::parse(&line);
        // It may have held secrets.
        std::hint::black_box(&mut line).fill(0);
        // What is wrong with it is not said: it would be part of the order.
        order.map(Some).map_err(|_| io::Error::other("what came is no order"))
    }
}
