//! The signed record of one incident. Never knows hub, console or network.
