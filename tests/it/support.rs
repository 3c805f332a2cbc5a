//! What the tests share: temporary places, real servers, people with keys, the program itself.
//! Never asserts anything about the product.

#![allow(dead_code, unused_imports)]

pub mod accounts;
pub mod backout;
mod head;
pub mod incident;
pub mod people;
mod place;
pub mod postgres;
pub mod prometheus;
mod server;
pub mod ssh;
mod wait;

pub use accounts::{Account, Accounts};
pub use backout::{Backout, Outcome};
pub(crate) use head::head;
pub use incident::{Incident, PATIENCE};
pub use people::{Person, Team, repository};
pub use place::Place;
pub use postgres::Postgres;
pub use prometheus::{Alertmanager, PostgresExporter, Prometheus};
pub use server::{Daemon, find, free_port, need};
pub use ssh::{Agent, KeyKind, Sshd};
pub use wait::{wait_for, wait_until};
