//! Other accounts of the same machine: in through a group, and nobody else.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;

use super::bastion::{Bastion, State};
use crate::support::{PATIENCE, wait_until};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_member_of_the_group_joins_and_approves_with_their_own_agent() {
    let Some(bastion) = Bastion::open(State::OfTheGroup) else { return };
    assert_eq!(mode(&bastion.dir), 0o2710);
    assert_eq!(mode(&bastion.dir.join("hub.sock")), 0o660);
    assert_eq!(mode(&bastion.dir.join("timeline.jsonl")), 0o600);
    let bob = bastion.people.of("bob").uid;
    bastion.act("bob", &["assume", "sre"]).exits(0);
    assert!(bastion.record().contains(&format!("uid {bob}; on this machine")), "{}", bastion.record());
    bastion.act("bob", &["approve", "declare", "--yes"]).exits(0);
    bastion.until("it is declared", "incident.declared");

    // By the beginning of the id, by nothing at all, and by the folder.
    bastion.backout("bob").run(["note", &bastion.id[..20], "one"]).exits(0);
    bastion.backout("bob").run(["note", bastion.dir.to_str().unwrap(), "two"]).exits(0);
    // An incident of one's own beside it, but no hand on somebody else's.
    let incidents = bastion.state.join("incidents");
    assert_eq!(mode(&incidents), 0o3770);
    assert_ne!(std::fs::metadata(&incidents).unwrap().gid(), 0);
}

#[test]
fn the_group_gets_the_socket_and_nothing_else() {
    let Some(bastion) = Bastion::open(State::OfTheGroup) else { return };
    let dir = bastion.dir.display();
    for forbidden in [
        format!("ls {dir}"),
        format!("cat {dir}/timeline.jsonl"),
        format!("cat {dir}/allowed_signers"),
        format!("cat {dir}/socket"),
        format!("rm -f {dir}/hub.sock"),
        format!("mv {dir} {dir}x"),
        format!("rm -rf {dir}"),
    ] {
        let outcome = bastion.people.runs("bob", &forbidden);
        assert_ne!(outcome.code, Some(0), "bob: {forbidden}");
    }
    assert!(bastion.dir.join("hub.sock").exists());
    // The record is out of reach, but not the room.
    bastion.act("bob", &["note", "still here"]).exits(0);
}

#[test]
fn who_is_not_in_the_group_is_refused_with_a_sentence() {
    let Some(bastion) = Bastion::open(State::OfTheGroup) else { return };
    let group = bastion.people.group.clone();
    let named = [bastion.id.clone(), bastion.dir.display().to_string()];
    for incident in named {
        let outcome = bastion.backout("eve").run(["note", &incident, "let me in"]).exits(3);
        assert!(outcome.stderr.contains("your account may not enter"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&group), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("backout invite"), "{}", outcome.stderr);
    }
    let knock = format!("test -S {}/hub.sock", bastion.dir.display());
    assert_ne!(bastion.people.runs("eve", &knock).code, Some(0));
}

#[test]
fn without_a_group_one_account_is_let_in_by_name() {
    let Some(bastion) = Bastion::open(State::AnasOwn) else { return };
    let bob = bastion.people.of("bob").name.clone();
    bastion.act("bob", &["note", "too early"]).exits(3);
    let outcome = bastion.backout("ana").run(["invite", "nobody-here", &bastion.id]).exits(2);
    assert!(outcome.stderr.contains("no account `nobody-here`"), "{}", outcome.stderr);
    bastion.backout("bob").run(["invite", &bob, &bastion.id]).exits(3);

    bastion.backout("ana").run(["invite", &bob, &bastion.id]).exits(0);
    bastion.act("bob", &["assume", "sre"]).exits(0);
    bastion.act("bob", &["approve", "declare", "--yes"]).exits(0);
    let dir = bastion.dir.display();
    for forbidden in
        [format!("ls {dir}"), format!("cat {dir}/timeline.jsonl"), format!("rm -f {dir}/hub.sock")]
    {
        assert_ne!(bastion.people.runs("bob", &forbidden).code, Some(0), "bob: {forbidden}");
    }
    let outcome = bastion.act("eve", &["note", "and me?"]).exits(3);
    assert!(outcome.stderr.contains("may not enter"), "{}", outcome.stderr);

    // The next hub knows whom to let in.
    let pid = std::fs::read_to_string(bastion.dir.join("hub.pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_until("the hub is gone", PATIENCE, || {
        std::fs::File::open(bastion.dir.join("lock")).unwrap().try_lock().is_ok()
    });
    bastion.backout("ana").run(["resume", &bastion.id, "--headless"]).exits(0);
    bastion.act("bob", &["note", "back again"]).exits(0);

    // Also who cannot read the record sees where it stands, and cannot see what else there is.
    let seen = bastion.act("bob", &["status", "--json"]).exits(0).stdout;
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!((&seen["hub"], &seen["stage"]), (&"running".into(), &"declared".into()), "{seen}");
    bastion.backout("bob").run(["list"]).exits(3);

    // The way in is taken back, also from the hub after the next.
    bastion.backout("bob").run(["invite", "--undo", &bob, &bastion.id]).exits(4);
    let said = bastion.backout("ana").run(["invite", "--undo", &bob, &bastion.id]).exits(0);
    assert!(said.stdout.contains("does not come in any more"), "{}", said.stdout);
    assert!(said.stderr.contains("backout revoke"), "{}", said.stderr);
    let outcome = bastion.act("bob", &["note", "still there?"]).exits(3);
    assert!(outcome.stderr.contains("may not enter"), "{}", outcome.stderr);
    let knock = format!("test -S {dir}/hub.sock");
    assert_ne!(bastion.people.runs("bob", &knock).code, Some(0));
    assert_eq!(std::fs::read_to_string(bastion.dir.join("guests")).unwrap(), "");
    let again = bastion.backout("ana").run(["invite", "--undo", &bob, &bastion.id]).exits(0);
    assert!(again.stdout.contains("had not been let in"), "{}", again.stdout);
}

#[test]
fn a_member_of_the_group_sees_where_an_incident_stands_through_its_hub() {
    let Some(bastion) = Bastion::open(State::OfTheGroup) else { return };
    bastion.act("bob", &["approve", "declare", "--yes"]).exits(0);
    bastion.until("it is declared", "incident.declared");
    let json = |who: &str, act: &[&str]| -> serde_json::Value {
        let said = bastion.backout(who).run([act, &["--json"]].concat()).exits(0).stdout;
        serde_json::from_str(&said).unwrap()
    };
    let listed = json("bob", &["list"]);
    assert_eq!(listed[0]["incident"], bastion.id.as_str());
    assert_eq!((&listed[0]["stage"], &listed[0]["hub"]), (&"declared".into(), &"running".into()), "{listed}");
    let (theirs, own) = (json("bob", &["status"]), json("ana", &["status"]));
    for key in ["head_code", "events", "commander", "steps", "seats", "title"] {
        assert_eq!(theirs[key], own[key], "{key}");
    }
    let text = bastion.act("bob", &["status"]).exits(0).stdout;
    assert!(text.contains("declared, open for") && text.contains("act"), "{text}");

    // Without a hub nobody can show it, and that is said in the list and in words.
    let pid = std::fs::read_to_string(bastion.dir.join("hub.pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_until("the hub is gone", PATIENCE, || {
        std::fs::File::open(bastion.dir.join("lock")).unwrap().try_lock().is_ok()
    });
    let listed = json("bob", &["list"]);
    assert_eq!(listed[0]["stage"], "unreadable", "{listed}");
    assert!(listed[0]["title"].as_str().unwrap().contains("no hub runs"), "{listed}");
    let outcome = bastion.act("bob", &["status"]).exits(3);
    assert!(outcome.stderr.contains("resume"), "{}", outcome.stderr);
}

#[test]
fn an_invitation_does_not_open_a_home_by_itself() {
    let Some(bastion) = Bastion::open(State::AnasOwn) else { return };
    // The state lies in a folder that is closed to bob and not part of it.
    let above = bastion.place.join("own");
    let below = above.join("incidents");
    let bob = bastion.people.of("bob").name.clone();
    let ana = bastion.people.backout(&bastion.place, "ana").env("BACKOUT_STATE", &below);
    std::os::unix::fs::symlink(&below, below.join("incidents")).unwrap();
    let outcome = ana.run(["invite", &bob, bastion.dir.to_str().unwrap()]).exits(4);
    assert!(outcome.stderr.contains("--through"), "{}", outcome.stderr);
    bastion.act("bob", &["note", "still outside"]).exits(3);
    ana.run(["invite", "--through", &bob, bastion.dir.to_str().unwrap()]).exits(0);
    bastion.backout("bob").run(["assume", bastion.dir.to_str().unwrap(), "sre"]).exits(0);
}

#[test]
fn a_socket_in_the_hubs_place_is_not_spoken_to() {
    let Some(bastion) = Bastion::open(State::OfTheGroup) else { return };
    let socket = bastion.dir.join("hub.sock");
    std::fs::remove_file(&socket).unwrap();
    // Root listens here, and the incident is ana's.
    let squatter = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    chown(&socket, Some(bastion.people.of("ana").uid), None).unwrap();
    squatter.set_nonblocking(true).unwrap();
    let outcome = bastion.act("bob", &["note", "to whom?"]).exits(3);
    assert!(outcome.stderr.contains("is held by uid 0"), "{}", outcome.stderr);
    let (mut caller, _) = squatter.accept().unwrap();
    let mut heard = Vec::new();
    std::io::Read::read_to_end(&mut caller, &mut heard).unwrap();
    assert!(heard.is_empty(), "not even a hello: {heard:?}");
}
