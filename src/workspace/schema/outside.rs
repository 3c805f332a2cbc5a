//! The schema of what reaches outside: silences, anchors, marks, traces, and the two channels with an account. Never
//! takes a key that the readers in `config::outside` and `config::channels` do not ask for.

use super::{HEADER, addressed, exactly_one, reached, text};
use crate::runbook::schema::shape::{self, may, named, need, object, reference};
use serde_json::{Value, json};

/// One of `suspend`.
pub fn suspend() -> Value {
    let labels = named("^[A-Za-z_][A-Za-z0-9_]*$", reference("text"));
    reached(vec![
        need("alertmanager", reference("url"), "The Alertmanager that is asked to be silent."),
        may("match", labels, "Labels and the values of the alerts that are silenced."),
        may("lasts", reference("duration"), "How long one silence lasts; it is prolonged at its half."),
    ])
}

/// One of `anchors`.
pub fn anchor() -> Value {
    let webhook = addressed(vec![may(
        "headers_env",
        named(HEADER, reference("variable")),
        "Headers from environment variables.",
    )]);
    let witness = reached(vec![
        need("url", reference("url"), "The witness's address."),
        need("vkey", reference("text"), "Its verifier key, as whoever runs it gives it."),
    ]);
    let mut out = object(&[
        may("name", reference("id"), "What it is called in the record."),
        may("directory", reference("text"), "A folder on other storage."),
        may("webhook", webhook, "Is posted the head."),
        may("tlog_witness", witness, "A witness of transparency logs; it cosigns the head."),
        may("ssh", text("^[A-Za-z0-9._@:][A-Za-z0-9._@:-]*$"), "A host, as in `ssh HOST`."),
    ]);
    shape::add(&mut out, "oneOf", exactly_one(&["directory", "webhook", "ssh", "tlog_witness"]));
    out
}

/// `engine`.
pub fn engine() -> Value {
    object(&[need("file", json!({"type": "object", "maxProperties": 0}), "In files of one machine.")])
}

/// `annotations`.
pub fn annotations() -> Value {
    let grafana = reached(vec![
        need("url", reference("url"), "The address."),
        may("token_env", reference("variable"), "The environment variable that holds the token."),
    ]);
    object(&[need("grafana", grafana, "A Grafana.")])
}

/// `telemetry`.
pub fn telemetry() -> Value {
    let collector = reached(vec![need("url", reference("url"), "The address.")]);
    let otlp = json!({"anyOf": [reference("url"), collector]});
    object(&[
        may("otlp", otlp, "An OpenTelemetry collector (OTLP over HTTP)."),
        may("prometheus", text(r"^\S+:[0-9]+$"), "Address and port where the hub can be scraped."),
    ])
}

/// The channel of this name.
pub fn statuspage() -> Value {
    reached(vec![
        need("url", reference("url"), "The API's address."),
        need("page", text("^[A-Za-z0-9_-]+$"), "The id of the page."),
    ])
}

/// The channel of this name.
pub fn pagerduty() -> Value {
    reached(vec![
        need("routing_key", reference("secret"), "Where the integration's key is."),
        may("url", reference("url"), "Another address than PagerDuty's own."),
    ])
}
