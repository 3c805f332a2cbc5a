//! Nobody is contacted but who stands in the workspace: what an incident asks the kernel for is read, not believed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::metrics::hostile::{Server, ok};
use crate::support::incident::{SECRET, runbook};
use crate::support::{Incident, Place, Team, need};

/// An incident whose every process is traced to this file.
fn traced(place: Place, config: &str, head: &str, steps: &str, trace: &Path) -> Option<Incident> {
    let strace = need("strace")?;
    let team = Team::gather(&place)?;
    let book = runbook(steps).replace("phases:\n", &format!("{head}phases:\n"));
    place.write("ws/runbooks/test.yaml", book);
    place.write("ws/backout.yaml", config);
    let under = |command: Command| {
        let mut traced = Command::new(&strace);
        traced.args(["-f", "-qq", "-s", "64", "-e", "trace=socket,connect,bind,sendto,sendmsg", "-o"]);
        traced.arg(trace).arg(command.get_program()).args(command.get_args());
        traced.env_clear().envs(command.get_envs().filter_map(|(n, v)| Some((n, v?))));
        if let Some(folder) = command.get_current_dir() {
            traced.current_dir(folder);
        }
        traced
    };
    let open = ["runbooks/test.yaml"];
    let incident = Incident::open_as(place, team, "ana", &open, &[("TEST_TOKEN", SECRET)], under);
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    Some(incident)
}

/// Lines of a trace about sockets that lead off the machine's file system.
fn abroad(trace: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(trace).unwrap();
    assert!(text.contains("AF_UNIX"), "the trace shows sockets at all");
    text.lines().filter(|l| l.contains("AF_INET")).map(str::to_owned).collect()
}

const STEPS: &str = "- {id: good, run: [\"true\"], timeout: 10s, role: sre, suspends: alerts}\n\
                     - {id: loud, run: [\"true\"], timeout: 10s, role: sre, resumes: alerts}\n";

#[test]
fn only_what_is_configured_is_contacted() {
    let place = Place::new();
    let trace = place.join("trace");
    let fine = || Server::answering(|_| ok("{\"a\": 1}"));
    let (source, hook, grafana, otlp, witness) = (fine(), fine(), fine(), fine(), fine());
    let alertmanager = Server::answering(|_| ok("[]"));
    let config = format!(
        "sources: {{s: {{http_json: \"{}\"}}}}\nchannels: {{hook: {{webhook: {{url: \"{}\"}}}}}}\n\
         suspend: {{alerts: {{alertmanager: \"{}\"}}}}\nannotations: {{grafana: {{url: \"{}\"}}}}\n\
         telemetry: {{otlp: \"{}\"}}\nanchors: [{{webhook: {{url: \"{}\"}}}}]\n",
        source.url(),
        hook.url(),
        alertmanager.url(),
        grafana.url(),
        otlp.url(),
        witness.url()
    );
    let head = "metrics: {m: {source: s, query: $.a, unit: count, better: lower, every: 1s}}\n\
                comms: {templates: {status: {audience: all, channel: hook, text: Hello}}}\n";
    let Some(incident) = traced(place, &config, head, STEPS, &trace) else { return };
    incident.until_step("good", "ready");
    incident.ok("ben", &["start", "good"]);
    incident.until_step("good", "failed");
    incident.ok("ana", &["message", "status"]);
    let servers = [&source, &hook, &alertmanager, &grafana, &otlp, &witness];
    incident.until("all of them were asked", || servers.iter().all(|s| s.asked() > 0));
    let allowed: BTreeSet<String> =
        servers.iter().map(|s| s.url().rsplit_once(':').unwrap().1.to_owned()).collect();
    let lines = abroad(&trace);
    let mut met = BTreeSet::new();
    for line in lines.iter().filter(|l| !l.contains(" socket(")) {
        let port =
            line.split_once("htons(").and_then(|(_, rest)| rest.split_once(')')).map(|(p, _)| p.to_owned());
        let port = port.unwrap_or_else(|| panic!("{line}"));
        assert!(line.contains(" connect(") && line.contains("\"127.0.0.1\""), "{line}");
        assert!(allowed.contains(&port), "{line}");
        met.insert(port);
    }
    assert_eq!(met, allowed);
}

#[test]
fn an_incident_with_nothing_configured_opens_no_way_off_the_machine() {
    let place = Place::new();
    let trace = place.join("trace");
    let steps = "- {id: good, run: [\"true\"], timeout: 10s, role: sre}\n";
    let Some(incident) = traced(place, "sources: {}\n", "", steps, &trace) else { return };
    incident.does("ben", "good");
    incident.close();
    incident.until("it is closed", || incident.status()["stage"] == "closed");
    let lines = abroad(&trace);
    assert!(lines.is_empty(), "{lines:?}");
}
