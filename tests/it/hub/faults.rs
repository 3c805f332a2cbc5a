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
