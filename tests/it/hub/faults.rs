//! Where the machine fails: places taken, folders open to others.

use std::os::unix::fs::PermissionsExt as _;

use backout::core::event::Mode;
use backout::hub::layout;

use super::house::{House, Seat, assume};

const ACT: &str = "- {id: act, run: [touch, done], timeout: 10s, role: sre}";

#[tokio::test]
async fn a_leftover_socket_is_replaced() {
    let mut house = House::live(ACT);
    house.ana().await.done(assume("commander")).await;
    house.kill_hub();
    assert!(house.socket().exists(), "a killed hub leaves its socket");
    house.start().unwrap();
    Seat::attach(&house.socket(), "ben").await;
}

#[test]
fn a_folder_that_others_can_change_is_refused() {
    let house = House::prepared(ACT, Mode::Live);
    std::fs::set_permissions(&house.dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("can be changed by other users"), "{failure}");
}

#[test]
fn a_link_in_place_of_the_record_is_refused() {
    let house = House::prepared(ACT, Mode::Live);
    let target = house.place.write("elsewhere", "");
    std::os::unix::fs::symlink(target, house.dir.join("timeline.jsonl")).unwrap();
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("the record cannot be opened"), "{failure}");
}

/// Every name that a hub writes in its folder.
const WRITTEN: [&str; 15] = [
    "timeline.jsonl",
    "timeline.seg1.jsonl",
    "payloads.jsonl",
    "lock",
    "reserve",
    "hub.key",
    "hub.key.next",
    "hub.log",
    "hub.pid",
    "hub.sock",
    "socket",
    "metrics.jsonl",
    "timeline.jsonl.new",
    "payloads.jsonl.new",
    "runbook.1.yaml",
];

#[test]
fn a_link_in_the_place_of_any_file_the_hub_writes_is_never_written_through() {
    for name in WRITTEN {
        for mode in ["first", "again"] {
            let house = House::prepared(ACT, Mode::Live);
            if mode == "again" {
                house.start().unwrap();
                house.kill_hub();
            }
            let precious = house.place.write("precious", "precious\n");
            let _ = std::fs::remove_file(house.dir.join(name));
            std::os::unix::fs::symlink(&precious, house.dir.join(name)).unwrap();
            match house.start() {
                // It made its own in the link's place, or had no use for the name.
                Ok(_) => house.kill_hub(),
                Err(failure) => {
                    let said = failure.to_string();
                    assert!(
                        said.contains(name) || said.contains("link") || said.contains("cannot"),
                        "{name}: {said}"
                    );
                }
            }
            let text = std::fs::read_to_string(&precious).unwrap();
            assert_eq!(text, "precious\n", "{mode}: the hub wrote through a link called {name}");
        }
    }
}

#[test]
fn a_link_in_the_place_of_a_folder_the_hub_writes_into_is_refused() {
    for name in ["steps", "anchors"] {
        let house = House::prepared(ACT, Mode::Live);
        let elsewhere = house.place.folder("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, house.dir.join(name)).unwrap();
        let failure = house.start().unwrap_err().to_string();
        assert!(failure.contains(name) && failure.contains("link"), "{failure}");
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
    for name in ["timeline.jsonl", "payloads.jsonl", "lock", "hub.key", "metrics.jsonl"] {
        let house = House::prepared(ACT, Mode::Live);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            house.dir.join(name),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        match house.start() {
            Ok(_) => house.kill_hub(),
            Err(failure) => assert!(!failure.to_string().is_empty(), "{name}"),
        }
    }
}

#[test]
fn a_folder_that_is_locked_by_somebody_is_left_to_them() {
    let house = House::prepared(ACT, Mode::Live);
    let lock = std::fs::File::create(house.dir.join("lock")).unwrap();
    std::fs::set_permissions(house.dir.join("lock"), std::fs::Permissions::from_mode(0o600)).unwrap();
    lock.lock().unwrap();
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("another hub holds this incident"), "{failure}");
    assert!(!house.dir.join("timeline.jsonl").exists());
    lock.unlock().unwrap();
    house.start().unwrap();
}

#[test]
fn a_damaged_opening_is_named() {
    let house = House::prepared(ACT, Mode::Live);
    std::fs::write(house.dir.join(layout::OPENING), "{").unwrap();
    let failure = house.start().unwrap_err().to_string();
    assert!(failure.contains("opening.json is damaged"), "{failure}");
}

#[test]
fn a_socket_path_that_would_be_too_long_finds_another_place() {
    let house = House::prepared(ACT, Mode::Live);
    let long = house.place.join("x".repeat(100)).join("incidents");
    std::fs::create_dir_all(&long).unwrap();
    let dir = long.join(house.dir.file_name().unwrap());
    std::fs::rename(&house.dir, &dir).unwrap();
    let ready =
        backout::hub::start::Launch::new(&dir).program(env!("CARGO_BIN_EXE_backout")).start().unwrap();
    assert!(ready.socket.as_os_str().len() <= 107, "{}", ready.socket.display());
    std::fs::rename(&dir, &house.dir).unwrap();
}

#[test]
fn where_the_group_is_passed_on_it_may_knock_and_nothing_else() {
    let first = House::prepared(ACT, Mode::Live);
    let opening = layout::opening(&first.dir).unwrap();
    let copies = layout::Copies::read(&first.dir).unwrap();
    let state = first.place.folder("shared");
    std::fs::create_dir(state.join("incidents")).unwrap();
    std::fs::set_permissions(state.join("incidents"), std::fs::Permissions::from_mode(0o2770)).unwrap();
    let incident = backout::core::id::IncidentId::parse("01JD3K9W8ZQ4T6V2M7N5B1C0XA").unwrap();
    let dir = layout::prepare(&state, &incident, &copies, &opening).unwrap();
    let ready =
        backout::hub::start::Launch::new(&dir).program(env!("CARGO_BIN_EXE_backout")).start().unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&dir), 0o2710);
    assert_eq!(mode(&ready.socket), 0o660);
    for file in ["timeline.jsonl", "payloads.jsonl", "hub.key", "hub.log", layout::RUNBOOK] {
        assert_eq!(mode(&dir.join(file)) & 0o077, 0, "{file}");
    }
    let pid = std::fs::read_to_string(dir.join(layout::PID)).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
