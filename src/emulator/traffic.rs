//! The business that goes on while a scenario plays: new rows and edits in the US, tickets in Europe, over real HTTP.
//!
//! Retries nothing and waits for nothing: what fails is lost, as with the app that it stands for, and shows in the log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{self, Unanswered};
use super::instance::{Instance, lock};
use super::scenario::Scenario;
use super::seed::invent;
use super::seed::users::{EUROPE_PEOPLE, US_PEOPLE};
use super::token::Bearer;
use super::{LOB_CLIENT_ID, user_id};

/// So many of the accounts that were made last count as fresh.
const FRESH: usize = 12;

/// What goes wrong with one request; the request is then given up.
#[derive(Debug, Error)]
enum Lost {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("refused with {0}")]
    Refused(http::StatusCode),
    #[error("read the answer")]
    Answer(#[from] serde_json::Error),
}

/// What the senders know of each other's rows.
#[derive(Debug, Default)]
struct Known {
    /// Accounts of the US as the ticket app read them at its start.
    accounts: Vec<String>,
    /// Accounts that were made since, newest last.
    fresh: Vec<String>,
}

/// One sender: an instance to talk to, as somebody.
struct Client {
    instance: Arc<Instance>,
    bearer: Bearer,
    token: String,
}

/// One kind of thing that happens every so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Errand {
    NewAccount,
    NewContact,
    Edit,
    Ticket,
    EuropeEdit,
}

/// Starts a task for each kind of traffic that the scenario has.
pub(crate) fn start(
    scenario: &Scenario,
    us: &Arc<Instance>,
    europe: &Arc<Instance>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let known = Arc::new(Mutex::new(Known::default()));
    let traffic = &scenario.traffic;
    let errands = [
        (Errand::NewAccount, traffic.new_account_every),
        (Errand::NewContact, traffic.new_contact_every),
        (Errand::Edit, traffic.edit_every),
        (Errand::Ticket, traffic.ticket_every),
        (Errand::EuropeEdit, traffic.europe_edit_every),
    ];
    for (number, (errand, every)) in (0_u64..).zip(errands) {
        let Some(every) = every else {
            continue;
        };
        let sender = Sender {
            errand,
            us: Client::new(us, US_PEOPLE[0]),
            europe: Client::new(europe, EUROPE_PEOPLE[0]),
            lob_us: Client::new(us, LOB_CLIENT_ID),
            lob_europe: Client::new(europe, LOB_CLIENT_ID),
            known: Arc::clone(&known),
            random: StdRng::seed_from_u64(scenario.seed() ^ (number + 1)),
            fresh_share: traffic.fresh_share,
            left: match errand {
                Errand::EuropeEdit => traffic.europe_edits,
                _ => None,
            },
        };
        tasks.spawn(sender.run(every, stop.child_token()));
    }
}

struct Sender {
    errand: Errand,
    us: Client,
    europe: Client,
    lob_us: Client,
    lob_europe: Client,
    known: Arc<Mutex<Known>>,
    random: StdRng,
    fresh_share: f64,
    /// How often it is done yet; for ever, where that is not said.
    left: Option<u32>,
}

impl Sender {
    async fn run(mut self, every: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Some(left) = &mut self.left {
                let Some(fewer) = left.checked_sub(1) else {
                    return;
                };
                *left = fewer;
            }
            let sent = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                sent = self.send() => sent,
            };
            if let Err(lost) = sent {
                tracing::debug!(errand = ?self.errand, %lost, "traffic was lost");
            }
        }
    }

    async fn send(&mut self) -> Result<(), Lost> {
        match self.errand {
            Errand::NewAccount => self.new_account().await,
            Errand::NewContact => self.new_contact().await,
            Errand::Edit => self.edit().await,
            Errand::Ticket => self.ticket().await,
            Errand::EuropeEdit => self.europe_edit().await,
        }
    }

    async fn new_account(&mut self) -> Result<(), Lost> {
        let id = uuid::Uuid::new_v4().to_string();
        let mut account = invent::account(&mut self.random);
        account["accountid"] = json!(id);
        self.us.send("POST", "accounts", Some(&account)).await?;
        let fresh = &mut lock(&self.known).fresh;
        fresh.push(id);
        if fresh.len() > FRESH {
            fresh.remove(0);
        }
        Ok(())
    }

    async fn new_contact(&mut self) -> Result<(), Lost> {
        let account = self.some_account().await?;
        let mut contact = invent::contact(&mut self.random);
        contact["parentcustomerid_account@odata.bind"] = json!(format!("/accounts({account})"));
        self.us
            .send("POST", "contacts", Some(&contact))
            .await
            .map(|_| ())
    }

    async fn edit(&mut self) -> Result<(), Lost> {
        let account = self.some_account().await?;
        let edit = match self.random.random_range(0..3) {
            0 => json!({"telephone1": invent::telephone(&mut self.random)}),
            1 => json!({"numberofemployees": self.random.random_range(200..250_000)}),
            _ => json!({"address1_city": invent::city(&mut self.random)}),
        };
        self.us
            .send("PATCH", &format!("accounts({account})"), Some(&edit))
            .await
            .map(|_| ())
    }

    /// Somebody in Europe corrects what came from the US; of an account that is not there yet, nothing.
    async fn europe_edit(&mut self) -> Result<(), Lost> {
        let account = self.some_account().await?;
        let edit = json!({
            "telephone1": invent::telephone(&mut self.random),
            "address1_city": invent::city(&mut self.random),
        });
        let path = format!("accounts({account})");
        self.europe.send("GET", &path, None).await?;
        self.europe
            .send("PATCH", &path, Some(&edit))
            .await
            .map(|_| ())
    }

    async fn ticket(&mut self) -> Result<(), Lost> {
        let customer = self.some_account().await?;
        let ticket = json!({
            "title": invent::ticket(&mut self.random),
            "customerid_account@odata.bind": format!("/accounts({customer})"),
            "prioritycode": self.random.random_range(1..=3),
            "caseorigincode": self.random.random_range(1..=3),
        });
        self.lob_europe
            .send("POST", "incidents", Some(&ticket))
            .await
            .map(|_| ())
    }

    /// The id of an account of the US, fresh or old.
    async fn some_account(&mut self) -> Result<String, Lost> {
        if lock(&self.known).accounts.is_empty() {
            let list = self
                .lob_us
                .send("GET", "accounts?$select=accountid", None)
                .await?;
            let ids = list["value"].as_array().into_iter().flatten();
            let ids = ids
                .filter_map(|row| row["accountid"].as_str().map(str::to_owned))
                .collect();
            lock(&self.known).accounts = ids;
        }
        let known = lock(&self.known);
        let wants_fresh = self.random.random::<f64>() < self.fresh_share;
        let fresh = if wants_fresh {
            known.fresh.choose(&mut self.random)
        } else {
            None
        };
        let account = fresh.or_else(|| known.accounts.choose(&mut self.random));
        account
            .cloned()
            .ok_or(Lost::Refused(http::StatusCode::NOT_FOUND))
    }
}

impl Client {
    fn new(instance: &Arc<Instance>, who: &str) -> Client {
        let bearer = Bearer::User(user_id(instance.name, who));
        Client {
            instance: Arc::clone(instance),
            bearer,
            token: String::new(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<&Json>) -> Result<Json, Lost> {
        let now = self.instance.clock.now();
        if self.instance.tokens.bearer(&self.token, now).is_none() {
            self.token = self.instance.tokens.issue(self.bearer, now);
        }
        let exchanged = self.exchange(method, path, body).await;
        if matches!(exchanged, Err(Lost::Unanswered(_))) {
            self.instance.log.went_unanswered();
        }
        exchanged
    }

    async fn exchange(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Json, Lost> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/api/data/v9.2/{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .header("user-agent", "emulator-traffic")
            .header("odata-version", "4.0");
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let answer = client::send(&self.instance, request, body).await?;
        if !answer.status().is_success() {
            return Err(Lost::Refused(answer.status()));
        }
        if answer.body().is_empty() {
            Ok(Json::Null)
        } else {
            Ok(serde_json::from_slice(answer.body())?)
        }
    }
}
