//! Growing lists of lines with a bounded memory, and where a person looks into them. Never moves the lines under
//! somebody who scrolled up.

use std::collections::VecDeque;

/// Lines kept of one feed.
pub const KEPT: usize = 10_000;

/// A bounded list that only grows at its end.
#[derive(Debug, Clone)]
pub struct Feed<T> {
    lines: VecDeque<T>,
    /// Number of the first line that is still there.
    first: u64,
}

impl<T> Default for Feed<T> {
    fn default() -> Feed<T> {
        Feed { lines: VecDeque::new(), first: 0 }
    }
}

impl<T> Feed<T> {
    /// Adds a line; the oldest goes when there are too many.
    pub fn push(&mut self, line: T) {
        if self.lines.len() >= KEPT {
            self.lines.pop_front();
            self.first += 1;
        }
        self.lines.push_back(line);
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line of a number.
    pub fn get(&self, number: u64) -> Option<&T> {
        let at = number.checked_sub(self.first)?;
        self.lines.get(usize::try_from(at).ok()?)
    }

    /// All lines with their numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.lines.iter().enumerate().map(|(n, line)| (self.first + n as u64, line))
    }
}

/// Where somebody looks into a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// At the end, wherever that moves.
    #[default]
    Follow,
    /// From this line on.
    At(u64),
}

impl Look {
    /// Index of the first line to show on `rows` rows, among the lines with these numbers (in order).
    pub fn start(self, numbers: &[u64], rows: usize) -> usize {
        let last = numbers.len().saturating_sub(rows);
        match self {
            Look::Follow => last,
            Look::At(line) => numbers.partition_point(|n| *n < line).min(last),
        }
    }

    /// Moves by lines; at the end it follows again.
    #[must_use]
    pub fn moved(self, numbers: &[u64], rows: usize, by: isize) -> Look {
        let last = numbers.len().saturating_sub(rows);
        let start = self.start(numbers, rows).saturating_add_signed(by).min(last);
        match numbers.get(start) {
            Some(number) if start < last || by < 0 => Look::At(*number),
            Some(_) | None => Look::Follow,
        }
    }

    /// How many lines are below what is shown.
    pub fn below(self, numbers: &[u64], rows: usize) -> usize {
        numbers.len().saturating_sub(self.start(numbers, rows)).saturating_sub(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(feed: &Feed<u64>) -> Vec<u64> {
        feed.iter().map(|(n, _)| n).collect()
    }

    fn feed(n: u64) -> Feed<u64> {
        let mut feed = Feed::default();
        (0..n).for_each(|line| feed.push(line));
        feed
    }

    #[test]
    fn following_shows_the_end_and_scrolling_up_stays_where_it_is() {
        let mut feed = feed(100);
        assert_eq!(Look::Follow.start(&numbers(&feed), 10), 90);
        let look = Look::Follow.moved(&numbers(&feed), 10, -5);
        assert_eq!(look, Look::At(85));
        (100..137).for_each(|line| feed.push(line));
        assert_eq!(look.start(&numbers(&feed), 10), 85);
        assert_eq!(look.below(&numbers(&feed), 10), 42);
        assert_eq!(look.moved(&numbers(&feed), 10, 1000), Look::Follow);
    }

    #[test]
    fn memory_is_bounded_and_what_is_gone_is_not_looked_at() {
        let feed = feed(KEPT as u64 + 500);
        assert_eq!(feed.iter().next(), Some((500, &500)));
        assert_eq!(Look::At(3).start(&numbers(&feed), 10), 0);
        assert_eq!(feed.iter().count(), KEPT);
    }

    #[test]
    fn a_short_feed_begins_at_its_beginning() {
        let numbers = numbers(&feed(3));
        assert_eq!(Look::Follow.start(&numbers, 10), 0);
        assert_eq!(Look::Follow.below(&numbers, 10), 0);
        assert_eq!(Look::Follow.moved(&numbers, 10, -1), Look::At(0));
        assert_eq!(Look::Follow.moved(&[], 10, -1), Look::Follow);
    }

    #[test]
    fn among_filtered_lines_it_looks_by_their_own_numbers() {
        let numbers = [3, 10, 20, 30, 40];
        assert_eq!(Look::At(15).start(&numbers, 2), 2);
        assert_eq!(Look::At(15).moved(&numbers, 2, -1), Look::At(10));
    }
}
