//! Event lines and typed events, both ways, with a closed vocabulary; and the bytes that a person's act signs.
//!
//! Never guesses: an unknown kind, field or version is an error that names the event and the field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use serde::Serialize;
use serde_json::{Map, Value};

use super::line::{self, Key, NotCanonical, Parts, WriteError};
use crate::core::event::{Actor, Auth, Event, Seen, What};
use crate::core::intent::Intent;
use crate::core::time::Stamp;

/// The version of the format.
pub const VERSION: u64 = 1;

/// Why a line is not an event of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not in the accepted byte form.
    #[error(transparent)]
    Form(#[from] NotCanonical),
    /// A part is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A key that the format does not know.
    #[error("`{0}` is not a field of an event")]
    UnknownField(String),
    /// Another version.
    #[error("version {0} of the format is not known to this program; a newer one may read it")]
    Version(String),
    /// A kind that the format does not know.
    #[error("`{0}` is not a kind of event")]
    UnknownKind(String),
    /// A part does not have the form it must have.
    #[error("`{field}`: {why}")]
    Field {
        /// Which part.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

fn bad(field: &'static str, why: impl ToString) -> Malformed {
    Malformed::Field { field, why: why.to_string() }
}

#[inline(always)]
fn part<'a>(parts: &Parts<'a>, key: Key, name: &'static str) -> Result<&'a str, Malformed> {
    // Nothing is made when it is there: this is asked six times of every line of a record.
    match parts.get(key) {
        Some(part) => Ok(part),
        None => Err(Malformed::Missing(name)),
    }
}

fn json<T: serde::de::DeserializeOwned>(field: &'static str, raw: &str) -> Result<T, Malformed> {
    line::read(raw).map_err(|e| bad(field, e))
}

/// A string part without its quotes. Names and times never need an escape, and with one they are no names or times.
#[inline(always)]
fn plain<'a>(parts: &Parts<'a>, key: Key, field: &'static str) -> Result<&'a str, Malformed> {
    let text = part(parts, key, field)?;
    // Looked at as bytes: this is asked three times of every line of a record.
    match text.as_bytes() {
        [b'"', .., b'"'] => Ok(text.get(1..text.len() - 1).unwrap_or_default()),
        _ => Err(bad(field, "not a string")),
    }
}

/// Reads one line, given without its line feed.
///
/// # Errors
/// What is wrong with it.
pub fn decode(line: &[u8]) -> Result<Event, Malformed> {
    decode_parts(&line::parts(line)?)
}

/// Reads an event whose line was already checked.
///
/// # Errors
/// What is wrong with it.
pub fn decode_parts(parts: &Parts<'_>) -> Result<Event, Malformed> {
    if let Some(key) = parts.unknown() {
        return Err(Malformed::UnknownField(key.to_owned()));
    }
    let version = part(parts, Key::V, "v")?;
    if version.as_bytes() != b"1" {
        return Err(Malformed::Version(version.to_owned()));
    }
    let seq = json("seq", part(parts, Key::Seq, "seq")?)?;
    let at = Stamp::parse(plain(parts, Key::T, "t")?).map_err(|e| bad("t", e))?;
    let actor = Actor::parse(plain(parts, Key::Actor, "actor")?).map_err(|e| bad("actor", e))?;
    let kind = plain(parts, Key::Kind, "kind")?;
    let data = part(parts, Key::Data, "data")?;
    // What happened is large and each of these would move it: it goes to its place as it is read.
    let what = match What::deserialize_data(kind, &mut line::Text::new(data)) {
        Some(Ok(what)) => what,
        Some(Err(e)) => return Err(bad("data", e)),
        None => return Err(Malformed::UnknownKind(kind.to_owned())),
    };
    let auth = parts.get(Key::Auth).map(|raw| json::<Box<Auth>>("auth", raw)).transpose()?;
    let event = Event { seq, at, actor, what, payload: commitments(parts.get(Key::Payload))?, auth };
    // Reading takes what writing leaves out, such as an empty list, so that there would be two lines for one event. Few
    // lines can have that, and only they are written anew and compared.
    if parts.lists() || event.what.leaves_out() {
        as_written("data", data, event.what.serialize_data(serde_json::value::Serializer))?;
        if let (Some(raw), Some(auth)) = (parts.get(Key::Auth), &event.auth) {
            as_written("auth", raw, serde_json::to_value(auth))?;
        }
    }
    Ok(event)
}

fn as_written(
    field: &'static str,
    raw: &str,
    value: Result<Value, serde_json::Error>,
) -> Result<(), Malformed> {
    match line::canonical(&without_nulls(value.map_err(|e| bad(field, e))?)) {
        Ok(again) if again == raw.as_bytes() => Ok(()),
        Ok(_) | Err(_) => {
            Err(bad(field, "something that the format leaves out, or a value written in another way"))
        }
    }
}

fn commitments(raw: Option<&str>) -> Result<Vec<String>, Malformed> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let all: Vec<String> = json("payload", raw)?;
    if all.is_empty() {
        return Err(bad("payload", "an empty list is left out"));
    }
    match all.iter().find(|c| commitment(c).is_none()) {
        Some(_) => Err(bad("payload", "not the base64 of 32 bytes")),
        None => Ok(all),
    }
}

/// A commitment as it stands in an event.
#[must_use]
pub fn commitment(text: &str) -> Option<[u8; 32]> {
    B64.decode(text).ok()?.try_into().ok()
}

/// Writes an event as its line, without a line feed.
///
/// # Errors
/// It holds something that no line can hold: a number of 2^53 or more, or more than 65,000 bytes in all.
pub fn encode(event: &Event) -> Result<Vec<u8>, WriteError> {
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    set("v", VERSION.into());
    set("seq", event.seq.into());
    set("t", event.at.to_string().into());
    set("kind", event.what.kind().into());
    set("actor", event.actor.to_string().into());
    set("data", without_nulls(event.what.serialize_data(serde_json::value::Serializer)?));
    if !event.payload.is_empty() {
        set("payload", event.payload.clone().into());
    }
    if let Some(auth) = &event.auth {
        set("auth", without_nulls(serde_json::to_value(auth)?));
    }
    line::canonical(&Value::Object(fields))
}

/// What a session key signs for an act, behind the domain prefix: log, running number, the head it saw, the intent.
///
/// # Errors
/// The intent holds something that has no canonical form.
pub fn act(log: &str, client_seq: u64, seen: &Seen, intent: &Intent) -> Result<Vec<u8>, WriteError> {
    #[derive(Serialize)]
    struct Act<'a> {
        client_seq: u64,
        intent: &'a Intent,
        log: &'a str,
        seen: &'a Seen,
    }
    let act = Act { client_seq, intent, log, seen };
    line::canonical(&without_nulls(serde_json::to_value(act)?))
}

/// The format has no null: what is not there is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
