//! The conversation, turn by turn.

use super::*;
use crate::console::fixture::Play;
use crate::console::link::Act;
use crate::core::intent::Intent;

fn talk(play: &Play) -> Talk {
    let mut talk = Talk::new(play.model.me.clone(), play.now());
    talk.news(Update::Began(Box::new(play.began())), play.now());
    talk
}

fn says(talk: &mut Talk, play: &Play, line: &str) -> Turn {
    talk.heard(line, play.now())
}

#[test]
fn what_waits_is_said_in_a_sentence_and_the_menu_is_numbered() {
    let mut play = Play::opened_on(80, 24);
    play.gathered();
    let mut talk = talk(&play);
    assert!(says(&mut talk, &play, "").lines.concat().contains("FOR YOU: your approval of the rollback"));
    let menu = says(&mut talk, &play, "menu").lines;
    assert_eq!(menu.first().map(String::as_str), Some("About step declare:"));
    assert!(menu.iter().any(|l| l.starts_with("1: approve, ")), "{menu:#?}");
}

#[test]
fn empty_seats_are_the_first_thing_said() {
    let play = Play::opened_on(80, 24);
    let mut talk = talk(&play);
    talk.empty.clear();
    let news = Update::Began(Box::new(play.began()));
    let said = talk.news(news, play.now()).lines;
    assert!(said.first().is_some_and(|l| l.starts_with("EMPTY SEATS: commander, 1 needed")), "{said:#?}");
    let mut play = Play::opened_on(80, 24);
    play.gathered();
    let news = Update::Began(Box::new(play.began()));
    let said = talk.news(news, play.now()).lines;
    assert_eq!(said.first().map(String::as_str), Some("EMPTY SEATS: communications, 1 needed."));
}

#[test]
fn an_approval_is_read_out_whole_before_it_is_signed() {
    let mut play = Play::opened_on(80, 24);
    play.gathered();
    let mut talk = talk(&play);
    says(&mut talk, &play, "menu");
    assert!(says(&mut talk, &play, "1").lines.last().unwrap().contains("reason?"));
    let read = says(&mut talk, &play, "lag 0");
    let turn = says(&mut talk, &play, "yes");
    let [Asked::Act(id, act)] = turn.asked.as_slice() else { panic!("{turn:?}") };
    let Act::Sign { statement, .. } = &**act else { panic!("{act:?}") };
    for line in statement.lines() {
        assert!(read.lines.iter().any(|l| l == line.trim_end()), "{line}\n{:#?}", read.lines);
    }
    let done = talk.news(Update::Answered { act: *id, how: Ok(()) }, play.now());
    assert!(done.lines.concat().contains("Recorded: approve declare"));
}

#[test]
fn a_promise_is_asked_for_piece_by_piece() {
    let mut play = Play::opened_on(80, 24);
    play.gathered();
    let mut talk = talk(&play);
    assert!(says(&mut talk, &play, "promise").lines.last().unwrap().contains("to?"));
    assert!(says(&mut talk, &play, "the press office").lines.last().unwrap().contains("what?"));
    let asked = says(&mut talk, &play, "a word on refunds").lines;
    assert!(asked.last().unwrap().contains("within? An empty line keeps: 30m"), "{asked:#?}");
    says(&mut talk, &play, "");
    let turn = says(&mut talk, &play, "yes");
    let [Asked::Act(_, act)] = turn.asked.as_slice() else { panic!("{turn:?}") };
    let Act::Wish(Intent::Promise { to, words, due }) = &**act else { panic!("{act:?}") };
    assert_eq!((to.as_str(), words.as_str()), ("the press office", "a word on refunds"));
    assert_eq!(*due, play.now().wall.plus(std::time::Duration::from_secs(1800)));
}

#[test]
fn what_cannot_be_taken_back_wants_its_target_typed() {
    let mut play = Play::opened_on(80, 24);
    play.approved();
    let mut talk = talk(&play);
    assert!(says(&mut talk, &play, "start").lines.concat().contains("Type shop-1"));
    assert!(says(&mut talk, &play, "shop-2").lines.concat().contains("type exactly: shop-1"));
    says(&mut talk, &play, "shop-1");
    let turn = says(&mut talk, &play, "yes");
    let [Asked::Act(_, act)] = turn.asked.as_slice() else { panic!("{turn:?}") };
    assert!(matches!(&**act, Act::Wish(Intent::Start { .. })), "{act:?}");
}

#[test]
fn anything_but_yes_does_nothing() {
    let mut play = Play::opened_on(80, 24);
    play.gathered();
    let mut talk = talk(&play);
    for answer in ["no", "", "y", "cancel", "YES"] {
        says(&mut talk, &play, "note");
        says(&mut talk, &play, "hello");
        let turn = says(&mut talk, &play, answer);
        assert!(turn.asked.is_empty() && turn.lines.concat().contains("Cancelled"), "{answer}");
    }
}

#[test]
fn nothing_it_says_steers_a_terminal_and_our_own_words_are_ascii() {
    let mut play = Play::opened_on(80, 24);
    play.measured().switching();
    let mut talk = talk(&play);
    for word in [
        "?",
        "menu",
        "steps",
        "step",
        "options",
        "metrics",
        "people",
        "comms",
        "ledger",
        "timeline",
        "\u{1b}[2J",
    ] {
        for line in says(&mut talk, &play, word).lines {
            assert!(!line.chars().any(char::is_control), "{word}: {line:?}");
            assert!(line.is_ascii() || line.contains("dan"), "{word}: {line}");
        }
    }
}

/// Moments in which different things can be done.
fn moments() -> Vec<Play> {
    use crate::core::event::Outcome;
    let play = |act: fn(&mut Play)| {
        let mut play = Play::opened_on(80, 24);
        act(&mut play);
        play
    };
    vec![
        play(|_| {}),
        play(|p| _ = p.gathered()),
        play(|p| _ = p.at_the_hold_point()),
        play(|p| _ = p.approved()),
        play(|p| _ = p.switching()),
        play(|p| _ = p.switching().ends("switch", Outcome::Failed, "exit code 1")),
        play(|p| _ = p.switching().ends("switch", Outcome::Unknown, "")),
        play(|p| _ = p.switching().ends("switch", Outcome::Succeeded, "")),
    ]
}

#[test]
fn whatever_the_screen_offers_can_be_said_and_opens_the_same_dialog() {
    for play in moments() {
        for step in play.model.rows() {
            let offers = play
                .model
                .ground()
                .map(|g| offer::all(&g, &step))
                .unwrap_or_default()
                .into_iter()
                .filter(|o| o.refusal.is_none());
            for offered in offers {
                let mut talk = talk(&play);
                says(&mut talk, &play, &format!("select {step}"));
                let turn = says(&mut talk, &play, &offered.label());
                let ground = play.model.ground().unwrap();
                let form = Form::new(&ground, offered.deed.clone(), play.now().steady);
                assert_eq!(turn.lines.first(), Some(&format!("{}.", form.verb())), "{turn:?}");
                let menu = says(&mut talk, &play, "cancel").lines;
                assert_eq!(menu, ["Cancelled. Nothing was done."]);
                let menu = says(&mut talk, &play, "menu").lines;
                assert!(menu.iter().any(|l| l.contains(&offered.label())), "{menu:?}");
            }
        }
    }
}

#[test]
fn every_act_of_the_table_has_a_name_that_is_understood() {
    let plays = moments();
    let told = says(&mut talk(&plays[0]), &plays[0], "help actions").lines;
    for entry in TABLE.iter().filter(|e| e.action.is_deed()) {
        assert!(told.iter().any(|l| l.starts_with(&format!("{}: ", entry.name))), "{}", entry.name);
    }
}

#[test]
fn every_view_has_a_word_and_says_something_without_a_drawing() {
    let mut play = Play::opened_on(80, 24);
    play.measured().switching();
    let words = [
        ("options", "Do not roll back"),
        ("metrics", "Checkout errors"),
        ("timeline", "number 23"),
        ("find declared", "the rollback is declared"),
        ("event 11", "incident.declared"),
        ("people", "Approvals"),
        ("comms", "Due"),
        ("ledger", "Points of no return"),
        ("plan", "switch: running, began"),
        ("steps", "switch: running, cannot be taken back, selected."),
        ("step", "line 40 of what the command says"),
    ];
    for (word, shows) in words {
        let mut talk = talk(&play);
        play.model.logs.iter().for_each(|(run, log)| _ = talk.model.logs.insert(run.clone(), log.clone()));
        talk.model.panes.clone_from(&play.model.panes);
        let lines = says(&mut talk, &play, word).lines;
        assert!(lines.iter().any(|l| l.contains(shows)), "{word}: {lines:#?}");
        assert!(lines.iter().all(|l| !l.contains('\u{1b}') && !l.contains("###")), "{word}: {lines:#?}");
    }
}

#[test]
fn the_ten_minute_mark_is_said_once_though_nothing_else_happens() {
    let mut play = Play::opened_on(80, 24);
    play.gathered();
    let mut talk = talk(&play);
    assert!(talk.quiet_for() <= Duration::from_secs(540), "{:?}", talk.quiet_for());
    assert!(talk.passes(play.minutes(8).now()).lines.is_empty());
    let said = talk.passes(play.minutes(1).now()).lines;
    assert_eq!(said, ["FOR YOU: 10-minute mark: approve, deny or escalate. Say menu."]);
    assert!(talk.passes(play.minutes(1).now()).lines.is_empty());
}

#[test]
fn what_stands_in_columns_is_read_out_in_whole_sentences() {
    let mut play = Play::opened_on(80, 24);
    play.measured().at_the_hold_point();
    let mut talk = talk(&play);
    for news in
        [Update::Panes(play.model.panes.clone()), Update::Readiness(play.model.readiness.clone().unwrap())]
    {
        talk.news(news, play.now());
    }
    let mut all = Vec::new();
    for word in ["people", "options", "comms", "ledger", "metrics"] {
        all.extend(says(&mut talk, &play, word).lines);
    }
    for line in &all {
        assert!(line.ends_with(['.', ':', '?', '!']) && !line.contains("   "), "{line:?}");
    }
    let has = |text: &str| assert!(all.iter().any(|l| l == text), "{text}\n{all:#?}");
    has("Seats.");
    has("commander: ana for 5m 00s, should hand over in 3h 55m.");
    has("yes: bob as sre at 12:05:00 lag 0, snapshot taken.");
    has(r"dan: Dan \u{202e}Evil, not here, may be sre.");
}
