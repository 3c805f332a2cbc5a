//! What a key looks like when it is right, for people who write it for the first time. Never a default.

/// A value that the key could have.
pub fn of(key: &str) -> Option<&'static str> {
    let example = match key {
        "objectives" => "{rto: 30m, rpo: 5m}",
        "does_not_undo" => "what stays as it is, such as messages that were sent",
        "summary" => "one paragraph about what this brings back and how",
        "owners" => "[team-name]",
        "roles" => "{commander: {required: true}, sre: {min: 1}}",
        "declare" => "{require: [{role: commander, count: 1}], expires: 15m}",
        "require" => "[{role: commander, count: 1}]",
        "phases" => "[{name: Act, steps: […]}]",
        "restore_point" => "{prompt: Restore to which point in time?, type: timestamp}",
        "class" => "deploy",
        "expires" => "15m",
        "within" => "2m",
        "check" | "await" => "{run: [command, argument], expect: {equals: word}}",
        "measure" => "{run: [command, argument]}",
        "expect" => "{equals: word}",
        "approve" => "{require: [{role: sre, count: 1}], expires: 10m, covers: [step-id]}",
        "decide" => "{options: [{name: go back, then: step-id}, {name: leave it, then: end}]}",
        "retry" => "{max_attempts: 3, delay: 10s}",
        "target" => "{run: [hostname], equals: db1}",
        "reconcile" => "{run: [command], expect: {equals: done}}",
        "backlog" => "{name: rows, count: [command], owner: dba}",
        "env" => "{NAME: value}",
        _ => return None,
    };
    Some(example)
}

/// Words that other tools have for the same thing.
const SAME: [(&str, &[&str]); 14] = [
    ("run", &["command", "cmd", "shell", "script", "exec"]),
    ("needs", &["depends_on", "after", "requires"]),
    ("title", &["name"]),
    ("text", &["description", "instructions", "notes"]),
    ("summary", &["description"]),
    ("retry", &["retries", "attempts"]),
    ("undo", &["rollback", "revert"]),
    ("wait", &["sleep", "pause"]),
    ("when", &["if", "condition", "only_if"]),
    ("min", &["greater_than", "at_least", "gte", "ge"]),
    ("max", &["less_than", "at_most", "lte", "le"]),
    ("matches", &["contains", "regex", "pattern", "like"]),
    ("every", &["interval", "poll"]),
    ("within", &["timeout", "deadline"]),
];

/// The word of this format for that of another, where it is allowed.
pub(super) fn elsewhere<'a>(found: &str, mut allowed: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase().replace('-', "_");
    let ours: Vec<&str> =
        SAME.iter().filter(|(_, theirs)| theirs.contains(&found.as_str())).map(|(o, _)| *o).collect();
    allowed.find(|word| ours.contains(word))
}

/// Where a key belongs that stands one level too high.
pub(super) fn inside(key: &str, what: &str) -> Option<&'static str> {
    match (key, what) {
        ("expect" | "every" | "within" | "hold_for" | "fail_on", "step") => {
            Some("it stands inside the look: `await: {run: [command], expect: {equals: word}, within: 2m}`")
        }
        ("count" | "interval", "step") => Some(
            "it stands inside the look: `check: {run: [command], expect: {equals: word}, count: 3, interval: 2s}`",
        ),
        ("require" | "covers" | "expires", "step") => Some(
            "it stands inside the hold point: `approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [step-id]}`",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_tools_find_ours_where_it_is_allowed() {
        let step = ["run", "needs", "title", "text", "retry"];
        assert_eq!(elsewhere("depends-on", step.into_iter()), Some("needs"));
        assert_eq!(elsewhere("description", step.into_iter()), Some("text"));
        assert_eq!(elsewhere("greater_than", step.into_iter()), None);
        assert_eq!(elsewhere("greater_than", ["equals", "min", "max"].into_iter()), Some("min"));
    }

    #[test]
    fn what_stands_too_high_is_told_where_it_belongs() {
        assert!(inside("expect", "step").is_some_and(|help| help.contains("await: {run:")));
        assert_eq!(inside("expect", "role"), None);
    }
}
