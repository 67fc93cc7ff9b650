//! One method for each message of the Web API that tandem uses. A reader can't write; only who is a link's target is
//! ever asked for a writer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::links::{NextLink, Trail};
use super::metadata::{self, ColumnBody, Listed, LookupBody, TableBody};
use super::query::{Filter, Query, key_address};
use super::request;
use super::response::{self, Page, VersionBody, WhoAmIBody};
use super::row_reader::RowShape;
use super::send::{Call, Kind, Session, SetUpError};
use super::write::Write;
use crate::domain::breaker::{
    BreakerPolicy, BreakerStatus, Class, Forced, Illegal, Phase, Transition,
};
use crate::domain::credential::Credential;
use crate::domain::failure::{ErrorCode, Failure, FailureClass, Origin};
use crate::domain::health::Sample;
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::retry::RetryPolicy;
use crate::domain::row::{Row, RowId};
use crate::domain::table::{ColumnName, TableName, TableSchema};
use crate::domain::time::Now;

/// Ids that one request asks for: 500 keep the URL well below its limit of 32 KB (contract 3.2).
const IDS: usize = 500;

/// How a client is set up.
pub struct Settings {
    /// The instance.
    pub name: InstanceName,
    /// Its origin.
    pub endpoint: Endpoint,
    /// What to present to it.
    pub credential: Credential,
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
        Session::new(settings, observer).map(|session| Self(Arc::new(session)))
    }

    /// The same client as another user: the same breakers, its own token and its own gate.
    pub fn with_credential(&self, credential: Credential) -> Result<Self, SetUpError> {
        self.0
            .with_credential(credential)
            .map(|session| Self(Arc::new(session)))
    }

    /// The client that writes to this instance, for an instance that is a link's target.
    pub fn writer(&self) -> Writer {
        Writer(self.clone())
    }

    /// The cheapest call that proves an instance: the probe (contract 1.7).
    pub async fn who_am_i(&self) -> Result<WhoAmI, Failure> {
        let read = |answer: &Response<Bytes>| {
            let WhoAmIBody {
                user_id,
                organization_id,
            } = response::body(answer)?;
            let user = RowId::new(user_id).ok_or_else(|| odd("WhoAmI names no user"))?;
            Ok(WhoAmI {
                user,
                organization: organization_id,
                date: response::date(answer.headers()),
            })
        };
        self.get("WhoAmI", None, Kind::Ping, read).await
    }

    /// The version that the instance runs.
    pub async fn version(&self) -> Result<String, Failure> {
        let VersionBody { version } = self
            .get("RetrieveVersion()", None, Kind::Read, response::body)
            .await?;
        Ok(crate::domain::text::visible(&version)
            .chars()
            .take(40)
            .collect())
    }

    /// A table as the instance describes it (contract 9.1).
    pub async fn schema(&self, table: &TableName) -> Result<TableSchema, Failure> {
        let path = metadata::path(table);
        let own = format!("{path}{}", metadata::TABLE);
        let own: TableBody = self.get(&own, None, Kind::Read, response::body).await?;
        let columns = format!("{path}{}", metadata::COLUMNS);
        let columns: Listed<ColumnBody> =
            self.get(&columns, None, Kind::Read, response::body).await?;
        let lookups = format!("{path}{}", metadata::LOOKUPS);
        let lookups: Listed<LookupBody> =
            self.get(&lookups, None, Kind::Read, response::body).await?;
        metadata::schema(own, columns, lookups)
            .map_err(|error| odd(&format!("the table's description: {error}")))
    }

    /// One row, with the names of what its lookups name; `None` when there is no such row.
    pub async fn retrieve(
        &self,
        table: &TableSchema,
        id: RowId,
        columns: &[ColumnName],
    ) -> Result<Option<Row>, Failure> {
        let query = Query::all(table, columns);
        let path = format!("{}({id})?{}", table.set, query.options());
        let prefer = RowShape::annotations(true);
        match self
            .get(&path, Some(&prefer), Kind::Read, |answer| {
                response::row(answer, &query)
            })
            .await
        {
            Ok(row) => Ok(Some(row)),
            Err(failure) if failure.code == Some(ErrorCode::OBJECT_DOES_NOT_EXIST) => Ok(None),
            Err(failure) => Err(failure),
        }
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
        let query = Query::all(table, std::slice::from_ref(&table.primary_id));
        let Some(address) = key_address(&table.set, column, value).filter(|_| is_key) else {
            let found = self
                .page(
                    &query
                        .only(Filter::Is(column.clone(), value.to_owned()))
                        .first(2),
                )
                .await?;
            return match found.rows.as_slice() {
                [] => Ok(None),
                [row] => Ok(Some(row.id)),
                _ => Err(odd("more than one row has this value")),
            };
        };
        let path = format!("{address}?{}", query.options());
        match self
            .get(&path, None, Kind::Read, |answer| {
                response::row(answer, &query)
            })
            .await
        {
            Ok(row) => Ok(Some(row.id)),
            Err(failure) if failure.code == Some(ErrorCode::NOT_FOUND_BY_KEY) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A listing, page by page.
    pub fn pages(&self, query: Query) -> Pages {
        Pages {
            reader: self.clone(),
            query,
            at: At::Start,
            trail: Trail::default(),
        }
    }

    /// The rows with these ids, and those of them that can't be read; those that are not there are left out.
    pub async fn rows_by_id(
        &self,
        table: &TableSchema,
        ids: &[RowId],
        columns: &[ColumnName],
    ) -> Result<Page, Failure> {
        let mut all = Page::default();
        for some in ids.chunks(IDS) {
            let mut pages = self.pages(
                Query::all(table, columns)
                    .named()
                    .only(Filter::Ids(some.to_vec())),
            );
            while let Some(mut page) = pages.next().await? {
                all.rows.append(&mut page.rows);
                all.bad_rows.append(&mut page.bad_rows);
            }
        }
        Ok(all)
    }

    async fn page(&self, query: &Query) -> Result<Page, Failure> {
        let path = format!("{}?{}", query.set, query.options());
        let read =
            |answer: &Response<Bytes>| response::page(answer, query, &self.0.shared.endpoint);
        self.get(&path, Some(&query.prefer()), Kind::Read, read)
            .await
    }

    async fn page_at(&self, query: &Query, link: &NextLink) -> Result<Page, Failure> {
        let request = request::follow(link.url(), &query.prefer());
        let read =
            |answer: &Response<Bytes>| response::page(answer, query, &self.0.shared.endpoint);
        self.0
            .send(
                &Call {
                    request,
                    kind: Kind::Read,
                },
                read,
            )
            .await
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
            .ok_or_else(|| odd("the count that was asked for is missing"))
    }

    async fn get<T>(
        &self,
        path: &str,
        prefer: Option<&str>,
        kind: Kind,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure> + Sync,
    ) -> Result<T, Failure> {
        let request = request::get(&self.0.shared.endpoint, path, prefer);
        let request =
            request.map_err(|error| Failure::local(FailureClass::Invalid, error.to_string()))?;
        self.0.send(&Call { request, kind }, read).await
    }

    /// What the client says of itself; it lets its breakers' time pass, too.
    pub fn status(&self, at: Now) -> ClientStatus {
        let mut breakers = self.0.shared.breakers();
        let statuses = breakers.iter_mut().map(|breaker| {
            breaker.tick(at);
            breaker.status(at)
        });
        let statuses = statuses.collect();
        drop(breakers);
        let (in_flight, limit) = self.0.shared.flight();
        ClientStatus {
            breakers: statuses,
            gate: self.0.gate(at),
            rejected: self.0.rejected(),
            in_flight,
            limit,
        }
    }

    /// The changes of the breakers' states since they were last taken.
    pub fn take_transitions(&self) -> Vec<(Class, Transition)> {
        let mut breakers = self.0.shared.breakers();
        let classes = Class::ALL.into_iter().zip(breakers.iter_mut());
        classes
            .flat_map(|(class, breaker)| {
                breaker
                    .take_transitions()
                    .into_iter()
                    .map(move |t| (class, t))
            })
            .collect()
    }

    /// Sends nothing any more, in all classes, until it is released.
    pub fn force_open(&self, forced: &Forced, at: Now) {
        self.0
            .shared
            .breakers()
            .iter_mut()
            .for_each(|breaker| breaker.force_open(forced.clone(), at));
    }

    /// Takes a forced state back.
    pub fn release(&self, by: &str, at: Now) -> Result<(), Illegal> {
        let mut breakers = self.0.shared.breakers();
        let released = breakers.iter_mut().map(|breaker| breaker.release(by, at));
        // Forced together, released together: one that was not forced needs no release.
        if released.fold(false, |any, one| any | one.is_ok()) {
            Ok(())
        } else {
            Err(Illegal::NotForced)
        }
    }

    /// Lets an open read breaker probe without waiting for its time.
    pub fn probe_now(&self, at: Now) -> Result<(), Illegal> {
        let mut breakers = self.0.shared.breakers();
        let [read, _, auth] = &mut *breakers;
        // Without a token there is no probe.
        let _either_way = auth.probe_now(at);
        read.probe_now(at)
    }

    /// Takes back a forced state that was in force when the process ended.
    pub fn restore(&self, forced: &Forced, at: Now) {
        self.0
            .shared
            .breakers()
            .iter_mut()
            .for_each(|breaker| breaker.restore(forced.clone(), at));
    }
}

/// A listing that is read page by page. Where the server's links lead elsewhere or in a circle it ends with a failure,
/// never as if it were complete.
#[derive(Debug)]
pub struct Pages {
    reader: Reader,
    query: Query,
    at: At,
    trail: Trail,
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
            At::Link(link) => {
                self.trail.step(link)?;
                self.reader.page_at(&self.query, link).await?
            }
            At::End => return Ok(None),
        };
        self.at = page.next.take().map_or(At::End, At::Link);
        Ok(Some(page))
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
        let request =
            request.map_err(|error| Failure::local(FailureClass::Invalid, error.to_string()))?;
        self.0
            .0
            .send(
                &Call {
                    request,
                    kind: Kind::Write,
                },
                |_| Ok(()),
            )
            .await
    }

    /// Why a write would not be sent now; `None` when it would.
    pub fn held_back(&self, at: Now) -> Option<HeldBack> {
        let mut breakers = self.0.0.shared.breakers();
        let [_, write, _] = &mut *breakers;
        write.tick(at);
        let phase = write.phase().clone();
        let admits = write.would_admit();
        drop(breakers);
        let held = |until, is_breaker| {
            Some(HeldBack {
                why: format!("write breaker {}", phase.word()),
                until,
                is_breaker,
            })
        };
        match &phase {
            Phase::Open { until } => return held(Some(*until), true),
            Phase::ForcedOpen(_) => return held(None, true),
            Phase::HalfOpen { .. } if !admits => return held(None, false),
            Phase::HalfOpen { .. } | Phase::Closed => {}
        }
        let (until, why) = self.0.0.gate(at)?;
        Some(HeldBack {
            why: format!("throttled: {why}"),
            until: Some(until),
            is_breaker: false,
        })
    }
}

/// An answer that is readable and makes no sense.
fn odd(message: &str) -> Failure {
    Failure {
        origin: Origin::Remote,
        ..Failure::local(FailureClass::Unreadable, message)
    }
}
