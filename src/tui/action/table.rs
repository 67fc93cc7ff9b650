//! The rows of the registry, in the order in which footers, help and the README show them.

use super::{Action, ActionId, Confirmed, Reason, Undo, Writes};
use crate::tui::keymap::{Code, Context, char, ctrl, key};

const SCREENS: &[Context] = &[Context::Screens];
const LISTS: &[Context] = &[
    Context::Records,
    Context::Sides,
    Context::Operations,
    Context::Runs,
    Context::Tickets,
    Context::Timeline,
];
const RECORD: &[Context] = &[Context::Records, Context::Sides];

/// All actions.
pub const ACTIONS: &[Action] = &[
    Action::new(
        ActionId::Ensure,
        "ensure",
        RECORD,
        &[char('E')],
        "create what is missing in the target; change nothing else",
    )
    .command("ensure")
    .hint("ensure")
    .reads("the record on both sides")
    .writes(
        Writes::Target,
        Confirmed::Count,
        Undo::By("a row that was created stays"),
    )
    .reason(Reason::Many),
    Action::new(
        ActionId::Sync,
        "sync",
        &[
            Context::Pulse,
            Context::Records,
            Context::Sides,
            Context::Runs,
        ],
        &[char('T')],
        "do what a sync would: to these; on Pulse, Runs: to all",
    )
    .command("sync")
    .hint("retry sync")
    .reads("the records on both sides")
    .writes(
        Writes::Target,
        Confirmed::Count,
        Undo::By("what it overwrites is kept for 30 days"),
    )
    .reason(Reason::Many),
    Action::new(
        ActionId::Rehydrate,
        "rehydrate",
        RECORD,
        &[char('H')],
        "fill stubs and stale records from the source",
    )
    .command("rehydrate")
    .hint("rehydrate")
    .reads("the records on both sides")
    .writes(
        Writes::Target,
        Confirmed::Count,
        Undo::By("what it overwrites is kept for 30 days"),
    )
    .reason(Reason::Many),
    Action::new(
        ActionId::Mark,
        "mark",
        &[Context::Records],
        &[char(' ')],
        "mark or unmark the record under the cursor",
    )
    .hint("mark"),
    Action::new(
        ActionId::MarkAll,
        "mark-all",
        &[Context::Records],
        &[char('a')],
        "mark all records that are shown",
    )
    .hint("all"),
    Action::new(
        ActionId::Invert,
        "invert",
        &[Context::Records],
        &[char('A')],
        "mark what is shown and not marked, and the other way round",
    ),
    Action::new(
        ActionId::PreviousDrift,
        "previous-drift",
        &[Context::Records, Context::Tickets],
        &[char('[')],
        "list the drift, or the mark, before this one",
    ),
    Action::new(
        ActionId::NextDrift,
        "next-drift",
        &[Context::Records, Context::Tickets],
        &[char(']')],
        "list the next drift, or mark, only",
    )
    .hint("switch"),
    Action::new(
        ActionId::Filter,
        "filter",
        &[Context::Records, Context::Timeline],
        &[char('/')],
        "filter by words, drift: table: why: age> tickets> !not ~abc",
    )
    .hint("filter"),
    Action::new(
        ActionId::Range,
        "range",
        &[Context::Records],
        &[char('v')],
        "begin a range at the cursor; again: mark from there to here",
    )
    .hint("range"),
    Action::new(
        ActionId::Unmark,
        "unmark",
        &[Context::Records],
        &[char('u')],
        "take all marks off",
    )
    .hint("none"),
    Action::new(
        ActionId::Sort,
        "sort",
        &[Context::Records],
        &[char('s')],
        "by what the list is sorted: a menu",
    )
    .hint("sort"),
    Action::new(
        ActionId::Open,
        "open",
        &[
            Context::Records,
            Context::Sides,
            Context::Operations,
            Context::Runs,
            Context::Tickets,
        ],
        &[key(Code::Enter)],
        "go deeper: both sides; what was left behind goes on",
    )
    .reads("the record on both sides")
    .writes(
        Writes::Target,
        Confirmed::Count,
        Undo::By("what it overwrites is kept for 30 days"),
    ),
    Action::new(
        ActionId::Pause,
        "pause",
        &[Context::Operations],
        &[char('p')],
        "send nothing more of the operation until a person goes on",
    )
    .hint("pause")
    .writes(
        Writes::Tandem,
        Confirmed::Not,
        Undo::By("open goes on with it"),
    ),
    Action::new(
        ActionId::End,
        "end",
        &[Context::Operations],
        &[char('x')],
        "take back what the operation has not sent yet",
    )
    .hint("end it")
    .writes(
        Writes::Tandem,
        Confirmed::Yes,
        Undo::By("what was sent stays"),
    ),
    Action::new(
        ActionId::Retry,
        "retry",
        &[Context::Operations],
        &[char('R')],
        "try again what failed of the operation, by the same verb",
    )
    .command("retry")
    .hint("retry failed")
    .reads("the records on both sides")
    .writes(
        Writes::Target,
        Confirmed::Count,
        Undo::By("what it overwrites is kept for 30 days"),
    )
    .reason(Reason::Many),
    Action::new(
        ActionId::Rerun,
        "rerun",
        &[Context::Runs],
        &[char('R')],
        "have the platform repeat an old run, with its old data",
    )
    .command("sync --rerun RUN")
    .hint("run again")
    .writes(
        Writes::Target,
        Confirmed::Yes,
        Undo::By("a new run brings the new data"),
    ),
    Action::new(
        ActionId::CancelRun,
        "cancel-run",
        &[Context::Runs],
        &[char('x')],
        "have the platform end a run that is under way",
    )
    .command("sync --cancel RUN")
    .hint("end it")
    .writes(
        Writes::Target,
        Confirmed::Yes,
        Undo::By("what it wrote stays"),
    ),
    Action::new(
        ActionId::SwapSide,
        "swap-side",
        &[Context::Sides],
        &[char(' ')],
        "choosing by column: the other side's value stands here",
    ),
    Action::new(
        ActionId::CopyId,
        "copy-id",
        RECORD,
        &[char('y')],
        "send the record's id to the terminal's clipboard",
    )
    .hint("copy id"),
    Action::new(
        ActionId::Take,
        "ack",
        &[Context::Pulse, Context::Timeline],
        &[char('a')],
        "take the alerts that fire, so that they repeat no more",
    )
    .command("ack")
    .hint("ack")
    .writes(
        Writes::Tandem,
        Confirmed::Fields,
        Undo::By("give-back takes it back, or it runs out"),
    ),
    Action::new(
        ActionId::GiveBack,
        "give-back",
        &[Context::Pulse, Context::Timeline],
        &[char('A')],
        "give back the alerts that you have: they are nobody's",
    )
    .command("ack --give-back")
    .writes(Writes::Tandem, Confirmed::Not, Undo::By("ack takes them")),
    Action::new(
        ActionId::Note,
        "note",
        SCREENS,
        &[char('n')],
        "put a note into the timeline, for all who look at it",
    )
    .command("note")
    .hint("note")
    .writes(Writes::Tandem, Confirmed::Fields, Undo::By("it stays")),
    Action::new(
        ActionId::CopyStatus,
        "copy-status",
        &[Context::Pulse],
        &[char('Y')],
        "the status in plain words: shown, copied, and in a file",
    )
    .command("status")
    .hint("copy status"),
    Action::new(
        ActionId::HandOver,
        "handover",
        &[Context::Pulse, Context::Timeline],
        &[char('x')],
        "write the bundle for the next shift into a folder",
    )
    .command("handover")
    .hint("hand-over"),
    Action::new(
        ActionId::Breaker,
        "breaker",
        SCREENS,
        &[char('B')],
        "an instance's breakers: probe now, stop all calls, release",
    )
    .hint("breaker"),
    Action::new(
        ActionId::Arm,
        "arm",
        SCREENS,
        &[char('W')],
        "unlock writes to the target for a while, or lock them",
    )
    .hint("arm")
    .writes(Writes::Tandem, Confirmed::Fields, Undo::Again)
    .reason(Reason::Yes),
    Action::new(
        ActionId::Poll,
        "poll",
        SCREENS,
        &[char('r')],
        "probe both instances and compare now",
    )
    .hint("poll")
    .reads("both instances"),
    Action::new(
        ActionId::Pulse,
        "pulse",
        SCREENS,
        &[char('1')],
        "the Pulse view: both instances and the link between them",
    ),
    Action::new(
        ActionId::Records,
        "records",
        SCREENS,
        &[char('2')],
        "the Records view: what is not in step, worst first",
    )
    .command("records"),
    Action::new(
        ActionId::Operations,
        "operations",
        SCREENS,
        &[char('3')],
        "the Operations view: what was asked for, how far it came",
    ),
    Action::new(
        ActionId::Runs,
        "runs",
        SCREENS,
        &[char('4')],
        "the Sync runs view: the runs of the link's sync",
    )
    .command("sync --runs")
    .reads("the platform that runs the sync"),
    Action::new(
        ActionId::Tickets,
        "tickets",
        SCREENS,
        &[char('5')],
        "the Tickets view: open tickets with their customers",
    )
    .command("report --open")
    .reads("both instances"),
    Action::new(
        ActionId::Timeline,
        "timeline",
        SCREENS,
        &[char('6')],
        "the Timeline view: what happened, and what people noted",
    )
    .command("timeline"),
    Action::new(
        ActionId::NextLink,
        "next-link",
        SCREENS,
        &[char('L')],
        "the next link, where there are several",
    ),
    Action::new(
        ActionId::Up,
        "up",
        LISTS,
        &[key(Code::Up), char('k')],
        "one line up",
    ),
    Action::new(
        ActionId::Down,
        "down",
        LISTS,
        &[key(Code::Down), char('j')],
        "one line down",
    ),
    Action::new(
        ActionId::PageUp,
        "page-up",
        LISTS,
        &[key(Code::PageUp), ctrl('u')],
        "one page up",
    ),
    Action::new(
        ActionId::PageDown,
        "page-down",
        LISTS,
        &[key(Code::PageDown), ctrl('d')],
        "one page down",
    ),
    Action::new(
        ActionId::First,
        "first",
        LISTS,
        &[key(Code::Home)],
        "to the top",
    ),
    Action::new(
        ActionId::Last,
        "last",
        LISTS,
        &[key(Code::End)],
        "to the end",
    ),
    Action::new(
        ActionId::Pane,
        "pane",
        &[Context::Pulse, Context::Operations],
        &[key(Code::Tab)],
        "the next pane: operations and records; instances and link",
    )
    .hint("pane"),
    Action::new(
        ActionId::Back,
        "back",
        SCREENS,
        &[key(Code::Esc)],
        "back: takes off a range, then the filter, then the view",
    ),
    Action::new(
        ActionId::Quit,
        "quit",
        SCREENS,
        &[char('q')],
        "quit; asks first while an operation runs",
    )
    .hint("quit"),
    Action::new(
        ActionId::Find,
        "find",
        SCREENS,
        &[char('o')],
        "open any record from what a caller says or pastes",
    )
    .command("find")
    .hint("open")
    .reads("both instances"),
    Action::new(
        ActionId::Freeze,
        "freeze",
        SCREENS,
        &[char('f')],
        "hold the screen still, and let it go on",
    ),
    Action::new(
        ActionId::Mask,
        "mask",
        SCREENS,
        &[char('P')],
        "hide names and values of records, to share the screen",
    ),
    Action::new(
        ActionId::Mouse,
        "mouse",
        SCREENS,
        &[char('m')],
        "wheel and click; again: the mouse selects text as before",
    ),
    Action::new(
        ActionId::Theme,
        "theme",
        SCREENS,
        &[ctrl('t')],
        "the next colours: dark, light, colour-blind-safe, mono",
    ),
    Action::new(
        ActionId::Palette,
        "palette",
        SCREENS,
        &[char(':'), ctrl('k')],
        "all that can be done, searched by name; Enter does it",
    )
    .hint("all"),
    Action::new(
        ActionId::Help,
        "help",
        SCREENS,
        &[char('?'), key(Code::F(1))],
        "this page",
    )
    .hint("help"),
    Action::new(
        ActionId::Redraw,
        "redraw",
        &[Context::Always],
        &[ctrl('l')],
        "draw the screen anew",
    ),
    Action::new(
        ActionId::Suspend,
        "suspend",
        &[Context::Always],
        &[ctrl('z')],
        "leave the terminal to the shell; fg comes back",
    ),
    Action::new(
        ActionId::Interrupt,
        "interrupt",
        &[Context::Always],
        &[ctrl('c')],
        "cancel a dialog; twice quits",
    ),
    Action::new(
        ActionId::Yes,
        "yes",
        &[Context::Dialog, Context::Breaker],
        &[char('y')],
        "do what the dialog asks about",
    )
    .writes(Writes::Target, Confirmed::Not, Undo::Nothing),
    Action::new(
        ActionId::Accept,
        "accept",
        &[Context::Field, Context::Dialog, Context::Breaker],
        &[key(Code::Enter)],
        "take what was typed",
    ),
    Action::new(
        ActionId::Cancel,
        "cancel",
        &[
            Context::Field,
            Context::Dialog,
            Context::Breaker,
            Context::Choice,
        ],
        &[key(Code::Esc)],
        "close the dialog; nothing is done",
    ),
    Action::new(
        ActionId::NextField,
        "next-field",
        &[Context::Field, Context::Dialog],
        &[key(Code::Tab), key(Code::Down)],
        "the next field of the dialog",
    ),
    Action::new(
        ActionId::PreviousField,
        "previous-field",
        &[Context::Field, Context::Dialog],
        &[key(Code::BackTab), key(Code::Up)],
        "the field before",
    ),
    Action::new(
        ActionId::Longer,
        "longer",
        &[Context::Dialog, Context::Breaker],
        &[char('+')],
        "arm for longer",
    ),
    Action::new(
        ActionId::Shorter,
        "shorter",
        &[Context::Dialog, Context::Breaker],
        &[char('-')],
        "arm for a shorter time",
    ),
    Action::new(
        ActionId::TakeIn,
        "take-in",
        &[Context::Dialog],
        &[char('i')],
        "take the marked records in that the filter hides",
    ),
    Action::new(
        ActionId::ProbeNow,
        "probe-now",
        &[Context::Breaker],
        &[char('p')],
        "probe now, without waiting for the countdown",
    )
    .reads("the instance, one GET"),
    Action::new(
        ActionId::StopAll,
        "stop-all-calls",
        &[Context::Breaker],
        &[char('s')],
        "send nothing more to the instance, once a reason was given",
    )
    .writes(
        Writes::Tandem,
        Confirmed::Yes,
        Undo::By("release takes it back"),
    )
    .reason(Reason::Yes),
    Action::new(
        ActionId::Release,
        "release",
        &[Context::Breaker],
        &[char('l')],
        "take a forced stop back",
    )
    .writes(
        Writes::Tandem,
        Confirmed::Yes,
        Undo::By("stop-all-calls takes it back"),
    ),
    Action::new(
        ActionId::SwitchHook,
        "switch-hook",
        &[Context::Breaker],
        &[char('h')],
        "take the ensure hook out, or put it back",
    )
    .writes(Writes::Target, Confirmed::Yes, Undo::Again)
    .reason(Reason::Yes)
    .command("hook disable"),
    Action::new(
        ActionId::OtherInstance,
        "other-instance",
        &[Context::Breaker],
        &[key(Code::Tab)],
        "the other instance",
    ),
    Action::new(
        ActionId::FillBlanks,
        "fill-blanks",
        &[Context::Choice],
        &[char('b')],
        "fill the target's blanks; what was edited there stays",
    )
    .command("resolve")
    .writes(Writes::Target, Confirmed::Count, Undo::Nothing),
    Action::new(
        ActionId::TakeSource,
        "take-source",
        &[Context::Choice],
        &[char('u')],
        "write the source's values over those of the target",
    )
    .command("resolve --take source")
    .writes(
        Writes::Target,
        Confirmed::Count,
        Undo::By("what it overwrites is kept for 30 days"),
    ),
    Action::new(
        ActionId::KeepTarget,
        "keep-target",
        &[Context::Choice],
        &[char('e')],
        "write nothing, and ask again when either row changes",
    )
    .command("resolve --take target")
    .writes(Writes::Target, Confirmed::Yes, Undo::Nothing),
    Action::new(
        ActionId::ByColumn,
        "by-column",
        &[Context::Choice],
        &[char('c')],
        "choose column by column whose value stands",
    ),
];
