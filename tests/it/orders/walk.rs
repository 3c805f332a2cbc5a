//! The orders runbook from end to end: three people with agents of their own, a real PostgreSQL, a real Prometheus.

use std::path::Path;
use std::process::Command;

use crate::support::{Incident, Place, Postgres, PostgresExporter, Prometheus, Team, repository};

const PASSWORD: &str = "correct-horse-battery-staple-4711";
const RUNBOOK: &str = "runbooks/orders-schema-rollback.yaml";

/// The incident, and the servers it is about.
struct War {
    incident: Incident,
    postgres: Postgres,
    _servers: (PostgresExporter, Prometheus),
}

impl War {
    /// Cho opens the incident; ana commands, ben sits as dba. The runbook is the shipped one with these changes.
    fn begin(change: &[(&str, &str)]) -> Option<War> {
        let place = Place::new();
        let postgres = Postgres::start(&place)?;
        postgres.sql("postgres", "create database orders").unwrap();
        for file in ["before", "up", "new-rows"] {
            postgres.file("orders", &repository().join(format!("tests/it/orders/{file}.sql"))).unwrap();
        }
        let exporter = PostgresExporter::start(&place, &postgres)?;
        let mut prometheus = Prometheus::start(&place, &[exporter.target()])?;
        let team = Team::gather(&place)?;
        team.take_along("runbooks/orders");
        team.take_along(RUNBOOK);
        let config = format!(
            "sources: {{prod: {{prometheus: \"{}\"}}}}\nchannels: {{paper: {{file: messages.txt}}}}\n",
            prometheus.url()
        );
        place.write("ws/backout.yaml", config);
        // Cho has every role that a hold point asks for: what keeps her out is that she opened the incident.
        let roster = std::fs::read_to_string(team.workspace.join("team.yaml")).unwrap();
        place.write("ws/team.yaml", roster.replace("roles: [operator,", "roles: [dba, operator,"));
        let mut runbook = std::fs::read_to_string(team.workspace.join(RUNBOOK)).unwrap();
        for (from, to) in change {
            assert!(runbook.contains(from), "{from} is not in the runbook any more");
            runbook = runbook.replace(from, to);
        }
        place.write(&format!("ws/{RUNBOOK}"), runbook);
        prometheus.wait_scraped(1);

        let port = format!("port={}", postgres.port());
        let seats = ["--role", "operator", "--role", "communications"];
        let open = [&[RUNBOOK, "-p", port.as_str()][..], &seats].concat();
        let incident = Incident::open(place, team, "cho", &open, &[("ORDERS_PGPASSWORD", PASSWORD)]);
        incident.ok("ana", &["assume", "commander"]);
        incident.ok("ben", &["assume", "dba"]);
        Some(War { incident, postgres, _servers: (exporter, prometheus) })
    }

    fn sql(&self, statement: &str) -> String {
        self.postgres.sql("orders", statement).unwrap()
    }

    fn declare(&self) {
        let room = &self.incident;
        room.refused("cho", &["start", "suspend-writes"], "not declared yet");
        room.ok("ana", &["approve", "declare", "--yes", "--reason", "refunds break"]);
        room.ok("ben", &["approve", "declare", "--yes"]);
        room.until_step("right-database", "succeeded");
    }

    /// From the declaration to the hold point.
    fn freeze(&self) {
        let room = &self.incident;
        room.until_step("tell", "ready");
        room.refused("ben", &["send", "tell"], "communications");
        room.ok("cho", &["send", "tell"]);
        room.does("cho", "suspend-writes");
        room.until_step("fingerprint", "succeeded");
        assert_eq!(self.sql("select rolconnlimit from pg_roles where rolname = 'orders_writer'"), "0");
        assert_eq!(room.status()["suspended"], serde_json::json!(["writes"]));
    }
}

const SHORT: [(&str, &str); 2] = [
    ("wait: {for: 10m,", "wait: {for: 2s,"),
    ("separation_of_duties: [executor]", "separation_of_duties: [initiator, executor]"),
];

#[test]
fn three_people_take_the_migration_back_for_real() {
    let expiring = ("expires: 15m\n          separation", "expires: 12s\n          separation");
    let Some(mut war) = War::begin(&[&[expiring][..], &SHORT].concat()) else { return };
    war.declare();
    war.freeze();
    war.incident.does("ben", "quarantine");
    assert_eq!(war.sql("select count(*) from quarantine.orders_0003"), "3");
    war.incident.until_step("nothing-lost", "succeeded");
    owed(&war.incident, 3);

    hold_point(&war.incident);
    migrate_down(&war);
    war.incident.does("cho", "resume-writes");
    war.incident.until_step("hold", "succeeded");
    war.incident.ok("cho", &["send", "say-so"]);
    war.incident.until_step("writes-are-open", "succeeded");
    let paper = std::fs::read_to_string(war.incident.file("messages.txt")).unwrap();
    assert!(paper.contains("Orders are read-only") && paper.contains("is undone"), "{paper}");
    assert!(paper.contains(&war.incident.id) && paper.contains("Not undone: e-mails"), "{paper}");

    reconcile_and_close(&war);
    assert_eq!(war.incident.opener_ends(), Some(0));
    judge(&war.incident);
}

/// The backlog, as anybody sees it.
fn owed(room: &Incident, left: u64) {
    let owed = serde_json::json!([{"name": "orders in quarantine", "left": left}]);
    room.until("the ledger says so", || room.status()["backlog"] == owed);
}

/// Neither by whoever opened the incident, nor by one person twice, nor late.
fn hold_point(room: &Incident) {
    room.until_step("point-of-no-return", "waiting");
    room.ok("ben", &["approve", "point-of-no-return", "--yes", "--reason", "checked the quarantine"]);
    room.refused("ben", &["approve", "point-of-no-return", "--yes"], "a person counts once");
    room.refused("cho", &["approve", "point-of-no-return", "--yes"], "opened the incident");
    room.refused("cho", &["start", "migrate-down", "--target", "orders-db-primary"], "point-of-no-return");
    room.until("its time is over", || room.recorded("approval.expired").len() == 1);
    room.refused("ana", &["approve", "point-of-no-return", "--yes"], "not open: it is expired");

    room.ok("ana", &["retry", "point-of-no-return", "--reason", "ana was on the phone"]);
    room.until_step("point-of-no-return", "waiting");
    room.ok("ana", &["approve", "point-of-no-return", "--yes"]);
    room.ok("ben", &["approve", "point-of-no-return", "--yes"]);
    assert!(room.until_step("point-of-no-return", "succeeded").contains("ben"));
    assert_eq!(room.recorded("approval.refused").len(), 3, "what did not count is kept");
}

fn migrate_down(war: &War) {
    let room = &war.incident;
    room.refused("cho", &["start", "migrate-down"], "type `orders-db-primary` to confirm");
    room.refused(
        "cho",
        &["start", "migrate-down", "--target", "orders-db-standby"],
        "type `orders-db-primary`",
    );
    room.refused("ben", &["start", "migrate-down", "--target", "orders-db-primary"], "operator");
    assert_eq!(war.sql("select count(*) from schema_migrations where version = '0003'"), "1");
    room.ok("cho", &["start", "migrate-down", "--target", "orders-db-primary"]);
    room.until_step("migrate-down", "succeeded");
    room.until_step("same-rows", "succeeded");
    room.until_step("application-works", "succeeded");
    assert_eq!(war.sql("select count(*) from schema_migrations where version = '0003'"), "0");
    assert_eq!(war.sql("select count(*) from orders"), "3");
}

fn reconcile_and_close(war: &War) {
    let room = &war.incident;
    let owing = "3 of orders in quarantine still to reconcile";
    room.refused("ana", &["close", "--reason", "over", "--yes"], owing);
    room.refused("ben", &["reconcile", "orders in quarantine", "4", "--reason", "all"], "3 left");
    room.ok("ben", &["reconcile", "orders in quarantine", "2", "--reason", "ticket 8812"]);
    owed(room, 1);
    room.ok("ben", &["reconcile", "orders in quarantine", "1", "--reason", "refunded by hand"]);
    assert_eq!(war.sql("select rolconnlimit from pg_roles where rolname = 'orders_writer'"), "-1");
    assert_eq!(room.status()["suspended"], serde_json::json!([]));
    room.ok("ana", &["mitigate", "--reason", "orders can be written"]);
    room.ok("ana", &["resolve", "--reason", "the older schema holds"]);
    room.close();
}

/// The record before its judges: ours, stock OpenSSH, and whoever looks for the password.
fn judge(room: &Incident) {
    room.until("the hub ends", || room.status()["hub"] == "not running");
    let signers = room.team.allowed_signers().to_str().unwrap().to_owned();
    let verify = || room.backout("ana").run(["verify", &room.id, "--allowed-signers", &signers]);
    assert!(verify().exits(0).stdout.contains("verified"));
    let evidence = room.place.join("evidence");
    room.backout("ana").run(["export", &room.id, "-o", evidence.to_str().unwrap()]).exits(0);
    assert!(stock_judge_accepts(&evidence, &signers) > 20, "every session and every answer was signed");
    let packed = evidence.join("evidence.backout");
    room.backout("ana").run(["verify", packed.to_str().unwrap(), "--allowed-signers", &signers]).exits(0);

    let found = crate::support::incident::files_with(room.place.path(), PASSWORD.as_bytes());
    assert!(found.is_empty(), "the password is in {found:?}");
    assert!(room.dir().join("metrics.jsonl").metadata().unwrap().len() > 0, "what Prometheus said is kept");

    let timeline = room.dir().join("timeline.jsonl");
    let mut bytes = std::fs::read(&timeline).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&timeline, bytes).unwrap();
    assert!(verify().exits(1).stderr.contains("does not verify"));
}

/// Runs the README's own lines against the roster, and counts them.
fn stock_judge_accepts(evidence: &Path, signers: &str) -> usize {
    let readme = std::fs::read_to_string(evidence.join("README")).unwrap();
    let lines: Vec<&str> = readme.lines().filter(|line| line.starts_with("ssh-keygen -Y verify")).collect();
    for line in &lines {
        let line = line.replace("-f allowed_signers", &format!("-f {signers}"));
        let judged = Command::new("sh").args(["-c", &line]).current_dir(evidence).output().unwrap();
        assert!(judged.status.success(), "{line}: {}", String::from_utf8_lossy(&judged.stderr));
    }
    let signatures = std::fs::read_dir(evidence).unwrap().flatten();
    let signatures = signatures.filter(|e| e.path().extension().is_some_and(|e| e == "sig")).count();
    assert_eq!(signatures, lines.len());
    lines.len()
}

#[test]
fn the_naive_way_stops_where_it_fails_and_the_room_goes_back() {
    let change = [
        ("-f, runbooks/orders/down.sql", "-f, runbooks/orders/naive-down.sql"),
        // The naive way sets nothing aside.
        ("-f, runbooks/orders/quarantine.sql", "-c, create schema if not exists quarantine"),
        ("select count(*) from quarantine.orders_0003 where reconciled_at is null", "select 0"),
        ("-f, runbooks/orders/put-back.sql", "-c, drop schema quarantine"),
    ];
    let Some(mut war) = War::begin(&[&change[..], &SHORT].concat()) else { return };
    let naive = repository().join("tests/it/orders/naive-down.sql");
    std::fs::copy(naive, war.incident.file("runbooks/orders/naive-down.sql")).unwrap();
    war.declare();
    war.freeze();
    let room = &war.incident;
    room.does("ben", "quarantine");
    room.until_step("nothing-lost", "succeeded");
    room.until_step("point-of-no-return", "waiting");
    room.ok("ben", &["approve", "point-of-no-return", "--yes"]);
    room.ok("ana", &["approve", "point-of-no-return", "--yes"]);
    room.until_step("point-of-no-return", "succeeded");
    room.ok("cho", &["start", "migrate-down", "--target", "orders-db-primary"]);
    assert!(room.until_step("migrate-down", "failed").contains("exit code"));
    room.until("the menu is offered", || {
        room.opened_said("migrate-down failed: backout retry|skip|done|continue")
    });
    assert_eq!(room.step("same-rows")["status"], "pending", "nothing goes on by itself");

    room.refused("ana", &["close", "--reason", "x", "--yes"], "writes is still suspended");
    room.ok("ana", &["abort", "--reason", "the down migration loses data"]);
    room.refused("cho", &["start", "resume-writes"], "abort");
    room.refused("cho", &["undo", "suspend-writes", "--reason", "x"], "next is quarantine");
    room.ok("ben", &["undo", "quarantine", "--reason", "nothing is in it"]);
    assert_eq!(
        room.step("writes-are-open")["status"],
        "pending",
        "what is always done comes after the undos"
    );
    room.ok("cho", &["undo", "suspend-writes", "--reason", "people want to buy"]);
    room.until("the suspension is lifted", || room.status()["suspended"] == serde_json::json!([]));
    room.until_step("writes-are-open", "succeeded");
    room.close();
    assert_eq!(war.incident.opener_ends(), Some(1));
    war.incident.until("the hub ends", || war.incident.status()["hub"] == "not running");
    war.incident.backout("ana").run(["verify", &war.incident.id]).exits(0);
}
