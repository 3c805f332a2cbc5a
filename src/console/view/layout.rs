//! Where the panes are. Never looks at what is in them.

use ratatui::layout::Rect;

use super::super::model::{Focus, Model};

/// Narrowest screen that is drawn.
pub const LEAST_COLUMNS: u16 = 60;
/// Lowest screen that is drawn.
pub const LEAST_ROWS: u16 = 16;

const HEADER: u16 = 3;
const HINTS: u16 = 1;
/// From this width on step and measurements are seen together.
const MEDIUM: u16 = 110;
/// From this width on everything is.
const WIDE: u16 = 170;
/// From this height on a wide enough screen has a timeline at the bottom.
const TALL: u16 = 34;
/// Rows of the small measurements below the step.
const STRIP: u16 = 4;

/// The panes of a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Areas {
    /// Badges, facts, what comes next.
    pub header: Rect,
    /// The steps.
    pub checklist: Rect,
    /// Hints and short messages.
    pub hints: Rect,
    others: Vec<(Focus, Rect)>,
    lines: Vec<Rect>,
}

impl Areas {
    /// The panes for a screen with the focus on one of them.
    pub fn of(area: Rect, focus: Focus) -> Areas {
        let (header, rest) = top(area, HEADER);
        let (rest, hints) = bottom(rest, HINTS);
        let areas = Areas { header, checklist: rest, hints, others: Vec::new(), lines: Vec::new() };
        if let Focus::Sheet(_) = focus {
            let nothing = Rect { height: 0, ..rest };
            Areas { checklist: nothing, others: vec![(focus, rest)], ..areas }
        } else if area.width >= WIDE && area.height >= TALL {
            areas.wide(rest)
        } else if area.width >= MEDIUM {
            areas.medium(rest, focus)
        } else {
            areas.narrow(rest, focus)
        }
    }

    /// The panes other than the checklist.
    pub fn panes(&self) -> impl Iterator<Item = (Focus, Rect)> {
        self.others.iter().copied()
    }

    /// Vertical lines between panes.
    pub fn lines(&self) -> impl Iterator<Item = Rect> {
        self.lines.iter().copied()
    }

    /// The area of a pane, if it is on the screen.
    pub fn pane(&self, focus: Focus) -> Option<Rect> {
        match focus {
            Focus::Checklist => Some(self.checklist),
            _ => self.others.iter().find(|(f, _)| *f == focus).map(|(_, area)| *area),
        }
    }

    fn narrow(mut self, rest: Rect, focus: Focus) -> Areas {
        let right = self.cut_left(rest, (rest.width * 2 / 5).clamp(26, 40));
        match focus {
            Focus::Checklist | Focus::Step => {
                let (step, strip) = bottom(right, STRIP);
                self.others = vec![(Focus::Step, step), (Focus::Metrics, strip)];
            }
            other => self.others = vec![(other, right)],
        }
        self
    }

    fn medium(mut self, rest: Rect, focus: Focus) -> Areas {
        let (rest, feed) =
            if rest.height >= TALL - HEADER - HINTS { bottom(rest, 9) } else { (rest, Rect::ZERO) };
        let right = self.cut_left(rest, 42);
        let (above, below) = bottom(right, right.height * 2 / 5);
        let lower = match focus {
            Focus::People => Focus::People,
            Focus::Timeline if feed.is_empty() => Focus::Timeline,
            _ => Focus::Metrics,
        };
        self.others = vec![(Focus::Step, above), (lower, below)];
        if !feed.is_empty() {
            self.others.push((Focus::Timeline, feed));
        }
        self
    }

    fn wide(mut self, rest: Rect) -> Areas {
        let (rest, feed) = bottom(rest, rest.height / 4);
        let right = self.cut_left(rest, 48);
        let (steps, people) = bottom(self.checklist, self.checklist.height * 2 / 5);
        self.checklist = steps;
        let (step, line, metrics) = split(right, right.width - 66);
        self.lines.push(line);
        self.others = vec![
            (Focus::Step, step),
            (Focus::Metrics, metrics),
            (Focus::People, people),
            (Focus::Timeline, feed),
        ];
        self
    }

    /// Gives the left part to the checklist and the rest back.
    fn cut_left(&mut self, rest: Rect, columns: u16) -> Rect {
        let (left, line, right) = split(rest, columns);
        self.checklist = left;
        self.lines.push(line);
        right
    }
}

fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let rest = Rect { y: area.y + rows, height: area.height - rows, ..area };
    (Rect { height: rows, ..area }, rest)
}

fn bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    top(area, area.height - rows.min(area.height))
}

fn split(area: Rect, columns: u16) -> (Rect, Rect, Rect) {
    let columns = columns.min(area.width.saturating_sub(1));
    let left = Rect { width: columns, ..area };
    let line = Rect { x: area.x + columns, width: 1.min(area.width), ..area };
    let right = Rect { x: line.right(), width: area.right().saturating_sub(line.right()), ..area };
    (left, line, right)
}

/// The pane at a place of the screen, and the row in it; its title is row 0.
pub fn at(model: &Model, column: u16, row: u16) -> Option<(Focus, usize)> {
    let areas = Areas::of(Rect::new(0, 0, model.size.columns, model.size.rows), model.focus);
    let all = [(Focus::Checklist, areas.checklist)].into_iter().chain(areas.panes());
    let mut here = all.filter(|(_, area)| area.contains((column, row).into()));
    here.next().map(|(pane, area)| (pane, usize::from(row - area.y)))
}

/// Rows for lines in a pane, below its title.
pub fn rows_of(model: &Model, focus: Focus) -> usize {
    let screen = Rect::new(0, 0, model.size.columns, model.size.rows);
    let areas = Areas::of(screen, focus);
    let area = areas.pane(focus).unwrap_or_default();
    let rows = usize::from(area.height.saturating_sub(1));
    match focus {
        Focus::Step => super::step::output_rows(model, area),
        Focus::Sheet(sheet) => super::sheet::rows(model, sheet, area),
        Focus::Checklist | Focus::Metrics | Focus::People | Focus::Timeline => rows,
    }
}

/// Rows that the content of a scrolling pane takes.
pub fn content_of(model: &Model, focus: Focus) -> usize {
    match focus {
        Focus::People => {
            let screen = Rect::new(0, 0, model.size.columns, model.size.rows);
            let area = Areas::of(screen, focus).pane(focus).unwrap_or_default();
            super::people::rows(model, usize::from(area.width)).len()
        }
        Focus::Metrics => super::metrics::needs(model),
        Focus::Sheet(sheet) => {
            let screen = Rect::new(0, 0, model.size.columns, model.size.rows);
            super::sheet::needs(model, sheet, Areas::of(screen, focus).pane(focus).unwrap_or_default())
        }
        Focus::Step => {
            let screen = Rect::new(0, 0, model.size.columns, model.size.rows);
            super::step::described(model, Areas::of(screen, focus).pane(focus).unwrap_or_default())
        }
        Focus::Checklist | Focus::Timeline => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_lie_inside_the_screen_and_not_on_each_other() {
        for width in (0..300).step_by(7) {
            for height in (0..120).step_by(5) {
                let screen = Rect::new(0, 0, width, height);
                for focus in Focus::ALL {
                    let areas = Areas::of(screen, focus);
                    let mut all = vec![areas.header, areas.hints, areas.checklist];
                    all.extend(areas.panes().map(|(_, a)| a));
                    all.extend(areas.lines());
                    for (n, a) in all.iter().enumerate() {
                        assert_eq!(a.intersection(screen), *a, "{width}x{height}");
                        for b in &all[n + 1..] {
                            assert!(a.intersection(*b).is_empty(), "{width}x{height}: {a} {b}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_pane_with_the_focus_is_always_on_the_screen() {
        for (width, height) in [(60, 16), (80, 24), (120, 40), (120, 24), (200, 60)] {
            for focus in Focus::ALL {
                let areas = Areas::of(Rect::new(0, 0, width, height), focus);
                let area = areas.pane(focus).unwrap_or_default();
                assert!(area.height >= 4 && area.width >= 20, "{width}x{height} {focus:?}: {area}");
            }
        }
    }
}
