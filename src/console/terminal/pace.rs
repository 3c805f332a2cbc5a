//! When the next frame may be written. Never writes one, and never lets frames pile up in a slow line.
//!
//! A frame that a person asked for, or that comes after more than a trusted number of bytes, ends in a question that
//! every terminal answers (primary device attributes), and the next frame waits for the answer: however slow the line
//! is, no more than that and one frame are under way. What a person typed is painted at once. What the feed brings is painted at once too,
//! as long as it keeps to its share of the line: a stream of a hundred lines a second then costs no more than one of
//! ten, and nobody reads faster.

use std::time::{Duration, Instant};

/// The question at the end of a frame.
pub const QUESTION: &str = "\x1b[c";

/// Bytes a second that frames nobody typed for may take: little more than half of what the slowest line carries, and
/// just what ten lines of a feed a second need, so that a hundred cost no more.
const SHARE: f64 = 1_700.0;
/// A frame takes at least so much of it: ten frames a second are as many as anybody sees.
const LEAST: usize = 165;
/// So long they may be ahead of their share, so that single events wait for nothing.
const AHEAD: Duration = Duration::from_secs(1);
/// So many bytes go out before the terminal is asked whether it has them. A slow line carries them in a moment.
const TRUSTED: usize = 512;
/// An answer that has not come by then is taken as lost.
const LOST: Duration = Duration::from_secs(5);
/// A terminal that has never answered is asked no more after this long.
const MUTE: Duration = Duration::from_secs(1);

/// Why a frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// The feed or the clock moved.
    Feed,
    /// A person pressed a key or changed the window.
    Person,
}

/// Keeps frames apart.
#[derive(Debug)]
pub struct Pace {
    /// When the line would have carried what the feed has taken, had it only its share.
    carried: Option<Instant>,
    asked: Option<Instant>,
    /// Bytes since the last question.
    unasked: usize,
    answers: Answers,
    round_trip: Option<Duration>,
}

#[derive(Debug, PartialEq, Eq)]
enum Answers {
    NoneYet,
    Coming,
    Never,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { carried: None, asked: None, unasked: 0, answers: Answers::NoneYet, round_trip: None }
    }
}

impl Pace {
    /// When a frame of this urgency may be written; not later than `now` means now.
    pub fn when(&self, urgency: Urgency, now: Instant) -> Instant {
        let due = match (urgency, self.carried) {
            (Urgency::Feed, Some(at)) => at.checked_sub(AHEAD).unwrap_or(now),
            (Urgency::Feed, None) | (Urgency::Person, _) => now,
        };
        let answered = match (&self.answers, self.asked) {
            (Answers::Never, _) | (_, None) => now,
            (Answers::NoneYet, Some(at)) => at + MUTE,
            (Answers::Coming, Some(at)) => at + LOST,
        };
        due.max(answered)
    }

    /// A frame of so many bytes is about to be written. Says whether the question goes with it.
    pub fn drew(&mut self, urgency: Urgency, bytes: usize, now: Instant) -> bool {
        if self.answers == Answers::NoneYet && self.asked.is_some_and(|at| now >= at + MUTE) {
            self.answers = Answers::Never;
        }
        if urgency == Urgency::Feed {
            let takes = Duration::from_secs_f64(bytes.max(LEAST) as f64 / SHARE);
            self.carried = Some(self.carried.map_or(now, |at| at.max(now)) + takes);
        }
        self.unasked = self.unasked.saturating_add(bytes);
        // One that was lost is asked again with the next frame.
        let due = urgency == Urgency::Person
            || self.unasked >= TRUSTED
            || self.asked.is_some()
            || self.answers == Answers::NoneYet;
        let ask = due && self.answers != Answers::Never;
        if ask {
            self.unasked = 0;
        }
        self.asked = ask.then_some(now);
        ask
    }

    /// The terminal answered.
    pub fn answered(&mut self, now: Instant) {
        self.round_trip = self.asked.take().map(|at| now.duration_since(at)).or(self.round_trip);
        self.answers = Answers::Coming;
    }

    /// How long the last frame took to arrive and be confirmed.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A frame larger than what is trusted.
    const LARGE: usize = TRUSTED;

    fn drew(pace: &mut Pace, now: Instant) -> bool {
        pace.drew(Urgency::Person, LARGE, now)
    }

    #[test]
    fn the_next_frame_waits_for_the_answer() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        assert!(drew(&mut pace, t));
        pace.answered(t + ms(30));
        assert!(drew(&mut pace, t + ms(40)));
        assert!(pace.when(Urgency::Person, t + ms(50)) > t + ms(50));
        pace.answered(t + ms(70));
        assert_eq!(pace.when(Urgency::Person, t + ms(71)), t + ms(71));
        assert_eq!(pace.round_trip(), Some(ms(30)));
    }

    #[test]
    fn small_frames_of_the_feed_are_asked_about_together() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        assert!(pace.drew(Urgency::Person, 1, t), "whether it answers at all is asked at once");
        pace.answered(t);
        let asked = (0..20).filter(|n| {
            let now = t + ms(n * 100);
            assert_eq!(pace.when(Urgency::Feed, now), now);
            let asked = pace.drew(Urgency::Feed, 100, now);
            pace.answered(now);
            asked
        });
        assert_eq!(asked.count(), 3);
    }

    #[test]
    fn a_lost_answer_holds_the_screen_for_five_seconds_only() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        drew(&mut pace, t);
        pace.answered(t);
        drew(&mut pace, t);
        assert_eq!(pace.when(Urgency::Person, t), t + ms(5000));
        assert!(pace.drew(Urgency::Person, 1, t + ms(5000)), "it is asked again");
    }

    #[test]
    fn a_terminal_that_never_answers_is_asked_once() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        assert!(drew(&mut pace, t));
        assert_eq!(pace.when(Urgency::Person, t), t + ms(1000));
        assert!(!drew(&mut pace, t + ms(1000)));
        assert_eq!(pace.when(Urgency::Person, t + ms(1001)), t + ms(1001));
    }

    /// Bytes and frames of ten seconds in which a frame of so many bytes is always wanted.
    fn flood(bytes: usize) -> (usize, usize) {
        let (mut pace, t) = (Pace::default(), Instant::now());
        let (mut now, mut frames) = (t, 0);
        while now < t + ms(10_000) {
            pace.drew(Urgency::Feed, bytes, now);
            pace.answered(now);
            frames += 1;
            now = pace.when(Urgency::Feed, now + ms(1));
        }
        (frames * bytes, frames)
    }

    #[test]
    fn what_comes_now_and_then_is_painted_at_once_and_a_flood_keeps_to_its_share() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        for n in 0..100 {
            let now = t + ms(n * 100);
            assert_eq!(pace.when(Urgency::Feed, now), now, "ten small frames a second wait for nothing");
            pace.drew(Urgency::Feed, LEAST, now);
            pace.answered(now);
        }
        let (_, frames) = flood(20);
        assert!(frames <= 120, "{frames} small frames");
        let (bytes, frames) = flood(1_000);
        assert!(bytes <= 23_000, "{bytes}");
        assert!(frames >= 17, "its share is used: {frames}");
    }

    #[test]
    fn a_key_is_painted_at_once_also_in_a_flood() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            pace.drew(Urgency::Feed, 1_000, t);
            pace.answered(t);
        }
        assert_eq!(pace.when(Urgency::Person, t), t);
        assert!(pace.when(Urgency::Feed, t) > t + ms(5_000));
        pace.drew(Urgency::Person, 10_000, t);
        pace.answered(t);
        assert!(pace.when(Urgency::Feed, t) < t + ms(11_500), "a key takes nothing from the feed's share");
    }
}
