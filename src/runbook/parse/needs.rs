//! The default of `needs`: the step before. Never touches what the author wrote.

use crate::runbook::model::Runbook;
use crate::runbook::yaml::{Node, Value};

/// Gives every step of the phases without a `needs` key the step before it, through the whole file. The first
/// step needs nothing, and neither do the steps of `always`, which are offered on every way out.
pub fn fill_in(runbook: &mut Runbook, root: &Node) {
    let written = |p: usize, s: usize| {
        let phase = root.get("phases").and_then(|n| n.item(p));
        phase.and_then(|n| n.get("steps")).and_then(|n| n.item(s)).is_some_and(|n| n.get("needs").is_some())
    };
    // Places and steps correspond only while every item could be read; if not, the file is refused anyway.
    let whole = root
        .get("phases")
        .is_some_and(|n| matches!(&n.value, Value::List(l) if l.len() == runbook.phases.len()));
    if !whole {
        return;
    }
    let mut before: Option<String> = None;
    for (p, phase) in runbook.phases.iter_mut().enumerate() {
        for (s, step) in phase.steps.iter_mut().enumerate() {
            if !written(p, s) {
                step.needs = before.iter().cloned().collect();
            }
            before = Some(step.id.clone());
        }
    }
}
