//! The hook as its target knows it: a service endpoint and a step for each table and message (contract 8 and 15). Their
//! ids are made from their names, so that registering twice registers once, and so that what is removed is tandem's.

mod standing;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use thiserror::Error;
use url::Url;

use super::StartError;
use super::clients::client;
use crate::config::{Authentication, Config, HookConfig, HookTable};
use crate::dataverse::{
    BadWrite, Filter, Query, Reader, Registered, Removal, Timeouts, Write, Writer,
};
use crate::domain::failure::{ErrorCode, Failure, FailureClass};
use crate::domain::hook;
use crate::domain::row::{ETag, Reference, RowId, Value};
use crate::domain::table::{BadName, ColumnName, EntitySet, TableName, TableSchema};

pub use standing::{EndpointStanding, Standing, StepStanding};
use standing::{endpoint, faults, refuse_wrong_stages, step};

/// The contract of webhooks.
const WEBHOOK: i64 = 8;
/// Before the transaction.
const PRE_VALIDATION: i64 = 10;
/// The columns of an endpoint that are looked at, in this order.
const ENDPOINT: [&str; 3] = ["name", "url", "authtype"];
/// The columns of a step that are looked at, in this order.
const STEP: [&str; 6] = [
    "name",
    "stage",
    "mode",
    "statecode",
    "filteringattributes",
    "eventhandler",
];

/// Why a registration can't be looked at or changed.
#[derive(Debug, Error)]
pub enum RegistrationError {
    /// What is configured can't be registered.
    #[error("{0}")]
    Configuration(String),
    /// A client can't be set up.
    #[error(transparent)]
    SetUp(#[from] StartError),
    /// The target did not answer, or refused.
    #[error("the target: {0}")]
    Failed(#[from] Failure),
    /// A guard says no; nothing was done.
    #[error("{0}")]
    Refused(String),
}

impl From<BadName> for RegistrationError {
    fn from(error: BadName) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<BadWrite> for RegistrationError {
    fn from(error: BadWrite) -> Self {
        Self::Configuration(format!("it can't be registered: {error}"))
    }
}

/// One change that is made, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `create`, `update`, `enable`, `disable`, `remove`, or `keep`.
    pub what: &'static str,
    /// What it is made to.
    pub name: String,
}

/// Whether changes are made, or only told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// They are made.
    Carry,
    /// They are told.
    Tell,
}

/// The registration of one configuration, through a customizer's client.
#[derive(Debug)]
pub struct Registration {
    hook: HookConfig,
    link: String,
    target: Writer,
    endpoints: TableSchema,
    steps: TableSchema,
}

struct Wanted {
    name: String,
    id: RowId,
    table: TableName,
    message: &'static str,
    columns: Vec<String>,
}

impl Registration {
    /// Sets up the client, and asks the target for the two tables.
    pub async fn open(config: &Config) -> Result<Self, RegistrationError> {
        let hook = config.hook.clone().ok_or(StartError::NotConfigured)?;
        let link = config
            .links
            .get(hook.link)
            .ok_or(StartError::NotConfigured)?;
        let instance = config
            .instances
            .get(link.target)
            .ok_or(StartError::NotConfigured)?;
        let policy = config.policy_of(instance);
        let timeouts = Timeouts {
            connect: policy.connect_timeout,
            read: policy.read_timeout,
            write: policy.write_timeout,
            idle: policy.idle_timeout,
            deadline: policy.deadline,
        };
        // Nobody counts what a person does once in a while.
        let (reader, _) = client(instance, config, timeouts, hook.customizer.as_ref())?;
        Ok(Self {
            endpoints: reader.schema(&Registered::ServiceEndpoint.table()?).await?,
            steps: reader.schema(&Registered::Step.table()?).await?,
            target: reader.writer(),
            link: link.name.clone(),
            hook,
        })
    }

    /// How the hook is registered, and what of it is not as configured.
    pub async fn standing(&self) -> Result<Standing, RegistrationError> {
        let ours = self.endpoint_id()?;
        let endpoint = self.endpoint(ours).await?;
        let steps = match &endpoint {
            Some(_) => self.steps_of(ours).await?,
            None => Vec::new(),
        };
        let mut standing = Standing {
            faults: Vec::new(),
            endpoint,
            steps,
        };
        standing.faults = faults(&standing, self.hook.url.as_ref(), &self.wanted()?);
        Ok(standing)
    }

    /// Registers what is missing and mends what differs. The key can't be read back: it is written with the endpoint,
    /// and anew when `renew` says so.
    pub async fn register(
        &self,
        renew: bool,
        manner: Manner,
    ) -> Result<Vec<Change>, RegistrationError> {
        let key = &super::secret(&self.hook).await.map_err(StartError::Key)?;
        let standing = self.standing().await?;
        refuse_wrong_stages(&standing)?;
        let mut changes = vec![
            self.register_endpoint(&standing, key, renew, manner)
                .await?,
        ];
        for wanted in self.wanted()? {
            changes.push(self.register_step(&standing, &wanted, manner).await?);
        }
        Ok(changes)
    }

    /// Enables or disables every step that calls the hook.
    pub async fn switch(&self, on: bool, manner: Manner) -> Result<Vec<Change>, RegistrationError> {
        let standing = self.standing().await?;
        if on {
            refuse_wrong_stages(&standing)?;
        }
        let mut changes = Vec::new();
        for step in &standing.steps {
            let what = match (step.enabled == on, on) {
                (true, _) => "keep",
                (false, true) => "enable",
                (false, false) => "disable",
            };
            if step.enabled != on && manner == Manner::Carry {
                let (state, status) = if on { (0, 1) } else { (1, 2) };
                let columns = vec![
                    (ColumnName::new("statecode")?, Value::Integer(state)),
                    (ColumnName::new("statuscode")?, Value::Integer(status)),
                ];
                self.update(&self.steps, step.row, step.version.as_ref(), columns)
                    .await?;
            }
            changes.push(Change {
                what,
                name: step.name.clone(),
            });
        }
        Ok(changes)
    }

    /// Removes the steps, then the endpoint; only tandem's own.
    pub async fn remove(&self, manner: Manner) -> Result<Vec<Change>, RegistrationError> {
        let standing = self.standing().await?;
        if let Some(other) = standing.steps.iter().find(|step| !step.ours) {
            return Err(RegistrationError::Refused(format!(
                "the step `{}` ({}) calls the hook's endpoint and is not tandem's: remove it first",
                other.name, other.id
            )));
        }
        let mut changes = Vec::new();
        for step in &standing.steps {
            let (name, version) = (&step.name, step.version.as_ref());
            let change = self.remove_one(Registered::Step, step.row, name, version, manner);
            changes.push(change.await?);
        }
        if let Some(endpoint) = &standing.endpoint {
            let id = self.endpoint_id()?;
            let (name, version) = (&endpoint.name, endpoint.version.as_ref());
            let change = self.remove_one(Registered::ServiceEndpoint, id, name, version, manner);
            changes.push(change.await?);
        }
        Ok(changes)
    }

    async fn remove_one(
        &self,
        table: Registered,
        id: RowId,
        name: &str,
        version: Option<&ETag>,
        manner: Manner,
    ) -> Result<Change, RegistrationError> {
        if manner == Manner::Carry {
            let version = version.cloned().ok_or_else(no_version)?;
            let removal = Removal { table, id, version };
            match self.target.remove(&removal).await {
                Err(failure) if failure.class != FailureClass::NotFound => {
                    return Err(failure.into());
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Change {
            what: "remove",
            name: name.to_owned(),
        })
    }

    async fn register_endpoint(
        &self,
        standing: &Standing,
        key: &SecretString,
        renew: bool,
        manner: Manner,
    ) -> Result<Change, RegistrationError> {
        let (name, url) = (self.endpoint_name(), self.url()?.to_string());
        let (kind, value) = match &self.hook.authentication {
            Authentication::WebhookKey => (4, key.expose_secret().to_owned()),
            Authentication::HttpHeader(header) => (5, settings(header, key)),
        };
        let text =
            |column: &str, text: &str| Ok((ColumnName::new(column)?, Value::Text(text.to_owned())));
        let number = |column: &str, number| Ok((ColumnName::new(column)?, Value::Integer(number)));
        let secret: Vec<Result<_, BadName>> = vec![
            text("url", &url),
            number("authtype", kind),
            text("authvalue", &value),
        ];
        let Some(endpoint) = &standing.endpoint else {
            let own = vec![
                text("name", &name),
                number("contract", WEBHOOK),
                number("connectionmode", 1),
            ];
            let columns = own.into_iter().chain(secret).collect::<Result<_, _>>()?;
            let id = self.endpoint_id()?;
            return self
                .create(&self.endpoints, id, columns, &BTreeMap::new(), name, manner)
                .await;
        };
        let is_same = endpoint.url == url && endpoint.authentication == Some(kind);
        if is_same && !renew {
            return Ok(Change { what: "keep", name });
        }
        if manner == Manner::Carry {
            let columns = secret.into_iter().collect::<Result<_, _>>()?;
            let version = endpoint.version.as_ref();
            self.update(&self.endpoints, self.endpoint_id()?, version, columns)
                .await?;
        }
        Ok(Change {
            what: "update",
            name,
        })
    }

    async fn register_step(
        &self,
        standing: &Standing,
        wanted: &Wanted,
        manner: Manner,
    ) -> Result<Change, RegistrationError> {
        let name = wanted.name.clone();
        let filter = (
            ColumnName::new("filteringattributes")?,
            Value::Text(wanted.columns.join(",")),
        );
        if let Some(step) = standing.steps.iter().find(|step| step.row == wanted.id) {
            if step.columns == wanted.columns {
                return Ok(Change { what: "keep", name });
            }
            if manner == Manner::Carry {
                self.update(&self.steps, step.row, step.version.as_ref(), vec![filter])
                    .await?;
            }
            return Ok(Change {
                what: "update",
                name,
            });
        }
        let (message, message_filter) = self.message(wanted).await?;
        let number = |column: &str, number| Ok((ColumnName::new(column)?, Value::Integer(number)));
        let lookup = |column: &str, table: &str, id| {
            let reference = Reference {
                table: Some(TableName::new(table)?),
                id,
                name: None,
            };
            Ok((ColumnName::new(column)?, Value::Lookup(reference)))
        };
        let columns: Vec<Result<_, BadName>> = vec![
            Ok((ColumnName::new("name")?, Value::Text(name.clone()))),
            number("stage", PRE_VALIDATION),
            number("mode", 0),
            number("rank", 1),
            number("supporteddeployment", 0),
            lookup("sdkmessageid", "sdkmessage", message),
            lookup("sdkmessagefilterid", "sdkmessagefilter", message_filter),
            lookup("eventhandler", "serviceendpoint", self.endpoint_id()?),
        ];
        let mut columns = columns.into_iter().collect::<Result<Vec<_>, _>>()?;
        if !wanted.columns.is_empty() {
            columns.push(filter);
        }
        let sets = [
            ("sdkmessage", "sdkmessages"),
            ("sdkmessagefilter", "sdkmessagefilters"),
            ("serviceendpoint", "serviceendpoints"),
        ];
        let sets = sets
            .into_iter()
            .map(|(table, set)| Ok((TableName::new(table)?, EntitySet::new(set)?)))
            .collect::<Result<_, BadName>>()?;
        self.create(&self.steps, wanted.id, columns, &sets, name, manner)
            .await
    }

    async fn create(
        &self,
        table: &TableSchema,
        id: RowId,
        columns: Vec<(ColumnName, Value)>,
        sets: &BTreeMap<TableName, EntitySet>,
        name: String,
        manner: Manner,
    ) -> Result<Change, RegistrationError> {
        let write = Write::create(table, id, columns, sets)?;
        if manner == Manner::Carry {
            match self.target.send(&write).await {
                Ok(()) => {}
                // Somebody registers the same at the same time.
                Err(failure) if failure.code == Some(ErrorCode::DUPLICATE_RECORD) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(Change {
            what: "create",
            name,
        })
    }

    async fn update(
        &self,
        table: &TableSchema,
        id: RowId,
        version: Option<&ETag>,
        columns: Vec<(ColumnName, Value)>,
    ) -> Result<(), RegistrationError> {
        let version = version.cloned().ok_or_else(no_version)?;
        let write = Write::update(table, id, version, columns, &BTreeMap::new())?;
        Ok(self.target.send(&write).await?)
    }

    fn reader(&self) -> &Reader {
        self.target.reader()
    }

    async fn endpoint(&self, id: RowId) -> Result<Option<EndpointStanding>, RegistrationError> {
        let row = self
            .reader()
            .retrieve(&self.endpoints, id, &columns(&ENDPOINT)?)
            .await?;
        Ok(row.map(endpoint))
    }

    async fn steps_of(&self, endpoint: RowId) -> Result<Vec<StepStanding>, RegistrationError> {
        let handler = ColumnName::new("eventhandler")?;
        let query = Query::all(&self.steps, &columns(&STEP)?);
        let mut pages = self
            .reader()
            .pages(query.only(Filter::RefersTo(handler, endpoint)));
        let mut steps = Vec::new();
        while let Some(page) = pages.next().await? {
            steps.extend(page.rows.into_iter().map(step));
        }
        steps.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(steps)
    }

    /// The ids of a message and of its filter for one table.
    async fn message(&self, wanted: &Wanted) -> Result<(RowId, RowId), RegistrationError> {
        let messages = TableName::new("sdkmessage")?;
        let named = Filter::Is(ColumnName::new("name")?, wanted.message.to_owned());
        let message = self.only(&messages, named).await?;
        let message = message.ok_or_else(|| {
            RegistrationError::Configuration(format!(
                "the target has no message {}",
                wanted.message
            ))
        })?;
        let of_table = Filter::All(vec![
            Filter::RefersTo(ColumnName::new("sdkmessageid")?, message),
            Filter::Is(
                ColumnName::new("primaryobjecttypecode")?,
                wanted.table.to_string(),
            ),
        ]);
        let filters = TableName::new("sdkmessagefilter")?;
        let filter = self.only(&filters, of_table).await?.ok_or_else(|| {
            RegistrationError::Configuration(format!(
                "[hook]: the target lets no step be registered for {} of {}",
                wanted.message, wanted.table
            ))
        })?;
        Ok((message, filter))
    }

    async fn only(
        &self,
        table: &TableName,
        filter: Filter,
    ) -> Result<Option<RowId>, RegistrationError> {
        let schema = self.reader().schema(table).await?;
        let id = std::slice::from_ref(&schema.primary_id);
        let query = Query::all(&schema, id).only(filter).first(1);
        let page = self.reader().pages(query).next().await?;
        Ok(page.and_then(|page| page.rows.first().map(|row| row.id)))
    }

    /// A step on create, and one on update of the lookups, for each table.
    fn wanted(&self) -> Result<Vec<Wanted>, RegistrationError> {
        let mut wanted = Vec::new();
        for table in &self.hook.tables {
            wanted.push(self.step(table, "Create", Vec::new())?);
            let columns = table.references.iter();
            let columns = columns.map(|reference| reference.column.to_string());
            wanted.push(self.step(table, "Update", columns.collect())?);
        }
        Ok(wanted)
    }

    fn step(
        &self,
        table: &HookTable,
        message: &'static str,
        columns: Vec<String>,
    ) -> Result<Wanted, RegistrationError> {
        let name = format!("{}: {message} of {}", self.endpoint_name(), table.name);
        Ok(Wanted {
            id: id_of(&name)?,
            name,
            table: table.name.clone(),
            message,
            columns,
        })
    }

    fn endpoint_name(&self) -> String {
        hook::endpoint_name(&self.link)
    }

    fn endpoint_id(&self) -> Result<RowId, RegistrationError> {
        id_of(&self.endpoint_name())
    }

    fn url(&self) -> Result<&Url, RegistrationError> {
        self.hook.url.as_ref().ok_or_else(|| {
            let why = "[hook] says no `url`: the address under which Dataverse reaches the hook";
            RegistrationError::Configuration(why.to_owned())
        })
    }
}

fn id_of(name: &str) -> Result<RowId, RegistrationError> {
    hook::id_of(name).ok_or_else(|| RegistrationError::Configuration("no id for a name".to_owned()))
}

fn no_version() -> RegistrationError {
    RegistrationError::Refused("the target gives no version to hold on to".to_owned())
}

/// As the registration tool writes headers (contract 15).
fn settings(header: &str, key: &SecretString) -> String {
    let escaped = key
        .expose_secret()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    format!("<settings><setting name=\"{header}\" value=\"{escaped}\" /></settings>")
}

fn columns(names: &[&str]) -> Result<Vec<ColumnName>, BadName> {
    names.iter().map(|name| ColumnName::new(name)).collect()
}
