//! The one table of what the console can do: keys, footer hints and help all come from here. What an action does
//! stands in [`super::update`].

use super::keymap::{Code, Context, Key, char, ctrl, key};

/// Names an action in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each has its help text in the table below")]
pub enum ActionId {
    Pulse,
    Records,
    Operations,
    NextLink,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Pane,
    Open,
    Back,
    Ensure,
    Sync,
    Rehydrate,
    Mark,
    MarkAll,
    Range,
    Unmark,
    PreviousDrift,
    NextDrift,
    Filter,
    Sort,
    CopyId,
    CopyStatus,
    End,
    Breaker,
    Arm,
    Poll,
    Help,
    Quit,
    Redraw,
    Suspend,
    Interrupt,
    Yes,
    Accept,
    Cancel,
    NextField,
    PreviousField,
    Longer,
    Shorter,
    ProbeNow,
    StopAll,
    Release,
    OtherInstance,
}

/// One thing that the console can do.
#[derive(Debug)]
pub struct Action {
    /// Which one.
    pub id: ActionId,
    /// Where its keys work.
    pub contexts: &'static [Context],
    /// Its keys, the one to show first.
    pub keys: &'static [Key],
    /// Whether it leads to a request that writes; never without arming and a confirmation.
    pub writes: bool,
    /// What the footer says; empty where the footer says nothing.
    pub hint: &'static str,
    /// What the help says.
    pub help: &'static str,
}

const SCREENS: &[Context] = &[Context::Screens];
const LISTS: &[Context] = &[Context::Records, Context::Sides, Context::Operations];
const RECORD: &[Context] = &[Context::Records, Context::Sides];

const fn action(
    id: ActionId,
    contexts: &'static [Context],
    keys: &'static [Key],
    hint: &'static str,
    help: &'static str,
) -> Action {
    Action {
        id,
        contexts,
        keys,
        writes: false,
        hint,
        help,
    }
}

const fn verb(
    id: ActionId,
    contexts: &'static [Context],
    keys: &'static [Key],
    hint: &'static str,
    help: &'static str,
) -> Action {
    Action {
        id,
        contexts,
        keys,
        writes: true,
        hint,
        help,
    }
}

/// All actions, in the order in which footers and help show them.
pub const ACTIONS: &[Action] = &[
    verb(
        ActionId::Ensure,
        RECORD,
        &[char('E')],
        "ensure",
        "create what is missing in the target; change nothing else",
    ),
    verb(
        ActionId::Sync,
        &[Context::Pulse, Context::Records, Context::Sides],
        &[char('T')],
        "retry sync",
        "do what a sync would: to these records; on Pulse, to all",
    ),
    verb(
        ActionId::Rehydrate,
        RECORD,
        &[char('H')],
        "rehydrate",
        "fill stubs and stale records from the source",
    ),
    action(
        ActionId::Mark,
        &[Context::Records],
        &[char(' ')],
        "mark",
        "mark or unmark the record under the cursor",
    ),
    action(
        ActionId::MarkAll,
        &[Context::Records],
        &[char('a')],
        "all",
        "mark all records that are shown",
    ),
    action(
        ActionId::PreviousDrift,
        &[Context::Records],
        &[char('[')],
        "",
        "list the drift before this one",
    ),
    action(
        ActionId::NextDrift,
        &[Context::Records],
        &[char(']')],
        "drift",
        "list the next drift only",
    ),
    action(
        ActionId::Filter,
        &[Context::Records],
        &[char('/')],
        "filter",
        "filter as you type: name, number, table, id; Esc ends it",
    ),
    action(
        ActionId::Range,
        &[Context::Records],
        &[char('v')],
        "range",
        "begin a range at the cursor; again: mark from there to here",
    ),
    action(
        ActionId::Unmark,
        &[Context::Records],
        &[char('u')],
        "none",
        "take all marks off",
    ),
    action(
        ActionId::Sort,
        &[Context::Records],
        &[char('s')],
        "sort",
        "sort: worst first, longest pending, name, latest attempt",
    ),
    verb(
        ActionId::Open,
        LISTS,
        &[key(Code::Enter)],
        "",
        "go deeper: both sides; what was left behind goes on",
    ),
    action(
        ActionId::End,
        &[Context::Operations],
        &[char('x')],
        "end it",
        "take back what the operation has not sent yet",
    ),
    action(
        ActionId::CopyId,
        RECORD,
        &[char('y')],
        "copy id",
        "send the record's id to the terminal's clipboard",
    ),
    action(
        ActionId::CopyStatus,
        &[Context::Pulse],
        &[char('Y')],
        "copy status",
        "the state of the link as plain text, and to the clipboard",
    ),
    action(
        ActionId::Breaker,
        SCREENS,
        &[char('B')],
        "breaker",
        "an instance's breakers: probe now, stop all calls, release",
    ),
    action(
        ActionId::Arm,
        SCREENS,
        &[char('W')],
        "arm",
        "unlock writes to the target for a while, or lock them",
    ),
    action(
        ActionId::Poll,
        SCREENS,
        &[char('r')],
        "poll",
        "probe both instances and compare now",
    ),
    action(
        ActionId::Pulse,
        SCREENS,
        &[char('1')],
        "",
        "the Pulse view: both instances and the link between them",
    ),
    action(
        ActionId::Records,
        SCREENS,
        &[char('2')],
        "",
        "the Records view: what is not in step, worst first",
    ),
    action(
        ActionId::Operations,
        SCREENS,
        &[char('3')],
        "",
        "the Operations view: what was asked for, how far it came",
    ),
    action(
        ActionId::NextLink,
        SCREENS,
        &[char('L')],
        "",
        "the next link, where there are several",
    ),
    action(
        ActionId::Up,
        LISTS,
        &[key(Code::Up), char('k')],
        "",
        "one line up",
    ),
    action(
        ActionId::Down,
        LISTS,
        &[key(Code::Down), char('j')],
        "",
        "one line down",
    ),
    action(
        ActionId::PageUp,
        LISTS,
        &[key(Code::PageUp), ctrl('u')],
        "",
        "one page up",
    ),
    action(
        ActionId::PageDown,
        LISTS,
        &[key(Code::PageDown), ctrl('d')],
        "",
        "one page down",
    ),
    action(ActionId::First, LISTS, &[key(Code::Home)], "", "to the top"),
    action(ActionId::Last, LISTS, &[key(Code::End)], "", "to the end"),
    action(
        ActionId::Pane,
        &[Context::Operations],
        &[key(Code::Tab)],
        "pane",
        "between the operations and the chosen one's records",
    ),
    action(
        ActionId::Back,
        SCREENS,
        &[key(Code::Esc)],
        "",
        "back: takes off a range, then the filter, then the view",
    ),
    action(
        ActionId::Quit,
        SCREENS,
        &[char('q')],
        "quit",
        "quit; asks first while an operation runs",
    ),
    action(
        ActionId::Help,
        SCREENS,
        &[char('?'), key(Code::F1)],
        "help",
        "this page",
    ),
    action(
        ActionId::Redraw,
        &[Context::Always],
        &[ctrl('l')],
        "",
        "draw the screen anew",
    ),
    action(
        ActionId::Suspend,
        &[Context::Always],
        &[ctrl('z')],
        "",
        "leave the terminal to the shell; fg comes back",
    ),
    action(
        ActionId::Interrupt,
        &[Context::Always],
        &[ctrl('c')],
        "",
        "cancel a dialog; twice quits",
    ),
    verb(
        ActionId::Yes,
        &[Context::Dialog, Context::Breaker],
        &[char('y')],
        "",
        "do what the dialog asks about",
    ),
    action(
        ActionId::Accept,
        &[Context::Field, Context::Dialog, Context::Breaker],
        &[key(Code::Enter)],
        "",
        "take what was typed",
    ),
    action(
        ActionId::Cancel,
        &[Context::Field, Context::Dialog, Context::Breaker],
        &[key(Code::Esc)],
        "",
        "close the dialog; nothing is done",
    ),
    action(
        ActionId::NextField,
        &[Context::Field, Context::Dialog],
        &[key(Code::Tab), key(Code::Down)],
        "",
        "the next field of the dialog",
    ),
    action(
        ActionId::PreviousField,
        &[Context::Field, Context::Dialog],
        &[key(Code::BackTab), key(Code::Up)],
        "",
        "the field before",
    ),
    action(
        ActionId::Longer,
        &[Context::Dialog],
        &[char('+')],
        "",
        "arm for longer",
    ),
    action(
        ActionId::Shorter,
        &[Context::Dialog],
        &[char('-')],
        "",
        "arm for a shorter time",
    ),
    action(
        ActionId::ProbeNow,
        &[Context::Breaker],
        &[char('p')],
        "",
        "probe now, without waiting for the countdown",
    ),
    action(
        ActionId::StopAll,
        &[Context::Breaker],
        &[char('s')],
        "",
        "send nothing more to the instance, once a reason was given",
    ),
    action(
        ActionId::Release,
        &[Context::Breaker],
        &[char('l')],
        "",
        "take a forced stop back",
    ),
    action(
        ActionId::OtherInstance,
        &[Context::Breaker],
        &[key(Code::Tab)],
        "",
        "the other instance",
    ),
];

/// The row of an action.
pub fn of(id: ActionId) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.id == id)
}
