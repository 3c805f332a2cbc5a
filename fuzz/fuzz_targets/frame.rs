//! Frames from a peer: no more is kept than the limit allows, and what is understood is written and read the same.
#![no_main]

use backout::wire::frame;
use backout::wire::message::{FromClient, FromHub};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::Decoder as _;

fuzz_target!(|bytes: &[u8]| {
    let mut codec = frame::codec(frame::FROM_CLIENT);
    let mut input = BytesMut::from(bytes);
    while let Ok(Some(content)) = codec.decode(&mut input) {
        assert!(content.len() <= frame::FROM_CLIENT);
        let _ = frame::read::<FromHub>(&content);
        if let Ok(message) = frame::read::<FromClient>(&content) {
            let written = frame::write(&message, usize::MAX).expect("what was read can be written");
            let again: FromClient = frame::read(&written).expect("our own frame reads back");
            assert_eq!(serde_json::to_vec(&again).ok(), Some(written));
        }
    }
});
