//! A Markdown checklist becomes the draft of a runbook. Never guesses silently: what it could not decide is marked
//! `# DECIDE:`, and nothing it makes up can run and do harm.
//!
//! Headings become phases, tasks and list items become steps, shell code becomes `run`, what says "wait until" becomes
//! `await`, what asks for a yes becomes `approve`. The draft has no errors; what `lint` warns about is what is left
//! to do.

mod draft;
mod markdown;
mod step;

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The file.
    pub text: String,
    /// How many steps it has.
    pub steps: usize,
    /// How many places wait for a decision.
    pub open: usize,
}

/// Makes a draft of a Markdown text; nothing when there is no step in it. `name` is the file's name without ending.
pub fn import(name: &str, text: &str) -> Option<Draft> {
    let sheet = step::sheet(name, &markdown::read(text));
    let steps = sheet.phases.iter().map(|p| p.steps.len()).sum();
    if steps == 0 {
        return None;
    }
    let text = draft::write(&sheet);
    let open = text.matches("DECIDE:").count();
    Some(Draft { text, steps, open })
}

#[cfg(test)]
mod tests;
