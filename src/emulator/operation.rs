//! The messages of the Web API, a file for each: a request that was understood becomes a change and a reply.
//!
//! Knows nothing of sockets, tokens or faults; `front.rs` and `web_api.rs` have dealt with those before.

mod aggregate;
pub(crate) mod associate;
pub(crate) mod batch;
pub(crate) mod bulk_delete;
pub(crate) mod changes;
pub(crate) mod close_incident;
pub(crate) mod computed;
pub(crate) mod create;
pub(crate) mod csdl;
pub(crate) mod delete;
mod fetch;
pub(crate) mod function;
pub(crate) mod list;
pub(crate) mod metadata;
pub(crate) mod money;
pub(crate) mod multiple;
pub(crate) mod navigation;
pub(crate) mod pair;
pub(crate) mod privileges;
pub(crate) mod property;
mod reading;
pub(crate) mod retrieve;
mod select;
pub(crate) mod service_document;
pub(crate) mod update;
pub(crate) mod who_am_i;
pub(crate) mod write;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use self::batch::References;
use self::multiple::Multiple;
use super::instance::Instance;
use super::odata::path::{self, Address, End, Part, Property, Resource};
use super::odata::prefer::Preferences;
use super::odata::query::Query;
use super::pipeline::Context;
use super::refusal::{Outcome, Refusal};
use super::reply::{self, Reply};
use super::row::Row;
use super::schema::{Schema, Table, Writes};
use super::security::{self, Access, Rights, View, privilege};
use super::store::Store;
use super::transaction::Transaction;
use super::value::{Reference, TableId, ValueRef};

/// A request of the Web API as it arrived, by itself or as a part of a batch.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// `http://host/api/data/v9.2`, as the client addressed it.
    pub(crate) root: String,
    /// The path behind the root.
    pub(crate) rest: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) user: Uuid,
    /// What the user may do.
    pub(crate) rights: Rights,
    pub(crate) body: Bytes,
}

/// A request of the Web API with its caller known.
#[derive(Debug)]
pub(crate) struct Call {
    /// The tables as they were when the call began.
    pub(crate) schema: Arc<Schema>,
    pub(crate) method: Method,
    /// `http://host/api/data/v9.2`, as the client addressed it.
    pub(crate) root: String,
    pub(crate) query: Query,
    pub(crate) preferences: Preferences,
    pub(crate) conditions: Conditions,
    pub(crate) caller: Caller,
    /// What the messages of a write have in common.
    pub(crate) context: Context,
    pub(crate) body: Bytes,
    /// What `$1` stands for in a change set.
    pub(crate) references: References,
}

/// Who does it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// In whose name rows are written.
    pub(crate) user: Uuid,
    /// Who does it in that user's name, if it is another.
    pub(crate) behind: Option<Uuid>,
}

impl Caller {
    /// Somebody who acts for himself.
    pub(crate) fn of(user: Uuid) -> Caller {
        Caller { user, behind: None }
    }
}

/// `If-Match` and `If-None-Match`.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<Tag>,
    pub(crate) if_none_match: Option<Tag>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Any,
    /// An etag as it was sent.
    Version(String),
}

/// Reads a request and carries it out.
pub(crate) fn execute(
    instance: &Instance,
    request: &http::request::Parts,
    root: String,
    rest: &str,
    user: Uuid,
    body: Bytes,
) -> Outcome<Reply> {
    let asked = Asked {
        method: request.method.clone(),
        root,
        rest: rest.to_owned(),
        query: request.uri.query().map(str::to_owned),
        headers: request.headers.clone(),
        user,
        rights: security::admit(instance, user)?,
        body,
    };
    if path::is_batch(rest) && asked.method == Method::POST {
        return batch::answer(instance, &asked);
    }
    let done = Call::read(
        instance,
        instance.indexed_schema(),
        asked,
        References::default(),
    )
    .and_then(|call| {
        let mut transaction = Transaction::new(instance);
        let reply = call.carry_out(&mut transaction, rest)?;
        transaction.commit();
        Ok(reply)
    });
    done.or_else(|refusal| Ok(refused(&request.headers, &refusal)))
}

/// A refusal as a reply, with the annotations that the client prefers.
fn refused(headers: &HeaderMap, refusal: &Refusal) -> Reply {
    let annotations = Preferences::read(headers).map(|preferences| preferences.annotations);
    reply::refusal(refusal, &annotations.unwrap_or_default())
}

/// Does what one request asks for, as a part of a transaction.
fn dispatch(
    transaction: &mut Transaction,
    call: &Call,
    resource: Resource,
    rest: &str,
) -> Outcome<Reply> {
    let instance = transaction.instance();
    call.permitted(&resource)?;
    match (&call.method, resource) {
        (&Method::GET, Resource::ServiceDocument) => service_document::answer(call),
        (&Method::GET, Resource::Csdl) => csdl::answer(call),
        (_, Resource::Invocation(invocation)) => {
            function::answer(transaction, call, &invocation, rest)
        }
        (_, Resource::Definitions(segments)) => metadata::answer(transaction, call, &segments),
        (&Method::GET, Resource::Collection(table)) => list::answer(instance, call, table),
        (&Method::GET, Resource::Count(table)) => list::count(instance, call, table),
        (&Method::GET, Resource::Row(table, address)) => {
            retrieve::answer(instance, call, table, &address)
        }
        (&Method::GET, Resource::Property(table, address, property)) => {
            property::answer(instance, call, table, &address, property)
        }
        (&Method::GET, Resource::Privileges(table, address)) => {
            privileges::answer(instance, call, table, &address)
        }
        (&Method::GET, Resource::Navigation(table, address, navigation)) => {
            navigation::answer(instance, call, table, &address, &navigation)
        }
        (&Method::POST, Resource::Collection(table)) => {
            create::answer(transaction, call, writable(call, table, Writes::create)?)
        }
        (&Method::PUT, Resource::Property(table, address, Property { column, raw: false })) => {
            let table = writable(call, table, Writes::update)?;
            property::put(transaction, call, table, &address, column)
        }
        (&Method::DELETE, Resource::Property(table, address, Property { column, raw: false })) => {
            let table = writable(call, table, Writes::update)?;
            property::delete(transaction, call, table, &address, column)
        }
        (
            &Method::POST | &Method::PUT | &Method::DELETE,
            Resource::Navigation(table, address, navigation),
        ) => {
            let (written, way): (TableId, fn(Writes) -> bool) =
                match (navigation.end, &navigation.part) {
                    (End::Paired { pairs, table: of }, part) => {
                        let row = (table, &address);
                        return pair::answer(transaction, call, row, (pairs, of), part);
                    }
                    (End::Row { .. }, _) => (table, Writes::update),
                    (End::Rows { table, .. }, Part::Whole) => (table, Writes::create),
                    (End::Rows { table, .. }, _) => (table, Writes::update),
                };
            writable(call, written, way)?;
            associate::answer(transaction, call, table, &address, &navigation)
        }
        (&Method::POST, Resource::BulkDelete) => bulk_delete::answer(transaction, call),
        (&Method::POST, Resource::CloseIncident) => close_incident::answer(transaction, call),
        (&Method::POST, Resource::Bound(table, message)) => match Multiple::named(&message) {
            Some(message) => {
                let table = writable(call, table, message.way())?;
                multiple::answer(transaction, call, table, message)
            }
            None if message == "DeleteMultiple" => Err(Refusal::not_implemented(&message)),
            None => Err(Refusal::unsupported(&message)),
        },
        (&Method::PATCH, Resource::Row(table, address)) => update::answer(
            transaction,
            call,
            writable(call, table, Writes::update)?,
            &address,
        ),
        (&Method::DELETE, Resource::Row(table, address)) => delete::answer(
            transaction,
            call,
            writable(call, table, Writes::delete)?,
            &address,
        ),
        (method, _) => Err(Refusal::method_not_allowed(method)),
    }
}

/// The table, if clients may write it in this way.
fn writable(call: &Call, id: TableId, way: fn(Writes) -> bool) -> Outcome<TableId> {
    let table = call.schema.table(id);
    if way(table.writes) {
        Ok(id)
    } else {
        Err(Refusal::message_not_supported(&call.method, table))
    }
}

impl Call {
    /// Reads the headers and the query options.
    pub(crate) fn read(
        instance: &Instance,
        schema: Arc<Schema>,
        asked: Asked,
        references: References,
    ) -> Outcome<Call> {
        let query = Query::read(asked.query.as_deref())?;
        let tag = query.get("tag");
        let context = Context::read(instance, &asked.headers, asked.user, asked.rights, tag)?;
        Ok(Call {
            schema,
            preferences: Preferences::read(&asked.headers)?,
            conditions: Conditions::read(&asked.headers)?,
            caller: context.caller,
            context,
            query,
            method: asked.method,
            root: asked.root,
            body: asked.body,
            references,
        })
    }

    /// Does what the path behind the root asks for, as a part of a transaction.
    pub(crate) fn carry_out(&self, transaction: &mut Transaction, rest: &str) -> Outcome<Reply> {
        let resource = path::read(&self.schema, rest)?;
        dispatch(transaction, self, resource, rest)
    }

    /// Refuses a caller who may not read what the path names, or may not change what tables look like. What is written is
    /// up to the pipeline.
    fn permitted(&self, resource: &Resource) -> Outcome<()> {
        let rights = &self.context.rights;
        let reads = |table: TableId| rights.may(Access::Read, self.schema.table(table));
        match (&self.method, resource) {
            (
                &Method::GET,
                Resource::Collection(table)
                | Resource::Count(table)
                | Resource::Row(table, _)
                | Resource::Privileges(table, _)
                | Resource::Property(table, ..),
            ) => reads(*table),
            (&Method::GET, Resource::Navigation(table, _, navigation)) => {
                reads(*table).and_then(|()| reads(navigation.end.table()))
            }
            (&Method::GET, _) => Ok(()),
            (_, Resource::Definitions(_)) => rights.hold(privilege::CUSTOMIZE),
            (_, Resource::Invocation(invocation)) if invocation.name == "ReactivateEntityKey" => {
                rights.hold(privilege::CUSTOMIZE)
            }
            _ => Ok(()),
        }
    }

    /// The rows as the caller sees them.
    pub(crate) fn view<'i>(&self, instance: &'i Instance) -> View<'i> {
        self.context.rights.view(instance)
    }

    /// The body as a JSON object, with references to other parts of a batch replaced.
    pub(crate) fn object(&self, table: &Table) -> Outcome<Map<String, Json>> {
        match serde_json::from_slice(&self.body) {
            Ok(mut json @ Json::Object(_)) => {
                self.references.in_body(&mut json)?;
                let Json::Object(object) = json else {
                    return Ok(Map::new());
                };
                Ok(object)
            }
            Ok(_) => Err(Refusal::payload(table, "The body must be a JSON object.")),
            Err(error) => Err(Refusal::payload(
                table,
                &format!("The body is not valid JSON: {error}."),
            )),
        }
    }

    /// The answer to a row that was written: its URL, or the row itself with the given status.
    pub(crate) fn written(
        &self,
        transaction: &mut Transaction,
        table: TableId,
        row: &Row,
        url: &str,
        status: StatusCode,
    ) -> Outcome<Reply> {
        let subject = Reference {
            table,
            id: row.id(),
        };
        if !self.preferences.representation {
            let reply = reply::with_entity_id(reply::no_content(), url);
            return Ok(reply::about(reply, subject));
        }
        let rights = &self.context.rights;
        rights.may(Access::Read, self.schema.table(table))?;
        let instance = transaction.instance();
        let store = transaction.store();
        let seen = rights.seen(store);
        let entity = self.entity(instance, seen.as_ref().unwrap_or(store), table, row)?;
        let reply = reply::with_etag(reply::written(status, entity), row.version());
        let reply = reply::with_preferences(reply, &self.preferences.applied_to_row());
        Ok(reply::about(reply, subject))
    }
}

impl Conditions {
    fn read(headers: &HeaderMap) -> Outcome<Conditions> {
        let tag = |name: &str| {
            let Some(value) = headers.get(name) else {
                return Ok(None);
            };
            match value.to_str().map(str::trim) {
                Ok("null" | "") => Ok(None),
                Ok("*") => Ok(Some(Tag::Any)),
                Ok(etag) => Ok(Some(Tag::Version(etag.to_owned()))),
                Err(_) => Err(Refusal::argument(format!(
                    "The header {name} is not readable."
                ))),
            }
        };
        Ok(Conditions {
            if_match: tag("if-match")?,
            if_none_match: tag("if-none-match")?,
        })
    }

    /// Refuses a change of a row that is there.
    pub(crate) fn allow_change(&self, row: &Row) -> Outcome<()> {
        match &self.if_none_match {
            Some(Tag::Any) => return Err(Refusal::row_exists()),
            Some(Tag::Version(_)) => {
                return Err(Refusal::unsupported(
                    "If-None-Match with an ETag on a write",
                ));
            }
            None => {}
        }
        match &self.if_match {
            Some(Tag::Version(etag)) if !is_version(etag, row) => Err(Refusal::version_mismatch()),
            _ => Ok(()),
        }
    }
}

/// Whether an etag is the row's.
pub(crate) fn is_version(etag: &str, row: &Row) -> bool {
    etag == super::reply::etag(row.version())
}

/// The id of the row that an address names, if it is there.
pub(crate) fn find(store: &Store, table: TableId, address: &Address) -> Option<Uuid> {
    match address {
        Address::Id(id) => store.get_any(table, *id).map(Row::id),
        Address::Key(key) => {
            let values: Vec<ValueRef> =
                key.values.iter().map(|(_, value)| value.as_ref()).collect();
            store.by_key(table, key.key, &values)
        }
    }
}

/// That nothing stands at an address.
pub(crate) fn missing(schema: &Schema, table: TableId, address: &Address) -> Refusal {
    let table = schema.table(table);
    match address {
        Address::Id(id) => Refusal::row_missing(table, *id),
        Address::Key(_) => Refusal::key_missing(table),
    }
}

/// The row at an address; one that is hidden from the caller is refused, and not denied to exist (inferred).
pub(crate) fn found<'s>(store: &'s Store, table: TableId, address: &Address) -> Outcome<&'s Row> {
    let row = find(store, table, address).and_then(|id| store.get_any(table, id));
    let row = row.ok_or_else(|| missing(store.schema(), table, address))?;
    security::shown(store, table, row)?;
    Ok(row)
}
