//! Rows from JSON, straight into the order of the columns that were asked for: no tree of values in between, and
//! decimals by their text, so that one is what the server wrote. Where only their checksums are wanted, nothing of a row is
//! copied at all.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::checksum::Checksums;
use crate::domain::row::{ETag, Reference, Row, RowId, Value};
use crate::domain::table::{Column, ColumnName, ColumnType, TableName, TableSchema};

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOOKUP_TABLE: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";

/// Where a property of the JSON goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Id,
    ETag,
    ModifiedOn,
    ModifiedBy,
    ModifiedByName,
    CreatedBy,
    CreatedOn,
    Column(usize),
    TableOf(usize),
    NameOf(usize),
}

/// Which properties a row of JSON has, and what they are.
#[derive(Clone, Debug)]
pub(super) struct RowShape {
    select: Vec<String>,
    slots: HashMap<String, Slot>,
    columns: Vec<(ColumnName, ColumnType)>,
    unreadable: Option<ColumnName>,
    primary_id: String,
}

impl RowShape {
    /// The shape of rows with these columns.
    pub(super) fn of(table: &TableSchema, columns: &[ColumnName]) -> Self {
        let mut shape = Self {
            select: Vec::new(),
            slots: HashMap::new(),
            columns: Vec::with_capacity(columns.len()),
            unreadable: None,
            primary_id: table.primary_id.to_string(),
        };
        for (place, name) in columns.iter().enumerate() {
            let kind = match table.column(name).map(|column| &column.kind) {
                Some(kind) if !matches!(kind, ColumnType::Unsupported(_)) => kind.clone(),
                // The primary id comes with every row, whether it is described or not.
                _ if *name == table.primary_id => ColumnType::Id,
                _ => {
                    shape.unreadable.get_or_insert_with(|| name.clone());
                    continue;
                }
            };
            shape.add_column(place, name, kind);
        }
        shape.add_own(table);
        shape
    }

    fn add_column(&mut self, place: usize, name: &ColumnName, kind: ColumnType) {
        let property = property(name, &kind);
        self.slots
            .insert(format!("{property}{LOOKUP_TABLE}"), Slot::TableOf(place));
        self.slots
            .insert(format!("{property}{FORMATTED}"), Slot::NameOf(place));
        if property != self.primary_id {
            self.select.push(property.clone());
        }
        self.slots.insert(property, Slot::Column(place));
        self.columns.push((name.clone(), kind));
    }

    /// What every row tells of itself, as far as the table has it.
    fn add_own(&mut self, table: &TableSchema) {
        for (name, slot) in [
            ("modifiedon", Slot::ModifiedOn),
            ("modifiedby", Slot::ModifiedBy),
            // Only that tells a new row from a changed one.
            ("createdon", Slot::CreatedOn),
            ("createdby", Slot::CreatedBy),
        ] {
            self.add_own_column(table, name, slot);
        }
        let modified_by = format!("_modifiedby_value{FORMATTED}");
        self.slots
            .entry(modified_by)
            .or_insert(Slot::ModifiedByName);
        self.slots.insert("@odata.etag".to_owned(), Slot::ETag);
        self.slots
            .entry(self.primary_id.clone())
            .or_insert(Slot::Id);
    }

    fn add_own_column(&mut self, table: &TableSchema, name: &str, slot: Slot) {
        let column = ColumnName::new(name).ok();
        let column = column.and_then(|name| table.column(&name));
        let Some(Column { name, kind, .. }) = column else {
            return;
        };
        if let Entry::Vacant(free) = self.slots.entry(property(name, kind)) {
            self.select.push(free.key().clone());
            free.insert(slot);
        }
    }

    /// The columns for `$select`; never empty, since that would be all columns there are.
    pub(super) fn select(&self) -> String {
        if self.select.is_empty() {
            self.primary_id.clone()
        } else {
            self.select.join(",")
        }
    }

    /// The first of the columns that the table doesn't have, or that tandem can't read.
    pub(super) fn unreadable(&self) -> Option<&ColumnName> {
        self.unreadable.as_ref()
    }

    /// The annotations to ask for: the tables of lookups that may name several, and names for people where wanted.
    pub(super) fn annotations(with_names: bool) -> String {
        let names = if with_names {
            "OData.Community.Display.V1.FormattedValue,"
        } else {
            ""
        };
        format!("odata.include-annotations=\"{names}Microsoft.Dynamics.CRM.lookuplogicalname\"")
    }

    /// Whether a member is a number that must not pass through a floating point.
    fn is_exact(&self, slot: Slot) -> bool {
        let Slot::Column(place) = slot else {
            return false;
        };
        matches!(
            self.columns.get(place),
            Some((_, ColumnType::Decimal { .. } | ColumnType::Money { .. }))
        )
    }

    /// Reads one row.
    pub(super) fn read(&self, json: &str) -> Result<Row, String> {
        self.reader().read(json)
    }

    /// Reads many rows.
    pub(super) fn reader(&self) -> RowReader<'_> {
        RowReader {
            shape: self,
            order: Vec::new(),
            place: 0,
            seen: Vec::new(),
        }
    }

    /// The id of a row that could not be read, if that can be.
    pub(super) fn id_of(&self, json: &str) -> Option<RowId> {
        let properties: HashMap<&str, &RawValue> = serde_json::from_str(json).ok()?;
        let json = properties.get(self.primary_id.as_str())?.get();
        let text: Cow<'_, str> = serde_json::from_str(json).ok()?;
        row_id(&text).ok()
    }
}

/// What a column is called in a query and in a row: a lookup shows its id under another name (contract 1.6).
pub(super) fn property(name: &ColumnName, kind: &ColumnType) -> String {
    match kind {
        ColumnType::Lookup { .. } => format!("_{name}_value"),
        _ => name.to_string(),
    }
}

/// Reads rows of one shape. A server writes the properties of all rows in one order, so that each is looked for where it
/// stood in the rows before.
pub(super) struct RowReader<'s> {
    shape: &'s RowShape,
    /// What was read so far, in the order of the rows; what only some of them have, too.
    order: Vec<(String, Option<Slot>)>,
    /// Behind the last property that was found in there.
    place: usize,
    /// Which columns a row of which only the sum is wanted has had so far.
    seen: Vec<bool>,
}

/// So many properties may be left out of a row before the next one is looked up.
const AHEAD: usize = 4;
/// Beyond this many there is no order.
const MOST_ORDERED: usize = 512;

impl RowReader<'_> {
    /// Reads one row.
    pub(super) fn read(&mut self, json: &str) -> Result<Row, String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let row = self.row_from(&mut deserializer);
        let row = row.and_then(|row| deserializer.end().map(|()| row));
        row.map_err(|error| error.to_string())
    }

    /// Reads the id and the checksum of one row.
    pub(super) fn sum(&mut self, json: &str, sums: &Checksums) -> Result<(RowId, u64), String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let sum = self.sum_from(&mut deserializer, sums);
        let sum = sum.and_then(|sum| deserializer.end().map(|()| sum));
        sum.map_err(|error| error.to_string())
    }

    /// Reads the next row.
    pub(super) fn row_from<'de, D: Deserializer<'de>>(&mut self, json: D) -> Result<Row, D::Error> {
        let shape = self.shape;
        let mut row = Parts {
            values: vec![None; shape.columns.len()],
            ..Parts::default()
        };
        self.members(json, &mut row)?;
        row.finish(shape).map_err(D::Error::custom)
    }

    /// Reads the id and the checksum of the next row.
    pub(super) fn sum_from<'de, D: Deserializer<'de>>(
        &mut self,
        json: D,
        sums: &Checksums,
    ) -> Result<(RowId, u64), D::Error> {
        let mut row = Summed {
            sums,
            id: None,
            total: 0,
            seen: std::mem::take(&mut self.seen),
        };
        row.seen.clear();
        row.seen.resize(self.shape.columns.len(), false);
        let read = self.members(json, &mut row);
        let finished = row.finish(self.shape).map_err(D::Error::custom);
        self.seen = row.seen;
        read.and(finished)
    }

    fn members<'de, D: Deserializer<'de>>(
        &mut self,
        json: D,
        into: &mut impl Members<'de>,
    ) -> Result<(), D::Error> {
        self.place = 0;
        MembersSeed { reader: self, into }.deserialize(json)
    }

    fn slot(&mut self, name: &str) -> Option<Slot> {
        let mut ahead = self.order.iter().enumerate().skip(self.place).take(AHEAD);
        if let Some((place, (_, slot))) = ahead.find(|(_, (known, _))| known == name) {
            let slot = *slot;
            self.place = place + 1;
            return slot;
        }
        let slot = self.shape.slots.get(name).copied();
        if self.order.len() < MOST_ORDERED {
            self.order.insert(self.place, (name.to_owned(), slot));
            self.place += 1;
        }
        slot
    }
}

/// What takes in the members of a row.
trait Members<'de> {
    /// Whether it looks at these members.
    fn wants(&self, slot: Slot) -> bool;

    /// Takes in one of them.
    fn take(&mut self, shape: &RowShape, slot: Slot, json: Scalar<'de>)
    -> Result<(), &'static str>;
}

struct MembersSeed<'r, 's, M> {
    reader: &'r mut RowReader<'s>,
    into: &'r mut M,
}

impl<'de, M: Members<'de>> DeserializeSeed<'de> for MembersSeed<'_, '_, M> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: Members<'de>> Visitor<'de> for MembersSeed<'_, '_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let shape = self.reader.shape;
        while let Some(Name(name)) = map.next_key()? {
            let slot = self.reader.slot(&name);
            let Some(slot) = slot.filter(|slot| self.into.wants(*slot)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let json = if shape.is_exact(slot) {
                Scalar::Number(map.next_value::<&RawValue>()?.get())
            } else {
                map.next_value()?
            };
            self.into
                .take(shape, slot, json)
                .map_err(|why| A::Error::custom(format_args!("{name}: {why}")))?;
        }
        Ok(())
    }
}

/// A property's name: borrowed from the JSON where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A row that is being read.
#[derive(Default)]
struct Parts {
    id: Option<RowId>,
    etag: Option<ETag>,
    modified_on: Option<DateTime<Utc>>,
    modified_by: Option<RowId>,
    modified_by_name: Option<String>,
    created_by: Option<RowId>,
    created_on: Option<DateTime<Utc>>,
    values: Vec<Option<Value>>,
    /// Tables and names of lookups: they may stand before the value that they belong to.
    tables: Vec<(usize, TableName)>,
    names: Vec<(usize, String)>,
}

impl<'de> Members<'de> for Parts {
    fn wants(&self, _slot: Slot) -> bool {
        true
    }

    fn take(
        &mut self,
        shape: &RowShape,
        slot: Slot,
        json: Scalar<'de>,
    ) -> Result<(), &'static str> {
        match slot {
            Slot::Id => self.id = Some(row_id(&json.text().ok_or("not an id")?)?),
            Slot::ETag => self.etag = json.text().and_then(|text| ETag::new(&text)),
            Slot::ModifiedOn => self.modified_on = json.optional(moment)?,
            Slot::ModifiedBy => self.modified_by = json.optional(row_id)?,
            Slot::ModifiedByName => self.modified_by_name = json.text().map(Cow::into_owned),
            Slot::CreatedBy => self.created_by = json.optional(row_id)?,
            Slot::CreatedOn => self.created_on = json.optional(moment)?,
            Slot::Column(place) => {
                let (name, kind) = shape.columns.get(place).ok_or("no such column")?;
                if *name.as_str() == *shape.primary_id
                    && let Scalar::Text(text) = &json
                {
                    self.id = Some(row_id(text)?);
                }
                let value = json.value(kind)?.into_owned();
                self.also_own(name, &value);
                let known = self.values.get_mut(place).ok_or("no such column")?;
                if known.replace(value).is_some() {
                    return Err("it stands there twice");
                }
            }
            Slot::TableOf(place) => {
                let table = json.text().and_then(|text| TableName::new(&text).ok());
                self.tables.extend(table.map(|table| (place, table)));
            }
            Slot::NameOf(place) => {
                let name = json.text().map(Cow::into_owned);
                self.names.extend(name.map(|name| (place, name)));
            }
        }
        Ok(())
    }
}

impl Parts {
    /// A column that was asked for may be one that every row tells of itself.
    fn also_own(&mut self, name: &ColumnName, value: &Value) {
        match (name.as_str(), value) {
            ("modifiedon", Value::DateTime(at)) => self.modified_on = Some(*at),
            ("createdon", Value::DateTime(at)) => self.created_on = Some(*at),
            ("modifiedby", Value::Lookup(who)) => self.modified_by = Some(who.id),
            ("createdby", Value::Lookup(who)) => self.created_by = Some(who.id),
            _ => {}
        }
    }

    fn finish(self, shape: &RowShape) -> Result<Row, String> {
        let id = self.id.ok_or("a row without its id")?;
        let mut values = Vec::with_capacity(self.values.len());
        for (value, (name, _)) in self.values.into_iter().zip(&shape.columns) {
            // What was asked for and did not come is not known; it is not empty.
            values.push(value.ok_or_else(|| format!("{name}: it was asked for and is not there"))?);
        }
        for (place, table) in self.tables {
            if let Some(Value::Lookup(reference)) = values.get_mut(place) {
                reference.table = Some(table);
            }
        }
        let mut modified_by_name = self.modified_by_name;
        for (place, name) in self.names {
            if let Some(Value::Lookup(reference)) = values.get_mut(place) {
                if shape.columns[place].0.as_str() == "modifiedby" {
                    modified_by_name = Some(name.clone());
                }
                reference.name = Some(name);
            }
        }
        let who = |id, name| Reference {
            table: None,
            id,
            name,
        };
        Ok(Row {
            id,
            etag: self.etag,
            modified_on: self.modified_on,
            modified_by: self.modified_by.map(|id| who(id, modified_by_name)),
            created_by: self.created_by.map(|id| who(id, None)),
            created_on: self.created_on,
            values,
        })
    }
}

/// A row of which only the checksum is wanted, as it is read.
struct Summed<'c> {
    sums: &'c Checksums,
    id: Option<RowId>,
    total: u64,
    seen: Vec<bool>,
}

impl<'de> Members<'de> for Summed<'_> {
    fn wants(&self, slot: Slot) -> bool {
        matches!(slot, Slot::Id | Slot::Column(_))
    }

    fn take(
        &mut self,
        shape: &RowShape,
        slot: Slot,
        json: Scalar<'de>,
    ) -> Result<(), &'static str> {
        let Slot::Column(place) = slot else {
            self.id = Some(row_id(&json.text().ok_or("not an id")?)?);
            return Ok(());
        };
        let (name, kind) = shape.columns.get(place).ok_or("no such column")?;
        if *name.as_str() == *shape.primary_id
            && let Scalar::Text(text) = &json
        {
            self.id = Some(row_id(text)?);
        }
        let value = json.value(kind)?;
        let seen = self.seen.get_mut(place).ok_or("no such column")?;
        if std::mem::replace(seen, true) {
            return Err("it stands there twice");
        }
        self.total = self.total.wrapping_add(self.sums.part(place, &value));
        Ok(())
    }
}

impl Summed<'_> {
    fn finish(&self, shape: &RowShape) -> Result<(RowId, u64), String> {
        let id = self.id.ok_or("a row without its id")?;
        if let Some(place) = self.seen.iter().position(|seen| !seen) {
            let (name, _) = shape.columns.get(place).ok_or("no such column")?;
            return Err(format!("{name}: it was asked for and is not there"));
        }
        Ok((id, self.total))
    }
}

/// A member's value as JSON has it.
enum Scalar<'de> {
    Null,
    Boolean(bool),
    Integer(i64),
    /// The text of a number that is to be read exactly; of anything, if the server sent something else.
    Number(&'de str),
    Text(Cow<'de, str>),
    /// What no column holds: an object, a list, a number that is not whole.
    Other,
}

impl<'de> Scalar<'de> {
    fn text(self) -> Option<Cow<'de, str>> {
        match self {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    fn optional<T>(
        self,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, &'static str> {
        match self {
            Scalar::Null => Ok(None),
            other => read(&other.text().ok_or("not a text")?).map(Some),
        }
    }

    /// The value by its column's type.
    fn value(self, kind: &ColumnType) -> Result<Value<Cow<'de, str>>, &'static str> {
        let json = match self {
            Scalar::Null | Scalar::Number("null") => return Ok(Value::Null),
            json => json,
        };
        Ok(match (kind, json) {
            (ColumnType::Text { .. }, json) => Value::Text(json.text().ok_or("not a text")?),
            (
                ColumnType::Integer | ColumnType::Choice | ColumnType::State | ColumnType::Status,
                Scalar::Integer(number),
            ) => Value::Integer(number),
            (
                ColumnType::Integer | ColumnType::Choice | ColumnType::State | ColumnType::Status,
                _,
            ) => return Err("not a whole number"),
            (ColumnType::Decimal { .. } | ColumnType::Money { .. }, Scalar::Number(text)) => {
                Value::Decimal(decimal(text)?)
            }
            (ColumnType::Boolean { .. }, Scalar::Boolean(value)) => Value::Boolean(value),
            (ColumnType::Boolean { .. }, _) => return Err("neither true nor false"),
            (kind, json) => of_text(&json.text().ok_or("not a text")?, kind)?,
        })
    }
}

/// A value that JSON has as a text.
fn of_text<'de>(text: &str, kind: &ColumnType) -> Result<Value<Cow<'de, str>>, &'static str> {
    Ok(match kind {
        ColumnType::Choices => Value::Choices(choices(text)?),
        ColumnType::DateTime => Value::DateTime(moment(text)?),
        ColumnType::Date => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d");
            Value::Date(day.map_err(|_| "not a day")?)
        }
        ColumnType::Lookup { targets } => Value::Lookup(Reference {
            id: row_id(text)?,
            // Where there is but one table to name, none is named.
            table: match targets.as_slice() {
                [only] => Some(only.table.clone()),
                _ => None,
            },
            name: None,
        }),
        ColumnType::Id => Value::Text(row_id(text)?.to_string().into()),
        _ => return Err("a type that is not read"),
    })
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Integer))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

fn decimal(raw: &str) -> Result<Decimal, &'static str> {
    let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let number = Decimal::from_str_exact(raw).or_else(|_| Decimal::from_scientific(raw));
    number
        .ok()
        .filter(|_| is_number)
        .ok_or("not a number that a decimal can hold")
}

fn choices(text: &str) -> Result<BTreeSet<i64>, &'static str> {
    text.split(',')
        .map(|part| part.trim().parse().map_err(|_| "not a set of choices"))
        .collect()
}

fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    if let Some(at) = whole_second(text) {
        return Ok(at);
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| "not a moment")
}

/// A moment as the Web API writes nearly all of them: `2016-09-28T22:57:53Z`.
fn whole_second(text: &str) -> Option<DateTime<Utc>> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [
        _,
        _,
        _,
        _,
        b'-',
        _,
        _,
        b'-',
        _,
        _,
        b'T',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b'Z',
    ] = bytes
    else {
        return None;
    };
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?.iter();
        digits
            .map(|byte| byte.wrapping_sub(b'0'))
            .try_fold(0_u32, |number, digit| {
                (digit < 10).then(|| number * 10 + u32::from(digit))
            })
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let time = day.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    Some(time.and_utc())
}

fn row_id(text: &str) -> Result<RowId, &'static str> {
    let id = Uuid::try_parse(text).ok().and_then(RowId::new);
    id.filter(|_| text.len() == 36).ok_or("not an id")
}

#[cfg(test)]
mod tests;
