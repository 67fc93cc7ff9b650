//! Rows written as JSON, straight into the body of a reply: a page has thousands of them.
//!
//! In Dataverse's words: `_x_value` for lookups, annotations before the property they belong to, the primary id and the
//! etag always, money's currency unasked. Single values that are not on the way to a body are `render.rs`'s.

#![expect(
    clippy::inline_always,
    reason = "what a call is handed through memory costs more than the writing: a third of a page's time"
)]

use std::sync::Arc;

use chrono::{DateTime, Datelike, Timelike, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::formatted;
use super::prefer::Annotations;
use crate::emulator::row::{Cell, Row, Spot};
use crate::emulator::schema::{Column, Kind, Read, Schema, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{TableId, ValueRef};

pub(crate) const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
pub(crate) const NAVIGATION: &str = "Microsoft.Dynamics.CRM.associatednavigationproperty";
pub(crate) const LOGICAL_NAME: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";

/// Writes the rows of one table with the same columns and annotations.
///
/// Everything that is the same in every row was made beforehand.
#[derive(Debug)]
pub(crate) struct RowWriter {
    schema: Arc<Schema>,
    table: TableId,
    columns: Vec<Written>,
    /// For each column of the table, up to the last of those, its place among them.
    places: Vec<Option<u8>>,
    /// Whether values are also shown as people read them.
    formats: bool,
    /// Whether a lookup's value says by which property, and to which table, it leads.
    leads: [bool; 2],
}

/// One column of an answer.
#[derive(Debug)]
struct Written {
    column: usize,
    /// What comes before its value: `,"name":`.
    name: Constant,
    /// What comes before a text: `,"name":"`.
    quoted: Constant,
    /// What comes before that, if the value leads to a row of the table.
    leads: Vec<(TableId, String)>,
}

/// A text that every row repeats.
#[derive(Debug)]
struct Constant {
    /// The text, and blanks up to [`SHORT`].
    padded: Vec<u8>,
    length: usize,
}

/// Most names of columns are no longer, with what stands around them.
const SHORT: usize = 48;

impl Constant {
    fn new(text: String) -> Constant {
        let length = text.len();
        let mut padded = text.into_bytes();
        padded.resize(length.max(SHORT), b' ');
        Constant { padded, length }
    }

    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        beginning::<SHORT>(out, &self.padded, self.length);
    }
}

/// Writes the first bytes of some. Where there are enough, a fixed number is copied and what is too much cut off again: that
/// takes a few moves, and a copy of any length is a call.
#[inline(always)]
fn beginning<const MOVED: usize>(out: &mut Vec<u8>, bytes: &[u8], length: usize) {
    match bytes.first_chunk::<MOVED>() {
        Some(chunk) if length <= MOVED => {
            let end = out.len() + length;
            out.extend_from_slice(chunk);
            out.truncate(end);
        }
        _ => out.extend_from_slice(bytes.get(..length).unwrap_or(bytes)),
    }
}

impl RowWriter {
    /// A writer of the selected columns, or of all.
    pub(crate) fn new(
        store: &Store,
        table: TableId,
        select: Option<&[usize]>,
        annotations: &Annotations,
    ) -> RowWriter {
        let schema = Arc::clone(store.schema());
        let leads = [
            annotations.wants(NAVIGATION),
            annotations.wants(LOGICAL_NAME),
        ];
        let definition = schema.table(table);
        let written = |index: usize| {
            let column = definition.columns.get(index)?;
            Some(Written {
                column: index,
                name: Constant::new(format!(",\"{}\":", column.wire_name)),
                quoted: Constant::new(format!(",\"{}\":\"", column.wire_name)),
                leads: leading(&schema, column, leads),
            })
        };
        let columns: Vec<_> = columns(definition, select)
            .into_iter()
            .filter_map(written)
            .collect();
        let mut places = vec![None; definition.columns.len()];
        for (place, Written { column, .. }) in (0..=u8::MAX).zip(&columns) {
            let is_hidden = definition.columns.get(*column).is_some_and(Column::secured)
                && store.hides_secured();
            if let Some(own) = places.get_mut(*column).filter(|_| !is_hidden) {
                *own = Some(place);
            }
        }
        let last = places.iter().rposition(Option::is_some);
        places.truncate(last.map_or(0, |last| last + 1));
        RowWriter {
            table,
            columns,
            places,
            formats: annotations.wants(FORMATTED),
            leads,
            schema,
        }
    }

    /// Whether a row can be written without the store: nothing is shown that is found in another row.
    pub(crate) fn needs_no_store(&self) -> bool {
        !self.formats
    }

    /// How many columns it writes.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Writes a row as an object.
    pub(crate) fn write(&self, store: &Store, out: &mut Vec<u8>, row: &Row) {
        out.push(b'{');
        self.members(store, out, row);
        out.push(b'}');
    }

    /// Writes many rows with commas between them; without the store, nothing is shown as people read it.
    pub(crate) fn write_all(&self, store: Option<&Store>, out: &mut Vec<u8>, rows: &[Row]) {
        let mut spots = self.spots();
        for (index, row) in rows.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
            self.members_with(&mut spots, store, out, row);
            out.push(b'}');
        }
    }

    /// The place for where a row's values lie: one serves for many rows.
    fn spots(&self) -> Vec<Spot> {
        vec![Spot::default(); self.columns.len()]
    }

    /// Writes the members of a row's object, the first without a comma before it.
    pub(crate) fn members(&self, store: &Store, out: &mut Vec<u8>, row: &Row) {
        self.members_with(&mut self.spots(), Some(store), out, row);
    }

    fn members_with(
        &self,
        spots: &mut [Spot],
        store: Option<&Store>,
        out: &mut Vec<u8>,
        row: &Row,
    ) {
        out.extend_from_slice(b"\"@odata.etag\":\"W/\\\"");
        scalar(out, &row.version());
        out.extend_from_slice(b"\\\"\"");
        row.find(&self.places, spots);
        for (written, spot) in self.columns.iter().zip(spots) {
            let cell = row.at(*spot);
            if self.formats
                && !matches!(cell, Cell::Value(ValueRef::Null))
                && let Some(store) = store
            {
                self.format(store, out, row, written.column);
            }
            match cell {
                Cell::Plain(text, length) => {
                    written.quoted.write(out);
                    beginning::<32>(out, text, length);
                    out.push(b'"');
                }
                Cell::Value(value) => {
                    if let ValueRef::Lookup(reference) = value {
                        self.lead(out, written, reference.table);
                    }
                    written.name.write(out);
                    self::value(out, value);
                }
            }
        }
    }

    /// Writes a value as people read it.
    fn format(&self, store: &Store, out: &mut Vec<u8>, row: &Row, index: usize) {
        let table = self.schema.table(self.table);
        let text = formatted::value(store, table, row, index);
        if let (Some(text), Some(column)) = (text, table.columns.get(index)) {
            member(out, &column.wire_name, FORMATTED);
            scalar(out, &text);
        }
    }

    /// Writes where a lookup leads.
    fn lead(&self, out: &mut Vec<u8>, written: &Written, target: TableId) {
        if self.leads == [false, false] {
            return;
        }
        let mut known = written.leads.iter();
        if let Some((_, text)) = known.find(|(table, _)| *table == target) {
            out.extend_from_slice(text.as_bytes());
        } else if let Some(column) = self.schema.table(self.table).columns.get(written.column) {
            out.extend_from_slice(lead(&self.schema, column, self.leads, target).as_bytes());
        }
    }
}

/// What a column's values say of where they lead, for every table to which that may be.
fn leading(schema: &Schema, column: &Column, wanted: [bool; 2]) -> Vec<(TableId, String)> {
    if wanted == [false, false] {
        return Vec::new();
    }
    let targets = column
        .targets()
        .iter()
        .filter_map(|target| schema.by_name(target.table));
    targets
        .map(|target| (target, lead(schema, column, wanted, target)))
        .collect()
}

/// What a value says of where it leads: by which property, and to which table.
fn lead(
    schema: &Schema,
    column: &Column,
    [navigation, logical_name]: [bool; 2],
    target: TableId,
) -> String {
    let target = schema.table(target).name;
    let mut text = Vec::new();
    let mut declared = column.targets().iter();
    if let Some(declared) = declared
        .find(|declared| declared.table == target)
        .filter(|_| navigation)
    {
        member(&mut text, &column.wire_name, NAVIGATION);
        scalar(&mut text, declared.navigation);
    }
    if logical_name {
        member(&mut text, &column.wire_name, LOGICAL_NAME);
        scalar(&mut text, target);
    }
    String::from_utf8(text).unwrap_or_default()
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
#[inline(always)]
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

#[inline(always)]
fn id(out: &mut Vec<u8>, id: Uuid) {
    // Where it will stand: to be copied at once, single bytes would first have to reach memory.
    let begin = out.len();
    out.extend_from_slice(&[b'"'; 38]);
    if let Some(middle) = out.get_mut(begin + 1..begin + 37) {
        id.hyphenated().encode_lower(middle);
    }
}

/// Writes an exact number; whole sums keep a digit behind the point, by which a reader sees that they are not counts.
#[inline(always)]
fn decimal(out: &mut Vec<u8>, number: Decimal) {
    let unit = 10_u64.checked_pow(number.scale());
    let digits = u64::try_from(number.mantissa().unsigned_abs());
    let (Some(unit), Ok(digits)) = (unit, digits) else {
        let number = number.normalize();
        let tail = if number.scale() == 0 { ".0" } else { "" };
        return out.extend_from_slice(format!("{number}{tail}").as_bytes());
    };
    if number.mantissa() < 0 {
        out.push(b'-');
    }
    scalar(out, &(digits / unit));
    out.push(b'.');
    let (mut rest, mut unit) = (digits % unit, unit / 10);
    loop {
        let digit = rest.checked_div(unit).unwrap_or_default();
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
        rest -= digit * unit;
        unit /= 10;
        if rest == 0 {
            return;
        }
    }
}

/// Writes `"2016-09-28T22:57:53Z"`.
#[inline(always)]
fn time(out: &mut Vec<u8>, time: DateTime<Utc>) {
    let time = time.naive_utc();
    let Ok(year @ 0..=9999) = u32::try_from(time.year()) else {
        return scalar(out, &time.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    };
    let ([y1, y2], [y3, y4]) = (two(year / 100), two(year % 100));
    let ([m1, m2], [d1, d2]) = (two(time.month()), two(time.day()));
    let ([h1, h2], [n1, n2]) = (two(time.hour()), two(time.minute()));
    let [s1, s2] = two(time.second());
    out.extend_from_slice(&[
        b'"', y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2,
        b'Z', b'"',
    ]);
}

/// The last two digits of a number.
#[inline(always)]
fn two(number: u32) -> [u8; 2] {
    [number / 10 % 10, number % 10].map(|digit| b'0' + (digit & 0xf) as u8)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_it_is(digits in any::<i64>(), scale in 0..28_u32, large in any::<bool>()) {
            let number = Decimal::new(digits, scale);
            let number = if large { number.checked_mul(Decimal::from(1_000_003)).unwrap_or(number) } else { number };
            let mut out = Vec::new();
            decimal(&mut out, number);
            let text = String::from_utf8(out).unwrap_or_default();
            let shown = number.normalize().to_string();
            let whole = if shown.contains('.') { shown } else { format!("{shown}.0") };
            prop_assert_eq!(text, whole);
        }
    }
}
