//! One run of the workflow as its platform remembers it: status, actions, and the input that a re-run repeats.
//!
//! Words and times only: `job.rs` does the work, the platforms' files say how it looks on their wires.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the workflow does, in this order; each step only after the one before it succeeded.
pub(crate) const STEPS: [Step; 6] = [
    Step::List(Copied::Accounts),
    Step::List(Copied::Contacts),
    Step::Upsert(Copied::Accounts),
    Step::Upsert(Copied::Contacts),
    Step::SetLookups(Copied::Accounts),
    Step::SetLookups(Copied::Contacts),
];

/// One action of the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Reads what changed in the US.
    List(Copied),
    /// Writes it to Europe, without the lookups whose rows Europe doesn't have yet.
    Upsert(Copied),
    /// Sets the lookups that were left out.
    SetLookups(Copied),
}

/// A table that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copied {
    Accounts,
    Contacts,
}

/// A run with all that is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Its name in Data Factory and Synapse.
    pub(crate) id: Uuid,
    /// Its name in Logic Apps and Power Automate; newer ones sort first.
    pub(crate) name: String,
    pub(crate) trigger: Trigger,
    pub(crate) tracking: String,
    pub(crate) parameters: Map<String, Json>,
    /// The first run of those that repeat each other.
    pub(crate) group: Uuid,
    pub(crate) asked: DateTime<Utc>,
    /// When it was its turn; runs wait for each other.
    pub(crate) begun: Option<DateTime<Utc>>,
    pub(crate) ended: Option<DateTime<Utc>>,
    pub(crate) status: Status,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) actions: Vec<Action>,
    /// What it read, or is to repeat; empty at first, and again when too old to be kept.
    pub(crate) input: Input,
    /// The step with which a re-run begins; what it has to read is read anyhow.
    pub(crate) from: usize,
    pub(crate) is_repeat: bool,
    pub(crate) cancel: CancellationToken,
}

/// What has happened to a run or an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

/// What starts runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The clock, once a day.
    Recurrence,
    /// Somebody, over HTTP.
    Manual,
}

/// Why something failed, in the platform's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// One step of one run.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) step: Step,
    pub(crate) tracking: Uuid,
    pub(crate) status: Status,
    pub(crate) started: Option<DateTime<Utc>>,
    pub(crate) ended: Option<DateTime<Utc>>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) count: Count,
}

/// How many rows an action dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) rows: usize,
    pub(crate) done: usize,
    pub(crate) refused: usize,
}

/// The window of changes that a run copies, and the rows as they were when it read them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub(crate) window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub(super) accounts: Option<Arc<[SourceRow]>>,
    pub(super) contacts: Option<Arc<[SourceRow]>>,
}

/// One row of the US, ready to be sent to Europe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceRow {
    pub(crate) id: Uuid,
    /// A JSON object of its columns but the lookup.
    pub(crate) columns: Box<str>,
    pub(crate) lookup: Bind,
}

/// `navigation@odata.bind`, and the row that it names, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) navigation: &'static str,
    pub(crate) target: Option<String>,
}

impl Trouble {
    /// What a run says of itself when one of its actions failed.
    pub(crate) fn of_run() -> Trouble {
        Trouble {
            code: "ActionFailed",
            message: "An action failed. No dependent actions succeeded.".to_owned(),
        }
    }
}

impl Run {
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Ends it, and with it the steps that were still to come.
    pub(crate) fn finish(&mut self, status: Status, trouble: Option<Trouble>, now: DateTime<Utc>) {
        self.status = status;
        self.trouble = trouble;
        self.ended = Some(now);
        for action in &mut self.actions {
            if action.status == Status::Waiting {
                action.status = Status::Skipped;
            }
        }
    }

    /// Whether it was asked to end and has not yet.
    pub(crate) fn is_ending(&self) -> bool {
        self.status == Status::Running && self.cancel.is_cancelled()
    }

    /// The position of the first step that failed.
    pub(crate) fn failed_at(&self) -> Option<usize> {
        let failed = |action: &Action| matches!(action.status, Status::Failed | Status::Cancelled);
        self.actions.iter().position(failed)
    }
}

impl Action {
    pub(crate) fn new(step: Step) -> Action {
        Action {
            step,
            tracking: Uuid::new_v4(),
            status: Status::Waiting,
            started: None,
            ended: None,
            trouble: None,
            count: Count::default(),
        }
    }
}

impl Step {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::List(Copied::Accounts) => "List_accounts",
            Step::List(Copied::Contacts) => "List_contacts",
            Step::Upsert(Copied::Accounts) => "Upsert_accounts",
            Step::Upsert(Copied::Contacts) => "Upsert_contacts",
            Step::SetLookups(Copied::Accounts) => "Set_account_lookups",
            Step::SetLookups(Copied::Contacts) => "Set_contact_lookups",
        }
    }

    /// Its position in [`STEPS`], by name.
    pub(crate) fn position(name: &str) -> Option<usize> {
        STEPS.iter().position(|step| step.name() == name)
    }
}

impl Status {
    /// The word of Logic Apps.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Waiting => "Waiting",
            Status::Running => "Running",
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::Cancelled => "Cancelled",
            Status::Skipped => "Skipped",
        }
    }
}

impl Trigger {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Trigger::Recurrence => "Recurrence",
            Trigger::Manual => "manual",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Trigger> {
        [Trigger::Recurrence, Trigger::Manual]
            .into_iter()
            .find(|trigger| trigger.name() == name)
    }
}

impl Input {
    pub(crate) fn rows(&self, of: Copied) -> Option<&Arc<[SourceRow]>> {
        match of {
            Copied::Accounts => self.accounts.as_ref(),
            Copied::Contacts => self.contacts.as_ref(),
        }
    }

    pub(crate) fn keep(&mut self, of: Copied, rows: Arc<[SourceRow]>) {
        match of {
            Copied::Accounts => self.accounts = Some(rows),
            Copied::Contacts => self.contacts = Some(rows),
        }
    }

    /// How many rows it holds.
    pub(crate) fn len(&self) -> usize {
        let held = [&self.accounts, &self.contacts];
        held.into_iter().flatten().map(|rows| rows.len()).sum()
    }
}
