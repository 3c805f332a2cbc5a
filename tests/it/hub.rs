//! A real hub in its own process, and people who talk to it over its socket.

mod amend;
mod answers;
mod clients;
mod faults;
mod house;
mod input;
mod keys;
mod life;
mod moments;
mod more;
mod nodata;
mod observer;
mod peers;
mod steps;
mod unknown;
