//! Damaged rows come back from a replica that follows hours behind; people decide what was changed again since.

use super::cluster::{BIN, Cluster};
use super::walk::{open, until_trouble, walk, workspace};
use crate::support::{Incident, Place};

/// A primary whose items were damaged, and a replica that does not have it yet.
struct Pair {
    cluster: Cluster,
    target: String,
    until: String,
    _place: Place,
}

const NOW: &str = "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

impl Pair {
    fn damaged() -> Option<Pair> {
        let place = Place::new();
        let cluster = Cluster::start(&place, "db")?;
        cluster.sql("postgres", "create database shop");
        cluster.sql(
            "shop",
            "create table items (id int primary key, name text, changed timestamptz default clock_timestamp());
             insert into items select n, 'item ' || n from generate_series(1, 100) n",
        );
        let (sockets, replica) = (cluster.at("sockets"), cluster.at("replica"));
        cluster
            .tool("pg_basebackup", &["-h", &sockets, "-U", "postgres", "-c", "fast", "-R", "-D", &replica]);
        cluster.owned("mkdir", &[&cluster.at("replica-sockets")]);
        let conf = cluster.folder.join("replica/postgresql.conf");
        let more = format!(
            "\nunix_socket_directories = '{}'\narchive_mode = off\nrecovery_min_apply_delay = '1h'\n",
            cluster.at("replica-sockets")
        );
        std::fs::write(&conf, std::fs::read_to_string(&conf).unwrap() + &more).unwrap();
        cluster.tool("pg_ctl", &["-D", &replica, "-l", &cluster.at("replica.log"), "-w", "start"]);

        cluster
            .sql("shop", "update items set name = 'good ' || id, changed = clock_timestamp() where id <= 20");
        let target = cluster.moment();
        cluster.sql(
            "shop",
            "update items set name = 'oops', changed = clock_timestamp() where id between 10 and 30",
        );
        cluster.sql("shop", "delete from items where id > 90");
        let until = cluster.sql("shop", NOW);
        cluster.sql(
            "shop",
            "update items set name = 'newer ' || id, changed = clock_timestamp() where id in (29, 30)",
        );
        cluster.sql("shop", "insert into items (id, name) values (1000, 'new since')");
        Some(Pair { cluster, target, until, _place: place })
    }

    fn open(&self, target: &str) -> Option<Incident> {
        let room = self.enter(target)?;
        walk(&room, &["ben hold-replay"]);
        Some(room)
    }

    /// Asks the replica.
    fn replica(&self, statement: &str) -> String {
        self.cluster.ask(&self.cluster.at("replica-sockets"), "5432", "postgres", statement)
    }

    /// Nothing was written to the primary.
    fn primary_stands(&self) {
        assert_eq!(self.sql("select to_regclass('repair.plan') is null"), "t");
        assert_eq!(self.sql("select count(*) from items where name = 'oops'"), "19");
    }

    /// The room before replay is held.
    fn enter(&self, target: &str) -> Option<Incident> {
        let own = Place::new();
        let along = ["runbooks/postgres", "runbooks/replica"];
        let team = workspace(&own, "delayed-replica-repair", &along, &[])?;
        let primary = format!("host={} port=5432 user=postgres dbname=shop", self.cluster.at("sockets"));
        let params = [
            ("primary", primary),
            ("data", self.cluster.at("replica")),
            ("database", "shop".to_owned()),
            ("table", "public.items".to_owned()),
            ("key", "id".to_owned()),
            ("changed", "changed".to_owned()),
            ("until", self.until.clone()),
            ("delay", "2h".to_owned()),
            ("bin", BIN.to_owned()),
        ];
        let room = open(own, team, "delayed-replica-repair", Some(target), &params);
        walk(&room, &["cho send tell"]);
        Some(room)
    }

    fn sql(&self, statement: &str) -> String {
        self.cluster.sql("shop", statement)
    }
}

#[test]
fn damaged_rows_come_back_and_newer_ones_stay() {
    let Some(pair) = Pair::damaged() else { return };
    let Some(room) = pair.open(&pair.target) else { return };
    walk(&room, &["ben roll-forward", "- still-in-time", "ben classify"]);
    let kinds = "select string_agg(kind || ' ' || n, ', ' order by kind) from (select kind, count(*) n from repair.plan group by kind) p";
    assert_eq!(pair.sql(kinds), "conflict 2, damaged 19, missing 10");

    walk(&room, &["ben confirm conflicts"]);
    assert!(
        until_trouble(&room, "all-decided").contains("2 undecided"),
        "a yes to the question is no decision"
    );
    pair.sql("update repair.plan set decision = 'keep' where key = '29'");
    pair.sql("update repair.plan set decision = 'take back' where key = '30'");
    pair.sql("update repair.plan set decision = 'keep' where key = '100'");
    room.ok("ben", &["retry", "all-decided", "--reason", "decided with the shop"]);
    walk(&room, &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes"]);

    // Somebody edits one of the rows by hand in the meantime: nothing at all is written.
    pair.sql("update items set name = 'by hand' where id = 12");
    room.until_step("apply", "ready");
    room.ok("cho", &["start", "apply"]);
    until_trouble(&room, "apply");
    assert_eq!(pair.sql("select name from items where id = 11"), "oops");
    pair.sql("update items set name = 'oops' where id = 12");
    room.ok("cho", &["retry", "apply", "--reason", "the row is as it was"]);
    room.until("apply is done or asks again", || {
        room.step("apply")["status"] == "succeeded" || room.step("two-pairs-of-eyes")["status"] == "waiting"
    });
    if room.step("apply")["status"] != "succeeded" {
        walk(&room, &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes", "cho apply"]);
    }

    walk(&room, &["- as-decided", "ben follow-again", "- follows", "cho send say-so"]);
    let name = |id: u32| pair.sql(&format!("select name from items where id = {id}"));
    assert_eq!([name(11), name(25), name(29), name(30)], ["good 11", "item 25", "newer 29", "item 30"]);
    assert_eq!(pair.sql("select count(*) from items where id between 91 and 99"), "9");
    assert_eq!([name(100), name(1000)], ["", "new since"]);
    room.close();
}

#[test]
fn a_replica_that_has_it_already_is_not_taken_for_the_truth() {
    let Some(pair) = Pair::damaged() else { return };
    // The last good moment was earlier than anybody thought: the replica is past it.
    let Some(room) = pair.open("2026-01-01T00:00:00Z") else { return };
    assert!(until_trouble(&room, "in-time").contains("too late"));
    assert_eq!(pair.sql("select to_regclass('repair.plan') is null"), "t");
}

#[test]
fn a_replica_that_is_not_delayed_any_more_has_the_harm_and_is_not_used() {
    let Some(pair) = Pair::damaged() else { return };
    pair.replica("alter system set recovery_min_apply_delay = 0");
    pair.replica("select pg_reload_conf()");
    let harm = format!("select pg_last_xact_replay_timestamp() > '{}'", pair.until);
    crate::support::wait_for("it has caught up", std::time::Duration::from_secs(60), || {
        if pair.replica(&harm) == "t" {
            Ok(())
        } else {
            Err(pair.replica("select pg_last_xact_replay_timestamp()"))
        }
    });
    let Some(room) = pair.open(&pair.target) else { return };
    assert!(until_trouble(&room, "in-time").contains("too late"));
    pair.primary_stands();
}

#[test]
fn a_replica_that_was_promoted_or_is_gone_is_not_used() {
    let Some(pair) = Pair::damaged() else { return };
    pair.cluster.tool("pg_ctl", &["-D", &pair.cluster.at("replica"), "-w", "promote"]);
    let Some(room) = pair.enter(&pair.target) else { return };
    room.until_step("hold-replay", "ready");
    room.ok("ben", &["start", "hold-replay"]);
    until_trouble(&room, "hold-replay");
    // Whoever goes on all the same is stopped by the next look.
    room.ok("ana", &["continue", "hold-replay", "--reason", "it stands still anyway"]);
    until_trouble(&room, "stands-still");
    pair.primary_stands();
    drop(room);

    pair.cluster.tool("pg_ctl", &["-D", &pair.cluster.at("replica"), "-m", "fast", "-w", "stop"]);
    let Some(room) = pair.enter(&pair.target) else { return };
    room.until_step("hold-replay", "ready");
    room.ok("ben", &["start", "hold-replay"]);
    until_trouble(&room, "hold-replay");
    pair.primary_stands();
}

#[test]
fn a_replica_that_somebody_paused_before_is_rolled_forward_all_the_same() {
    let Some(pair) = Pair::damaged() else { return };
    pair.replica("select pg_wal_replay_pause()");
    let Some(room) = pair.open(&pair.target) else { return };
    walk(&room, &["- in-time", "ben roll-forward", "- still-in-time", "ben classify"]);
    assert_eq!(pair.sql("select count(*) > 0 from repair.plan"), "t");
}
