//! A person's key in a file. Never reads a key that others on the machine can read.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ed25519_dalek::Signer as _;
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;

use super::key::{self, Presented};
use super::reject::Reject;
use super::sshsig::{Envelope, signed_data};
use super::wire::put_string;

/// Longest key file read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Asks a person for the passphrase of a file; `None` if they decline.
pub type AskPassphrase<'a> = &'a mut dyn FnMut(&Path) -> Option<String>;

/// A key file that can sign.
pub struct KeyFile {
    path: PathBuf,
    presented: Presented,
    hands: Hands,
}

/// Who makes the signature.
enum Hands {
    /// This process: Ed25519 and ECDSA.
    Own(Box<PrivateKey>),
    /// `ssh-keygen -Y sign`: RSA, security keys, and files in older formats.
    SshKeygen,
}

/// Why a key file cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// The system does not give it out.
    #[error("the key file {path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Others can read it.
    #[error("the key file {path} is readable by others (mode {mode:04o}), so it is not used; chmod 600 it")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a private key.
    #[error("{path} is not a private key in OpenSSH's format, and there is no {path}.pub beside it")]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The public file and the private file are of different keys.
    #[error("{path} and the private key beside it are different keys")]
    OtherKey {
        /// The public file.
        path: PathBuf,
    },
    /// The public part cannot be used.
    #[error("the key in {path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: key::KeyError,
    },
    /// No passphrase, or a wrong one.
    #[error(
        "{path} is locked and the passphrase is missing or wrong; or add the key to an agent: ssh-add {path}"
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// `ssh-keygen` is needed and missing.
    #[error(
        "signing with this kind of key needs ssh-keygen, which is not installed; or add it to an agent: ssh-add {path}"
    )]
    NoSshKeygen {
        /// The file.
        path: PathBuf,
    },
    /// `ssh-keygen` did not sign.
    #[error("ssh-keygen did not sign with {path}: {reason}")]
    SshKeygen {
        /// The file.
        path: PathBuf,
        /// Its last words.
        reason: String,
    },
    /// The signature does not hold.
    #[error("the signature made with {path} does not hold: {reason}")]
    BadSignature {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Box<Reject>,
    },
}

impl KeyFile {
    /// Loads a private key; or, given its `.pub` or `-cert.pub` file, the private key beside it.
    ///
    /// `ask` is called when the file is locked.
    ///
    /// # Errors
    /// If it cannot be read, is readable by others, locked, or no key.
    pub fn load(path: &Path, ask: AskPassphrase<'_>) -> Result<Self, KeyFileError> {
        let text = read(path)?;
        match key::read_public(&text) {
            Ok(presented) => {
                let private =
                    private_beside(path).ok_or_else(|| KeyFileError::NotAKey { path: path.to_owned() })?;
                let mut found = Self::load_private(&private, &read(&private)?, ask)?;
                if found.presented.key() != presented.key() {
                    return Err(KeyFileError::OtherKey { path: path.to_owned() });
                }
                found.presented = presented;
                // ssh-keygen takes the certificate's file and finds the private key itself.
                found.path = path.to_owned();
                Ok(found)
            }
            Err(_) => Self::load_private(path, &text, ask),
        }
    }

    fn load_private(path: &Path, text: &[u8], ask: AskPassphrase<'_>) -> Result<Self, KeyFileError> {
        refuse_if_open_to_others(path)?;
        let owned = || path.to_owned();
        let Ok(private) = PrivateKey::from_openssh(text) else {
            let public =
                read(&with_suffix(path, ".pub")).map_err(|_| KeyFileError::NotAKey { path: owned() })?;
            let presented = key::read_public(&public)
                .map_err(|reason| KeyFileError::Unusable { path: owned(), reason })?;
            return Ok(KeyFile { path: owned(), presented, hands: Hands::SshKeygen });
        };
        let blob = private.public_key().to_bytes().map_err(|_| KeyFileError::NotAKey { path: owned() })?;
        let presented =
            Presented::from_blob(&blob).map_err(|reason| KeyFileError::Unusable { path: owned(), reason })?;
        let in_process = matches!(
            private.public_key().algorithm(),
            ssh_key::Algorithm::Ed25519 | ssh_key::Algorithm::Ecdsa { .. }
        );
        if !in_process {
            if private.is_encrypted() {
                return Err(KeyFileError::Locked { path: owned() });
            }
            return Ok(KeyFile { path: owned(), presented, hands: Hands::SshKeygen });
        }
        let private = if private.is_encrypted() {
            let passphrase = ask(path).ok_or_else(|| KeyFileError::Locked { path: owned() })?;
            private.decrypt(passphrase.as_bytes()).map_err(|_| KeyFileError::Locked { path: owned() })?
        } else {
            private
        };
        Ok(KeyFile { path: owned(), presented, hands: Hands::Own(Box::new(private)) })
    }

    /// The file that was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key, or the certificate if its file was named.
    pub fn presented(&self) -> &Presented {
        &self.presented
    }

    /// Signs a message for a purpose.
    ///
    /// # Errors
    /// If `ssh-keygen` is needed and does not sign, or the signature does not hold.
    pub(crate) fn sign(&self, namespace: &str, message: &[u8]) -> Result<Envelope, KeyFileError> {
        let bad =
            |reason: Reject| KeyFileError::BadSignature { path: self.path.clone(), reason: Box::new(reason) };
        let envelope = match &self.hands {
            Hands::Own(private) => {
                let data = signed_data(namespace, message);
                let signature = sign_here(private.key_data(), &data).ok_or_else(|| bad(Reject::Mismatch))?;
                Envelope::wrap(self.presented.clone(), namespace, signature)
            }
            Hands::SshKeygen => self.ssh_keygen(namespace, message)?,
        };
        if envelope.presented() != &self.presented {
            return Err(KeyFileError::OtherKey { path: self.path.clone() });
        }
        envelope.check(namespace, message).map_err(bad)?;
        Ok(envelope)
    }

    fn ssh_keygen(&self, namespace: &str, message: &[u8]) -> Result<Envelope, KeyFileError> {
        let failed = |reason: String| KeyFileError::SshKeygen { path: self.path.clone(), reason };
        // The message comes on standard input, so a PIN must be asked for elsewhere.
        let mut child = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(&self.path)
            .env_remove("SSH_AUTH_SOCK")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => KeyFileError::NoSshKeygen { path: self.path.clone() },
                _ => failed(error.to_string()),
            })?;
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(message));
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() || !matches!(written, Some(Ok(()))) {
            let words = String::from_utf8_lossy(&output.stderr);
            let last =
                words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
            return Err(failed(last.chars().filter(|letter| !letter.is_control()).take(200).collect()));
        }
        Envelope::parse(&output.stdout).map_err(|reason| KeyFileError::BadSignature {
            path: self.path.clone(),
            reason: Box::new(reason),
        })
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({}, {})", self.path.display(), self.presented)
    }
}

/// The public part of a key file of any kind, which is readable even when the file is locked.
pub fn public_part(path: &Path) -> Option<Presented> {
    let text = read(path).ok()?;
    match key::read_public(&text) {
        Ok(presented) => Some(presented),
        Err(_) => {
            let private = PrivateKey::from_openssh(&text).ok()?;
            Presented::from_blob(&private.public_key().to_bytes().ok()?).ok()
        }
    }
}

/// The signature's wire form: algorithm, then value.
fn sign_here(private: &KeypairData, data: &[u8]) -> Option<Vec<u8>> {
    let signature: ssh_key::Signature = match private {
        KeypairData::Ed25519(pair) => pair.try_sign(data).ok()?,
        KeypairData::Ecdsa(pair) => pair.try_sign(data).ok()?,
        _ => return None,
    };
    let mut out = Vec::new();
    put_string(&mut out, signature.algorithm().as_str().as_bytes());
    put_string(&mut out, signature.as_bytes());
    Some(out)
}

fn read(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let fail = |reason: String| KeyFileError::Unreadable { path: path.to_owned(), reason };
    let metadata = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(fail("it is not a file of at most 1 MiB".to_owned()));
    }
    std::fs::read(path).map_err(|error| fail(error.to_string()))
}

/// As ssh: a file of our own must not be readable by group or others.
fn refuse_if_open_to_others(path: &Path) -> Result<(), KeyFileError> {
    let metadata = std::fs::metadata(path)
        .map_err(|error| KeyFileError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let mode = metadata.mode() & 0o7777;
    if metadata.uid() == rustix::process::getuid().as_raw() && mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen { path: path.to_owned(), mode });
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn private_beside(public: &Path) -> Option<PathBuf> {
    let text = public.to_str()?;
    let private = text.strip_suffix("-cert.pub").or_else(|| text.strip_suffix(".pub"))?;
    Some(PathBuf::from(private)).filter(|path| path.is_file())
}
