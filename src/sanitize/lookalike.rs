//! Names that a reader would take for one another. Never compares anybody's rights: ids are compared byte for byte.
//!
//! A small part of Unicode's confusables (UTS #39), the part that names of people are made of: letters of other
//! alphabets that look Latin, accents composed or not, wide and mathematical letters, and in ASCII `0` and `o`, `1`
//! and `l`, `rn` and `m`, `vv` and `w`.

use super::is_invisible;

/// Whether two different texts look the same, or nearly.
pub fn look_alike(one: &str, other: &str) -> bool {
    one != other && skeleton(one) == skeleton(other)
}

/// Whether a word of it has letters of several alphabets, as no name has.
pub fn mixes_alphabets(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic() && !is_mark(c)).any(|word| {
        let mut alphabets = word.chars().filter_map(alphabet);
        let first = alphabets.next();
        alphabets.any(|other| Some(other) != first)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
}

fn alphabet(c: char) -> Option<Alphabet> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some(Alphabet::Latin),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Alphabet::Greek),
        '\u{400}'..='\u{52f}' => Some(Alphabet::Cyrillic),
        _ => None,
    }
}

/// A combining mark: an accent that stands for itself.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// What is left when everything is taken for the same that looks the same. Only to be compared with another one.
fn skeleton(text: &str) -> String {
    let mut bare = String::new();
    for c in text.chars() {
        let variant = matches!(c, '\u{fe00}'..='\u{fe0f}');
        if c.is_control() || c.is_whitespace() || is_mark(c) || is_invisible(c) || variant {
            continue;
        }
        latin(c).to_lowercase().for_each(|c| bare.push(base(latin(c))));
    }
    bare.replace('0', "o").replace(['1', '|'], "l").replace("rn", "m").replace("vv", "w")
}

/// The Latin letter that another alphabet's looks like, in its own case; wide and mathematical letters as plain ones.
fn latin(c: char) -> char {
    let plain = |offset: u32| char::from_u32(offset).unwrap_or(c);
    match c {
        '\u{ff01}'..='\u{ff5e}' => plain(u32::from(c) - 0xfee0),
        '\u{1d400}'..='\u{1d6a3}' => {
            let letter = (u32::from(c) - 0x1d400) % 52;
            plain(if letter < 26 { 0x41 + letter } else { 0x61 + letter - 26 })
        }
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' | 'Ϲ' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' | 'Ү' => 'Y',
        'Ζ' => 'Z',
        'а' | 'α' | 'ɑ' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'ɡ' => 'g',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'ո' | 'η' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ү' => 'y',
        other => other,
    }
}

/// A small Latin letter without its accent; Cyrillic and Greek ones that look like an accented Latin letter too.
fn base(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ά' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ё' | 'ѐ' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ĥ' | 'ħ' => 'h',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ї' | 'ί' => 'i',
        'ĵ' => 'j',
        'ķ' | 'ќ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ό' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ύ' => 'u',
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' | 'ў' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_would_mistake_is_alike() {
        for (one, other) in [
            ("ana", "\u{430}n\u{430}"),
            ("bob", "b0b"),
            ("alice", "a1ice"),
            ("warner", "wamer"),
            ("vvolf", "wolf"),
            ("Jos\u{e9}", "Jose\u{301}"),
            ("Ana Sol", "Ana\u{a0}Sol"),
            ("Ana Sol", "Ana \u{200b}Sol"),
            ("Ana", "\u{ff21}\u{ff4e}\u{ff41}"),
            ("Ana", "\u{1d400}\u{1d427}\u{1d41a}"),
            ("ANA", "\u{391}\u{39d}\u{391}"),
            ("Ana\u{fe0f}", "Ana"),
        ] {
            assert!(look_alike(one, other) && look_alike(other, one), "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_differs_is_not_alike_and_nothing_is_alike_itself() {
        for (one, other) in
            [("ana", "ana"), ("ana", "anna"), ("ben", "len"), ("Иван", "Игорь"), ("a-b", "a_b"), ("", "a")]
        {
            assert!(!look_alike(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_word_of_two_alphabets_is_told_from_two_words() {
        assert!(mixes_alphabets("An\u{430} Sol"));
        assert!(mixes_alphabets("\u{391}na"));
        for fine in
            ["Ana Sol", "Иван Петров", "Иван (Ivan)", "Zoë D'Arcy-Müller", "José", "Jose\u{301}", "李雷", ""]
        {
            assert!(!mixes_alphabets(fine), "{fine}");
        }
    }
}
