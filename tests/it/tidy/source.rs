//! Source files read just well enough to judge them: comments and strings blanked, tests cut out, paths expanded.
//! Never a parser: what it cannot tell it leaves alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

static TEST_MODULE: LazyLock<Regex> =
    LazyLock::new(|| rule(r"(?m)^#\[cfg\(test\)\]\s*\n(?:#\[[^\n]*\n)*\s*mod "));
static TEST_FILE: LazyLock<Regex> =
    LazyLock::new(|| rule(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))?\s+)?mod\s+(\w+);"));
static TEST_ITEM: LazyLock<Regex> = LazyLock::new(|| rule(r"#\[cfg\((?:all\()?test"));
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| rule(r"\bfn\s+(\w+)"));
static USE: LazyLock<Regex> = LazyLock::new(|| rule(r"\buse\s+([^;]+);"));
static PATH: LazyLock<Regex> = LazyLock::new(|| rule(r"\b(?:[A-Za-z_]\w*::)+[A-Za-z_]\w*"));
static LITERAL: LazyLock<Regex> = LazyLock::new(|| {
    rule(concat!(
        r#"(?s)//[^\n]*"#,                                       // line comments
        r#"|/\*.*?\*/"#,                                         // block comments
        r##"|\bb?r#"(?:.*?)"#|\bb?r"[^"]*""##,                   // raw strings
        r#"|"(?:\\.|[^"\\])*""#,                                 // strings
        r#"|'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\\n])'"#  // characters; lifetimes have no second quote
    ))
});

/// A pattern, made once for all files: making one costs far more than using it.
pub fn rule(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// One file under `src/`.
pub struct Source {
    /// From the repository's root, with slashes.
    pub path: String,
    /// As on disk.
    pub text: String,
    /// The same lines without comments, without what is inside quotes, without test items.
    pub code: String,
}

impl Source {
    /// The room it belongs to: `core` for `src/core.rs` and everything in `src/core/`.
    pub fn room(&self) -> &str {
        let inside = self.path.trim_start_matches("src/");
        inside.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// How many modules deep it stands below the crate's root.
    fn depth(&self) -> usize {
        self.path.matches('/').count()
    }

    /// Line number of a byte of `code`.
    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Everything in the code that matches, with its line.
    pub fn find(&self, pattern: &Regex) -> Vec<(usize, String)> {
        pattern.find_iter(&self.code).map(|m| (self.line(m.start()), m.as_str().to_owned())).collect()
    }

    /// Lines before the test module.
    pub fn code_lines(&self) -> usize {
        let end = TEST_MODULE.find(&self.text).map_or(self.text.len(), |m| m.start());
        self.text[..end].lines().count()
    }

    /// Every function's name, first line and number of lines.
    pub fn functions(&self) -> Vec<(String, usize, usize)> {
        FUNCTION
            .captures_iter(&self.code)
            .filter_map(|found| {
                let all = found.get(0)?;
                let open = body(&self.code, all.end())?;
                let close = matching(&self.code, open)?;
                let lines = self.line(close) - self.line(all.start()) + 1;
                Some((found[1].to_owned(), self.line(all.start()), lines))
            })
            .collect()
    }

    /// The lines of every function as written, with the number of the first.
    pub fn bodies(&self) -> Vec<(usize, String)> {
        let lines: Vec<&str> = self.text.lines().collect();
        self.functions()
            .into_iter()
            .map(|(_, line, count)| (line, lines[line - 1..line - 1 + count].join("\n")))
            .collect()
    }

    /// Every path the code names, with its line; `use` trees are expanded, `super::` up to the root becomes `crate::`.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut rest = self.code.clone();
        for used in USE.captures_iter(&self.code) {
            let all = used.get(0).unwrap();
            let mut expanded = Vec::new();
            expand("", &used[1], &mut expanded);
            found.extend(expanded.into_iter().map(|path| (self.line(all.start()), path)));
            rest.replace_range(all.range(), &" ".repeat(all.len()));
        }
        found.extend(PATH.find_iter(&rest).map(|m| (self.line(m.start()), m.as_str().to_owned())));
        let root = "super::".repeat(self.depth());
        for (_, path) in &mut found {
            if let Some(rest) = path.strip_prefix(&root) {
                *path = format!("crate::{rest}");
            }
        }
        found
    }
}

/// All files of the product, tests among them left out.
pub fn sources(root: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    walk(&root.join("src"), &mut files);
    files.retain(|file| file.extension().is_some_and(|ending| ending == "rs"));
    files.sort();
    let named = |file: &PathBuf| file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    let read: Vec<(String, String)> =
        files.iter().map(|file| (named(file), std::fs::read_to_string(file).unwrap())).collect();
    let mut cut = BTreeSet::new();
    for (path, text) in &read {
        let folder = path.trim_end_matches(".rs");
        cut.extend(TEST_FILE.captures_iter(text).map(|found| format!("{folder}/{}", &found[1])));
    }
    read.into_iter()
        .filter(|(path, _)| {
            !cut.iter().any(|c| path == &format!("{c}.rs") || path.starts_with(&format!("{c}/")))
        })
        .map(|(path, text)| of(&path, &text))
        .collect()
}

/// One file with this path and text.
pub fn of(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned(), code: without_tests(&blank(text)) }
}

/// Files below a folder.
pub fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Replaces comments and the inside of string and character literals by spaces; lines stay lines.
pub fn blank(text: &str) -> String {
    LITERAL
        .replace_all(text, |found: &regex::Captures<'_>| {
            let all = &found[0];
            let quote = if all.starts_with('/') { None } else { all.chars().last() };
            let mut out: String = all.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            if let Some(quote) = quote.filter(|_| all.chars().count() >= 2) {
                out.replace_range(..1, &quote.to_string());
                out.pop();
                out.push(quote);
            }
            out
        })
        .into_owned()
}

/// Blanks every item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for found in TEST_ITEM.find_iter(code) {
        let Some(attribute_end) = code[found.start()..].find(']').map(|n| found.start() + n + 1) else {
            continue;
        };
        let end = match body(code, attribute_end) {
            Some(open) => matching(code, open),
            None => code[attribute_end..].find(';').map(|n| attribute_end + n),
        };
        let Some(end) = end else { continue };
        let blanked: String =
            code[found.start()..=end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        if blanked.len() == end + 1 - found.start() {
            out.replace_range(found.start()..=end, &blanked);
        }
    }
    out
}

/// Where the body of the item that begins at `from` opens; nothing when a `;` ends it first.
fn body(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(from + at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The brace that closes the one at `open`.
fn matching(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Expands `a::{b, c::{d, self}}` to `a::b`, `a::c::d`, `a::c::self`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    match tree.split_once('{') {
        None => {
            let name = tree.split(" as ").next().unwrap().trim();
            if !name.is_empty() {
                paths.push(format!("{prefix}{name}"));
            }
        }
        Some((head, rest)) => {
            let prefix = format!("{prefix}{}", head.trim());
            let inside = rest.trim_end().strip_suffix('}').unwrap_or(rest);
            let (mut depth, mut begin) = (0, 0);
            for (at, c) in inside.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        expand(&prefix, &inside[begin..at], paths);
                        begin = at + 1;
                    }
                    _ => {}
                }
            }
            expand(&prefix, &inside[begin..], paths);
        }
    }
}
