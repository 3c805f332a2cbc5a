//! SHA-256 of one byte and what follows it, which is every hash of the tree. FIPS 180-4, section 5.1.1 and 6.2.
//!
//! The library compresses; here a message is only laid into blocks. Its own way of doing that costs as much as a third
//! of the compression for lines as short as ours, and a record has two such hashes for every event. Never buffers more
//! than two blocks.

use sha2::block_api::compress256;

use super::Hash;

const BLOCK: usize = 64;
/// What the length takes at the end of the last block.
const LENGTH: usize = 8;

/// FIPS 180-4, 5.3.3: the first 32 bits of the fractional parts of the square roots of the first eight primes.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// `SHA-256(first || rest)`.
pub(super) fn sha256(first: u8, rest: &[u8]) -> Hash {
    let mut state = START;
    // What is left, a one, zeros, and the length of all of it in bits: one block or two.
    let mut last = [0; 2 * BLOCK];
    let used = match rest.split_first_chunk::<{ BLOCK - 1 }>() {
        Some((begin, rest)) => {
            let mut block = [first; BLOCK];
            fill(&mut block, 1, begin);
            compress256(&mut state, &[block]);
            let (blocks, tail) = rest.as_chunks::<BLOCK>();
            compress256(&mut state, blocks);
            fill(&mut last, 0, tail)
        }
        None => {
            fill(&mut last, 0, &[first]);
            fill(&mut last, 1, rest)
        }
    };
    fill(&mut last, used, &[0x80]);
    let blocks = if used < BLOCK - LENGTH { 1 } else { 2 };
    let bits = (rest.len() as u64 + 1) * 8;
    fill(&mut last, blocks * BLOCK - LENGTH, &bits.to_be_bytes());
    compress256(&mut state, last.as_chunks().0.get(..blocks).unwrap_or_default());
    let mut hash = Hash::default();
    for (to, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    hash
}

/// Writes the bytes at this place. Gives the place after them.
#[inline(always)]
fn fill(block: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let end = at + bytes.len();
    if let Some(place) = block.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn every_length_hashes_as_the_library_hashes_it() {
        let bytes: Vec<u8> = (0..1_000u32).map(|i| (i * 31 % 251) as u8).collect();
        for length in (0..300).chain([511, 512, 513, 999, 1_000]) {
            let rest = &bytes[..length];
            for first in [0, 1, 0x80, 0xff] {
                let theirs: Hash = Sha256::new().chain_update([first]).chain_update(rest).finalize().into();
                assert_eq!(sha256(first, rest), theirs, "{first} and {length} bytes");
            }
        }
    }
}
