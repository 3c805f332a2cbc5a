//! A Redis comes back from a snapshot, also with an append-only file, and never from one that does not hold it.

use std::process::Command;
use std::time::Duration;

use super::walk::{open, until_trouble, walk, workspace};
use crate::support::{Incident, Place, free_port, need, wait_for};

/// A Redis with an append-only file whose keys were flushed after a snapshot was taken.
struct Cache {
    place: Place,
    port: u16,
}

impl Cache {
    fn flushed() -> Option<Cache> {
        let server = need("redis-server")?;
        let cache = Cache { place: Place::new(), port: free_port() };
        let dir = cache.place.folder("data");
        let conf = format!(
            "port {}\nbind 127.0.0.1\ndir {}\nappendonly yes\nsave \"\"\ndaemonize yes\npidfile {}\nlogfile {}\n",
            cache.port,
            dir.display(),
            cache.place.join("redis.pid").display(),
            cache.place.join("redis.log").display(),
        );
        let conf = cache.place.write("redis.conf", conf);
        let start = format!("{} {}", server.display(), conf.display());
        let mut command = Command::new("sh");
        command.args(["-c", &start]).env("HOME", cache.place.folder("home")).status().unwrap();
        wait_for("Redis answers", Duration::from_secs(30), || match cache.ask(&["ping"]).as_str() {
            "PONG" => Ok(()),
            other => Err(other.to_owned()),
        });
        for n in 0..50 {
            cache.ask(&["set", &format!("session:{n}"), &format!("user {n}")]);
        }
        cache.ask(&["save"]);
        std::fs::rename(dir.join("dump.rdb"), cache.place.join("snapshot.rdb")).unwrap();
        cache.ask(&["flushall"]);
        cache.ask(&["set", "later", "yes"]);
        Some(cache)
    }

    fn ask(&self, words: &[&str]) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn open(&self, value: &str) -> Option<Incident> {
        self.open_on(value, free_port())
    }

    /// With the port on which the snapshot is tried.
    fn open_on(&self, value: &str, port: u16) -> Option<Incident> {
        let own = Place::new();
        let team = workspace(&own, "redis-rdb-restore", &["runbooks/redis"], &[])?;
        let at = |name: &str| self.place.join(name).to_str().unwrap().to_owned();
        let params = [
            ("dir", at("data")),
            ("snapshot", at("snapshot.rdb")),
            ("conf", at("redis.conf")),
            ("port", self.port.to_string()),
            ("check_port", port.to_string()),
            ("keys", "50".to_owned()),
            ("probe", "session:7".to_owned()),
            ("value", value.to_owned()),
            ("account", "root".to_owned()),
            ("stop", format!("redis-cli -p {} shutdown nosave || true", self.port)),
            ("start", format!("redis-server {}", at("redis.conf"))),
        ];
        Some(open(own, team, "redis-rdb-restore", Some("2026-11-20T12:00:00Z"), &params))
    }
}

#[test]
fn a_redis_with_an_append_only_file_gets_its_keys_back() {
    let Some(cache) = Cache::flushed() else { return };
    let Some(room) = cache.open("user 7") else { return };
    walk(
        &room,
        &["- snapshot-whole", "cho send tell", "cho try", "- content", "cho try-ends", "- try-ended"],
    );
    assert_eq!(cache.ask(&["get", "later"]), "yes", "the service went on");
    walk(&room, &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes"]);
    walk(
        &room,
        &["cho stop", "- stopped", "cho set-aside", "cho put-in-place", "- in-place", "cho open", "- serves"],
    );
    assert_eq!(cache.ask(&["dbsize"]), "50");
    assert_eq!(cache.ask(&["config", "get", "appendonly"]), "appendonly\nyes");
    let aside = std::fs::read_dir(cache.place.path()).unwrap().flatten();
    assert_eq!(aside.filter(|e| e.file_name().to_string_lossy().starts_with("data.set-aside.")).count(), 1);
    walk(&room, &["cho send say-so"]);
    room.close();
}

#[test]
fn a_snapshot_that_is_broken_or_of_something_else_stops_it_while_the_service_runs() {
    let Some(cache) = Cache::flushed() else { return };
    let Some(room) = cache.open("somebody else") else { return };
    walk(&room, &["- snapshot-whole", "cho send tell"]);
    room.until_step("try", "ready");
    room.ok("cho", &["start", "try"]);
    room.until("the key is not the expected one", || {
        let step = room.step("loaded");
        step["status"] == "running" || step["status"] == "failed"
    });
    room.ok("ana", &["abort", "--reason", "it is of another Redis"]);
    assert_eq!(cache.ask(&["get", "later"]), "yes");
    drop(room);

    let bytes = std::fs::read(cache.place.join("snapshot.rdb")).unwrap();
    std::fs::write(cache.place.join("snapshot.rdb"), &bytes[..bytes.len() / 2]).unwrap();
    let Some(room) = cache.open("user 7") else { return };
    until_trouble(&room, "snapshot-whole");
    assert_eq!(cache.ask(&["get", "later"]), "yes");
}

#[test]
fn a_file_that_only_looks_like_a_snapshot_stops_it_while_the_service_runs() {
    let Some(cache) = Cache::flushed() else { return };
    let path = cache.place.join("snapshot.rdb");
    let good = std::fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer.splice(5..9, *b"9999");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    for (what, bytes) in [
        ("of another version", newer),
        ("with a flipped byte", flipped),
        ("empty", Vec::new()),
        ("nothing but a head", good.get(..9).unwrap().to_vec()),
        ("text", b"REDIS is great\n".to_vec()),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let Some(room) = cache.open("user 7") else { return };
        until_trouble(&room, "snapshot-whole");
        assert_eq!(room.step("try")["status"], "pending", "{what}");
        assert_eq!(cache.ask(&["get", "later"]), "yes");
    }
    std::fs::remove_file(&path).unwrap();
    let Some(room) = cache.open("user 7") else { return };
    until_trouble(&room, "snapshot-whole");
}

#[test]
fn a_whole_snapshot_of_an_empty_redis_is_not_what_was_lost() {
    let Some(cache) = Cache::flushed() else { return };
    cache.ask(&["flushall"]);
    cache.ask(&["save"]);
    std::fs::rename(cache.place.join("data/dump.rdb"), cache.place.join("snapshot.rdb")).unwrap();
    cache.ask(&["set", "later", "yes"]);
    let Some(room) = cache.open("user 7") else { return };
    walk(&room, &["- snapshot-whole", "cho send tell"]);
    room.until_step("try", "ready");
    room.ok("cho", &["start", "try"]);
    assert!(until_trouble(&room, "loaded").contains("only 0 keys instead of 50"));
    assert_eq!(cache.ask(&["get", "later"]), "yes");
    room.ok("ana", &["abort", "--reason", "it holds nothing"]);
    room.ok("cho", &["undo", "try", "--reason", "it is not needed"]);
}

#[test]
fn a_snapshot_is_not_tried_on_the_port_of_the_living_service() {
    let Some(cache) = Cache::flushed() else { return };
    let Some(room) = cache.open_on("user 7", cache.port) else { return };
    walk(&room, &["- snapshot-whole", "cho send tell"]);
    room.until_step("try", "ready");
    room.ok("cho", &["start", "try"]);
    until_trouble(&room, "try");
    let said = std::fs::read_to_string(room.dir().join("steps/try.1.out")).unwrap();
    assert!(said.contains(&format!("port {} is taken", cache.port)), "{said}");
    // What would end the Redis beside the service does not end the service.
    room.ok("ana", &["abort", "--reason", "the port is wrong"]);
    room.act("cho", &["undo", "try", "--reason", "nothing was started"]);
    assert_eq!(cache.ask(&["get", "later"]), "yes", "the service has what it had");
}

#[test]
fn a_snapshot_that_is_exchanged_after_it_was_tried_is_not_put_in_place() {
    let Some(cache) = Cache::flushed() else { return };
    let Some(room) = cache.open("user 7") else { return };
    walk(
        &room,
        &["- snapshot-whole", "cho send tell", "cho try", "- content", "cho try-ends", "- try-ended"],
    );
    walk(
        &room,
        &[
            "ben approve two-pairs-of-eyes",
            "ana approve two-pairs-of-eyes",
            "cho stop",
            "- stopped",
            "cho set-aside",
        ],
    );
    std::fs::write(cache.place.join("snapshot.rdb"), b"REDIS0011 something else").unwrap();
    room.until_step("put-in-place", "ready");
    room.ok("cho", &["start", "put-in-place"]);
    until_trouble(&room, "put-in-place");
    assert!(!cache.place.join("data").exists(), "nothing stands where the service would take it");
    room.ok("ana", &["abort", "--reason", "the snapshot was exchanged"]);
    room.ok("cho", &["undo", "put-in-place", "--reason", "nothing is there"]);
    room.until("the undo of setting aside is offered", || {
        room.act("cho", &["undo", "set-aside", "--reason", "back to what was there"]).code == Some(0)
    });
    room.until("its files are back", || cache.place.join("data").exists());
    room.until("the undo of stopping is offered", || {
        room.act("cho", &["undo", "stop", "--reason", "back into service"]).code == Some(0)
    });
    room.until("the service runs as before", || cache.ask(&["get", "later"]) == "yes");
}
