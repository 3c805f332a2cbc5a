//! `lint` as people and pipelines call it.

use serde_json::Value;

use super::{inside, workspace};
use crate::support::incident::runbook;
use crate::support::{Backout, Place};

const STEPS: &str = "- {id: look, check: {run: [cat, x], expect: {equals: a}}, estimate: 1s}
- {id: act, run: [touch, acted], timeout: 10s, role: sre, estimate: 1s}
- {id: proof, check: {run: [cat, acted], expect: {equals: a}}, estimate: 1s}";

#[test]
fn a_workspace_is_judged_as_a_whole() {
    let place = workspace(&runbook(STEPS));
    place.write("ws/runbooks/copy.yaml", runbook(STEPS));
    place.write("ws/allowed_signers", "mallory ssh-ed25519 AAAA\n");
    place.write("ws/backout.yaml", "sources: {stars: {http_json: 'http://h/'}}\n");
    place.write(
        "ws/team.yaml",
        "people:\n  - {id: ana, name: Ana, roles: [comander, sre], contact: x}\n  - {id: ben, name: Ben}\n",
    );
    let outcome = inside(&place).run(["lint", "--format", "json"]).exits(1);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let codes: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    for code in [
        "team-no-key",
        "team-no-contact",
        "team-role-unknown",
        "signers-unreadable",
        "workspace-unused",
        "workspace-same-id",
    ] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
    let same =
        json["findings"].as_array().unwrap().iter().find(|f| f["code"] == "workspace-same-id").unwrap();
    assert_eq!((same["path"].as_str(), same["line"].as_u64()), (Some("runbooks/test.yaml"), Some(2)));
}

#[test]
fn warnings_are_enough_when_it_is_strict() {
    let place = workspace(&runbook(STEPS));
    inside(&place).run(["lint"]).exits(0);
    let outcome = inside(&place).run(["lint", "--strict"]).exits(1);
    assert!(outcome.stdout.contains("team-no-key"), "{}", outcome.stdout);
}

#[test]
fn every_format_names_the_rule_and_the_place() {
    let place = workspace(&runbook(&STEPS.replace("touch, acted", "rm, -rf, acted")));
    let said = |format: &str| inside(&place).run(["lint", "--format", format]).exits(0).stdout;
    assert!(said("text").contains("warning[lint-destructive]"));
    assert!(said("github").contains("::warning file=runbooks/test.yaml,line="));
    let sarif: Value = serde_json::from_str(&said("sarif")).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(
        rules.iter().any(|r| r["id"] == "lint-destructive" && r["help"]["text"].is_string()),
        "{rules:?}"
    );
}

#[test]
fn every_code_can_be_explained() {
    let place = Place::new();
    let backout = Backout::new(&place);
    let listed: Value =
        serde_json::from_str(&backout.run(["lint", "--rules", "--format", "json"]).exits(0).stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert!(listed.len() >= 40, "{}", listed.len());
    let code = listed[0]["code"].as_str().unwrap();
    let explained = backout.run(["lint", "--explain", code]).exits(0).stdout;
    assert!(explained.contains(listed[0]["fix"].as_str().unwrap()), "{explained}");
    let table = backout.run(["lint", "--rules"]).exits(0).stdout;
    assert_eq!(table.lines().count(), listed.len() + 2);
    let outcome = backout.run(["lint", "--explain", "lint-destructiv"]).exits(2);
    assert!(outcome.stderr.contains("did you mean `lint-destructive`?"), "{}", outcome.stderr);
}

#[test]
fn a_new_workspace_has_nothing_but_its_missing_key_to_complain_about() {
    let place = Place::new();
    let backout = Backout::new(&place);
    backout.run(["init", "shop"]).exits(0);
    let outcome = Backout::new(&place).inside(&place.join("shop")).run(["lint", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let codes: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["team-no-key"]);
}

/// What a file can be that is no runbook, and what must be said of it.
fn no_runbooks() -> Vec<(&'static str, Vec<u8>)> {
    let mut noise = vec![0u8; 100_000];
    let mut state = 1u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let bomb = "a: &a [x, x]\n".to_owned()
        + &('b'..='z')
            .map(|c| format!("{c}: &{c} [*{0}, *{0}]\n", (c as u8 - 1) as char))
            .collect::<String>();
    vec![
        ("empty", Vec::new()),
        ("noise", noise),
        ("zeros", vec![0; 1_000_000]),
        ("huge", [b"title: ".to_vec(), vec![b'x'; 6 << 20]].concat()),
        ("deep", vec![b'['; 200_000]),
        ("deeper", "- ".repeat(100_000).into_bytes()),
        ("long", "k: v\n".repeat(400_000).into_bytes()),
        ("bomb", bomb.into_bytes()),
        ("utf16", "backout: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("escapes", b"title: \"\\e]0;owned\\a\\e[2J\"\nid: \x1b[31m\n".to_vec()),
        ("half", runbook(STEPS).into_bytes().into_iter().take(300).collect()),
    ]
}

#[test]
fn whatever_stands_in_the_file_ends_in_a_sentence() {
    let place = workspace(&runbook(STEPS));
    for (name, bytes) in no_runbooks() {
        place.write("ws/runbooks/test.yaml", &bytes);
        for verb in [&["lint", "runbooks/test.yaml"][..], &["plan", "runbooks/test.yaml"]] {
            let outcome = inside(&place).run(verb);
            assert!(matches!(outcome.code, Some(1..=3)), "{name} {verb:?}: {outcome:?}");
            let said = outcome.stdout + &outcome.stderr;
            assert!(!said.trim().is_empty() && !said.contains("panicked"), "{name} {verb:?}: {said}");
            assert!(!said.contains('\u{1b}'), "{name} {verb:?}: what it holds reaches the terminal");
            assert!(said.len() < 1_000_000, "{name} {verb:?}: {} bytes are no sentence", said.len());
        }
    }
}

#[test]
fn a_device_a_pipe_or_a_folder_in_its_place_is_named_and_not_waited_for() {
    let place = workspace(&runbook(STEPS));
    let pipe = place.join("ws/runbooks/pipe.yaml");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    place.folder("ws/runbooks/folder.yaml");
    for name in ["/dev/zero", "runbooks/pipe.yaml", "runbooks/folder.yaml", "runbooks/nothing.yaml"] {
        for verb in ["lint", "plan", "diff"] {
            let outcome = inside(&place).run([verb, name]);
            // A folder is looked through, and one without runbooks has no mistakes.
            let fine = verb == "lint" && name.ends_with("folder.yaml");
            assert!(matches!(outcome.code, Some(1..=3)) || fine, "{verb} {name}: {outcome:?}");
            assert!(!outcome.stderr.contains("panicked") && !(outcome.stderr + &outcome.stdout).is_empty());
        }
    }
}
