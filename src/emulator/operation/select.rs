//! GET of a set with `sql`: the rows or totals of a statement, paged by number.
//!
//! The statement is read in `sql.rs`. Nulls are shown, as in a table of results (inferred).

use std::cmp::Ordering;
use std::collections::HashSet;

use http::StatusCode;

use super::Call;
use super::list::next_link;
use crate::emulator::instance::Instance;
use crate::emulator::odata::rows;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::{self, Line};
use crate::emulator::relation::plan::Tuple;
use crate::emulator::reply::{self, Reply};
use crate::emulator::sql::{self, Column, Select, Shown};
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::{TableId, Value};

/// The largest page.
const MOST: usize = 5000;

pub(super) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    text: &str,
) -> Outcome<Reply> {
    call.query.only(&["sql", "$skiptoken"])?;
    let select = sql::read(&call.scope(instance), table, text)?;
    let size = call.preferences.page_size.unwrap_or(MOST).min(MOST);
    let page = call.query.get("$skiptoken").map_or(Ok(1), page_of)?;
    let store = call.view(instance);
    // A whole result is made for each page: the service pages no other way either, and keeps no state.
    let found = match &select.shown {
        Shown::Rows(columns) => rows_of(&store, &select, columns)?,
        Shown::Totals { .. } => totals_of(&store, &select)?,
    };
    let end = select.limit.map_or(found.len(), |limit| {
        select.offset.saturating_add(limit).min(found.len())
    });
    let found = found.get(select.offset..end).unwrap_or_default();
    let start = (page - 1).saturating_mul(size);
    let rest = found.get(start..).unwrap_or_default();
    let shown = rest.get(..size).unwrap_or(rest);
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
    if rest.len() > size {
        rows::member(&mut body, "", "odata.nextLink");
        rows::scalar(&mut body, &next_link(call, set, &token(page + 1)));
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

fn rows_of<'s>(
    store: &Store,
    select: &'s Select,
    columns: &'s [Column],
) -> Outcome<Vec<Shaped<'s>>> {
    let wanted = select.limit.filter(|_| !select.distinct);
    let most = wanted.map_or(usize::MAX, |limit| limit.saturating_add(select.offset));
    let tuples = select.plan.ordered(store, most)?;
    let shaped = |tuple: &Tuple| -> Shaped<'s> {
        let value = |column: &'s Column| {
            let value = column.cell.of(store, tuple).to_value();
            (column.name.as_str(), value)
        };
        columns.iter().map(value).collect()
    };
    let mut rows: Vec<Shaped> = tuples.iter().map(shaped).collect();
    if select.distinct {
        keep_different(&mut rows);
    }
    Ok(rows)
}

fn totals_of<'s>(store: &Store, select: &'s Select) -> Outcome<Vec<Shaped<'s>>> {
    let Shown::Totals {
        groups,
        totals,
        order,
    } = &select.shown
    else {
        return Ok(Vec::new());
    };
    let tuples = select.plan.rows(store, aggregate::MOST + 1)?;
    let mut lines = aggregate::lines(store, &tuples, groups, totals, aggregate::MOST)?;
    lines.sort_by(|left, right| {
        let compared = order.iter().map(|(position, direction)| {
            let value = |line: &Line| line.keys.iter().chain(&line.totals).nth(*position).cloned();
            let (left, right) = (
                value(left).unwrap_or_default(),
                value(right).unwrap_or_default(),
            );
            direction.of(left.as_ref().sort(right.as_ref()))
        });
        compared.fold(Ordering::Equal, Ordering::then)
    });
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
        keep_different(&mut rows);
    }
    Ok(rows)
}

fn keep_different(rows: &mut Vec<Shaped>) {
    let mut seen: HashSet<Vec<Option<String>>> = HashSet::new();
    rows.retain(|row| {
        seen.insert(
            row.iter()
                .map(|(_, value)| comparable(value.as_ref()))
                .collect(),
        )
    });
}

/// The token of a page, of the service's form: its cookie differs from page to page.
fn token(page: usize) -> String {
    format!(
        "<cookie pagenumber=\"{page}\" pagingcookie=\"%253ccookie%2520page%253d%2522{}%2522%252f%253e\" \
         istracking=\"False\" />",
        page - 1
    )
}

fn page_of(token: &str) -> Outcome<usize> {
    let number = token
        .strip_prefix("<cookie pagenumber=\"")
        .and_then(|rest| rest.split_once('"'))
        .and_then(|(number, _)| number.parse().ok())
        .filter(|number| *number > 0);
    number.ok_or_else(|| Refusal::argument("Malformed XML in the Paging Cookie"))
}
