//! Rows written as JSON, straight into the body of a reply: a page has thousands of them.
//!
//! In Dataverse's words: `_x_value` for lookups, annotations before the property they belong to, the primary id and the
//! etag always, money's currency unasked. Single values that are not on the way to a body are `render.rs`'s.

use std::num::NonZeroUsize;
use std::thread;

use chrono::{DateTime, Datelike, Timelike, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::formatted;
use super::prefer::Annotations;
use crate::emulator::row::{Cell, Row};
use crate::emulator::schema::{Column, Kind, Read, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{TableId, ValueRef};

pub(crate) const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
pub(crate) const NAVIGATION: &str = "Microsoft.Dynamics.CRM.associatednavigationproperty";
pub(crate) const LOGICAL_NAME: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";

/// A page of fewer rows is not worth another thread.
const SMALL: usize = 1000;
/// So many cores one page may take.
const MOST_CORES: usize = 4;
/// What a row is expected to take.
const BYTES: usize = 512;

/// Writes the rows of one table with the same columns and annotations.
pub(crate) struct RowWriter<'a> {
    store: &'a Store,
    table: &'a Table,
    /// Each with the text that comes before its value: `,"name":`.
    columns: Vec<(usize, String)>,
    /// For each column of the table, its place among those.
    places: Vec<Option<u8>>,
    annotations: &'a Annotations,
}

impl<'a> RowWriter<'a> {
    /// A writer of the selected columns, or of all.
    pub(crate) fn new(
        store: &'a Store,
        table: TableId,
        select: Option<&[usize]>,
        annotations: &'a Annotations,
    ) -> RowWriter<'a> {
        let table = store.schema().table(table);
        let named = |column: usize| {
            let name = table.columns.get(column)?.wire_name.as_str();
            Some((column, format!(",\"{name}\":")))
        };
        let columns: Vec<_> = columns(table, select)
            .into_iter()
            .filter_map(named)
            .collect();
        let mut places = vec![None; table.columns.len()];
        for (place, (column, _)) in (0..=u8::MAX).zip(&columns) {
            let is_hidden =
                table.columns.get(*column).is_some_and(Column::secured) && store.hides_secured();
            if let Some(own) = places.get_mut(*column).filter(|_| !is_hidden) {
                *own = Some(place);
            }
        }
        RowWriter {
            store,
            table,
            columns,
            places,
            annotations,
        }
    }

    /// Writes a row as an object.
    pub(crate) fn write(&self, out: &mut Vec<u8>, row: &Row) {
        out.push(b'{');
        self.members(out, row);
        out.push(b'}');
    }

    /// Writes many rows with commas between them, a large page on several cores: that is what a client waits for.
    pub(crate) fn write_all(&self, out: &mut Vec<u8>, rows: &[Row]) {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = rows.len().div_ceil(cores.min(MOST_CORES)).max(SMALL);
        let mut shares = rows.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<&[Row]> = shares.collect();
        thread::scope(|scope| {
            let written: Vec<_> = others
                .into_iter()
                .map(|rows| scope.spawn(move || self.written(rows)))
                .collect();
            self.joined(out, own);
            for share in written {
                out.push(b',');
                match share.join() {
                    Ok(bytes) => out.extend_from_slice(&bytes),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
    }

    fn written(&self, rows: &[Row]) -> Vec<u8> {
        let mut out = Vec::with_capacity(rows.len() * BYTES);
        self.joined(&mut out, rows);
        out
    }

    fn joined(&self, out: &mut Vec<u8>, rows: &[Row]) {
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write(out, row);
        }
    }

    /// Writes the members of a row's object, the first without a comma before it.
    pub(crate) fn members(&self, out: &mut Vec<u8>, row: &Row) {
        out.extend_from_slice(b"\"@odata.etag\":\"W/\\\"");
        scalar(out, &row.version());
        out.extend_from_slice(b"\\\"\"");
        let mut cells = vec![Cell::Value(ValueRef::Null); self.columns.len()];
        row.read(&self.places, &mut cells);
        let annotated = self.annotations.any();
        for ((column, name), cell) in self.columns.iter().zip(cells) {
            if annotated && !matches!(cell, Cell::Value(ValueRef::Null)) {
                self.annotate(out, row, *column);
            }
            out.extend_from_slice(name.as_bytes());
            match cell {
                Cell::Plain(text) => {
                    out.push(b'"');
                    out.extend_from_slice(text);
                    out.push(b'"');
                }
                Cell::Value(value) => self::value(out, value),
            }
        }
    }

    /// Writes what is said of a value beside it.
    fn annotate(&self, out: &mut Vec<u8>, row: &Row, index: usize) {
        let Some(column) = self.table.columns.get(index) else {
            return;
        };
        for (annotation, text) in said(self.store, self.table, row, index, self.annotations) {
            member(out, &column.wire_name, annotation);
            scalar(out, &text);
        }
    }
}

/// The annotations of a value that are wanted, each with its text.
pub(crate) fn said(
    store: &Store,
    table: &Table,
    row: &Row,
    index: usize,
    annotations: &Annotations,
) -> impl Iterator<Item = (&'static str, String)> {
    let formatted = annotations
        .wants(FORMATTED)
        .then(|| formatted::value(store, table, row, index))
        .flatten();
    let target = row.value(index).as_reference().map(|reference| {
        let target = store.schema().table(reference.table).name;
        let mut targets = table
            .columns
            .get(index)
            .into_iter()
            .flat_map(Column::targets);
        let declared = targets.find(|declared| declared.table == target);
        (declared.map(|declared| declared.navigation), target)
    });
    let navigation = target
        .and_then(|(navigation, _)| navigation)
        .filter(|_| annotations.wants(NAVIGATION))
        .map(str::to_owned);
    let logical_name = target
        .filter(|_| annotations.wants(LOGICAL_NAME))
        .map(|(_, name)| name.to_owned());
    [
        (FORMATTED, formatted),
        (NAVIGATION, navigation),
        (LOGICAL_NAME, logical_name),
    ]
    .into_iter()
    .filter_map(|(annotation, text)| Some((annotation, text?)))
}

/// Writes `,"name@annotation":`.
pub(crate) fn member(out: &mut Vec<u8>, name: &str, annotation: &str) {
    for part in [",\"", name, "@", annotation, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Writes a value.
pub(crate) fn value(out: &mut Vec<u8>, value: ValueRef) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Text(text) | ValueRef::Choices(text) => scalar(out, text),
        ValueRef::Int(number) => scalar(out, &number),
        ValueRef::Decimal(number) => decimal(out, number),
        ValueRef::Double(number) => scalar(out, &number),
        ValueRef::Bool(yes) => scalar(out, &yes),
        ValueRef::Time(time) => self::time(out, time),
        ValueRef::Date(date) => scalar(out, &date.to_string()),
        ValueRef::Id(id) => self::id(out, id),
        ValueRef::Lookup(reference) => self::id(out, reference.id),
    }
}

/// Writes anything that is one JSON value; writing into memory does not fail.
pub(crate) fn scalar<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "a scalar can be written into memory");
}

fn id(out: &mut Vec<u8>, id: Uuid) {
    let mut text = [b'"'; 38];
    if let Some(middle) = text.get_mut(1..37) {
        id.hyphenated().encode_lower(middle);
    }
    out.extend_from_slice(&text);
}

/// Writes an exact number; whole sums keep a digit behind the point, by which a reader sees that they are not counts.
fn decimal(out: &mut Vec<u8>, number: Decimal) {
    if number.scale() == 0
        && let Ok(whole) = i64::try_from(number.mantissa())
    {
        scalar(out, &whole);
        out.extend_from_slice(b".0");
        return;
    }
    let number = number.normalize();
    let tail = if number.scale() == 0 { ".0" } else { "" };
    out.extend_from_slice(format!("{number}{tail}").as_bytes());
}

/// Writes `"2016-09-28T22:57:53Z"`.
fn time(out: &mut Vec<u8>, time: DateTime<Utc>) {
    let time = time.naive_utc();
    let Ok(year) = u32::try_from(time.year()) else {
        return scalar(out, &time.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    };
    let mut text = *b"\"0000-00-00T00:00:00Z\"";
    for (at, number) in [
        (1, year / 100),
        (3, year % 100),
        (6, time.month()),
        (9, time.day()),
        (12, time.hour()),
        (15, time.minute()),
        (18, time.second()),
    ] {
        let digits = [number / 10 % 10, number % 10];
        for (place, digit) in text.iter_mut().skip(at).zip(digits) {
            *place = b'0' + u8::try_from(digit).unwrap_or_default();
        }
    }
    out.extend_from_slice(&text);
}

/// The columns of the answer: the selected ones, the primary id, and money's currency, which comes along unasked.
fn columns(table: &Table, select: Option<&[usize]>) -> Vec<usize> {
    let Some(select) = select else {
        let readable = |index: &usize| table.columns[*index].read != Read::Nobody;
        return (0..table.columns.len()).filter(readable).collect();
    };
    let mut columns = select.to_vec();
    let money = columns
        .iter()
        .any(|&column| matches!(table.columns[column].kind, Kind::Money { .. }));
    let currency = table.column("transactioncurrencyid").filter(|_| money);
    for extra in [Some(table.id), currency].into_iter().flatten() {
        if !columns.contains(&extra) {
            columns.push(extra);
        }
    }
    columns
}
