//! DELETE of a row, with what belongs to it.
//!
//! Rows that only mention the deleted one lose the mention, closed ones too; a customer takes its contacts and tickets
//! along, and each of them is a Delete of its own, see `pipeline.rs`.

use std::sync::Arc;

use uuid::Uuid;

use super::{Call, Caller, find, missing, pair, write};
use crate::emulator::odata::path::Address;
use crate::emulator::pipeline;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, TableId};

pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let id = transaction.read(|store| find(store, table, address));
    let id = id.ok_or_else(|| missing(&call.schema, table, address))?;
    let named = Reference { table, id };
    pipeline::delete(transaction, &call.context, &call.conditions, named)?;
    Ok(reply::no_content())
}

/// Removes a row and every mention of it, and returns the rows that go along with it.
pub(crate) fn remove(
    transaction: &mut Transaction,
    caller: Caller,
    first: Reference,
) -> Outcome<Vec<Reference>> {
    transaction.wait_to_remove(first.table, first.id)?;
    let mentions = mentions(transaction.store(), first);
    if mentions.iter().any(|mention| mention.restricts) {
        return Err(Refusal::is_referred_to());
    }
    transaction.remove(first.table, first.id)?;
    pair::forget(transaction, first)?;
    let (condemned, bereft): (Vec<_>, Vec<_>) =
        mentions.into_iter().partition(|mention| mention.cascade);
    let condemned: Vec<Reference> = condemned.iter().map(Mention::row).collect();
    for mention in bereft {
        let row = mention.row();
        if !condemned.contains(&row) {
            write::unlink(transaction, caller, row, mention.column, first)?;
        }
    }
    Ok(condemned)
}

/// One row that names another.
struct Mention {
    table: TableId,
    row: Uuid,
    column: usize,
    cascade: bool,
    restricts: bool,
}

impl Mention {
    fn row(&self) -> Reference {
        Reference {
            table: self.table,
            id: self.row,
        }
    }
}

fn mentions(store: &Store, named: Reference) -> Vec<Mention> {
    let schema = Arc::clone(store.schema());
    let name = schema.table(named.table).name;
    let mut mentions = Vec::new();
    for (table, definition) in schema.tables() {
        for (column, lookup) in definition.columns.iter().enumerate() {
            let Some(target) = lookup.targets().iter().find(|target| target.table == name) else {
                continue;
            };
            let names_it = |row: &&Row| row.value(column).as_reference() == Some(named);
            let mention = |row: &Row| Mention {
                table,
                row: row.id(),
                column,
                cascade: target.cascade,
                restricts: target.restricts,
            };
            match store.naming(table, column, named.id) {
                Some(rows) => mentions.extend(rows.filter(names_it).map(mention)),
                None => mentions.extend(store.after(table, None).filter(names_it).map(mention)),
            }
        }
    }
    mentions
}
