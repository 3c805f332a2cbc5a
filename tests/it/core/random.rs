//! Random runbooks and random people: whatever they do in whatever order, nothing covered begins without its quorum.
//! The judge is an auditor that reads the events alone and has never heard of the program's rules.

/// What an auditor finds: the rule that is broken.
type Verdict = Result<(), String>;

macro_rules! rule {
    ($holds:expr, $($words:tt)+) => {
        if !$holds { return Err(format!($($words)+)); }
    };
}

pub mod book;
pub mod moves;
mod open;
mod oracle;

use super::*;
use book::{Book, Dice};
use moves::Walk;
use oracle::Auditor;

pub fn walked(seed: u64, moves: usize) -> Walk {
    let mut walk = Walk::begin(seed);
    for _ in 0..moves {
        walk.go();
    }
    walk
}

pub fn audit(walk: &Walk, record: &[Event]) -> Result<(), String> {
    Auditor::new(&walk.book, &walk.crowd, &walk.class, &walk.books).audit(record)
}

fn replays(walk: &Walk, record: &[Event]) -> Result<Incident, String> {
    let mut again = walk.room.live.from_the_beginning();
    for event in record {
        replay::check(&mut again, event).map_err(|e| format!("#{}: {e}", event.seq))?;
    }
    Ok(again)
}

/// The record with one thing changed that somebody would gain by.
fn forged(record: &[Event], dice: &mut Dice) -> Vec<Event> {
    let mut forged = record.to_vec();
    let at = 1 + dice.below(forged.len() - 1);
    match dice.below(5) {
        0 => drop(forged.remove(at)),
        1 => {
            let other = 1 + dice.below(forged.len() - 1);
            forged.swap(at, other);
        }
        2 => {
            let again = forged[at].clone();
            forged.insert(1 + dice.below(forged.len() - 1), again);
        }
        3 => {
            let somebody = forged[dice.below(record.len())].actor.clone();
            forged[at].actor = somebody;
        }
        _ => {
            // A moment later or earlier: what was in time is late, and the other way round.
            let shift = Duration::from_secs(700);
            let early = Stamp(forged[at].at.0 - 700_000_000);
            forged[at].at = if dice.chance(50) { forged[at].at.plus(shift) } else { early };
        }
    }
    for (seq, event) in forged.iter_mut().enumerate() {
        event.seq = seq as u64;
    }
    forged
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_moves_reaches_a_covered_step_without_its_quorum(seed in any::<u64>()) {
        let walk = walked(seed, 150);
        let judged = audit(&walk, &walk.room.record);
        prop_assert!(judged.is_ok(), "{}\n{}", judged.unwrap_err(), walk.book.text());
        prop_assert_eq!(replays(&walk, &walk.room.record).unwrap(), walk.room.live);
    }

    #[test]
    fn whatever_forgery_the_rules_let_pass_the_auditor_finds_nothing_in(seed in any::<u64>()) {
        let mut walk = walked(seed, 90);
        let mut dice = Dice(walk.dice.next());
        for _ in 0..12 {
            let forged = forged(&walk.room.record, &mut dice);
            if replays(&walk, &forged).is_ok() {
                let judged = audit(&walk, &forged);
                prop_assert!(judged.is_ok(), "{}\n{}", judged.unwrap_err(), walk.book.text());
            }
        }
    }
}

/// The walks are worth something only if they get somewhere.
#[test]
fn random_walks_reach_what_they_are_about() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..120 {
        let walk = walked(seed, 150);
        let covered: BTreeSet<String> = walk
            .books
            .values()
            .flat_map(Book::steps)
            .filter_map(|s| match &s.kind {
                book::Kind::Hold(hold) => Some(hold.covers.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        for event in &walk.room.record {
            *seen.entry(event.what.kind()).or_default() += 1;
            match &event.what {
                What::Started(d) if covered.contains(d.step.as_str()) => {
                    *seen.entry("covered").or_default() += 1
                }
                What::Started(d) if d.retyped.is_some() => *seen.entry("no return").or_default() += 1,
                What::Assumed(d) if d.stand_in => *seen.entry("stand-in").or_default() += 1,
                _ => {}
            }
        }
    }
    let wanted = [
        "covered",
        "stand-in",
        "approval.denied",
        "approval.expired",
        "approval.voided",
        "override.used",
        "step.undone",
        "step.settled",
        "step.skipped",
        "step.done_by_hand",
        "runbook.amended",
        "incident.aborted",
        "incident.closed",
        "suspension.inherited",
        "command.handed_over",
        "session.revoked",
        "promise.made",
        "clock.jumped",
    ];
    let never: Vec<&str> = wanted.into_iter().filter(|k| !seen.contains_key(k)).collect();
    assert!(never.is_empty(), "never reached: {never:?}; {seen:#?}");
    assert!(seen["covered"] > 30, "{seen:#?}");
}

/// The auditor is not asleep: it finds what is wrong in a record that never went through the rules.
#[test]
fn the_auditor_finds_a_covered_step_without_its_quorum() {
    let mut found = BTreeSet::new();
    for seed in 0..60 {
        let walk = walked(seed, 150);
        let record = &walk.room.record;
        for (at, event) in record.iter().enumerate() {
            if matches!(event.what, What::Granted(_) | What::Declared(_) | What::Assumed(_)) {
                let mut without = record.clone();
                without.remove(at);
                found.extend(
                    audit(&walk, &without).err().and_then(|e| e.split(": ").nth(1).map(str::to_owned)),
                );
            }
        }
    }
    let missed = ["before the declaration", "1 of 2 dba", "0 of 1 sre"];
    let missed: Vec<&str> = missed.into_iter().filter(|m| !found.contains(*m)).collect();
    assert!(missed.is_empty(), "{missed:?} of {found:?}");
}
