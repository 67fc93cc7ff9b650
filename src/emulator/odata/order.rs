//! `$orderby`, and the `$skiptoken` that says where the next page begins.
//!
//! A token holds the last row's sort values and id, so that rows which come and go between pages shift nothing. Lookups
//! come in the order of the names they show, choices in that of their numbers (the documentation on ordering rows).

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::field::Field;
use super::literal::guid;
use super::scope::Scope;
use super::{paging, render};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Schema, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{SqlGuid, TableId, Value, ValueRef};

/// The order of a list; rows that are equal in it come in SQL Server's order of GUIDs, backwards behind a last term that is.
#[derive(Debug, Default)]
pub(crate) struct Order {
    terms: Vec<(Field, Direction)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// An order that an index has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indexed {
    Id(Direction),
    Modified(Direction),
}

/// A row's place in an order.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    values: Vec<Value>,
    pub(crate) id: Uuid,
}

impl Direction {
    pub(crate) fn of(self, order: Ordering) -> Ordering {
        match self {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        }
    }
}

impl Place {
    /// The token of the page behind this place.
    pub(crate) fn token(&self, page: usize) -> String {
        let values: Vec<Json> = self
            .values
            .iter()
            .map(|value| render::json(value.as_ref()))
            .collect();
        let cookie = hex(json!([self.id.to_string(), values]).to_string().as_bytes());
        paging::token(page, &cookie, false)
    }

    /// The moment that an order by a time has first.
    pub(crate) fn time(&self) -> Option<DateTime<Utc>> {
        self.values.first()?.as_ref().as_time()
    }
}

impl Order {
    pub(crate) fn read(scope: &Scope, table: TableId, text: Option<&str>) -> Outcome<Order> {
        let mut terms = Vec::new();
        for term in text.iter().flat_map(|text| text.split(',')) {
            let (path, direction) = term_of(term)?;
            terms.push((scope.field(table, path)?, direction));
        }
        Ok(Order { terms })
    }

    /// The index whose order this is.
    pub(crate) fn indexed(&self, table: &Table) -> Option<Indexed> {
        let is_id = |field: &Field| field.is(table.id);
        match self.terms.as_slice() {
            [] => Some(Indexed::Id(Direction::Ascending)),
            [(first, direction), ..] if is_id(first) => Some(Indexed::Id(*direction)),
            [(first, direction)] if first.is(table.modified_on?) => {
                Some(Indexed::Modified(*direction))
            }
            [(first, direction), (second, then)]
                if first.is(table.modified_on?) && is_id(second) && direction == then =>
            {
                Some(Indexed::Modified(*direction))
            }
            _ => None,
        }
    }

    pub(crate) fn place(&self, store: &Store, row: &Row) -> Place {
        let value = |(field, _): &(Field, Direction)| sort_value(store, field, row);
        Place {
            values: self.terms.iter().map(value).collect(),
            id: row.id(),
        }
    }

    pub(crate) fn compare(&self, left: &Place, right: &Place) -> Ordering {
        let pairs = self.terms.iter().zip(left.values.iter().zip(&right.values));
        let by_terms = pairs.map(|((_, direction), (left, right))| {
            direction.of(left.as_ref().sort(right.as_ref()))
        });
        let last = self.terms.last().map(|(_, direction)| *direction);
        by_terms
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| {
                let by_id = SqlGuid::from(left.id).cmp(&SqlGuid::from(right.id));
                last.unwrap_or(Direction::Ascending).of(by_id)
            })
    }

    /// Reads a token back: the number of the page and the place behind which it begins.
    pub(crate) fn read_token(
        &self,
        schema: &Schema,
        table: TableId,
        token: &str,
    ) -> Outcome<(usize, Place)> {
        let read = || {
            let (page, cookie) = paging::read_token(token)?;
            let (id, values): (String, Vec<Json>) = serde_json::from_slice(&unhex(cookie)?).ok()?;
            if values.len() != self.terms.len() {
                return None;
            }
            let typed = values.iter().zip(&self.terms);
            let values: Option<Vec<Value>> = typed
                .map(|(json, (field, _))| {
                    let kind = &field.definition(schema, table).kind;
                    if matches!(kind, Kind::Lookup { .. }) {
                        return json
                            .as_str()
                            .map_or(Some(Value::Null), |name| Some(Value::text(name)));
                    }
                    render::from_json(kind, json)
                })
                .collect();
            Some((
                page,
                Place {
                    values: values?,
                    id: guid(&id)?,
                },
            ))
        };
        read().ok_or_else(|| Refusal::argument("Malformed XML in the Paging Cookie"))
    }
}

/// A path and a direction.
pub(crate) fn term_of(term: &str) -> Outcome<(&str, Direction)> {
    let mut words = term.split_whitespace();
    let path = words.next().unwrap_or_default();
    let direction = match words.next() {
        None | Some("asc") => Some(Direction::Ascending),
        Some("desc") => Some(Direction::Descending),
        Some(_) => None,
    };
    match (direction, words.next()) {
        (Some(direction), None) if !path.is_empty() => Ok((path, direction)),
        _ => Err(Refusal::url(format!(
            "Syntax error in $orderby at '{}'.",
            term.trim()
        ))),
    }
}

/// What a row is sorted by: the value, or the name that a lookup shows.
pub(crate) fn sort_value(store: &Store, field: &Field, row: &Row) -> Value {
    match field.of(store, row) {
        ValueRef::Lookup(reference) => {
            let name = store.schema().table(reference.table).primary_name;
            let named = store.get_any(reference.table, reference.id);
            named.map_or(Value::Null, |row| row.value(name).to_value())
        }
        value => value.to_value(),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let bytes = digits.chunks_exact(2);
    bytes
        .remainder()
        .is_empty()
        .then(|| bytes.map(|pair| pair[0] << 4 | pair[1]).collect())
}
