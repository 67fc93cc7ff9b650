//! GET of a set: filter, order, page, count.
//!
//! Pages are stateless: a `$skiptoken` says behind which row the next begins, the link repeats the rest of the query.

use http::StatusCode;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Call, changes};
use crate::emulator::instance::Instance;
use crate::emulator::odata::order::{Order, Place};
use crate::emulator::odata::predicate::{Predicate, Seek};
use crate::emulator::odata::rows::{self, RowWriter};
use crate::emulator::odata::{filter, render};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::{SqlGuid, TableId};

/// The largest page, and the highest count.
const MOST: usize = 5000;
const COUNT: &str = "Microsoft.Dynamics.CRM.totalrecordcount";
const COUNT_EXCEEDED: &str = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";
/// What a query value may not hold as it is.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'=')
    .add(b'`');
const OPTIONS: [&str; 6] = [
    "$select",
    "$filter",
    "$orderby",
    "$top",
    "$count",
    "$skiptoken",
];

pub(crate) fn answer(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    if changes::is_asked(call) {
        return changes::answer(instance, call, table);
    }
    call.query.only(&OPTIONS)?;
    let definition = call.schema.table(table);
    let select = call.query.select(definition)?;
    let predicate = predicate(call, table)?;
    let order = Order::read(&call.schema, table, alias(call, call.query.get("$orderby")))?;
    let counted = call.query.count()?;
    let behind = call.query.get("$skiptoken");
    let behind = behind
        .map(|token| order.read_token(&call.schema, table, token))
        .transpose()?;
    let page = behind.as_ref().map_or(1, |(page, _)| *page);
    let size = page_size(call)?;

    let store = instance.read();
    let found = page_of(
        &store,
        table,
        predicate.as_ref(),
        &order,
        behind.as_ref().map(|(_, place)| place),
        size.rows,
    );
    let count = counted.then(|| matching(&store, table, predicate.as_ref()));
    let shown = found.get(..size.rows).unwrap_or(&found);
    let mut body = Vec::with_capacity(512 + 512 * shown.len());
    body.extend_from_slice(b"{\"@odata.context\":");
    rows::scalar(
        &mut body,
        &render::context(&call.root, definition, select.as_deref()),
    );
    put_counts(&mut body, call, count);
    body.extend_from_slice(b",\"value\":[");
    let writer = RowWriter::new(
        &store,
        table,
        select.as_deref(),
        &call.preferences.annotations,
    );
    for (index, row) in shown.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        writer.write(&mut body, row);
    }
    body.push(b']');
    if let (Some(last), true) = (shown.last(), found.len() > size.rows && size.continues) {
        let token = order.place(&store, last).token(page.saturating_add(1));
        rows::member(&mut body, "", "odata.nextLink");
        rows::scalar(&mut body, &next_link(call, definition.set, &token));
    }
    body.push(b'}');
    let reply = reply::written(StatusCode::OK, body);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_list(),
    ))
}

/// `/$count`: the number alone, as text.
pub(crate) fn count(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    if changes::is_asked(call) {
        return changes::count(instance, call, table);
    }
    call.query.only(&["$filter"])?;
    let predicate = predicate(call, table)?;
    let count = matching(&instance.read(), table, predicate.as_ref()).min(MOST);
    Ok(reply::text(
        StatusCode::OK,
        "text/plain",
        format!("\u{feff}{count}"),
    ))
}

struct PageSize {
    rows: usize,
    /// Whether there is a next page; `$top` has none.
    continues: bool,
}

fn page_size(call: &Call) -> Outcome<PageSize> {
    let top = call.query.number("$top")?;
    Ok(match (call.preferences.page_size, top) {
        (Some(size), _) => PageSize {
            rows: size.min(MOST),
            continues: true,
        },
        (None, Some(0)) => {
            return Err(Refusal::argument(
                "The value of $top must be greater than 0.",
            ));
        }
        (None, Some(top)) if top > MOST => return Err(Refusal::unsupported("$top above 5000")),
        (None, Some(top)) => PageSize {
            rows: top,
            continues: false,
        },
        (None, None) => PageSize {
            rows: MOST,
            continues: true,
        },
    })
}

fn predicate(call: &Call, table: TableId) -> Outcome<Option<Predicate>> {
    let Some(text) = call.query.get("$filter") else {
        return Ok(None);
    };
    let expression = filter::read(text, &call.query)?;
    Predicate::bind(&call.schema, table, expression).map(Some)
}

/// An option that is an alias as a whole, or its own text.
fn alias<'c>(call: &'c Call, text: Option<&'c str>) -> Option<&'c str> {
    let text = text?;
    if text.starts_with('@') {
        call.query.get(text).or(Some(text))
    } else {
        Some(text)
    }
}

/// The rows of a page and one more, if there is one.
fn page_of(
    store: &Store,
    table: TableId,
    predicate: Option<&Predicate>,
    order: &Order,
    behind: Option<&Place>,
    size: usize,
) -> Vec<Row> {
    let passes = |row: &&Row| predicate.is_none_or(|predicate| predicate.holds(store, row));
    let seek = predicate.and_then(|predicate| predicate.seek(store, table));
    if seek.is_none() && order.is_by_id() {
        let rows = store.after(table, behind.map(|place| place.id));
        return rows.filter(passes).take(size + 1).cloned().collect();
    }
    let rows = candidates(store, table, seek.as_ref()).filter(passes);
    let mut placed: Vec<(Place, &Row)> = rows
        .map(|row| (order.place(store, row), row))
        .filter(|(place, _)| behind.is_none_or(|behind| order.compare(behind, place).is_lt()))
        .collect();
    placed.sort_by(|(left, _), (right, _)| order.compare(left, right));
    placed
        .into_iter()
        .take(size + 1)
        .map(|(_, row)| row.clone())
        .collect()
}

fn matching(store: &Store, table: TableId, predicate: Option<&Predicate>) -> usize {
    let Some(predicate) = predicate else {
        return store.len(table);
    };
    let seek = predicate.seek(store, table);
    let rows = candidates(store, table, seek.as_ref());
    rows.filter(|row| predicate.holds(store, row))
        .take(MOST + 1)
        .count()
}

/// The rows that an index leaves, each once.
fn candidates<'s>(
    store: &'s Store,
    table: TableId,
    seek: Option<&Seek>,
) -> Box<dyn Iterator<Item = &'s Row> + 's> {
    match seek {
        None => Box::new(store.after(table, None)),
        Some(Seek::Ids(ids)) => {
            let mut ids: Vec<SqlGuid> = ids.iter().map(|id| SqlGuid::from(*id)).collect();
            ids.sort_unstable();
            ids.dedup();
            Box::new(
                ids.into_iter()
                    .filter_map(move |id| store.get(table, id.into())),
            )
        }
        Some(Seek::Modified { from, to }) => Box::new(store.modified(table, *from, *to)),
    }
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
fn next_link(call: &Call, set: &str, token: &str) -> String {
    let mut link = format!("{}/{set}?", call.root);
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

/// A text as a query value may hold it.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY_VALUE).to_string()
}
