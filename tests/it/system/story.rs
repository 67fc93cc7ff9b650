//! One run: what is done to the two instances and asked of the engine, and which faults strike on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value as Json, json};
use tandem::config::Config;
use tandem::domain::breaker::{BreakerStatus, Class, Phase};
use tandem::domain::credential::Credential;
use tandem::domain::lag::Schedule;
use tandem::domain::operation::{RecordKey, TableIndex, Verb};
use tandem::domain::row::RowId;
use tandem::domain::scope::Scope;
use tandem::emulator::{LOB_CLIENT_ID, SYNC_CLIENT_ID};
use tandem::engine::command::{Command, Consent, Target};
use tandem::engine::state::InstanceState;
use tandem::engine::{Options, State};
use uuid::Uuid;

use super::faults;
use super::person::Person;
use super::truth::Book;
use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, options, request};

/// The client id of whoever sits at tandem's console.
const CONSOLE_CLIENT_ID: &str = "tandem-console";
/// What is done in one run.
const STEPS: usize = 36;
/// What stands in the source's `sic` of an account that is not on the link.
pub const OUT: &str = "OUT";
/// How often it is looked whether a run has come to rest.
const LOOKS: usize = 5;

/// A table of the link, as this story knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Account,
    Contact,
}

impl Table {
    pub const ALL: [Self; 2] = [Self::Account, Self::Contact];

    pub fn set(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::Contact => "contacts",
        }
    }

    pub fn id(self) -> &'static str {
        match self {
            Self::Account => "accountid",
            Self::Contact => "contactid",
        }
    }

    /// The columns that the link copies, as a list of rows names them.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Account => &[
                "name",
                "accountnumber",
                "telephone1",
                "emailaddress1",
                "address1_city",
                "_primarycontactid_value",
            ],
            Self::Contact => &[
                "firstname",
                "lastname",
                "emailaddress1",
                "_parentcustomerid_value",
            ],
        }
    }

    /// Columns that people edit: none of those that a stub has.
    fn edited(self) -> &'static [&'static str] {
        match self {
            Self::Account => &["telephone1", "emailaddress1", "address1_city"],
            Self::Contact => &["firstname", "emailaddress1"],
        }
    }
}

/// A record, on whichever side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub table: Table,
    pub id: Uuid,
}

impl Place {
    pub fn path(self) -> String {
        format!("{}({})", self.table.set(), self.id)
    }

    fn key(self) -> RecordKey {
        RecordKey {
            table: TableIndex(self.table as u16),
            id: RowId::new(self.id).unwrap(),
        }
    }
}

/// What is going on.
struct Story {
    chance: StdRng,
    us: Person,
    europe: Person,
    book: Book,
    places: Vec<Place>,
    /// Rows that a lookup of another one may name: they are not deleted.
    named: Vec<Place>,
    /// Rows whose key the target has under another id: no lookup can name them there.
    twins: Vec<Place>,
    /// Accounts that are out of the link's scope.
    out: BTreeSet<Place>,
    made: u32,
}

/// Runs one seed to its end.
pub async fn run(seed: u64) {
    let emulated = Emulated::empty().await;
    let mut story = Story {
        chance: StdRng::seed_from_u64(seed),
        us: Person::of(emulated.us(), LOB_CLIENT_ID).await,
        europe: Person::of(emulated.europe(), LOB_CLIENT_ID).await,
        book: Book::default(),
        places: Vec::new(),
        named: Vec::new(),
        twins: Vec::new(),
        out: BTreeSet::new(),
        made: 0,
    };
    let sync = Person::of(emulated.europe(), SYNC_CLIENT_ID).await;
    story.begin(&sync).await;
    let state = tempfile::tempdir().unwrap();
    let mut lab = Lab::configured(emulated, state, agent(), hurry);
    lab.compared().await;
    for _ in 0..STEPS {
        lab = story.step(lab).await;
        let pause = story.chance.random_range(0..70);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    story.us.disarm().await;
    story.europe.disarm().await;
    for instance in 0..2 {
        let who = "anna".to_owned();
        lab.send(Command::Release { instance, who }).await;
    }
    let state = drained(&mut lab).await;
    for entry in &state.timeline {
        println!("seed {seed}: {} {}", entry.at, entry.text);
    }
    story.book.check(&state, &story.us, &story.europe).await;
    lab.stop().await;
}

/// Waits until nothing is left to do, and a comparison that began after that says so, too.
async fn drained(lab: &mut Lab) -> Arc<State> {
    for _ in 0..LOOKS {
        lab.until("everything is drained", is_drained).await;
        let state = lab.compare_again().await;
        if state.pending(0) == 0 {
            return state;
        }
    }
    panic!("something is pending again and again");
}

/// Nothing is under way, owed or pending, and everything can be reached.
fn is_drained(state: &State) -> bool {
    // With nothing to write, half-open is as far as the breaker of writes comes.
    let is_done = |breaker: &BreakerStatus| {
        let is_half_open = matches!(breaker.phase, Phase::HalfOpen { .. });
        breaker.is_closed() || breaker.class == Class::Write && is_half_open
    };
    let is_open = |instance: &InstanceState| !instance.breakers.iter().all(is_done);
    let mut tables = state.tables.iter();
    state.operations.iter().all(|one| one.is_finished())
        && state.unknown_outcomes() == 0
        && !state.links[0].sync.is_running()
        && !state.instances.iter().any(is_open)
        && state.pending(0) == 0
        && tables.all(|table| table.failure.is_none())
}

fn agent() -> Options {
    Options {
        is_agent: true,
        is_unattended: true,
        first_sync: Duration::from_millis(500),
        ..options()
    }
}

/// Waits in milliseconds, and a user of its own for the console.
fn hurry(config: &mut Config) {
    let ms = Duration::from_millis;
    for instance in &mut config.instances {
        let mut console = instance.agent.clone().unwrap();
        if let Credential::ClientSecret { client_id, .. } = &mut console {
            CONSOLE_CLIENT_ID.clone_into(client_id);
        }
        instance.credential = console;
    }
    let scope = format!("not (sic eq '{OUT}')");
    config.links[0].tables[0].scope = Some(Scope::parse(&scope).unwrap());
    config.links[0].schedule = Schedule {
        cadence: ms(1500),
        grace: ms(1000),
        settle: ms(1000),
    };
    let policy = &mut config.policy;
    policy.probe = ms(200);
    policy.compare = ms(700);
    policy.connect_timeout = ms(1000);
    policy.read_timeout = ms(3000);
    policy.write_timeout = ms(3000);
    policy.idle_timeout = ms(1000);
    policy.retry.base = ms(5);
    policy.retry.cap = ms(50);
    policy.retry.refused = ms(400);
    for breaker in [
        &mut policy.read_breaker,
        &mut policy.write_breaker,
        &mut policy.auth_breaker,
    ] {
        breaker.wait_base = ms(100);
        breaker.wait_cap = ms(300);
        breaker.probe_lease = ms(2000);
    }
}

impl Story {
    /// Rows that are in step, missing, stubs and stale.
    async fn begin(&mut self, sync: &Person) {
        for table in Table::ALL {
            for kind in 0..8 {
                let (place, whole) = self.source_row(table).await;
                let mut copy = whole.clone();
                let columns = copy.as_object_mut().unwrap();
                match kind {
                    0 | 1 => continue,
                    2 | 3 => {
                        for column in table.edited() {
                            columns.remove(*column);
                        }
                    }
                    4 => {
                        columns.insert("emailaddress1".to_owned(), json!("old@example.com"));
                    }
                    _ => {}
                }
                columns.retain(|name, _| !name.contains('@'));
                assert!(sync.create(table, &copy).await, "{place:?}");
            }
        }
    }

    /// A new row of the source, some of them with a lookup to another.
    async fn source_row(&mut self, table: Table) -> (Place, Json) {
        let id = Uuid::from_u128(self.chance.random());
        let place = Place { table, id };
        let mut body = self.values(place);
        let others = self.places.iter().filter(|other| other.table != table);
        let others: Vec<Place> = others.copied().collect();
        if let Some(other) = others.choose(&mut self.chance).copied()
            && self.chance.random_bool(0.4)
            && !self.book.is_deleted(other)
            && !self.twins.contains(&other)
            && !self.out.contains(&other)
        {
            let lookup = match table {
                Table::Account => "primarycontactid@odata.bind",
                Table::Contact => "parentcustomerid_account@odata.bind",
            };
            body[lookup] = json!(format!("/{}", other.path()));
            self.named.push(other);
        }
        assert!(self.us.create(table, &body).await);
        self.places.push(place);
        (place, body)
    }

    fn values(&mut self, place: Place) -> Json {
        self.made += 1;
        let number = self.made;
        let mut values = Map::new();
        values.insert(place.table.id().to_owned(), json!(place.id));
        match place.table {
            Table::Account => {
                values.insert("name".to_owned(), json!(format!("Company {number}")));
                values.insert("accountnumber".to_owned(), json!(format!("N{number}")));
            }
            Table::Contact => {
                values.insert("lastname".to_owned(), json!(format!("Person {number}")));
            }
        }
        for column in place.table.edited() {
            values.insert((*column).to_owned(), self.value(column));
        }
        Json::Object(values)
    }

    /// A value that nobody has written before.
    fn value(&mut self, column: &str) -> Json {
        self.made += 1;
        match column {
            "emailaddress1" => json!(format!("v{}@example.com", self.made)),
            _ => json!(format!("v{}", self.made)),
        }
    }

    fn place(&mut self) -> Place {
        *self.places.choose(&mut self.chance).unwrap()
    }

    async fn step(&mut self, lab: Lab) -> Lab {
        match self.chance.random_range(0..100) {
            0..20 => self.edit_source().await,
            20..27 => {
                let table = *Table::ALL.choose(&mut self.chance).unwrap();
                self.source_row(table).await;
            }
            27..29 => self.come_and_go().await,
            29..38 => self.edit_target().await,
            38..41 => self.delete_in_target().await,
            41..44 => self.delete_in_source().await,
            44..47 => self.move_scope().await,
            47..49 => self.target_row().await,
            49..72 => self.strike().await,
            72..90 => self.repair(&lab).await,
            90..95 => {
                let request = request(Verb::Sync);
                let consent = Consent::Named { may_wait: true };
                lab.send(Command::StartSync { request, consent }).await;
            }
            95..98 => self.stop_one(&lab).await,
            _ => return lab.restart_configured(agent(), hurry).await,
        }
        lab
    }

    async fn edit_source(&mut self) {
        let place = self.place();
        let column = *place.table.edited().choose(&mut self.chance).unwrap();
        let value = if self.chance.random_bool(0.1) {
            Json::Null
        } else {
            self.value(column)
        };
        self.us.edit(place, &json!({column: value})).await;
    }

    async fn edit_target(&mut self) {
        let place = self.place();
        if self.chance.random_bool(0.2) {
            // Not the link's business.
            let note = json!({"description": "seen"});
            self.europe.edit(place, &note).await;
            return;
        }
        let column = *place.table.edited().choose(&mut self.chance).unwrap();
        let value = self.value(column);
        if self.europe.edit(place, &json!({column: value})).await {
            self.book.edited_in_target(place, column, value);
        }
    }

    async fn delete_in_target(&mut self) {
        let place = self.place();
        let is_kept = self.named.contains(&place) || self.twins.contains(&place);
        if !is_kept && self.europe.delete(place).await {
            self.book.deleted_in_target(place);
        }
    }

    async fn delete_in_source(&mut self) {
        let place = self.place();
        let is_kept = self.named.contains(&place) || self.twins.contains(&place);
        if !is_kept && self.us.delete(place).await {
            self.book.deleted_in_source(place);
        }
    }

    /// A row that is gone again soon, on either side or both.
    async fn come_and_go(&mut self) {
        let table = *Table::ALL.choose(&mut self.chance).unwrap();
        let id = Uuid::from_u128(self.chance.random());
        let place = Place { table, id };
        let body = self.values(place);
        let sides = self.chance.random_range(1..4);
        let pause = Duration::from_millis(self.chance.random_range(0..60));
        let (is_in_source, is_in_target) = (sides & 1 > 0, sides & 2 > 0);
        if is_in_source {
            assert!(self.us.create(table, &body).await);
        }
        if is_in_target {
            // The sync may have been quicker.
            self.europe.create(table, &body).await;
        }
        tokio::time::sleep(pause).await;
        if is_in_source && self.us.delete(place).await {
            self.book.deleted_in_source(place);
        }
        if is_in_target && self.europe.delete(place).await {
            self.book.deleted_in_target(place);
        }
    }

    /// An account leaves the link, or comes back to it.
    async fn move_scope(&mut self) {
        let place = self.place();
        let is_kept = self.named.contains(&place) || self.twins.contains(&place);
        if place.table != Table::Account || is_kept {
            return;
        }
        let is_out = !self.out.remove(&place);
        let sic = if is_out { json!(OUT) } else { Json::Null };
        if is_out {
            self.out.insert(place);
        }
        self.us.edit(place, &json!({"sic": sic})).await;
    }

    /// A row of the target's own; at times one with a key that the source has under another id.
    async fn target_row(&mut self) {
        let table = *Table::ALL.choose(&mut self.chance).unwrap();
        let id = Uuid::from_u128(self.chance.random());
        let mut body = self.values(Place { table, id });
        if table == Table::Account && self.chance.random_bool(0.5) {
            let (other, theirs) = {
                let (place, body) = self.source_row(Table::Account).await;
                (place, body["accountnumber"].clone())
            };
            body["accountnumber"] = theirs;
            if self.europe.create(table, &body).await {
                self.twins.push(other);
            }
            return;
        }
        assert!(self.europe.create(table, &body).await);
    }

    async fn strike(&mut self) {
        let client = *[CONSOLE_CLIENT_ID, SYNC_CLIENT_ID]
            .choose(&mut self.chance)
            .unwrap();
        let fault = faults::draw(&mut self.chance, client);
        let at = if self.chance.random_bool(0.7) {
            &self.europe
        } else {
            &self.us
        };
        at.arm(&fault).await;
    }

    async fn repair(&mut self, lab: &Lab) {
        let verb = *[Verb::Ensure, Verb::Rehydrate, Verb::Sync]
            .choose(&mut self.chance)
            .unwrap();
        let count = self.chance.random_range(1..8);
        let records = self.places.sample(&mut self.chance, count);
        let records = records.map(|place| Target::Record(place.key())).collect();
        let may_wait = self.chance.random_bool(0.5);
        lab.send(Command::Repair {
            request: request(verb),
            records,
            consent: Consent::Named { may_wait },
        })
        .await;
    }

    /// An order that sends nothing more to an instance for a moment.
    async fn stop_one(&mut self, lab: &Lab) {
        let instance = self.chance.random_range(0..2);
        let who = "anna".to_owned();
        lab.send(Command::ForceOpen {
            instance,
            who: who.clone(),
            reason: "INC-2".to_owned(),
            until: None,
        })
        .await;
        let pause = self.chance.random_range(20..300);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        lab.send(Command::Release { instance, who }).await;
    }
}
