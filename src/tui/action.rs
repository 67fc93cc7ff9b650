//! The one registry of what the console can do: keys, footer hints, help, palette and the README's table all come from
//! it. What an action does stands in [`super::update`]; which keys it has once the configuration was read, in
//! [`super::keymap`].

use super::keymap::{Context, Key};

mod table;

pub use table::ACTIONS;

/// Names an action in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each has its help text in the table")]
pub enum ActionId {
    Pulse,
    Records,
    Operations,
    Runs,
    Tickets,
    Timeline,
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
    Pause,
    Ensure,
    Sync,
    Rehydrate,
    Mark,
    MarkAll,
    Invert,
    Range,
    Unmark,
    PreviousDrift,
    NextDrift,
    Filter,
    Sort,
    CopyId,
    CopyStatus,
    Take,
    GiveBack,
    Note,
    HandOver,
    End,
    Retry,
    Rerun,
    CancelRun,
    Breaker,
    Arm,
    Poll,
    Find,
    Freeze,
    Mask,
    Mouse,
    Theme,
    Palette,
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
    TakeIn,
    FillBlanks,
    TakeSource,
    KeepTarget,
    ByColumn,
    SwapSide,
    ProbeNow,
    StopAll,
    Release,
    SwitchHook,
    OtherInstance,
}

/// One thing that the console can do.
#[derive(Debug)]
pub struct Action {
    /// Which one.
    pub id: ActionId,
    /// What `[keys]` and the palette call it.
    pub name: &'static str,
    /// Where its keys work.
    pub contexts: &'static [Context],
    /// Its keys unless configured otherwise, the one to show first.
    pub keys: &'static [Key],
    /// What it asks an instance for; empty where it asks for nothing.
    pub reads: &'static str,
    /// What it may change.
    pub writes: Writes,
    /// What has to be answered before it does anything.
    pub confirmed: Confirmed,
    /// How it is taken back.
    pub undo: Undo,
    /// Whether it wants to know why.
    pub reason: Reason,
    /// What the footer says; empty where the footer says nothing.
    pub hint: &'static str,
    /// What the help says.
    pub help: &'static str,
    /// What does the same on a command line, after `tandem`; empty where nothing does.
    pub command: &'static str,
}

/// What an action may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Only what is on the screen.
    Nothing,
    /// What this tandem does: whether it writes, whether it sends at all.
    Tandem,
    /// Rows of the link's target: never without arming and a confirmation.
    Target,
}

/// What has to be answered before an action does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// Nothing.
    Not,
    /// A box, with `y`.
    Yes,
    /// A box, with `y`; the count is typed for many records, and where something filled is overwritten.
    Count,
    /// The fields of a box, with Enter.
    Fields,
}

/// How an action is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// There is nothing to take back.
    Nothing,
    /// By the same key.
    Again,
    /// By another action, or by hand: how.
    By(&'static str),
}

/// Whether an action wants to know why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not.
    No,
    /// For many records.
    Many,
    /// Always.
    Yes,
}

impl Action {
    const fn new(
        id: ActionId,
        name: &'static str,
        contexts: &'static [Context],
        keys: &'static [Key],
        help: &'static str,
    ) -> Self {
        Self {
            id,
            name,
            contexts,
            keys,
            reads: "",
            writes: Writes::Nothing,
            confirmed: Confirmed::Not,
            undo: Undo::Nothing,
            reason: Reason::No,
            hint: "",
            help,
            command: "",
        }
    }

    const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    const fn command(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }

    const fn reads(mut self, what: &'static str) -> Self {
        self.reads = what;
        self
    }

    const fn writes(mut self, writes: Writes, confirmed: Confirmed, undo: Undo) -> Self {
        self.writes = writes;
        self.confirmed = confirmed;
        self.undo = undo;
        self
    }

    const fn reason(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    /// Whether it may lead to a request that writes.
    pub const fn writes_to_the_target(&self) -> bool {
        matches!(self.writes, Writes::Target)
    }

    /// Whether its keys always stay: those that answer a dialog, and those that lead back.
    pub fn is_fixed(&self) -> bool {
        let answers = [
            Context::Field,
            Context::Dialog,
            Context::Breaker,
            Context::Choice,
        ];
        matches!(self.id, ActionId::Back | ActionId::Interrupt)
            || self
                .contexts
                .iter()
                .any(|context| answers.contains(context))
    }

    /// Whether the help lists it and the palette runs it: what only answers a dialog is done in the dialog.
    pub fn is_a_command(&self) -> bool {
        let views = |context: &Context| {
            !matches!(
                context,
                Context::Field | Context::Dialog | Context::Breaker | Context::Choice
            )
        };
        let in_the_menu = matches!(
            self.id,
            ActionId::ProbeNow | ActionId::StopAll | ActionId::Release | ActionId::SwitchHook
        );
        in_the_menu || self.contexts.iter().any(views)
    }

    /// What it reads and writes, what it asks before, and how it is taken back: one line.
    pub fn manners(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if !self.reads.is_empty() {
            words.push(format!("reads {}", self.reads));
        }
        match self.writes {
            Writes::Nothing => words.push("writes nothing".to_owned()),
            Writes::Tandem => words.push("changes what tandem does".to_owned()),
            Writes::Target => words.push("writes to the target, once armed".to_owned()),
        }
        match self.confirmed {
            Confirmed::Not => {}
            Confirmed::Yes => words.push("y".to_owned()),
            Confirmed::Count => words.push("y or the count".to_owned()),
            Confirmed::Fields => words.push("asks in a box".to_owned()),
        }
        match self.reason {
            Reason::No => {}
            Reason::Many => words.push("reason for many".to_owned()),
            Reason::Yes => words.push("wants a reason".to_owned()),
        }
        match self.undo {
            Undo::Nothing => {}
            Undo::Again => words.push("again takes it back".to_owned()),
            Undo::By(how) => words.push(how.to_owned()),
        }
        if !self.command.is_empty() {
            words.push(format!("tandem {}", self.command));
        }
        words.join(" · ")
    }
}

/// The row of an action.
pub fn of(id: ActionId) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.id == id)
}

/// The row of a name.
pub fn named(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}
