//! Cosignatures of witnesses on checkpoints that this record really had: who saw which head, and when.
//!
//! Never lets a cosignature vouch for the length of a record: a witness has seen so many events at that time, and
//! whoever cut off what came after can keep an older cosignature.

use std::time::Duration;

use super::heads::Met;
use super::report::{Check, Report, RosterSource, Witnessed};
use crate::core::time::{Stamp, spoken};
use crate::identity::WitnessKey;
use crate::identity::witness::Cosignature;
use crate::timeline::seal::note;

/// Two clocks may differ by so much before it is said.
const CLOCKS: Duration = Duration::from_secs(300);

/// Judges every signature of a checkpoint but the log's own, which was judged before.
pub(super) fn judge(met: &Met, keys: &[(WitnessKey, RosterSource)], report: &mut Report) {
    let checkpoint = &met.checkpoint;
    let body = note(&checkpoint.origin, &checkpoint.head);
    let others = checkpoint.signatures.iter().filter(|(name, _)| name != checkpoint.origin.as_str());
    for (name, bytes) in others {
        let judged = keys.iter().map(|(key, source)| (key.judge(name, bytes, &body), *source));
        // Of two keys with one name, as when a witness changes its key, the one that fits counts.
        match judged.min_by_key(|(what, _)| rank(*what)) {
            Some((Cosignature::Holds(time), key)) => holds(met, name, time, key, report),
            Some((Cosignature::Bad, _)) => {
                let why = format!("{}: the cosignature of {name} does not fit this head", met.place);
                report.fail(Check::Witness, checkpoint.head.n.saturating_sub(1), why);
            }
            Some((Cosignature::OtherKey, _)) => report.notes.push(format!(
                "{}: a cosignature in the name of {name} is by another key than its own, and does not count",
                met.place
            )),
            Some((Cosignature::Foreign, _)) | None => report.notes.push(format!(
                "{}: a cosignature of {name}, whose key nobody gave, does not count; give it with --witness",
                met.place
            )),
        }
    }
}

fn rank(what: Cosignature) -> u8 {
    match what {
        Cosignature::Holds(_) => 0,
        Cosignature::Bad => 1,
        Cosignature::OtherKey => 2,
        Cosignature::Foreign => 3,
    }
}

fn holds(met: &Met, name: &str, time: u64, key: RosterSource, report: &mut Report) {
    let at = i64::try_from(time).ok().and_then(|s| s.checked_mul(1_000_000)).map(Stamp);
    let Some(at) = at.filter(|at| Stamp::parse(&at.to_string()).is_ok()) else {
        report.notes.push(format!("{}: {name} names a time that no calendar has", met.place));
        return;
    };
    if let Some(last) = met.at.filter(|last| last.since(at) > CLOCKS) {
        report.notes.push(format!(
            "{name} saw event {} at {}, {} before it says that it happened: one of the clocks is wrong, or the times are",
            met.checkpoint.head.n.saturating_sub(1),
            at.to_second(),
            spoken(last.since(at))
        ));
    }
    let seen = Witnessed { witness: name.to_owned(), events: met.checkpoint.head.n, at: at.to_second(), key };
    if !report.witnessed.contains(&seen) {
        report.witnessed.push(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::seal::{Checkpoint, Origin};
    use crate::timeline::tree::Head;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as B64;
    use ed25519_dalek::{Signer as _, SigningKey};
    use sha2::{Digest as _, Sha256};

    /// A checkpoint of three events, cosigned by `w` at that second, whose last event says it happened at another.
    fn judged(cosigned: u64, happened: i64) -> Report {
        let key = SigningKey::from_bytes(&[5; 32]);
        let public = key.verifying_key().to_bytes();
        let id: [u8; 32] = Sha256::digest([&b"w\n\x04"[..], &public].concat()).into();
        let hex: String = id[..4].iter().map(|b| format!("{b:02x}")).collect();
        let vkey = format!("w+{hex}+{}", B64.encode([&[4][..], &public].concat()));
        let (origin, head) = (Origin::parse("backout.local/x").unwrap(), Head { n: 3, root: [7; 32] });
        let said = format!("cosignature/v1\ntime {cosigned}\n{}", note(&origin, &head));
        let bytes = [&id[..4], &cosigned.to_be_bytes(), &key.sign(said.as_bytes()).to_bytes()].concat();
        let checkpoint = Checkpoint { origin, head, signatures: vec![("w".to_owned(), bytes)] };
        let met = Met { place: "there".to_owned(), checkpoint, at: Some(Stamp(happened * 1_000_000)) };
        let mut report = Report::new(RosterSource::Bundled);
        judge(&met, &[(WitnessKey::parse(&vkey).unwrap(), RosterSource::Auditor)], &mut report);
        report
    }

    #[test]
    fn who_saw_what_before_it_happened_is_named() {
        let fine = judged(1_795_226_400, 1_795_226_399);
        assert_eq!((fine.witnessed.len(), fine.notes.len(), fine.findings.len()), (1, 0, 0));
        assert_eq!(fine.witnessed[0].at, "2026-11-21T02:00:00Z");
        assert!(fine.anchored.is_none(), "a witness vouches for no length");
        let early = judged(1_795_226_400, 1_795_230_000);
        assert!(
            early.notes.concat().contains("w saw event 2 at 2026-11-21T02:00:00Z, 1h 00m before"),
            "{:?}",
            early.notes
        );
        let never = judged(u64::MAX, 1_795_226_400);
        assert!(
            never.witnessed.is_empty() && never.notes.concat().contains("no calendar"),
            "{:?}",
            never.notes
        );
    }
}
