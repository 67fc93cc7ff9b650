//! Rows from JSON, straight into the order of the columns that were asked for: no tree of values in between, and
//! decimals by their text, so that one is what the server wrote. Where only their checksums are wanted, nothing of a row is
//! copied at all.

mod scalar;
mod sum;
mod whole;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use self::scalar::{Scalar, row_id};
use self::sum::Summed;
use self::whole::Parts;
use crate::domain::checksum::Checksums;
use crate::domain::row::{Row, RowId};
use crate::domain::table::{Column, ColumnName, ColumnType, TableSchema};

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

    fn column(&self, place: usize) -> Result<&(ColumnName, ColumnType), &'static str> {
        self.columns.get(place).ok_or("no such column")
    }

    /// The row's id, where the column that holds it was asked for like any other.
    fn id_in(&self, column: &ColumnName, json: &Scalar<'_>) -> Result<Option<RowId>, &'static str> {
        match json {
            Scalar::Text(text) if *column.as_str() == *self.primary_id => row_id(text).map(Some),
            _ => Ok(None),
        }
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
        let mut row = Parts::new(shape);
        self.members(json, &mut row)?;
        row.finish(shape).map_err(D::Error::custom)
    }

    /// Reads the id and the checksum of the next row.
    pub(super) fn sum_from<'de, D: Deserializer<'de>>(
        &mut self,
        json: D,
        sums: &Checksums,
    ) -> Result<(RowId, u64), D::Error> {
        let seen = std::mem::take(&mut self.seen);
        let mut row = Summed::new(sums, self.shape.columns.len(), seen);
        let read = self.members(json, &mut row);
        let finished = row.finish(self.shape).map_err(D::Error::custom);
        self.seen = row.into_seen();
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

/// What was asked for and did not come is not known; it is not empty.
fn missing(column: &ColumnName) -> String {
    format!("{column}: it was asked for and is not there")
}

/// A property's name: borrowed from the JSON where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests;
