//! What a column's values are held against: lengths, ranges, options, precision.
//!
//! Types were checked before; whole rows are checked in `operation/write.rs`.

use chrono::Datelike;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Column, Kind, Table};
use crate::emulator::value::Value;

/// The most money that a column of the tables served takes; none takes less than nothing.
const MOST_MONEY: i64 = 100_000_000_000_000;
/// What SQL Server's dates reach.
const YEARS: std::ops::RangeInclusive<i32> = 1753..=9999;

/// Holds a value against the column's limits.
pub(super) fn checked(table: &Table, column: &Column, value: Value) -> Outcome<Value> {
    match (&column.kind, &value) {
        (Kind::Text { max } | Kind::Memo { max }, Value::Text(text))
            if text.encode_utf16().count() > *max =>
        {
            Err(Refusal::too_long(table, column.name, *max))
        }
        (Kind::Int { min, max }, Value::Int(number)) if !(min..=max).contains(&number) => {
            Err(Refusal::out_of_range(table, column.name))
        }
        (Kind::Choice { options, .. } | Kind::State { options }, Value::Int(number))
            if !options.iter().any(|(option, _)| option == number) =>
        {
            Err(Refusal::out_of_range(table, column.name))
        }
        (Kind::Status { options }, Value::Int(number))
            if !options.iter().any(|(option, _, _)| option == number) =>
        {
            Err(Refusal::out_of_range(table, column.name))
        }
        (Kind::Choices { options }, Value::Choices(chosen)) => {
            let known = |option: &str| {
                let option: Option<i64> = option.parse().ok();
                options.iter().any(|(known, _)| Some(*known) == option)
            };
            if chosen.split(',').all(known) {
                Ok(value)
            } else {
                Err(Refusal::out_of_range(table, column.name))
            }
        }
        (
            Kind::Decimal {
                precision,
                min,
                max,
            },
            Value::Decimal(number),
        ) => {
            if (Decimal::from(*min)..=Decimal::from(*max)).contains(number) {
                Ok(Value::Decimal(number.round_dp(*precision)))
            } else {
                Err(Refusal::out_of_range(table, column.name))
            }
        }
        (
            Kind::Double {
                precision,
                min,
                max,
            },
            Value::Double(number),
        ) => double(*number, *precision, *min, *max)
            .ok_or_else(|| Refusal::out_of_range(table, column.name)),
        (Kind::Money { precision }, Value::Decimal(number)) => {
            if (Decimal::ZERO..=Decimal::from(MOST_MONEY)).contains(number) {
                Ok(Value::Decimal(number.round_dp(*precision)))
            } else {
                Err(Refusal::out_of_range(table, column.name))
            }
        }
        (Kind::Time, Value::Time(time)) if !YEARS.contains(&time.year()) => {
            Err(Refusal::date_out_of_range(table, column.name))
        }
        (Kind::Date, Value::Date(date)) if !YEARS.contains(&date.year()) => {
            Err(Refusal::date_out_of_range(table, column.name))
        }
        // A two-options column is never null: nulling it brings its default back.
        (Kind::Bool { default, .. }, Value::Null) => Ok(Value::Bool(*default)),
        _ => Ok(value),
    }
}

/// A floating point number at the column's precision, if it is within the bounds.
fn double(number: f64, precision: u32, min: i64, max: i64) -> Option<Value> {
    let exact = Decimal::from_f64(number)?;
    if !(Decimal::from(min)..=Decimal::from(max)).contains(&exact) {
        return None;
    }
    exact.round_dp(precision).to_f64().map(Value::Double)
}
