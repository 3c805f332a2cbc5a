//! Stamps without `Z` mean the reader's own time zone, for us exactly as for OpenSSH: daylight saving never applies.

use std::process::{Command, Stdio};

use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Signer};

use super::judge::{Question, TEXT};
use crate::support::{Place, need};

const ZONES: [&str; 5] =
    ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kathmandu"];

#[test]
fn stamps_without_z_agree_with_openssh_in_this_zone() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let alice = Signer::generate_memory([1; 32]);
    let signature = alice.sign(APPROVE, TEXT).unwrap();
    for stamp in ["20260115", "202601151200", "20260715", "20260715120000", "202603290230", "202610250230"] {
        let signers = format!("alice valid-after=\"{stamp}\" {}\n", alice.public_openssh());
        let start = AllowedSigners::parse(signers.as_bytes()).lines()[0].valid_after().unwrap();
        for (at, expected) in [(start - 1, false), (start, true)] {
            let question = Question { at, ..Question::new(&signers, &signature) };
            let zone = std::env::var("TZ");
            assert_eq!(question.stock(place.path()), expected, "{stamp} in {zone:?} is not {start}");
            assert_eq!(question.as_openssh().is_ok(), expected);
        }
    }
}

#[test]
fn stamps_without_z_agree_with_openssh_in_other_zones() {
    // A process has one time zone, so each zone gets a run of its own of the test above.
    for zone in ZONES {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "identity::zones::stamps_without_z_agree_with_openssh_in_this_zone",
                "--nocapture",
            ])
            .env("TZ", zone)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{zone}: {said}");
    }
}
