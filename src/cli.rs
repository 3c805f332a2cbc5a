//! The command line: parse, call, print. Never known by any other room.
