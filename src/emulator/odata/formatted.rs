//! Formatted values: the text that a person sees for a choice, a lookup, a sum of money, a time.
//!
//! English and UTC, whoever asks.

use crate::emulator::row::Row;
use crate::emulator::schema::{Kind, Table};
use crate::emulator::store::Store;
use crate::emulator::value::ValueRef;

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
        (Kind::Int { .. } | Kind::BigInt, ValueRef::Int(number)) => {
            Some(grouped(&number.to_string()))
        }
        (Kind::Money { precision }, ValueRef::Decimal(number)) => {
            let mut rounded = number;
            rounded.rescale(*precision);
            Some(format!(
                "{}{}",
                symbol(store, table, row),
                grouped(&rounded.to_string())
            ))
        }
        (Kind::Time, ValueRef::Time(time)) => Some(time.format("%-m/%-d/%Y %-I:%M %p").to_string()),
        (_, ValueRef::Lookup(reference)) => {
            let primary_name = store.schema().table(reference.table).primary_name;
            let named = store.get(reference.table, reference.id)?;
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
fn symbol(store: &Store, table: &Table, row: &Row) -> String {
    let find = || {
        let currency = row
            .value(table.column("transactioncurrencyid")?)
            .as_reference()?;
        let sign = store
            .schema()
            .table(currency.table)
            .column("currencysymbol")?;
        store
            .get(currency.table, currency.id)?
            .value(sign)
            .as_text()
            .map(str::to_owned)
    };
    find().unwrap_or_default()
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
