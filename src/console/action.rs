//! The one table of everything a person can do here. Help, hints, palette and keymap are derived from it; nothing else
//! lists actions. Never does any of it.

use super::key::{Code, Key};

/// Everything a person can do at the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // The table below documents each one.
pub enum Action {
    // Looking around.
    Help,
    Palette,
    Act,
    Attend,
    Back,
    Detach,
    FocusNext,
    FocusPrevious,
    Checklist,
    Step,
    Metrics,
    People,
    Timeline,
    ViewRun,
    ViewOptions,
    ViewMetrics,
    ViewTimeline,
    ViewPeople,
    ViewComms,
    ViewLedger,
    ViewGantt,
    NextView,
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    Top,
    Bottom,
    Filter,
    NextMatch,
    PreviousMatch,
    Follow,
    Wrap,
    /// The pane's text into a file.
    Save,
    /// When each line of output came.
    Times,
    Copy,
    Redraw,
    /// Clicks and the wheel.
    Mouse,
    Suspend,
    // Deeds: each opens a dialog that says what will happen.
    Approve,
    Deny,
    Override,
    Start,
    Confirm,
    Choose,
    Send,
    Settle,
    SettleFailed,
    Retry,
    Continue,
    Goto,
    Skip,
    MarkDone,
    Undo,
    Cancel,
    Kill,
    Keep,
    TakeSeat,
    LeaveSeat,
    HandOver,
    TakeCommand,
    LeaveOffer,
    Ask,
    Fine,
    Object,
    Abstain,
    Reply,
    Remove,
    AgreeRemoval,
    Note,
    Promise,
    PromiseKept,
    PromiseBack,
    Told,
    RuleOut,
    Pause,
    GoOn,
    Mitigate,
    Resolve,
    Inherit,
    SettleBacklog,
    Abort,
    Close,
}

/// What an action leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Changes only what this screen shows.
    View,
    /// Becomes part of the record. Always through a dialog.
    Deed,
    /// A deed that cannot be taken back: something must be typed.
    Final,
}

/// Where an action makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On every screen and in every dialog.
    Anywhere,
    /// When no dialog is open.
    Screen,
    /// When the pane with the focus scrolls.
    List,
    /// When the pane with the focus follows something growing.
    Feed,
    /// About the selected step.
    OfStep,
    /// About the incident.
    OfIncident,
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// The action.
    pub action: Action,
    /// Its name in the palette, the configuration and the documentation.
    pub name: &'static str,
    /// One line about it.
    pub doc: &'static str,
    /// Where it makes sense.
    pub place: Place,
    /// What it leads to.
    pub weight: Weight,
    /// Default keys. Deeds have none: they go through `enter` or the palette.
    pub keys: &'static [Key],
}

const fn view(
    action: Action,
    name: &'static str,
    doc: &'static str,
    place: Place,
    keys: &'static [Key],
) -> Entry {
    Entry { action, name, doc, place, weight: Weight::View, keys }
}

const fn deed(action: Action, name: &'static str, doc: &'static str, place: Place) -> Entry {
    Entry { action, name, doc, place, weight: Weight::Deed, keys: &[] }
}

const fn final_deed(action: Action, name: &'static str, doc: &'static str, place: Place) -> Entry {
    Entry { action, name, doc, place, weight: Weight::Final, keys: &[] }
}

const fn plain(code: Code) -> Key {
    Key::plain(code)
}

/// Every action, in the order of help and palette.
pub const TABLE: &[Entry] = &[
    view(Action::Act, "act", "what can be done with the selected step", Place::Screen, &[plain(Code::Enter)]),
    view(Action::Attend, "attend", "go to what waits for you", Place::Screen, &[Key::char('.')]),
    view(Action::Help, "help", "this list", Place::Anywhere, &[Key::char('?'), plain(Code::F(1))]),
    view(Action::Palette, "palette", "every action by name", Place::Screen, &[Key::char(':')]),
    view(Action::Back, "back", "close one dialog; never leaves", Place::Anywhere, &[plain(Code::Esc)]),
    view(
        Action::Detach,
        "detach",
        "leave this screen; the incident goes on",
        Place::Screen,
        &[Key::char('q')],
    ),
    view(Action::FocusNext, "next-pane", "next pane", Place::Screen, &[plain(Code::Tab)]),
    view(Action::FocusPrevious, "previous-pane", "previous pane", Place::Screen, &[plain(Code::BackTab)]),
    view(Action::Checklist, "checklist", "the steps", Place::Screen, &[Key::char('1')]),
    view(Action::Step, "step", "the selected step and its output", Place::Screen, &[Key::char('2')]),
    view(Action::Metrics, "metrics", "the measurements", Place::Screen, &[Key::char('3')]),
    view(Action::People, "people", "seats, people and approvals", Place::Screen, &[Key::char('4')]),
    view(Action::Timeline, "timeline", "what happened", Place::Screen, &[Key::char('5')]),
    view(
        Action::ViewRun,
        "view-run",
        "the usual screen: steps, output, numbers",
        Place::Screen,
        &[Key::char('r'), plain(Code::F(2))],
    ),
    view(
        Action::ViewOptions,
        "view-options",
        "the ways back, and not going back",
        Place::Screen,
        &[Key::char('o'), plain(Code::F(3))],
    ),
    view(
        Action::ViewMetrics,
        "view-metrics",
        "large charts: before, during, after",
        Place::Screen,
        &[Key::char('m'), plain(Code::F(4))],
    ),
    view(
        Action::ViewTimeline,
        "view-timeline",
        "the whole record, one event in full",
        Place::Screen,
        &[Key::char('t'), plain(Code::F(5))],
    ),
    view(
        Action::ViewPeople,
        "view-people",
        "seats, approvals, who is here how long",
        Place::Screen,
        &[Key::char('p'), plain(Code::F(6))],
    ),
    view(
        Action::ViewComms,
        "view-comms",
        "what was said, and what is due to whom",
        Place::Screen,
        &[Key::char('c'), plain(Code::F(7))],
    ),
    view(
        Action::ViewLedger,
        "view-ledger",
        "what is owed: suspensions, backlog, timers",
        Place::Screen,
        &[Key::char('l'), plain(Code::F(8))],
    ),
    view(
        Action::ViewGantt,
        "view-gantt",
        "planned against actual, and the goal",
        Place::Screen,
        &[Key::char('b'), plain(Code::F(9))],
    ),
    view(Action::NextView, "next-view", "the next of these screens", Place::Screen, &[Key::char('v')]),
    view(Action::Up, "up", "one line up", Place::List, &[plain(Code::Up), Key::char('k')]),
    view(Action::Down, "down", "one line down", Place::List, &[plain(Code::Down), Key::char('j')]),
    view(Action::HalfUp, "half-up", "half a page up", Place::List, &[Key::ctrl('u')]),
    view(Action::HalfDown, "half-down", "half a page down", Place::List, &[Key::ctrl('d')]),
    view(Action::PageUp, "page-up", "a page up", Place::List, &[plain(Code::PageUp), Key::ctrl('b')]),
    view(Action::PageDown, "page-down", "a page down", Place::List, &[plain(Code::PageDown), Key::ctrl('f')]),
    view(Action::Top, "top", "to the beginning", Place::List, &[Key::char('g'), plain(Code::Home)]),
    view(Action::Bottom, "bottom", "to the end", Place::List, &[Key::char('G'), plain(Code::End)]),
    view(Action::Filter, "filter", "show only lines with this text", Place::List, &[Key::char('/')]),
    view(Action::NextMatch, "next-match", "next line with the text", Place::List, &[Key::char('n')]),
    view(
        Action::PreviousMatch,
        "previous-match",
        "previous line with the text",
        Place::List,
        &[Key::char('N')],
    ),
    view(Action::Follow, "follow", "stay at the end, or stop doing so", Place::Feed, &[Key::char('F')]),
    view(Action::Wrap, "wrap", "long lines on several rows, or cut", Place::Feed, &[Key::char('w')]),
    view(Action::Times, "times", "when each line of output came, or not", Place::Feed, &[Key::char('T')]),
    view(
        Action::Copy,
        "copy",
        "send the pane's text to the terminal's clipboard",
        Place::Screen,
        &[Key::char('y')],
    ),
    view(Action::Save, "save", "write the pane's text to a new file", Place::Screen, &[Key::char('Y')]),
    view(Action::Redraw, "redraw", "draw everything anew", Place::Anywhere, &[Key::ctrl('l')]),
    view(Action::Mouse, "mouse", "clicks select and the wheel scrolls, or neither does", Place::Screen, &[]),
    view(Action::Suspend, "suspend", "stop this program until `fg`", Place::Anywhere, &[Key::ctrl('z')]),
    deed(Action::Approve, "approve", "sign that this may go on", Place::OfStep),
    deed(Action::Deny, "deny", "sign that this may not go on", Place::OfStep),
    deed(Action::Start, "start", "carry out the step", Place::OfStep),
    deed(Action::Confirm, "confirm", "say that the manual step is done", Place::OfStep),
    deed(Action::Choose, "choose", "decide for one of the ways on", Place::OfStep),
    deed(Action::Send, "send", "send the message", Place::OfStep),
    deed(Action::Settle, "settle-succeeded", "the unknown outcome was a success", Place::OfStep),
    deed(Action::SettleFailed, "settle-failed", "the unknown outcome was not a success", Place::OfStep),
    deed(Action::Retry, "retry", "try again; at an approval, ask for it again", Place::OfStep),
    deed(Action::Continue, "continue", "go on in spite of the failure", Place::OfStep),
    deed(Action::Goto, "goto", "go on at a later step; those between are left out", Place::OfStep),
    deed(Action::Skip, "skip", "leave the step out", Place::OfStep),
    deed(Action::MarkDone, "mark-done", "it was done by hand, outside this program", Place::OfStep),
    deed(Action::Undo, "undo", "take the step back", Place::OfStep),
    deed(Action::Keep, "keep", "after an abort: what the step did stays", Place::OfStep),
    deed(Action::Cancel, "cancel", "ask the running step to stop", Place::OfStep),
    final_deed(Action::Kill, "kill", "end the running step at once, without clean-up", Place::OfStep),
    deed(Action::TakeSeat, "take-seat", "sit down in a role", Place::OfIncident),
    deed(Action::LeaveSeat, "leave-seat", "get up from a role", Place::OfIncident),
    deed(Action::HandOver, "hand-over", "offer the command, by a packet they read back", Place::OfIncident),
    deed(
        Action::TakeCommand,
        "take-command",
        "read the packet back, sign it, and command",
        Place::OfIncident,
    ),
    deed(Action::LeaveOffer, "leave-command", "the command stays with whoever has it", Place::OfIncident),
    deed(Action::Ask, "ask", "any strong objections? hearing none, it proceeds", Place::OfIncident),
    deed(Action::Fine, "fine", "nothing against what is asked", Place::OfIncident),
    deed(Action::Object, "object", "stop what is asked", Place::OfIncident),
    deed(Action::Abstain, "abstain", "neither for nor against what is asked", Place::OfIncident),
    deed(Action::Reply, "reply", "answer an objection", Place::OfIncident),
    deed(Action::Remove, "remove", "sign that what is kept beside an event be removed", Place::OfIncident),
    deed(Action::AgreeRemoval, "agree-removal", "sign too; then it is removed", Place::OfIncident),
    deed(Action::Note, "note", "write something into the record", Place::OfIncident),
    deed(Action::Promise, "promise", "what people outside may expect, by when", Place::OfIncident),
    deed(Action::PromiseKept, "promise-kept", "what was promised has happened", Place::OfIncident),
    deed(
        Action::PromiseBack,
        "promise-back",
        "what was promised will not happen, and they know",
        Place::OfIncident,
    ),
    deed(Action::Told, "told", "somebody on the list was told by hand", Place::OfIncident),
    deed(Action::RuleOut, "rule-out", "a way that is not gone, and why", Place::OfIncident),
    deed(Action::Pause, "pause", "nothing new starts", Place::OfIncident),
    deed(Action::GoOn, "go-on", "steps may start again", Place::OfIncident),
    deed(Action::Mitigate, "mitigated", "the harm has stopped", Place::OfIncident),
    deed(Action::Resolve, "resolved", "the service is whole again", Place::OfIncident),
    deed(Action::Inherit, "take-over", "answer for what stays suspended", Place::OfIncident),
    deed(Action::SettleBacklog, "settle-backlog", "items were reconciled", Place::OfIncident),
    final_deed(Action::Override, "override", "break glass: go on without the quorum", Place::OfStep),
    final_deed(Action::Abort, "abort", "end the way forward; undo is offered", Place::OfIncident),
    final_deed(Action::Close, "close", "close the record; nothing is written after", Place::OfIncident),
];

impl Action {
    /// The row of this action.
    pub fn entry(self) -> &'static Entry {
        // Every action has a row; the test says so. The first row stands in where that is not known.
        static NONE: Entry = view(Action::Act, "act", "", Place::Screen, &[]);
        TABLE.iter().find(|e| e.action == self).unwrap_or(&NONE)
    }

    /// The action of this name.
    pub fn named(name: &str) -> Option<Action> {
        TABLE.iter().find(|e| e.name == name).map(|e| e.action)
    }

    /// Whether it becomes part of the record.
    pub fn is_deed(self) -> bool {
        self.entry().weight != Weight::View
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_own_action_name_and_doc() {
        for (n, entry) in TABLE.iter().enumerate() {
            let rest = &TABLE[n + 1..];
            assert!(rest.iter().all(|e| e.action != entry.action && e.name != entry.name), "{}", entry.name);
            assert!(!entry.doc.is_empty() && !entry.doc.ends_with('.'));
            assert_eq!(Action::named(entry.name), Some(entry.action));
            assert_eq!(entry.action.entry().name, entry.name);
        }
    }

    #[test]
    fn no_deed_hangs_on_a_key() {
        for entry in TABLE {
            assert!(entry.weight == Weight::View || entry.keys.is_empty(), "{}", entry.name);
        }
    }

    #[test]
    fn the_tail_of_an_escape_sequence_does_nothing_that_matters() {
        // Should every other guard fail, these are what a split sequence would type.
        let tails = "[OABCDEFGHPQRSZ~umMI";
        for entry in
            TABLE.iter().filter(|e| matches!(e.action, Action::Detach | Action::Act | Action::Suspend))
        {
            for key in entry.keys {
                assert!(!matches!(key.code, Code::Char(c) if tails.contains(c)), "{}", entry.name);
            }
        }
    }
}
