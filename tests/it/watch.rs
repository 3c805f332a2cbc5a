//! The evaluation window after a deployment, as a pipeline sees it: lines, an exit code, no terminal.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::metrics::hostile::Server;
use crate::support::incident::{PATIENCE, SECRET};
use crate::support::{Backout, Outcome, Place, Team, wait_until};

/// A runbook that watches `errors` of source `s`, and `slow` of source `t` when it is there.
fn workspace(place: &Place, sources: &str, head: &str) {
    place.write("ws/backout.yaml", format!("sources: {{{sources}}}\n"));
    let steps = "- {id: a, manual: do it, role: commander}\n";
    let second = sources.contains("t: {");
    let (metric, trigger) = if second {
        (
            ", slow: {source: t, query: errors, unit: ratio, better: lower, every: 100ms}",
            ", {id: too-slow, metric: slow, condition: \"> 0.05\", for: 300ms, weight: 1, on_no_data: inconclusive}",
        )
    } else {
        ("", "")
    };
    let signals = format!(
        "metrics: {{errors: {{source: s, query: errors, unit: ratio, better: lower, every: 100ms}}{metric}}}\n\
         triggers: [{{id: too-many, metric: errors, condition: \"> 0.05\", for: 300ms, weight: 10, on_no_data: inconclusive}}{trigger}]\n{head}"
    );
    let runbook = crate::support::incident::runbook(steps);
    let runbook = runbook.replace("phases:\n", &format!("{signals}phases:\n"));
    place.write("ws/runbooks/test.yaml", runbook);
}

/// Watches `errors` from this source for a moment.
fn watch(source: &str, arguments: &[&str]) -> Outcome {
    watch_all(&format!("s: {source}"), "", arguments)
}

fn watch_all(sources: &str, head: &str, arguments: &[&str]) -> Outcome {
    let place = Place::new();
    place.folder("ws/runbooks");
    place.write("ws/team.yaml", "people:\n  - {id: ana, name: Ana, roles: [commander, sre]}\n");
    place.write("ws/allowed_signers", "");
    workspace(&place, sources, head);
    Backout::new(&place).inside(&place.join("ws")).run([&["watch", "test", "--for"], arguments].concat())
}

fn curve(points: &str) -> String {
    format!("{{simulated: {{curves: {{errors: {{points: [{points}]}}}}}}}}")
}

#[test]
fn a_quiet_deployment_ends_in_zero_with_a_line_a_change() {
    let outcome = watch(&curve("[0s, 0.01]"), &["1s"]).exits(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].contains("watching test for") && lines[0].contains("1 criteria"), "{lines:?}");
    assert!(lines.iter().any(|l| l.contains("too-many clear")), "{lines:?}");
    assert!(lines.last().unwrap().contains("quiet after"), "{lines:?}");
    assert!(!outcome.stdout.contains('\u{1b}') && lines.len() <= 5, "{lines:?}");
}

#[test]
fn errors_advise_a_rollback_at_once() {
    let outcome = watch(&curve("[0s, 0.5]"), &["10m", "--json"]).exits(10);
    let lines: Vec<Value> = outcome.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["kind"], "begin");
    let states: Vec<&str> =
        lines.iter().filter(|l| l["kind"] == "trigger").map(|l| l["state"].as_str().unwrap()).collect();
    assert_eq!(states.last(), Some(&"fired"), "{states:?}");
    let end = lines.last().unwrap();
    assert_eq!(
        (&end["kind"], &end["verdict"], &end["points"]),
        (&"end".into(), &"roll_back".into(), &10.into())
    );
    assert!(outcome.stderr.contains("a rollback is advised") && outcome.stderr.contains("backout open test"));
}

#[test]
fn what_could_not_be_seen_is_not_quiet() {
    let hanging = Server::hanging();
    for source in [
        format!("{{prometheus: \"{}\", timeout: 200ms}}", hanging.url()),
        curve("[0s, null]"),
        "{command: [\"false\"]}".to_owned(),
    ] {
        let outcome = watch(&source, &["1s"]).exits(3);
        assert!(outcome.stderr.contains("nobody can say"), "{}", outcome.stderr);
        assert!(outcome.stdout.lines().last().unwrap().contains("cannot see after"), "{}", outcome.stdout);
    }
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_asked() {
    assert!(watch(&curve("[0s, 1]"), &["soon"]).exits(2).stderr.contains("not a duration"));
    assert!(watch(&curve("[0s, 1]"), &["1s", "--open"]).exits(2).stderr.contains("no terminal"));
}

#[test]
fn one_source_that_is_gone_hides_neither_silence_nor_trouble() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = format!("t: {{prometheus: \"http://{gone}/\"}}");
    let quiet = watch_all(&format!("s: {}, {unreachable}", curve("[0s, 0.01]")), "", &["1s"]).exits(3);
    assert!(quiet.stderr.contains("nobody can say"), "{}", quiet.stderr);
    assert!(quiet.stdout.contains("too-slow inconclusive"), "{}", quiet.stdout);
    let bad = watch_all(&format!("s: {}, {unreachable}", curve("[0s, 0.5]")), "", &["10m"]).exits(10);
    assert!(bad.stdout.contains("1 unknown"), "the number never stands alone: {}", bad.stdout);
}

#[test]
fn a_way_back_that_is_closed_is_said_and_does_not_make_it_quiet() {
    let window =
        "window: {opens_at: \"2020-01-01T00:00:00Z\", lasts: 24h, because: binlogs are kept so long}\n";
    let outcome = watch_all(&format!("s: {}", curve("[0s, 0.5]")), window, &["10m", "--json"]).exits(10);
    let end: Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(end["verdict"], "roll_back");
    assert!(end["gate"].as_str().unwrap().contains("the way back closed at 2020-01-02"), "{end}");
}

/// `watch --open` on a terminal where somebody answers the question with this; the exit code unless it goes on.
fn asked(answer: &str) -> (Place, Option<u32>) {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return (place, None) };
    workspace(&place, &format!("s: {}", curve("[0s, 0.5]")), "");
    let backout = team.backout(&place, &team.ana).env("TEST_TOKEN", SECRET);
    let std = backout.command(["watch", "test", "--for", "10m", "--open"]);
    let mut command = portable_pty::CommandBuilder::new(std.get_program());
    command.args(std.get_args());
    command.env_clear();
    for (name, value) in std.get_envs().filter_map(|(n, v)| Some((n, v?))) {
        command.env(name, value);
    }
    command.cwd(std.get_current_dir().unwrap());
    let size = portable_pty::PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pty = portable_pty::native_pty_system().openpty(size).unwrap();
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let shown = Arc::new(Mutex::new(Vec::new()));
    let (mut output, seen) = (pty.master.try_clone_reader().unwrap(), shown.clone());
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = output.read(&mut buffer) {
            seen.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    });
    let text = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    wait_until("it offers to open", PATIENCE, || text().contains("Type its service to do so:"));
    pty.master.take_writer().unwrap().write_all(format!("{answer}\r").as_bytes()).unwrap();
    let incidents = place.join("home/state/backout/incidents");
    let mut code = None;
    wait_until("it opens or ends", PATIENCE, || {
        code = child.try_wait().unwrap().map(|status| status.exit_code());
        let open = std::fs::read_dir(&incidents)
            .is_ok_and(|mut dir| dir.any(|e| e.is_ok_and(|e| e.path().join("hub.sock").exists())));
        open || code.is_some()
    });
    let _ = child.kill();
    let _ = child.wait();
    (place, code)
}

#[test]
fn it_offers_to_open_and_opens_only_for_the_services_name() {
    let (place, code) = asked("yes");
    if crate::support::need("ssh-agent").is_none() {
        return;
    }
    assert_eq!(code, Some(10));
    let none = std::fs::read_dir(place.join("home/state/backout/incidents")).map_or(0, Iterator::count);
    assert_eq!(none, 0, "nothing was opened");
    let (_place, code) = asked("shop");
    assert_eq!(code, None, "it went on into the incident");
}
