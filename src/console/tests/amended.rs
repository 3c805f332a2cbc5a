//! A changed runbook that waits for its quorum: a row, a description, and words in the line mode.

use super::super::line::Talk;
use super::*;

fn proposed() -> Play {
    let mut play = Play::opened_on(120, 40);
    play.at_the_hold_point().proposes(
        "bob",
        "run: [deployctl, resume]",
        "run: [deployctl, resume, --slowly]",
    );
    play
}

#[test]
fn a_changed_runbook_has_a_row_while_it_waits() {
    let mut play = proposed();
    let shown = text(&play);
    assert!(shown.contains("runbook.amend"), "{shown}");
    assert!(shown.contains("waiting 0 of 2"), "{shown}");
    play.grants("bob", "runbook.amend", "sre");
    assert!(text(&play).contains("waiting 1 of 2"), "{}", text(&play));
}

#[test]
fn its_description_says_who_why_what_changes_and_who_must_say_yes() {
    let mut play = proposed();
    play.grants("bob", "runbook.amend", "sre");
    // Up and down again: the row is a place to stand on.
    play.keys("g j");
    assert_eq!(play.model.selected().as_str(), "runbook.amend");
    let shown = text(&play);
    for words in [
        "a changed runbook",
        "bob at 12:",
        "wrong release",
        "thaw: changed (run)",
        "deployctl resume --slowly",
        "0 of 1 commander, 1 of 1 sre",
        "waits for 1 commander",
        "expires",
        "bob as sre",
    ] {
        assert!(shown.contains(words), "not `{words}`:\n{shown}");
    }
    assert!(!shown.contains("Points the current link back"), "it is not the declaration:\n{shown}");
}

#[test]
fn who_cannot_answer_is_told_for_whom_it_waits() {
    let mut play = proposed();
    play.grants("ana", "runbook.amend", "commander");
    play.grants("ana", "two-pairs-of-eyes", "sre");
    let me = Me { stance: Stance::Observes, ..play.model.me.clone() };
    play.hub(Update::Me(me));
    let waits = &play.model.attention.words;
    assert!(
        waits.contains("two-pairs-of-eyes") || waits.contains("the runbook as bob changed it"),
        "{waits}"
    );
    let mut gathered = Play::opened_on(120, 40);
    gathered.gathered().proposes("bob", "run: [deployctl, resume]", "run: [deployctl, resume, --slowly]");
    gathered.keys("g j");
    assert_eq!(gathered.model.selected().as_str(), "runbook.amend");
}

#[test]
fn the_line_mode_says_the_same() {
    let play = proposed();
    let mut talk = Talk::new(play.model.me.clone(), play.now());
    talk.news(Update::Began(Box::new(play.began())), play.now());
    let steps = talk.heard("steps", play.now()).lines.join("\n");
    assert!(steps.contains("runbook.amend: waiting"), "{steps}");
    assert!(steps.contains("the runbook as bob changed it: waits for 1 commander and 1 sre"), "{steps}");
    talk.heard("select runbook.amend", play.now());
    let told = talk.heard("step", play.now()).lines.join("\n");
    for words in
        ["by: bob at 12:", "why: wrong release", "change: thaw: changed (run)", "It waits for 1 commander"]
    {
        assert!(told.contains(words), "not `{words}`:\n{told}");
    }
    let menu = talk.heard("menu", play.now()).lines.join("\n");
    assert!(menu.contains("1: approve"), "{menu}");
}
