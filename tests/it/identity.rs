//! People's signatures, judged by the real `ssh-keygen` and asked of a real `ssh-agent`.

mod agents;
mod differential;
mod files;
mod hostile;
mod judge;
mod kinds;
mod soft;
mod stricter;
mod zones;
