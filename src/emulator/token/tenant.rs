//! What the tenant behind the token endpoint knows: client secrets, tenants, applications and who consented to them.
//!
//! It takes any tenant and any application until it is told which there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::assertion;
use super::refusal::Refused;
use crate::emulator::instance::lock;

/// The directory as it is set over the control endpoint.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Directory {
    /// The tenants that there are; null for any.
    tenants: Option<BTreeSet<String>>,
    /// The client ids that are registered; null for any.
    applications: Option<BTreeSet<String>>,
    /// The client ids that nobody consented to.
    without_consent: BTreeSet<String>,
}

/// A client secret as it is rotated over the control endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// Whose secret; everybody's who has none of his own, if left out.
    pub(crate) client: Option<String>,
    /// The new one; the old one, if left out.
    pub(crate) secret: Option<String>,
    /// Whether it has expired.
    #[serde(default)]
    pub(crate) expired: bool,
}

/// The tenant of one instance.
#[derive(Debug)]
pub(crate) struct Tenant {
    directory: Mutex<Directory>,
    secrets: Mutex<Secrets>,
    /// The certificates that applications have uploaded, by client id.
    certificates: Mutex<HashMap<String, Vec<CertificateDer<'static>>>>,
}

#[derive(Debug)]
struct Secrets {
    common: Secret,
    own: HashMap<String, Secret>,
}

#[derive(Clone, Debug)]
struct Secret {
    value: String,
    expired: bool,
}

impl Tenant {
    /// A tenant of which every client has this secret.
    pub(crate) fn new(secret: &str) -> Tenant {
        let common = Secret {
            value: secret.to_owned(),
            expired: false,
        };
        Tenant {
            directory: Mutex::default(),
            secrets: Mutex::new(Secrets {
                common,
                own: HashMap::new(),
            }),
            certificates: Mutex::default(),
        }
    }

    pub(crate) fn directory(&self) -> Directory {
        lock(&self.directory).clone()
    }

    pub(crate) fn set_directory(&self, directory: Directory) {
        *lock(&self.directory) = directory;
    }

    /// From now on, only the new secret is good.
    pub(crate) fn rotate(&self, rotation: Rotation) {
        let mut secrets = lock(&self.secrets);
        let old = rotation
            .client
            .as_ref()
            .and_then(|client| secrets.own.get(client));
        let old = old.unwrap_or(&secrets.common).value.clone();
        let new = Secret {
            value: rotation.secret.unwrap_or(old),
            expired: rotation.expired,
        };
        match rotation.client {
            Some(client) => {
                secrets.own.insert(client, new);
            }
            None => secrets.common = new,
        }
    }

    /// Whether there is such a tenant.
    pub(super) fn knows_tenant(&self, tenant: &str) -> Result<(), Refused> {
        if !is_missing(lock(&self.directory).tenants.as_ref(), tenant) {
            return Ok(());
        }
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the \
             correct cloud."
        );
        Err(Refused::bad("invalid_request", 90_002, text))
    }

    /// Whether there are such a tenant and such an application in it.
    pub(super) fn knows(&self, tenant: &str, client: &str) -> Result<(), Refused> {
        self.knows_tenant(tenant)?;
        if !is_missing(lock(&self.directory).applications.as_ref(), client) {
            return Ok(());
        }
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'."
        );
        Err(Refused::bad("unauthorized_client", 700_016, text))
    }

    /// Whether the client is who it says.
    pub(super) fn authenticates(&self, client: &str, secret: &str) -> Result<(), Refused> {
        let secrets = lock(&self.secrets);
        let good = secrets.own.get(client).unwrap_or(&secrets.common);
        if secret != good.value {
            return Err(Refused::unauthorized(
                7_000_215,
                "Invalid client secret provided.",
            ));
        }
        if good.expired {
            return Err(Refused::secret_expired());
        }
        Ok(())
    }

    /// Whether this is the token of the client's pod: its secret, put into another field.
    pub(super) fn federates(&self, client: &str, assertion: &str) -> bool {
        let secrets = lock(&self.secrets);
        secrets.own.get(client).unwrap_or(&secrets.common).value == assertion
    }

    /// What was signed with one of these certificates is the client's from now on.
    pub(crate) fn set_certificates(&self, client: String, all: Vec<CertificateDer<'static>>) {
        lock(&self.certificates).insert(client, all);
    }

    /// Whether an assertion was signed by the client, for this endpoint, and is good now.
    pub(super) fn signed(
        &self,
        client: &str,
        assertion: &str,
        is_endpoint: impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let certificates = lock(&self.certificates);
        let own = certificates.get(client).map_or(&[][..], Vec::as_slice);
        assertion::check(assertion, client, own, is_endpoint, now)
    }

    /// Whether the client may have a token at all.
    pub(super) fn consented(&self, client: &str) -> Result<(), Refused> {
        if !lock(&self.directory).without_consent.contains(client) {
            return Ok(());
        }
        let text = format!(
            "The user or administrator has not consented to use the application with ID '{client}'. Send an interactive \
             authorization request for this user and resource."
        );
        Err(Refused::bad("invalid_grant", 65_001, text))
    }
}

fn is_missing(all: Option<&BTreeSet<String>>, one: &str) -> bool {
    all.is_some_and(|all| !all.contains(one))
}
