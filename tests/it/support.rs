//! What the tests share: temporary places, real servers, people with keys, the program itself.
//! Never asserts anything about the product.

#![allow(dead_code, unused_imports)]

mod place;
mod server;
mod wait;

pub use place::Place;
pub use server::{Daemon, find, free_port, need};
pub use wait::{wait_for, wait_until};
