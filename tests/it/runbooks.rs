//! What ships as an example can be used as it is.

use std::path::PathBuf;

use backout::runbook::Loaded;
use backout::runbook::finding::{Finding, Paint, to_text};
use backout::runbook::lint::{Context, lint};
use backout::runbook::scenario;

use crate::support::repository;

fn yaml_in(folder: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(repository().join(folder)).unwrap().flatten().map(|e| e.path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect()
}

fn runbooks() -> Vec<Loaded> {
    let load = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let loaded = backout::runbook::load(&name, &std::fs::read(&path).unwrap());
        loaded.unwrap_or_else(|findings| panic!("{}", to_text(&findings, Paint::Plain)))
    };
    yaml_in("runbooks").into_iter().map(load).collect()
}

#[track_caller]
fn nothing_to_complain_about(findings: &[Finding]) {
    assert!(findings.is_empty(), "{}", to_text(findings, Paint::Plain));
}

#[test]
fn no_rule_has_anything_to_say_about_a_shipped_runbook() {
    let all = runbooks();
    all.iter().for_each(|loaded| nothing_to_complain_about(&lint(loaded, &Context::default())));
    assert!(all.len() >= 14, "only {} runbooks were found", all.len());
}

#[test]
fn every_shipped_scenario_fits_the_runbook_it_was_written_for() {
    let all = runbooks();
    let known: Vec<_> = all.iter().map(|loaded| &loaded.runbook).collect();
    let scenarios = yaml_in("runbooks/scenarios");
    assert!(!scenarios.is_empty());
    for path in scenarios {
        match scenario::load(&path.display().to_string(), &std::fs::read(&path).unwrap()) {
            Ok(loaded) => {
                assert!(loaded.scenario.runbook.is_some(), "{}", path.display());
                let context = scenario::lint::Context { runbooks: Some(&known) };
                nothing_to_complain_about(&scenario::lint::lint(&loaded, context));
            }
            Err(findings) => nothing_to_complain_about(&findings),
        }
    }
}
