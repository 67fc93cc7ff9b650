//! Formatted values: the text that a person sees for a choice, a lookup, a sum of money, a time.
//!
//! English and UTC, whoever asks.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::emulator::row::Row;
use crate::emulator::schema::{Format, Kind, Table};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, ValueRef};

/// The text for one column of a row; none where the value itself is the text.
pub(crate) fn value(store: &Store, table: &Table, row: &Row, index: usize) -> Option<String> {
    match (&table.columns[index].kind, row.value(index)) {
        (Kind::Choice { options, .. } | Kind::State { options }, ValueRef::Int(number)) => {
            label(options, number)
        }
        (Kind::Status { options }, ValueRef::Int(number)) => {
            let option = options.iter().find(|(option, _, _)| *option == number);
            option.map(|(_, _, label)| (*label).to_owned())
        }
        (Kind::Bool { yes, no, .. }, ValueRef::Bool(value)) => {
            Some((if value { *yes } else { *no }).to_owned())
        }
        (Kind::Int { .. }, ValueRef::Int(minutes))
            if table.columns[index].format == Format::Duration =>
        {
            Some(duration(minutes))
        }
        (Kind::Int { .. } | Kind::BigInt, ValueRef::Int(number)) => {
            Some(grouped(&number.to_string()))
        }
        (Kind::Money { precision }, ValueRef::Decimal(number)) => {
            let sign = if table.money.iter().any(|(_, base)| *base == index) {
                base_symbol(store)
            } else {
                symbol(store, table, row)
            };
            Some(format!(
                "{}{}",
                sign.unwrap_or_default(),
                rounded(number, *precision)
            ))
        }
        (Kind::Decimal { precision, .. }, ValueRef::Decimal(number)) => {
            Some(rounded(number, *precision))
        }
        (Kind::Double { precision, .. }, ValueRef::Double(number)) => {
            Decimal::from_f64(number).map(|number| rounded(number, *precision))
        }
        (Kind::Choices { options }, ValueRef::Choices(chosen)) => {
            let labels = chosen
                .split(',')
                .filter_map(|option| label(options, option.parse().ok()?));
            Some(labels.collect::<Vec<_>>().join("; "))
        }
        (Kind::Date, ValueRef::Date(date)) => Some(date.format("%-m/%-d/%Y").to_string()),
        (Kind::Time, ValueRef::Time(time)) => Some(time.format("%-m/%-d/%Y %-I:%M %p").to_string()),
        (_, ValueRef::Lookup(reference)) => {
            let primary_name = store.schema().table(reference.table).primary_name;
            let named = store.get_any(reference.table, reference.id)?;
            named.value(primary_name).as_text().map(str::to_owned)
        }
        _ => None,
    }
}

fn label(options: &[(i64, &str)], number: i64) -> Option<String> {
    options
        .iter()
        .find(|(option, _)| *option == number)
        .map(|(_, label)| (*label).to_owned())
}

/// The sign of the row's currency.
fn symbol(store: &Store, table: &Table, row: &Row) -> Option<String> {
    let currency = row.value(table.column("transactioncurrencyid")?);
    sign(store, currency.as_reference()?)
}

/// The sign of the instance's base currency.
fn base_symbol(store: &Store) -> Option<String> {
    let id = store.schema().by_name("organization")?;
    let base = store.schema().table(id).column("basecurrencyid")?;
    sign(store, store.all(id).next()?.value(base).as_reference()?)
}

fn sign(store: &Store, currency: Reference) -> Option<String> {
    let column = store
        .schema()
        .table(currency.table)
        .column("currencysymbol")?;
    let row = store.get_any(currency.table, currency.id)?;
    row.value(column).as_text().map(str::to_owned)
}

fn rounded(mut number: Decimal, precision: u32) -> String {
    number.rescale(precision);
    grouped(&number.to_string())
}

/// Minutes in the largest unit that they fill.
fn duration(minutes: i64) -> String {
    let (size, unit) = match minutes.abs() {
        0..60 => (1, "minute"),
        60..1440 => (60, "hour"),
        _ => (1440, "day"),
    };
    let mut number = Decimal::from(minutes) / Decimal::from(size);
    number = number.round_dp(2).normalize();
    let plural = if number == Decimal::ONE { "" } else { "s" };
    format!("{} {unit}{plural}", grouped(&number.to_string()))
}

/// Puts commas between the thousands of a decimal number.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, fraction) = number
        .split_once('.')
        .map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}
