//! A runbook that is changed while its incident is open: everybody follows, a new hub too, and the verifier.

use backout::client::session::payload;
use backout::core::id::Digest;
use backout::core::incident::Status;
use backout::core::intent::Intent;
use backout::core::statement::Answering;
use backout::timeline::{amended, verify::Verdict};
use backout::wire::message::ActResult;

use super::house::{House, Seat, judged, runbook, step};

const BEFORE: &str = "- {id: first, run: [touch, first], timeout: 10s, role: sre}
- {id: wrong, run: [touch, wrong], timeout: 10s, role: sre}";
const AFTER: &str = "- {id: first, run: [touch, first], timeout: 10s, role: sre}
- {id: right, run: [touch, right], timeout: 10s, role: sre}";

async fn propose(seat: &mut Seat, text: &str) -> ActResult {
    let (part, commitment) = payload(text.as_bytes()).unwrap();
    if let Ok((digest, model)) = amended::read(text.as_bytes()) {
        seat.mirror.incident.offer(digest, model);
    }
    let intent = Intent::ProposeAmendment {
        runbook: Digest::of(text.as_bytes()),
        payload: commitment,
        reason: "it names the wrong file".to_owned(),
    };
    let act = seat.signed(intent, vec![part]);
    seat.submit(act).await
}

#[tokio::test]
async fn everybody_goes_on_with_the_amended_runbook() {
    let mut house = House::live(BEFORE);
    let (mut ana, mut ben) = house.declared().await;
    ben.start("first").await;
    assert_eq!(ben.over("first").await.0, Status::Succeeded);
    let text = runbook(AFTER);
    let (digest, model) = amended::read(text.as_bytes()).unwrap();
    ana.mirror.incident.offer(digest, model);
    assert!(matches!(propose(&mut ben, "backout: 1").await, ActResult::Refused { .. }));
    let recorded = propose(&mut ben, &text).await;
    assert!(matches!(recorded, ActResult::Recorded { .. }), "{recorded:?}");
    assert_eq!(std::fs::read_to_string(house.dir.join("runbook.1.yaml")).unwrap(), text);
    ana.until("the amendment is asked for", |i| i.gates.contains_key("runbook.amend")).await;
    house.kill_hub();
    house.start().unwrap();
    let mut ana = house.joined_knowing("ana", &text).await;
    ana.answer("runbook.amend", "commander", Answering::Approve).await;
    ana.until("the runbook is amended", |i| i.step(&step("right")).is_some()).await;
    let mut ben = house.joined_knowing("ben", &text).await;
    ben.start("right").await;
    assert_eq!(ben.over("right").await.0, Status::Succeeded);
    assert!(house.file("right").exists() && !house.file("wrong").exists());
    house.end_hub();
    let report = judged(&house);
    assert_eq!(report.verdict(), Verdict::NotAnchored, "{:?}", report.lines());
    let kept = house.dir.join("runbook.1.yaml");
    std::fs::write(&kept, text.replace("right", "other")).unwrap();
    assert_eq!(
        judged(&house).verdict(),
        Verdict::DoesNotVerify,
        "another file than the one that was approved"
    );
}
