//! The intents behind events about command, questions, removals and promises. Never judges them.

use crate::core::event::{
    BacklogSettled, HandedOver, Inherited, ObjectionAnswered, OfferEnded, Offered, PollAnswered, PollClosed,
    PollOpened, PromiseSettled, Promised, Redacted, RedactionAsked, Refused, SessionRevoked, ShiftShort,
    TenureExceeded, Told,
};
use crate::core::intent::Intent;

/// The fields of the event that its intent repeats.
macro_rules! same_fields {
    ($($kind:ident => $intent:ident { $($field:ident),* }),* $(,)?) => {
        $(impl From<&$kind> for Intent {
            fn from(data: &$kind) -> Intent {
                Intent::$intent { $($field: data.$field.clone(),)* }
            }
        })*
    };
}

same_fields! {
    SessionRevoked => RevokeSession { session, reason },
    Inherited => Inherit { name, owner, reason },
    BacklogSettled => SettleBacklog { name, count, reason },
    Refused => RecordRefusal { gate, person, why },
    Offered => Offer { to, seen, expires, key },
    OfferEnded => EndOffer { offer, how, reason },
    HandedOver => TakeCommand { offer, read_back, key },
    TenureExceeded => ExceedTenure { role, person },
    ShiftShort => NoteShortShift { person, last },
    PollOpened => OpenPoll { question, lasts },
    PollAnswered => AnswerPoll { poll, opinion, reason },
    PollClosed => ClosePoll { poll, how },
    ObjectionAnswered => AnswerObjection { objection, words },
    RedactionAsked => AskRedaction { event, parts, reason, seen, expires, key },
    Redacted => Redact { asked, key },
    Promised => Promise { to, words, due },
    PromiseSettled => SettlePromise { promise, how, words },
    Told => Tell { to, words },
}
