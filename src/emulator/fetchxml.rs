//! `FetchXML`: a document becomes a plan over joined tables, with columns to show or totals to take.
//!
//! What is not known is refused by its name: an element or attribute that was ignored would answer another question.
//! The plan is carried out in `relation/`, the answer is written in `operation/fetch.rs`.

mod attribute;
mod condition;
mod element;
mod paging;

use self::attribute::Columns;
use self::element::{Element, invalid};
pub(crate) use self::paging::{Cookie, Paging};
use super::odata::field::Field;
use super::odata::order::Direction;
use super::odata::scope::Scope;
use super::refusal::{Outcome, Refusal};
use super::relation::aggregate::{self, Group, Total};
use super::relation::join::Join;
use super::relation::plan::{Cell, Condition, Plan, Sort, Source};
pub(crate) use super::relation::shown::Column;
use super::value::TableId;

use http::StatusCode;

/// A query may join this many tables (`0x8004430D` beyond).
const MOST_LINKS: usize = 15;
/// A document may have this many elements, texts and attributes.
const MOST_NODES: u32 = 20_000;
/// A document may be this long, in bytes; a URL in a batch is no longer (contract 1.1).
const LONGEST: usize = 65_536;

/// A query that was read.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) plan: Plan,
    pub(crate) shown: Shown,
    pub(crate) distinct: bool,
    pub(crate) paging: Paging,
}

/// What the answer is made of.
#[derive(Debug)]
pub(crate) enum Shown {
    Rows(Vec<Column>),
    Totals {
        groups: Vec<Group>,
        totals: Vec<Total>,
        /// The most combinations that are taken in.
        limit: usize,
        /// By the position among groups, then totals.
        order: Vec<(usize, Direction)>,
    },
}

/// Reads a document about one table.
pub(crate) fn read(scope: &Scope, table: TableId, text: &str) -> Outcome<Fetch> {
    if text.len() > LONGEST || nests_too_deep(text) {
        return Err(invalid("The document is too long or nests too deep."));
    }
    let options = roxmltree::ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..roxmltree::ParsingOptions::default()
    };
    let document = roxmltree::Document::parse_with_options(text, options)
        .map_err(|error| invalid(&format!("The document is not well-formed: {error}.")))?;
    let fetch = Element::new(document.root_element(), "fetch", &FETCH_ATTRIBUTES)?;
    let entity = fetch.only_child("entity", &["name"])?;
    let name = entity.required("name")?;
    if scope.schema.by_name(name) != Some(table) {
        return Err(match scope.schema.by_name(name) {
            Some(_) => invalid(&format!(
                "The entity '{name}' is not that of the collection '{}'.",
                scope.schema.table(table).set
            )),
            None => no_entity(name),
        });
    }
    Reader {
        scope,
        plan: Plan::of(table),
        columns: Columns::new(fetch.flag("aggregate")?),
        orders: Vec::new(),
        raw_order: fetch.flag("useraworderby")?,
    }
    .read(&fetch, &entity)
}

const FETCH_ATTRIBUTES: [&str; 13] = [
    "version",
    "mapping",
    "output-format",
    "distinct",
    "aggregate",
    "aggregatelimit",
    "top",
    "count",
    "page",
    "paging-cookie",
    "returntotalrecordcount",
    "no-lock",
    "useraworderby",
];
const LINK_ATTRIBUTES: [&str; 7] = [
    "name",
    "from",
    "to",
    "alias",
    "link-type",
    "intersect",
    "visible",
];
const CHILDREN: [&str; 5] = [
    "attribute",
    "all-attributes",
    "order",
    "filter",
    "link-entity",
];

/// What has been read so far.
struct Reader<'s> {
    scope: &'s Scope<'s>,
    plan: Plan,
    columns: Columns,
    /// Each with the alias it names, where it names one.
    orders: Vec<Order>,
    raw_order: bool,
}

enum Order {
    By(Cell, Direction),
    Alias(String, Direction),
}

impl Reader<'_> {
    fn read(mut self, fetch: &Element, entity: &Element) -> Outcome<Fetch> {
        entity.children_are(&CHILDREN)?;
        self.links(entity, 0)?;
        let condition = self.contents(entity, 0)?;
        self.plan.condition = Condition::All(condition);
        let paging = Paging::read(fetch)?;
        let distinct = fetch.flag("distinct")?;
        let (shown, orders) = if self.columns.aggregate {
            let orders = std::mem::take(&mut self.orders);
            let limit = fetch.number("aggregatelimit")?;
            (self.totals(limit, &orders)?, Vec::new())
        } else {
            let shown = self.columns.rows(self.scope.schema, &self.plan, distinct)?;
            (Shown::Rows(shown), std::mem::take(&mut self.orders))
        };
        for order in orders {
            match order {
                Order::By(cell, direction) => self.plan.order.push(Sort {
                    cell,
                    direction,
                    by_label: !self.raw_order,
                }),
                Order::Alias(alias, _) => {
                    return Err(invalid(&format!(
                        "An order by the alias '{alias}' needs aggregate='true'."
                    )));
                }
            }
        }
        Ok(Fetch {
            plan: self.plan,
            shown,
            distinct,
            paging,
        })
    }

    /// Adds the link-entities below an element as sources, each behind the one it is joined to.
    fn links(&mut self, of: &Element, parent: usize) -> Outcome<()> {
        for link in of.children("link-entity", &LINK_ATTRIBUTES)? {
            link.children_are(&CHILDREN)?;
            if self.plan.sources.len() > MOST_LINKS {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "0x8004430D",
                    "Number of link entities in query exceeded maximum limit.",
                ));
            }
            let name = link.required("name")?;
            let table = self
                .scope
                .schema
                .by_name(name)
                .ok_or_else(|| no_entity(name))?;
            self.scope.may_read(table)?;
            let of = self
                .plan
                .sources
                .get(parent)
                .map_or(table, |source| source.table);
            let outer = match link.attribute("link-type") {
                None | Some("inner") => false,
                Some("outer") => true,
                Some(other) => {
                    return Err(Refusal::unsupported(&format!(
                        "link-type='{other}' in FetchXML"
                    )));
                }
            };
            let from = self.column(table, link.required("from")?)?;
            let to = self.column(of, link.required("to")?)?;
            let number = self.plan.sources.len();
            let alias = link
                .attribute("alias")
                .map_or_else(|| format!("{name}{number}"), str::to_owned);
            if self.plan.sources.iter().any(|source| source.alias == alias) {
                return Err(invalid(&format!(
                    "The alias '{alias}' is used more than once."
                )));
            }
            self.plan.sources.push(Source {
                alias,
                table,
                join: Some(Join {
                    parent,
                    from,
                    to,
                    outer,
                    filter: None,
                }),
            });
            self.links(&link, number)?;
            let conditions = self.contents(&link, number)?;
            self.put_filter(number, conditions)?;
        }
        Ok(())
    }

    /// The conditions of a link decide what belongs to it, so that an outer one stays empty where they do not hold.
    fn put_filter(&mut self, number: usize, conditions: Vec<Condition>) -> Outcome<()> {
        let predicate = condition::of_one(number, conditions)?;
        let source = self.plan.sources.get_mut(number);
        if let Some(join) = source.and_then(|source| source.join.as_mut()) {
            join.filter = predicate;
        }
        Ok(())
    }

    /// Reads attributes and orders of an element, and returns its conditions.
    fn contents(&mut self, of: &Element, source: usize) -> Outcome<Vec<Condition>> {
        let table = self
            .plan
            .sources
            .get(source)
            .map_or(TableId(0), |own| own.table);
        if !of.children("all-attributes", &[])?.is_empty() {
            self.columns.all(self.scope.schema.table(table), source);
        }
        for element in of.children("attribute", &attribute::ATTRIBUTES)? {
            let column = self.column(table, element.required("name")?)?;
            let column = &self.scope.schema.table(table).columns[column];
            let index = self.column(table, column.name)?;
            self.columns.take(&element, (source, index), column)?;
        }
        for element in of.children("order", &["attribute", "alias", "entityname", "descending"])? {
            let order = self.order(&element, source)?;
            // An order of a link comes behind those of the entity, which is read last.
            self.orders.push(order);
        }
        let mut conditions = Vec::new();
        for element in of.children("filter", &condition::FILTER_ATTRIBUTES)? {
            conditions.push(self.filter(&element, source, 0)?);
        }
        Ok(conditions)
    }

    fn order(&self, element: &Element, source: usize) -> Outcome<Order> {
        let direction = if element.flag("descending")? {
            Direction::Descending
        } else {
            Direction::Ascending
        };
        if let Some(alias) = element.attribute("alias") {
            return Ok(Order::Alias(alias.to_owned(), direction));
        }
        let source = match element.attribute("entityname") {
            Some(alias) => self.source(alias)?,
            None => source,
        };
        let cell = self.cell(source, element.required("attribute")?)?;
        Ok(Order::By(cell, direction))
    }

    fn totals(&mut self, limit: Option<usize>, orders: &[Order]) -> Outcome<Shown> {
        let (groups, totals) = self.columns.totals()?;
        for total in &totals {
            total.check(self.scope.schema, &self.plan)?;
        }
        let mut order = Vec::new();
        for one in orders {
            let Order::Alias(alias, direction) = one else {
                return Err(invalid(
                    "An order in an aggregate query must name an alias, not an attribute.",
                ));
            };
            let names = groups.iter().map(|group| &group.alias);
            let mut names = names.chain(totals.iter().map(|total| &total.alias));
            let position = names.position(|name| name == alias).ok_or_else(|| {
                invalid(&format!("The order's alias '{alias}' is no attribute's."))
            })?;
            order.push((position, *direction));
        }
        Ok(Shown::Totals {
            groups,
            totals,
            limit: limit.unwrap_or(aggregate::MOST).min(aggregate::MOST),
            order,
        })
    }

    /// The source with an alias, or the root by its table's name.
    fn source(&self, alias: &str) -> Outcome<usize> {
        let mut sources = self.plan.sources.iter();
        let by_alias = sources.position(|source| source.alias == alias);
        let is_root = || {
            let root = self.plan.sources.first();
            root.is_some_and(|root| self.scope.schema.table(root.table).name == alias)
        };
        by_alias
            .or_else(|| is_root().then_some(0))
            .ok_or_else(|| invalid(&format!("No link-entity has the alias '{alias}'.")))
    }

    fn cell(&self, source: usize, name: &str) -> Outcome<Cell> {
        let table = self
            .plan
            .sources
            .get(source)
            .map_or(TableId(0), |own| own.table);
        let column = self.column(table, name)?;
        Ok(Cell {
            source,
            field: Field::own(column, &self.scope.schema.table(table).columns[column]),
        })
    }

    /// A column by its logical name, which is the only one that `FetchXML` knows.
    fn column(&self, table: TableId, name: &str) -> Outcome<usize> {
        let table = self.scope.schema.table(table);
        let column = table.column(name);
        let readable = column.filter(|&column| {
            table
                .wire_column(&table.columns[column].wire_name)
                .is_some()
        });
        readable.ok_or_else(|| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "0x80041103",
                format!(
                    "'{}' entity doesn't contain attribute with Name = '{name}' and NameMapping = 'Logical'.",
                    table.name
                ),
            )
        })
    }
}

fn no_entity(name: &str) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "0x80041102",
        format!(
            "The entity with a name = '{name}' with namemapping = 'Logical' was not found in the MetadataCache."
        ),
    )
}

/// Whether elements nest deeper than any query has a reason to.
fn nests_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    for (index, _) in text.match_indices('<') {
        let rest = text.get(index + 1..).unwrap_or_default();
        let tag = rest.split('>').next().unwrap_or_default();
        if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !tag.ends_with('/') && !rest.starts_with(['!', '?']) {
            depth += 1;
        }
        if depth > 200 {
            return true;
        }
    }
    false
}
