//! The terminal console. Never touches the network, the timeline's files or a step.
//!
//! Bytes from the terminal become keys ([`input`]), keys become actions by one table ([`action`]), actions change the
//! model or leave as intents, and the model is drawn. The gate makes the drawing fit the terminal ([`gate`]), and only
//! what changed is written ([`paint`], [`terminal`]).

pub mod action;
pub mod amended;
pub mod clipboard;
pub mod deed;
pub mod feed;
pub mod field;
pub mod form;
pub mod gate;
pub mod input;
pub mod keep;
pub mod key;
pub mod keymap;
pub mod layer;
pub mod line;
pub mod link;
pub mod model;
pub mod offer;
pub mod paint;
pub mod run;
pub mod said;
pub mod schedule;
pub mod settings;
pub mod story;
pub mod terminal;
pub mod timers;
pub mod told;
pub mod update;
pub mod view;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
