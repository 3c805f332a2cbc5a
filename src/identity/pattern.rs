//! OpenSSH's principal and namespace patterns. Never recursive: a hostile pattern costs time, not the stack.

/// A pattern this long (in bytes) never matches; OpenSSH's buffer holds one byte less.
const TOO_LONG: usize = 1023;

/// What a comma-separated pattern list says about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// A pattern matched and none refused.
    Listed,
    /// A pattern with `!` matched.
    Refused,
    /// Nothing matched, or a pattern was too long.
    Unlisted,
}

/// One entry of a pattern list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// A name to be matched byte for byte.
    Exact(&'a [u8]),
    /// A pattern with `*` or `?`.
    Wild(&'a [u8]),
    /// A pattern that refuses what it matches.
    Negated(&'a [u8]),
}

/// The entries of a list, in order.
pub(crate) fn entries(list: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    list.split(|byte| *byte == b',').map(|entry| match entry.split_first() {
        Some((b'!', rest)) => Entry::Negated(rest),
        _ if entry.iter().any(|byte| matches!(byte, b'*' | b'?')) => Entry::Wild(entry),
        _ => Entry::Exact(entry),
    })
}

/// Matches `text` against a comma-separated list as OpenSSH's `match_pattern_list` does.
pub(crate) fn match_list(text: &[u8], list: &[u8]) -> Match {
    let mut verdict = Match::Unlisted;
    // OpenSSH's loop ends with the list, so an empty entry after the last comma is never looked at.
    let list = list.strip_suffix(b",").unwrap_or(list);
    if list.is_empty() {
        return Match::Unlisted;
    }
    for entry in entries(list) {
        let (Entry::Exact(pattern) | Entry::Wild(pattern) | Entry::Negated(pattern)) = entry;
        if pattern.len() >= TOO_LONG {
            return Match::Unlisted;
        }
        if matches(text, pattern) {
            match entry {
                Entry::Negated(_) => return Match::Refused,
                Entry::Exact(_) | Entry::Wild(_) => verdict = Match::Listed,
            }
        }
    }
    verdict
}

/// Matches one pattern: `*` is any run, `?` any one byte. Time is at most text times pattern.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut pat) = (0usize, 0usize);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(pat), text.get(at)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((pat + 1, at));
                pat += 1;
                continue;
            }
            (Some(wanted), Some(found)) if *wanted == b'?' || wanted == found => {
                pat += 1;
                at += 1;
                continue;
            }
            (_, _) => {}
        }
        match retry {
            Some((after_star, from)) if from < text.len() => {
                retry = Some((after_star, from + 1));
                pat = after_star;
                at = from + 1;
            }
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_like_openssh() {
        for (text, pattern, expected) in [
            ("alice", "alice", true),
            ("alice", "al*", true),
            ("alice", "*", true),
            ("alice", "a?ice", true),
            ("alice", "a??ice", false),
            ("alice", "*e", true),
            ("alice", "*x*", false),
            ("", "*", true),
            ("", "?", false),
            ("aab", "*ab", true),
            ("abcabd", "*abd", true),
            ("alice", "Alice", false),
        ] {
            assert_eq!(matches(text.as_bytes(), pattern.as_bytes()), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn a_refusal_beats_every_match_in_the_list() {
        assert_eq!(match_list(b"bob", b"*,!bob"), Match::Refused);
        assert_eq!(match_list(b"bob", b"!alice,bob"), Match::Listed);
        assert_eq!(match_list(b"bob", b"!alice"), Match::Unlisted);
    }

    #[test]
    fn a_pattern_that_would_explode_is_answered_at_once() {
        let text = vec![b'a'; 4000];
        let pattern = b"*a".repeat(400);
        let mut hostile = pattern.clone();
        hostile.push(b'b');
        assert!(!matches(&text, &hostile));
    }

    #[test]
    fn a_pattern_of_1023_bytes_matches_nothing() {
        let name = vec![b'a'; 1023];
        assert_eq!(match_list(&name, &name), Match::Unlisted);
        let shorter = vec![b'a'; 1022];
        assert_eq!(match_list(&shorter, &shorter), Match::Listed);
    }
}
