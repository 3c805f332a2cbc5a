//! SSH's wire strings and OpenSSH's way of reading base64. Never looks beyond the bytes it was given.

/// Longest big number OpenSSH reads, in bytes (16,384 bits), without a leading zero.
const MAX_BIGNUM: usize = 2048;

/// Reads SSH wire values (RFC 4251 section 5) off the front of a slice.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A length-prefixed string of any bytes.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    /// A length-prefixed string that C code can hold: no NUL byte.
    pub(crate) fn name(&mut self) -> Option<&'a [u8]> {
        self.string().filter(|bytes| !bytes.contains(&0))
    }

    /// A non-negative big number without its leading zeros.
    pub(crate) fn bignum(&mut self) -> Option<&'a [u8]> {
        let bytes = self.string()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) || bytes.len() > MAX_BIGNUM + 1 {
            return None;
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let trimmed = bytes.get(zeros..)?;
        (trimmed.len() <= MAX_BIGNUM).then_some(trimmed)
    }
}

/// Appends a length-prefixed string.
pub(crate) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing this room writes comes near 4 GiB; a longer string would be cut to an invalid one, never accepted.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a non-negative big number given without leading zeros.
pub(crate) fn put_bignum(out: &mut Vec<u8>, trimmed: &[u8]) {
    if trimmed.first().is_some_and(|first| first & 0x80 != 0) {
        let mut padded = Vec::with_capacity(trimmed.len() + 1);
        padded.push(0);
        padded.extend_from_slice(trimmed);
        put_string(out, &padded);
    } else {
        put_string(out, trimmed);
    }
}

/// Decodes base64 as the C library's `b64_pton` does: white space anywhere, padding required, no stray bits.
pub(crate) fn base64_as_openssh(text: &[u8]) -> Option<Vec<u8>> {
    let compact: Vec<u8> = text.iter().copied().filter(|byte| !is_c_space(*byte)).collect();
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(compact).ok()
}

/// What C's `isspace` calls white space.
pub(crate) fn is_c_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Foreign bytes as text that is safe in a sentence and looks like no other: at most 64 characters of them.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let shown = crate::sanitize::unmistakable(bytes).into_string();
    match shown.char_indices().nth(64) {
        Some((cut, _)) => format!("{}…", shown.get(..cut).unwrap_or_default()),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_longer_than_the_input_is_refused() {
        assert!(Reader::new(&[0, 0, 0, 5, 1, 2]).string().is_none());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff]).string().is_none());
    }

    #[test]
    fn a_negative_number_is_refused_and_leading_zeros_go() {
        assert!(Reader::new(&[0, 0, 0, 1, 0x80]).bignum().is_none());
        assert_eq!(Reader::new(&[0, 0, 0, 3, 0, 0, 7]).bignum(), Some(&[7u8][..]));
    }

    #[test]
    fn base64_may_be_broken_anywhere_but_not_unpadded_or_trailing() {
        assert_eq!(base64_as_openssh(b"aG\n Vs\tbG8=\r\n"), Some(b"hello".to_vec()));
        assert!(base64_as_openssh(b"aGVsbG8").is_none(), "padding is required");
        assert!(base64_as_openssh(b"aGVsbG9=").is_none(), "stray bits are refused");
        assert!(base64_as_openssh(b"aGVsbG8=x").is_none(), "nothing may follow the padding");
    }

    #[test]
    fn foreign_names_cannot_move_the_cursor() {
        assert_eq!(printable(b"ssh\x1b[2J"), "ssh\\u{1b}[2J");
    }
}
