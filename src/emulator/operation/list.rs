//! GET of a set, or of a row's collection: filter, order, page, count, expansion.
//!
//! Pages are stateless: a `$skiptoken` says behind which row the next begins, the link repeats the rest of the query.

use http::StatusCode;

use super::{Call, aggregate, changes, fetch, select};
use crate::emulator::content::Content;
use crate::emulator::instance::Instance;
use crate::emulator::odata::expand;
use crate::emulator::odata::expanded::{self, Expanded};
use crate::emulator::odata::filter;
use crate::emulator::odata::listing::Rows;
pub(super) use crate::emulator::odata::listing::encoded;
use crate::emulator::odata::order::{Order, Place};
use crate::emulator::odata::owner::Owner;
use crate::emulator::odata::paging::MOST;
use crate::emulator::odata::predicate::Predicate;
use crate::emulator::odata::rows;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

const COUNT: &str = "Microsoft.Dynamics.CRM.totalrecordcount";
const COUNT_EXCEEDED: &str = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";
const OPTIONS: [&str; 7] = [
    "$select",
    "$filter",
    "$orderby",
    "$top",
    "$count",
    "$expand",
    "$skiptoken",
];

/// Which rows are listed, and under which path.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) table: TableId,
    /// Only those that belong to a row.
    pub(super) of: Option<Owner>,
    /// Behind the service root.
    pub(super) path: String,
}

impl Subject {
    /// All rows of a table.
    fn whole(call: &Call, table: TableId) -> Subject {
        Subject {
            table,
            of: None,
            path: call.schema.table(table).set.to_owned(),
        }
    }
}

pub(crate) fn answer(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    if changes::is_asked(call) {
        return changes::answer(instance, call, table);
    }
    if let Some(text) = call.query.aliased("$apply") {
        return aggregate::answer(instance, call, table, text);
    }
    if let Some(text) = call.query.get("fetchXml") {
        return fetch::answer(instance, call, table, text);
    }
    if let Some(text) = call.query.get("sql") {
        return select::answer(instance, call, table, text);
    }
    page(instance, call, &Subject::whole(call, table))
}

/// A page of rows.
pub(super) fn page(instance: &Instance, call: &Call, subject: &Subject) -> Outcome<Reply> {
    call.query.only(&OPTIONS)?;
    let definition = call.schema.table(subject.table);
    let select = call.query.select(definition)?;
    let expansions = expand::read(
        &call.scope(instance),
        subject.table,
        call.query.get("$expand"),
    )?;
    let listed = Listed::read(instance, call, subject)?;
    let store = call.view(instance);
    let found = listed.rows(&store);
    let mut body = b"{\"@odata.context\":".to_vec();
    let context = expanded::context(
        &call.root,
        &store,
        definition,
        select.as_deref(),
        &expansions,
    );
    rows::scalar(&mut body, &context);
    put_counts(&mut body, call, listed.counted(call, &store)?);
    body.extend_from_slice(b",\"value\":[");
    let setting = call.setting(&store, &expansions);
    let writer = Expanded::new(setting, subject.table, select.as_deref(), &expansions);
    let tail = tail(call, found.token.as_deref(), &subject.path);
    let page = match writer.into_plain() {
        Ok(writer) => Content::page(body, writer, found.rows, tail),
        Err(writer) => {
            writer.write_all(&mut body, &found.rows)?;
            body.extend_from_slice(&tail);
            body.into()
        }
    };
    Ok(listed_as(call, page))
}

/// The URLs of rows: `/$ref` behind a collection.
pub(super) fn references(instance: &Instance, call: &Call, subject: &Subject) -> Outcome<Reply> {
    call.query
        .only(&["$filter", "$orderby", "$top", "$count", "$skiptoken"])?;
    let listed = Listed::read(instance, call, subject)?;
    let store = call.view(instance);
    let found = listed.rows(&store);
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(
        &mut body,
        &format!("{}/$metadata#Collection($ref)", call.root),
    );
    put_counts(&mut body, call, listed.counted(call, &store)?);
    body.extend_from_slice(b",\"value\":[");
    let table = call.schema.table(subject.table);
    for (index, row) in found.rows.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let url = expanded::url(&call.root, table, row);
        rows::scalar(&mut body, &serde_json::json!({"@odata.id": url}));
    }
    let path = format!("{}/$ref", subject.path);
    body.extend_from_slice(&tail(call, found.token.as_deref(), &path));
    Ok(listed_as(call, body.into()))
}

/// What closes the array and the object, with the link to the next page between them.
fn tail(call: &Call, token: Option<&str>, path: &str) -> Vec<u8> {
    let mut tail = b"]".to_vec();
    if let Some(token) = token {
        rows::member(&mut tail, "", "odata.nextLink");
        rows::scalar(&mut tail, &next_link(call, path, token));
    }
    tail.push(b'}');
    tail
}

fn listed_as(call: &Call, content: Content) -> Reply {
    let reply = reply::written(StatusCode::OK, content);
    reply::with_preferences(reply, &call.preferences.applied_to_list())
}

/// `/$count` of a set.
pub(crate) fn count(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    if changes::is_asked(call) {
        return changes::count(instance, call, table);
    }
    number(instance, call, &Subject::whole(call, table))
}

/// `/$count`: the number alone, as text.
pub(super) fn number(instance: &Instance, call: &Call, subject: &Subject) -> Outcome<Reply> {
    call.query.only(&["$filter"])?;
    let filter = filter(instance, call, subject.table)?;
    let rows = Rows {
        table: subject.table,
        of: subject.of,
        filter: filter.as_ref(),
    };
    let count = rows.count(&call.view(instance), MOST);
    Ok(reply::text(
        StatusCode::OK,
        "text/plain",
        format!("\u{feff}{count}"),
    ))
}

/// The options that decide which rows are shown.
struct Listed<'s> {
    subject: &'s Subject,
    filter: Option<Predicate>,
    order: Order,
    behind: Option<(usize, Place)>,
    size: PageSize,
}

/// The rows of a page, and the token of the next.
struct Found {
    rows: Vec<Row>,
    token: Option<String>,
}

impl<'s> Listed<'s> {
    fn read(instance: &Instance, call: &Call, subject: &'s Subject) -> Outcome<Listed<'s>> {
        let table = subject.table;
        let order = call.query.aliased("$orderby");
        let order = Order::read(&call.scope(instance), table, order)?;
        let behind = call.query.get("$skiptoken");
        let behind = behind
            .map(|token| order.read_token(&call.schema, table, token))
            .transpose()?;
        Ok(Listed {
            subject,
            filter: filter(instance, call, table)?,
            order,
            behind,
            size: page_size(call)?,
        })
    }

    fn chosen(&self) -> Rows<'_> {
        Rows {
            table: self.subject.table,
            of: self.subject.of,
            filter: self.filter.as_ref(),
        }
    }

    fn rows(&self, store: &Store) -> Found {
        let size = self.size.rows;
        let behind = self.behind.as_ref().map(|(_, place)| place);
        let mut rows = self.chosen().page(store, &self.order, behind, size + 1);
        let more = rows.len() > size && self.size.continues;
        rows.truncate(size);
        let page = self.behind.as_ref().map_or(1, |(page, _)| *page);
        let last = rows.last().filter(|_| more);
        let token = last.map(|last| self.order.place(store, last).token(page.saturating_add(1)));
        Found { rows, token }
    }

    /// The number of all rows, one more than is told of at most; none unless it is asked for.
    fn counted(&self, call: &Call, store: &Store) -> Outcome<Option<usize>> {
        let counted = call.query.count()?;
        Ok(counted.then(|| self.chosen().count(store, MOST + 1)))
    }
}

struct PageSize {
    rows: usize,
    /// Whether there is a next page; `$top` has none.
    continues: bool,
}

/// `$top` counts only without a preferred page size, and never beyond the largest page (inferred).
fn page_size(call: &Call) -> Outcome<PageSize> {
    let top = call.query.number("$top")?;
    Ok(match (call.preferences.page_size, top) {
        (Some(size), _) => PageSize {
            rows: size,
            continues: true,
        },
        (None, Some(0)) => {
            return Err(Refusal::argument(
                "The value of $top must be greater than 0.",
            ));
        }
        (None, Some(top)) => PageSize {
            rows: top.min(MOST),
            continues: false,
        },
        (None, None) => PageSize {
            rows: MOST,
            continues: true,
        },
    })
}

fn filter(instance: &Instance, call: &Call, table: TableId) -> Outcome<Option<Predicate>> {
    let Some(text) = call.query.aliased("$filter") else {
        return Ok(None);
    };
    let expression = filter::read(text, &call.query)?;
    Predicate::bind(&call.scope(instance), table, expression).map(Some)
}

fn put_counts(body: &mut Vec<u8>, call: &Call, count: Option<usize>) {
    let annotations = &call.preferences.annotations;
    if let Some(count) = count {
        rows::member(body, "", "odata.count");
        rows::scalar(body, &count.min(MOST));
    }
    if annotations.wants(COUNT) {
        rows::member(body, "", COUNT);
        match count {
            Some(count) => rows::scalar(body, &count.min(MOST)),
            None => rows::scalar(body, &-1),
        }
    }
    if annotations.wants(COUNT_EXCEEDED) {
        rows::member(body, "", COUNT_EXCEEDED);
        rows::scalar(body, &count.is_some_and(|count| count > MOST));
    }
}

/// The query as it was, with the token in place of an older one.
pub(super) fn next_link(call: &Call, path: &str, token: &str) -> String {
    let mut link = format!("{}/{path}?", call.root);
    for (name, value) in call.query.all() {
        if name != "$skiptoken" {
            for part in [&encoded(name), "=", &encoded(value), "&"] {
                link.push_str(part);
            }
        }
    }
    link.push_str("$skiptoken=");
    link.push_str(&encoded(token));
    link
}
