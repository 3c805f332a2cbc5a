//! Where numbers come from and what they mean. Never decides anything.
//!
//! [`source`] asks, [`poller`] asks again and again, [`series`] remembers, [`trigger`] judges, [`steady`] waits for the flutter to end,
//! [`exposition`] reckons with what applications show, [`pane`] prepares what a screen shows, [`mod@format`] prints a number with its unit.

pub mod exposition;
pub mod format;
pub mod pane;
pub mod poller;
pub mod series;
pub mod source;
pub mod steady;
pub mod trigger;
