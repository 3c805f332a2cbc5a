//! Quoting: for the shell, and for people. Never lossy, so two different commands never look the same.

use std::fmt::Write as _;

/// One word for `/bin/sh`, whatever it holds (except NUL, which no argument can hold).
pub fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// An argument list for reading: words that need it are quoted, invisible characters are escaped (`$'…\n…'`).
pub fn shown_argv(argv: &[String]) -> String {
    argv.iter().map(|word| shown_word(word)).collect::<Vec<_>>().join(" ")
}

fn shown_word(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c) || (!c.is_ascii() && !invisible(c));
    if word.chars().any(invisible) {
        return escaped(word);
    }
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { shell_quoted(word) }
}

/// Text as one line: as it is when every character can be seen, else escaped (`$'…\n…'`).
pub fn one_line(text: &str) -> String {
    // A text that looks escaped is escaped, so that reading back is unambiguous.
    if text.chars().any(invisible) || text.starts_with("$'") { escaped(text) } else { text.to_owned() }
}

fn escaped(text: &str) -> String {
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\\' => out.push_str(r"\\"),
            '\'' => out.push_str(r"\'"),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            c if invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// Control, formatting and separator characters that would be unseen or reorder a line (Unicode categories Cc,
/// Zl, Zp and the default-ignorable ones of Cf and Mn).
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}
