//! Makes sure that a row exists in the target: the pattern itself. It reads before it writes, writes only what is
//! absent, and does one row once, however many calls wait for it.
//!
//! ```text
//!   seen lately? ─no─▶ under way? ─no─▶ read the target ─absent─▶ ask the source ─▶ create if absent
//!        │yes              │yes: wait        │there                    │no such row      │
//!        ▼                 ▼                 ▼                         ▼                 ▼
//!      cached            its end          existed                 not in source       created, or why not
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio_util::task::TaskTracker;

use super::known::Known;
use super::tables::Referenced;
use crate::dataverse::{Reader, Write, Writer, now};
use crate::domain::drift::Side;
use crate::domain::failure::{ErrorCode, Failure, FailureClass};
use crate::domain::plan::{Assignment, stub};
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, TableName};
use crate::engine::stub::NotReady;

/// How long the source may take to say what it knows of a row: a stub with less in it is better than a refused ticket.
const SOURCE_WITHIN: Duration = Duration::from_millis(1500);

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ensured {
    /// It was there within the last ten minutes.
    Cached,
    /// It is there.
    Existed,
    /// It was made.
    Created,
    /// Neither instance has it.
    NotInSource,
    /// The source has it, and it is not on the link.
    OutOfScope,
    /// Its alternate key stands on another row of the target.
    Duplicate,
    /// The target does not let us see whether it is there.
    Hidden,
    /// Our own breaker or a wait that the target asked for kept us from asking.
    HeldBack(String),
    /// The target could not be asked, or could not do it.
    Unavailable(String),
    /// The target refused to make it.
    Refused(String),
    /// It may have been made: the answer was lost, and it can't be read back.
    Unknown(String),
}

impl Ensured {
    /// Whether the row is there.
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Self::Cached | Self::Existed | Self::Created)
    }

    /// The word for it, as it is counted.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Existed => "existed",
            Self::Created => "created",
            Self::NotInSource => "not_in_source",
            Self::OutOfScope => "out_of_scope",
            Self::Duplicate => "duplicate",
            Self::Hidden => "hidden",
            Self::HeldBack(_) => "held_back",
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Why the row is not there, in words.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Cached | Self::Existed | Self::Created => "it is there",
            Self::NotInSource => "neither instance has it",
            Self::OutOfScope => "it is out of the link's scope (`where`)",
            Self::Duplicate => "its alternate key stands on another row in the target",
            Self::Hidden => "the target does not let tandem read it",
            Self::HeldBack(why)
            | Self::Unavailable(why)
            | Self::Refused(why)
            | Self::Unknown(why) => why,
        }
    }
}

type Place = (TableName, RowId);
type Flight = Shared<BoxFuture<'static, Ensured>>;

/// The clients of the hook, what it knows, and what is under way. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Ensurer(Arc<Inner>);

struct Inner {
    source: Reader,
    target: Writer,
    known: Mutex<Known>,
    flights: Mutex<HashMap<Place, Flight>>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

/// Takes a flight off the list when it has landed, or crashed.
struct Landing {
    ensurer: Ensurer,
    place: Place,
}

impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.ensurer.0.flights).remove(&self.place);
    }
}

/// Why nobody could say the id of a row by its key.
pub(super) enum Unresolved {
    /// The target could not be asked, which alone knows whether the row is there.
    Target(Failure),
    /// The source can't be asked just now.
    Source(String),
    /// The source refuses to be asked.
    Refused(Failure),
}

impl Ensurer {
    pub(super) fn new(source: Reader, target: Writer) -> Self {
        Self(Arc::new(Inner {
            source,
            target,
            known: Mutex::default(),
            flights: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Waits for what is under way, when nothing more is asked for.
    pub(super) async fn land(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Makes sure that a row is there. Whoever asks may stop waiting; what is under way goes on.
    pub(super) async fn ensure(
        &self,
        table: &Arc<Referenced>,
        id: RowId,
        given: Vec<Assignment>,
    ) -> Ensured {
        let name = table.schema().name.clone();
        if lock(&self.0.known).holds(&name, id, now()) {
            return Ensured::Cached;
        }
        let flight = {
            let mut flights = lock(&self.0.flights);
            let take_off = || self.take_off(Arc::clone(table), id, given);
            flights.entry((name, id)).or_insert_with(take_off).clone()
        };
        flight.await
    }

    fn take_off(&self, table: Arc<Referenced>, id: RowId, given: Vec<Assignment>) -> Flight {
        let landing = Landing {
            ensurer: self.clone(),
            place: (table.schema().name.clone(), id),
        };
        let task = self.0.tasks.spawn(async move {
            let (own, name) = (&landing.ensurer, &table.schema().name);
            let ensured = own.make_sure(&table, id, given).await;
            if ensured.is_there() {
                lock(&own.0.known).saw(name, id, now());
            }
            tell(name, id, &ensured);
            ensured
        });
        let lost = |error| Ensured::Unavailable(format!("a bug in tandem: {error}"));
        task.map(move |ended| ended.unwrap_or_else(lost))
            .boxed()
            .shared()
    }

    async fn make_sure(&self, table: &Referenced, id: RowId, given: Vec<Assignment>) -> Ensured {
        match self.exists(table, id).await {
            Ok(true) => return Ensured::Existed,
            Ok(false) => {}
            Err(failure) if failure.class == FailureClass::Forbidden => return Ensured::Hidden,
            Err(failure) => return of_failure(&failure),
        }
        let in_source = self.in_source(table, id);
        let in_source = tokio::time::timeout(SOURCE_WITHIN, in_source).await;
        let unreadable = Side::Unreadable("it did not answer in time".to_owned());
        let row = match in_source.unwrap_or(unreadable) {
            Side::Absent => return Ensured::NotInSource,
            Side::OutOfScope => return Ensured::OutOfScope,
            Side::Row(row) => Some(row),
            Side::Unread => None,
            Side::Unreadable(reason) => {
                tracing::debug!(%id, reason, "the source can't be asked; the stub holds what came along");
                None
            }
        };
        let given = table.with_placeholders(given, row.as_ref(), Some(id));
        let plan = stub(row.as_ref(), given, table.stub().rules());
        match table.stub().create(id, &plan) {
            Ok(write) => self.create(table, id, &write).await,
            Err(error) => Ensured::Refused(error.to_string()),
        }
    }

    /// Makes a row that only its key tells, while the source can't say its id (design, rule 1): the target gives it one.
    /// `None` where the table's records are told by their ids, of which none is invented. Whoever asks may stop waiting;
    /// what is under way goes on.
    pub(super) async fn make_by_key(
        &self,
        table: &Arc<Referenced>,
        named: (ColumnName, String),
        given: Vec<Assignment>,
    ) -> Option<Result<(RowId, Ensured), Ensured>> {
        let given = table.with_placeholders(given, None, None);
        let plan = stub(None, given, table.stub().rules());
        let write = table.stub().create_by_key(&plan)?.ok()?;
        let (own, table) = (self.clone(), Arc::clone(table));
        let task = async move { own.create_by_key(&table, &named, &write).await };
        let lost = |error| Err(Ensured::Unavailable(format!("a bug in tandem: {error}")));
        Some(self.0.tasks.spawn(task).await.unwrap_or_else(lost))
    }

    async fn create_by_key(
        &self,
        table: &Referenced,
        (column, value): &(ColumnName, String),
        write: &Write,
    ) -> Result<(RowId, Ensured), Ensured> {
        let ensured = match self.0.target.send(write).await {
            Ok(()) => Ensured::Created,
            Err(failure) if failure.code == Some(ErrorCode::DUPLICATE_KEY) => {
                return Err(Ensured::Duplicate);
            }
            // Somebody else may have been quicker, or the answer was lost: its key tells.
            Err(failure)
                if failure.class == FailureClass::PreconditionFailed
                    || failure.may_have_happened() =>
            {
                Ensured::Existed
            }
            Err(failure) => return Err(of_failure(&failure)),
        };
        let schema = table.schema();
        let made = self.0.target.reader().resolve_key(schema, column, value);
        match made.await {
            Ok(Some(id)) => {
                lock(&self.0.known).saw(&schema.name, id, now());
                tell(&schema.name, id, &ensured);
                Ok((id, ensured))
            }
            Ok(None) => Err(Ensured::Unknown(
                "it was made by its key, and is not found by it".to_owned(),
            )),
            Err(failure) => Err(Ensured::Unknown(failure.summary())),
        }
    }

    async fn exists(&self, table: &Referenced, id: RowId) -> Result<bool, Failure> {
        let schema = table.schema();
        let id_only = std::slice::from_ref(&schema.primary_id);
        let target = self.0.target.reader();
        let row = target.retrieve(schema, id, id_only).await?;
        Ok(row.is_some())
    }

    async fn in_source(&self, table: &Referenced, id: RowId) -> Side {
        let read = table.stub().read(&self.0.source, id).await;
        read.unwrap_or_else(|failure| Side::Unreadable(failure.summary()))
    }

    /// Creates what is absent; a 204 is its own proof, and what a 412 means is told by its code (rule 1).
    async fn create(&self, table: &Referenced, id: RowId, write: &Write) -> Ensured {
        let failure = match self.0.target.send(write).await {
            Ok(()) => return Ensured::Created,
            Err(failure) => failure,
        };
        match failure.code {
            Some(ErrorCode::DUPLICATE_RECORD) => return Ensured::Existed,
            Some(ErrorCode::DUPLICATE_KEY) => return Ensured::Duplicate,
            _ => {}
        }
        let is_unclear = failure.class == FailureClass::PreconditionFailed;
        if !is_unclear && !failure.may_have_happened() {
            return of_failure(&failure);
        }
        match self.exists(table, id).await {
            Ok(true) if is_unclear => Ensured::Existed,
            Ok(true) => Ensured::Created,
            Ok(false) if is_unclear => Ensured::Hidden,
            Ok(false) => of_failure(&failure),
            Err(_) => Ensured::Unknown(failure.summary()),
        }
    }

    /// The id of the row with this alternate key: the target is asked first, then the source. `None` where neither has
    /// it.
    pub(super) async fn resolve(
        &self,
        table: &Referenced,
        column: &ColumnName,
        value: &str,
    ) -> Result<Option<RowId>, Unresolved> {
        let target = self.0.target.reader();
        let in_target = target.resolve_key(table.schema(), column, value).await;
        if let Some(id) = in_target.map_err(Unresolved::Target)? {
            lock(&self.0.known).saw(&table.schema().name, id, now());
            return Ok(Some(id));
        }
        let in_source = table.stub().resolve(&self.0.source, column, value);
        let late = |_| Unresolved::Source("it did not answer in time".to_owned());
        match tokio::time::timeout(SOURCE_WITHIN, in_source)
            .await
            .map_err(late)?
        {
            Ok(id) => Ok(id),
            Err(failure) if failure.is_transient() || failure.class == FailureClass::NotAllowed => {
                Err(Unresolved::Source(failure.summary()))
            }
            Err(failure) => Err(Unresolved::Refused(failure)),
        }
    }

    /// Asks the source how it describes the tables that it has not described yet, so that no ticket waits for that.
    pub(super) async fn ask_source(&self, tables: &[Arc<Referenced>]) -> Result<(), NotReady> {
        for table in tables {
            table.stub().ask_source(&self.0.source).await?;
        }
        Ok(())
    }
}

/// A failure of one call, by what the caller has to know.
pub(super) fn of_failure(failure: &Failure) -> Ensured {
    let why = failure.summary();
    match failure.class {
        FailureClass::NotAllowed | FailureClass::Throttled => Ensured::HeldBack(why),
        FailureClass::NotSent
        | FailureClass::NoAnswer
        | FailureClass::Unavailable
        | FailureClass::Unreadable
        | FailureClass::Unauthorized => Ensured::Unavailable(why),
        FailureClass::Forbidden
        | FailureClass::NotFound
        | FailureClass::PreconditionFailed
        | FailureClass::Invalid => Ensured::Refused(why),
    }
}

fn tell(table: &TableName, id: RowId, ensured: &Ensured) {
    let (outcome, reason) = (ensured.word(), ensured.reason());
    match ensured {
        Ensured::Cached | Ensured::Existed => tracing::debug!(%table, %id, outcome, "ensured"),
        Ensured::Created => tracing::info!(%table, %id, outcome, "ensured"),
        _ => tracing::warn!(%table, %id, outcome, reason, "could not be ensured"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
