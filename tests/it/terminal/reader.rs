//! Line mode as somebody hears it: a real screen reader reads the terminal out, to a voice that writes down what it is
//! asked to say. Without the reader there is nothing to hear, and that is said.

use super::{Terminal, in_a_shell};
use crate::support::Incident;
use portable_pty::CommandBuilder;
use std::path::Path;

const STEPS: &str = "- {id: go, run: [/bin/true], timeout: 10s, role: sre, estimate: 5s}\n";

/// What was said aloud, one utterance each.
fn spoken(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let said = text.lines().filter_map(|line| line.strip_prefix("q {")?.strip_suffix('}'));
    said.map(|text| text.trim().to_owned()).collect()
}

#[test]
fn a_screen_reader_says_whole_sentences_in_order_and_none_twice() {
    if std::process::Command::new("yasr").arg("-h").output().is_err() {
        println!("SKIPPED: there is no screen reader (yasr) here");
        return;
    }
    let Some(incident) = Incident::declared(STEPS) else { return };
    let file = |name: &str| incident.place.join(name);
    let log = file("spoken");
    // The voice takes what an Emacspeak server takes, and the reader takes no arguments for what it runs.
    incident.place.write("voice", format!("#!/bin/sh\nexec cat > '{}'\n", log.display()));
    let called = incident.backout("ben").command(["join", "--plain"]);
    let words: Vec<String> = called.get_args().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let program = Path::new(called.get_program()).display();
    incident.place.write("talk", format!("#!/bin/sh\nexec '{program}' {}\n", words.join(" ")));
    for name in ["voice", "talk"] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let port = format!("|{}", file("voice").display());
    let mut command = CommandBuilder::new("yasr");
    command.args(["-s", "emacspeak server", "-p", &port, file("talk").to_str().unwrap()]);
    command.env_clear();
    for (name, value) in called.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    command.env("TERM", "xterm");
    command.env("LANG", "C.UTF-8");
    command.cwd(called.get_current_dir().unwrap());
    // As wide as the longest sentence: the reader says what stands in one row of a terminal in one go.
    let mut terminal = Terminal::of(in_a_shell(command, r#"stty cols 240; exec "$@""#));
    let heard = |text: &str| {
        incident.until(&format!("{text} is said"), || spoken(&log).iter().any(|said| said.contains(text)));
    };
    heard("FOR YOU: start go. Say menu.");
    for (line, answer) in [
        ("menu", "start, carry out the step."),
        ("1", "Say yes to start go; anything else cancels."),
        ("yes", "go succeeded"),
        ("people", "Approvals."),
    ] {
        terminal.types(format!("{line}\r").as_bytes());
        heard(answer);
    }
    // The reader ends with what it reads, whether or not it has said the last of it.
    let all = spoken(&log);
    terminal.types(b"leave\r");
    terminal.ends();
    let at = |text: &str| {
        let found: Vec<usize> = (0..all.len()).filter(|n| all[*n].contains(text)).collect();
        assert_eq!(found.len(), 1, "{text} is said {} times: {all:#?}", found.len());
        found[0]
    };
    let order = [
        "Say ? for what can be said.",
        "FOR YOU: start go. Say menu.",
        "About step go:",
        "start, carry out the step.",
        "Say yes to start go; anything else cancels.",
        "Recorded: start go.",
        "Seats.",
        "commander: ana for",
        "Approvals.",
    ];
    let places: Vec<usize> = order.iter().map(|text| at(text)).collect();
    assert!(places.is_sorted(), "{places:?}: {all:#?}");
    // What was typed is said as it was typed; everything else ends like a sentence.
    let typed = |text: &str| ["menu", "1", "yes", "people"].iter().any(|word| word.ends_with(text));
    for text in all.iter().filter(|text| !typed(text)) {
        let whole = text.ends_with(['.', ':', '?', '!']) || text.contains(": ");
        assert!(whole && !text.contains("   "), "{text:?}: {all:#?}");
    }
}
