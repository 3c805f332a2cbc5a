//! The few parts of Markdown that checklists are made of, line by line. Never fails: what it does not know is text.

/// One part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// `# …` with its level.
    Heading(usize, String),
    /// A task, a bullet or a numbered item.
    Item(String),
    /// Fenced code and its language.
    Code(String, String),
    /// Lines of text.
    Text(String),
}

/// Reads a document.
pub fn read(text: &str) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut fence: Option<(String, String, Vec<String>)> = None;
    let mut before_blank = true;
    for raw in text.lines() {
        let line = printable(raw);
        let trimmed = line.trim();
        if let Some((mark, language, mut lines)) = fence.take() {
            if trimmed.starts_with(&mark) && trimmed.chars().all(|c| mark.starts_with(c)) {
                out.push(Block::Code(language, dedented(&lines)));
            } else {
                lines.push(line);
                fence = Some((mark, language, lines));
            }
            before_blank = true;
            continue;
        }
        if let Some((mark, language)) = opens_fence(trimmed) {
            fence = Some((mark, language, Vec::new()));
            continue;
        }
        before_blank = plain(&mut out, &line, trimmed, before_blank);
    }
    if let Some((_, language, lines)) = fence {
        out.push(Block::Code(language, dedented(&lines)));
    }
    out
}

/// A line outside code. Says whether the next line begins something new.
fn plain(out: &mut Vec<Block>, line: &str, trimmed: &str, before_blank: bool) -> bool {
    if trimmed.is_empty() || is_rule(trimmed) {
        return true;
    }
    if let Some((level, title)) = heading(line) {
        out.push(Block::Heading(level, title));
        return true;
    }
    if let Some(item) = item(trimmed) {
        out.push(Block::Item(item));
        return false;
    }
    match out.last_mut() {
        Some(Block::Item(text) | Block::Text(text)) if !before_blank => {
            text.push(' ');
            text.push_str(trimmed);
        }
        _ => out.push(Block::Text(trimmed.trim_start_matches("> ").to_owned())),
    }
    false
}

fn opens_fence(line: &str) -> Option<(String, String)> {
    let mark = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark))?;
    let first = mark.chars().next()?;
    let length = line.chars().take_while(|c| *c == first).count();
    let language = line.trim_start_matches(first).split_whitespace().next().unwrap_or_default();
    if language.contains('`') {
        return None;
    }
    Some((first.to_string().repeat(length), language.trim_matches(['{', '}', '.']).to_lowercase()))
}

fn heading(line: &str) -> Option<(usize, String)> {
    let level = line.chars().take_while(|c| *c == '#').count();
    let title = line.trim_start_matches('#');
    let is = (1..=6).contains(&level) && title.starts_with([' ', '\t']);
    let title = title.trim().trim_end_matches('#').trim();
    (is && !title.is_empty()).then(|| (level, unmarked(title)))
}

fn is_rule(line: &str) -> bool {
    line.len() >= 3 && ['-', '*', '_', '='].iter().any(|mark| line.chars().all(|c| c == *mark))
}

/// The text of a list item, without its box.
fn item(line: &str) -> Option<String> {
    let bullet = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark));
    let rest = bullet.or_else(|| {
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        let (_, rest) = line.split_at_checked(digits).filter(|_| (1..=9).contains(&digits))?;
        rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))
    })?;
    let rest = rest.trim();
    let boxed = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| rest.strip_prefix(mark));
    let text = boxed.unwrap_or(rest).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Bold, italics and links as plain words; code keeps its marks, because they tell what is a command.
pub fn unmarked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (_, tail) = rest.split_at_checked(c.len_utf8()).unwrap_or((rest, ""));
        let link = if c == '[' { link(tail) } else { None };
        match (c, link) {
            (_, Some((words, after))) => {
                out.push_str(words);
                rest = after;
            }
            ('*', _) => rest = tail,
            ('_', _) if tail.starts_with('_') => rest = tail.trim_start_matches('_'),
            (other, _) => {
                out.push(other);
                rest = tail;
            }
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a link and what follows it, given what stands behind its `[`. Looks no further than a link reaches, so
/// that a line of nothing but brackets costs no more than any other.
fn link(tail: &str) -> Option<(&str, &str)> {
    let (words, after) = tail.split_at_checked(tail.find(['[', ']'])?)?;
    let after = after.strip_prefix("](")?;
    let end = after.char_indices().take(2000).find(|(_, c)| *c == ')')?;
    let (_, rest) = after.split_at_checked(end.0 + 1)?;
    Some((words, rest))
}

/// What no file format and no terminal should hold is left out.
fn printable(line: &str) -> String {
    let odd = |c: char| {
        c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}')
    };
    line.replace('\t', "    ").chars().filter(|c| !odd(*c)).collect()
}

/// Code without the indentation of the list it stands in.
fn dedented(lines: &[String]) -> String {
    let depth = lines
        .iter()
        .filter(|l| !l.trim().is_empty())
        .map(|l| l.len() - l.trim_start().len())
        .min()
        .unwrap_or(0);
    let cut = |l: &String| l.split_at_checked(depth).map_or("", |(_, rest)| rest).trim_end().to_owned();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}
