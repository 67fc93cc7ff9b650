//! The call of a webhook: one POST, of whose answer only the status counts (contract 15).

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};
use serde_json::{Map, Value as Json};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::endpoint::Endpoint;
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};

/// A body that is larger is sent without its largest members.
const LARGEST: usize = 256 * 1024;
const LEFT_OUT: [&str; 4] = [
    "ParentContext",
    "InputParameters",
    "PreEntityImages",
    "PostEntityImages",
];

/// How webhooks are called.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks {
    /// How long one may take before it fails; Dataverse gives it 60 s (contract 15).
    pub limit: Duration,
    /// Whether one on a loopback address may listen on any port, and not only on 80 and 443.
    pub any_port: bool,
}

impl Default for Webhooks {
    fn default() -> Webhooks {
        Webhooks {
            limit: Duration::from_secs(60),
            any_port: false,
        }
    }
}

/// The webhooks of one instance.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) options: Webhooks,
    client: OnceLock<Client>,
}

/// What the headers say about the message.
pub(super) struct Facts {
    pub(super) table: &'static str,
    pub(super) message: &'static str,
    pub(super) correlation: Uuid,
}

impl Hooks {
    pub(crate) fn new(options: Webhooks) -> Hooks {
        Hooks {
            options,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> Option<&Client> {
        if self.client.get().is_none() {
            let built = Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .build();
            // Somebody else may have been first, whose client is as good.
            let _ = self.client.set(built.ok()?);
        }
        self.client.get()
    }
}

/// Calls a webhook, once more if a gateway in front of it had a problem; on a thread that may block.
pub(super) fn call(
    instance: &Instance,
    endpoint: &Endpoint,
    facts: &Facts,
    context: Json,
) -> Outcome<()> {
    let (body, exceeds) = body(context);
    let once = || async {
        let client = instance.hooks.client().ok_or("no client could be made")?;
        let mut request = client
            .post(endpoint.url.clone())
            .timeout(instance.hooks.options.limit)
            .header("content-type", "application/json")
            .header("x-ms-dynamics-organization", instance.name)
            .header("x-ms-dynamics-entity-name", facts.table)
            .header("x-ms-dynamics-request-name", facts.message)
            .header("x-ms-correlation-request-id", facts.correlation.to_string())
            .body(body.clone());
        if exceeds {
            request = request.header("x-ms-dynamics-msg-size-exceeded", "true");
        }
        for (name, value) in &endpoint.headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(answer) => Ok(answer.status()),
            Err(error) if error.is_timeout() => Err("it did not answer in time"),
            Err(error) if error.is_connect() => Err("it could not be reached"),
            Err(_) => Err("its answer could not be read"),
        }
    };
    let called = Handle::current().block_on(async {
        let twice = async {
            match once().await {
                Ok(status) if is_of_a_gateway(status) => once().await,
                other => other,
            }
        };
        tokio::select! {
            biased;
            () = instance.stop.cancelled() => Err("the server is shutting down"),
            called = twice => called,
        }
    });
    match called {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(Refusal::webhook(&format!(
            "it answered {}",
            status.as_u16()
        ))),
        Err(problem) => Err(Refusal::webhook(problem)),
    }
}

fn is_of_a_gateway(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

/// The body, and whether parts of it had to be left out.
fn body(context: Json) -> (String, bool) {
    let whole = context.to_string();
    if whole.len() <= LARGEST {
        return (whole, false);
    }
    let mut rest = match context {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    for name in LEFT_OUT {
        rest.shift_remove(name);
    }
    (Json::Object(rest).to_string(), true)
}
