//! A hook that serves, in front of Europe: as its own user, with its own key, registered or not.

use std::time::Duration;

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use tandem::config::{Authentication, Config, HookConfig, HookReference, HookTable};
use tandem::domain::credential::SecretSource;
use tandem::domain::table::{ColumnName, TableName};
use tandem::emulator::{Data, Options, Webhooks};
use tandem::hook::Hook;
use tandem::hook::registration::{Manner, Registration};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::emulated::{Answer, Api, Emulated, plain_client};
use crate::support::lab;

pub const KEY: &str = "k3y & <secret>";
/// The client id of the hook's user, by which faults strike nobody else.
pub const USER: &str = tandem::emulator::SYNC_CLIENT_ID;

pub struct Hooked {
    pub emulated: Emulated,
    pub config: Config,
    pub url: String,
    /// One for all calls: to make one takes longer than a call.
    client: reqwest::Client,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _state: TempDir,
}

/// Both instances, empty, without a plug-in that ensures.
pub async fn emulated() -> Emulated {
    Emulated::with(Options {
        data: Data::Empty,
        plug_in: false,
        webhooks: Webhooks {
            any_port: true,
            ..Webhooks::default()
        },
        ..Options::default()
    })
    .await
}

pub fn name(text: &str) -> ColumnName {
    ColumnName::new(text).unwrap()
}

impl Hooked {
    /// A hook that nobody has registered.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let emulated = emulated().await;
        let state = tempfile::tempdir().unwrap();
        let mut config = lab::config(&emulated.pair, &state.path().join("state"));
        let credential = config.instances[1].agent.clone();
        config.hook = Some(HookConfig {
            link: 0,
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: None,
            url: None,
            probe: None,
            authentication: Authentication::WebhookKey,
            key: SecretSource::Held(SecretString::from(KEY)),
            credential,
            customizer: None,
            tables: vec![HookTable {
                name: TableName::new("incident").unwrap(),
                references: vec![HookReference {
                    column: name("customerid"),
                    stub: vec![
                        (name("name"), name("title")),
                        (name("lastname"), name("title")),
                    ],
                }],
            }],
        });
        change(&mut config);
        Self::on(emulated, config, state).await
    }

    async fn on(emulated: Emulated, mut config: Config, state: TempDir) -> Self {
        let hook = Hook::bind(&config).await.unwrap();
        let url = format!("http://{}/", hook.address().unwrap());
        config.hook.as_mut().unwrap().url = Some(url.parse().unwrap());
        let stop = CancellationToken::new();
        let task = tokio::spawn(hook.serve(stop.clone()));
        Self {
            emulated,
            config,
            url,
            client: plain_client(),
            stop,
            task,
            _state: state,
        }
    }

    /// A hook that is registered with Europe.
    pub async fn registered() -> Self {
        let hooked = Self::start().await;
        hooked.register().await;
        hooked
    }

    pub async fn register(&self) {
        let registration = self.registration().await;
        registration.register(false, Manner::Carry).await.unwrap();
        self.clear_log().await;
    }

    pub async fn registration(&self) -> Registration {
        Registration::open(&self.config).await.unwrap()
    }

    /// Stops serving, as a signal does, and gives up the port.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }

    /// Stops serving, and has another process serve in its place.
    pub async fn restart(&mut self) {
        self.stop().await;
        let hook = Hook::bind(&self.config).await.unwrap();
        self.url = format!("http://{}/", hook.address().unwrap());
        self.stop = CancellationToken::new();
        self.task = tokio::spawn(hook.serve(self.stop.clone()));
    }

    pub fn europe(&self) -> Api<'_> {
        self.emulated.europe()
    }

    pub fn us(&self) -> Api<'_> {
        self.emulated.us()
    }

    /// A ticket of the LOB app.
    pub async fn ticket(&self, set: &str, customer: &str) -> Answer {
        let table = if set == "accounts" {
            "account"
        } else {
            "contact"
        };
        let mut ticket = json!({"title": "Printer on fire"});
        ticket[format!("customerid_{table}@odata.bind")] = json!(format!("/{set}({customer})"));
        self.europe().post("incidents", ticket).await
    }

    pub async fn exists(&self, path: &str) -> bool {
        self.europe().get(path).await.status == 200
    }

    /// What Europe was asked to write into a table, beside tickets.
    pub async fn writes(&self, set: &str) -> Vec<Json> {
        let log = self.europe().log().await;
        let is_write = |entry: &Json| {
            let path = entry["path"].as_str().unwrap();
            entry["method"] != "GET" && path.contains(&format!("/{set}("))
        };
        log.into_iter().filter(is_write).collect()
    }

    pub async fn clear_log(&self) {
        self.europe().control("DELETE", "log", None).await;
    }

    /// Calls the hook itself, with the key.
    pub async fn call(&self, body: impl Into<reqwest::Body>) -> StatusCode {
        let request = self.client.post(with_code(&self.url, KEY));
        request.body(body).send().await.unwrap().status()
    }

    /// Asks as an app does.
    pub async fn ask(&self, body: Json) -> (u16, Json) {
        let url = with_code(&format!("{}ensure", self.url), KEY);
        let request = plain_client().post(url);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
        )
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = plain_client()
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A counter of the hook, by name and outcome.
    pub async fn counted(&self, name: &str, outcome: &str) -> u64 {
        let (_, text) = self.get("metrics").await;
        let start = format!("tandem_hook_{name}_total{{outcome=\"{outcome}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// Waits until the hook says that it is ready.
    pub async fn ready(&self) {
        for _ in 0..500 {
            if self.get("readyz").await.0 == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the hook is never ready: {:?}", self.get("readyz").await);
    }
}

/// An address with a webhook's key.
pub fn with_code(url: &str, key: &str) -> String {
    let mut url: url::Url = url.parse().unwrap();
    url.query_pairs_mut().append_pair("code", key);
    url.into()
}

/// What Dataverse sends when a ticket for this account is created.
pub fn context(customer: &str) -> Json {
    json!({
        "MessageName": "Create", "PrimaryEntityName": "incident", "Stage": 10, "IsInTransaction": false,
        "UserId": "99999999-9999-9999-9999-999999999999",
        "InitiatingUserId": "99999999-9999-9999-9999-999999999999", "SharedVariables": [],
        "InputParameters": [{"key": "Target", "value": {
            "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts", "LogicalName": "incident",
            "Attributes": [
                {"key": "title", "value": "Printer on fire"},
                {"key": "customerid", "value": {"Id": customer, "LogicalName": "account"}},
            ],
        }}],
    })
}

pub fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}
