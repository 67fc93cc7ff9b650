//! A query over joined tables, with its rows found, filtered and put in order.
//!
//! Bounded in what it does, as the service is by its time limit: see [`MOST_LOOKED_AT`].

use std::cmp::Ordering;
use std::collections::HashSet;

use super::join::{Join, Joiner};
use crate::emulator::odata::field::Field;
use crate::emulator::odata::filter::Comparison;
use crate::emulator::odata::formatted;
use crate::emulator::odata::order::{Direction, sort_value};
use crate::emulator::odata::predicate::Predicate;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::Kind;
use crate::emulator::store::Store;
use crate::emulator::value::{SqlGuid, TableId, Value, ValueRef};

use uuid::Uuid;

/// A query that joins by looking at more rows than this would not end in time.
const MOST_LOOKED_AT: usize = 3_000_000;

/// One row of each source; none where an outer join found nothing.
pub(crate) type Tuple = Vec<Option<Row>>;

/// A query over one table and what is joined to it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Each joined to an earlier one; the first is the root.
    pub(crate) sources: Vec<Source>,
    pub(crate) condition: Condition,
    pub(crate) order: Vec<Sort>,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) alias: String,
    pub(crate) table: TableId,
    /// None for the root.
    pub(crate) join: Option<Join>,
}

/// A column of one of the sources.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) source: usize,
    pub(crate) field: Field,
}

#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) cell: Cell,
    pub(crate) direction: Direction,
    /// Choices by what they are called.
    pub(crate) by_label: bool,
}

/// A filter over all sources.
#[derive(Debug)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Of(usize, Predicate),
    Columns(Cell, Comparison, Cell),
}

impl Cell {
    pub(crate) fn of<'t>(&self, store: &'t Store, tuple: &'t Tuple) -> ValueRef<'t> {
        let row = tuple.get(self.source).and_then(Option::as_ref);
        row.map_or(ValueRef::Null, |row| self.field.of(store, row))
    }
}

impl Plan {
    /// The plan of one table's rows.
    pub(crate) fn of(table: TableId) -> Plan {
        let root = Source {
            alias: String::new(),
            table,
            join: None,
        };
        Plan {
            sources: vec![root],
            condition: Condition::All(Vec::new()),
            order: Vec::new(),
        }
    }

    /// The table that a cell's column belongs to.
    pub(crate) fn table(&self, cell: &Cell) -> TableId {
        let source = self.sources.get(cell.source);
        source.map_or(TableId(0), |source| cell.field.table(source.table))
    }

    /// The combinations that pass, in the order of the root's ids; no more than `most` where that is enough.
    pub(crate) fn rows(&self, store: &Store, most: usize) -> Outcome<Vec<Tuple>> {
        let Some(root) = self.sources.first() else {
            return Ok(Vec::new());
        };
        let filter = self.condition.of_root();
        let seek = filter
            .as_ref()
            .and_then(|filter| filter.seek(store, root.table));
        let candidates = match &seek {
            Some(seek) => seek.rows(store, root.table),
            None => Box::new(store.after(root.table, None)),
        };
        let mut joiner = Joiner::new(store, &self.sources, MOST_LOOKED_AT);
        let nothing = Row::new(Uuid::nil(), 0, &[]);
        let mut found = Vec::new();
        for row in candidates {
            if filter
                .as_ref()
                .is_some_and(|filter| !filter.holds(store, row))
            {
                continue;
            }
            for tuple in joiner.combinations(row)? {
                if self.condition.holds(store, &tuple, &nothing) {
                    found.push(tuple);
                }
            }
            if found.len() >= most && self.order.is_empty() {
                found.truncate(most);
                break;
            }
        }
        Ok(found)
    }

    /// The same in the plan's own order.
    pub(crate) fn ordered(&self, store: &Store, most: usize) -> Outcome<Vec<Tuple>> {
        let found = self.rows(store, most)?;
        if self.order.is_empty() {
            return Ok(found);
        }
        let keyed = found.into_iter().map(|tuple| {
            let keys: Vec<Value> = self
                .order
                .iter()
                .map(|sort| sort.key(store, self, &tuple))
                .collect();
            (keys, tuple)
        });
        let mut keyed: Vec<(Vec<Value>, Tuple)> = keyed.collect();
        keyed.sort_by(|(left, one), (right, other)| {
            self.compare(left, right)
                .then_with(|| ids(one).cmp(ids(other)))
        });
        Ok(keyed.into_iter().map(|(_, tuple)| tuple).collect())
    }

    fn compare(&self, left: &[Value], right: &[Value]) -> Ordering {
        let pairs = self.order.iter().zip(left.iter().zip(right));
        let compared = pairs
            .map(|(sort, (left, right))| sort.direction.of(left.as_ref().sort(right.as_ref())));
        compared.fold(Ordering::Equal, Ordering::then)
    }
}

/// Keeps the first of those that show the same.
pub(crate) fn keep_different<T>(rows: &mut Vec<T>, shown: impl Fn(&T) -> Vec<Option<String>>) {
    let mut seen: HashSet<Vec<Option<String>>> = HashSet::new();
    rows.retain(|row| seen.insert(shown(row)));
}

fn ids(tuple: &Tuple) -> impl Iterator<Item = Option<SqlGuid>> + '_ {
    tuple
        .iter()
        .map(|row| row.as_ref().map(|row| SqlGuid::from(row.id())))
}

impl Sort {
    fn key(&self, store: &Store, plan: &Plan, tuple: &Tuple) -> Value {
        let Some(row) = tuple.get(self.cell.source).and_then(Option::as_ref) else {
            return Value::Null;
        };
        let table = store.schema().table(plan.table(&self.cell));
        let kind = table
            .columns
            .get(self.cell.field.column)
            .map(|column| &column.kind);
        let is_choice = matches!(
            kind,
            Some(
                Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. } | Kind::Bool { .. }
            )
        );
        if self.by_label
            && is_choice
            && let Some(row) = self.cell.field.row(store, row)
        {
            let label = formatted::value(store, table, row, self.cell.field.column);
            return label.map_or(Value::Null, |label| Value::text(&label));
        }
        sort_value(store, &self.cell.field, row)
    }
}

impl Condition {
    /// What it asks of the root alone, by which an index may find the root's rows.
    fn of_root(&self) -> Option<Predicate> {
        match self {
            Condition::Of(0, predicate) => Some(predicate.clone()),
            Condition::All(terms) => {
                let of_root: Vec<Predicate> = terms.iter().filter_map(Condition::of_root).collect();
                (!of_root.is_empty()).then_some(Predicate::All(of_root))
            }
            _ => None,
        }
    }

    fn holds(&self, store: &Store, tuple: &Tuple, nothing: &Row) -> bool {
        match self {
            Condition::All(terms) => terms.iter().all(|term| term.holds(store, tuple, nothing)),
            Condition::Any(terms) => terms.iter().any(|term| term.holds(store, tuple, nothing)),
            Condition::Of(source, predicate) => {
                let row = tuple.get(*source).and_then(Option::as_ref);
                predicate.holds(store, row.unwrap_or(nothing))
            }
            Condition::Columns(left, comparison, right) => {
                comparison.holds(left.of(store, tuple), right.of(store, tuple))
            }
        }
    }
}

/// What the service says of a query that takes too long.
pub(super) fn too_many() -> Refusal {
    Refusal::lock_timeout()
}
