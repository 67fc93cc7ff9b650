//! The rows that are there before any business data: the organization, users, the business unit, its team, roles,
//! currencies.
//!
//! Every user is an administrator; other roles are given by `security.rs`.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::emulator::instance::{Instance, currency_id, stable_id};
use crate::emulator::operation::write::{defaults, put};
use crate::emulator::pipeline::PLUG_IN_USER;
use crate::emulator::schema::Table;
use crate::emulator::security::{ADMINISTRATOR, BUILT_IN, give, role_id};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, Value};
use crate::emulator::{APPLICATION_CLIENT_ID, LOB_CLIENT_ID, SYNC_CLIENT_ID, US, user_id};

/// The people of each instance, by full name.
pub(crate) const US_PEOPLE: [&str; 2] = ["Dana Whitfield", "Marcus Bell"];
pub(crate) const EUROPE_PEOPLE: [&str; 2] = ["Lena Roth", "Piet Vermeer"];

/// Stores what every instance has.
pub(crate) fn fill(instance: &Instance) {
    let mut store = instance.write();
    let people = if instance.name == US {
        US_PEOPLE
    } else {
        EUROPE_PEOPLE
    };
    for person in people {
        user(instance, &mut store, person, None);
    }
    user(instance, &mut store, PLUG_IN_USER, None);
    for (client_id, name) in [
        (APPLICATION_CLIENT_ID, "tandem"),
        (SYNC_CLIENT_ID, "tandem sync"),
        (LOB_CLIENT_ID, "Ticket app"),
    ] {
        user(instance, &mut store, client_id, Some(name));
    }
    let unit = instance.business_unit_id();
    row(
        instance,
        &mut store,
        "businessunit",
        unit,
        &[("name", Value::text(instance.name))],
    );
    let team = stable_id(instance.name, "team");
    let own = [
        ("name", Value::text(instance.name)),
        ("isdefault", Value::Bool(true)),
    ];
    row(instance, &mut store, "team", team, &own);
    for (code, name, symbol, euros) in [("USD", "US Dollar", "$", 125), ("EUR", "Euro", "€", 100)]
    {
        let own = [
            ("currencyname", Value::text(name)),
            ("isocurrencycode", Value::text(code)),
            ("currencysymbol", Value::text(symbol)),
            ("currencyprecision", Value::Int(2)),
            ("exchangerate", Value::Decimal(rate(instance, euros))),
            ("statuscode", Value::Int(1)),
        ];
        row(
            instance,
            &mut store,
            "transactioncurrency",
            currency_id(instance.name, code),
            &own,
        );
    }
    for name in BUILT_IN {
        let id = role_id(instance, name);
        row(
            instance,
            &mut store,
            "role",
            id,
            &[("name", Value::text(name))],
        );
    }
    organization(instance, &mut store);
}

/// How much of a currency the base currency buys; `per_euro` hundredths of it are worth a euro.
fn rate(instance: &Instance, per_euro: i64) -> Decimal {
    let base = if instance.name == US { 125 } else { 100 };
    (Decimal::from(per_euro) / Decimal::from(base)).round_dp(10)
}

fn organization(instance: &Instance, store: &mut Store) {
    let base = store.schema().by_name("transactioncurrency").map(|table| {
        Value::Lookup(Reference {
            table,
            id: instance.base_currency_id(),
        })
    });
    let own = [
        ("name", Value::text(instance.name)),
        ("languagecode", Value::Int(1033)),
        (
            "localeid",
            Value::Int(if instance.name == US { 1033 } else { 2057 }),
        ),
        ("basecurrencyid", base.unwrap_or_default()),
        ("expirechangetrackingindays", Value::Int(7)),
        ("maxuploadfilesize", Value::Int(32_768)),
    ];
    row(
        instance,
        store,
        "organization",
        instance.organization_id(),
        &own,
    );
}

/// Makes the row of an application user that has just shown up.
pub(crate) fn ensure_application(instance: &Instance, id: Uuid, client_id: &str) {
    let mut store = instance.write();
    let known = store
        .schema()
        .by_name("systemuser")
        .is_some_and(|table| store.get(table, id).is_some());
    if !known {
        user(instance, &mut store, client_id, Some(client_id));
    }
}

/// Stores a person by full name, or an application by client id and name.
fn user(instance: &Instance, store: &mut Store, who: &str, application: Option<&str>) {
    let domain = who.to_lowercase().replace(' ', ".");
    let mut own = vec![
        ("fullname", Value::text(application.unwrap_or(who))),
        (
            "domainname",
            Value::text(&format!("{domain}@{}.example", instance.name)),
        ),
        ("azureactivedirectoryobjectid", Value::Id(object_id(who))),
    ];
    if application.is_some() {
        own.push((
            "applicationid",
            Value::Id(Uuid::new_v5(&Uuid::NAMESPACE_OID, who.as_bytes())),
        ));
    }
    let id = user_id(instance.name, who);
    row(instance, store, "systemuser", id, &own);
    give(instance, store, id, ADMINISTRATOR);
}

/// The id of a user or an application in the directory, which all instances share.
fn object_id(who: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("object/{who}").as_bytes())
}

/// Stores one of the rows that are there from the start.
pub(crate) fn row(
    instance: &Instance,
    store: &mut Store,
    table: &str,
    id: Uuid,
    own: &[(&'static str, Value)],
) {
    let schema = store.schema().clone();
    let Some(table_id) = schema.by_name(table) else {
        return;
    };
    let table: &Table = schema.table(table_id);
    let mut values = defaults(table);
    values[table.id] = Value::Id(id);
    let now = Value::Time(instance.clock.now_to_the_second());
    put(table, &mut values, "createdon", now.clone());
    put(table, &mut values, "modifiedon", now);
    if let Some(unit) = schema.by_name("businessunit") {
        let unit = Reference {
            table: unit,
            id: instance.business_unit_id(),
        };
        put(table, &mut values, "businessunitid", Value::Lookup(unit));
    }
    for (name, value) in own {
        put(table, &mut values, name, value.clone());
    }
    // The ids are fresh and no key stands on these tables, so nothing is in the way.
    let _ = store.insert(table_id, id, values);
}
