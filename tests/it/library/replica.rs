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
        walk(&room, &["cho send tell", "ben hold-replay"]);
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
