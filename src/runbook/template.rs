//! `{{ }}`: what may stand inside, and what it becomes where. Never runs anything and never shows a secret.
//!
//! * `{{ params.name }}`: an answer given when the incident was opened.
//! * `{{ measurements.name }}`: what a `measure` step took, without its last newline.
//! * `{{ incident.id }}`: see [`Field`] for the others.
//! * `{{ 'text' }}`: the text itself, for a literal `{{` such as `{{ '{{' }}`.
//!
//! A value never changes how the text around it is read: it stays one argument of a list, is quoted in a shell
//! line, is matched literally in a pattern and encoded in an address.

mod executable;
mod fill;
mod piece;
mod quote;
mod resolve;
mod scope;
mod when;

pub(in crate::runbook) use executable::is_host;
pub use executable::{
    EnvValue, ResolvedCommand, ResolvedHttp, ResolvedSubject, SHELL, command, directory, environment, expect,
    host, message, set_aside_path, subject, target_answer,
};
pub(in crate::runbook) use fill::check_shell;
pub use fill::{Spot, fill};
pub use piece::{Field, Name, Piece, TemplateError, names, pieces};
pub use quote::{one_line, shell_quoted, shown_argv};
pub use resolve::{Resolved, plan_digest, resolve};
pub use scope::{ParamValue, Scope};
pub use when::when;

#[cfg(test)]
mod tests;
