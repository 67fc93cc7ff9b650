//! What a listing asks for, and how it is spelt in a URL. Literals are escaped here and nowhere else.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::row_reader::{RowShape, property};
use crate::domain::checksum::Checksums;
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, ColumnType, EntitySet, TableSchema};

/// The largest page there is (contract 3.3).
const PAGE: u32 = 5000;

/// What stands as it is in a query's value; everything else is percent-encoded, the plus sign too.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b',')
    .remove(b'(')
    .remove(b')')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those with one of these ids.
    Ids(Vec<RowId>),
    /// Those whose column is this text, as the server compares texts: whatever the case of its letters.
    Is(ColumnName, String),
    /// Those whose column is empty.
    Blank(ColumnName),
    /// Those whose column is this number, or this number of a choice.
    Number(ColumnName, i64),
    /// Those whose text has this in it, whatever the case of its letters.
    Contains(ColumnName, String),
    /// Those whose lookup names one of these rows.
    RefersToOneOf(ColumnName, Vec<RowId>),
    /// Those whose time in this column is this moment or later.
    Since(ColumnName, DateTime<Utc>),
    /// Those whose lookup names this row.
    RefersTo(ColumnName, RowId),
    /// Those that changed after this moment.
    ChangedSince(DateTime<Utc>),
    /// Those for which all of these hold.
    All(Vec<Filter>),
    /// Those for which one of these holds.
    Any(Vec<Filter>),
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// A listing of one table.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) set: EntitySet,
    pub(super) shape: RowShape,
    primary_id: ColumnName,
    filter: Option<Filter>,
    order: Vec<(ColumnName, Order)>,
    top: Option<u32>,
    page: u32,
    names: bool,
    counts: bool,
    tracks: bool,
    /// Where only the checksums of the rows are wanted, how they are made.
    pub(super) sums: Option<Checksums>,
}

impl Query {
    /// All rows of a table, with these columns, in pages as large as they come. A column that the table does not have
    /// is refused when the query is used.
    pub fn all(table: &TableSchema, columns: &[ColumnName]) -> Self {
        Self {
            set: table.set.clone(),
            shape: RowShape::of(table, columns),
            primary_id: table.primary_id.clone(),
            filter: None,
            order: Vec::new(),
            top: None,
            page: PAGE,
            names: false,
            counts: false,
            tracks: false,
            sums: None,
        }
    }

    /// All rows of a table, and behind the last of them a link to what changes from then on (contract 4.2). Nothing may
    /// be filtered, ordered or limited then.
    pub fn tracked(table: &TableSchema, columns: &[ColumnName]) -> Self {
        let mut query = Self::all(table, columns);
        query.tracks = true;
        query
    }

    /// Only these rows.
    #[must_use]
    pub fn only(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Ordered by this column, after those that were named before.
    #[must_use]
    pub fn by(mut self, column: ColumnName, order: Order) -> Self {
        self.order.push((column, order));
        self
    }

    /// In pages of so many rows: 1 to 5,000.
    #[must_use]
    pub fn pages_of(mut self, rows: u32) -> Self {
        self.page = rows.clamp(1, PAGE);
        self
    }

    /// With the names of what lookups name, for people.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.names = true;
        self
    }

    /// So many rows at most, in one page.
    #[must_use]
    pub fn first(mut self, rows: u32) -> Self {
        self.top = Some(rows);
        self
    }

    /// Only the checksum of each row: its values are not kept, which is much sooner done.
    #[must_use]
    pub fn summed(mut self, sums: Checksums) -> Self {
        self.sums = Some(sums);
        self
    }

    /// With the number of all rows that match, as far as the server counts (5,000).
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.counts = true;
        self
    }

    /// The system query options, escaped.
    pub(super) fn options(&self) -> String {
        let mut options = format!("$select={}", self.shape.select());
        if let Some(filter) = &self.filter {
            let text = spell(filter, &self.primary_id);
            push(&mut options, "$filter", &text);
        }
        if !self.order.is_empty() {
            let orders = self.order.iter().map(|(column, order)| match order {
                Order::Ascending => format!("{column} asc"),
                Order::Descending => format!("{column} desc"),
            });
            push(
                &mut options,
                "$orderby",
                &orders.collect::<Vec<_>>().join(","),
            );
        }
        if let Some(top) = self.top {
            push(&mut options, "$top", &top.to_string());
        }
        if self.counts {
            push(&mut options, "$count", "true");
        }
        options
    }

    /// The `Prefer` header; it goes with every page (contract 3.3).
    pub(super) fn prefer(&self) -> String {
        let annotations = RowShape::annotations(self.names);
        if self.top.is_some() {
            // The page size would make the server forget `$top` (contract 3.1).
            return annotations;
        }
        let tracks = if self.tracks {
            "odata.track-changes,"
        } else {
            ""
        };
        format!("{tracks}odata.maxpagesize={},{annotations}", self.page)
    }
}

fn push(options: &mut String, name: &str, value: &str) {
    options.push('&');
    options.push_str(name);
    options.push('=');
    options.extend(utf8_percent_encode(value, VALUE));
}

fn spell(filter: &Filter, primary_id: &ColumnName) -> String {
    match filter {
        Filter::Ids(ids) => one_of(primary_id, ids),
        Filter::RefersToOneOf(column, ids) => one_of(column, ids),
        Filter::Contains(column, text) => {
            format!("contains({column},{})", literal(&unwild(text)))
        }
        Filter::Since(column, at) => format!("{column} ge {}", at.format("%Y-%m-%dT%H:%M:%SZ")),
        Filter::Is(column, value) => format!("{column} eq {}", literal(value)),
        Filter::Blank(column) => format!("{column} eq null"),
        Filter::Number(column, number) => format!("{column} eq {number}"),
        Filter::RefersTo(column, id) => {
            let lookup = ColumnType::Lookup {
                targets: Vec::new(),
            };
            format!("{} eq {id}", property(column, &lookup))
        }
        Filter::ChangedSince(at) => format!("modifiedon gt {}", at.format("%Y-%m-%dT%H:%M:%SZ")),
        Filter::All(filters) => joined(filters, " and ", primary_id),
        Filter::Any(filters) => joined(filters, " or ", primary_id),
    }
}

/// The query function that takes many ids (contract 3.2).
fn one_of(column: &ColumnName, ids: &[RowId]) -> String {
    let mut text = format!("Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[");
    for (place, id) in ids.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // Writing to a string can't fail.
        let _always = write!(text, "{comma}\"{id}\"");
    }
    text.push_str("])");
    text
}

/// A text in which the string operators see no wildcard: `%`, `_` and `[` stand in brackets (contract 3.2).
fn unwild(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '[') {
            plain.extend(['[', c, ']']);
        } else {
            plain.push(c);
        }
    }
    plain
}

fn joined(filters: &[Filter], with: &str, primary_id: &ColumnName) -> String {
    let all = filters
        .iter()
        .map(|filter| format!("({})", spell(filter, primary_id)));
    all.collect::<Vec<_>>().join(with)
}

/// A text as an OData literal: quoted, with quotes doubled (contract 3.2).
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Characters that make a value unusable in a URL that addresses a row by its key, even encoded (contract 2.6).
const NOT_IN_A_KEY: [char; 10] = ['/', '<', '>', '*', '%', '&', ':', '\\', '?', '+'];

/// A row's address by its alternate key; `None` where one of the values can't stand in one.
pub(super) fn key_address(set: &EntitySet, parts: &[(&ColumnName, &str)]) -> Option<String> {
    let is_unusable = |c: char| NOT_IN_A_KEY.contains(&c) || c.is_control();
    let parts: Option<Vec<String>> = parts
        .iter()
        .map(|(column, value)| {
            let is_usable = !value.is_empty() && !value.chars().any(is_unusable);
            let value = literal(value);
            is_usable.then(|| format!("{column}={}", utf8_percent_encode(&value, VALUE)))
        })
        .collect();
    Some(format!("{set}({})", parts?.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    fn column(name: &str) -> ColumnName {
        ColumnName::new(name).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn security_cases_41_and_42_a_value_stays_inside_its_literal() {
        for (value, spelt) in [
            ("O'Brien", "accountnumber eq 'O''Brien'"),
            (
                "x' or 1 eq 1 or '",
                "accountnumber eq 'x'' or 1 eq 1 or '''",
            ),
            ("x'&$select=*", "accountnumber eq 'x''&$select=*'"),
        ] {
            let filter = Filter::Is(column("accountnumber"), value.to_owned());
            assert_eq!(spell(&filter, &column("accountid")), spelt);
        }
        for (value, spelt) in [
            ("x' or 1 eq 1 or '", "contains(name,'x'' or 1 eq 1 or ''')"),
            ("100%_[a]", "contains(name,'100[%][_][[]a]')"),
        ] {
            let filter = Filter::Contains(column("name"), value.to_owned());
            assert_eq!(spell(&filter, &column("accountid")), spelt);
        }
        let mut options = String::new();
        push(&mut options, "$filter", "a eq 'x''&$top=1#f?b=+'");
        assert_eq!(
            options,
            "&$filter=a%20eq%20%27x%27%27%26$top=1%23f%3Fb=%2B%27"
        );
    }

    #[test]
    fn security_case_45_keys_that_cannot_stand_in_a_url_are_not_put_there() {
        let set = EntitySet::new("accounts").unwrap_or_else(|e| panic!("{e}"));
        let address = |value: &str| key_address(&set, &[(&column("accountnumber"), value)]);
        assert_eq!(
            address("O'B 1").as_deref(),
            Some("accounts(accountnumber=%27O%27%27B%201%27)")
        );
        for value in [
            "M&M", "a/b", "a%b", "a+b", "a:b", "a?b", "a*b", "a<b", "a>b", "a\\b", "", "a\n",
        ] {
            assert_eq!(address(value), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn security_case_40_any_value_survives_the_way_into_a_url_and_back(value in any::<String>()) {
            let mut options = String::new();
            push(&mut options, "$filter", &literal(&value));
            let encoded = options.trim_start_matches("&$filter=");
            prop_assert!(!encoded.contains(['&', '#', '?', '+', ' ', '\'', '/']));
            let decoded = percent_decode_str(encoded).decode_utf8_lossy().into_owned();
            let inner = decoded.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or_default();
            prop_assert_eq!(inner.replace("''", "'"), value);
        }
    }
}
