//! The folder of one team. Never contacts anything.
