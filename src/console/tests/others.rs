//! What people outside are told and promised, and what the room will not do.

use super::*;
use crate::core::event::{Choice, PromiseEnd, Promised};
use crate::core::time::Stamp;

/// Picks a deed by its name in the palette.
fn picks<'a>(stage: &'a mut Play, name: &str) -> &'a mut Play {
    stage.keys(":").types(name).keys("enter")
}

fn wish(stage: &Play) -> &Intent {
    match sent(stage)[..] {
        [Act::Wish(intent)] => intent,
        ref other => panic!("{other:?}"),
    }
}

fn promise(stage: &mut Play, words: &str) -> u64 {
    let due = stage.now().wall.plus(Duration::from_secs(600));
    let seq = stage.model.incident.as_ref().unwrap().next_seq;
    stage.does("bob", Promised { to: "the press office".into(), words: words.into(), due });
    seq
}

#[test]
fn a_promise_says_to_whom_what_and_by_when() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered();
    picks(&mut stage, "promise");
    keep("promise-80x24", &text(&stage));
    stage.types("the press office").keys("enter").types("a word on refunds").keys("enter");
    stage.keys("backspace backspace backspace").types("soon").keys("enter enter");
    assert!(text(&stage).contains("a time needs a unit: 30s, 2m"), "{}", text(&stage));
    assert!(sent(&stage).is_empty());
    stage.keys("shift-tab backspace backspace backspace backspace").types("2m").keys("enter enter");
    let due = stage.now().wall.plus(Duration::from_secs(120));
    let (to, words) = ("the press office".to_owned(), "a word on refunds".to_owned());
    assert_eq!(*wish(&stage), Intent::Promise { to, words, due });
}

#[test]
fn a_promise_ends_with_how_and_the_dialog_says_which_one_it_is() {
    for (name, how) in [("promise-kept", PromiseEnd::Kept), ("promise-back", PromiseEnd::TakenBack)] {
        let mut stage = Play::opened_on(80, 24);
        stage.gathered();
        stage.keys(":").types(name);
        assert!(!text(&stage).contains(&format!("{name} ")), "nothing was promised: {}", text(&stage));
        stage.keys("esc");
        promise(&mut stage, "a word on refunds");
        let second = promise(&mut stage, "a list of orders");
        picks(&mut stage, &format!("{name} {second}"));
        let screen = text(&stage);
        assert!(
            screen.contains("the press office by 2026") && screen.contains("says bob: a list of"),
            "{screen}"
        );
        stage.types("by mail").keys("enter enter");
        let words = "by mail".to_owned();
        assert_eq!(*wish(&stage), Intent::SettlePromise { promise: second, how, words });
    }
}

#[test]
fn whoever_is_on_the_list_is_told_once_and_only_after_the_declaration() {
    let mut stage = Play::with_notice();
    stage.gathered();
    stage.keys(":").types("told");
    assert!(text(&stage).contains("not now"), "{}", text(&stage));
    stage.keys("esc").does("hub", crate::core::event::Declared { attempt: 1 });
    picks(&mut stage, "told the duty manager");
    stage.types("by phone, she agrees").keys("enter enter");
    let (to, words) = ("the duty manager".to_owned(), "by phone, she agrees".to_owned());
    assert_eq!(*wish(&stage), Intent::Tell { to: to.clone(), words: words.clone() });
    let mut stage = Play::with_notice();
    stage.gathered().does("hub", crate::core::event::Declared { attempt: 1 });
    stage.does("bob", crate::core::event::Told { to, words });
    stage.keys(":").types("told");
    let screen = text(&stage);
    assert!(!screen.contains("told the duty") && screen.contains("told legal"), "{screen}");
}

#[test]
fn a_way_is_ruled_out_by_the_commander_with_why() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered();
    picks(&mut stage, "rule-out");
    stage.types("mend forward").keys("enter enter tab enter");
    assert!(sent(&stage).is_empty(), "a reason is needed");
    stage.types("nobody knows the cause").keys("enter enter");
    let (choice, reason) = (Choice::RuleOut("mend forward".into()), "nobody knows the cause".to_owned());
    assert_eq!(*wish(&stage), Intent::DecideIncident { choice, reason });
    // Whoever does not command sees why not.
    let mut stage = Play::opened_on(80, 24);
    stage.keys(":").types("rule-out");
    assert!(text(&stage).contains("not now"), "{}", text(&stage));
}

#[test]
fn the_denial_that_break_glass_goes_past_is_in_the_dialog_and_in_what_is_signed() {
    let mut stage = Play::opened_on(120, 40);
    stage.gathered();
    let denied = crate::core::event::Denied {
        gate: step("declare"),
        attempt: 1,
        role: crate::core::id::RoleName::parse("sre").unwrap(),
        reason: "not on a friday".into(),
        nonce: "00112233445566778899aabbccddeeff".into(),
        key: "SHA256:bob".into(),
    };
    stage.does("bob", denied);
    assert!(stage.model.now.wall > Stamp(0));
    picks(&mut stage, "override");
    stage.types("nobody else is awake").keys("enter").types("shop");
    keep("override_denied-120x40", &text(&stage));
    stage.keys("enter enter");
    let [Act::Sign { statement, .. }] = sent(&stage)[..] else { panic!("{:?}", sent(&stage)) };
    assert!(statement.contains("\ndenied by: bob\ndecision: override\n"), "{statement}");
}
