//! `when`: whether a step applies. Never treats an unknown name as false.

use super::{Scope, Spot, TemplateError, fill};

/// Whether the text holds: `a == b`, `a != b`, or anything but empty, `false`, `no` and `0`.
///
/// The operator is looked for in the author's text, so a value that holds ` == ` compares as a value.
///
/// # Errors
///
/// Every [`TemplateError`] of the names inside.
pub fn when(text: &str, scope: &Scope) -> Result<bool, TemplateError> {
    for (operator, wanted) in [(" == ", true), (" != ", false)] {
        if let Some((left, right)) = text.split_once(operator) {
            return Ok((side(left, scope)? == side(right, scope)?) == wanted);
        }
    }
    let value = side(text, scope)?;
    Ok(!matches!(value.as_str(), "" | "false" | "no" | "0"))
}

fn side(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    let filled = fill(text.trim(), scope, Spot::Words)?;
    let trimmed = filled.trim();
    let unquoted = ['"', '\''].iter().find_map(|q| trimmed.strip_prefix(*q)?.strip_suffix(*q));
    Ok(unquoted.unwrap_or(trimmed).to_owned())
}
