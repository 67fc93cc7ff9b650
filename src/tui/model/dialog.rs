//! Dialogs as data: what each asks, what was typed into it, and since when it is shown. Targets are frozen by key when
//! a dialog opens; what would be done to them is summed up by the same plan that the engine carries out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tui_input::Input;

use super::Model;
use crate::domain::drift::{Assessment, Drift};
use crate::domain::operation::{OperationId, RecordKey, TableIndex, Verb};
use crate::domain::plan::{BlastRadius, Plan, References, plan};
use crate::domain::table::TableName;
use crate::domain::time::Now;
use crate::engine::find::Found;
use crate::engine::records::Record;
use crate::engine::state::State;
use crate::tui::action::ActionId;
use crate::tui::layout::Arrangement;

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
            Self::Quit(_) | Self::Status(_) | Self::Sort(_) | Self::Choose(_) => None,
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

/// What a confirmation is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A verb on records, frozen when the dialog opened.
    Repair {
        /// The verb.
        verb: Verb,
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
            Self::End { .. } => 0,
        }
    }

    /// Rows that may be written to, those included that are created only because others name them.
    pub fn rows(&self) -> usize {
        match self {
            Self::Repair { summary, .. } => self.records() + summary.radius.stubs,
            Self::Sync { .. } | Self::Resume { .. } | Self::End { .. } => self.records(),
        }
    }

    /// Whether anything filled would be overwritten.
    pub fn overwrites(&self) -> bool {
        match self {
            Self::Repair { summary, .. } => summary.radius.overwrites > 0,
            Self::Sync { .. } | Self::Resume { .. } | Self::End { .. } => false,
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
        if dialog.types_the_count() {
            dialog.field = if dialog.lacks_a_reason() {
                Field::Reason
            } else {
                Field::Count
            };
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
        self.ask.rows() > self.confirm_above && self.reason.value().trim().is_empty()
    }

    /// Plans what was frozen anew. What looks different has to be seen again before it is confirmed.
    pub fn plan_again(&mut self, model: &Model, now: Now) {
        let Ask::Repair {
            verb,
            records,
            chosen,
            summary,
            ..
        } = &mut self.ask
        else {
            return;
        };
        let mut again = Summary::among(model, *verb, chosen, records);
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
            verb,
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
            let plan = record.map(|record| plan_of(&model.state, record, *verb));
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
    /// Since when this step is shown.
    pub drawn: Now,
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

/// Why nothing is done to a record that is listed no more, or as equal.
const CAME_INTO_STEP: &str = "has come into step since: nothing to do";

/// What a verb would do to the frozen records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All of them summed up.
    pub radius: BlastRadius,
    /// Table by table.
    pub tables: Vec<TableSummary>,
    /// The plan of the only record, where there is only one.
    pub only: Option<Plan>,
    /// The only record as it was last listed.
    pub shown: Option<Box<Record>>,
    /// Columns that would be written, over all records.
    pub columns: usize,
}

/// What a verb would do to the records of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSummary {
    /// The table.
    pub table: TableIndex,
    /// Its share.
    pub radius: BlastRadius,
    /// The drifts of those that are left out.
    pub left_out: Vec<&'static str>,
}

impl Summary {
    /// Plans every record as it stands now.
    pub fn of(model: &Model, verb: Verb, records: &[RecordKey]) -> Self {
        Self::among(model, verb, records, records)
    }

    /// The same where only some of the records may be written to.
    fn among(model: &Model, verb: Verb, records: &[RecordKey], may: &[RecordKey]) -> Self {
        let may: HashSet<RecordKey> = may.iter().copied().collect();
        let plan_of = |record: &Record| match plan_of(&model.state, record, verb) {
            Plan::Nothing(_) if record.drift == Drift::InSync => Plan::Nothing(CAME_INTO_STEP),
            plan if plan.is_write() && !may.contains(&record.key) => {
                Plan::Refuse("it was left out when it was chosen")
            }
            plan => plan,
        };
        let mut summary = Self::default();
        let mut references = References::default();
        let found: HashMap<RecordKey, &Record> = if let [only] = records {
            model
                .record(*only)
                .map(|record| (*only, record))
                .into_iter()
                .collect()
        } else {
            let all = model.state.records.iter();
            all.map(|(_, record)| (record.key, record)).collect()
        };
        for key in records {
            match found.get(key) {
                Some(record) => {
                    let plan = plan_of(record);
                    summary.add(record, &plan);
                    refer(&mut references, &model.state, record, &plan);
                }
                None => summary.count(key.table, Drift::InSync, &Plan::Nothing(CAME_INTO_STEP)),
            }
        }
        if let [only] = records {
            let record = found.get(only);
            let gone = Plan::Nothing(CAME_INTO_STEP);
            summary.only = Some(record.map_or(gone, |record| plan_of(record)));
            summary.shown = record.map(|record| Box::new(Record::clone(record)));
        }
        let all = model.state.records.iter().map(|(_, record)| record);
        let missing = all.filter(|record| record.drift == Drift::Missing);
        summary.radius.stubs = references.stubs(missing.map(|record| record.key));
        summary
    }

    fn add(&mut self, record: &Record, plan: &Plan) {
        self.columns += plan.columns().len();
        self.count(record.key.table, record.drift, plan);
    }

    fn count(&mut self, table: TableIndex, drift: Drift, plan: &Plan) {
        if !self.tables.iter().any(|one| one.table == table) {
            self.tables.push(TableSummary {
                table,
                radius: BlastRadius::default(),
                left_out: Vec::new(),
            });
        }
        if let Some(one) = self.tables.iter_mut().find(|one| one.table == table) {
            one.radius.add(plan);
            let word = drift.word();
            if !plan.is_write() && !one.left_out.contains(&word) {
                one.left_out.push(word);
            }
        }
        self.radius.add(plan);
    }
}

/// Adds what a record's plan names.
fn refer(references: &mut References, state: &State, record: &Record, plan: &Plan) {
    let Some(table) = state.table(record.key.table) else {
        return;
    };
    let named = |name: &TableName| {
        let mut tables = state.tables_of(table.link);
        tables.find(|(_, one)| one.name == *name).map(|(at, _)| at)
    };
    references.add(record.key, plan, &table.rules, named);
}

/// What a verb would do to a record as both sides were last read.
pub fn plan_of(state: &State, record: &Record, verb: Verb) -> Plan {
    let Some(table) = state.table(record.key.table) else {
        return Plan::Refuse("its table is not known");
    };
    let assessment = Assessment {
        drift: record.drift,
        is_guess: record.is_guess,
        differing: record.sides.differing.clone(),
    };
    plan(
        verb,
        &assessment,
        record.sides.source.row(),
        record.sides.target.row(),
        &table.rules,
    )
}
