//! Names and digests. Never a bare string across a room's border, never compared other than byte for byte.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Text that is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a valid {what}: {rule}", shown(text))]
pub struct BadName {
    what: &'static str,
    text: String,
    rule: &'static str,
}

/// A text that was refused, so that it cannot be taken for one that would not be: what is not printable ASCII is shown
/// by its number, and a long one is cut.
fn shown(text: &str) -> String {
    const MOST: usize = 64;
    let mut out = String::new();
    for c in text.chars().take(MOST) {
        if matches!(c, ' '..='~') { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    if text.chars().nth(MOST).is_some() {
        out.push_str(&format!("… ({} bytes)", text.len()));
    }
    out
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $ok:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            #[doc = concat!("Checks that the text is a valid ", $what, ".")]
            pub fn parse(text: impl Into<String>) -> Result<Self, BadName> {
                let text = text.into();
                let fits = !text.is_empty() && text.len() <= 128 && text.bytes().all($ok);
                if fits { Ok($type(text)) } else { Err(BadName { what: $what, text, rule: $rule }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                $type::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

#[inline(always)]
fn is_id_byte(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'@' | b'+' | b'-')
}

/// Every name that a runbook may give must fit: one that did not would be passed over without a word.
fn is_name_byte(b: u8) -> bool {
    is_id_byte(b) || b.is_ascii_uppercase()
}

name!(
    /// A person: the id in `team.yaml`, which is the principal in `allowed_signers`.
    PersonId,
    "person",
    is_id_byte,
    "use a-z, 0-9 and . _ @ + -"
);
name!(
    /// A step of the runbook, or the reserved `declare`.
    StepId,
    "step id",
    is_id_byte,
    "use a-z, 0-9 and -"
);
name!(
    /// A role of the runbook or the roster.
    RoleName,
    "role",
    is_name_byte,
    "use letters, 0-9 and _ -"
);
name!(
    /// A suspension, backlog, measurement, trigger or template name.
    Name,
    "name",
    |b| is_name_byte(b) || b == b' ',
    "use letters, 0-9, spaces and . _ -"
);
name!(
    /// First 16 hex digits of the SHA-256 of a session's public key.
    SessionId,
    "session id",
    |b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase(),
    "16 hex digits"
);
name!(
    /// The ULID of an incident.
    IncidentId,
    "incident id",
    |b| b.is_ascii_uppercase() || b.is_ascii_digit(),
    "26 upper-case letters and digits (a ULID)"
);

impl StepId {
    /// The gate that every rollback passes first.
    pub fn declare() -> StepId {
        StepId("declare".to_owned())
    }

    /// The gate of a changed runbook. No step of a runbook can have this id: it holds a dot.
    pub fn amend() -> StepId {
        StepId("runbook.amend".to_owned())
    }

    /// Whether this names an amendment instead of a step of the runbook.
    pub fn is_amend(&self) -> bool {
        self.0 == "runbook.amend"
    }

    /// Whether this names the declaration instead of a step of the runbook.
    pub fn is_declare(&self) -> bool {
        self.0 == "declare"
    }
}

impl RoleName {
    /// The seat that decides.
    pub fn commander() -> RoleName {
        RoleName("commander".to_owned())
    }
}

/// A SHA-256 digest, printed as `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        use sha2::Digest as _;
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of `"backout/<domain>/v1\0"` and some bytes.
    pub fn tagged(domain: &str, bytes: &[u8]) -> Digest {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        hash.update(format!("backout/{domain}/v1\0"));
        hash.update(bytes);
        Digest(hash.finalize().into())
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        let bad =
            || BadName { what: "digest", text: text.clone(), rule: "`sha256:` and 64 lower-case hex digits" };
        let hex = text.strip_prefix("sha256:").ok_or_else(bad)?;
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0u8; 32];
        if hex.len() != 64 {
            return Err(bad());
        }
        for (slot, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            match pair {
                [high, low] => *slot = digit(*high).ok_or_else(bad)? << 4 | digit(*low).ok_or_else(bad)?,
                _ => return Err(bad()),
            }
        }
        Ok(Digest(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_id_is_not_shown_as_the_one_it_looks_like() {
        let refused = |text: &str| PersonId::parse(text).unwrap_err().to_string();
        for (odd, shown) in [
            ("\u{430}na", "`\\u{430}na`"),
            ("an\u{e9}", "`an\\u{e9}`"),
            ("ane\u{301}", "`ane\\u{301}`"),
            ("ana\u{200b}", "`ana\\u{200b}`"),
            ("a\u{202e}na", "`a\\u{202e}na`"),
            ("\u{ff41}na", "`\\u{ff41}na`"),
            ("a\u{1b}[2Jna", "`a\\u{1b}[2Jna`"),
            ("\"ana\"", "`\"ana\"`"),
            ("ana ", "`ana `"),
            ("", "``"),
        ] {
            assert!(refused(odd).starts_with(shown), "{}", refused(odd));
        }
        assert!(refused(&"a".repeat(129)).contains("… (129 bytes)"));
    }

    #[test]
    fn a_name_of_a_runbook_is_a_name_of_the_record() {
        for name in ["writes", "Writes_2", "orders in quarantine"] {
            assert!(Name::parse(name).is_ok(), "{name}");
        }
        assert!(RoleName::parse("DBA").is_ok());
        for bad in ["", "a\nb", "a\u{1b}[m", "zwölf", "a/b"] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
        assert!(PersonId::parse("Ana").is_err(), "people are principals, which are lower case here");
    }
}
