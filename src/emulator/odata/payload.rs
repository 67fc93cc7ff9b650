//! The body of a create or update: columns with checked values, and binds that still have to be looked up.
//!
//! Refuses what a table doesn't declare, and the state of a new row; other columns that a client may not write are left
//! out, as Dataverse leaves them out.

mod limits;
mod read;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use self::read::Reader;
use super::path::Address;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::Schema;
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, Value, ValueRef};

/// What a body asks to write.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(crate) id: Option<Uuid>,
    pub(crate) columns: Vec<(usize, Value)>,
    pub(crate) binds: Vec<Bind>,
    /// Rows to be made before this one, which it then names.
    pub(crate) parents: Vec<Nested>,
    /// Rows to be made after this one, which then name it.
    pub(crate) children: Vec<Nested>,
    /// Rows that are there, and that shall name this one.
    pub(crate) members: Vec<Bind>,
}

/// A row to be made along with another: the lookup between the two and what the row shall hold.
#[derive(Debug)]
pub(crate) struct Nested {
    pub(crate) column: usize,
    pub(crate) table: TableId,
    pub(crate) payload: Payload,
}

/// A lookup to be set: the column and the row that it shall name.
#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) column: usize,
    pub(crate) table: TableId,
    pub(crate) address: Address,
}

/// What a body is read for; it decides which columns may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Create,
    Update,
}

impl Payload {
    /// Reads a body; `root` is the service root, with which an absolute bind must begin.
    pub(crate) fn read(
        schema: &Schema,
        id: TableId,
        purpose: Purpose,
        root: &str,
        body: &Map<String, Json>,
    ) -> Outcome<Payload> {
        let reader = Reader {
            schema,
            purpose,
            root,
            depth: 0,
        };
        reader.read(id, body)
    }

    /// Reads the row that a navigation property of the table shall lead to.
    pub(crate) fn read_bind(
        schema: &Schema,
        id: TableId,
        root: &str,
        (navigation, column): (&str, usize),
        text: &str,
    ) -> Outcome<Payload> {
        let reader = Reader {
            schema,
            purpose: Purpose::Update,
            root,
            depth: 0,
        };
        let bind = reader.bound(schema.table(id), navigation, column, text)?;
        Ok(Payload {
            binds: vec![bind],
            ..Payload::default()
        })
    }

    /// Whether other rows are made or changed along with this one.
    pub(crate) fn is_deep(&self) -> bool {
        !(self.parents.is_empty() && self.children.is_empty() && self.members.is_empty())
    }

    /// Turns every bind by key into one by id.
    pub(crate) fn resolve_keys(&mut self, store: &Store) -> Outcome<()> {
        for bind in &mut self.binds {
            if let Address::Key(key) = &bind.address {
                let values: Vec<ValueRef> =
                    key.values.iter().map(|(_, value)| value.as_ref()).collect();
                let found = store.by_key(bind.table, key.key, &values);
                let found =
                    found.ok_or_else(|| Refusal::key_missing(store.schema().table(bind.table)))?;
                bind.address = Address::Id(found);
            }
        }
        Ok(())
    }

    /// What it asks to write, whether or not the rows that it names exist; binds by key were resolved before.
    pub(crate) fn attributes(&self) -> Vec<(usize, Value)> {
        let binds = self.binds.iter().filter_map(|bind| match bind.address {
            Address::Id(id) => {
                let table = bind.table;
                Some((bind.column, Value::Lookup(Reference { table, id })))
            }
            Address::Key(_) => None,
        });
        self.columns.iter().cloned().chain(binds).collect()
    }

    /// The first bind by id whose row does not exist.
    pub(crate) fn missing(&self, store: &Store) -> Option<Reference> {
        let named = self.binds.iter().filter_map(|bind| match bind.address {
            Address::Id(id) => Some(Reference {
                table: bind.table,
                id,
            }),
            Address::Key(_) => None,
        });
        named
            .into_iter()
            .find(|named| store.get(named.table, named.id).is_none())
    }

    /// Turns the binds into values, each of a row that exists.
    pub(crate) fn resolve(mut self, store: &Store) -> Outcome<Vec<(usize, Value)>> {
        self.resolve_keys(store)?;
        for bind in self.binds {
            let Address::Id(id) = bind.address else {
                continue;
            };
            if store.get(bind.table, id).is_none() {
                return Err(Refusal::bind_missing(store.schema().table(bind.table), id));
            }
            self.columns.push((
                bind.column,
                Value::Lookup(Reference {
                    table: bind.table,
                    id,
                }),
            ));
        }
        Ok(self.columns)
    }
}
