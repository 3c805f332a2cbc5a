//! The values of one incident. Never prints a secret, not even in `Debug`.

use super::{Field, Name, TemplateError};
use std::collections::BTreeMap;
use std::fmt;

/// The value of a parameter.
#[derive(Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// May be shown.
    Plain(String),
    /// Only ever an environment variable of a step.
    Secret(String),
    /// A secret that this process was never given (a console, a verifier).
    SecretNotHere,
}

impl fmt::Debug for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamValue::Plain(text) => write!(f, "Plain({text:?})"),
            ParamValue::Secret(_) => f.write_str("Secret(«secret»)"),
            ParamValue::SecretNotHere => f.write_str("SecretNotHere"),
        }
    }
}

/// Everything templates can use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// By parameter name. An optional parameter without an answer is `Plain("")`.
    pub params: BTreeMap<String, ParamValue>,
    /// By measurement name, the whole output; what was not taken yet is not there.
    pub measurements: BTreeMap<String, String>,
    /// What is known about the incident; what does not apply is not there.
    pub incident: BTreeMap<Field, String>,
}

impl Scope {
    /// The value in clear, for a reader that may not see secrets.
    pub(super) fn open_value(&self, name: &Name) -> Result<&str, TemplateError> {
        match self.param(name) {
            Some(ParamValue::Secret(_) | ParamValue::SecretNotHere) => {
                Err(TemplateError::SecretOutsideEnv(name.to_string()))
            }
            Some(ParamValue::Plain(_)) | None => self.any_value(name),
        }
    }

    /// The value in clear, secrets included.
    pub(super) fn any_value(&self, name: &Name) -> Result<&str, TemplateError> {
        let no_value = || TemplateError::NoValue(name.to_string());
        match name {
            Name::Param(param) => match self.params.get(param) {
                Some(ParamValue::Plain(text) | ParamValue::Secret(text)) => Ok(text),
                Some(ParamValue::SecretNotHere) => Err(TemplateError::SecretNotHere(name.to_string())),
                None => Err(no_value()),
            },
            Name::Measurement(measurement) => {
                let text = self.measurements.get(measurement);
                let text = text.ok_or_else(|| TemplateError::NotYet(name.to_string()))?;
                Ok(text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)))
            }
            Name::Incident(field) => self.incident.get(field).map(String::as_str).ok_or_else(no_value),
        }
    }

    fn param(&self, name: &Name) -> Option<&ParamValue> {
        match name {
            Name::Param(param) => self.params.get(param),
            Name::Measurement(_) | Name::Incident(_) => None,
        }
    }
}
