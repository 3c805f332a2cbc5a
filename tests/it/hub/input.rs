//! Commands and outputs as bad as they come: each has an outcome and a sentence of its own, and nothing hangs.

use backout::core::event::{Direction, Mode, What};
use backout::core::incident::Status;
use backout::wire::message::FromClient;

use super::house::{self, House, recorded};
use crate::support::wait_until;

/// Step, what it does, how it must end, and what must be said.
const COMMANDS: [(&str, &str, Status, &str); 17] = [
    ("missing", "[no-such-command-anywhere]", Status::Failed, "command not found"),
    ("absent", "[./was-here]", Status::Failed, "there is no such file"),
    ("plain", "[./plain]", Status::Failed, "is not executable"),
    ("folder", "[./folder]", Status::Failed, "is a directory"),
    ("orphan", "[./orphan]", Status::Failed, "the interpreter its first line names is not there"),
    ("vanished", "[\"true\"], cwd: gone", Status::Failed, "gone is not there"),
    ("killed", "'kill -9 $$'", Status::Failed, "killed by SIGKILL"),
    ("hangs", "[sleep, '1000']", Status::TimedOut, "did not end in time; ended by SIGTERM"),
    ("forks", "'setsid sleep 5 >&- 2>&- & echo away'", Status::Succeeded, "still running: sleep"),
    ("closes", "'exec >&- 2>&-; exit 4'", Status::Failed, "exit code 4"),
    (
        "floods",
        "'head -c 20000000 /dev/zero'",
        Status::Succeeded,
        "of 20000000 bytes of output the first 8388608",
    ),
    ("asks", "'read answer < /dev/tty'", Status::Failed, "it wanted a terminal, and a step has none"),
    (
        "password",
        "'printf Password:; read word || exit 7'",
        Status::Failed,
        "exit code 7; it asked for a password",
    ),
    (
        "question",
        "'printf \"Go on? [y/N] \"; read yes || exit 7'",
        Status::Failed,
        "exit code 7; it asked a question",
    ),
    (
        "unkept",
        "'echo hi; o=${BACKOUT_PROGRESS%progress}out; until test -s \"$o\"; do sleep 0.05; done; rm \"$o\"'",
        Status::Succeeded,
        "what it wrote is gone from the incident's folder",
    ),
    (
        "homeless",
        "'echo ran >> ran; rm \"${BACKOUT_PROGRESS%.progress}\".*; echo hi'",
        Status::Unknown,
        "the step's own file in the incident's folder is gone",
    ),
    ("dashed", "[cat, '--no-such-option']", Status::Failed, "exit code 1"),
];

#[tokio::test]
async fn every_bad_command_has_its_own_outcome_and_sentence() {
    let steps: Vec<String> = COMMANDS
        .iter()
        .map(|(id, run, ..)| {
            let timeout = if *id == "hangs" { "1s" } else { "30s" };
            format!(
                "- {{id: {id}, needs: [], run: {run}, timeout: {timeout}, role: sre, on_failure: continue}}"
            )
        })
        .collect();
    let mut house = House::prepared(&steps.join("\n"), Mode::Live);
    std::fs::write(house.file("plain"), "not a program\n").unwrap();
    std::fs::create_dir(house.file("folder")).unwrap();
    std::fs::write(house.file("orphan"), "#!/no/such/interpreter\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(house.file("orphan"), mode).unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    let mut said = std::collections::BTreeSet::new();
    for (id, _, status, words) in COMMANDS {
        ben.start(id).await;
        let (found, detail) = ben.over(id).await;
        assert_eq!(found, status, "{id}: {detail}");
        assert!(detail.contains(words), "{id}: {detail}");
        assert!(house.lines("ran") <= 1, "{id} was run twice");
        assert!(said.insert(detail.clone()), "{id} has no sentence of its own: {detail}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_never_a_pass() {
    const TOO_LARGE: &str = "too large to be compared: more than 64 MiB; have it print a count or a checksum";
    let looks = [
        ("nothing", "[\"true\"]", "the output is empty"),
        ("bytes", "'printf \"a\\377\"'", "not UTF-8"),
        ("huge", "'head -c 1073741824 /dev/zero'", TOO_LARGE),
        ("fails", "'echo ok; exit 3'", "exit status: 3"),
        ("absent", "[no-such-probe]", "could not start no-such-probe"),
        ("closed", "[sh, -c, 'exec >&-; sleep 0.2']", "the output is empty"),
    ];
    let steps: Vec<String> = looks
        .iter()
        .map(|(id, run, _)| {
            format!(
                "- {{id: {id}, needs: [], check: {{run: {run}, expect: {{not: {{equals: x}}}}}}, role: sre, on_failure: continue}}"
            )
        })
        .collect();
    let mut house = House::live(&format!(
        "{}
- {{id: huge-fingerprint, needs: [], measure: {{run: 'head -c 1073741824 /dev/zero'}}, as: huge, role: sre, on_failure: continue}}
- {{id: huge-polled, needs: [], await: {{run: 'head -c 1073741824 /dev/zero', expect: {{equals: x}}, every: 50ms, within: 1s}}, role: sre, timeout: 2m, on_failure: continue}}
- {{id: gone, needs: [], set_aside: never/was, role: sre, on_failure: continue}}",
        steps.join("\n")
    ));
    let (_ana, mut ben) = house.declared().await;
    for (id, _, words) in looks {
        let (found, detail) = ben.over(id).await;
        assert_eq!(found, Status::Failed, "{id}: {detail}");
        assert!(detail.contains("inconclusive") && detail.contains(words), "{id}: {detail}");
    }
    // As a fingerprint, and polled for, it is refused as well, and a gigabyte three times over has cost little memory.
    let (found, detail) = ben.over("huge-fingerprint").await;
    assert_eq!(found, Status::Failed);
    assert!(detail.contains("nothing to measure") && detail.contains(TOO_LARGE), "{detail}");
    let (found, detail) = ben.over("huge-polled").await;
    assert_eq!(found, Status::TimedOut);
    assert!(detail.contains(TOO_LARGE), "{detail}");
    let peak = peak(&house);
    assert!(peak < 300_000, "the hub needed {peak} kB at its worst");
    ben.start("gone").await;
    let (found, detail) = ben.over("gone").await;
    assert_eq!(found, Status::Failed);
    assert!(detail.contains("nothing of this name") && detail.contains("nothing was moved"), "{detail}");
}

#[tokio::test]
async fn a_step_says_how_far_it_is_and_the_record_how_fast_it_was() {
    let steps = "- id: copy
  run: 'echo \"1/4 parts\" >> \"$BACKOUT_PROGRESS\"; until test -e go; do sleep 0.05; done; echo \"4/4 parts\" >> \"$BACKOUT_PROGRESS\"'
  timeout: 60s
  role: sre
- id: probed
  run: 'until test -e go-on; do sleep 0.05; done'
  progress: [cat, far]
  timeout: 60s
  role: sre";
    let mut house = House::prepared(steps, Mode::Live);
    std::fs::write(house.file("far"), "30/100 rows\n").unwrap();
    house.start().unwrap();
    let (_ana, mut ben) = house.declared().await;
    ben.start("copy").await;
    ben.until("the first report", |i| i.runs.get("copy").unwrap().progress == Some((1, Some(4)))).await;
    std::fs::write(house.file("go"), "").unwrap();
    let (status, detail) = ben.over("copy").await;
    assert_eq!(status, Status::Succeeded);
    assert!(detail.contains("reported 4 parts, ") && detail.ends_with(" a second"), "{detail}");
    let reports: Vec<u64> = recorded(&house.dir)
        .iter()
        .filter_map(|(_, e)| if let What::Progressed(p) = e { Some(p.done) } else { None })
        .collect();
    assert_eq!(reports, [1, 4], "sparse, and the last one too");
    ben.start("probed").await;
    ben.until("the probe is asked", |i| i.runs.get("probed").unwrap().progress == Some((30, Some(100))))
        .await;
    let run = &ben.mirror.incident.runs.get("probed").unwrap();
    let words = run.progress_words(run.progress_at.unwrap(), None).unwrap();
    assert!(words.starts_with("30 of 100 rows, ") && words.contains(" rows/s, about "), "{words}");
    std::fs::write(house.file("go-on"), "").unwrap();
    assert_eq!(ben.over("probed").await.0, Status::Succeeded);
}

/// The most memory that the hub has had, in kB.
fn peak(house: &House) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", house.hub_pid().as_raw_nonzero())).unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

/// In one line that never ends.
const GIGABYTES: u64 = (1 << 30) + (1 << 20);
/// Even a busy machine writes and reads them within this.
const FLOOD: std::time::Duration = std::time::Duration::from_secs(300);

#[tokio::test]
async fn gigabytes_without_a_newline_are_counted_and_cost_the_hub_no_memory() {
    let run = format!("head -c {GIGABYTES} /dev/zero; exit 4");
    let mut house = House::live(&format!("- {{id: floods, run: '{run}', timeout: 10m, role: sre}}"));
    let (mut ana, mut ben) = house.declared().await;
    ben.start("floods").await;
    ana.until("it runs", |i| i.status("floods") == Status::Running).await;
    let floods = house::step("floods");
    ana.say(&FromClient::Watch { step: floods, attempt: 1, direction: Direction::Forward }).await;
    let floods = house.dir.join("steps/floods.1");
    wait_until("all of it has been read", FLOOD, || house::has_ended(&floods));
    let (status, detail) = ben.over("floods").await;
    assert_eq!(status, Status::Failed, "{detail}");
    assert!(detail.contains("exit code 4"), "{detail}");
    let bytes = recorded(&house.dir).into_iter().find_map(|(_, what)| match what {
        What::Finished(d) => d.output_bytes,
        _ => None,
    });
    assert_eq!(bytes, Some(GIGABYTES));
    let peak = peak(&house);
    assert!(peak < 200_000, "the hub needed {peak} kB at its worst");
    let kept = std::fs::metadata(house.dir.join("steps/floods.1.out")).unwrap().len();
    assert!(kept <= 16 << 20, "{kept} bytes of it are kept");
}
