//! Where numbers come from and what they mean. Never decides anything.
