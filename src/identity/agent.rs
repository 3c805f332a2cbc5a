//! A client of `ssh-agent` (draft-miller-ssh-agent). Never forwards, adds or removes keys; it lists and signs.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check;
use super::key::{KeyError, Presented, PublicKey};
use super::reject::Reject;
use super::wire::{Reader, printable, put_string};

/// Longest answer read, in bytes; OpenSSH's own limit.
const MAX_FRAME: u32 = 256 * 1024;
/// An agent lists its keys at once or is stuck.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// A signature may wait for a touch, a PIN or a confirmation.
const SIGN_TIMEOUT: Duration = Duration::from_secs(120);

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Asks for rsa-sha2-512; without it agents answer with SHA-1.
const RSA_SHA2_512: u32 = 4;

/// A connection to an agent.
#[derive(Debug)]
pub struct Agent {
    stream: UnixStream,
    socket: PathBuf,
}

/// A key an agent holds.
#[derive(Debug, Clone)]
pub struct AgentKey {
    /// The key or certificate, or why this version cannot use it.
    pub presented: Result<Presented, KeyError>,
    /// The comment it was added with. Foreign text: clean it before showing.
    pub comment: String,
}

/// Why an agent did not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// No agent in the environment.
    #[error(
        "there is no ssh-agent: SSH_AUTH_SOCK is not set; start one (eval $(ssh-agent)) and ssh-add your key"
    )]
    NoSocket,
    /// The socket does not answer.
    #[error("the ssh-agent at {socket} cannot be reached: {reason}")]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// No answer in time.
    #[error(
        "the ssh-agent at {socket} did not answer within {seconds} s; was a touch, PIN or confirmation missed?"
    )]
    Timeout {
        /// The socket.
        socket: PathBuf,
        /// How long it had.
        seconds: u64,
    },
    /// An answer out of its form.
    #[error("the ssh-agent's answer makes no sense: {0}")]
    Protocol(&'static str),
    /// It holds the key and will not sign.
    #[error(
        "the ssh-agent holds {fingerprint} and refused to sign: it was declined; or it is locked (ssh-add -X); or the key asks for \
         confirmation (ssh-add -c) and there is no askpass where the agent runs; or the key is bound to hosts \
         (ssh-add -h), and such keys cannot sign texts"
    )]
    Refused {
        /// The key asked for.
        fingerprint: String,
    },
    /// It does not hold the key.
    #[error(
        "the ssh-agent does not hold {fingerprint}, or is locked; add it with ssh-add, or unlock it (ssh-add -X)"
    )]
    NoSuchKey {
        /// The key asked for.
        fingerprint: String,
    },
    /// RSA with SHA-1 although SHA-2 was asked for.
    #[error(
        "the ssh-agent ignored the request for rsa-sha2-512 and signed with `{0}`; use a current agent or an ed25519 key"
    )]
    OldAlgorithm(String),
    /// The signature does not hold.
    #[error("the ssh-agent returned a signature that does not hold: {0}")]
    BadSignature(Box<Reject>),
}

/// The socket named by `SSH_AUTH_SOCK`.
///
/// # Errors
/// If it is not set.
pub fn socket_from_environment() -> Result<PathBuf, AgentError> {
    match std::env::var_os("SSH_AUTH_SOCK") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(_) | None => Err(AgentError::NoSocket),
    }
}

impl Agent {
    /// Connects to the agent behind a socket.
    ///
    /// # Errors
    /// If nothing listens there.
    pub fn connect(socket: &Path) -> Result<Self, AgentError> {
        let stream = UnixStream::connect(socket).map_err(|error| AgentError::Unreachable {
            socket: socket.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Agent { stream, socket: socket.to_owned() })
    }

    /// The keys it holds, in its order.
    ///
    /// # Errors
    /// If it does not answer, or not in the protocol.
    pub fn list(&mut self) -> Result<Vec<AgentKey>, AgentError> {
        const SHORT: AgentError = AgentError::Protocol("its list of keys is cut short");
        let answer = self.ask(&[REQUEST_IDENTITIES], LIST_TIMEOUT)?;
        let mut reader = Reader::new(&answer);
        if reader.u8() != Some(IDENTITIES_ANSWER) {
            return Err(AgentError::Protocol("it did not list its keys"));
        }
        let count = reader.u32().ok_or(SHORT)?;
        let mut keys = Vec::new();
        for _ in 0..count {
            let blob = reader.string().ok_or(SHORT)?;
            let comment = String::from_utf8_lossy(reader.string().ok_or(SHORT)?).into_owned();
            keys.push(AgentKey { presented: Presented::from_blob(blob), comment });
        }
        Ok(keys)
    }

    /// Signs `data` and checks what came back. Returns the signature's exact bytes.
    ///
    /// # Errors
    /// If the agent refuses, does not hold the key, or returns something that does not hold.
    pub fn sign(&mut self, presented: &Presented, data: &[u8]) -> Result<Vec<u8>, AgentError> {
        let flags = match presented.key() {
            PublicKey::Rsa { .. } => RSA_SHA2_512,
            PublicKey::Ed25519(_)
            | PublicKey::Ecdsa { .. }
            | PublicKey::SkEd25519 { .. }
            | PublicKey::SkEcdsa { .. } => 0,
        };
        let mut request = vec![SIGN_REQUEST];
        put_string(&mut request, &presented.to_blob());
        put_string(&mut request, data);
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = self.ask(&request, SIGN_TIMEOUT)?;
        let mut reader = Reader::new(&answer);
        match reader.u8() {
            Some(SIGN_RESPONSE) => {}
            Some(FAILURE) => return Err(self.refusal(presented)),
            Some(_) | None => return Err(AgentError::Protocol("it did not answer with a signature")),
        }
        let signature = reader.string().ok_or(AgentError::Protocol("its signature is cut short"))?;
        let algorithm = Reader::new(signature).name().unwrap_or_default();
        if flags == RSA_SHA2_512 && algorithm != b"rsa-sha2-512" {
            return Err(AgentError::OldAlgorithm(printable(algorithm)));
        }
        check::check(presented.key(), signature, data)
            .map_err(|reject| AgentError::BadSignature(Box::new(reject)))?;
        Ok(signature.to_vec())
    }

    /// The protocol has one failure for everything; a look at the list tells two of its meanings apart.
    fn refusal(&mut self, presented: &Presented) -> AgentError {
        let fingerprint = presented.key().fingerprint();
        match self.list() {
            Ok(keys) if !keys.iter().any(|key| key.presented.as_ref() == Ok(presented)) => {
                AgentError::NoSuchKey { fingerprint }
            }
            Ok(_) | Err(_) => AgentError::Refused { fingerprint },
        }
    }

    fn ask(&mut self, request: &[u8], timeout: Duration) -> Result<Vec<u8>, AgentError> {
        let mut frame = Vec::with_capacity(request.len() + 4);
        put_string(&mut frame, request);
        let explain = |error: std::io::Error, socket: &Path| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                AgentError::Timeout { socket: socket.to_owned(), seconds: timeout.as_secs() }
            }
            _ => AgentError::Unreachable { socket: socket.to_owned(), reason: error.to_string() },
        };
        let exchange = |stream: &mut UnixStream| -> std::io::Result<Option<Vec<u8>>> {
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            stream.write_all(&frame)?;
            let mut head = [0u8; 4];
            stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes(head);
            if length == 0 || length > MAX_FRAME {
                return Ok(None);
            }
            let mut body = Vec::new();
            std::io::Read::take(&mut *stream, u64::from(length)).read_to_end(&mut body)?;
            if body.len() as u64 != u64::from(length) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            Ok(Some(body))
        };
        match exchange(&mut self.stream) {
            Ok(Some(body)) => Ok(body),
            Ok(None) => Err(AgentError::Protocol("an answer is empty or longer than 256 KiB")),
            Err(error) => Err(explain(error, &self.socket)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signer;
    use std::os::unix::net::UnixListener;

    /// An agent that answers every request with the same frames, one after the other.
    fn agent_that_says(answers: Vec<Vec<u8>>) -> (tempfile::TempDir, Agent) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut head = [0u8; 4];
                stream.read_exact(&mut head).unwrap();
                let mut request = vec![0; u32::from_be_bytes(head) as usize];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        let agent = Agent::connect(&socket).unwrap();
        (dir, agent)
    }

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, body);
        out
    }

    #[test]
    fn an_answer_that_claims_a_gigabyte_is_refused_unread() {
        let (_dir, mut agent) = agent_that_says(vec![vec![0x40, 0, 0, 0]]);
        assert!(matches!(agent.list(), Err(AgentError::Protocol(_))));
    }

    #[test]
    fn an_agent_that_hangs_up_is_an_error_with_its_socket() {
        let (_dir, mut agent) = agent_that_says(vec![]);
        assert!(matches!(agent.list(), Err(AgentError::Unreachable { .. })));
    }

    #[test]
    fn a_list_cut_short_is_refused() {
        let (_dir, mut agent) = agent_that_says(vec![frame(&[IDENTITIES_ANSWER, 0, 0, 0, 9])]);
        assert!(matches!(agent.list(), Err(AgentError::Protocol(_))));
    }

    #[test]
    fn a_failure_for_a_key_it_does_not_list_says_no_such_key() {
        let signer = Signer::generate_memory([3; 32]);
        let empty = frame(&[IDENTITIES_ANSWER, 0, 0, 0, 0]);
        let (_dir, mut agent) = agent_that_says(vec![frame(&[FAILURE]), empty]);
        let error = agent.sign(signer.presented(), b"data").unwrap_err();
        assert!(matches!(error, AgentError::NoSuchKey { .. }));
    }

    #[test]
    fn a_failure_for_a_key_it_lists_explains_confirmation_and_host_binding() {
        let signer = Signer::generate_memory([3; 32]);
        let mut list = vec![IDENTITIES_ANSWER, 0, 0, 0, 1];
        put_string(&mut list, &signer.presented().to_blob());
        put_string(&mut list, b"laptop");
        let (_dir, mut agent) = agent_that_says(vec![frame(&[FAILURE]), frame(&list)]);
        let text = agent.sign(signer.presented(), b"data").unwrap_err().to_string();
        assert!(text.contains("ssh-add -c") && text.contains("ssh-add -h"), "{text}");
    }

    #[test]
    fn an_agent_that_signs_something_else_is_caught() {
        let signer = Signer::generate_memory([3; 32]);
        let mut forged = Vec::new();
        put_string(&mut forged, b"ssh-ed25519");
        put_string(&mut forged, &[9; 64]);
        let mut answer = vec![SIGN_RESPONSE];
        put_string(&mut answer, &forged);
        let (_dir, mut agent) = agent_that_says(vec![frame(&answer)]);
        let error = agent.sign(signer.presented(), b"data").unwrap_err();
        assert!(matches!(error, AgentError::BadSignature(_)));
    }
}
