//! When the next frame may be written. Never writes one, and never lets frames pile up in a slow line.
//!
//! Every frame ends in a question that each terminal answers (primary device attributes). The next frame waits for the
//! answer, so at most one frame is under way however slow the line is. What a person typed is painted at once; what the
//! feed brings is painted at most ten times a second.

use std::time::{Duration, Instant};

/// The question at the end of a frame.
pub const QUESTION: &str = "\x1b[c";

/// Frames that nobody typed for are this far apart.
const FEED: Duration = Duration::from_millis(100);
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
    drawn: Option<Instant>,
    asked: Option<Instant>,
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
        Pace { drawn: None, asked: None, answers: Answers::NoneYet, round_trip: None }
    }
}

impl Pace {
    /// When a frame of this urgency may be written; not later than `now` means now.
    pub fn when(&self, urgency: Urgency, now: Instant) -> Instant {
        let apart = match (urgency, self.drawn) {
            (Urgency::Feed, Some(at)) => at + FEED,
            (Urgency::Person, _) | (_, None) => now,
        };
        let answered = match (&self.answers, self.asked) {
            (Answers::Never, _) | (_, None) => now,
            (Answers::NoneYet, Some(at)) => at + MUTE,
            (Answers::Coming, Some(at)) => at + LOST,
        };
        apart.max(answered)
    }

    /// A frame was written. Says whether the question should go with it.
    pub fn drew(&mut self, now: Instant) -> bool {
        if self.answers == Answers::NoneYet && self.asked.is_some_and(|at| now >= at + MUTE) {
            self.answers = Answers::Never;
        }
        self.drawn = Some(now);
        let ask = self.answers != Answers::Never;
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

    #[test]
    fn the_next_frame_waits_for_the_answer() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        assert!(pace.drew(t));
        pace.answered(t + ms(30));
        assert!(pace.drew(t + ms(40)));
        assert!(pace.when(Urgency::Person, t + ms(50)) > t + ms(50));
        pace.answered(t + ms(70));
        assert_eq!(pace.when(Urgency::Person, t + ms(71)), t + ms(71));
        assert_eq!(pace.round_trip(), Some(ms(30)));
    }

    #[test]
    fn a_lost_answer_holds_the_screen_for_five_seconds_only() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        pace.drew(t);
        pace.answered(t);
        pace.drew(t);
        assert_eq!(pace.when(Urgency::Person, t), t + ms(5000));
    }

    #[test]
    fn a_terminal_that_never_answers_is_asked_once() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        assert!(pace.drew(t));
        assert_eq!(pace.when(Urgency::Person, t), t + ms(1000));
        assert!(!pace.drew(t + ms(1000)));
        assert_eq!(pace.when(Urgency::Person, t + ms(1001)), t + ms(1001));
    }

    #[test]
    fn a_flood_is_painted_ten_times_a_second_and_a_key_at_once() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        pace.drew(t);
        pace.answered(t + ms(1));
        assert_eq!(pace.when(Urgency::Feed, t + ms(5)), t + ms(100));
        assert_eq!(pace.when(Urgency::Person, t + ms(5)), t + ms(5));
    }
}
