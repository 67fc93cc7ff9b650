//! What is asked before anything is written: the targets, frozen by key; how it is confirmed.

use chrono::{DateTime, Utc};
use tui_input::Input;

use super::{Deed, Field, Summary, planned};
use crate::domain::operation::{OperationId, RecordKey};
use crate::domain::time::Now;
use crate::engine::command::RunOrder;
use crate::tui::model::Model;

/// What a confirmation is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A verb on records, frozen when the dialog opened.
    Repair {
        /// What is asked of them.
        deed: Deed,
        /// The records that would be written to, in the order of the list.
        records: Vec<RecordKey>,
        /// All that were chosen, with those that nothing would be done to.
        chosen: Vec<RecordKey>,
        /// Marked records that the filter hides: left out, unless they are taken in.
        hidden: Vec<RecordKey>,
        /// What would be done, over all that were chosen.
        summary: Box<Summary>,
    },
    /// A run of the link's sync.
    Sync {
        /// What is pending.
        pending: usize,
    },
    /// Going on with an operation that was left behind.
    Resume {
        /// Which one.
        operation: OperationId,
        /// Records that are not done.
        left: usize,
    },
    /// Having the link's platform repeat or end a run.
    Order {
        /// What it is to do, with which run.
        order: RunOrder,
        /// When that run began.
        started: Option<DateTime<Utc>>,
    },
    /// Having the target call the ensure hook no more, or again.
    Hook {
        /// Whether it calls it.
        on: bool,
    },
    /// Taking back what was not sent.
    End {
        /// Which one.
        operation: OperationId,
    },
}

impl Ask {
    /// Records that may be written to; what is confirmed.
    pub fn records(&self) -> usize {
        match self {
            Self::Repair { records, .. } => records.len(),
            Self::Sync { pending } => *pending,
            Self::Resume { left, .. } => *left,
            Self::End { .. } | Self::Order { .. } | Self::Hook { .. } => 0,
        }
    }

    /// Rows that may be written to, those included that are created only because others name them.
    pub fn rows(&self) -> usize {
        match self {
            Self::Repair { summary, .. } => self.records() + summary.radius.stubs,
            Self::Sync { .. }
            | Self::Resume { .. }
            | Self::End { .. }
            | Self::Order { .. }
            | Self::Hook { .. } => self.records(),
        }
    }

    /// Whether anything filled would be overwritten.
    pub fn overwrites(&self) -> bool {
        match self {
            Self::Repair { summary, .. } => summary.radius.overwrites > 0,
            Self::Sync { .. }
            | Self::Resume { .. }
            | Self::End { .. }
            | Self::Order { .. }
            | Self::Hook { .. } => false,
        }
    }
}

/// A confirmation.
#[derive(Clone, Debug)]
pub struct ConfirmDialog {
    /// What it asks.
    pub ask: Ask,
    /// Why.
    pub reason: Input,
    /// The count as typed.
    pub count: Input,
    /// Where the caret is.
    pub field: Field,
    /// Above how many rows the count is typed and a reason is required.
    pub confirm_above: usize,
    /// Since when it is shown.
    pub drawn: Now,
}

impl ConfirmDialog {
    /// A dialog with the reason filled in.
    pub fn new(ask: Ask, reason: &str, confirm_above: usize, drawn: Now) -> Self {
        let mut dialog = Self {
            ask,
            reason: Input::new(reason.to_owned()),
            count: Input::default(),
            field: Field::Answer,
            confirm_above,
            drawn,
        };
        if dialog.lacks_a_reason() {
            dialog.field = Field::Reason;
        } else if dialog.types_the_count() {
            dialog.field = Field::Count;
        }
        dialog
    }

    /// Whether `y` is not enough.
    pub fn types_the_count(&self) -> bool {
        self.ask.rows() > self.confirm_above || self.ask.overwrites()
    }

    /// Whether the count was typed.
    pub fn count_is_right(&self) -> bool {
        self.count.value().trim() == self.ask.records().to_string()
    }

    /// Whether a reason is required and was not given.
    pub fn lacks_a_reason(&self) -> bool {
        let is_required =
            self.ask.rows() > self.confirm_above || matches!(self.ask, Ask::Hook { .. });
        is_required && self.reason.value().trim().is_empty()
    }

    /// Plans what was frozen anew. What looks different has to be seen again before it is confirmed.
    pub fn plan_again(&mut self, model: &Model, now: Now) {
        let Ask::Repair {
            deed,
            records,
            chosen,
            summary,
            ..
        } = &mut self.ask
        else {
            return;
        };
        let mut again = Summary::among(model, deed, chosen, records);
        if again.shown.is_none() {
            again.shown.clone_from(&summary.shown);
        }
        let is_other = again.radius != summary.radius || again.only != summary.only;
        **summary = again;
        if is_other {
            self.drawn = now;
        }
        if self.field == Field::Answer && self.types_the_count() {
            self.field = if self.lacks_a_reason() {
                Field::Reason
            } else {
                Field::Count
            };
        }
    }

    /// Takes the marked records in that the filter hides; then all of it has to be seen anew.
    pub fn take_hidden_in(&mut self, model: &Model, now: Now) {
        let Ask::Repair {
            deed,
            records,
            chosen,
            hidden,
            ..
        } = &mut self.ask
        else {
            return;
        };
        if hidden.is_empty() {
            return;
        }
        for key in hidden.drain(..) {
            let record = model.record(key);
            let plan = record.map(|record| planned(&model.state, record, deed));
            if plan.is_some_and(|plan| plan.is_write()) {
                records.push(key);
            }
            chosen.push(key);
        }
        self.count.reset();
        self.drawn = now;
        self.plan_again(model, now);
    }

    /// Puts the caret into the next field.
    pub fn next_field(&mut self) {
        self.field = match self.field {
            Field::Reason if self.types_the_count() => Field::Count,
            Field::Reason => Field::Answer,
            Field::Answer | Field::Count | Field::Ticket | Field::Lasts => Field::Reason,
        };
    }
}
