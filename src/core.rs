//! What an incident is and what may happen next. Never reads a clock, a file, a socket or a random number.
//!
//! The whole of it is four functions over one value:
//!
//! * [`decide::decide`]: may this person (or the hub) do this now? One intent gives one event or a refusal.
//! * [`apply::apply`]: folds an event into the [`incident::Incident`]. Total: an event that was written applies.
//! * [`due::due`]: what the hub must do by itself now: expiries, hold phases, declared retries, automatic looks.
//! * [`effect::effects`]: what an event asks of the world outside, as data.
//!
//! [`replay::check`] turns the first around: it finds the intent behind a recorded event and asks `decide` whether
//! it was legal. The hub, the verifier, every console and every test use these same functions.

pub mod amendment;
pub mod apply;
pub mod comms;
pub mod decide;
pub mod due;
pub mod effect;
pub mod event;
pub mod id;
pub mod incident;
pub mod intent;
pub mod packet;
pub mod plan;
pub mod readiness;
pub mod refusal;
pub mod replay;
pub mod review;
pub mod statement;
pub mod team;
pub mod time;
