//! The ensure hook as the engine sees it: asked how it is with every probe, through the address that is configured; and
//! the target, whether it calls it. Nothing of it is changed here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::mpsc;
use url::Url;

use super::event::Event;
use crate::config::{Authentication, Config, HookConfig};
use crate::dataverse::{Filter, KeyPlace, Outbound, Query, Reader, Registered, fetched, now};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::hook::{Answer, Called, Calls, endpoint_name, id_of};
use crate::domain::row::{RowId, Value};
use crate::domain::table::{BadName, ColumnName, TableName};
use crate::domain::text::visible;

/// The target is asked this often whether it calls a hook that is well; with every probe while it is not.
const CALLED: Duration = Duration::from_secs(60);
/// The reasons of a hook are told this far.
const REASON: usize = 200;

/// The way to one hook.
#[derive(Clone, Debug)]
pub(super) struct HookClient {
    way: Outbound,
    address: Url,
    key: (KeyPlace, crate::domain::credential::SecretSource),
    endpoint: Option<RowId>,
}

/// What a hook says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) answer: Answer,
    pub(super) calls: Option<Calls>,
}

/// A reference that the hook could not ensure, so that what named it was most likely refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReference {
    /// The table of the row that is missing.
    pub table: TableName,
    /// Its id.
    pub id: RowId,
    /// Why it could not be ensured; made visible.
    pub reason: String,
    /// How often it was asked for.
    pub count: u64,
    /// When it was last asked for.
    pub last: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Listed {
    refused: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    table: String,
    id: String,
    reason: String,
    count: u64,
    last: DateTime<Utc>,
}

impl HookClient {
    /// The way to the hook that is configured; `None` where none is, or it has no address.
    pub(super) fn of(config: &Config) -> Option<(Self, &HookConfig)> {
        let hook = config.hook.as_ref()?;
        let link = config.links.get(hook.link)?;
        let way = Outbound::new(&config.network);
        let way = way.inspect_err(|error| tracing::warn!(error, "the hook is not asked"));
        let place = match &hook.authentication {
            Authentication::WebhookKey => KeyPlace::Query("code".to_owned()),
            Authentication::HttpHeader(name) => KeyPlace::Header(name.clone()),
        };
        let client = Self {
            way: way.ok()?,
            address: hook.probed()?,
            key: (place, hook.key.clone()),
            endpoint: id_of(&endpoint_name(&link.name)),
        };
        Some((client, hook))
    }

    /// Asks it how it is.
    pub(super) async fn ask(&self) -> Said {
        let silent = |why: String| Said {
            answer: Answer::Silent(cut(&why)),
            calls: None,
        };
        let answer = match self.get("readyz", None).await {
            Ok((200, _)) => Answer::Well,
            Ok((503, why)) => match self.get("healthz", None).await {
                Ok((200, _)) => Answer::NotReady(cut(&why)),
                Ok((status, _)) => return silent(format!("HTTP {status}")),
                Err(why) => return silent(why),
            },
            Ok((status, _)) => return silent(format!("HTTP {status}")),
            Err(why) => return silent(why),
        };
        let figures = self.get("metrics", None).await;
        let calls = figures.ok().filter(|(status, _)| *status == 200);
        Said {
            answer,
            calls: calls.map(|(_, text)| Calls::read(&text)),
        }
    }

    /// The references that it could not ensure, as far as it remembers them; the latest first.
    pub(super) async fn refused(&self) -> Result<Vec<RefusedReference>, String> {
        let (place, source) = &self.key;
        let key = fetched(source).await?;
        let text = match self.get("refused", Some((place, &key))).await? {
            (200, text) => text,
            (401, _) => return Err("it does not take the key of [hook]".to_owned()),
            (status, _) => return Err(format!("HTTP {status}")),
        };
        let listed: Listed =
            serde_json::from_str(&text).map_err(|_| "its answer is none of a hook's".to_owned())?;
        let read = listed.refused.into_iter().filter_map(|line| {
            Some(RefusedReference {
                table: TableName::new(&line.table).ok()?,
                id: RowId::parse(&line.id).ok()?,
                reason: cut(&line.reason),
                count: line.count,
                last: line.last,
            })
        });
        Ok(read.collect())
    }

    async fn get(
        &self,
        page: &str,
        key: Option<(&KeyPlace, &SecretString)>,
    ) -> Result<(u16, String), String> {
        let url = self.address.join(page).map_err(|error| error.to_string())?;
        self.way.get(&url, key).await
    }

    /// Whether a step of the target calls it and waits for it.
    async fn called(&self, target: &Reader) -> Result<bool, Failure> {
        let odd = |error: BadName| Failure::odd(&error.to_string());
        let Some(endpoint) = self.endpoint else {
            return Ok(false);
        };
        let column = |name: &str| ColumnName::new(name).map_err(odd);
        let steps = Registered::Step.table().map_err(odd)?;
        let steps = target.schema(&steps).await?;
        let mode = column("mode")?;
        let query = Query::all(&steps, std::slice::from_ref(&mode)).only(Filter::All(vec![
            Filter::RefersTo(column("eventhandler")?, endpoint),
            Filter::Number(column("statecode")?, 0),
        ]));
        let mut pages = target.pages(query);
        while let Some(page) = pages.next().await? {
            let mut modes = page.rows.iter().map(|row| row.values.first());
            if modes.any(|mode| mode == Some(&Value::Integer(0))) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Asks for ever.
pub(super) async fn watch(
    client: HookClient,
    target: Reader,
    every: Duration,
    events: mpsc::Sender<Event>,
) {
    let mut asked = None;
    loop {
        let said = client.ask().await;
        let is_well = said.answer == Answer::Well;
        if events.send(Event::HookSaid(said)).await.is_err() {
            return;
        }
        let is_fresh = asked.is_some_and(|at| now().since(at) < CALLED);
        if !is_fresh || !is_well {
            let called = match client.called(&target).await {
                Ok(true) => Some(Called::Yes),
                Ok(false) => Some(Called::No),
                Err(failure) if is_told_off(&failure) => Some(Called::NotKnown),
                // While the target does not answer, what it said last holds.
                Err(_) => None,
            };
            asked = called.map(|_| now());
            if let Some(called) = called
                && events.send(Event::HookCalled(called)).await.is_err()
            {
                return;
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// Whether the target answered, and does not tell.
fn is_told_off(failure: &Failure) -> bool {
    matches!(
        failure.class,
        FailureClass::Forbidden | FailureClass::NotFound | FailureClass::Invalid
    )
}

fn cut(text: &str) -> String {
    let text: String = text.trim().chars().take(REASON).collect();
    visible(&text).into_owned()
}
