//! Two emulated instances with an engine on top, driven as a frontend drives it: commands in, snapshots out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value as Json;
use tandem::config::{
    AgentConfig, Config, InstanceConfig, LinkConfig, Policy, Safety, SyncConfig, TableConfig,
};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::drift::Drift;
use tandem::domain::instance::{Endpoint, InstanceName};
use tandem::domain::lag::Schedule;
use tandem::domain::operation::{OperationId, RecordKey, Request, Verb};
use tandem::domain::row::Placeholder;
use tandem::domain::table::{ColumnName, TableName};
use tandem::emulator::Pair;
use tandem::engine::command::{Command, Consent, Target};
use tandem::engine::records::Record;
use tandem::engine::state::OperationState;
use tandem::engine::{Depth, Engine, Options, Running, State};
use tempfile::TempDir;

use super::emulated::Emulated;

/// Nothing that is waited for in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Lab {
    pub emulated: Emulated,
    pub engine: Engine,
    running: Running,
    state: TempDir,
}

/// A configuration of the demo's link with waits in milliseconds.
pub fn config(pair: &Pair, state: &Path) -> Config {
    let secret = || SecretSource::Held(SecretString::from(pair.token()));
    let instance = |name: &str, url: &str| InstanceConfig {
        name: InstanceName::new(name).unwrap(),
        endpoint: Endpoint::new(url).unwrap(),
        band: format!("{} TEST", name.to_uppercase()),
        credential: Credential::Token(secret()),
        agent: Some(Credential::ClientSecret {
            authority: url.parse().unwrap(),
            tenant: "test".to_owned(),
            client_id: tandem::emulator::SYNC_CLIENT_ID.to_owned(),
            secret: secret(),
        }),
        impersonates: None,
        // Tests change the source as tandem's own user.
        may_write: true,
        policy: None,
    };
    let column = |name: &&str| ColumnName::new(name).unwrap();
    let table = |name: &str, keys: &[&str], stub: &[&str], columns: &[&str]| {
        TableConfig::new(
            TableName::new(name).unwrap(),
            keys.iter().map(column).collect(),
            stub.iter().map(column).collect(),
            columns.iter().map(column).collect(),
        )
    };
    let mut policy = Policy {
        probe: Duration::from_millis(100),
        compare: Duration::from_secs(60),
        ..Policy::default()
    };
    for breaker in [
        &mut policy.read_breaker,
        &mut policy.write_breaker,
        &mut policy.auth_breaker,
    ] {
        breaker.wait_base = Duration::from_millis(200);
        breaker.wait_cap = Duration::from_millis(500);
    }
    policy.retry.base = Duration::from_millis(20);
    Config {
        instances: vec![
            instance("us", pair.us_url()),
            instance("europe", pair.europe_url()),
        ],
        links: vec![LinkConfig {
            name: "us-europe".to_owned(),
            source: 0,
            target: 1,
            schedule: Schedule {
                cadence: Duration::from_secs(180),
                grace: Duration::from_secs(30),
                settle: Duration::from_secs(5),
            },
            sync: SyncConfig::BuiltIn,
            placeholder: Placeholder::new("Awaiting sync {key}"),
            sync_users: Vec::new(),
            tables: vec![
                table(
                    "account",
                    &["accountnumber"],
                    &["name"],
                    &[
                        "name",
                        "accountnumber",
                        "telephone1",
                        "emailaddress1",
                        "address1_city",
                        "websiteurl",
                        "numberofemployees",
                        "primarycontactid",
                    ],
                ),
                table(
                    "contact",
                    &[],
                    &["lastname"],
                    &["firstname", "lastname", "emailaddress1", "parentcustomerid"],
                ),
            ],
        }],
        network: tandem::domain::network::Network::default(),
        policy,
        safety: Safety::default(),
        hook: None,
        support: Vec::new(),
        agent: AgentConfig::default(),
        alerts: Vec::new(),
        expiries: Vec::new(),
        keys: tandem::config::Keys::default(),
        state: tandem::domain::state_folder::StateFolder::own(state.to_owned()),
        keep: None,
    }
}

pub fn options() -> Options {
    Options {
        who: "anna".to_owned(),
        host: "ops1".to_owned(),
        is_agent: false,
        is_unattended: false,
        operator: tandem::domain::operator::Operator::OnCall,
        follows: false,
        first_sync: Duration::from_secs(60),
        read_only: false,
        compares: true,
        depth: Depth::Changes,
    }
}

impl Lab {
    /// The demo's companies, with nothing going on but what a test does.
    pub async fn demo() -> Self {
        Self::on(
            Emulated::demo().await,
            tempfile::tempdir().unwrap(),
            options(),
        )
    }

    pub fn on(emulated: Emulated, state: TempDir, options: Options) -> Self {
        Self::configured(emulated, state, options, |_| ())
    }

    /// With a configuration that a test changes first.
    pub fn configured(
        emulated: Emulated,
        state: TempDir,
        options: Options,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = config(&emulated.pair, &state.path().join("state"));
        change(&mut config);
        let (engine, running) = tandem::engine::start(config, options).unwrap();
        Self {
            emulated,
            engine,
            running,
            state,
        }
    }

    /// Stops the engine and starts another on the same journal.
    pub async fn restart(self) -> Self {
        self.restart_with(options()).await
    }

    pub async fn restart_with(self, options: Options) -> Self {
        self.running.stop().await;
        Self::on(self.emulated, self.state, options)
    }

    pub fn state_folder(&self) -> std::path::PathBuf {
        self.state.path().join("state")
    }

    /// Stops the engine; the instances go on.
    pub async fn stop_only_the_engine(self) -> Emulated {
        self.running.stop().await;
        self.emulated
    }

    /// Stops the engine; the instances go on, and its folder is kept.
    pub async fn stop_and_keep(self) -> (Emulated, TempDir) {
        self.running.stop().await;
        (self.emulated, self.state)
    }

    /// The same with a configuration that a test changes first.
    pub async fn restart_configured(
        self,
        options: Options,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        self.running.stop().await;
        Self::configured(self.emulated, self.state, options, change)
    }

    pub async fn stop(self) {
        self.running.stop().await;
        self.emulated.pair.shutdown().await;
    }

    /// Waits for a state; a test that waits in vain says for what.
    pub async fn until(&mut self, what: &str, mut is_so: impl FnMut(&State) -> bool) -> Arc<State> {
        let waited = self.engine.states.wait_for(|state| is_so(state));
        if let Ok(state) = tokio::time::timeout(PATIENCE, waited).await {
            return Arc::clone(&state.unwrap());
        }
        let state = self.engine.states.borrow().clone();
        panic!(
            "waited in vain until {what}; health {:?}, notices {:?}, tables {:?}, open {:#?}, timeline {:#?}",
            state
                .instances
                .iter()
                .map(|i| (i.health, &i.last_error, &i.gate, &i.breakers))
                .collect::<Vec<_>>(),
            state.notices,
            state
                .tables
                .iter()
                .map(|t| (&t.counts, &t.failure))
                .collect::<Vec<_>>(),
            state
                .operations
                .iter()
                .filter(|one| !one.is_finished() || one.progress.unknown > 0)
                .collect::<Vec<_>>(),
            state
                .timeline
                .iter()
                .map(|entry| &entry.text)
                .collect::<Vec<_>>(),
        )
    }

    pub async fn compared(&mut self) -> Arc<State> {
        self.until("all tables are compared", |state| {
            state.tables.iter().all(|table| table.compared.is_some())
        })
        .await
    }

    /// Compares anew, and gives the state after it.
    pub async fn compare_again(&mut self) -> Arc<State> {
        let before = self
            .engine
            .states
            .borrow()
            .tables
            .iter()
            .map(|table| table.compared)
            .collect::<Vec<_>>();
        self.send(Command::Compare).await;
        self.until("all tables are compared again", |state| {
            state
                .tables
                .iter()
                .zip(&before)
                .all(|(table, before)| table.compared != *before && table.comparing.is_none())
        })
        .await
    }

    pub async fn send(&self, command: Command) {
        self.engine.commands.send(command).await.unwrap();
    }

    /// Sends a repair of these records; the id to look for it by.
    pub async fn begin(&self, verb: Verb, records: &[RecordKey]) -> OperationId {
        let request = request(verb);
        let id = request.id;
        let records = records.iter().copied().map(Target::Record).collect();
        self.send(Command::Repair {
            request,
            records,
            consent: Consent::Named { may_wait: true },
        })
        .await;
        id
    }

    /// Repairs records and waits for the end.
    pub async fn repair(&mut self, verb: Verb, records: &[RecordKey]) -> Arc<OperationState> {
        let id = self.begin(verb, records).await;
        self.finished(id).await
    }

    pub async fn finished(&mut self, id: OperationId) -> Arc<OperationState> {
        let is_over = |state: &State| {
            state
                .operation(id)
                .is_some_and(|operation| operation.is_finished())
        };
        let state = self.until("the operation is finished", is_over).await;
        Arc::clone(state.operation(id).unwrap())
    }

    /// The requests that Europe received, without the reads, since the log was last cleared.
    pub async fn writes(&self) -> Vec<Json> {
        let log = self.emulated.europe().log().await;
        let writes = log.iter().enumerate().filter(|(place, request)| {
            // A batch of nothing but reads is a read.
            let parts = log[*place..].iter().filter(|part| part["is_part"] == true);
            let is_of_reads = request["path"].as_str().unwrap().ends_with("/$batch")
                && parts.clone().next().is_some()
                && parts.into_iter().all(|part| part["method"] == "GET");
            request["method"] != "GET" && is_web_api(request) && !is_of_reads
        });
        writes.map(|(_, request)| request.clone()).collect()
    }

    pub async fn clear_log(&self) {
        self.emulated.europe().control("DELETE", "log", None).await;
        self.emulated.us().control("DELETE", "log", None).await;
    }
}

fn is_web_api(request: &Json) -> bool {
    request["path"]
        .as_str()
        .is_some_and(|path| path.starts_with("/api/data/"))
}

pub fn request(verb: Verb) -> Request {
    Request {
        id: OperationId::new(),
        verb,
        link: "us-europe".to_owned(),
        reason: "INC-1".to_owned(),
        choices: Vec::new(),
        retries: None,
        at_most: None,
        ticket: String::new(),
        who: "anna".to_owned(),
        asked: chrono::Utc::now(),
    }
}

/// The records of one table in one drift.
pub fn in_drift(state: &State, table: &str, drift: Drift) -> Vec<Record> {
    let records = state.records.iter().map(|(_, record)| record);
    let records = records.filter(|record| record.drift == drift);
    records
        .filter(|record| state.table(record.key.table).unwrap().name.as_str() == table)
        .cloned()
        .collect()
}

pub fn keys(records: &[Record]) -> Vec<RecordKey> {
    records.iter().map(|record| record.key).collect()
}
