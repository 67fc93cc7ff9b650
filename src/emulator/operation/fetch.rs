//! GET of a set with `fetchXml`: the rows or totals of a document, and the annotations by which they are paged.
//!
//! The document is read in `fetchxml.rs`.

use http::StatusCode;

use super::Call;
use crate::emulator::fetchxml::{self, Column, Cookie, Fetch, Shown};
use crate::emulator::instance::Instance;
use crate::emulator::odata::paging::{MOST, window};
use crate::emulator::odata::rows;
use crate::emulator::refusal::Outcome;
use crate::emulator::relation::aggregate::{self, Line};
use crate::emulator::relation::plan::{Plan, Tuple, keep_different};
use crate::emulator::relation::shown::Members;
use crate::emulator::reply::{self, Reply};
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::TableId;

const COOKIE: &str = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie";
const MORE: &str = "Microsoft.Dynamics.CRM.morerecords";
const TOTAL: &str = "Microsoft.Dynamics.CRM.totalrecordcount";
const EXCEEDED: &str = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";

pub(super) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    text: &str,
) -> Outcome<Reply> {
    call.query.only(&["fetchXml", "$count"])?;
    let fetch = fetchxml::read(&call.scope(instance), table, text)?;
    let store = call.view(instance);
    let body = match &fetch.shown {
        Shown::Rows(columns) => rows_of(call, &store, table, &fetch, columns)?,
        Shown::Totals { .. } => totals_of(call, &store, table, &fetch)?,
    };
    let reply = reply::written(StatusCode::OK, body);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_list(),
    ))
}

fn rows_of(
    call: &Call,
    store: &Store,
    table: TableId,
    fetch: &Fetch,
    columns: &[Column],
) -> Outcome<Vec<u8>> {
    let size = fetch.paging.size(call.preferences.page_size);
    let counted = fetch.paging.counts_all || call.query.count()?;
    let offset = fetch.paging.page.saturating_sub(1).saturating_mul(size);
    let behind = fetch
        .paging
        .behind
        .filter(|_| fetch.plan.sources.len() == 1);
    let needs_all = counted || fetch.distinct || behind.is_some();
    let most = if needs_all {
        usize::MAX
    } else {
        offset.saturating_add(size).saturating_add(1)
    };
    let mut found = fetch.plan.ordered(store, most)?;
    if fetch.distinct {
        keep_different(&mut found, |tuple| {
            let cells = columns.iter().map(|column| column.cell.of(store, tuple));
            cells.map(comparable).collect()
        });
    }
    let total = found.len();
    let is_last = |tuple: &Tuple| root_id(tuple) == behind;
    let start = behind
        .and_then(|_| found.iter().position(is_last))
        .map_or(offset, |last| last + 1);
    let (page, more) = window(&found, start, size);
    let more = more && fetch.paging.top.is_none();

    let definition = call.schema.table(table);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let context = format!(
        "{}/$metadata#{}({})",
        call.root,
        definition.set,
        names.join(",")
    );
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(&mut body, &context);
    put_total(&mut body, call, counted.then_some(total))?;
    let ends = page
        .first()
        .and_then(root_id)
        .zip(page.last().and_then(root_id));
    // A query over joined tables, or one whose rows are not told apart, has no cookie and is paged by number.
    let ends = ends.filter(|_| fetch.plan.sources.len() == 1 && !fetch.distinct);
    let cookie = ends.map(|(first, last)| Cookie {
        id: definition.columns[definition.id].name,
        page: fetch.paging.page,
        first,
        last,
    });
    put_paging(&mut body, call, more, cookie);
    body.extend_from_slice(b",\"value\":[");
    for (index, tuple) in page.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let mut members = Members::open(&mut body, &call.preferences.annotations);
        if let (Some(Some(row)), false) = (tuple.first(), fetch.distinct) {
            members.etag(row);
        }
        for column in columns {
            members.cell(store, &fetch.plan, tuple, &column.cell, &column.name);
        }
        members.close();
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

fn root_id(tuple: &Tuple) -> Option<uuid::Uuid> {
    tuple.first()?.as_ref().map(crate::emulator::row::Row::id)
}

fn totals_of(call: &Call, store: &Store, table: TableId, fetch: &Fetch) -> Outcome<Vec<u8>> {
    let Shown::Totals {
        groups,
        totals,
        limit,
        order,
    } = &fetch.shown
    else {
        return Ok(Vec::new());
    };
    let tuples = fetch.plan.rows(store, limit.saturating_add(1))?;
    let mut lines = aggregate::lines(store, &tuples, groups, totals, *limit)?;
    aggregate::sort(&mut lines, order);
    let size = fetch.paging.size(call.preferences.page_size);
    let start = fetch.paging.page.saturating_sub(1).saturating_mul(size);
    let (page, more) = window(&lines, start, size);
    let more = more && fetch.paging.top.is_none();
    let names = groups.iter().map(|group| group.alias.as_str());
    let names: Vec<&str> = names
        .chain(totals.iter().map(|total| total.alias.as_str()))
        .collect();
    let mut body = b"{\"@odata.context\":".to_vec();
    let set = call.schema.table(table).set;
    let context = format!("{}/$metadata#{set}({})", call.root, names.join(","));
    rows::scalar(&mut body, &context);
    put_total(
        &mut body,
        call,
        fetch.paging.counts_all.then_some(lines.len()),
    )?;
    put_paging(&mut body, call, more, None);
    body.extend_from_slice(b",\"value\":[");
    for (index, line) in page.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let mut members = Members::open(&mut body, &call.preferences.annotations);
        put_line(&mut members, store, &fetch.plan, line, groups, totals);
        members.close();
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// Writes the keys of a group and its totals.
pub(super) fn put_line(
    members: &mut Members,
    store: &Store,
    plan: &Plan,
    line: &Line,
    groups: &[aggregate::Group],
    totals: &[aggregate::Total],
) {
    for (group, key) in groups.iter().zip(&line.keys) {
        match (&line.sample, group.part) {
            (Some(sample), None) => members.cell(store, plan, sample, &group.cell, &group.alias),
            _ => members.total(store, plan, None, None, (&group.alias, key)),
        }
    }
    for (total, value) in totals.iter().zip(&line.totals) {
        let cell = total.cell.as_ref();
        let name = total.alias.as_str();
        members.total(store, plan, line.sample.as_ref(), cell, (name, value));
    }
}

fn put_total(body: &mut Vec<u8>, call: &Call, total: Option<usize>) -> Outcome<()> {
    if let Some(total) = total.filter(|_| call.query.get("$count").is_some())
        && call.query.count()?
    {
        rows::member(body, "", "odata.count");
        rows::scalar(body, &total.min(MOST));
    }
    if call.preferences.annotations.wants(TOTAL) {
        rows::member(body, "", TOTAL);
        match total {
            Some(total) => rows::scalar(body, &total.min(MOST)),
            None => rows::scalar(body, &-1),
        }
    }
    if call.preferences.annotations.wants(EXCEEDED) {
        rows::member(body, "", EXCEEDED);
        rows::scalar(body, &total.is_some_and(|total| total > MOST));
    }
    Ok(())
}

/// The annotations are sent only to who prefers them, and the cookie only where more is to come.
fn put_paging(body: &mut Vec<u8>, call: &Call, more: bool, cookie: Option<Cookie>) {
    let annotations = &call.preferences.annotations;
    if let Some(cookie) = cookie.filter(|_| more && annotations.wants(COOKIE)) {
        rows::member(body, "", COOKIE);
        rows::scalar(body, &cookie.annotation());
    }
    if annotations.wants(MORE) {
        rows::member(body, "", MORE);
        rows::scalar(body, &more);
    }
}
