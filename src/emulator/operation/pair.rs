//! `$ref` of a many-to-many relationship: a pair of ids comes or goes.
//!
//! The steps of Associate and Disassociate are not there. Lookups are `associate.rs`'s.

use std::sync::Arc;

use http::Method;
use uuid::Uuid;

use super::associate::{member, target};
use super::{Call, find, missing, write};
use crate::emulator::odata::path::{Address, Pairs, Part};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::security::Access;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, TableId, Value};

/// Adds a row to the collection of another, or takes it away; both take the right to write the row that is addressed.
pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    (table, address): (TableId, &Address),
    (pairs, of): (Pairs, TableId),
    part: &Part,
) -> Outcome<Reply> {
    let row = transaction.read(|store| {
        let id = find(store, table, address)?;
        store.get(table, id).cloned()
    });
    let row = row.ok_or_else(|| missing(&call.schema, table, address))?;
    let rights = &call.context.rights;
    rights.may_row(Access::Write, &call.schema, table, &row)?;
    match (&call.method, part) {
        (&Method::POST, Part::Reference) => {
            call.query.only(&[])?;
            let text = target(call, table)?;
            let member = member(transaction, call, of, &text)?;
            add(transaction, call, pairs, row.id(), member)?;
        }
        (&Method::DELETE, Part::Reference) => {
            call.query.only(&["$id"])?;
            let text = call.query.get("$id").ok_or_else(|| {
                Refusal::url("The member of the collection must be named by $id or by its key.")
            })?;
            let member = member(transaction, call, of, text)?;
            remove(transaction, call, pairs, row.id(), (of, member))?;
        }
        (&Method::DELETE, Part::MemberReference(address)) => {
            call.query.only(&[])?;
            let member = transaction.read(|store| find(store, of, address));
            let member = member.ok_or_else(|| missing(&call.schema, of, address))?;
            remove(transaction, call, pairs, row.id(), (of, member))?;
        }
        (&Method::POST, Part::Whole) => {
            return Err(Refusal::unsupported(
                "A new row in the collection of a many-to-many relationship",
            ));
        }
        (method, _) => return Err(Refusal::method_not_allowed(method)),
    }
    Ok(reply::no_content())
}

/// Takes away all pairs of a row that is deleted.
pub(super) fn forget(transaction: &mut Transaction, row: Reference) -> Outcome<()> {
    let schema = Arc::clone(transaction.store().schema());
    for relationship in schema.many_to_many() {
        let table = relationship.intersect;
        for (_, column) in relationship.sides.iter().filter(|side| side.0 == row.table) {
            let of_row = |pair: &&Row| pair.value(*column).as_id() == Some(row.id);
            let pairs = transaction.store().after(table, None).filter(of_row);
            let pairs: Vec<Uuid> = pairs.map(Row::id).collect();
            for pair in pairs {
                transaction.remove(table, pair)?;
            }
        }
    }
    Ok(())
}

/// What is associated already is refused (inferred).
fn add(
    transaction: &mut Transaction,
    call: &Call,
    pairs: Pairs,
    this: Uuid,
    other: Uuid,
) -> Outcome<()> {
    if pairs.find(transaction.store(), this, other).is_some() {
        return Err(Refusal::row_exists());
    }
    let (first, second) = if pairs.this < pairs.other {
        (this, other)
    } else {
        (other, this)
    };
    let id = Uuid::new_v5(&first, second.as_bytes());
    let table = call.schema.table(pairs.table);
    let mut values = write::defaults(table);
    for (column, value) in [(table.id, id), (pairs.this, this), (pairs.other, other)] {
        if let Some(place) = values.get_mut(column) {
            *place = Value::Id(value);
        }
    }
    transaction.insert(pairs.table, id, values)?;
    Ok(())
}

/// What is not associated is not there to be taken away (inferred).
fn remove(
    transaction: &mut Transaction,
    call: &Call,
    pairs: Pairs,
    this: Uuid,
    (of, member): (TableId, Uuid),
) -> Outcome<()> {
    let pair = pairs.find(transaction.store(), this, member);
    let missing = || Refusal::row_missing(call.schema.table(of), member);
    transaction.remove(pairs.table, pair.ok_or_else(missing)?)
}
