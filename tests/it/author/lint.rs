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

const METRIC: &str = "metrics:
  errors: {title: Errors, source: json, query: '$.errors', unit: count, better: lower}
";

/// Rule about a workspace, the file that is written to break it, and what it holds. `{key}` and `{other}` are two keys.
const BAD: [(&str, &str, &str); 18] = [
    ("team-no-key", "allowed_signers", "ben {key}\n"),
    (
        "team-no-contact",
        "team.yaml",
        "people:\n  - {id: ana, name: Ana, roles: [commander, sre], contact: x}\n  - {id: ben, name: Ben, roles: [sre]}\n",
    ),
    (
        "team-role-unknown",
        "team.yaml",
        "people:\n  - {id: ana, name: Ana, roles: [comander, sre]}\n  - {id: ben, name: Ben, roles: [commander]}\n",
    ),
    (
        "team-look-alike",
        "team.yaml",
        "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n  - {id: ben, name: Ana, roles: [commander, sre]}\n",
    ),
    (
        "team-mixed-letters",
        "team.yaml",
        "people:\n  - {id: ana, name: \"\\u0410na\", roles: [commander, sre]}\n  - {id: ben, name: Ben, roles: [commander, sre]}\n",
    ),
    ("signers-odd-name", "allowed_signers", "ana {key}\nben {other}\nan\u{e1} {other}\n"),
    ("signers-stranger", "allowed_signers", "ana {key}\nben {other}\nmallory {other}\n"),
    ("signers-unreadable", "allowed_signers", "ana ssh-ed25519 AAAA\n"),
    ("signers-shared-key", "allowed_signers", "ana {key}\nben {key}\n"),
    ("signers-wildcard", "allowed_signers", "ana {key}\n* {other}\n"),
    ("signers-authority-and-person", "allowed_signers", "ana {key}\nana cert-authority {key}\n"),
    ("signers-local-time", "allowed_signers", "ana valid-before=\"20300101\" {key}\n"),
    ("signers-weak-key", "allowed_signers", "ana {weak}\n"),
    ("signers-certificate", "allowed_signers", "ana {certificate}\n"),
    ("signers-pointless", "allowed_signers", "!ana {key}\n"),
    (
        "workspace-unused",
        "backout.yaml",
        "sources: {json: {http_json: 'http://h/'}, stars: {http_json: 'http://h/'}}\n",
    ),
    ("workspace-query", "runbooks/test.yaml", "'rate(errors[1m])'"),
    ("workspace-same-id", "runbooks/copy.yaml", "{runbook}"),
];

/// Rules that only hold something against a record; their tests are in `after`.
const BESIDE_A_RECORD: [&str; 2] = ["redlines-open", "redlines-void"];

#[test]
fn every_rule_about_a_workspace_is_broken_by_something() {
    let place = Place::new();
    let made = |name: &str, more: &[&str]| {
        let file = place.join(name);
        let mut keygen = std::process::Command::new("ssh-keygen");
        keygen.args(["-q", "-N", "", "-C", "", "-f"]).arg(&file).args(more);
        assert!(keygen.status().unwrap().success());
        std::fs::read_to_string(place.join(format!("{name}.pub"))).unwrap().trim().to_owned()
    };
    if crate::support::need("ssh-keygen").is_none() {
        return;
    }
    let (key, other) = (made("key", &["-t", "ed25519"]), made("other", &["-t", "ed25519"]));
    let weak = made("weak", &["-t", "rsa", "-b", "2048"]);
    let mut signs = std::process::Command::new("ssh-keygen");
    signs.args(["-q", "-I", "x", "-n", "ana", "-s"]).arg(place.join("other")).arg(place.join("key.pub"));
    assert!(signs.status().unwrap().success());
    let certificate = std::fs::read_to_string(place.join("key-cert.pub")).unwrap().trim().to_owned();

    let good = runbook(STEPS).replace("phases:\n", &format!("{METRIC}phases:\n"));
    let codes = |place: &Place| -> Vec<String> {
        let said = inside(place).run(["lint", "--format", "json"]).stdout;
        let json: Value = serde_json::from_str(&said).unwrap();
        json["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect()
    };
    for (code, file, text) in BAD {
        let place = workspace(&good);
        let whole = "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n  - {id: ben, name: Ben, roles: [commander, sre]}\n";
        place.write("ws/team.yaml", whole);
        place.write("ws/backout.yaml", "sources: {json: {http_json: 'http://h/'}}\n");
        place.write("ws/allowed_signers", format!("ana {key}\nben {other}\n"));
        assert!(!codes(&place).iter().any(|c| c == code), "{code} is found where nothing breaks it");
        let text = match text {
            "{runbook}" => good.clone(),
            query if file == "runbooks/test.yaml" => good.replace("'$.errors'", query),
            text => text
                .replace("{key}", &key)
                .replace("{other}", &other)
                .replace("{weak}", &weak)
                .replace("{certificate}", &certificate),
        };
        place.write(&format!("ws/{file}"), text);
        let found = codes(&place);
        assert!(found.iter().any(|c| c == code), "{code} is not in {found:?}");
    }
    let listed = inside(&workspace(&good)).run(["lint", "--rules", "--format", "json"]).exits(0).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let unproved: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["code"].as_str().unwrap())
        // Each of these has its example beside it in the library's own tests, which hold themselves against the list.
        .filter(|code| !code.starts_with("lint-") && !code.starts_with("scenario-"))
        .filter(|code| !BAD.iter().any(|(bad, ..)| bad == code) && !BESIDE_A_RECORD.contains(code))
        .collect();
    assert!(unproved.is_empty(), "no example breaks {unproved:?}");
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
    for rule in listed {
        let of = |key: &str| rule[key].as_str().unwrap();
        assert!(of("doc").len() > 20 && of("fix").len() >= 5, "{rule}");
        let explained = backout.run(["lint", "--explain", of("code")]).exits(0).stdout;
        assert!(explained.contains(of("doc")) && explained.contains(of("fix")), "{explained}");
    }
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
        ("keys", (0..100_000).map(|n| format!("k{n}: 1\n")).collect::<String>().into_bytes()),
        ("tabs", runbook(STEPS).replace("  ", "\t").into_bytes()),
        ("nul", runbook(STEPS).replace("title: ", "title: \0").into_bytes()),
        ("aliases", format!("a: &a x\nb: [{}]\n", "*a, ".repeat(1_000_000)).into_bytes()),
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
fn a_file_of_a_hundred_megabytes_is_refused_before_it_is_read() {
    let place = workspace(&runbook(STEPS));
    place.write("ws/runbooks/test.yaml", "x: y\n".repeat(20_000_000));
    for verb in ["lint", "plan", "import"] {
        let outcome = inside(&place).run([verb, "runbooks/test.yaml"]);
        assert!(matches!(outcome.code, Some(1..=3)), "{verb}: {outcome:?}");
        assert!((outcome.stdout + &outcome.stderr).contains("more than 64 MiB"), "{verb}");
    }
}

#[test]
fn where_a_slip_is_in_an_odd_file_is_said_in_a_sentence() {
    let place = workspace(&runbook(STEPS));
    let said = |text: &str| {
        place.write("ws/runbooks/test.yaml", text);
        let outcome = inside(&place).run(["lint", "runbooks/test.yaml"]).exits(1);
        outcome.stdout + &outcome.stderr
    };
    let tabs = said(&runbook(STEPS).replace("    steps:", "\tsteps:"));
    assert!(tabs.contains("tab") && tabs.contains("spaces"), "{tabs}");
    let nul = said(&runbook(STEPS).replace("title: ", "title: \0"));
    assert!(nul.contains("test.yaml:3:"), "{nul}");
    let aliases = said(&format!("a: &a x\nb: [{}x]\n", "*a, ".repeat(1_000_000)));
    assert!(aliases.contains("aliases (`*name`) are not read"), "{aliases}");
    assert!(aliases.contains("test.yaml:2:797") && aliases.len() < 500_000, "{}", aliases.len());
    let latin = {
        let mut bytes = runbook(STEPS).into_bytes();
        bytes.splice(0..0, *b"# caf\xe9\n");
        place.write("ws/runbooks/test.yaml", bytes);
        let outcome = inside(&place).run(["lint", "runbooks/test.yaml"]).exits(1);
        outcome.stdout + &outcome.stderr
    };
    assert!(latin.contains("UTF-8"), "{latin}");
}

#[test]
fn line_ends_and_marks_of_other_systems_change_nothing() {
    let place = workspace(&runbook(STEPS));
    let planned = |text: String| {
        place.write("ws/runbooks/test.yaml", text);
        inside(&place).run(["lint", "runbooks/test.yaml"]).exits(0);
        inside(&place).run(["plan", "runbooks/test.yaml"]).exits(0).stdout
    };
    let plain = planned(runbook(STEPS));
    assert_eq!(planned(runbook(STEPS).replace('\n', "\r\n")), plain, "CRLF");
    assert_eq!(planned(format!("\u{feff}{}", runbook(STEPS))), plain, "a byte order mark");
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
