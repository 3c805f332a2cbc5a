use super::*;
use crate::core::event::Seen;
use crate::hub::log::Log;
use crate::hub::shared::Identity;
use crate::hub::wish::Wishes;

fn shared() -> (Arc<Shared>, mpsc::Receiver<Wish>) {
    let text = String::new;
    let identity = Identity {
        dir: "/".into(),
        name: text(),
        segment: text(),
        segment_key: text(),
        hub_key: text(),
        runbook: text(),
        team: text(),
        roster: text(),
    };
    let (wishes, heard) = mpsc::channel(1);
    (Arc::new(Shared::new(identity, Arc::new(Log::new()), Wishes(wishes))), heard)
}

/// Whoever read the files may know of a batch whose sync is still under way. An act of theirs that is about it must
/// not be judged by what was before.
#[tokio::test]
async fn a_newcomer_is_told_of_the_batch_that_was_being_written_when_they_came() {
    let (shared, mut wishes) = shared();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let peer = Peer { number: 1, via: "test".to_owned(), displaced: Arc::default() };
    tokio::spawn(serve(theirs, peer, shared.clone()));
    let (mut reader, mut writer) = ours.into_split();
    let hello = FromClient::Hello { protocol: PROTOCOL, program: "test".to_owned(), from: 0 };
    let mut frames = Vec::new();
    frame::append(&mut frames, &hello, frame::FROM_CLIENT).unwrap();
    writer.write_all(&frames).await.unwrap();

    let Some(Wish::Settled(told)) = wishes.recv().await else { panic!("it asks the room first") };
    shared.log.push(0, "line\nseal\n", Seen { n: 1, root: "r".to_owned() });
    told.send(()).unwrap();

    let mut content = vec![0; reader.read_u32().await.unwrap() as usize];
    reader.read_exact(&mut content).await.unwrap();
    let FromHub::Welcome(welcome) = frame::read(&content).unwrap() else { panic!("{content:?}") };
    assert_eq!(welcome.head.n, 1);
}
