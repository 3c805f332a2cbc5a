//! Rows of a screen that only moved up. Never looks for anything cleverer: a feed that goes on is what happens.

use ratatui::buffer::Cell;
use std::ops::Range;

use super::is_same_row;

/// A feed moves by a few lines at a time.
const FURTHEST: usize = 8;
/// Rows that have to be spared for the codes to pay.
const WORTH: usize = 2;

/// A region of whole rows in which everything moved up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scroll {
    /// Its first row.
    pub(super) top: usize,
    /// Its last row.
    pub(super) bottom: usize,
    /// By how many rows.
    pub(super) by: usize,
}

impl Scroll {
    /// The move that spares the most rows, if one is worth it. Only looked for among neighbours that all changed.
    pub(super) fn find(old: &[&[Cell]], new: &[&[Cell]], changed: &[bool]) -> Option<Scroll> {
        let mut best: Option<Scroll> = None;
        let mut first = 0;
        for run in changed.chunk_by(|a, b| a == b) {
            let past = first + run.len();
            if run.first() == Some(&true) && run.len() > WORTH {
                best =
                    Scroll::within(old, new, first..past).into_iter().chain(best).max_by_key(Scroll::spares);
            }
            first = past;
        }
        best
    }

    fn within(old: &[&[Cell]], new: &[&[Cell]], rows: Range<usize>) -> Option<Scroll> {
        let mut best: Option<Scroll> = None;
        for by in 1..=FURTHEST.min(rows.len().saturating_sub(WORTH)) {
            let mut run = 0;
            for at in rows.start..rows.end.saturating_sub(by) {
                let same = old.get(at + by).zip(new.get(at)).is_some_and(|(old, new)| is_same_row(old, new));
                run = if same { run + 1 } else { 0 };
                let found = Scroll { top: (at + 1).saturating_sub(run), bottom: at + by, by };
                if run >= WORTH && best.as_ref().is_none_or(|best| found.spares() > best.spares()) {
                    best = Some(found);
                }
            }
        }
        best
    }

    /// How many rows need not be written.
    fn spares(&self) -> usize {
        (self.bottom + 1).saturating_sub(self.top + self.by)
    }

    /// Does to the old rows what the terminal does.
    pub(super) fn pass<'a>(&self, rows: &mut [&'a [Cell]], blank: &'a [Cell]) {
        let Some(region) = rows.get_mut(self.top..=self.bottom) else { return };
        let by = self.by.min(region.len());
        region.rotate_left(by);
        let stay = region.len() - by;
        region.iter_mut().skip(stay).for_each(|row| *row = blank);
    }
}
