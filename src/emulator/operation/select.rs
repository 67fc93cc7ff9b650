//! GET of a set with `sql`: the rows or totals of a statement, paged by number.
//!
//! The statement is read in `sql.rs`. Nulls are shown, as in a table of results (inferred).

use http::StatusCode;

use super::Call;
use super::list::next_link;
use crate::emulator::instance::Instance;
use crate::emulator::odata::paging::{self, MOST, window};
use crate::emulator::odata::rows;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::{self, Line};
use crate::emulator::relation::plan::{Tuple, keep_different};
use crate::emulator::reply::{self, Reply};
use crate::emulator::sql::{self, Column, Select, Shown};
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::{TableId, Value};

pub(super) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    text: &str,
) -> Outcome<Reply> {
    call.query.only(&["sql", "$skiptoken"])?;
    let select = sql::read(&call.scope(instance), table, text)?;
    let size = call.preferences.page_size.unwrap_or(MOST);
    let page = call.query.get("$skiptoken").map_or(Ok(1), page_of)?;
    let start = (page - 1).saturating_mul(size);
    let store = call.view(instance);
    // The rows before the page are found again for each page: the service pages no other way either, and keeps no state.
    let (shown, more) = match &select.shown {
        Shown::Rows(columns) => rows_of(&store, &select, columns, (start, size))?,
        Shown::Totals { .. } => totals_of(&store, &select, (start, size))?,
    };
    let set = call.schema.table(table).set;
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(&mut body, &format!("{}/$metadata#{set}", call.root));
    body.extend_from_slice(b",\"value\":[");
    for (index, row) in shown.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.push(b'{');
        for (index, (name, value)) in row.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            rows::scalar(&mut body, name);
            body.push(b':');
            rows::value(&mut body, value.as_ref());
        }
        body.push(b'}');
    }
    body.push(b']');
    if more {
        rows::member(&mut body, "", "odata.nextLink");
        rows::scalar(
            &mut body,
            &next_link(call, set, &token(page.saturating_add(1))),
        );
    }
    body.push(b'}');
    let reply = reply::written(StatusCode::OK, body);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_list(),
    ))
}

/// One row of the result: names with values.
type Shaped<'n> = Vec<(&'n str, Value)>;

/// What of the rows a statement and its page show: as many as are wanted, from a start on, and whether there are more.
fn page<'r, T>(select: &Select, found: &'r [T], (start, size): (usize, usize)) -> (&'r [T], bool) {
    let end = select.limit.map_or(found.len(), |limit| {
        select.offset.saturating_add(limit).min(found.len())
    });
    let found = found.get(select.offset..end).unwrap_or_default();
    window(found, start, size)
}

fn rows_of<'s>(
    store: &Store,
    select: &'s Select,
    columns: &'s [Column],
    (start, size): (usize, usize),
) -> Outcome<(Vec<Shaped<'s>>, bool)> {
    // One more than the page's last row tells whether there is another.
    let end = start.saturating_add(size).saturating_add(1);
    let wanted = select.limit.map_or(end, |limit| limit.min(end));
    let most = if select.distinct {
        usize::MAX
    } else {
        wanted.saturating_add(select.offset)
    };
    let mut tuples = select.plan.ordered(store, most)?;
    if select.distinct {
        keep_different(&mut tuples, |tuple| {
            let cells = columns.iter().map(|column| column.cell.of(store, tuple));
            cells.map(comparable).collect()
        });
    }
    let (shown, more) = page(select, &tuples, (start, size));
    let shaped = |tuple: &Tuple| -> Shaped<'s> {
        let value = |column: &'s Column| {
            let value = column.cell.of(store, tuple).to_value();
            (column.name.as_str(), value)
        };
        columns.iter().map(value).collect()
    };
    Ok((shown.iter().map(shaped).collect(), more))
}

fn totals_of<'s>(
    store: &Store,
    select: &'s Select,
    window: (usize, usize),
) -> Outcome<(Vec<Shaped<'s>>, bool)> {
    let Shown::Totals {
        groups,
        totals,
        order,
    } = &select.shown
    else {
        return Ok((Vec::new(), false));
    };
    let tuples = select.plan.rows(store, aggregate::MOST + 1)?;
    let mut lines = aggregate::lines(store, &tuples, groups, totals, aggregate::MOST)?;
    aggregate::sort(&mut lines, order);
    let shaped = |line: Line| -> Shaped<'s> {
        let keys = groups.iter().zip(line.keys);
        let keys = keys
            .filter(|(group, _)| !group.alias.is_empty())
            .map(|(group, key)| (group.alias.as_str(), key));
        let totals = totals.iter().zip(line.totals);
        keys.chain(totals.map(|(total, value)| (total.alias.as_str(), value)))
            .collect()
    };
    let mut rows: Vec<Shaped> = lines.into_iter().map(shaped).collect();
    if select.distinct {
        keep_different(&mut rows, |row| {
            let values = row.iter().map(|(_, value)| value.as_ref());
            values.map(comparable).collect()
        });
    }
    let (shown, more) = page(select, &rows, window);
    Ok((shown.to_vec(), more))
}

/// The token of a page, of the service's form: its cookie differs from page to page.
fn token(page: usize) -> String {
    let cookie = format!("%253ccookie%2520page%253d%2522{}%2522%252f%253e", page - 1);
    paging::token(page, &cookie, false)
}

fn page_of(token: &str) -> Outcome<usize> {
    let read = paging::read_token(token);
    read.map(|(page, _)| page)
        .ok_or_else(|| Refusal::argument("Malformed XML in the Paging Cookie"))
}
