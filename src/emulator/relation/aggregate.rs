//! Groups and totals over combinations of rows.
//!
//! Nulls are left out of every total but `count`. At most 50,000 combinations are taken in (contract 3.6).

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::plan::{Cell, Plan, Tuple};
use crate::emulator::odata::order::Direction;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Kind, Schema};
use crate::emulator::store::{Store, comparable};
use crate::emulator::value::{Value, ValueRef};

/// The most that can be totalled at once.
pub(crate) const MOST: usize = 50_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// All combinations.
    Count,
    /// Those where the column holds something.
    CountColumn,
    /// The different values of the column.
    CountDistinct,
    Sum,
    Average,
    Least,
    Greatest,
}

/// One total.
#[derive(Debug)]
pub(crate) struct Total {
    pub(crate) method: Method,
    /// None only for a count.
    pub(crate) cell: Option<Cell>,
    pub(crate) alias: String,
}

/// What is grouped by.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) cell: Cell,
    pub(crate) alias: String,
    pub(crate) part: Option<DatePart>,
}

/// A part of a date, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatePart {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// One group with its totals.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) keys: Vec<Value>,
    pub(crate) totals: Vec<Value>,
    /// The first combination of the group, if there is one.
    pub(crate) sample: Option<Tuple>,
}

impl Line {
    fn at(&self, position: usize) -> Option<ValueRef<'_>> {
        let values = self.keys.iter().chain(&self.totals);
        values.map(Value::as_ref).nth(position)
    }
}

impl Total {
    /// Refuses what can't be totalled.
    pub(crate) fn check(&self, schema: &Schema, plan: &Plan) -> Outcome<()> {
        let (Some(cell), true) = (&self.cell, self.method.needs_order()) else {
            return Ok(());
        };
        let column = &schema.table(plan.table(cell)).columns[cell.field.column];
        let numeric = is_number(&column.kind);
        let fits = match self.method {
            Method::Sum | Method::Average => numeric,
            _ => numeric || matches!(column.kind, Kind::Time | Kind::Date),
        };
        if fits {
            return Ok(());
        }
        Err(Refusal::argument(format!(
            "'{}' is {}, of which no {} can be taken.",
            column.name,
            column.kind.edm(),
            self.method.name()
        )))
    }
}

fn is_number(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Int { .. }
            | Kind::BigInt
            | Kind::Decimal { .. }
            | Kind::Double { .. }
            | Kind::Money { .. }
    )
}

impl Method {
    fn needs_order(self) -> bool {
        matches!(
            self,
            Method::Sum | Method::Average | Method::Least | Method::Greatest
        )
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Count => "count",
            Method::CountColumn | Method::CountDistinct => "countcolumn",
            Method::Sum => "sum",
            Method::Average => "average",
            Method::Least => "minimum",
            Method::Greatest => "maximum",
        }
    }
}

impl DatePart {
    /// The number of the part that a moment lies in; weeks begin on Sunday, the first holds the first of January.
    fn of(self, moment: DateTime<Utc>) -> i64 {
        let date = moment.date_naive();
        match self {
            DatePart::Day => i64::from(date.day()),
            DatePart::Month => i64::from(date.month()),
            DatePart::Quarter => i64::from(date.month0() / 3 + 1),
            DatePart::Year => i64::from(date.year()),
            DatePart::Week => {
                let first = NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap_or(date);
                let before = first.weekday().num_days_from_sunday();
                i64::from((date.ordinal0() + before) / 7 + 1)
            }
        }
    }
}

impl Group {
    fn key(&self, store: &Store, tuple: &Tuple) -> Value {
        let value = self.cell.of(store, tuple);
        match (self.part, value) {
            (None, value) => value.to_value(),
            (Some(part), ValueRef::Time(time)) => Value::Int(part.of(time)),
            (Some(part), ValueRef::Date(date)) => {
                Value::Int(part.of(date.and_time(chrono::NaiveTime::MIN).and_utc()))
            }
            (Some(_), _) => Value::Null,
        }
    }
}

/// The combinations with the same keys.
#[derive(Default)]
struct Members<'t> {
    keys: Vec<Value>,
    tuples: Vec<&'t Tuple>,
}

/// Groups combinations, the groups in the order of their keys; without groups one line of totals.
pub(crate) fn lines(
    store: &Store,
    tuples: &[Tuple],
    groups: &[Group],
    totals: &[Total],
    most: usize,
) -> Outcome<Vec<Line>> {
    if tuples.len() > most {
        return Err(Refusal::aggregate_limit());
    }
    let mut found: BTreeMap<Vec<Option<String>>, Members> = BTreeMap::new();
    for tuple in tuples {
        let keys: Vec<Value> = groups.iter().map(|group| group.key(store, tuple)).collect();
        let text = keys.iter().map(|key| comparable(key.as_ref())).collect();
        let group = found.entry(text).or_insert_with(|| Members {
            keys,
            tuples: Vec::new(),
        });
        group.tuples.push(tuple);
    }
    if groups.is_empty() && found.is_empty() {
        found.insert(Vec::new(), Members::default());
    }
    let mut lines = Vec::new();
    for Members { keys, tuples } in found.into_values() {
        let totals: Outcome<Vec<Value>> = totals
            .iter()
            .map(|total| value(store, total, &tuples))
            .collect();
        lines.push(Line {
            keys,
            totals: totals?,
            sample: tuples.first().map(|tuple| (*tuple).clone()),
        });
    }
    lines.sort_by(|left, right| {
        let pairs = left.keys.iter().zip(&right.keys);
        let compared = pairs.map(|(left, right)| left.as_ref().sort(right.as_ref()));
        compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    Ok(lines)
}

/// Sorts by positions among the keys and totals of each line.
pub(crate) fn sort(lines: &mut [Line], order: &[(usize, Direction)]) {
    lines.sort_by(|left, right| {
        let compared = order.iter().map(|(position, direction)| {
            let left = left.at(*position).unwrap_or(ValueRef::Null);
            let right = right.at(*position).unwrap_or(ValueRef::Null);
            direction.of(left.sort(right))
        });
        compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
}

fn value(store: &Store, total: &Total, members: &[&Tuple]) -> Outcome<Value> {
    let count = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let Some(cell) = &total.cell else {
        return Ok(count(members.len()));
    };
    let values = members
        .iter()
        .map(|tuple| cell.of(store, tuple))
        .filter(|value| !value.is_null());
    Ok(match total.method {
        Method::Count => count(members.len()),
        Method::CountColumn => count(values.count()),
        Method::CountDistinct => {
            let different: HashSet<String> = values.filter_map(comparable).collect();
            count(different.len())
        }
        Method::Least => values
            .min_by(|left, right| left.sort(*right))
            .map_or(Value::Null, ValueRef::to_value),
        Method::Greatest => values
            .max_by(|left, right| left.sort(*right))
            .map_or(Value::Null, ValueRef::to_value),
        Method::Sum => sum(values)?.total(),
        Method::Average => sum(values)?.average(),
    })
}

/// A sum that stays of the type of what was added.
#[derive(Clone, Copy)]
enum Sum {
    Nothing,
    Whole(i64, i64),
    Exact(Decimal, i64),
    Rounded(f64, f64),
}

fn sum<'v>(values: impl Iterator<Item = ValueRef<'v>>) -> Outcome<Sum> {
    let mut sum = Sum::Nothing;
    for value in values {
        let next = match (sum, value) {
            (Sum::Nothing, ValueRef::Int(number)) => Some(Sum::Whole(number, 1)),
            (Sum::Nothing, ValueRef::Decimal(number)) => Some(Sum::Exact(number, 1)),
            (Sum::Nothing, ValueRef::Double(number)) => Some(Sum::Rounded(number, 1.0)),
            (Sum::Whole(total, number), ValueRef::Int(next)) => total
                .checked_add(next)
                .map(|total| Sum::Whole(total, number + 1)),
            (Sum::Exact(total, number), ValueRef::Decimal(next)) => total
                .checked_add(next)
                .map(|total| Sum::Exact(total, number + 1)),
            (Sum::Rounded(total, number), value) => value
                .as_double()
                .map(|next| Sum::Rounded(total + next, number + 1.0)),
            _ => None,
        };
        sum = next.ok_or_else(|| Refusal::argument("Arithmetic overflow in a sum."))?;
    }
    Ok(sum)
}

impl Sum {
    /// A sum of nothing is 0 (documented for `FetchXML`).
    fn total(self) -> Value {
        match self {
            Sum::Nothing => Value::Int(0),
            Sum::Whole(total, _) => Value::Int(total),
            Sum::Exact(total, _) => Value::Decimal(total),
            Sum::Rounded(total, _) => Value::Double(total),
        }
    }

    /// Whole numbers have a whole average.
    fn average(self) -> Value {
        match self {
            Sum::Nothing => Value::Null,
            Sum::Whole(total, number) => Value::Int(total / number),
            Sum::Exact(total, number) => {
                let average = total.checked_div(Decimal::from(number));
                average.map_or(Value::Null, Value::Decimal)
            }
            Sum::Rounded(total, number) => Value::Double(total / number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn no_more_is_taken_in_than_the_service_does() {
        let store = Store::new(Arc::new(Schema::demo()));
        let totals = [Total {
            method: Method::Count,
            cell: None,
            alias: "n".to_owned(),
        }];
        let counted = |number: usize| {
            let tuples = vec![Tuple::new(); number];
            lines(&store, &tuples, &[], &totals, MOST)
        };
        assert_eq!(
            counted(MOST).map(|lines| lines[0].totals.clone()).ok(),
            Some(vec![Value::Int(50_000)])
        );
        let refusal = counted(MOST + 1).err();
        assert_eq!(
            refusal.map(|refusal| refusal.code),
            Some("0x8004E023".into())
        );
    }

    #[test]
    fn dates_are_grouped_by_their_parts() {
        let moment: DateTime<Utc> = "2023-03-25T17:42:46Z".parse().unwrap_or_default();
        // As the documentation's example has it.
        let parts = [
            (DatePart::Day, 25),
            (DatePart::Week, 12),
            (DatePart::Month, 3),
            (DatePart::Quarter, 1),
            (DatePart::Year, 2023),
        ];
        for (part, expected) in parts {
            assert_eq!(part.of(moment), expected, "{part:?}");
        }
    }
}
