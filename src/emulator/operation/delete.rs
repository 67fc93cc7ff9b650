//! DELETE of a row, with what belongs to it.
//!
//! Rows that only mention the deleted one lose the mention; a customer takes its contacts and tickets along.

use uuid::Uuid;

use super::{Call, find, missing, write};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::Address;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};
use crate::emulator::store::{Row, Store};
use crate::emulator::value::{Reference, TableId, Value};

pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
) -> Outcome<Reply> {
    call.query.only(&[])?;
    let mut store = instance.write();
    let row = find(&store, table, address).and_then(|id| store.get(table, id).cloned());
    let row = row.ok_or_else(|| missing(&store, table, address))?;
    call.conditions.allow_change(&row)?;
    remove(instance, &mut store, call, Reference { table, id: row.id })?;
    Ok(reply::no_content())
}

fn remove(instance: &Instance, store: &mut Store, call: &Call, first: Reference) -> Outcome<()> {
    let mut condemned = vec![first];
    while let Some(next) = condemned.pop() {
        store.remove(next.table, next.id);
        for mention in mentions(store, next) {
            let Some(row) = store.get(mention.table, mention.row).cloned() else {
                continue;
            };
            if mention.cascade {
                condemned.push(Reference {
                    table: mention.table,
                    id: row.id,
                });
            } else {
                write::change(
                    instance,
                    store,
                    call.caller,
                    mention.table,
                    &row,
                    vec![(mention.column, Value::Null)],
                )?;
            }
        }
    }
    Ok(())
}

/// One row that names another.
struct Mention {
    table: TableId,
    row: Uuid,
    column: usize,
    cascade: bool,
}

fn mentions(store: &Store, named: Reference) -> Vec<Mention> {
    let schema = store.schema();
    let name = schema.table(named.table).name;
    let mut mentions = Vec::new();
    for (id, table) in schema.tables() {
        for (column, definition) in table.columns.iter().enumerate() {
            let Some(target) = definition
                .targets()
                .iter()
                .find(|target| target.table == name)
            else {
                continue;
            };
            let cascade = target.cascade;
            let names_it =
                |row: &&std::sync::Arc<Row>| row.value(column).as_reference() == Some(named);
            let rows = store.after(id, None).filter(names_it);
            mentions.extend(rows.map(|row| Mention {
                table: id,
                row: row.id,
                column,
                cascade,
            }));
        }
    }
    mentions
}
