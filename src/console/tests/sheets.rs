//! The screens that answer one question each.

use super::super::model::Sheet;
use super::*;

#[test]
fn every_view_is_one_key_one_name_and_one_escape_away() {
    for (key, name, sheet) in [
        ("o", "view-options", Sheet::Options),
        ("m", "view-metrics", Sheet::Metrics),
        ("t", "view-timeline", Sheet::Timeline),
        ("p", "view-people", Sheet::People),
        ("c", "view-comms", Sheet::Comms),
        ("l", "view-ledger", Sheet::Ledger),
        ("b", "view-gantt", Sheet::Gantt),
    ] {
        let mut stage = Play::opened_on(80, 24);
        stage.gathered().keys(key);
        assert_eq!(stage.model.focus, Focus::Sheet(sheet), "{name}");
        stage.keys("esc");
        assert_eq!(stage.model.focus, Focus::Checklist);
        stage.keys(":").types(name).keys("enter");
        assert_eq!(stage.model.focus, Focus::Sheet(sheet), "{name}");
        stage.keys("q");
        assert_eq!(stage.model.focus, Focus::Checklist, "q closes a view before it leaves");
        assert!(!stage.effects.contains(&Effect::Detach));
    }
}

#[test]
fn the_next_view_goes_through_all_of_them_and_back() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered();
    for sheet in Sheet::ALL {
        stage.keys("v");
        assert_eq!(stage.model.focus, Focus::Sheet(sheet));
    }
    stage.keys("v");
    assert_eq!(stage.model.focus, Focus::Checklist);
}

#[test]
fn not_going_back_is_one_of_the_options() {
    let mut stage = Play::opened_on(120, 60);
    stage.measured().gathered().keys("o");
    let shown = text(&stage);
    for says in [
        "Do not roll back",
        "Orders that 1.5.0 wrote",
        "who decides",
        "1 commander and 1 sre",
        "40 of 60",
        "no fresh numbers: Latency p95",
        "does not undo",
        "nobody knows how long",
        "last drilled",
    ] {
        assert!(shown.contains(says), "{says}\n{shown}");
    }
}

#[test]
fn a_word_that_is_late_is_on_the_usual_screen_and_says_so() {
    let mut stage = Play::opened_on(120, 40);
    stage.gathered();
    assert!(text(&stage).contains("first word to customers in 4m 00s"), "{}", text(&stage));
    stage.minutes(5);
    assert!(text(&stage).contains("first word to customers LATE"));
    stage.told("first-word").told("for-management");
    assert!(!text(&stage).contains("LATE"));
}

#[test]
fn at_the_ten_minute_mark_without_a_decision_whoever_commands_is_called_once() {
    for (columns, lines) in [(80, 24), (120, 40)] {
        let mut stage = Play::opened_on(columns, lines);
        stage.gathered().minutes(8);
        let rung = |stage: &Play| stage.effects.iter().filter(|e| **e == Effect::Bell).count();
        let (before, shown) = (rung(&stage), text(&stage));
        assert!(shown.contains("NOT DECLARED") && !shown.contains("-minute mark"), "{shown}");
        stage.minutes(1);
        let shown = text(&stage);
        assert!(shown.contains("NO DECISION AFTER 10m"), "{shown}");
        assert!(shown.contains("FOR YOU: 10-minute mark: approve, deny or escalate"), "{shown}");
        assert_eq!(rung(&stage), before + 1);
        stage.minutes(5);
        assert_eq!(rung(&stage), before + 1, "once for each mark");
        stage.keys("l");
        let owed = super::super::view::sheet_text(&stage.model, Sheet::Ledger).join("\n");
        assert!(owed.contains("5m 00s ago     the decision: go back, or deny it and fix forward"), "{owed}");
        stage.grants("ana", "declare", "commander").minutes(5).keys("r");
        let shown = text(&stage);
        assert!(shown.contains("20-minute mark: waits for 1 sre: call or escalate"), "{shown}");
        assert_eq!(rung(&stage), before + 2);
        stage.grants("bob", "declare", "sre").does("hub", crate::core::event::Declared { attempt: 1 });
        stage.minutes(10);
        let shown = text(&stage);
        assert!(!shown.contains("-minute mark") && !shown.contains("NO DECISION"), "{shown}");
    }
}

#[test]
fn whoever_does_not_command_is_not_called_but_sees_that_nothing_is_decided() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered();
    let me = Me { person: crate::core::id::PersonId::parse("bob").unwrap(), ..stage.model.me.clone() };
    stage.hub(Update::Me(me)).minutes(10);
    let shown = text(&stage);
    assert!(shown.contains("NO DECISION AFTER 10m") && !shown.contains("-minute mark"), "{shown}");
}

#[test]
fn how_wide_it_is_and_what_changed_before_is_said_or_how_to_say_it() {
    for (keys, before) in [
        ("", &["not said :note touched, :note changed"][..]),
        ("o", &["not said yet, :note touched says it", "not said yet, :note changed says it"][..]),
    ] {
        let mut stage = Play::opened_on(80, 24);
        stage.gathered().keys(keys);
        let shown = text(&stage);
        for says in before {
            assert!(shown.contains(says), "{shown}");
        }
        stage.notes("bob", "touched: 4,000 in EU").notes("cleo", "changed: 1.5.0 at 11:52");
        stage.notes("bob", "changed: migration 41 at 11:50");
        let shown = text(&stage);
        for says in ["4,000 in EU (bob at 12:01", "1.5.0 at 11:52 (cleo", "migration 41 at 11:50"] {
            assert!(shown.contains(says), "{says}\n{shown}");
        }
        assert!(!shown.contains("not said"), "{shown}");
    }
}

#[test]
fn a_note_about_it_is_one_name_away_and_says_what_it_is_about() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().keys(":").types("note touched").keys("enter").waits(Duration::from_secs(1));
    assert!(text(&stage).contains("how many, and who:"), "{}", text(&stage));
    stage.types("4,000 in EU").keys("enter enter");
    let acts = sent(&stage);
    assert_eq!(acts.last(), Some(&&Act::Note("touched: 4,000 in EU".into())));
    // Read down, the list of what can be done has one entry for notes.
    let mut stage = Play::opened_on(200, 60);
    stage.gathered().keys("enter");
    let shown = text(&stage);
    assert!(shown.contains("note  ") && !shown.contains("note touched  "), "{shown}");
}

#[test]
fn what_may_be_over_is_never_called_during() {
    use crate::core::event::{Choice, Decided, Mitigated};
    let mut stage = Play::opened_on(120, 40);
    stage.measured().switching().keys("m");
    let shown = text(&stage);
    assert!(shown.contains("OUTSIDE normal 0 % to 0.40 %  so far 8 %  before 0.20 %"), "{shown}");
    assert!(!shown.contains("during"), "{shown}");
    stage.ends("switch", Outcome::Succeeded, "exit code 0");
    let about = crate::core::event::About::Step(step("which-way"));
    let choice = Choice::Option("worse".into());
    stage.does("ana", Decided { about, choice, reason: "no better".into() }).measured();
    assert!(text(&stage).contains("0.40 %  since the last step 8 %"), "{}", text(&stage));
    stage.does("ana", Mitigated { reason: "the errors stopped".into() });
    let shown = text(&stage);
    assert!(shown.contains("0.40 %  after –  during 8 %"), "{shown}");
}

#[test]
fn a_filter_says_how_much_it_leaves_and_where_one_is() {
    let mut stage = Play::opened_on(120, 60);
    stage.at_the_hold_point().keys("t /").types("sits as").keys("enter");
    assert!(text(&stage).contains("/sits as 4 of 4"), "{}", text(&stage));
    stage.keys("N N");
    assert!(text(&stage).contains("/sits as 2 of 4"), "{}", text(&stage));
    stage.keys("n");
    assert!(text(&stage).contains("/sits as 3 of 4"), "{}", text(&stage));
    stage.keys("esc r /").types("th").keys("enter n");
    assert!(text(&stage).contains("/th 2 of 2"), "{}", text(&stage));
    stage.keys("esc 5 /").types("nobody ever").keys("enter");
    assert!(text(&stage).contains("/nobody ever nothing has it"), "{}", text(&stage));
}

#[test]
fn one_event_is_shown_in_full_and_copied_in_full() {
    let mut stage = Play::opened_on(120, 60);
    stage.at_the_hold_point().keys("t / ").types("approved").keys("enter g y");
    let shown = text(&stage);
    assert!(shown.contains("approval.granted") && shown.contains("SHA256:ana"), "{shown}");
    let copied = stage.effects.iter().find_map(|e| match e {
        Effect::Clipboard(text) => Some(text),
        _ => None,
    });
    let copied = copied.unwrap();
    assert!(copied.contains("nonce") && copied.contains("lag 0, snapshot taken"), "{copied}");
}

#[test]
fn the_selected_event_stays_while_others_come() {
    let mut stage = Play::opened_on(120, 40);
    stage.at_the_hold_point().keys("t k k k");
    let before = stage.model.selected_event().map(|r| r.event.seq);
    stage.grants("cleo", "two-pairs-of-eyes", "sre");
    assert_eq!(stage.model.selected_event().map(|r| r.event.seq), before);
    stage.keys("F");
    assert_eq!(stage.model.event, None);
    stage.keys("G");
    assert_eq!(stage.model.selected_event().map(|r| r.event.seq + 1), Some(stage.model.head.n));
}

#[test]
fn a_filter_in_a_view_leaves_only_what_has_its_text() {
    let mut stage = Play::opened_on(120, 40);
    stage.switching().keys("l /").types("deployments").keys("enter");
    let shown = rows(&draw(&stage));
    let body = &shown[4..shown.len() - 1];
    let said: Vec<&String> = body.iter().filter(|l| !l.is_empty()).collect();
    assert!(!said.is_empty() && said.iter().all(|l| l.contains("deployments")), "{said:#?}");
    stage.keys("esc");
    assert!(stage.model.filter.is_none() && stage.model.focus == Focus::Sheet(Sheet::Ledger));
}

#[test]
fn what_is_owed_is_in_the_ledger_until_it_is_settled() {
    let mut stage = Play::opened_on(120, 60);
    stage.switching().keys("l");
    let shown = text(&stage);
    for says in ["OFF for", "thaw switches it on again", "PASSED at", "ana should hand over commander"] {
        assert!(shown.contains(says), "{says}\n{shown}");
    }
}

#[test]
fn empty_seats_stand_first_on_every_screen_until_somebody_sits_there() {
    for keys in ["", "p", "o", "t", "c", "l"] {
        let mut stage = Play::opened_on(120, 40);
        stage.keys(keys);
        let shown = text(&stage);
        let facts = shown.lines().nth(1).unwrap();
        assert!(facts.trim_start().starts_with("EMPTY: commander, sre"), "{keys}: {facts}");
        stage.gathered();
        let facts = text(&stage).lines().nth(1).unwrap().to_owned();
        assert!(facts.trim_start().starts_with("EMPTY: communications ·"), "{keys}: {facts}");
    }
}

#[test]
fn broken_glass_is_on_every_screen() {
    let mut stage = Play::opened_on(120, 40);
    stage.gathered();
    assert!(!text(&stage).contains("GLASS BROKEN"));
    let mut incident = stage.model.incident.clone().unwrap();
    let (gate, who) = (crate::core::id::StepId::declare(), crate::core::id::PersonId::parse("ana").unwrap());
    let (reason, denied_by) = ("nobody is awake".to_owned(), vec![who.clone()]);
    incident.overrides.push(crate::core::incident::BrokenGlass { gate, person: who, reason, denied_by });
    stage.model.incident = Some(incident);
    for keys in ["", "p", "o", "t", "c", "l", "?"] {
        stage.keys(keys);
        assert!(text(&stage).contains("GLASS BROKEN at declare by ana, OVER A DENIAL"), "{keys}");
        stage.keys("esc");
    }
}

#[test]
fn empty_seats_come_first_and_say_who_could_sit_there() {
    let mut stage = Play::opened_on(120, 60);
    stage.keys("p");
    let shown = text(&stage);
    assert!(shown.contains("EMPTY, 1 needed; could be taken by ana"), "{shown}");
    stage.gathered();
    assert!(text(&stage).contains("should hand over in 3h 59m"), "{}", text(&stage));
}

#[test]
fn a_missed_goal_is_called_missed() {
    let mut stage = Play::opened_on(120, 40);
    stage.switching().keys("b");
    assert!(text(&stage).contains("to spare"));
    stage.minutes(20);
    assert!(text(&stage).contains("MISSED by"));
    // What was never reached will not end; when the service was back is what counts.
    stage.ends("switch", Outcome::Failed, "exit code 1");
    stage.does("ana", crate::core::event::Aborted { reason: "no release".into() });
    stage.does("ana", crate::core::event::Resolved { reason: "fixed forward".into() });
    let before = text(&stage);
    let missed = |shown: &str| shown.lines().find(|l| l.contains("MISSED by")).map(str::to_owned);
    assert!(before.contains("ended ") && missed(&before).is_some(), "{before}");
    stage.minutes(5);
    assert_eq!(missed(&text(&stage)), missed(&before));
}

#[test]
fn hostile_names_do_nothing_in_any_view() {
    for key in ["o", "m", "t", "p", "c", "l", "b"] {
        let mut stage = Play::opened_on(120, 40);
        stage.measured().switching().keys(key);
        let frame =
            Screen::new(Gate { level: Level::True, glyphs: Glyphs::Unicode }).frame(draw(&stage), None);
        let frame = frame.unwrap();
        assert!(!frame.contains('\u{202e}') && !frame.contains("\u{1b}]"), "{key}");
        assert_eq!(frame.matches("\u{1b}[2J").count(), 1);
    }
}

#[test]
fn no_size_makes_a_view_fall_over() {
    for key in ["o", "m", "t", "p", "c", "l", "b"] {
        let mut stage = Play::opened_on(80, 24);
        stage.measured().switching().keys(key);
        for (columns, lines) in
            [(0, 0), (1, 1), (60, 16), (61, 17), (139, 20), (140, 16), (300, 120), (65, 300)]
        {
            let mut buffer = Buffer::empty(Rect::new(0, 0, columns, lines));
            let area = buffer.area;
            stage.model.size = Size { columns, rows: lines };
            view::render(&stage.model, &theme(), area, &mut buffer);
            stage.keys("G k g ctrl-d ctrl-u");
        }
    }
}

#[test]
fn what_is_asked_and_offered_stands_in_the_people_view_until_it_is_over() {
    use crate::core::event::{Opinion, PollAnswered, PollClosed, PollEnd, PollOpened};
    let mut stage = Play::opened_on(120, 60);
    stage.gathered();
    let expires = stage.now().wall.plus(Duration::from_secs(30));
    stage.does("ana", PollOpened { question: "freeze now?".into(), lasts: 30, expires });
    let poll = stage.model.head.n - 1;
    assert!(text(&stage).lines().nth(2).unwrap().contains("waiting") || text(&stage).contains("freeze now?"));
    stage.keys("p");
    assert!(text(&stage).contains("freeze now? (29s left)"), "{}", text(&stage));
    stage.waits(Duration::from_secs(10));
    stage.does("bob", PollAnswered { poll, opinion: Opinion::Object, reason: "the backup is old".into() });
    let shown = text(&stage);
    assert!(shown.contains("(19s left)") && shown.contains("bob: object the backup is old"), "{shown}");
    assert!(
        shown.contains("bob to freeze now?: the backup is old") && shown.contains("HAS NO ANSWER"),
        "{shown}"
    );
    stage.does("hub", PollClosed { poll, how: PollEnd::Objected });
    assert!(text(&stage).contains("(objected to)"), "{}", text(&stage));
    stage.does(
        "ana",
        crate::core::event::ObjectionAnswered { objection: poll + 1, words: "it is new".into() },
    );
    assert!(
        text(&stage).contains(": it is new") && !text(&stage).contains("HAS NO ANSWER"),
        "{}",
        text(&stage)
    );
    // An offer of the command, to the second.
    let to = crate::core::id::PersonId::parse("bob").unwrap();
    let seen = crate::core::event::Seen { n: 3, root: stage.model.head.root.clone() };
    let packet = crate::core::id::Digest::of(b"packet");
    let expires = stage.now().wall.plus(Duration::from_secs(300));
    stage.does("ana", crate::core::event::Offered { to, seen, packet, expires, key: "SHA256:ana".into() });
    let says = "ana offers it to bob, 5m 00s left; ana commands until they have read it back and signed";
    assert!(text(&stage).contains(says), "{}", text(&stage));
    let how = crate::core::event::OfferEnd::Declined;
    let offer = stage.model.head.n - 1;
    stage.does("bob", crate::core::event::OfferEnded { offer, how, reason: "I am on a train".into() });
    assert!(!text(&stage).contains("offers it to bob"), "{}", text(&stage));
}

#[test]
fn whoever_may_ask_again_for_what_expired_is_told_so() {
    let mut stage = Play::opened_on(80, 24);
    stage.gathered().minutes(20);
    stage.does("hub", crate::core::event::Expired { gate: step("declare"), attempt: 1 });
    let shown = text(&stage);
    assert!(shown.contains("FOR YOU: declare expired without its quorum: retry asks again"), "{shown}");
    stage.keys(".");
    assert!(text(&stage).contains("▸ retry"), "{}", text(&stage));
}

#[test]
fn the_questions_of_the_first_five_minutes_are_answered_on_a_small_screen() {
    let mut stage = Play::opened_on(80, 24);
    stage.measured();
    let holds = |stage: &Play, says: &[&str]| {
        let shown = text(stage);
        says.iter().for_each(|word| assert!(shown.contains(word), "{word}\n{shown}"));
    };
    // Who commands? Nobody yet, and two keys take the seat.
    holds(&stage, &["EMPTY: commander", "LIVE", "PRODUCTION"]);
    stage.keys(".");
    holds(&stage, &["take-seat commander"]);
    stage.keys("esc").gathered();
    holds(&stage, &["you command"]);
    // What is wrong, and since when? Have we said something?
    holds(&stage, &["Checkout errors 8 % CRITICAL", "since", "12:00:40", "word due"]);
    // What could we do, how risky is it, and who may decide? Not going back is one of the ways.
    stage.keys("o");
    holds(&stage, &["1 roll back", "2 do not", "nobody knows how long", "loses:"]);
    let all = super::super::view::sheet_text(&stage.model, Sheet::Options).join("\n");
    for word in ["✓ yes", "window", "takes", "data loss", "does not undo", "last drilled", "who decides"] {
        assert!(all.contains(word), "{word}\n{all}");
    }
    // Who does what until when?
    stage.keys("p");
    holds(&stage, &["commander      ana", "declare        waits for 1 commander and 1 sre", "left"]);
    stage.keys("c");
    holds(&stage, &["customers", "management"]);
}

#[test]
fn what_finds_no_room_beside_a_step_is_read_by_going_there() {
    let mut stage = Play::opened_on(80, 20);
    stage.measured().gathered();
    let first = text(&stage);
    assert!(
        first.contains("more lines: press 2, then down") && !first.contains("release = 1.4.2"),
        "{first}"
    );
    stage.keys("2 G");
    assert!(text(&stage).contains("release = 1.4.2"), "{}", text(&stage));
    stage.keys("g");
    assert!(text(&stage).contains("wrong") && text(&stage).contains("▼"), "{}", text(&stage));
}
