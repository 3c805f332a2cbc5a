//! A point-in-time restore of a real PostgreSQL, and everything that can be wrong with one.

use super::cluster::{BIN, Cluster};
use super::walk::{begun, machine, open, standing, until_trouble, walk, workspace};
use crate::support::{Incident, Place, repository};

const SHORT: [(&str, &str); 1] = [("wait: 10m", "wait: 1s")];

/// A shop whose orders were half deleted at a known moment.
pub struct Disaster {
    pub cluster: Cluster,
    /// The last good moment.
    pub target: String,
    /// What was true then.
    pub expected: String,
    _place: Place,
}

impl Disaster {
    pub fn strikes() -> Option<Disaster> {
        Disaster::strikes_after(|_| {}, |cluster| cluster.back_up("backup"))
    }

    /// With something done to the cluster before its tables are made, and a backup of one's own.
    pub fn strikes_after(before: impl FnOnce(&Cluster), back_up: impl FnOnce(&Cluster)) -> Option<Disaster> {
        let place = Place::new();
        let cluster = Cluster::start(&place, "db")?;
        cluster.sql("postgres", "create database shop");
        before(&cluster);
        cluster.sql(
            "shop",
            "create table customers (id int primary key, name text);
             create table orders (id int primary key, customer int references customers, cents int);
             insert into customers select n, 'customer ' || n from generate_series(1, 100) n;
             insert into orders select n, n % 100 + 1, n * 7 from generate_series(1, 1000) n",
        );
        back_up(&cluster);
        cluster.sql(
            "shop",
            "insert into orders select n, n % 100 + 1, n * 7 from generate_series(1001, 1500) n",
        );
        cluster.archive_all();
        cluster.sql("shop", "update orders set cents = cents + 1 where id % 10 = 0");
        let expected = cluster.table("shop", &repository().join("runbooks/postgres/fingerprint.sql"));
        let target = cluster.moment();
        cluster.sql("shop", "delete from orders where id % 2 = 0");
        cluster.sql("shop", "insert into customers values (999, 'somebody who came later')");
        Some(Disaster { cluster, target, expected, _place: place })
    }

    /// Opens and declares the incident, in a place of its own. `given` replaces parameters.
    pub fn declared(&self, given: &[(&str, &str)], target: &str, change: &[(&str, &str)]) -> Incident {
        let place = Place::new();
        let along = ["runbooks/postgres"];
        let team =
            workspace(&place, "postgres-pitr-restore", &along, &[&SHORT[..], change].concat()).unwrap();
        place.write("ws/known-good.csv", &self.expected);
        let mut params = vec![
            ("machine", machine()),
            ("data", self.cluster.at("data")),
            ("backup", self.cluster.at("backup")),
            ("archive", self.cluster.at("archive")),
            ("work", self.cluster.at("restore")),
            ("database", "shop".to_owned()),
            ("expected", "known-good.csv".to_owned()),
            ("spare", "1000000".to_owned()),
            ("bin", BIN.to_owned()),
        ];
        for (name, value) in given {
            params.retain(|(known, _)| known != name);
            params.push((name, (*value).to_owned()));
        }
        open(place, team, "postgres-pitr-restore", Some(target), &params)
    }

    /// The original as the disaster left it, in service.
    #[track_caller]
    pub fn original_stands(&self) {
        assert_eq!(self.cluster.sql("shop", "select count(*), sum(cents) from orders"), self.damaged());
        assert_eq!(self.cluster.sql("shop", "select count(*) from customers where id = 999"), "1");
    }

    fn damaged(&self) -> String {
        // Of 1..=1500, the odd ones; none of them was updated.
        let odd: i64 = (1..=1500).filter(|n| n % 2 == 1).map(|n| n * 7).sum();
        format!("750|{odd}")
    }
}

pub const TO_FREEZE: [&str; 5] =
    ["- backup-fits", "ben archive-rest", "- stop-point", "cho send tell", "cho stop-service"];
pub const TO_HOLD_POINT: [&str; 4] = ["- original-before", "ben copy", "ben recover", "- original-untouched"];

#[test]
fn a_cluster_is_brought_back_to_its_last_good_moment_and_the_original_is_kept() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    let mut room = disaster.declared(&[], &target, &[]);
    let machine = machine();
    walk(&room, &TO_FREEZE);
    assert!(!disaster.cluster.is_up(), "nobody writes any more");
    walk(&room, &TO_HOLD_POINT);
    let restored =
        |sql: &str| disaster.cluster.ask(&disaster.cluster.at("restore/run"), "54329", "shop", sql);
    assert_eq!(restored("select count(*) from orders"), "1500");
    walk(
        &room,
        &["ben approve point-of-no-return", "ana approve point-of-no-return", "- point-of-no-return"],
    );
    room.refused("cho", &["start", "promote"], "restored");
    walk(&room, &["cho promote=restored", "- same-data-still"]);
    assert_eq!(restored("show transaction_read_only"), "on", "it is open, and takes nothing yet");
    walk(
        &room,
        &["cho stop-restored", "- closed", "cho set-original-aside", "- original-kept", "cho put-in-place"],
    );
    walk(&room, &["- in-place", &format!("cho open={machine}"), "- invariants-served"]);

    assert_eq!(disaster.cluster.sql("shop", "select count(*), max(id) from orders"), "1500|1500");
    assert_eq!(
        disaster.cluster.sql("shop", "insert into customers values (1000, 'new') returning id"),
        "1000"
    );
    assert_eq!(disaster.cluster.sql("postgres", "show archive_mode"), "on", "in service it archives again");
    let aside: Vec<_> = std::fs::read_dir(&disaster.cluster.folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("data.set-aside."))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    walk(&room, &["- hold", "ben confirm new-backup", "cho send say-so", "cho no-second-server"]);
    walk(&room, &["- original-is-there", "- service-answers"]);
    room.close();
    assert_eq!(room.opener_ends(), Some(0));

    // The original, opened again: everything that came after is still in it.
    disaster.cluster.down();
    std::fs::rename(disaster.cluster.folder.join("data"), disaster.cluster.folder.join("restored")).unwrap();
    std::fs::rename(disaster.cluster.folder.join(&aside[0]), disaster.cluster.folder.join("data")).unwrap();
    disaster.cluster.up();
    disaster.original_stands();
}

/// The room gives up before anything was stopped, and everything is as it was.
#[track_caller]
pub fn leaves(disaster: &Disaster, room: &Incident) {
    let far = begun(room);
    for step in ["promote", "set-original-aside", "put-in-place", "open"] {
        assert!(!far.contains(&step.to_owned()), "{far:?}");
    }
    room.ok("ana", &["abort", "--reason", "it cannot be restored like this"]);
    if far.contains(&"stop-service".to_owned()) {
        assert!(!disaster.cluster.is_up());
        room.ok("cho", &["undo", "stop-service", "--reason", "back into service as it is"]);
        room.until("the original serves again", || room.status()["suspended"] == serde_json::json!([]));
        let answers = standing(room, "service-answers");
        if answers.0 == "failed" {
            room.ok("cho", &["retry", "service-answers", "--reason", "it is up again"]);
        }
    }
    room.until_step("no-second-server", "ready");
    room.ok("cho", &["start", "no-second-server"]);
    for step in ["no-second-server", "original-is-there", "service-answers"] {
        room.until_step(step, "succeeded");
    }
    disaster.original_stands();
    room.close();
}

/// The runbook stops at this step with these words, and the original is none the worse.
#[track_caller]
pub fn stops(disaster: &Disaster, room: &Incident, step: &str, words: &str) {
    let said = until_trouble(room, step);
    assert!(said.contains(words), "{step} stopped with other words: {said}");
    leaves(disaster, room);
}

#[test]
fn a_backup_that_does_not_fit_stops_it_before_anything_is_stopped() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    let cluster = &disaster.cluster;
    let with = |backup: &str| disaster.declared(&[("backup", backup)], &target, &[]);

    stops(&disaster, &with(&cluster.at("nowhere")), "room", "nowhere is not there");

    cluster.owned("cp", &["-a", &cluster.at("backup"), &cluster.at("cut")]);
    cluster.owned("truncate", &["-s", "100", &cluster.at("cut/global/pg_filenode.map")]);
    stops(
        &disaster,
        &with(&cluster.at("cut")),
        "backup-fits",
        "pg_verifybackup: error: \"global/pg_filenode.map\"",
    );

    let elsewhere = Place::new();
    let other = Cluster::start(&elsewhere, "db").unwrap();
    other.back_up("backup");
    stops(&disaster, &with(&other.at("backup")), "backup-fits", "the backup is of another cluster");

    // A clone that went its own way: the same system, another history.
    cluster.tool(
        "pg_basebackup",
        &["-h", &cluster.at("sockets"), "-U", "postgres", "-c", "fast", "-D", &cluster.at("clone"), "-R"],
    );
    cluster.owned("mkdir", &[&cluster.at("clone-sockets")]);
    let alone = format!(
        "-c unix_socket_directories={} -c archive_mode=off -c primary_conninfo=",
        cluster.at("clone-sockets")
    );
    cluster.tool(
        "pg_ctl",
        &["-D", &cluster.at("clone"), "-l", &cluster.at("clone.log"), "-o", &alone, "-w", "start"],
    );
    cluster.tool("pg_ctl", &["-D", &cluster.at("clone"), "-w", "promote"]);
    cluster.tool(
        "pg_basebackup",
        &[
            "-h",
            &cluster.at("clone-sockets"),
            "-U",
            "postgres",
            "-c",
            "fast",
            "-X",
            "none",
            "-N",
            "-D",
            &cluster.at("astray"),
        ],
    );
    stops(
        &disaster,
        &with(&cluster.at("astray")),
        "backup-fits",
        "timeline 2, which is not in the history of the original",
    );
}

#[test]
fn a_target_or_a_place_that_does_not_fit_stops_it_before_anything_is_stopped() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.as_str();
    let begin = std::fs::read_to_string(disaster.cluster.at("backup/backup_label")).unwrap();
    let begin = begin.lines().find_map(|line| line.strip_prefix("START TIME: ")).unwrap().to_owned();
    let begin = begin.replace(' ', "T").replace("TUTC", "Z");
    stops(
        &disaster,
        &disaster.declared(&[], &begin, &[]),
        "backup-fits",
        "is before the backup was complete",
    );
    let late = disaster.cluster.moment();
    let room = disaster.declared(&[], &late, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "before the target");

    let given = |name, value| disaster.declared(&[(name, value)], target, &[]);
    stops(&disaster, &given("spare", "1000000000000000"), "room", "the disk is too small");
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port().to_string();
    stops(&disaster, &given("port", &port), "room", &format!("port {port} is taken"));
    stops(&disaster, &given("machine", "db1"), "right-machine", "this machine is ");
}

#[test]
fn an_archive_with_a_hole_stops_it_before_anything_is_stopped() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    let cluster = &disaster.cluster;
    cluster.archive_all();
    cluster.owned("cp", &["-a", &cluster.at("archive"), &cluster.at("whole")]);
    let begin = std::fs::read_to_string(cluster.at("backup/backup_label")).unwrap();
    let first = begin.split_once("file ").unwrap().1.get(..24).unwrap().to_owned();
    // The segment after the one with which recovery begins: between the backup and the target.
    let next = cluster
        .segments()
        .into_iter()
        .find(|path| path.file_name().unwrap().to_str().unwrap() > first.as_str());
    let next = next.unwrap().to_str().unwrap().to_owned();

    cluster.owned("rm", &[&next]);
    let room = disaster.declared(&[], &target, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "could not find file");

    cluster.owned("truncate", &["-s", "0", &next]);
    let room = disaster.declared(&[], &target, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "has 0 bytes instead of 1048576");

    // A segment of the right size, full of zeros.
    cluster.owned("truncate", &["-s", "1048576", &next]);
    let room = disaster.declared(&[], &target, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "is of another cluster");
}

#[test]
fn a_server_that_stops_half_way_is_never_taken_for_restored() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    let cluster = &disaster.cluster;
    cluster.archive_all();

    // The archive loses a segment after it was looked at.
    let room = disaster.declared(&[], &target, &[]);
    walk(&room, &TO_FREEZE);
    walk(&room, &["- original-before", "ben copy"]);
    cluster.owned("mv", &[&cluster.at("archive"), &cluster.at("gone")]);
    walk(&room, &["ben recover"]);
    let said = until_trouble(&room, "at-target");
    assert!(said.contains("ended: "), "{said}");
    cluster.owned("mv", &[&cluster.at("gone"), &cluster.at("archive")]);
    leaves(&disaster, &room);
}

#[test]
fn rows_that_are_not_the_expected_ones_stop_it_before_the_hold_point() {
    let Some(mut disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    disaster.expected = disaster.expected.replace("public.orders,1500", "public.orders,1499");
    let room = disaster.declared(&[], &target, &[]);
    walk(&room, &TO_FREEZE);
    walk(&room, &["- original-before", "ben copy", "ben recover"]);
    stops(&disaster, &room, "same-data", "1 row differs");
}

#[test]
fn settings_of_the_backup_reach_neither_the_archive_nor_another_target() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    let cluster = &disaster.cluster;
    // The backup brings settings that would archive, follow and stop elsewhere, and one time too few connections.
    let settings = format!(
        "archive_mode = 'always'\narchive_command = 'cp %p {}/%f'\nrestore_command = '/bin/true'\nrecovery_target = 'immediate'\nprimary_conninfo = 'host={}'\n",
        cluster.at("archive"),
        cluster.at("sockets"),
    );
    cluster.sql("postgres", "alter system set max_connections = 20");
    std::fs::write(cluster.at("auto"), settings).unwrap();
    cluster.owned("cp", &["-a", &cluster.at("backup"), &cluster.at("poisoned")]);
    cluster.owned("cp", &[&cluster.at("auto"), &cluster.at("poisoned/postgresql.auto.conf")]);
    // Whoever wrote the manifest after the fact has it verified, too.
    remake_manifest(&cluster.folder.join("poisoned"));
    let before = cluster.segments();

    let backup = cluster.at("poisoned");
    let room = disaster.declared(&[("backup", &backup)], &target, &[]);
    walk(&room, &TO_FREEZE);
    walk(&room, &TO_HOLD_POINT);
    let isolated = standing(&room, "isolated").1;
    assert!(isolated.contains("alone"), "{isolated}");
    assert!(
        cluster.segments().len() <= before.len() + 2,
        "only what the original itself has archived is new"
    );
    leaves(&disaster, &room);

    // And if a setting did get through, the server's own answer stops it.
    let work = cluster.at("again");
    let room = disaster.declared(&[("work", &work)], &target, &[]);
    let script = room.file("runbooks/postgres/copy.sh");
    let text = std::fs::read_to_string(&script).unwrap();
    std::fs::write(&script, text.replace("archive_mode = off", "archive_mode = on")).unwrap();
    walk(&room, &TO_FREEZE);
    walk(&room, &["- original-before", "ben copy", "ben recover"]);
    stops(&disaster, &room, "isolated", "archive_mode is on");
}

/// Makes the manifest of a changed backup right again, as a tool would that wrote it later.
fn remake_manifest(backup: &std::path::Path) {
    use sha2::Digest as _;
    let path = backup.join("backup_manifest");
    let text = std::fs::read_to_string(&path).unwrap();
    let size = std::fs::metadata(backup.join("postgresql.auto.conf")).unwrap().len();
    let lines = text.lines().filter(|line| !line.starts_with("\"Manifest-Checksum\""));
    let lines = lines.map(|line| {
        if !line.contains("\"postgresql.auto.conf\"") {
            return format!("{line}\n");
        }
        let comma = if line.ends_with(',') { "," } else { "" };
        format!("{{ \"Path\": \"postgresql.auto.conf\", \"Size\": {size}, \"Last-Modified\": \"2026-01-01 00:00:00 GMT\" }}{comma}\n")
    });
    let text: String = lines.collect();
    let sum: String = sha2::Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(path, format!("{text}\"Manifest-Checksum\": \"{sum}\"}}\n")).unwrap();
}
