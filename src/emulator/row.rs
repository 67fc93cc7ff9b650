//! One row, packed: its id, its version and those columns that hold something, in one piece of memory.
//!
//! Millions of rows are held at a time, so what is null costs nothing. Knows no table; values lie in the order of columns.

#![expect(
    clippy::inline_always,
    reason = "what a call hands back through memory costs more than the reading: a third of a page's time"
)]

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::value::{Reference, TableId, Value, ValueRef};

pub(crate) use self::shared::share;

/// A row, never changed in place: a reader keeps what it found, and a copy of it is a pointer.
///
/// ```text
/// id 16 | version 8 | columns 1 | (column 1, tag 1, payload)*
/// ```
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(Arc<[u8]>);

const HEADER: usize = 25;

/// Where a value lies in a row; nowhere if the row has none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot(u32);

/// A value on its way to the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'r> {
    /// A text that stands in JSON as it is: what the row holds from its first byte on, and its length.
    Plain(&'r [u8], usize),
    Value(ValueRef<'r>),
}

/// How the payload of a value is to be read.
mod tag {
    pub(super) const TEXT: u8 = 0;
    pub(super) const INT: u8 = 1;
    pub(super) const DECIMAL: u8 = 2;
    pub(super) const DOUBLE: u8 = 3;
    pub(super) const NO: u8 = 4;
    pub(super) const YES: u8 = 5;
    pub(super) const TIME: u8 = 6;
    pub(super) const DATE: u8 = 7;
    pub(super) const CHOICES: u8 = 8;
    pub(super) const ID: u8 = 9;
    /// The row's own id.
    pub(super) const OWN_ID: u8 = 10;
    pub(super) const LOOKUP: u8 = 11;
    /// The row's own version.
    pub(super) const VERSION: u8 = 12;
    /// A lookup that very many rows have in common.
    pub(super) const SHARED: u8 = 13;
    /// A text that is the same in JSON, but for the quotes around it.
    pub(super) const PLAIN: u8 = 14;
}

impl Row {
    /// Packs a row; of more than 255 columns the rest is left out, and no table has so many.
    pub(crate) fn new(id: Uuid, version: i64, values: &[Value]) -> Row {
        let mut packed = Vec::with_capacity(256);
        packed.extend_from_slice(id.as_bytes());
        packed.extend_from_slice(&version.to_le_bytes());
        packed.push(u8::try_from(values.len()).unwrap_or(u8::MAX));
        for (column, value) in (0..=u8::MAX).zip(values) {
            if !value.is_null() {
                packed.push(column);
                pack(&mut packed, id, version, value);
            }
        }
        Row(packed.into())
    }

    pub(crate) fn id(&self) -> Uuid {
        let bytes = self.0.first_chunk::<16>();
        bytes.map_or(Uuid::nil(), |bytes| Uuid::from_bytes(*bytes))
    }

    pub(crate) fn version(&self) -> i64 {
        let bytes = self.0.get(16..).and_then(|rest| rest.first_chunk::<8>());
        bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes))
    }

    /// What a column holds.
    pub(crate) fn value(&self, column: usize) -> ValueRef<'_> {
        let mut rest = Reader(self.0.get(HEADER..).unwrap_or_default());
        while let Some(own) = rest.byte().map(usize::from) {
            if own == column {
                return self.unpack(&mut rest).unwrap_or_default();
            }
            if own > column || rest.skip().is_none() {
                break;
            }
        }
        ValueRef::Null
    }

    /// The columns that hold something, in their order.
    pub(crate) fn held(&self) -> impl Iterator<Item = (usize, ValueRef<'_>)> {
        let mut rest = Reader(self.0.get(HEADER..).unwrap_or_default());
        std::iter::from_fn(move || {
            let column = rest.byte()?;
            Some((usize::from(column), self.unpack(&mut rest)?))
        })
    }

    /// Finds some columns only: where each lies, into the place that `places` has for it.
    ///
    /// What nobody asked for is stepped over, which is much cheaper than to read it.
    pub(crate) fn find(&self, places: &[Option<u8>], into: &mut [Spot]) {
        into.fill(Spot::default());
        let mut rest = Reader(self.0.get(HEADER..).unwrap_or_default());
        while let Some(column) = rest.byte() {
            // Nobody asked for a column behind the last of the places.
            let Some(place) = places.get(usize::from(column)) else {
                return;
            };
            let left = rest.0.len();
            if rest.skip().is_none() {
                return;
            }
            if let Some(spot) = place.and_then(|place| into.get_mut(usize::from(place))) {
                *spot = Spot(u32::try_from(self.0.len() - left).unwrap_or_default());
            }
        }
    }

    /// What lies at a spot of this row.
    #[inline(always)]
    pub(crate) fn at(&self, spot: Spot) -> Cell<'_> {
        let null = Cell::Value(ValueRef::Null);
        let at = usize::try_from(spot.0).unwrap_or_default();
        // The header is no value: the first spot is nowhere.
        let Some(bytes) = self.0.get(at..).filter(|_| at >= HEADER) else {
            return null;
        };
        let mut from = Reader(bytes);
        match from.plain() {
            Some((text, length)) => Cell::Plain(text, length),
            None => self.unpack(&mut from).map_or(null, Cell::Value),
        }
    }

    /// All values, to be changed and packed again.
    pub(crate) fn to_values(&self) -> Vec<Value> {
        let columns = self.0.get(HEADER - 1).copied().unwrap_or_default();
        let mut values = vec![Value::Null; usize::from(columns)];
        for (column, value) in self.held() {
            if let Some(place) = values.get_mut(column) {
                *place = value.to_value();
            }
        }
        values
    }

    #[inline(always)]
    fn unpack<'r>(&'r self, from: &mut Reader<'r>) -> Option<ValueRef<'r>> {
        Some(match from.byte()? {
            tag::TEXT | tag::PLAIN => ValueRef::Text(from.text()?),
            tag::INT => ValueRef::Int(from.int()?),
            tag::DECIMAL => ValueRef::Decimal(Decimal::deserialize(from.chunk()?)),
            tag::DOUBLE => ValueRef::Double(f64::from_le_bytes(from.chunk()?)),
            tag::NO => ValueRef::Bool(false),
            tag::YES => ValueRef::Bool(true),
            tag::TIME => ValueRef::Time(DateTime::from_timestamp_millis(from.int()?)?),
            tag::DATE => ValueRef::Date(
                NaiveDate::default().checked_add_signed(TimeDelta::try_days(from.int()?)?)?,
            ),
            tag::CHOICES => ValueRef::Choices(from.text()?),
            tag::ID => ValueRef::Id(Uuid::from_bytes(from.chunk()?)),
            tag::OWN_ID => ValueRef::Id(self.id()),
            tag::LOOKUP => ValueRef::Lookup(Reference {
                table: TableId(usize::from(from.byte()?)),
                id: Uuid::from_bytes(from.chunk()?),
            }),
            tag::VERSION => ValueRef::Int(self.version()),
            tag::SHARED => ValueRef::Lookup(shared::get(from.byte()?)?),
            _ => return None,
        })
    }
}

/// The lookups that very many rows have in common: users, currencies, business units. In a row, each is one byte.
///
/// For the whole process, since an id is a fact of the instance that has it and not of a store; what comes when all
/// places are taken lies in its row like any other.
mod shared {
    use std::sync::{Mutex, OnceLock, PoisonError};

    use super::Reference;

    static PLACES: [OnceLock<Reference>; 256] = [const { OnceLock::new() }; 256];
    static TAKEN: Mutex<usize> = Mutex::new(0);

    pub(super) fn get(place: u8) -> Option<Reference> {
        PLACES.get(usize::from(place))?.get().copied()
    }

    pub(super) fn place(reference: Reference) -> Option<u8> {
        let taken = PLACES.iter().map_while(OnceLock::get);
        let place = taken.into_iter().position(|own| *own == reference)?;
        u8::try_from(place).ok()
    }

    /// Gives a lookup a place, if one is left.
    pub(crate) fn share(reference: Reference) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if place(reference).is_none()
            && let Some(free) = PLACES.get(*taken)
            && free.set(reference).is_ok()
        {
            *taken += 1;
        }
    }
}

fn pack(packed: &mut Vec<u8>, own: Uuid, version: i64, value: &Value) {
    match value {
        Value::Null => {}
        Value::Text(text) if is_plain(text) => put_text(packed, tag::PLAIN, text),
        Value::Text(text) => put_text(packed, tag::TEXT, text),
        Value::Int(number) if *number == version => packed.push(tag::VERSION),
        Value::Int(number) => put_int(packed, tag::INT, *number),
        Value::Decimal(number) => {
            packed.push(tag::DECIMAL);
            packed.extend_from_slice(&number.serialize());
        }
        Value::Double(number) => {
            packed.push(tag::DOUBLE);
            packed.extend_from_slice(&number.to_le_bytes());
        }
        Value::Bool(yes) => packed.push(if *yes { tag::YES } else { tag::NO }),
        Value::Time(time) => put_int(packed, tag::TIME, time.timestamp_millis()),
        Value::Date(date) => {
            let days = date.signed_duration_since(NaiveDate::default()).num_days();
            put_int(packed, tag::DATE, days);
        }
        Value::Choices(options) => put_text(packed, tag::CHOICES, options),
        Value::Id(id) if *id == own => packed.push(tag::OWN_ID),
        Value::Id(id) => {
            packed.push(tag::ID);
            packed.extend_from_slice(id.as_bytes());
        }
        Value::Lookup(reference) => {
            if let Some(place) = shared::place(*reference) {
                packed.extend_from_slice(&[tag::SHARED, place]);
                return;
            }
            packed.push(tag::LOOKUP);
            packed.push(u8::try_from(reference.table.0).unwrap_or(u8::MAX));
            packed.extend_from_slice(reference.id.as_bytes());
        }
    }
}

/// Whether JSON has nothing to escape in it.
fn is_plain(text: &str) -> bool {
    let escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    !text.bytes().any(escaped)
}

fn put_text(packed: &mut Vec<u8>, tag: u8, text: &str) {
    packed.push(tag);
    put_varint(packed, u64::try_from(text.len()).unwrap_or_default());
    packed.extend_from_slice(text.as_bytes());
}

/// Small numbers in few bytes, whichever their sign.
fn put_int(packed: &mut Vec<u8>, tag: u8, number: i64) {
    packed.push(tag);
    put_varint(
        packed,
        (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned(),
    );
}

fn put_varint(packed: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        packed.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    packed.push(number.to_le_bytes()[0]);
}

/// The part of a row that is still to be read.
struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    #[inline(always)]
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    /// A text that needs no reading to be written as JSON, if that comes next: where it begins, and its length.
    #[inline(always)]
    fn plain(&self) -> Option<(&'r [u8], usize)> {
        let mut ahead = Reader(self.0);
        if ahead.byte()? != tag::PLAIN {
            return None;
        }
        let length = usize::try_from(ahead.varint()?).ok()?;
        (length <= ahead.0.len()).then_some((ahead.0, length))
    }

    /// Steps over a tag and its payload.
    #[inline(always)]
    fn skip(&mut self) -> Option<()> {
        let length = match self.byte()? {
            tag::TEXT | tag::PLAIN | tag::CHOICES => usize::try_from(self.varint()?).ok()?,
            tag::INT | tag::TIME | tag::DATE => {
                self.varint()?;
                0
            }
            tag::DECIMAL | tag::ID => 16,
            tag::DOUBLE => 8,
            tag::LOOKUP => 17,
            tag::SHARED => 1,
            _ => 0,
        };
        self.0 = self.0.get(length..)?;
        Some(())
    }

    #[inline(always)]
    fn varint(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    #[inline(always)]
    fn int(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'r str> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            "\\PC{0,300}".prop_map(|text| Value::Text(text.into())),
            any::<i64>().prop_map(Value::Int),
            Just(Value::Int(77)),
            (any::<i64>(), 0..20_u32)
                .prop_map(|(number, scale)| Value::Decimal(Decimal::new(number, scale))),
            any::<f64>()
                .prop_filter("equal to itself", |number| !number.is_nan())
                .prop_map(Value::Double),
            any::<bool>().prop_map(Value::Bool),
            (-60_000_000_000_000_i64..60_000_000_000_000).prop_filter_map("time", |ms| {
                DateTime::from_timestamp_millis(ms).map(Value::Time)
            }),
            (-700_000..700_000_i32)
                .prop_filter_map("date", NaiveDate::from_num_days_from_ce_opt)
                .prop_map(Value::Date),
            Just(Value::Choices("1,3".into())),
            any::<u128>().prop_map(|id| Value::Id(Uuid::from_u128(id))),
            Just(Value::Id(Uuid::from_u128(5))),
            (0..200_usize, any::<u128>()).prop_map(|(table, id)| {
                Value::Lookup(Reference {
                    table: TableId(table),
                    id: Uuid::from_u128(id),
                })
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_row_holds_what_was_put_into_it(values in proptest::collection::vec(value(), 0..60)) {
            let row = Row::new(Uuid::from_u128(5), 77, &values);
            prop_assert_eq!(row.id(), Uuid::from_u128(5));
            prop_assert_eq!(row.version(), 77);
            prop_assert_eq!(row.to_values(), values.clone());
            for (column, value) in values.iter().enumerate() {
                prop_assert_eq!(row.value(column), value.as_ref());
            }
            prop_assert_eq!(row.value(values.len()), ValueRef::Null);
            // Every second column, in reverse.
            let wanted: Vec<usize> = (0..values.len()).step_by(2).rev().collect();
            let mut places = vec![None; values.len()];
            for (place, column) in (0_u8..).zip(&wanted) {
                places[*column] = Some(place);
            }
            let mut spots = vec![Spot::default(); wanted.len()];
            row.find(&places, &mut spots);
            for (spot, column) in spots.iter().zip(wanted) {
                let value = match row.at(*spot) {
                    Cell::Plain(text, length) => ValueRef::Text(std::str::from_utf8(&text[..length]).unwrap_or_default()),
                    Cell::Value(value) => value,
                };
                prop_assert_eq!(value, values[column].as_ref());
            }
        }
    }
}
