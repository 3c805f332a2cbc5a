//! People's SSH keys and what they signed. Never knows what an incident is.
//!
//! * [`sshsig`]: the envelope `ssh-keygen -Y sign` writes, and the namespaces this program signs in.
//! * [`allowed_signers`]: which key speaks for whom, in OpenSSH's own file format, and the verdict on a signature.
//! * [`revoked`]: keys that no longer count.
//! * [`key`], [`certificate`]: public keys and OpenSSH certificates, byte for byte.
//! * [`agent`], [`keyfile`], [`signer`]: where a person's signature comes from.
//! * [`session`]: the short-lived key a client signs its acts with.
//! * [`reject`]: why a signature does not count, as sentences.

pub mod agent;
pub mod allowed_signers;
pub mod certificate;
mod check;
pub mod key;
pub mod keyfile;
mod pattern;
pub mod reject;
pub mod revoked;
pub mod session;
pub mod signer;
pub mod sshsig;
mod stamp;
mod wire;
pub mod witness;

pub use allowed_signers::AllowedSigners;
pub use reject::{CertificateUse, Presence, Reject, Signed};
pub use revoked::Revoked;
pub use session::SessionKey;
pub use signer::{SignError, Signer};
pub use witness::WitnessKey;
