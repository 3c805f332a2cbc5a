//! People's signatures, judged by the real `ssh-keygen` and asked of a real `ssh-agent`.

mod agents;
mod differential;
mod files;
mod hostile;
pub mod judge;
mod kinds;
mod names;
pub mod soft;
mod stricter;
mod tokens;
mod zones;
