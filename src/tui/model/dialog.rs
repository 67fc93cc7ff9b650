//! Dialogs as data: what each asks, what was typed into it, and since when it is shown. Targets are frozen by key when
//! a dialog opens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tui_input::Input;

use crate::domain::alert::AlertKey;
use crate::domain::breaker::MAX_FORCED;
use crate::domain::note::LONGEST;
use crate::domain::operation::{RecordKey, Verb};
use crate::domain::time::Now;
use crate::engine::find::Found;
use crate::tui::action::ActionId;
use crate::tui::layout::Arrangement;

mod confirm;
mod summary;

pub use confirm::{Ask, ConfirmDialog};
pub use summary::{Deed, Summary, plan_of, planned};

/// An open dialog.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The actions: all by their keys, or the palette.
    Commands(CommandsDialog),
    /// Something that writes, or ends what writes, before it is asked for.
    Confirm(ConfirmDialog),
    /// Unlocking writes.
    Arm(ArmDialog),
    /// The breakers of an instance.
    Breaker(BreakerDialog),
    /// Quitting while an operation runs.
    Quit(Now),
    /// The state of the link as plain text.
    Status(String),
    /// Any record, from what a caller says.
    Find(FindDialog),
    /// By what the records are sorted.
    Sort(SortDialog),
    /// Whose values stand in a record that was edited in the target.
    Choose(ChooseDialog),
    /// A note for the timeline.
    Note(NoteDialog),
    /// Taking the alerts that fire.
    Take(TakeDialog),
    /// Writing the bundle for the next shift.
    HandOver(HandOverDialog),
}

impl Dialog {
    /// Since when it is shown, if it takes a confirmation.
    pub fn drawn(&self) -> Option<Now> {
        match self {
            Self::Confirm(dialog) => Some(dialog.drawn),
            Self::Arm(dialog) => Some(dialog.drawn),
            Self::Breaker(dialog) => Some(dialog.drawn),
            Self::Quit(drawn) => Some(*drawn),
            Self::Commands(dialog) => Some(dialog.drawn),
            Self::Choose(dialog) => Some(dialog.drawn),
            Self::Find(dialog) => Some(dialog.drawn),
            Self::Note(dialog) => Some(dialog.drawn),
            Self::Take(dialog) => Some(dialog.drawn),
            Self::HandOver(dialog) => Some(dialog.drawn),
            Self::Status(_) | Self::Sort(_) => None,
        }
    }

    /// Has it wait anew before it takes a confirmation.
    pub fn seen_from(&mut self, now: Now) {
        match self {
            Self::Confirm(dialog) => dialog.drawn = now,
            Self::Arm(dialog) => dialog.drawn = now,
            Self::Breaker(dialog) => dialog.drawn = now,
            Self::Quit(drawn) => *drawn = now,
            Self::Commands(dialog) => dialog.drawn = now,
            Self::Choose(dialog) => dialog.drawn = now,
            Self::Find(dialog) => dialog.drawn = now,
            Self::Note(dialog) => dialog.drawn = now,
            Self::Take(dialog) => dialog.drawn = now,
            Self::HandOver(dialog) => dialog.drawn = now,
            Self::Status(_) | Self::Sort(_) => {}
        }
    }

    /// Whether all of it can be shown.
    pub fn fits(&self, arrangement: Arrangement) -> bool {
        match self {
            Self::Commands(_) | Self::Quit(_) | Self::Status(_) => true,
            Self::Confirm(_)
            | Self::Arm(_)
            | Self::Breaker(_)
            | Self::Sort(_)
            | Self::Find(_)
            | Self::Note(_)
            | Self::Take(_)
            | Self::HandOver(_)
            | Self::Choose(_) => arrangement.shows_dialogs(),
        }
    }

    /// The text field that is typed into.
    pub fn field(&mut self) -> Option<&mut Input> {
        match self {
            Self::Confirm(dialog) => match dialog.field {
                Field::Reason => Some(&mut dialog.reason),
                Field::Count => Some(&mut dialog.count),
                Field::Answer | Field::Ticket | Field::Lasts => None,
            },
            Self::Arm(dialog) => match dialog.field {
                Field::Reason => Some(&mut dialog.reason),
                Field::Ticket => Some(&mut dialog.ticket),
                Field::Answer | Field::Count | Field::Lasts => None,
            },
            Self::Breaker(dialog) => {
                (dialog.step == BreakerStep::Reason).then_some(&mut dialog.reason)
            }
            Self::Commands(dialog) => Some(&mut dialog.input),
            Self::Find(dialog) => Some(&mut dialog.input),
            Self::Note(dialog) => Some(&mut dialog.input),
            Self::Take(dialog) => (dialog.field == Field::Reason).then_some(&mut dialog.note),
            Self::HandOver(_)
            | Self::Quit(_)
            | Self::Status(_)
            | Self::Sort(_)
            | Self::Choose(_) => None,
        }
    }
}

/// The actions, to look one up and to do it.
#[derive(Clone, Debug)]
pub struct CommandsDialog {
    /// Which of them are listed, and how.
    pub listing: Listing,
    /// What is searched for.
    pub input: Input,
    /// The cursor's place among the rows where it stops.
    pub at: usize,
    /// Since when it is shown.
    pub drawn: Now,
}

/// Which actions are listed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// By place, with what the words on the screen mean.
    Help,
    /// Those that can be done now first.
    Palette,
}

/// By what the records are sorted.
#[derive(Clone, Copy, Debug)]
pub struct SortDialog {
    /// The cursor's place among the orders.
    pub at: usize,
}

/// A search for any record.
#[derive(Clone, Debug)]
pub struct FindDialog {
    /// What is said, as it is typed or was pasted.
    pub input: Input,
    /// What was asked for last.
    pub asked: String,
    /// What came of it.
    pub answer: Answer,
    /// The cursor's place among the found.
    pub at: usize,
    /// Since when it is shown.
    pub drawn: Now,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing was asked yet.
    None,
    /// The answer to this number is awaited.
    Asking(u64),
    /// It could not be asked: why.
    Failed(String),
    /// This was found.
    Found(Arc<Found>),
}

/// Whose values stand in a record that was edited in the target.
#[derive(Clone, Copy, Debug)]
pub struct ChooseDialog {
    /// The record.
    pub key: RecordKey,
    /// Since when it is shown.
    pub drawn: Now,
}

impl ChooseDialog {
    /// The choices, each with the verb that it stands for.
    pub const CHOICES: [(ActionId, Verb); 3] = [
        (ActionId::FillBlanks, Verb::FillBlanks),
        (ActionId::TakeSource, Verb::TakeSource),
        (ActionId::KeepTarget, Verb::KeepTarget),
    ];
}

/// A field of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Nothing is typed: the dialog waits for `y`.
    Answer,
    /// Why.
    Reason,
    /// How many records.
    Count,
    /// The ticket that it belongs to.
    Ticket,
    /// For how long.
    Lasts,
}

/// A note for the timeline.
#[derive(Clone, Debug)]
pub struct NoteDialog {
    /// What it says.
    pub input: Input,
    /// Since when it is shown.
    pub drawn: Now,
}

/// Taking the alerts that fire.
#[derive(Clone, Debug)]
pub struct TakeDialog {
    /// Those that fired when it was opened: they are taken, and no others.
    pub alerts: Vec<AlertKey>,
    /// What is said to it.
    pub note: Input,
    /// For how long.
    pub lasts: Duration,
    /// Where the caret is.
    pub field: Field,
    /// Since when it is shown.
    pub drawn: Now,
}

/// For how long alerts are taken unless said otherwise.
pub const TAKEN_FOR: Duration = Duration::from_secs(3600);
const TAKEN_STEP: Duration = Duration::from_secs(1800);

impl TakeDialog {
    /// Half an hour longer.
    pub fn longer(&mut self) {
        self.lasts = (self.lasts + TAKEN_STEP).min(LONGEST);
    }

    /// Half an hour less, and half an hour at least.
    pub fn shorter(&mut self) {
        self.lasts = self.lasts.saturating_sub(TAKEN_STEP).max(TAKEN_STEP);
    }

    /// The caret goes from the note to the time, and back.
    pub fn next_field(&mut self) {
        self.field = match self.field {
            Field::Reason => Field::Lasts,
            _ => Field::Reason,
        };
    }
}

/// Writing the bundle for the next shift.
#[derive(Clone, Debug)]
pub struct HandOverDialog {
    /// Since when it covers what happened.
    pub since: DateTime<Utc>,
    /// Where it is written to: a folder that is not there yet.
    pub folder: PathBuf,
    /// Since when it is shown.
    pub drawn: Now,
}

/// Unlocking writes.
#[derive(Clone, Debug)]
pub struct ArmDialog {
    /// Why.
    pub reason: Input,
    /// The ticket that it belongs to.
    pub ticket: Input,
    /// For how long.
    pub lasts: Duration,
    /// Where the caret is.
    pub field: Field,
    /// The verb that was pressed: its dialog opens as soon as writes are unlocked.
    pub then: Option<(Ask, ActionId)>,
    /// Whether the engine has been asked.
    pub sent: bool,
    /// Since when it is shown.
    pub drawn: Now,
}

/// For how long writes are unlocked unless said otherwise, and at most.
pub const ARMED_FOR: (Duration, Duration) = (Duration::from_secs(900), Duration::from_secs(3600));
const STEP: Duration = Duration::from_secs(300);

impl ArmDialog {
    /// An empty one.
    pub fn new(then: Option<(Ask, ActionId)>, drawn: Now) -> Self {
        Self {
            reason: Input::default(),
            ticket: Input::default(),
            lasts: ARMED_FOR.0,
            field: Field::Reason,
            then,
            sent: false,
            drawn,
        }
    }

    /// Puts the caret into the next field.
    pub fn next_field(&mut self) {
        self.field = match self.field {
            Field::Reason => Field::Ticket,
            Field::Ticket => Field::Lasts,
            Field::Lasts | Field::Answer | Field::Count => Field::Reason,
        };
    }

    /// Puts the caret into the field before.
    pub fn previous_field(&mut self) {
        self.field = match self.field {
            Field::Reason => Field::Lasts,
            Field::Lasts => Field::Ticket,
            Field::Ticket | Field::Answer | Field::Count => Field::Reason,
        };
    }

    /// Five minutes more.
    pub fn longer(&mut self) {
        self.lasts = (self.lasts + STEP).min(ARMED_FOR.1);
    }

    /// Five minutes less.
    pub fn shorter(&mut self) {
        self.lasts = self.lasts.saturating_sub(STEP).max(STEP);
    }

    /// The reason as it is kept: with the ticket in front.
    pub fn full_reason(&self) -> String {
        let (ticket, reason) = (self.ticket.value().trim(), self.reason.value().trim());
        if ticket.is_empty() {
            reason.to_owned()
        } else {
            format!("{ticket} {reason}")
        }
    }
}

/// The breaker menu.
#[derive(Clone, Debug)]
pub struct BreakerDialog {
    /// The instance's place.
    pub instance: usize,
    /// How far the order has come.
    pub step: BreakerStep,
    /// Why calls are stopped.
    pub reason: Input,
    /// For how long they are stopped; until they are released, where nothing is said.
    pub lasts: Option<Duration>,
    /// Since when this step is shown.
    pub drawn: Now,
}

/// For how long calls may be stopped: then they are released by themselves.
const STOPPED_FOR: [Duration; 6] = [
    Duration::from_secs(30 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(4 * 3600),
    Duration::from_secs(8 * 3600),
    MAX_FORCED,
];

impl BreakerDialog {
    /// The menu of an instance.
    pub fn of(instance: usize, drawn: Now) -> Self {
        Self {
            instance,
            step: BreakerStep::Menu,
            reason: Input::default(),
            lasts: None,
            drawn,
        }
    }

    /// The next longer time; the longest is until it is released.
    pub fn longer(&mut self) {
        let lasts = self.lasts;
        self.lasts = lasts.and_then(|now| STOPPED_FOR.into_iter().find(|one| *one > now));
    }

    /// The next shorter time.
    pub fn shorter(&mut self) {
        let mut all = STOPPED_FOR.into_iter().rev();
        self.lasts = match self.lasts {
            None => Some(MAX_FORCED),
            Some(now) => all.find(|one| *one < now).or(Some(now)),
        };
    }
}

/// How far an order in the breaker menu has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerStep {
    /// Nothing was chosen.
    Menu,
    /// The reason for stopping is being typed.
    Reason,
    /// Stopping waits for `y`.
    Stop,
    /// Releasing waits for `y`.
    Release,
}
