//! `import` and `schema` from the command line.

use serde_json::Value;

use super::{inside, workspace};
use crate::support::incident::runbook;
use crate::support::{Backout, Place};

const CHECKLIST: &str = "# Web back\n\n## Act\n\n- [ ] Stop the deployer\n\n  ```sh\n  deployctl pause\n  ```\n- [ ] Wait until it is quiet\n";

#[test]
fn a_checklist_becomes_a_draft_that_lints() {
    let place = workspace(&runbook("- {id: a, manual: Look., role: sre}"));
    place.write("ws/web-back.md", CHECKLIST);
    let outcome = inside(&place).run(["import", "web-back.md", "-o", "runbooks/web-back.yaml"]).exits(0);
    assert!(outcome.stderr.contains("steps: 2, to decide:"), "{}", outcome.stderr);
    inside(&place).run(["import", "web-back.md", "-o", "runbooks/web-back.yaml"]).exits(3);
    let lint = inside(&place).run(["lint", "runbooks/web-back.yaml"]).exits(0);
    assert!(lint.stdout.contains("lint-unfinished"), "{}", lint.stdout);
    inside(&place).run(["plan", "web-back"]).exits(0);
    let printed = inside(&place).run(["import", "web-back.md"]).exits(0).stdout;
    assert_eq!(printed, std::fs::read_to_string(place.join("ws/runbooks/web-back.yaml")).unwrap());
}

#[test]
fn what_is_no_checklist_is_told() {
    let place = Place::new();
    let backout = Backout::new(&place);
    place.write("empty.md", "Nothing to do.\n");
    place.write("binary.md", b"\xff\xfe- x");
    assert!(backout.run(["import", "empty.md"]).exits(1).stderr.contains("no step"));
    assert!(backout.run(["import", "binary.md"]).exits(1).stderr.contains("not UTF-8"));
    backout.run(["import", "none.md"]).exits(3);
}

#[test]
fn every_format_has_a_schema() {
    let place = Place::new();
    for of in ["runbook", "scenario", "team", "workspace"] {
        let json: Value =
            serde_json::from_str(&Backout::new(&place).run(["schema", of]).exits(0).stdout).unwrap();
        assert_eq!(json["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(json["properties"].is_object());
    }
    Backout::new(&place).run(["schema", "timeline"]).exits(2);
}
