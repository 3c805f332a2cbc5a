//! The review of an incident, as people read it afterwards.

use crate::support::Incident;
use serde_json::Value;

const STEPS: &str =
    "- {id: act, run: [sh, -c, 'echo tried >> log; test -e fixed'], timeout: 10s, role: sre, estimate: 1m,
   controls: {SOX: [CM-03]}}
- {id: look, check: {run: [cat, log], expect: {matches: tried}}, role: sre}
- {id: pair, approve: {require: [{role: sre, count: 1}], expires: 10m, covers: [extra], separation_of_duties: []}}
- {id: extra, run: [touch, extra], timeout: 10s, role: sre}
- {id: last, manual: Say that it is done, role: sre}";

/// Tags, a table's bar, a link and what turns the reading direction.
const HOSTILE: &str = "<script>alert(1)</script> | [x](http://e.example) red\u{202e}";

/// One that went badly and was closed.
fn over() -> Option<Incident> {
    let incident = Incident::declared(STEPS)?;
    incident.ok("ben", &["start", "act"]);
    incident.until_step("act", "failed");
    std::fs::write(incident.file("fixed"), "").unwrap();
    incident.ok("ben", &["retry", "act", "--reason", "the disk was full"]);
    incident.does("ben", "act");
    incident.until_step("look", "succeeded");
    incident.ok("ben", &["approve", "pair", "--yes"]);
    incident.ok("ben", &["skip", "extra", "--reason", HOSTILE]);
    incident.ok("ana", &["note", &format!("\u{1b}[31m{HOSTILE}")]);
    incident.ok("ben", &["confirm", "last"]);
    incident.until_step("last", "succeeded");
    incident.ok("ana", &["resolve", "--reason", "whole again"]);
    incident.close();
    Some(incident)
}

fn report(incident: &Incident, format: &str) -> String {
    incident.backout("ana").run(["report", &incident.id, "--format", format]).exits(0).stdout
}

fn moment<'a>(review: &'a Value, name: &str) -> &'a Value {
    let all = review["moments"].as_array().unwrap();
    all.iter().find(|m| m["name"] == name).unwrap_or_else(|| panic!("no {name}: {review}"))
}

#[test]
fn a_review_tells_what_the_record_shows_and_is_the_same_each_time() {
    let Some(incident) = over() else { return };
    let text = report(&incident, "json");
    assert_eq!(text, report(&incident, "json"));
    let review: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((review["mode"].as_str(), review["holds"].as_bool()), (Some("LIVE"), Some(true)));
    assert!(review["verdict"].as_str().unwrap().starts_with("verified"), "{}", review["verdict"]);

    // Every moment names an event that is really of that kind.
    let kinds = [
        ("opened", "incident.opened"),
        ("decided", "incident.declared"),
        ("first change", "step.started"),
        ("validated", "step.finished"),
        ("resolved", "incident.resolved"),
        ("closed", "incident.closed"),
    ];
    for (name, kind) in kinds {
        let seq = &moment(&review, name)["event"];
        assert!(incident.recorded(kind).iter().any(|e| e["seq"] == *seq), "{name}: {review}");
    }
    let looked =
        incident.recorded("step.finished").into_iter().find(|e| e["data"]["step"] == "look").unwrap();
    assert_eq!(moment(&review, "validated")["event"], looked["seq"]);

    let tries: Vec<_> = review["tries"].as_array().unwrap().iter().filter(|t| t["step"] == "act").collect();
    let ends: Vec<_> = tries.iter().map(|t| t["outcome"].as_str().unwrap()).collect();
    assert_eq!(ends, ["failed", "succeeded"]);
    assert_eq!(tries[0]["estimate_seconds"], 60);
    let declared = &review["approvals"][0];
    assert_eq!((declared["gate"].as_str(), declared["end"].as_str()), (Some("declare"), Some("approved")));
    assert!(declared["answers"][0]["key"].as_str().unwrap().starts_with("SHA256:"), "{declared}");
    let points = review["points"].to_string();
    for words in ["act FAILED", "tried again (attempt 2)", "skipped extra", "no message was sent"] {
        assert!(points.contains(words), "{words}: {points}");
    }
    assert_eq!(review["controls"][0][1], "CM-03");
    let page = report(&incident, "md");
    let never = page.split_once("Never started:").unwrap().1.split_once("\n#").unwrap().0;
    assert!(never.contains("extra: skipped") && !never.contains("pair"), "{never}");
    let events = incident.recorded("incident.closed")[0]["seq"].as_u64().unwrap() + 1;
    assert_eq!(review["timeline"].as_array().unwrap().len() as u64, events);
}

#[test]
fn recorded_words_stay_words_in_every_form() {
    let Some(incident) = over() else { return };
    let html = report(&incident, "html");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    assert!(!html.contains("<script"));
    let markdown = report(&incident, "md");
    assert!(markdown.contains(r"\<script\>alert(1)\</script\> \| \[x\](http://e.example)"), "{markdown}");
    for text in [html, markdown, report(&incident, "json")] {
        assert!(text.contains("red\\u{202e}") || text.contains(r"red\\u{202e}"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
    }
}

#[test]
fn a_review_of_a_record_that_does_not_hold_says_so_first() {
    let Some(incident) = over() else { return };
    let path = incident.dir().join("timeline.jsonl");
    let record = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, record.replacen("whole again", "whole egain", 1)).unwrap();
    let outcome = incident.backout("ana").run(["report", &incident.id]).exits(1);
    let said = outcome.stdout.find("does not verify").unwrap_or_else(|| panic!("{}", outcome.stdout));
    assert!(said < outcome.stdout.find("## When").unwrap(), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("whole egain"), "what is behind the break does not count");
}

#[test]
fn a_report_never_replaces_a_file() {
    let Some(incident) = over() else { return };
    let file = incident.file("review.html");
    let name = file.to_str().unwrap();
    let write = || incident.backout("ana").run(["report", &incident.id, "--format", "html", "-o", name]);
    write().exits(0);
    let first = std::fs::read(&file).unwrap();
    assert!(write().exits(3).stderr.contains("never replaces"));
    assert_eq!(std::fs::read(&file).unwrap(), first);
}
