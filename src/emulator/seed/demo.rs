//! The demo's start: the companies with their people in the US, a copy of them in Europe, and tickets there.
//!
//! What is out of step between the two is chosen in `mess.rs`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::companies::{self, Company};
use super::draft::{Draft, Home, Stamp};
use super::invent;
use super::mess::{self, Mess, Part};
use super::users::US_PEOPLE;
use crate::emulator::instance::Instance;
use crate::emulator::schema::Schema;
use crate::emulator::value::{Reference, TableId, Value};

/// The demo's tables by name.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) account: TableId,
    pub(crate) contact: TableId,
    pub(crate) incident: TableId,
}

impl Tables {
    pub(super) fn of(schema: &Schema) -> Tables {
        let table = |name| schema.by_name(name).unwrap_or(TableId(0));
        Tables {
            account: table("account"),
            contact: table("contact"),
            incident: table("incident"),
        }
    }
}

/// One row of the US with its history there, and what became of its copy.
pub(crate) struct Original {
    pub(crate) draft: Draft,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) part: Part,
}

/// Everything that making the demo needs.
pub(super) struct Maker<'i> {
    pub(super) us: &'i Instance,
    pub(super) europe: &'i Instance,
    pub(super) at_us: Home,
    pub(super) at_europe: Home,
    pub(super) tables: Tables,
    pub(super) now: DateTime<Utc>,
    pub(super) random: StdRng,
}

pub(crate) fn fill(us: &Instance, europe: &Instance, seed: u64) -> Result<(), csv::Error> {
    let companies = companies::read()?;
    let tables = Tables::of(&us.schema());
    let now = us.clock.now_to_the_second();
    let mut maker = Maker {
        us,
        europe,
        at_us: Home::of(us),
        at_europe: Home::of(europe),
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
    fn schema(&self) -> Arc<Schema> {
        self.us.schema()
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
        let people = match part {
            // Its people could never come over, and no sync would ever end well: the two rows must be merged first.
            Part::Duplicate => 0,
            _ => self.random.random_range(2..=3_usize),
        };
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
            ("revenue", Value::money(revenue)),
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
                match people {
                    0 => Value::Null,
                    _ => Value::Lookup(Reference {
                        table: self.tables.contact,
                        id: person(0),
                    }),
                },
            ),
        ];
        let draft = Draft::new(&self.schema(), self.tables.account, company.id(), &own);
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
            let draft = Draft::new(&self.schema(), self.tables.contact, person(number), &own);
            let part = mess::contact(part, contacts.len(), number);
            let mut contact = self.original(draft, part);
            contact.created = contact.created.max(account_created);
            contact.modified = contact.modified.max(contact.created);
            contacts.push(contact);
        }
    }

    /// Gives a row of the US its times: long ago if Europe has it as it is, else since the last sync.
    pub(super) fn original(&mut self, draft: Draft, part: Part) -> Original {
        let created =
            self.now - TimeDelta::minutes(self.random.random_range(60 * 24 * 30..60 * 24 * 300));
        let age = (self.now - created).num_minutes();
        let modified = created + TimeDelta::minutes(self.random.random_range(0..age - 60 * 24 * 4));
        let recent = self.now - TimeDelta::seconds(self.random.random_range(20..120));
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
            original.draft.clone().store(&self.at_us, &mut store, stamp);
        }
    }
}
