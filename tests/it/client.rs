//! The client over sockets: against servers that fail in every way there is, and against the emulator.

mod credentials;
mod emulated;
mod faults;
mod messages;
mod patience;

use std::time::Duration;

use secrecy::SecretString;
use tandem::dataverse::{Observation, Reader, Settings, Timeouts};
use tandem::domain::breaker::{BreakerPolicy, Class};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::failure::Failure;
use tandem::domain::instance::{Endpoint, InstanceName};
use tandem::domain::retry::RetryPolicy;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::stub::Reply;

pub const WHO: &str = r#"{"BusinessUnitId":"11111111-1111-1111-1111-111111111111",
    "UserId":"22222222-2222-2222-2222-222222222222","OrganizationId":"33333333-3333-3333-3333-333333333333"}"#;
pub const VERSION: &str = r#"{"Version":"9.2.24061.00184"}"#;

/// A client, and what it tells of its attempts.
pub struct Client {
    pub reader: Reader,
    pub told: UnboundedReceiver<Observation>,
}

pub fn token(text: &str) -> Credential {
    Credential::Token(SecretSource::Held(SecretString::from(text)))
}

/// Settings that lose no time.
pub fn settings(origin: &str, credential: Credential) -> Settings {
    Settings {
        name: InstanceName::new("europe").unwrap(),
        endpoint: Endpoint::new(origin).unwrap(),
        credential,
        impersonates: None,
        network: tandem::domain::network::Network::default(),
        timeouts: Timeouts {
            connect: Duration::from_millis(500),
            read: Duration::from_millis(400),
            write: Duration::from_millis(400),
            idle: Duration::from_millis(200),
            deadline: Duration::from_secs(5),
        },
        breakers: Class::ALL.map(BreakerPolicy::of),
        retry: RetryPolicy {
            attempts: 4,
            throttled_attempts: 10,
            base: Duration::from_millis(2),
            cap: Duration::from_millis(10),
            ..RetryPolicy::default()
        },
        seed: 1,
    }
}

impl Client {
    pub fn with(settings: Settings) -> Client {
        let (observer, told) = unbounded_channel();
        let reader = Reader::new(settings, observer).unwrap();
        Client { reader, told }
    }

    pub fn of(origin: &str) -> Client {
        Client::with(settings(origin, token("t0ken")))
    }

    /// Everything that was told so far.
    pub fn told(&mut self) -> Vec<Observation> {
        let mut all = Vec::new();
        while let Ok(observation) = self.told.try_recv() {
            all.push(observation);
        }
        all
    }
}

/// The failure of a call that had to fail.
pub fn failed<T: std::fmt::Debug>(result: Result<T, Failure>) -> Failure {
    result.expect_err("a call that fails")
}

pub fn no_content() -> Reply {
    crate::support::stub::answer("204 No Content", &[], "")
}
