//! What an incident leaves for the next one: how long it took, what was done otherwise, what has changed since.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Incident, PATIENCE, wait_until};

const STEPS: &str = "- {id: act, run: [touch, acted], timeout: 10s, role: sre, estimate: 5m}
- {id: clean, run: [touch, cleaned], timeout: 10s, role: sre, estimate: 5m}";

/// An incident in which one step was done, one left out, and a change was asked for.
fn closed() -> Option<Incident> {
    let incident = Incident::declared(STEPS)?;
    incident.does("ben", "act");
    incident.ok("ben", &["skip", "clean", "--reason", "there is nothing to clean any more"]);
    incident.ok("cho", &["note", "Redline: say where the log is"]);
    incident.ok("cho", &["note", "the weather is fine"]);
    incident.close();
    incident.until("it is closed", || incident.status()["stage"] == "closed");
    Some(incident)
}

#[test]
fn the_next_plan_knows_what_it_took_and_diff_what_changed() {
    let Some(incident) = closed() else { return };
    let ana = incident.backout("ana");
    let plan = ana.run(["plan", "test", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(json["history"]["live"]["n"], 1);
    assert_eq!(json["history"]["drills"], Value::Null);
    assert_eq!(json["phases"][0]["steps"][0]["measured"]["n"], 1);
    assert_eq!(json["phases"][0]["steps"][1]["measured"], Value::Null, "what was left out took nothing");

    let same = ana.run(["diff", "test"]).exits(0);
    assert_eq!(same.stdout, "");
    let path = incident.file("runbooks/test.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[touch, acted], timeout: 10s", "[touch, acted], timeout: 20s"))
        .unwrap();
    let differs = ana.run(["diff", "test"]).exits(1);
    assert_eq!(differs.stdout, "~ step act in Act\n    ~ timeout\n        - 10s\n        + 20s\n");
    let json = ana.run(["diff", "test", "--format", "json", "--against", &incident.id]).exits(1);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["same"], &json["steps"][0]["id"]), (&Value::from(false), &Value::from("act")));
    let none = ana.run(["diff", "test", "--against", "01ZZZ"]).exits(3);
    assert!(none.stderr.contains("01ZZZ"), "{}", none.stderr);
}

#[test]
fn what_was_done_otherwise_is_answered_before_the_next_time() {
    let Some(incident) = closed() else { return };
    let ana = incident.backout("ana");
    let listed = ana.run(["redlines", "test", "--json"]).exits(0);
    let json: Value = serde_json::from_str(&listed.stdout).unwrap();
    let said: Vec<(&str, &str, &str)> = json["redlines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["kind"].as_str().unwrap(), r["text"].as_str().unwrap(), r["answer"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [("skipped", "there is nothing to clean any more", "open"), ("note", "say where the log is", "open")]
    );
    let file = incident.file("runbooks/test.redlines.yaml");
    assert!(!file.exists(), "listing writes nothing");
    assert!(
        ana.run(["lint"]).exits(0).stdout.contains("warning[redlines-open]: 2 redlines of `test` are open")
    );

    ana.run(["redlines", "test", "--reject", "1"]).exits(2);
    ana.run(["redlines", "test", "--accept", "3"]).exits(2);
    ana.run(["redlines", "test", "--accept", "1"]).exits(0);
    assert!(ana.run(["lint"]).exits(0).stdout.contains("1 redlines of `test` are open"));
    ana.run(["redlines", "test", "--reject", "2", "--reason", "it is in the title"]).exits(0);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("answer: accepted") && kept.contains("it is in the title"), "{kept}");
    assert!(!ana.run(["lint"]).exits(0).stdout.contains("redlines-open"));
}

/// Copies so many bytes, and waits before its end for a file if that is asked for.
const COPIES: &str = "- id: copy
  run: 'echo \"0/4000000 bytes\" >> \"$BACKOUT_PROGRESS\"; sleep 2; echo \"4000000/4000000 bytes\" >> \"$BACKOUT_PROGRESS\"; until test ! -e hold; do sleep 0.05; done'
  timeout: 2m
  role: sre
  estimate: 5m";

#[test]
fn how_fast_a_step_was_stands_in_the_next_plan_and_beside_its_next_pace() {
    let Some(mut first) = Incident::declared(COPIES) else { return };
    first.does("ben", "copy");
    first.close();
    first.until("it is over", || first.status()["hub"] == "not running");
    let ana = first.backout("ana");
    let plan = ana.run(["plan", "test"]).exits(0).stdout;
    assert!(plan.contains("earlier runs: ") && plan.contains(" MB/s p50 (n = 1)"), "{plan}");
    let plan = ana.run(["plan", "test", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&plan.stdout).unwrap();
    let told = &json["phases"][0]["steps"][0]["throughput"];
    assert_eq!((&told["unit"], &told["n"]), (&Value::from("bytes"), &Value::from(1)));
    let before = told["per_second_p50"].as_f64().unwrap();
    assert!(before > 10_000.0 && before < 2_000_000.0, "{told}");

    first.another();
    let again = first;
    std::fs::write(again.file("hold"), "").unwrap();
    again.until_step("copy", "ready");
    again.ok("ben", &["start", "copy"]);
    let copy = |said: &str| {
        let shown = again.backout("ana").run(["status", &again.id]).exits(0).stdout;
        shown.lines().any(|line| line.contains("running") && line.contains(said))
    };
    again.until("what is left is known before it has a pace", || {
        copy("0 of 4000000 bytes, earlier ") && copy("(1 run), about ") && copy(" left as earlier runs went")
    });
    again.until("its pace stands beside the earlier one", || copy("bytes, now ") && copy(" MB/s (1 run)"));
    let progress = again.step("copy")["progress"].clone();
    assert_eq!(progress["earlier"]["per_second_p50"].as_f64(), Some(before), "{progress}");
    assert_eq!((&progress["done"], &progress["unit"]), (&Value::from(4_000_000), &Value::from("bytes")));
    std::fs::remove_file(again.file("hold")).unwrap();
    again.until_step("copy", "succeeded");
    again.close();
}

/// The redlines with their answers, as a program reads them.
fn answers(incident: &Incident) -> Vec<(String, String)> {
    let listed = incident.backout("ana").run(["redlines", "test", "--json"]).exits(0);
    let json: Value = serde_json::from_str(&listed.stdout).unwrap();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    json["redlines"].as_array().unwrap().iter().map(|r| (text(&r["answer"]), text(&r["problem"]))).collect()
}

#[test]
fn an_answer_is_a_persons_own_and_stock_tools_can_check_it() {
    let Some(incident) = closed() else { return };
    let ana = incident.backout("ana");
    let said = ana.run(["redlines", "test", "--reject", "1", "--reason", "it is dirty every time"]).exits(0);
    assert!(said.stderr.contains("You sign:") && said.stderr.contains("answer: rejected"), "{}", said.stderr);
    let text = ana.run(["redlines", "test", "--statement", "1"]).exits(0).stdout;
    assert!(
        text.starts_with("backout redline v1\nrunbook: test ") && text.contains("\nas: ana at "),
        "{text}"
    );
    ana.run(["redlines", "test", "--statement", "2"]).exits(1);

    let kept = incident.file("runbooks/test.redlines.yaml");
    let yaml = std::fs::read_to_string(&kept).unwrap();
    let armor = yaml.split_once("signature: \"").unwrap().1.split_once('"').unwrap().0.replace("\\n", "\n");
    incident.place.write("answer.sig", armor);
    let mut stock = std::process::Command::new("ssh-keygen");
    let signers = incident.file("allowed_signers");
    stock.args(["-Y", "verify", "-I", "ana", "-n", "redline.v1@backout", "-f"]).arg(signers);
    stock.arg("-s").arg(incident.place.join("answer.sig"));
    let mut child = stock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let outcome = child.wait_with_output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
    assert_eq!(answers(&incident)[0].0, "rejected");
}

#[test]
fn an_answer_that_nobody_signed_counts_for_nothing() {
    let Some(incident) = closed() else { return };
    let ana = incident.backout("ana");
    ana.run(["redlines", "test", "--accept", "1"]).exits(0);
    let kept = incident.file("runbooks/test.redlines.yaml");
    let honest = std::fs::read_to_string(&kept).unwrap();
    let first = honest.lines().find(|l| l.contains("answer: accepted")).unwrap().to_owned();
    let signed = first.split_once(", answered_by:").unwrap().1.to_owned();
    let cut = first.split_once(", signature:").unwrap().0.to_owned();
    let tampered = [
        honest.replace("answered_by: \"ana\"", "answered_by: \"ben\""),
        honest.replace("answer: accepted", "answer: rejected"),
        honest.replace("nothing to clean any more", "nothing to clean"),
        honest.replace("reason: \"\"", "reason: \"because\""),
        honest.replace(&first, &format!("{cut}}}")),
        // The answer to another redline.
        honest.replace("answer: open}", &format!("answer: accepted, answered_by:{signed}")),
    ];
    for text in &tampered {
        assert_ne!(text, &honest);
        std::fs::write(&kept, text).unwrap();
        let all = answers(&incident);
        let void: Vec<&(String, String)> = all.iter().filter(|(answer, _)| answer == "void").collect();
        assert_eq!(void.len(), 1, "{all:?}\n{text}");
        assert!(!void[0].1.is_empty());
        let lint = ana.run(["lint"]).exits(0).stdout;
        assert!(lint.contains("warning[redlines-void]") && lint.contains("warning[redlines-open]"), "{lint}");
    }
    std::fs::write(&kept, &honest).unwrap();
    assert_eq!(answers(&incident).iter().filter(|(answer, _)| answer == "void").count(), 0);

    // Somebody whose key the team does not know answers nothing, and the file stays as it is.
    let stranger = incident.place.folder("stranger");
    let key = stranger.join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let refused =
        ana.run(["redlines", "test", "--accept", "2", "--as", "ben", "--key", key.to_str().unwrap()]);
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), honest);
}

#[test]
fn open_redlines_are_said_and_recorded_and_keep_nobody_out() {
    let Some(incident) = closed() else { return };
    let err = incident.place.join("again.err");
    let mut command = incident.backout("ana").command([
        "open",
        "--headless",
        "runbooks/test.yaml",
        "--with-open-redlines",
        "the house is on fire",
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(&err).unwrap());
    let mut opener = command.spawn().unwrap();
    let said = || std::fs::read_to_string(&err).unwrap();
    wait_until("it is open", PATIENCE, || said().contains(" is open; its record is in "));
    assert!(said().contains("WARNING: 2 redlines"), "{}", said());
    let text = said();
    let dir = text.split_once("its record is in ").unwrap().1.lines().next().unwrap().to_owned();
    wait_until("the reason is in the record", PATIENCE.min(Duration::from_secs(60)), || {
        let record = std::fs::read_to_string(format!("{dir}/timeline.jsonl")).unwrap_or_default();
        record.contains("note.added")
    });
    opener.kill().unwrap();
    opener.wait().unwrap();
}
