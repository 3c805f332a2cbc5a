//! Takes secrets out of what a command prints, while it prints. Never holds back more than the beginning of one.

/// What stands in a secret's place.
const MASK: &[u8] = "«secret»".as_bytes();
/// Shorter ones are left: they are in every other line, and hardly secret.
const SHORTEST: usize = 4;

/// The secrets of one command, and what may be the beginning of one.
#[derive(Default)]
pub struct Mask {
    /// Longest first: one may begin with another.
    secrets: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Mask {
    /// For these secrets.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Mask {
        let mut secrets: Vec<Vec<u8>> =
            secrets.into_iter().map(String::into_bytes).filter(|s| s.len() >= SHORTEST).collect();
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        Mask { secrets, held: Vec::new() }
    }

    /// Whether there is anything to take out.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Takes what was printed, and gives what may be shown of it by now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.held);
        let mut out = Vec::with_capacity(all.len());
        let mut rest = all.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if let Some(behind) = self.secrets.iter().find_map(|s| rest.strip_prefix(s.as_slice())) {
                out.extend_from_slice(MASK);
                rest = behind;
            } else if self.secrets.iter().any(|s| s.starts_with(rest)) {
                self.held = rest.to_vec();
                break;
            } else {
                out.push(*first);
                rest = after;
            }
        }
        out
    }

    /// Something whole, without the secrets.
    pub fn over(mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = self.feed(bytes);
        out.append(&mut self.rest());
        out
    }

    /// What was held back when nothing more comes: the beginning of a secret is none.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&str], reads: &[&str]) -> String {
        let mut mask = Mask::new(secrets.iter().map(|s| (*s).to_owned()));
        let mut out: Vec<u8> = reads.iter().flat_map(|read| mask.feed(read.as_bytes())).collect();
        out.extend(mask.rest());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_found_however_the_output_is_cut() {
        let printed = "a hunter2 and hunthunter2 hunter";
        for at in 0..printed.len() {
            let (one, other) = printed.split_at(at);
            assert_eq!(masked(&["hunter2"], &[one, other]), "a «secret» and hunt«secret» hunter");
        }
    }

    #[test]
    fn the_longer_of_two_secrets_goes_first() {
        assert_eq!(masked(&["pass", "password"], &["password pass"]), "«secret» «secret»");
    }

    #[test]
    fn what_is_too_short_to_be_secret_stays() {
        assert_eq!(masked(&["1", ""], &["1 of 11"]), "1 of 11");
    }

    #[test]
    fn nothing_that_can_be_no_secret_waits() {
        let mut mask = Mask::new(["hunter2".to_owned()]);
        assert_eq!(mask.feed(b"first line\n"), b"first line\n");
    }
}
