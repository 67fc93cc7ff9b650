//! A row on its way into an instance at the start: its values first, then when and by whom it was written there.
//!
//! Goes around the operations, because it sets what no client may set.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::users::{EUROPE_PEOPLE, US_PEOPLE};
use crate::emulator::instance::{Instance, currency_id};
use crate::emulator::operation::computed::compute;
use crate::emulator::operation::money;
use crate::emulator::operation::write::{defaults, put};
use crate::emulator::pipeline::PLUG_IN_USER;
use crate::emulator::schema::{Kind, Schema};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, Value};
use crate::emulator::{LOB_CLIENT_ID, SYNC_CLIENT_ID, user_id};

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

/// Where a row is to stand: an instance's tables, users and currency, looked up once for all rows.
pub(crate) struct Home {
    pub(crate) schema: Arc<Schema>,
    unit: Value,
    /// The US's money is what the companies report in.
    currency: Value,
    rate: Option<Decimal>,
    users: HashMap<&'static str, Value>,
}

impl Home {
    pub(crate) fn of(instance: &Instance) -> Home {
        let schema = instance.schema();
        let lookup = |name: &str, id: Uuid| {
            schema
                .by_name(name)
                .map_or(Value::Null, |table| Value::Lookup(Reference { table, id }))
        };
        let names = [
            US_PEOPLE.as_slice(),
            EUROPE_PEOPLE.as_slice(),
            &[PLUG_IN_USER, SYNC_CLIENT_ID, LOB_CLIENT_ID],
        ];
        let currency = lookup("transactioncurrency", currency_id(instance.name, "USD"));
        let user = |who: &&'static str| (*who, lookup("systemuser", user_id(instance.name, who)));
        Home {
            unit: lookup("businessunit", instance.business_unit_id()),
            rate: currency
                .as_ref()
                .as_reference()
                .and_then(|currency| money::rate_of(&instance.read(), currency)),
            currency,
            users: names.into_iter().flatten().map(user).collect(),
            schema,
        }
    }

    fn user(&self, who: &str) -> Value {
        self.users.get(who).cloned().unwrap_or_default()
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
    pub(crate) fn store(self, home: &Home, store: &mut Store, stamp: Stamp) {
        let (table, id) = (self.table, self.id);
        let numbered = home.schema.table(table).column("ticketnumber").is_some();
        let number = numbered.then(|| store.next_ticket());
        let stored = store.insert(table, id, self.finished(home, stamp, number));
        debug_assert!(stored.is_ok(), "the demo's rows are unique");
    }

    /// The row's values in an instance; a ticket has a number.
    pub(crate) fn finished(mut self, home: &Home, stamp: Stamp, number: Option<u32>) -> Vec<Value> {
        let schema = home.schema.as_ref();
        let table = schema.table(self.table);
        let mut own = vec![
            ("createdon", Value::Time(stamp.created)),
            ("createdby", home.user(stamp.created_by)),
            ("modifiedon", Value::Time(stamp.modified)),
            ("modifiedby", home.user(stamp.modified_by)),
            ("ownerid", home.user(stamp.created_by)),
            ("owninguser", home.user(stamp.created_by)),
            ("owningbusinessunit", home.unit.clone()),
        ];
        let money = table.columns.iter().zip(&self.values);
        if money
            .into_iter()
            .any(|(column, value)| matches!(column.kind, Kind::Money { .. }) && !value.is_null())
        {
            own.push(("transactioncurrencyid", home.currency.clone()));
        }
        if let Some(number) = number {
            let suffix = self.id.simple().to_string().to_uppercase();
            let number = format!("CAS-{number:05}-{}", suffix.get(..6).unwrap_or_default());
            own.push(("ticketnumber", Value::text(&number)));
        }
        self.set(schema, &own);
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
                schema,
                &[("statuscode", first.map_or(Value::Null, Value::Int))],
            );
        }
        let paid = table.column("transactioncurrencyid");
        let rate = paid.and_then(|column| self.values.get(column));
        let rate = rate.filter(|currency| !currency.is_null()).and(home.rate);
        money::convert_at(rate, table, &mut self.values);
        compute(table, &mut self.values);
        self.values
    }
}
