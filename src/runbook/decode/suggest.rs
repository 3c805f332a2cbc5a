//! "Did you mean": the nearest of the allowed words. Never suggests something that merely has the same length.

/// A word and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion<'a> {
    /// The allowed word.
    pub word: &'a str,
    /// Edits away.
    pub distance: usize,
}

/// The nearest allowed word, if it is near enough to be a slip: a third of the word's length, at most three edits.
pub fn nearest<'a>(found: &str, allowed: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (found.chars().count().div_ceil(3)).min(3);
    let found = folded(found);
    allowed
        .map(|word| Suggestion { word, distance: distance(&found, &folded(word), limit) })
        .filter(|s| s.distance <= limit)
        .min_by_key(|s| s.distance)
        .map(|s| s.word)
}

/// Words for a sentence: `a, b, c`; a long list is cut.
pub fn list_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 80;
    let all: Vec<&str> = words.collect();
    let mut out = all.iter().take(SHOWN).map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        out.push_str(", …");
    }
    if out.is_empty() { "nothing".to_owned() } else { out }
}

/// `maxAttempts`, `max-attempts` and `max_attempts` are the same slip away from each other.
fn folded(word: &str) -> Vec<char> {
    word.chars().take(64).filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// Edit distance with transpositions (optimal string alignment); gives up past `limit`.
fn distance(a: &[char], b: &[char], limit: usize) -> usize {
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(limit + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word() {
        let allowed = ["timeout", "title", "max_attempts", "needs", "role"];
        let near = |s| nearest(s, allowed.iter().copied());
        assert_eq!(near("timout"), Some("timeout"));
        assert_eq!(near("tiemout"), Some("timeout"));
        assert_eq!(near("maxAttempts"), Some("max_attempts"));
        assert_eq!(near("need"), Some("needs"));
        assert_eq!(near("banana"), None);
        assert_eq!(near("x"), None);
    }
}
