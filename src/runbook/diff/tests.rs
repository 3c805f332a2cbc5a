use super::*;
use crate::runbook::yaml::parse;

const SMALL: &str = include_str!("../../../tests/runbooks/small.yaml");

fn compared(text: &str) -> Difference {
    diff(&parse("a", SMALL).unwrap(), &parse("b", text).unwrap())
}

#[test]
fn the_same_said_otherwise_is_no_difference() {
    let text = SMALL
        .replace("service: web", "service: \"web\"")
        .replace("[deployctl, pause]", "[deployctl, 'pause']");
    assert!(compared(&text).is_empty());
}

#[test]
fn a_changed_key_is_told_at_its_step() {
    let text = SMALL.replace("rto: 10m", "rto: 20m").replace(
        "        timeout: 10s\n        role: commander\n",
        "        timeout: 1m\n        text: Look first.\n",
    );
    let found = to_text(&compared(&text));
    assert_eq!(
        found,
        "~ objectives.rto\n    - 10m\n    + 20m\n~ step switch in Act\n    - role: commander\n    + text: Look first.\n    ~ timeout\n        - 10s\n        + 1m\n"
    );
}

#[test]
fn a_key_of_a_phase_is_told() {
    let text = SMALL.replace("  - name: Act\n", "  - name: Act\n    recheck: [serves]\n");
    assert_eq!(to_text(&compared(&text)), "+ phases[Act].recheck: [serves]\n");
}

#[test]
fn what_is_new_gone_and_moved_is_told_apart() {
    let (before, thaw) = SMALL.split_once("      - id: thaw\n").unwrap();
    let (before, freeze) = before.split_once("      - id: freeze\n").unwrap();
    let (freeze, rest) = freeze.split_once("      - id: two-pairs").unwrap();
    let text = format!(
        "{before}      - id: two-pairs{rest}      - id: news\n        manual: Read them.\n      - id: freeze\n{freeze}"
    );
    let found = compared(&text);
    let words: Vec<(&str, &str)> = found.steps.iter().map(|s| (s.id.as_str(), s.word())).collect();
    assert_eq!(words, [("news", "added"), ("freeze", "moved"), ("thaw", "removed")]);
    assert!(thaw.contains("resumes"));
    let json = to_json(&found);
    assert_eq!((&json["same"], &json["steps"][1]["moved"]), (&Value::from(false), &Value::from(true)));
    use serde_json::Value;
}

#[test]
fn a_fence_is_longer_than_what_it_holds() {
    let text = SMALL.replace("summary: Switches", "summary: \"```` Switches");
    let text = text.replace("what is served.", "what is served.\"");
    assert!(to_markdown(&compared(&text)).contains("`````diff\n"));
}

#[test]
fn nothing_in_a_runbook_steers_a_terminal() {
    let text = SMALL.replace("title: Point", "title: \"\\e[31mred\"\n#");
    let found = to_text(&compared(&text));
    assert!(found.contains("title") && !found.contains('\u{1b}'), "{found:?}");
}
