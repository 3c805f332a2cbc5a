//! The servers the other tests stand on are the real ones, and leave nothing behind.

use std::process::Command;
use std::time::Duration;

use crate::support::{
    Alertmanager, KeyKind, Place, Postgres, PostgresExporter, Prometheus, Sshd, Team, prometheus::get, ssh,
    wait_until,
};

#[test]
fn a_real_postgresql_answers_and_is_gone_afterwards() {
    let place = Place::new();
    let Some(postgres) = Postgres::start(&place) else { return };
    assert_eq!(postgres.sql("postgres", "select 6 * 7").unwrap(), "42");
    let complaint = postgres.sql("postgres", "select nonsense").unwrap_err();
    assert!(complaint.contains("column \"nonsense\" does not exist"), "{complaint}");
    let port = postgres.port();
    drop(postgres);
    wait_until("the port is closed", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
    });
}

#[test]
fn a_real_prometheus_scrapes_what_it_is_given() {
    let place = Place::new();
    let Some(scraped) = Prometheus::start(&place, &[]) else { return };
    let target = scraped.url().trim_start_matches("http://").to_owned();
    let second = Place::new();
    let Some(mut prometheus) = Prometheus::start(&second, &[target]) else { return };
    prometheus.wait_scraped(1);
}

#[test]
fn a_real_prometheus_sees_a_real_postgresql() {
    let place = Place::new();
    let Some(postgres) = Postgres::start(&place) else { return };
    postgres.sql("postgres", "create database orders").unwrap();
    let Some(exporter) = PostgresExporter::start(&place, &postgres) else { return };
    let Some(mut prometheus) = Prometheus::start(&place, &[exporter.target()]) else { return };
    prometheus.wait_scraped(1);
    let port = prometheus.url().rsplit(':').next().unwrap().parse().unwrap();
    let answer =
        get(port, "/api/v1/query?query=pg_stat_database_xact_commit%7Bdatname%3D%22orders%22%7D").unwrap();
    assert!(answer.contains("\"datname\":\"orders\""), "{answer}");
}

#[test]
fn a_real_alertmanager_takes_requests() {
    let place = Place::new();
    let Some(alertmanager) = Alertmanager::start(&place) else { return };
    let port = alertmanager.url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(get(port, "/api/v2/silences").unwrap().trim_end().ends_with("[]"));
}

#[test]
fn three_people_have_three_kinds_of_key_in_three_agents() {
    let place = Place::new();
    let Some(team) = Team::gather(&place) else { return };
    for (person, algorithm) in
        [(&team.ana, "ssh-ed25519"), (&team.ben, "ecdsa-sha2-nistp256"), (&team.cho, "ssh-rsa")]
    {
        let listed =
            Command::new("ssh-add").arg("-L").env("SSH_AUTH_SOCK", person.agent.socket()).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert_eq!(listed.lines().count(), 1, "{listed}");
        assert!(listed.starts_with(algorithm), "{listed}");

        // Stock tools sign with the agent and accept the roster.
        let text = place.write("statement", format!("{} says yes\n", person.id));
        let signature = place.join("statement.sig");
        let _ = std::fs::remove_file(&signature);
        let signed = Command::new("ssh-keygen")
            .args(["-Y", "sign", "-n", "approve.v1@backout", "-f"])
            .arg(person.key.with_added_extension("pub"))
            .arg(&text)
            .env("SSH_AUTH_SOCK", person.agent.socket())
            .output()
            .unwrap();
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        let said = std::fs::read(&text).unwrap();
        let accepts =
            |id, ns, said: &[u8]| ssh::keygen_accepts(&team.allowed_signers(), id, ns, &signature, said);
        assert!(accepts(person.id, "approve.v1@backout", &said));
        assert!(!accepts("dan", "approve.v1@backout", &said));
        assert!(!accepts(person.id, "close.v1@backout", &said));
        assert!(!accepts(person.id, "approve.v1@backout", b"something else\n"));
    }
}

#[test]
fn a_real_sshd_lets_the_one_key_in() {
    let place = Place::new();
    let key = place.join("key");
    ssh::make_key(&key, KeyKind::Ed25519, "it");
    let Some(sshd) = Sshd::start(&place, &key) else { return };
    let mut call = Command::new("ssh");
    call.arg("-F").arg(sshd.config()).args(["box", "echo", "over there"]);
    let answer = call.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "over there\n", "{answer:?}");
}

#[test]
fn a_place_takes_its_processes_with_it() {
    let place = Place::new();
    let sleep = || {
        let mut command = Command::new("sleep");
        command.arg("infinity").env_clear();
        command
    };
    let at_home = sleep().env("HOME", place.folder("home")).spawn().unwrap();
    let at_work = sleep().current_dir(place.folder("work")).spawn().unwrap();
    wait_until("both are seen", Duration::from_secs(10), || place.processes().len() == 2);
    drop(place);
    for mut child in [at_home, at_work] {
        let status = child.wait().unwrap();
        assert!(!status.success(), "it was killed: {status}");
    }
}
