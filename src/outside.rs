//! Channels that messages leave through. Never contacts what nobody configured.
