//! The one door for foreign text. Never decides what is shown, only that it is harmless.
