//! Pictures as SVG: a metric over time with what happened, and steps as bars. Never draws a line across a gap.

use std::fmt::Write as _;

use super::html::text;
use super::page::Bar;
use super::{Curve, Moment};
use crate::core::time::Stamp;
use crate::metrics::format;
use crate::sanitize;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 160.0;
/// Room for words above and below the drawing.
const TOP: f64 = 28.0;
const FOOT: f64 = 18.0;
/// Room for the names of bars.
const NAMES: f64 = 190.0;
const BAR: f64 = 16.0;
/// More points than this are thinned: nobody sees more on this width.
const MOST: usize = 1600;

/// A span of time laid onto a width.
struct Axis {
    from: Stamp,
    micros: f64,
    left: f64,
    width: f64,
}

impl Axis {
    fn over(from: Stamp, to: Stamp, left: f64) -> Axis {
        let micros = (to.0.saturating_sub(from.0)).max(1) as f64;
        Axis { from, micros, left, width: WIDTH - left }
    }

    fn x(&self, at: Stamp) -> f64 {
        let share = at.0.saturating_sub(self.from.0) as f64 / self.micros;
        self.left + share.clamp(0.0, 1.0) * self.width
    }
}

/// A metric with its thresholds and the moments of the incident.
pub fn curve(curve: &Curve, moments: &[Moment]) -> String {
    let title = text(&sanitize::line(&curve.title));
    let numbers = || curve.points.iter().filter_map(|(_, x)| *x);
    let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) else { return String::new() };
    let bounds = [curve.thresholds.0, curve.thresholds.1];
    let top = numbers().chain(bounds.into_iter().flatten()).fold(f64::MIN, f64::max);
    let low = numbers().fold(0.0, f64::min);
    if numbers().next().is_none() {
        return format!("<figcaption>{title}: no numbers</figcaption>");
    }
    let axis = Axis::over(first.0, last.0, 0.0);
    let span = if top > low { top - low } else { 1.0 };
    let y = |x: f64| TOP + (HEIGHT - TOP - FOOT) * (1.0 - (x - low) / span);
    let mut out = format!(
        "<figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    for (bound, colour) in bounds.into_iter().zip(["currentColor", "var(--bad)"]) {
        let Some(bound) = bound else { continue };
        let _ = write!(
            out,
            "<line x1=\"0\" x2=\"{WIDTH}\" y1=\"{0:.1}\" y2=\"{0:.1}\" stroke=\"{colour}\" stroke-dasharray=\"4 4\" \
             opacity=\".6\"/>",
            y(bound)
        );
    }
    for m in moments.iter().filter(|m| m.at >= first.0 && m.at <= last.0) {
        let x = axis.x(m.at);
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\" stroke=\"var(--mark)\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" transform=\"rotate(-20 {x:.1} {:.1})\">{}</text>",
            HEIGHT - FOOT,
            TOP - 3.0,
            TOP - 3.0,
            m.name
        );
    }
    for path in paths(&curve.points, &axis, y) {
        let _ =
            write!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\"/>");
    }
    let _ = write!(
        out,
        "<text x=\"0\" y=\"{0:.1}\">{1}</text><text x=\"{WIDTH}\" y=\"{0:.1}\" text-anchor=\"end\">{2}, top {3}</text></svg>",
        HEIGHT - 4.0,
        first.0.clock(),
        last.0.clock(),
        text(&sanitize::line(format::value(top, curve.unit)))
    );
    out
}

/// One path for each stretch without a gap.
fn paths(points: &[(Stamp, Option<f64>)], axis: &Axis, y: impl Fn(f64) -> f64) -> Vec<String> {
    let every = points.len().div_ceil(MOST).max(1);
    let mut all: Vec<String> = Vec::new();
    let mut pen = "M";
    for (at, value) in points.iter().step_by(every) {
        let Some(value) = value else {
            pen = "M";
            continue;
        };
        if pen == "M" {
            all.push(String::new());
        }
        if let Some(path) = all.last_mut() {
            let _ = write!(path, "{pen}{:.1} {:.1}", axis.x(*at), y(*value));
        }
        pen = "L";
    }
    all
}

/// Bars on one axis of time.
pub fn bars(bars: &[Bar]) -> String {
    let from = bars.iter().map(|b| b.from).min();
    let to = bars.iter().map(|b| b.to).max();
    let (Some(from), Some(to)) = (from, to) else { return String::new() };
    let axis = Axis::over(from, to, NAMES);
    let height = BAR * (bars.len() as f64 + 1.0) + FOOT;
    let mut out =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"steps over time\">");
    for (n, bar) in bars.iter().enumerate() {
        let y = BAR * n as f64;
        let (x, end) = (axis.x(bar.from), axis.x(bar.to));
        let colour = if bar.fine { "var(--ok)" } else { "var(--bad)" };
        let _ = write!(
            out,
            "<text x=\"0\" y=\"{:.1}\">{}</text><rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"10\" \
             fill=\"{colour}\"/>",
            y + 12.0,
            text(&bar.name),
            y + 3.0,
            (end - x).max(2.0)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{NAMES}\" y=\"{0:.1}\">{1}</text><text x=\"{WIDTH}\" y=\"{0:.1}\" text-anchor=\"end\">{2}</text></svg>",
        height - 4.0,
        from.clock(),
        to.clock()
    );
    out
}
