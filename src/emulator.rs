//! An embedded Dataverse Web API over real HTTP sockets: a pair of instances, US and Europe, on loopback.
//!
//! It is the other end of the wire and shares no code with tandem's client: own routes, own parser, own schema. What it
//! does not serve it refuses with 501 and the feature's name; it never answers 200 to what it did not do. No HTTP/2, no
//! SOAP.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use tandem::emulator::{Options, Pair};
//! let mut pair = Pair::bind(Options::default()).await?;
//! pair.serve().await?;
//! println!("{} {} {}", pair.us_url(), pair.europe_url(), pair.token());
//! pair.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Who is who
//!
//! A request with the bearer [`Pair::token`] is the application user of the client id [`APPLICATION_CLIENT_ID`]. The token
//! endpoint, `POST /{tenant}/oauth2/v2.0/token` on each instance, takes any client id with that token as secret and hands
//! out tokens that expire and that only this instance accepts; every client id is a user of its own, [`user_id`]. The one
//! client id that gets a token but is no member of the organization (403) is [`UNKNOWN_CLIENT_ID`]. People sign in with a
//! device code, `/{tenant}/oauth2/v2.0/devicecode`.
//!
//! # The sync's platforms
//!
//! The US instance answers as the platforms of a sync that copies accounts and contacts to Europe: the management API of a
//! Logic App and of a Data Factory under `/subscriptions/…`, Synapse's data plane at the root, `/admin/functions/…`, and the
//! tables `workflow` and `flowrun`. They all show the same workflow, [`SYNC_WORKFLOW`], which really copies, as the user of
//! [`SYNC_CLIENT_ID`], and runs once a day by the emulator's clock while it is enabled ([`Options::workflow`]). They take
//! [`Pair::token`], or a token of the audience `https://management.azure.com` or `https://dev.azuresynapse.net`.
//!
//! `/msi/token` gives tokens to a machine, as on App Service: `IDENTITY_ENDPOINT` is that address, `IDENTITY_HEADER` is
//! [`Pair::token`]; a pod's token is the client's secret, sent as `client_assertion`; and what is signed with a certificate that was
//! uploaded (`certificate`, below) is a `client_assertion` too.
//!
//! # Control
//!
//! With the bearer [`Pair::token`] each instance answers, under `/emulator/`:
//!
//! | endpoint | methods | what it does |
//! | --- | --- | --- |
//! | `faults` | `POST` `GET` `DELETE` | arms a rule (below), lists them, clears them |
//! | `limits` | `POST` `GET` `DELETE` | service protection: [`Limits`], every field optional; `{}` for the service's own numbers |
//! | `organization` | `POST` `GET` | `{"state": "enabled"}`, `disabled`, or `administration` with `administrators`, client ids |
//! | `sync` | `POST` `GET` `DELETE` | on the US instance: `{"order": "newest-first"}`, `"wait_ms"` between a run's reading and writing, `"adds_only"`, `"skips_blanks"` |
//! | `tls` | `POST` `GET` `DELETE` | `{"fault": "expired", "for_s": 2}`: what new connections meet, see [`TlsFault`] |
//! | `secret` | `POST` | `{"client": "app", "secret": "new"}` rotates; `"expired": true` has it expired; all clients without `client` |
//! | `certificate` | `POST` | `{"client": "app", "certificate": "-----BEGIN …"}`: what the client's assertions are signed with, in PEM |
//! | `tenant` | `POST` `GET` | `tenants` and `applications` that there are (null: any), `without_consent` |
//! | `roles` | `POST` `GET` `DELETE` | who may do what, see below |
//! | `tokens` | `DELETE` | takes back every token that was given out |
//! | `device` | `POST` `GET` | `{"user_code": "…", "user": "Dana Whitfield"}` approves a sign-in, `"declined": true` refuses it |
//! | `log` | `GET` `DELETE` | the requests that arrived |
//! | `clock` | `POST` | `{"advance_s": 3600}`, for both instances |
//! | `backup`, `restore` | `POST` | keeps the rows; goes back to them, and to their versions |
//!
//! # Roles
//!
//! Every user begins as a `System Administrator`, who may do and sees everything. `POST /emulator/roles` with `{"client":
//! "tandem-sync", "role": "Read Only"}` gives another role: `Sync User` (reads everything, writes accounts and contacts
//! but deletes nothing), `Read Only`, `Basic User` (its own accounts, contacts and tickets, reads the rest), `none`, or one
//! that is made with `"privileges": {"prvReadAccount": "organization", "prvWriteAccount": "user"}`. `{"hide": {"table":
//! "account", "ids": […]}}`, or a `share`, hides rows from all but administrators. A privilege that is missing is 403;
//! rows that are hidden are left out of lists and counts and refused by id; secured columns read as null. A scenario says
//! the same under `security.us` and `security.europe`.
//!
//! # Faults
//!
//! A rule says which requests it strikes and what then happens. Which: `method`, `path` (a part of path and query; without
//! it, the Web API only), `table`, `client`, `share` with `seed`, `count` (1; null or `"all"` for all), `after_s`, `for_s`.
//! What, as far as it does not exclude itself:
//!
//! | field | what a client meets |
//! | --- | --- |
//! | `status`, `code`, `retry_after`, `body`, `after` | that answer in place of the work, or `after` it; a `body` is HTML |
//! | `delay_ms`, `date_skew_s` | a wait before the work; a `Date` that is off |
//! | `list`, `paging`, `next_link` | `empty`; rows that `repeat` or that it `skip`s; `loop` or another origin |
//! | `reset`, `close`, `hang` | RST, FIN without a byte, or nothing at all, `before` or `after` the work |
//! | `truncate`, `shorten`, `length_off`, `chunk_cut`, `gzip` | a body that is cut (half, or bytes) with its whole or its own length; a length that is wrong; chunks or gzip that end early (`cut`), gzip that is none (`lie`) |
//! | `slow_head_ms`, `slow_body_bps`, `half_open` | a late first byte, few bytes a second, one answer and never another |
//! | `outage_s` with `outage` | a port that is `refused`, a `black-hole` or `unanswered`: at once, or when a condition is met |
//!
//! A [`Scenario`] has all of it as events.

mod client;
mod clock;
mod connection;
mod content;
mod control;
mod fault;
mod fetchxml;
mod front;
mod hold;
mod instance;
mod job;
mod limits;
mod log;
mod odata;
mod operation;
mod organization;
mod outage;
mod pipeline;
mod platform;
mod refusal;
mod relation;
mod reply;
mod row;
mod scenario;
mod schema;
mod security;
mod seed;
mod server;
mod spelling;
mod sql;
mod store;
mod stream;
mod tls;
mod token;
mod traffic;
mod transaction;
mod value;
mod web_api;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::limits::{Costs, Limits};
pub use self::pipeline::Webhooks;
pub use self::scenario::{HookStory, Scenario, ScenarioError};
pub use self::tls::TlsFault;

use self::clock::Clock;
use self::instance::Instance;
use self::pipeline::Hooks;
use self::platform::Recurrence;
use self::schema::Schema;
use self::security::{Change, READ_ONLY};
use self::tls::{Authority, Tls};

/// The client id of the user behind the bearer [`Pair::token`].
pub const APPLICATION_CLIENT_ID: &str = "tandem";
/// The client id with which the demo's sync authenticates; what it wrote in Europe came over the link.
pub const SYNC_CLIENT_ID: &str = "tandem-sync";
/// The client id of the line-of-business app, which creates the tickets.
pub const LOB_CLIENT_ID: &str = "lob-app";
/// A client id that gets a token and is then refused by the Web API with 403 `0x80072560`.
pub const UNKNOWN_CLIENT_ID: &str = "unknown";

/// The name of the workflow, pipeline and function that copies accounts and contacts from the US to Europe.
pub const SYNC_WORKFLOW: &str = "sync-accounts-contacts";

/// The name under which [`user_id`] knows the US instance.
pub const US: &str = "us";
/// The name under which [`user_id`] knows the Europe instance.
pub const EUROPE: &str = "europe";

/// All ids that are stable from run to run are derived from this one.
const NAMESPACE: Uuid = Uuid::from_u128(0x7d0c_55a1_9f3e_4c1b_8a26_0b4f_6d2e_91c4);

/// The `systemuserid` at an instance ([`US`] or [`EUROPE`]) of a client id, or of a person by full name.
pub fn user_id(instance: &str, client_id: &str) -> Uuid {
    Uuid::new_v5(
        &NAMESPACE,
        format!("{instance}/user/{client_id}").as_bytes(),
    )
}

/// The `accountid` of one of the demo's companies, from its SEC CIK and ticker as the data file has them.
pub fn company_id(cik: &str, ticker: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{cik}:{ticker}").as_bytes())
}

/// What the instances hold at the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data {
    /// The demo's companies in the US, and in Europe a copy that is out of step in every way there is.
    Demo,
    /// Users and currencies, but no accounts, contacts or tickets.
    Empty,
    /// Generated rows, the same for the same seed.
    Many {
        /// So many accounts, half as many contacts and, in Europe, a tenth of tickets.
        records: u32,
        /// The share of them that is out of step, in every way there is.
        drift: f64,
    },
}

/// How a pair is to run.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is said by itself, and all of them go together"
)]
pub struct Options {
    /// Where the US instance listens; loopback only, port 0 picks one.
    pub us: SocketAddr,
    /// Where the Europe instance listens; loopback only, port 0 picks one.
    pub europe: SocketAddr,
    /// The bearer token of the application user, which is also every client's secret.
    pub token: String,
    /// The story that is played once the pair serves; without one there is no traffic.
    pub scenario: Option<Scenario>,
    /// Whether Europe has the plug-in that ensures a ticket's customer; a scenario may switch it off as well.
    pub plug_in: bool,
    /// How webhooks are called.
    pub webhooks: Webhooks,
    /// What the instances hold at the start.
    pub data: Data,
    /// Whether the workflow that copies from the US to Europe runs daily; a scenario may switch it on as well.
    pub workflow: bool,
    /// The seed of whatever is random, instead of the scenario's own; pairs with different ones are different
    /// organizations.
    pub seed: Option<u64>,
    /// Whether the instances speak https, with certificates of an authority of their own: [`Pair::ca_pem`].
    pub tls: bool,
    /// What TLS connections meet in place of a good certificate, until the control endpoint says otherwise.
    pub tls_fault: Option<TlsFault>,
    /// What every user is held to; without it, to nothing.
    pub limits: Option<Limits>,
    /// Whether tandem's own users, [`APPLICATION_CLIENT_ID`] and [`SYNC_CLIENT_ID`], may only read in the US.
    pub reads_us_only: bool,
    /// Client ids with the name of their role at both instances: `System Administrator`, which everybody else is, `Sync
    /// User`, `Read Only`, `Basic User`, or `none`.
    pub roles: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Options {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Options {
            us: loopback,
            europe: loopback,
            token: Uuid::new_v4().simple().to_string(),
            scenario: None,
            plug_in: true,
            webhooks: Webhooks::default(),
            data: Data::Demo,
            workflow: false,
            seed: None,
            tls: false,
            tls_fault: None,
            limits: None,
            reads_us_only: false,
            roles: BTreeMap::new(),
        }
    }
}

/// The two instances; dropping it or [`Pair::shutdown`] closes their ports and ends their tasks.
pub struct Pair {
    us: Side,
    europe: Side,
    token: String,
    authority: Option<Arc<Authority>>,
    plug_in: bool,
    refuses_stubs: bool,
    data: Data,
    workflow: Option<Recurrence>,
    seed: u64,
    roles: Vec<Change>,
    reads_us_only: bool,
    scenario: Option<Scenario>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Side {
    instance: Arc<Instance>,
    /// Taken when serving begins.
    listener: Option<TcpListener>,
}

impl Pair {
    /// Opens both ports; connections wait in the backlog until [`Pair::serve`].
    #[expect(
        clippy::unused_async,
        reason = "sockets can be opened only inside of the runtime that serves them"
    )]
    pub async fn bind(options: Options) -> io::Result<Pair> {
        let clock = Arc::new(Clock::default());
        let scenario = match (options.scenario, options.seed) {
            (Some(scenario), Some(seed)) => Some(scenario.with_seed(seed)),
            (scenario, _) => scenario,
        };
        let default_seed = scenario.as_ref().map_or(scenario::SEED, Scenario::seed);
        let seed = options.seed.unwrap_or(default_seed);
        let plug_in = options.plug_in && scenario.as_ref().is_none_or(Scenario::has_plug_in);
        let refuses_stubs = scenario.as_ref().is_some_and(Scenario::refuses_stubs);
        if let Some(problem) = options.limits.and_then(|limits| limits.problem()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let roles = options.roles.iter();
        let roles: Vec<Change> = roles
            .map(|(client, role)| Change::role_of(client, role))
            .collect();
        if let Some(problem) = Change::problem_of(&roles, &Schema::demo()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let recurrence = scenario.as_ref().and_then(Scenario::recurrence);
        let workflow = recurrence.or(options.workflow.then(Recurrence::default));
        let authority = match (options.tls, options.tls_fault) {
            (true, _) => Some(Arc::new(Authority::new()?)),
            (false, None) => None,
            (false, Some(_)) => {
                let problem = "a TLS fault needs TLS";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
        };
        let stop = CancellationToken::new();
        let side = |name, address| {
            let authority = authority.as_ref().map(Arc::clone);
            let tls = authority.map(|authority| Tls::new(authority, options.tls_fault));
            let hooks = Hooks::new(options.webhooks);
            let (clock, stop) = (Arc::clone(&clock), stop.clone());
            let secure = tls.is_some();
            let instance = |url| {
                Instance::new(name, url, &options.token, clock, tls, hooks, stop)
                    .founded_by(options.seed)
            };
            let side = Side::bind(address, secure, instance)?;
            side.instance.protection.set(options.limits);
            Ok::<_, io::Error>(side)
        };
        let (us, europe) = (side(US, options.us)?, side(EUROPE, options.europe)?);
        if let Some(scenario) = &scenario {
            for side in [&us, &europe] {
                side.instance.declare(scenario.tables(side.instance.name));
            }
        }
        Ok(Pair {
            us,
            europe,
            authority,
            token: options.token,
            plug_in,
            refuses_stubs,
            data: options.data,
            workflow,
            seed,
            roles,
            reads_us_only: options.reads_us_only,
            scenario,
            tasks: TaskTracker::new(),
            stop,
        })
    }

    /// Fills the instances on a blocking thread, then serves them, and starts the scenario with its traffic.
    ///
    /// Returns once both are being served; a second call does nothing.
    pub async fn serve(&mut self) -> io::Result<()> {
        let (Some(us_listener), Some(europe_listener)) =
            (self.us.listener.take(), self.europe.listener.take())
        else {
            return Ok(());
        };
        let (us, europe) = (
            Arc::clone(&self.us.instance),
            Arc::clone(&self.europe.instance),
        );
        let (plug_in, refuses_stubs) = (self.plug_in, self.refuses_stubs);
        let (data, seed) = (self.data, self.seed);
        let fill = move || seed::fill(&us, &europe, plug_in, refuses_stubs, data, seed);
        tokio::task::spawn_blocking(fill)
            .await
            .map_err(io::Error::other)?
            .map_err(io::Error::other)?;
        if let Some(recurrence) = self.workflow {
            let slept = recurrence.every * i32::from(recurrence.refused);
            self.us.instance.clock.advance(slept);
        }
        for instance in [&self.us.instance, &self.europe.instance] {
            let scenario = self.scenario.as_ref();
            let scenario = scenario.map_or(&[][..], |scenario| scenario.security(instance.name));
            let own = [APPLICATION_CLIENT_ID, SYNC_CLIENT_ID]
                .map(|client| Change::role_of(client, READ_ONLY));
            let is_read = self.reads_us_only && instance.name == US;
            let own = own.iter().filter(|_| is_read);
            for change in own.chain(scenario).chain(&self.roles) {
                change.apply(instance);
            }
        }
        platform::start(
            &self.us.instance,
            &self.europe.instance,
            self.workflow,
            &self.tasks,
            &self.stop,
        );
        for (side, listener) in [(&self.us, us_listener), (&self.europe, europe_listener)] {
            self.tasks.spawn(server::serve(
                listener,
                Arc::clone(&side.instance),
                self.stop.child_token(),
            ));
            let instance = Arc::clone(&side.instance);
            self.tasks
                .spawn(job::work(instance, self.stop.child_token()));
        }
        if let Some(scenario) = &self.scenario {
            let (us, europe) = (
                Arc::clone(&self.us.instance),
                Arc::clone(&self.europe.instance),
            );
            self.tasks.spawn(scenario::play(
                scenario.clone(),
                us,
                europe,
                self.stop.child_token(),
            ));
            traffic::start(
                scenario,
                &self.us.instance,
                &self.europe.instance,
                &self.tasks,
                &self.stop,
            );
        }
        Ok(())
    }

    /// The US instance's URL, `http://host:port` or `https://host:port`, without a slash at the end.
    pub fn us_url(&self) -> &str {
        &self.us.instance.url
    }

    /// The Europe instance's URL, `http://host:port` or `https://host:port`, without a slash at the end.
    pub fn europe_url(&self) -> &str {
        &self.europe.instance.url
    }

    /// The bearer token of the application user, which is also every client's secret.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The certificate, as PEM, of the authority that signed for `127.0.0.1`, `::1` and `localhost`; without TLS, none.
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_deref().map(Authority::pem)
    }

    /// Closes both ports and waits for every task to end.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Side {
    /// Opens the port and makes the instance that has its URL.
    fn bind(
        address: SocketAddr,
        secure: bool,
        instance: impl FnOnce(String) -> Instance,
    ) -> io::Result<Side> {
        if !address.ip().is_loopback() {
            let problem =
                format!("the emulator listens on loopback addresses only, and {address} is none");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let listener = outage::listen(address)?;
        let scheme = if secure { "https" } else { "http" };
        let instance = instance(format!("{scheme}://{}", listener.local_addr()?));
        Ok(Side {
            instance: Arc::new(instance),
            listener: Some(listener),
        })
    }
}
