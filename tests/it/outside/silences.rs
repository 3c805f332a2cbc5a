//! Alerts that are suspended are silenced in a real Alertmanager for exactly as long as the record says.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backout::outside::alertmanager::{Purpose, Silencer};
use backout::outside::endpoint::Endpoint;
use backout::outside::http::Clients;
use serde_json::Value;

use crate::metrics::hostile::{Server, ok, page};
use crate::support::incident::{SECRET, runbook};
use crate::support::prometheus::get;
use crate::support::{Alertmanager, Incident, Place, Team};

const STEPS: &str = "\
- id: quiet
  run: [\"true\"]
  timeout: 10s
  role: sre
  suspends: alerts
- id: loud
  run: [\"true\"]
  timeout: 10s
  role: sre
  resumes: alerts
";

/// A declared incident whose workspace silences alerts there.
fn incident(url: &str, steps: &str, open: &[&str]) -> Option<Incident> {
    lasting(url, "5m", steps, open)
}

/// The same with silences of this length.
fn lasting(url: &str, lasts: &str, steps: &str, open: &[&str]) -> Option<Incident> {
    let place = Place::new();
    let team = Team::gather(&place)?;
    place.write("ws/runbooks/test.yaml", runbook(steps));
    place.write(
        "ws/backout.yaml",
        format!(
            "suspend: {{alerts: {{alertmanager: \"{url}\", lasts: {lasts}, bearer: {{env: AM_TOKEN}}}}}}\n"
        ),
    );
    let env = [("TEST_TOKEN", SECRET), ("AM_TOKEN", "am-t0ken-is-nowhere")];
    let incident = Incident::open(place, team, "ana", &[&["runbooks/test.yaml"], open].concat(), &env);
    incident.ok("ben", &["assume", "sre"]);
    incident.ok("ana", &["approve", "declare", "--yes"]);
    incident.until("it is declared", || incident.status()["stage"] == "declared");
    Some(incident)
}

fn port(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// Silences as Alertmanager lists them, by state.
fn silences(url: &str, state: &str) -> Vec<Value> {
    let answer = get(port(url), "/api/v2/silences").unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let all: Vec<Value> = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    all.into_iter().filter(|s| s["status"]["state"] == state).collect()
}

#[test]
fn a_step_that_suspends_alerts_silences_them_until_they_are_resumed() {
    let place = Place::new();
    let Some(alertmanager) = Alertmanager::start(&place) else { return };
    let Some(incident) = incident(&alertmanager.url(), STEPS, &[]) else { return };
    incident.does("ben", "quiet");
    let detail = incident.step("quiet")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("alerts silenced until") && detail.contains("read back"), "{detail}");
    let active = silences(&alertmanager.url(), "active");
    assert_eq!(active.len(), 1, "{active:?}");
    let comment = active[0]["comment"].as_str().unwrap();
    assert!(
        comment.starts_with(&format!("backout incident {} suspends alerts (record ", incident.id)),
        "{comment}"
    );
    let labels: Vec<_> =
        active[0]["matchers"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
    assert_eq!(labels, ["test", "shop"]);
    assert_eq!(incident.status()["suspended"][0], "alerts");

    incident.does("ben", "loud");
    assert!(silences(&alertmanager.url(), "active").is_empty());
    assert_eq!(silences(&alertmanager.url(), "expired").len(), 1);
    assert_eq!(incident.recorded("suspension.lifted").len(), 1);
    let found = crate::support::incident::files_with(incident.place.path(), b"am-t0ken-is-nowhere");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_step_whose_silence_does_not_come_about_fails_and_says_so() {
    let server = Server::answering(|_| page(500, "application/json", r#"{"error":"disk full"}"#));
    let Some(incident) = incident(&server.url(), STEPS, &[]) else { return };
    incident.until_step("quiet", "ready");
    incident.ok("ben", &["start", "quiet"]);
    let detail = incident.until_step("quiet", "failed");
    assert!(detail.contains("exit code 0") && detail.contains("could not be silenced"), "{detail}");
    assert!(detail.contains("500") && detail.contains("disk full"), "{detail}");
    let opened = incident.recorded("suspension.opened");
    assert_eq!(opened[0]["data"]["certain"], false, "{opened:?}");
}

#[test]
fn what_a_person_suspends_by_hand_is_silenced_by_the_hub() {
    let place = Place::new();
    let Some(alertmanager) = Alertmanager::start(&place) else { return };
    let steps = "- {id: quiet, manual: Tell them, role: sre, suspends: alerts}\n\
                 - {id: loud, manual: Tell them again, role: sre, resumes: alerts}\n";
    let Some(incident) = incident(&alertmanager.url(), steps, &[]) else { return };
    incident.until_step("quiet", "running");
    incident.ok("ben", &["confirm", "quiet"]);
    incident.until("the alerts are silenced", || silences(&alertmanager.url(), "active").len() == 1);
    incident.until("the hub says so", || incident.recorded("note.added").len() == 1);
    // A hub that comes back finds its silence again and makes no second one.
    incident.end_hub(rustix::process::Signal::KILL);
    incident.resume();
    incident.until_step("loud", "running");
    assert_eq!(silences(&alertmanager.url(), "active").len(), 1);
    incident.ok("ben", &["confirm", "loud"]);
    incident.until("they ring again", || silences(&alertmanager.url(), "active").is_empty());
    assert_eq!(silences(&alertmanager.url(), "expired").len(), 1);
}

#[test]
fn a_silence_is_prolonged_before_it_ends_and_never_doubled() {
    let place = Place::new();
    let Some(alertmanager) = Alertmanager::start(&place) else { return };
    let Some(incident) = lasting(&alertmanager.url(), "20s", STEPS, &[]) else { return };
    incident.does("ben", "quiet");
    let first = silences(&alertmanager.url(), "active")[0].clone();
    let ends = || silences(&alertmanager.url(), "active").first().map(|s| s["endsAt"].clone());
    incident.until("it ends later than at first", || {
        ends().expect("at no moment nothing is silenced") != first["endsAt"]
    });
    let active = silences(&alertmanager.url(), "active");
    assert_eq!((active.len(), &active[0]["id"]), (1, &first["id"]), "the same one, prolonged");
    incident.does("ben", "loud");
    assert!(silences(&alertmanager.url(), "active").is_empty());
    let detail = incident.step("loud")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("no longer silenced (read back)"), "{detail}");
}

#[test]
fn a_silence_that_somebody_ends_is_said_and_not_made_anew() {
    let place = Place::new();
    let Some(alertmanager) = Alertmanager::start(&place) else { return };
    let Some(incident) = lasting(&alertmanager.url(), "20s", STEPS, &[]) else { return };
    incident.does("ben", "quiet");
    let id = silences(&alertmanager.url(), "active")[0]["id"].as_str().unwrap().to_owned();
    let mut somebody = TcpStream::connect(("127.0.0.1", port(&alertmanager.url()))).unwrap();
    write!(somebody, "DELETE /api/v2/silence/{id} HTTP/1.0\r\nHost: am\r\n\r\n").unwrap();
    let mut answer = String::new();
    somebody.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
    incident.until("the hub says so", || {
        incident.notes().iter().any(|n| n.contains("somebody ended the silence; the alerts ring again"))
    });
    assert_eq!(incident.status()["suspended"][0], "alerts", "the record still owes it");
    incident.does("ben", "loud");
    let detail = incident.step("loud")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("had no silence any more"), "{detail}");
    assert_eq!(silences(&alertmanager.url(), "expired").len(), 1, "no second one was made");
    assert!(silences(&alertmanager.url(), "active").is_empty());
}

#[test]
fn an_alertmanager_that_is_gone_when_alerts_should_ring_again_is_asked_until_it_is_back() {
    let (gone, made) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::<Value>::new())));
    let (away, kept) = (gone.clone(), made.clone());
    // What a silence is to Alertmanager, without its clock.
    let server = Server::deciding(move |request| {
        let mut kept = kept.lock().unwrap();
        if away.load(Ordering::SeqCst) {
            return page(503, "text/html", "<html>\u{1b}]0;gone\u{7}</html>");
        }
        let what = request.what();
        match what.split_once(' ').unwrap() {
            ("POST", _) => {
                let mut silence = request.json();
                silence["id"] = "s-1".into();
                silence["status"] = serde_json::json!({"state": "active"});
                *kept = vec![silence];
                ok(r#"{"silenceID":"s-1"}"#)
            }
            ("DELETE", _) => {
                kept[0]["status"]["state"] = "expired".into();
                ok("")
            }
            (_, path) if path.ends_with("/silences") => ok(&Value::from(kept.clone()).to_string()),
            _ => ok(&kept[0].to_string()),
        }
    });
    let steps = "- {id: quiet, run: [\"true\"], timeout: 10s, role: sre, suspends: alerts}\n\
                 - {id: loud, manual: Tell them, role: sre, resumes: alerts}\n";
    let Some(incident) = lasting(&server.url(), "20s", steps, &[]) else { return };
    incident.does("ben", "quiet");
    gone.store(true, Ordering::SeqCst);
    incident.until_step("loud", "running");
    incident.ok("ben", &["confirm", "loud"]);
    incident.until("it is said that alerts may be silent", || {
        incident.notes().iter().any(|n| n.contains("may still be silenced") && !n.contains('\u{1b}'))
    });
    gone.store(false, Ordering::SeqCst);
    incident.until("the silence is ended", || made.lock().unwrap()[0]["status"]["state"] == "expired");
    incident.until("that is said too", || {
        incident.notes().iter().any(|n| n.contains("no longer silenced (read back)"))
    });
}

#[test]
fn a_rehearsal_silences_nothing() {
    let server = Server::answering(|_| ok("[]"));
    let Some(incident) = incident(&server.url(), STEPS, &["--mode", "drill"]) else { return };
    incident.does("ben", "quiet");
    let detail = incident.step("quiet")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("nothing is silenced in a rehearsal"), "{detail}");
    incident.does("ben", "loud");
    assert_eq!(server.asked(), 0);
}

fn silencer(url: &str, lasts: Duration) -> Silencer {
    Silencer { endpoint: Endpoint::new(url), matching: BTreeMap::new(), lasts }
}

fn purpose() -> Purpose {
    Purpose {
        incident: "01M7".into(),
        name: "alerts".into(),
        head: "12-ABC".into(),
        matching: BTreeMap::from([("service".into(), "a \"shop\"".into())]),
    }
}

#[tokio::test]
async fn a_silence_is_prolonged_in_place() {
    let place = Place::new();
    let Some(alertmanager) = Alertmanager::start(&place) else { return };
    let clients = Clients::new();
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    let short = silencer(&alertmanager.url(), Duration::from_secs(120));
    let first = short.hold(&clients, &purpose(), now).await.unwrap();
    let long = silencer(&alertmanager.url(), Duration::from_secs(600));
    let second = long.hold(&clients, &purpose(), now + 1_000_000).await.unwrap();
    assert_eq!(first.id, second.id);
    assert!(second.ends_micros - first.ends_micros > 400_000_000);
    let other = Purpose { incident: "01M70".into(), ..purpose() };
    assert!(long.find(&clients, &other).await.unwrap().is_empty(), "another incident's silence is not ours");
    assert_eq!(long.release(&clients, &purpose()).await.unwrap(), 1);
    assert_eq!(long.release(&clients, &purpose()).await.unwrap(), 0);
}

#[tokio::test]
async fn an_alertmanager_that_lies_is_not_believed() {
    let far = "2999-01-01T00:00:00.000Z";
    let silence = |state: &str, ends: &str| {
        format!(
            r#"{{"id":"a-1","endsAt":"{ends}","createdBy":"backout","comment":"x","status":{{"state":"{state}"}}}}"#
        )
    };
    for (back, part) in [
        (silence("expired", far), "taken and is expired"),
        (silence("active", "1970-01-01T00:00:01.000Z"), "ends already at"),
        ("<html>".to_owned(), "web page"),
        ("[]".to_owned(), "not understood"),
    ] {
        let server = Server::deciding(move |request| match request.what().as_str() {
            "GET /api/v2/silences" => ok("[]"),
            "POST /api/v2/silences" => ok(r#"{"silenceID":"a-1"}"#),
            _ => ok(&back),
        });
        let why = silencer(&server.url(), Duration::from_secs(600))
            .hold(&Clients::new(), &purpose(), 1_000_000)
            .await
            .unwrap_err();
        assert!(why.contains(part), "{why}");
    }
    let server = Server::deciding(|request| match request.what().as_str() {
        "POST /api/v2/silences" => ok(r#"{"silenceID":"../../-/reload"}"#),
        _ => ok("[]"),
    });
    let why = silencer(&server.url(), Duration::from_secs(600)).hold(&Clients::new(), &purpose(), 0).await;
    assert!(why.unwrap_err().contains("not the id of a silence"));
    assert_eq!(server.asked(), 2, "nothing is asked for at that path");
}
