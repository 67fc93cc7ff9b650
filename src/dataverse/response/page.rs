//! A page of a listing. It is read in one go; where something in it is not as it should be, row by row, so that one bad row
//! does not sink its page.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use uuid::Uuid;

use super::{bounded, date, unreadable};
use crate::dataverse::links::NextLink;
use crate::dataverse::query::Query;
use crate::dataverse::row_reader::RowReader;
use crate::domain::failure::Failure;
use crate::domain::instance::Endpoint;
use crate::domain::row::{DeltaLink, Row, RowId};

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rows that could be read.
    pub rows: Vec<Row>,
    /// The rows of a query that wants no more than their checksums.
    pub sums: Vec<(RowId, u64)>,
    /// Those that could not be read.
    pub bad_rows: Vec<BadRow>,
    /// Where the next page is.
    pub(in crate::dataverse) next: Option<NextLink>,
    /// The number of all rows that match, if it was asked for.
    pub count: Option<usize>,
    /// Ids of rows that were deleted since; only changes tell of them, without any of their values.
    pub deleted: Vec<RowId>,
    /// The server's clock when it answered.
    pub date: Option<DateTime<Utc>>,
    /// Where the changes from here on are; only behind the last page of what is tracked.
    pub delta: Option<DeltaLink>,
}

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its id, if that could be read.
    pub id: Option<RowId>,
    /// What was wrong with it.
    pub reason: String,
}

/// Reads a page of a listing.
pub(in crate::dataverse) fn page(
    response: &Response<Bytes>,
    query: &Query,
    endpoint: &Endpoint,
    from: Option<&NextLink>,
) -> Result<Page, Failure> {
    let text = std::str::from_utf8(response.body()).map_err(|_| unreadable(response))?;
    let body = in_one_go(text, query).or_else(|_| row_by_row(text, query));
    let body = body.map_err(|_| unreadable(response))?;
    let next = body
        .next
        .map(|link| NextLink::check(&link, endpoint, &query.set, from))
        .transpose()?;
    let delta = body
        .delta
        .map(|link| {
            NextLink::check(&link, endpoint, &query.set, None).map(|_| DeltaLink::new(&link))
        })
        .transpose()?;
    Ok(Page {
        next,
        delta,
        count: body.count,
        date: date(response.headers()),
        ..body.value
    })
}

/// The members of a page, with what its rows came to.
#[derive(Deserialize)]
struct Body<T> {
    value: T,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
    #[serde(rename = "@odata.count")]
    count: Option<usize>,
}

fn in_one_go(text: &str, query: &Query) -> serde_json::Result<Body<Page>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let body = BodySeed(query).deserialize(&mut json)?;
    json.end()?;
    Ok(body)
}

/// Finds the bounds of the rows first, and then reads each.
fn row_by_row(text: &str, query: &Query) -> serde_json::Result<Body<Page>> {
    let Body {
        value,
        next,
        delta,
        count,
    }: Body<Raw<'_>> = serde_json::from_str(text)?;
    let mut page = Page::default();
    let mut reader = query.shape.reader();
    for raw in value.0 {
        let json = raw.get();
        let read = match &query.sums {
            Some(sums) => reader.sum(json, sums).map(|sum| page.sums.push(sum)),
            None => reader.read(json).map(|row| page.rows.push(row)),
        };
        match (read, deleted(json)) {
            (Ok(()), _) => {}
            (Err(_), Some(id)) => page.deleted.push(id),
            (Err(reason), None) => page.bad_rows.push(BadRow {
                id: query.shape.id_of(json),
                reason: bounded(&reason),
            }),
        }
    }
    Ok(Body {
        value: page,
        next,
        delta,
        count,
    })
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Raw<'a>(#[serde(borrow)] Vec<&'a RawValue>);

/// A row that is no more, among changes (contract 4.3).
#[derive(Deserialize)]
struct DeletedBody<'a> {
    #[serde(borrow, rename = "@odata.context")]
    context: Cow<'a, str>,
    id: Uuid,
}

fn deleted(raw: &str) -> Option<RowId> {
    let body: DeletedBody<'_> = serde_json::from_str(raw).ok()?;
    RowId::new(body.id).filter(|_| body.context.ends_with("/$deletedEntity"))
}

struct BodySeed<'q>(&'q Query);

impl<'de> DeserializeSeed<'de> for BodySeed<'_> {
    type Value = Body<Page>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Body<Page>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = Body<Page>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<Page>, A::Error> {
        let (mut value, mut next, mut delta, mut count) = (None, None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            let is_first = match name.as_str() {
                "value" => value
                    .replace(map.next_value_seed(RowsSeed(self.0))?)
                    .is_none(),
                "@odata.nextLink" => next.replace(map.next_value()?).is_none(),
                "@odata.deltaLink" => delta.replace(map.next_value()?).is_none(),
                "@odata.count" => count.replace(map.next_value()?).is_none(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    true
                }
            };
            if !is_first {
                return Err(A::Error::custom("a member stands there twice"));
            }
        }
        Ok(Body {
            value: value.ok_or_else(|| A::Error::missing_field("value"))?,
            next: next.flatten(),
            delta: delta.flatten(),
            count: count.flatten(),
        })
    }
}

struct RowsSeed<'q>(&'q Query);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut reader = self.0.shape.reader();
        while rows
            .next_element_seed(RowSeed {
                query: self.0,
                reader: &mut reader,
                page: &mut page,
            })?
            .is_some()
        {}
        Ok(page)
    }
}

struct RowSeed<'q, 'p> {
    query: &'q Query,
    reader: &'p mut RowReader<'q>,
    page: &'p mut Page,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match &self.query.sums {
            Some(sums) => self
                .page
                .sums
                .push(self.reader.sum_from(deserializer, sums)?),
            None => self.page.rows.push(self.reader.row_from(deserializer)?),
        }
        Ok(())
    }
}
