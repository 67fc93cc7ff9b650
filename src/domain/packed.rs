//! A row in one block of bytes, for the many that are kept and seldom looked at: a quarter of what its values take as they
//! are, and one allocation. A block never leaves the process, so that its form may change at will.
//!
//! ```text
//!   parts │ changed │ etag │ changed by │ created by │ created │ values
//! ```
//!
//! `parts` tells which of the five behind it are there. Texts and counts carry their length in as few bytes as it needs,
//! numbers and moments are of one width.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::row::{ETag, Reference, Row, RowId, Value};
use super::table::TableName;

const CHANGED: u8 = 1;
const ETAG: u8 = 2;
const CHANGED_BY: u8 = 4;
const CREATED_BY: u8 = 8;
const CREATED: u8 = 16;

/// Of a reference: whether its table and its name are known.
const TABLE: u8 = 1;
const NAME: u8 = 2;

/// A row, packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedRow {
    id: RowId,
    rest: Box<[u8]>,
}

impl PackedRow {
    /// Packs a row: [`PackedRow::open`] gives it back as it is.
    pub fn of(row: &Row) -> Self {
        let mut packer = Packer(Vec::with_capacity(256));
        packer.row(row);
        Self {
            id: row.id,
            // Copied, so that the block is as long as it needs to be and no longer.
            rest: packer.0.as_slice().into(),
        }
    }

    /// The row as it was packed.
    pub fn open(&self) -> Row {
        Opener(&self.rest).row(self.id)
    }

    /// Its id, without opening it.
    pub fn id(&self) -> RowId {
        self.id
    }

    /// When it was last changed, without opening it.
    pub fn modified_on(&self) -> Option<DateTime<Utc>> {
        let mut opener = Opener(&self.rest);
        (opener.byte() & CHANGED != 0).then(|| opener.moment())
    }

    /// False where it names that row in no lookup for sure; what is true is known only once it is opened.
    pub fn may_name(&self, id: RowId) -> bool {
        let id = id.uuid();
        self.rest.windows(16).any(|bytes| bytes == id.as_bytes())
    }
}

struct Packer(Vec<u8>);

impl Packer {
    fn row(&mut self, row: &Row) {
        let parts = [
            (row.modified_on.is_some(), CHANGED),
            (row.etag.is_some(), ETAG),
            (row.modified_by.is_some(), CHANGED_BY),
            (row.created_by.is_some(), CREATED_BY),
            (row.created_on.is_some(), CREATED),
        ];
        self.parts(&parts);
        if let Some(at) = row.modified_on {
            self.moment(at);
        }
        if let Some(etag) = &row.etag {
            self.text(etag.as_str());
        }
        for by in row.modified_by.iter().chain(&row.created_by) {
            self.reference(by);
        }
        if let Some(at) = row.created_on {
            self.moment(at);
        }
        self.length(row.values.len());
        for value in &row.values {
            self.value(value);
        }
    }

    fn parts(&mut self, parts: &[(bool, u8)]) {
        let there = parts.iter().filter(|(is_there, _)| *is_there);
        self.0.push(there.fold(0, |all, (_, part)| all | part));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.push(0),
            Value::Text(text) => {
                self.0.push(1);
                self.text(text);
            }
            Value::Integer(number) => {
                self.0.push(2);
                self.0.extend(number.to_le_bytes());
            }
            Value::Decimal(number) => {
                self.0.push(3);
                self.0.extend(number.serialize());
            }
            Value::Boolean(false) => self.0.push(4),
            Value::Boolean(true) => self.0.push(5),
            Value::DateTime(at) => {
                self.0.push(6);
                self.moment(*at);
            }
            Value::Date(day) => {
                self.0.push(7);
                self.0.extend(day.num_days_from_ce().to_le_bytes());
            }
            Value::Choices(choices) => {
                self.0.push(8);
                self.length(choices.len());
                self.0
                    .extend(choices.iter().flat_map(|one| one.to_le_bytes()));
            }
            Value::Lookup(reference) => {
                self.0.push(9);
                self.reference(reference);
            }
        }
    }

    fn reference(&mut self, reference: &Reference) {
        let (table, name) = (reference.table.as_ref(), reference.name.as_ref());
        self.parts(&[(table.is_some(), TABLE), (name.is_some(), NAME)]);
        self.0.extend(reference.id.uuid().as_bytes());
        if let Some(table) = table {
            self.text(table.as_str());
        }
        if let Some(name) = name {
            self.text(name);
        }
    }

    fn moment(&mut self, at: DateTime<Utc>) {
        self.0.extend(at.timestamp().to_le_bytes());
        self.0.extend(at.timestamp_subsec_nanos().to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    /// Seven bits a byte, the lowest first; all but the last byte have the eighth set.
    fn length(&mut self, mut length: usize) {
        while let Ok(more) = u8::try_from(length & 0x7f)
            && length > 0x7f
        {
            self.0.push(more | 0x80);
            length >>= 7;
        }
        self.0.extend(u8::try_from(length));
    }
}

/// What is still to be read of a block. Where it ends early, which none that was packed here does, zeros follow.
struct Opener<'a>(&'a [u8]);

impl<'a> Opener<'a> {
    fn row(&mut self, id: RowId) -> Row {
        let parts = self.byte();
        let has = |part| parts & part != 0;
        Row {
            id,
            modified_on: has(CHANGED).then(|| self.moment()),
            etag: has(ETAG).then(|| ETag::new(self.text())).flatten(),
            modified_by: has(CHANGED_BY).then(|| self.reference()).flatten(),
            created_by: has(CREATED_BY).then(|| self.reference()).flatten(),
            created_on: has(CREATED).then(|| self.moment()),
            values: (0..self.length()).map_while(|_| self.value()).collect(),
        }
    }

    /// The next value; `None` at the end.
    fn value(&mut self) -> Option<Value> {
        if self.0.is_empty() {
            return None;
        }
        Some(match self.byte() {
            1 => Value::Text(self.text().to_owned()),
            2 => Value::Integer(i64::from_le_bytes(self.bytes())),
            3 => Value::Decimal(Decimal::deserialize(self.bytes())),
            4 => Value::Boolean(false),
            5 => Value::Boolean(true),
            6 => Value::DateTime(self.moment()),
            7 => {
                let days = i32::from_le_bytes(self.bytes());
                Value::Date(NaiveDate::from_num_days_from_ce_opt(days).unwrap_or_default())
            }
            8 => {
                let choices = 0..self.length();
                let choices = choices.map_while(|_| self.choice());
                Value::Choices(choices.collect())
            }
            9 => self.reference().map_or(Value::Null, Value::Lookup),
            _ => Value::Null,
        })
    }

    /// The next choice; `None` at the end.
    fn choice(&mut self) -> Option<i64> {
        (!self.0.is_empty()).then(|| i64::from_le_bytes(self.bytes()))
    }

    fn reference(&mut self) -> Option<Reference> {
        let parts = self.byte();
        let id = Uuid::from_bytes(self.bytes());
        let table = (parts & TABLE != 0).then(|| TableName::new(self.text()).ok());
        let name = (parts & NAME != 0).then(|| self.text().to_owned());
        Some(Reference {
            id: RowId::new(id)?,
            table: table.flatten(),
            name,
        })
    }

    fn moment(&mut self) -> DateTime<Utc> {
        let seconds = i64::from_le_bytes(self.bytes());
        let nanos = u32::from_le_bytes(self.bytes());
        DateTime::from_timestamp(seconds, nanos).unwrap_or_default()
    }

    fn text(&mut self) -> &'a str {
        let length = self.length();
        std::str::from_utf8(self.take(length)).unwrap_or_default()
    }

    fn length(&mut self) -> usize {
        let mut length = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte();
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        length
    }

    fn byte(&mut self) -> u8 {
        let [byte] = self.bytes();
        byte
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap_or([0; N])
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use proptest::collection::{btree_set, vec};
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = RowId> {
        (1..u128::MAX).prop_map(|n| RowId::new(Uuid::from_u128(n)).unwrap())
    }

    fn moment() -> impl Strategy<Value = DateTime<Utc>> {
        let years = -62_135_596_800_i64..253_402_300_800;
        (years, 0..1_000_000_000_u32).prop_map(|(s, n)| DateTime::from_timestamp(s, n).unwrap())
    }

    fn reference() -> impl Strategy<Value = Reference> {
        let table = of("[a-z_][a-z0-9_]{0,40}");
        (table, id(), of(any::<String>())).prop_map(|(table, id, name)| Reference {
            table: table.map(|table| TableName::new(&table).unwrap()),
            id,
            name,
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<String>().prop_map(Value::Text),
            "x{100,20000}".prop_map(Value::Text),
            any::<i64>().prop_map(Value::Integer),
            (any::<i64>(), 0..=28_u32)
                .prop_map(|(n, scale)| Value::Decimal(Decimal::new(n, scale))),
            any::<bool>().prop_map(Value::Boolean),
            moment().prop_map(Value::DateTime),
            moment().prop_map(|at| Value::Date(at.date_naive())),
            btree_set(any::<i64>(), 0..5).prop_map(Value::Choices),
            reference().prop_map(Value::Lookup),
        ]
    }

    fn row() -> impl Strategy<Value = Row> {
        let by = || of(reference());
        let head = (
            id(),
            of("[!-)+-~]{1,128}"),
            of(moment()),
            by(),
            by(),
            of(moment()),
        );
        (head, vec(value(), 0..200)).prop_map(|(head, values)| {
            let (id, etag, modified_on, modified_by, created_by, created_on) = head;
            Row {
                id,
                etag: etag.and_then(|etag| ETag::new(&etag)),
                modified_on,
                modified_by,
                created_by,
                created_on,
                values,
            }
        })
    }

    proptest! {
        #[test]
        fn a_row_is_given_back_as_it_was_packed(row in row()) {
            let packed = PackedRow::of(&row);
            prop_assert_eq!(packed.id(), row.id);
            prop_assert_eq!(packed.modified_on(), row.modified_on);
            prop_assert_eq!(packed.open(), row);
        }

        #[test]
        fn whom_it_names_is_found_without_opening_it(row in row(), stranger in id()) {
            let packed = PackedRow::of(&row);
            let named: BTreeSet<RowId> = row.values.iter().filter_map(|value| match value {
                Value::Lookup(reference) => Some(reference.id),
                _ => None,
            }).collect();
            prop_assert!(named.iter().all(|id| packed.may_name(*id)));
            prop_assert!(!packed.may_name(stranger));
        }

        #[test]
        fn any_bytes_are_opened_without_a_panic(id in id(), rest in vec(any::<u8>(), 0..300)) {
            PackedRow { id, rest: rest.into() }.open();
        }
    }
}
