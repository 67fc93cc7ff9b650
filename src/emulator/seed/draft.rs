//! A row on its way into an instance at the start: its values first, then when and by whom it was written there.
//!
//! Goes around the operations, because it sets what no client may set.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::emulator::instance::{Instance, currency_id};
use crate::emulator::operation::money;
use crate::emulator::operation::write::{compute, defaults, put};
use crate::emulator::schema::{Kind, Schema};
use crate::emulator::store::Store;
use crate::emulator::user_id;
use crate::emulator::value::{Reference, TableId, Value};

/// A row without an instance.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) table: TableId,
    pub(crate) id: Uuid,
    values: Vec<Value>,
}

/// When a row was written and by whom, a client id or a person's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp<'a> {
    pub(crate) created: DateTime<Utc>,
    pub(crate) created_by: &'a str,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) modified_by: &'a str,
}

impl<'a> Stamp<'a> {
    /// Written once.
    pub(crate) fn once(time: DateTime<Utc>, by: &'a str) -> Stamp<'a> {
        Stamp {
            created: time,
            created_by: by,
            modified: time,
            modified_by: by,
        }
    }
}

impl Draft {
    pub(crate) fn new(
        schema: &Schema,
        table: TableId,
        id: Uuid,
        own: &[(&'static str, Value)],
    ) -> Draft {
        let definition = schema.table(table);
        let mut values = defaults(definition);
        values[definition.id] = Value::Id(id);
        let mut draft = Draft { table, id, values };
        draft.set(schema, own);
        draft
    }

    /// The same row under another id.
    pub(crate) fn under(self, id: Uuid) -> Draft {
        Draft { id, ..self }
    }

    pub(crate) fn set(&mut self, schema: &Schema, own: &[(&'static str, Value)]) {
        for (name, value) in own {
            put(
                schema.table(self.table),
                &mut self.values,
                name,
                value.clone(),
            );
        }
    }

    /// Stores the row in an instance, with that instance's users and currencies.
    pub(crate) fn store(mut self, instance: &Instance, store: &mut Store, stamp: Stamp) {
        let schema = Arc::clone(store.schema());
        let table = schema.table(self.table);
        let lookup = |name: &str, id: Uuid| {
            schema
                .by_name(name)
                .map_or(Value::Null, |table| Value::Lookup(Reference { table, id }))
        };
        let user = |who: &str| lookup("systemuser", user_id(instance.name, who));
        let mut own = vec![
            ("createdon", Value::Time(stamp.created)),
            ("createdby", user(stamp.created_by)),
            ("modifiedon", Value::Time(stamp.modified)),
            ("modifiedby", user(stamp.modified_by)),
            ("ownerid", user(stamp.created_by)),
            (
                "owningbusinessunit",
                lookup("businessunit", instance.business_unit_id()),
            ),
        ];
        let money = table.columns.iter().zip(&self.values);
        if money
            .into_iter()
            .any(|(column, value)| matches!(column.kind, Kind::Money { .. }) && !value.is_null())
        {
            own.push((
                "transactioncurrencyid",
                lookup("transactioncurrency", currency_id(instance.name, "USD")),
            ));
        }
        if table.column("ticketnumber").is_some() {
            let suffix = self.id.simple().to_string().to_uppercase();
            let number = format!(
                "CAS-{:05}-{}",
                store.next_ticket(),
                suffix.get(..6).unwrap_or_default()
            );
            own.push(("ticketnumber", Value::text(&number)));
        }
        self.set(&schema, &own);
        let status = table.column("statuscode");
        if let Some(Kind::Status { options }) = status.map(|column| &table.columns[column].kind) {
            let state = table
                .column("statecode")
                .and_then(|column| self.values[column].as_int())
                .unwrap_or_default();
            let first = options
                .iter()
                .find(|(_, of, _)| *of == state)
                .map(|(option, _, _)| *option);
            self.set(
                &schema,
                &[("statuscode", first.map_or(Value::Null, Value::Int))],
            );
        }
        money::convert(store, table, &mut self.values);
        compute(table, &mut self.values);
        let stored = store.insert(self.table, self.id, self.values);
        debug_assert!(stored.is_ok(), "the demo's rows are unique");
    }
}
