//! Generated rows by the million: accounts and half as many contacts in the US, their copies and a tenth of tickets in
//! Europe.
//!
//! Every row follows from the seed and its number alone, so that each instance makes its own on a thread of its own and
//! nobody holds all of them twice.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::thread;

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::demo::{Maker, Original, Tables};
use super::draft::{Draft, Home, Stamp};
use super::invent;
use super::mess::Part;
use super::users::US_PEOPLE;
use crate::emulator::instance::Instance;
use crate::emulator::row::share;
use crate::emulator::schema::Schema;
use crate::emulator::value::{Reference, SqlGuid, Value};
use crate::emulator::{LOB_CLIENT_ID, SYNC_CLIENT_ID};

/// The ways to be out of step, equally often.
const ACCOUNT_PARTS: [Part; 5] = [
    Part::Missing,
    Part::Stub,
    Part::Stale,
    Part::Diverged,
    Part::Duplicate,
];
/// A contact has no number on which a twin could stand.
const CONTACT_PARTS: [Part; 4] = [Part::Missing, Part::Stub, Part::Stale, Part::Diverged];

/// A row of Europe, with its number if it is a ticket.
type Fresh = (Draft, Stamp<'static>, Option<u32>);

fn unnumbered((draft, stamp): (Draft, Stamp<'static>)) -> Fresh {
    (draft, stamp, None)
}

/// How many rows there are to be, and how many of them out of step.
#[derive(Clone, Copy)]
struct Crowd {
    records: u32,
    drift: f64,
    seed: u64,
}

/// Fills both instances at once.
pub(super) fn fill(us: &Instance, europe: &Instance, records: u32, drift: f64, seed: u64) {
    let crowd = Crowd {
        records,
        drift: drift.clamp(0.0, 1.0),
        seed,
    };
    let now = us.clock.now_to_the_second();
    let schema = us.schema();
    share_users(us, &schema);
    share_users(europe, &schema);
    let maker = || Maker {
        us,
        europe,
        at_us: Home::of(us),
        at_europe: Home::of(europe),
        tables: Tables::of(&schema),
        now,
        random: StdRng::seed_from_u64(seed),
    };
    // Both are made first: a maker looks at both instances, each of which is then locked until it is full.
    let (mut for_us, mut for_europe) = (maker(), maker());
    thread::scope(|scope| {
        scope.spawn(|| crowd.fill_us(&mut for_us));
        crowd.fill_europe(&mut for_europe);
    });
}

/// What every generated row names is kept once and not in every row.
fn share_users(instance: &Instance, schema: &Schema) {
    let store = instance.read();
    for table in ["systemuser", "businessunit", "transactioncurrency"] {
        let Some(table) = schema.by_name(table) else {
            continue;
        };
        for row in store.after(table, None) {
            share(Reference {
                table,
                id: row.id(),
            });
        }
    }
}

impl Crowd {
    fn contacts(self) -> u32 {
        self.records / 2
    }

    /// Rows of Europe whose original is gone: another way to be out of step, as often as the others.
    fn orphans(self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of at most one of a u32 is one"
        )]
        let orphans = (f64::from(self.records) * self.drift / 6.0).round() as u32;
        orphans
    }

    fn fill_us(self, maker: &mut Maker) {
        let (instance, tables, home) = (maker.us, maker.tables, Home::of(maker.us));
        let schema = Arc::clone(&home.schema);
        let finished = |original: Original| {
            let first = usize::from(original.draft.id.as_bytes()[0]);
            let by = US_PEOPLE[first % US_PEOPLE.len()];
            let stamp = Stamp {
                created: original.created,
                created_by: by,
                modified: original.modified,
                modified_by: by,
            };
            let id = original.draft.id;
            (id, original.draft.finished(&home, stamp, None))
        };
        let numbers = self.in_order("account id", self.records);
        let accounts = numbers.map(|number| self.account(maker, &schema, number));
        let mut store = instance.write();
        store.load(tables.account, accounts.map(finished));
        let numbers = self.in_order("contact id", self.contacts());
        let contacts = numbers.map(|number| self.contact(maker, &schema, number));
        store.load(tables.contact, contacts.map(finished));
    }

    fn fill_europe(self, maker: &mut Maker) {
        let (instance, tables, home) = (maker.europe, maker.tables, Home::of(maker.europe));
        let schema = Arc::clone(&home.schema);
        let finished = |(draft, stamp, number): Fresh| {
            let id = draft.id;
            (id, draft.finished(&home, stamp, number))
        };
        let mut store = instance.write();
        let orphans = self.records..self.records.saturating_add(self.orphans());
        let numbers = self.in_order("account id", self.records).chain(orphans);
        let accounts = numbers.filter_map(|number| {
            if let Some(orphan) = number.checked_sub(self.records) {
                return Some(self.orphan(maker, &schema, orphan));
            }
            let original = self.account(maker, &schema, number);
            maker.copy(&original).map(unnumbered)
        });
        store.load(tables.account, accounts.map(finished));
        let numbers = self.in_order("contact id", self.contacts());
        let contacts = numbers.filter_map(|number| {
            let original = self.contact(maker, &schema, number);
            maker.copy(&original).map(unnumbered)
        });
        store.load(tables.contact, contacts.map(finished));
        let tickets =
            (0..self.records / 10).filter_map(|number| self.ticket(maker, &schema, number));
        store.load(tables.incident, tickets.map(finished));
    }

    /// The id of a row, as random as a GUID is.
    fn id(self, kind: &str, number: u32) -> Uuid {
        let mut halves = [0; 16];
        for (place, half) in halves.chunks_exact_mut(8).zip(0_u8..) {
            let mut hasher = DefaultHasher::new();
            (self.seed, kind, number, half).hash(&mut hasher);
            place.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        uuid::Builder::from_random_bytes(halves).into_uuid()
    }

    /// The numbers of so many rows in the order of their ids: what is made one after the other lies beside each other in
    /// memory, and is listed in this order.
    fn in_order(self, kind: &str, count: u32) -> impl Iterator<Item = u32> {
        let id = |number| (SqlGuid::from(self.id(kind, number)), number);
        let mut numbers: Vec<(SqlGuid, u32)> = (0..count).map(id).collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|(_, number)| number)
    }

    /// The chance of one row.
    fn random(self, kind: &str, number: u32) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.seed, kind, number).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }

    /// What became of a row's copy.
    fn part(self, random: &mut StdRng, parts: &[Part]) -> Part {
        if random.random_bool(self.drift) {
            parts.choose(random).copied().unwrap_or(Part::InSync)
        } else {
            Part::InSync
        }
    }

    fn account_part(self, number: u32) -> Part {
        self.part(&mut self.random("account part", number), &ACCOUNT_PARTS)
    }

    /// Every second account has a contact, its primary one.
    fn account(self, maker: &mut Maker, schema: &Arc<Schema>, number: u32) -> Original {
        maker.random = self.random("account", number);
        let random = &mut maker.random;
        let name = invent::company(random);
        let host = invent::host(&name);
        let primary = number.is_multiple_of(2) && number / 2 < self.contacts();
        let primary = primary.then(|| Reference {
            table: maker.tables.contact,
            id: self.id("contact id", number / 2),
        });
        let own = [
            ("name", Value::text(&name)),
            ("accountnumber", Value::text(&format!("A{number:08}"))),
            ("telephone1", Value::text(&invent::telephone(random))),
            ("emailaddress1", Value::text(&format!("info@{host}"))),
            ("websiteurl", Value::text(&format!("https://{host}"))),
            ("address1_city", Value::text(&invent::city(random))),
            (
                "numberofemployees",
                Value::Int(random.random_range(5..90_000)),
            ),
            (
                "revenue",
                Value::money(random.random_range(1..5_000) * 100_000),
            ),
            ("customertypecode", Value::Int(3)),
            (
                "primarycontactid",
                primary.map_or(Value::Null, Value::Lookup),
            ),
        ];
        let id = self.id("account id", number);
        let draft = Draft::new(schema, maker.tables.account, id, &own);
        maker.original(draft, self.account_part(number))
    }

    /// A contact of every second account; where that did not come over, neither did the contact.
    fn contact(self, maker: &mut Maker, schema: &Arc<Schema>, number: u32) -> Original {
        maker.random = self.random("contact", number);
        let random = &mut maker.random;
        let (first, last) = invent::name(random);
        let parent = Reference {
            table: maker.tables.account,
            id: self.id("account id", number.saturating_mul(2)),
        };
        let own = [
            (
                "emailaddress1",
                Value::text(&invent::mail(&first, &last, "people.example")),
            ),
            ("firstname", Value::text(&first)),
            ("lastname", Value::text(&last)),
            ("jobtitle", Value::text(&invent::job(random))),
            ("telephone1", Value::text(&invent::telephone(random))),
            ("address1_city", Value::text(&invent::city(random))),
            ("parentcustomerid", Value::Lookup(parent)),
        ];
        let part = match self.account_part(number.saturating_mul(2)) {
            Part::Missing | Part::Stub | Part::Duplicate => Part::Missing,
            _ => self.part(random, &CONTACT_PARTS),
        };
        let id = self.id("contact id", number);
        let draft = Draft::new(schema, maker.tables.contact, id, &own);
        maker.original(draft, part)
    }

    fn orphan(self, maker: &mut Maker, schema: &Arc<Schema>, number: u32) -> Fresh {
        maker.random = self.random("orphan", number);
        let own = [
            ("name", Value::text(&invent::company(&mut maker.random))),
            ("accountnumber", Value::text(&format!("GONE{number:08}"))),
        ];
        let id = self.id("orphan id", number);
        let draft = Draft::new(schema, maker.tables.account, id, &own);
        let time = maker.now - TimeDelta::days(maker.random.random_range(30..300));
        (draft, Stamp::once(time, SYNC_CLIENT_ID), None)
    }

    /// A ticket of every tenth account that Europe has, if only as a stub.
    fn ticket(self, maker: &mut Maker, schema: &Arc<Schema>, number: u32) -> Option<Fresh> {
        let customer = number.saturating_mul(10);
        if matches!(self.account_part(customer), Part::Missing | Part::Duplicate) {
            return None;
        }
        maker.random = self.random("ticket", number);
        let random = &mut maker.random;
        let customer = Reference {
            table: maker.tables.account,
            id: self.id("account id", customer),
        };
        let own = [
            ("title", Value::text(invent::ticket(random))),
            ("customerid", Value::Lookup(customer)),
            ("prioritycode", Value::Int(random.random_range(1..=3))),
            ("caseorigincode", Value::Int(random.random_range(1..=3))),
        ];
        let id = self.id("ticket id", number);
        let draft = Draft::new(schema, maker.tables.incident, id, &own);
        let time = maker.now - TimeDelta::minutes(random.random_range(20..60 * 24 * 20));
        let stamp = Stamp::once(time, LOB_CLIENT_ID);
        Some((draft, stamp, Some(10_000 + number)))
    }
}
