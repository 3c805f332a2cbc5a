//! A page as Markdown, for a ticket or a repository. Never lets recorded text become markup.

use std::fmt::Write as _;

use super::page::{Block, Page};
use crate::sanitize::Clean;

/// The whole page.
pub fn write(page: &Page) -> String {
    let mut out = String::new();
    let mark = page.rehearsal.as_ref().map(|word| format!("**{}**\n\n", plain(word)));
    out.extend(mark.iter().map(String::as_str));
    let _ = write!(out, "# {}\n\n", plain(&page.title));
    for block in &page.blocks {
        write_block(&mut out, block);
    }
    out.extend(mark.iter().map(String::as_str));
    out
}

fn write_block(out: &mut String, block: &Block) {
    // Writing to a string cannot fail.
    let _ = match block {
        Block::Heading(words) => write!(out, "## {}\n\n", plain(words)),
        Block::Paragraph(words) => write!(out, "{}\n\n", plain(words)),
        Block::Warning(words) => write!(out, "> **{}**\n\n", plain(words)),
        Block::List(items) => {
            for item in items {
                let _ = writeln!(out, "- {}", plain(item));
            }
            writeln!(out)
        }
        Block::Table(head, rows) => {
            table(out, head, rows);
            Ok(())
        }
        // Pictures are for the other form; their numbers stand in the tables.
        Block::Chart(..) | Block::Bars(_) => Ok(()),
        Block::Story(text) => {
            for line in text.as_str().lines() {
                let _ = writeln!(out, "> {line}");
            }
            writeln!(out)
        }
    };
}

fn table(out: &mut String, head: &[Clean], rows: &[Vec<Clean>]) {
    let width = rows.first().map_or(head.len(), Vec::len);
    let empty = vec![Clean::default(); width];
    let head = if head.is_empty() { &empty } else { head };
    row(out, head);
    let _ = writeln!(out, "|{}", "---|".repeat(width));
    for cells in rows {
        row(out, cells);
    }
    out.push('\n');
}

fn row(out: &mut String, cells: &[Clean]) {
    out.push('|');
    for cell in cells {
        let _ = write!(out, " {} |", plain(cell));
    }
    out.push('\n');
}

/// Text that Markdown shows as it is.
fn plain(text: &Clean) -> String {
    let mut out = String::with_capacity(text.as_str().len());
    for c in text.as_str().chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
