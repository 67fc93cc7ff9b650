//! `$orderby`, and the `$skiptoken` that says where the next page begins.
//!
//! A token holds the last row's sort values and id, so that rows which come and go between pages shift nothing.

use std::cmp::Ordering;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::field::Field;
use super::literal::guid;
use super::render;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Schema};
use crate::emulator::store::Store;
use crate::emulator::value::{SqlGuid, TableId, Value};

/// The order of a list; rows that are equal in it come in SQL Server's order of GUIDs.
#[derive(Debug, Default)]
pub(crate) struct Order {
    terms: Vec<(Field, Direction)>,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Ascending,
    Descending,
}

/// A row's place in an order.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    values: Vec<Value>,
    pub(crate) id: Uuid,
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
        format!("<cookie pagenumber=\"{page}\" pagingcookie=\"{cookie}\" istracking=\"False\" />")
    }
}

impl Order {
    pub(crate) fn read(schema: &Schema, table: TableId, text: Option<&str>) -> Outcome<Order> {
        let mut terms = Vec::new();
        for term in text.iter().flat_map(|text| text.split(',')) {
            let mut words = term.split_whitespace();
            let path = words.next().unwrap_or_default();
            let direction = match words.next() {
                None | Some("asc") => Direction::Ascending,
                Some("desc") => Direction::Descending,
                Some(_) => {
                    return Err(Refusal::url(format!(
                        "Syntax error in $orderby at '{}'.",
                        term.trim()
                    )));
                }
            };
            if words.next().is_some() {
                return Err(Refusal::url(format!(
                    "Syntax error in $orderby at '{}'.",
                    term.trim()
                )));
            }
            let field = Field::read(schema, table, path)?;
            if matches!(field.definition(schema, table).kind, Kind::Lookup { .. }) {
                return Err(Refusal::unsupported("$orderby on a lookup column"));
            }
            terms.push((field, direction));
        }
        Ok(Order { terms })
    }

    /// Whether rows come in the order of their ids alone.
    pub(crate) fn is_by_id(&self) -> bool {
        self.terms.is_empty()
    }

    pub(crate) fn place(&self, store: &Store, row: &Row) -> Place {
        Place {
            values: self
                .terms
                .iter()
                .map(|(field, _)| field.of(store, row).to_value())
                .collect(),
            id: row.id(),
        }
    }

    pub(crate) fn compare(&self, left: &Place, right: &Place) -> Ordering {
        let pairs = self.terms.iter().zip(left.values.iter().zip(&right.values));
        let by_terms = pairs.map(|((_, direction), (left, right))| match direction {
            Direction::Ascending => left.as_ref().sort(right.as_ref()),
            Direction::Descending => right.as_ref().sort(left.as_ref()),
        });
        by_terms
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| SqlGuid::from(left.id).cmp(&SqlGuid::from(right.id)))
    }

    /// Reads a token back: the number of the page and the place behind which it begins.
    pub(crate) fn read_token(
        &self,
        schema: &Schema,
        table: TableId,
        token: &str,
    ) -> Outcome<(usize, Place)> {
        let read = || {
            let rest = token.strip_prefix("<cookie pagenumber=\"")?;
            let (page, rest) = rest.split_once('"')?;
            let rest = rest.strip_prefix(" pagingcookie=\"")?;
            let (cookie, _) = rest.split_once('"')?;
            let (id, values): (String, Vec<Json>) = serde_json::from_slice(&unhex(cookie)?).ok()?;
            if values.len() != self.terms.len() {
                return None;
            }
            let typed = values.iter().zip(&self.terms);
            let values: Option<Vec<Value>> = typed
                .map(|(json, (field, _))| {
                    render::from_json(&field.definition(schema, table).kind, json)
                })
                .collect();
            Some((
                page.parse().ok()?,
                Place {
                    values: values?,
                    id: guid(&id)?,
                },
            ))
        };
        read().ok_or_else(|| Refusal::argument("Malformed XML in the Paging Cookie"))
    }
}

fn hex(bytes: &[u8]) -> String {
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
