//! A page as one HTML file that needs nothing else: no script, no address outside. Never lets recorded text become
//! markup.

use std::fmt::Write as _;

use super::chart;
use super::page::{Block, Page};
use crate::sanitize::Clean;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--ok:#2e7d32;--bad:#c62828;--mark:#1565c0}\
@media(prefers-color-scheme:dark){:root{--ok:#81c784;--bad:#ef9a9a;--mark:#90caf9}}\
body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}\
h2{margin-top:2.2rem}table{border-collapse:collapse;margin:.8rem 0;width:100%}\
td,th{border-bottom:1px solid var(--line);padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top;\
overflow-wrap:anywhere}\
.warning{border-left:.3rem solid var(--bad);padding:.4rem .8rem;font-weight:600}\
.rehearsal{background:var(--mark);color:Canvas;text-align:center;font-weight:700;padding:.3rem}\
pre{white-space:pre-wrap}figure{margin:1rem 0}svg{width:100%;height:auto}\
svg text{font:11px system-ui,sans-serif;fill:currentColor}";

/// The whole page.
pub fn write(page: &Page) -> String {
    let title = text(&page.title);
    let mark = page.rehearsal.as_ref().map(|word| format!("<p class=\"rehearsal\">{}</p>\n", text(word)));
    let mark = mark.unwrap_or_default();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style></head><body>\n{mark}<h1>{title}</h1>\n"
    );
    for block in &page.blocks {
        write_block(&mut out, block);
    }
    out.push_str(&mark);
    out.push_str("</body></html>\n");
    out
}

fn write_block(out: &mut String, block: &Block) {
    // Writing to a string cannot fail.
    let _ = match block {
        Block::Heading(words) => writeln!(out, "<h2>{}</h2>", text(words)),
        Block::Paragraph(words) => writeln!(out, "<p>{}</p>", text(words)),
        Block::Warning(words) => writeln!(out, "<p class=\"warning\">{}</p>", text(words)),
        Block::List(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", text(item))).collect();
            writeln!(out, "<ul>\n{items}</ul>")
        }
        Block::Table(head, rows) => {
            let head = if head.is_empty() { String::new() } else { row(head, "th") };
            let rows: String = rows.iter().map(|cells| row(cells, "td")).collect();
            writeln!(out, "<table>\n{head}{rows}</table>")
        }
        Block::Chart(curve, moments) => writeln!(out, "<figure>{}</figure>", chart::curve(curve, moments)),
        Block::Bars(bars) => writeln!(out, "<figure>{}</figure>", chart::bars(bars)),
        Block::Story(story) => writeln!(out, "<pre>{}</pre>", text(story)),
    };
}

fn row(cells: &[Clean], tag: &str) -> String {
    let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", text(cell))).collect();
    format!("<tr>{cells}</tr>\n")
}

/// Text that HTML shows as it is, also inside quotes.
pub(super) fn text(text: &Clean) -> String {
    let mut out = String::with_capacity(text.as_str().len());
    for c in text.as_str().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
