//! Everything that needs the built program or a real server: one binary, one module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

mod attach;
mod author;
mod core;
mod demo;
mod hub;
mod identity;
mod library;
mod lifecycle;
mod metrics;
mod orders;
mod outside;
mod report;
mod runbooks;
mod servers;
mod shop;
mod step;
mod support;
mod terminal;
mod tidy;
mod timeline;
mod watch;
