//! The columns that the server fills by itself from others: names, addresses, flags, calculated columns, numbers.
//!
//! Sums in the base currency are `money.rs`'s.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::write::{get, put};
use crate::emulator::schema::Table;
use crate::emulator::value::Value;

/// As wide as a sequence number gets.
const MOST_DIGITS: usize = 16;
/// The parts of an address, in the order of its text.
const ADDRESS: [&str; 5] = [
    "address1_line1",
    "address1_city",
    "address1_stateorprovince",
    "address1_postalcode",
    "address1_country",
];

/// Brings the computed columns up to date.
pub(crate) fn compute(table: &Table, values: &mut [Value]) {
    if table.column("address1_composite").is_some() {
        let address = joined(table, values, &ADDRESS, "\r\n");
        put(table, values, "address1_composite", address);
    }
    match table.name {
        "account" => {
            let share = share(table, values);
            put(table, values, "new_creditshare", share);
        }
        "contact" => {
            let name = joined(table, values, &["firstname", "lastname"], " ");
            put(table, values, "fullname", name);
        }
        "systemuser" => {
            let name = joined(table, values, &["firstname", "lastname"], " ");
            if !name.is_null() {
                put(table, values, "fullname", name);
            }
        }
        "serviceendpoint" => {
            let set = !get(table, values, "authvalue").is_null();
            put(table, values, "isauthvalueset", Value::Bool(set));
        }
        _ => {}
    }
}

/// The credit limit by the revenue, where both are known.
fn share(table: &Table, values: &[Value]) -> Value {
    let number = |name: &str| get(table, values, name).as_ref().as_decimal();
    let share = number("creditlimit").zip(number("revenue"));
    let share = share.and_then(|(limit, revenue): (Decimal, Decimal)| limit.checked_div(revenue));
    share.map_or(Value::Null, |share| Value::Decimal(share.round_dp(4)))
}

fn joined(table: &Table, values: &[Value], names: &[&str], between: &str) -> Value {
    let parts: Vec<&str> = names
        .iter()
        .filter_map(|name| get(table, values, name).as_text())
        .collect();
    Value::text(&parts.join(between))
}

/// An automatic number by its format, of which `{SEQNUM:n}` and `{RANDSTRING:n}` are known.
///
/// The random part is the beginning of the row's id, so that a run repeats itself.
pub(crate) fn number(format: &str, sequence: u32, id: Uuid) -> String {
    let random = id.simple().to_string().to_uppercase();
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, inner)) = rest.split_once('{') {
        let (token, after) = inner.split_once('}').unwrap_or((inner, ""));
        let (kind, size) = token.split_once(':').unwrap_or((token, "0"));
        let size: usize = size.parse().unwrap_or_default();
        text.push_str(before);
        match kind {
            "SEQNUM" => {
                let digits = sequence.to_string();
                let missing = size.saturating_sub(digits.len()).min(MOST_DIGITS);
                text.push_str(&"0".repeat(missing));
                text.push_str(&digits);
            }
            "RANDSTRING" => text.push_str(random.get(..size).unwrap_or(&random)),
            _ => text.push_str(token),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_follows_its_format() {
        let id = Uuid::from_u128(0xabcd_ef01_2345_6789_abcd_ef01_2345_6789);
        let number = |format| number(format, 42, id);
        assert_eq!(number("CAS-{SEQNUM:5}-{RANDSTRING:6}"), "CAS-00042-ABCDEF");
        assert_eq!(number("{SEQNUM:1}"), "42");
        assert_eq!(number("plain"), "plain");
        assert_eq!(
            number("{RANDSTRING:99}{"),
            "ABCDEF0123456789ABCDEF0123456789"
        );
    }
}
