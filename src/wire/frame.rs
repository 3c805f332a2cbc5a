//! Frames: length-delimited JSON. Never larger than its limit, whatever a peer claims.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::codec::LengthDelimitedCodec;

/// Largest frame a hub accepts from a client, in bytes.
pub const FROM_CLIENT: usize = 256 * 1024;
/// Largest frame a client accepts from a hub: a whole runbook fits, JSON escapes included.
pub const FROM_HUB: usize = 16 * 1024 * 1024;

/// A frame that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Not JSON of the expected form.
    #[error("the other side sent something this version does not understand: {0}")]
    NotUnderstood(serde_json::Error),
    /// A message of ours does not fit.
    #[error("a message of {0} bytes is larger than a frame may be")]
    TooLarge(usize),
}

/// A codec that reads frames of at most this many bytes and writes any that fits the other side's limit.
pub fn codec(reads_at_most: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(reads_at_most).new_codec()
}

/// Reads one frame's content.
///
/// # Errors
/// When it is not the JSON of `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    text(bytes).map_err(FrameError::NotUnderstood)
}

/// Reads JSON as the record is read: from text. Acts and what they are about stand in both, and from bytes all of it
/// would be in the program twice.
///
/// # Errors
/// It is not UTF-8, or not the JSON of `T`.
pub fn text<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(std::str::from_utf8(bytes).map_err(serde::de::Error::custom)?)
}

/// Writes one frame's content.
///
/// # Errors
/// When it is larger than `limit`.
pub fn write<T: Serialize>(message: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let bytes = serde_json::to_vec(message).map_err(FrameError::NotUnderstood)?;
    if bytes.len() > limit { Err(FrameError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

/// Appends a whole frame, its length in front, to `out`.
///
/// # Errors
/// When its content is larger than `limit`; `out` is unchanged then.
pub fn append<T: Serialize>(out: &mut Vec<u8>, message: &T, limit: usize) -> Result<(), FrameError> {
    let content = write(message, limit)?;
    let length = u32::try_from(content.len()).map_err(|_| FrameError::TooLarge(content.len()))?;
    out.reserve(content.len() + 4);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&content);
    Ok(())
}
