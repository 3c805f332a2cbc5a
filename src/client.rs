//! The client's half: connects, follows, acts and signs. Never starts a hub or a step.
