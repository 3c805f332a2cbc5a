//! Colours by meaning. Never knows which widget uses them.
