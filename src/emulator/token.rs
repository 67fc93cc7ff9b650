//! Bearer tokens: which were given out for an audience, and whose token a request carries. Giving them out is
//! `token/endpoint.rs`, what it asks are `token/tenant.rs` and `token/device.rs`.
//!
//! Tokens are opaque and known only to the instance that gave them, so that each is its own audience.

mod assertion;
mod device;
mod endpoint;
pub(crate) mod refusal;
mod tenant;

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

pub(crate) use self::device::Devices;
pub(crate) use self::endpoint::{Route, answer};
pub(crate) use self::tenant::{Directory, Rotation, Tenant};

use super::instance::{Instance, lock};
use super::{UNKNOWN_CLIENT_ID, user_id};

/// The tenant that challenges name; the token endpoint takes any.
pub(crate) const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
/// What `expires_in` says, in seconds.
const LIFETIME: i64 = 3599;
/// Beyond this many, expired tokens are swept out.
const SWEEP_ABOVE: usize = 1000;

/// The tokens of one instance.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// A bearer token that never expires; also every client's first secret.
    secret: String,
    application_user: Uuid,
    issued: Mutex<HashMap<String, Issued>>,
    /// Until then, the token endpoint says that the secret has expired.
    secret_expired_until: Mutex<Option<tokio::time::Instant>>,
}

#[derive(Clone, Copy, Debug)]
struct Issued {
    bearer: Bearer,
    expires: DateTime<Utc>,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    User(Uuid),
    /// The app is known to the tenant, but no application user of the instance.
    NotAMember,
}

impl Tokens {
    pub(crate) fn new(secret: &str, application_user: Uuid) -> Tokens {
        Tokens {
            secret: secret.to_owned(),
            application_user,
            issued: Mutex::default(),
            secret_expired_until: Mutex::default(),
        }
    }

    /// Whose token it is; `None` if it is unknown or has expired.
    pub(crate) fn bearer(&self, token: &str, now: DateTime<Utc>) -> Option<Bearer> {
        if token == self.secret {
            return Some(Bearer::User(self.application_user));
        }
        let issued = lock(&self.issued);
        issued
            .get(token)
            .filter(|issued| issued.expires > now)
            .map(|issued| issued.bearer)
    }

    /// Whether the token opens the control endpoints.
    pub(crate) fn is_secret(&self, token: &str) -> bool {
        token == self.secret
    }

    /// The secret itself, for what the emulator sends to itself.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn issue(&self, bearer: Bearer, now: DateTime<Utc>) -> String {
        let token = format!("emu.{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let mut issued = lock(&self.issued);
        if issued.len() > SWEEP_ABOVE {
            issued.retain(|_, issued| issued.expires > now);
        }
        issued.insert(
            token.clone(),
            Issued {
                bearer,
                expires: now + TimeDelta::seconds(LIFETIME),
            },
        );
        token
    }

    /// Takes back every token that was given, and gives none for a while.
    pub(crate) fn revoke(&self, no_new_ones_for: std::time::Duration) {
        lock(&self.issued).clear();
        *lock(&self.secret_expired_until) = Some(tokio::time::Instant::now() + no_new_ones_for);
    }

    fn secret_has_expired(&self) -> bool {
        lock(&self.secret_expired_until).is_some_and(|until| tokio::time::Instant::now() < until)
    }
}

/// The user id behind a client id at an instance.
fn bearer_of(instance: &Instance, client_id: &str) -> Bearer {
    if client_id == UNKNOWN_CLIENT_ID {
        Bearer::NotAMember
    } else {
        Bearer::User(user_id(instance.name, client_id))
    }
}

/// The tokens of the audience that a scope names: the instance itself, or a platform of the sync.
fn tokens_for<'i>(instance: &'i Instance, scope: &str) -> Option<&'i Tokens> {
    if is_scope(&instance.url, scope) {
        return Some(&instance.tokens);
    }
    instance.platform.as_ref()?.tokens(scope)
}

/// The instance's own URL, by number or as localhost, with `/.default`.
fn is_scope(url: &str, scope: &str) -> bool {
    scope.strip_suffix("/.default").is_some_and(|audience| {
        audience == url
            || audience
                == url
                    .replacen("127.0.0.1", "localhost", 1)
                    .replacen("[::1]", "localhost", 1)
    })
}
