//! The process that owns one incident. Never knows the console.
