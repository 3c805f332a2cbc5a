//! A person in the room: their SSH key vouches for a session key, and the session key signs their acts.
//! Never keeps the SSH key: it is asked again for every statement.

use crate::client::mirror::Mirror;
use crate::core::event::{Auth, Display, Joined, Seen};
use crate::core::id::{PersonId, RoleName, SessionId};
use crate::core::intent::Intent;
use crate::core::statement;
use crate::core::time::Stamp;
use crate::identity::session::SessionKey;
use crate::identity::signer::{SignError, Signer};
use crate::timeline::codec;
use crate::wire::act::{Act, Part};
use std::time::Duration;

/// How long a session lasts.
pub const LASTS: Duration = Duration::from_secs(12 * 3600);

/// Why an act could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The SSH key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The intent has no canonical form.
    #[error("the act cannot be written down: {0}")]
    Form(String),
    /// The gate has no open request.
    #[error("nobody asked for approval of `{0}`, or the request is closed")]
    NoRequest(String),
    /// The statement is too long to be read.
    #[error("the statement would be longer than {} bytes", statement::MAX)]
    TooLong,
}

/// A live session.
#[derive(Debug)]
pub struct Session {
    /// Whose.
    pub person: PersonId,
    key: SessionKey,
    id: SessionId,
    last: u64,
}

/// What a session is asked for.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who.
    pub person: PersonId,
    /// Seats they want to take.
    pub roles: Vec<RoleName>,
    /// How they reached the hub, for attribution.
    pub via: String,
    /// Where statements are shown to them.
    pub display: Display,
}

/// 32 random bytes.
///
/// # Errors
/// When the system has none.
pub fn random<const N: usize>() -> Result<[u8; N], ActError> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(ActError::Random)?;
    Ok(bytes)
}

impl Session {
    /// Makes a session key and has the person's SSH key vouch for it.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn begin(
        log: &str,
        asking: &Asking,
        signer: &Signer,
        now: Stamp,
    ) -> Result<(Session, Joined, Auth), ActError> {
        let key = SessionKey::from_seed(&random()?);
        let id = SessionId::parse(key.id()).map_err(|e| ActError::Form(e.to_string()))?;
        let whole_second = Stamp(now.plus(LASTS).seconds() * 1_000_000);
        let joined = Joined {
            session_key: key.public_base64(),
            key: signer.fingerprint(),
            roles: asking.roles.clone(),
            expires: whole_second,
            via: asking.via.clone(),
        };
        let text = statement::session(log, &asking.person, &joined);
        let auth = Auth {
            sshsig: Some(signer.sign(statement::SESSION, text.as_bytes())?),
            statement: Some(text),
            namespace: Some(statement::SESSION.to_owned()),
            display: Some(asking.display),
            ..Auth::default()
        };
        Ok((Session { person: asking.person.clone(), key, id, last: 0 }, joined, auth))
    }

    /// The same for somebody who comes into a room that is there, with the act that says so.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn enter(log: &str, asking: Asking, signer: &Signer, now: Stamp) -> Result<(Session, Act), ActError> {
        let (session, joined, auth) = Session::begin(log, &asking, signer, now)?;
        let intent = Intent::Join(joined);
        Ok((session, Act { person: asking.person, intent, auth, payload: Vec::new() }))
    }

    /// Its id.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Signs an act with the session key.
    ///
    /// # Errors
    /// When the intent cannot be written down.
    pub fn act(&mut self, mirror: &Mirror, intent: Intent, payload: Vec<Part>) -> Result<Act, ActError> {
        let auth = self.sign(mirror.incident.log(), &mirror.seen(), &intent)?;
        Ok(Act { person: self.person.clone(), intent, auth, payload })
    }

    /// The session's part of the proof.
    ///
    /// # Errors
    /// When the intent cannot be written down.
    pub fn sign(&mut self, log: &str, seen: &Seen, intent: &Intent) -> Result<Auth, ActError> {
        self.last += 1;
        let bytes = codec::act(log, self.last, seen, intent).map_err(|e| ActError::Form(e.to_string()))?;
        Ok(Auth {
            session: Some(self.id.clone()),
            client_seq: Some(self.last),
            seen: Some(seen.clone()),
            sig: Some(self.key.sign_act(&bytes)),
            ..Auth::default()
        })
    }
}

/// A part kept outside the record, with a fresh salt; and its commitment for the intent.
///
/// # Errors
/// When the system has no random bytes.
pub fn payload(data: &[u8]) -> Result<(Part, String), ActError> {
    use base64::Engine as _;
    let b64 = base64::engine::general_purpose::STANDARD;
    let salt: [u8; 32] = random()?;
    let commitment = b64.encode(crate::timeline::payload::commit(&salt, data));
    Ok((Part { salt: b64.encode(salt), data: b64.encode(data) }, commitment))
}

/// The contents of parts, if they are what these commitments commit to.
pub fn opened(parts: &[Part], commitments: &[String]) -> Option<Vec<String>> {
    use base64::Engine as _;
    let b64 = base64::engine::general_purpose::STANDARD;
    if parts.len() != commitments.len() {
        return None;
    }
    let one = |(part, commitment): (&Part, &String)| {
        let salt: [u8; 32] = b64.decode(&part.salt).ok()?.try_into().ok()?;
        let data = b64.decode(&part.data).ok()?;
        let same = b64.encode(crate::timeline::payload::commit(&salt, &data)) == *commitment;
        same.then(|| String::from_utf8_lossy(&data).into_owned())
    };
    parts.iter().zip(commitments).map(one).collect()
}
