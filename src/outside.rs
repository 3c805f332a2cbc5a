//! Channels that messages leave through, and the only maker of HTTP clients.
//! Never contacts what nobody configured.

pub mod alertmanager;
pub mod channel;
pub mod endpoint;
pub mod http;
pub mod keep;
pub mod tell;
