//! Base backups in archives, compressed WAL and tablespaces: each comes back in folders of its own, or not at all.

use super::cluster::Cluster;
use super::pitr::{Disaster, TO_HOLD_POINT, leaves, stops};
use super::walk::{machine, until_trouble, walk};
use crate::support::Incident;

const TO_FREEZE_FROM_TAR: [&str; 6] =
    ["ben unpack", "- backup-fits", "ben archive-rest", "- stop-point", "cho send tell", "cho stop-service"];

/// WAL is archived with gzip, and the orders lie in a tablespace.
fn with_tablespace(cluster: &Cluster) {
    cluster.owned("mkdir", &[&cluster.at("fast")]);
    cluster.sql("postgres", &format!("create tablespace fast location '{}'", cluster.at("fast")));
    cluster.sql("shop", "set default_tablespace = fast; alter database shop set default_tablespace = fast");
}

fn compressing(cluster: &Cluster) {
    let archive = cluster.at("archive");
    cluster.configure(&format!(
        "archive_command = 'test ! -f {archive}/%f.gz && gzip <%p >{archive}/%f.part && mv {archive}/%f.part {archive}/%f.gz'\n"
    ));
    cluster.down();
    cluster.up();
    with_tablespace(cluster);
}

fn in_archives(cluster: &Cluster) {
    let sockets = cluster.at("sockets");
    let wanted = ["-h", &sockets, "-U", "postgres", "-c", "fast", "-X", "none", "-N", "-Ft", "-z", "-D"];
    cluster.tool("pg_basebackup", &[&wanted[..], &[&cluster.at("backup")]].concat());
}

/// Names, sizes and content of the original's tablespace.
fn fast(cluster: &Cluster) -> String {
    let script = format!("cd {} && find . -type f -exec sha256sum {{}} + | sort", cluster.at("fast"));
    cluster.owned("sh", &["-c", &script])
}

fn restored(disaster: &Disaster, sql: &str) -> String {
    disaster.cluster.ask(&disaster.cluster.at("restore/run"), "54329", "shop", sql)
}

#[test]
fn archives_tablespaces_and_compressed_wal_come_back_in_folders_of_their_own() {
    let Some(disaster) = Disaster::strikes_after(compressing, in_archives) else { return };
    let cluster = &disaster.cluster;
    let own = cluster.at("own-folder");
    let mut room = disaster.declared(&[("format", "tar"), ("tablespaces", &own)], &disaster.target, &[]);
    walk(&room, &TO_FREEZE_FROM_TAR);
    let before = fast(cluster);
    walk(&room, &TO_HOLD_POINT);
    assert_eq!(restored(&disaster, "select count(*) from orders"), "1500");
    let place = "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'";
    assert!(restored(&disaster, place).starts_with(&format!("{own}/")), "{}", restored(&disaster, place));
    let lies = restored(&disaster, "select pg_relation_filepath('orders')");
    assert!(lies.starts_with("pg_tblspc/"), "{lies}");
    walk(
        &room,
        &["ben approve point-of-no-return", "ana approve point-of-no-return", "- point-of-no-return"],
    );
    walk(&room, &["cho promote=restored", "cho stop-restored", "cho set-original-aside", "- original-kept"]);
    walk(&room, &["cho put-in-place", &format!("cho open={}", machine()), "- invariants-served"]);
    assert_eq!(cluster.sql("shop", "select count(*), max(id) from orders"), "1500|1500");
    cluster
        .sql("shop", "insert into customers values (1000, 'new'); update orders set cents = 0; checkpoint");
    assert_eq!(fast(cluster), before, "the original's tablespace is as it was");
    walk(
        &room,
        &["- hold", "ben confirm new-backup", "cho send say-so", "cho no-second-server", "- service-answers"],
    );
    room.close();
    assert_eq!(room.opener_ends(), Some(0));

    // The original, opened again, has all its rows in its own tablespace.
    cluster.down();
    let aside = std::fs::read_dir(&cluster.folder).unwrap().map(|e| e.unwrap().path());
    let aside = aside.into_iter().find(|p| p.to_string_lossy().contains("data.set-aside.")).unwrap();
    std::fs::rename(cluster.folder.join("data"), cluster.folder.join("restored")).unwrap();
    std::fs::rename(aside, cluster.folder.join("data")).unwrap();
    cluster.up();
    disaster.original_stands();
}

/// WAL is archived with zstd while the first backup is taken, and with lz4 from then on.
fn compressing_with(cluster: &Cluster, program: &str, ending: &str) {
    let archive = cluster.at("archive");
    let to = format!("{archive}/%f.{ending}");
    let command = format!("test ! -f {to} && {program} -qc <%p >{to}.part && mv {to}.part {to}");
    cluster.configure(&format!("archive_command = '{command}'\n"));
    cluster.down();
    cluster.up();
}

#[test]
fn archives_in_zstd_and_lz4_come_back_like_any_other() {
    if crate::support::need("zstd").is_none() || crate::support::need("lz4").is_none() {
        return;
    }
    let compressed_there = |cluster: &Cluster, how: &str, name: &str| {
        let sockets = cluster.at("sockets");
        let compress = format!("--compress=server-{how}");
        let wanted =
            ["-h", &sockets, "-U", "postgres", "-c", "fast", "-X", "none", "-N", "-Ft", &compress, "-D"];
        cluster.tool("pg_basebackup", &[&wanted[..], &[&cluster.at(name)]].concat());
    };
    let before = |cluster: &Cluster| {
        compressing_with(cluster, "zstd", "zst");
        with_tablespace(cluster);
    };
    let back_up = |cluster: &Cluster| {
        compressed_there(cluster, "zstd", "backup");
        cluster.archive_all();
        compressing_with(cluster, "lz4", "lz4");
        compressed_there(cluster, "lz4", "in-lz4");
    };
    let Some(disaster) = Disaster::strikes_after(before, back_up) else { return };
    let cluster = &disaster.cluster;
    let list = cluster.owned("ls", &[&cluster.at("archive"), &cluster.at("backup"), &cluster.at("in-lz4")]);
    for name in ["base.tar.zst", "base.tar.lz4"] {
        assert!(list.contains(name), "no {name} in {list}");
    }
    let of_wal = |ending: &str| list.lines().any(|l| l.len() == 28 && l.ends_with(ending));
    assert!(of_wal(".zst") && of_wal(".lz4"), "{list}");
    let room = |backup: &str, work: &str| {
        let given = [("format", "tar"), ("backup", backup), ("work", &cluster.at(work))];
        disaster.declared(&given, &disaster.target, &[])
    };
    // Cut short, in either form.
    for (backup, ending) in [("backup", "zst"), ("in-lz4", "lz4")] {
        let cut = cluster.at(&format!("cut-{ending}"));
        cluster.owned("cp", &["-a", &cluster.at(backup), &cut]);
        cluster.owned("truncate", &["-s", "-2000", &format!("{cut}/base.tar.{ending}")]);
        let room = room(&cut, &format!("never-{ending}"));
        room.until_step("unpack", "ready");
        room.ok("ben", &["start", "unpack"]);
        assert!(until_trouble(&room, "unpack").contains("exit code 1"));
        let said = std::fs::read_to_string(room.dir().join("steps/unpack.1.out")).unwrap();
        assert!(said.contains(&format!("base.tar.{ending} is cut short or damaged")), "{said}");
        leaves(&disaster, &room);
    }
    // A machine that lacks the program says which.
    let bare = cluster.folder.join("bare");
    std::fs::create_dir(&bare).unwrap();
    for tool in ["sh", "dirname", "find", "mkdir", "cat", "id", "head"] {
        std::os::unix::fs::symlink(crate::support::find(tool).unwrap(), bare.join(tool)).unwrap();
    }
    let script = crate::support::repository().join("runbooks/postgres/unpack.sh");
    let mut unpack = std::process::Command::new(bare.join("sh"));
    unpack.arg(script).env_clear().env("PATH", &bare);
    unpack.envs([
        ("BACKUP", cluster.at("backup")),
        ("WORK", cluster.at("never")),
        ("FORMAT", "tar".to_owned()),
    ]);
    let outcome = unpack.output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(!outcome.status.success() && said.contains("needs the program zstd"), "{said}");

    // With the room goes what its steps have started, and that is the original after its undo.
    let mut rooms = Vec::new();
    for (backup, work) in [("backup", "from-zstd"), ("in-lz4", "from-lz4")] {
        let room = room(&cluster.at(backup), work);
        walk(&room, &TO_FREEZE_FROM_TAR);
        let original = fast(cluster);
        walk(&room, &TO_HOLD_POINT);
        let sockets = cluster.at(&format!("{work}/run"));
        let rows = cluster.ask(&sockets, "54329", "shop", "select count(*) from orders");
        assert_eq!(rows, "1500", "{backup}");
        assert_eq!(fast(cluster), original, "the original's tablespace is as it was");
        leaves(&disaster, &room);
        rooms.push(room);
    }
}

#[test]
fn archives_that_are_not_whole_stop_it_before_anything_is_stopped() {
    let Some(disaster) = Disaster::strikes_after(compressing, in_archives) else { return };
    let cluster = &disaster.cluster;
    let copy = |name: &str| {
        cluster.owned("cp", &["-a", &cluster.at("backup"), &cluster.at(name)]);
        cluster.at(name)
    };
    let room = |backup: &str, work: &str| {
        let given = [("format", "tar"), ("backup", backup), ("work", &cluster.at(work))];
        disaster.declared(&given, &disaster.target, &[])
    };
    let unpacks = |backup: &str, work: &str| -> Incident {
        let room = room(backup, work);
        room.until_step("unpack", "ready");
        room.ok("ben", &["start", "unpack"]);
        room
    };
    let said = |room: &Incident, words: &str| {
        assert!(until_trouble(room, "unpack").contains("exit code 1"));
        let told = std::fs::read_to_string(room.dir().join("steps/unpack.1.out")).unwrap_or_default();
        assert!(told.contains(words), "{told}");
        leaves(&disaster, room);
    };

    let cut = copy("cut");
    cluster.owned("truncate", &["-s", "-2000", &format!("{cut}/base.tar.gz")]);
    said(&unpacks(&cut, "w1"), "is cut short or damaged");

    // Cut short where the compression is whole: what is missing shows against the manifest.
    let short = copy("short");
    let script = format!(
        "cd {short} && gunzip base.tar.gz && truncate -s $(($(stat -c %s base.tar) / 1024 * 512)) base.tar"
    );
    cluster.owned("sh", &["-c", &script]);
    let room_of_short = unpacks(&short, "w2");
    let stopped = ["unpack", "backup-fits"].into_iter().find(|step| {
        room_of_short.until("unpack has ended", || room_of_short.step("unpack")["status"] != "running");
        *step == "backup-fits" || room_of_short.step(step)["status"] == "failed"
    });
    until_trouble(&room_of_short, stopped.unwrap());
    leaves(&disaster, &room_of_short);

    let without = copy("without");
    cluster.owned("sh", &["-c", &format!("rm {without}/1*.tar.gz")]);
    said(&unpacks(&without, "w3"), "the backup has no ");

    let nothing = copy("nothing");
    cluster.owned("rm", &[&format!("{nothing}/base.tar.gz")]);
    said(&unpacks(&nothing, "w4"), "the backup has no base.tar");

    // The manifest says another checksum than the file has, and is itself in order.
    let wrong = copy("wrong");
    forge_checksum(&std::path::Path::new(&wrong).join("backup_manifest"));
    let forged = unpacks(&wrong, "w5");
    stops(&disaster, &forged, "backup-fits", "checksum mismatch for file");

    // The manifest itself was changed.
    let touched = copy("touched");
    let manifest = std::path::Path::new(&touched).join("backup_manifest");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"Size\": 3", "\"Size\": 4", 1)).unwrap();
    let touched = unpacks(&touched, "w6");
    stops(&disaster, &touched, "backup-fits", "pg_verifybackup: ");

    // What was said about its form is not so.
    let plain = disaster.declared(&[("work", &cluster.at("w7"))], &disaster.target, &[]);
    stops(&disaster, &plain, "backup-fits", "open the incident with format=tar");
}

#[test]
fn compressed_wal_that_is_broken_stops_it_before_anything_is_stopped() {
    let Some(disaster) = Disaster::strikes_after(compressing, |c| {
        let (sockets, mapping) = (c.at("sockets"), format!("{}={}", c.at("fast"), c.at("fast-copy")));
        let wanted = ["-h", &sockets, "-U", "postgres", "-c", "fast", "-X", "none", "-N", "-D"];
        let map = format!("--tablespace-mapping={mapping}");
        c.tool("pg_basebackup", &[&wanted[..], &[&c.at("backup"), &map]].concat());
    }) else {
        return;
    };
    let cluster = &disaster.cluster;
    cluster.archive_all();
    let begin = std::fs::read_to_string(cluster.at("backup/backup_label")).unwrap();
    let first = begin.split_once("file ").unwrap().1.get(..24).unwrap().to_owned();
    let mut segments: Vec<String> = std::fs::read_dir(cluster.at("archive"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.len() == 27 && name.ends_with(".gz") && name.as_str() > first.as_str())
        .collect();
    segments.sort();
    let next = cluster.at(&format!("archive/{}", segments.iter().find(|n| !n.starts_with(&first)).unwrap()));
    cluster.owned("cp", &[&next, &cluster.at("kept.gz")]);

    cluster.owned("truncate", &["-s", "-100", &next]);
    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "is cut short or damaged");

    cluster.owned("rm", &[&next]);
    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "could not find file");

    // Whole again, and the plain backup with its tablespace comes back to the hold point.
    cluster.owned("cp", &[&cluster.at("kept.gz"), &next]);
    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &super::pitr::TO_FREEZE);
    let (before, copy) = (fast(cluster), cluster.at("fast-copy"));
    let of_copy = || {
        cluster.owned("sh", &["-c", &format!("cd {copy} && find . -type f -exec sha256sum {{}} + | sort")])
    };
    let backup = of_copy();
    walk(&room, &TO_HOLD_POINT);
    assert_eq!(restored(&disaster, "select count(*) from orders"), "1500");
    assert_eq!((fast(cluster), of_copy()), (before, backup), "neither original nor backup was written to");
    leaves(&disaster, &room);
}

#[test]
fn a_tablespace_of_the_original_is_never_written_to() {
    let Some(disaster) = Disaster::strikes_after(compressing, in_archives) else { return };
    let cluster = &disaster.cluster;
    // Unpacked by hand, without the tablespace, and then with the link that its map asks for.
    let script = format!(
        "mkdir -m 700 {hand} && tar -xzf {backup}/base.tar.gz -C {hand} && cp {backup}/backup_manifest {hand}/",
        hand = cluster.at("hand"),
        backup = cluster.at("backup"),
    );
    cluster.owned("sh", &["-c", &script]);
    let by_hand = || disaster.declared(&[("backup", &cluster.at("hand"))], &disaster.target, &[]);
    stops(&disaster, &by_hand(), "backup-fits", "is not in the backup");
    let link = "cd {hand} && read number place <tablespace_map && ln -s \"$place\" pg_tblspc/$number";
    cluster.owned("sh", &["-c", &link.replace("{hand}", &cluster.at("hand"))]);
    stops(&disaster, &by_hand(), "backup-fits", "is the original's own folder");
    let inside = cluster.at("fast/deep");
    let room = disaster.declared(&[("format", "tar"), ("tablespaces", &inside)], &disaster.target, &[]);
    stops(&disaster, &room, "room", "would be inside");
}

#[test]
fn a_tablespace_made_after_the_backup_stops_it_because_replay_would_empty_it() {
    let made_later = |cluster: &Cluster| {
        cluster.back_up("backup");
        with_tablespace(cluster);
        cluster.sql("shop", "create table precious tablespace fast as select generate_series(1, 1000) as n");
    };
    let Some(disaster) = Disaster::strikes_after(|_| {}, made_later) else { return };
    let before = disaster.cluster.sql("shop", "select sum(n) from precious");
    let room = disaster.declared(&[], &disaster.target, &[]);
    walk(&room, &["ben archive-rest"]);
    stops(&disaster, &room, "stop-point", "replaying that would empty the original's folder");
    assert_eq!(disaster.cluster.sql("shop", "select sum(n) from precious"), before);
}

/// Gives one file of a manifest a checksum that it does not have, and the manifest its own right one.
fn forge_checksum(path: &std::path::Path) {
    use sha2::Digest as _;
    let text = std::fs::read_to_string(path).unwrap();
    let file = text.lines().find(|l| l.contains("\"PG_VERSION\"")).unwrap();
    let sum = file.split_once("\"Checksum\": \"").unwrap().1.split_once('"').unwrap().0;
    let other: String = sum.chars().map(|c| if c == '0' { '1' } else { '0' }).collect();
    let forged = text.replacen(file, &file.replace(sum, &other), 1);
    let (body, _) = forged.split_once("\"Manifest-Checksum\"").unwrap();
    let own: String = sha2::Sha256::digest(body.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(path, format!("{body}\"Manifest-Checksum\": \"{own}\"}}\n")).unwrap();
}
