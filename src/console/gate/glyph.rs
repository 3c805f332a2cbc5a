//! ASCII twins of the glyphs the views draw with. Never changes how many columns a glyph takes.

use unicode_width::UnicodeWidthChar;

use super::level::Glyphs;

/// Glyphs of our own screens and what stands for them. Everything else that is not ASCII becomes `?`.
const TWINS: [(char, char); 46] = [
    ('─', '-'),
    ('━', '='),
    ('│', '|'),
    ('┃', '|'),
    ('┄', '-'),
    ('┈', '.'),
    ('┊', ':'),
    ('┌', '+'),
    ('┐', '+'),
    ('└', '+'),
    ('┘', '+'),
    ('├', '+'),
    ('┤', '+'),
    ('┬', '+'),
    ('┴', '+'),
    ('┼', '+'),
    ('╭', '+'),
    ('╮', '+'),
    ('╰', '+'),
    ('╯', '+'),
    ('▁', '_'),
    ('▂', '.'),
    ('▃', '-'),
    ('▄', '='),
    ('▅', '+'),
    ('▆', '*'),
    ('▇', '%'),
    ('█', '#'),
    ('░', '.'),
    ('▒', ':'),
    ('▸', '>'),
    ('▼', 'v'),
    ('▲', '^'),
    ('·', '.'),
    ('•', '*'),
    ('○', 'o'),
    ('●', '*'),
    ('◌', 'w'),
    ('✓', '+'),
    ('✗', 'x'),
    ('◆', '#'),
    ('…', '~'),
    ('–', '-'),
    ('—', '-'),
    ('→', '>'),
    ('×', 'x'),
];

/// Whether every terminal draws this in one column: plain letters, lines, blocks and our own marks.
pub fn is_narrow(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{2500}'..='\u{259f}' | '·' | '…')
}

/// What to draw instead of a cell's text, if it cannot stay.
pub fn replacement(symbol: &str, glyphs: Glyphs) -> Option<char> {
    if let [b' '..=b'~'] = symbol.as_bytes() {
        return None;
    }
    match glyphs {
        _ if symbol.is_empty() => None,
        Glyphs::Unicode => {
            let bad = symbol.chars().any(steers) || (symbol.chars().all(|c| c.width() == Some(0)));
            bad.then_some('\u{fffd}')
        }
        Glyphs::Ascii => {
            let mut chars = symbol.chars();
            let (first, more) = (chars.next()?, chars.next());
            match (first, more) {
                (' '..='~', None) => None,
                (_, Some(_)) => Some('?'),
                (c, None) => Some(twin(c)),
            }
        }
    }
}

fn twin(c: char) -> char {
    TWINS.iter().find(|(glyph, _)| *glyph == c).map_or('?', |(_, ascii)| *ascii)
}

/// Whether a character steers a terminal or the direction of text instead of showing something.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_of_ours_is_one_column_and_has_an_ascii_twin() {
        for (glyph, ascii) in TWINS {
            assert_eq!(glyph.width(), Some(1), "{glyph}");
            assert!(ascii.is_ascii_graphic());
        }
    }

    #[test]
    fn what_counts_as_narrow_is_one_column() {
        assert!(('\0'..='\u{ffff}').filter(|c| is_narrow(*c)).all(|c| c.width() == Some(1)));
    }

    #[test]
    fn ordinary_text_stays() {
        for text in ["a", "é", "e\u{301}", "語", "✓", " "] {
            assert_eq!(replacement(text, Glyphs::Unicode), None, "{text}");
        }
        assert_eq!(replacement("a", Glyphs::Ascii), None);
        assert_eq!(replacement("✓", Glyphs::Ascii), Some('+'));
        assert_eq!(replacement("é", Glyphs::Ascii), Some('?'));
    }
}
