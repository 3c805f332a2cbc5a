//! People's SSH keys and what they signed. Never knows what an incident is.
