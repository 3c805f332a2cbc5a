//! More that can be wrong with a restore: times, timelines, segments, settings, and questions that answer nothing.

use super::pitr::{Disaster, TO_FREEZE, TO_HOLD_POINT, leaves, stops};
use super::walk::{standing, until_trouble, walk};
use crate::support::Incident;

/// The same wall clock with another zone behind it, or the same moment in another zone.
fn zoned(target: &str, shift_hours: i64, zone: &str) -> String {
    let at = chrono::DateTime::parse_from_rfc3339(target).unwrap() + chrono::Duration::hours(shift_hours);
    format!("{}{zone}", at.format("%Y-%m-%dT%H:%M:%S%.6f"))
}

#[test]
fn a_target_is_read_in_the_zone_it_was_written_in() {
    let Some(disaster) = Disaster::strikes() else { return };
    let target = disaster.target.clone();
    // Local time with the wrong zone: hours early is before the backup. Hours late is the future, and no room takes it.
    let room = disaster.declared(&[], &zoned(&target, 0, "+05:00"), &[]);
    stops(&disaster, &room, "backup-fits", "is before the backup was complete");

    // The same moment, written as they do elsewhere, is the same moment.
    let room = disaster.declared(&[], &zoned(&target, 5, "+05:00"), &[]);
    walk(&room, &TO_FREEZE);
    walk(&room, &TO_HOLD_POINT);
    let rows = disaster.cluster.ask(
        &disaster.cluster.at("restore/run"),
        "54329",
        "shop",
        "select count(*) from orders",
    );
    assert_eq!(rows, "1500");
    leaves(&disaster, &room);
}

#[test]
fn a_target_before_a_change_of_timeline_is_reached_along_the_history() {
    let Some(disaster) = Disaster::strikes() else { return };
    let cluster = &disaster.cluster;
    // After the harm the original went through a failover: it lives on timeline 2 now.
    cluster.archive_all();
    cluster.down();
    cluster.owned("touch", &[&cluster.at("data/standby.signal")]);
    cluster.configure("hot_standby = on\n");
    cluster.up();
    cluster.tool("pg_ctl", &["-D", &cluster.at("data"), "-w", "promote"]);
    cluster.sql("postgres", "checkpoint");
    cluster.archive_all();
    assert_eq!(cluster.sql("postgres", "select timeline_id from pg_control_checkpoint()"), "2");

    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &TO_FREEZE);
    walk(&room, &TO_HOLD_POINT);
    let rows = cluster.ask(&cluster.at("restore/run"), "54329", "shop", "select count(*) from orders");
    assert_eq!(rows, "1500");
    leaves(&disaster, &room);

    // It says that they parted elsewhere: somebody else's failover.
    let history = cluster.at("archive/00000002.history");
    let own = std::fs::read_to_string(&history).unwrap();
    assert!(own.contains("\t0/"), "{own}");
    std::fs::write(&history, own.replacen("\t0/", "\t0/1", 1)).unwrap();
    let room = disaster.declared(&[("work", &cluster.at("astray"))], &disaster.target, &[]);
    stops(&disaster, &room, "backup-fits", "is not the original's: another cluster wrote it");

    // The archive lost the file that tells the branches apart.
    cluster.owned("rm", &[&cluster.at("archive/00000002.history")]);
    let room = disaster.declared(&[("work", &cluster.at("again"))], &disaster.target, &[]);
    stops(&disaster, &room, "backup-fits", "the archive has no 00000002.history");
}

#[test]
fn a_restore_onto_the_living_original_or_from_it_stops_at_once() {
    let Some(disaster) = Disaster::strikes() else { return };
    let cluster = &disaster.cluster;
    cluster.owned("ln", &["-s", &cluster.at("data"), &cluster.at("alias")]);
    for (name, value, step, words) in [
        ("work", "data", "room", "is there already"),
        ("work", "data/restore", "room", "would be inside the original"),
        ("work", "alias/restore", "room", "would be inside the original"),
        ("work", "archive/restore", "room", "would be inside the original, the backup or the archive"),
        ("backup", "data", "backup-fits", "the backup has no backup_"),
    ] {
        let room = disaster.declared(&[(name, &cluster.at(value))], &disaster.target, &[]);
        stops(&disaster, &room, step, words);
    }
}

#[test]
fn a_segment_that_is_corrupt_in_the_middle_stops_it_before_anything_is_stopped() {
    let Some(disaster) = Disaster::strikes() else { return };
    let cluster = &disaster.cluster;
    cluster.archive_all();
    let begin = std::fs::read_to_string(cluster.at("backup/backup_label")).unwrap();
    let first = begin.split_once("file ").unwrap().1.get(..24).unwrap().to_owned();
    let segments = cluster.segments();
    let next = segments.iter().find(|p| p.file_name().unwrap().to_str().unwrap() > first.as_str()).unwrap();
    // Its head is right, and so is its size: only what it holds is not what was written.
    let mut bytes = std::fs::read(next).unwrap();
    for at in (0x200..0x4000).step_by(64) {
        bytes[at] ^= 0x5a;
    }
    std::fs::write(next, bytes).unwrap();
    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &["ben archive-rest"]);
    let said = until_trouble(&room, "stop-point");
    assert!(said.contains("no transaction between") || said.contains("before the target"), "{said}");
    leaves(&disaster, &room);
}

#[test]
fn a_backup_that_was_made_for_a_standby_is_restored_all_the_same() {
    let Some(disaster) = Disaster::strikes() else { return };
    let cluster = &disaster.cluster;
    // As `pg_basebackup -R` leaves it, with a wish to open early as well.
    cluster.owned("touch", &[&cluster.at("backup/standby.signal"), &cluster.at("backup/recovery.signal")]);
    let wishes = "primary_conninfo = 'host=/nowhere'\nrecovery_target_action = 'promote'\nrecovery_target = 'immediate'\n";
    std::fs::write(cluster.at("wishes"), wishes).unwrap();
    cluster.owned("cp", &[&cluster.at("wishes"), &cluster.at("backup/postgresql.auto.conf")]);
    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &TO_FREEZE);
    walk(&room, &TO_HOLD_POINT);
    assert!(standing(&room, "isolated").1.contains("alone"));
    leaves(&disaster, &room);
}

#[test]
fn a_recovery_that_opens_early_is_never_taken_for_restored() {
    let Some(disaster) = Disaster::strikes() else { return };
    const COPY: &str = "runbooks/postgres/copy.sh";
    const START: &str = "runbooks/postgres/start-restored.sh";
    let pauses = "recovery_target_action = pause";
    let gone = "until grep -q 'database system is shut down' \"$WORK/log\"; do sleep 0.1; done\nwaited=0\n";
    for (work, changes, words) in [
        ("promoted", &[(COPY, pauses, "recovery_target_action = promote")][..], "open on timeline"),
        ("shut", &[(COPY, pauses, "recovery_target_action = shutdown")], ""),
        // It has come and gone before anybody looks whether it has come.
        ("gone", &[(COPY, pauses, "recovery_target_action = shutdown"), (START, "waited=0\n", gone)], ""),
        // Without the file that asks for recovery it looks for its WAL in its own folder only.
        ("unasked", &[(COPY, "\"$WORK/data/recovery.signal\" ", "")], "ended: "),
    ] {
        let room = disaster.declared(&[("work", &disaster.cluster.at(work))], &disaster.target, &[]);
        for (script, from, to) in changes {
            let script = room.file(script);
            let text = std::fs::read_to_string(&script).unwrap();
            assert!(text.contains(from), "{from}");
            std::fs::write(&script, text.replace(from, to)).unwrap();
        }
        walk(&room, &TO_FREEZE);
        walk(&room, &["- original-before", "ben copy", "ben recover"]);
        let said = until_trouble(&room, "at-target");
        assert!(said.contains(words), "{said}");
        leaves(&disaster, &room);
    }
}

/// The room, walked to where the restored server stands at its target.
fn at_target(disaster: &Disaster, given: &[(&str, &str)], files: &[(&str, &str)]) -> Incident {
    let room = disaster.declared(given, &disaster.target, &[]);
    for (name, text) in files {
        std::fs::write(room.file(name), text).unwrap();
    }
    walk(&room, &TO_FREEZE);
    walk(&room, &["- original-before", "ben copy", "ben recover"]);
    room
}

#[test]
fn a_database_that_is_empty_or_holds_half_of_its_tables_is_not_what_was_lost() {
    let Some(mut disaster) = Disaster::strikes() else { return };
    let cluster_at = |disaster: &Disaster, name: &str| disaster.cluster.at(name);
    // Another database of the same cluster, in which there is nothing.
    let work = cluster_at(&disaster, "empty");
    let room = at_target(&disaster, &[("database", "postgres"), ("work", &work)], &[]);
    let said = until_trouble(&room, "same-data");
    assert!(said.contains("differ") || said.contains("missing"), "{said}");
    leaves(&disaster, &room);

    // What was known to be right had more tables than came back.
    let half = disaster.expected.clone();
    let line = half.lines().find(|l| l.starts_with("public.orders")).unwrap();
    disaster.expected = format!("{half}{}\n", line.replace("public.orders", "public.payments"));
    let work = cluster_at(&disaster, "half");
    let room = at_target(&disaster, &[("work", &work)], &[]);
    stops(&disaster, &room, "same-data", "1 row differs");

    // What is known to be right says nothing at all.
    disaster.expected = format!("{}\n", half.lines().next().unwrap());
    let work = cluster_at(&disaster, "blank");
    let room = at_target(&disaster, &[("work", &work)], &[]);
    until_trouble(&room, "same-data");
    leaves(&disaster, &room);
}

#[test]
fn a_validation_that_answers_nothing_is_no_yes() {
    let Some(disaster) = Disaster::strikes() else { return };
    for (n, sql) in [
        "select null::text;",
        "select 'holds' where false;",
        "select 'holds' union all select 'order 7 has no customer';",
        "select 'holds' / 0;",
        "",
    ]
    .iter()
    .enumerate()
    {
        let work = disaster.cluster.at(&format!("asked-{n}"));
        let given = [("invariants", "own.sql"), ("work", &work)];
        let room = at_target(&disaster, &given, &[("own.sql", sql)]);
        until_trouble(&room, "invariants");
        leaves(&disaster, &room);
    }
}
