//! Where a person's signature comes from: agent, file or, for demonstrations, memory. Never signs what it did not get.

mod find;

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use ssh_key::private::{Ed25519Keypair, KeypairData};

use super::agent::{Agent, AgentError};
use super::key::{Presented, PublicKey};
use super::keyfile::{KeyFile, KeyFileError};
use super::reject::Reject;
use super::sshsig::{Envelope, signed_data};
use super::wire::put_string;

/// Something that signs for one key.
#[derive(Debug)]
pub enum Signer {
    /// A key in an agent.
    Agent {
        /// The agent's socket; every signature opens it anew, so a restarted agent works.
        socket: PathBuf,
        /// The key or certificate.
        presented: Presented,
        /// The comment it was added with. Foreign text: clean it before showing.
        comment: String,
    },
    /// A key in a file.
    File(KeyFile),
    /// A throw-away key.
    Memory(MemoryKey),
}

/// An Ed25519 key that lives in this process, for demonstrations and tests. Wiped when dropped.
pub struct MemoryKey {
    key: SigningKey,
    presented: Presented,
}

impl fmt::Debug for MemoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryKey({})", self.presented)
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The agent did not help.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The key file did not help.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The purpose is empty.
    #[error("a signature needs a purpose (namespace)")]
    NoNamespace,
    /// The fresh signature does not hold.
    #[error("the signature just made does not hold: {0}")]
    BadSignature(#[from] Reject),
    /// Neither agent nor file.
    #[error("there is nothing to sign with: no ssh-agent (SSH_AUTH_SOCK) and no key file")]
    Nothing,
    /// The agent holds other keys.
    #[error("the ssh-agent holds no key that allowed_signers lists for {principal}; it holds {held}")]
    NotInAgent {
        /// Whose key was looked for.
        principal: String,
        /// What is there, as a list of types and fingerprints.
        held: String,
    },
    /// The file holds a key that is not listed.
    #[error("allowed_signers does not list the key {fingerprint} of {path} for {principal}")]
    NotListed {
        /// Whose key was looked for.
        principal: String,
        /// The file's key.
        fingerprint: String,
        /// The file.
        path: PathBuf,
    },
    /// Only throw-away keys can be written out.
    #[error("only a key in memory can be written to a file")]
    NotExportable,
    /// The new key file could not be written.
    #[error("the key file {path} cannot be written: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl Signer {
    /// A throw-away key from 32 random bytes.
    pub fn generate_memory(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let presented = Presented::Key(PublicKey::Ed25519(key.verifying_key().to_bytes()));
        Signer::Memory(MemoryKey { key, presented })
    }

    /// The key or certificate signatures are made with.
    pub fn presented(&self) -> &Presented {
        match self {
            Signer::Agent { presented, .. } => presented,
            Signer::File(file) => file.presented(),
            Signer::Memory(memory) => &memory.presented,
        }
    }

    /// `type base64`, as a line of `allowed_signers` needs it.
    pub fn public_openssh(&self) -> String {
        self.presented().to_openssh()
    }

    /// `SHA256:…` of the key; under a certificate, of the certified key.
    pub fn fingerprint(&self) -> String {
        self.presented().key().fingerprint()
    }

    /// Signs a message for a purpose; the armored signature, checked before it is returned.
    ///
    /// Blocks while an agent waits for a touch or a confirmation.
    ///
    /// # Errors
    /// If agent, file or `ssh-keygen` do not sign, or what they return does not hold.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SignError> {
        if namespace.is_empty() {
            return Err(SignError::NoNamespace);
        }
        let envelope = match self {
            Signer::Agent { socket, presented, .. } => {
                let data = signed_data(namespace, message);
                let signature = Agent::connect(socket)?.sign(presented, &data)?;
                Envelope::wrap(presented.clone(), namespace, signature)
            }
            Signer::File(file) => file.sign(namespace, message)?,
            Signer::Memory(memory) => {
                let mut signature = Vec::new();
                put_string(&mut signature, b"ssh-ed25519");
                let value = memory.key.sign(&signed_data(namespace, message)).to_bytes();
                put_string(&mut signature, &value);
                Envelope::wrap(memory.presented.clone(), namespace, signature)
            }
        };
        envelope.check(namespace, message)?;
        Ok(envelope.to_armor())
    }

    /// Writes a throw-away key as an OpenSSH private key file, mode 0600. An existing file is not overwritten.
    ///
    /// # Errors
    /// If the key is not in memory, or the file exists or cannot be written.
    pub fn write_key_file(&self, path: &Path, comment: &str) -> Result<(), SignError> {
        let Signer::Memory(memory) = self else { return Err(SignError::NotExportable) };
        let unwritable = |reason: String| SignError::Unwritable { path: path.to_owned(), reason };
        let pair = Ed25519Keypair::from_seed(memory.key.as_bytes());
        let text = ssh_key::PrivateKey::new(KeypairData::Ed25519(pair), comment)
            .and_then(|private| private.to_openssh(ssh_key::LineEnding::LF))
            .map_err(|error| unwritable(error.to_string()))?;
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| unwritable(error.to_string()))?;
        file.write_all(text.as_bytes()).map_err(|error| unwritable(error.to_string()))
    }
}
