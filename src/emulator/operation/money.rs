//! The twins of money columns in the instance's base currency, and the exchange rate at which they were computed.
//!
//! A rate is how much of the row's currency one unit of the base currency buys; a row keeps its rate until its money,
//! currency or state is written again.

use rust_decimal::Decimal;

use crate::emulator::schema::{Kind, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, Value};

/// Digits behind the point of a sum in the base currency.
const BASE_PRECISION: u32 = 4;

/// Whether a write of these columns computes the sums anew.
pub(crate) fn is_concerned(table: &Table, set: &[usize]) -> bool {
    set.iter().any(|&column| {
        matches!(
            table.columns[column].kind,
            Kind::Money { .. } | Kind::State { .. }
        ) || table.column("transactioncurrencyid") == Some(column)
    })
}

/// Brings the rate and the sums in the base currency up to date.
pub(crate) fn convert(store: &Store, table: &Table, values: &mut [Value]) {
    convert_at(rate(store, table, values), table, values);
}

/// The same, at a rate that is known.
pub(crate) fn convert_at(rate: Option<Decimal>, table: &Table, values: &mut [Value]) {
    if let Some(place) = table
        .column("exchangerate")
        .filter(|_| !table.money.is_empty())
    {
        values[place] = rate.map_or(Value::Null, Value::Decimal);
    }
    for &(money, base) in &table.money {
        let sum = match (values[money].as_ref().as_decimal(), rate) {
            (Some(sum), Some(rate)) => sum.checked_div(rate),
            _ => None,
        };
        values[base] = sum.map_or(Value::Null, |sum| {
            Value::Decimal(sum.round_dp(BASE_PRECISION).normalize())
        });
    }
}

/// The exchange rate of the row's currency.
fn rate(store: &Store, table: &Table, values: &[Value]) -> Option<Decimal> {
    let currency = values.get(table.column("transactioncurrencyid")?)?;
    rate_of(store, currency.as_ref().as_reference()?)
}

/// The exchange rate of a currency.
pub(crate) fn rate_of(store: &Store, currency: Reference) -> Option<Decimal> {
    let column = store
        .schema()
        .table(currency.table)
        .column("exchangerate")?;
    store
        .get(currency.table, currency.id)?
        .value(column)
        .as_decimal()
}
