//! Runs commands. Never knows why.
