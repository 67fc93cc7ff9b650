//! Europe at the demo's start: what became of the copies, the rows of its own, the tickets.
//!
//! The originals are those that `demo.rs` made for the US.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use super::demo::{Maker, Original};
use super::draft::{Draft, Stamp};
use super::invent;
use super::mess::Part;
use super::users::EUROPE_PEOPLE;
use crate::emulator::pipeline::{PLUG_IN_USER, placeholder};
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, Value};
use crate::emulator::{LOB_CLIENT_ID, NAMESPACE, SYNC_CLIENT_ID};

/// So many tickets stand in Europe beside those that made the stubs.
const TICKETS: usize = 46;

impl Maker<'_> {
    pub(super) fn fill_europe(&mut self, accounts: &[Original], contacts: &[Original]) {
        let mut store = self.europe.write();
        for original in accounts.iter().chain(contacts) {
            if let Some((draft, stamp)) = self.copy(original) {
                draft.store(&self.at_europe, &mut store, stamp);
            }
        }
        self.europes_own(&mut store, accounts);
        self.tickets(&mut store, accounts, contacts);
    }

    /// What Europe has of a row of the US, if anything.
    pub(super) fn copy(&mut self, original: &Original) -> Option<(Draft, Stamp<'static>)> {
        let schema = Arc::clone(&self.at_europe.schema);
        let schema = schema.as_ref();
        let later = |time: DateTime<Utc>, random: &mut StdRng| {
            time + TimeDelta::minutes(random.random_range(20..1440))
        };
        let created = later(original.created, &mut self.random);
        let modified =
            later(original.modified.max(original.created), &mut self.random).max(created);
        let synced = Stamp {
            created,
            created_by: SYNC_CLIENT_ID,
            modified,
            modified_by: SYNC_CLIENT_ID,
        };
        let mut draft = original.draft.clone();
        match original.part {
            Part::Missing => None,
            Part::InSync => Some((draft, synced)),
            Part::Stale => {
                // The copy is of before the change in the US, so it is older than that.
                draft.set(schema, &self.other_values(&original.draft));
                let modified = created + (self.now - created) / 2;
                Some((draft, Stamp { modified, ..synced }))
            }
            Part::Diverged => {
                draft.set(schema, &self.other_values(&original.draft));
                let modified = self.now - TimeDelta::minutes(self.random.random_range(90..60 * 30));
                let by = EUROPE_PEOPLE
                    .choose(&mut self.random)
                    .copied()
                    .unwrap_or(EUROPE_PEOPLE[0]);
                let stamp = Stamp {
                    modified,
                    modified_by: by,
                    ..synced
                };
                Some((draft, stamp))
            }
            Part::Stub => {
                let name = if draft.table == self.tables.contact {
                    "lastname"
                } else {
                    "name"
                };
                let own = [(name, Value::text(&placeholder(draft.id)))];
                let seen = original.created + (self.now - original.created) / 2;
                let stub = Draft::new(schema, draft.table, draft.id, &own);
                Some((stub, Stamp::once(seen, PLUG_IN_USER)))
            }
            Part::Duplicate => {
                // Somebody typed the company in by hand, so the number is there under another id.
                let twin = Uuid::new_v5(&NAMESPACE, format!("twin/{}", draft.id).as_bytes());
                let mut twin = draft.under(twin);
                let own = [
                    ("accountid", Value::Id(twin.id)),
                    ("primarycontactid", Value::Null),
                ];
                twin.set(schema, &own);
                Some((twin, Stamp::once(created, EUROPE_PEOPLE[0])))
            }
        }
    }

    /// Two columns as they were before the US changed them, or as Europe has them instead.
    fn other_values(&mut self, draft: &Draft) -> Vec<(&'static str, Value)> {
        let telephone = (
            "telephone1",
            Value::text(&invent::telephone(&mut self.random)),
        );
        if draft.table == self.tables.account {
            vec![
                telephone,
                (
                    "address1_city",
                    Value::text(&invent::city(&mut self.random)),
                ),
            ]
        } else {
            let mail = format!(
                "office{}@people.example",
                self.random.random_range(100..1000)
            );
            vec![telephone, ("emailaddress1", Value::text(&mail))]
        }
    }

    /// Rows that only Europe has: some of its own, some whose original is gone.
    fn europes_own(&mut self, store: &mut Store, accounts: &[Original]) {
        let schema = Arc::clone(store.schema());
        let schema = &schema;
        for (number, name) in
            (1_i64..).zip(["Nordlicht Logistik", "Atelier Rousseau", "Vermeer & Zonen"])
        {
            let own = [
                ("name", Value::text(name)),
                (
                    "accountnumber",
                    Value::text(&format!("EU-{}", 1000 + number)),
                ),
                (
                    "telephone1",
                    Value::text(&invent::telephone(&mut self.random)),
                ),
                (
                    "address1_city",
                    Value::text(&invent::city(&mut self.random)),
                ),
            ];
            let draft = Draft::new(
                schema,
                self.tables.account,
                own_id("local account", number),
                &own,
            );
            let time = self.now - TimeDelta::days(20 * number);
            draft.store(&self.at_europe, store, Stamp::once(time, EUROPE_PEOPLE[1]));
        }
        for (number, name) in (1_i64..).zip(["Pioneer Cable Works", "Old Harbor Freight"]) {
            let own = [
                ("name", Value::text(name)),
                ("accountnumber", Value::text(&format!("GONE{number}"))),
            ];
            let draft = Draft::new(
                schema,
                self.tables.account,
                own_id("orphan account", number),
                &own,
            );
            let time = self.now - TimeDelta::days(90 + number);
            draft.store(&self.at_europe, store, Stamp::once(time, SYNC_CLIENT_ID));
        }
        let parent = accounts
            .iter()
            .find(|account| account.part == Part::InSync)
            .map(|account| account.draft.id);
        let parent = parent.map_or(Value::Null, |id| {
            Value::Lookup(Reference {
                table: self.tables.account,
                id,
            })
        });
        for (kind, count, by) in [
            ("local contact", 3, EUROPE_PEOPLE[0]),
            ("orphan contact", 2, SYNC_CLIENT_ID),
        ] {
            for number in 1..=count {
                let (first, last) = invent::name(&mut self.random);
                let own = [
                    (
                        "emailaddress1",
                        Value::text(&invent::mail(&first, &last, "people.example")),
                    ),
                    ("firstname", Value::text(&first)),
                    ("lastname", Value::text(&last)),
                    ("parentcustomerid", parent.clone()),
                ];
                let draft = Draft::new(schema, self.tables.contact, own_id(kind, number), &own);
                let time = self.now - TimeDelta::days(30 + number);
                draft.store(&self.at_europe, store, Stamp::once(time, by));
            }
        }
    }

    /// The tickets: one or two for each stub, from which it came, and others over customers that are there.
    fn tickets(&mut self, store: &mut Store, accounts: &[Original], contacts: &[Original]) {
        let of = |part: Part| move |original: &&Original| original.part == part;
        let originals = || accounts.iter().chain(contacts);
        let mut customers: Vec<(&Draft, DateTime<Utc>)> = Vec::new();
        for stub in originals().filter(of(Part::Stub)) {
            customers.push((&stub.draft, stub.created + (self.now - stub.created) / 2));
        }
        let troubled = |original: &&Original| matches!(original.part, Part::Stale | Part::Diverged);
        let mut others: Vec<&Original> = originals().filter(troubled).collect();
        let sound: Vec<&Original> = accounts.iter().filter(of(Part::InSync)).collect();
        let more = TICKETS.saturating_sub(others.len());
        others.extend(sound.sample(&mut self.random, more).copied());
        for original in others {
            let time = self.now - TimeDelta::minutes(self.random.random_range(20..60 * 24 * 20));
            customers.push((&original.draft, time));
        }
        for (number, (customer, time)) in (1_i64..).zip(customers) {
            let resolved = self.now - time > TimeDelta::days(6) && self.random.random_bool(0.4);
            let own = [
                ("title", Value::text(invent::ticket(&mut self.random))),
                (
                    "customerid",
                    Value::Lookup(Reference {
                        table: customer.table,
                        id: customer.id,
                    }),
                ),
                ("prioritycode", Value::Int(self.random.random_range(1..=3))),
                (
                    "caseorigincode",
                    Value::Int(self.random.random_range(1..=3)),
                ),
                ("statecode", Value::Int(i64::from(resolved))),
            ];
            let draft = Draft::new(
                store.schema(),
                self.tables.incident,
                own_id("ticket", number),
                &own,
            );
            draft.store(&self.at_europe, store, Stamp::once(time, LOB_CLIENT_ID));
        }
    }
}

/// The id of a row that only Europe has.
fn own_id(kind: &str, number: i64) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{kind}/{number}").as_bytes())
}
