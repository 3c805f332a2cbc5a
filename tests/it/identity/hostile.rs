//! Bytes from anywhere: a reader answers, it never panics, and what it accepts is what was signed.

use backout::identity::key::{Presented, read_public};
use backout::identity::sshsig::{APPROVE, Envelope};
use backout::identity::{AllowedSigners, Revoked, Signer, session};
use proptest::prelude::*;

use super::judge::{NOON, TEXT, armor, dearmor};

fn alice() -> Signer {
    Signer::generate_memory([1; 32])
}

/// Text made of the pieces these formats consist of, so that readers get past their first check.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"alice".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\\\"".to_vec()),
        Just(b",".to_vec()),
        Just(b"!*?".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n\0".to_vec()),
        Just(b"cert-authority".to_vec()),
        Just(b"namespaces=\"".to_vec()),
        Just(b"valid-after=\"20260101Z\"".to_vec()),
        Just(alice().public_openssh().into_bytes()),
        Just(b"ssh-rsa AAAAB3NzaC1yc2EAAAA".to_vec()),
        Just(b"-----BEGIN SSH SIGNATURE-----\n".to_vec()),
        Just(b"\n-----END SSH SIGNATURE-----".to_vec()),
        Just(b"SSHSIG\0\0\0\x01\0\0\0\x0bssh-ed25519".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..24),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_reader_panics(bytes in pieces()) {
        let signers = AllowedSigners::parse(&bytes);
        prop_assert!(signers.lint().len() >= signers.errors().len());
        let _ = Revoked::parse(&bytes);
        let _ = Presented::from_blob(&bytes);
        let _ = read_public(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = session::verify_act(&text, &bytes, &text);
        prop_assert!(Envelope::parse(&bytes).is_err(), "these pieces never make a signature");
    }

    #[test]
    fn a_blob_that_is_read_is_written_back_as_it_was(position in 0usize..51, byte in any::<u8>()) {
        let mut blob = alice().presented().to_blob();
        blob[position] = byte;
        if let Ok(presented) = Presented::from_blob(&blob) {
            prop_assert_eq!(presented.to_blob(), blob);
        }
    }
}

#[test]
fn no_flipped_bit_of_a_signature_counts() {
    let signers = AllowedSigners::parse(format!("alice {}\n", alice().public_openssh()).as_bytes());
    let bytes = dearmor(&alice().sign(APPROVE, TEXT).unwrap());
    let counts = |bytes: &[u8]| {
        signers.verify("alice", APPROVE, TEXT, &armor(bytes, 70), NOON, &Revoked::none()).is_ok()
    };
    assert!(counts(&bytes));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!counts(&changed), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(!counts(&bytes[..length]), "cut to {length}");
    }
}
