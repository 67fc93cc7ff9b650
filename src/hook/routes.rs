//! What the hook answers, and to whom. A webhook's call is any POST that is not another's: the path is the
//! registration's business. Only the status of its answer counts.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::future::join_all;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::context::{Call, Named};
use super::ensure::{Ensured, Unresolved, of_failure};
use super::tables::{Described, Referenced};
use super::{ANSWER_WITHIN, Serving};
use crate::config::HookReference;
use crate::dataverse::now;
use crate::domain::breaker::BreakerStatus;
use crate::domain::exposition::Exposition;
use crate::domain::plan::Assignment;
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, TableName};
use crate::domain::text::visible;

/// Dataverse sends 256 KB at most; of what is larger nothing is kept.
const LARGEST: usize = 1024 * 1024;
/// And more than this is not even read to its end.
const ENDLESS: usize = 64 * LARGEST;
/// The stage before the transaction (contract 8.1).
const PRE_VALIDATION: i64 = 10;

/// All that the hook answers.
pub(super) fn router(serving: Arc<Serving>) -> Router {
    Router::new()
        .route("/ensure", post(ensure))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/refused", get(refused))
        .fallback(called)
        .with_state(serving)
}

async fn ready(State(serving): State<Arc<Serving>>) -> Response {
    let not_yet = |why: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if serving.described.get().is_none() {
        return not_yet("the target has not described its tables yet".to_owned()).into_response();
    }
    match serving.clients.target.status(now()).rejected {
        Some(why) => not_yet(format!("the target refuses the hook: {why}")).into_response(),
        None => "ready\n".into_response(),
    }
}

async fn metrics(State(serving): State<Arc<Serving>>) -> Response {
    let status = serving.clients.status(now());
    let breakers: Vec<(String, Vec<BreakerStatus>)> = status
        .into_iter()
        .map(|(instance, status)| (instance, status.breakers))
        .collect();
    let text = serving.tally.exposed(&breakers);
    ([(CONTENT_TYPE, Exposition::CONTENT_TYPE)], text).into_response()
}

/// The references that could not be ensured: they name customers, so that the key is asked for.
async fn refused(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !serving.key.admits(&parts) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    json(StatusCode::OK, &serving.refusals.listed())
}

/// One call of a step: 200 whatever becomes of it, unless the key is wrong.
async fn called(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        return StatusCode::NOT_FOUND.into_response();
    }
    let began = now();
    if !serving.key.admits(&parts) {
        let at = now();
        serving
            .tally
            .called("unauthorized", at.since(began), at.wall);
        tracing::warn!("a call with a wrong key was refused");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut work = tokio::spawn({
        let serving = Arc::clone(&serving);
        async move { serving.call(body).await }
    });
    let outcome = match tokio::time::timeout(ANSWER_WITHIN, &mut work).await {
        Ok(Ok(outcome)) => outcome,
        // The panic hook has told where.
        Ok(Err(_)) => "bug",
        Err(_) => {
            // Rows that are under way go on; a body that trickles does not.
            work.abort();
            tracing::warn!("a call could not be looked after in time");
            "late"
        }
    };
    let at = now();
    serving.tally.called(outcome, at.since(began), at.wall);
    StatusCode::OK.into_response()
}

impl Serving {
    /// What one call comes to, in a word.
    async fn call(&self, body: Body) -> &'static str {
        let body = match read(body).await {
            Ok(body) => body,
            Err(why) => return why,
        };
        let Some(call) = Call::read(&body) else {
            tracing::warn!("a call whose body can't be read was let pass");
            return "unreadable";
        };
        let described = self.described.get();
        if call.is_by(described.map(|described| described.own)) {
            return "own";
        }
        let is_ours = |message: &str| matches!(message, "Create" | "Update");
        let mut tables = self.config.tables.iter();
        let table = tables.find(|table| table.name.as_str() == call.table);
        let Some(table) = table.filter(|_| is_ours(&call.message)) else {
            return "not_ours";
        };
        if call.stage != PRE_VALIDATION {
            let stage = call.stage;
            tracing::warn!(
                stage,
                "the step runs at the wrong stage: at 20 it is inside the transaction, and what the hook writes could \
                 wait for it; register it at 10 (PreValidation)"
            );
            return "wrong_stage";
        }
        if call.is_in_transaction {
            return "in_transaction";
        }
        if !call.has_attributes() {
            return "size_exceeded";
        }
        let Some(described) = described else {
            return "not_ready";
        };
        let references = table.references.iter();
        let ended = references.map(|reference| self.look_after(described, &call, reference));
        sum(&join_all(ended).await)
    }

    /// Looks after one lookup of the row that is written; `None` where it names nothing.
    async fn look_after(
        &self,
        described: &Described,
        call: &Call,
        reference: &HookReference,
    ) -> Option<bool> {
        let (word, is_there) = match call.named(reference.column.as_str()) {
            Named::Nothing => return None,
            Named::Odd => ("odd", false),
            Named::Row(table, id) => match described.table(&table) {
                // Another table that the lookup may name, and no link of ours copies.
                None => ("not_on_link", true),
                Some(table) => {
                    let given = table.given_along(call, &reference.stub);
                    let ensured = self.ensurer.ensure(table, id, given).await;
                    self.refusals
                        .add(&table.schema().name, id, &ensured, now().wall);
                    if !ensured.is_there() {
                        let (correlation, reason) = (call.correlation, ensured.reason());
                        tracing::warn!(?correlation, %id, reason, "a reference could not be ensured");
                    }
                    (ensured.word(), ensured.is_there())
                }
            },
        };
        self.tally.referred(word);
        Some(is_there)
    }
}

/// What a call comes to whose references came to this.
fn sum(references: &[Option<bool>]) -> &'static str {
    match references.iter().flatten().copied().reduce(|a, b| a && b) {
        None => "nothing",
        Some(true) => "ensured",
        Some(false) => "not_ensured",
    }
}

/// Reads a body to its end, so that whoever sends too much hears the answer; what is too large is not kept.
async fn read(mut body: Body) -> Result<Vec<u8>, &'static str> {
    let (mut kept, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err("cut_short");
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        seen += data.len();
        if seen > ENDLESS {
            break;
        }
        if seen <= LARGEST {
            kept.extend_from_slice(data);
        }
    }
    if seen > LARGEST {
        return Err("too_large");
    }
    Ok(kept)
}

/// What an app asks for: a row by its id, or by an alternate key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    table: String,
    id: Option<String>,
    key: Option<Map<String, Json>>,
    #[serde(default)]
    stub: Map<String, Json>,
}

#[derive(Serialize)]
struct Answer<'a> {
    table: &'a str,
    id: String,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

/// Why an app's question has no good answer.
struct Refused(StatusCode, String);

impl Refused {
    fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    fn of(ensured: &Ensured) -> Self {
        let status = match ensured {
            Ensured::NotInSource => StatusCode::NOT_FOUND,
            Ensured::Duplicate => StatusCode::CONFLICT,
            Ensured::Refused(_) | Ensured::Hidden | Ensured::OutOfScope => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, visible(ensured.reason()).into_owned())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, why) = self;
        let mut response = json(status, &Refusal { error: &why });
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = http::HeaderValue::from_static("5");
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Texts always become JSON.
    let text = serde_json::to_string(value).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}

/// `POST /ensure`: for apps that would rather ask first.
async fn ensure(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let began = now();
    let answer = answered(serving, parts, body);
    let late = || {
        Refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "not done in time; it goes on: ask again".to_owned(),
        )
    };
    let answer = tokio::time::timeout(ANSWER_WITHIN, answer).await;
    let answer = answer.unwrap_or_else(|_| Err(late()));
    let took: Duration = now().since(began);
    let status = answer
        .as_ref()
        .map_or_else(|refused| refused.0, |(status, _)| *status);
    tracing::debug!(%status, ?took, "asked by an app");
    match answer {
        Ok((_, response)) => response,
        Err(refused) => refused.into_response(),
    }
}

async fn answered(
    serving: Arc<Serving>,
    parts: Parts,
    body: Body,
) -> Result<(StatusCode, Response), Refused> {
    if !serving.key.admits(&parts) {
        let why = "the key is wrong, or not where it belongs";
        return Err(Refused(StatusCode::UNAUTHORIZED, why.to_owned()));
    }
    let body = read(body).await.map_err(|_| {
        let why = "the body is cut short, or larger than 1 MiB";
        Refused::bad(why)
    })?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| {
        let wanted =
            r#"the body is not like {"table": "account", "id": "…", "stub": {"name": "…"}}"#;
        Refused::bad(format!("{wanted}: {}", visible(&error.to_string())))
    })?;
    let described = serving.described.get().ok_or_else(|| {
        let why = "the target has not described its tables yet";
        Refused(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
    })?;
    let name = TableName::new(&asked.table).map_err(|error| Refused::bad(error.to_string()))?;
    let table = described.table(&name).ok_or_else(|| {
        Refused::bad(format!(
            "table {name} is not on the link {}",
            serving.link.name
        ))
    })?;
    let mut given = values(table, &asked.stub, "stub")?;
    let (id, made) = match (&asked.id, &asked.key) {
        (Some(id), None) => {
            let id = RowId::parse(id).map_err(|error| Refused::bad(error.to_string()))?;
            (id, None)
        }
        (None, Some(key)) => {
            given.extend(values(table, key, "key")?);
            by_key(&serving, table, key, &given).await?
        }
        _ => return Err(Refused::bad("say either `id` or `key`")),
    };
    let ensured = match made {
        Some(made) => made,
        None => serving.ensurer.ensure(table, id, given).await,
    };
    serving.tally.referred(ensured.word());
    if !ensured.is_there() {
        return Err(Refused::of(&ensured));
    }
    let is_new = ensured == Ensured::Created;
    let answer = Answer {
        table: name.as_str(),
        id: id.to_string(),
        outcome: if is_new { "created" } else { "existed" },
    };
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, json(status, &answer)))
}

/// Values for a stub: only for the columns that an ensure may set.
fn values(
    table: &Referenced,
    written: &Map<String, Json>,
    what: &str,
) -> Result<Vec<Assignment>, Refused> {
    let mut given = Vec::new();
    for (name, value) in written {
        let column = ColumnName::new(name).map_err(|error| Refused::bad(error.to_string()))?;
        if table.columns().all(|known| *known != column) {
            let known: Vec<&str> = table.columns().map(ColumnName::as_str).collect();
            let table = &table.schema().name;
            let why = format!("{what}: {table}.{column} is none of {}", known.join(", "));
            return Err(Refused::bad(why));
        }
        let is_text = value.is_string() || value.is_number() || value.is_boolean();
        if !is_text {
            return Err(Refused::bad(format!(
                "{what}: {column} is a text, a number, true or false"
            )));
        }
        given.extend(table.assignment(&column, value));
    }
    Ok(given)
}

/// The id of the row with a key; and what became of it, where it had to be made to have one.
async fn by_key(
    serving: &Serving,
    table: &Arc<Referenced>,
    key: &Map<String, Json>,
    given: &[Assignment],
) -> Result<(RowId, Option<Ensured>), Refused> {
    let mut parts = key.iter();
    let (Some((name, Json::String(value))), None) = (parts.next(), parts.next()) else {
        let why = r#"key is one column with its text, like {"accountnumber": "MSFT"}"#;
        return Err(Refused::bad(why));
    };
    let column = ColumnName::new(name).map_err(|error| Refused::bad(error.to_string()))?;
    if table.is_cut(&column, value) {
        let why = format!("key: {value:?} is longer than {column} may be: no row has it");
        return Err(Refused::bad(visible(&why).into_owned()));
    }
    let ensurer = &serving.ensurer;
    let why = match ensurer.resolve(table, &column, value).await {
        Ok(Some(id)) => return Ok((id, None)),
        Ok(None) => return Err(Refused::of(&Ensured::NotInSource)),
        Err(Unresolved::Target(failure) | Unresolved::Refused(failure)) => {
            return Err(Refused::of(&of_failure(&failure)));
        }
        Err(Unresolved::Source(why)) => why,
    };
    let named = (column, value.clone());
    match ensurer.make_by_key(table, named, given.to_vec()).await {
        Some(Ok((id, made))) => Ok((id, Some(made))),
        Some(Err(kept)) => Err(Refused::of(&kept)),
        None => Err(Refused::of(&Ensured::Unavailable(format!(
            "the source can't be asked for its id: {why}"
        )))),
    }
}
