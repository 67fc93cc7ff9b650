//! GET of a set with `$apply`: groups and totals instead of rows.
//!
//! The transformations are read in `odata/apply.rs`.

use http::StatusCode;

use super::Call;
use crate::emulator::instance::Instance;
use crate::emulator::odata::apply::{self, Applied};
use crate::emulator::odata::order::{Direction, term_of};
use crate::emulator::odata::{render, rows, split_outside};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::{self, Line};
use crate::emulator::relation::shown::Members;
use crate::emulator::reply::{self, Reply};
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

pub(super) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    text: &str,
) -> Outcome<Reply> {
    call.query.only(&["$apply", "$orderby", "$top"])?;
    let applied = apply::read(&call.scope(instance), table, text, &call.query)?;
    let store = call.view(instance);
    let tuples = applied.plan.rows(&store, aggregate::MOST + 1)?;
    let mut lines = aggregate::lines(
        &store,
        &tuples,
        &applied.groups,
        &applied.totals,
        aggregate::MOST,
    )?;
    if let Some(order) = call.query.get("$orderby") {
        sort(&applied, &mut lines, order)?;
    }
    if let Some(top) = call.query.number("$top")? {
        lines.truncate(top);
    }
    let context = render::context(&call.root, call.schema.table(table), None);
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(&mut body, &context);
    body.extend_from_slice(b",\"value\":[");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write(&mut body, call, &store, &applied, line);
    }
    body.extend_from_slice(b"]}");
    let reply = reply::written(StatusCode::OK, body);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_groups(),
    ))
}

fn write(out: &mut Vec<u8>, call: &Call, store: &Store, applied: &Applied, line: &Line) {
    let mut members = Members::open(out, &call.preferences.annotations);
    for group in &applied.groups {
        if let Some(sample) = &line.sample {
            members.cell(store, &applied.plan, sample, &group.cell, &group.alias);
        }
    }
    for (total, value) in applied.totals.iter().zip(&line.totals) {
        members.total(
            store,
            &applied.plan,
            line.sample.as_ref(),
            total.cell.as_ref(),
            (&total.alias, value),
        );
    }
    members.close();
}

/// Sorts by what is grouped by; totals can't be sorted by, as the documentation says.
fn sort(applied: &Applied, lines: &mut [Line], text: &str) -> Outcome<()> {
    let mut terms: Vec<(usize, Direction)> = Vec::new();
    for term in split_outside(text, ',') {
        let (path, direction) = term_of(term)?;
        let group = applied.groups.iter().position(|group| group.alias == path);
        let group = group.ok_or_else(|| {
            Refusal::url("The query node SingleValueOpenPropertyAccess is not supported")
        })?;
        terms.push((group, direction));
    }
    aggregate::sort(lines, &terms);
    Ok(())
}
