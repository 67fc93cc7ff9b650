//! One emulated Dataverse environment: its rows, users, tokens, armed faults and request log, behind one reference.
//!
//! Owns no socket and no task: `server.rs` serves it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clock::Clock;
use super::fault::Faults;
use super::job::{self, Jobs};
use super::limits::Protection;
use super::log::RequestLog;
use super::organization::Organization;
use super::outage::{self, Outage};
use super::pipeline::{Hooks, Known};
use super::platform::Platform;
use super::schema::Schema;
use super::security::Security;
use super::store::Store;
use super::tls::Tls;
use super::token::{Devices, Tenant, Tokens};
use super::transaction::Released;
use super::{APPLICATION_CLIENT_ID, user_id};

/// One environment, shared by its server, its traffic and its control endpoints.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: &'static str,
    /// `http://host:port`, or `https` with TLS, without a slash at the end.
    pub(crate) url: String,
    pub(crate) clock: Arc<Clock>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) tokens: Tokens,
    /// Who gets a token.
    pub(crate) tenant: Tenant,
    /// The people who sign in on another device.
    pub(crate) devices: Devices,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    pub(crate) protection: Protection,
    /// The state that administrators put it into.
    pub(crate) organization: Organization,
    /// What its users may do.
    pub(crate) security: Security,
    /// The workflow that copies to Europe, which is the US instance's.
    pub(crate) platform: Option<Arc<Platform>>,
    /// When the port shall be given up, and for how long; the server waits for changes.
    pub(crate) outage: watch::Sender<Option<Outage>>,
    /// The value of the affinity cookie.
    pub(crate) affinity: String,
    store: RwLock<Store>,
    /// The store's tables, for those who must not wait for the store.
    schema: RwLock<Arc<Schema>>,
    /// Wakes the transactions that wait for another's row.
    pub(crate) released: Released,
    /// What `restore` goes back to.
    backup: Mutex<Option<Store>>,
    /// The steps that run around messages.
    pub(crate) steps: Known,
    pub(crate) hooks: Hooks,
    /// What is done after the reply.
    pub(crate) jobs: Jobs,
    /// Told when the instance is closed; whoever waits for something outside gives up.
    pub(crate) stop: CancellationToken,
    id: Uuid,
}

impl Instance {
    pub(crate) fn new(
        name: &'static str,
        url: String,
        secret: &str,
        clock: Arc<Clock>,
        tls: Option<Tls>,
        hooks: Hooks,
        stop: CancellationToken,
    ) -> Instance {
        let organization = stable_id(name, "organization");
        let user = user_id(name, APPLICATION_CLIENT_ID);
        let platform = Platform::new(secret, user, clock.now());
        let schema = Arc::new(Schema::demo());
        Instance {
            name,
            url,
            clock,
            tls: tls.map(Arc::new),
            tokens: Tokens::new(secret, user),
            tenant: Tenant::new(secret),
            devices: Devices::default(),
            faults: Faults::default(),
            log: RequestLog::default(),
            protection: Protection::default(),
            organization: Organization::default(),
            security: Security::default(),
            platform: (name == super::US).then(|| Arc::new(platform)),
            outage: watch::Sender::new(None),
            affinity: organization.simple().to_string().repeat(2),
            store: RwLock::new(Store::new(Arc::clone(&schema))),
            schema: RwLock::new(schema),
            released: Released::default(),
            backup: Mutex::default(),
            steps: Known::default(),
            hooks,
            jobs: Jobs::default(),
            stop,
            id: organization,
        }
    }

    /// Begins again with other tables and no rows.
    pub(crate) fn declare(&self, schema: Schema) {
        let mut store = self.write();
        *store = Store::new(Arc::new(schema));
        self.publish(&store);
    }

    /// The tables as they are now; waits for nobody.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tables, with what the jobs that build indexes have come to.
    ///
    /// May wait for the store, so no lock may be held, and it is nothing for the runtime's workers.
    pub(crate) fn indexed_schema(&self) -> Arc<Schema> {
        let schema = self.schema();
        let now = self.clock.now();
        if schema.due_keys(now).is_empty() {
            return schema;
        }
        let mut store = self.write();
        for (table, key) in store.schema().due_keys(now) {
            store.build_index(table, key);
        }
        self.publish(&store);
        Arc::clone(store.schema())
    }

    /// Shows the store's tables to those who ask for [`Instance::schema`].
    pub(crate) fn publish(&self, store: &Store) {
        if !Arc::ptr_eq(store.schema(), &self.schema()) {
            let mut schema = self.schema.write().unwrap_or_else(PoisonError::into_inner);
            *schema = Arc::clone(store.schema());
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same instance as an organization of its own, where there is a seed.
    pub(crate) fn founded_by(mut self, seed: Option<u64>) -> Instance {
        if let Some(seed) = seed {
            self.id = stable_id(self.name, &format!("organization/{seed}"));
        }
        self
    }

    pub(crate) fn organization_id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn business_unit_id(&self) -> Uuid {
        stable_id(self.name, "businessunit")
    }

    /// The id of the row of the instance's base currency.
    pub(crate) fn base_currency_id(&self) -> Uuid {
        currency_id(
            self.name,
            if self.name == super::US { "USD" } else { "EUR" },
        )
    }

    /// Keeps the rows as they are now, in place of an earlier backup.
    pub(crate) fn back_up(&self) {
        let copy = self.read().copy();
        *lock(&self.backup) = Some(copy);
    }

    /// Goes back to the backup, versions and all; false if there is none.
    ///
    /// What is under way meanwhile is refused, and no job of the backup goes on.
    pub(crate) fn restore(&self) -> bool {
        let Some(mut copy) = lock(&self.backup).as_ref().map(Store::copy) else {
            return false;
        };
        copy.begin_again();
        job::abandon(&mut copy, self.clock.now_to_the_second());
        let mut store = self.write();
        *store = copy;
        self.publish(&store);
        true
    }

    /// Gives the port up for this long, now.
    pub(crate) fn go_down(&self, kind: outage::Kind, lasts: Duration) {
        self.go_down_in(Duration::ZERO, kind, lasts);
    }

    /// The same after a while, in which everything is served as usual; replaces an outage that is announced.
    pub(crate) fn go_down_in(&self, wait: Duration, kind: outage::Kind, lasts: Duration) {
        self.outage.send_modify(|outage| {
            let number = outage.map_or(0, |outage| outage.number) + 1;
            *outage = Some(Outage {
                number,
                kind,
                begins: Instant::now() + wait,
                lasts,
            });
        });
    }
}

/// The id of something that an instance has once, stable from run to run.
pub(crate) fn stable_id(instance: &str, what: &str) -> Uuid {
    Uuid::new_v5(&super::NAMESPACE, format!("{instance}/{what}").as_bytes())
}

pub(crate) fn currency_id(instance: &str, code: &str) -> Uuid {
    stable_id(instance, &format!("currency/{code}"))
}

/// Locks a mutex whose data stays whole even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
