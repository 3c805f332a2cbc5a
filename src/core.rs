//! What an incident is and what may happen next. Never reads a clock, a file, a socket or a random number.
