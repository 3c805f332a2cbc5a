//! Dialogs: one key closes one of them, what was cancelled is said not to have been done, and none outlives what it was
//! opened for.

use super::*;

#[test]
fn a_list_that_goes_on_says_how_many_more_there_are() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys(":");
    let Some(Layer::Palette(palette)) = stage.model.layers.last() else { panic!("no palette") };
    let all = palette.matches().len();
    let entries = |stage: &Play| {
        let shown = rows(&draw(stage));
        let rule = |l: &String| l.contains("━━━");
        let first = shown.iter().position(rule).unwrap();
        let last = shown.iter().rposition(rule).unwrap();
        shown[first + 2..last].to_vec()
    };
    let shown = entries(&stage);
    let below = all - (shown.len() - 1);
    assert_eq!(shown.last().unwrap().trim(), format!("▼ {below} more below"));
    stage.keys(&"down ".repeat(all));
    let shown = entries(&stage);
    assert_eq!(shown.last().unwrap().trim(), format!("▲ {below} more above"));
    assert!(shown[shown.len() - 2].contains('▸'), "{shown:#?}");
    stage.types("detach");
    assert!(!entries(&stage).iter().any(|l| l.contains("more")), "{:#?}", entries(&stage));
    // The list of what can be done, where the screen is low.
    let mut stage = Play::opened_on(80, 16);
    stage.gathered().keys("enter");
    let shown = text(&stage);
    assert!(shown.contains("more below"), "{shown}");
}

#[test]
fn a_dialog_keeps_the_head_it_was_opened_with() {
    let mut stage = Play::opened_on(120, 40);
    stage.gathered().keys(": a p p r o v e enter").waits(Duration::from_secs(1));
    let before = stage.model.head.n;
    stage.grants("bob", "declare", "sre").types("ok").keys("enter enter");
    let acts = sent(&stage);
    let [Act::Sign { seen, .. }] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(seen.n, before);
}

#[test]
fn the_answer_closes_the_dialog_or_says_why_not() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys(": n o t e enter").waits(Duration::from_secs(1)).types("hello").keys("enter enter");
    let Some(Layer::Form(form)) = stage.model.layers.last() else { panic!() };
    let Progress::Sent(id) = form.progress else { panic!() };
    stage.keys("esc");
    assert_eq!(stage.model.layers.len(), 1, "a dialog under way stays");
    stage.hub(Update::Answered { act: id, how: Err("somebody else was faster".into()) });
    assert!(text(&stage).contains("somebody else was faster"));
    stage.keys("enter");
    let Some(Layer::Form(form)) = stage.model.layers.last() else { panic!() };
    let Progress::Sent(id) = form.progress else { panic!() };
    stage.hub(Update::Answered { act: id, how: Ok(()) });
    assert!(stage.model.layers.is_empty() && text(&stage).contains("recorded: note"));
}

#[test]
fn a_forgotten_dialog_closes_itself_and_says_so() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys(": n o t e enter").minutes(6);
    assert!(stage.model.layers.is_empty());
    assert!(text(&stage).contains("closed by itself"));
}

#[test]
fn escape_closes_one_layer_and_never_leaves() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys("enter F1");
    assert_eq!(stage.model.layers.len(), 2);
    for left in [1, 0, 0, 0] {
        stage.keys("esc");
        assert_eq!(stage.model.layers.len(), left);
    }
    assert!(!stage.effects.contains(&Effect::Detach) && sent(&stage).is_empty());
}

#[test]
fn as_many_escapes_close_as_many_layers_whatever_lies_over_what() {
    for first in ["enter", ":", "/", "?"] {
        for second in ["", "F1"] {
            for escapes in 0..5usize {
                let mut stage = Play::opened_on(80, 24);
                stage.switching().keys("5").keys(first).keys(second);
                let layers = stage.model.layers.len();
                let before = sent(&stage).len();
                stage.keys(&"esc ".repeat(escapes));
                assert_eq!(stage.model.layers.len(), layers.saturating_sub(escapes), "{first} {second}");
                assert!(!stage.effects.contains(&Effect::Detach) && sent(&stage).len() == before);
            }
        }
    }
}

#[test]
fn enter_does_nothing_in_a_dialog_that_has_only_just_come_up() {
    for (wait, closes) in [(50, false), (150, true)] {
        let mut stage = Play::opened_on(80, 24);
        stage.measured().approved().keys(": s t a r t enter");
        // The focus is where nothing bad can happen: a key passes a tenth of a second later.
        stage.keys("tab").waits(Duration::from_millis(wait)).keys("enter");
        assert_eq!(stage.model.layers.is_empty(), closes, "after {wait} ms");
        assert!(sent(&stage).is_empty());
    }
}

#[test]
fn who_takes_cancel_for_the_deed_is_told_that_nothing_was_done() {
    for keys in ["tab tab enter", "esc", "ctrl-c"] {
        let mut stage = Play::opened_on(80, 24);
        stage.gathered().keys(": a p p r o v e enter").waits(Duration::from_secs(1)).keys(keys);
        assert!(sent(&stage).is_empty() && stage.model.layers.is_empty());
        assert!(text(&stage).contains("cancelled, nothing was done: approve declare"), "{}", text(&stage));
    }
}

#[test]
fn after_an_abort_what_can_be_taken_back_is_what_waits() {
    let mut stage = Play::opened_on(80, 24);
    let sre = crate::core::id::RoleName::parse("sre").unwrap();
    stage.approved().does("ana", crate::core::event::Assumed { role: sre, stand_in: false });
    stage.starts("ana", "switch").ends("switch", Outcome::Failed, "exit code 1");
    assert!(text(&stage).contains("FOR YOU: switch failed: say how to go on"), "{}", text(&stage));
    stage.keys(":").types("abort").keys("enter");
    let shown = text(&stage);
    assert!(shown.contains("to undo      freeze") && shown.contains("no way back  switch"), "{shown}");
    stage.keys("esc").does("ana", crate::core::event::Aborted { reason: "it gets worse".into() });
    let shown = text(&stage);
    assert!(shown.contains("FOR YOU: freeze can be undone"), "{shown}");
    stage.keys(".");
    let Some(Layer::Menu(menu)) = stage.model.layers.last() else { panic!("no menu") };
    let first = menu.offers.first().map(|o| (o.deed.action, o.deed.step.clone()));
    assert_eq!(first, Some((Action::Undo, Some(step("freeze")))));
}

#[test]
fn why_something_cannot_be_done_is_said_whole() {
    let mut stage = Play::opened_on(80, 24);
    stage.approved().keys(":").types("close");
    let Some(Layer::Palette(palette)) = stage.model.layers.last() else { panic!("no palette") };
    let why = palette.selected().unwrap().about();
    assert!(why.starts_with("not now: ") && why.len() > 60, "{why}");
    let shown = text(&stage).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(why.split_whitespace().collect::<Vec<_>>().join(" ").as_str()), "{why}\n{shown}");
}
