//! Writing a value in the canonical form. Never writes what the reader would refuse.

use serde_json::Value;

use super::NotCanonical;

/// Why a value has no canonical line.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The value cannot be turned into JSON at all.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It has a float, a null, a key that is not ASCII, or is too long or too deep.
    #[error(transparent)]
    Form(#[from] NotCanonical),
}

/// The canonical bytes of an object, without a line feed. Checked by the same pass that reads lines.
///
/// # Errors
/// The value holds something that has no canonical form here.
pub fn canonical(value: &Value) -> Result<Vec<u8>, WriteError> {
    // serde_json keeps object keys in a BTreeMap (byte order) and writes exactly the escapes of RFC 8785.
    let bytes = serde_json::to_vec(value)?;
    super::parts(&bytes)?;
    Ok(bytes)
}
