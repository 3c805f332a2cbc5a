//! The rules of the house, held by reading the source. Never runs the product.
//!
//! | rule | held by |
//! |---|---|
//! | a room knows only the rooms it may know | `rooms_know_only_whom_they_may` |
//! | no circles between rooms | `no_rooms_know_each_other_in_a_circle` |
//! | `core` has no clock, I/O, randomness or async | `core_is_pure` |
//! | only the shell reads the clock | `only_the_shell_reads_the_clock` |
//! | one writer of the timeline | `only_the_store_writes_the_timeline` |
//! | an event has one line | `what_an_event_leaves_out_is_known_to_whoever_reads_it` |
//! | one door for YAML | `yaml_comes_in_through_one_door` |
//! | views read the model and send nothing | `views_only_draw` |
//! | queues are bounded | `queues_are_bounded` |
//! | files ≤ 600 lines, functions ≤ 70 | `files_are_short`, `functions_are_short` |
//! | every file says what it is | `every_file_begins_with_what_it_is` |
//! | bad input never panics | `nothing_panics_on_purpose` |
//! | the tree stands alone | `nothing_names_the_machine_it_was_written_on` |
//! | what ARCHITECTURE.md says is held is held | `every_test_the_architecture_names_exists` |

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use source::{Source, rule, sources};

use crate::support::repository;

/// Whom each room may know beside itself, `error` and `sanitize`. `core` and `runbook` are stricter: see the tests.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("core", &["runbook"]),
    ("runbook", &[]),
    ("identity", &[]),
    ("theme", &["runbook"]),
    ("sanitize", &[]),
    ("error", &[]),
    ("outside", &["runbook", "identity"]),
    ("metrics", &["runbook", "outside"]),
    ("step", &["runbook", "outside"]),
    ("timeline", &["core", "identity", "runbook"]),
    ("workspace", &["core", "runbook", "identity", "metrics", "outside"]),
    ("review", &["core", "runbook", "metrics"]),
    // What a pane shows is a plain value; where the numbers come from stays with the hub.
    ("wire", &["core", "identity", "runbook", "metrics::pane"]),
    ("hub", &["core", "runbook", "timeline", "identity", "workspace", "step", "metrics", "outside", "wire"]),
    ("client", &["wire", "core", "identity", "timeline", "runbook", "workspace", "metrics::pane"]),
    ("console", &["client", "core", "theme", "runbook", "metrics::pane"]),
];

/// Rooms that may know everybody.
const SHELL: [&str; 4] = ["cli", "demo", "lib", "main"];

/// What a rule found: empty is good, otherwise every place with the rule.
#[track_caller]
fn clean(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}\n{}\n", broken.join("\n"));
}

fn all() -> &'static [Source] {
    static READ: LazyLock<Vec<Source>> = LazyLock::new(|| sources(repository()));
    assert!(READ.len() > 10, "only {} source files were found", READ.len());
    &READ
}

/// Every use of another room: file:line, from, to, the whole path.
fn edges(sources: &[Source]) -> Vec<(String, String, String, String)> {
    let rooms: BTreeSet<&str> = sources.iter().map(Source::room).collect();
    let mut found = Vec::new();
    for source in sources {
        for (line, path) in source.paths() {
            let named = path.strip_prefix("crate::").or_else(|| path.strip_prefix("backout::"));
            let Some(room) = named.and_then(|rest| rest.split("::").next()) else { continue };
            if room != source.room() && rooms.contains(room) {
                let place = format!("{}:{line}", source.path);
                found.push((place, source.room().to_owned(), room.to_owned(), path.clone()));
            }
        }
    }
    found
}

#[test]
fn rooms_know_only_whom_they_may() {
    let table: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let sources = all();
    for source in sources {
        let room = source.room();
        assert!(table.contains_key(room) || SHELL.contains(&room), "{}: no rule for {room}", source.path);
    }
    let broken = edges(sources)
        .into_iter()
        .filter(|(_, from, to, path)| {
            let shared = ["error", "sanitize"].contains(&to.as_str()) && from != "core" && from != "sanitize";
            !SHELL.contains(&from.as_str()) && !shared && !allowed(table[from.as_str()], path)
        })
        .map(|(place, from, _, path)| format!("{place}: {from} must not know {path}"));
    clean("a room knows only the rooms it may know", broken.collect());
}

/// Whether the path is, or lies in, one of the named rooms or parts of rooms.
fn allowed(names: &[&str], path: &str) -> bool {
    let inside = path.trim_start_matches("crate::").trim_start_matches("backout::");
    names
        .iter()
        .any(|name| inside.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
}

#[test]
fn core_knows_only_the_pure_part_of_the_runbook() {
    let broken = edges(all())
        .into_iter()
        .filter(|(_, from, to, _)| from == "core" && to == "runbook")
        .filter(|(.., path)| {
            !["model", "template", "condition"]
                .iter()
                .any(|pure| path.contains(&format!("::runbook::{pure}")))
        })
        .map(|(place, _, _, path)| format!("{place}: {path}"));
    clean("core knows runbook::{model, template, condition} and nothing else of it", broken.collect());
}

#[test]
fn the_console_does_not_reach_past_its_client() {
    let broken = all().iter().filter(|source| source.room() == "console").flat_map(|source| {
        let path = source.path.clone();
        let outside = source.paths().into_iter().filter(|(_, path)| {
            ["reqwest::", "std::net::", "tokio::net::", "tokio::process::", "std::process::Command"]
                .iter()
                .any(|forbidden| path.starts_with(forbidden))
        });
        outside.map(move |(line, named)| format!("{path}:{line}: {named}")).collect::<Vec<_>>()
    });
    clean("the console has no network and starts nothing", broken.collect());
}

#[test]
fn no_rooms_know_each_other_in_a_circle() {
    let between = edges(all()).into_iter().filter(|(_, from, ..)| !SHELL.contains(&from.as_str()));
    clean("rooms know each other in a circle", circle(between.map(|(place, from, to, _)| (place, from, to))));
}

/// The edges that are part of a circle or lead from one circle to another.
fn circle(edges: impl Iterator<Item = (String, String, String)>) -> Vec<String> {
    let mut left: Vec<_> = edges.collect();
    loop {
        let before = left.len();
        let from: BTreeSet<String> = left.iter().map(|(_, from, _)| from.clone()).collect();
        left.retain(|(_, _, to)| from.contains(to));
        let to: BTreeSet<String> = left.iter().map(|(_, _, to)| to.clone()).collect();
        left.retain(|(_, from, _)| to.contains(from));
        if left.len() == before {
            return left.iter().map(|(place, from, to)| format!("{place}: {from} knows {to}")).collect();
        }
    }
}

#[test]
fn a_circle_is_found_and_a_line_is_none() {
    let edges = |list: &[(&str, &str)]| {
        let made = list.iter().map(|(a, b)| ("f:1".to_owned(), (*a).to_owned(), (*b).to_owned()));
        circle(made.collect::<Vec<_>>().into_iter())
    };
    assert!(edges(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    let found = edges(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]);
    assert_eq!(found, ["f:1: b knows c", "f:1: c knows b"]);
}

#[test]
fn core_is_pure() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "std::thread",
        "std::io",
        "std::os",
        "std::time::SystemTime",
        "std::time::Instant",
        "tokio",
        "getrandom",
        "rustix",
        "reqwest",
        "ratatui",
        "crossterm",
        "termina",
        "serde_json",
        "serde_yaml",
        "tracing",
    ];
    let timed = rule(r"\b(?:SystemTime|Instant|(?:Utc|Local)::now)\b|\basync\b|\.await\b");
    let mut broken = Vec::new();
    for source in all().iter().filter(|source| source.room() == "core") {
        for (line, path) in source.paths() {
            if forbidden.iter().any(|f| path == *f || path.starts_with(&format!("{f}::"))) {
                broken.push(format!("{}:{line}: {path}", source.path));
            }
        }
        for (line, what) in source.find(&timed) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    clean("core has no clock, I/O, randomness, async or file format", broken);
}

#[test]
fn only_the_shell_reads_the_clock() {
    let rooms = ["hub", "client", "step", "metrics", "cli", "demo", "main"];
    let files = ["src/console/terminal", "src/console/run"];
    let clock = rule(r"\b(?:SystemTime|Instant|Utc|Local)::now\b|\.elapsed\(\)");
    let mut broken = Vec::new();
    for source in all() {
        if rooms.contains(&source.room()) || files.iter().any(|f| source.path.starts_with(f)) {
            continue;
        }
        for (line, what) in source.find(&clock) {
            broken.push(format!("{}:{line}: {what}: take the time as an argument", source.path));
        }
    }
    clean("only hub, client, step, metrics, cli, demo and the console's loop read the clock", broken);
}

#[test]
fn only_the_store_writes_the_timeline() {
    let opens = r"\bOpenOptions\b|\bFile::create|\bOFlags::(?:WRONLY|RDWR|APPEND|CREATE)\b";
    let through = r"\.(?:make|replace|remove)\((?:TIMELINE\b|&segment::name)";
    let opened = rule(&format!("{opens}|{through}"));
    let named = rule(r#""timeline\.jsonl"|\bTIMELINE\b|\bsegment::name\b"#);
    let handed_out = rule(r"\bpub(?:\(crate\))? fn (?:file|make|replace|remove)\b");
    let mut broken = Vec::new();
    for source in all() {
        // The folder opens whatever it is told to, and hands that out inside its own room only.
        let (store, folder) = ("src/timeline/store", "src/timeline/folder.rs");
        if source.path == folder {
            let found = source.find(&handed_out).into_iter();
            broken.extend(found.map(|(line, what)| format!("{}:{line}: {what}", source.path)));
        } else if !source.path.starts_with(store) {
            // Reading it and writing something else is fine, unless one function opens both; `fs::write` replaces a
            // whole file, and what it replaces stands beside it.
            let both = |body: &str| {
                named.is_match(body) && opened.is_match(body)
                    || body.split(';').any(|part| named.is_match(part) && part.contains("fs::write"))
            };
            let found = source.bodies().into_iter().filter(|(_, body)| both(body));
            broken.extend(
                found.map(|(line, _)| format!("{}:{line}: opens something for writing", source.path)),
            );
        }
    }
    clean("only timeline::store opens the timeline for writing", broken);
}

#[test]
fn what_an_event_leaves_out_is_known_to_whoever_reads_it() {
    let left_out = rule(r#"skip_serializing_if = "([^"]+)""#);
    let mut found = Vec::new();
    for source in all().iter().filter(|source| source.path.starts_with("src/core/event")) {
        let named = left_out.captures_iter(&source.text).map(|captures| captures[1].to_owned());
        found.extend(named.map(|named| (source.path.as_str(), named)));
    }
    // There is no null, and a list is noticed by whoever looks at the line.
    found.retain(|(_, named)| !["Option::is_none", "Vec::is_empty"].contains(&named.as_str()));
    found.sort();
    let (opened, settled) = ("src/core/event/incident.rs", "src/core/event/step.rs");
    let known = [
        (opened, "Authority::is_empty".to_owned()),
        (opened, "Policies::is_empty".to_owned()),
        (opened, "std::ops::Not::not".to_owned()),
        (settled, "Direction::is_forward".to_owned()),
    ];
    assert_eq!(found, known, "the kind of a new one belongs into `What::leaves_out`");
}

#[test]
fn yaml_comes_in_through_one_door() {
    let yaml = rule(r"\bserde_yaml::\w+");
    let mut broken = Vec::new();
    for source in all().iter().filter(|source| source.room() != "runbook") {
        for (line, what) in source.find(&yaml) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    clean("only the runbook room reads YAML", broken);
}

#[test]
fn views_only_draw() {
    let forbidden = r"\bSender\b|\.(?:try_|blocking_)?send\(|&mut Model\b|\bprintln?!|\bColor::|\bstd::fs\b";
    let drawing = rule(forbidden);
    let mut broken = Vec::new();
    for source in all().iter().filter(|source| source.path.starts_with("src/console/view")) {
        for (line, what) in source.find(&drawing) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    clean("a view reads the model, sends nothing, and leaves colours to theme and gate", broken);
}

#[test]
fn queues_are_bounded() {
    let unbounded = rule(r"\bunbounded_channel\b|\bmpsc::channel(?:::<[^>]*>)?\(\)");
    let mut broken = Vec::new();
    for source in all() {
        for (line, what) in source.find(&unbounded) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    clean("every queue has a bound", broken);
}

#[test]
fn files_are_short() {
    let long = all().iter().filter(|source| source.code_lines() > 600);
    let broken =
        long.map(|source| format!("{}:1: {} lines before its tests", source.path, source.code_lines()));
    clean("a file has at most 600 lines without its tests", broken.collect());
}

#[test]
fn functions_are_short() {
    let mut broken = Vec::new();
    for source in all() {
        for (name, line, lines) in source.functions() {
            if lines > 70 {
                broken.push(format!("{}:{line}: fn {name} has {lines} lines", source.path));
            }
        }
    }
    clean("a function has at most 70 lines", broken);
}

#[test]
fn every_file_begins_with_what_it_is() {
    let silent = all().iter().filter(|source| !source.text.starts_with("//! "));
    clean("a file begins with `//!`", silent.map(|source| format!("{}:1", source.path)).collect());
}

#[test]
fn nothing_panics_on_purpose() {
    let panics = rule(r#"\.unwrap\(\)|\.expect\("|\bpanic!|\btodo!|\bunimplemented!"#);
    let escapes = rule(
        r"allow\((?:[^)]*\b)?clippy::(?:unwrap_used|expect_used|indexing_slicing|string_slice|panic|todo)",
    );
    let mut broken = Vec::new();
    for source in all() {
        for (line, what) in source.find(&panics).into_iter().chain(source.find(&escapes)) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    clean("bad input never panics, and no lint that says so is switched off", broken);
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // Put together here, or this file would name them itself.
    let words =
        [["/wo", "rk/"], ["../sha", "red"], ["/ro", "ot/"], ["/ho", "me/"]].map(|parts| parts.concat());
    let mut broken = Vec::new();
    for place in ["src", "tests", "benches", "runbooks", ".ci"] {
        let folder = repository().join(place);
        let mut files = Vec::new();
        if folder.is_dir() {
            source::walk(&folder, &mut files);
        }
        files.extend(
            ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml"].map(|f| repository().join(f)),
        );
        for file in files {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            for (number, line) in text.lines().enumerate() {
                if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                    let path = file.strip_prefix(repository()).unwrap().display();
                    broken.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    broken.sort();
    broken.dedup();
    clean("nothing in the tree names a folder of one machine", broken);
}

#[test]
fn every_test_the_architecture_names_exists() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        source::walk(&repository().join(folder), &mut files);
    }
    let code: String = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    let name = rule(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`");
    let named: BTreeSet<&str> = name.captures_iter(&text).map(|c| c.get(1).unwrap().as_str()).collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    let missing = named.into_iter().filter(|name| !code.contains(&format!("fn {name}(")));
    clean("ARCHITECTURE.md names a test that is not there", missing.map(str::to_owned).collect());
}

/// The rules are only as good as the reading: what a rule must see, and what it must not.
#[test]
fn the_reader_sees_code_and_nothing_else() {
    let text = r##"
//! use crate::hub::Hub;
use crate::core::{id::{PersonId, StepId as S}, time};
use std::{fs, io::{self, Read}};
/* crate::cli */
fn short(a: [u8; 2]) -> &'static str { "crate::demo }" }
fn long() {
    let brace = '{'; let raw = r#"} crate::wire "quoted" "#;
    super::super::hub::go();
}
#[cfg(test)]
mod tests { fn only_here() { crate::console::x(); } }
"##;
    let code = source::of("src/step/run.rs", text);
    let paths: BTreeSet<String> = code.paths().into_iter().map(|(_, path)| path).collect();
    let expected = [
        "crate::core::id::PersonId",
        "crate::core::id::StepId",
        "crate::core::time",
        "crate::hub::go",
        "std::fs",
        "std::io::Read",
        "std::io::self",
    ];
    assert_eq!(paths, expected.map(str::to_owned).into());
    assert_eq!(code.functions(), [("short".to_owned(), 6, 1), ("long".to_owned(), 7, 4)]);
    assert_eq!(code.code_lines(), 10);
}
