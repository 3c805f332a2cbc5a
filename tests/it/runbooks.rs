//! What ships as an example can be used as it is.

use backout::runbook::finding::{Paint, any_error, to_text};
use backout::runbook::lint::{Context, lint};

use crate::support::repository;

#[test]
fn every_shipped_runbook_is_accepted() {
    let mut seen = 0;
    for entry in std::fs::read_dir(repository().join("runbooks")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let findings = match backout::runbook::load(&name, &std::fs::read(&path).unwrap()) {
            Ok(loaded) => lint(&loaded, &Context::default()),
            Err(findings) => findings,
        };
        assert!(!any_error(&findings), "{}", to_text(&findings, Paint::Plain));
        println!("{}", to_text(&findings, Paint::Plain));
        seen += 1;
    }
    assert!(seen >= 2, "only {seen} runbooks were found");
}
