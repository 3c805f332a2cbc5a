//! A person's act on its way to the hub, and the bytes its session key signs. Never signs or checks anything itself.

use crate::core::event::{Auth, Seen};
use crate::core::id::PersonId;
use crate::core::intent::Intent;
use serde::{Deserialize, Serialize};

/// A person's act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub person: PersonId,
    /// What they want.
    pub intent: Intent,
    /// How they prove it.
    pub auth: Auth,
    /// What the intent's commitments commit to.
    pub payload: Vec<Part>,
}

/// One separately removable part outside the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Base64 of 32 random bytes.
    pub salt: String,
    /// Base64 of the content.
    pub data: String,
}

/// The bytes a session key signs after the domain prefix: canonical JSON of log, running number, head and intent.
///
/// # Errors
/// When the intent has no canonical form, which only a defect can cause.
pub fn signed_bytes(
    log: &str,
    client_seq: u64,
    seen: &Seen,
    intent: &Intent,
) -> Result<Vec<u8>, serde_json::Error> {
    // A `Value` keeps its keys sorted, which for our integers and ASCII keys is the canonical form (RFC 8785).
    let whole = serde_json::json!({
        "client_seq": client_seq,
        "intent": serde_json::to_value(intent)?,
        "log": log,
        "seen": { "n": seen.n, "root": seen.root },
    });
    serde_json::to_vec(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::id::RoleName;

    #[test]
    fn the_signed_bytes_are_canonical_json() {
        let seen = Seen { n: 3, root: "r".to_owned() };
        let intent = Intent::Assume { role: RoleName::parse("sre").unwrap() };
        let bytes = signed_bytes("l", 7, &seen, &intent).unwrap();
        let expected =
            r#"{"client_seq":7,"intent":{"assume":{"role":"sre"}},"log":"l","seen":{"n":3,"root":"r"}}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
