//! A link and a colour are switched back, with real servers behind the address.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::walk::{open, until_trouble, walk, workspace};
use crate::support::{Daemon, Incident, Place, free_port, need, wait_for};

/// Serves a folder, as it is at each request.
fn web(place: &Place, name: &str, folder: &Path) -> Option<(Daemon, u16)> {
    need("python3")?;
    let port = free_port();
    let mut command = Daemon::command("python3", None);
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
        .arg(folder)
        .arg(port.to_string());
    let mut daemon = Daemon::start(name, command, &place.join(format!("{name}.log")));
    wait_for("the server answers", Duration::from_secs(30), || {
        if get(port, "/version").is_empty() { Err(daemon.state()) } else { Ok(()) }
    });
    Some((daemon, port))
}

fn get(port: u16, path: &str) -> String {
    let url = format!("http://127.0.0.1:{port}{path}");
    let script =
        "import sys,urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode(), end='')";
    let output = Command::new("python3").args(["-c", script, &url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn link(room: Place) -> Option<(Place, Daemon, Incident)> {
    let app = Place::new();
    for release in ["1.4.2", "1.5.0"] {
        app.write(&format!("releases/{release}/version"), release);
    }
    std::os::unix::fs::symlink("releases/1.5.0", app.join("current")).unwrap();
    let (daemon, port) = web(&app, "web", &app.join("current"))?;
    let change = [("hold_for: 20s", "hold_for: 1s"), ("count: 10", "count: 3")];
    let team = workspace(&room, "deploy-symlink", &[], &change)?;
    let params = [
        ("app", app.path().to_str().unwrap().to_owned()),
        ("release", "1.4.2".to_owned()),
        ("replaced", "1.5.0".to_owned()),
        ("url", format!("http://127.0.0.1:{port}/version")),
        ("pause", "touch paused".to_owned()),
        ("resume", "rm paused".to_owned()),
    ];
    Some((app, daemon, open(room, team, "deploy-symlink", None, &params)))
}

#[test]
fn the_link_goes_back_and_what_is_served_with_it() {
    let Some((app, _web, room)) = link(Place::new()) else { return };
    walk(&room, &["ben confirm safe-today", "cho send tell", "cho freeze", "- nothing-moves"]);
    assert!(room.file("paused").exists());
    walk(
        &room,
        &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes", "cho switch", "- still-serves"],
    );
    assert_eq!(std::fs::read_link(app.join("current")).unwrap(), Path::new("releases/1.4.2"));
    walk(&room, &["ben confirm pinned", "cho thaw", "- stays", "cho send say-so"]);
    assert!(!room.file("paused").exists());
    room.close();
}

#[test]
fn a_release_that_was_cleaned_away_is_not_linked_to() {
    // The clean-up job was faster.
    let own = Place::new();
    let app = Place::new();
    app.write("releases/1.5.0/version", "1.5.0");
    std::os::unix::fs::symlink("releases/1.5.0", app.join("current")).unwrap();
    let Some(team) = workspace(&own, "deploy-symlink", &[], &[]) else { return };
    let params = [
        ("app", app.path().to_str().unwrap().to_owned()),
        ("release", "1.4.2".to_owned()),
        ("replaced", "1.5.0".to_owned()),
        ("url", "http://127.0.0.1:9/version".to_owned()),
        ("pause", "true".to_owned()),
        ("resume", "true".to_owned()),
    ];
    let room = open(own, team, "deploy-symlink", None, &params);
    until_trouble(&room, "release-is-there");
    assert_eq!(std::fs::read_link(app.join("current")).unwrap(), Path::new("releases/1.5.0"));
}

/// Blue serves 1.4.2, green 1.5.0, and nginx sends everything to green.
struct Colours {
    place: Place,
    port: u16,
    blue: u16,
    _servers: [Daemon; 3],
}

impl Colours {
    fn start() -> Option<Colours> {
        need("nginx")?;
        let place = Place::new();
        place.write("blue/version", "1.4.2");
        place.write("green/version", "1.5.0");
        let (blue, blue_port) = web(&place, "blue", &place.join("blue"))?;
        let (green, green_port) = web(&place, "green", &place.join("green"))?;
        for (colour, port) in [("blue", blue_port), ("green", green_port)] {
            place.write(
                &format!("conf/{colour}.conf"),
                format!("upstream web {{ server 127.0.0.1:{port}; }}\n"),
            );
        }
        std::os::unix::fs::symlink("green.conf", place.join("conf/live.conf")).unwrap();
        let port = free_port();
        let dir = place.path().to_str().unwrap().to_owned();
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {dir}/tmp-{name};\n"))
            .concat();
        let text = format!(
            "daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx-error.log;\nevents {{}}\nhttp {{\n{temp}access_log off;\n\
             include {dir}/conf/live.conf;\nserver {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://web; }} }}\n}}\n"
        );
        let conf = place.write("nginx.conf", text);
        let mut command = Daemon::command(need("nginx")?, None);
        command.arg("-c").arg(conf);
        let mut nginx = Daemon::start("nginx", command, &place.join("nginx.log"));
        wait_for("nginx answers", Duration::from_secs(30), || {
            if get(port, "/version") == "1.5.0" { Ok(()) } else { Err(nginx.state()) }
        });
        Some(Colours { place, port, blue: blue_port, _servers: [blue, green, nginx] })
    }

    fn open(&self) -> Option<Incident> {
        let own = Place::new();
        let change = [("hold_for: 20s", "hold_for: 1s"), ("count: 10", "count: 3")];
        let team = workspace(&own, "deploy-blue-green", &["runbooks/deploy"], &change)?;
        let params = [
            ("to", "blue".to_owned()),
            ("from", "green".to_owned()),
            ("version", "1.4.2".to_owned()),
            ("idle_url", format!("http://127.0.0.1:{}/version", self.blue)),
            ("url", format!("http://127.0.0.1:{}/version", self.port)),
            ("conf", self.place.join("conf").to_str().unwrap().to_owned()),
            ("nginx", self.place.join("nginx.conf").to_str().unwrap().to_owned()),
            ("pause", "touch paused".to_owned()),
            ("resume", "rm paused".to_owned()),
        ];
        let room = open(own, team, "deploy-blue-green", None, &params);
        walk(&room, &["ben confirm large-enough", "cho send tell", "cho freeze"]);
        walk(&room, &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes"]);
        Some(room)
    }
}

#[test]
fn traffic_goes_back_to_the_other_colour() {
    let Some(colours) = Colours::start() else { return };
    let Some(room) = colours.open() else { return };
    walk(
        &room,
        &["cho switch", "- still-serves", "ben confirm pinned", "cho thaw", "- stays", "cho send say-so"],
    );
    assert_eq!(get(colours.port, "/version"), "1.4.2");
    room.close();
}

#[test]
fn a_configuration_that_nginx_refuses_leaves_traffic_where_it_is() {
    let Some(colours) = Colours::start() else { return };
    let Some(room) = colours.open() else { return };
    colours.place.write("conf/blue.conf", "upstream web { server 127.0.0.1:1 nonsense; }\n");
    room.until_step("switch", "ready");
    room.ok("cho", &["start", "switch"]);
    until_trouble(&room, "switch");
    assert_eq!(std::fs::read_link(colours.place.join("conf/live.conf")).unwrap(), Path::new("green.conf"));
    assert_eq!(get(colours.port, "/version"), "1.5.0");
}
