//! `sync = { backend = … }`: who carries the rows over, where it is asked about its runs, and with what credential.

use toml::Spanned;
use url::Url;

use super::error::{ConfigError, Source};
use super::instance::{credential, plain, secret};
use super::{InstanceConfig, SignedUrl, SyncConfig, file};
use crate::domain::credential::Credential;
use crate::domain::instance::Endpoint;
use crate::domain::row::RowId;
use crate::domain::run::Backend;

/// Where subscriptions of the public cloud are managed (contract 11.1 and 11.2).
const MANAGEMENT: &str = "https://management.azure.com";
/// Whose tokens a Synapse workspace takes (contract 11.3).
const SYNAPSE: &str = "https://dev.azuresynapse.net";
/// What starts a Logic App that runs by the clock.
const TRIGGER: &str = "Recurrence";

/// The settings of one link's sync, looked at one by one: what is left over at the end belongs to another backend.
struct Settings<'a> {
    source: Source<'a>,
    sync: &'a Spanned<file::Sync>,
    backend: Backend,
}

/// The job that keeps a link in step. `from` is the place of the link's source among the instances.
pub fn resolve(
    source: Source<'_>,
    instances: &[InstanceConfig],
    from: usize,
    sync: Option<&Spanned<file::Sync>>,
) -> Result<SyncConfig, ConfigError> {
    let Some(sync) = sync else {
        return Ok(SyncConfig::BuiltIn);
    };
    let word = &sync.get_ref().backend;
    let Some(backend) = Backend::from_word(word.get_ref()) else {
        let known = Backend::ALL.map(Backend::word).join(", ");
        let what = format!("no sync backend is called that: there are {known}");
        return Err(source.error(&word.span(), what));
    };
    let settings = Settings {
        source,
        sync,
        backend,
    };
    settings.refuse_strays()?;
    Ok(match backend {
        Backend::BuiltIn => SyncConfig::BuiltIn,
        Backend::LogicApp => settings.logic_app()?,
        Backend::DataFactory => settings.data_factory()?,
        Backend::Synapse => settings.synapse()?,
        Backend::Function => settings.function()?,
        Backend::PowerAutomate => settings.power_automate(instances, from)?,
    })
}

/// What each backend may say.
fn takes(backend: Backend) -> &'static [&'static str] {
    match backend {
        Backend::BuiltIn => &[],
        Backend::LogicApp => &[
            "management",
            "audience",
            "subscription",
            "resource_group",
            "workflow",
            "site",
            "trigger",
            "credential",
        ],
        Backend::DataFactory => &[
            "management",
            "audience",
            "subscription",
            "resource_group",
            "factory",
            "pipeline",
            "credential",
        ],
        Backend::Synapse => &["workspace", "audience", "pipeline", "credential"],
        Backend::Function => &["app", "function", "credential"],
        Backend::PowerAutomate => &["flow", "instance", "callback", "credential"],
    }
}

impl<'a> Settings<'a> {
    fn refuse_strays(&self) -> Result<(), ConfigError> {
        let takes = takes(self.backend);
        let stray = self.said().find(|(name, _)| !takes.contains(name));
        let Some((name, span)) = stray else {
            return Ok(());
        };
        let backend = self.backend;
        let what = if takes.is_empty() {
            format!("`{name}` is no setting of {backend}, which has none")
        } else {
            format!(
                "`{name}` is no setting of {backend}: its own are {}",
                takes.join(", ")
            )
        };
        Err(self.source.error(&span, what))
    }

    /// The settings that are there.
    fn said(&self) -> impl Iterator<Item = (&'static str, std::ops::Range<usize>)> {
        let credential = self.sync.get_ref().credential.as_ref();
        let texts = self.texts().into_iter();
        let texts = texts.filter_map(|(name, text)| Some((name, text?.span())));
        texts.chain(credential.map(|credential| ("credential", credential.span())))
    }

    fn texts(&self) -> [(&'static str, Option<&'a Spanned<String>>); 15] {
        let sync = self.sync.get_ref();
        [
            ("management", sync.management.as_ref()),
            ("audience", sync.audience.as_ref()),
            ("subscription", sync.subscription.as_ref()),
            ("resource_group", sync.resource_group.as_ref()),
            ("workflow", sync.workflow.as_ref()),
            ("site", sync.site.as_ref()),
            ("trigger", sync.trigger.as_ref()),
            ("factory", sync.factory.as_ref()),
            ("pipeline", sync.pipeline.as_ref()),
            ("workspace", sync.workspace.as_ref()),
            ("app", sync.app.as_ref()),
            ("function", sync.function.as_ref()),
            ("flow", sync.flow.as_ref()),
            ("instance", sync.instance.as_ref()),
            ("callback", sync.callback.as_ref()),
        ]
    }

    fn text(&self, wanted: &str) -> Option<&'a Spanned<String>> {
        let found = self.texts().into_iter().find(|(name, _)| *name == wanted);
        found.and_then(|(_, text)| text)
    }

    fn wanted(&self, name: &str) -> Result<&'a Spanned<String>, ConfigError> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> ConfigError {
        let what = format!("{} needs `{name}`", self.backend);
        self.source.error(&self.sync.span(), what)
    }

    /// A name that becomes part of a URL.
    fn name(&self, name: &str) -> Result<String, ConfigError> {
        plain(self.source, name, self.wanted(name)?)
    }

    fn origin(&self, name: &str, default: Option<&str>) -> Result<Endpoint, ConfigError> {
        let (text, span) = match (self.text(name), default) {
            (Some(text), _) => (text.get_ref().as_str(), text.span()),
            (None, Some(default)) => (default, self.sync.span()),
            (None, None) => return Err(self.missing(name)),
        };
        Endpoint::new(text).map_err(|error| self.source.error(&span, format!("{name}: {error}")))
    }

    /// For whom a token is asked: `default`, where nothing is said.
    fn audience(&self, default: &str) -> Result<String, ConfigError> {
        Ok(self.origin("audience", Some(default))?.to_string())
    }

    fn token(&self, endpoint: &Endpoint) -> Result<Credential, ConfigError> {
        let own = self.sync.get_ref().credential.as_ref();
        let own = own.ok_or_else(|| self.missing("credential"))?;
        credential(self.source, own, endpoint)
    }

    /// A key that is presented as it is.
    fn key(&self) -> Result<crate::domain::credential::SecretSource, ConfigError> {
        let own = self.sync.get_ref().credential.as_ref();
        let own = own.ok_or_else(|| self.missing("credential"))?;
        let credential = own.get_ref();
        let stray = credential.token.is_some()
            || credential.authority.is_some()
            || credential.tenant.is_some()
            || credential.client_id.is_some()
            || credential.secret.is_some();
        match &credential.key {
            Some(key) if credential.kind.get_ref() == "key" && !stray => {
                secret(self.source, &own.span(), key)
            }
            _ => {
                let what = format!(
                    "the credential of {} is {{ kind = \"key\", key = {{ env = \"NAME\" }} }}",
                    self.backend
                );
                Err(self.source.error(&own.span(), what))
            }
        }
    }

    fn group(&self) -> Result<String, ConfigError> {
        Ok(format!(
            "/subscriptions/{}/resourceGroups/{}/providers",
            self.name("subscription")?,
            self.name("resource_group")?
        ))
    }

    fn logic_app(&self) -> Result<SyncConfig, ConfigError> {
        let management = self.origin("management", Some(MANAGEMENT))?;
        let (group, workflow) = (self.group()?, self.name("workflow")?);
        let (path, version) = match self.text("site") {
            None => (
                format!("{group}/Microsoft.Logic/workflows/{workflow}"),
                "2019-05-01",
            ),
            Some(site) => (
                format!(
                    "{group}/Microsoft.Web/sites/{}/hostruntime/runtime/webhooks/workflow/api/management/workflows/\
                     {workflow}",
                    plain(self.source, "site", site)?
                ),
                "2024-11-01",
            ),
        };
        let trigger = self.text("trigger");
        let trigger = trigger.map(|trigger| plain(self.source, "trigger", trigger));
        Ok(SyncConfig::LogicApp {
            audience: self.audience(MANAGEMENT)?,
            credential: self.token(&management)?,
            management,
            path,
            version,
            name: workflow,
            trigger: trigger.transpose()?.unwrap_or_else(|| TRIGGER.to_owned()),
        })
    }

    fn data_factory(&self) -> Result<SyncConfig, ConfigError> {
        let management = self.origin("management", Some(MANAGEMENT))?;
        let (group, factory) = (self.group()?, self.name("factory")?);
        Ok(SyncConfig::DataFactory {
            audience: self.audience(MANAGEMENT)?,
            credential: self.token(&management)?,
            management,
            path: format!("{group}/Microsoft.DataFactory/factories/{factory}"),
            pipeline: self.name("pipeline")?,
        })
    }

    fn synapse(&self) -> Result<SyncConfig, ConfigError> {
        let workspace = self.origin("workspace", None)?;
        Ok(SyncConfig::Synapse {
            audience: self.audience(SYNAPSE)?,
            credential: self.token(&workspace)?,
            workspace,
            pipeline: self.name("pipeline")?,
        })
    }

    fn function(&self) -> Result<SyncConfig, ConfigError> {
        Ok(SyncConfig::Function {
            app: self.origin("app", None)?,
            function: self.name("function")?,
            credential: Credential::FunctionsKey(self.key()?),
        })
    }

    fn power_automate(
        &self,
        instances: &[InstanceConfig],
        from: usize,
    ) -> Result<SyncConfig, ConfigError> {
        let instance = match self.text("instance") {
            Some(name) => super::link::place(self.source, instances, name)?,
            None => from,
        };
        let flow = self.wanted("flow")?;
        let id = RowId::parse(flow.get_ref())
            .map_err(|error| self.source.error(&flow.span(), format!("flow: {error}")))?;
        let stray = self.sync.get_ref().credential.as_ref();
        let start = match (self.text("callback"), stray) {
            (Some(callback), _) => Some(self.callback(callback)?),
            (None, None) => None,
            (None, Some(_)) => return Err(self.missing("callback")),
        };
        Ok(SyncConfig::PowerAutomate {
            instance,
            flow: id,
            start,
        })
    }

    /// The URL of a flow's own trigger, without the signature that makes it a secret.
    fn callback(&self, callback: &Spanned<String>) -> Result<SignedUrl, ConfigError> {
        let wrong = |what: &str| {
            let what = format!("callback: {what}");
            self.source.error(&callback.span(), what)
        };
        let url = Url::parse(callback.get_ref()).map_err(|error| wrong(&error.to_string()))?;
        if url.query_pairs().any(|(name, _)| name == "sig") {
            return Err(wrong(
                "its `sig` is a secret, which never stands in the configuration: take it out, name it as \
                 credential = { kind = \"key\", key = { env = \"NAME\" } }, and make a new one",
            ));
        }
        let mut origin = url.clone();
        origin.set_path("");
        origin.set_query(None);
        let endpoint = Endpoint::new(origin.as_str()).map_err(|error| wrong(&error.to_string()))?;
        if url.fragment().is_some() {
            return Err(wrong("a fragment is never sent"));
        }
        let query = url.query().map(|query| format!("?{query}"));
        Ok(SignedUrl {
            endpoint,
            path: format!("{}{}", url.path(), query.unwrap_or_default()),
            credential: Credential::Signature(self.key()?),
        })
    }
}
