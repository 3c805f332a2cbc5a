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
