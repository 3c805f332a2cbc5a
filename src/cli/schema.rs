//! `schema`: the formats for editors and other programs. Never reads a file.

use crate::cli::args::{Schema, SchemaOf};
use crate::cli::print;

/// Runs the verb.
pub fn run(verb: &Schema) {
    let schema = match verb.of {
        SchemaOf::Runbook => crate::runbook::schema::runbook(),
        SchemaOf::Scenario => crate::runbook::scenario::schema::scenario(),
        SchemaOf::Team => crate::workspace::schema::team(),
        SchemaOf::Workspace => crate::workspace::schema::workspace(),
    };
    print(&format!("{schema:#}\n"));
}
