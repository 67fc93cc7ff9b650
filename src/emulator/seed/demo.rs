//! The demo's start: the companies with their people in the US, a copy of them in Europe, and tickets there.
//!
//! What is out of step between the two is chosen in `mess.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::companies::{self, Company};
use super::draft::{Draft, Stamp};
use super::invent;
use super::mess::{self, Mess, Part};
use super::users::{EUROPE_PEOPLE, US_PEOPLE};
use crate::emulator::instance::Instance;
use crate::emulator::operation::write::money;
use crate::emulator::pipeline::{PLUG_IN_USER, placeholder};
use crate::emulator::schema::Schema;
use crate::emulator::store::Store;
use crate::emulator::value::{Reference, TableId, Value};
use crate::emulator::{LOB_CLIENT_ID, NAMESPACE, SYNC_CLIENT_ID};

/// So many tickets stand in Europe beside those that made the stubs.
const TICKETS: usize = 46;

/// The demo's tables by name.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) account: TableId,
    pub(crate) contact: TableId,
    pub(crate) incident: TableId,
}

/// One row of the US with its history there, and what became of its copy.
pub(crate) struct Original {
    pub(crate) draft: Draft,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
    pub(crate) part: Part,
}

/// Everything that making the demo needs.
struct Maker<'i> {
    us: &'i Instance,
    europe: &'i Instance,
    tables: Tables,
    now: DateTime<Utc>,
    random: StdRng,
}

pub(crate) fn fill(us: &Instance, europe: &Instance, seed: u64) -> Result<(), csv::Error> {
    let companies = companies::read()?;
    let table = |name| us.schema.by_name(name).unwrap_or(TableId(0));
    let tables = Tables {
        account: table("account"),
        contact: table("contact"),
        incident: table("incident"),
    };
    let now = us.clock.now_to_the_second();
    let mut maker = Maker {
        us,
        europe,
        tables,
        now,
        random: StdRng::seed_from_u64(seed),
    };
    let mess = Mess::choose(companies.len(), &mut maker.random);
    let mut accounts = Vec::new();
    let mut contacts = Vec::new();
    for (index, company) in companies.iter().enumerate() {
        maker.company(company, mess.account(index), &mut accounts, &mut contacts);
    }
    maker.fill_us(&accounts, &contacts);
    maker.fill_europe(&accounts, &contacts);
    Ok(())
}

impl Maker<'_> {
    fn schema(&self) -> &Schema {
        &self.us.schema
    }

    fn company(
        &mut self,
        company: &Company,
        part: Part,
        accounts: &mut Vec<Original>,
        contacts: &mut Vec<Original>,
    ) {
        let host = invent::host(&company.name);
        let (city, state) = company.place();
        let people = self.random.random_range(2..=3_usize);
        let person =
            |number: usize| Uuid::new_v5(&company.id(), format!("contact/{number}").as_bytes());
        let employees = self.random.random_range(800..220_000_i64);
        let revenue =
            employees * self.random.random_range(180_000..900_000_i64) / 1_000_000 * 1_000_000;
        let own = [
            ("name", Value::text(&company.name)),
            ("accountnumber", Value::text(&company.ticker)),
            (
                "telephone1",
                Value::text(&invent::telephone(&mut self.random)),
            ),
            ("emailaddress1", Value::text(&format!("info@{host}"))),
            ("websiteurl", Value::text(&format!("https://{host}"))),
            ("address1_city", Value::text(city)),
            ("address1_stateorprovince", Value::text(state)),
            ("numberofemployees", Value::Int(employees)),
            ("revenue", money(revenue)),
            ("customertypecode", Value::Int(3)),
            (
                "description",
                Value::text(&format!(
                    "{}: {}. Founded {}.",
                    company.sector, company.industry, company.founded
                )),
            ),
            (
                "primarycontactid",
                Value::Lookup(Reference {
                    table: self.tables.contact,
                    id: person(0),
                }),
            ),
        ];
        let draft = Draft::new(self.schema(), self.tables.account, company.id(), &own);
        let account = self.original(draft, part);
        let account_created = account.created;
        accounts.push(account);
        for number in 0..people {
            let (first, last) = invent::name(&mut self.random);
            let own = [
                (
                    "emailaddress1",
                    Value::text(&invent::mail(&first, &last, &host)),
                ),
                ("firstname", Value::text(&first)),
                ("lastname", Value::text(&last)),
                ("jobtitle", Value::text(&invent::job(&mut self.random))),
                (
                    "telephone1",
                    Value::text(&invent::telephone(&mut self.random)),
                ),
                ("address1_city", Value::text(city)),
                (
                    "parentcustomerid",
                    Value::Lookup(Reference {
                        table: self.tables.account,
                        id: company.id(),
                    }),
                ),
            ];
            let draft = Draft::new(self.schema(), self.tables.contact, person(number), &own);
            let part = mess::contact(part, contacts.len(), number);
            let mut contact = self.original(draft, part);
            contact.created = contact.created.max(account_created);
            contact.modified = contact.modified.max(contact.created);
            contacts.push(contact);
        }
    }

    /// Gives a row of the US its times: long ago if Europe has it as it is, else since the last sync.
    fn original(&mut self, draft: Draft, part: Part) -> Original {
        let created =
            self.now - TimeDelta::minutes(self.random.random_range(60 * 24 * 30..60 * 24 * 300));
        let age = (self.now - created).num_minutes();
        let modified = created + TimeDelta::minutes(self.random.random_range(0..age - 60 * 24 * 4));
        let recent = self.now - TimeDelta::seconds(self.random.random_range(25..165));
        match part {
            Part::Missing | Part::Stub => Original {
                draft,
                created: recent,
                modified: recent,
                part,
            },
            Part::Stale => Original {
                draft,
                created,
                modified: recent,
                part,
            },
            Part::InSync | Part::Diverged | Part::Duplicate => Original {
                draft,
                created,
                modified,
                part,
            },
        }
    }

    fn fill_us(&mut self, accounts: &[Original], contacts: &[Original]) {
        let mut store = self.us.write();
        for original in accounts.iter().chain(contacts) {
            let by = US_PEOPLE
                .choose(&mut self.random)
                .copied()
                .unwrap_or(US_PEOPLE[0]);
            let stamp = Stamp {
                created: original.created,
                created_by: by,
                modified: original.modified,
                modified_by: by,
            };
            original.draft.clone().store(self.us, &mut store, stamp);
        }
    }

    fn fill_europe(&mut self, accounts: &[Original], contacts: &[Original]) {
        let mut store = self.europe.write();
        for original in accounts.iter().chain(contacts) {
            self.copy(&mut store, original);
        }
        self.europes_own(&mut store, accounts);
        self.tickets(&mut store, accounts, contacts);
    }

    /// Stores what Europe has of a row of the US.
    fn copy(&mut self, store: &mut Store, original: &Original) {
        let europe = self.europe;
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
            Part::Missing => {}
            Part::InSync => draft.store(europe, store, synced),
            Part::Stale => {
                // The copy is of before the change in the US, so it is older than that.
                let changed = self.other_values(&draft);
                draft.set(&europe.schema, &changed);
                let modified = created + (self.now - created) / 2;
                draft.store(europe, store, Stamp { modified, ..synced });
            }
            Part::Diverged => {
                let changed = self.other_values(&draft);
                draft.set(&europe.schema, &changed);
                let modified = self.now - TimeDelta::minutes(self.random.random_range(90..60 * 30));
                let by = EUROPE_PEOPLE
                    .choose(&mut self.random)
                    .copied()
                    .unwrap_or(EUROPE_PEOPLE[0]);
                draft.store(
                    europe,
                    store,
                    Stamp {
                        modified,
                        modified_by: by,
                        ..synced
                    },
                );
            }
            Part::Stub => {
                let name = if draft.table == self.tables.contact {
                    "lastname"
                } else {
                    "name"
                };
                let own = [(name, Value::text(&placeholder(draft.id)))];
                let seen = original.created + (self.now - original.created) / 2;
                let stub = Draft::new(&europe.schema, draft.table, draft.id, &own);
                stub.store(europe, store, Stamp::once(seen, PLUG_IN_USER));
            }
            Part::Duplicate => {
                // Somebody typed the company in by hand, so the number is there under another id.
                let twin = Uuid::new_v5(&NAMESPACE, format!("twin/{}", draft.id).as_bytes());
                let mut twin = draft.under(twin);
                let own = [
                    ("accountid", Value::Id(twin.id)),
                    ("primarycontactid", Value::Null),
                ];
                twin.set(&europe.schema, &own);
                twin.store(europe, store, Stamp::once(created, EUROPE_PEOPLE[0]));
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
        let schema = &self.europe.schema;
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
            draft.store(self.europe, store, Stamp::once(time, EUROPE_PEOPLE[1]));
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
            draft.store(self.europe, store, Stamp::once(time, SYNC_CLIENT_ID));
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
                draft.store(self.europe, store, Stamp::once(time, by));
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
                &self.europe.schema,
                self.tables.incident,
                own_id("ticket", number),
                &own,
            );
            draft.store(self.europe, store, Stamp::once(time, LOB_CLIENT_ID));
        }
    }
}

/// The id of a row that only Europe has.
fn own_id(kind: &str, number: i64) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{kind}/{number}").as_bytes())
}
