//! The runbooks without servers of their own: a flag, a checklist, and those that are only planned here.

use super::walk::{open, walk, workspace};
use crate::support::{Daemon, Place, free_port, need, wait_for};

#[test]
fn a_flag_is_off_when_servers_say_so() {
    let Some(_) = need("python3") else { return };
    let servers = Place::new();
    servers.write("state", "on");
    let port = free_port();
    let mut command = Daemon::command("python3", None);
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
        .arg(servers.path())
        .arg(port.to_string());
    let mut daemon = Daemon::start("flags", command, &servers.join("flags.log"));
    wait_for("the server answers", std::time::Duration::from_secs(30), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|_| daemon.state())
    });
    let own = Place::new();
    let change = [("hold_for: 30s", "hold_for: 1s"), ("hold_for: 20s", "hold_for: 1s")];
    let Some(team) = workspace(&own, "feature-flag-off", &[], &change) else { return };
    let state = servers.join("state").to_str().unwrap().to_owned();
    let params = [
        ("flag", "new-checkout".to_owned()),
        ("off", format!("printf off > {state}")),
        ("on", format!("printf on > {state}")),
        ("pause", "touch paused".to_owned()),
        ("resume", "rm paused".to_owned()),
        ("state", format!("http://127.0.0.1:{port}/state")),
    ];
    let room = open(own, team, "feature-flag-off", None, &params);
    walk(
        &room,
        &["ben confirm safe-today", "cho send tell", "cho freeze", "cho switch-off", "- servers-know"],
    );
    walk(&room, &["ben confirm default-off", "cho thaw", "- stays-off", "cho send say-so"]);
    assert_eq!(std::fs::read_to_string(state).unwrap(), "off");
    room.close();
}

#[test]
fn the_checklist_is_walked_by_people_and_nothing_stays_frozen() {
    let own = Place::new();
    let Some(team) = workspace(&own, "quick-reference", &[], &[]) else { return };
    let params = [("what", "search answers 500".to_owned()), ("way", "search 7 back to search 6".to_owned())];
    let room = open(own, team, "quick-reference", None, &params);
    walk(&room, &["ana confirm size-up", "cho send say-something", "ana decide way-back take.it.back"]);
    walk(&room, &["cho confirm freeze", "cho confirm keep", "ben approve two-pairs-of-eyes"]);
    walk(
        &room,
        &["ana approve two-pairs-of-eyes", "cho confirm take-back", "ben confirm verify", "cho send say-so"],
    );
    room.refused("ana", &["close", "--reason", "over", "--yes"], "thaw is still under way");
    walk(&room, &["cho confirm thaw"]);
    room.until("nothing is suspended", || room.status()["suspended"] == serde_json::json!([]));
    room.close();
}

#[test]
fn the_plan_of_a_cluster_shows_every_command_as_it_would_be_run() {
    let own = Place::new();
    let Some(team) = workspace(&own, "kubernetes-deploy", &["runbooks/helm-release.yaml"], &[]) else {
        return;
    };
    let plan = |runbook: &str, params: &[&str]| {
        let given: Vec<&str> = params.iter().flat_map(|p| ["-p", *p]).collect();
        let path = format!("runbooks/{runbook}.yaml");
        team.backout(&own, &team.ana).run([&["plan", path.as_str()][..], &given].concat()).exits(0).stdout
    };
    let both = [
        "context=prod",
        "namespace=shop",
        "deployment=web",
        "revision=41",
        "replaced=42",
        "pause=true",
        "resume=true",
    ];
    let shown =
        plan("kubernetes-deploy", &[&both[..], &["image=registry/web:1.4.2", "selector=app=web"]].concat());
    let undo = "kubectl --context prod -n shop rollout undo deployment/web --to-revision=41";
    assert!(shown.contains(undo), "{shown}");
    // What may vanish is looked at before anybody decides, and once more before it is needed.
    let may = "kubectl --context prod -n shop auth can-i patch deployments.apps/web";
    assert!(shown.contains("\nLook, before anybody decides\n  ? allowed ") && shown.contains(may), "{shown}");
    assert!(shown.contains("\nRoll back, after another look: allowed, revision-is-there\n"), "{shown}");
    let shown = plan("helm-release", &[&both[..], &["release=web", "chart=web-1.4.2"]].concat());
    assert!(
        shown.contains("helm --kube-context prod -n shop rollback web 41 --wait --timeout 10m"),
        "{shown}"
    );
}
