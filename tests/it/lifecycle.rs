//! An incident's life through the command line: hubs that die, steps that fail, people who err.

mod command;
mod disk;
mod hub;
mod menu;
mod mistakes;
mod people;
mod steps;
mod word;
