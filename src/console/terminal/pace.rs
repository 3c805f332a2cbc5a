//! When the next frame may be written. Never writes one, and never lets frames pile up in a slow line.
//!
//! Every frame ends in a question that each terminal answers (primary device attributes). The next frame waits for the
//! answer, so at most one frame is under way however slow the line is. What a person typed is painted at once; what the
//! feed brings is painted soon, and twice a second when it does not stop: a stream of a hundred lines a second then
//! costs no more than one of ten, and nobody reads faster.

use std::time::{Duration, Instant};

/// The question at the end of a frame.
pub const QUESTION: &str = "\x1b[c";

/// Frames that nobody typed for are this far apart.
const FEED: Duration = Duration::from_millis(100);
/// Frames that nobody typed for are this far apart while they keep coming.
const STREAM: Duration = Duration::from_millis(500);
/// Frames that follow each other within this are one stream.
const TOGETHER: Duration = Duration::from_millis(800);
/// So many frames make a stream.
const MANY: u32 = 4;
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
    /// Frames that followed each other closely.
    streak: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Answers {
    NoneYet,
    Coming,
    Never,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { drawn: None, asked: None, answers: Answers::NoneYet, round_trip: None, streak: 0 }
    }
}

impl Pace {
    /// When a frame of this urgency may be written; not later than `now` means now.
    pub fn when(&self, urgency: Urgency, now: Instant) -> Instant {
        let apart = match (urgency, self.drawn) {
            (Urgency::Feed, Some(at)) if self.streak >= MANY => at + STREAM,
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
        let follows = self.drawn.is_some_and(|at| now.saturating_duration_since(at) < TOGETHER);
        self.streak = if follows { self.streak.saturating_add(1) } else { 0 };
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
    fn what_comes_now_and_then_is_painted_soon_and_a_flood_twice_a_second() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        let (mut now, mut frames) = (t, Vec::new());
        while now < t + ms(5000) {
            pace.drew(now);
            pace.answered(now);
            frames.push(now);
            now = pace.when(Urgency::Feed, now);
        }
        assert_eq!(frames[1] - frames[0], ms(100));
        assert!(frames.len() <= 15, "{}", frames.len());
        let quiet = now + ms(2000);
        pace.drew(quiet);
        pace.answered(quiet);
        assert_eq!(pace.when(Urgency::Feed, quiet), quiet + ms(100));
    }

    #[test]
    fn a_key_is_painted_at_once_also_in_a_flood() {
        let (mut pace, t) = (Pace::default(), Instant::now());
        for n in 0..20 {
            pace.drew(t + ms(n * 100));
            pace.answered(t + ms(n * 100));
        }
        assert_eq!(pace.when(Urgency::Person, t + ms(1901)), t + ms(1901));
        assert_eq!(pace.when(Urgency::Feed, t + ms(1901)), t + ms(2400));
    }
}
