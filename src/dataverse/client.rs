//! One method for each message of the Web API that tandem uses. A reader can't write; only who is a link's target is
//! ever asked for a writer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::admission::{Kind, index};
use super::batch;
use super::clock::now;
use super::links::NextLink;
use super::metadata::{self, ColumnBody, Listed, LookupBody, OptionsBody, TableBody};
use super::query::{Filter, Query, key_address};
use super::registration::Removal;
use super::request;
use super::request::Unsayable;
use super::response::{self, Page, TotalBody, VersionBody, WhoAmIBody};
use super::send::{Call, Session, SetUpError};
use super::write::Write;
use crate::domain::breaker::{
    BreakerPolicy, BreakerStatus, CircuitBreaker, Class, Forced, Illegal, Phase, Transition,
};
use crate::domain::credential::{Credential, Impersonated};
use crate::domain::failure::{ErrorCode, Failure, FailureClass};
use crate::domain::health::Sample;
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::network::Network;
use crate::domain::retry::RetryPolicy;
use crate::domain::row::{DeltaLink, PageLink, Row, RowId};
use crate::domain::table::{ColumnName, ColumnType, TableName, TableSchema};
use crate::domain::text::visible;
use crate::domain::time::Now;

/// Ids that one request asks for: 500 keep the URL well below its limit of 32 KB (contract 3.2).
const IDS: usize = 500;

/// How often a wait is looked at again.
const LOOK: Duration = Duration::from_millis(100);

/// How a client is set up.
pub struct Settings {
    /// The instance.
    pub name: InstanceName,
    /// Its origin.
    pub endpoint: Endpoint,
    /// What to present to it.
    pub credential: Credential,
    /// For whom that user acts.
    pub impersonates: Option<Impersonated>,
    /// How it is reached.
    pub network: Network,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// The breakers' numbers: read, write, auth.
    pub breakers: [BreakerPolicy; 3],
    /// Retries.
    pub retry: RetryPolicy,
    /// Makes the breakers' jitter.
    pub seed: u64,
}

/// How long things may take (reliability R7 and R8).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// A connection, TLS included.
    pub connect: Duration,
    /// A read, to its first byte.
    pub read: Duration,
    /// A write, to its first byte.
    pub write: Duration,
    /// A body, between two pieces.
    pub idle: Duration,
    /// A call with all its attempts and waits.
    pub deadline: Duration,
}

/// One attempt that was made, for statistics and the log.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Its class.
    pub class: Class,
    /// When it came to its end.
    pub at: Now,
    /// How long it took, and whether the instance failed.
    pub sample: Sample,
    /// How it failed, if it did.
    pub failure: Option<Failure>,
    /// Its method and path: no query, so no values.
    pub request: String,
}

impl Observation {
    /// One line of the log: the service's id of a request that failed is what its support asks for.
    pub fn log(&self) {
        let (request, took) = (&self.request, self.sample.took);
        if let Some(failure) = self.failure.as_ref().filter(|one| !self.tells(one)) {
            let id = failure.request_id.as_deref().unwrap_or_default();
            tracing::warn!(%request, ?took, %failure, id, "failed");
        } else {
            tracing::debug!(%request, ?took, "answered");
        }
    }

    /// Whether a failure is what was asked: that no row is there is an answer to a read.
    fn tells(&self, failure: &Failure) -> bool {
        let absent = [
            ErrorCode::OBJECT_DOES_NOT_EXIST,
            ErrorCode::NOT_FOUND_BY_KEY,
        ];
        self.class == Class::Read && failure.code.is_some_and(|code| absent.contains(&code))
    }
}

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct ClientStatus {
    /// Its breakers: read, write, auth.
    pub breakers: Vec<BreakerStatus>,
    /// Until when the instance asked us to wait, and why.
    pub gate: Option<(Now, String)>,
    /// Why our credentials are refused.
    pub rejected: Option<String>,
    /// Calls in flight.
    pub in_flight: u32,
    /// How many may be.
    pub limit: u32,
    /// Whether the budget allows for retries; calls are still made once when it doesn't.
    pub may_retry: bool,
}

/// Why a write would not be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// In words.
    pub why: String,
    /// Until when, if that is known.
    pub until: Option<Now>,
    /// Whether it is an open breaker: the instance fails, or a person stopped it. A wait for patience or for a probe
    /// is not.
    pub is_breaker: bool,
    /// Whether a person stopped it.
    pub is_forced: bool,
}

/// Who we are at an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhoAmI {
    /// Our application user.
    pub user: RowId,
    /// The organization.
    pub organization: Uuid,
    /// The instance's clock.
    pub date: Option<DateTime<Utc>>,
    /// How long the answer took, waits for leave and token included.
    pub took: Duration,
}

/// A client that reads. Clones share everything.
#[derive(Clone)]
pub struct Reader(Arc<Session>);

/// A client that writes too.
#[derive(Clone, Debug)]
pub struct Writer(Reader);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({})", self.0.shared.endpoint)
    }
}

impl Reader {
    /// A client of one instance. Every attempt that it makes is told to the observer.
    pub fn new(
        settings: Settings,
        observer: mpsc::UnboundedSender<Observation>,
    ) -> Result<Self, SetUpError> {
        Session::new(settings, None, observer).map(|session| Self(Arc::new(session)))
    }

    /// The same client as another user, who acts for himself: the same breakers, its own token and its own gate.
    pub fn with_credential(&self, credential: Credential) -> Result<Self, SetUpError> {
        self.0
            .with_credential(credential)
            .map(|session| Self(Arc::new(session)))
    }

    /// The same client for single calls that people wait for, not for bulk work: as many in flight as the service lets
    /// one user have, less a margin.
    #[must_use]
    pub fn widened(self) -> Self {
        self.0.shared.admission.widen(now());
        self
    }

    /// Takes over how long the instance has asked this user to wait, and why, and has later waits told: what a process
    /// was asked for holds for the next one, too.
    pub fn keep_gate(
        &self,
        held: Option<(Duration, String)>,
        keeps: impl Fn(DateTime<Utc>, &str) + Send + Sync + 'static,
    ) {
        self.0.keep_gate(held, Box::new(keeps));
    }

    /// The client that writes to this instance, for an instance that is a link's target.
    pub fn writer(&self) -> Writer {
        Writer(self.clone())
    }

    /// The cheapest call that proves an instance: the probe (contract 1.7). It is made once, at once or not at all.
    pub async fn who_am_i(&self) -> Result<WhoAmI, Failure> {
        let began = now();
        let (body, date): (WhoAmIBody, _) = self
            .get("WhoAmI", None, Kind::Ping, |answer| {
                Ok((response::body(answer)?, response::date(answer.headers())))
            })
            .await?;
        Ok(WhoAmI {
            user: RowId::new(body.user_id).ok_or_else(|| Failure::odd("WhoAmI names no user"))?,
            organization: body.organization_id,
            date,
            took: now().since(began),
        })
    }

    /// The version that the instance runs.
    pub async fn version(&self) -> Result<String, Failure> {
        let VersionBody { version } = self
            .get("RetrieveVersion()", None, Kind::Read, response::body)
            .await?;
        Ok(visible(&version).chars().take(40).collect())
    }

    /// A table as the instance describes it (contract 9.1).
    pub async fn schema(&self, table: &TableName) -> Result<TableSchema, Failure> {
        let path = metadata::path(table);
        let own: TableBody = self
            .get(
                &format!("{path}{}", metadata::TABLE),
                None,
                Kind::Read,
                response::body,
            )
            .await?;
        let columns: Listed<ColumnBody> = self
            .get(
                &format!("{path}{}", metadata::COLUMNS),
                None,
                Kind::Read,
                response::body,
            )
            .await?;
        let lookups: Listed<LookupBody> = self
            .get(
                &format!("{path}{}", metadata::LOOKUPS),
                None,
                Kind::Read,
                response::body,
            )
            .await?;
        metadata::schema(own, columns, lookups)
            .map_err(|error| Failure::odd(&format!("the table's description: {error}")))
    }

    /// Takes in what these choices may hold, by one request for each type that is among them.
    pub async fn add_options(
        &self,
        table: &mut TableSchema,
        columns: &[ColumnName],
    ) -> Result<(), Failure> {
        for (name, is_kind) in metadata::WITH_OPTIONS {
            let mut described = columns.iter().filter_map(|column| table.column(column));
            if !described.any(|column| is_kind(&column.kind)) {
                continue;
            }
            let path = metadata::options_path(&table.name, name);
            let options: Listed<OptionsBody> =
                self.get(&path, None, Kind::Read, response::body).await?;
            metadata::add_options(table, options);
        }
        Ok(())
    }

    /// One row, with the names of what its lookups name; `None` when there is no such row.
    pub async fn retrieve(
        &self,
        table: &TableSchema,
        id: RowId,
        columns: &[ColumnName],
    ) -> Result<Option<Row>, Failure> {
        let query = Query::all(table, columns).named();
        let path = format!("{}({id})", table.set);
        let code = ErrorCode::OBJECT_DOES_NOT_EXIST;
        asked_for(id, self.one(&path, &query, code).await)
    }

    /// The same of several rows in one request, at most [`batch::MOST`] of them: what became of each, in their order.
    pub async fn retrieve_each(
        &self,
        table: &TableSchema,
        ids: &[RowId],
        columns: &[ColumnName],
    ) -> Result<Vec<Result<Option<Row>, Failure>>, Failure> {
        let query = Query::all(table, columns).named();
        let options = options(&query)?;
        let paths = ids
            .iter()
            .map(|id| format!("{}({id})?{options}", table.set));
        let paths: Vec<String> = paths.collect();
        let (endpoint, caller) = (&self.0.shared.endpoint, self.0.caller());
        let request = batch::reads(endpoint, caller, &paths, &query.prefer());
        let read = |answer: &Response<Bytes>| batch::answers(answer, ids.len());
        let answers = self.send(request, Kind::Read, read).await?;
        let at = now();
        let judged = ids.iter().zip(answers).map(|(id, answer)| {
            let row = response::checked(answer, at.wall);
            let row = row.and_then(|answer| response::row(&answer, &query));
            // One part's 429 speaks for the user, as a whole answer's does.
            if let Err(failure) = &row {
                self.0.part_failed(failure, at);
            }
            asked_for(*id, unless(row, ErrorCode::OBJECT_DOES_NOT_EXIST))
        });
        Ok(judged.collect())
    }

    /// The id of the row with this value in an alternate key; by a filter where the value can't stand in an address.
    pub async fn resolve_key(
        &self,
        table: &TableSchema,
        column: &ColumnName,
        value: &str,
    ) -> Result<Option<RowId>, Failure> {
        let is_key = table
            .keys
            .iter()
            .any(|key| key.active && key.columns.as_slice() == std::slice::from_ref(column));
        let is_text = table
            .column(column)
            .is_some_and(|column| matches!(column.kind, ColumnType::Text { .. }));
        if !is_text {
            return Err(unsayable(&format!("{column} is not a column with a text")));
        }
        let query = Query::all(table, std::slice::from_ref(&table.primary_id));
        if let Some(address) = key_address(&table.set, &[(column, value)]).filter(|_| is_key) {
            let code = ErrorCode::NOT_FOUND_BY_KEY;
            let row = self.one(&address, &query, code).await?;
            return Ok(row.map(|row| row.id));
        }
        let filter = Filter::Is(column.clone(), value.to_owned());
        let found = whole(self.page(&query.only(filter).first(2)).await?)?;
        match found.rows.as_slice() {
            [] => Ok(None),
            [row] => Ok(Some(row.id)),
            _ => Err(unsayable("more than one row has this value")),
        }
    }

    /// One row at an address; `None` where the instance says that there is none.
    async fn one(
        &self,
        address: &str,
        query: &Query,
        absent: ErrorCode,
    ) -> Result<Option<Row>, Failure> {
        let path = format!("{address}?{}", options(query)?);
        let read = |answer: &Response<Bytes>| response::row(answer, query);
        let prefer = query.prefer();
        let row = self.get(&path, Some(&prefer), Kind::Read, read).await;
        unless(row, absent)
    }

    /// A listing, page by page.
    pub fn pages(&self, query: Query) -> Pages {
        Pages {
            reader: self.clone(),
            query,
            at: At::Start,
        }
    }

    /// A listing from where [`Pages::place`] said that it goes on, perhaps to another process. The link passes the same
    /// guard as any other (security case 10).
    pub fn pages_from(&self, query: Query, place: &PageLink) -> Result<Pages, Failure> {
        let endpoint = &self.0.shared.endpoint;
        let link = NextLink::check(place.as_str(), endpoint, &query.set, None)?;
        Ok(Pages {
            reader: self.clone(),
            query,
            at: At::Link(link),
        })
    }

    /// What changed since a link of [`Query::tracked`] was given: the rows as they are now, the ids of those that were
    /// deleted, and behind the last page the next link. The link passes the same guard as any other (security case 10).
    pub fn changes(&self, query: Query, since: &DeltaLink) -> Result<Pages, Failure> {
        let endpoint = &self.0.shared.endpoint;
        let link = NextLink::check(since.as_str(), endpoint, &query.set, None)?;
        Ok(Pages {
            reader: self.clone(),
            query,
            at: At::Link(link),
        })
    }

    /// The rows with these ids, in no order, and those of them that can't be read; those that are not there are left
    /// out.
    pub async fn rows_by_id(
        &self,
        table: &TableSchema,
        ids: &[RowId],
        columns: &[ColumnName],
    ) -> Result<Page, Failure> {
        let mut all = Page::default();
        for some in ids.chunks(IDS) {
            let query = Query::all(table, columns)
                .named()
                .only(Filter::Ids(some.to_vec()));
            let mut pages = self.pages(query);
            while let Some(mut page) = pages.next().await? {
                all.rows.append(&mut page.rows);
                all.bad_rows.append(&mut page.bad_rows);
            }
        }
        Ok(all)
    }

    async fn page(&self, query: &Query) -> Result<Page, Failure> {
        let path = format!("{}?{}", query.set, options(query)?);
        let endpoint = &self.0.shared.endpoint;
        let read = |answer: &Response<Bytes>| response::page(answer, query, endpoint, None);
        self.get(&path, Some(&query.prefer()), Kind::Read, read)
            .await
    }

    async fn page_at(&self, query: &Query, link: &NextLink) -> Result<Page, Failure> {
        let endpoint = &self.0.shared.endpoint;
        let request = request::follow(link.url(), &query.prefer());
        let read = |answer: &Response<Bytes>| response::page(answer, query, endpoint, Some(link));
        self.send(request, Kind::Read, read).await
    }

    /// How many rows changed since a moment, as far as the server counts (5,000).
    pub async fn count_changed_since(
        &self,
        table: &TableSchema,
        since: DateTime<Utc>,
    ) -> Result<usize, Failure> {
        let columns = std::slice::from_ref(&table.primary_id);
        let query = Query::all(table, columns)
            .only(Filter::ChangedSince(since))
            .first(1)
            .counted();
        let page = self.page(&query).await?;
        page.count
            .ok_or_else(|| Failure::odd("the count that was asked for is missing"))
    }

    /// How many rows a table has, as the instance last counted them: up to a day old (contract 3.4).
    pub async fn total(&self, table: &TableName) -> Result<usize, Failure> {
        let path = format!("RetrieveTotalRecordCount(EntityNames=@p1)?@p1=[%22{table}%22]");
        let TotalBody { counts } = self.get(&path, None, Kind::Read, response::body).await?;
        let count = counts.values.first().copied();
        count.ok_or_else(|| Failure::odd("the count that was asked for is missing"))
    }

    /// Reads one answer; `path` is below the service root, with its query.
    pub(super) async fn get<T>(
        &self,
        path: &str,
        prefer: Option<&str>,
        kind: Kind,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let request = request::get(&self.0.shared.endpoint, path, prefer);
        self.send(request, kind, read).await
    }

    async fn send<T>(
        &self,
        request: Result<Request<Bytes>, Unsayable>,
        kind: Kind,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let request = request.map_err(|error| unsayable(&error.to_string()))?;
        self.0.send(&Call { request, kind }, read).await
    }

    pub(super) fn session(&self) -> &Session {
        &self.0
    }

    /// What the client says of itself; it lets its breakers' time pass, too.
    pub fn status(&self, at: Now) -> ClientStatus {
        let admission = &self.0.shared.admission;
        let breakers = admission.breakers(|breakers| {
            let statuses = breakers.iter_mut().map(|breaker| {
                breaker.tick(at);
                breaker.status(at)
            });
            statuses.collect()
        });
        let flight = admission.flight();
        ClientStatus {
            breakers,
            gate: self.0.gate(at),
            rejected: self.0.rejected(),
            in_flight: flight.now,
            limit: flight.limit,
            may_retry: flight.may_retry,
        }
    }

    /// The changes of the breakers' states since they were last taken.
    pub fn take_transitions(&self) -> Vec<(Class, Transition)> {
        self.0.shared.admission.breakers(|breakers| {
            let classes = Class::ALL.into_iter().zip(breakers);
            let taken = classes.flat_map(|(class, breaker)| {
                let transitions = breaker.take_transitions().into_iter();
                transitions.map(move |transition| (class, transition))
            });
            taken.collect()
        })
    }

    /// Sends nothing any more, in all classes, until it is released.
    pub fn force_open(&self, forced: &Forced, at: Now) {
        self.each(|breaker| breaker.force_open(forced.clone(), at));
    }

    /// Takes a forced state back.
    pub fn release(&self, by: &str, at: Now) -> Result<(), Illegal> {
        // Forced together, released together: one that was not forced needs no release.
        let released = self.each(|breaker| breaker.release(by, at));
        any_of(released)
    }

    /// Lets open breakers probe without waiting for their time. A write breaker is then half-open until a write comes.
    pub fn probe_now(&self, at: Now) -> Result<(), Illegal> {
        any_of(self.each(|breaker| breaker.probe_now(at)))
    }

    /// Takes back a forced state that was in force when the process ended.
    pub fn restore(&self, forced: &Forced, at: Now) {
        self.each(|breaker| breaker.restore(forced.clone(), at));
    }

    fn each<T>(&self, order: impl FnMut(&mut CircuitBreaker) -> T) -> [T; 3] {
        let admission = &self.0.shared.admission;
        admission.breakers(|breakers| breakers.each_mut().map(order))
    }
}

/// A listing that is read page by page. Where the server's links lead elsewhere, in a circle or to no end it ends with
/// a failure, never as if it were complete; asked again after a failure, it reads the same page.
#[derive(Debug)]
pub struct Pages {
    reader: Reader,
    query: Query,
    at: At,
}

#[derive(Debug)]
enum At {
    Start,
    Link(NextLink),
    End,
}

impl Pages {
    /// The next page; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Page>, Failure> {
        let mut page = match &self.at {
            At::Start => self.reader.page(&self.query).await?,
            At::Link(link) => self.reader.page_at(&self.query, link).await?,
            At::End => return Ok(None),
        };
        self.at = page.next.take().map_or(At::End, At::Link);
        Ok(Some(page))
    }

    /// Where it goes on behind the page that was read last; `None` at its beginning and behind its end.
    pub fn place(&self) -> Option<PageLink> {
        match &self.at {
            At::Link(link) => Some(PageLink::new(link.url().as_str())),
            At::Start | At::End => None,
        }
    }
}

/// Good where one of them is; else what the first of them says.
fn any_of([read, write, auth]: [Result<(), Illegal>; 3]) -> Result<(), Illegal> {
    match (write, auth) {
        (Err(_), Err(_)) => read,
        _ => Ok(()),
    }
}

impl Writer {
    /// The client that reads.
    pub fn reader(&self) -> &Reader {
        &self.0
    }

    /// Sends one write. A 412 comes back as a failure whose code tells what it means; an outcome that isn't known is
    /// for the caller to read back ([`Failure::may_have_happened`]).
    pub async fn send(&self, write: &Write) -> Result<(), Failure> {
        let request = request::write(&self.0.0.shared.endpoint, write);
        self.0.send(request, Kind::Write, response::written).await
    }

    /// Sends several writes in one request: what became of each, in their order. A failure of the whole says nothing of
    /// any of them: where it may have happened, all are for the caller to read back, and never sent again whole.
    pub async fn send_batch(&self, writes: &[Write]) -> Result<Vec<Result<(), Failure>>, Failure> {
        let (endpoint, caller) = (&self.0.0.shared.endpoint, self.0.0.caller());
        let request = batch::writes(endpoint, caller, writes);
        let read = |answer: &Response<Bytes>| batch::answers(answer, writes.len());
        let answers = self.0.send(request, Kind::Write, read).await?;
        let at = now();
        let judged = answers.into_iter().map(|answer| {
            let outcome = response::checked(answer, at.wall);
            let outcome = outcome.and_then(|answer| response::written(&answer));
            // One part's 429 speaks for the user, as a whole answer's does.
            if let Err(failure) = &outcome {
                self.0.0.part_failed(failure, at);
            }
            outcome
        });
        Ok(judged.collect())
    }

    /// Removes a row that tandem registered itself. Records have no such method.
    pub async fn remove(&self, removal: &Removal) -> Result<(), Failure> {
        let request = request::remove(&self.0.0.shared.endpoint, removal);
        self.0.send(request, Kind::Write, response::written).await
    }

    /// Waits until a write would be sent: until breaker and gate are open for it. It takes nothing, so that another
    /// write may come first; then [`Self::send`] says `NotAllowed`, and there is nothing to do but to wait again.
    pub async fn ready(&self) {
        while let Some(held) = self.held_back(now()) {
            let left = held
                .until
                .map(|until| until.mono.saturating_sub(now().mono));
            // Orders and probes change it from outside, before its time.
            tokio::time::sleep(left.map_or(LOOK, |left| left.min(LOOK))).await;
        }
    }

    /// Why a write would not be sent now; `None` when it would.
    pub fn held_back(&self, at: Now) -> Option<HeldBack> {
        let (phase, admits) = self.0.0.shared.admission.breakers(|breakers| {
            let write = &mut breakers[index(Class::Write)];
            write.tick(at);
            (write.phase().clone(), write.would_admit())
        });
        let why = format!("write breaker {}", phase.word());
        match phase {
            Phase::Open { until } => Some(HeldBack {
                why,
                until: Some(until),
                is_breaker: true,
                is_forced: false,
            }),
            Phase::ForcedOpen(_) => Some(HeldBack {
                why,
                until: None,
                is_breaker: true,
                is_forced: true,
            }),
            Phase::HalfOpen { .. } if !admits => Some(HeldBack {
                why,
                until: None,
                is_breaker: false,
                is_forced: false,
            }),
            Phase::HalfOpen { .. } | Phase::Closed => {
                let (until, why) = self.0.0.gate(at)?;
                Some(HeldBack {
                    why: format!("throttled: {why}"),
                    until: Some(until),
                    is_breaker: false,
                    is_forced: false,
                })
            }
        }
    }
}

/// A row, or none where the failure is the code that says so.
fn unless(row: Result<Row, Failure>, absent: ErrorCode) -> Result<Option<Row>, Failure> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(failure) if failure.code == Some(absent) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The row, unless it is another one.
fn asked_for(id: RowId, row: Result<Option<Row>, Failure>) -> Result<Option<Row>, Failure> {
    match row? {
        Some(row) if row.id != id => {
            Err(Failure::odd("another row than the one that was asked for"))
        }
        row => Ok(row),
    }
}

/// A page without the rows that could not be read is not what was asked for by id.
fn whole(page: Page) -> Result<Page, Failure> {
    match page.bad_rows.first() {
        Some(bad) => Err(Failure::odd(&format!(
            "a row can't be read: {}",
            bad.reason
        ))),
        None => Ok(page),
    }
}

fn options(query: &Query) -> Result<String, Failure> {
    match query.shape.unreadable() {
        None => Ok(query.options()),
        Some(column) => Err(unsayable(&format!(
            "{} has no column {column} that can be read",
            query.set
        ))),
    }
}

/// A request that can't be made as it was asked for; nothing was sent.
fn unsayable(why: &str) -> Failure {
    Failure::local(FailureClass::Invalid, why)
}
